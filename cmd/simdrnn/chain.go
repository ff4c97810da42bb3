package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

var chainFormat = format{
	name: "chain", about: "safetensors that says what the stages of a whole network are, by package convert/chain",
	is: func(head []byte, name string) bool { return hasMetadata(head, name, chain.Key) },
	open: func(name string, _ onnx.Options) (input, error) {
		f, err := openSafetensors(name)
		if err != nil {
			return nil, err
		}
		defer f.close()
		c, err := chain.Load(f.f)
		if err != nil {
			return nil, err
		}
		w, err := newWhole(c.Infer)
		if err != nil {
			return nil, err
		}
		return &chainFile{w, f.notes()}, nil
	},
}

// hasMetadata says whether a file is safetensors with that key in its metadata.
func hasMetadata(head []byte, name, key string) bool {
	if !isSafetensors(head, name) {
		return false
	}
	f, err := openSafetensors(name)
	if err != nil {
		return false // which the last format of safetensors says
	}
	defer f.close()
	_, is := f.metadata()[key]
	return is
}

// A chainFile has a chain with its description.
type chainFile struct {
	*whole
	metadata []string
}

func (c *chainFile) format() string { return "safetensors of a chain of stages" }

func (c *chainFile) notes() []string {
	return append(slices.DeleteFunc(slices.Clone(c.metadata), func(s string) bool { return strings.HasPrefix(s, fmt.Sprintf("metadata %q", chain.Key)) }), c.whole.notes()...)
}

// A chained is an input that is a whole network.
type chained interface {
	input
	// network makes it for so many steps and rows. Those that it makes share the weights.
	network(steps, rows int) (*nn.Model, error)
	// ofLastStep says that the output is that of the last step alone, window which steps it is of.
	ofLastStep() bool
	window() onnx.Window
}

// A whole is a network as a chain of stages. Its layers have the places of their stages for
// names, like "1" or, inside of another stage, "2.0".
type whole struct {
	make      func(steps, rows int) (*nn.Model, error)
	model     *nn.Model // of one step and row
	recurrent []placedRecurrent
}

type placedRecurrent struct {
	place  string
	layer  network
	begins bool // with a state that is not zero
}

func newWhole(make func(steps, rows int) (*nn.Model, error)) (*whole, error) {
	m, err := make(1, 1)
	if err != nil {
		return nil, err
	}
	w := &whole{make: make, model: m}
	w.walk("", m.Stages())
	return w, nil
}

// walk finds the recurrent layers among stages.
func (w *whole) walk(prefix string, stages []nn.Stage) {
	for i, s := range stages {
		place := fmt.Sprint(prefix, i)
		begins := false
		if l, ok := s.(*nn.LearnedState); ok {
			s, begins = l.Net(), true
		}
		if l, ok := s.(onnx.Recurrent); ok {
			layer, _ := l.Layer.(network)
			w.recurrent = append(w.recurrent, placedRecurrent{place, layer, l.Initial != nil})
			continue
		}
		if l := layerOf(s); l != nil {
			w.recurrent = append(w.recurrent, placedRecurrent{place, l, begins})
			continue
		}
		w.walk(place+".", partsOf(s))
	}
}

// layerOf is the layer of an Unrolled, nil for another stage.
func layerOf(s nn.Stage) network {
	switch s := s.(type) {
	case *lstm.Unrolled:
		return s.Layer()
	case *gru.Unrolled:
		return s.Layer()
	case *rnn.Unrolled:
		return s.Layer()
	}
	return nil
}

// partsOf are the stages that a stage is made of.
func partsOf(s nn.Stage) []nn.Stage {
	switch s := s.(type) {
	case nn.Sequential:
		return s
	case nn.Residual:
		return s
	case nn.Parallel:
		return s
	case nn.AttentionPool:
		return s
	}
	return nil
}

func (w *whole) close() error          { return nil }
func (w *whole) tellsActivation() bool { return true }
func (w *whole) ofLastStep() bool      { return false }
func (w *whole) window() onnx.Window   { return onnx.Window{} }

func (w *whole) network(steps, rows int) (*nn.Model, error) { return w.make(steps, rows) }

func (w *whole) layers() (all []layer, err error) {
	for _, r := range w.recurrent {
		all = append(all, layer{name: r.place, line: describe(r.layer)})
	}
	return all, nil
}

func (w *whole) notes() (notes []string) {
	notes = append(notes, "stages of the chain: "+strings.Join(stageNames(w.model.Stages()), ", "))
	for _, r := range w.recurrent {
		if r.begins {
			notes = append(notes, fmt.Sprintf("layer %q begins with a state of the file, which convert does not carry over with the layer alone", r.place))
		}
	}
	return notes
}

func (w *whole) load(name string, _ rnn.Activation) (net network, matched, missing []string, err error) {
	at := slices.IndexFunc(w.recurrent, func(r placedRecurrent) bool { return r.place == name })
	if at < 0 {
		if len(w.recurrent) == 0 {
			return nil, nil, nil, errors.New("the file has no recurrent layer")
		}
		return nil, nil, nil, fmt.Errorf("there is no layer %q; the file has %s", name, list(w.recurrent, func(r placedRecurrent) string { return fmt.Sprintf("%q", r.place) }))
	}
	net = w.recurrent[at].layer
	net.EachParam(func(p string, _ []float32, _ ...int) { matched = append(matched, name+"."+p) })
	return net, matched, nil, nil
}

func (w *whole) tensors() (all []tensor, err error) {
	params, err := nn.Params(w.model)
	if err != nil {
		return nil, err
	}
	shapes := nn.Shapes(w.model)
	for _, p := range params {
		all = append(all, tensor{p.Name, "F32", shapes[p.Name], len(p.W)})
	}
	return all, nil
}

// alone says whether there is nothing but recurrent layers that begin at zero.
func (w *whole) alone() bool {
	return len(w.recurrent) == len(w.model.Stages()) && !slices.ContainsFunc(w.recurrent, func(r placedRecurrent) bool {
		return r.begins || strings.Contains(r.place, ".")
	})
}

// stageNames describes stages, each by its type and, where it has some, its widths.
func stageNames(stages []nn.Stage) (names []string) {
	for _, s := range stages {
		name := strings.TrimPrefix(fmt.Sprintf("%T", s), "*")
		_, _, in, out := s.Dims()
		switch f := s.(type) {
		case nn.Activation:
			name = f.String()
		case nn.Sequential, nn.Residual, nn.Parallel, nn.AttentionPool:
			name += " of (" + strings.Join(stageNames(partsOf(s)), ", ") + ")"
		case *nn.Embedding:
			in, out = f.Vocabulary, f.Dim
		}
		if in > 0 {
			name += fmt.Sprintf(" %d to %d", in, out)
		}
		names = append(names, name)
	}
	return names
}

// plain are stages with nets of lstm, gru and rnn in place of onnx.Recurrent, which package
// chain does not know.
func plain(stages []nn.Stage) (out []nn.Stage, err error) {
	for _, s := range stages {
		switch r := s.(type) {
		case onnx.Recurrent:
			if s, err = begun(r); err != nil {
				return nil, err
			}
		case nn.Sequential, nn.Residual, nn.Parallel, nn.AttentionPool:
			parts, err := plain(partsOf(s))
			if err != nil {
				return nil, err
			}
			switch r.(type) {
			case nn.Sequential:
				s = nn.Sequential(parts)
			case nn.Residual:
				s = nn.Residual(parts)
			case nn.AttentionPool:
				s = nn.AttentionPool(parts)
			default:
				s = nn.Parallel(parts)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// begun is the net of a layer, with the state that it begins with.
func begun(r onnx.Recurrent) (nn.Net, error) {
	net := inferring(r.Layer.(network), 1, 1, 1)
	if r.Initial == nil {
		return net, nil
	}
	learned, err := nn.NewLearnedState(net)
	if err != nil {
		return nil, err
	}
	place := 0
	net.EachParam(func(string, []float32, []float32) { place-- })
	learned.EachParam(func(_ string, w, _ []float32) {
		if place >= 0 {
			copy(w, r.Initial[place])
		}
		place++
	})
	learned.Reset()
	return learned, nil
}

// writeChain writes a chain to a safetensors file.
func writeChain(w io.Writer, m *nn.Model) error {
	stages, err := plain(m.Stages())
	if err != nil {
		return err
	}
	return chain.Write(w, map[string]string{"format": "pt"}, stages...)
}

// describeChain is the description of a chain, for -like.
func describeChain(m *nn.Model) (string, error) {
	stages, err := plain(m.Stages())
	if err != nil {
		return "", err
	}
	return chain.Describe(stages...)
}

// like makes a chain of the stages of one file with the parameters of another one.
func like(of, from input, name string, logits bool) (chained, error) {
	c, ok := of.(chained)
	if !ok {
		return nil, fmt.Errorf("-like %s is %s, which does not say what the stages of a network are; want a file of a chain or an ONNX graph", name, of.format())
	}
	if err := isChain(of); err != nil {
		return nil, err
	}
	m, err := c.network(1, 1)
	if err != nil {
		return nil, err
	}
	if stages := m.Stages(); logits && isSoftmax(stages[len(stages)-1]) {
		if m, err = nn.Infer(1, 1, stages[:len(stages)-1]...); err != nil {
			return nil, err
		}
	}
	d, err := describeChain(m)
	if err != nil {
		return nil, fmt.Errorf("-like %s: %w", name, err)
	}
	var made *chain.Chain
	switch in := from.(type) {
	case *safetensorsFile:
		made, err = chain.LoadTensors(d, in.f)
	case *npzFile:
		made, err = chain.LoadTensors(d, in.f)
	case *checkpointFile:
		made, err = chain.LoadCheckpoint(d, in.Checkpoint)
	default:
		return nil, usagef("-like is for a checkpoint, safetensors or npz without a description, and IN is %s", from.format())
	}
	if err != nil {
		return nil, err
	}
	w, err := newWhole(made.Infer)
	if err != nil {
		return nil, err
	}
	return &chainFile{whole: w}, nil
}

// chainTensors are the parameters of a chain for a format of tensors under names.
func chainTensors(m *nn.Model) (out output, err error) {
	params, err := nn.Params(m)
	if err != nil {
		return out, err
	}
	shapes := nn.Shapes(m)
	for _, p := range params {
		out.tensors = append(out.tensors, tensor{p.Name, "F32", shapes[p.Name], len(p.W)})
		out.values = append(out.values, values{floats: p.W})
	}
	return out, nil
}
