// Package process runs a driver: a process that times one library and is spoken
// to by lines. Package driver has the protocol. No library can hang or break the
// comparison: each answer has a time limit, after which the process is killed.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Command says how to start a driver.
type Command struct {
	Path string
	Args []string
	Env  []string // the whole environment
}

// A Process is a driver that runs. While it is not asked anything it is stopped,
// where the system can do that: the threads of a library that wait for work in a
// loop would take the time of whoever is measured next.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string
	stderr  tail
	ended   chan struct{} // closed when the process has ended
	dead    error         // why it can be asked nothing more
}

// Unsupported is what Setup returns for an operation that the driver does not have.
type Unsupported struct{ Reason string }

func (e *Unsupported) Error() string { return e.Reason }

// Start starts a driver.
func Start(c Command) (*Process, error) {
	p := &Process{cmd: exec.Command(c.Path, c.Args...), answers: make(chan string), ended: make(chan struct{})}
	p.cmd.Env = c.Env
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = 10 * time.Second
	isolate(p.cmd)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			select {
			case p.answers <- lines.Text():
			case <-time.After(time.Minute): // nobody asked
			}
		}
		close(p.answers)
		_ = p.cmd.Wait() // how it ended is told by what it did not answer
		close(p.ended)
	}()
	return p, nil
}

// Ask sends one command and returns the answer to it: what follows "ok" or "ns".
func (p *Process) Ask(limit time.Duration, command string) (string, error) {
	if p.dead != nil {
		return "", p.dead
	}
	name, _, _ := strings.Cut(command, " ")
	resume(p.cmd)
	go io.WriteString(p.in, command+"\n") // a process that does not read must not hold us up
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line, ok := <-p.answers:
		if !ok {
			<-p.ended
			return "", p.kill(fmt.Errorf("%s: the process ended (%v)%s", name, p.cmd.ProcessState, p.stderr.text()))
		}
		suspend(p.cmd)
		kind, rest, _ := strings.Cut(line, " ")
		switch {
		case kind == "ok" || kind == "ns" && name == "run":
			return rest, nil
		case kind == "no":
			return "", &Unsupported{rest}
		case kind == "error":
			return "", fmt.Errorf("%s: %s", name, rest)
		}
		return "", p.kill(fmt.Errorf("%s: the answer was %q, want ok, ns, no or error", name, line))
	case <-timer.C:
		return "", p.kill(fmt.Errorf("%s: no answer within %v%s", name, limit, p.stderr.text()))
	}
}

// Run times n calls of what Setup has prepared.
func (p *Process) Run(limit time.Duration, n int) (time.Duration, error) {
	text, err := p.Ask(limit, fmt.Sprint("run ", n))
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ns < 0 {
		return 0, p.kill(fmt.Errorf("run: the answer was %q, want a time in nanoseconds", text))
	}
	return time.Duration(max(ns, 1)), nil
}

// Dead returns why the process can be asked nothing more, nil if it can.
func (p *Process) Dead() error { return p.dead }

// Close ends the process.
func (p *Process) Close() {
	if p.dead == nil {
		_ = p.kill(errors.New("the process was closed"))
	}
}

// kill ends the process and remembers why.
func (p *Process) kill(why error) error {
	p.dead = why
	kill(p.cmd)
	p.in.Close()
	go func() {
		for range p.answers { // what it was still saying
		}
	}()
	<-p.ended
	return why
}

// tail keeps the end of what a process writes.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - 2000; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(b), nil
}

// text returns the last lines as the end of an error.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(string(t.buf))
	if s == "" {
		return ""
	}
	return "; it wrote: " + s
}

// Interrupt ends the process from another goroutine than that which asks it: an
// answer that is waited for becomes an error.
func (p *Process) Interrupt() { kill(p.cmd) }
