package nn

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Model is a chain of stages: the output of one is the input of the next. It
// is a Net, except that a model whose first stage is an Embedding takes ids:
// ForwardIDs in place of Forward. Like any Net it is used by one goroutine at a
// time; models built over the same layers may be used at the same time as long
// as none is trained.
type Model struct {
	group
	in, out int
	stages  []Stage // that it was made of

	emb     *embedding // nil without
	first   []float32  // what the embedding gave the first link, or the caller's x
	symbols bySymbol   // the first link, if it reads the table itself: there is no first then

	firsts []int            // of each link, how many parameters come before its own
	tell   func(params int) // see OnGradients
}

// Chain puts stages together: an *Embedding first if the input is ids, then Nets and
// Unsized stages in any order, at least one of them a Net or with a Net in it, which gives
// the chain its steps and rows (Unroll is for chains without one). It returns an error
// where widths, steps or rows do not fit. Widths may change from stage to stage.
// Parameters are named as in PyTorch's nn.Sequential: "0.weight", "1.weight_ih_l0",
// "2.bias", the number being the place of the stage.
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
// The order of the sum is fixed. Stages that take the memory of their gradients from
// Binding.Gradient, as Embedding, Linear and LayerNorm do, add to one gradient if they
// have the same weights, as the backward pass visits them, the last stage
// first. A Net adds to a gradient of its own, and so does a stage that is made of others:
// Sequential, Residual, Parallel, a Model. At the end of Backward the gradients
// that were summed for later places are added to that of the first place, one
// addition for each element, in the order of the places, and are set to +0.
//
// # Few symbols
//
// A chain goes by symbols if it has at least four times as many pairs, steps times rows, as its
// Embedding has symbols, and the second stage is a layer of package lstm, gru or rnn that was
// unrolled: not one inside of another stage, nor a type that embeds one. Layers with
// Config.InputDropout, and those that have the table among their parameters, do not. The vector
// of each symbol is then multiplied by the matrices of the input once, and the gradients of its
// pairs are added up before the products for these matrices and the table (rule 4 of the
// numerics contract). The layer allocates memory for the symbols, see its ReserveSymbols, also
// one of UnrollWithin, and the chain none for the vectors. A Net of a program goes by symbols
// if it has the methods that are listed at Net.
//
// # Inference
//
// With a net that Infer made the chain has no gradients at all, and keeps no
// memory for them. Evaluate and Predictor take such a chain, NewTrainer returns
// an error, Backward and SetStateGrad panic.
func Chain(stages ...Stage) (*Model, error) { return newModel(setting{}, stages) }

// Unroll is Chain with the steps and rows given, for stages among which there is no Net:
// layers without a recurrence, or a stage that is to be tested by itself. If there are
// Nets, they must have these steps and rows.
func Unroll(steps, batch int, stages ...Stage) (*Model, error) {
	return newModel(setting{steps: steps, batch: batch, sized: true}, stages)
}

// Infer is Unroll for a chain for inference: see Chain.
func Infer(steps, batch int, stages ...Stage) (*Model, error) {
	return newModel(setting{steps: steps, batch: batch, sized: true, infer: true}, stages)
}

// A setting is what a chain is given beside its stages.
type setting struct {
	steps, batch int
	sized        bool // steps and batch are given, not those of a Net
	width        int  // of the input; 0: that of the first stage that has one
	infer        bool
	frozen       string     // of the chain that this one is a stage of
	emb          *Embedding // the first stage of that
}

func newModel(c setting, stages []Stage) (*Model, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	m := &Model{stages: slices.Clone(stages)}
	widths, err := m.check(&c, stages)
	if err != nil {
		return nil, err
	}
	for i, s := range stages {
		eachNet(s, strconv.Itoa(i), func(path string, net Net) {
			if name, infer := noGradient(net); infer && !c.infer {
				c.infer = true
				if name != "" {
					c.frozen = path + "." + name
				}
			}
		})
	}
	m.group = newGroup(c.steps, c.batch, c.infer, c.frozen)
	for i, s := range stages {
		if e, ok := s.(*Embedding); ok {
			c.emb = e
			m.emb = newEmbedding(e, m.isa, m.steps*m.batch)
			if !m.infer {
				m.emb.grad = m.params.gradient(e.Weight)
			}
			if err := m.addParam(i, "weight", e.Weight, m.emb.grad, inChain); err != nil {
				return nil, err
			}
		} else {
			m.firsts = append(m.firsts, len(m.params.list))
			if err := m.add(i, s, widths[i], c.emb, i > 0, i < len(stages)-1); err != nil {
				return nil, err
			}
		}
	}
	if m.emb != nil && !m.goBySymbol() {
		m.makeVectors()
	}
	m.complete()
	m.hear()
	return m, nil
}

// check returns an error if the stages cannot form a chain. It sets the widths of the
// chain, and its steps and rows in c, and returns the width of the input of each stage.
func (m *Model) check(c *setting, stages []Stage) (widths []int, err error) {
	width, known := c.width, c.width > 0 // of what the stage before gives
	nets := make([][]Net, len(stages))
	before := "the chain"
	if c.sized && (c.steps < 0 || c.batch < 0) {
		return nil, fmt.Errorf("nn: a chain of %d steps and %d rows, want 0 or more of each", c.steps, c.batch)
	}
	for i, s := range stages {
		if err := checkStage(s); err != nil {
			return nil, fmt.Errorf("nn: stage %d of the chain %w", i, err)
		}
		_, _, in, out := s.Dims()
		if !anyWidth(s) {
			if known && in != width {
				return nil, fmt.Errorf("nn: stage %d of the chain takes width %d, the stage before it gives %d", i, in, width)
			}
			for len(widths) <= i { // stages in front that take any width have this one
				widths = append(widths, in)
			}
			width, known = out, true
		} else if known {
			widths = append(widths, width)
		}
		eachNet(s, "", func(_ string, net Net) { nets[i] = netsOf(net, nets[i]) })
		for j, earlier := range nets[:i] {
			// A net holds what it did for one place: in a second one it would
			// overwrite its activations.
			if slices.ContainsFunc(nets[i], func(n Net) bool { return contains(earlier, n) }) {
				return nil, fmt.Errorf("nn: stage %d of the chain is stage %d again, or has a net in common with it; %s", i, j, unrollAgain)
			}
		}
		eachNet(s, "", func(_ string, net Net) {
			steps, batch, _, _ := net.Dims()
			if c.sized && (steps != c.steps || batch != c.batch) && err == nil {
				err = fmt.Errorf("nn: stage %d of the chain has %d steps and %d rows, %s %d and %d", i, steps, batch, before, c.steps, c.batch)
			}
			if !c.sized {
				c.steps, c.batch, c.sized, before = steps, batch, true, "an earlier one"
			}
		})
		if err != nil {
			return nil, err
		}
	}
	switch {
	case !c.sized:
		return nil, fmt.Errorf("nn: none of the %d stages of the chain is a Net, whose steps and rows the others would take; give them to Unroll", len(stages))
	case len(stages) == 0:
		return nil, fmt.Errorf("nn: a chain without stages")
	case !known:
		return nil, fmt.Errorf("nn: none of the %d stages of the chain says its width", len(stages))
	}
	m.in, m.out = widths[0], width
	for i, s := range stages {
		in := widths[i]
		_, _, _, out := dimsFor(s, in)
		// An embedding takes ids: only the width of its vectors counts.
		if e, ok := s.(*Embedding); ok {
			if i != 0 {
				return nil, fmt.Errorf("nn: stage %d of the chain is an Embedding, which can only be the first", i)
			}
			if len(stages) == 1 {
				return nil, fmt.Errorf("nn: a chain of an Embedding alone")
			}
			in = e.Dim
		}
		if c.batch > 0 && c.steps > maxElements/c.batch/max(1, in, out) {
			return nil, fmt.Errorf("nn: %d steps of %d rows of the widths of stage %d of the chain, %d and %d, are more than %d elements", c.steps, c.batch, i, in, out, maxElements)
		}
	}
	return widths, nil
}

// anyWidth says whether s takes an input of any width and gives the same.
func anyWidth(s Stage) bool {
	_, unsized := s.(Unsized)
	_, _, in, out := s.Dims()
	return unsized && in == 0 && out == 0
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
	if own, ok := s.(interface{ check() error }); ok {
		if err := own.check(); err != nil {
			return fmt.Errorf("is %w", err)
		}
	}
	switch s := s.(type) {
	case *Embedding:
	case Net:
		if OverIDs(s) != nil {
			return fmt.Errorf("is a %T that takes ids; put its stages into this chain instead, the Embedding first", s)
		}
		if steps, batch, in, out := s.Dims(); steps < 0 || batch < 0 || in < 0 || out < 1 {
			return fmt.Errorf("is a %T of %d steps and %d rows, inputs of width %d and outputs of width %d, want 0 or more, and at least 1 for the outputs", s, steps, batch, in, out)
		}
	case Unsized:
		if _, _, in, out := s.Dims(); in < 0 || out < 0 || (in == 0) != (out == 0) {
			return fmt.Errorf("is a %T from width %d to %d, want at least 1, or 0 and 0 for any width", s, in, out)
		}
	default:
		return fmt.Errorf("is a %T, want *Embedding, *Linear or another stage with Bind, or a Net", s)
	}
	return nil
}

// A composite is a stage made of others.
type composite interface{ parts() []Stage }

// eachNet calls f for s if it is a Net, or for the Nets that it is made of, with the
// places of the parts from path on.
func eachNet(s Stage, path string, f func(path string, net Net)) {
	if net, ok := s.(Net); ok {
		f(path, net)
	} else if c, ok := s.(composite); ok {
		for i, part := range c.parts() {
			eachNet(part, path+"."+strconv.Itoa(i), f)
		}
	}
}

// netsOf appends n to list, and the nets of the stages of n if n is a chain.
func netsOf(n Net, list []Net) []Net {
	list = append(list, n)
	if m, ok := n.(interface{ nets() []*link }); ok {
		for _, l := range m.nets() {
			list = netsOf(l.net, list)
		}
	}
	return list
}

func (m *group) nets() []*link { return m.links }

// contains says whether n is one of nets. A Net whose type cannot be compared is a
// value that was copied, not a pointer: two of them are never the same Net.
func contains(nets []Net, n Net) bool {
	return reflect.ValueOf(n).Comparable() && slices.Contains(nets, n)
}

func paramName(stage int, name string) string { return strconv.Itoa(stage) + "." + name }
