package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Linear is the layer y = x W^T + b applied to every step, a stage of a
// Chain. It holds the weights. Chains that have the same Linear share them, and so do
// two stages of one chain: see Chain about shared weights. Replace its slices before
// Chain only: a chain whose Linear got other slices later panics. Elements of weights, bias, x
// and dy below 2^-100 count as +0 (rule 8 of the numerics contract); the slices
// themselves are not changed.
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
		return nil, errors.New("nn: NewLinear with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZeroLinear for weights that come from elsewhere")
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
		return nil, fmt.Errorf("nn: %w", err)
	}
	return &Linear{Weight: pages.Floats(out * in), Bias: make([]float32, out), In: in, Out: out}, nil
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

// check returns an error if the fields, which a caller may have set, do not fit each
// other.
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

// mustBeUnchanged panics unless now, the layer at that place of a chain, still has the
// slices and sizes of l, a copy from when the chain was made. Otherwise the weights in
// use would not be the parameters of the chain.
func (l *Linear) mustBeUnchanged(now *Linear, place int) {
	if now.In != l.In || now.Out != l.Out || !kernels.Same(now.Weight, l.Weight) ||
		len(now.Bias) != len(l.Bias) || l.Bias != nil && !kernels.Same(now.Bias, l.Bias) {
		panic(fmt.Sprintf("nn: the Weight, the Bias or the sizes of stage %d of the chain, a Linear, have been replaced; make the chain anew after that", place))
	}
}

// Dims returns the widths, with 0 steps and rows: a linear layer takes those
// of the chain.
func (l *Linear) Dims() (steps, batch, in, out int) { return 0, 0, l.In, l.Out }

// Bind makes the Linear a Net for a chain: see Unsized.
func (l *Linear) Bind(b *Binding) (Net, error) {
	if l == nil {
		return nil, nilcheck.Receiver("nn", "Linear", "Bind")
	}
	if l.tied != nil {
		if b.emb == nil || l.tied != b.emb {
			return nil, errors.New("a Readout of an Embedding that is not its first stage")
		}
		if !kernels.Same(l.Weight, l.tied.Weight) {
			return nil, errors.New("the Readout of its first stage, but the Weight of one of them has been replaced; call Readout again")
		}
	}
	s := newLinear(l, b.Stateless(l.Out))
	s.place = b.place
	if !b.Infer {
		s.train(b.Gradient(l.Weight))
		if l.Bias != nil {
			s.db = b.Gradient(l.Bias)
		}
	}
	if !b.owned {
		s.room = pages.Floats(b.Steps * b.Batch * l.In)
	}
	return s, nil
}

// linear is a Linear within one chain: gradients, packed weights, scratch. What
// enters its products is flushed first (rule 8): weights, bias, x and dy.
type linear struct {
	Stateless
	of       Linear // as it was when the chain was made
	from     *Linear
	place    int       // index of the stage
	dw, db   []float32 // nil in a chain for inference
	zero     zeroing
	fwd, bwd *kernels.Packed // nil until they are needed: see strips
	strips   strips
	bias     []float32   // where the chains start: Bias, flushed; nil without
	room     []float32   // for the caller's x, flushed; nil where x is memory of the chain
	work     [][]float32 // one for each worker that has needed it: dyRoom for dy, flushed, then that of GemmRows
	dyRoom   int
	handed   handed // how dy comes
	visit    visit
	do       linearParts

	// The arguments of the current call, for the parts of it. x is the flushed one of
	// the forward pass.
	y, given, x, dx, dy []float32
}

// handed says how a Linear is handed its dy, of which its products need one without tiny
// values (rule 8).
type handed uint8

const (
	dyCopied  handed = iota // dy is the caller's: it works on flushed copies of parts of it
	dyOwned                 // nothing else needs dy: it is flushed where it lies
	dyFlushed               // dy has no tiny values
)

// A visit is the chunks that are added to dw at a time.
type visit struct {
	most  int           // chunks
	x     *kernels.Rows // what dw is summed over
	pairs []int32       // the rows of x that this is
	ends  []int32       // of the chunks in pairs
	count []int32       // 0, 1, 2, ... for as many rows of dy
}

// linearParts are the pieces of work of a linear that workers share, made once: see
// Crew.Run.
type linearParts struct {
	packForward, forward, packBackward, flush, input, packInput, weight func(w, n int)
	flushX, forwardStrips, inputStrips                                  func(w, n int)
}

// packWork is how many multiply-adds take as long as packing an element.
const packWork = 24

const (
	// rowUnit is what the rows and outputs of a product are cut at between workers:
	// a multiple of the rows of the assembly's tiles.
	rowUnit = 12

	// A worker takes dxRows rows of dy at a time for dx, and the columns of at most
	// dwOuts outputs for dw. So the flushed copies of these parts of dy stay small. Where dy
	// is not copied it takes wideOuts for dw, whose columns are still near for db.
	dxRows   = 8 * rowUnit
	dwOuts   = 4 * rowUnit
	wideOuts = 12 * rowUnit
)

func newLinear(l *Linear, of Stateless) *linear {
	s := &linear{Stateless: of, of: *l, from: l}
	if l.Bias != nil {
		s.bias = make([]float32, l.Out)
	}
	s.strips.fwd = s.isa.NewStored(true, l.In, 1, l.Out, l.Weight, l.In)
	s.strips.bwd = s.isa.NewStored(false, l.Out, 1, l.In, l.Weight, l.In)
	s.do = linearParts{
		s.packForward, s.forwardRows, s.packBackward, s.flush, s.inputGradient, s.packInput, s.weightGradient,
		s.flushX, s.forwardStrips, s.inputStrips,
	}
	if !s.large() {
		s.packed(&s.fwd, s.in, s.out)
	}
	return s
}

// train prepares for backward passes, which add to dw.
func (s *linear) train(dw []float32) {
	pairs := split.ChunkSteps(s.batch) * s.batch // of a chunk
	most := split.VisitChunks(pairs, s.in)
	rows := s.steps * s.batch
	all := min(rows, most*pairs)
	s.dw = dw
	s.visit = visit{most: most, x: s.isa.NewRows(s.in, all, most), ends: make([]int32, 0, most), count: make([]int32, all)}
	if !s.large() {
		s.packed(&s.bwd, s.out, s.in)
	}
	s.dyRoom = max(all*min(s.out, dwOuts), min(rows, dxRows)*s.out)
	for i := range s.visit.count {
		s.visit.count[i] = int32(i)
	}
}

// EachParam calls f for Weight and Bias.
func (s *linear) EachParam(f func(name string, w, g []float32)) {
	f("weight", s.of.Weight, s.dw)
	if s.of.Bias != nil {
		f("bias", s.of.Bias, s.db)
	}
}

// EachShape calls f with the shapes of Weight and Bias.
func (s *linear) EachShape(f func(name string, shape ...int)) {
	f("weight", s.out, s.in)
	f("bias", s.out)
}

// ZeroGrads zeroes the gradients.
func (s *linear) ZeroGrads() {
	s.zero.run(s.team, s.isa, s.dw)
	clear(s.db)
}

func (s *linear) mustBeUnchanged() { s.of.mustBeUnchanged(s.from, s.place) }

// Forward sets y [rows][out] = bias + x W^T: one chain for each output, over
// ascending inputs, starting at the bias. Without room x is flushed where it lies.
func (s *linear) Forward(y, x []float32) {
	if len(y) > 0 {
		if s.large() {
			s.stripsForward(y, x)
			return
		}
		s.packWeights()
	}
	s.rowsForward(y, x)
}

// packWeights prepares for rowsForward.
func (s *linear) packWeights() {
	s.packed(&s.fwd, s.in, s.out)
	s.team.Run(s.isa, packWork*len(s.of.Weight), s.do.packForward)
	s.isa.CopyFlush(s.bias, s.of.Bias)
}

// rowsForward is Forward with the weights as they were packed.
func (s *linear) rowsForward(y, x []float32) {
	s.take(y, x)
	if len(y) == 0 {
		return
	}
	s.team.Run(s.isa, len(y)*s.in, s.do.forward)
	s.ClearPadding(y, s.out)
}

// take sets the arguments of a forward pass.
func (s *linear) take(y, x []float32) {
	s.y, s.given, s.x = y, x, x
	if s.room != nil {
		s.x = s.room[:len(x)]
	}
}

func (s *linear) packForward(w, n int)  { s.fwd.PackFlushPart(w, n, true, s.of.Weight, s.in) }
func (s *linear) packBackward(w, n int) { s.bwd.PackFlushPart(w, n, false, s.of.Weight, s.in) }

func (s *linear) forwardRows(w, n int) {
	lo, hi := split.Share(len(s.y)/s.out, rowUnit, w, n)
	y, x := s.y[lo*s.out:hi*s.out], s.x[lo*s.in:hi*s.in]
	s.isa.CopyFlush(x, s.given[lo*s.in:hi*s.in])
	if s.bias != nil {
		s.fwd.GemmBias(hi-lo, x, s.in, s.bias, y, s.out)
	} else {
		s.fwd.Gemm(kernels.Set, hi-lo, x, s.in, y, s.out)
	}
}

// Backward sets dx [rows][in] = dy W (nil to skip it), a chain over ascending
// outputs, and adds to dw and db over the pairs that exist: each chunk of them is one
// chain from +0, added to the gradient by one addition.
func (s *linear) Backward(dx, dy []float32) {
	inputs := s.do.input
	if len(dy) > 0 && dx != nil {
		if s.backInStrips(len(dy) / s.out) {
			inputs = s.do.inputStrips
			s.stripRoom(s.team.Parts(s.isa, 2*len(dy)*s.in))
		} else {
			s.packBack()
		}
	}
	s.back(dx, dy, inputs)
}

// packBack prepares for rowsBackward with a dx.
func (s *linear) packBack() {
	s.packed(&s.bwd, s.out, s.in)
	s.team.Run(s.isa, packWork*len(s.of.Weight), s.do.packBackward)
}

// rowsBackward is Backward with the weights as they were packed.
func (s *linear) rowsBackward(dx, dy []float32) { s.back(dx, dy, s.do.input) }

// back is Backward. inputs sets a share of the rows of dx.
func (s *linear) back(dx, dy []float32, inputs func(w, n int)) {
	pairs, chunks := s.rows.pairs, s.rows.chunks
	if len(dy) == 0 {
		return
	}
	s.dx, s.dy = dx, dy
	work := 2 * len(dy) * s.in
	n := s.team.Parts(s.isa, work)
	for len(s.work) < n {
		s.work = append(s.work, nil)
	}
	if s.handed == dyOwned {
		s.team.RunParts(n, s.isa, work, s.do.flush)
	}
	if dx != nil {
		s.team.RunParts(n, s.isa, work, inputs)
		s.ClearPadding(dx, s.in)
	}
	v, begin := &s.visit, int32(0)
	for len(chunks) > 0 {
		k := min(v.most, len(chunks))
		v.pairs, v.ends = pairs[begin:chunks[k-1]], v.ends[:0]
		v.x.Reset(s.in)
		last := int32(0)
		for _, end := range chunks[:k] {
			v.ends = append(v.ends, end-begin)
			v.x.Chunk(int(end - begin - last))
			last = end - begin
		}
		s.team.Run(s.isa, packWork*len(v.pairs)*s.in, s.do.packInput)
		s.team.RunParts(n, s.isa, work, s.do.weight)
		begin, chunks = chunks[k-1], chunks[k:]
	}
}

// flush flushes a share of the rows of dy where they lie.
func (s *linear) flush(w, n int) {
	lo, hi := split.Share(len(s.dy)/s.out, rowUnit, w, n)
	d := s.dy[lo*s.out : hi*s.out]
	s.isa.CopyFlush(d, d)
}

// inputGradient sets a share of the rows of dx.
func (s *linear) inputGradient(w, n int) {
	lo, hi := split.Share(len(s.dy)/s.out, rowUnit, w, n)
	if lo == hi {
		return
	}
	if s.handed != dyCopied {
		s.bwd.Gemm(kernels.Set, hi-lo, s.dy[lo*s.out:hi*s.out], s.out, s.dx[lo*s.in:hi*s.in], s.in)
		return
	}
	dy, _ := s.workOf(w)
	for ; lo < hi; lo += dxRows {
		rows := min(dxRows, hi-lo)
		d := dy[:rows*s.out]
		s.isa.CopyFlush(d, s.dy[lo*s.out:][:len(d)])
		s.bwd.Gemm(kernels.Set, rows, d, s.out, s.dx[lo*s.in:][:rows*s.in], s.in)
	}
}

// workOf returns the scratch of a worker.
func (s *linear) workOf(w int) (dy, work []float32) {
	outs, room := min(s.out, dwOuts), s.dyRoom
	if s.handed != dyCopied {
		outs, room = min(s.out, wideOuts), 0
	}
	if n := room + max(s.isa.GemmRowsWork(outs, len(s.visit.count)), outs); len(s.work[w]) < n {
		s.work[w] = pages.Floats(n)
	}
	return s.work[w][:room], s.work[w][room:]
}

// packInput sets a share of the rows of x that dw is summed over.
func (s *linear) packInput(w, n int) {
	begin := int32(0)
	for c, end := range s.visit.ends {
		s.visit.x.Pack(c, s.x, s.in, s.visit.pairs[begin:end], w, n)
		begin = end
	}
}

// weightGradient adds to dw and db of a share of the outputs.
func (s *linear) weightGradient(w, n int) {
	out, last := split.Share(s.out, rowUnit, w, n)
	if out == last {
		return
	}
	room, work := s.workOf(w)
	most := dwOuts
	if s.handed != dyCopied {
		most = wideOuts
	}
	for ; out < last; out += most {
		outs := min(most, last-out)
		d, stride, pairs := s.dy[out:], s.out, s.visit.pairs
		if s.handed == dyCopied {
			d, stride, pairs = room[:len(pairs)*outs], outs, s.visit.count[:len(pairs)]
			for i, p := range s.visit.pairs {
				s.isa.CopyFlush(d[i*outs:][:outs], s.dy[int(p)*s.out+out:][:outs])
			}
		}
		s.isa.GemmRows(kernels.AddTo, outs, d, stride, pairs, work, kernels.RowsProduct{B: s.visit.x, C: s.dw[out*s.in : (out+outs)*s.in], LDC: s.in})
		if s.db == nil {
			continue
		}
		begin := int32(0)
		for _, end := range s.visit.ends {
			// The chain with factor 1: every step is a plain addition.
			sum := work[:outs]
			clear(sum)
			for _, p := range pairs[begin:end] {
				s.isa.Add(sum, sum, d[int(p)*stride:][:outs])
			}
			s.isa.Add(s.db[out:out+outs], s.db[out:out+outs], sum)
			begin = end
		}
	}
}
