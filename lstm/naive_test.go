package lstm_test

import (
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/lstm"
)

// kind is the LSTM as the tests of all layers see it.
var kind = nettest.Kind{
	Package: "lstm", Gates: 4, States: 2, Tape: 6, Fields: 28, Cell: naive{},
	New: func(c nettest.Config, r *rand.Rand) (nettest.Layer, error) {
		return made(lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: lstm.Merge(c.Merge),
			NoBias: c.NoBias, Workers: c.Workers}, r)
	},
	Load: func(r io.Reader) (nettest.Layer, error) { return wrap(lstm.Load(r)) },
}

// made is a new layer; without a source of random numbers its parameters are +0.
func made(cfg lstm.Config, r *rand.Rand) (nettest.Layer, error) {
	if r == nil {
		return wrap(lstm.NewZero(cfg))
	}
	return wrap(lstm.New(cfg, r))
}

func wrap(l *lstm.Layer, err error) (nettest.Layer, error) {
	if err != nil {
		return nil, err
	}
	return nettest.Wrap[*lstm.Unrolled, *lstm.Predictor, lstm.Config](l), nil
}

// naive is one step as the contract says it.
type naive struct{}

type saved struct{ i, f, g, o, c, cPrev, hPrev []float32 }

func (naive) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	s := saved{hPrev: state[0], cPrev: state[1]}
	H := len(s.hPrev)
	var a []float32
	for r := range 4 * H {
		a = append(a, nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, s.hPrev))
	}
	s.i, s.f, s.g, s.o = a[:H], a[H:2*H], a[2*H:3*H], a[3*H:]
	h := make([]float32, H)
	for j := range H {
		s.i[j], s.f[j], s.g[j], s.o[j] = ref.Sigmoid1(s.i[j]), ref.Sigmoid1(s.f[j]), ref.Tanh1(s.g[j]), ref.Sigmoid1(s.o[j])
		s.c = append(s.c, ref.Flush(ref.FMA(s.f[j], s.cPrev[j], float32(s.i[j]*s.g[j]))))
		h[j] = ref.Flush(s.o[j] * ref.Tanh1(s.c[j]))
	}
	return [][]float32{h, s.c}, s
}

func (naive) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	s := kept.(saved)
	H := len(s.c)
	slope := func(y float32) float32 { return y * (1 - y) }
	da, dc := make([]float32, 4*H), make([]float32, H)
	for j := range H {
		i, f, g, o := s.i[j], s.f[j], s.g[j], s.o[j]
		d := carry[0][j] + dy[j]
		tc := ref.Tanh1(s.c[j])
		D := ref.FMA(float32(d*o), ref.FMA(-tc, tc, 1), carry[1][j])
		da[j] = ref.Flush(float32(D*g) * slope(i))
		da[H+j] = ref.Flush(float32(D*s.cPrev[j]) * slope(f))
		da[2*H+j] = ref.Flush(float32(D*i) * ref.FMA(-g, g, 1))
		da[3*H+j] = ref.Flush(float32(d*tc) * slope(o))
		dc[j] = ref.Flush(D * f)
	}
	dh := nettest.Transposed(make([]float32, H), p.Hh, 0, da)
	for j := range dh {
		dh[j] = ref.Flush(dh[j])
	}
	return [][]float32{dh, dc}, nettest.Grads{Ih: da, Hh: da, With: func(int) []float32 { return s.hPrev }}
}
