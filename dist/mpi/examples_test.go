//go:build unix

package mpi_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist/mpi"
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
		begin := time.Now()
		all := append([]string{"-n", "1", example(t)}, args[0]...)
		all = append(append(all, ":", "-n", "1", example(t)), args[1]...)
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

// needPS skips a test of jobs/watched where the script is not for the system or reads a ps that is
// not there. A Linux that has MPI has to have ps too.
func needPS(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("ps")
	switch {
	case runtime.GOOS != "linux":
		t.Skip("NOT EXERCISED: jobs/watched, which is for Linux; this is " + runtime.GOOS)
	case err != nil && mpi.Built:
		t.Fatal("jobs/watched needs ps: apt-get install procps")
	case err != nil:
		t.Skip("NOT EXERCISED: jobs/watched needs ps: apt-get install procps")
	}
}

// TestWatched: mpirun that does not take in that its ranks have ended is killed; else the
// script is as if it was not there.
func TestWatched(t *testing.T) {
	needPS(t)
	run := func(script string, signal os.Signal) (code int, said string, took time.Duration) {
		c := exec.Command("sh", "jobs/watched", "sh", "-c", script)
		c.Env = append(os.Environ(), "WATCHED_SECONDS=1")
		out := &output{}
		c.Stdout, c.Stderr = out, out
		begin := time.Now()
		require.NoError(t, c.Start())
		kill := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
		defer kill.Stop()
		if signal != nil {
			require.Eventually(t, func() bool { return strings.Contains(out.String(), "ready") }, 10*time.Second, time.Millisecond)
			require.NoError(t, c.Process.Signal(signal))
		}
		_ = c.Wait()
		return c.ProcessState.ExitCode(), out.String(), time.Since(begin)
	}
	code, said, _ := run("exit 7", nil)
	require.Equal(t, 7, code, said)
	require.Empty(t, said)
	// A job whose only child has ended, and that does not ask for it: exec makes sleep of sh.
	code, said, took := run("sleep 0 & exec sleep 60", nil)
	require.Equal(t, 137, code, said)
	require.Contains(t, said, "it is killed")
	require.Less(t, took, 20*time.Second)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if testing.Short() {
		signals = signals[:1]
	}
	for _, s := range signals {
		code, said, took = run("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done", s)
		require.Equal(t, 9, code, said)
		require.Less(t, took, 20*time.Second)
	}
}

// TestKilledWhileStarting: SIGKILL of a rank in MPI_Init, where mpirun of Open MPI 4.1 may stay
// for ever: with jobs/watched the job ends.
func TestKilledWhileStarting(t *testing.T) {
	needMPI(t)
	needPS(t)
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	name := text(t)
	tries := 6
	if testing.Short() {
		tries = 2
	}
	killed := 0
	for i := range tries {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		j := newJob(ctx, append([]string{"jobs/watched", launcher(), "-n", "3", charlm(t)}, small(name, "-steps", "1000000")...)...)
		j.Path = sh
		j.Env = append(j.Env, "WATCHED_SECONDS=2")
		require.NoError(t, j.Start())
		var pids []int
		for len(pids) == 0 && ctx.Err() == nil {
			pids = children(j.Process.Pid, "charlm-mpi")
		}
		time.Sleep(time.Duration(i) * 10 * time.Millisecond)
		if len(pids) > 0 && syscall.Kill(pids[len(pids)-1], syscall.SIGKILL) == nil {
			killed++
		}
		err := j.Wait()
		require.Error(t, err)
		require.NoError(t, ctx.Err(), "the job had to end: %v", &j.out)
		cancel()
	}
	require.Positive(t, killed, "no rank was killed")
}
