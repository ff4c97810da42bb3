package nettest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// flops is the work of the products of one step of one row of a layer that is as
// wide as its input.
func (k Kind) flops(H int) float64 {
	R := k.width(0, H)
	n := k.Gates * H * (H + R)
	if R != H {
		n += R * H // the projection
	}
	return 2 * float64(n)
}

// BenchmarkVariants is BenchmarkTrain in one size for each of several kinds, so that
// they can be compared.
func BenchmarkVariants(b *testing.B, kinds []Kind) {
	const T, B, H = 64, 32, 256
	for _, k := range kinds {
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := newProblem(b, k, 1, Config{Input: H, Hidden: H, Layers: 2, Workers: 1}, T, B, false)
			u := p.net.Unroll(T, B)
			y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
			// The second layer is as wide as what the first puts out.
			second := k.flops(H) - 2*float64(k.Gates*H*(H-k.width(0, H)))
			numtest.PercentOfPeak(b, isa, 3*(k.flops(H)+second)*float64(T*B), func() {
				u.Forward(y, p.x)
				u.Backward(dx, p.dy)
			})
		}, "%s", strings.ReplaceAll(k.Variant, " ", "-"))
	}
}

// BenchmarkTrain is the speed of a training pass on one core: forward, backward,
// all gradients. Ragged rows count for what they are long.
func BenchmarkTrain(b *testing.B, k Kind) {
	for _, s := range []struct {
		T, B, H int
		ragged  bool
	}{{64, 32, 256, false}, {64, 32, 256, true}, {100, 16, 128, false}, {100, 1, 256, false}} {
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := newProblem(b, k, 1, Config{Input: s.H, Hidden: s.H, Workers: 1}, s.T, s.B, s.ragged)
			u := p.net.Unroll(s.T, s.B)
			check(b, u.SetLengths(p.lengths))
			y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
			pairs := s.T * s.B
			if s.ragged {
				pairs = 0
				for _, n := range p.lengths {
					pairs += n
				}
			}
			numtest.PercentOfPeak(b, isa, 3*k.flops(s.H)*float64(pairs), func() {
				u.Forward(y, p.x)
				u.Backward(dx, p.dy)
			})
		}, "T=%d,B=%d,H=%d%s", s.T, s.B, s.H, map[bool]string{true: ",ragged"}[s.ragged])
	}
}

// BenchmarkStep is the speed of one step of a Predictor.
func BenchmarkStep(b *testing.B, k Kind) {
	for _, s := range []struct{ B, H int }{{1, 64}, {1, 256}, {16, 256}} {
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := newProblem(b, k, 1, Config{Input: s.H, Hidden: s.H, Workers: 1}, 1, s.B, false)
			pr, err := p.net.Predictor(s.B)
			check(b, err)
			y := make([]float32, len(p.dy))
			numtest.PercentOfPeak(b, isa, k.flops(s.H)*float64(s.B), func() { pr.Step(y, p.x) })
		}, "B=%d,H=%d", s.B, s.H)
	}
}

func eachTier(b *testing.B, f func(b *testing.B, isa kernels.ISA), name string, args ...any) {
	before := kernels.Current()
	defer kernels.Use(before)
	for _, isa := range kernels.Available() {
		if isa == kernels.Scalar {
			continue
		}
		check(b, kernels.Use(isa))
		b.Run(fmt.Sprintf(name, args...)+fmt.Sprintf("/isa=%v", isa), func(b *testing.B) { f(b, isa) })
	}
}

// BenchmarkDenormals is the speed of a training pass and of a Predictor's step where
// what comes in is of order 1, where all parameters are denormal numbers, and where
// inputs, states and gradients are: the promise is that all take the same time.
func BenchmarkDenormals(b *testing.B, k Kind) {
	const T, B, H = 32, 16, 128
	for _, c := range []struct {
		denormal   string
		params, in float32
	}{{"nothing", 1, 1}, {"parameters", 0x1p-130, 1}, {"inputs", 1, 0x1p-130}} {
		made := func(b *testing.B) *problem {
			p := newProblem(b, k, 1, Config{Input: H, Hidden: H, Workers: 1}, T, B, false)
			p.shrink(c.in, c.in)
			p.net.EachParam(func(_ string, w []float32, _ ...int) {
				for i := range w {
					w[i] *= c.params
				}
			})
			return p
		}
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := made(b)
			u := p.net.Unroll(T, B)
			y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
			numtest.PercentOfPeak(b, isa, 3*k.flops(H)*float64(T*B), func() {
				check(b, u.SetState(p.state))
				u.Forward(y, p.x)
				check(b, u.SetStateGrad(p.dstate))
				u.Backward(dx, p.dy)
			})
		}, "train/denormal=%s", c.denormal)
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := made(b)
			pr, err := p.net.Predictor(B)
			check(b, err)
			y := make([]float32, B*p.out())
			numtest.PercentOfPeak(b, isa, k.flops(H)*float64(B), func() {
				check(b, pr.SetState(p.state))
				pr.Step(y, p.x[:B*H])
			})
		}, "step/denormal=%s", c.denormal)
	}
}
