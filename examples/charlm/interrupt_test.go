package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signals skips a test where one process cannot send another one a signal.
func signals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT EXERCISED: Windows has no way to send Ctrl-C to one process")
	}
}

// begin starts a run that trains for ten minutes, and returns when it does.
func begin(t *testing.T, c *exec.Cmd) (stderr *bufio.Scanner) {
	t.Helper()
	pipe, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	stderr = bufio.NewScanner(pipe)
	require.True(t, stderr.Scan(), "a first line says that training begins")
	require.Contains(t, stderr.Text(), "Ctrl-C")
	return stderr
}

// TestInterrupt: after Ctrl-C the last lines and a checkpoint that goes on.
func TestInterrupt(t *testing.T) {
	signals(t)
	dir := workplace(t)
	c := command(dir, nil, with("-for", "10m", "-fingerprint")...)
	var stdout bytes.Buffer
	c.Stdout = &stdout
	lines := begin(t, c)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	for lines.Scan() {
	}
	require.NoError(t, c.Wait(), "it ends in order")
	r := result{stdout: stdout.String()}
	require.Len(t, r.lines(), 2)
	require.Regexp(t, hashLine, r.lines()[0])
	var steps int
	_, err := fmt.Sscanf(strings.SplitN(r.lines()[1], "after ", 2)[1], "%d", &steps)
	require.NoError(t, err)
	if steps > 0 { // the signal may come before the first one
		require.Regexp(t, lastLine, r.lines()[1])
	} else {
		require.Regexp(t, noSteps, r.lines()[1])
	}
	more := charlm(t, dir, nil, "-resume", "-steps", fmt.Sprint(steps+2), "-quiet")
	require.Zero(t, more.code, more.stderr)
	require.Contains(t, more.stdout, fmt.Sprintf("after %d steps", steps+2))
}

// TestInterruptSample: Ctrl-C ends a program that samples, after a whole line, even
// if nobody reads what it writes.
func TestInterruptSample(t *testing.T) {
	signals(t)
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "3", "-quiet")...).code)
	for _, read := range []bool{true, false} {
		for s, status := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
			c := command(dir, nil, "-sample", "1000000000")
			// One that goes on is killed, which is another status.
			kill := time.AfterFunc(30*time.Second, func() { c.Process.Kill() })
			defer kill.Stop()
			var stderr bytes.Buffer
			c.Stderr = &stderr
			stdout, err := c.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, c.Start())
			t.Cleanup(func() { c.Process.Kill() })
			_, err = io.ReadFull(stdout, make([]byte, 10))
			require.NoError(t, err)
			var rest []byte
			if read {
				done := make(chan struct{})
				go func() { rest, _ = io.ReadAll(stdout); close(done) }()
				require.NoError(t, c.Process.Signal(s))
				<-done
			} else {
				time.Sleep(300 * time.Millisecond) // the pipe fills
				require.NoError(t, c.Process.Signal(s))
			}
			state, err := c.Process.Wait()
			require.NoError(t, err)
			require.Equal(t, status, state.ExitCode())
			c.Wait()
			require.Contains(t, stderr.String(), "charlm: interrupted\n")
			if read {
				require.True(t, bytes.HasSuffix(rest, []byte("\n")), "the text ends with a line end")
			}
		}
	}
}

// TestInterruptLoading: Ctrl-C ends a program that loads, here one that waits for a
// go command that takes its time, and no file is made.
func TestInterruptLoading(t *testing.T) {
	signals(t)
	dir := workplace(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n: >begun\nexec sleep 30\n"), 0o777))
	c := command(dir, []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")})
	c.SysProcAttr = group()
	// A file, for the sleeping child would hold a pipe open.
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	require.NoError(t, err)
	defer stderr.Close()
	c.Stderr = stderr
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "begun")); return err == nil }, 10*time.Second, 10*time.Millisecond)
	began := time.Now()
	require.NoError(t, c.Process.Signal(os.Interrupt))
	c.Wait()
	require.Less(t, time.Since(began), 20*time.Second)
	require.Equal(t, 130, c.ProcessState.ExitCode())
	endGroup(c)
	said, err := os.ReadFile(stderr.Name())
	require.NoError(t, err)
	require.Equal(t, "charlm: interrupted", strings.TrimSpace(string(said)))
	require.NoDirExists(t, filepath.Join(dir, "charlm-out"))
}
