package mpi_test

import (
	"context"
	"errors"
	"fmt"
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

	"github.com/simdrnn/simdrnn/dist/mpi"
)

// needGuard skips a test of guards where there are none.
func needGuard(t *testing.T) (self string) {
	t.Helper()
	needOpenMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "late")
	t.Setenv(mpi.EnvLauncher, "0.5")
	return self
}

// stopped starts a job by a command, waits until rank 0 has a guard, stops the launcher, the
// process of that name below the command, and kills its ranks.
func stopped(t *testing.T, self, name string, command ...string) (j *job, finished chan error, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	j = newJob(ctx)
	j.Path, j.Args = command[0], append(command, "-n", "2", self)
	require.NoError(t, j.Start())
	finished = make(chan error, 1)
	go func() {
		err := j.Wait()
		j.ended.Store(true)
		finished <- err
	}()
	pid = j.Process.Pid
	program := programName(self)
	require.Eventually(t, func() bool {
		if found := children(j.Process.Pid, name); len(found) > 0 {
			pid = found[0]
		}
		return strings.Contains(j.out.String(), "this rank begins") && len(children(pid, program)) == 2 && len(children(pid, guardName)) == 1
	}, 20*time.Second, time.Millisecond, "%v", &j.out)
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() {
		if !j.ended.Load() { // a stopped launcher takes no other signal
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	for _, rank := range children(pid, program) {
		require.NoError(t, syscall.Kill(rank, syscall.SIGKILL))
	}
	return j, finished, pid
}

// TestLauncherOfAnotherName: a launcher is known by the file of its program, whatever the link
// that it was called by.
func TestLauncherOfAnotherName(t *testing.T) {
	self := needGuard(t)
	link := filepath.Join(t.TempDir(), "begin-job")
	require.NoError(t, os.Symlink(launcher(), link))
	j, finished, _ := stopped(t, self, "none", link)
	require.ErrorContains(t, <-finished, "killed", "%v", &j.out)
	require.Contains(t, j.out.String(), "simdrnn: a rank was killed in MPI_Init; begin-job (process ")
}

func init() { ranks["supervisor"] = supervisor }

// supervisor starts a rank and works on for some seconds when it has ended.
func supervisor() error {
	cmd := exec.Command(os.Args[1])
	cmd.Env = append(os.Environ(), asRank+"=late")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err == nil {
		return errors.New("nobody has killed the rank")
	}
	time.Sleep(5 * time.Second)
	fmt.Println("the supervisor has done its work")
	return nil
}

// TestSupervisorOfARank: a program between mpirun and a rank may have the name of a launcher,
// and is none.
func TestSupervisorOfARank(t *testing.T) {
	self := needGuard(t)
	link := filepath.Join(t.TempDir(), "mpirun")
	require.NoError(t, os.Symlink(self, link))
	t.Setenv(asRank, "supervisor")
	t.Setenv(mpi.EnvLauncher, "2") // the supervisor has no process left for longer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	j, finished := begin(ctx, t, "-n", "2", link, self)
	ranks := func() (pids []int) {
		for _, s := range children(j.Process.Pid, "mpirun") {
			pids = append(pids, children(s, programName(self))...)
		}
		return pids
	}
	require.Eventually(t, func() bool {
		return strings.Contains(j.out.String(), "this rank begins") && len(ranks()) == 2 && len(children(j.Process.Pid, guardName)) == 1
	}, 20*time.Second, time.Millisecond, "%v", &j.out)
	for _, pid := range ranks() {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	<-finished
	require.Equal(t, 2, strings.Count(j.out.String(), "the supervisor has done its work"), "%v", &j.out)
	// The real mpirun may stay after its supervisors have ended, as the fault has it, and is then
	// ended: no other process may be.
	for _, said := range regexp.MustCompile(`simdrnn: .*\(process (\d+)\)`).FindAllStringSubmatch(j.out.String(), -1) {
		require.Equal(t, strconv.Itoa(j.Process.Pid), said[1], "%v", &j.out)
	}
}

// TestLauncherThatIsProcess1: the guards of a container whose process 1 is mpirun become its
// children. They say that it stays, which they cannot end.
func TestLauncherThatIsProcess1(t *testing.T) {
	self := needGuard(t)
	alone := []string{"--map-root-user", "--pid", "--fork", "--mount-proc"}
	unshare, err := exec.LookPath("unshare")
	if err == nil {
		err = exec.Command(unshare, append(alone, "true")...).Run()
	}
	if err != nil {
		if os.Getenv("SIMDRNN_REQUIRE_NAMESPACES") != "" || os.Getenv("SIMDRNN_REQUIRE_ISA") != "" {
			t.Fatalf("SIMDRNN_REQUIRE_NAMESPACES or SIMDRNN_REQUIRE_ISA demands that nothing is left out; unshare of util-linux cannot make a namespace of processes: %v", err)
		}
		t.Skipf("NOT EXERCISED: a launcher that is process 1; unshare of util-linux cannot make a namespace of processes here: %v", err)
	}
	j, finished, pid := stopped(t, self, filepath.Base(launcher()), append(append([]string{unshare}, alone...), launcher())...)
	said := regexp.MustCompile(`simdrnn: a rank was killed in MPI_Init; mpirun\S* \(process 1\) has no process left and did not end in 0\.5 seconds\. It is process 1 of a container, which nothing in it can kill: end the container, and start it with an init\n`)
	require.Eventually(t, func() bool { return said.MatchString(j.out.String()) }, 20*time.Second, 10*time.Millisecond, "%v", &j.out)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	<-finished
}
