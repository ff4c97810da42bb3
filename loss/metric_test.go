package loss_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// oneHot is outputs whose largest element is at these classes; -1: all NaN.
func oneHot(width int, classes []int32) []float32 {
	y := make([]float32, len(classes)*width)
	for p, k := range classes {
		for i := range width {
			switch {
			case k < 0:
				y[p*width+i] = nan
			case i == int(k):
				y[p*width+i] = 3
			}
		}
	}
	return y
}

func TestAccuracyAndConfusion(t *testing.T) {
	b := &data.Batch{Steps: 4, Rows: 2, Lengths: []int{4, 2}, Context: 1, Targets: []int32{0, 0, 1, 2, 2, 9, -1, 9}}
	found := []int32{0, 0, 1, 1, -1, -1, 0, 0}
	y := oneHot(3, found)
	b.Lengths[1] = 2
	var a loss.Accuracy
	c, err := loss.NewConfusion(3)
	require.NoError(t, err)
	for _, m := range []loss.Metric{&a, c} {
		require.Zero(t, m.Value(), "of nothing")
		require.NoError(t, m.Add(y, b))
		require.NoError(t, m.Add(y, b))
		require.Equal(t, 1.0/3, m.Value(), "%T", m)
		bad := *b
		bad.Targets = []int32{0, 0, 0, 0, 3, 0, 0, 0}
		require.EqualError(t, m.Add(y, &bad), "data: target 3 at step 2, row 0, want 0 to 2")
		require.Error(t, m.Add(y[1:], b))
		bad.Targets = bad.Targets[:3]
		require.ErrorContains(t, m.Add(y, &bad), "3 targets, want 8")
		require.Equal(t, 1.0/3, m.Value(), "nothing is counted on an error")
	}
	require.Equal(t, loss.Accuracy{Right: 2, Counted: 6}, a)
	require.Equal(t, []int64{2, 2, 0, 0}, []int64{c.Count(1, 1), c.Count(2, 1), c.Count(2, 2), c.Count(0, 0)})
	require.Equal(t, loss.Scores{Labelled: 4}, c.Class(2), "NaN is found to be nothing")
	require.Equal(t, loss.Scores{Labelled: 2, Found: 4, Right: 2}, c.Class(1))
	for _, f := range []func(){func() { c.Count(3, 0) }, func() { c.Count(0, -1) }, func() { c.Class(3) }} {
		require.Panics(t, f)
	}
	require.ErrorContains(t, c.Add(oneHot(2, found), b), "16 outputs for 8 steps, want 3")
	for _, m := range []loss.Metric{&a, c} {
		m.Reset()
		require.Zero(t, m.Value())
	}
	require.Zero(t, c.Class(2).Labelled)
	for _, n := range []int{0, -1, 1<<15 + 1} {
		_, err := loss.NewConfusion(n)
		require.ErrorContains(t, err, fmt.Sprint(n))
	}
}

func TestScores(t *testing.T) {
	var s loss.Scores
	require.Zero(t, s.Precision()+s.Recall()+s.F1())
	s = loss.Scores{Labelled: 8, Found: 4, Right: 3}
	require.Equal(t, []float64{0.75, 0.375, 0.5}, []float64{s.Precision(), s.Recall(), s.F1()})
}

// spansOf is the spans of a sequence of tags as a set, found another way than step by
// step: for each place where one begins, by looking for its end.
func spansOf(tags []string) map[string]bool {
	spans := map[string]bool{}
	kind := func(i int) string { return tags[i][min(2, len(tags[i])):] }
	goesOn := func(i int) bool { // tag i continues the span of tag i-1
		return i > 0 && i < len(tags) && tags[i] != "O" && tags[i-1] != "O" && kind(i) == kind(i-1) &&
			tags[i][0] != 'B' && tags[i][0] != 'S' && tags[i-1][0] != 'E' && tags[i-1][0] != 'S'
	}
	for i := range tags {
		if tags[i] == "O" || goesOn(i) {
			continue
		}
		end := i + 1
		for goesOn(end) {
			end++
		}
		spans[fmt.Sprint(i, end, kind(i))] = true
	}
	return spans
}

// TestSpansAgainstSets: drawn tags in several schemes, sensible or not, in batches that
// cut the sequences, with steps that are not counted in between.
func TestSpansAgainstSets(t *testing.T) {
	for name, tags := range map[string][]string{
		"IO":    {"O", "I-a", "I-b"},
		"BIO":   {"I-a", "O", "B-a", "I-b", "B-b"},
		"BIOES": {"O", "B-a", "I-a", "E-a", "S-a", "B-b-c", "I-b-c", "E-b-c", "S-b-c"},
	} {
		r := rand.New(rand.NewPCG(9, 9))
		m, err := loss.NewSpans(tags)
		require.NoError(t, err)
		var want loss.Scores
		for range 60 {
			const rows = 3
			lengths := []int{int(r.Uint64() % 12), 11, int(r.Uint64() % 12)}
			truth, found := make([]int32, 12*rows), make([]int32, 12*rows)
			for row, n := range lengths {
				var a, b []string
				for step := range n {
					k := int32(r.Uint64() % uint64(len(tags)))
					truth[step*rows+row], found[step*rows+row] = k, k
					if r.Uint64()%4 == 0 {
						found[step*rows+row] = int32(r.Uint64() % uint64(len(tags)))
					}
					if r.Uint64()%8 == 0 {
						truth[step*rows+row] = -1
						continue
					}
					a, b = append(a, tags[k]), append(b, tags[found[step*rows+row]])
				}
				have := spansOf(b)
				want.Found += int64(len(have))
				for s := range spansOf(a) {
					want.Labelled++
					if have[s] {
						want.Right++
					}
				}
			}
			for begin := 0; begin < 12; {
				steps := min(1+int(r.Uint64()%5), 12-begin)
				b := &data.Batch{Steps: steps, Rows: rows, Targets: truth[begin*rows:][:steps*rows], Lengths: make([]int, rows)}
				if begin == 0 {
					b.Reset = []bool{true, true, true}
				}
				for row, n := range lengths {
					b.Lengths[row] = max(0, min(steps, n-begin))
				}
				require.NoError(t, m.Add(oneHot(len(tags), found[begin*rows:][:steps*rows]), b))
				begin += steps
			}
		}
		require.Positive(t, want.Right)
		require.Less(t, want.Right, want.Labelled)
		require.Equal(t, want, m.Scores(), name)
		require.Equal(t, want.F1(), m.Value())
		sum := int64(0)
		for _, kind := range m.Kinds() {
			sum += m.Kind(kind).Labelled
		}
		require.Equal(t, want.Labelled, sum)
		m.Reset()
		require.Equal(t, loss.Scores{}, m.Scores())
	}
}

func TestSpansEdges(t *testing.T) {
	for want, tags := range map[string][]string{"without tags": nil, `tag 1 is "X-a"`: {"O", "X-a"}, `tag 0 is "O-a"`: {"O-a"}, `tag 0 is ""`: {""}, `tag 0 is "BE-a"`: {"BE-a"}} {
		_, err := loss.NewSpans(tags)
		require.ErrorContains(t, err, want)
	}
	m, err := loss.NewSpans([]string{"O", "B", "I"})
	require.NoError(t, err)
	require.Equal(t, []string{""}, m.Kinds())
	b := &data.Batch{Steps: 2, Rows: 1, Targets: []int32{1, 2}}
	require.ErrorContains(t, m.Add(oneHot(2, b.Targets), b), "4 outputs for 2 steps, want one for each of 3 tags")
	bad := *b
	bad.Targets = []int32{1, 3}
	require.Error(t, m.Add(oneHot(3, b.Targets), &bad))
	two := &data.Batch{Steps: 1, Rows: 2, Targets: []int32{1, 2}}
	require.NoError(t, m.Add(oneHot(3, two.Targets), two), "an error before has not fixed the rows")
	require.ErrorContains(t, m.Add(oneHot(3, b.Targets), b), "1 rows after one of 2")
	two.Reset = []bool{true}
	require.ErrorContains(t, m.Add(oneHot(3, two.Targets), two), "1 reset flags")
	m.Reset()

	// What is open at the end counts, and goes on where the next batch does not begin
	// anew: one span of four steps. All outputs NaN is O.
	require.NoError(t, m.Add(oneHot(3, b.Targets), b))
	require.Equal(t, loss.Scores{Labelled: 1, Found: 1, Right: 1}, m.Scores())
	b.Targets = []int32{2, 2}
	require.NoError(t, m.Add(oneHot(3, []int32{2, -1}), b))
	require.Equal(t, loss.Scores{Labelled: 1, Found: 1}, m.Kind(""))
	require.Zero(t, m.Kind("else"))
}

// TestEditDistance against the definition by recursion.
func TestEditDistance(t *testing.T) {
	var slow func(a, b []int) int
	slow = func(a, b []int) int {
		if len(a) == 0 || len(b) == 0 {
			return len(a) + len(b)
		}
		change := 1
		if a[0] == b[0] {
			change = 0
		}
		return min(slow(a[1:], b[1:])+change, slow(a[1:], b)+1, slow(a, b[1:])+1)
	}
	r := rand.New(rand.NewPCG(1, 9))
	for range 200 {
		a, b := make([]int, r.Uint64()%6), make([]int, r.Uint64()%6)
		for i := range a {
			a[i] = int(r.Uint64() % 3)
		}
		for i := range b {
			b[i] = int(r.Uint64() % 3)
		}
		require.Equal(t, slow(a, b), loss.EditDistance(a, b), "%v %v", a, b)
	}
}

// TestMetricsLeaveOutWhatWeighsNothing: a step of weight 0 is none for a loss, nor for a
// metric, whatever its target is.
func TestMetricsLeaveOutWhatWeighsNothing(t *testing.T) {
	b := &data.Batch{Steps: 4, Rows: 1, Targets: []int32{0, 1, 7, 1}, Weights: []float32{1, 0, 0, 3}}
	y := oneHot(2, []int32{0, 0, 0, 0})
	var a loss.Accuracy
	require.NoError(t, a.Add(y, b))
	require.Equal(t, loss.Accuracy{Right: 1, Counted: 2}, a)
	var s loss.Scratch
	of, err := loss.CrossEntropy{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	require.EqualValues(t, of.Terms, a.Counted)
}
