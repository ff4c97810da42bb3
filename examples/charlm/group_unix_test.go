//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// group puts a program and its children into a process group of their own.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// endGroup ends the children that a program left behind.
func endGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }

// as makes a program run as a user who owns nothing.
func as(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
