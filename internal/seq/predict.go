package seq

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// Predictor runs a network one step at a time on a packed copy of the weights.
// One goroutine may use it at a time.
type Predictor struct {
	net     *Net
	isa     kernels.ISA
	batch   int
	pack    []packing
	state   [][]float32 // for each tensor [Layers][B][width]
	next    [][]float32 // where steps split by units write the state that follows; nil if they are not
	spare   [][]float32 // Reorder's memory: one layer of each tensor
	tape    []float32   // [B][Tape], for one layer after another
	in      []float32   // [B][Input], x with tiny values as +0
	symbols heldSymbols

	workers  int
	steppers []Step
	states   [][][]Mat    // where rows are shared: of each worker and layer, its rows of each state tensor
	order    kernels.Into // of this step: see Step.Order
	bound    []boundLayer // where one worker does all rows; nil else
	x, y     []float32
	doStep   func(w, n int)

	phases       []func(s *Step) // of a step that is split by units
	layer, phase int             // under way
	doPhase      func(w, n int)
}

// A boundLayer is the products of a step of one layer, prepared: where one worker does all
// rows, no operand ever moves.
type boundLayer struct {
	input *kernels.Bound   // with the layer's input
	recur []*kernels.Bound // with the blocks of W_hh: see Step.Multiply
}

// NewPredictor makes a Predictor for a batch of rows, its state +0. It returns
// an error if a step of the network's output depends on later inputs.
func (n *Net) NewPredictor(batch int) (*Predictor, error) {
	if slices.Contains(n.Reverse, true) {
		return nil, fmt.Errorf("%s: no Predictor for a network that reads its input from the end: a step's output depends on inputs still to come; use Infer on whole sequences", n.Kind)
	}
	sh := &n.Shape
	if _, ok := mul(batch, n.Layers, max(sh.Tape, n.Input, slices.Max(sh.States))); !ok {
		return nil, fmt.Errorf("%s: Predictor for a batch of %d rows: want 0 or more, and buffers of at most %d elements", n.Kind, batch, int(maxElements))
	}
	p := &Predictor{net: n, isa: kernels.Current(), batch: batch, tape: make([]float32, batch*sh.Tape), in: make([]float32, batch*n.Input)}
	fmas := 0.0 // of a step
	for i := range n.W {
		fmas += float64(float64(batch) * float64(len(n.W[i].Ih)+len(n.W[i].Hh)))
	}
	p.chooseWorkers(fmas)
	groups := 1
	if p.phases != nil {
		groups = sh.Gates / sh.Hidden
	}
	for i := range n.W {
		k := n.newPacking(p.isa, &n.W[i], groups, false)
		k.newRecur(n, p.isa, p.phases != nil)
		p.pack = append(p.pack, k)
	}
	for _, width := range sh.States {
		p.state = append(p.state, make([]float32, n.Layers*batch*width))
		p.spare = append(p.spare, make([]float32, batch*width))
		if p.phases != nil {
			p.next = append(p.next, make([]float32, n.Layers*batch*width))
		}
	}
	for w := range p.workers {
		p.steppers = append(p.steppers, newStep(p.isa, n))
		if p.phases == nil {
			p.states = append(p.states, p.statesOf(w))
		}
	}
	p.doStep, p.doPhase = p.step, p.unitsStep
	p.Refresh()
	if p.workers == 1 && p.phases == nil && batch > 0 {
		p.bind()
	}
	return p, nil
}

// bind prepares the products of a step. Those of the cell are prepared in the first step that
// it makes, which is done here, so that no step of the user's allocates memory.
func (p *Predictor) bind() {
	sh, s := &p.net.Shape, &p.steppers[0]
	x, width := p.in, p.net.Input
	s.Rows, s.Tape.Data = p.batch, p.tape
	for l := range p.net.Layers {
		k := &p.pack[l]
		p.bound = append(p.bound, boundLayer{
			input: k.in.Bind(kernels.Set, p.batch, x, width, k.inputBias(sh), p.tape, sh.Tape),
			recur: make([]*kernels.Bound, len(sh.Recur)),
		})
		p.forward(s, l, p.states[0][l])
		x, width = p.states[0][l][0].Data, sh.States[0]
	}
	for _, state := range p.state {
		clear(state)
	}
}

// forward is a step of layer l after the products with its input.
func (p *Predictor) forward(s *Step, l int, state []Mat) {
	s.use(&p.pack[l], false)
	s.State, s.Prev, s.bound = state, state, nil
	if p.bound != nil {
		s.bound = p.bound[l].recur
	}
	p.net.Cell.Forward(s)
}

// chooseWorkers takes the number of workers for steps of so many multiply-adds, and
// decides whether they share the rows of a step or its units.
func (p *Predictor) chooseWorkers(fmas float64) {
	n, limit := p.net, split.LimitOf(p.net.Workers)
	most, shares := limit.Most(), p.batch
	if !limit.Shared() {
		shares /= fewRows
	}
	p.workers = limit.Asleep(p.isa, fmas, min(most, shares))
	cell, ok := n.Cell.(Phased)
	if !ok {
		return
	}
	weights := float64(n.Shape.Gates) * float64(n.Shape.States[0])
	if parts := unitParts(p.isa, fmas/float64(n.Layers), weights, p.batch, min(most, mostUnitParts(p.isa, n.Shape.Hidden))); parts > 0 {
		p.workers = parts
		p.phases, _ = cell.Phases()
	}
}

// Refresh copies the network's weights again, as they are now. The state
// stays.
func (p *Predictor) Refresh() {
	for i := range p.pack {
		p.pack[i].packIn(p.net, p.isa, &p.net.W[i], wholeMatrix)
		p.pack[i].packRecur(p.net, p.net.W[i].Hh, wholeMatrix)
	}
	clear(p.symbols.made)
}

// Step runs one time step: it reads x, [B][Input], sets y, [B][Out], and
// carries the state on. It panics, before it changes anything, if a length is
// wrong, or if y overlaps x or a parameter of the network.
func (p *Predictor) Step(y, x []float32) {
	n := p.net
	if len(y) != p.batch*n.Out() || len(x) != p.batch*n.Input {
		panic(fmt.Sprintf("%s: Step with len(y) = %d and len(x) = %d, want %d and %d: batch %d * %d and * %d", n.Kind, len(y), len(x), p.batch*n.Out(), p.batch*n.Input, p.batch, n.Out(), n.Input))
	}
	n.mustNotOverlap("Step", "y", y, "x", x)
	n.mustNotOverlapWeights("Step", "y", y)
	p.run(y, x)
}

// run is a step after all checks, over x or over the symbols under way.
func (p *Predictor) run(y, x []float32) {
	p.x, p.y = x, y
	p.order ^= kernels.FromLast
	if p.phases == nil {
		team.Run(p.workers, p.doStep)
	} else {
		p.stepByUnits()
	}
	p.x, p.y = nil, nil
}

// stepByUnits runs a step whose units are shared by the workers, phase by phase.
func (p *Predictor) stepByUnits() {
	if p.symbols.ids == nil {
		p.isa.CopyFlush(p.in, p.x)
	}
	for p.layer = range p.net.Layers {
		for p.phase = range p.phases {
			team.Run(p.workers, p.doPhase)
		}
	}
	p.state, p.next = p.next, p.state
	h := p.net.Shape.States[0]
	copy(p.y, p.state[0][(p.net.Layers-1)*p.batch*h:])
}

// unitsStep runs the phase under way of a layer for part w of n of the units. The first
// phase takes the products with the layer's input along.
func (p *Predictor) unitsStep(w, n int) {
	sh, l, k, s := &p.net.Shape, p.layer, &p.pack[p.layer], &p.steppers[w]
	s.use(k, false)
	s.Rows, s.Tape.Data, s.Order = p.batch, p.tape, p.order
	s.W, s.N = w, n
	s.Lo, s.Hi = k.in.Columns(w, n)
	for i, width := range sh.States {
		at := l * p.batch * width
		s.Prev[i] = Mat{Data: p.state[i][at:], Stride: width, Width: width}
		s.State[i] = Mat{Data: p.next[i][at:], Stride: width, Width: width}
	}
	if p.phase == 0 {
		x, width := p.in, p.net.Input
		if l > 0 {
			width = sh.States[0]
			x = p.next[0][(l-1)*p.batch*width:]
		}
		if l == 0 && p.symbols.ids != nil {
			for from := 0; from < sh.Gates; from += sh.Hidden {
				p.copyHeld(0, p.batch, from+s.Lo, from+s.Hi)
			}
		} else {
			k.inputProduct(sh, part{w, n}, p.order, p.batch, x, width, p.tape, sh.Tape)
		}
	}
	p.phases[p.phase](s)
}

// statesOf is where worker w finds its rows of the state, [Layers] of each tensor. A step sets
// them in place, so they stay where they are.
func (p *Predictor) statesOf(w int) (list [][]Mat) {
	sh := &p.net.Shape
	b, _ := split.Share(p.batch, 1, w, p.workers)
	for l := range p.net.Layers {
		var m []Mat
		for i, width := range sh.States {
			m = append(m, Mat{Data: p.state[i][(l*p.batch+b)*width:], Stride: width, Width: width})
		}
		list = append(list, m)
	}
	return list
}

// step runs all layers for a share of the rows.
func (p *Predictor) step(w, n int) {
	sh := &p.net.Shape
	b, end := split.Share(p.batch, 1, w, n)
	if b == end {
		return
	}
	s := &p.steppers[w]
	s.Rows, s.Order = end-b, p.order
	s.Tape.Data = p.tape[b*sh.Tape:]
	width := p.net.Input
	x := p.in[b*width : end*width]
	if p.symbols.ids == nil {
		p.isa.CopyFlush(x, p.x[b*width:end*width])
	}
	for l := range p.net.Layers {
		switch {
		case l == 0 && p.symbols.ids != nil:
			p.copyHeld(b, end, 0, sh.Gates)
		case p.bound != nil:
			p.bound[l].input.Gemm(p.order)
		default:
			p.pack[l].inputProduct(sh, wholeMatrix, p.order, s.Rows, x, width, s.Tape.Data, sh.Tape)
		}
		p.forward(s, l, p.states[w][l])
		x, width = s.State[0].Data, sh.States[0]
	}
	copy(p.y[b*width:end*width], x)
}

// State returns copies of the state's tensors, [Layers][B][width] each.
func (p *Predictor) State() [][]float32 { return clone(p.state) }

// CopyState is State into slices that are there already, as State returns them. It
// panics, before it changes anything, if they have another shape, or if one overlaps
// another or a parameter of the network.
func (p *Predictor) CopyState(dst [][]float32) {
	if err := p.net.checkState("state", dst, p.state); err != nil {
		panic(err.Error())
	}
	for k, d := range dst {
		for j, other := range dst[:k] {
			p.net.mustNotOverlap("CopyState", tensorNames[k], d, tensorNames[j], other)
		}
		p.net.mustNotOverlapWeights("CopyState", tensorNames[k], d)
	}
	for k, d := range dst {
		copy(d, p.state[k])
	}
}

// SetState sets the state, tiny values as +0. Nothing is changed if it returns an
// error.
func (p *Predictor) SetState(s [][]float32) error {
	return p.net.setState(p.isa, "state", p.state, s)
}

// Reset sets the state of rows, or of all rows if none is given, to +0. It
// panics if a row is outside the batch.
func (p *Predictor) Reset(rows ...int) { p.net.reset(p.state, p.batch, rows) }

// Reorder gives row b the state that row src[b] had, for every b at once, as a
// beam search needs it. It panics, before it changes anything, if src has not
// one row of the batch for each row.
func (p *Predictor) Reorder(src []int) {
	if len(src) != p.batch {
		panic(fmt.Sprintf("%s: Reorder with %d rows for a batch of %d", p.net.Kind, len(src), p.batch))
	}
	for b, from := range src {
		if from < 0 || from >= p.batch {
			panic(fmt.Sprintf("%s: Reorder of row %d from row %d, outside a batch of %d", p.net.Kind, b, from, p.batch))
		}
	}
	for k, width := range p.net.Shape.States {
		old := p.spare[k]
		for l := range p.net.Layers {
			layer := p.state[k][l*p.batch*width:][:p.batch*width]
			copy(old, layer)
			for b, from := range src {
				copy(layer[b*width:][:width], old[from*width:])
			}
		}
	}
}

// Dims returns the sizes of what Step takes: rows of a batch, widths of an
// input and of an output row.
func (p *Predictor) Dims() (batch, in, out int) { return p.batch, p.net.Input, p.net.Out() }
