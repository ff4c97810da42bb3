package nn

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Model is a chain of stages: the output of one is the input of the next. It
// is a Net, except that a model whose first stage is an Embedding takes ids:
// ForwardIDs in place of Forward. Like any Net it is used by one goroutine at a
// time; models built over the same layers may be used at the same time as long
// as none is trained.
type Model struct {
	steps, batch, in, out int

	isa    kernels.ISA
	team   crew.Crew
	emb    *embedding // nil without
	links  []*link
	params params
	sums   *Sums
	frozen string      // the parameter without a gradient in a chain for inference
	state  []int       // lengths of the tensors of State
	before [][]float32 // the state that SetState goes back to on an error; nil before the first call

	first   []float32 // what the embedding gave the first link, or the caller's x
	rows    rows
	pending bool // no Backward has used the last forward pass
}

// link is a stage after the embedding: a net or a linear layer.
type link struct {
	net     Net
	lin     *linear
	place   int // index of the stage
	in, out int
	y, dy   []float32 // [steps][batch][out]; nil for the last link, which uses the caller's
	tensors int       // of the net's state
}

// Chain puts stages together: an *Embedding first if the input is ids, then
// *Linear layers and Nets, at least one of them a Net, which gives the chain
// its steps and rows. It returns an error where widths, steps or rows do not
// fit. Parameters are named as in PyTorch's nn.Sequential: "0.weight",
// "1.weight_ih_l0", "2.bias", the number being the place of the stage.
//
// # Shared weights
//
// The same memory in several stages is one parameter: one *Linear in two
// places, a Linear whose Weight is that of an Embedding, one Layer that was
// unrolled twice. It has the name of the first place, comes once in EachParam,
// in checkpoints and in fingerprints, and its gradient is the sum over all
// places. Two parameters of one name are an error. Weights must be shared before
// the call. Two parameters share all of their memory or none: a part of it in common
// is an error. A Net itself can be one stage only, since it holds the activations of
// one pass; unroll its Layer again for a second stage.
//
// The order of the sum is fixed. Embedding and Linear stages with the same
// weights add to one gradient, as the backward pass visits them, the last stage
// first. A Net adds to a gradient of its own. At the end of Backward the gradients
// that were summed for later places are added to that of the first place, one
// addition for each element, in the order of the places, and are set to +0.
//
// # Inference
//
// With a net that Infer made the chain has no gradients at all, and keeps no
// memory for them. Evaluate and Predictor take such a chain, NewTrainer returns
// an error, Backward and SetStateGrad panic.
func Chain(stages ...Stage) (*Model, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	m := &Model{isa: kernels.Current()}
	if err := m.check(stages); err != nil {
		return nil, err
	}
	for i, s := range stages {
		if net, ok := s.(Net); ok && m.frozen == "" {
			if name := noGradient(net); name != "" {
				m.frozen = paramName(i, name)
			}
		}
	}
	most := m.steps * m.batch
	m.rows = newRows(m.steps, m.batch)
	for i, s := range stages {
		l, err := m.link(i, s)
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		if i < len(stages)-1 {
			l.y = make([]float32, most*l.out)
			if m.frozen == "" {
				l.dy = make([]float32, most*l.out)
			}
		}
		m.links = append(m.links, l)
	}
	m.sums = m.params.sums()
	m.setDifferentSeeds()
	return m, nil
}

// check returns an error if the stages cannot form a chain, and sets the sizes of the
// chain.
func (m *Model) check(stages []Stage) error {
	found, width := false, 0
	nets := make([][]Net, len(stages))
	for i, s := range stages {
		if err := checkStage(s); err != nil {
			return fmt.Errorf("nn: stage %d of the chain %w", i, err)
		}
		steps, batch, in, out := s.Dims()
		if i == 0 {
			m.in = in
		} else if in != width {
			return fmt.Errorf("nn: stage %d of the chain takes width %d, the stage before it gives %d", i, in, width)
		}
		width = out
		net, ok := s.(Net)
		if !ok {
			continue
		}
		nets[i] = netsOf(net, nil)
		for j, earlier := range nets[:i] {
			// A net holds what it did for one place: in a second one it would
			// overwrite its activations.
			if slices.ContainsFunc(nets[i], func(n Net) bool { return contains(earlier, n) }) {
				return fmt.Errorf("nn: stage %d of the chain is stage %d again, or has a net in common with it; %s", i, j, unrollAgain)
			}
		}
		if found && (steps != m.steps || batch != m.batch) {
			return fmt.Errorf("nn: stage %d of the chain has %d steps and %d rows, an earlier one %d and %d", i, steps, batch, m.steps, m.batch)
		}
		m.steps, m.batch, found = steps, batch, true
	}
	if !found {
		return fmt.Errorf("nn: none of the %d stages of the chain is a Net", len(stages))
	}
	m.out = width
	for i, s := range stages {
		_, _, in, out := s.Dims()
		// An embedding takes ids: only the width of its vectors counts.
		if e, ok := s.(*Embedding); ok {
			if i != 0 {
				return fmt.Errorf("nn: stage %d of the chain is an Embedding, which can only be the first", i)
			}
			if len(stages) == 1 {
				return fmt.Errorf("nn: a chain of an Embedding alone")
			}
			in = e.Dim
		}
		if m.batch > 0 && m.steps > maxElements/m.batch/max(1, in, out) {
			return fmt.Errorf("nn: %d steps of %d rows of the widths of stage %d of the chain, %d and %d, are more than %d elements", m.steps, m.batch, i, in, out, maxElements)
		}
	}
	return nil
}

// checkStage returns an error if s cannot be a stage of any chain. The caller puts the
// name of the stage before the text of the error.
func checkStage(s Stage) (err error) {
	// A struct may hold a Net that is nil.
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("is a %T whose methods panic: %v", s, v)
		}
	}()
	if nilcheck.IsNil(s) {
		if s == nil {
			return fmt.Errorf("is nil")
		}
		return fmt.Errorf("is a nil %T", s)
	}
	switch s := s.(type) {
	case *Embedding:
		if err := s.check(); err != nil {
			return fmt.Errorf("is %w", err)
		}
	case *Linear:
		if err := s.check(); err != nil {
			return fmt.Errorf("is %w", err)
		}
	case Net:
		if OverIDs(s) != nil {
			return fmt.Errorf("is a %T that takes ids; put its stages into this chain instead, the Embedding first", s)
		}
		if steps, batch, in, out := s.Dims(); steps < 0 || batch < 0 || in < 0 || out < 1 {
			return fmt.Errorf("is a %T of %d steps and %d rows, inputs of width %d and outputs of width %d, want 0 or more, and at least 1 for the outputs", s, steps, batch, in, out)
		}
	default:
		return fmt.Errorf("is a %T, want *Embedding, *Linear or a Net", s)
	}
	return nil
}

// netsOf appends n to list, and the nets of the stages of n if n is a chain.
func netsOf(n Net, list []Net) []Net {
	list = append(list, n)
	if m, ok := n.(*Model); ok {
		for _, l := range m.links {
			if l.net != nil {
				list = netsOf(l.net, list)
			}
		}
	}
	return list
}

// contains says whether n is one of nets. A Net whose type cannot be compared is a
// value that was copied, not a pointer: two of them are never the same Net.
func contains(nets []Net, n Net) bool {
	return reflect.ValueOf(n).Comparable() && slices.Contains(nets, n)
}

// link makes the link of stage i and adds its parameters. It is nil for the embedding,
// which has none.
func (m *Model) link(i int, s Stage) (*link, error) {
	switch s := s.(type) {
	case *Embedding:
		m.emb = newEmbedding(s, m.isa, m.steps*m.batch)
		if m.frozen == "" {
			m.emb.dy = make([]float32, len(m.emb.y))
			m.emb.grad = m.params.gradient(s.Weight)
		}
		m.first = m.emb.y
		return nil, m.addParam(i, "weight", s.Weight, m.emb.grad, ownStage)
	case *Linear:
		if s.tied != nil {
			if m.emb == nil || s.tied != m.emb.from {
				return nil, fmt.Errorf("nn: stage %d of the chain is the Readout of an Embedding that is not its first stage", i)
			}
			if !kernels.Same(s.Weight, s.tied.Weight) {
				return nil, fmt.Errorf("nn: stage %d of the chain is the Readout of its first stage, but the Weight of one of them has been replaced; call Readout again", i)
			}
		}
		lin := newLinear(s, m.isa)
		if m.frozen == "" {
			lin.train(m.params.gradient(s.Weight), m.steps*m.batch, split.ChunkSteps(m.batch)*m.batch)
		}
		if i == 0 {
			lin.room = make([]float32, m.steps*m.batch*s.In)
		}
		if err := m.addParam(i, "weight", s.Weight, lin.dw, ownStage); err != nil {
			return nil, err
		}
		if len(s.Bias) > 0 {
			if m.frozen == "" {
				lin.db = m.params.gradient(s.Bias)
			}
			if err := m.addParam(i, "bias", s.Bias, lin.db, ownStage); err != nil {
				return nil, err
			}
		}
		return &link{lin: lin, place: i, in: s.In, out: s.Out}, nil
	default:
		net := s.(Net)
		_, _, in, out := net.Dims()
		l := &link{net: net, place: i, in: in, out: out}
		m.state, l.tensors = addLengths(m.state, net.State())
		var err error
		net.EachParam(func(name string, w, g []float32) {
			if err == nil {
				err = m.addParam(i, name, w, g, i)
			}
		})
		return l, err
	}
}

// addParam adds a parameter of stage i. In a chain for inference no parameter has a
// gradient.
func (m *Model) addParam(i int, name string, w, g []float32, net int) error {
	p := Param{Name: paramName(i, name), W: w, G: g}
	if m.frozen != "" {
		p.G = nil
		_, err := m.params.addValues(p)
		return err
	}
	return m.params.add(p, net)
}

func paramName(stage int, name string) string { return strconv.Itoa(stage) + "." + name }
