package data_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

func ExampleIDError() {
	net, _ := traintest.Tiny()
	err := net.ForwardIDs(make([]float32, 2*256), []int32{5, 256})
	var id *data.IDError
	fmt.Println(errors.As(err, &id), err)
	// Output: true data: id 256 at step 0, row 1, want 0 to 255
}

// Data is an interface: what fills a Batch can be trained on, here to predict
// the next value of a sine.
func ExampleSource() {
	r := rand.New(rand.NewPCG(1, 2))
	rnn, _ := lstm.New(lstm.Config{Input: 1, Hidden: 8}, r)
	net, _ := nn.Chain(rnn.Unroll(16, 1), traintest.Must(nn.NewLinear(8, 1, r)))
	report, err := bptt.Train(context.Background(), net, &numbers{}, bptt.Plan{
		Window: 16, Steps: 300, Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: 1e-2},
	})
	fmt.Println(report.Loss < 0.001, err)
	// Output: true <nil>
}

func ExampleText() {
	source, _ := data.NewText([]byte("abcdefghi"), 2) // two streams of 4
	b := data.Batch{Want: 3}
	for source.Next(&b) == nil {
		fmt.Printf("%d steps: %c > %c\n", b.Steps, b.IDs, b.Targets)
	}
	// Output:
	// 3 steps: [a e b f c g] > [b f c g d h]
	// 1 steps: [d h] > [e i]
}

func ExampleTokens() {
	source, _ := data.NewTokens([]int32{70000, 70001, 70002}, 1)
	b := data.Batch{Want: 10}
	fmt.Println(source.Next(&b), b.IDs, b.Targets)
	fmt.Println(source.Next(&b) == io.EOF)
	// Output:
	// <nil> [70000 70001] [70001 70002]
	// true
}

// Sequences of different lengths stand side by side in a Batch.
func ExampleSequences() {
	source, _ := data.NewSequences([]data.Sequence{
		{Steps: 3, IDs: []int32{1, 2, 3}, Targets: []int32{-1, -1, 0}}, // only the end counts
		{Steps: 1, IDs: []int32{4}, Targets: []int32{1}},
	}, 2, nil)
	var b data.Batch
	fmt.Println(source.Next(&b), b.IDs, b.Targets, b.Lengths)
	// Output: <nil> [1 4 2 0 3 0] [-1 1 -1 0 0 0] [3 1]
}

func ExampleSequence() {
	s := data.Sequence{Steps: 2, X: []float32{1, 2, 3, 4}, Y: []float32{5, 6}} // inputs of width 2, targets of width 1
	source, _ := data.NewSequences([]data.Sequence{s}, 1, nil)
	var b data.Batch
	fmt.Println(source.Next(&b), b.X, b.Y)
	// Output: <nil> [1 2 3 4] [5 6]
}

// A Batch that is made by hand.
func ExampleBatch() {
	b := data.Batch{
		Steps: 2, Rows: 2,
		IDs:     []int32{1, 2, 3, 0}, // [step][row]
		Targets: []int32{3, 2, 4, 0},
		Lengths: []int{2, 1}, // the second row has one step
	}
	var s loss.Scratch
	total, err := loss.CrossEntropy{}.Loss(nil, make([]float32, 2*2*8), &b, 0, &s)
	fmt.Printf("%.4f %d %v\n", total.Mean(), total.Terms, err)
	// Output: 2.0794 3 <nil>
}

// numbers is Data of one's own: one row of an endless sine.
type numbers struct{ pos int }

func (d *numbers) Next(b *data.Batch) error {
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
