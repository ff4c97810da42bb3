package data_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
)

// From a text to what a language model is trained on.
func Example() {
	const text = "to be or not to be that is the question\n"
	v, _ := data.NewVocabulary(data.Words(text, "<eos>"), data.VocabularyConfig{Unknown: "<unk>", End: "<eos>", MinCount: 2})
	ids, _ := v.Encode(nil, data.Words(text, "<eos>"))
	source, _ := data.NewTokens(ids, 2)
	b := data.Batch{Want: 2}
	fmt.Println(source.Next(&b), v.Len(), b.IDs, b.Targets)
	// Output: <nil> 4 [3 2 2 0] [2 0 0 0]
}

func ExampleVocabulary() {
	v, _ := data.NewVocabulary(data.Runes("été"), data.VocabularyConfig{})
	ids, _ := v.Encode(nil, data.Runes("tété"))
	words, _ := v.Decode(nil, ids)
	fmt.Println(ids, words)

	n, _ := v.Grow(data.Runes("ça"), 0, 0)
	fmt.Println(n, v.Len())
	var file bytes.Buffer
	v.WriteTo(&file)
	fmt.Print(file.String())
	// Output:
	// [1 0 1 0] [t é t é]
	// 2 4
	// simdrnn vocabulary 1 4 -1 -1 -1 -1
	// 2 "\u00e9"
	// 1 "t"
	// 1 "a"
	// 1 "\u00e7"
}

func ExampleVocabularyConfig() {
	v, err := data.NewVocabulary(data.Words("a b a c a b", ""), data.VocabularyConfig{
		Padding: "<pad>", Unknown: "<unk>", MaxSize: 4,
	})
	for id := range int32(v.Len()) {
		fmt.Print(v.Word(id), " ", v.Count(id), "  ")
	}
	fmt.Println(err)
	// Output: <pad> 0  <unk> 1  a 3  b 2  <nil>
}

func ExampleWordError() {
	v, _ := data.NewVocabulary(data.Words("a b", ""), data.VocabularyConfig{})
	_, err := v.Encode(nil, data.Words("b c", ""))
	var e *data.WordError
	fmt.Println(errors.As(err, &e), err)
	// Output: true data: word 1 is "c", which is none of the 2 words of the vocabulary; make it with an Unknown symbol, or from a text that has the word
}

// Sequences of similar lengths stand in one batch.
func ExampleNewBuckets() {
	var seqs []data.Sequence
	for i := range 1000 {
		n := 1 + i*7919%100
		seqs = append(seqs, data.Sequence{IDs: make([]int32, n), Targets: make([]int32, n)})
	}
	plain, _ := data.NewSequences(seqs, 10, rand.NewPCG(1, 2))
	buckets, err := data.NewBuckets(seqs, 10, 25, rand.NewPCG(1, 2))
	fmt.Printf("%.0f %% padding, %.0f %%, %v\n", 100*plain.Padding(), 100*buckets.Padding(), err)
	// Output: 45 % padding, 3 %, <nil>
}

// The class of a sequence counts at its end.
func ExampleLabelled() {
	s, err := data.Labelled(data.Sequence{IDs: []int32{5, 6, 7}}, 1)
	fmt.Println(s.Targets, err)
	// Output: [-1 -1 1] <nil>
}

func ExampleSplit() {
	parts, err := data.Split([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, rand.NewPCG(1, 2), 8, 1, 1)
	fmt.Println(parts, err)
	// Output: [[2 4 3 9 0 1 8 6] [5] [7]] <nil>
}

// Two columns, of which the second is to be forecast two steps ahead.
func ExampleForecastConfig() {
	seqs, err := data.Forecasts([]float32{0, 10, 1, 11, 2, 12, 3, 13, 4, 14}, data.ForecastConfig{
		Width: 2, Steps: 3, Horizon: 2, Columns: []int{1},
	})
	fmt.Println(len(seqs), seqs[0].X, seqs[0].Y, err)
	// Output: 1 [0 10 1 11 2 12] [12 13 14] <nil>
}

// The scale is that of the training part; the test part goes through the same.
func ExampleScale() {
	series := []float32{1, 3, 1, 3, 5, 9}
	parts, _ := data.SplitSeries(series, 1, 2, 1)
	scale, _ := data.NewScale(parts[0], 1)
	for _, part := range parts {
		scale.Apply(part, part)
	}
	fmt.Println(series, scale.Mean, scale.Deviation)
	scale.Undo(parts[1], parts[1])
	fmt.Println(parts[1])
	// Output:
	// [-1 1 -1 1 3 7] [2] [1]
	// [5 9]
}
