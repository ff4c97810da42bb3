package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
)

func TestFlags(t *testing.T) {
	o, err := flags([]string{"-text", "a", "-shards", "4", "-rows", "9"})
	require.NoError(t, err)
	require.Equal(t, 3, rowsOfShard(o))
	for want, args := range map[string][]string{
		"no text; give a file with -text": {},
		`"x" is no flag`:                  {"-text", "a", "x"},
		"-resume without -dir":            {"-text", "a", "-resume"},
		"-steps is -1, want 1 or more":    {"-text", "a", "-steps", "-1"},
		"-hidden is 0, want 1 or more":    {"-text", "a", "-hidden", "0"},
		"-every is -1":                    {"-text", "a", "-every", "-1"},
		"9 shards of 8 rows":              {"-text", "a", "-shards", "9", "-rows", "8"},
	} {
		_, err := flags(args)
		require.ErrorContains(t, err, want)
	}
}

// TestTrain without MPI: ranks that are goroutines leave the files of one process.
func TestTrain(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("a text of some words. "), 40), 0o666))
	var files [2][]byte
	for i, n := range []int{1, 3} {
		dir := t.TempDir()
		o := options{text: text, dir: dir, hidden: 8, layers: 1, window: 8, rows: 5, shards: 3, steps: 4, every: 2, workers: 1, rate: 0.01, dropout: 0.1}
		require.NoError(t, dist.Run(context.Background(), n, func(g dist.Group) error { return train(context.Background(), g, o) }))
		var err error
		files[i], err = os.ReadFile(filepath.Join(dir, bptt.LastFile))
		require.NoError(t, err)
		o.steps, o.resume = 6, true
		require.NoError(t, train(context.Background(), dist.Alone(), o))
	}
	require.Equal(t, files[0], files[1])
	o := options{text: text, dir: t.TempDir(), hidden: 8, layers: 1, window: 8, rows: 5, shards: 3, steps: 4, every: 2, rate: 0.01, resume: true}
	require.ErrorContains(t, train(context.Background(), dist.Alone(), o), "no last.ckpt in")
	o.text = "missing"
	require.ErrorContains(t, train(context.Background(), dist.Alone(), o), "name a file with -text")
}

// TestRun without MPI says what is missing.
func TestRun(t *testing.T) {
	if mpi.Built {
		t.Skip("NOT EXERCISED: what is said without MPI; this test binary was built with it")
	}
	require.ErrorContains(t, run([]string{"-text", "none"}), "built without MPI")
}

// TestInterrupted: a run that a signal has ended is in order on all ranks, and not one whose
// last checkpoint could not be written.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("a text of some words. "), 40), 0o666))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, files := range []bool{true, false} {
		o := options{text: text, dir: filepath.Join(dir, "run"), hidden: 8, layers: 1, window: 8, rows: 5, shards: 3, steps: 4, workers: 1, rate: 0.01}
		if !files {
			o.every = 1
			require.NoError(t, os.RemoveAll(o.dir))
		}
		var errs [2]error
		require.NoError(t, dist.Run(context.Background(), 2, func(g dist.Group) error {
			ctx := ctx
			if g.Rank() == 0 {
				ctx = context.Background() // the signal comes to the other one
			}
			errs[g.Rank()] = train(ctx, g, o)
			return nil
		}))
		for rank, err := range errs {
			require.True(t, interrupted(err), "rank %d: %v", rank, err)
		}
	}
	full := errors.New("no space left on device")
	for _, err := range []error{nil, full, &dist.RankError{Err: full}, errors.Join(context.Canceled, full), errors.Join(&dist.RankError{Err: context.Canceled}, full)} {
		require.False(t, interrupted(err), "%v", err)
	}
}
