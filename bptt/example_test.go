package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/lstm"
)

// A language model from nothing to text.
func Example() {
	r := rand.New(rand.NewPCG(1, 2))
	text := []byte(strings.Repeat("the quick brown fox jumps over the lazy dog. ", 40))

	emb, _ := bptt.NewEmbedding(256, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 64}, r)
	out, _ := bptt.NewLinear(64, 256, r)
	net, _ := bptt.Chain(emb, rnn.Unroll(24, 4), out)
	data, _ := bptt.NewText(text, 4)
	report, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 24, Steps: 300, ClipNorm: 1, Optimizer: &bptt.Adam{LR: 1e-2}, Loss: bptt.CrossEntropy{},
	})

	p, _ := net.Predictor(1)
	ids := make([]int32, 40)
	_ = p.Sample(ids, []int32{'q'}, 0, nil)
	fmt.Print("q")
	for _, id := range ids {
		fmt.Printf("%c", id)
	}
	fmt.Println(err, report.Step, report.Loss < 0.1)
	// Output: quick brown fox jumps over the lazy dog. <nil> 300 true
}

// tiny is a small character model and its data, for the examples.
func tiny() (*bptt.Model, *bptt.Text) {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := bptt.NewEmbedding(256, 8, r)
	rnn, _ := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	out, _ := bptt.NewLinear(16, 256, r)
	net, _ := bptt.Chain(emb, rnn.Unroll(8, 2), out)
	data, _ := bptt.NewText([]byte(strings.Repeat("abcdefgh", 40)), 2)
	return net, data
}

func ExampleChain() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := bptt.NewEmbedding(100, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 32}, r)
	net, _ := bptt.Chain(emb, rnn.Unroll(20, 4), must(bptt.NewLinear(32, 100, r)))
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, len(w)) })

	_, err := bptt.Chain(emb, rnn.Unroll(20, 4), must(bptt.NewLinear(31, 100, r)))
	fmt.Println(err)
	// Output:
	// 0.weight 1600
	// 1.weight_ih_l0 2048
	// 1.weight_hh_l0 4096
	// 1.bias_ih_l0 128
	// 1.bias_hh_l0 128
	// 2.weight 3200
	// 2.bias 100
	// bptt: stage 2 of the chain takes width 31, the stage before it gives 32
}

// The same memory in two stages is one parameter with one gradient: here the LSTM
// stands in two stages, and the readout has the weights of the embedding.
func ExampleChain_shared() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := bptt.NewEmbedding(100, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 16}, r)
	out, _ := bptt.NewLinear(16, 100, r)
	out.Weight = emb.Weight // before Chain
	net, err := bptt.Chain(emb, rnn.Unroll(20, 4), rnn.Unroll(20, 4), out)
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
	net, _ := tiny()
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
	for _, s := range []bptt.Stage{must(bptt.NewEmbedding(256, 8, r)), rnn.Unroll(20, 4), must(bptt.NewLinear(16, 256, r))} {
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
	var net bptt.Net = rnn.Unroll(4, 1)
	y := make([]float32, 4*3)
	net.Forward(y, make([]float32, 4*2))
	net.Backward(nil, y)
	fmt.Println(len(net.State()), "state tensors")
	// Output: 2 state tensors
}

func ExampleEmbedding() {
	emb, _ := bptt.NewZeroEmbedding(3, 2)
	copy(emb.Weight, []float32{0, 1, 10, 11, 20, 21}) // from elsewhere: [symbol][dim]
	tied := emb.Readout()                             // the same table as the last layer
	fmt.Println(tied.In, tied.Out, tied.Weight[2:4])
	// Output: 2 3 [10 11]
}

func ExampleLinear() {
	lin, _ := bptt.NewZeroLinear(2, 1)
	copy(lin.Weight, []float32{0.5, -1}) // [out][in]
	lin.Bias[0] = 3
	rnn, _ := lstm.NewZero(lstm.Config{Input: 1, Hidden: 2})
	net, _ := bptt.Chain(rnn.Unroll(1, 1), lin)
	y := make([]float32, 1)
	net.Forward(y, []float32{1})
	fmt.Println(y)
	// Output: [3]
}

func ExampleModelPredictor() {
	net, _ := tiny()
	p, _ := net.Predictor(1)
	y := make([]float32, 256)
	for _, id := range []int32{'a', 'b'} {
		if err := p.StepIDs(y, []int32{id}); err != nil {
			fmt.Println(err)
		}
	}
	saved := p.State() // to come back to this point
	err := p.Sample(make([]int32, 10), []int32{'c'}, 0.8, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(err, p.SetState(saved))
	// Output: <nil> <nil>
}

// A Predictor is what a net's NewPredictor gives.
func ExamplePredictor() {
	rnn, _ := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	v, _ := rnn.Unroll(4, 1).NewPredictor(1)
	p := v.(bptt.Predictor)
	y := make([]float32, 3)
	p.Step(y, []float32{1, 2})
	p.Reset()
	fmt.Println(p.State()[0])
	// Output: [0 0 0]
}

// Truncated BPTT: every 4 steps the gradient flows back through the last 8.
func ExamplePlan() {
	net, data := tiny()
	report, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 8, Stride: 4, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.AdamW{LR: 3e-3, WeightDecay: 0.01},
		Schedule: bptt.WarmupCosine{Warmup: 10, Total: 100, Floor: 0.1},
		ClipNorm: 1, Epochs: 2,
	})
	fmt.Println(report.Step, report.Counted, err)
	// Output: 80 636 <nil>
}

// OnStep gets a Progress after every update and may end the run.
func ExampleProgress() {
	net, data := tiny()
	_, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 8, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: 1e-2},
		OnStep: func(p bptt.Progress) error {
			if p.Step%50 == 0 {
				fmt.Printf("step %d, epoch %d: below 1 bit %v\n", p.Step, p.Epoch, bptt.BitsPerSymbol(p.Loss) < 1)
			}
			if p.Step == 100 {
				return bptt.ErrStop
			}
			return nil
		},
	})
	fmt.Println(err)
	// Output:
	// step 50, epoch 2: below 1 bit false
	// step 100, epoch 4: below 1 bit true
	// <nil>
}

func ExampleReport() {
	net, data := tiny()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	report, err := bptt.Train(ctx, net, data, bptt.Plan{Loss: bptt.CrossEntropy{}, Window: 8, Optimizer: &bptt.SGD{LR: 1}})
	fmt.Println(report.Step, errors.Is(err, context.Canceled))
	// Output: 0 true
}

// A run that is saved and resumed goes on as if it had not been interrupted.
func ExampleTrainer() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "model.ckpt")
	plan := func(steps int64) bptt.Plan {
		return bptt.Plan{Window: 8, Steps: steps, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: 1e-2}}
	}
	run := func(steps int64, resume bool) *bptt.Model {
		net, data := tiny()
		trainer, _ := bptt.NewTrainer(net, data, plan(steps))
		if resume {
			c, err := bptt.ReadCheckpointFile(name)
			if err == nil {
				err = trainer.Resume(c)
			}
			if err != nil {
				fmt.Println(err)
			}
		}
		if _, err := trainer.Run(context.Background()); err != nil {
			fmt.Println(err)
		}
		if err := trainer.SaveFile(name); err != nil {
			fmt.Println(err)
		}
		return net
	}
	whole := run(30, false)
	run(10, false)
	resumed := run(30, true)
	fmt.Println(bptt.Fingerprint(whole) == bptt.Fingerprint(resumed))
	// Output: true
}

// A Checkpoint also fills a net that is only used for inference.
func ExampleCheckpoint() {
	net, data := tiny()
	trainer, _ := bptt.NewTrainer(net, data, bptt.Plan{
		Window: 8, Steps: 5, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: 1e-2}, Meta: []byte("hidden 16"),
	})
	_, _ = trainer.Run(context.Background())
	var file bytes.Buffer
	_ = trainer.Save(&file)

	c, err := bptt.ReadCheckpoint(&file)
	fmt.Println(err, c.Step, string(c.Meta))
	copied, _ := tiny()
	fmt.Println(c.Params(copied), bptt.Fingerprint(copied) == bptt.Fingerprint(net))
	// Output:
	// <nil> 5 hidden 16
	// <nil> true
}

func ExampleFormatError() {
	_, err := bptt.ReadCheckpoint(strings.NewReader("not a checkpoint"))
	var format *bptt.FormatError
	fmt.Println(errors.As(err, &format), format.Offset)
	// Output: true 8
}

func ExampleKindError() {
	rnn, _ := lstm.NewZero(lstm.Config{Input: 2, Hidden: 2})
	var file bytes.Buffer
	_, _ = rnn.WriteTo(&file)
	_, err := bptt.ReadCheckpoint(&file)
	var kind *bptt.KindError
	fmt.Println(errors.As(err, &kind), kind.Want)
	// Output: true bptt.training
}

// The errors of a file that does not fit name what differs.
func ExampleShapeError() {
	net, data := tiny()
	trainer, _ := bptt.NewTrainer(net, data, bptt.Plan{Window: 8, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.SGD{LR: 1}})
	var file bytes.Buffer
	_ = trainer.Save(&file)
	c, _ := bptt.ReadCheckpoint(&file)

	rnn, _ := lstm.NewZero(lstm.Config{Input: 8, Hidden: 17})
	wider, _ := bptt.Chain(must(bptt.NewZeroEmbedding(256, 8)), rnn.Unroll(1, 1))
	var shape *bptt.ShapeError
	fmt.Println(errors.As(c.Params(wider), &shape), shape.Section, shape.Got, shape.Want)

	deep, _ := lstm.NewZero(lstm.Config{Input: 8, Hidden: 16, Layers: 2})
	deeper, _ := bptt.Chain(must(bptt.NewZeroEmbedding(256, 8)), deep.Unroll(1, 1))
	var missing *bptt.MissingError
	fmt.Println(errors.As(c.Params(deeper), &missing), missing.Section)
	// Output:
	// true param/1.weight_ih_l0 [512] [544]
	// true param/1.weight_ih_l1
}

func ExampleIDError() {
	net, _ := tiny()
	err := net.ForwardIDs(make([]float32, 2*256), []int32{5, 256})
	var id *bptt.IDError
	fmt.Println(errors.As(err, &id), err)
	// Output: true bptt: id 256 at step 0, row 1, want 0 to 255
}

func ExampleNonFiniteError() {
	net, data := tiny()
	net.EachParam(func(name string, w, _ []float32) {
		if name == "2.bias" {
			w[0] = float32(math.NaN())
		}
	})
	_, err := bptt.Train(context.Background(), net, data, bptt.Plan{Window: 8, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.SGD{LR: 1}})
	var bad *bptt.NonFiniteError
	fmt.Println(errors.As(err, &bad), bad.Step, bad.Param)
	// Output: true 1 0.weight
}

// A RateError comes before the update that it is about.
func ExampleRateError() {
	net, data := tiny()
	_, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 8, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.SGD{LR: 1e-3}, Schedule: bptt.StepDecay{Every: 1, Factor: 1e100},
	})
	var rate *bptt.RateError
	fmt.Println(errors.As(err, &rate), rate.Step, rate.LR, rate.Factor)
	// Output: true 2 0.001 1e+100
}

func ExamplePanicError() {
	net, data := tiny()
	_, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 8, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.SGD{LR: 1},
		OnStep: func(bptt.Progress) error { panic("my mistake") },
	})
	fmt.Println(err)
	// Output: bptt: panic in Plan.OnStep: my mistake
}

// numbers is Data of one's own: one row of an endless sine.
type numbers struct{ pos int }

func (d *numbers) Next(b *bptt.Batch) error {
	b.Steps, b.Rows = b.Want, 1
	b.X, b.Y = b.X[:0], b.Y[:0]
	for range b.Steps {
		b.X = append(b.X, float32(math.Sin(float64(d.pos)/4)))
		b.Y = append(b.Y, float32(math.Sin(float64(d.pos+1)/4)))
		d.pos++
	}
	return nil
}

func (d *numbers) Rewind() error {
	d.pos = 0
	return nil
}

// Data is an interface: what fills a Batch can be trained on, here to predict
// the next value of a sine.
func ExampleData() {
	r := rand.New(rand.NewPCG(1, 2))
	rnn, _ := lstm.New(lstm.Config{Input: 1, Hidden: 8}, r)
	net, _ := bptt.Chain(rnn.Unroll(16, 1), must(bptt.NewLinear(8, 1, r)))
	report, err := bptt.Train(context.Background(), net, &numbers{}, bptt.Plan{
		Window: 16, Steps: 300, Loss: bptt.MSE{}, Optimizer: &bptt.Adam{LR: 1e-2},
	})
	fmt.Println(report.Loss < 0.001, err)
	// Output: true <nil>
}

func ExampleText() {
	data, _ := bptt.NewText([]byte("abcdefghi"), 2) // two streams of 4
	b := bptt.Batch{Want: 3}
	for data.Next(&b) == nil {
		fmt.Printf("%d steps: %c > %c\n", b.Steps, b.IDs, b.Targets)
	}
	// Output:
	// 3 steps: [a e b f c g] > [b f c g d h]
	// 1 steps: [d h] > [e i]
}

func ExampleTokens() {
	data, _ := bptt.NewTokens([]int32{70000, 70001, 70002}, 1)
	b := bptt.Batch{Want: 10}
	fmt.Println(data.Next(&b), b.IDs, b.Targets)
	fmt.Println(data.Next(&b) == io.EOF)
	// Output:
	// <nil> [70000 70001] [70001 70002]
	// true
}

// Sequences of different lengths stand side by side in a Batch.
func ExampleSequences() {
	data, _ := bptt.NewSequences([]bptt.Sequence{
		{Steps: 3, IDs: []int32{1, 2, 3}, Targets: []int32{-1, -1, 0}}, // only the end counts
		{Steps: 1, IDs: []int32{4}, Targets: []int32{1}},
	}, 2, nil)
	var b bptt.Batch
	fmt.Println(data.Next(&b), b.IDs, b.Targets, b.Lengths)
	// Output: <nil> [1 4 2 0 3 0] [-1 1 -1 0 0 0] [3 1]
}

func ExampleSequence() {
	s := bptt.Sequence{Steps: 2, X: []float32{1, 2, 3, 4}, Y: []float32{5, 6}} // inputs of width 2, targets of width 1
	data, _ := bptt.NewSequences([]bptt.Sequence{s}, 1, nil)
	var b bptt.Batch
	fmt.Println(data.Next(&b), b.X, b.Y)
	// Output: <nil> [1 2 3 4] [5 6]
}

// A Batch that is made by hand.
func ExampleBatch() {
	b := bptt.Batch{
		Steps: 2, Rows: 2,
		IDs:     []int32{1, 2, 3, 0}, // [step][row]
		Targets: []int32{3, 2, 4, 0},
		Lengths: []int{2, 1}, // the second row has one step
	}
	var s bptt.Scratch
	sum, n, err := bptt.CrossEntropy{}.Loss(nil, make([]float32, 2*2*8), &b, 0, &s)
	fmt.Printf("%.4f %d %v\n", sum/float64(n), n, err)
	// Output: 2.0794 3 <nil>
}

func ExampleCrossEntropy() {
	y := []float32{0, 0, 0, float32(math.Log(9))} // two steps of two classes
	dy := make([]float32, 4)
	var s bptt.Scratch
	sum, n, _ := bptt.CrossEntropy{}.Loss(dy, y, &bptt.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}, 0, &s)
	fmt.Printf("%.3f over %d, perplexity %.3f, gradient %.2f\n", sum, n, bptt.Perplexity(sum/float64(n)), dy)
	// Output: 0.799 over 2, perplexity 1.491, gradient [-0.25 0.25 0.05 -0.05]
}

func ExampleMSE() {
	dy := make([]float32, 2)
	var s bptt.Scratch
	sum, n, _ := bptt.MSE{}.Loss(dy, []float32{1, 5}, &bptt.Batch{Steps: 2, Rows: 1, Y: []float32{1, 3}}, 0, &s)
	fmt.Println(sum/float64(n), dy)
	// Output: 2 [0 2]
}

// absolute is a Loss of one's own: the mean absolute error.
type absolute struct{}

func (absolute) Loss(dy, y []float32, b *bptt.Batch, by int, _ *bptt.Scratch) (sum float64, n int, err error) {
	if by == 0 {
		by = len(y)
	}
	for i := range y {
		d := y[i] - b.Y[i]
		sum += math.Abs(float64(d))
		if dy != nil {
			dy[i] = float32(math.Copysign(1/float64(by), float64(d)))
		}
	}
	return sum, len(y), nil
}

// The gradient is that of the mean, or that of the sum divided by what the caller
// names.
func ExampleLoss() {
	var loss bptt.Loss = absolute{}
	y, b := []float32{1, 5}, &bptt.Batch{Steps: 2, Rows: 1, Y: []float32{2, 3}}
	dy := make([]float32, 2)
	fmt.Println(loss.Loss(nil, y, b, 0, nil))
	for _, by := range []int{0, 1} {
		_, _, _ = loss.Loss(dy, y, b, by, nil)
		fmt.Println(dy)
	}
	// Output:
	// 3 2 <nil>
	// [-0.5 0.5]
	// [-1 1]
}

// One Scratch is kept over all calls of a Loss, so that they do not allocate.
func ExampleScratch() {
	var s bptt.Scratch
	b := &bptt.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}
	for _, logit := range []float32{0, 1} {
		sum, _, _ := bptt.CrossEntropy{}.Loss(nil, []float32{logit, 0}, b, 0, &s)
		fmt.Printf("%.4f\n", sum)
	}
	// Output:
	// 0.6931
	// 0.3133
}

// param is a parameter of one element and its gradient.
func param(w, g float32) []bptt.Param {
	return []bptt.Param{{Name: "w", W: []float32{w}, G: []float32{g}}}
}

func ExampleSGD() {
	p := param(1, 0.5)
	o := &bptt.SGD{LR: 0.5, Momentum: 0.5}
	_ = o.Init(p)
	_ = o.Update(1) // v = 0.5
	_ = o.Update(1) // v = 0.75
	fmt.Println(p[0].W)
	// Output: [0.375]
}

func ExampleAdam() {
	p := param(1, 0.5)
	o := &bptt.Adam{LR: 0.25} // betas 0.9 and 0.999, epsilon 1e-8
	_ = o.Init(p)
	_ = o.Update(1) // the first step is LR in the direction of the gradient
	fmt.Printf("%.5f\n", p[0].W)
	// Output: [0.75000]
}

func ExampleAdamW() {
	p := param(1, 0)
	o := &bptt.AdamW{LR: 0.25, WeightDecay: 0.5}
	_ = o.Init(p)
	_ = o.Update(1) // without a gradient only the decay is left
	fmt.Println(p[0].W)
	// Output: [0.875]
}

func ExampleOptimizer() {
	for _, o := range []bptt.Optimizer{&bptt.SGD{LR: 0.1}, &bptt.Adam{LR: 1e-3}, &bptt.SGD{}} {
		fmt.Println(o.LearningRate(), o.Init(param(1, 1)))
	}
	// Output:
	// 0.1 <nil>
	// 0.001 <nil>
	// 0 bptt: SGD with learning rate 0, want more than 0 and finite
}

func ExampleOptimizerState() {
	o := &bptt.Adam{LR: 1e-3}
	_ = o.Init(param(1, 1))
	_ = o.Update(1)
	s := o.State()
	fmt.Println(s.Kind, s.Numbers, len(s.Tensors))
	// Output: adam-root [1 0.9 0.999] 2
}

func ExampleParam() {
	net, _ := tiny()
	var params []bptt.Param
	net.EachParam(func(name string, w, g []float32) { params = append(params, bptt.Param{Name: name, W: w, G: g}) })
	fmt.Println(len(params), params[0].Name, len(params[0].W), len(params[0].G))
	// Output: 7 0.weight 2048 2048
}

func ExampleSchedule() {
	for _, s := range []bptt.Schedule{bptt.Constant{}, bptt.StepDecay{Every: 10, Factor: 0.5}, bptt.WarmupCosine{Warmup: 20, Total: 100}} {
		fmt.Println(s.Rate(0), s.Rate(10), s.Rate(60))
	}
	// Output:
	// 1 1 1
	// 1 0.5 0.015625
	// 0.05 0.55 0.5
}

func ExampleConstant() {
	fmt.Println(bptt.Constant{}.Rate(1000))
	// Output: 1
}

func ExampleStepDecay() {
	s := bptt.StepDecay{Every: 1000, Factor: 0.5}
	fmt.Println(s.Rate(999), s.Rate(1000), s.Rate(2000))
	// Output: 1 0.5 0.25
}

func ExampleWarmupCosine() {
	s := bptt.WarmupCosine{Warmup: 10, Total: 110, Floor: 0.1}
	fmt.Println(s.Rate(0), s.Rate(9), s.Rate(500))
	// Output: 0.1 1 0.1
}
