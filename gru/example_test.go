package gru_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/gru"
)

func ExampleConfig() {
	_, err := gru.NewZero(gru.Config{Input: 8})
	fmt.Println(err)
	// Output: gru: Config.Hidden is 0, want at least 1 unit
}

func ExampleMerge() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3, Bidirectional: true, Merge: gru.Sum})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, _, out := net.Unroll(1, 1).Dims()
	fmt.Println(net.Config().Merge, out)
	// Output: Sum 3
}

func ExampleLayer() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if _, err := net.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}
	same, err := gru.Load(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	same.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	// Output:
	// weight_ih_l0 [9 2]
	// weight_hh_l0 [9 3]
	// bias_ih_l0 [9]
	// bias_hh_l0 [9]
	// weight_ih_l1 [9 3]
	// weight_hh_l1 [9 3]
	// bias_ih_l1 [9]
	// bias_hh_l1 [9]
}

// Teaching a GRU to remember the first input of a sequence, with the plainest
// gradient descent.
func ExampleUnrolled() {
	const steps, batch, hidden = 5, 2, 4
	net, err := gru.New(gru.Config{Input: 1, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
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
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
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

// Layer normalisation in the cell brings gains, which begin as 1. How large the
// weights are no longer matters. With the reset before the product there is none.
func ExampleConfig_layerNorm() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3, LayerNorm: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, shape ...int) { fmt.Println(name, shape) })
	y, x := make([]float32, 3), []float32{1, -1}
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
	_, err = gru.NewZero(gru.Config{Input: 2, Hidden: 3, LayerNorm: true, ResetBefore: true})
	fmt.Println(err != nil)
	// Output:
	// weight_ih_l0 [9 2]
	// weight_hh_l0 [9 3]
	// bias_ih_l0 [9]
	// bias_hh_l0 [9]
	// gain_ih_l0 [9]
	// gain_hh_l0 [9]
	// [-0.444 0.543 0.558]
	// [-0.444 0.543 0.558]
	// true
}

// The gates of an older library, a sigmoid made of straight lines, and a candidate
// that is limited before its activation. z is 1/2, so h goes half of the way.
func ExampleConfig_clip() {
	net, err := gru.NewZero(gru.Config{
		Input: 1, Hidden: 1, Clip: 4,
		GateActivation: gru.HardSigmoid(0.2, 0.5), CandidateActivation: gru.ReLU,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name == "weight_ih_l0" {
			w[2] = 1 // n is x
		}
	})
	y := make([]float32, 3)
	net.Infer(3, 1).Forward(y, []float32{4, 100, -100})
	fmt.Println(y)
	// Output: [2 3 1.5]
}

func ExampleActivation() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3, CandidateActivation: gru.ScaledTanh(1.5, 0.5)})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := net.Config()
	fmt.Println(c.GateActivation, c.CandidateActivation)
	// Output: Sigmoid ScaledTanh(1.5, 0.5)
}

// noisy is a network with masks of every kind.
func noisy() *gru.Layer {
	net, err := gru.New(gru.Config{
		Input: 2, Hidden: 8, Layers: 2,
		Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.3, Zoneout: 0.1,
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
	// Output: false true true false
}

// A run that stops and goes on later draws the masks that it would have drawn. It
// keeps its weights, its state, and what the masks follow from.
func ExampleUnrolled_MaskState() {
	net := noisy()
	x, dy := []float32{1, -1}, make([]float32, 8)
	step := func(u *gru.Unrolled) float32 { // of training
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

// A network that begins as one of Keras, but lets in more of the new.
func ExampleLayer_Init() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3, LayerNorm: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := rand.New(rand.NewPCG(1, 2))
	net.Init(r, func(r *rand.Rand, p gru.Param) {
		gru.Keras(r, p)
		if p.Name == "bias_ih_l0" {
			p.Gate(1).Fill(-0.25) // the update gate's
		}
	})
	net.EachParam(func(name string, w []float32, _ ...int) {
		if len(w) == 9 && name != "weight_hh_l0" {
			fmt.Println(name, w)
		}
	})
	// Output:
	// bias_ih_l0 [0 0 0 -0.25 -0.25 -0.25 0 0 0]
	// bias_hh_l0 [0 0 0 0 0 0 0 0 0]
	// gain_ih_l0 [1 1 1 1 1 1 1 1 1]
	// gain_hh_l0 [1 1 1 1 1 1 1 1 1]
}

// The outputs of both layers of a stack: Forward gives those of the last one alone.
func ExampleUnrolled_HiddenStates() {
	const steps, batch, hidden = 3, 1, 2
	net, err := gru.New(gru.Config{Input: 1, Hidden: hidden, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
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
	// [0.344 0.240 0.498 0.233 0.580 0.216]
	// true
}

// A GRU goes forward over a sequence of three steps and back again. A program then
// changes the weights by the gradients, as package bptt does.
func Example() {
	const steps, batch, in, hidden = 3, 1, 2, 4
	net, err := gru.New(gru.Config{Input: in, Hidden: hidden}, rand.New(rand.NewPCG(1, 2)))
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
	// outputs of the last step: [-0.241 0.446 -0.347 0.221]
	// gradients of the inputs: [-0.037 -0.067 -0.038 -0.079 -0.032 -0.063]
	// weight_ih_l0 24 24
	// weight_hh_l0 48 48
	// bias_ih_l0 12 12
	// bias_hh_l0 12 12
}

// A whole sequence without a backward pass: Infer keeps no activations, and gives the
// bits of Unroll in evaluation.
func ExampleLayer_Infer() {
	const steps, batch, hidden = 4, 1, 3
	net, err := gru.New(gru.Config{Input: 1, Hidden: hidden, Bidirectional: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{1, 2, 3, 4}
	y, same := make([]float32, steps*batch*2*hidden), make([]float32, steps*batch*2*hidden)
	net.Infer(steps, batch).Forward(y, x)
	net.Unroll(steps, batch).Forward(same, x)
	fmt.Printf("%.3f %v\n", y[:2*hidden], slices.Equal(y, same))
	// Output: [0.104 0.209 -0.055 -0.734 0.374 -0.307] true
}

// Two rows of which one has a single step. Past its end its outputs are +0, and not
// even NaN in x changes anything.
func ExampleUnrolled_SetLengths() {
	const steps, batch = 2, 2
	net, err := gru.New(gru.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
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
	// [0.276 0.276 0.370 0.000]
	// [0.370 0.276]
	// gru: length 3 of row 1 is outside 0..2, the steps unrolled; cut the sequence or unroll more steps
}

// NewZero is for weights that come from elsewhere. New draws them from a source of
// random numbers, which must not be nil.
func ExampleNewZero() {
	cfg := gru.Config{Input: 1, Hidden: 1}
	if _, err := gru.New(cfg, nil); err != nil {
		fmt.Println(err)
	}
	net, err := gru.NewZero(cfg)
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
	// gru: New with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZero for weights that come from elsewhere
	// weight_ih_l0 [0 0 0]
	// weight_hh_l0 [0 0 0]
	// bias_ih_l0 [0.5 0 0]
	// bias_hh_l0 [0 0 0]
}

// A Scheme of one's own: small weights, W_hh orthogonal, biases +0.
func ExampleScheme() {
	var small gru.Scheme = func(r *rand.Rand, p gru.Param) {
		switch {
		case p.Bias():
			p.Fill(0)
		case p.Recurrent():
			p.Orthogonal(r)
		default:
			p.Uniform(r, 0.01)
		}
	}
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(rand.New(rand.NewPCG(1, 2)), small)
	net.EachParam(func(name string, w []float32, _ ...int) { fmt.Printf("%s %.3f\n", name, w) })
	// Output:
	// weight_ih_l0 [-0.005 -0.008 -0.004 -0.004 0.005 0.001]
	// weight_hh_l0 [-0.002 -0.996 -0.088]
	// bias_ih_l0 [0.000 0.000 0.000]
	// bias_hh_l0 [0.000 0.000 0.000]
}

// The methods of a Param tell what it is, and give the rows of one gate.
func ExampleParam() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(nil, func(_ *rand.Rand, p gru.Param) {
		g := p.Gate(0)
		fmt.Println(p.Name, p.Gates, "gates,", g.Rows, "by", g.Cols, "each; recurrent:", p.Recurrent(), "bias:", p.Bias())
	})
	// Output:
	// weight_ih_l0 3 gates, 3 by 2 each; recurrent: false bias: false
	// weight_hh_l0 3 gates, 3 by 3 each; recurrent: true bias: false
	// bias_ih_l0 3 gates, 3 by 1 each; recurrent: false bias: true
	// bias_hh_l0 3 gates, 3 by 1 each; recurrent: false bias: true
}

// Lengths that come with the data: what is wrong with them is an error of this batch,
// not of the program.
func ExampleUnrolled_ForwardLengths() {
	const steps, batch = 10, 2
	net, err := gru.New(gru.Config{Input: 1, Hidden: 1}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	u := net.Unroll(steps, batch)
	y, x := make([]float32, 5*batch), make([]float32, 5*batch) // 5 steps
	fmt.Println(u.ForwardLengths(y, x, []int{10, 3}))
	fmt.Println(u.ForwardLengths(y, x, []int{5, 3}))
	// Output:
	// gru: length 10 of row 0 is outside 0..5, the steps of x; cut the sequence or give x and y more steps
	// <nil>
}

// Two thousand steps in less than half the memory that all their activations take, and
// the same gradients.
func ExampleLayer_UnrollWithin() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
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
	for i, u := range []*gru.Unrolled{all, u} {
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
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
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
	// gru: a reset of row 0 at step 4, outside 0..3, the steps unrolled
}
