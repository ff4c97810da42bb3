package rnn_test

import (
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/rnn"
)

// activation is one of the functions with its text in kernels/ref: value and
// derivative times d, from the pre-activation x or the output y.
type activation struct {
	f          rnn.Activation
	value      func(x float32) float32
	derivative func(x, y, d float32) float32
}

// one turns a kernel over slices into a function.
func one(f func(dst, x []float32)) func(x float32) float32 {
	return func(x float32) float32 {
		var y [1]float32
		f(y[:], []float32{x})
		return y[0]
	}
}

// fromX and fromY do so with a derivative.
func fromX(f func(dx, x, dy []float32)) func(x, y, d float32) float32 {
	return func(x, _, d float32) float32 {
		var dx [1]float32
		f(dx[:], []float32{x}, []float32{d})
		return dx[0]
	}
}

func fromY(f func(dx, y, dy []float32)) func(x, y, d float32) float32 {
	return func(_, y, d float32) float32 { return fromX(f)(y, 0, d) }
}

var activations = []activation{
	{rnn.Tanh, ref.Tanh1, func(_, y, d float32) float32 { return ref.FMA(-y, y, 1) * d }},
	{rnn.ReLU, func(x float32) float32 { return max(x, 0) }, func(_, y, d float32) float32 {
		if y > 0 {
			return d
		}
		return 0
	}},
	{rnn.Sigmoid, ref.Sigmoid1, func(_, y, d float32) float32 { return float32(y*(1-y)) * d }},
	{rnn.Affine(0.7, -0.1), func(x float32) float32 { return ref.FMA(0.7, x, -0.1) }, func(_, _, d float32) float32 { return d * 0.7 }},
	{rnn.LeakyReLU(0.1), one(func(y, x []float32) { ref.LeakyReLU(y, x, 0.1) }), fromX(func(dx, x, dy []float32) { ref.LeakyReLUGrad(dx, x, dy, 0.1) })},
	{rnn.ThresholdedReLU(0.3), one(func(y, x []float32) { ref.ThresholdedReLU(y, x, 0.3) }), fromX(func(dx, x, dy []float32) { ref.ThresholdedReLUGrad(dx, x, dy, 0.3) })},
	{rnn.ScaledTanh(1.7, 0.6), one(func(y, x []float32) { ref.ScaledTanh(y, x, 1.7, 0.6) }), fromX(func(dx, x, dy []float32) { ref.ScaledTanhGrad(dx, x, dy, 1.7, 0.6) })},
	{rnn.HardSigmoid(0.4, 0.5), one(func(y, x []float32) { ref.HardSigmoid(y, x, 0.4, 0.5) }), fromX(func(dx, x, dy []float32) { ref.HardSigmoidGrad(dx, x, dy, 0.4, 0.5) })},
	{rnn.ELU(1.3), one(func(y, x []float32) { ref.ELU(y, x, 1.3) }), fromX(func(dx, x, dy []float32) { ref.ELUGrad(dx, x, dy, 1.3) })},
	{rnn.Softsign, one(ref.Softsign), fromX(ref.SoftsignGrad)},
	{rnn.Softplus, one(ref.Softplus), fromX(ref.SoftplusGrad)},
}

// kind is a layer with the activation.
func (a activation) kind() nettest.Kind {
	return nettest.Kind{
		Package: "rnn", Variant: a.f.String(), Gates: 1, States: 1, Tape: 2, Fields: 17, Cell: naive{a},
		New: func(c nettest.Config, r *rand.Rand) (nettest.Layer, error) {
			return made(rnn.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: rnn.Merge(c.Merge),
				NoBias: c.NoBias, Workers: c.Workers, Activation: a.f}, r)
		},
		Load: func(r io.Reader) (nettest.Layer, error) { return wrap(rnn.Load(r)) },
	}
}

// made is a new layer; without a source of random numbers its parameters are +0.
func made(cfg rnn.Config, r *rand.Rand) (nettest.Layer, error) {
	if r == nil {
		return wrap(rnn.NewZero(cfg))
	}
	return wrap(rnn.New(cfg, r))
}

func wrap(l *rnn.Layer, err error) (nettest.Layer, error) {
	if err != nil {
		return nil, err
	}
	return nettest.Wrap[*rnn.Unrolled, *rnn.Predictor, rnn.Config](l), nil
}

// naive is one step as the contract says it.
type naive struct{ f activation }

type saved struct{ a, h, hPrev []float32 }

func (c naive) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	s := saved{hPrev: state[0]}
	for r := range s.hPrev {
		a := nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, s.hPrev)
		s.a, s.h = append(s.a, a), append(s.h, ref.Flush(c.f.value(a)))
	}
	return [][]float32{s.h}, s
}

func (c naive) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	s := kept.(saved)
	da := make([]float32, len(s.h))
	for j := range da {
		da[j] = ref.Flush(c.f.derivative(s.a[j], s.h[j], carry[0][j]+dy[j]))
	}
	dh := nettest.Transposed(make([]float32, len(da)), p.Hh, 0, da)
	for j := range dh {
		dh[j] = ref.Flush(dh[j])
	}
	return [][]float32{dh}, nettest.Grads{Ih: da, Hh: da, With: func(int) []float32 { return s.hPrev }}
}
