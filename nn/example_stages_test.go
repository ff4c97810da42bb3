package nn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// Layers of a stack may differ in width, and in kind.
func ExampleChain_widths() {
	r := rand.New(rand.NewPCG(1, 2))
	wide, _ := lstm.New(lstm.Config{Input: 16, Hidden: 64}, r)
	narrow, _ := gru.New(gru.Config{Input: 64, Hidden: 24}, r)
	net, err := nn.Chain(wide.Unroll(20, 4), nn.Dropout{P: 0.3}, narrow.Unroll(20, 4), nn.ReLU, traintest.Must(nn.NewLinear(24, 3, r)))
	fmt.Println(err)
	fmt.Println(net.Dims())
	// Output:
	// <nil>
	// 20 4 16 3
}

// A chain without a layer over time is given its steps and rows.
func ExampleUnroll() {
	r := rand.New(rand.NewPCG(1, 2))
	net, err := nn.Unroll(1, 32, traintest.Must(nn.NewLinear(4, 8, r)), nn.ReLU, traintest.Must(nn.NewLinear(8, 2, r)))
	fmt.Println(err)
	fmt.Println(net.Dims())
	// Output:
	// <nil>
	// 1 32 4 2
}

func ExampleInfer() {
	lin, _ := nn.NewLinear(2, 1, rand.New(rand.NewPCG(1, 2)))
	net, _ := nn.Infer(1, 3, lin, nn.Sigmoid)
	net.EachParam(func(name string, _, g []float32) { fmt.Println(name, g == nil) })
	// Output:
	// 0.weight true
	// 0.bias true
}

func ExampleActivation() {
	lin := &nn.Linear{Weight: []float32{1}, In: 1, Out: 1}
	for _, f := range []nn.Activation{nn.ReLU, nn.LeakyReLU(0.25), nn.HardSigmoid(0.25, 0.5)} {
		net, _ := nn.Unroll(3, 1, lin, f)
		y := make([]float32, 3)
		net.Forward(y, []float32{-1, 0, 3})
		fmt.Println(f, y)
	}
	// Output:
	// Relu [0 0 3]
	// LeakyRelu(0.25) [-0.25 0 3]
	// HardSigmoid(0.25, 0.5) [0.25 0.5 1]
}

// A row has the same masks wherever it stands in the batch, if it has the same id.
func ExampleDropout() {
	lin := &nn.Linear{Weight: []float32{1, 0, 0, 1}, In: 2, Out: 2}
	net, _ := nn.Unroll(2, 2, lin, nn.Dropout{P: 0.5})
	x, y := []float32{1, 1, 1, 1, 1, 1, 1, 1}, make([]float32, 8)
	net.SetSeed(3)
	net.Forward(y, x)
	fmt.Println("training:  ", y)

	net.Reset()
	if err := net.SetRowIDs([]uint32{1, 0}); err != nil {
		fmt.Println(err)
	}
	net.Forward(y, x)
	fmt.Println("other way: ", y)

	net.SetTraining(false)
	net.Forward(y, x)
	fmt.Println("evaluation:", y)
	// Output:
	// training:   [0 0 2 0 0 0 2 2]
	// other way:  [2 0 0 0 2 2 0 0]
	// evaluation: [1 1 1 1 1 1 1 1]
}

func ExampleLayerNorm() {
	norm, _ := nn.NewLayerNorm(4)
	net, _ := nn.Unroll(1, 1, norm)
	y := make([]float32, 4)
	net.Forward(y, []float32{1, 2, 3, 4})
	fmt.Printf("%.3f\n", y)
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, w) })
	// Output:
	// [-1.342 -0.447 0.447 1.342]
	// 0.weight [1 1 1 1]
	// 0.bias [0 0 0 0]
}

// The output at the last step of a row is the mean over its length. The state goes on to
// the next call.
func ExamplePoolMean() {
	lin := &nn.Linear{Weight: []float32{1}, In: 1, Out: 1}
	net, _ := nn.Unroll(3, 2, lin, nn.PoolMean{})
	y := make([]float32, 6)
	if err := net.ForwardLengths(y, []float32{1, 8, 2, 4, 6, 0}, []int{3, 2}); err != nil {
		fmt.Println(err)
	}
	fmt.Println("row 0:", y[0], y[2], y[4])
	fmt.Println("row 1:", y[1], y[3])
	// Output:
	// row 0: 1 1.5 3
	// row 1: 8 6
}

func ExamplePoolMax() {
	lin := &nn.Linear{Weight: []float32{1}, In: 1, Out: 1}
	net, _ := nn.Unroll(4, 1, lin, nn.PoolMax{})
	y, dx := make([]float32, 4), make([]float32, 4)
	net.Forward(y, []float32{-1, 5, 2, 5})
	net.Backward(dx, []float32{0, 0, 0, 1}) // a loss at the last step
	fmt.Println(y, dx)
	// Output: [-1 5 5 5] [0 1 0 0]
}

// The score of an input is 2 times itself here: the larger one weighs more. The state goes on to
// the next call.
func ExampleAttentionPool() {
	score := &nn.Linear{Weight: []float32{2}, In: 1, Out: 1}
	net, _ := nn.Unroll(3, 1, nn.AttentionPool{score})
	y, dx := make([]float32, 3), make([]float32, 3)
	net.Forward(y, []float32{0, 1, 0})
	net.Backward(dx, []float32{0, 0, 1}) // a loss at the last step
	fmt.Printf("%.3f\n", y)
	fmt.Printf("%.3f\n", dx)
	// Output:
	// [0.000 0.881 0.787]
	// [-0.061 1.122 -0.061]
}

// Two layers with a residual connection around each.
func ExampleResidual() {
	r := rand.New(rand.NewPCG(1, 2))
	a, _ := lstm.New(lstm.Config{Input: 8, Hidden: 8}, r)
	b, _ := lstm.New(lstm.Config{Input: 8, Hidden: 8}, r)
	net, err := nn.Chain(nn.Residual{a.Unroll(10, 2), nn.Dropout{P: 0.1}}, nn.Residual{b.Unroll(10, 2), nn.Dropout{P: 0.1}})
	fmt.Println(err)
	fmt.Println(traintest.ParamNames(net)[:1], len(net.State()), "tensors of state")
	// Output:
	// <nil>
	// [0.0.weight_ih_l0] 4 tensors of state
}

// A bidirectional encoder of two nets, which differ in width here, and a layer that reads
// what it puts out.
func ExampleParallel() {
	r := rand.New(rand.NewPCG(1, 2))
	ahead, _ := gru.New(gru.Config{Input: 8, Hidden: 12}, r)
	back, _ := gru.New(gru.Config{Input: 8, Hidden: 4, Reverse: true}, r)
	reader, _ := lstm.New(lstm.Config{Input: 16, Hidden: 10}, r)
	net, err := nn.Chain(nn.Parallel{ahead.Unroll(20, 4), back.Unroll(20, 4)}, reader.Unroll(20, 4))
	fmt.Println(err)
	fmt.Println(net.Dims())
	_, err = net.Predictor(1)
	fmt.Println(err != nil, "since it reads from the end")
	// Output:
	// <nil>
	// 20 4 8 10
	// true since it reads from the end
}

// Side by side stand an LSTM and, of two stages, a linear layer with a function.
func ExampleSequential() {
	r := rand.New(rand.NewPCG(1, 2))
	layer, _ := lstm.New(lstm.Config{Input: 4, Hidden: 6}, r)
	net, _ := nn.Chain(nn.Parallel{layer.Unroll(5, 2), nn.Sequential{traintest.Must(nn.NewLinear(4, 3, r)), nn.Tanh}})
	fmt.Println(net.Dims())
	fmt.Println(traintest.ParamNames(net)[4:])
	// Output:
	// 5 2 4 9
	// [0.1.0.weight 0.1.0.bias]
}

// Binding says what a chain gives to a stage.
func ExampleBinding() {
	stage := &custom{in: 2, out: 2, gives: 2}
	_, err := nn.Unroll(3, 4, spy{stage}, nn.Dropout{P: 0.5})
	fmt.Println(err)
	// Output:
	// 3 steps, 4 rows, width 2, inference false
	// <nil>
}

// spy shows what a stage is bound to.
type spy struct{ nn.Unsized }

func (s spy) Bind(b *nn.Binding) (nn.Net, error) {
	fmt.Printf("%d steps, %d rows, width %d, inference %v\n", b.Steps, b.Batch, b.Width, b.Infer)
	return s.Unsized.Bind(b)
}

// A double is a stage without parameters: Stateless has all but the passes.
type double struct{ nn.Stateless }

func (d *double) Forward(y, x []float32) {
	for i, v := range x {
		y[i] = 2 * v
	}
	_, _, _, width := d.Dims()
	d.ClearPadding(y, width)
}

func (d *double) Backward(dx, dy []float32) {
	if dx != nil {
		d.Forward(dx, dy)
	}
}

// A Double is the stage that a chain binds, of any width.
type Double struct{}

func (Double) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }
func (Double) Bind(b *nn.Binding) (nn.Net, error) {
	return &double{b.Stateless(b.Width)}, nil
}

func ExampleStateless() {
	net, _ := nn.Unroll(2, 1, &nn.Linear{Weight: []float32{1, 1}, In: 2, Out: 1}, Double{})
	y := make([]float32, 2)
	net.Forward(y, []float32{1, 2, 3, 4})
	fmt.Println(y, nn.CheckGradients(net, nn.GradientCheck{}))
	// Output: [6 14] <nil>
}

// A gradient that is 2 % too large is found, and named.
func ExampleCheckGradients() {
	wrong := &custom{in: 3, out: 3, gives: 3, wrong: "factor"}
	net, _ := nn.Unroll(4, 2, wrong)
	err := nn.CheckGradients(net, nn.GradientCheck{})
	fmt.Println(err)
	// Output: nn: the gradient of 0.factor[0]: Backward gives -3.176864, central differences -3.1139; it is off by 0.02 of the largest one of 0.factor, want at most 0.01
}

// Every element of every tensor, for sequences of different lengths.
func ExampleGradientCheck() {
	layer, _ := gru.New(gru.Config{Input: 3, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
	net, _ := nn.Chain(layer.Unroll(5, 3), nn.Tanh)
	fmt.Println(nn.CheckGradients(net, nn.GradientCheck{Lengths: []int{5, 0, 3}, Samples: -1, Seed: 4}))
	// Output: <nil>
}

// Padding inside of sequences: its vector is not trained.
func ExampleEmbedding_SetPaddingID() {
	emb, _ := nn.NewEmbedding(10, 2, rand.New(rand.NewPCG(1, 2)))
	if err := emb.SetPaddingID(0); err != nil {
		fmt.Println(err)
	}
	clear(emb.Weight[:2]) // as PyTorch does
	net, _ := nn.Unroll(3, 1, emb, nn.Tanh)
	y := make([]float32, 6)
	if err := net.ForwardIDs(y, []int32{0, 1, 0}); err != nil {
		fmt.Println(err)
	}
	net.Backward(nil, []float32{1, 1, 1, 1, 1, 1})
	net.EachParam(func(name string, _, g []float32) { fmt.Println(name, g[:2]) })
	// Output: 0.weight [0 0]
}
