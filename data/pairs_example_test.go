package data_test

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// Pairs feed a net with an encoder and a decoder: see package seq2seq.
func ExamplePairs() {
	pairs, _ := data.NewPairs([]data.Pair{
		{IDs: []int32{5, 6, 7}, Target: []int32{7, 6}},
		{IDs: []int32{5}, Target: []int32{5}},
	}, data.PairsConfig{Rows: 2, Begin: 0, End: 1})
	var b data.Batch
	fmt.Println(pairs.Next(&b), b.Steps, "steps")
	fmt.Println("sources ", b.Source.IDs, b.Source.Lengths)
	fmt.Println("it reads", b.IDs, b.Lengths)
	fmt.Println("to write", b.Targets)
	// Output:
	// <nil> 3 steps
	// sources  [5 5 6 0 7 0] [3 1]
	// it reads [0 0 7 5 6 0] [3 2]
	// to write [7 5 6 1 1 0]
}

// A Pair may have numbers as its source.
func ExamplePair() {
	p := data.Pair{X: []float32{0.1, 0.2, 0.3, 0.4}, Target: []int32{3}}
	pairs, _ := data.NewPairs([]data.Pair{p}, data.PairsConfig{Rows: 1, Width: 2, Begin: 0, End: 1})
	fmt.Println(pairs.Longest())
	// Output: 2 2
}

// The configuration says which symbols stand for the begin and the end of a target.
func ExamplePairsConfig() {
	_, err := data.NewPairs([]data.Pair{{}}, data.PairsConfig{Rows: 1, Begin: 0, End: -1})
	fmt.Println(err)
	// Output: data: the symbols Begin 0 and End -1 of pairs, want 0 or more
}

// An Input is what an encoder reads.
func ExampleInput() {
	b := data.Batch{Source: &data.Input{Steps: 2, IDs: []int32{5, 6, 7, 0}, Lengths: []int{2, 1}}}
	fmt.Println(b.Source.Lengths)
	// Output: [2 1]
}
