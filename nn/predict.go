package nn

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// A ModelPredictor runs a frozen copy of a Model one step at a time. After it is made
// only two methods allocate: State for what it returns, and SetState for a copy of the
// state if the chain has several Nets. Package decode makes texts of its logits.
type ModelPredictor struct {
	batch, in, out int

	isa   kernels.ISA
	table Embedding  // a copy of *from, made by Chain, with the same Weight
	from  *Embedding // the first stage of the model, or nil
	emb   *Embedding // the frozen copy, with a Weight of its own
	first []float32
	links []*predictLink
	nets  int   // among the links
	state []int // lengths of the tensors of State
	moves uint64
}

type predictLink struct {
	net     Predictor
	lin     Linear  // a copy of *from, made by Chain, with the same slices
	from    *Linear // the stage of the model, or nil
	place   int     // index of the stage
	packed  *kernels.Packed
	bias    []float32
	x       []float32 // the caller's x, flushed, if a Linear is the first stage
	in, out int
	tensors int
	y       []float32
}

// NewPredictor is Predictor for code that has m as a Net, as a chain has of which m is
// a stage. Programs that have the Model call Predictor. The name and the
// result are those of the interface Net, which knows built-in types alone, so that
// any type can satisfy it: the result is a *ModelPredictor, and nil with an error.
func (m *Model) NewPredictor(batch int) (any, error) {
	p, err := m.Predictor(batch)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Predictor returns a frozen copy of the model for batch rows, in zero state.
// Like a forward pass it panics if a slice of an Embedding or Linear of the chain
// was replaced since Chain.
func (m *Model) Predictor(batch int) (*ModelPredictor, error) {
	width := m.out
	if m.emb != nil {
		width = max(width, m.emb.Dim)
	}
	for _, l := range m.links {
		width = max(width, l.in, l.out)
	}
	if batch < 0 || batch > maxElements/width {
		return nil, fmt.Errorf("nn: a predictor for %d rows, want 0 to %d for stages of width %d", batch, maxElements/width, width)
	}
	p := &ModelPredictor{batch: batch, in: m.in, out: m.out, isa: m.isa}
	if m.emb != nil {
		p.table, p.from = m.emb.Embedding, m.emb.from
		p.emb = &Embedding{Weight: make([]float32, len(m.emb.Weight)), Vocabulary: m.emb.Vocabulary, Dim: m.emb.Dim}
		p.first = make([]float32, batch*m.emb.Dim)
	}
	for i, l := range m.links {
		q := &predictLink{in: l.in, out: l.out}
		if l.net != nil {
			v, err := l.net.NewPredictor(batch)
			if err != nil {
				return nil, err
			}
			var ok bool
			if q.net, ok = v.(Predictor); !ok {
				return nil, fmt.Errorf("nn: NewPredictor of %T returned a %T, which is no nn.Predictor", l.net, v)
			}
			p.nets++
			p.state, q.tensors = addLengths(p.state, q.net.State())
		} else {
			q.lin, q.from, q.place = l.lin.Linear, l.lin.from, l.place
			q.packed = m.isa.NewPacked(l.in, l.out)
			if q.lin.Bias != nil {
				q.bias = make([]float32, l.out)
			}
			if i == 0 && m.emb == nil {
				q.x = make([]float32, batch*l.in)
			}
		}
		if i < len(m.links)-1 {
			q.y = make([]float32, batch*l.out)
		}
		p.links = append(p.links, q)
	}
	p.copyWeights()
	return p, nil
}

// Refresh copies the weights of the model again; the state stays.
func (p *ModelPredictor) Refresh() {
	p.copyWeights()
	for _, l := range p.links {
		if l.net != nil {
			l.net.Refresh()
		}
	}
}

// copyWeights copies the weights of the stages of this package; a net's
// predictor comes with its own.
func (p *ModelPredictor) copyWeights() {
	if p.from != nil {
		p.table.mustBeUnchanged(p.from)
	}
	for _, l := range p.links {
		if l.from != nil {
			l.lin.mustBeUnchanged(l.from, l.place)
		}
	}
	if p.emb != nil {
		copy(p.emb.Weight, p.table.Weight)
	}
	for _, l := range p.links {
		if l.from != nil {
			l.packed.PackFlush(true, l.lin.Weight, l.in)
			p.isa.CopyFlush(l.bias, l.lin.Bias)
		}
	}
}

// Dims returns the number of rows and the widths of Step.
func (p *ModelPredictor) Dims() (batch, in, out int) { return p.batch, p.in, p.out }

// TakesIDs says whether the model begins with an Embedding and takes ids: by
// StepIDs in place of Step.
func (p *ModelPredictor) TakesIDs() bool { return p.emb != nil }

// Moves returns a number that is another after each call that changed the state: a step,
// SetState, Reset, Reorder. Who keeps outputs of a step can tell whether they are still
// those of the state.
func (p *ModelPredictor) Moves() uint64 { return p.moves }

// Step sets y [batch][out] from x [batch][in] and advances the state. It panics
// for a model over ids, and if y and x have memory in common.
func (p *ModelPredictor) Step(y, x []float32) {
	if p.emb != nil {
		panic("nn: Step of a model that begins with an Embedding, want StepIDs")
	}
	if len(x) != p.batch*p.in {
		panic(fmt.Sprintf("nn: Step: x has %d elements, want %d", len(x), p.batch*p.in))
	}
	if kernels.Overlap(y, x) {
		panic("nn: Step: y and x have memory in common, want memory of its own for each")
	}
	p.step(y, x)
}

// StepIDs sets y [batch][out] from ids [batch] and advances the state. A bad id
// is an *IDError; y and the state are then as before.
func (p *ModelPredictor) StepIDs(y []float32, ids []int32) error {
	if p.emb == nil {
		panic("nn: StepIDs of a model without an Embedding, want Step")
	}
	if len(ids) != p.batch {
		panic(fmt.Sprintf("nn: StepIDs: %d ids, want %d", len(ids), p.batch))
	}
	if err := p.emb.checkIDs(ids, max(1, p.batch), nil); err != nil {
		return err
	}
	p.emb.lookup(p.isa, p.first, ids, max(1, p.batch), nil)
	p.step(y, p.first)
	return nil
}

func (p *ModelPredictor) step(y, x []float32) {
	if len(y) != p.batch*p.out {
		panic(fmt.Sprintf("nn: Step: y has %d elements, want %d", len(y), p.batch*p.out))
	}
	p.moves++
	if p.batch == 0 {
		return
	}
	for _, l := range p.links {
		out := y
		if l.y != nil {
			out = l.y
		}
		if l.net != nil {
			l.net.Step(out, x)
		} else {
			l.linear(p.isa, p.batch, out, x)
		}
		x = out
	}
}

// linear is linear.forward for one step: x is flushed first, where it lies if that
// is memory of the predictor.
func (l *predictLink) linear(isa kernels.ISA, batch int, y, x []float32) {
	flushed := x
	if l.x != nil {
		flushed = l.x
	}
	isa.CopyFlush(flushed, x)
	if l.bias != nil {
		l.packed.GemmBias(batch, flushed, l.in, l.bias, y, l.out)
	} else {
		l.packed.Gemm(kernels.Set, batch, flushed, l.in, y, l.out)
	}
}

// State returns copies of the states of the stages, one after another.
func (p *ModelPredictor) State() [][]float32 {
	var s [][]float32
	for _, l := range p.links {
		if l.net != nil {
			s = append(s, l.net.State()...)
		}
	}
	return s
}

// SetState puts back what State returned, of this predictor or of a Net of the
// same rows. Nothing is changed if it returns an error.
func (p *ModelPredictor) SetState(s [][]float32) error {
	if err := checkLengths("state", s, p.state); err != nil {
		return err
	}
	var before [][]float32
	if p.nets > 1 {
		before = p.State() // to go back to, if a net refuses what those before it accepted
	}
	if err := p.setState(s); err != nil {
		if p.nets > 1 {
			err = errors.Join(err, p.setState(before))
		}
		return err
	}
	p.moves++
	return nil
}

// setState sets the state of each net to its tensors of s.
func (p *ModelPredictor) setState(s [][]float32) error {
	for _, l := range p.links {
		if l.net == nil {
			continue
		}
		if err := l.net.SetState(s[:l.tensors]); err != nil {
			return err
		}
		s = s[l.tensors:]
	}
	return nil
}

// Reset zeroes the state of the given rows, of all when there are none.
func (p *ModelPredictor) Reset(rows ...int) {
	p.moves++
	for _, l := range p.links {
		if l.net != nil {
			l.net.Reset(rows...)
		}
	}
}

// Reorder gives row i the state that row src[i] had.
func (p *ModelPredictor) Reorder(src []int) {
	p.moves++
	for _, l := range p.links {
		if l.net != nil {
			l.net.Reorder(src)
		}
	}
}
