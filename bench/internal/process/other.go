//go:build !unix

package process

import (
	"os/exec"
	"time"
)

func isolate(*exec.Cmd) {}

// suspend waits for the time that the usual OpenMP runtimes spin after their
// last work, since this system cannot stop a process.
func suspend(*exec.Cmd) { time.Sleep(220 * time.Millisecond) }

func resume(*exec.Cmd) {}

func kill(c *exec.Cmd) { _ = c.Process.Kill() }
