//go:build unix

package mpi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/kernels"
)

// text writes the text that the runs learn.
func text(t *testing.T) string {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 20000)
	for i := range b {
		b[i] = "the quick brown fox. "[(i+int(r.Uint64()%2))%21]
	}
	name := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(name, b, 0o666))
	return name
}

var fingerprint = regexp.MustCompile(`fingerprint ([0-9a-f]{64})`)

// run returns the fingerprint that so many ranks end with.
func run(t *testing.T, n int, args ...string) string {
	t.Helper()
	out, err := start(t, append([]string{"-n", strconv.Itoa(n), charlm(t)}, args...)...)
	require.NoError(t, err, "%d ranks: %s", n, out)
	require.Contains(t, out, strconv.Itoa(n)+" ranks, ")
	m := fingerprint.FindStringSubmatch(out)
	require.NotNil(t, m, out)
	return m[1]
}

func small(text string, more ...string) []string {
	return append([]string{"-text", text, "-hidden", "24", "-rows", "11", "-shards", "5", "-window", "16", "-dropout", "0.2", "-report", "0", "-workers", "1"}, more...)
}

// TestFingerprints: 1 to 8 ranks, more than this machine may have processors, end with the
// same weights as a process that mpirun has not started; also where gradients of layers are more
// than a bucket, so that MPI sends them while the way back goes on.
func TestFingerprints(t *testing.T) {
	needMPI(t)
	name := text(t)
	few, all := []int{1, 2, 3, 4}, []int{1, 2, 3, 4, 8}
	if testing.Short() {
		all = []int{3, 8}
	}
	same(t, few, small(name, "-steps", "12"))
	same(t, all, small(name, "-steps", "2", "-layers", "3", "-hidden", "400", "-window", "4", "-rows", "8", "-shards", "8"))
}

// same holds so many ranks each against a process alone.
func same(t *testing.T, ranks []int, args []string) {
	t.Helper()
	alone := exec.Command(charlm(t), args...)
	alone.Env = append(os.Environ(), environment...)
	out, err := alone.CombinedOutput()
	require.NoError(t, err, string(out))
	want := fingerprint.FindStringSubmatch(string(out))
	require.NotNil(t, want, string(out))
	for _, n := range ranks {
		require.Equal(t, want[1], run(t, n, args...), "%d ranks", n)
	}
}

// TestMixedTiers: each rank runs on another tier of this machine.
func TestMixedTiers(t *testing.T) {
	needMPI(t)
	tiers := kernels.Available()
	if len(tiers) < 2 {
		if need := os.Getenv("SIMDRNN_REQUIRE_ISA"); strings.ReplaceAll(need, kernels.Scalar.String(), "") != "" {
			t.Fatalf("SIMDRNN_REQUIRE_ISA is %q, and this machine has one tier, or SIMDRNN_ISA leaves one", need)
		}
		t.Skip("NOT EXERCISED: ranks of several tiers; this machine has one")
	}
	args := small(text(t), "-steps", "12")
	want := run(t, 2, args...)
	var names []string
	for i, isa := range tiers {
		names = append(names, fmt.Sprintf("rank %d: %s of %v", i, isa, tiers[:i+1]))
	}
	job := func(more ...string) (all []string) {
		for i, isa := range tiers {
			if i > 0 {
				all = append(all, ":")
			}
			all = append(append(append(all, "-n", "1", "env", "SIMDRNN_ISA="+isa.String(), charlm(t)), args...), more...)
		}
		return all
	}
	out, err := start(t, job()...)
	require.NoError(t, err, out)
	require.Contains(t, out, "wait for the slowest: "+strings.Join(names, "; ")+"\n")
	m := fingerprint.FindStringSubmatch(out)
	require.NotNil(t, m, out)
	require.Equal(t, want, m[1])

	// Who does not want that is told which rank it is.
	out, err = start(t, job("-same-tiers")...)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "has not ended")
	require.Contains(t, out, fmt.Sprintf("rank 1: bptt: its tier is %s of %v, that of rank 0 scalar of [scalar], and Plan.SameTiers asks for the same; start the ranks on machines of one kind, or all with SIMDRNN_ISA=scalar", tiers[1], tiers[:2]))
	require.NotContains(t, out, "fingerprint")
}

// TestRanksThatDiffer: the difference is named, with its rank, and the job ends.
func TestRanksThatDiffer(t *testing.T) {
	needMPI(t)
	name := text(t)
	args := func(more ...string) []string {
		return append([]string{"-n", "1", charlm(t)}, small(name, append([]string{"-steps", "3"}, more...)...)...)
	}
	for want, more := range map[string][]string{
		"rank 1: bptt: it has Plan.Optimizer.LR = 0.5, rank 0 has": {"-rate", "0.5"},
		"rank 1: bptt: it has weights with the fingerprint":        {"-seed", "9"},
		"P = 0.5, rank 0 has the net.stages[2].P = 0.2":            {"-dropout", "0.5"},
	} {
		out, err := start(t, append(append(args(), ":"), args(more...)...)...)
		require.Error(t, err)
		require.Contains(t, out, want)
		require.NotContains(t, err.Error(), "has not ended")
	}
	out, err := start(t, append(append(args(), ":"), "-n", "1", charlm(t), "-text", filepath.Join(t.TempDir(), "none"))...)
	require.Error(t, err)
	require.Contains(t, out, "no such file")
}

// TestTwoVersions: a job of two builds does not begin: where libraries have two versions, and
// where the versions are those of a folder, which say nothing, and the programs differ.
func TestTwoVersions(t *testing.T) {
	needMPI(t)
	args := small(text(t), "-steps", "3")
	for want, c := range map[string]struct {
		flags          []string
		file, old, new string
	}{
		"rank 2: bptt: it has the library .* with checkpoints of version 999, rank 0 has the library":                                        {nil, "checkpoint.go", `checkpointVersion = \d+`, "checkpointVersion = 999"},
		"rank 2: bptt: it has no version that is known, and a program with the SHA-256 [0-9a-f]{64}, rank 0 has .*; all ranks need the same": {[]string{"-buildvcs=false"}, "train.go", "the end of an update", "an update's end"},
	} {
		file, err := filepath.Abs("../../bptt/" + c.file)
		require.NoError(t, err)
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		other := regexp.MustCompile(c.old).ReplaceAll(source, []byte(c.new))
		require.NotEqual(t, source, other, "%s has no %s", c.file, c.old)
		dir := t.TempDir()
		changed, overlay := filepath.Join(dir, c.file), filepath.Join(dir, "overlay.json")
		require.NoError(t, os.WriteFile(changed, other, 0o666))
		b, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(overlay, b, 0o666))

		all := append([]string{"-n", "2", charlm(t, c.flags...)}, args...)
		all = append(append(all, ":", "-n", "1", charlm(t, append(c.flags, "-overlay", overlay)...)), args...)
		out, err := start(t, all...)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "has not ended")
		require.Regexp(t, want, out)
	}
}

// TestKilledRank: SIGKILL of a random rank at random moments ends the job within seconds
// with a message, and the run goes on, each time on another number of ranks, to the bits of
// the run that nobody killed. The moments are those after MPI_Init; TestKilledWhileStarting has
// those before.
func TestKilledRank(t *testing.T) {
	needMPI(t)
	name := text(t)
	steps, parts := 240, []int{3, 1, 4, 2}
	if testing.Short() {
		steps, parts = 100, parts[:2]
	}
	// As many updates as last for some time on this machine, or the jobs end before they are killed.
	var args []string
	var want string
	for took := time.Duration(0); took < 2*time.Second; steps *= 2 {
		args = small(name, "-steps", strconv.Itoa(steps), "-every", "5")
		begin := time.Now()
		want = run(t, 1, args...)
		took = time.Since(begin)
	}
	dir := t.TempDir()
	args = append(args, "-dir", dir)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	killed := 0
	for _, n := range parts {
		with := args
		if _, err := os.Stat(filepath.Join(dir, "last.ckpt")); err == nil {
			with = append(with, "-resume")
		}
		out, ended, was := killOne(t, r, n, time.Duration(r.IntN(300))*time.Millisecond, append([]string{"-n", strconv.Itoa(n), charlm(t)}, with...))
		if !was {
			require.Contains(t, out, "fingerprint", "%d ranks", n)
			continue
		}
		killed++
		require.Less(t, ended, 10*time.Second, "%d ranks: the job had to end: %s", n, out)
		require.Regexp(t, "(?i)signal 9|killed", out, "%d ranks", n)
	}
	require.Positive(t, killed, "no rank was killed")
	if _, err := os.Stat(filepath.Join(dir, "last.ckpt")); err == nil {
		args = append(args, "-resume")
	}
	require.Equal(t, want, run(t, 2, args...))
}

// killOne starts a job, kills one of its ranks so long after it has begun to train, and
// returns what it printed and how long it lived on.
func killOne(t *testing.T, r *rand.Rand, n int, after time.Duration, args []string) (out string, ended time.Duration, killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	j := newJob(ctx, args...)
	require.NoError(t, j.Start())
	finished := make(chan error, 1)
	go func() { finished <- j.Wait() }()
	for !strings.Contains(j.out.String(), " ranks, ") {
		select {
		case err := <-finished:
			require.NoError(t, err, j.out.String())
			return j.out.String(), 0, false
		case <-time.After(time.Millisecond):
		}
	}
	time.Sleep(after)
	pids := children(j.Process.Pid, "charlm-mpi")
	if len(pids) == n {
		require.NoError(t, syscall.Kill(pids[r.IntN(n)], syscall.SIGKILL))
	}
	begin := time.Now()
	err := <-finished
	if err == nil { // the ranks had done all their work
		return j.out.String(), 0, false
	}
	return j.out.String(), time.Since(begin), true
}

// children returns the ranks below mpirun, of a program of that name.
func children(pid int, program string) (pids []int) {
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents := map[int]int{}
	names := map[int]string{}
	for _, e := range entries {
		b, err := os.ReadFile(e)
		if err != nil {
			continue
		}
		// pid (name) state parent ...
		s := string(b)
		open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
		f := strings.Fields(s[end+1:])
		id, _ := strconv.Atoi(strings.TrimSpace(s[:open]))
		parents[id], _ = strconv.Atoi(f[1])
		names[id] = s[open+1 : end]
	}
	for id := range parents {
		for up := parents[id]; up > 1; up = parents[up] {
			if up == pid && names[id] == program {
				pids = append(pids, id)
				break
			}
		}
	}
	return pids
}
