package rnn_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/rnn"
)

func ExampleConfig() {
	_, err := rnn.NewZero(rnn.Config{Input: 8})
	fmt.Println(err)
	// Output: rnn: Config.Hidden is 0, want at least 1 unit
}

func ExampleMerge() {
	net, err := rnn.NewZero(rnn.Config{Input: 2, Hidden: 3, Bidirectional: true, Merge: rnn.Sum})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, _, out := net.Unroll(1, 1).Dims()
	fmt.Println(net.Config().Merge, out)
	// Output: Sum 3
}

func ExampleLayer() {
	net, err := rnn.New(rnn.Config{Input: 2, Hidden: 3, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if _, err := net.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}
	same, err := rnn.Load(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	same.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	// Output:
	// weight_ih_l0 [3 2]
	// weight_hh_l0 [3 3]
	// bias_ih_l0 [3]
	// bias_hh_l0 [3]
	// weight_ih_l1 [3 3]
	// weight_hh_l1 [3 3]
	// bias_ih_l1 [3]
	// bias_hh_l1 [3]
}

// Teaching a plain network to remember the first input of a sequence, with the plainest
// gradient descent.
func ExampleUnrolled() {
	const steps, batch, hidden = 5, 2, 4
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
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
	// epoch  500: loss below 0.01: true
	// epoch 1000: loss below 0.01: true
}

func ExamplePredictor() {
	net, err := rnn.New(rnn.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
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

func ExampleActivation() {
	f := rnn.LeakyReLU(0.01)
	fmt.Println(f, f == rnn.LeakyReLU(0.01), f == rnn.ReLU)
	_, err := rnn.NewZero(rnn.Config{Input: 2, Hidden: 3, Activation: f})
	fmt.Println(err)
	// Output:
	// LeakyRelu(0.01) true false
	// <nil>
}

// ReLU units that stop at 3: Clip limits what goes into the activation.
func ExampleConfig_clip() {
	net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, Activation: rnn.ReLU, Clip: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name[:6] == "weight" {
			w[0] = 1
		}
	})
	y := make([]float32, 5)
	net.Infer(5, 1).Forward(y, []float32{1, 1, 1, 1, -5})
	fmt.Println(y)
	// Output: [1 2 3 3 0]
}

// Zoneout in evaluation is the mean: h keeps a quarter of what it was, and of what
// the step makes it takes three.
func ExampleConfig_zoneout() {
	net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, Activation: rnn.Affine(1, 0), Zoneout: 0.25})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name == "weight_ih_l0" {
			w[0] = 1 // and W_hh is 0: the step makes h what x is
		}
	})
	y := make([]float32, 4)
	u := net.Unroll(4, 1)
	u.SetTraining(false)
	u.Forward(y, []float32{1, 0, 0, 0})
	fmt.Println(y)
	// Output: [0.75 0.1875 0.046875 0.01171875]
}

// Zoneout in training: a unit takes the new value or keeps what it has. The seed
// decides which.
func ExampleUnrolled_SetSeed() {
	net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 8, Activation: rnn.Affine(1, 0), Zoneout: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		for i := range w {
			if name == "weight_ih_l0" {
				w[i] = 1
			}
		}
	})
	y := make([]float32, 2*8)
	u := net.Unroll(2, 1)
	u.SetSeed(1)
	u.Forward(y, []float32{1, 2})
	fmt.Println(y[:8])
	fmt.Println(y[8:])
	// Output:
	// [0 1 0 0 1 1 0 0]
	// [2 2 2 2 2 2 0 0]
}

// The layer normalisation of a plain layer.
func ExampleConfig_layerNorm() {
	net, err := rnn.New(rnn.Config{Input: 2, Hidden: 3, LayerNorm: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	// Output:
	// weight_ih_l0 [3 2]
	// weight_hh_l0 [3 3]
	// bias_ih_l0 [3]
	// bias_hh_l0 [3]
	// gain_ih_l0 [3]
	// gain_hh_l0 [3]
}

// noisy is a network with masks of every kind.
func noisy() *rnn.Layer {
	net, err := rnn.New(rnn.Config{
		Input: 2, Hidden: 8, Layers: 2,
		Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.3, Zoneout: 0.1,
	}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		panic(err)
	}
	return net
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
	// Output: false true true false
}

// A run that stops and goes on later draws the masks that it would have drawn. It
// keeps its weights, its state, and what the masks follow from.
func ExampleUnrolled_MaskState() {
	net := noisy()
	x, dy := []float32{1, -1}, make([]float32, 8)
	step := func(u *rnn.Unrolled) float32 { // of training
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

// ReLU units that hold what they have until an input changes it (Le, Jaitly and
// Hinton 2015): W_hh begins as the identity.
func ExampleLayer_Init() {
	net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 2, Activation: rnn.ReLU})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(rand.New(rand.NewPCG(1, 2)), func(r *rand.Rand, p rnn.Param) {
		switch {
		case p.Recurrent():
			for i := range p.Rows {
				p.W[i*p.Cols+i] = 1
			}
		case !p.Bias():
			p.Normal(r, 0.01)
		}
	})
	y := make([]float32, 3*2)
	net.Infer(3, 1).Forward(y, []float32{1, 0, 0})
	fmt.Println(y[0] == y[4], y[1] == y[5])
	// Output: true true
}

// The outputs of both layers of a stack: Forward gives those of the last one alone.
func ExampleUnrolled_HiddenStates() {
	const steps, batch, hidden = 3, 1, 2
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: hidden, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
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
	// [0.514 0.339 0.304 0.495 0.322 0.448]
	// true
}

// A plain layer goes forward over a sequence of three steps and back again. A program then
// changes the weights by the gradients, as package bptt does.
func Example() {
	const steps, batch, in, hidden = 3, 1, 2, 4
	net, err := rnn.New(rnn.Config{Input: in, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
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
	// outputs of the last step: [-0.209 -0.447 -0.369 0.380]
	// gradients of the inputs: [-0.022 -0.049 0.093 0.097 -0.221 -0.367]
	// weight_ih_l0 8 8
	// weight_hh_l0 16 16
	// bias_ih_l0 4 4
	// bias_hh_l0 4 4
}

// A whole sequence without a backward pass: Infer keeps no activations, and gives the
// bits of Unroll in evaluation.
func ExampleLayer_Infer() {
	const steps, batch, hidden = 4, 1, 3
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: hidden, Bidirectional: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{1, 2, 3, 4}
	y, same := make([]float32, steps*batch*2*hidden), make([]float32, steps*batch*2*hidden)
	net.Infer(steps, batch).Forward(y, x)
	net.Unroll(steps, batch).Forward(same, x)
	fmt.Printf("%.3f %v\n", y[:2*hidden], slices.Equal(y, same))
	// Output: [-0.526 -0.547 -0.344 -0.273 -0.332 -0.715] true
}

// Two rows of which one has a single step. Past its end its outputs are +0, and not
// even NaN in x changes anything.
func ExampleUnrolled_SetLengths() {
	const steps, batch = 2, 2
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
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
	// [-0.862 -0.862 -0.564 0.000]
	// [-0.564 -0.862]
	// rnn: length 3 of row 1 is outside 0..2, the steps unrolled; cut the sequence or unroll more steps
}

// NewZero is for weights that come from elsewhere. New draws them from a source of
// random numbers, which must not be nil.
func ExampleNewZero() {
	cfg := rnn.Config{Input: 1, Hidden: 1}
	if _, err := rnn.New(cfg, nil); err != nil {
		fmt.Println(err)
	}
	net, err := rnn.NewZero(cfg)
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
	// rnn: New with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZero for weights that come from elsewhere
	// weight_ih_l0 [0]
	// weight_hh_l0 [0]
	// bias_ih_l0 [0.5]
	// bias_hh_l0 [0]
}

// A Scheme of one's own: small weights, W_hh orthogonal, biases +0.
func ExampleScheme() {
	var small rnn.Scheme = func(r *rand.Rand, p rnn.Param) {
		switch {
		case p.Bias():
			p.Fill(0)
		case p.Recurrent():
			p.Orthogonal(r)
		default:
			p.Uniform(r, 0.01)
		}
	}
	net, err := rnn.NewZero(rnn.Config{Input: 2, Hidden: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(rand.New(rand.NewPCG(1, 2)), small)
	net.EachParam(func(name string, w []float32, _ ...int) { fmt.Printf("%s %.3f\n", name, w) })
	// Output:
	// weight_ih_l0 [-0.005 -0.008]
	// weight_hh_l0 [1.000]
	// bias_ih_l0 [0.000]
	// bias_hh_l0 [0.000]
}

// The methods of a Param tell what it is, and give the rows of one gate.
func ExampleParam() {
	net, err := rnn.NewZero(rnn.Config{Input: 2, Hidden: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(nil, func(_ *rand.Rand, p rnn.Param) {
		g := p.Gate(0)
		fmt.Println(p.Name, p.Gates, "gates,", g.Rows, "by", g.Cols, "each; recurrent:", p.Recurrent(), "bias:", p.Bias())
	})
	// Output:
	// weight_ih_l0 1 gates, 3 by 2 each; recurrent: false bias: false
	// weight_hh_l0 1 gates, 3 by 3 each; recurrent: true bias: false
	// bias_ih_l0 1 gates, 3 by 1 each; recurrent: false bias: true
	// bias_hh_l0 1 gates, 3 by 1 each; recurrent: false bias: true
}

// Lengths that come with the data: what is wrong with them is an error of this batch,
// not of the program.
func ExampleUnrolled_ForwardLengths() {
	const steps, batch = 10, 2
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	y, x := make([]float32, 5*batch), make([]float32, 5*batch) // 5 steps
	fmt.Println(u.ForwardLengths(y, x, []int{10, 3}))
	fmt.Println(u.ForwardLengths(y, x, []int{5, 3}))
	// Output:
	// rnn: length 10 of row 0 is outside 0..5, the steps of x; cut the sequence or give x and y more steps
	// <nil>
}

// Two thousand steps in less than half the memory that all their activations take, and
// the same gradients.
func ExampleLayer_UnrollWithin() {
	net, err := rnn.New(rnn.Config{Input: 2, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
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
	for i, u := range []*rnn.Unrolled{all, u} {
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
	net, err := rnn.New(rnn.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
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
	// rnn: a reset of row 0 at step 4, outside 0..3, the steps unrolled
}
