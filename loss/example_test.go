package loss_test

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

func ExampleCrossEntropy() {
	y := []float32{0, 0, 0, float32(math.Log(9))} // two steps of two classes
	dy := make([]float32, 4)
	var s loss.Scratch
	sum, n, _ := loss.CrossEntropy{}.Loss(dy, y, &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}, 0, &s)
	fmt.Printf("%.3f over %d, perplexity %.3f, gradient %.2f\n", sum, n, loss.Perplexity(sum/float64(n)), dy)
	// Output: 0.799 over 2, perplexity 1.491, gradient [-0.25 0.25 0.05 -0.05]
}

func ExampleMSE() {
	dy := make([]float32, 2)
	var s loss.Scratch
	sum, n, _ := loss.MSE{}.Loss(dy, []float32{1, 5}, &data.Batch{Steps: 2, Rows: 1, Y: []float32{1, 3}}, 0, &s)
	fmt.Println(sum/float64(n), dy)
	// Output: 2 [0 2]
}

// absolute is a Loss of one's own: the mean absolute error.
type absolute struct{}

func (absolute) Loss(dy, y []float32, b *data.Batch, by int, _ *loss.Scratch) (sum float64, n int, err error) {
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
	var criterion loss.Loss = absolute{}
	y, b := []float32{1, 5}, &data.Batch{Steps: 2, Rows: 1, Y: []float32{2, 3}}
	dy := make([]float32, 2)
	fmt.Println(criterion.Loss(nil, y, b, 0, nil))
	for _, by := range []int{0, 1} {
		_, _, _ = criterion.Loss(dy, y, b, by, nil)
		fmt.Println(dy)
	}
	// Output:
	// 3 2 <nil>
	// [-0.5 0.5]
	// [-1 1]
}

// One Scratch is kept over all calls of a Loss, so that they do not allocate.
func ExampleScratch() {
	var s loss.Scratch
	b := &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}
	for _, logit := range []float32{0, 1} {
		sum, _, _ := loss.CrossEntropy{}.Loss(nil, []float32{logit, 0}, b, 0, &s)
		fmt.Printf("%.4f\n", sum)
	}
	// Output:
	// 0.6931
	// 0.3133
}
