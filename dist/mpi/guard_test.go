//go:build unix

package mpi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist/mpi"
)

// guardName is what ps says of the process that guards a start.
const guardName = "simdrnn-guard"

// lateRank lets the others wait in MPI_Init for rank 1.
func lateRank() error {
	for _, name := range []string{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"} {
		if os.Getenv(name) == "1" {
			time.Sleep(time.Minute)
			return fmt.Errorf("nobody has ended this rank for a minute")
		}
	}
	fmt.Println("this rank begins")
	_, err := mpi.Init()
	return err
}

// begin starts a job.
func begin(ctx context.Context, t *testing.T, args ...string) (j *job, finished chan error) {
	t.Helper()
	j = newJob(ctx, args...)
	require.NoError(t, j.Start())
	finished = make(chan error, 1)
	go func() { finished <- j.Wait() }()
	return j, finished
}

// TestInitThatDoesNotReturn: a rank that waits in MPI_Init for one that never comes says so, and
// ends the job.
func TestInitThatDoesNotReturn(t *testing.T) {
	needMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "late")
	t.Setenv(mpi.EnvInit, "0.5")
	began := time.Now()
	out, err := start(t, "-n", "2", self)
	require.Error(t, err)
	require.Contains(t, out, "mpi: rank 0 has been in MPI_Init for 500ms and ends: another rank may have ended or hang, or its machine cannot be reached; look for its message, or set SIMDRNN_MPI_INIT to more seconds (0: no limit) on all ranks")
	require.Less(t, time.Since(began), 30*time.Second)
	t.Setenv(mpi.EnvInit, "soon")
	out, err = start(t, "-n", "1", self)
	require.Error(t, err)
	require.Contains(t, out, `late: mpi: SIMDRNN_MPI_INIT="soon", want seconds from 0`)
}

// needOpenMPI skips a test of launchers that stay, which only Open MPI on Linux has. In CI and
// with a required tier nothing may be left out.
func needOpenMPI(t *testing.T) {
	t.Helper()
	needMPI(t)
	if tags == "mpi" && runtime.GOOS == "linux" {
		return
	}
	if os.Getenv("CI") != "" || os.Getenv("SIMDRNN_REQUIRE_ISA") != "" {
		t.Fatal("CI or SIMDRNN_REQUIRE_ISA demands that nothing is left out; a launcher that stays needs Open MPI on Linux: go -C dist/mpi test -tags mpi ./...")
	}
	t.Skip("NOT EXERCISED: a launcher that stays, which is for Open MPI on Linux")
}

// TestLauncherThatStays: a mpirun that does nothing any more after its ranks were killed in
// MPI_Init is ended, with a message. A signal stops it here, as a lock of its own does in fact.
func TestLauncherThatStays(t *testing.T) {
	needOpenMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "late")
	for seconds, ends := range map[string]bool{"0.5": true, "0": false} {
		t.Setenv(mpi.EnvLauncher, seconds)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		j, finished := begin(ctx, t, "-n", "2", self)
		name := programName(self)
		require.Eventually(t, func() bool {
			return strings.Contains(j.out.String(), "this rank begins") && len(children(j.Process.Pid, name)) == 2 && (len(children(j.Process.Pid, guardName)) == 1) == ends
		}, 20*time.Second, time.Millisecond, "%v", &j.out)
		require.NoError(t, j.Process.Signal(syscall.SIGSTOP))
		for _, pid := range children(j.Process.Pid, name) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		if ends {
			err := <-finished
			require.ErrorContains(t, err, "killed")
			require.NoError(t, ctx.Err(), "%v", &j.out)
			require.Regexp(t, `simdrnn: a rank was killed in MPI_Init; mpirun\S* \(process `+strconv.Itoa(j.Process.Pid)+`\) has no process left and did not end in 0\.5 seconds, so it is killed; start the job again\n`, j.out.String())
			continue
		}
		select {
		case err := <-finished:
			t.Fatalf("mpirun that nothing guards was ended: %v: %v", err, &j.out)
		case <-time.After(2 * time.Second):
			require.NoError(t, j.Process.Kill())
			<-finished
		}
	}
}

// programName is what /proc calls processes of a program.
func programName(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return name[:min(len(name), 15)]
}

// TestNoGuardIsLeft: ranks whose MPI_Init has returned have none, and nor has their machine when
// the job has ended.
func TestNoGuardIsLeft(t *testing.T) {
	needMPI(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	j, finished := begin(ctx, t, append([]string{"-n", "3", charlm(t)}, small(text(t), "-steps", "1000000")...)...)
	require.Eventually(t, func() bool { return strings.Contains(j.out.String(), "3 ranks, ") }, 30*time.Second, time.Millisecond, "%v", &j.out)
	require.Len(t, children(j.Process.Pid, "charlm-mpi"), 3)
	require.Empty(t, children(j.Process.Pid, guardName))
	require.NoError(t, j.Process.Signal(os.Interrupt))
	<-finished
	require.NoError(t, ctx.Err())
}

// TestKilledWhileStarting: SIGKILL of a random rank at random moments of its first 300
// milliseconds ends the job within seconds, with a message. In some of these jobs mpirun of Open
// MPI 4.1 waits for a lock that nobody has.
func TestKilledWhileStarting(t *testing.T) {
	needMPI(t)
	name := text(t)
	tries := 30
	if testing.Short() {
		tries = 5
	}
	t.Setenv(mpi.EnvLauncher, "1")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range tries {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		j, finished := begin(ctx, t, append([]string{"-n", "3", charlm(t)}, small(name, "-steps", "1000000")...)...)
		var pids []int
		for len(pids) == 0 && ctx.Err() == nil {
			pids = children(j.Process.Pid, "charlm-mpi")
		}
		after := time.Duration(r.IntN(300)) * time.Millisecond
		time.Sleep(after)
		pids = children(j.Process.Pid, "charlm-mpi")
		require.NotEmpty(t, pids, "%v", &j.out)
		require.NoError(t, syscall.Kill(pids[r.IntN(len(pids))], syscall.SIGKILL))
		begin := time.Now()
		err := <-finished
		require.Error(t, err)
		require.NoError(t, ctx.Err(), "killed after %v, the job had to end: %v", after, &j.out)
		require.Less(t, time.Since(begin), 15*time.Second, "killed after %v: %v", after, &j.out)
		require.Regexp(t, "(?i)signal 9|killed|aborted|failed", j.out.String(), "killed after %v", after)
		cancel()
	}
}
