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
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/convert/safetensors"
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

// A model is a character model: an embedding, layers, and a readout.
type model struct {
	symbols int
	net     *nn.Model
	stages  []string // what it is made of
	layers  []int    // of each tensor of the state
	sha256  string   // of the parameters
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

// newModel returns an error that says what a chain lacks to be served.
func newModel(net *nn.Model) (*model, error) {
	sum := nn.Fingerprint(net)
	m := &model{symbols: symbols, net: net, sha256: hex.EncodeToString(sum[:])}
	if err := m.look(net.Stages()); err != nil {
		return nil, err
	}
	if _, _, in, out := net.Dims(); !net.TakesIDs() || in != symbols || out != symbols {
		return nil, fmt.Errorf("its stages (%s) go from %d inputs to %d outputs, want an embedding of %d symbols, which are bytes, and as many outputs", strings.Join(m.stages, ", "), in, out, symbols)
	}
	if len(m.layers) == 0 {
		return nil, fmt.Errorf("its stages (%s) have no state, want a recurrent layer among them", strings.Join(m.stages, ", "))
	}
	_, err := net.Predictor(1)
	return m, err
}

// look notes the stages, and refuses those whose state a session cannot have.
func (m *model) look(stages []nn.Stage) error {
	layers := func(kind string, layers, hidden, tensors int) {
		m.stages = append(m.stages, fmt.Sprintf("%s, %d x %d units", kind, layers, hidden))
		for range tensors {
			m.layers = append(m.layers, layers)
		}
	}
	for _, s := range stages {
		_, _, _, out := s.Dims()
		switch s := s.(type) {
		case *nn.Embedding:
			m.stages = append(m.stages, fmt.Sprintf("embedding of %d symbols", s.Vocabulary))
		case *nn.Linear:
			m.stages = append(m.stages, fmt.Sprintf("linear to %d", out))
		case *nn.LayerNorm:
			m.stages = append(m.stages, "layer norm")
		case nn.Activation:
			m.stages = append(m.stages, s.String())
		case nn.Dropout: // which does nothing here
		case *lstm.Unrolled:
			layers("LSTM", s.Layer().Config().Layers, s.Layer().Config().Hidden, 2)
		case *gru.Unrolled:
			layers("GRU", s.Layer().Config().Layers, s.Layer().Config().Hidden, 1)
		case *rnn.Unrolled:
			layers("RNN", s.Layer().Config().Layers, s.Layer().Config().Hidden, 1)
		case nn.Sequential:
			if err := m.look(s); err != nil {
				return err
			}
		case nn.Residual:
			if err := m.look(s); err != nil {
				return err
			}
		default:
			return fmt.Errorf("it has a %T, and sessions have the states of LSTM, GRU and RNN layers, with embedding, linear, layer norm, activation and residual stages around them", s)
		}
	}
	return nil
}

// load reads a model over bytes: a checkpoint of charlm or the folder of a run, or any
// checkpoint or safetensors file that says what its stages are (package convert/chain).
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
		return nil, fmt.Errorf("%w; %s", err, wanted)
	}
	m, err := read(name, info.Size(), workers)
	if err != nil {
		return nil, fmt.Errorf("the model %s cannot be used: %w; %s", name, err, wanted)
	}
	return m, nil
}

// wanted is what to do about a model that cannot be loaded.
const wanted = "name a checkpoint of charlm, its folder, or a file of a chain over bytes with -model"

// described makes the model of a file that says what its stages are.
func described(c *chain.Chain, err error, workers int) (*model, error) {
	if err != nil {
		return nil, err
	}
	if workers > 0 {
		return nil, errors.New("-workers is for models of charlm: the layers of this one have as many goroutines as help; leave it out")
	}
	net, err := c.Infer(1, 1)
	if err != nil {
		return nil, err
	}
	return newModel(net)
}

func read(name string, size int64, workers int) (*model, error) {
	if f, err := safetensors.Open(name); err == nil {
		defer f.Close()
		c, err := chain.Load(f)
		return described(c, err, workers)
	}
	c, err := bptt.ReadCheckpointFile(name)
	if err != nil {
		return nil, err
	}
	var charlm struct{ Hidden *int }
	if _, ok := chain.DescriptionOf(c.Meta); ok && (json.Unmarshal(c.Meta, &charlm) != nil || charlm.Hidden == nil) {
		c, err := chain.LoadCheckpoint("", c)
		return described(c, err, workers)
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
	return newModel(net)
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
		return newModel(infer)
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
	return newModel(infer)
}

// String describes the model.
func (m *model) String() string {
	return "a model of " + strings.Join(m.stages, "; ")
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
