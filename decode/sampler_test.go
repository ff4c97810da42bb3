package decode_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

// TestRowsAreIndependent: with sources of their own rows write what each would write by
// itself, whatever their prompts are long.
func TestRowsAreIndependent(t *testing.T) {
	prompts := [][]int32{{1, 2}, {5}, {7, 8, 9, 10, 11, 12}, {3, 3, 3}}
	how := decode.Sampling{Temperature: 1, TopP: 0.9, Repetition: 1.1, Stop: []int32{6}}
	var sources []*rand.Rand
	for i := range prompts {
		sources = append(sources, traintest.Rng(uint64(20+i)))
	}
	s := traintest.Must(decode.NewSampler(predictor(t, 4), how, sources...))
	texts := make([][]int32, 4)
	require.NoError(t, s.Generate(prompts, 15, func(row int, id int32) error {
		texts[row] = append(texts[row], id)
		return nil
	}))
	stopped := 0
	for i, prompt := range prompts {
		require.False(t, s.Live(i))
		dst := make([]int32, 15)
		n, err := decode.Sample(predictor(t, 1), dst, prompt, how, traintest.Rng(uint64(20+i)))
		require.NoError(t, err)
		require.Equal(t, dst[:n], texts[i], "row %d", i)
		if n < 15 {
			stopped++
			require.Equal(t, int32(6), dst[n-1])
		}
	}
	require.Positive(t, stopped)
	require.Less(t, stopped, 4)
}

// TestOneSourceForAll: by rows ascending in each step, and rows that read or have ended
// take nothing.
func TestOneSourceForAll(t *testing.T) {
	x := []float32{0, 0.5, 1, 0.2}
	how := decode.Sampling{Temperature: 1, Stop: []int32{3}}
	s := traintest.Must(decode.NewSampler(newFake(3, 4, always(x...)), how, traintest.Rng(3)))
	var got, want []string
	require.NoError(t, s.Generate([][]int32{{1}, {1, 1, 1}, {1}}, 6, func(row int, id int32) error {
		got = append(got, fmt.Sprint(row, id))
		return nil
	}))
	r, drawn, ended := traintest.Rng(3), [3]int{}, [3]bool{}
	for t0 := 0; t0 < 20; t0++ {
		for row, from := range []int{1, 3, 1} {
			if t0 < from || ended[row] {
				continue
			}
			_, id, err := decode.Distribution(how, x, r)
			require.NoError(t, err)
			want = append(want, fmt.Sprint(row, id))
			drawn[row]++
			ended[row] = id == 3 || drawn[row] == 6
		}
	}
	require.Equal(t, want, got)
}

// TestSteps: rows that begin and end one by one, as in a server.
func TestSteps(t *testing.T) {
	// The most likely symbol is the number of symbols read, up to 4.
	f := newFake(2, 5, func(history []int32) []float32 {
		x := make([]float32, 5)
		x[min(4, len(history))] = 1
		return x
	})
	s := traintest.Must(decode.NewSampler(f, decode.Sampling{Stop: []int32{4}}))
	ids := make([]int32, 2)
	step := func(a, b int32) {
		t.Helper()
		require.NoError(t, s.Step(ids))
		require.Equal(t, []int32{a, b}, ids)
	}
	none := decode.None
	step(none, none)
	require.Zero(t, f.steps, "nothing to do")
	require.False(t, s.Live(0))
	require.Error(t, s.Start(0, nil))
	prompt := []int32{3, 3}
	require.NoError(t, s.Start(0, prompt))
	prompt[1] = 0
	step(none, none)
	require.NoError(t, s.Start(1, []int32{2}))
	f.history[1] = nil // as Reset of the row does
	step(none, none)
	step(2, 1)
	require.Equal(t, [][]int32{{3, 3, 2}, {2, 1}}, f.history, "the prompt was copied")
	step(3, 2)
	step(4, 3)
	require.False(t, s.Live(0))
	require.NoError(t, s.Start(0, nil), "it goes on after a stop symbol")
	step(4, 4)
	require.False(t, s.Live(0) || s.Live(1))
	require.NoError(t, s.Start(1, nil))
	step(none, 4)
	require.ErrorContains(t, s.Start(0, nil), "row 0 needs a prompt", "it was moved with the other row")
	f.history[0] = nil
	require.NoError(t, s.Start(0, []int32{1}))
	step(none, none)
	s.Halt(0)
	steps := f.steps
	step(none, none)
	require.Equal(t, steps, f.steps)
	require.NoError(t, s.Start(0, nil), "nothing has moved since Halt")
	step(1, none)

	for _, bad := range []func(){
		func() { s.Halt(2) }, func() { s.Live(-1) }, func() { _ = s.Start(2, nil) }, func() { _ = s.Step(ids[:1]) },
	} {
		require.Panics(t, bad)
	}
	require.PanicsWithValue(t, "decode: Step: ids has 1 elements, want 2", func() { _ = s.Step(ids[:1]) })
	require.PanicsWithValue(t, "decode: Halt of row 2, want 0 to 1", func() { s.Halt(2) })
}

// TestStepOfBadLogits: nothing is drawn on any row, and the others go on without it.
func TestStepOfBadLogits(t *testing.T) {
	f := newFake(2, 2, func(history []int32) []float32 {
		if history[0] == 1 && len(history) == 2 {
			return []float32{0, float32(math.NaN())}
		}
		return []float32{1, 0}
	})
	pcg := rand.NewPCG(1, 0)
	s := traintest.Must(decode.NewSampler(f, decode.Sampling{Temperature: 1}, rand.New(pcg)))
	require.NoError(t, s.Start(0, []int32{0}))
	require.NoError(t, s.Start(1, []int32{1, 0}))
	ids := make([]int32, 2)
	require.NoError(t, s.Step(ids))
	require.NoError(t, s.Step(ids))
	before := traintest.Must(pcg.MarshalBinary())
	ids[0], ids[1] = 7, 7
	for range 2 {
		require.ErrorContains(t, s.Step(ids), "decode: row 1 before symbol 0: the logit of class 1 is NaN")
		require.Equal(t, []int32{7, 7}, ids)
		require.Equal(t, 2, f.steps)
	}
	require.Equal(t, before, traintest.Must(pcg.MarshalBinary()))
	s.Halt(1)
	require.NoError(t, s.Step(ids))
	require.Equal(t, decode.None, ids[1])

	// An error of the model: the rows are as before.
	f.fails = errors.New("broken")
	history := len(f.history[0])
	require.ErrorIs(t, s.Step(ids), f.fails)
	require.Len(t, f.history[0], history)
	f.fails = nil
	require.NoError(t, s.Step(ids))
	require.NotEqual(t, decode.None, ids[0])
}

func TestGenerate(t *testing.T) {
	f := newFake(2, 3, always(0, 1, 0))
	s := traintest.Must(decode.NewSampler(f, decode.Sampling{}))
	nothing := func(int, int32) error { return nil }
	require.ErrorContains(t, s.Generate([][]int32{{1}}, 3, nothing), "1 prompts for 2 rows")
	require.ErrorContains(t, s.Generate([][]int32{{1}, {1}}, -1, nothing), "at most -1 symbols")
	require.ErrorContains(t, s.Generate([][]int32{{1}, {1}}, 3, nil), "emit is nil")
	require.ErrorContains(t, s.Generate([][]int32{{1}, nil}, 3, nothing), "row 1 needs a prompt")
	var id *data.IDError
	require.ErrorAs(t, s.Generate([][]int32{{1}, {1, 3}}, 3, nothing), &id)
	require.Equal(t, data.IDError{What: "id", ID: 3, Step: 1, Row: 1, Limit: 3}, *id)
	require.False(t, s.Live(0), "prompts are checked first")
	require.Zero(t, f.steps)

	// No symbols: the prompts are read.
	require.NoError(t, s.Generate([][]int32{{1, 2}, {2, 1}}, 0, nothing))
	require.Equal(t, [][]int32{{1, 2}, {2, 1}}, f.history)
	// Without prompts it goes on.
	require.NoError(t, s.Generate(make([][]int32, 2), 1, nothing))
	require.Equal(t, [][]int32{{1, 2, 1}, {2, 1, 1}}, f.history)
	// The error of emit ends it.
	enough := errors.New("enough")
	calls := 0
	require.Equal(t, enough, s.Generate(make([][]int32, 2), 100, func(row int, id int32) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	}))
	require.Equal(t, 3, calls)
	require.Len(t, f.history[0], 5)
	_, err := s.Sample(make([]int32, 1), []int32{1})
	require.ErrorContains(t, err, "Sample on 2 rows")

	// No rows.
	none := traintest.Must(decode.NewSampler(newFake(0, 3, nil), decode.Sampling{Temperature: 1}))
	require.NoError(t, none.Generate(nil, 5, nothing))
	require.NoError(t, none.Step(nil))
}

// TestSamplerAllocatesNothing once it is made and has seen a prompt as long.
func TestSamplerAllocatesNothing(t *testing.T) {
	for _, how := range []decode.Sampling{{}, {Temperature: 1}, {Temperature: 1, TopK: 5, TopP: 0.9, Repetition: 1.2, Forbid: []int32{3}, Stop: []int32{7}}} {
		one := traintest.Must(decode.NewSampler(predictor(t, 1), how, traintest.Rng(1)))
		dst, prompt := make([]int32, 10), []int32{1, 2, 3}
		sample := func() {
			if _, err := one.Sample(dst, prompt); err != nil {
				t.Fatal(err)
			}
		}
		sample()
		require.Zero(t, testing.AllocsPerRun(3, sample), "%+v", how)
		two := traintest.Must(decode.NewSampler(predictor(t, 2), how, traintest.Rng(1)))
		prompts := [][]int32{{1, 2}, {3}}
		generate := func() {
			if err := two.Generate(prompts, 10, func(int, int32) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		generate()
		require.Zero(t, testing.AllocsPerRun(3, generate), "%+v", how)
	}
}
