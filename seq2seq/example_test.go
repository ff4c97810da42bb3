package seq2seq_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// A net learns to write sequences backwards, and then reads one that it has not seen.
func Example() {
	const first, last, vocabulary, rows = 8, 9, 10, 16
	r := rand.New(rand.NewPCG(1, 2))
	var pairs []data.Pair
	for range 400 {
		ids := traintest.DrawIDs(r, 1+r.IntN(5), 8)
		back := slices.Clone(ids)
		slices.Reverse(back)
		pairs = append(pairs, data.Pair{IDs: ids, Target: back})
	}
	source, _ := data.NewPairs(pairs, data.PairsConfig{Rows: rows, Begin: first, End: last, Shuffle: rand.NewPCG(3, 4)})
	s, t := source.Longest()

	layer := func(in int) *gru.Layer { return traintest.Must(gru.New(gru.Config{Input: in, Hidden: 24}, r)) }
	encoder, _ := nn.Chain(traintest.Must(nn.NewEmbedding(vocabulary, 8, r)), layer(8).Unroll(s, rows))
	attention, _ := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 24, Memory: 24, Score: seq2seq.General, Out: 24}, r)
	net, err := seq2seq.New(seq2seq.Config{
		Encoder: encoder,
		Decoder: []nn.Stage{
			traintest.Must(nn.NewEmbedding(vocabulary, 8, r)), layer(8).Unroll(t, rows),
			traintest.Must(attention.Unroll(t, s, rows)), traintest.Must(nn.NewLinear(24, vocabulary, r)),
		},
		Bridge:   &seq2seq.Bridge{},
		Sampling: seq2seq.LinearDecay{Start: 1, Slope: 1e-3, Floor: 0.8},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bptt.Train(context.Background(), net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, ClipNorm: 5, Epochs: 12})
	if err != nil {
		fmt.Println(err)
		return
	}

	p, _ := net.Predictor(rows)
	in := &data.Input{Steps: 4, IDs: make([]int32, 4*rows), Lengths: make([]int, rows)}
	in.Lengths[0] = 4
	for i, id := range []int32{7, 1, 1, 4} {
		in.IDs[i*rows] = id
	}
	if err := p.Encode(in, nil); err != nil {
		fmt.Println(err)
		return
	}
	y, ids := make([]float32, rows*vocabulary), make([]int32, rows)
	ids[0] = first
	for range 10 {
		if err := p.StepIDs(y, ids); err != nil {
			fmt.Println(err)
			return
		}
		ids[0] = int32(slices.Index(y[:vocabulary], slices.Max(y[:vocabulary])))
		if ids[0] == last {
			break
		}
		fmt.Print(ids[0], " ")
	}
	// Output: 4 1 1 7
}

// small is a net of two rows over 9 symbols, whose sources have up to 3 steps and whose
// targets up to 4.
func small() *seq2seq.Net {
	r := rand.New(rand.NewPCG(1, 2))
	layer := func() *lstm.Layer { return traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 4}, r)) }
	emb := traintest.Must(nn.NewEmbedding(9, 4, r))
	attention := traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 4, Memory: 4}, r))
	return traintest.Must(seq2seq.New(seq2seq.Config{
		Encoder: traintest.Must(nn.Chain(emb, layer().Unroll(3, 2))),
		Decoder: []nn.Stage{emb, layer().Unroll(4, 2), traintest.Must(attention.Unroll(4, 3, 2)), traintest.Must(nn.NewLinear(8, 9, r))},
	}))
}

// A Net is run on batches that have a source.
func ExampleNet() {
	net := small()
	b := &data.Batch{Steps: 1, Rows: 2, IDs: []int32{0, 0}, Source: &data.Input{Steps: 2, IDs: []int32{3, 4, 5, 0}, Lengths: []int{2, 1}}}
	y := make([]float32, 2*9)
	fmt.Println(net.ForwardBatch(y, b))
	net.Backward(nil, make([]float32, 2*9))

	weights := make([]float32, 2*2)
	net.Attentions()[0].Weights(weights)
	fmt.Println("row 1 attends by", weights[2:])
	// Output:
	// <nil>
	// row 1 attends by [1 0]
}

// A Predictor with two rows for each source, as a beam search over two sources has it.
func ExamplePredictor() {
	net := small()
	p, _ := net.Predictor(4)
	fmt.Println(p.Encode(&data.Input{Steps: 1, IDs: []int32{3, 4}}, nil))
	y, weights := make([]float32, 4*9), make([]float32, 4*1)
	fmt.Println(p.StepIDs(y, []int32{0, 0, 0, 0}), slices.Equal(y[:9], y[9:18]), slices.Equal(y[:9], y[18:27]))
	p.Weights(0, weights)
	fmt.Println(weights)
	// Output:
	// <nil>
	// <nil> true false
	// [1 1 1 1]
}

// An Attention is a stage of any chain of which a program sets the memory.
func ExampleAttention() {
	r := rand.New(rand.NewPCG(1, 2))
	a, _ := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 2, Memory: 3, Score: seq2seq.Additive, Width: 4, Out: 5}, r)
	a.EachParam(func(name string, _ []float32, shape ...int) { fmt.Println(name, shape) })
	// Output:
	// query.weight [4 2]
	// key.weight [4 3]
	// vector [4]
	// out.weight [5 5]
}

// AttentionConfig has one width for both sides of a dot product.
func ExampleAttentionConfig() {
	_, err := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 2, Memory: 3}, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(err)
	// Output: seq2seq: the score Dot of queries of width 2 and a memory of width 3, want one width; General and Additive take two
}

// An AttentionNet by itself: one query, and a memory of two steps.
func ExampleAttentionNet() {
	a, _ := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 2, Memory: 2}, rand.New(rand.NewPCG(1, 2)))
	u, _ := a.Unroll(1, 2, 1)
	if err := u.SetMemory([]float32{1, 0, 0, 1}, nil); err != nil {
		fmt.Println(err)
	}
	y, weights := make([]float32, 4), make([]float32, 2)
	u.Forward(y, []float32{0, 0})
	u.Weights(weights)
	fmt.Println(weights, y)
	// Output: [0.5 0.5] [0.5 0.5 0 0]
}

// A Score has a name.
func ExampleScore() {
	fmt.Println(seq2seq.Dot, seq2seq.General, seq2seq.Additive)
	// Output: dot general additive
}

// A Bridge with maps takes the state of an encoder of two directions to a decoder of one.
func ExampleBridge() {
	r := rand.New(rand.NewPCG(1, 2))
	encoder := traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 3, Bidirectional: true}, r)).Unroll(5, 2)
	decoder := []nn.Stage{traintest.Must(nn.NewEmbedding(9, 4, r)), traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 5}, r)).Unroll(4, 2)}
	b, _ := seq2seq.NewBridge(encoder, decoder, r)
	for _, l := range b.Linears {
		fmt.Println(l.In, l.Out)
	}
	// Output:
	// 6 5
	// 6 5
}

// A Config without attention and without a bridge makes no net.
func ExampleConfig() {
	r := rand.New(rand.NewPCG(1, 2))
	layer := traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 3}, r))
	_, err := seq2seq.New(seq2seq.Config{Encoder: layer.Unroll(5, 2), Decoder: []nn.Stage{traintest.Must(nn.NewEmbedding(9, 4, r)), layer.Unroll(4, 2)}})
	fmt.Println(err)
	// Output: seq2seq: the decoder has no AttentionNet and Config no Bridge: nothing of the source would reach it
}

// A Decay of one's own.
func ExampleDecay() {
	var d seq2seq.Decay = half{}
	fmt.Println(d.Gold(0), d.Gold(1000))
	// Output: 1 0.5
}

// half feeds predictions in half of the places from step 1000 on.
type half struct{}

func (half) Gold(step int64) float64 {
	if step < 1000 {
		return 1
	}
	return 0.5
}

func ExampleLinearDecay() {
	d := seq2seq.LinearDecay{Start: 1, Slope: 0.25, Floor: 0.5}
	fmt.Println(d.Gold(0), d.Gold(1), d.Gold(5))
	// Output: 1 0.75 0.5
}

func ExampleExponentialDecay() {
	d := seq2seq.ExponentialDecay{K: 0.5}
	fmt.Printf("%.3f %.3f\n", d.Gold(0), d.Gold(3))
	// Output: 1.000 0.125
}

func ExampleInverseSigmoidDecay() {
	d := seq2seq.InverseSigmoidDecay{K: 10}
	fmt.Printf("%.3f %.3f\n", d.Gold(0), d.Gold(50))
	// Output: 0.909 0.063
}
