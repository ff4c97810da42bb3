package nn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

func ExampleChain() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(100, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 32}, r)
	net, _ := nn.Chain(emb, rnn.Unroll(20, 4), traintest.Must(nn.NewLinear(32, 100, r)))
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, len(w)) })

	_, err := nn.Chain(emb, rnn.Unroll(20, 4), traintest.Must(nn.NewLinear(31, 100, r)))
	fmt.Println(err)
	// Output:
	// 0.weight 1600
	// 1.weight_ih_l0 2048
	// 1.weight_hh_l0 4096
	// 1.bias_ih_l0 128
	// 1.bias_hh_l0 128
	// 2.weight 3200
	// 2.bias 100
	// nn: stage 2 of the chain takes width 31, the stage before it gives 32
}

// The same memory in two stages is one parameter with one gradient: here the LSTM
// stands in two stages, and the readout has the weights of the embedding.
func ExampleChain_shared() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(100, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 16}, r)
	out, _ := nn.NewLinear(16, 100, r)
	out.Weight = emb.Weight // before Chain
	net, err := nn.Chain(emb, rnn.Unroll(20, 4), rnn.Unroll(20, 4), out)
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, len(w)) })
	// Output:
	// 0.weight 1600
	// 1.weight_ih_l0 1024
	// 1.weight_hh_l0 1024
	// 1.bias_ih_l0 64
	// 1.bias_hh_l0 64
	// 3.bias 100
}

// A Model runs and is differentiated like any Net; its input is ids.
func ExampleModel() {
	net, _ := traintest.Tiny()
	_, batch, _, out := net.Dims()
	steps := 3
	y := make([]float32, steps*batch*out)
	if err := net.ForwardIDs(y, []int32{'a', 'b', 'c', 'd', 'e', 'f'}); err != nil {
		fmt.Println(err)
	}
	dy := make([]float32, len(y))
	dy[0] = 1
	net.Backward(nil, dy)
	net.EachParam(func(name string, _, g []float32) {
		if name == "2.bias" {
			fmt.Println(name, g[:3])
		}
	})
	// Output: 2.bias [1 0 0]
}

// A Stage is a link of a chain; Dims says whether two fit.
func ExampleStage() {
	r := rand.New(rand.NewPCG(1, 2))
	rnn, _ := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	for _, s := range []nn.Stage{traintest.Must(nn.NewEmbedding(256, 8, r)), rnn.Unroll(20, 4), traintest.Must(nn.NewLinear(16, 256, r))} {
		fmt.Println(s.Dims())
	}
	// Output:
	// 0 0 256 8
	// 20 4 8 16
	// 0 0 16 256
}

// Any network with these methods can be trained; *lstm.Unrolled has them.
func ExampleNet() {
	rnn, _ := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	var net nn.Net = rnn.Unroll(4, 1)
	y := make([]float32, 4*3)
	net.Forward(y, make([]float32, 4*2))
	net.Backward(nil, y)
	fmt.Println(len(net.State()), "state tensors")
	// Output: 2 state tensors
}

func ExampleEmbedding() {
	emb, _ := nn.NewZeroEmbedding(3, 2)
	copy(emb.Weight, []float32{0, 1, 10, 11, 20, 21}) // from elsewhere: [symbol][dim]
	tied := emb.Readout()                             // the same table as the last layer
	fmt.Println(tied.In, tied.Out, tied.Weight[2:4])
	// Output: 2 3 [10 11]
}

func ExampleLinear() {
	lin, _ := nn.NewZeroLinear(2, 1)
	copy(lin.Weight, []float32{0.5, -1}) // [out][in]
	lin.Bias[0] = 3
	rnn, _ := lstm.NewZero(lstm.Config{Input: 1, Hidden: 2})
	net, _ := nn.Chain(rnn.Unroll(1, 1), lin)
	y := make([]float32, 1)
	net.Forward(y, []float32{1})
	fmt.Println(y)
	// Output: [3]
}

func ExampleModelPredictor() {
	net, _ := traintest.Tiny()
	p, _ := net.Predictor(1)
	y := make([]float32, 256)
	for _, id := range []int32{'a', 'b'} {
		if err := p.StepIDs(y, []int32{id}); err != nil {
			fmt.Println(err)
		}
	}
	saved := p.State() // to come back to this point
	ids := make([]int32, 10)
	n, err := decode.Sample(p, ids, []int32{'c'}, decode.Sampling{Temperature: 0.8}, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(n, err, p.SetState(saved))
	// Output: 10 <nil> <nil>
}

// A Predictor is what a net's NewPredictor gives.
func ExamplePredictor() {
	rnn, _ := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	v, _ := rnn.Unroll(4, 1).NewPredictor(1)
	p := v.(nn.Predictor)
	y := make([]float32, 3)
	p.Step(y, []float32{1, 2})
	p.Reset()
	fmt.Println(p.State()[0])
	// Output: [0 0 0]
}

func ExampleParam() {
	net, _ := traintest.Tiny()
	var params []nn.Param
	net.EachParam(func(name string, w, g []float32) { params = append(params, nn.Param{Name: name, W: w, G: g}) })
	fmt.Println(len(params), params[0].Name, len(params[0].W), len(params[0].G))
	// Output: 7 0.weight 2048 2048
}

// More symbols for a model that is trained already: the weights of the old ones stay.
func ExampleGrowEmbedding() {
	emb, _ := nn.NewZeroEmbedding(2, 2)
	copy(emb.Weight, []float32{1, 2, 3, 6})
	readout := emb.Readout()
	grown, _ := nn.GrowEmbedding(emb, 3, nil) // the new row is the mean
	readout, err := nn.GrowReadout(readout, grown)
	fmt.Println(grown.Weight, readout.Out, err)
	// Output: [1 2 3 6 2 4] 3 <nil>
}

func ExampleGrowLinear() {
	readout, _ := nn.NewZeroLinear(2, 2)
	copy(readout.Weight, []float32{1, 2, 3, 6})
	readout, err := nn.GrowLinear(readout, 3, nil)
	fmt.Println(readout.Weight, readout.Bias, err)
	// Output: [1 2 3 6 2 4] [0 0 0] <nil>
}

// Sequences begin with a state that is learned with the weights.
func ExampleLearnedState() {
	rnn, _ := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	net, err := nn.NewLearnedState(rnn.Unroll(5, 4))
	fmt.Println(err)
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, len(w)) })
	// Output:
	// <nil>
	// weight_ih_l0 24
	// weight_hh_l0 36
	// bias_ih_l0 12
	// bias_hh_l0 12
	// h0 3
	// c0 3
}
