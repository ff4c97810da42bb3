package bptt

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/kernels"
)

// A ModelPredictor runs a frozen copy of a Model one step at a time. It
// allocates nothing after it is made.
type ModelPredictor struct {
	batch, in, out int

	isa   kernels.ISA
	from  *Embedding // whose table emb copies, or nil
	emb   *Embedding
	first []float32
	links []*predictLink

	// For Sample.
	logits, probs []float32
	next          [1]int32
	state         []int // lengths of the tensors of State
	ready         bool  // logits holds the last step's output
}

type predictLink struct {
	net     Predictor
	from    *Linear // whose weights packed and bias copy
	packed  *kernels.Packed
	bias    []float32
	in, out int
	tensors int
	y       []float32
}

// NewPredictor is Predictor with the result that Net asks for.
func (m *Model) NewPredictor(batch int) (any, error) { return m.Predictor(batch) }

// Predictor returns a frozen copy of the model for batch rows, in zero state.
func (m *Model) Predictor(batch int) (*ModelPredictor, error) {
	if batch < 0 || batch > maxElements/max(1, m.out) {
		return nil, fmt.Errorf("bptt: a predictor for %d rows", batch)
	}
	p := &ModelPredictor{batch: batch, in: m.in, out: m.out, isa: m.isa}
	if m.emb != nil {
		p.from = m.emb
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
				return nil, fmt.Errorf("bptt: NewPredictor of %T returned a %T, which is no bptt.Predictor", l.net, v)
			}
			p.state, q.tensors = addLengths(p.state, q.net.State())
		} else {
			q.from = l.lin.Linear
			q.packed = m.isa.NewPacked(l.in, l.out)
			if q.from.Bias != nil {
				q.bias = make([]float32, l.out)
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
	if p.emb != nil {
		copy(p.emb.Weight, p.from.Weight)
	}
	for _, l := range p.links {
		if l.from != nil {
			l.packed.Pack(true, l.from.Weight, l.in)
			copy(l.bias, l.from.Bias)
		}
	}
}

// Dims returns the number of rows and the widths of Step.
func (p *ModelPredictor) Dims() (batch, in, out int) { return p.batch, p.in, p.out }

// Step sets y [batch][out] from x [batch][in] and advances the state. It panics
// for a model over ids.
func (p *ModelPredictor) Step(y, x []float32) {
	if p.emb != nil {
		panic("bptt: Step of a model that begins with an Embedding, want StepIDs")
	}
	if len(x) != p.batch*p.in {
		panic(fmt.Sprintf("bptt: Step: x has %d elements, want %d", len(x), p.batch*p.in))
	}
	p.step(y, x)
}

// StepIDs sets y [batch][out] from ids [batch] and advances the state. A bad id
// is an *IDError; y and the state are then as before.
func (p *ModelPredictor) StepIDs(y []float32, ids []int32) error {
	if p.emb == nil {
		panic("bptt: StepIDs of a model without an Embedding, want Step")
	}
	if len(ids) != p.batch {
		panic(fmt.Sprintf("bptt: StepIDs: %d ids, want %d", len(ids), p.batch))
	}
	if err := p.emb.lookup(p.first, ids, max(1, p.batch), nil); err != nil {
		return err
	}
	p.step(y, p.first)
	return nil
}

func (p *ModelPredictor) step(y, x []float32) {
	if len(y) != p.batch*p.out {
		panic(fmt.Sprintf("bptt: Step: y has %d elements, want %d", len(y), p.batch*p.out))
	}
	p.ready = false
	if p.batch == 0 {
		return
	}
	for _, l := range p.links {
		out := y
		if l.y != nil {
			out = l.y
		}
		switch {
		case l.net != nil:
			l.net.Step(out, x)
		case l.bias != nil:
			l.packed.GemmBias(p.batch, x, l.in, l.bias, out, l.out)
		default:
			l.packed.Gemm(kernels.Set, p.batch, x, l.in, out, l.out)
		}
		x = out
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
	p.ready = false
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
	p.ready = false
	for _, l := range p.links {
		if l.net != nil {
			l.net.Reset(rows...)
		}
	}
}

// Reorder gives row i the state that row src[i] had.
func (p *ModelPredictor) Reorder(src []int) {
	p.ready = false
	for _, l := range p.links {
		if l.net != nil {
			l.net.Reorder(src)
		}
	}
}

// Sample reads prompt and then draws len(dst) symbols, each from the softmax of
// logits/temperature and each the input of the next step; at temperature 0 it
// takes the most likely symbol, the first of equals. The model is one over ids
// whose output is one logit for each symbol, the predictor has one row. With an
// empty prompt it continues where the last Sample stopped.
//
// One Uint64 is taken from r for each symbol, none at temperature 0, so seed
// and prompt fix the text on every machine.
func (p *ModelPredictor) Sample(dst, prompt []int32, temperature float64, r *rand.Rand) error {
	switch {
	case p.emb == nil || p.batch != 1 || p.out != p.in:
		return fmt.Errorf("bptt: Sample of %d rows, inputs %d and outputs %d, want 1 row of ids with a logit for each", p.batch, p.in, p.out)
	case !(temperature >= 0) || math.IsInf(temperature, 0):
		return fmt.Errorf("bptt: temperature %v, want 0 or more", temperature)
	case temperature > 0 && r == nil:
		return errors.New("bptt: Sample at a temperature above 0 needs a source of random numbers, r is nil")
	case len(prompt) == 0 && !p.ready:
		return errors.New("bptt: Sample needs a prompt to begin with")
	}
	if p.logits == nil {
		p.logits, p.probs = make([]float32, p.out), make([]float32, p.out)
	}
	for i := range prompt {
		if err := p.StepIDs(p.logits, prompt[i:i+1]); err != nil {
			return err
		}
	}
	for i := range dst {
		id := p.draw(temperature, r)
		if id < 0 {
			return fmt.Errorf("bptt: the logits of symbol %d are not finite", i)
		}
		dst[i], p.next[0] = id, id
		if err := p.StepIDs(p.logits, p.next[:]); err != nil {
			return err
		}
	}
	p.ready = true
	return nil
}

// draw takes a symbol from p.logits, -1 if they allow none.
func (p *ModelPredictor) draw(temperature float64, r *rand.Rand) int32 {
	if temperature == 0 {
		best := int32(-1)
		for i, v := range p.logits {
			if v == v && (best < 0 || v > p.logits[best]) {
				best = int32(i)
			}
		}
		return best
	}
	// Subtracting the maximum first keeps a low temperature from overflowing.
	top := p.isa.Max(p.logits)
	for i, v := range p.logits {
		p.probs[i] = v - top
	}
	// An infinite factor would make a NaN of the maximum, which is 0 by now.
	p.isa.Scale(p.probs, p.probs, float32(min(1/temperature, math.MaxFloat32)))
	p.isa.Softmax(p.probs, p.probs)
	u, sum := draw.Unit(r), 0.0
	last := int32(-1)
	for i, q := range p.probs {
		if q != q {
			return -1
		}
		if q > 0 {
			last = int32(i)
		}
		if sum += float64(q); u < sum {
			return int32(i)
		}
	}
	return last // the rounded probabilities may sum to a little less than u
}
