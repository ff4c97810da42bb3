package bptt

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Linear is the layer y = x W^T + b applied to every step, a stage of a
// Chain. It holds the weights; chains that share it share them, and so do two
// places of one chain: see Chain about shared weights. Chain takes the slices as
// they are then. To give a Linear others, do so before. Elements of weights, bias, x
// and dy below 2^-100 count as +0 (rule 8 of the numerics contract); they stay as
// they are where they stand.
type Linear struct {
	// Weight is [Out][In], named "weight" as in PyTorch.
	Weight []float32
	// Bias is [Out], named "bias"; nil for none.
	Bias    []float32
	In, Out int

	tied *Embedding // whose table Weight is, or nil
}

// NewLinear returns a layer whose weights and biases are uniform in
// ±1/sqrt(in), PyTorch's default. Only Uint64 is taken from r. NewZeroLinear is for
// weights that come from elsewhere.
//
// It returns an error if r is nil, if a width is below 1, and if there are more
// weights than a tensor may have elements, 2^31-1.
func NewLinear(in, out int, r *rand.Rand) (*Linear, error) {
	if r == nil {
		return nil, errors.New("bptt: NewLinear with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZeroLinear for weights that come from elsewhere")
	}
	l, err := NewZeroLinear(in, out)
	if err != nil {
		return nil, err
	}
	bound := 1 / math.Sqrt(float64(in))
	draw.Uniform(l.Weight, bound, r)
	draw.Uniform(l.Bias, bound, r)
	return l, nil
}

// NewZeroLinear returns a layer whose weights and biases are +0, for weights that
// come from elsewhere. The errors are those of NewLinear.
func NewZeroLinear(in, out int) (*Linear, error) {
	if err := linearSizes(in, out); err != nil {
		return nil, fmt.Errorf("bptt: %w", err)
	}
	return &Linear{Weight: make([]float32, out*in), Bias: make([]float32, out), In: in, Out: out}, nil
}

func linearSizes(in, out int) error {
	if in < 1 || out < 1 {
		return fmt.Errorf("a linear layer from width %d to %d, want at least 1", in, out)
	}
	if in > maxElements/out {
		return fmt.Errorf("a linear layer from width %d to %d has more than %d weights", in, out, maxElements)
	}
	return nil
}

// check refuses a layer that was filled by hand and does not fit together.
func (l *Linear) check() error {
	if err := linearSizes(l.In, l.Out); err != nil {
		return err
	}
	if len(l.Weight) != l.Out*l.In {
		return fmt.Errorf("a linear layer from width %d to %d with a Weight of %d elements, want %d", l.In, l.Out, len(l.Weight), l.Out*l.In)
	}
	if l.Bias != nil && len(l.Bias) != l.Out {
		return fmt.Errorf("a linear layer from width %d to %d with a Bias of %d elements, want %d, or nil for none", l.In, l.Out, len(l.Bias), l.Out)
	}
	return nil
}

// mustBe panics unless now, the layer at that place of a chain, still has the
// slices and sizes of l, with which the chain was made. Otherwise the weights in
// use would be others than the parameters of the chain.
func (l *Linear) mustBe(now *Linear, place int) {
	if now.In != l.In || now.Out != l.Out || !kernels.Same(now.Weight, l.Weight) ||
		len(now.Bias) != len(l.Bias) || l.Bias != nil && !kernels.Same(now.Bias, l.Bias) {
		panic(fmt.Sprintf("bptt: the Weight, the Bias or the sizes of stage %d of the chain, a Linear, have been replaced; make the chain anew after that", place))
	}
}

// Dims returns the widths, with 0 steps and rows: a linear layer takes those
// of the chain.
func (l *Linear) Dims() (steps, batch, in, out int) { return 0, 0, l.In, l.Out }

// linear is a Linear within one chain: gradients, packed weights, scratch. What
// enters its products is flushed first (rule 8): weights, bias, x and dy.
type linear struct {
	Linear   // as it was when the chain was made
	from     *Linear
	isa      kernels.ISA
	dw, db   []float32 // nil in a chain for inference
	fwd, bwd *kernels.Packed
	bias     []float32   // where the chains start: Bias, flushed; nil without
	room     []float32   // for the caller's x, flushed; nil where x is memory of the chain
	work     [][]float32 // one for each worker that has needed it: dyRoom for dy, flushed, then that of GemmRows
	dyRoom   int
	k        int     // pairs of the longest chunk
	count    []int32 // 0 to k-1
	do       linearParts

	// The arguments of the call under way, for the parts. x is flushed from the
	// forward pass on.
	y, given, x, dx, dy []float32
	pairs               []int32
	chunks              []int32
}

// linearParts are the pieces of work of a linear that workers share, made once: see
// crew.run.
type linearParts struct {
	packForward, forward, packBackward, backward func(w, n int)
}

// packWork is how many multiply-adds take as long as packing an element.
const packWork = 8

const (
	// rowUnit is what the rows and outputs of a product are cut at between workers:
	// a multiple of the rows of every register tile.
	rowUnit = 12

	// A worker takes dxRows rows of dy at a time for dx, and the columns of at most
	// dwOuts outputs of a chunk for dw: dy is the caller's and as large as y, so
	// that the flushed copy is one of small parts.
	dxRows = 8 * rowUnit
	dwOuts = 32 * rowUnit
)

func newLinear(l *Linear, isa kernels.ISA) *linear {
	s := &linear{Linear: *l, from: l, isa: isa, fwd: isa.NewPacked(l.In, l.Out)}
	if l.Bias != nil {
		s.bias = make([]float32, l.Out)
	}
	s.do = linearParts{s.packForward, s.forwardRows, s.packBackward, s.backwardRows}
	return s
}

// train prepares for backward passes over at most that many rows, which add to dw.
func (s *linear) train(dw []float32, rows, pairsPerChunk int) {
	s.dw, s.k = dw, min(rows, pairsPerChunk)
	s.bwd = s.isa.NewPacked(s.Out, s.In)
	s.dyRoom = max(s.k*min(s.Out, dwOuts), min(rows, dxRows)*s.Out)
	s.count = make([]int32, s.k)
	for i := range s.count {
		s.count[i] = int32(i)
	}
}

// forward sets y [rows][out] = bias + x W^T: one chain for each output, over
// ascending inputs, starting at the bias. Without room x is flushed where it lies.
func (s *linear) forward(c crew, y, x []float32) {
	s.y, s.given, s.x = y, x, x
	if s.room != nil {
		s.x = s.room[:len(x)]
	}
	c.run(s.isa, packWork*len(s.Weight), s.do.packForward)
	s.isa.CopyFlush(s.bias, s.Bias)
	c.run(s.isa, len(y)*s.In, s.do.forward)
}

func (s *linear) packForward(w, n int)  { s.fwd.PackFlushPart(w, n, true, s.Weight, s.In) }
func (s *linear) packBackward(w, n int) { s.bwd.PackFlushPart(w, n, false, s.Weight, s.In) }

func (s *linear) forwardRows(w, n int) {
	lo, hi := split.Share(len(s.y)/s.Out, rowUnit, w, n)
	y, x := s.y[lo*s.Out:hi*s.Out], s.x[lo*s.In:hi*s.In]
	s.isa.CopyFlush(x, s.given[lo*s.In:hi*s.In])
	if s.bias != nil {
		s.fwd.GemmBias(hi-lo, x, s.In, s.bias, y, s.Out)
	} else {
		s.fwd.Gemm(kernels.Set, hi-lo, x, s.In, y, s.Out)
	}
}

// backward sets dx [rows][in] = dy W (nil to skip it), a chain over ascending
// outputs, and adds to dw and db. pairs are the rows that exist in the order in
// which the gradient visits them, chunks the ends of the chunks of that list:
// each chunk is one chain from +0, added to the gradient by one addition.
func (s *linear) backward(c crew, dx, dy []float32, pairs, chunks []int32) {
	s.dx, s.dy, s.pairs, s.chunks = dx, dy, pairs, chunks
	if dx != nil {
		c.run(s.isa, packWork*len(s.Weight), s.do.packBackward)
	}
	n := c.parts(s.isa, 2*len(dy)*s.In)
	for len(s.work) < n {
		s.work = append(s.work, nil)
	}
	team.Run(n, s.do.backward)
}

func (s *linear) backwardRows(w, n int) {
	lo, hi := 0, 0 // of dx
	if s.dx != nil {
		lo, hi = split.Share(len(s.dy)/s.Out, rowUnit, w, n)
	}
	out, last := split.Share(s.Out, rowUnit, w, n)
	if lo == hi && out == last {
		return
	}
	if s.work[w] == nil {
		s.work[w] = make([]float32, s.dyRoom+max(s.isa.GemmRowsWork(min(s.Out, dwOuts), s.In, s.k), min(s.Out, dwOuts)))
	}
	dy, work := s.work[w][:s.dyRoom], s.work[w][s.dyRoom:]
	for ; lo < hi; lo += dxRows {
		rows := min(dxRows, hi-lo)
		d := dy[:rows*s.Out]
		s.isa.CopyFlush(d, s.dy[lo*s.Out:][:len(d)])
		s.bwd.Gemm(kernels.Set, rows, d, s.Out, s.dx[lo*s.In:][:rows*s.In], s.In)
	}
	for ; out < last; out += dwOuts {
		s.weightGradient(out, min(dwOuts, last-out), dy, work)
	}
}

// weightGradient adds to dw and db of outs outputs from out on.
func (s *linear) weightGradient(out, outs int, dy, work []float32) {
	begin := int32(0)
	for _, end := range s.chunks {
		rows := s.pairs[begin:end]
		begin = end
		d := dy[:len(rows)*outs]
		for i, p := range rows {
			s.isa.CopyFlush(d[i*outs:][:outs], s.dy[int(p)*s.Out+out:][:outs])
		}
		s.isa.GemmRows(kernels.AddTo, outs, s.In, d, outs, s.count[:len(rows)], s.x, s.In, rows, s.dw[out*s.In:], s.In, work)
		if s.db != nil {
			// The chain with factor 1: every step is a plain addition.
			sum := work[:outs]
			clear(sum)
			for i := range rows {
				s.isa.Add(sum, sum, d[i*outs:][:outs])
			}
			s.isa.Add(s.db[out:out+outs], s.db[out:out+outs], sum)
		}
	}
}
