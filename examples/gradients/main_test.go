package main

import (
	"context"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/rnn"
)

var tested = programtest.Program{Name: "gradients", Run: run}

func tiny(out string, args ...string) []string {
	return append([]string{"-out", out, "-length", "12", "-hidden", "9", "-batch", "3", "-steps", "150"}, args...)
}

var table = regexp.MustCompile(`^norm of the gradient by the state k steps earlier
k +0 +(?:3|25) +(?:6|50) +(?:12|100)
(?:(?:RNN|LSTM|GRU).* 1(?: +[0-9.e+-]+){3}
){6}
training +mean squared error
always saying 0 +1
not clipped +(?:[0-9.e+-]+|\+Inf) +after (\d+) updates(?:, and then bptt: .*)?
(?:clipped at 1 +([0-9.e+-]+) +after (\d+) updates
)?(?:scalar|avx2|avx512|neon), sha256 [0-9a-f]{64}
$`)

// TestProgram: the defaults draw two pictures and say that the run without a limit ended
// and the one with it learned, and a run that goes on says that again.
func TestProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	r := tested.Do(t, "-out", dir)
	require.Regexp(t, table, r.Stdout)
	reached := regexp.MustCompile(`not clipped +\S+ +after (\d+) updates, and then bptt: .*\nclipped at 1 +([0-9.]+) +after 600 updates\n`)
	m := programtest.Numbers(t, reached, r.Stdout)
	require.Less(t, m[0], 600.0, "without a limit the training ends early")
	require.Less(t, m[1], 0.4, "with it the error falls")
	require.Contains(t, r.Stderr, "measuring the gradients of 6 layers over 100 steps\n")
	require.Contains(t, r.Stderr, "update 100, ")
	programtest.Files(t, dir, "settings.json", flowFile, "not-clipped/metrics.jsonl", "not-clipped/curve.png", "clipped/"+bptt.LastFile, "clipped/curve.png")
	for _, name := range []string{"flow.png", "clipping.png"} {
		f, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = png.Decode(f)
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
	}
	again := tested.Do(t, "-out", dir, "-resume")
	require.Equal(t, r.Stdout, again.Stdout)
	require.NotContains(t, again.Stderr, "measuring the gradients")
}

// TestResume: a run that Ctrl-C ended while it measured, in either training and between them
// goes on to what a run in one comes to, on another tier and with other workers; and until
// then the table has what is known.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	whole := tested.Command(tiny(filepath.Join(dir, "whole"), "-quiet")...)
	require.Equal(t, 1, whole.Code, "150 updates are too few")
	require.Contains(t, whole.Stderr, "gradients: not solved: ")
	require.Regexp(t, table, whole.Stdout)
	isa := kernels.Current()
	defer kernels.Use(isa)
	for out, stop := range map[string]struct {
		begin string
		n     int
		code  int
		says  string
		rows  int
	}{
		"measuring": {"measuring", 1, 130, "stopped before RNN, tanh, W_hh 0.9 was measured; ", 0},
		"first":     {"update 100", 1, 1, "stopped after 100 updates", 1},
		"second":    {"update 100", 2, 1, "stopped after 100 updates", 2},
		"between":   {"clipped at 1: training", 1, 1, "stopped before the training with clipping; ", 1},
	} {
		t.Run(out, func(t *testing.T) {
			out := filepath.Join(dir, out)
			require.NoError(t, kernels.Use(kernels.Available()[0]))
			r := tested.Stopped(stop.begin, stop.n, tiny(out)...)
			require.NoError(t, kernels.Use(isa))
			require.Equal(t, stop.code, r.Code, r.Stderr)
			require.Contains(t, r.Stderr, stop.says)
			require.Equal(t, stop.rows == 1, strings.Contains(r.Stderr, "the training with clipping is missing"))
			require.Contains(t, r.Stderr, "-resume goes on")
			require.Equal(t, stop.rows, strings.Count(r.Stdout, " updates"), r.Stdout)
			rest := tested.Command("-resume", "-quiet", "-workers", "2", "-out", out)
			require.Equal(t, whole, rest)
			for _, name := range []string{"not-clipped", "clipped"} {
				programtest.Same(t, filepath.Join(dir, "whole", name), filepath.Join(out, name), bptt.LastFile)
			}
			programtest.Same(t, filepath.Join(dir, "whole"), out, flowFile)
		})
	}
	longer := tested.Command("-resume", "-quiet", "-steps", "160", "-out", filepath.Join(dir, "first"))
	require.Equal(t, 2, strings.Count(longer.Stdout, "after 160 updates"))
}

// TestKept: a run that goes on measures what is left, and takes the rest as it is: also what
// is infinite, as far back as that.
func TestKept(t *testing.T) {
	out := t.TempDir()
	args := []string{"-out", out, "-length", "260", "-hidden", "4", "-batch", "1", "-steps", "1", "-quiet"}
	r := tested.Command(args...)
	require.Equal(t, 1, r.Code, r.Stderr)
	norms, err := readFlows(filepath.Join(out, flowFile))
	require.NoError(t, err)
	require.Len(t, norms, len(cells))
	exploding := norms["RNN, ReLU, W_hh 1.5"]
	require.Len(t, exploding, 261)
	require.True(t, math.IsInf(exploding[260], 1) || exploding[260] == 0, "%v", exploding[260])
	kept, err := os.ReadFile(filepath.Join(out, flowFile))
	require.NoError(t, err)
	changed := regexp.MustCompile(`"GRU": "1 \S+`).ReplaceAll(kept, []byte(`"GRU": "1 Inf`))
	changed = regexp.MustCompile(`"LSTM": "1 `).ReplaceAll(changed, []byte(`"LSTM": "`))
	require.NotEqual(t, kept, changed)
	require.NoError(t, os.WriteFile(filepath.Join(out, flowFile), changed, 0o666))
	tested.Command("-resume", "-out", out, "-quiet")
	again, err := readFlows(filepath.Join(out, flowFile))
	require.NoError(t, err)
	require.Equal(t, norms["LSTM"], again["LSTM"], "what is too short is measured")
	require.True(t, math.IsInf(again["GRU"][1], 1), "what is there is kept")
	for _, damaged := range []string{"{", `{"GRU": "1 x"}`} {
		require.NoError(t, os.WriteFile(filepath.Join(out, flowFile), []byte(damaged), 0o666))
		r = tested.Command("-resume", "-out", out, "-quiet")
		require.Equal(t, 2, r.Code)
		require.Contains(t, r.Stderr, "flow.json cannot be used: ")
		require.Contains(t, r.Stderr, "start anew without -resume")
	}
}

func small(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parse(args, io.Discard)
	require.NoError(t, err)
	return o
}

// TestFlow: a step multiplies the gradient of plain units by at most the singular values of
// W_hh, and not by much less while tanh is not flat.
func TestFlow(t *testing.T) {
	o := small(t, "-hidden", "8", "-length", "12", "-batch", "2")
	parts := 0
	norms, err := flow(context.Background(), plain("", 0.9, rnn.Tanh), o, func() { parts++ })
	require.NoError(t, err)
	require.Len(t, norms, 13)
	require.Equal(t, 12, parts)
	require.Equal(t, 1.0, norms[0])
	for k, v := range norms {
		// The derivative of tanh is at most 1, and W_hh has singular values of 0.9.
		require.LessOrEqual(t, v, math.Pow(0.9, float64(k))*(1+1e-5))
		require.GreaterOrEqual(t, v, math.Pow(0.9*0.5, float64(k)))
	}
	for _, c := range cells {
		norms, err := flow(context.Background(), c, o, func() {})
		require.NoError(t, err)
		require.Len(t, norms, 13, c.name)
	}
}

// TestProblem: the number of the first step is what is asked for after the last one, and
// other steps have no number.
func TestProblem(t *testing.T) {
	const steps, rows = 5, 3
	var b data.Batch
	squares, n := 0.0, 0
	p := newProblem(steps, rows, 0, 1, 2)
	for range 1000 {
		require.NoError(t, p.Next(&b))
		for i, target := range b.Targets {
			require.Equal(t, i < (steps-1)*rows, target < 0)
			require.Equal(t, i >= rows, b.X[i*inputs] == 0)
			if target == 0 {
				require.Equal(t, b.X[i%rows*inputs], b.Y[i])
				squares, n = squares+float64(b.Y[i])*float64(b.Y[i]), n+1
			}
		}
	}
	// The square of a normal draw has the variance 2. Five deviations are never seen.
	require.InDelta(t, always0, squares/float64(n), 5*math.Sqrt(2/float64(n)))
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	tested.Refused(t, map[string]string{
		"-length 1":                             "-length is 1, want 2 to 2000",
		"-hidden 0":                             "-hidden is 0, want 1 to 1024",
		"-batch -1":                             "-batch is -1, want 1 to 1024",
		"-length 2000 -hidden 1024 -batch 1024": "GB of memory",
		"-steps 0":                              "which never ends",
		"-epochs 3":                             "-epochs is given",
		"-clip 0":                               "-clip is 0, want",
		"-clip nan":                             "-clip is NaN, want",
		"-resume":                               "there is no run",
		"further":                               `unexpected argument "further"`,
		"-further":                              "flag provided but not defined",
	})
	require.Contains(t, tested.Command("-out", "").Stderr, "-out is empty, want the name of a folder")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	r := tested.Command("-out", filepath.Join(file, "sub"))
	require.Equal(t, 2, r.Code)
	require.Contains(t, r.Stderr, "name a folder that can be written with -out")
	require.Equal(t, 130, tested.Stopped("", 0, "-out", t.TempDir()).Code)
}
