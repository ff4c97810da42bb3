package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// symbols is how many a character model has: bytes.
const symbols = 256

// shape is what a checkpoint of charlm says of its model.
type shape struct {
	Cell                  string
	Hidden, Layers, Embed int
}

// A model is a character model: an embedding, layers of one kind, and a readout.
type model struct {
	shape
	symbols int
	net     *nn.Model
	sha256  string // of the parameters
}

// params is how many numbers a model has at least: those of its matrices.
func (s shape) params() float64 {
	gates := map[string]float64{"lstm": 4, "gru": 3, "rnn": 1}[s.Cell]
	h, e := float64(s.Hidden), float64(s.Embed)
	return symbols*(e+h) + gates*h*(e+h+float64(s.Layers-1)*2*h)
}

func (s shape) check() error {
	const most = 1 << 16
	switch {
	case s.Cell != "lstm" && s.Cell != "gru" && s.Cell != "rnn":
		return fmt.Errorf("cells of the kind %q, want lstm, gru or rnn", s.Cell)
	case min(s.Hidden, s.Layers, s.Embed) < 1 || max(s.Hidden, s.Layers, s.Embed) > most:
		return fmt.Errorf("%d layers of %d units over vectors of %d numbers, want 1 to %d for each", s.Layers, s.Hidden, s.Embed, most)
	}
	return nil
}

// stages are those of a model. The chains over them share the weights.
type stages struct {
	emb           *nn.Embedding
	unroll, infer func(steps, batch int) nn.Stage
	out           *nn.Linear
}

// build makes the stages with random weights.
func (s shape) build(workers int, seed uint64) (*stages, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	emb, err := nn.NewEmbedding(symbols, s.Embed, r)
	if err != nil {
		return nil, err
	}
	all := &stages{emb: emb}
	switch s.Cell {
	case "gru":
		var l *gru.Layer
		l, err = gru.New(gru.Config{Input: s.Embed, Hidden: s.Hidden, Layers: s.Layers, Workers: workers}, r)
		all.unroll = func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) }
		all.infer = func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }
	case "rnn":
		var l *rnn.Layer
		l, err = rnn.New(rnn.Config{Input: s.Embed, Hidden: s.Hidden, Layers: s.Layers, Workers: workers}, r)
		all.unroll = func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) }
		all.infer = func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }
	default:
		var l *lstm.Layer
		l, err = lstm.New(lstm.Config{Input: s.Embed, Hidden: s.Hidden, Layers: s.Layers, Workers: workers}, r)
		all.unroll = func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) }
		all.infer = func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }
	}
	if err != nil {
		return nil, err
	}
	all.out, err = nn.NewLinear(s.Hidden, symbols, r)
	return all, err
}

// inference returns the model for inference. Its predictors have any number of rows.
func (a *stages) inference() (*nn.Model, error) { return nn.Chain(a.emb, a.infer(1, 1), a.out) }

func newModel(s shape, net *nn.Model) *model {
	sum := nn.Fingerprint(net)
	return &model{s, symbols, net, hex.EncodeToString(sum[:])}
}

// load reads a model that charlm has trained: a checkpoint, or the folder of a run.
func load(name string, workers int) (*model, error) {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		name = filepath.Join(name, "model.ckpt")
		info, err = os.Stat(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no model %s; train one with charlm, and name its folder with -model", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; name a checkpoint of charlm, or its folder, with -model", err)
	}
	m, err := read(name, info.Size(), workers)
	if err != nil {
		return nil, fmt.Errorf("the model %s cannot be used: %w; name a checkpoint of charlm, or its folder, with -model", name, err)
	}
	return m, nil
}

func read(name string, size int64, workers int) (*model, error) {
	c, err := bptt.ReadCheckpointFile(name)
	if err != nil {
		return nil, err
	}
	var s shape
	if err := json.Unmarshal(c.Meta, &s); err != nil {
		return nil, fmt.Errorf("the settings in it are not those of a model of charlm: %w", err)
	}
	s.Cell = cmp.Or(s.Cell, "lstm") // files of before there was a choice
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("the settings in it: %w", err)
	}
	// Before memory is taken for what a damaged file says.
	if need := 4 * s.params(); need > float64(size) {
		return nil, fmt.Errorf("%d layers of %d units take more than %.0f bytes, and it has %d", s.Layers, s.Hidden, need, size)
	}
	all, err := s.build(workers, 1)
	if err != nil {
		return nil, err
	}
	net, err := all.inference()
	if err != nil {
		return nil, err
	}
	if err := c.Params(net); err != nil {
		return nil, err
	}
	return newModel(s, net), nil
}

// train makes a model, and trains it for so many updates on Newton's Opticks, which comes
// with Go; with none it has random weights. onStep is called after each update.
func train(ctx context.Context, s shape, updates int64, workers int, onStep func(step int64, bits float64)) (*model, error) {
	const steps, rows, seed = 48, 32, 1
	all, err := s.build(workers, seed)
	if err != nil {
		return nil, err
	}
	infer, err := all.inference()
	if err != nil {
		return nil, err
	}
	if updates == 0 {
		return newModel(s, infer), nil
	}
	path, err := program.GoFile("src/testdata/Isaac.Newton-Opticks.txt")
	if err != nil {
		return nil, fmt.Errorf("there is no text to train a small model on: %w; name a model of charlm with -model", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	source, err := data.NewText(text, rows)
	if err != nil {
		return nil, err
	}
	net, err := nn.Chain(all.emb, all.unroll(steps, rows), all.out)
	if err != nil {
		return nil, err
	}
	if _, err := bptt.Train(ctx, net, source, bptt.Plan{
		Window: steps, Steps: updates, Workers: workers, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 3e-3}, ClipNorm: 1,
		OnStep: func(p bptt.Progress) error { onStep(p.Step, loss.BitsPerSymbol(p.Loss)); return nil },
	}); err != nil {
		return nil, err
	}
	return newModel(s, infer), nil
}

// String describes the model.
func (m *model) String() string {
	return fmt.Sprintf("a model of %d %s x %d units", m.Layers, strings.ToUpper(m.Cell), m.Hidden)
}

// getModel loads the model that -model names, or makes a small one.
func (o *options) getModel(ctx context.Context, stderr io.Writer) (*model, error) {
	if o.model != "" {
		return load(o.model, o.workers)
	}
	if o.updates == 0 {
		return train(ctx, o.shape(), 0, o.workers, nil)
	}
	show := newBar(stderr, "training a small model on Newton's Opticks; -model serves one of charlm", int(o.updates))
	defer show.end()
	return train(ctx, o.shape(), o.updates, o.workers, func(step int64, bits float64) { show.update(step, o.updates, bits) })
}
