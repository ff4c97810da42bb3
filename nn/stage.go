package nn

import (
	"errors"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Stage is one link of a Chain: any Net, an Unsized stage, or an *Embedding, which is
// the first. Dims is that of Net; steps and batch are 0 for a stage that takes those of
// the chain.
type Stage interface {
	Dims() (steps, batch, in, out int)
}

// An Unsized stage has no steps and rows of its own: Linear, Dropout, LayerNorm,
// Activation, the pools, and what a program adds. A chain calls Bind once and works
// with the Net that it returns. Dims says the widths in and out; both are 0 if the
// output is as wide as the input and any width will do.
//
// To add a stage, write a type with Dims and Bind. Bind returns a second type that has
// what the stage needs for one chain; it embeds Stateless, which has all methods of Net
// but Forward and Backward, and adds EachParam and ZeroGrads if there are parameters.
// The example is a whole one. CheckGradients tells whether its Backward is right.
//
// A Predictor of the chain binds the stage anew, for one step at a time, if the Net
// embeds Stateless and has no NewPredictor of its own. Such a stage of a predictor reads
// the parameters where they are: a change of them shows at once, not at Refresh.
type Unsized interface {
	Stage

	// Bind returns the stage for a chain: a Net of the steps, rows and width of b. It is
	// called once for each chain and each predictor, before the first pass, and keeps
	// b.Stateless and no more of b. On an error there is no chain.
	Bind(b *Binding) (Net, error)
}

// A Binding is what a chain gives a stage to work in.
type Binding struct {
	Steps, Batch int  // of the chain
	Width        int  // of the input
	Infer        bool // the chain has no gradients, and Backward is not called

	group  *group
	emb    *Embedding  // the first stage of the whole chain, or nil
	place  int         // index of the stage
	owned  bool        // the input is memory of the chain, in which the stage may flush
	handed [][]float32 // what Gradient returned
}

// Gradient returns memory for the gradient of a parameter w, zero at first and as long as
// w: that of an earlier stage of the chain if that has the same w and asked here too, so
// that the gradients of a shared parameter are summed in one place. It is nil in a chain
// for inference.
func (b *Binding) Gradient(w []float32) []float32 {
	if b.Infer {
		return nil
	}
	g := b.group.params.gradient(w)
	b.handed = append(b.handed, g)
	return g
}

// Stateless returns what a stage of the given output width embeds.
func (b *Binding) Stateless(out int) Stateless {
	g := b.group
	return Stateless{steps: b.Steps, batch: b.Batch, in: b.Width, out: out, isa: g.isa, team: &g.team, rows: &g.rows}
}

// Stateless has the methods of a Net without state and without parameters, but for
// Forward and Backward, for the Net of an Unsized stage to embed: see there. It comes from
// Binding.Stateless; the zero value panics.
type Stateless struct {
	steps, batch, in, out int

	isa  kernels.ISA
	team *crew.Crew // of the chain, as are the rows
	rows *rows
}

// zeroing sets gradients to +0 on the workers of a team.
type zeroing struct {
	g    []float32
	part func(w, n int)
}

// zeroWork is how many multiply-adds take as long as writing an element.
const zeroWork = 8

func (z *zeroing) run(team *crew.Crew, isa kernels.ISA, g []float32) {
	if z.part == nil {
		z.part = func(w, n int) {
			lo, hi := split.Share(len(z.g), block, w, n)
			clear(z.g[lo:hi])
		}
	}
	z.g = g
	team.Run(isa, zeroWork*len(g), z.part)
	z.g = nil
}

// Pairs returns, during Backward, the rows p = t*batch + b of x [T][batch][width] that exist
// in the last forward pass: all but those past the ends of rows. They stand in the order in which a
// sum over them is formed (rule 4 of the numerics contract): the last step first, and the
// rows of the batch in ascending order. The slice is the chain's, and only to be read.
func (s *Stateless) Pairs() []int32 { return s.rows.pairs }

// Length returns the steps of row b in the last forward pass, that under way included: where a row
// ends before the others, a step from Length on is past its end. b is below the rows of the chain.
func (s *Stateless) Length(b int) int { return s.rows.length(b) }

// ClearPadding sets the elements of v [T][batch][width] past the ends of rows to +0, as
// Net demands of y and dx. v is y or dx of the last pass; nil is left alone.
func (s *Stateless) ClearPadding(v []float32, width int) {
	if v != nil {
		s.rows.clearPadding(v, width)
	}
}

// Dims returns the steps and rows of the chain and the widths of the stage.
func (s *Stateless) Dims() (steps, batch, in, out int) {
	if s.rows == nil {
		panic("nn: a Stateless that does not come from Binding.Stateless")
	}
	return s.steps, s.batch, s.in, s.out
}

// SetLengths does nothing: the stage has the lengths of its chain.
func (s *Stateless) SetLengths([]int) error { return nil }

// SetTraining does nothing.
func (s *Stateless) SetTraining(bool) {}

// State returns nil: there is none.
func (s *Stateless) State() [][]float32 { return nil }

// SetState returns an error if the state is not empty.
func (s *Stateless) SetState(state [][]float32) error { return checkLengths("state", state, nil) }

// SetStateGrad returns an error if the gradient is not empty.
func (s *Stateless) SetStateGrad(g [][]float32) error {
	return checkLengths("state gradient", g, nil)
}

// StateGrad returns nil: there is no state.
func (s *Stateless) StateGrad() [][]float32 { return nil }

// Reset does nothing.
func (s *Stateless) Reset(...int) {}

// ZeroGrads does nothing.
func (s *Stateless) ZeroGrads() {}

// EachParam does nothing.
func (s *Stateless) EachParam(func(name string, w, g []float32)) {}

var errBindAnew = errors.New("nn: the predictor of a stage that embeds Stateless is made by its chain")

// NewPredictor returns an error that tells the chain to bind the stage anew for its
// predictor.
func (s *Stateless) NewPredictor(int) (any, error) { return nil, errBindAnew }
