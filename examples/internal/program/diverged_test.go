package program

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/drawn"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// opened is a session with a folder of its own.
func opened(t *testing.T, stderr *bytes.Buffer, args ...string) *Session {
	t.Helper()
	f := NewFlags("try", "", stderr, Limits{Steps: 9})
	require.NoError(t, f.Parse(append([]string{"-out", t.TempDir()}, args...)))
	s, err := Open(f, interrupt.Under(context.Background()), stderr)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// TestDiverges: a training whose third update is not finite is an error, or what it was to show.
func TestDiverges(t *testing.T) {
	for _, shows := range []bool{false, true} {
		var stderr bytes.Buffer
		s := opened(t, &stderr)
		r := rand.New(rand.NewPCG(1, 1))
		units, err := rnn.New(rnn.Config{Input: 1, Hidden: 3}, r)
		require.NoError(t, err)
		out, err := nn.NewLinear(3, 1, r)
		require.NoError(t, err)
		net, err := nn.Chain(units.Unroll(2, 1), out)
		require.NoError(t, err)
		given := 0
		source := drawn.New(data.Batch{Steps: 2, Rows: 1, X: make([]float32, 2), Y: make([]float32, 2)}, 0, 1, 1, func(b *data.Batch, _ *rand.PCG) {
			if given++; given == 3 {
				b.Y[0] = float32(math.Inf(1))
			}
		})
		held := drawn.New(data.Batch{Steps: 2, Rows: 1, X: make([]float32, 2), Y: make([]float32, 2)}, 1, 1, 2, func(*data.Batch, *rand.PCG) {})
		result, err := s.Train(Run{
			Dir: "part", Net: net, Data: source, Title: "a training", Scale: Scale{Name: "error"}, Diverges: shows,
			Plan: bptt.Plan{Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1}, Validate: bptt.Validate{Data: held, EverySteps: 5}},
		})
		require.EqualValues(t, 2, result.Step, "%v", err)
		dir := s.flags.Path("part")
		norms, normsErr := Norms(dir)
		require.NoError(t, normsErr)
		require.Equal(t, []float64{1, 2}, norms.X)
		require.True(t, norms.Y[0] > norms.Y[1] && norms.Y[1] > 0, "%v", norms.Y)
		if !shows {
			require.ErrorContains(t, err, "start again with a smaller learning rate")
			require.ErrorAs(t, err, new(*bptt.NonFiniteError))
			require.Nil(t, result.Diverged)
			continue
		}
		require.NoError(t, err)
		require.EqualValues(t, 3, result.Diverged.Step)
		require.False(t, result.Interrupted)
		require.Contains(t, stderr.String(), "in "+dir+": metrics.jsonl, curve.png\n", "what is there")
		require.FileExists(t, filepath.Join(dir, curveFile))
	}
}

// TestMeans: a curve of many updates is drawn as means over stretches, the last one being short.
func TestMeans(t *testing.T) {
	name := filepath.Join(t.TempDir(), metricsFile)
	var b strings.Builder
	for step := range 2*curvePoints - 1 {
		b.WriteString(`{"event":"step","step":` + string(rune('0'+step%2)) + `,"loss":3,"norm":` + []string{"2", "4"}[step%2] + "}\n")
	}
	b.WriteString(`{"event":"validation","step":1,"loss":5,"norm":7}` + "\n")
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o666))
	norms, err := Norms(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, norms.Y, curvePoints)
	require.Equal(t, []float64{3, 2}, []float64{norms.Y[0], norms.Y[curvePoints-1]})
	losses, valid, err := Curves(filepath.Dir(name), Scale{Value: math.Sqrt}, Scale{Value: math.Exp2})
	require.NoError(t, err)
	require.Equal(t, math.Sqrt(3), losses.Y[0])
	require.Equal(t, []float64{32}, valid.Y)
}

// TestKeep: what a run keeps is written without a word, and moves away with it.
func TestKeep(t *testing.T) {
	var stderr bytes.Buffer
	s := opened(t, &stderr)
	require.NoError(t, s.Keep("kept", []byte("one")))
	require.Empty(t, stderr.String())
	require.Equal(t, "one", read(t, s.flags.Out, "kept"))
	s.Close()
	again := NewFlags("try", "", &stderr, Limits{Steps: 9})
	require.NoError(t, again.Parse([]string{"-out", s.flags.Out}))
	s, err := Open(again, interrupt.Under(context.Background()), &stderr)
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, "one", read(t, s.flags.Out, "previous", "kept"))
	require.NoFileExists(t, s.flags.Path("kept"))
}

// TestWork: a line where nobody looks, nothing with -quiet, and a bar that is at the end after
// the last part.
func TestWork(t *testing.T) {
	for args, want := range map[string]string{"-seed=1": "counting\n", "-quiet": ""} {
		var stderr bytes.Buffer
		done, end := opened(t, &stderr, args).Work("counting", 2)
		done()
		end()
		require.Equal(t, want, stderr.String())
	}
	var screen bytes.Buffer
	bar := newBar(&screen)
	done, end := count(bar, "counting", 4)
	for part := range int64(4) {
		require.Equal(t, part*(barScale-1)/4, bar.State().CurrentNum)
		done()
	}
	require.EqualValues(t, barScale-1, bar.State().CurrentNum)
	require.Contains(t, screen.String(), "counting")
	end()
	require.True(t, bar.IsFinished())
}
