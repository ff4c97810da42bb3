package nn

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// A ModelPredictor runs a frozen copy of a Model one step at a time. After it is made
// only two methods allocate: State for what it returns, and the first SetState for a copy
// of the state if the chain has several stages; and CopyState where a stage is a predictor
// that has none. Package decode makes texts of its logits.
type ModelPredictor struct {
	predictors
	batch, in, out int

	isa     kernels.ISA
	model   *embedding // of the chain, or nil
	emb     *Embedding // the frozen copy, with a Weight of its own
	first   []float32
	symbols stepsBySymbol // the first stage, if it reads ids itself
	ids     []int32       // for it, so that the caller's stay where they are, on a stack say
	moves   uint64
}

// NewPredictor is Predictor for code that has m as a Net, as a chain has of which m is
// a stage. Programs that have the Model call Predictor. The name and the
// result are those of the interface Net, which knows built-in types alone, so that
// any type can satisfy it: the result is a *ModelPredictor, and nil with an error.
func (m *Model) NewPredictor(batch int) (any, error) {
	if m == nil {
		return nil, nilcheck.Receiver("nn", "Model", "NewPredictor")
	}
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
	if m == nil {
		return nil, nilcheck.Receiver("nn", "Model", "Predictor")
	}
	width := max(m.out, m.widest())
	if m.emb != nil {
		width = max(width, m.emb.Dim)
	}
	if batch < 0 || batch > maxElements/width {
		return nil, fmt.Errorf("nn: a predictor for %d rows, want 0 to %d for stages of width %d", batch, maxElements/width, width)
	}
	m.mustBeUnchanged()
	p := &ModelPredictor{batch: batch, in: m.in, out: m.out, isa: m.isa, model: m.emb}
	var err error
	if p.predictors, err = m.predictors(batch, func(i int) bool { return i < len(m.links)-1 }); err != nil {
		return nil, err
	}
	if m.emb != nil {
		p.emb = &Embedding{Weight: slices.Clone(m.emb.Weight), Vocabulary: m.emb.Vocabulary, Dim: m.emb.Dim}
		if p.goBySymbol(); p.symbols == nil {
			p.first = make([]float32, batch*m.emb.Dim)
		}
	}
	return p, nil
}

// mustBeUnchanged panics if the slices of a stage were replaced after the chain was made.
func (p *ModelPredictor) mustBeUnchanged() {
	if p.model != nil {
		p.model.mustBeUnchanged(p.model.from)
	}
	p.predictors.mustBeUnchanged()
}

// Refresh copies the weights of the model again; the state stays. It panics, before it
// copies any, if a slice of an Embedding or a Linear was replaced.
func (p *ModelPredictor) Refresh() {
	p.mustBeUnchanged()
	if p.emb != nil {
		copy(p.emb.Weight, p.model.Weight)
	}
	p.predictors.Refresh()
}

// Dims returns the number of rows and the widths of Step.
func (p *ModelPredictor) Dims() (batch, in, out int) { return p.batch, p.in, p.out }

// TakesIDs says whether the model begins with an Embedding: then StepIDs is to be called in
// place of Step.
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
	p.step(y, x, nil)
}

// StepIDs sets y [batch][out] from ids [batch] and advances the state. A bad id
// is an *IDError; y and the state are then as before.
func (p *ModelPredictor) StepIDs(y []float32, ids []int32) error {
	if p == nil {
		return nilcheck.Receiver("nn", "ModelPredictor", "StepIDs")
	}
	if p.emb == nil {
		panic("nn: StepIDs of a model without an Embedding, want Step")
	}
	if len(ids) != p.batch {
		panic(fmt.Sprintf("nn: StepIDs: %d ids, want %d", len(ids), p.batch))
	}
	if err := p.emb.checkIDs(ids, max(1, p.batch), nil); err != nil {
		return err
	}
	if p.symbols != nil {
		p.ids = append(p.ids[:0], ids...)
		p.step(y, nil, p.ids)
		return nil
	}
	p.emb.lookup(p.isa, p.first, ids, 0, len(ids), max(1, p.batch), nil)
	p.step(y, p.first, nil)
	return nil
}

// step runs a step over x, or over ids that the first stage reads itself.
func (p *ModelPredictor) step(y, x []float32, ids []int32) {
	if len(y) != p.batch*p.out {
		panic(fmt.Sprintf("nn: Step: y has %d elements, want %d", len(y), p.batch*p.out))
	}
	p.moves++
	if p.batch == 0 {
		return
	}
	for i, l := range p.links {
		out := y
		if l.y != nil {
			out = l.y
		}
		if i == 0 && ids != nil {
			p.symbols.StepSymbols(out, ids)
		} else {
			l.net.Step(out, x)
		}
		x = out
	}
}

// SetState puts back what State returned, of this predictor or of a Net of the
// same rows. Nothing is changed if it returns an error.
func (p *ModelPredictor) SetState(s [][]float32) error {
	if p == nil {
		return nilcheck.Receiver("nn", "ModelPredictor", "SetState")
	}
	if err := p.predictors.SetState(s); err != nil {
		return err
	}
	p.moves++
	return nil
}

// Reset zeroes the state of the given rows, of all when there are none.
func (p *ModelPredictor) Reset(rows ...int) {
	p.moves++
	p.predictors.Reset(rows...)
}

// Reorder gives row i the state that row src[i] had.
func (p *ModelPredictor) Reorder(src []int) {
	p.moves++
	p.predictors.Reorder(src)
}
