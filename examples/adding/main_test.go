package main

import (
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

var tested = programtest.Program{Name: "adding", Run: run}

func tiny(dir string, args ...string) []string {
	return append([]string{"-out", dir, "-length", "11", "-hidden", "19", "-batch", "9", "-quiet"}, args...)
}

const table = `^length (11|20) +mean squared error  right to 0\.04
always saying 1 +0\.16667 +7\.8 %
(LSTM|GRU|RNN) of \d+ units +[0-9.]+ +[0-9.]+ %  after \d+ updates, (scalar|avx2|avx512|neon)
sha256 [0-9a-f]{64}
$`

// TestSolved: sequences of 20 steps are solved by what solves those of 100, and the run ends
// where they are.
func TestSolved(t *testing.T) {
	for _, cell := range []string{"lstm", "gru"} {
		t.Run(cell, func(t *testing.T) {
			dir := t.TempDir()
			r := tested.Do(t, "-out", dir, "-length", "20", "-hidden", "16", "-batch", "25", "-seed", "2", "-steps", "3000", "-cell", cell)
			require.Regexp(t, table, r.Stdout)
			reached := programtest.Numbers(t, regexp.MustCompile(`16 units +([0-9.]+) +([0-9.]+) %  after (\d+) updates`), r.Stdout)
			require.Less(t, reached[0], solvedError)
			require.GreaterOrEqual(t, reached[1], 100*solvedShare)
			require.Less(t, reached[2], 3000.0)
			require.Contains(t, r.Stderr, "always saying 1 has the mean squared error 0.1667")
			require.Contains(t, r.Stderr, "update 100, ")
			require.Contains(t, r.Stderr, "sequences/s")
			programtest.Files(t, dir, bptt.LastFile, bptt.BestFile, "curve.png", "metrics.jsonl", "settings.json")
		})
	}
}

// TestSameEverywhere: one hash for each kind of cell, on every tier and with any
// number of workers. The hashes are those of every machine.
func TestSameEverywhere(t *testing.T) {
	defer kernels.Use(kernels.Current())
	for cell, want := range map[string]string{
		"lstm": "27893f3f79ccbfe2c696977bf37e064cba8ece5e55e9aebec0b7c45ee3f65c4e\n",
		"gru":  "2af564b2ef128bd5db6d35d67ccc637dee2fdffe6d22d05d43c1953e711a24f9\n",
		"rnn":  "795332934cb2a23a2895dd4499bd70b0b8dc6f904acaa066879d58fd8245d6c7\n",
	} {
		for _, isa := range kernels.Available() {
			require.NoError(t, kernels.Use(isa))
			for _, workers := range []string{"0", "1", "3"} {
				r := tested.Command(tiny(t.TempDir(), "-steps", "20", "-cell", cell, "-workers", workers)...)
				require.Equal(t, 1, r.Code, "20 updates do not solve it")
				require.Equal(t, "adding: not solved; go on with -resume and more -steps, or try another -seed\n", r.Stderr)
				require.Regexp(t, table, r.Stdout)
				require.Equal(t, want, r.Hash(), "%s, %v, %s workers", cell, isa, workers)
				require.Contains(t, r.Stdout, "after 20 updates, "+isa.String())
			}
		}
		other := tested.Command(tiny(t.TempDir(), "-steps", "20", "-seed", "2", "-cell", cell)...)
		require.NotEqual(t, want, other.Hash())
	}
}

// TestEnd: what is right of the answers, and their error, end the run.
func TestEnd(t *testing.T) {
	o, err := parse(tiny(t.TempDir()), io.Discard)
	require.NoError(t, err)
	m, err := o.newModel()
	require.NoError(t, err)
	validate := o.training(m).Plan.Validate
	b := &data.Batch{}
	require.NoError(t, m.held.Next(b))
	for _, c := range []struct {
		wrong int
		mean  float64
		err   error
	}{{0, 0.0009, bptt.ErrStop}, {1, 0.0009, bptt.ErrStop}, {2, 0.0009, nil}, {1, 0.0009, bptt.ErrStop}, {0, 0.001, nil}} {
		y := slices.Clone(b.Y)
		for i := range c.wrong {
			y[len(y)-1-i] += 0.05
		}
		total, err := validate.Loss.Loss(nil, y, b, 0, new(loss.Scratch))
		require.NoError(t, err)
		require.Equal(t, 100, total.Terms)
		require.Equal(t, c.err, validate.OnValidate(bptt.Validation{Loss: c.mean, Count: total.Terms}), "%d of 100 are wrong, error %v", c.wrong, c.mean)
	}
}

// TestRate: plain units have a rate of their own, unless one is given.
func TestRate(t *testing.T) {
	for args, want := range map[string]float64{"": 0.01, "-cell gru": 0.01, "-cell rnn": 0.001, "-cell rnn -rate 0.01": 0.01, "-rate 0.5": 0.5} {
		o, err := parse(strings.Fields(args), io.Discard)
		require.NoError(t, err)
		require.Equal(t, want, o.rate, args)
	}
}

// TestResume: a run in parts ends as a run in one, across a look at the held-out sequences and
// with the rate that the run began with.
func TestResume(t *testing.T) {
	args := []string{"-length", "8", "-hidden", "9", "-batch", "5", "-cell", "rnn"}
	_, dir := tested.InParts(t, "-steps 90", "-steps 130", args, bptt.BestFile)
	r := tested.Command("-out", dir, "-resume", "-steps", "130", "-rate", "0.01")
	require.Equal(t, 2, r.Code)
	require.Contains(t, r.Stderr, "-rate is 0.01, and the run in "+dir+" has 0.001")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	tested.Refused(t, map[string]string{
		"-nonsense":                             "usage: adding",
		"-cell elman":                           `-cell is "elman", want lstm, gru or rnn`,
		"-length 1":                             "-length is 1, want 2 to 8192",
		"-length 9000":                          "-length is 9000",
		"-hidden 0":                             "-hidden is 0",
		"-batch -3":                             "-batch is -3",
		"-batch 8192 -length 8192 -hidden 8192": "GB of memory",
		"-rate 0":                               "-rate is 0",
		"-rate nan":                             "-rate is NaN",
		"-rate 1e-320":                          "-rate is 1e-320",
		"-clip 0":                               "-clip is 0",
		"-clip inf":                             "-clip is +Inf, want 1e-12 to 1e+30",
		"-clip nan":                             "-clip is NaN",
		"-steps 0":                              "which never ends",
		"-epochs 3":                             "-epochs is given",
		"-seed -1":                              "-seed",
		"-workers -1":                           "-workers is -1",
		"-resume":                               "there is no run",
		"gru":                                   `"gru"`,
	})
}

// TestDiverged: a rate that is too large is told of as that.
func TestDiverged(t *testing.T) {
	r := tested.Command(tiny(t.TempDir(), strings.Fields("-rate 10 -clip 1e30 -cell rnn -length 50 -steps 300")...)...)
	require.Equal(t, 2, r.Code)
	require.Contains(t, r.Stderr, "not finite")
	require.Contains(t, r.Stderr, "smaller learning rate")
	require.Empty(t, r.Stdout)
}

// TestInterruptBefore: who ends the program before the first update gets no result.
func TestInterruptBefore(t *testing.T) {
	r := tested.Stopped("", 0, tiny(t.TempDir())...)
	require.Equal(t, programtest.Result{Stderr: "adding: interrupted\n", Code: 130}, r)
}

// TestInterrupt: what Ctrl-C has stopped is measured, and goes on.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	r := tested.Stopped("update", 1, "-out", dir, "-length", "11", "-hidden", "8", "-batch", "4", "-steps", "1000000")
	require.Equal(t, 1, r.Code, r.Stderr)
	require.Contains(t, r.Stderr, "stopped after 100 updates and saved; the same command with -resume goes on")
	require.Regexp(t, table, r.Stdout)
	require.Contains(t, r.Stdout, "after 100 updates")
	r = tested.Command("-out", dir, "-resume", "-steps", "101")
	require.Contains(t, r.Stderr, "going on at update 100")
	require.Contains(t, r.Stdout, "after 101 updates")
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
