package lstm_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/lstm"
)

func ExampleConfig() {
	_, err := lstm.New(lstm.Config{Input: 8}, nil)
	fmt.Println(err)
	// Output: lstm: Config.Hidden is 0, want at least 1 unit
}

func ExampleMerge() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3, Bidirectional: true, Merge: lstm.Sum}, nil)
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
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, nil)
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
