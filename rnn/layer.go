package rnn

import "github.com/simdrnn/simdrnn/internal/seq"

// Unrolled is a Layer laid out in time for a number of steps and a batch. It
// owns the activations, the gradients and the carried state, and is for one
// goroutine at a time. It satisfies bptt.Net.
type Unrolled struct {
	layer *Layer
	seq   *seq.Unrolled
}

// Unroll allocates all that training needs for up to steps steps and batch
// rows: 2*Hidden floats for each step, row and direction of each layer, the
// gradients, and a packed copy of the weights. The kernels used are those
// current now, whatever is chosen later. The carried state and the gradients
// start at +0. Unroll panics if a size is negative or if (steps+2)*batch
// is not below 2^31.
//
// Of what Config adds, Zoneout and HiddenDropout keep Hidden floats more each,
// LayerNorm 4*Hidden + 2. WeightDropout has a copy of W_hh for each worker, at most
// two for each direction of each layer.
func (l *Layer) Unroll(steps, batch int) *Unrolled {
	return &Unrolled{l, l.net.Unroll(steps, batch, true)}
}

// Infer is Unroll for whole sequences without a backward pass: it keeps no
// activations but a layer's input and output, and has no gradients. Backward
// and SetStateGrad panic. Forward gives the same bits as that of Unroll in the same
// mode, which is evaluation at first.
func (l *Layer) Infer(steps, batch int) *Unrolled {
	return &Unrolled{l, l.net.Unroll(steps, batch, false)}
}

// Dims returns the most steps of a Forward, the rows of the batch, and the
// widths of an input and of an output row.
func (u *Unrolled) Dims() (steps, batch, in, out int) { return u.seq.Dims() }

// Forward runs the stack over x, [T][batch][Input], and sets y,
// [T][batch][Out], for any T from 0 to the steps that were unrolled. It starts
// from the carried state and leaves the last state to the next call, so that a
// sequence may be cut anywhere without changing a bit. It uses the weights as
// they are now.
//
// After Unroll it keeps x, not a copy, until Backward: do not change it in
// between. It panics if len(y) and len(x) do not belong to one T, if T is too
// large, or if a length given to SetLengths is beyond T.
func (u *Unrolled) Forward(y, x []float32) { u.seq.Forward(y, x) }

// Backward goes back over the steps of the last Forward. It takes dy,
// [T][batch][Out], sets dx, [T][batch][Input], unless it is nil, adds to the
// gradients of the parameters, and sets the gradients of the state that
// Forward started from (StateGrad). The weights must be those of Forward.
//
// It works in the memory of the activations, so each Forward serves one
// Backward: a second one panics, as wrong lengths do.
func (u *Unrolled) Backward(dx, dy []float32) { u.seq.Backward(dx, dy) }

// SetLengths says how many steps of each row exist, 0 to the steps unrolled,
// in any order; nil stands for all. It holds until the next call. Past its
// length a row's state stays as it is, y and dx are +0, and what stands in x
// and dy there changes nothing. A reverse direction starts at each row's own
// end. The lengths are copied. On an error nothing is changed; otherwise there
// is no Backward any more for a Forward that came before.
func (u *Unrolled) SetLengths(lengths []int) error { return u.seq.SetLengths(lengths) }

// SetBatchFirst makes x, y, dx and dy of the calls that follow [batch][T][width]
// in place of [T][batch][width], whatever T is. Rows are picked out where they
// lie, so nothing else is turned round; states keep their shape, and no bit of
// any result changes. Package bptt wants [T][batch][width]. Like SetLengths it
// ends what a Forward before it has left for Backward.
func (u *Unrolled) SetBatchFirst(on bool) { u.seq.SetBatchFirst(on) }

// SetTraining switches between training, the way what Unroll made starts, in which
// random masks are drawn, and evaluation, the way what Infer made starts. It is
// about the calls of Forward that follow. Without masks in Config it changes
// nothing.
func (u *Unrolled) SetTraining(on bool) { u.seq.SetTraining(on) }

// SetSeed sets what random masks follow from, 0 at first, and begins anew to count
// training steps. Whether an element is hit depends on the seed, the layer, its
// direction, the training step, the steps of its row since Reset, the row's id and
// the unit, and on nothing else. A training step ends with a Backward. Networks that
// work together want seeds of their own, or the same units of both are hit. SetSeed
// ends what a Forward before it has left for Backward.
func (u *Unrolled) SetSeed(seed uint64) { u.seq.SetSeed(seed) }

// SetRowIDs names the rows of the batch for random masks: rows that change places
// and take their ids along keep their masks. nil names them by their places, as at
// first. The ids are copied. It ends what a Forward before it has left for
// Backward. No other method returns the ids: a run that names rows has to name them
// again when it goes on.
func (u *Unrolled) SetRowIDs(ids []uint32) error { return u.seq.SetRowIDs(ids) }

// MaskState returns the seed and the training step that the masks of the next
// Forward follow from, nil without masks in Config. SetMaskState puts them back; on
// an error nothing is changed. It ends what a Forward before it has left for
// Backward.
func (u *Unrolled) MaskState() []uint64           { return u.seq.MaskState() }
func (u *Unrolled) SetMaskState(s []uint64) error { return u.seq.SetMaskState(s) }

// Clock returns for each row of the batch its steps since Reset, from which its
// masks follow too. Together with State, MaskState and the ids of SetRowIDs it is all
// that a run has to keep to go on as it would have. SetClock puts it back; on an error nothing is
// changed.
func (u *Unrolled) Clock() []uint64           { return u.seq.Clock() }
func (u *Unrolled) SetClock(c []uint64) error { return u.seq.SetClock(c) }

// SetWorkers changes Config.Workers for this Unrolled; it may allocate.
func (u *Unrolled) SetWorkers(n int) { u.seq.SetWorkers(n) }

// State returns copies of the carried state: h,
// [Layers*Directions][batch][Hidden].
func (u *Unrolled) State() [][]float32 { return u.seq.State() }

// HiddenStates sets dst, [T][batch][Directions*Hidden], to the h of a layer after
// each step of the last Forward: the outputs of its directions, the forward one
// first, before Merge joins them and before any mask of the layer above. It is +0
// past each row's length. With SetBatchFirst dst is [batch][T][...]. Layers count
// from 0. Backward leaves the h as they are; SetLengths and SetBatchFirst end them.
// HiddenStates panics after these, if there is no such layer, if len(dst) does not
// fit, and after Infer, which keeps no h.
func (u *Unrolled) HiddenStates(layer int, dst []float32) {
	u.seq.Sequence("HiddenStates", 0, layer, dst)
}

// CopyState sets dst, shaped as State returns it, to the carried state. It
// panics if dst is shaped otherwise.
func (u *Unrolled) CopyState(dst [][]float32) { u.seq.CopyState(dst) }

// SetState sets the carried state, shaped as State returns it, from copies. On
// an error nothing is changed.
func (u *Unrolled) SetState(s [][]float32) error { return u.seq.SetState(s) }

// StateGrad returns copies of the gradients of the state that the last
// Forward started from, as the last Backward set them, shaped like State.
func (u *Unrolled) StateGrad() [][]float32 { return u.seq.StateGrad() }

// SetStateGrad hands the next Backward, and only that, the gradients of the
// state that its Forward ended with, shaped like State; nil stands for +0, as
// no call does. On an error nothing is changed.
//
// Where a sequence is cut into parts that go backward last to first, StateGrad
// of one part is SetStateGrad of the part before: dx and StateGrad then have
// the bits of the uncut sequence, and so have the gradients of weights if the
// cuts leave a multiple of ceil(256/batch) steps behind them.
// With random masks all parts have to see the MaskState of the first and the Clock
// that is theirs.
func (u *Unrolled) SetStateGrad(g [][]float32) error { return u.seq.SetStateGrad(g) }

// Reset sets the carried state of the given rows of the batch, or of all rows
// if none is given, to +0. It panics if there is no such row.
func (u *Unrolled) Reset(rows ...int) { u.seq.Reset(rows...) }

// ZeroGrads sets the gradients of all parameters to +0.
func (u *Unrolled) ZeroGrads() { u.seq.ZeroGrads() }

// EachParam calls f for each parameter in the order of Layer.EachParam: its
// name, its values and their gradients. w is the Layer's memory, shared by all
// who use it; g is the Unrolled's own, nil after Infer. Both stay where they
// are.
func (u *Unrolled) EachParam(f func(name string, w, g []float32)) { u.seq.EachParam(f) }

// NewPredictor is Layer.Predictor in the form that bptt.Net asks for: what it
// returns is a *Predictor.
func (u *Unrolled) NewPredictor(batch int) (any, error) {
	p, err := u.layer.Predictor(batch)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Predictor runs a Layer one step at a time on a packed copy of its weights,
// with the same bits as Forward. It is for one goroutine at a time.
type Predictor struct{ seq *seq.Predictor }

// Predictor copies the Layer's weights into a Predictor for a batch of rows,
// whose state starts at +0. It returns an error if a direction of the Layer
// reads from the end, where a step's output would depend on inputs to come, and
// if the batch is negative or too large.
func (l *Layer) Predictor(batch int) (*Predictor, error) {
	p, err := l.net.NewPredictor(batch)
	if err != nil {
		return nil, err
	}
	return &Predictor{p}, nil
}

// Dims returns the rows of the batch and the widths of an input and of an
// output row.
func (p *Predictor) Dims() (batch, in, out int) { return p.seq.Dims() }

// Step reads x, [batch][Input], sets y, [batch][Hidden], and carries the state
// on. It allocates nothing. It panics if a length is wrong.
func (p *Predictor) Step(y, x []float32) { p.seq.Step(y, x) }

// State returns copies of the state: h, [Layers][batch][Hidden].
func (p *Predictor) State() [][]float32 { return p.seq.State() }

// SetState sets the state, shaped as State returns it, from copies. On an error
// nothing is changed.
func (p *Predictor) SetState(s [][]float32) error { return p.seq.SetState(s) }

// Reset sets the state of the given rows of the batch, or of all rows if none
// is given, to +0. It panics if there is no such row.
func (p *Predictor) Reset(rows ...int) { p.seq.Reset(rows...) }

// Reorder gives each row b the state that row src[b] had; rows may repeat and
// may be dropped, as a beam search needs. It panics, with nothing changed, if
// src is not one row of the batch for each row.
func (p *Predictor) Reorder(src []int) { p.seq.Reorder(src) }

// Refresh copies the Layer's weights again, as they are now. The state stays.
func (p *Predictor) Refresh() { p.seq.Refresh() }
