package seq

import (
	"math"
	"runtime"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A sized is a network and what it is unrolled for.
type sized struct{ in, hidden, layers, steps, batch, workers int }

func (c sized) net(t *testing.T) *Net {
	t.Helper()
	n, err := NewNet(Net{Kind: "test", Cell: gated{c.hidden}, Input: c.in, Layers: c.layers, Reverse: []bool{false}, Workers: c.workers, Noise: Noise{Input: 0.25, Weight: 0.5}}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unroll also returns how many bytes Unroll allocates on so many processors: the
// least of a few calls, since the count is one of the whole process.
func (c sized) unroll(t *testing.T, procs int) (u *Unrolled, bytes uint64) {
	t.Helper()
	n := c.net(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	bytes = math.MaxUint64
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		u = n.Unroll(c.steps, c.batch, true)
		runtime.ReadMemStats(&after)
		bytes = min(bytes, after.TotalAlloc-before.TotalAlloc)
	}
	return u, bytes
}

// The memory of Unroll follows the workers that the work can use. On 128 processors
// a small network takes what it takes on one, and a larger one no more than the
// memory of as many workers as a piece of its work has parts.
func TestScratchFollowsTheWork(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, c := range []struct {
			sized
			most int // workers on vector tiers
		}{
			{sized{4, 8, 2, 4, 2, 0}, 1},
			{sized{32, 64, 2, 40, 8, 0}, 3}, // two workers do the steps
			{sized{32, 96, 2, 40, 16, 0}, 6},
			{sized{64, 128, 2, 64, 32, 0}, 12},
			// Two rows in 4 steps have 2 shares in units of 6; 24 gates have as many in
			// units of 12; 2 matrices for each of 2 layers are packed.
			{sized{4, 8, 2, 4, 2, 256}, 4},
		} {
			_, small := sized{c.in, c.hidden, c.layers, c.steps, c.batch, 1}.unroll(t, 1)
			u, large := c.unroll(t, 128)
			most := len(u.workers.steps)
			if isa != kernels.Scalar && most != c.most {
				t.Errorf("%+v: memory for %d workers, want %d", c.sized, most, c.most)
			}
			// What a worker has for itself, and some more for headers and rounding up.
			worker := 4*(u.gradientsWork(u.back.sums.chunks)+len(u.net.W[0].Hh)+8*c.hidden+64) + 2<<10
			if limit := small + uint64((most-1)*worker*9/8+512); large > limit {
				t.Errorf("%+v: %d bytes, %d for one worker, want at most %d for %d workers", c.sized, large, small, limit, most)
			}
		}
	})
}

// The team runs as many parts as any piece of work can have.
func TestTeamHasTheParts(t *testing.T) {
	if team.MaxParts < split.MaxWorkers {
		t.Errorf("up to %d parts for up to %d workers", team.MaxParts, split.MaxWorkers)
	}
}

// Whatever the number of processors becomes after Unroll, and however many workers
// a user asks for, no piece of work has more parts than there is memory for, and a
// pass gives the bits of one worker.
func TestNoMorePartsThanMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, c := range []sized{{3, 5, 1, 3, 1, 0}, {20, 30, 2, 260, 1, 0}, {90, 7, 2, 3, 65, 0}, {7, 40, 1, 2, 300, 0}} {
			var want []float32
			for _, on := range []struct{ workers, procs int }{{1, 1}, {0, 1}, {0, 128}, {1 << 30, 2}} {
				c.workers = on.workers
				u, _ := c.unroll(t, on.procs)
				runtime.GOMAXPROCS(64)
				k := &u.workers
				for rows := 1; rows <= u.chunk*c.batch; rows += 7 {
					for _, in := range []int{c.in, u.net.widest()} {
						steps := max(u.parts(u.packPiece(true)), u.parts(u.productsPiece(rows, in)), u.parts(u.copyPiece(rows, in)), u.parts(u.stepsPiece(rows)), u.parts(u.gradientsPiece(rows, in, true)), u.parts(u.weightGradientsPiece(u.back.sums.chunks*rows, in)))
						if steps > len(k.steps) || max(u.parts(u.gradientsPiece(rows, in, true)), u.parts(u.weightGradientsPiece(u.back.sums.chunks*rows, in))) > len(k.products) || u.parts(u.packPiece(true)) > len(k.droppedW) {
							t.Fatalf("%+v, %d rows, %d inputs: up to %d parts, memory for %d, %d and %d", c, rows, in, steps, len(k.steps), len(k.products), len(k.droppedW))
						}
					}
				}
				x, dx := make([]float32, c.steps*c.batch*c.in), make([]float32, c.steps*c.batch*c.in)
				y := make([]float32, c.steps*c.batch*u.out)
				for i := range x {
					x[i] = float32(i%13-6) / 8
				}
				u.net.EachParam(func(_ string, w []float32, _ ...int) {
					for i := range w {
						w[i] = float32(i%11-5) / 64
					}
				})
				u.Forward(y, x)
				u.Backward(dx, y)
				got := append(y, dx...)
				u.EachParam(func(_ string, _, g []float32) { got = append(got, g...) })
				if want == nil {
					want = got
				}
				numtest.Equal(t, got, want, "%+v, unrolled on %d processors", c, on.procs)
			}
		}
	})
}

// Where one worker does all steps, products, gradients and packing are left to it until they
// are four times as much work as elsewhere.
func TestWorkStaysWithItsTape(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, isa := range kernels.Info().Available {
		if isa == kernels.Scalar {
			continue
		}
		grain := float64(1 << 20) // multiply-adds of two workers elsewhere
		for _, c := range []struct {
			batch int
			fmas  float64
			want  int
		}{{1, grain, 1}, {1, 3.9 * grain, 1}, {1, 4 * grain, 2}, {64, grain, 2}} {
			n := sized{8, 120, 1, 100, c.batch, 0}.net(t)
			u := n.Unroll(100, c.batch, true)
			u.isa = isa
			if got := u.parts(piece{u.moved(2*c.fmas, 100*c.batch), 2}); got != c.want {
				t.Errorf("%v, %d rows, %g multiply-adds: %d parts, want %d", isa, c.batch, c.fmas, got, c.want)
			}
		}
	}
}

// Workers share the columns of products of few rows with W_ih, forward and back, one row among
// them, and the rows of others. Where something is done with whole rows of dx they share rows.
func TestFewRowsByColumns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer split.ShareAll()()
	for _, c := range []struct {
		steps, batch, workers int
		noise                 Noise
		forward, back         bool
	}{
		{1, 1, 2, Noise{}, true, true},
		{1, 96, 2, Noise{}, true, true},
		{1, 97, 2, Noise{}, false, false},
		{12, 8, 2, Noise{}, true, true},
		{13, 8, 2, Noise{}, false, false},
		{1, 144, 3, Noise{}, true, true},
		{1, 145, 3, Noise{}, false, false},
		{1, 1, 1, Noise{}, false, false},
		{1, 1, 2, Noise{Input: 0.5}, true, false},
	} {
		n, err := NewNet(Net{Kind: "test", Cell: gated{120}, Input: 70, Layers: 1, Reverse: []bool{false}, Workers: c.workers, Noise: c.noise}, true, Zeros)
		if err != nil {
			t.Fatal(err)
		}
		u := n.Unroll(c.steps, c.batch, true)
		x, y := make([]float32, c.steps*c.batch*70), make([]float32, c.steps*c.batch*u.out)
		forward, back, products, gradients := false, false, u.tasks.products, u.tasks.gradients
		u.tasks.products = func(w, n int) {
			if n != c.workers {
				t.Errorf("%+v: %d parts of the products", c, n)
			}
			if w == 0 {
				forward = u.job.columns
			}
			products(w, n)
		}
		u.tasks.gradients = func(w, n int) {
			if w == 0 {
				back = u.job.columns
			}
			gradients(w, n)
		}
		u.Forward(y, x)
		u.Backward(make([]float32, len(x)), y)
		if forward != c.forward || back != c.back {
			t.Errorf("%+v: by columns forward: %v, back: %v", c, forward, back)
		}
		if !u.TakesSymbols() {
			continue
		}
		ids := make([]int32, c.steps*c.batch) // as many symbols as rows
		for i := range ids {
			ids[i] = int32(i)
		}
		u.ReserveSymbols(len(ids))
		u.tasks.products = products
		symbols, project := false, u.symbols.project
		u.symbols.project = func(w, n int) {
			if w == 0 {
				symbols = u.job.columns
			}
			project(w, n)
		}
		u.ForwardSymbols(y, x, ids)
		if symbols != c.forward {
			t.Errorf("%+v: symbols by columns: %v", c, symbols)
		}
	}
}

// Rows of the tape begin on lines of the cache, are no multiple of 2 KiB apart, and take less than
// two lines more. Steps, which share the memory of a Net's tape, go by that distance.
func TestRowStride(t *testing.T) {
	n, err := NewNet(Net{Kind: "test", Cell: gated{128}, Input: 3, Layers: 1, Reverse: []bool{false}, Workers: 1}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	const steps, batch, apart = 5, 7, 4*128 + 16
	u := n.Unroll(steps, batch, true)
	if got, tape := u.workers.steps[0].Tape.Stride, len(u.memory.tape[0]); got != apart || tape != steps*batch*apart {
		t.Errorf("rows of 512 elements are %d apart in a tape of %d, want %d and %d rows of that", got, tape, apart, steps*batch)
	}
	for width := 1; width < 5000; width++ {
		if got := rowStride(width); got < width || got >= width+32 || got%16 != 0 || got%512 == 0 {
			t.Errorf("rows of %d elements are %d apart", width, got)
		}
	}
	for width, want := range map[int]int{1: 16, 16: 16, 100: 112, 256: 256, 500: 528, 512: 528, 800: 800, 1024: 1040} {
		if got := rowStride(width); got != want {
			t.Errorf("rows of %d elements are %d apart, want %d", width, got, want)
		}
	}
}
