//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

func suspend(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGSTOP) }
func resume(c *exec.Cmd)  { _ = syscall.Kill(-c.Process.Pid, syscall.SIGCONT) }
func kill(c *exec.Cmd)    { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
