//go:build !unix

package main

import (
	"os/exec"
	"syscall"
)

func group() *syscall.SysProcAttr { return nil }

func endGroup(*exec.Cmd) {}

func as(*exec.Cmd) {}
