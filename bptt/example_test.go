package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/internal/wire"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// A language model from nothing to text.
func Example() {
	r := rand.New(rand.NewPCG(1, 2))
	text := []byte(strings.Repeat("the quick brown fox jumps over the lazy dog. ", 40))

	emb, _ := nn.NewEmbedding(256, 16, r)
	rnn, _ := lstm.New(lstm.Config{Input: 16, Hidden: 64}, r)
	out, _ := nn.NewLinear(64, 256, r)
	net, _ := nn.Chain(emb, rnn.Unroll(24, 4), out)
	source, _ := data.NewText(text, 4)
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 24, Steps: 300, ClipNorm: 1, Optimizer: &optim.Adam{LR: 1e-2}, Loss: loss.CrossEntropy{},
	})

	p, _ := net.Predictor(1)
	ids := make([]int32, 40)
	_, _ = decode.Sample(p, ids, []int32{'q'}, decode.Sampling{}, nil)
	fmt.Print("q")
	for _, id := range ids {
		fmt.Printf("%c", id)
	}
	fmt.Println(err, report.Step, report.Loss < 0.1)
	// Output: quick brown fox jumps over the lazy dog. <nil> 300 true
}

// Truncated BPTT: every 4 steps the gradient flows back through the last 8.
func ExamplePlan() {
	net, source := traintest.Tiny()
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Stride: 4, Loss: loss.CrossEntropy{}, Optimizer: &optim.AdamW{LR: 3e-3, WeightDecay: 0.01},
		Schedule: optim.WarmupCosine{Warmup: 10, Total: 100, Floor: 0.1},
		ClipNorm: 1, Epochs: 2,
	})
	fmt.Println(report.Step, report.Counted, err)
	// Output: 80 636 <nil>
}

// OnStep gets a Progress after every update and may end the run.
func ExampleProgress() {
	net, source := traintest.Tiny()
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2},
		OnStep: func(p bptt.Progress) error {
			if p.Step%50 == 0 {
				fmt.Printf("step %d, epoch %d: below 1 bit %v\n", p.Step, p.Epoch, loss.BitsPerSymbol(p.Loss) < 1)
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
	net, source := traintest.Tiny()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	report, err := bptt.Train(ctx, net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Window: 8, Optimizer: &optim.SGD{LR: 1}})
	fmt.Println(report.Step, errors.Is(err, context.Canceled))
	// Output: 0 true
}

// A run that is saved and resumed goes on as if it had not been interrupted.
func ExampleTrainer() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "model.ckpt")
	plan := func(steps int64) bptt.Plan {
		return bptt.Plan{Window: 8, Steps: steps, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}}
	}
	run := func(steps int64, resume bool) *nn.Model {
		net, source := traintest.Tiny()
		trainer, _ := bptt.NewTrainer(net, source, plan(steps))
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
	fmt.Println(nn.Fingerprint(whole) == nn.Fingerprint(resumed))
	// Output: true
}

// A Checkpoint also fills a net that is only used for inference.
func ExampleCheckpoint() {
	net, source := traintest.Tiny()
	trainer, _ := bptt.NewTrainer(net, source, bptt.Plan{
		Window: 8, Steps: 5, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Checkpoint: bptt.Checkpoints{Meta: []byte("hidden 16")},
	})
	_, _ = trainer.Run(context.Background())
	var file bytes.Buffer
	_ = trainer.Save(&file)

	c, err := bptt.ReadCheckpoint(&file)
	fmt.Println(err, c.Step, string(c.Meta))
	copied, _ := traintest.Tiny()
	fmt.Println(c.Params(copied), nn.Fingerprint(copied) == nn.Fingerprint(net))
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

// A net with wider layers than the one that was saved.
func ExampleShapeError() {
	net, source := traintest.Tiny()
	trainer, _ := bptt.NewTrainer(net, source, bptt.Plan{Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
	var file bytes.Buffer
	_ = trainer.Save(&file)
	c, _ := bptt.ReadCheckpoint(&file)

	rnn, _ := lstm.NewZero(lstm.Config{Input: 8, Hidden: 17})
	wider, _ := nn.Chain(traintest.Must(nn.NewZeroEmbedding(256, 8)), rnn.Unroll(1, 1))
	var shape *bptt.ShapeError
	fmt.Println(errors.As(c.Params(wider), &shape), shape.Section, shape.Got, shape.Want)
	// Output: true param/1.weight_ih_l0 [512] [544]
}

// A net with a layer more than the one that was saved.
func ExampleMissingError() {
	net, source := traintest.Tiny()
	trainer, _ := bptt.NewTrainer(net, source, bptt.Plan{Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
	var file bytes.Buffer
	_ = trainer.Save(&file)
	c, _ := bptt.ReadCheckpoint(&file)

	deep, _ := lstm.NewZero(lstm.Config{Input: 8, Hidden: 16, Layers: 2})
	deeper, _ := nn.Chain(traintest.Must(nn.NewZeroEmbedding(256, 8)), deep.Unroll(1, 1))
	var missing *bptt.MissingError
	fmt.Println(errors.As(c.Params(deeper), &missing), missing.Section)
	// Output: true param/1.weight_ih_l1
}

// A whole file that a newer version of the module wrote.
func ExampleVersionError() {
	var file bytes.Buffer
	_ = wire.NewWriter(&file, "bptt.training", 1000).Close()
	_, err := bptt.ReadCheckpoint(&file)
	var version *bptt.VersionError
	fmt.Println(errors.As(err, &version), version.Got, version.Got > version.Max)
	// Output: true 1000 true
}

func ExampleNonFiniteError() {
	net, source := traintest.Tiny()
	net.EachParam(func(name string, w, _ []float32) {
		if name == "2.bias" {
			w[0] = float32(math.NaN())
		}
	})
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
	var bad *bptt.NonFiniteError
	fmt.Println(errors.As(err, &bad), bad.Step, bad.Param)
	// Output: true 1 0.weight
}

func ExamplePanicError() {
	net, source := traintest.Tiny()
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1},
		OnStep: func(bptt.Progress) error { panic("my mistake") },
	})
	fmt.Println(err)
	// Output: bptt: panic in Plan.OnStep: my mistake
}

// The loss of every pass over the training data, beside that of other data.
func ExampleEpochEnd() {
	net, source := traintest.Tiny()
	_, held := traintest.Tiny()
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Epochs: 2,
		Validate: bptt.Validate{Data: held},
		OnEpoch: func(e bptt.EpochEnd) error {
			fmt.Printf("epoch %d, %d updates: valid below train %v\n", e.Epoch, e.Step, e.Validation.Loss < e.Loss)
			return nil
		},
	})
	fmt.Println(err)
	// Output:
	// epoch 1, 20 updates: valid below train true
	// epoch 2, 40 updates: valid below train true
	// <nil>
}

// Training ends when three validations in a row are no better, with the best parameters.
func ExampleValidate() {
	net, source := traintest.Tiny()
	errors := []float64{0.5, 0.3, 0.4, 0.35, 0.31, 0.2}
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Steps: 1000,
		Validate: bptt.Validate{
			EverySteps: 10, Patience: 3, RestoreBest: true,
			Measure: func(context.Context) (float64, error) { // an error rate, say
				e := errors[0]
				errors = errors[1:]
				return e, nil
			},
		},
	})
	fmt.Println(report.Step, report.EarlyStop, err)
	// Output: 50 true <nil>
}

func ExampleValidation() {
	net, source := traintest.Tiny()
	_, held := traintest.Tiny()
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Steps: 40,
		Validate: bptt.Validate{
			Data: held, EverySteps: 20,
			OnValidate: func(v bptt.Validation) error {
				fmt.Println(v.Step, v.Count, v.Best, v.Since)
				return nil
			},
		},
	})
	fmt.Println(err)
	// Output:
	// 20 318 true 0
	// 40 318 true 0
	// <nil>
}

// A program that may be stopped at any moment: started again, it goes on from its last
// checkpoint.
func ExampleCheckpoints() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	program := func(ctx context.Context, onStep func(bptt.Progress) error) {
		net, source := traintest.Tiny()
		trainer, err := bptt.NewTrainer(net, source, bptt.Plan{
			Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Steps: 30, OnStep: onStep,
			Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 10},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		found, err := trainer.ResumeLast()
		fmt.Println("resumed:", found, err)
		report, err := trainer.Run(ctx)
		fmt.Println("ended after", report.Step, err)
	}
	ctx, interrupt := context.WithCancel(context.Background())
	program(ctx, func(p bptt.Progress) error {
		if p.Step == 17 {
			interrupt()
		}
		return nil
	})
	program(context.Background(), nil)
	// Output:
	// resumed: false <nil>
	// ended after 17 context canceled
	// resumed: true <nil>
	// ended after 30 <nil>
}

// Metrics are lines of JSON.
func ExampleLog() {
	net, source := traintest.Tiny()
	var metrics bytes.Buffer
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Steps: 20,
		Log: bptt.Log{Metrics: &metrics, MetricsEvery: 10},
	})
	for line := range strings.Lines(metrics.String()) {
		fmt.Println(strings.Join(strings.Split(line, ",")[:3], ","))
	}
	fmt.Println(err)
	// Output:
	// {"event":"step","step":10,"epoch":0
	// {"event":"step","step":20,"epoch":0
	// {"event":"end","step":20,"epoch":0
	// <nil>
}

// Two machines with AVX-512 and one without: the third is the one that the others wait for.
func ExampleTiers() {
	old := bptt.RankTiers{ISA: kernels.AVX2, Available: []kernels.ISA{kernels.Scalar, kernels.AVX2}}
	late := bptt.RankTiers{ISA: kernels.AVX512, Available: []kernels.ISA{kernels.Scalar, kernels.AVX2, kernels.AVX512}}
	tiers := bptt.Tiers{late, late, old}
	fmt.Println(tiers.Differ(), bptt.Tiers{late, late}.Differ())
	fmt.Println(tiers)
	// Output:
	// true false
	// ranks 0-1: avx512 of [scalar avx2 avx512]; rank 2: avx2 of [scalar avx2]
}

// What this process would tell of itself.
func ExampleRankTiers() {
	net, source := traintest.Tiny()
	trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, Steps: 1})
	if err != nil {
		panic(err)
	}
	mine := trainer.Tiers()[0]
	fmt.Println(mine.ISA == kernels.Current(), len(mine.Available) == len(kernels.Available()))
	// Output:
	// true true
}

// Weights with noise while the gradient is computed; biases have none.
func ExampleWeightNoise() {
	net, source := traintest.Tiny()
	clean := nn.Fingerprint(net)
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1e-30}, Steps: 1,
		Noise: bptt.WeightNoise{Std: 0.075, Params: []string{"*.weight*"}, Seed: 1},
	})
	// The rate is too small to move a weight, and the noise is gone.
	fmt.Println(report.Step, nn.Fingerprint(net) == clean, err)
	// Output: 1 true <nil>
}
