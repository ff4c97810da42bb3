package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

var tested = programtest.Program{Name: "adding", Run: run}

func command(args string) programtest.Result { return tested.Command(strings.Fields(args)...) }

// lines are those of stdout.
func lines(r programtest.Result) []string {
	return strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
}

const (
	lastLine = `^solved after \d+ updates: held-out error 0\.000\d\d, (99|100)\.\d % right to 0\.04, \d+\.\d s, (scalar|avx2|avx512|neon)$`
	hashLine = `^sha256 [0-9a-f]{64}$`
)

// TestSolved: sequences of 20 steps are solved by what solves those of 100.
func TestSolved(t *testing.T) {
	for _, cell := range []string{"lstm", "gru"} {
		t.Run(cell, func(t *testing.T) {
			r := command("-length 20 -hidden 16 -batch 25 -seed 2 -steps 3000 -cell " + cell)
			require.Zero(t, r.Code, r.Stderr)
			require.Len(t, lines(r), 2)
			require.Regexp(t, hashLine, lines(r)[0])
			require.Regexp(t, lastLine, lines(r)[1])
			require.Contains(t, r.Stderr, cell+" of 16 units", "progress goes to standard error")
			require.Contains(t, r.Stderr, "update   100  training error 0.")
			require.Contains(t, r.Stderr, "% right")
		})
	}
}

// TestSameEverywhere: one hash for each kind of cell, on every tier and with any
// number of workers. The hashes are those of every machine.
func TestSameEverywhere(t *testing.T) {
	defer kernels.Use(kernels.Current())
	for cell, want := range map[string]string{
		"lstm": "sha256 27893f3f79ccbfe2c696977bf37e064cba8ece5e55e9aebec0b7c45ee3f65c4e",
		"gru":  "sha256 2af564b2ef128bd5db6d35d67ccc637dee2fdffe6d22d05d43c1953e711a24f9",
		"rnn":  "sha256 795332934cb2a23a2895dd4499bd70b0b8dc6f904acaa066879d58fd8245d6c7",
	} {
		for _, isa := range kernels.Available() {
			require.NoError(t, kernels.Use(isa))
			for _, workers := range []string{"0", "1", "3"} {
				r := command("-length 11 -hidden 19 -batch 9 -steps 20 -quiet -cell " + cell + " -workers " + workers)
				require.Equal(t, 1, r.Code, "20 updates do not solve it")
				require.Equal(t, "adding: not solved; more -steps or another -seed may help\n", r.Stderr)
				require.Equal(t, want, lines(r)[0], "%s, %v, %s workers", cell, isa, workers)
				require.Regexp(t, `^not solved after 20 updates: .*`+isa.String()+"$", lines(r)[1])
			}
		}
		other := command("-length 11 -hidden 19 -batch 9 -steps 20 -quiet -seed 2 -cell " + cell)
		require.NotEqual(t, want, lines(other)[0])
	}
}

// TestMistakes: what is wrong and what to do, and status 2.
func TestMistakes(t *testing.T) {
	for args, texts := range map[string][]string{
		"-nonsense":                             {"-nonsense", "usage"},
		"-cell elman":                           {`-cell is "elman"`, "lstm, gru or rnn"},
		"-cell elman -rate 1":                   {`-cell is "elman"`},
		"-length 1":                             {"-length is 1", "2 to"},
		"-length 9000":                          {"-length is 9000"},
		"-hidden 0":                             {"-hidden is 0"},
		"-batch -3":                             {"-batch is -3"},
		"-batch 8192 -length 8192 -hidden 8192": {"GB", "smaller"},
		"-rate 0":                               {"-rate is 0"},
		"-rate nan":                             {"-rate is NaN"},
		"-rate 1e-320":                          {"-rate is 1e-320"},
		"-clip 0":                               {"-clip is 0"},
		"-clip inf":                             {"-clip is +Inf", "1e30"},
		"-clip nan":                             {"-clip is NaN"},
		"-steps 0":                              {"-steps is 0"},
		"-seed -1":                              {"-seed"},
		"-steps x":                              {"-steps"},
		"-workers -1":                           {"-workers is -1"},
		"-workers 100000000":                    {"-workers is 100000000", "1 to 256"},
		"gru":                                   {`"gru"`, "-cell"},
		"-rate 10 -clip 1e30 -cell rnn -length 50 -steps 300 -quiet": {"not finite", "smaller -rate"},
	} {
		r := command(args)
		require.Equal(t, 2, r.Code, args)
		require.Empty(t, r.Stdout, args)
		for _, text := range texts {
			require.Contains(t, r.Stderr, text, args)
		}
	}
	r := command("-help")
	require.Zero(t, r.Code)
	require.Contains(t, r.Stderr, "-cell")
	require.Contains(t, r.Stderr, "usage")
}

// TestInterruptBefore: who ends the program before the first update gets no result.
func TestInterruptBefore(t *testing.T) {
	r := tested.Stopped("", 0, strings.Fields("-length 11 -hidden 8 -quiet")...)
	require.Equal(t, programtest.Result{Stderr: "adding: interrupted\n", Code: 130}, r)
}

// TestInterrupt: the last lines come also where Ctrl-C ended the run.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update", 1, strings.Fields("-length 11 -hidden 8 -batch 4 -steps 1000000")...)
	require.Equal(t, 1, r.Code, r.Stderr)
	require.Len(t, lines(r), 2)
	require.Regexp(t, hashLine, lines(r)[0])
	require.Regexp(t, "^not solved after 100 updates: held-out error [0-9.]+, ", lines(r)[1])
}

// TestProblem: every sequence is one of the problem, and no two batches are alike.
func TestProblem(t *testing.T) {
	for _, length := range []int{2, 3, 20} {
		const rows, batches = 7, 200
		p := newProblem(length, rows, batches, 1, 2)
		var b data.Batch
		var first, last []float32
		seen := map[int]bool{}
		sum, squares := 0.0, 0.0
		for range batches {
			require.NoError(t, p.Next(&b))
			require.Equal(t, length, b.Steps)
			require.Equal(t, rows, b.Rows)
			for r := range rows {
				var marked []int
				var want float32
				for s := range length {
					pair := b.X[(s*rows+r)*2:][:2]
					require.True(t, pair[0] >= 0 && pair[0] < 1)
					require.True(t, pair[1] == 0 || pair[1] == 1)
					if pair[1] == 1 {
						marked = append(marked, s)
						want += pair[0]
						seen[s] = true
					}
					require.Equal(t, s < length-1, b.Targets[s*rows+r] < 0)
				}
				require.Len(t, marked, 2)
				require.Less(t, marked[0], length/2)
				require.GreaterOrEqual(t, marked[1], length/2)
				require.True(t, b.Reset[r])
				y := b.Y[(length-1)*rows+r]
				require.Equal(t, want, y)
				sum += float64(y)
				squares += float64((y - 1) * (y - 1))
			}
			require.NotEqual(t, last, b.X)
			last = slices.Clone(b.X)
			if first == nil {
				first = last
			}
		}
		require.Len(t, seen, length, "every step is marked at times")
		// The sum of two even draws has the mean 1 and the variance 1/6; its square
		// about 1 has the variance 7/180. Five deviations are never seen.
		n := float64(rows * batches)
		require.InDelta(t, 1, sum/n, 5*math.Sqrt(1/6.0/n))
		require.InDelta(t, 1/6.0, squares/n, 5*math.Sqrt(7/180.0/n))

		// An epoch of a held-out set is the one before.
		require.Equal(t, io.EOF, p.Next(&b))
		require.NoError(t, p.Next(&b))
		require.Equal(t, first, b.X)
		b.Want = 1
		require.ErrorContains(t, p.Next(&b), "whole")
	}
	a, b := newProblem(9, 2, 0, 1, 1), newProblem(9, 2, 0, 1, 2)
	var x, y data.Batch
	require.NoError(t, a.Next(&x))
	require.NoError(t, b.Next(&y))
	require.NotEqual(t, x.X, y.X, "training and held-out sequences differ")
}

// TestResume: a run in two parts ends in the same weights as a run in one.
func TestResume(t *testing.T) {
	start := func(steps int64, seed uint64) *job {
		o, err := parse([]string{"-length", "8", "-hidden", "9", "-batch", "5"}, io.Discard)
		require.NoError(t, err)
		o.steps, o.settings.Seed = steps, seed
		j, err := newJob(o, func(bptt.Progress) error { return nil })
		require.NoError(t, err)
		return j
	}
	whole := start(12, 1)
	_, err := whole.trainer.Run(context.Background())
	require.NoError(t, err)

	part := start(7, 1)
	_, err = part.trainer.Run(context.Background())
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, part.trainer.Save(&file))
	c, err := bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	rest := start(12, 2) // everything comes from the file
	require.NoError(t, rest.trainer.Resume(c))
	report, err := rest.trainer.Run(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 12, report.Step)
	require.Equal(t, nn.Fingerprint(whole.net), nn.Fingerprint(rest.net))
}

// TestTally counts what is within 0.04 of the sum, at the steps that are asked for.
func TestTally(t *testing.T) {
	nan := float32(math.NaN())
	b := &data.Batch{Steps: 2, Rows: 4, Y: []float32{0, 0, 0, 0, 1, 1, 1, 1}, Targets: []int32{-1, -1, -1, -1, 0, 0, 0, 0}}
	var c tally
	total, err := c.Loss(nil, []float32{0, 0, 0, 0, 1.03, 0.97, 1.05, 0.95}, b, 0, new(loss.Scratch))
	require.NoError(t, err)
	require.Equal(t, 4, total.Terms)
	require.Equal(t, 2, c.right)
	require.InDelta(t, 2*0.03*0.03+2*0.05*0.05, total.Sum, 1e-6)
	_, err = c.Loss(nil, []float32{0, 0, 0, 0, nan, nan, nan, nan}, b, 0, new(loss.Scratch))
	require.NoError(t, err)
	require.Equal(t, 2, c.right, "what is no number is not right")
}
