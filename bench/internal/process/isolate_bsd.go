//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// isolate gives a driver a process group of its own, so that all it starts can be
// ended with it and an interrupt at the terminal is ours to handle.
func isolate(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
