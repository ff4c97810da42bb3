// Curves trains the same small language models here and in PyTorch, with the same weights,
// windows, order and optimizer, and writes how far the runs are apart:
//
//	go -C bench run ./curves -python venv/bin/python -o FOLDER            500 updates of LSTM, GRU and RNN
//	go -C bench run ./curves -python venv/bin/python -o FOLDER -adaptive  200 updates with each optimizer
//	go -C bench run ./curves -python venv/bin/python -o FOLDER -trace gru  where and why a run with Adam parts
//
// Two runs in float32 that round differently part, and how fast they do is a property of the
// model and the optimizer. So each comparison stands beside controls, PyTorch against itself: in float32 against float64,
// and from weights that are moved by one unit in the last place. The folder gets the raw
// numbers, a table and plots.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"

	"github.com/simdrnn/simdrnn/bench/internal/peer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("curves", flag.ContinueOnError)
	python := f.String("python", peer.DefaultPython(), "the `command` of a Python that has torch and numpy")
	adaptive := f.Bool("adaptive", false, "compare the weights of a small model under each optimizer, not the losses of three models")
	updates := f.Int("updates", 0, "`n` updates; 0: 500, with -adaptive 200")
	trace := f.String("trace", "", "find where and why the run of the `cell`, gru or rnn, with Adam parts from PyTorch's")
	rate := f.Float64("rate", 3e-3, "the rate of Adam, with -trace")
	folder := f.String("o", "", "write to this `folder`")
	driver := f.String("driver", "curves/driver.py", "the `file` of PyTorch's side")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || *updates < 0 || *folder == "" {
		return fmt.Errorf("give -o FOLDER, an -updates of 0 or more, and no other arguments")
	}
	if *trace != "" {
		c, err := traceCase(*updates, *trace, *rate)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(*folder, 0o777); err != nil {
			return err
		}
		return c.trace(ctx, *python, *driver, *folder, out)
	}
	cases, err := curveCases(*updates)
	if *adaptive {
		cases, err = adaptiveCases(*updates)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*folder, 0o777); err != nil {
		return err
	}
	var all []*compared
	for _, c := range cases {
		fmt.Fprintln(out, c.Name)
		r, err := c.compare(ctx, *python, *driver, *adaptive)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		all = append(all, r)
	}
	return report(*folder, *adaptive, all)
}

// A trial is one training run, as driver.py reads it.
type trial struct {
	Name       string          `json:"name"`
	Cell       string          `json:"cell"`
	Vocabulary int             `json:"vocabulary"`
	Embed      int             `json:"embed"`
	Hidden     int             `json:"hidden"`
	Layers     int             `json:"layers"`
	Steps      int             `json:"steps"`
	Rows       int             `json:"rows"`
	Updates    int             `json:"updates"`
	Kind       string          `json:"kind"`
	Options    map[string]any  `json:"options"`
	Clip       float64         `json:"clip"`
	Windows    []window        `json:"windows"`
	Weights    []tensor        `json:"weights"`
	ours       optim.Optimizer // the same optimizer here
}

type window struct {
	IDs     []int32 `json:"ids"`
	Targets []int32 `json:"targets"`
	Reset   bool    `json:"reset"`
}

type tensor struct {
	Name   string    `json:"name"`
	Values []float32 `json:"values"`
}

// compared is what both sides did.
type compared struct {
	*trial
	ours   []float64
	theirs struct {
		Torch  string
		Losses map[string][]float64
		Apart  map[string][]difference
		First  first
	}
}

// A difference is the largest one after an update, relative to the largest number of its tensor.
type difference struct {
	By     float64
	Tensor string
	At     int
}

func (d *difference) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&d.By, &d.Tensor, &d.At})
}

// first is the gradient of the first update at the place where float32 and float64 are furthest
// apart after it.
type first struct {
	Tensor        string
	At            int
	Ours, Largest float64 // the largest of the tensor
	Float32       float64 `json:"float32"`
	Moved         float64 `json:"float32 moved"`
	Float64       float64 `json:"float64"`
}

// windows gives the windows of a trial again and again, as a Source.
type windows struct {
	*trial
	next int
}

func (w *windows) Next(b *data.Batch) error {
	if w.next == len(w.Windows) {
		w.next = 0
		return io.EOF
	}
	now := w.Windows[w.next]
	w.next++
	*b = data.Batch{Steps: w.Steps, Rows: w.Rows, IDs: now.IDs, Targets: now.Targets, Reset: make([]bool, w.Rows)}
	for r := range b.Reset {
		b.Reset[r] = now.Reset
	}
	return nil
}

func (w *windows) Rewind() error { w.next = 0; return nil }

// model makes the chain of a trial, with weights of its own.
func (c *trial) model() (*nn.Model, error) {
	r := rand.New(rand.NewPCG(1, 2))
	emb, err := nn.NewEmbedding(c.Vocabulary, c.Embed, r)
	if err != nil {
		return nil, err
	}
	var layers nn.Net
	switch c.Cell {
	case "lstm":
		l, err := lstm.New(lstm.Config{Input: c.Embed, Hidden: c.Hidden, Layers: c.Layers}, r)
		if err != nil {
			return nil, err
		}
		layers = l.Unroll(c.Steps, c.Rows)
	case "gru":
		l, err := gru.New(gru.Config{Input: c.Embed, Hidden: c.Hidden, Layers: c.Layers}, r)
		if err != nil {
			return nil, err
		}
		layers = l.Unroll(c.Steps, c.Rows)
	default:
		l, err := rnn.New(rnn.Config{Input: c.Embed, Hidden: c.Hidden, Layers: c.Layers}, r)
		if err != nil {
			return nil, err
		}
		layers = l.Unroll(c.Steps, c.Rows)
	}
	out, err := nn.NewLinear(c.Hidden, c.Vocabulary, r)
	if err != nil {
		return nil, err
	}
	return nn.Chain(emb, layers, out)
}

// compare runs c on both sides.
func (c *trial) compare(ctx context.Context, python, driver string, weights bool) (r *compared, err error) {
	r, dir, err := c.train(ctx, weights)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := runPython(ctx, python, driver, dir); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, &r.theirs)
}

func runPython(ctx context.Context, python, script, dir string) error {
	cmd := exec.CommandContext(ctx, python, "-B", script, dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", python, script, err)
	}
	return nil
}

// train runs c here, and writes it to a folder for PyTorch, with weights also the weights, the
// gradients and the states of all updates.
func (c *trial) train(ctx context.Context, weights bool) (r *compared, dir string, err error) {
	net, err := c.model()
	if err != nil {
		return nil, "", err
	}
	net.EachParam(func(name string, w, _ []float32) {
		c.Weights = append(c.Weights, tensor{name, append([]float32(nil), w...)})
	})
	r = &compared{trial: c}
	var kept, grads, states []float32
	keep := func() {
		net.EachParam(func(_ string, w, _ []float32) { kept = append(kept, w...) })
		if len(r.ours) == c.Updates {
			return
		}
		for _, s := range net.State() {
			if c.Windows[len(r.ours)%len(c.Windows)].Reset {
				clear(s)
			}
			states = append(states, s...)
		}
	}
	keep()
	_, err = bptt.Train(ctx, net, &windows{trial: c}, bptt.Plan{
		Window: c.Steps, Steps: int64(c.Updates), ClipNorm: c.Clip, Loss: loss.CrossEntropy{}, Optimizer: c.ours,
		OnStep: func(p bptt.Progress) error {
			r.ours = append(r.ours, p.Loss)
			if weights {
				keep()
				net.EachParam(func(_ string, _, g []float32) { grads = append(grads, g...) })
			}
			return nil
		},
	})
	if err != nil {
		return nil, "", err
	}
	if dir, err = os.MkdirTemp("", "simdrnn-curves-"); err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "case.json"), text, 0o666)
	}
	if weights {
		for name, v := range map[string][]float32{"weights.f32": kept, "grads.f32": grads, "states.f32": states} {
			if err == nil {
				err = writeFloats(filepath.Join(dir, name), v)
			}
		}
	}
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	return r, dir, nil
}

func writeFloats(name string, v []float32) error {
	b := make([]byte, 0, 4*len(v))
	b, err := binary.Append(b, binary.LittleEndian, v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o666)
}
