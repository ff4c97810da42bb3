//go:build unix

package mpi_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// example builds examples/charlm with MPI.
func example(t *testing.T) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "charlm-mpi")
		require.NoError(t, err)
		programs.dir = dir
	}
	name := filepath.Join(programs.dir, "charlm")
	if _, err := os.Stat(name); err == nil {
		return name
	}
	out, err := exec.Command("go", "-C", "../../examples", "build", "-tags", tags, "-o", name, "./charlm").CombinedOutput()
	require.NoError(t, err, string(out))
	return name
}

// of are the flags of a small run.
func of(text, dir string, more ...string) []string {
	return append([]string{"-text", text, "-out", dir, "-hidden", "13", "-embed", "7", "-batch", "6", "-shards", "4", "-window", "9", "-fingerprint"}, more...)
}

var sha = regexp.MustCompile(`sha256 ([0-9a-f]{64})\n`)

// TestExample: examples/charlm under mpirun leaves the files of goroutines, and one rank alone
// prints.
func TestExample(t *testing.T) {
	needMPI(t)
	text, dir := text(t), t.TempDir()
	model := func(out string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, out, "model.ckpt"))
		require.NoError(t, err)
		return b
	}
	alone := exec.Command(example(t), of(text, filepath.Join(dir, "alone"), "-steps", "12", "-ranks", "4")...)
	alone.Env = append(os.Environ(), environment...)
	b, err := alone.CombinedOutput()
	require.NoError(t, err, string(b))
	require.Contains(t, string(b), "4 shards on 4 ranks")
	want := sha.FindStringSubmatch(string(b))
	require.NotNil(t, want, string(b))
	for _, n := range []string{"1", "3"} {
		out, err := start(t, append([]string{"-n", n, example(t)}, of(text, filepath.Join(dir, n), "-steps", "12")...)...)
		require.NoError(t, err, out)
		require.Contains(t, out, "4 shards on "+n+" ranks")
		require.Equal(t, [][]string{want}, sha.FindAllStringSubmatch(out, -1), "%s ranks, one of which prints: %s", n, out)
		require.Equal(t, model("alone"), model(n), "%s ranks", n)
	}

	// In parts, and the first is ended by a signal to one rank, which tells the others.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	j := newJob(ctx, append([]string{"-n", "2", example(t)}, of(text, filepath.Join(dir, "parts"), "-for", "10m")...)...)
	require.NoError(t, j.Start())
	finished := make(chan error, 1)
	go func() { finished <- j.Wait() }()
	defer func() { _ = j.Process.Signal(os.Interrupt) }()
	require.Eventually(t, func() bool { return strings.Contains(j.out.String(), "4 shards on 2 ranks") }, 30*time.Second, time.Millisecond, "%v", &j.out)
	pids := children(j.Process.Pid, "charlm")
	require.Len(t, pids, 2)
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, syscall.Kill(slices.Max(pids), syscall.SIGTERM))
	require.NoError(t, <-finished, "all end in order: %v", &j.out)
	found := regexp.MustCompile(`after (\d+) steps`).FindStringSubmatch(j.out.String())
	require.NotNil(t, found, "the last line of a run that ended in order: %s", j.out.String())
	steps, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	last := strconv.Itoa(steps + 2)
	out, err := start(t, "-n", "3", example(t), "-resume", "-out", filepath.Join(dir, "parts"), "-steps", last)
	require.NoError(t, err, out)
	out, err = start(t, append([]string{"-n", "1", example(t)}, of(text, filepath.Join(dir, "whole"), "-steps", last)...)...)
	require.NoError(t, err, out)
	require.Equal(t, model("whole"), model("parts"))
}

// TestOneRankFailsBeforeTheStart: a text that one rank does not have, flags that it does not
// take, another model, a checkpoint that cannot be read: the job ends at once, with one
// message that names the rank, and nothing is written.
func TestOneRankFailsBeforeTheStart(t *testing.T) {
	needMPI(t)
	name, dir := text(t), t.TempDir()
	good := of(name, filepath.Join(dir, "run"), "-steps", "5")
	damaged := filepath.Join(dir, "damaged")
	require.NoError(t, os.Mkdir(damaged, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(damaged, "model.ckpt"), []byte("no model"), 0o666))
	for want, args := range map[string][2][]string{
		"charlm: rank 1: open /nowhere: no such file": {good, of("/nowhere", filepath.Join(dir, "run"), "-steps", "5")},
		"charlm: rank 1: -window is 0":                {good, append(append([]string{}, good...), "-window", "0")},
		"charlm: rank 1: bptt: it has a parameter":    {good, append(append([]string{}, good...), "-embed", "9")},
		"charlm: rank 1: bptt: it has Plan.ClipNorm":  {good, append(append([]string{}, good...), "-clip", "7")},
		"model.ckpt cannot be used":                   {{"-resume", "-out", damaged}, {"-resume", "-out", damaged}},
	} {
		if testing.Short() && strings.Contains(want, "Plan.ClipNorm") {
			continue // as another model
		}
		all := append([]string{"-n", "1", example(t)}, args[0]...)
		all = append(append(all, ":", "-n", "1", example(t)), args[1]...)
		begin := time.Now() // the program is built
		out, err := start(t, all...)
		require.Error(t, err, want)
		require.NotContains(t, err.Error(), "has not ended")
		require.Contains(t, strings.ReplaceAll(out, "stat /", "open /"), want)
		require.Equal(t, 1, strings.Count(out, "charlm: "), "one message: %s", out)
		require.NotContains(t, out, "ends without the others")
		require.Less(t, time.Since(begin), 20*time.Second)
	}
	require.NoDirExists(t, filepath.Join(dir, "run"))
}
