package loss_test

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// Several numbers of one evaluation. A target below 0 is not counted.
func ExampleMetric() {
	confusion, _ := loss.NewConfusion(2)
	metrics := map[string]loss.Metric{"accuracy": new(loss.Accuracy), "of the matrix": confusion}
	b := &data.Batch{Steps: 3, Rows: 1, Targets: []int32{0, 1, -1}}
	y := []float32{2, 1, 2, 1, 0, 0}
	for _, m := range metrics {
		if err := m.Add(y, b); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(metrics["accuracy"].Value(), metrics["of the matrix"].Value())
	// Output: 0.5 0.5
}

func ExampleAccuracy() {
	var m loss.Accuracy
	_ = m.Add([]float32{2, 1, 0, 3}, &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 0}})
	fmt.Println(m.Right, "of", m.Counted, m.Value())
	// Output: 1 of 2 0.5
}

func ExampleConfusion() {
	m, _ := loss.NewConfusion(3)
	y := []float32{ // the largest output: 0, 1, 1, 2
		9, 0, 0,
		0, 9, 0,
		0, 9, 0,
		0, 0, 9,
	}
	_ = m.Add(y, &data.Batch{Steps: 4, Rows: 1, Targets: []int32{0, 1, 2, 2}})
	fmt.Println("2 taken for 1:", m.Count(2, 1))
	s := m.Class(2)
	fmt.Println(s.Precision(), s.Recall(), m.Value())
	// Output:
	// 2 taken for 1: 1
	// 1 0.5 0.75
}

func ExampleScores() {
	s := loss.Scores{Labelled: 4, Found: 2, Right: 1}
	fmt.Printf("%.2f %.2f %.2f\n", s.Precision(), s.Recall(), s.F1())
	// Output: 0.50 0.25 0.33
}

// A name of two words is found by half: no span is right, however many tags are.
func ExampleSpans() {
	m, _ := loss.NewSpans([]string{"O", "B-person", "I-person"})
	const o, b, i = 0, 1, 2
	targets := []int32{o, b, i, o, b}
	y := make([]float32, 5*3)
	for t, found := range []int{o, b, o, o, b} {
		y[3*t+found] = 1
	}
	_ = m.Add(y, &data.Batch{Steps: 5, Rows: 1, Targets: targets})
	fmt.Printf("%+v F1 %v\n", m.Kind("person"), m.Value())
	// Output: {Labelled:2 Found:2 Right:1} F1 0.5
}

func ExampleEditDistance() {
	fmt.Println(loss.EditDistance([]rune("kitten"), []rune("sitting")))
	// Output: 3
}

func ExampleLabelErrors() {
	m := loss.LabelErrors{CTC: loss.CTC{Blank: 0}}
	y := []float32{0, 9, 0, 9, 0, 0, 0, 9, 0} // 1, blank, 1
	_ = m.Add(y, &data.Batch{Steps: 3, Rows: 1, Labels: [][]int32{{1, 2}}})
	fmt.Println(m.Edits, "of", m.Labels, m.Value())
	// Output: 1 of 2 0.5
}

// The loss of a batch of three steps, two of them at a time.
func ExampleBlocks() {
	b := &data.Batch{Steps: 3, Rows: 1, Targets: []int32{0, 1, 0}}
	y := []float32{2, 1, 0, 0, 1, 3}
	var k loss.Blocks
	var s loss.Scratch
	_, err := k.Begin(loss.CrossEntropy{}, b, 2, 0, &s)
	_ = k.Block(nil, y[4:], 2)
	_ = k.Block(nil, y[:4], 0)
	whole, _ := loss.CrossEntropy{}.Loss(nil, y, b, 0, &s)
	fmt.Println(err, k.End() == whole)
	// Output: <nil> true
}
