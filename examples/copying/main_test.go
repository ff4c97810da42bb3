package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// result is what a run left.
type result struct {
	stdout, stderr string
	code           int
}

func command(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := program.Status("copying", interrupt.Under(ctx), run, args, &stdout, &stderr)
	return result{stdout.String(), stderr.String(), code}
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-out", dir, "-delay", "3", "-hidden", "9", "-batch", "4", "-look", "5", "-quiet"}, args...)
}

const table = `^delay 3 +symbols right     loss\nkeeping nothing +12\.5 % +0\.9041\n(LSTM|GRU|RNN) of 9 units +[0-9.]+ % +[0-9.]+ +after \d+ updates, (scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`

// TestCells: each kind of layer, the same on the plainest tier with any number of workers.
func TestCells(t *testing.T) {
	defer kernels.Use(kernels.Current())
	last := map[string]bool{}
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		r := command(context.Background(), tiny(t.TempDir(), "-steps", "6", "-cell", cell)...)
		require.Equal(t, 1, r.code, r.stderr)
		require.Regexp(t, table, r.stdout)
		require.Contains(t, r.stdout, strings.ToUpper(cell))
		require.Contains(t, r.stderr, "copying: not solved: ")
		isa := kernels.Current()
		require.NoError(t, kernels.Use(kernels.Available()[0]))
		plain := command(context.Background(), tiny(t.TempDir(), "-steps", "6", "-cell", cell, "-workers", "2")...)
		require.NoError(t, kernels.Use(isa))
		_, hash, _ := strings.Cut(r.stdout, "sha256")
		require.Contains(t, plain.stdout, hash)
		last[hash] = true
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
	r := command(context.Background(), "-out", dir, "-delay", "2", "-hidden", "16", "-batch", "8", "-rate", "0.02", "-steps", "100")
	require.Contains(t, []int{0, 1}, r.code, r.stderr)
	require.Contains(t, r.stderr, "steps/s")
	line := strings.Split(r.stdout, "\n")[2]
	fields := strings.Fields(line)
	require.Less(t, number(t, fields[6]), 1.05*10*math.Log(8)/22, line)
	for _, name := range []string{bptt.LastFile, bptt.BestFile, "curve.png", "metrics.jsonl", "settings.json"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
}

func number(t *testing.T, s string) (v float64) {
	t.Helper()
	before, after, found := strings.Cut(s, ".")
	require.True(t, found, s)
	for _, c := range before + after {
		v = v*10 + float64(c-'0')
	}
	return v / math.Pow(10, float64(len(after)))
}

// TestResume: a run in parts ends as a run in one.
func TestResume(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	one := command(context.Background(), tiny(whole, "-steps", "12")...)
	require.Equal(t, 1, one.code, one.stderr)
	command(context.Background(), tiny(parts, "-steps", "7")...)
	two := command(context.Background(), "-out", parts, "-resume", "-steps", "12", "-quiet")
	require.Equal(t, one, two)
	a, err := os.ReadFile(filepath.Join(whole, bptt.LastFile))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(parts, bptt.LastFile))
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b))
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
	b.Want = 1
	require.ErrorContains(t, p.Next(&b), "whole")

	at, err := p.MarshalBinary()
	require.NoError(t, err)
	q := newProblem(delay, rows, batches, 9, 9)
	require.NoError(t, q.UnmarshalBinary(at))
	var c data.Batch
	b.Want = 0
	require.NoError(t, p.Next(&b))
	require.NoError(t, q.Next(&c))
	require.Equal(t, b.X, c.X)
	require.Error(t, q.UnmarshalBinary(at[:5]))
	require.Error(t, q.UnmarshalBinary(at[:len(at)-1]))
	at[0] = batches + 1
	require.ErrorContains(t, q.UnmarshalBinary(at), "batch 41")
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
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := command(ctx, tiny(t.TempDir())...)
	require.Equal(t, 130, r.code, r.stderr)
	require.Empty(t, r.stdout)
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	for args, text := range map[string]string{
		"-cell elman":                          `-cell is "elman", want lstm, gru or rnn`,
		"-delay 0":                             "-delay is 0, want 1 to 8192",
		"-hidden 0":                            "-hidden is 0",
		"-batch -1":                            "-batch is -1",
		"-rate nan":                            "-rate is NaN",
		"-clip 0":                              "-clip is 0",
		"-look 0":                              "-look is 0",
		"-epochs 3":                            "-epochs is given",
		"-resume":                              "there is no run",
		"-delay 8192 -hidden 8192 -batch 8192": "GB of memory",
	} {
		r := command(context.Background(), append(strings.Fields(args), "-out", dir)...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, text)
		require.Empty(t, r.stdout)
		require.NoDirExists(t, dir)
	}
	require.Zero(t, command(context.Background(), "-h").code)
}
