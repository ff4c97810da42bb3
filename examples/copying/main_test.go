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

var tested = programtest.Program{Name: "copying", Run: run}

func tiny(dir string, args ...string) []string {
	return append([]string{"-out", dir, "-delay", "3", "-hidden", "9", "-batch", "4", "-look", "5", "-quiet"}, args...)
}

const table = `^delay 3 +symbols right     loss\nkeeping nothing +12\.5 % +0\.9041\n(LSTM|GRU|RNN) of 9 units +[0-9.]+ % +[0-9.]+ +after \d+ updates, (scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`

// TestCells: each kind of layer, the same on the plainest tier with any number of workers.
func TestCells(t *testing.T) {
	defer kernels.Use(kernels.Current())
	last := map[string]bool{}
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		r := tested.Command(tiny(t.TempDir(), "-steps", "6", "-cell", cell)...)
		require.Equal(t, 1, r.Code, r.Stderr)
		require.Regexp(t, table, r.Stdout)
		require.Contains(t, r.Stdout, strings.ToUpper(cell))
		require.Contains(t, r.Stderr, "copying: not solved: ")
		isa := kernels.Current()
		require.NoError(t, kernels.Use(kernels.Available()[0]))
		plain := tested.Command(tiny(t.TempDir(), "-steps", "6", "-cell", cell, "-workers", "2")...)
		require.NoError(t, kernels.Use(isa))
		require.Equal(t, r.Hash(), plain.Hash())
		last[r.Hash()] = true
	}
	require.Len(t, last, 3)
}

// TestSolved: what is right of the answers ends the run. The networks here are not asked to
// learn: one that answers all is made by hand.
func TestSolved(t *testing.T) {
	o, err := parse(tiny(t.TempDir()), io.Discard)
	require.NoError(t, err)
	m, err := o.newModel()
	require.NoError(t, err)
	training, err := o.training(m)
	require.NoError(t, err)
	validate := training.Plan.Validate
	b := &data.Batch{}
	require.NoError(t, m.held.Next(b))
	answer := func(wrong int) []float32 {
		y := make([]float32, len(b.Targets)*kinds)
		for i, target := range b.Targets {
			if len(b.Targets)-i <= wrong {
				target = (target + 1) % alphabet
			}
			y[i*kinds+int(target)] = 9
		}
		return y
	}
	for _, c := range []struct {
		wrong int
		err   error
	}{{0, bptt.ErrStop}, {25, bptt.ErrStop}, {26, nil}, {25, bptt.ErrStop}} {
		_, err := validate.Loss.Loss(nil, answer(c.wrong), b, 0, new(loss.Scratch))
		require.NoError(t, err)
		require.Equal(t, c.err, validate.OnValidate(bptt.Validation{}), "%d of 500 are wrong", c.wrong)
	}
}

// TestLearns: soon the network knows when to answer, and the loss is near the baseline, which
// for those who do not know when is above 1.
func TestLearns(t *testing.T) {
	dir := t.TempDir()
	r := tested.Command("-out", dir, "-delay", "2", "-hidden", "16", "-batch", "8", "-rate", "0.02", "-steps", "100")
	require.Contains(t, []int{0, 1}, r.Code, r.Stderr)
	require.Contains(t, r.Stderr, "steps/s")
	reached := programtest.Numbers(t, regexp.MustCompile(`units +[0-9.]+ % +([0-9.]+) `), r.Stdout)[0]
	require.Less(t, reached, 1.05*10*math.Log(8)/22, r.Stdout)
	programtest.Files(t, dir, bptt.LastFile, bptt.BestFile, "curve.png", "metrics.jsonl", "settings.json")
}

// TestResume: a run in parts ends as a run in one.
func TestResume(t *testing.T) {
	tested.InParts(t, "-steps 7", "-steps 12", tiny(""))
}

// TestProblem: every sequence is one of the problem, and no two batches are alike.
func TestProblem(t *testing.T) {
	const delay, rows, batches = 3, 5, 40
	p := newProblem(delay, rows, batches, 1, 2)
	var b data.Batch
	var first, last []float32
	var seen [alphabet]int
	for range batches {
		require.NoError(t, p.Next(&b))
		require.Equal(t, delay+20, b.Steps)
		for r := range rows {
			require.True(t, b.Reset[r])
			for step := range b.Steps {
				x := b.X[(step*rows+r)*kinds:][:kinds]
				kind := slices.Index(x, 1)
				require.NotContains(t, x[kind+1:], float32(1))
				target := b.Targets[step*rows+r]
				switch {
				case step < symbols:
					require.Less(t, kind, alphabet)
					require.EqualValues(t, kind, b.Targets[(step+delay+symbols)*rows+r], "the answer")
					seen[kind]++
				case step == delay+symbols-1:
					require.Equal(t, now, kind)
				default:
					require.Equal(t, blank, kind)
				}
				if step < delay+symbols {
					require.EqualValues(t, blank, target)
				}
			}
		}
		require.NotEqual(t, last, b.X)
		last = slices.Clone(b.X)
		if first == nil {
			first = last
		}
	}
	for kind, n := range seen { // 2000 draws: 250 and five deviations of 15
		require.InDelta(t, 250, n, 75, kind)
	}
	require.Equal(t, io.EOF, p.Next(&b))
	require.NoError(t, p.Next(&b))
	require.Equal(t, first, b.X, "an epoch of held-out sequences is the one before")
}

// TestChrono: memories last from 1 to delay+20 steps.
func TestChrono(t *testing.T) {
	o, err := parse([]string{"-delay", "80", "-hidden", "500", "-out", t.TempDir()}, io.Discard)
	require.NoError(t, err)
	m, err := o.newModel()
	require.NoError(t, err)
	checked := 0
	check := func(bias []float32) {
		least, most := slices.Min(bias), slices.Max(bias)
		require.InDelta(t, 0, least, 1)
		require.InDelta(t, math.Log(99), most, 0.05)
		checked++
	}
	m.net.EachParam(func(name string, w, _ []float32) {
		if strings.HasSuffix(name, "bias_ih_l0") {
			check(w[500:1000])
			for i := range 500 {
				require.Equal(t, -w[500+i], w[i], "the input gate is the other way round")
			}
		}
		if strings.HasSuffix(name, "bias_hh_l0") {
			require.Zero(t, slices.Max(w))
		}
	})
	o.cell = "gru"
	m, err = o.newModel()
	require.NoError(t, err)
	m.net.EachParam(func(name string, w, _ []float32) {
		if strings.HasSuffix(name, "bias_ih_l0") {
			check(w[500:1000])
		}
	})
	require.Equal(t, 2, checked)
}

// TestInterrupt: who ends the program before the first update gets no result.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("", 0, tiny(t.TempDir())...)
	require.Equal(t, 130, r.Code, r.Stderr)
	require.Empty(t, r.Stdout)
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	tested.Refused(t, map[string]string{
		"-cell elman":                          `-cell is "elman", want lstm, gru or rnn`,
		"-delay 0":                             "-delay is 0, want 1 to 8192",
		"-hidden 0":                            "-hidden is 0",
		"-batch -1":                            "-batch is -1",
		"-rate nan":                            "-rate is NaN",
		"-clip 0":                              "-clip is 0",
		"-look 0":                              "-look is 0",
		"-from -1":                             "-from is -1, want 1 to 20",
		"-from 21":                             "-from is 21, want 1 to 20",
		"-epochs 3":                            "-epochs is given",
		"-resume":                              "there is no run",
		"-delay 8192 -hidden 8192 -batch 8192": "GB of memory",
	})
}
