package nn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// A language model, and one step of it.
func Example() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(256, 32, r)
	layer, _ := lstm.New(lstm.Config{Input: 32, Hidden: 32}, r)
	net, err := nn.Chain(emb, nn.Dropout{P: 0.2}, layer.Unroll(16, 8), nn.Dropout{P: 0.2}, emb.Readout())
	fmt.Println(err)
	p, _ := net.Predictor(1)
	logits := make([]float32, 256)
	fmt.Println(p.StepIDs(logits, []int32{'a'}))
	// Output:
	// <nil>
	// <nil>
}

// A chain is over ids if an Embedding is its first stage.
func ExampleIDNet() {
	net, _ := traintest.Tiny()
	var ids nn.IDNet = net
	_, batch, _, out := net.Dims()
	y := make([]float32, batch*out)
	fmt.Println(ids.ForwardIDs(y, []int32{'a', 'b'}), nn.OverIDs(net) != nil)
	fmt.Println(ids.ForwardIDs(y, []int32{'a', 256}))
	// Output:
	// <nil> true
	// data: id 256 at step 0, row 1, want 0 to 255
}

// logging is a net over whole batches: it says what comes, and has the lengths from there.
type logging struct{ *nn.Model }

func (n logging) ForwardBatch(y []float32, b *data.Batch) error {
	fmt.Println(b.Steps, "steps of", b.Rows, "rows")
	return n.ForwardIDsLengths(y, b.IDs, b.Lengths)
}

func ExampleBatchNet() {
	net, source := traintest.Tiny()
	var b data.Batch
	b.Want = 4
	_ = source.Next(&b)
	_, batch, _, out := net.Dims()
	y := make([]float32, b.Steps*batch*out)
	fmt.Println(nn.OverBatches(logging{net}).ForwardBatch(y, &b), nn.OverBatches(net) == nil)
	// Output:
	// 4 steps of 2 rows
	// <nil> true
}

// A run keeps the seed and the training step of its masks, and the steps of each row.
func ExampleMasked() {
	net, _ := nn.Unroll(3, 2, nn.Dropout{P: 0.5}, traintest.Must(nn.NewZeroLinear(2, 2)))
	masks := nn.MasksOf(net)
	y := make([]float32, 12)
	net.Forward(y, make([]float32, 12))
	net.Backward(nil, y)
	fmt.Println(masks.MaskState(), masks.Clock())
	// Output: [0 1] [3 3]
}

// A net that reports a weight twice, with a gradient each time, has one parameter, and Sums
// adds the second gradient to the first.
func ExampleSums() {
	net := traintest.NewAffine(1) // y = w*x + w
	params, sums, _ := nn.Trained(net)
	net.Forward(make([]float32, 1), []float32{3})
	net.Backward(nil, []float32{1})
	sums.Run(1)
	fmt.Println(len(params), params[0].G)
	// Output: 1 [4]
}

// A pass whose outputs are never in memory as a whole.
func ExampleBlocks() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(50000, 4, r)
	layer, _ := lstm.New(lstm.Config{Input: 4, Hidden: 4}, r)
	net, _ := nn.Chain(emb, layer.Unroll(32, 64), emb.Readout())
	k, _ := net.Blocks(256)
	y := make([]float32, k.Steps()*64*50000) // 256 rows, not 2048
	_ = k.ForwardIDs(make([]int32, 32*64))
	k.Readout(y, 28)
	fmt.Println("the last", k.Steps(), "steps:", len(y)/50000, "rows")
	_, err := net.Blocks(255)
	fmt.Println(err)
	// Output:
	// the last 4 steps: 256 rows
	// nn: at most 255 rows of outputs in memory, want at least 256, which are 4 steps of the 64 rows of the batch
}

// Any net that has blocks, here a Model, goes over one batch.
func ExampleReadoutBlocks() {
	net, _ := nn.Unroll(300, 1, traintest.Must(nn.NewLinear(1, 1, traintest.Rng(1))), nn.Tanh)
	k, _ := nn.OverBlocks(net, 256)
	b := &data.Batch{Steps: 300, Rows: 1, X: make([]float32, 300)}
	_ = k.ForwardBatch(b)
	y := make([]float32, k.Steps())
	_ = k.Each(func(first, steps int) error {
		fmt.Println(first, steps)
		k.Readout(y[:steps], first)
		k.ReadoutGrad(y[:steps], first) // in place of the gradient of a loss
		return nil
	})
	k.Backward()
	// Output:
	// 44 256
	// 0 44
}
