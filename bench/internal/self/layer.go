package self

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// sizes are those of a layer's shape. A step has no T.
type sizes struct{ T, B, I, H int }

func layerSizes(s *driver.Settings, form string) sizes {
	z := sizes{T: 1, B: s.Int("B"), I: s.Int("I"), H: s.Int("H")}
	if form != "step" {
		z.T = s.Int("T")
	}
	return z
}

// The forms of a layer that all cells have.
type (
	unrolled interface {
		Forward(y, x []float32)
		Backward(dx, dy []float32)
		HoldWeights(on bool)
	}
	stepper                      interface{ Step(y, x []float32) }
	layer[U unrolled, P stepper] interface {
		Unroll(steps, batch int) U
		Infer(steps, batch int) U
		Predictor(batch int) (P, error)
	}
)

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// layerCall returns one call of an operation on a layer.
func layerCall(op, form string, s *driver.Settings) (func(), error) {
	z := layerSizes(s, form)
	if err := s.Err(); err != nil {
		return nil, err
	}
	switch op {
	case "lstm":
		l, err := lstm.New(lstm.Config{Input: z.I, Hidden: z.H}, random())
		return run(l, err, form, z)
	case "gru":
		l, err := gru.New(gru.Config{Input: z.I, Hidden: z.H}, random())
		return run(l, err, form, z)
	case "rnn":
		l, err := rnn.New(rnn.Config{Input: z.I, Hidden: z.H}, random())
		return run(l, err, form, z)
	}
	return nil, driver.Unsupported("no layer %s", op)
}

func run[L layer[U, P], U unrolled, P stepper](l L, err error, form string, z sizes) (func(), error) {
	if err != nil {
		return nil, err
	}
	x, y := driver.Numbers(z.T*z.B*z.I, 1, 1), make([]float32, z.T*z.B*z.H)
	switch form {
	case "train":
		// Small gradients, since those of the weights are added up over all calls.
		dx, dy := make([]float32, len(x)), driver.Numbers(len(y), 1e-3, 2)
		u := l.Unroll(z.T, z.B)
		return func() {
			u.Forward(y, x)
			u.Backward(dx, dy)
		}, nil
	case "infer":
		u := l.Infer(z.T, z.B)
		u.HoldWeights(true) // as peers that have laid them out before
		return func() { u.Forward(y, x) }, nil
	case "step":
		p, err := l.Predictor(z.B)
		return func() { p.Step(y, x) }, err
	}
	return nil, driver.Unsupported("no %s of a layer", form)
}
