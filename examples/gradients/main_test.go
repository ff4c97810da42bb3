package main

import (
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/rnn"
)

var tested = programtest.Program{Name: "gradients", Run: run}

// TestProgram: the defaults draw two pictures and say that the run without a limit ended
// and the one with it did not.
func TestProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	r := tested.Do(t, "-out", dir)
	require.Contains(t, r.Stdout, "drawn in "+filepath.Join(dir, "clipping.png"))
	require.Contains(t, r.Stdout, "not clipped: ended after")
	require.Contains(t, r.Stdout, "clipped at 1: 600 updates")
	for _, name := range []string{"flow.png", "clipping.png"} {
		f, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = png.Decode(f)
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
	}
}

// TestFlow: a step multiplies the gradient of plain units by at most the singular values of
// W_hh, and not by much less while tanh is not flat.
func TestFlow(t *testing.T) {
	s := settings{Hidden: 8, Length: 12, Batch: 2, Seed: 1}
	line, err := flow(plain("", 0.9, rnn.Tanh), s)
	require.NoError(t, err)
	require.Len(t, line.Y, 13)
	require.Equal(t, 1.0, line.Y[0])
	for k, v := range line.Y {
		// The derivative of tanh is at most 1, and W_hh has singular values of 0.9.
		require.LessOrEqual(t, v, math.Pow(0.9, float64(k))*(1+1e-5))
		require.GreaterOrEqual(t, v, math.Pow(0.9*0.5, float64(k)))
	}
	for _, c := range cells {
		line, err := flow(c, s)
		require.NoError(t, err)
		require.Len(t, line.Y, 13, c.name)
	}
}

// TestClippedLearns: without a limit the run ends early, with it the loss falls.
func TestClippedLearns(t *testing.T) {
	s := settings{Hidden: 64, Length: 40, Batch: 32, Seed: 1}
	without, err := train(context.Background(), s, 600, 0)
	require.NoError(t, err)
	require.NotEmpty(t, without.end)
	require.Less(t, len(without.losses.Y), 600)
	with, err := train(context.Background(), s, 600, 1)
	require.NoError(t, err)
	require.Empty(t, with.end)
	require.Less(t, mean(with.losses.Y[500:]), 0.4)
}

// TestMistakes: status 2 and what is wrong.
func TestMistakes(t *testing.T) {
	tested.Refused(t, map[string]string{
		"-length 1":  "-length is 1, want 2 to 2000",
		"-hidden 0":  "-hidden is 0, want 1 to 1024",
		"-batch -1":  "-batch is -1, want 1 to 1024",
		"-updates 0": "-updates is 0, want 1 to",
		"-clip 0":    "-clip is 0, want",
		"-clip nan":  "-clip is NaN, want",
		"further":    `unexpected argument "further"`,
		"-further":   "flag provided but not defined",
	})
	require.Contains(t, tested.Command("-out", "").Stderr, "-out is empty, want the name of a folder")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	r := tested.Command("-out", filepath.Join(file, "sub"))
	require.Equal(t, 2, r.Code)
	require.Contains(t, r.Stderr, "name a folder that can be written with -out")
	require.Equal(t, 130, tested.Stopped("", 0, "-out", t.TempDir()).Code)
}
