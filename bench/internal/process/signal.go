//go:build unix

package process

import (
	"os/exec"
	"syscall"
	"time"
)

// suspend waits until helpers that look for work after the last piece have parked: one that is
// stopped while it looks would take that for a sign of other programs on its processor.
func suspend(c *exec.Cmd) {
	time.Sleep(2 * time.Millisecond)
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGSTOP)
}

func resume(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGCONT) }
func kill(c *exec.Cmd)   { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
