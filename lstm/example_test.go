package lstm_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/lstm"
)

func ExampleConfig() {
	_, err := lstm.NewZero(lstm.Config{Input: 8})
	fmt.Println(err)
	// Output: lstm: Config.Hidden is 0, want at least 1 unit
}

func ExampleMerge() {
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3, Bidirectional: true, Merge: lstm.Sum})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, _, out := net.Unroll(1, 1).Dims()
	fmt.Println(net.Config().Merge, out)
	// Output: Sum 3
}

func ExampleLayer() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if _, err := net.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}
	same, err := lstm.Load(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	same.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	// Output:
	// weight_ih_l0 [12 2]
	// weight_hh_l0 [12 3]
	// bias_ih_l0 [12]
	// bias_hh_l0 [12]
	// weight_ih_l1 [12 3]
	// weight_hh_l1 [12 3]
	// bias_ih_l1 [12]
	// bias_hh_l1 [12]
}

// Teaching an LSTM to remember the first input of a sequence, with the plainest
// gradient descent.
func ExampleUnrolled() {
	const steps, batch, hidden = 5, 2, 4
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	x := make([]float32, steps*batch)
	x[0], x[1] = 0.5, -0.5 // first step of both rows
	y, dy := make([]float32, steps*batch*hidden), make([]float32, steps*batch*hidden)
	last := (steps - 1) * batch * hidden
	for epoch := range 1001 {
		u.Reset()
		u.Forward(y, x)
		var loss float32
		for b, want := range []float32{0.5, -0.5} { // of unit 0 after the last step
			e := y[last+b*hidden] - want
			loss += float32(e * e)
			dy[last+b*hidden] = e
		}
		if epoch%500 == 0 {
			fmt.Printf("epoch %4d: loss below 0.01: %v\n", epoch, loss < 0.01)
		}
		u.ZeroGrads()
		u.Backward(nil, dy)
		u.EachParam(func(_ string, w, g []float32) {
			for i := range w {
				w[i] -= 0.5 * g[i]
			}
		})
	}
	// Output:
	// epoch    0: loss below 0.01: false
	// epoch  500: loss below 0.01: false
	// epoch 1000: loss below 0.01: true
}

func ExamplePredictor() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := net.Predictor(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{1, 0, 0, 1, 1, 1} // three steps
	y := make([]float32, 3)
	for t := range 3 {
		p.Step(y, x[2*t:2*t+2])
	}
	whole := make([]float32, 9)
	net.Infer(3, 1).Forward(whole, x)
	fmt.Println(y[0] == whole[6], y[1] == whole[7], y[2] == whole[8])
	// Output: true true true
}

// A network that begins as one of Keras, and one whose weights are drawn by a
// function of the caller's.
func ExampleLayer_Init() {
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := rand.New(rand.NewPCG(1, 2))
	net.Init(r, lstm.Keras)
	if err := net.SetForgetBias(1); err != nil {
		fmt.Println(err)
		return
	}
	show := func(name string, w []float32, _ ...int) {
		if name == "bias_ih_l0" {
			fmt.Println(name, w)
		}
	}
	net.EachParam(show)
	net.Init(r, func(r *rand.Rand, p lstm.Param) {
		if p.Bias() {
			p.Gate(3).Fill(-1) // the output gate's
			return
		}
		p.Normal(r, 0.1)
	})
	net.EachParam(show)
	// Output:
	// bias_ih_l0 [0 0 0 1 1 1 0 0 0 0 0 0]
	// bias_ih_l0 [0 0 0 1 1 1 0 0 0 -1 -1 -1]
}

// Peepholes and a projection, the LSTM of speech recognisers: h is 2 wide, c 4.
func ExampleConfig_projection() {
	net, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Projection: 2, Peephole: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	u := net.Unroll(5, 1)
	_, _, _, out := u.Dims()
	state := u.State()
	fmt.Println(out, len(state[0]), len(state[1]))
	// Output:
	// weight_ih_l0 [16 3]
	// weight_hh_l0 [16 2]
	// bias_ih_l0 [16]
	// bias_hh_l0 [16]
	// weight_hr_l0 [2 4]
	// weight_peephole_l0 [12]
	// 2 2 4
}

// With coupled gates f is 1-i and has no rows. Here i is 1/4 whatever comes, g is
// 1 and o is 1, so c approaches 1 by a quarter of what is left.
func ExampleConfig_coupled() {
	net, err := lstm.NewZero(lstm.Config{
		Input: 1, Hidden: 1, Coupled: true,
		GateActivation: lstm.Affine(1, 0), CandidateActivation: lstm.Affine(1, 0), OutputActivation: lstm.Affine(1, 0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name == "bias_ih_l0" {
			copy(w, []float32{0.25, 1, 1}) // of i, g and o
		}
	})
	y := make([]float32, 4)
	net.Infer(4, 1).Forward(y, make([]float32, 4))
	fmt.Println(y)
	// Output: [0.25 0.4375 0.578125 0.68359375]
}

// The two limits: Clip is about what goes into an activation, CellClip about c.
func ExampleConfig_clip() {
	y := make([]float32, 3)
	for _, cfg := range []lstm.Config{{}, {Clip: 2}, {CellClip: 1}} {
		cfg.Input, cfg.Hidden = 1, 1
		cfg.CandidateActivation, cfg.OutputActivation = lstm.ReLU, lstm.ReLU
		net, err := lstm.NewZero(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		net.EachParam(func(name string, w []float32, _ ...int) {
			if name == "bias_ih_l0" {
				copy(w, []float32{0, 0, 8, 0}) // i, f and o are 1/2
			}
		})
		net.Infer(3, 1).Forward(y, []float32{0, 0, 0})
		fmt.Println(y)
	}
	// Output:
	// [2 3 3.5]
	// [0.5 0.75 0.875]
	// [0.5 0.5 0.5]
}

// Layer normalisation in the cell brings gains, which begin as 1, and for c
// something to add. How large the weights are no longer matters.
func ExampleConfig_layerNorm() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3, LayerNorm: true, NoBias: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	y, x := make([]float32, 3), []float32{1, -1}
	net.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	for range 2 {
		net.Infer(1, 1).Forward(y, x)
		fmt.Printf("%.3f\n", y)
		net.EachParam(func(name string, w []float32, _ ...int) {
			for i := range w {
				if name == "weight_ih_l0" {
					w[i] *= 1024
				}
			}
		})
	}
	// Output:
	// weight_ih_l0 [12 2]
	// weight_hh_l0 [12 3]
	// gain_ih_l0 [12]
	// gain_hh_l0 [12]
	// gain_c_l0 [3]
	// [-0.257 0.534 0.275]
	// [-0.257 0.534 0.275]
}

// The gates of an older library: a sigmoid made of straight lines.
func ExampleActivation() {
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3, GateActivation: lstm.HardSigmoid(0.2, 0.5)})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := net.Config()
	fmt.Println(c.GateActivation, c.CandidateActivation, c.OutputActivation)
	// Output: HardSigmoid(0.2, 0.5) Tanh Tanh
}

// c of a layer after each step, beside its h, which is o*tanh(c).
func ExampleUnrolled_CellStates() {
	const steps, batch, hidden = 3, 1, 2
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	h, c := make([]float32, steps*batch*hidden), make([]float32, steps*batch*hidden)
	u.Forward(h, []float32{1, 1, 1})
	u.CellStates(0, c) // of layer 0
	for t := range steps {
		fmt.Printf("%d: c %6.3f h %6.3f\n", t, c[t*hidden:(t+1)*hidden], h[t*hidden:(t+1)*hidden])
	}
	last := u.State()[1]
	fmt.Println(last[0] == c[4], last[1] == c[5])
	// Output:
	// 0: c [-0.055  0.194] h [-0.036  0.097]
	// 1: c [-0.088  0.277] h [-0.057  0.137]
	// 2: c [-0.103  0.311] h [-0.066  0.153]
	// true true
}

// noisy is a network with masks of every kind.
func noisy() *lstm.Layer {
	net, err := lstm.New(lstm.Config{
		Input: 2, Hidden: 8, Layers: 2,
		Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.3, Zoneout: 0.1, ZoneoutCell: 0.1,
	}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		panic(err)
	}
	return net
}

// In training masks are drawn, in evaluation they are not: Unroll, Infer and a
// Predictor then agree.
func ExampleUnrolled_SetTraining() {
	net := noisy()
	u := net.Unroll(1, 1)
	run := func() float32 {
		y := make([]float32, 8)
		u.Reset()
		u.Forward(y, []float32{1, -1})
		return y[0]
	}
	trained := run()
	u.SetTraining(false)
	evaluated := run()
	y := make([]float32, 8)
	net.Infer(1, 1).Forward(y, []float32{1, -1})
	fmt.Println(trained == evaluated, evaluated == y[0])
	// Output: false true
}

// The seed decides over the masks, and a row's id, not its place in the batch.
func ExampleUnrolled_SetRowIDs() {
	net := noisy()
	u := net.Unroll(1, 2)
	run := func(seed uint64, ids ...uint32) (first, second float32) {
		u.SetSeed(seed)
		if err := u.SetRowIDs(ids); err != nil {
			fmt.Println(err)
		}
		y := make([]float32, 2*8)
		u.Reset()
		u.Forward(y, []float32{1, -1, 1, -1}) // the same row twice
		return y[0], y[8]
	}
	a, b := run(7, 100, 200)
	c, d := run(7, 200, 100)
	e, _ := run(8, 100, 200)
	fmt.Println(a == b, a == d, b == c, a == e)
	fmt.Println(u.SetRowIDs([]uint32{1}))
	// Output:
	// false true true false
	// lstm: 1 row ids for a batch of 2 rows; give one for each row, or nil
}

// A run that stops and goes on later draws the masks that it would have drawn. It
// keeps its weights, its state, and what the masks follow from.
func ExampleUnrolled_MaskState() {
	net := noisy()
	x, dy := []float32{1, -1}, make([]float32, 8)
	step := func(u *lstm.Unrolled) float32 { // of training
		y := make([]float32, 8)
		u.Forward(y, x)
		u.Backward(nil, dy)
		return y[0]
	}
	u := net.Unroll(1, 1)
	u.SetSeed(42)
	step(u)
	step(u)
	state, masks, clock := u.State(), u.MaskState(), u.Clock()
	fmt.Println(masks, clock) // seed and training steps; steps of each row since Reset

	later := net.Unroll(1, 1)
	for _, err := range []error{later.SetState(state), later.SetMaskState(masks), later.SetClock(clock)} {
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(step(later) == step(u), step(later) == step(u))
	// Output:
	// [42 2] [2]
	// true true
}

// Zoneout in evaluation is the mean: h keeps a quarter of what it was, and of what
// the step makes it takes three. ZoneoutCell does that to c.
func ExampleConfig_zoneout() {
	net, err := lstm.NewZero(lstm.Config{
		Input: 1, Hidden: 1, Zoneout: 0.25,
		GateActivation: lstm.Affine(1, 0), CandidateActivation: lstm.Affine(1, 0), OutputActivation: lstm.Affine(1, 0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		switch name {
		case "weight_ih_l0":
			w[2] = 1 // g is x
		case "bias_ih_l0":
			w[0], w[3] = 1, 1 // i and o are 1, f is 0
		}
	})
	y := make([]float32, 4)
	net.Infer(4, 1).Forward(y, []float32{1, 0, 0, 0})
	fmt.Println(y)
	// Output: [0.75 0.1875 0.046875 0.01171875]
}

// The outputs of both layers of a stack: Forward gives those of the last one alone.
func ExampleUnrolled_HiddenStates() {
	const steps, batch, hidden = 3, 1, 2
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: hidden, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	y := make([]float32, steps*batch*hidden)
	u.Forward(y, []float32{1, 1, 1})
	first, second := make([]float32, len(y)), make([]float32, len(y))
	u.HiddenStates(0, first)
	u.HiddenStates(1, second)
	fmt.Printf("%.3f\n", first)
	fmt.Println(slices.Equal(second, y))
	// Output:
	// [-0.036 0.097 -0.057 0.137 -0.066 0.153]
	// true
}

// How much memory a training pass takes: about six floats for each step, row and unit, and
// what belongs to the weights.
func ExampleUnrolled_Bytes() {
	const steps, batch, hidden = 100, 32, 128
	net, err := lstm.New(lstm.Config{Input: 64, Hidden: hidden, Workers: 1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	train, infer := net.Unroll(steps, batch), net.Infer(steps, batch)
	fmt.Println(train.Bytes() > 6*4*steps*batch*hidden, infer.Bytes() < train.Bytes()/3)
	// Output:
	// true true
}

// An LSTM goes forward over a sequence of three steps and back again. A program then
// changes the weights by the gradients, as package bptt does.
func Example() {
	const steps, batch, in, hidden = 3, 1, 2, 4
	net, err := lstm.New(lstm.Config{Input: in, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	x := []float32{1, 0, 0, 1, 1, 1}
	y := make([]float32, steps*batch*hidden)
	u.Forward(y, x)
	fmt.Printf("outputs of the last step: %.3f\n", y[2*hidden:])

	dx, dy := make([]float32, len(x)), make([]float32, len(y))
	dy[2*hidden] = 1 // of the loss by unit 0 after the last step
	u.Backward(dx, dy)
	fmt.Printf("gradients of the inputs: %.3f\n", dx)
	u.EachParam(func(name string, w, g []float32) { fmt.Println(name, len(w), len(g)) })
	// Output:
	// outputs of the last step: [-0.223 0.137 -0.259 0.282]
	// gradients of the inputs: [-0.004 -0.013 0.000 -0.007 -0.041 0.043]
	// weight_ih_l0 32 32
	// weight_hh_l0 64 64
	// bias_ih_l0 16 16
	// bias_hh_l0 16 16
}

// A whole sequence without a backward pass: Infer keeps no activations, and gives the
// bits of Unroll in evaluation.
func ExampleLayer_Infer() {
	const steps, batch, hidden = 4, 1, 3
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: hidden, Bidirectional: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{1, 2, 3, 4}
	y, same := make([]float32, steps*batch*2*hidden), make([]float32, steps*batch*2*hidden)
	net.Infer(steps, batch).Forward(y, x)
	net.Unroll(steps, batch).Forward(same, x)
	fmt.Printf("%.3f %v\n", y[:2*hidden], slices.Equal(y, same))
	// Output: [0.063 -0.066 -0.042 0.024 0.062 0.128] true
}

// Two rows of which one has a single step. Past its end its outputs are +0, and not
// even NaN in x changes anything.
func ExampleUnrolled_SetLengths() {
	const steps, batch = 2, 2
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Infer(steps, batch)
	if err := u.SetLengths([]int{2, 1}); err != nil {
		fmt.Println(err)
		return
	}
	nan := float32(math.NaN())
	y := make([]float32, steps*batch)
	u.Forward(y, []float32{1, 1, 1, nan}) // step 0 of both rows, then step 1
	fmt.Printf("%.3f\n", y)
	fmt.Printf("%.3f\n", u.State()[0]) // h of each row after its last step
	fmt.Println(u.SetLengths([]int{2, 3}))
	// Output:
	// [-0.066 -0.066 -0.103 0.000]
	// [-0.103 -0.066]
	// lstm: length 3 of row 1 is outside 0..2, the steps unrolled; cut the sequence or unroll more steps
}

// NewZero is for weights that come from elsewhere. New draws them from a source of
// random numbers, which must not be nil.
func ExampleNewZero() {
	cfg := lstm.Config{Input: 1, Hidden: 1}
	if _, err := lstm.New(cfg, nil); err != nil {
		fmt.Println(err)
	}
	net, err := lstm.NewZero(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name == "bias_ih_l0" {
			w[0] = 0.5
		}
		fmt.Println(name, w)
	})
	// Output:
	// lstm: New with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZero for weights that come from elsewhere
	// weight_ih_l0 [0 0 0 0]
	// weight_hh_l0 [0 0 0 0]
	// bias_ih_l0 [0.5 0 0 0]
	// bias_hh_l0 [0 0 0 0]
}

// A Scheme of one's own: small weights, W_hh orthogonal, biases +0.
func ExampleScheme() {
	var small lstm.Scheme = func(r *rand.Rand, p lstm.Param) {
		switch {
		case p.Bias():
			p.Fill(0)
		case p.Recurrent():
			p.Orthogonal(r)
		default:
			p.Uniform(r, 0.01)
		}
	}
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(rand.New(rand.NewPCG(1, 2)), small)
	net.EachParam(func(name string, w []float32, _ ...int) { fmt.Printf("%s %.3f\n", name, w) })
	// Output:
	// weight_ih_l0 [-0.005 -0.008 -0.004 -0.004 0.005 0.001 0.010 0.009]
	// weight_hh_l0 [-0.127 -0.110 0.933 -0.318]
	// bias_ih_l0 [0.000 0.000 0.000 0.000]
	// bias_hh_l0 [0.000 0.000 0.000 0.000]
}

// The methods of a Param tell what it is, and give the rows of one gate.
func ExampleParam() {
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(nil, func(_ *rand.Rand, p lstm.Param) {
		g := p.Gate(0)
		fmt.Println(p.Name, p.Gates, "gates,", g.Rows, "by", g.Cols, "each; recurrent:", p.Recurrent(), "bias:", p.Bias())
	})
	// Output:
	// weight_ih_l0 4 gates, 3 by 2 each; recurrent: false bias: false
	// weight_hh_l0 4 gates, 3 by 3 each; recurrent: true bias: false
	// bias_ih_l0 4 gates, 3 by 1 each; recurrent: false bias: true
	// bias_hh_l0 4 gates, 3 by 1 each; recurrent: false bias: true
}

// Lengths that come with the data: what is wrong with them is an error of this batch,
// not of the program.
func ExampleUnrolled_ForwardLengths() {
	const steps, batch = 10, 2
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	y, x := make([]float32, 5*batch), make([]float32, 5*batch) // 5 steps
	fmt.Println(u.ForwardLengths(y, x, []int{10, 3}))
	fmt.Println(u.ForwardLengths(y, x, []int{5, 3}))
	// Output:
	// lstm: length 10 of row 0 is outside 0..5, the steps of x; cut the sequence or give x and y more steps
	// <nil>
}

// Two thousand steps in less than half the memory that all their activations take, and
// the same gradients.
func ExampleLayer_UnrollWithin() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	const steps, batch = 2000, 16
	all := net.Unroll(steps, batch)
	u, err := net.UnrollWithin(steps, batch, all.Bytes()/2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("half the memory:", u.Bytes() < all.Bytes()/2)

	x, y := make([]float32, steps*batch*2), make([]float32, steps*batch*4)
	for i := range x {
		x[i] = float32(i % 3)
	}
	var grads [2][]float32
	for i, u := range []*lstm.Unrolled{all, u} {
		u.Forward(y, x)
		u.Backward(nil, y)
		u.EachParam(func(_ string, _, g []float32) { grads[i] = append(grads[i], g...) })
	}
	fmt.Println("same gradients:", slices.Equal(grads[0], grads[1]))
	// Output:
	// half the memory: true
	// same gradients: true
}

// Two sequences in one row, one after the other: the second begins at step 2.
func ExampleUnrolled_SetResets() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{1, 0, 0, 1, 1, 1, 1, 0}
	y, alone := make([]float32, 4*3), make([]float32, 2*3)
	u := net.Unroll(4, 1)
	if err := u.SetResets([][]int{{2}}); err != nil {
		fmt.Println(err)
		return
	}
	u.Forward(y, x)
	u.Reset()
	u.Forward(alone, x[2*2:])
	fmt.Println("as a sequence of its own:", slices.Equal(y[2*3:], alone))

	fmt.Println(u.SetResets([][]int{{4}}))
	// Output:
	// as a sequence of its own: true
	// lstm: a reset of row 0 at step 4, outside 0..3, the steps unrolled
}
