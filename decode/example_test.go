package decode_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// small is a model of 5 symbols that nobody has trained.
func small(rows int) *nn.ModelPredictor {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(5, 8, r)
	rnn, _ := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	out, _ := nn.NewLinear(16, 5, r)
	net, _ := nn.Chain(emb, rnn.Unroll(1, 1), out)
	p, _ := net.Predictor(rows)
	return p
}

// From a predictor to a text.
func Example() {
	p := small(1)
	ids := make([]int32, 8)
	n, err := decode.Sample(p, ids, []int32{1, 2}, decode.Sampling{Temperature: 0.8, TopP: 0.95}, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(ids[:n], err)
	// Output: [3 2 3 3 1 0 2 2] <nil>
}

// Greedy: the most likely symbol at each step.
func ExampleSample() {
	ids := make([]int32, 8)
	n, err := decode.Sample(small(1), ids, []int32{1, 2}, decode.Sampling{}, nil)
	fmt.Println(ids[:n], err)
	// Output: [3 3 1 3 3 1 3 3] <nil>
}

// The zero value is greedy; settings may be combined.
func ExampleSampling() {
	for _, how := range []decode.Sampling{
		{},
		{Temperature: 1},
		{Temperature: 1, TopK: 2},
		{Temperature: 1, TopP: 0.5, Forbid: []int32{0}, Repetition: 1.2},
		{Temperature: 1, Stop: []int32{3}},
	} {
		ids := make([]int32, 8)
		n, err := decode.Sample(small(1), ids, []int32{1}, how, rand.New(rand.NewPCG(1, 2)))
		fmt.Println(ids[:n], err)
	}
	// Output:
	// [3 3 1 3 3 1 3 3] <nil>
	// [3 3 3 3 1 0 2 2] <nil>
	// [3 3 3 3 1 0 3 1] <nil>
	// [3 3 3 3 1 1 3 1] <nil>
	// [3] <nil>
}

// A text can be drawn in pieces, here until its stop symbol.
func ExampleSampler() {
	s, err := decode.NewSampler(small(1), decode.Sampling{Temperature: 1, Stop: []int32{0}}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	prompt := []int32{1}
	for {
		var ids [3]int32
		n, err := s.Sample(ids[:], prompt)
		fmt.Println(ids[:n], err)
		if n < len(ids) || ids[n-1] == 0 {
			return
		}
		prompt = nil // go on
	}
	// Output:
	// [3 3 3] <nil>
	// [3 1 0] <nil>
}

// Several texts at a time, each with its own source of random numbers.
func ExampleSampler_Generate() {
	s, err := decode.NewSampler(small(2), decode.Sampling{Temperature: 1, Stop: []int32{3}}, rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(3, 4)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var texts [2]strings.Builder
	err = s.Generate([][]int32{{1}, {2, 4}}, 10, func(row int, id int32) error {
		fmt.Fprint(&texts[row], id)
		return nil
	})
	fmt.Println(texts[0].String(), texts[1].String(), err)
	// Output: 3 442243 <nil>
}

// Rows that begin and end by themselves, as in a server.
func ExampleSampler_Step() {
	p := small(2)
	s, _ := decode.NewSampler(p, decode.Sampling{})
	_ = s.Start(0, []int32{1})
	ids := make([]int32, 2)
	for i := range 4 {
		if i == 2 { // another text, on the row that is free
			p.Reset(1)
			_ = s.Start(1, []int32{2})
		}
		_ = s.Step(ids)
		fmt.Println(ids) // -1 is None
	}
	// Output:
	// [-1 -1]
	// [3 -1]
	// [3 -1]
	// [1 3]
}

// counter is a Stepper: after each symbol the next one is likely.
type counter struct{ last []int32 }

func (c *counter) Dims() (batch, in, out int) { return len(c.last), 10, 10 }

func (c *counter) StepIDs(y []float32, ids []int32) error {
	clear(y)
	for row, id := range ids {
		y[row*10+int(id+1)%10] = 5
	}
	copy(c.last, ids)
	return nil
}

func (c *counter) Reorder(src []int) {
	old := append([]int32{}, c.last...)
	for row, from := range src {
		c.last[row] = old[from]
	}
}

func ExampleStepper() {
	ids := make([]int32, 5)
	_, err := decode.Sample(&counter{make([]int32, 1)}, ids, []int32{7}, decode.Sampling{}, nil)
	fmt.Println(ids, err)
	// Output: [8 9 0 1 2] <nil>
}

func ExampleReorderer() {
	found, err := decode.Search(&counter{make([]int32, 3)}, []int32{2}, decode.Beam{Width: 3, Most: 4})
	fmt.Println(found[0].IDs, err)
	// Output: [3 4 5 6] <nil>
}

// The two best texts of at most 6 symbols. A stop symbol is excluded where it would come
// too early.
func ExampleBeam() {
	found, err := decode.Search(small(4), []int32{1}, decode.Beam{
		Width: 4, Most: 6, Best: 2, Stop: []int32{3}, Penalty: decode.GNMT(0.6),
		Exclude: func(_ int, text []int32, excluded []bool) { excluded[3] = len(text) < 2 },
	})
	for _, h := range found {
		fmt.Printf("%v %.3f %.3f %v\n", h.IDs, h.LogProb, h.Score, h.Ended)
	}
	fmt.Println(err)
	// Output:
	// [1 0 3] -4.587 -3.860 true
	// [1 1 3] -4.608 -3.878 true
	// <nil>
}

// The best text that a beam of 4 finds.
func ExampleSearch() {
	found, err := decode.Search(small(4), []int32{1}, decode.Beam{Width: 4, Most: 6, Stop: []int32{3}})
	fmt.Println(found[0].IDs, found[0].Ended, err)
	// Output: [3] true <nil>
}

// Two prompts at a time, on 2*4 rows. A decoder of a sequence-to-sequence model gets the
// state of its encoder before each Search, in row 0 for the first prompt and in row 4 for
// the second.
func ExampleSearcher() {
	p := small(8)
	s, err := decode.NewSearcher(p, decode.Beam{Width: 4, Most: 6, Stop: []int32{3}, Penalty: decode.Mean})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Reset()
	found, err := s.Search([]int32{1}, []int32{2, 4})
	fmt.Println(found[0][0].IDs, found[1][0].IDs, err)
	// Output: [3] [1 3] <nil>
}

// LogProb is what Score says of the same symbols.
func ExampleHypothesis() {
	found, _ := decode.Search(small(3), []int32{1}, decode.Beam{Width: 3, Most: 4})
	score, _ := decode.Score(small(1), []int32{1}, found[0].IDs)
	fmt.Println(score == found[0].LogProb)
	// Output: true
}

func ExamplePenalty() {
	root := decode.Penalty(func(length int) float64 { return float64(2 + length) })
	fmt.Println(root(4), decode.Mean(4), decode.GNMT(1)(4))
	// Output: 6 4 1.5
}

func ExampleMean() {
	found, _ := decode.Search(small(3), []int32{1}, decode.Beam{Width: 3, Most: 4, Penalty: decode.Mean})
	fmt.Println(found[0].Score == found[0].LogProb/4)
	// Output: true
}

func ExampleGNMT() {
	for _, alpha := range []float64{0, 0.6, 1} {
		fmt.Printf("%.3f ", decode.GNMT(alpha)(10))
	}
	// Output: 1.000 1.733 2.500
}

// Each symbol adds its log-probability.
func ExampleScore() {
	for _, ids := range [][]int32{{}, {0}, {0, 3}} {
		score, err := decode.Score(small(1), []int32{1}, ids)
		fmt.Printf("%.3f %v\n", score, err)
	}
	// Output:
	// 0.000 <nil>
	// -1.607 <nil>
	// -3.036 <nil>
}

func ExampleScores() {
	scores, err := decode.Scores(small(2), [][]int32{{1}, {2, 4}}, [][]int32{{0, 3}, {3}})
	fmt.Printf("%.3f %v\n", scores, err)
	// Output: [-3.036 -1.542] <nil>
}
