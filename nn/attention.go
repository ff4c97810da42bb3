package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
)

// An AttentionPool is a stage that pools the steps of a row by attention: its own stages, one
// after another as in a chain, give each step a score, and the output at a step is the mean of the
// inputs of that row from its first step since Reset to this one, weighted by the softmax of their
// scores:
//
//	y[t] = (e^z[0] x[0] + ... + e^z[t] x[t]) / (e^z[0] + ... + e^z[t])      z = score(x)
//
// So the output at the last step of a row is the attention over its length. To classify
// sequences, give the loss targets below 0 at all other steps: see PoolMean. The score of
//
//	nn.AttentionPool{toUnits, nn.Tanh, toScore}
//
// is that of Yang, Yang, Dyer, He, Smola and Hovy 2016, toUnits and toScore being Linears, the
// second of width 1. One Linear of width 1 is a score too. The last of the stages has the width 1,
// and one of them says the width of the input, which is that of the output. They are named as in a
// Sequential: "2.0.weight" is of the first stage of an AttentionPool that is stage 2.
//
// Beside the state of its stages it has three tensors, which go on from window to window and in a
// predictor: the sum of weighted inputs, [batch][width], that of the weights, [batch], 0 where a
// row begins anew, and the largest score, [batch], which both are relative to. Elements of x, dy
// and of the sums below 2^-100 count as +0. A score of -Inf weighs nothing, but as the first of a
// row it makes all means of it NaN, as a score of +Inf or NaN does those from its step on.
type AttentionPool []Stage

func (s AttentionPool) parts() []Stage { return s }

// Dims returns the width of the input twice, and 0 steps and rows: those of its Nets and of the
// chain must be the same.
func (s AttentionPool) Dims() (steps, batch, in, out int) {
	_, _, in, _ = dimsOfSequence(s)
	return 0, 0, in, in
}

func (s AttentionPool) check() error {
	if err := checkParts("an AttentionPool", s); err != nil {
		return err
	}
	if _, _, in, out := dimsOfSequence(s); out != 1 {
		return fmt.Errorf("an AttentionPool whose stages go from width %d to %d, want 1, a score; end them with a Linear of width 1", in, out)
	}
	return nil
}

// Bind makes the AttentionPool a Net for a chain: see Unsized.
func (s AttentionPool) Bind(b *Binding) (Net, error) {
	m, err := b.chain(append(s[:len(s):len(s)], &weigher{width: b.Width}))
	if err != nil {
		return nil, err
	}
	a := &attentionPool{Model: m, of: m.links[len(m.links)-1].net.(*weighing)}
	a.part = a.add
	return a, nil
}

// attentionPool is an AttentionPool within one chain: the chain of its stages, the last of which
// weighs the inputs of the whole.
type attentionPool struct {
	*Model
	of   *weighing
	dx   []float32
	part func(w, n int)
}

func (a *attentionPool) Forward(y, x []float32) {
	a.of.values = x
	a.Model.Forward(y, x)
}

func (a *attentionPool) Backward(dx, dy []float32) {
	a.Model.Backward(dx, dy)
	if dx != nil {
		a.dx = dx
		a.team.Run(a.isa, elementWork*len(dx), a.part)
		a.rows.clearPadding(dx, a.in)
	}
}

// add adds the gradients of the inputs as values to those by their scores.
func (a *attentionPool) add(w, n int) {
	lo, hi := split.Share(len(a.dx), block, w, n)
	a.isa.AddFlush(a.dx[lo:hi], a.dx[lo:hi], a.of.dvalues[lo:hi])
}

// OnGradients is that of a Model: what is added to dx is no gradient of a parameter.
func (a *attentionPool) OnGradients(f func(n int)) any {
	a.Model.OnGradients(f)
	return a
}

// NewPredictor returns the AttentionPool for one step at a time.
func (a *attentionPool) NewPredictor(batch int) (any, error) {
	p, err := a.Model.Predictor(batch)
	if err != nil {
		return nil, err
	}
	last := p.links[len(p.links)-1].net.(*stepper)
	return &attentionPredictor{p, last.Net.(*weighing)}, nil
}

type attentionPredictor struct {
	*ModelPredictor
	of *weighing
}

func (p *attentionPredictor) Step(y, x []float32) {
	p.of.values = x
	p.ModelPredictor.Step(y, x)
}

// A weigher is the last stage of an AttentionPool: from a score to the weighted mean.
type weigher struct{ width int }

func (s *weigher) Dims() (steps, batch, in, out int) { return 0, 0, 1, s.width }

func (s *weigher) Bind(b *Binding) (Net, error) {
	n := b.Batch * s.width
	w := &weighing{Stateless: b.Stateless(s.width)}
	w.state = weights{make([]float32, n), make([]float32, b.Batch), make([]float32, b.Batch)}
	w.lengths = []int{n, b.Batch, b.Batch}
	w.temp = make([]float32, 2*n)
	w.numbers = make([]float32, numbersOfRow*b.Batch)
	w.forward, w.backward = w.forwardRows, w.backwardRows
	if b.Infer {
		return w, nil
	}
	pairs := b.Steps * b.Batch
	w.first = weights{make([]float32, n), make([]float32, b.Batch), make([]float32, b.Batch)}
	w.carry = weights{make([]float32, n), make([]float32, b.Batch), make([]float32, b.Batch)}
	w.grad = weights{make([]float32, n), make([]float32, b.Batch), make([]float32, b.Batch)}
	w.tape = make([]float32, stepTape*pairs)
	w.sums, w.dvalues = pages.Floats(pairs*s.width), pages.Floats(pairs*s.width)
	return w, nil
}

// weights are the tensors of the state, or what belongs to them.
type weights struct {
	values []float32 // [batch][width]: the sum of weighted inputs
	sum    []float32 // [batch]: of the weights
	top    []float32 // [batch]: the largest score
}

func (w *weights) list() [][]float32 { return [][]float32{w.values, w.sum, w.top} }

func (w *weights) copy(from *weights) {
	copy(w.values, from.values)
	copy(w.sum, from.sum)
	copy(w.top, from.top)
}

const (
	// What a step keeps of a row: the weight of its input, by what the sums before it are
	// multiplied, the sum of the weights, and its score less the largest before it.
	stepTape = 4

	numbersOfRow = 2 // memory of a row for single numbers

	// A sum of weights below this is that of no step: after a step it is at least 1, the weight
	// of the largest score.
	noWeights = 0.5
)

// weighing is a weigher within one chain.
type weighing struct {
	Stateless
	values  []float32 // x of the AttentionPool, for the pass under way and Backward
	dvalues []float32 // its gradient, without that by the scores
	sums    []float32 // the sum of weighted inputs after each step, [steps][batch][width]
	tape    []float32 // [steps][batch][stepTape]

	state, first weights // now, and before the last forward pass
	carry, grad  weights // gradients: handed in and carried back; of the state before the first step

	lengths       []int     // of the tensors of the state
	temp, numbers []float32 // of each row two vectors, and numbersOfRow

	y, x, dx, dy      []float32
	forward, backward func(w, n int)
}

// pair is the part of row b of step t in v, [T][batch][width].
func (n *weighing) pair(v []float32, t, b, width int) []float32 {
	return v[(t*n.batch+b)*width:][:width]
}

func (n *weighing) Forward(y, x []float32) {
	n.y, n.x = y, x
	if n.first.values != nil {
		n.first.copy(&n.state)
	}
	n.team.Run(n.isa, elementWork*len(y), n.forward)
	n.ClearPadding(y, n.out)
}

func (n *weighing) forwardRows(w, of int) {
	lo, hi := split.Share(n.batch, 1, w, of)
	for b := lo; b < hi; b++ {
		for t := range n.rows.length(b) {
			n.step(t, b)
		}
	}
}

// step takes one more step of row b. Numbers of a row are slices of one element, which kernels
// work on as they do on others.
func (n *weighing) step(t, b int) {
	value, sum, top := n.state.values[b*n.out:][:n.out], n.state.sum[b:b+1], n.state.top[b:b+1]
	x, kept := n.temp[b*n.out:][:n.out], n.numbers[numbersOfRow*b:][:numbersOfRow]
	z, less := kept[:1], kept[1:2]
	var room [stepTape]float32
	tape := room[:]
	if n.tape != nil {
		tape = n.pair(n.tape, t, b, stepTape)
	}
	weight, scale, total, above := tape[:1], tape[1:2], tape[2:3], tape[3:4]
	if n.rows.begins(b, t) {
		clear(value)
		clear(sum)
	}
	n.isa.CopyFlush(z, n.pair(n.x, t, b, 1))
	n.isa.Choose(top, sum, z, top, noWeights) // of the first step there is no other
	n.isa.Sub(above, z, top)
	n.isa.Choose(less, above, top, z, 0) // the larger of both; z where it is no number
	n.isa.Sub(scale, top, less)
	copy(top, less)
	n.isa.Sub(weight, z, top)
	n.isa.Exp(tape[:2], tape[:2])
	n.isa.CopyFlush(tape[:2], tape[:2])
	n.isa.MulFlush(sum, sum, scale)
	n.isa.Add(sum, sum, weight)
	copy(total, sum)
	n.isa.CopyFlush(x, n.pair(n.values, t, b, n.out))
	n.accumulate(value, x, tape)
	n.divide(n.pair(n.y, t, b, n.out), value, total)
	if n.sums != nil {
		copy(n.pair(n.sums, t, b, n.out), value)
	}
}

// accumulate multiplies the sum so far by the second number of a tape and adds x times the first.
func (n *weighing) accumulate(value, x, tape []float32) {
	if scale := tape[1]; scale != 1 { // mostly the largest score is one before, and it is 1
		n.isa.ScaleFlush(value, value, scale)
	}
	n.isa.Axpy(value, x, tape[0])
	n.isa.CopyFlush(value, value)
}

// divide sets y to v over one number.
func (n *weighing) divide(y, v, by []float32) { n.isa.Div(y, v, by[0]) }

// scaled sets y to v times one number, flushed.
func (n *weighing) scaled(y, v, by []float32) { n.isa.ScaleFlush(y, v, by[0]) }

// dot sets one number to the product of two vectors.
func (n *weighing) dot(to, a, b []float32) { to[0] = n.isa.Dot(a, b) }

func (n *weighing) Backward(dx, dy []float32) {
	n.dx, n.dy = dx, dy
	n.team.Run(n.isa, 2*elementWork*len(dy), n.backward)
	if dx != nil {
		n.ClearPadding(dx, 1)
	}
	n.ClearPadding(n.dvalues[:len(dy)], n.out)
	n.grad.copy(&n.carry)
	for _, v := range [...][]float32{n.carry.values, n.carry.sum, n.carry.top} {
		clear(v)
	}
}

func (n *weighing) backwardRows(w, of int) {
	lo, hi := split.Share(n.batch, 1, w, of)
	for b := lo; b < hi; b++ {
		if n.rows.length(b) > 0 {
			n.backwardRow(b)
		}
	}
}

// backwardRow goes back through row b. A weight is e^(z-top): where its score is below the largest
// before it, the gradient of the difference goes to z, and away from top. Where z is the new top
// its weight is 1, and what was before is multiplied by e^(top-z).
func (n *weighing) backwardRow(b int) {
	value, sum, top := n.carry.values[b*n.out:][:n.out], n.carry.sum[b:b+1], n.carry.top[b:b+1]
	temp := n.temp[2*b*n.out:][:2*n.out]
	x, d := temp[:n.out], temp[n.out:]
	kept := n.numbers[numbersOfRow*b:][:numbersOfRow]
	p, q := kept[:1], kept[1:2]
	for t := n.rows.length(b) - 1; t >= 0; t-- {
		tape := n.pair(n.tape, t, b, stepTape)
		weight, scale, total, above := tape[:1], tape[1:2], tape[2:3], tape[3:4]
		n.isa.CopyFlush(d, n.pair(n.dy, t, b, n.out))
		n.divide(d, d, total)
		n.isa.AddFlush(value, value, d)
		n.dot(p, d, n.pair(n.sums, t, b, n.out))
		n.divide(p, p, total)
		n.isa.Sub(sum, sum, p)
		n.isa.CopyFlush(x, n.pair(n.values, t, b, n.out))
		n.scaled(n.pair(n.dvalues, t, b, n.out), value, weight)
		if n.below(above) {
			n.dot(p, value, x)
			n.isa.Add(p, p, sum)
			n.isa.MulFlush(p, p, weight)
			n.isa.Sub(top, top, p)
		} else {
			before, all := n.first.values[b*n.out:][:n.out], n.first.sum[b:b+1]
			if t > 0 {
				before, all = n.pair(n.sums, t-1, b, n.out), n.pair(n.tape, t-1, b, stepTape)[2:3]
			}
			if n.rows.begins(b, t) || n.none(all) {
				clear(q) // no largest score has come before
			} else {
				n.dot(q, value, before)
				n.isa.MulAdd(q, sum, all)
				n.isa.MulFlush(q, q, scale)
			}
			n.isa.Sub(p, top, q)
			copy(top, q)
		}
		if n.dx != nil {
			copy(n.pair(n.dx, t, b, 1), p)
		}
		n.back(value, scale)
		n.isa.MulFlush(sum, sum, scale)
		if n.rows.begins(b, t) {
			clear(value)
			clear(sum)
		}
	}
}

// below says whether one number is below 0.
func (n *weighing) below(v []float32) bool { return v[0] < 0 }

// none says whether a sum of weights is that of no step.
func (n *weighing) none(sum []float32) bool { return sum[0] < noWeights }

// back multiplies a gradient by one number, which mostly is 1.
func (n *weighing) back(value, by []float32) {
	if scale := by[0]; scale != 1 {
		n.isa.ScaleFlush(value, value, scale)
	}
}

// SetResets does nothing: the stage has the resets of its chain.
func (n *weighing) SetResets([][]int) error { return nil }

// State returns copies of the sums and of the largest scores.
func (n *weighing) State() [][]float32 { return copies(&n.state) }

func copies(w *weights) [][]float32 {
	var out [][]float32
	for _, v := range w.list() {
		out = append(out, append([]float32{}, v...))
	}
	return out
}

// CopyState is State into slices of the same lengths.
func (n *weighing) CopyState(s [][]float32) {
	copy(s[0], n.state.values)
	copy(s[1], n.state.sum)
	copy(s[2], n.state.top)
}

// SetState puts back what State returned. Nothing is changed if it returns an error.
func (n *weighing) SetState(s [][]float32) error {
	return n.set(&n.state, "state of an AttentionPool", s)
}

func (n *weighing) set(to *weights, what string, s [][]float32) error {
	if err := checkLengths(what, s, n.lengths); err != nil {
		return err
	}
	n.isa.CopyFlush(to.values, s[0])
	n.isa.CopyFlush(to.sum, s[1])
	n.isa.CopyFlush(to.top, s[2])
	return nil
}

// SetStateGrad sets the gradient of the state after the last step, nil: zero.
func (n *weighing) SetStateGrad(g [][]float32) error {
	if g != nil {
		return n.set(&n.carry, "state gradient of an AttentionPool", g)
	}
	for _, v := range n.carry.list() {
		clear(v)
	}
	return nil
}

// StateGrad returns the gradient of the state before the first step.
func (n *weighing) StateGrad() [][]float32 { return copies(&n.grad) }

// Reset zeroes the state of the given rows, of all when there are none.
func (n *weighing) Reset(rows ...int) {
	if len(rows) == 0 {
		clear(n.state.values)
		clear(n.state.sum)
		clear(n.state.top)
	}
	for _, b := range rows {
		clear(n.state.values[b*n.out:][:n.out])
		clear(n.state.sum[b : b+1])
		clear(n.state.top[b : b+1])
	}
}

// Reorder gives row i the state that row src[i] had.
func (n *weighing) Reorder(src []int) {
	if len(src) != n.batch {
		panic(fmt.Sprintf("nn: Reorder by %d rows, want %d", len(src), n.batch))
	}
	for _, v := range [...]struct {
		of    []float32
		width int
	}{{n.state.values, n.out}, {n.state.sum, 1}, {n.state.top, 1}} {
		copy(n.temp, v.of)
		for i, b := range src {
			copy(v.of[i*v.width:][:v.width], n.temp[b*v.width:])
		}
	}
}
