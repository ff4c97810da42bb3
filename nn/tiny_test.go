package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// through is a Net, and a Predictor, without parameters that hands on what it is
// given as it is or, if they are set, y and dx of its own.
type through struct {
	*traintest.Leaky
	width int
	y, dx *float32
}

func (n *through) Dims() (steps, batch, in, out int) { return n.Steps, n.Batch, n.width, n.width }
func (n *through) State() [][]float32                { return nil }
func (n *through) SetState([][]float32) error        { return nil }
func (n *through) EachParam(func(string, []float32, []float32)) {
}
func (n *through) ZeroGrads()                      {}
func (n *through) Forward(y, x []float32)          { handOn(y, x, n.y) }
func (n *through) Backward(dx, dy []float32)       { handOn(dx, dy, n.dx) }
func (n *through) Step(y, x []float32)             { handOn(y, x, n.y) }
func (n *through) NewPredictor(b int) (any, error) { return n, nil }
func (n *through) Reorder([]int)                   {}
func (n *through) Refresh()                        {}
func (n *through) Reset(...int)                    {}

func handOn(dst, src []float32, own *float32) {
	copy(dst, src)
	if own != nil {
		traintest.Fill(dst, *own)
	}
}

// doors is what comes into the two linear layers of a chain, with a Net between
// them, that is all of one value.
type doors struct {
	x, dy        float32
	weightA      float32
	biasA        float32
	weightB      float32
	biasB        float32
	y, dx        *float32 // of the Net between
	withoutBiasA bool
}

// run returns all that comes out of a forward and a backward pass and of a
// predictor. x, dy and the parameters are as before.
func (d doors) run(t *testing.T, workers int) (out []float32) {
	const steps, batch, in, hidden, width = 5, 3, 4, 15, 30
	a := &nn.Linear{Weight: make([]float32, hidden*in), Bias: make([]float32, hidden), In: in, Out: hidden}
	b := &nn.Linear{Weight: make([]float32, width*hidden), Bias: make([]float32, width), In: hidden, Out: width}
	x, dy := make([]float32, steps*batch*in), make([]float32, steps*batch*width)
	all := map[*float32]float32{&a.Weight[0]: d.weightA, &a.Bias[0]: d.biasA, &b.Weight[0]: d.weightB, &b.Bias[0]: d.biasB, &x[0]: d.x, &dy[0]: d.dy}
	slicesOf := [][]float32{a.Weight, a.Bias, b.Weight, b.Bias, x, dy}
	for _, s := range slicesOf {
		traintest.Fill(s, all[&s[0]])
	}
	if d.withoutBiasA {
		a.Bias = nil
	}
	net := traintest.Must(nn.Chain(a, &through{traintest.NewLeaky(steps, batch), hidden, d.y, d.dx}, b))
	net.SetWorkers(workers)
	y, dx := make([]float32, len(dy)), make([]float32, len(x))
	pass := func() {
		net.Forward(y, x)
		net.Backward(dx, dy)
	}
	pass()
	out = slices.Concat(y, dx, traintest.Gradients(net))
	p := traintest.Must(net.Predictor(batch))
	step := y[:batch*width]
	p.Step(step, x[:batch*in])
	out = append(out, step...)
	for _, s := range slicesOf {
		want := make([]float32, len(s))
		traintest.Fill(want, all[&s[0]])
		traintest.Equal(t, "what the caller has", s, want)
	}
	require.Zero(t, testing.AllocsPerRun(2, func() {
		pass()
		p.Step(step, x[:batch*in])
	}))
	return out
}

// TestTinyValues: a value below 2^-100 has the bits of +0 in its place wherever it
// enters a Linear or comes out of an Embedding, in passes and in a predictor, and the
// least that is not below does not. The other factor is large enough to show it.
func TestTinyValues(t *testing.T) {
	const large = 1e30
	one, big := float32(1), float32(large)
	cases := map[string]func(v float32) doors{
		"x":                     func(v float32) doors { return doors{x: v, dy: 1, weightA: large, weightB: 1, withoutBiasA: true} },
		"x of a later stage":    func(v float32) doors { return doors{x: 1, dy: 1, weightA: 1, weightB: large, y: &v, dx: &one} },
		"dy":                    func(v float32) doors { return doors{x: 1, dy: v, weightA: 1, weightB: large, y: &big} },
		"dy from a later stage": func(v float32) doors { return doors{x: large, dy: 1, weightA: large, weightB: 1, y: &one, dx: &v} },
		"weight, forward":       func(v float32) doors { return doors{x: large, dy: 1, weightA: v, weightB: 1, dx: new(float32)} },
		"weight, backward":      func(v float32) doors { return doors{x: 0, dy: large, weightA: 0, weightB: v, y: new(float32)} },
		"weight of a later stage, forward": func(v float32) doors {
			return doors{x: 1, dy: 1, weightA: 1, weightB: v, y: &big, dx: new(float32)}
		},
		"bias":                  func(v float32) doors { return doors{biasA: v, weightB: large} },
		"bias of a later stage": func(v float32) doors { return doors{biasB: v} },
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for name, door := range cases {
			for _, workers := range []int{1, 3} {
				want := door(0).run(t, workers)
				for _, v := range belowTiny {
					numtest.Equal(t, door(v).run(t, workers), want, "%s of %v, %d workers", name, v, workers)
				}
				for _, v := range []float32{0x1p-100, -0x1p-100, float32(math.NaN())} {
					require.NotEqual(t, bits(want), bits(door(v).run(t, workers)), "%s of %v reaches nothing", name, v)
				}
			}
		}
	})
}

var belowTiny = []float32{1e-39, -1e-39, math.SmallestNonzeroFloat32, math.Float32frombits(math.Float32bits(0x1p-100) - 1), float32(math.Copysign(0, -1))}

func bits(s []float32) (b []uint32) {
	for _, v := range s {
		b = append(b, math.Float32bits(v))
	}
	return b
}

// TestTinyValuesOfATable: the stage after an Embedding sees +0, the table keeps what
// stands in it, and lengths and padding make no difference.
func TestTinyValuesOfATable(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, v := range belowTiny {
			emb := traintest.Must(nn.NewZeroEmbedding(3, 2))
			copy(emb.Weight, []float32{1, v, v, 0x1p-100, float32(math.NaN()), -v})
			before := slices.Clone(emb.Weight)
			net := traintest.Must(nn.Chain(emb, &through{traintest.NewLeaky(3, 1), 2, nil, nil}))
			want := []float32{0, 0x1p-100, 1, 0, float32(math.NaN()), 0}
			y := make([]float32, 6)
			require.NoError(t, net.ForwardIDs(y, []int32{1, 0, 2}))
			numtest.Equal(t, y, want, "%v", v)
			p := traintest.Must(net.Predictor(3))
			clear(y)
			require.NoError(t, p.StepIDs(y, []int32{1, 0, 2}))
			numtest.Equal(t, y, want, "%v, predictor", v)
			numtest.Equal(t, emb.Weight, before)
			require.Zero(t, testing.AllocsPerRun(2, func() {
				_ = net.ForwardIDs(y, []int32{1, 0, 2})
				_ = p.StepIDs(y, []int32{1, 0, 2})
			}))
		}
	})
}
