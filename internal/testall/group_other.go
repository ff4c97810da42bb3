//go:build !unix

package main

import "os/exec"

// There are no process groups to signal. Ctrl-C reaches all processes of a console
// by itself.

func ownGroup(*exec.Cmd) {}

func interruptGroup(cmd *exec.Cmd) { cmd.Process.Kill() }

func killGroup(cmd *exec.Cmd) { cmd.Process.Kill() }
