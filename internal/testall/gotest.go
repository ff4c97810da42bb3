package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// A testRun is one call of go test.
type testRun struct {
	dir, variant string // variant names the build where it is not the usual one
	env, args    []string
	packages     int // how many it will end, as far as is known
}

// killAfter is how long an interrupted go test has to end with its children.
const killAfter = 3 * time.Second

// goTest runs go test -json and reads its events. When ctx ends, go test and all
// processes that it started are ended.
func (r *results) goTest(ctx context.Context, t testRun) {
	args := append([]string{"test", "-json", "-count=1"}, t.args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = t.dir, t.env
	ownGroup(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	over := make(chan struct{})
	defer close(over)
	if err == nil {
		cmd.Cancel = func() error {
			interruptGroup(cmd)
			go func() {
				select {
				case <-over:
				case <-time.After(killAfter):
					killGroup(cmd)
					out.Close()
				}
			}()
			return nil
		}
		err = cmd.Start()
	}
	if err != nil {
		if ctx.Err() == nil {
			r.trouble(t.dir, t.variant, err.Error())
		}
		return
	}
	before := r.failed
	readErr := r.read(ctx, out, t.variant)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return // what go test says about its end is nothing about the tests
	}
	if s := strings.TrimSpace(stderr.String()); s != "" && err != nil {
		fmt.Fprintln(r.w, s)
	}
	switch {
	case readErr != nil:
		r.trouble(t.dir, t.variant, readErr.Error())
	case err != nil && r.failed == before:
		r.trouble(t.dir, t.variant, "go "+strings.Join(args, " ")+": "+err.Error())
	}
}

// count returns how many packages of a module match the patterns, by go list. Errors
// are left out: go test will report them.
func count(ctx context.Context, dir string, patterns []string) int {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-e"}, patterns...)...)
	cmd.Dir, cmd.Env = dir, environment()
	out, err := cmd.Output()
	if err != nil {
		return 0
	}
	return len(strings.Fields(string(out)))
}
