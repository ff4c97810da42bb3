package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
)

// PoolMean is a stage, of any width, whose output at a step is the mean of the inputs of
// that row from its first step since Reset to this one:
//
//	y[t] = (x[0] + ... + x[t])/(t+1)
//
// So the output at the last step of a row is the mean over its length. To classify
// sequences, give the loss targets below 0 at all other steps: they do not count. To
// classify by the last output itself no stage is needed, only such targets.
//
// The sum and the number of steps are the state, [batch][width] and [batch], and go on
// from window to window and in a predictor. In State the number is a float32, which tells
// numbers up to 2^24 apart. Elements of x, dy and of the sum below 2^-100 count as +0.
type PoolMean struct{}

// PoolMax is a stage, of any width, whose output at a step is the largest input of that row
// from its first step since Reset to this one, element by element: y[t] = max(x[0], ...,
// x[t]). So the output at the last step of a row is the maximum over its length; see
// PoolMean. The gradient goes to the first of equal inputs. NaN counts as larger than
// all numbers.
//
// The maximum and the number of steps, in float32, are the state, [batch][width] and
// [batch]. Elements of x and dy below 2^-100 count as +0.
type PoolMax struct{}

// Dims returns zeros: any width will do.
func (PoolMean) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

// Dims returns zeros: any width will do.
func (PoolMax) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

// Bind makes the PoolMean a Net for a chain: see Unsized.
func (PoolMean) Bind(b *Binding) (Net, error) {
	n := &meanPool{newPool(b)}
	n.do.forward, n.do.backward = n.forwardRow, n.backwardRow
	return n, nil
}

// Bind makes the PoolMax a Net for a chain: see Unsized.
func (PoolMax) Bind(b *Binding) (Net, error) {
	n := &maxPool{pool: newPool(b), zero: make([]float32, b.Width)}
	n.highest = make([]float32, (1+b.Steps)*b.Batch*b.Width)
	n.do.forward, n.do.backward = n.forwardRow, n.backwardRow
	return n, nil
}

// pool is what the pools have in common: a state of one value for each element and of the
// number of steps of each row.
type pool struct {
	Stateless
	value        []float32 // the state, as is count
	count, start []int     // steps since Reset; the same before the last forward pass
	carry        []float32 // the gradient of value: that handed in, then, on the way back, of each step
	grad         []float32 // the gradient of the value before the first step
	temp         []float32 // two rows for each row of the batch
	y, x, dx, dy []float32
	do           struct{ forward, backward func(b int) }
	run          struct{ forward, backward func(w, n int) }
}

func newPool(b *Binding) *pool {
	n := b.Batch * b.Width
	p := &pool{Stateless: b.Stateless(b.Width), value: make([]float32, n), count: make([]int, b.Batch), start: make([]int, b.Batch),
		carry: make([]float32, n), grad: make([]float32, n), temp: make([]float32, 2*n)}
	p.run.forward = func(w, of int) {
		lo, hi := split.Share(p.batch, 1, w, of)
		for row := lo; row < hi; row++ {
			p.do.forward(row)
		}
	}
	p.run.backward = func(w, of int) {
		lo, hi := split.Share(p.batch, 1, w, of)
		for row := lo; row < hi; row++ {
			p.do.backward(row)
		}
	}
	return p
}

// Forward works through each row by itself.
func (p *pool) Forward(y, x []float32) {
	p.y, p.x = y, x
	copy(p.start, p.count)
	p.team.Run(p.isa, elementWork*len(y), p.run.forward)
	for b := range p.count {
		if n := p.rows.length(b); n > 0 {
			p.count[b] = p.age(b, n-1) + 1
		}
	}
	p.ClearPadding(y, p.out)
}

// Backward works through each row by itself.
func (p *pool) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	p.team.Run(p.isa, elementWork*len(dy), p.run.backward)
	if dx != nil {
		p.ClearPadding(dx, p.in)
	}
	copy(p.grad, p.carry)
	clear(p.carry)
}

// at returns row b of step t of v [T][batch][width].
func (p *pool) at(v []float32, t, b int) []float32 { return v[(t*p.batch+b)*p.in:][:p.in] }

// age returns the steps of row b before step t since it began anew.
func (p *pool) age(b, t int) int { return p.rows.age(b, t, p.start[b]) }

// SetResets does nothing: the stage has the resets of its chain.
func (p *pool) SetResets([][]int) error { return nil }

// temps returns the memory of row b.
func (p *pool) temps(b int) (x, d []float32) {
	t := p.temp[2*b*p.in:][:2*p.in]
	return t[:p.in], t[p.in:]
}

// State returns copies of the values and of the numbers of steps.
func (p *pool) State() [][]float32 {
	s := [][]float32{make([]float32, len(p.value)), make([]float32, len(p.count))}
	p.CopyState(s)
	return s
}

// CopyState is State into slices of the same lengths.
func (p *pool) CopyState(s [][]float32) {
	copy(s[0], p.value)
	for b, n := range p.count {
		s[1][b] = float32(n)
	}
}

// SetState puts back what State returned. Nothing is changed if it returns an error.
func (p *pool) SetState(s [][]float32) error {
	if err := checkLengths("state of a pool", s, []int{len(p.value), len(p.count)}); err != nil {
		return err
	}
	for b, n := range s[1] {
		if !(n >= 0 && n <= 1<<24 && n == float32(int(n))) {
			return fmt.Errorf("nn: a state of a pool with %v steps of row %d, want a whole number of 0 to 2^24", n, b)
		}
	}
	p.isa.CopyFlush(p.value, s[0])
	for b, n := range s[1] {
		p.count[b] = int(n)
	}
	return nil
}

// SetStateGrad sets the gradient of the value after the last step, nil: zero. The number of
// steps has no gradient: what is given for it is not used.
func (p *pool) SetStateGrad(g [][]float32) error {
	if g == nil {
		clear(p.carry)
		return nil
	}
	if err := checkLengths("state gradient of a pool", g, []int{len(p.value), len(p.count)}); err != nil {
		return err
	}
	p.isa.CopyFlush(p.carry, g[0])
	return nil
}

// StateGrad returns the gradient of the value before the first step, and zeros.
func (p *pool) StateGrad() [][]float32 {
	g := [][]float32{make([]float32, len(p.grad)), make([]float32, len(p.count))}
	copy(g[0], p.grad)
	return g
}

// Reset zeroes the state of the given rows, of all when there are none.
func (p *pool) Reset(rows ...int) {
	if len(rows) == 0 {
		clear(p.value)
		clear(p.count)
	}
	for _, b := range rows {
		clear(p.value[b*p.in:][:p.in])
		p.count[b] = 0
	}
}

// Reorder gives row i the state that row src[i] had.
func (p *pool) Reorder(src []int) {
	if len(src) != p.batch {
		panic(fmt.Sprintf("nn: Reorder by %d rows, want %d", len(src), p.batch))
	}
	copy(p.temp, p.value)
	copy(p.start, p.count)
	for i, b := range src {
		copy(p.value[i*p.in:][:p.in], p.temp[b*p.in:])
		p.count[i] = p.start[b]
	}
}

// meanPool is a PoolMean within one chain. Its value is the sum.
type meanPool struct{ *pool }

func (n *meanPool) forwardRow(b int) {
	sum := n.value[b*n.in:][:n.in]
	for t := range n.rows.length(b) {
		y, age := n.at(n.y, t, b), n.age(b, t)
		if n.rows.begins(b, t) {
			clear(sum)
		}
		n.isa.CopyFlush(y, n.at(n.x, t, b))
		n.isa.AddFlush(sum, sum, y)
		n.isa.Div(y, sum, float32(age+1))
	}
}

func (n *meanPool) backwardRow(b int) {
	carry := n.carry[b*n.in:][:n.in]
	d, _ := n.temps(b)
	for t := n.rows.length(b) - 1; t >= 0; t-- {
		n.isa.CopyFlush(d, n.at(n.dy, t, b))
		n.isa.Div(d, d, float32(n.age(b, t)+1))
		n.isa.AddFlush(carry, carry, d)
		if n.dx != nil {
			copy(n.at(n.dx, t, b), carry)
		}
		if n.rows.begins(b, t) {
			clear(carry)
		}
	}
}

// maxPool is a PoolMax within one chain.
type maxPool struct {
	*pool
	highest []float32 // [1+steps][batch][width]: the value before the first step, and after each
	zero    []float32
}

// choose sets d, in which elements below 0 are those where x is larger than the maximum
// before it; a NaN is not below 0.
func (n *maxPool) choose(d, before, x []float32) {
	copy(d, before)
	n.isa.Axpy(d, x, -1)
}

func (n *maxPool) forwardRow(b int) {
	value := n.value[b*n.in:][:n.in]
	copy(n.at(n.highest, 0, b), value)
	_, d := n.temps(b)
	for t := range n.rows.length(b) {
		y, before, after := n.at(n.y, t, b), n.at(n.highest, t, b), n.at(n.highest, t+1, b)
		n.isa.CopyFlush(y, n.at(n.x, t, b))
		if n.age(b, t) > 0 {
			n.choose(d, before, y)
			n.isa.Choose(after, d, y, before, 0)
			// A NaN is larger: it alone is not below 2 when limited to [-1, 1].
			n.isa.Clip(d, y, 1)
			n.isa.Choose(y, d, after, y, 2)
		}
		copy(after, y)
		copy(value, y)
	}
}

func (n *maxPool) backwardRow(b int) {
	carry := n.carry[b*n.in:][:n.in]
	x, d := n.temps(b)
	for t := n.rows.length(b) - 1; t >= 0; t-- {
		n.isa.CopyFlush(x, n.at(n.dy, t, b))
		n.isa.AddFlush(carry, carry, x)
		if n.age(b, t) == 0 {
			if n.dx != nil {
				copy(n.at(n.dx, t, b), carry)
			}
			clear(carry)
			continue
		}
		n.isa.CopyFlush(x, n.at(n.x, t, b))
		n.choose(d, n.at(n.highest, t, b), x)
		if n.dx != nil {
			n.isa.Choose(n.at(n.dx, t, b), d, carry, n.zero, 0)
		}
		n.isa.Choose(carry, d, n.zero, carry, 0)
	}
}
