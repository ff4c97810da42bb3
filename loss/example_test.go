package loss_test

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// The loss of a batch of two rows, the second of which has one step less, with its gradient,
// and the share of right answers.
func Example() {
	y := []float32{2, 0, 0, 2, 0, 2, 9, 9} // [2][2][2]: steps, rows, logits of two classes
	b := &data.Batch{Steps: 2, Rows: 2, Targets: []int32{0, 1, 0, 0}, Lengths: []int{2, 1}}
	var s loss.Scratch
	dy := make([]float32, len(y))
	total, err := loss.CrossEntropy{}.Loss(dy, y, b, 0, &s)
	fmt.Printf("%.3f, the mean of %d, %v\n", total.Mean(), total.Terms, err)
	fmt.Printf("%.3f\n", dy)

	var right loss.Accuracy
	_ = right.Add(y, b)
	fmt.Printf("%d of %d\n", right.Right, right.Counted)
	// Output:
	// 0.794, the mean of 3, <nil>
	// [-0.040 0.040 0.040 -0.040 -0.294 0.294 0.000 0.000]
	// 2 of 3
}

func ExampleCrossEntropy() {
	y := []float32{0, 0, 0, float32(math.Log(9))} // two steps of two classes
	dy := make([]float32, 4)
	var s loss.Scratch
	total, _ := loss.CrossEntropy{}.Loss(dy, y, &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}, 0, &s)
	fmt.Printf("%.3f over %d, perplexity %.3f, gradient %.2f\n", total.Sum, total.Terms, loss.Perplexity(total.Mean()), dy)
	// Output: 0.799 over 2, perplexity 1.491, gradient [-0.25 0.25 0.05 -0.05]
}

// A rare class weighs more, and no target is quite certain.
func ExampleCrossEntropy_weights() {
	criterion := loss.CrossEntropy{Weights: []float32{1, 3}, Smoothing: 0.1}
	var s loss.Scratch
	total, _ := criterion.Loss(nil, []float32{0, 0, 0, 2}, &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}, 0, &s)
	fmt.Printf("%.4f over a weight of %v\n", total.Sum, total.Weight)
	// Output: 1.2306 over a weight of 4
}

func ExampleMSE() {
	dy := make([]float32, 2)
	var s loss.Scratch
	total, _ := loss.MSE{}.Loss(dy, []float32{1, 5}, &data.Batch{Steps: 2, Rows: 1, Y: []float32{1, 3}}, 0, &s)
	fmt.Println(total.Mean(), dy)
	// Output: 2 [0 2]
}

// A value that was not observed has a weight of 0: whatever stands in its place is not
// looked at.
func ExampleMAE() {
	missing := float32(math.NaN())
	b := &data.Batch{Steps: 3, Rows: 1, Y: []float32{1, missing, 4}, Weights: []float32{1, 0, 2}}
	var s loss.Scratch
	total, _ := loss.MAE{}.Loss(nil, []float32{2, 2, 2}, b, 0, &s)
	fmt.Printf("%v over %v, %d terms\n", total.Sum, total.Weight, total.Terms)
	// Output: 5 over 3, 2 terms
}

func ExampleHuber() {
	dy := make([]float32, 2)
	var s loss.Scratch
	total, _ := loss.Huber{Delta: 1}.Loss(dy, []float32{0.5, 10}, &data.Batch{Steps: 2, Rows: 1, Y: []float32{0, 0}}, 1, &s)
	fmt.Println(total.Sum, dy)
	// Output: 9.625 [0.5 1]
}

// The keys of a piano, at each step: the negative log-likelihood of a step is the sum over
// the keys, and what is reported its mean over the steps.
func ExampleBCE() {
	b := &data.Batch{Steps: 2, Rows: 1, Y: []float32{1, 0, 0, 0, 1, 0}} // three keys
	var s loss.Scratch
	total, _ := loss.BCE{PerStep: true}.Loss(nil, make([]float32, 6), b, 0, &s)
	fmt.Printf("%.4f over %d steps\n", total.Mean(), total.Terms)
	// Output: 2.0794 over 2 steps
}

// Which of the four steps say 1 and then 2 is not known; class 0 is the blank.
func ExampleCTC() {
	y := []float32{
		0, 9, 0,
		0, 9, 0,
		9, 0, 0,
		0, 0, 9,
	}
	b := &data.Batch{Steps: 4, Rows: 1, Labels: [][]int32{{1, 2}}}
	criterion := loss.CTC{Blank: 0}
	var s loss.Scratch
	total, err := criterion.Loss(nil, y, b, 0, &s)
	labels, _ := criterion.BestPath(nil, y, b, 0)
	fmt.Printf("%.4f %v %v\n", total.Sum, err, labels)
	// Output: 0.0005 <nil> [1 2]
}

// A long and a short sequence weigh the same.
func ExamplePerSequence() {
	b := &data.Batch{Steps: 4, Rows: 2, Y: make([]float32, 8), Lengths: []int{4, 1}}
	y := []float32{1, 2, 1, 0, 1, 0, 1, 0} // the long one is off by 1, the short one by 2
	var s loss.Scratch
	each, _ := loss.MSE{}.Loss(nil, y, b, 0, &s)
	sequences, _ := loss.PerSequence{Of: loss.MSE{}}.Loss(nil, y, b, 0, &s)
	fmt.Println(each.Mean(), sequences.Mean())
	// Output: 1.6 2.5
}

func ExampleReduction() {
	t := loss.Total{Sum: 12, Weight: 6, Terms: 6} // of two rows of three steps
	for _, r := range []loss.Reduction{loss.Mean, loss.SumOverTime, loss.Sum} {
		fmt.Println(r, "of the gradient:", t.Sum/r.Divisor(t, 2), "reported:", t.Mean())
	}
	// Output:
	// mean of the gradient: 2 reported: 2
	// sum over time of the gradient: 6 reported: 2
	// sum of the gradient: 12 reported: 2
}

func ExampleTotal() {
	a, b := loss.Total{Sum: 3, Weight: 2, Terms: 2}, loss.Total{Sum: 1, Weight: 2, Terms: 2}
	fmt.Println(a.Plus(b).Mean())
	// Output: 1
}

// hinge is a Loss of one's own: max(0, 1 - a*y), a being 1 or -1, the targets of a batch
// of one output a step.
type hinge struct{}

// The gradient is that of the mean, or that of the sum divided by what the caller
// names. Where nothing counts it is 0.
func (hinge) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (total loss.Total, err error) {
	width, err := loss.Check(dy, y, b, by)
	if err != nil {
		return total, err
	}
	if width > 1 || len(b.Y) != len(y) {
		return total, fmt.Errorf("hinge: %d outputs a step and %d targets for %d, want 1 and as many", width, len(b.Y), len(y))
	}
	for p := range y {
		if b.Counts(p) {
			total.Weight++
			total.Terms++
		}
	}
	if by == 0 {
		by = total.Weight
	}
	terms := s.Float64s(len(y))
	s.Rows(16*len(y), len(y), func(lo, hi int) {
		for p := lo; p < hi; p++ {
			a, gradient := float64(b.Y[p]), 0.0
			terms[p] = 0
			if short := 1 - a*float64(y[p]); b.Counts(p) && short > 0 {
				terms[p], gradient = short, -a/by
			}
			if dy != nil {
				dy[p] = float32(gradient)
			}
		}
	})
	for _, v := range terms {
		total.Sum += v
	}
	return total, nil
}

// InPlace says that dy may be y: each y[p] is read before dy[p] is written.
func (hinge) InPlace() bool { return true }

func ExampleLoss() {
	var criterion loss.Loss = hinge{}
	b := &data.Batch{Steps: 2, Rows: 2, Y: []float32{1, -1, -1, 1}, Lengths: []int{2, 1}}
	y, dy := []float32{0.5, -2, 0.5, 9}, make([]float32, 4)
	var s loss.Scratch
	for _, by := range []float64{0, 1} {
		total, err := criterion.Loss(dy, y, b, by, &s)
		fmt.Printf("%v of %d, gradient %.2f, %v\n", total.Sum, total.Terms, dy, err)
	}
	// Output:
	// 2 of 3, gradient [-0.33 0.00 0.33 0.00], <nil>
	// 2 of 3, gradient [-1.00 0.00 1.00 0.00], <nil>
}

// One Scratch is kept over all calls of a Loss, so that they do not allocate.
func ExampleScratch() {
	var s loss.Scratch
	b := &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}
	for _, logit := range []float32{0, 1} {
		total, _ := loss.CrossEntropy{}.Loss(nil, []float32{logit, 0}, b, 0, &s)
		fmt.Printf("%.4f\n", total.Sum)
	}
	// Output:
	// 0.6931
	// 0.3133
}

func ExampleGradientCheck() {
	b := &data.Batch{Steps: 2, Rows: 2, Y: []float32{1, -1, -1, 1}, Lengths: []int{2, 1}}
	fmt.Println(loss.CheckGradients(hinge{}, b, 1, loss.GradientCheck{}))
	// Output: <nil>
}
