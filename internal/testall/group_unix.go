//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup puts go test and what it starts into a process group, so that all of
// them can be ended: go test itself does not end the tests that it runs when it is
// killed.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func interruptGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

func killGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
