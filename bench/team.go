package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/process"
	"github.com/simdrnn/simdrnn/bench/internal/report"
)

// A team are the processes that run on the same number of threads.
type team struct {
	*session
	threads int
	ours    []*library // of each tier
	theirs  []*library // of each peer
}

// A library is a driver that is started when it is needed, and once more after it
// has died, until it has died too often.
type library struct {
	s       *session
	name    string
	command process.Command
	process *process.Process
	version string
	deaths  int
}

// patience is how often a driver may die before it is given up.
const patience = 3

func (s *session) team(threads int) (*team, error) {
	t := &team{session: s, threads: threads}
	for _, isa := range s.isas {
		l := &library{s: s, name: report.Own, command: s.own(isa, threads)}
		if err := l.start(); err != nil {
			t.close()
			return nil, fmt.Errorf("%s on %s: %w", report.Own, isa, err)
		}
		t.ours = append(t.ours, l)
	}
	if s.bandwidth && s.run.Bandwidth == nil {
		if err := t.levels(); err != nil {
			t.close()
			return nil, err
		}
	}
	for _, p := range s.peers {
		t.theirs = append(t.theirs, &library{s: s, name: p.name, command: p.command(threads)})
	}
	return t, nil
}

func (t *team) close() {
	for _, l := range append(append([]*library(nil), t.ours...), t.theirs...) {
		if l.process != nil {
			l.process.Close()
		}
	}
}

// levels measures how fast one core reads what fits into each level of memory.
func (t *team) levels() error {
	memory := max(4*t.run.L3, 256<<20)
	for _, level := range []struct {
		name  string
		bytes int
	}{{"L2", t.run.L2 / 2}, {"L3", t.run.L3 / 4}, {"memory", min(memory, 1<<30)}} {
		if level.bytes < 1024 {
			continue // a size that is not known
		}
		text, err := t.ours[0].ask(fmt.Sprint("bandwidth ", level.bytes))
		if err != nil {
			return err
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("bandwidth: the answer was %q", text)
		}
		t.run.Bandwidth = append(t.run.Bandwidth, report.Level{Name: level.name, GBs: v})
	}
	return nil
}

func (l *library) start() error {
	p, err := process.Start(l.command)
	if err != nil {
		return err
	}
	l.s.mu.Lock()
	l.s.processes = append(l.s.processes, p)
	l.s.mu.Unlock()
	l.process = p
	l.version, err = l.ask("hello")
	return err
}

func (l *library) ask(command string) (string, error) { return l.process.Ask(l.s.limit, command) }

// setup prepares a shape, starting the driver if it does not run.
func (l *library) setup(shape op.Shape, threads int) error {
	if l.process == nil || l.process.Dead() != nil {
		if l.deaths >= patience {
			return errGivenUp
		}
		if err := l.start(); err != nil {
			l.deaths++
			return err
		}
	}
	line := fmt.Sprintf("setup %s threads=%d", shape.Settings(), threads)
	if v := l.s.variants[l.name]; v != "" {
		line += " variant=" + v
	}
	_, err := l.ask(line)
	if l.process.Dead() != nil {
		l.deaths++
	}
	return err
}

var errGivenUp = errors.New("given up: it died too often")

// release gives back the memory of a shape.
func (l *library) release() {
	if l.process != nil && l.process.Dead() == nil {
		_, _ = l.ask("free") // a driver that cannot has died, which the next setup sees
	}
}

// Run implements measure.Runner.
func (l *library) Run(n int) (time.Duration, error) {
	d, err := l.process.Run(l.s.limit, n)
	if l.process.Dead() != nil {
		l.deaths++
	}
	return d, err
}

// Peak implements measure.Own.
func (l *library) Peak(d time.Duration) (float64, error) {
	text, err := l.ask(fmt.Sprint("peak ", d.Microseconds()))
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("peak: the answer was %q, want GFLOP/s", text)
	}
	return v, nil
}
