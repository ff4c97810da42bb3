package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

var nan = float32(math.NaN())

// A textbook is a loss of single elements in float64: its value and derivative, and how
// large the terms are that the derivative is the sum of.
type textbook func(y, target, q float64) (value, slope, size float64)

var textbooks = map[string]textbook{
	"MSE": func(y, target, _ float64) (float64, float64, float64) {
		d := float64(float32(y) - float32(target))
		return d * d, 2 * d, math.Abs(2 * d)
	},
	"MAE": func(y, target, _ float64) (float64, float64, float64) {
		d := float64(float32(y) - float32(target))
		if d == 0 {
			return 0, 0, 0
		}
		return math.Abs(d), math.Copysign(1, d), 1
	},
	"Huber": func(y, target, _ float64) (float64, float64, float64) {
		const delta = 0.75
		d := float64(float32(y) - float32(target))
		if math.Abs(d) <= delta {
			return d * d / 2, d, math.Abs(d)
		}
		return delta * (math.Abs(d) - delta/2), math.Copysign(delta, d), delta
	},
	"BCE": func(y, target, q float64) (float64, float64, float64) {
		one, zero := q*target*math.Log1p(math.Exp(-y)), (1-target)*math.Log1p(math.Exp(y))
		a, b := (1-target)/(1+math.Exp(-y)), q*target/(1+math.Exp(y))
		return one + zero, a - b, a + b
	},
}

func ofTextbook(name string, perStep bool, q []float32) loss.Loss {
	switch name {
	case "MSE":
		return loss.MSE{PerStep: perStep}
	case "MAE":
		return loss.MAE{PerStep: perStep}
	case "Huber":
		return loss.Huber{Delta: 0.75, PerStep: perStep}
	}
	return loss.BCE{OnesWeight: q, PerStep: perStep}
}

// TestElementLosses compares with the definitions in float64, with what is not counted
// full of NaN: by lengths, context, targets, weights of steps and of elements. All tiers
// and numbers of workers give the same bits, in place too.
func TestElementLosses(t *testing.T) {
	const steps, rows = 5, 3
	for name, book := range textbooks {
		for _, width := range []int{1, 2, 17, 900, 4100} {
			for mode := range 8 {
				if width > 17 && (testing.Short() || mode%5 != 0) {
					continue
				}
				r := rand.New(rand.NewPCG(uint64(width), uint64(mode)))
				weights, perStep, weighOnes := mode%3, mode%2 == 1, name == "BCE" && mode >= 4
				if width == 1 {
					weights = min(weights, 1) // those of steps are those of elements
				}
				n := steps * rows * width
				y, target := make([]float32, n), make([]float32, n)
				for i := range y {
					y[i], target[i] = float32(3*r.NormFloat64()), float32(r.NormFloat64())
					if name == "BCE" {
						target[i] = []float32{0, 1, r.Float32()}[r.Uint64()%3]
					}
					if r.Uint64()%8 == 0 && name != "BCE" {
						target[i] = y[i]
					}
				}
				b := &data.Batch{Steps: steps, Rows: rows, Y: target, Lengths: []int{5, 2, 0}, Context: 1}
				if mode >= 2 {
					b.Targets = make([]int32, steps*rows)
					b.Targets[2*rows] = -1
				}
				if weights > 0 {
					b.Weights = make([]float32, []int{0, steps * rows, n}[weights])
					for i := range b.Weights {
						b.Weights[i] = float32(r.Uint64()%4) / 2
					}
				}
				var q []float32
				if weighOnes {
					for range width {
						q = append(q, float32(r.Float64()*3))
					}
				}
				var want loss.Total
				gradient, size := make([]float64, n), make([]float64, n)
				for p := range steps * rows {
					step, row := p/rows, p%rows
					pair := step >= 1 && step < b.Lengths[row] && (b.Targets == nil || b.Targets[p] >= 0)
					pair = pair && (weights != 1 || b.Weights[p] > 0)
					for i := p * width; i < (p+1)*width; i++ {
						w := 1.0
						switch weights {
						case 1:
							w = float64(b.Weights[p])
						case 2:
							w = float64(b.Weights[i])
						}
						if !pair || w == 0 {
							y[i], target[i] = nan, nan
							continue
						}
						ones := 1.0
						if q != nil {
							ones = float64(q[i%width])
						}
						v, slope, all := book(float64(y[i]), float64(target[i]), ones)
						want.Sum += w * v
						gradient[i], size[i] = w*slope, w*all
						if !perStep {
							want.Weight += w
							want.Terms++
						}
					}
					if pair && perStep {
						want.Terms++
						if want.Weight++; weights == 1 {
							want.Weight += float64(b.Weights[p]) - 1
						}
					}
				}
				what := fmt.Sprintf("%s of width %d, mode %d", name, width, mode)
				l := ofTextbook(name, perStep, q)
				var first []float32
				var firstSum float64
				numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
					for _, workers := range []int{1, 3} {
						var s loss.Scratch
						s.SetWorkers(workers)
						for _, by := range []float64{0, 2.5} {
							dy := append([]float32(nil), y...)
							got, err := l.Loss(dy, y, b, by, &s)
							require.NoError(t, err, what)
							require.Equal(t, []any{want.Weight, want.Terms}, []any{got.Weight, got.Terms}, what)
							require.InDelta(t, want.Sum, got.Sum, 1e-6*math.Abs(want.Sum), what)
							for i := range dy {
								d := by
								if by == 0 {
									d = want.Weight
								}
								if math.Abs(float64(dy[i])-gradient[i]/d) > 8*0x1p-24*size[i]/d+0x1p-99 {
									t.Fatalf("%s: dy[%d] is %v, want %v", what, i, dy[i], gradient[i]/d)
								}
							}
							if by == 0 {
								if first == nil {
									first, firstSum = dy, got.Sum
								}
								require.True(t, numtest.Equal(t, dy, first, "%s on %d workers", what, workers))
								require.Equal(t, firstSum, got.Sum, what)
							}
							place := append([]float32(nil), y...)
							same, err := l.Loss(place, place, b, by, &s)
							require.NoError(t, err, what)
							require.Equal(t, got, same, what)
							numtest.Equal(t, place, dy, "%s in place", what)
							same, err = l.Loss(nil, y, b, by, &s)
							require.NoError(t, err, what)
							require.Equal(t, got, same, "%s without a gradient", what)
						}
					}
				})
			}
		}
	}
}

// Nothing counted: zero loss, zero gradient, whatever y is.
func TestNothingCounted(t *testing.T) {
	var s loss.Scratch
	for _, l := range []loss.Loss{loss.MSE{}, loss.MAE{PerStep: true}, loss.Huber{}, loss.BCE{}, loss.Quantile{Levels: []float32{0.3}}, loss.CrossEntropy{Smoothing: 0.5}, loss.PerSequence{Of: loss.MSE{}}, loss.CTC{}} {
		for name, b := range map[string]*data.Batch{
			"lengths": {Steps: 2, Rows: 1, Lengths: []int{0}},
			"context": {Steps: 2, Rows: 1, Context: 2},
			"targets": {Steps: 2, Rows: 1, Targets: []int32{-1, -7}},
			"weights": {Steps: 2, Rows: 1, Weights: []float32{0, 0}},
		} {
			switch l.(type) {
			case loss.CTC:
				if name != "lengths" {
					continue
				}
				b.Labels = [][]int32{nil}
			case loss.CrossEntropy:
				if name != "targets" {
					b.Targets = []int32{0, 1}
				}
			default:
				b.Y = []float32{nan, nan, nan, nan}
			}
			dy := []float32{1, 2, 3, 4}
			total, err := l.Loss(dy, []float32{nan, 1, nan, 2}, b, 0, &s)
			require.NoError(t, err, "%T %s", l, name)
			require.Equal(t, loss.Total{}, total, "%T %s", l, name)
			require.Equal(t, make([]float32, 4), dy, "%T %s", l, name)
		}
		total, err := l.Loss(nil, nil, &data.Batch{Rows: 2, Labels: make([][]int32, 2)}, 0, &s)
		require.NoError(t, err, "%T", l)
		require.Equal(t, loss.Total{}, total, "%T", l)
	}
	require.Zero(t, loss.Total{}.Mean())
}

// A NaN that counts shows, in the loss and in its gradient; huge outputs overflow nothing
// but squares.
func TestElementLossesFarOut(t *testing.T) {
	var s loss.Scratch
	b := &data.Batch{Steps: 2, Rows: 1, Y: []float32{1, 0}}
	dy := make([]float32, 2)
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		l   loss.Loss
		y   []float32
		sum float64
		dy  [2]float32
	}{
		{loss.MSE{}, []float32{nan, 1}, math.NaN(), [2]float32{nan, 2}},
		{loss.MAE{}, []float32{nan, 1}, math.NaN(), [2]float32{nan, 1}},
		{loss.Huber{}, []float32{1, nan}, math.NaN(), [2]float32{0, nan}},
		{loss.BCE{}, []float32{nan, -1e30}, math.NaN(), [2]float32{nan, 0}},
		{loss.MSE{}, []float32{1, 1e30}, 1e60, [2]float32{0, 2e30}},
		{loss.MAE{}, []float32{inf, -1e30}, math.Inf(1), [2]float32{1, -1}},
		{loss.Huber{Delta: 3}, []float32{-1e30, inf}, math.Inf(1), [2]float32{-3, 3}},
		{loss.BCE{}, []float32{-1e30, -1e30}, 1e30, [2]float32{-1, 0}},
		{loss.BCE{}, []float32{1e30, 1e30}, 1e30, [2]float32{0, 1}},
	} {
		total, err := c.l.Loss(dy, c.y, b, 1, &s)
		require.NoError(t, err)
		if near := math.Abs(total.Sum/c.sum-1) < 1e-6; !near && total.Sum != c.sum && !(math.IsNaN(c.sum) && math.IsNaN(total.Sum)) {
			t.Errorf("%T of %v is %v, want %v", c.l, c.y, total.Sum, c.sum)
		}
		numtest.Equal(t, dy, c.dy[:], "%T of %v", c.l, c.y)
	}
	// A gradient below 2^-100 is +0.
	_, err := loss.BCE{}.Loss(dy, []float32{75, -75}, b, 0, &s)
	require.NoError(t, err)
	require.Equal(t, []uint32{0, 0}, []uint32{math.Float32bits(dy[0]), math.Float32bits(dy[1])})
}

// What does not fit is an error that says what was given, and nothing is written.
func TestLossesRefuse(t *testing.T) {
	var s loss.Scratch
	memory := make([]float32, 12)
	two := func() *data.Batch { return &data.Batch{Steps: 2, Rows: 1, Y: make([]float32, 4)} }
	with := func(f func(b *data.Batch)) *data.Batch { b := two(); f(b); return b }
	for want, c := range map[string]struct {
		l loss.Loss
		b *data.Batch
		y []float32
	}{
		"MSE: Y of the batch has 4 elements, want 6":                            {loss.MSE{}, two(), make([]float32, 6)},
		"Huber.Delta is -1, want":                                               {loss.Huber{Delta: -1}, two(), nil},
		"Huber.Delta is 1e-40, want":                                            {loss.Huber{Delta: 1e-40}, two(), nil},
		"Huber.Delta is NaN, want":                                              {loss.Huber{Delta: math.NaN()}, two(), nil},
		"BCE.OnesWeight has 1 elements, want 2":                                 {loss.BCE{OnesWeight: []float32{1}}, two(), nil},
		"BCE.OnesWeight[1] is -1, want 0":                                       {loss.BCE{OnesWeight: []float32{1, -1}}, two(), nil},
		"a batch has 3 weights, want 2, one for each step, or 4":                {loss.MAE{}, with(func(b *data.Batch) { b.Weights = make([]float32, 3) }), nil},
		"BCE: the weight at step 1, row 0 is NaN, want":                         {loss.BCE{}, with(func(b *data.Batch) { b.Weights = []float32{1, nan} }), nil},
		"MSE: the weight of output 1 at step 0, row 0 is -1, want 0 or more":    {loss.MSE{}, with(func(b *data.Batch) { b.Weights = []float32{1, -1, 1, nan} }), nil},
		"Huber: the weight of output 0 at step 1, row 0 is NaN, want 0 or more": {loss.Huber{}, with(func(b *data.Batch) { b.Weights = []float32{1, 0, nan, 1} }), nil},
		"BCE: the weight of output 1 at step 1, row 0 is +Inf, want 0 or more":  {loss.BCE{PerStep: true}, with(func(b *data.Batch) { b.Weights = []float32{1, 0, 2, float32(math.Inf(1))} }), nil},
		"a batch has 2 lengths, want 1":                                         {loss.BCE{}, with(func(b *data.Batch) { b.Lengths = []int{1, 2} }), nil},
		"a batch has length 3 of row 0, want 0 to 2":                            {loss.BCE{}, with(func(b *data.Batch) { b.Lengths = []int{3} }), nil},
		"a batch has length -1 of row 0, want 0 to 2":                           {loss.BCE{}, with(func(b *data.Batch) { b.Lengths = []int{-1} }), nil},
		"a batch has 1 targets, want 2":                                         {loss.BCE{}, with(func(b *data.Batch) { b.Targets = []int32{1} }), nil},
		"a batch of -2 steps of 1 rows":                                         {loss.BCE{}, with(func(b *data.Batch) { b.Steps = -2 }), nil},
		"Y or Weights of the batch, in memory":                                  {loss.MSE{}, with(func(b *data.Batch) { b.Weights = memory[2:6] }), nil},
		"dy overlaps y, or Y":                                                   {loss.MSE{}, two(), memory[1:5]},
		"a batch has 0 targets, want 2 for 2 steps":                             {loss.CrossEntropy{}, two(), nil},
		"CrossEntropy.Smoothing is 1.5, want 0 to 1":                            {loss.CrossEntropy{Smoothing: 1.5}, with(func(b *data.Batch) { b.Targets = make([]int32, 2) }), nil},
		"CrossEntropy.Smoothing is NaN, want 0 to 1":                            {loss.CrossEntropy{Smoothing: math.NaN()}, with(func(b *data.Batch) { b.Targets = make([]int32, 2) }), nil},
		"CrossEntropy.Weights has 3 elements, want 2":                           {loss.CrossEntropy{Weights: make([]float32, 3)}, with(func(b *data.Batch) { b.Targets = make([]int32, 2) }), nil},
		"CrossEntropy.Weights[0] is +Inf":                                       {loss.CrossEntropy{Weights: []float32{float32(math.Inf(1)), 1}}, with(func(b *data.Batch) { b.Targets = make([]int32, 2) }), nil},
		"CrossEntropy: a batch has 4 weights, want 2, one for":                  {loss.CrossEntropy{}, with(func(b *data.Batch) { b.Targets, b.Weights = make([]int32, 2), make([]float32, 4) }), nil},
		"CrossEntropy: the weight at step 0, row 0 is -1":                       {loss.CrossEntropy{}, with(func(b *data.Batch) { b.Targets, b.Weights = make([]int32, 2), []float32{-1, 1} }), nil},
		"target 2 at step 1, row 0, want 0 to 1":                                {loss.CrossEntropy{}, with(func(b *data.Batch) { b.Targets = []int32{0, 2} }), nil},
		"PerSequence without a loss":                                            {loss.PerSequence{}, two(), nil},
		"PerSequence of PerSequence":                                            {loss.PerSequence{Of: loss.PerSequence{Of: loss.MSE{}}}, two(), nil},
		"PerSequence of CTC":                                                    {loss.PerSequence{Of: loss.CTC{}}, two(), nil},
		"PerSequence: a batch has 4 weights, want 2":                            {loss.PerSequence{Of: loss.MSE{}}, with(func(b *data.Batch) { b.Weights = make([]float32, 4) }), nil},
	} {
		y := c.y
		if y == nil {
			y = []float32{1, 2, 3, 4}
		}
		dy := memory[:len(y)]
		for i := range memory {
			memory[i] = 1
		}
		_, err := c.l.Loss(dy, y, c.b, 0, &s)
		require.ErrorContains(t, err, want)
		for _, v := range memory {
			require.Equal(t, float32(1), v, want)
		}
	}
}

// TestLossesAllocateNothing, once they have their memory.
func TestLossesAllocateNothing(t *testing.T) {
	const steps, rows, width = 6, 4, 5
	n := steps * rows * width
	y, dy := make([]float32, n), make([]float32, n)
	b := &data.Batch{Steps: steps, Rows: rows, Targets: make([]int32, steps*rows), Y: make([]float32, n), Weights: make([]float32, steps*rows), Lengths: []int{6, 3, 4, 5}}
	for i := range b.Weights {
		b.Weights[i] = 0.5
	}
	sequences := &data.Batch{Steps: steps, Rows: rows, Labels: [][]int32{{1, 2}, {3}, {}, {1, 1}}}
	weights := []float32{1, 2, 3, 4, 5}
	for _, c := range []struct {
		l loss.Loss
		b *data.Batch
	}{
		{loss.CrossEntropy{}, b}, {loss.CrossEntropy{Weights: weights, Smoothing: 0.1}, b}, {loss.MSE{}, b}, {loss.MAE{}, b},
		{loss.Huber{}, b}, {loss.BCE{OnesWeight: weights}, b}, {loss.PerSequence{Of: loss.BCE{}}, b}, {loss.CTC{}, sequences},
	} {
		for _, workers := range []int{1, 3} {
			for _, grad := range [][]float32{nil, dy, y} {
				var s loss.Scratch
				s.SetWorkers(workers)
				if n := testing.AllocsPerRun(5, func() {
					if _, err := c.l.Loss(grad, y, c.b, 0, &s); err != nil {
						t.Fatal(err)
					}
				}); n != 0 {
					t.Errorf("%T on %d workers allocates %v times", c.l, workers, n)
				}
			}
		}
	}
}

// TestElementSumsAreOfBlocks: the order of the sum that the contract names, written out.
func TestElementSumsAreOfBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, width := range []int{1, 3, 5000} {
		const rows = 2
		steps := max(3, 9000/width)
		n := steps * rows * width
		y, target := make([]float32, n), make([]float32, n)
		for i := range y {
			y[i], target[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
		}
		b := &data.Batch{Steps: steps, Rows: rows, Y: target, Lengths: []int{steps, steps / 2}}
		block := max(1, 4096/width) * width
		want := 0.0
		for begin := 0; begin < n; begin += block {
			sum := 0.0
			for piece := begin; piece < min(n, begin+block); piece += 4096 {
				lanes := make([]float64, 32)
				for i := piece; i < min(n, begin+block, piece+4096); i++ {
					if p := i / width; p/rows < b.Lengths[p%rows] {
						d := float64(y[i] - target[i])
						lanes[(i-piece)%32] += float64(d * d)
					}
				}
				for k := 16; k > 0; k /= 2 {
					for i := range k {
						lanes[i] += lanes[i+k]
					}
				}
				sum += lanes[0]
			}
			want += sum
		}
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			var s loss.Scratch
			total, err := loss.MSE{}.Loss(nil, y, b, 0, &s)
			require.NoError(t, err)
			require.Equal(t, want, total.Sum, "width %d", width)
		})
	}
}
