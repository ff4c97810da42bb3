package nn

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A LayerNorm is a stage that gives the elements of each step mean 0 and variance 1, and
// then each a gain and a bias of its own that are trained (Ba, Kiros and Hinton 2016):
//
//	y = gain * (x - mean)/sqrt(variance + eps) + bias
//
// the variance being that of all elements of the step, divided by their number. It holds
// the weights; chains that have the same LayerNorm share them. Replace its slices before
// Chain only: a chain whose LayerNorm got other slices later panics. Elements of weights,
// x and dy below 2^-100 count as +0 (rule 8 of the numerics contract).
type LayerNorm struct {
	// Weight is the gain, [Width], named "weight" as in PyTorch.
	Weight []float32
	// Bias is [Width], named "bias"; nil for none.
	Bias  []float32
	Width int
	// Eps is 2^-100 or more; 0 stands for 1e-5, PyTorch's default.
	Eps float32
}

// NewLayerNorm returns a LayerNorm with gains 1 and biases 0. It returns an error if the
// width is below 1 or above 2^31-1.
func NewLayerNorm(width int) (*LayerNorm, error) {
	if width < 1 || width > maxElements {
		return nil, fmt.Errorf("nn: a layer norm of width %d, want 1 to %d", width, maxElements)
	}
	l := &LayerNorm{Weight: make([]float32, width), Bias: make([]float32, width), Width: width}
	for i := range l.Weight {
		l.Weight[i] = 1
	}
	return l, nil
}

// Dims returns the width, with 0 steps and rows: those of the chain are taken.
func (l *LayerNorm) Dims() (steps, batch, in, out int) { return 0, 0, l.Width, l.Width }

// check returns an error if the fields, which a caller may have set, do not fit each
// other.
func (l *LayerNorm) check() error {
	switch {
	case l.Width < 1:
		return fmt.Errorf("a layer norm of width %d, want at least 1", l.Width)
	case len(l.Weight) != l.Width:
		return fmt.Errorf("a layer norm of width %d with a Weight of %d elements, want %d", l.Width, len(l.Weight), l.Width)
	case l.Bias != nil && len(l.Bias) != l.Width:
		return fmt.Errorf("a layer norm of width %d with a Bias of %d elements, want %d, or nil for none", l.Width, len(l.Bias), l.Width)
	case l.Eps != 0 && !(l.Eps >= 0x1p-100 && l.Eps-l.Eps == 0):
		return fmt.Errorf("a layer norm with an Eps of %v, want a finite number of 2^-100 or more, or 0 for 1e-5", l.Eps)
	}
	return nil
}

// Bind makes the LayerNorm a Net for a chain: see Unsized.
func (l *LayerNorm) Bind(b *Binding) (Net, error) {
	if l == nil {
		return nil, nilcheck.Receiver("nn", "LayerNorm", "Bind")
	}
	n := newLayerNorm(l, b.Stateless(l.Width))
	n.place = b.place
	if !b.Infer {
		n.dw = b.Gradient(l.Weight)
		if l.Bias != nil {
			n.db = b.Gradient(l.Bias)
		}
		n.norm, n.r = pages.Floats(b.Steps*b.Batch*l.Width), make([]float32, b.Steps*b.Batch)
	}
	return n, nil
}

// layerNorm is a LayerNorm within one chain.
type layerNorm struct {
	Stateless
	of, now      LayerNorm // as it was when the chain was made; its weights, flushed
	from         *LayerNorm
	place        int       // index of the stage
	dw, db       []float32 // nil in a chain for inference, as are norm and r
	norm         []float32 // normalised x
	r            []float32 // of each row, 1/sqrt(variance + eps)
	y, x, dx, dy []float32
	do           struct{ forward, input, weight func(w, n int) }
}

func newLayerNorm(l *LayerNorm, of Stateless) *layerNorm {
	n := &layerNorm{Stateless: of, of: *l, now: LayerNorm{Weight: make([]float32, l.Width), Eps: l.Eps}, from: l}
	if l.Bias != nil {
		n.now.Bias = make([]float32, l.Width)
	}
	if l.Eps == 0 {
		n.now.Eps = 1e-5
	}
	n.do.forward, n.do.input, n.do.weight = n.forwardRows, n.inputGradient, n.weightGradient
	return n
}

// EachParam calls f for Weight and Bias.
func (n *layerNorm) EachParam(f func(name string, w, g []float32)) {
	f("weight", n.of.Weight, n.dw)
	if n.of.Bias != nil {
		f("bias", n.of.Bias, n.db)
	}
}

// ZeroGrads zeroes the gradients.
func (n *layerNorm) ZeroGrads() {
	clear(n.dw)
	clear(n.db)
}

// mustBeUnchanged panics unless the LayerNorm still has the slices that it had when the
// chain was made.
func (n *layerNorm) mustBeUnchanged() {
	was, now := &n.of, n.from
	if now.Width != was.Width || !kernels.Same(now.Weight, was.Weight) ||
		len(now.Bias) != len(was.Bias) || was.Bias != nil && !kernels.Same(now.Bias, was.Bias) {
		panic(fmt.Sprintf("nn: the Weight, the Bias or the Width of stage %d of the chain, a LayerNorm, have been replaced; make the chain anew after that", n.place))
	}
}

// readWeights copies the weights, flushed.
func (n *layerNorm) readWeights() {
	n.isa.CopyFlush(n.now.Weight, n.of.Weight)
	n.isa.CopyFlush(n.now.Bias, n.of.Bias)
}

func (n *layerNorm) Forward(y, x []float32) {
	n.readWeights()
	n.forward(y, x)
}

func (n *layerNorm) forward(y, x []float32) {
	n.y, n.x = y, x
	if n.norm != nil {
		room(&n.norm, len(y)) // see Blocks
	}
	n.team.Run(n.isa, 2*elementWork*len(y), n.do.forward)
	n.ClearPadding(y, n.out)
}

func (n *layerNorm) forwardRows(w, of int) {
	lo, hi := split.Share(len(n.y)/n.out, 1, w, of)
	for p := lo; p < hi; p++ {
		row := n.y[p*n.out:][:n.out]
		n.isa.CopyFlush(row, n.x[p*n.out:][:n.out])
		r := n.isa.Normalize(row, row, n.now.Eps)
		if n.norm == nil {
			n.scaleShift(row)
			continue
		}
		n.r[p] = r
		copy(n.norm[p*n.out:][:n.out], row)
		n.scaleShift(row)
	}
}

// scaleShift sets y = gain*y + bias, one fused multiply-add each.
func (n *layerNorm) scaleShift(y []float32) {
	var sums [block]float32
	for i := 0; i < len(y); i += block {
		part := y[i:min(i+block, len(y))]
		sum := sums[:len(part)]
		if n.now.Bias != nil {
			copy(sum, n.now.Bias[i:])
		} else {
			clear(sum)
		}
		n.isa.MulAdd(sum, n.now.Weight[i:i+len(part)], part)
		copy(part, sum)
	}
}

// Backward sets dx, and adds to the gradients the sums over the pairs that exist, in the
// order of a weight gradient: a chunk is a chain of additions from +0, added by one.
func (n *layerNorm) Backward(dx, dy []float32) {
	n.dx, n.dy = dx, dy
	if dx != nil {
		n.team.Run(n.isa, 2*elementWork*len(dx), n.do.input)
		n.ClearPadding(dx, n.in)
	}
	n.team.Run(n.isa, 2*elementWork*len(dy), n.do.weight)
}

func (n *layerNorm) inputGradient(w, of int) {
	lo, hi := split.Share(len(n.dx)/n.in, 1, w, of)
	for p := lo; p < hi; p++ {
		if padded(n.rows.lengths, p, n.batch) {
			continue
		}
		dx := n.dx[p*n.in:][:n.in]
		n.isa.CopyFlush(dx, n.dy[p*n.in:][:n.in])
		n.isa.Mul(dx, dx, n.now.Weight)
		n.isa.NormalizeGrad(dx, n.norm[p*n.in:][:n.in], dx, n.r[p])
	}
}

// weightGradient adds to the gradients of a share of the elements.
func (n *layerNorm) weightGradient(w, of int) {
	lo, hi := split.Share(n.out, 64, w, of)
	var gains, biases, dys [block]float32
	for ; lo < hi; lo += block {
		size := min(block, hi-lo)
		gain, bias, dy := gains[:size], biases[:size], dys[:size]
		begin := int32(0)
		for _, end := range n.rows.chunks {
			clear(gain)
			clear(bias)
			for _, p := range n.rows.pairs[begin:end] {
				at := int(p)*n.out + lo
				n.isa.CopyFlush(dy, n.dy[at:at+size])
				n.isa.Add(bias, bias, dy)
				n.isa.MulFlush(dy, dy, n.norm[at:at+size])
				n.isa.Add(gain, gain, dy)
			}
			begin = end
			n.isa.Add(n.dw[lo:lo+size], n.dw[lo:lo+size], gain)
			if n.db != nil {
				n.isa.Add(n.db[lo:lo+size], n.db[lo:lo+size], bias)
			}
		}
	}
}

// layerNormPredictor is a layerNorm of one step, whose weights are read by Refresh alone.
type layerNormPredictor struct {
	*stepper
	frozen *layerNorm
}

// NewPredictor returns the LayerNorm for one step at a time.
func (n *layerNorm) NewPredictor(batch int) (any, error) {
	if batch < 0 {
		return nil, errors.New("nn: a predictor for fewer than 0 rows")
	}
	g := newGroup(1, batch, true, "")
	g.isa = n.isa
	b := &Binding{Steps: 1, Batch: batch, Width: n.in, Infer: true, group: &g}
	f := newLayerNorm(n.from, b.Stateless(n.out))
	f.place = n.place
	g.begin(1)
	p := &layerNormPredictor{&stepper{f}, f}
	p.Refresh()
	return p, nil
}

func (p *layerNormPredictor) mustBeUnchanged()    { p.frozen.mustBeUnchanged() }
func (p *layerNormPredictor) Refresh()            { p.frozen.readWeights() }
func (p *layerNormPredictor) Step(y, x []float32) { p.frozen.forward(y, x) }
