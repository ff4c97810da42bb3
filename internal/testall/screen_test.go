package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// A terminal is a console that a person looks at. It keeps what is seen there: a
// carriage return goes back to the beginning of the line.
type terminal struct {
	lines  [][]rune
	column int
	widest int
}

func (*terminal) Terminal() bool { return true }

func (t *terminal) Write(b []byte) (int, error) {
	if t.lines == nil {
		t.lines = [][]rune{nil}
	}
	for _, c := range string(b) {
		last := &t.lines[len(t.lines)-1]
		switch c {
		case '\n':
			t.lines, t.column = append(t.lines, nil), 0
		case '\r':
			t.column = 0
		default:
			if t.column == len(*last) {
				*last = append(*last, 0)
			}
			(*last)[t.column] = c
			t.column++
			t.widest = max(t.widest, t.column)
		}
	}
	return len(b), nil
}

// seen is the text on the terminal.
func (t *terminal) seen() string {
	var lines []string
	for _, l := range t.lines {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.Join(lines, "\n")
}

// watched is a screen on a terminal at a time that the test sets.
func watched() (*screen, *terminal, *time.Time) {
	term := &terminal{}
	now := started
	s := newScreen(term)
	s.now = func() time.Time { return now }
	return s, term, &now
}

func TestStatusLine(t *testing.T) {
	s, term, now := watched()
	see := func(want string) {
		t.Helper()
		s.mu.Lock()
		s.draw()
		s.mu.Unlock()
		if got := term.seen(); got != want {
			t.Errorf("seen:\n%s\nwant:\n%s", got, want)
		}
	}
	s.expect(3)
	see("[0 of 3 packages, 0 tests, 0:00] building")
	s.startPackage("lstm")
	*now = now.Add(5 * time.Second)
	s.startPackage("gru")
	s.startTest("lstm", "TestOracle/a")
	*now = now.Add(70 * time.Second)
	see("[0 of 3 packages, 0 tests, 1:15] lstm TestOracle/a 1:15, gru 1:10")
	s.endTest()
	s.endPackage("lstm")
	fmt.Fprintln(s, "ok lstm")
	see("ok lstm\n[1 of 3 packages, 1 tests, 1:15] gru 1:10")
	fmt.Fprint(s, "half ")
	see("ok lstm\nhalf")
	fmt.Fprintln(s, "a line")
	s.startTest("gru", "Test"+strings.Repeat("é", 80))
	see("ok lstm\nhalf a line\n[1 of 3 packages, 1 tests, 1:15] gru Test" + strings.Repeat("é", 35) + "...")
	s.startTest("gru", "")
	see("ok lstm\nhalf a line\n[1 of 3 packages, 1 tests, 1:15] gru 1:10")
	s.end()
	if got, want := term.seen(), "ok lstm\nhalf a line\n"; got != want {
		t.Errorf("at the end stands %q, want %q", got, want)
	}
	fmt.Fprintln(s, "the table")
	see("ok lstm\nhalf a line\nthe table\n")
	if term.widest > columns {
		t.Errorf("a line of %d characters, want at most %d", term.widest, columns)
	}
}

// TestPackageLines: a line for each package as soon as it has finished, with its
// time, tests and tiers, and what runs below them on a terminal only.
func TestPackageLines(t *testing.T) {
	events := []event{
		{Action: "start", Package: kernelsPkg},
		{Action: "run", Package: kernelsPkg, Test: "TestA"},
		{Action: "pass", Package: kernelsPkg, Test: "TestA"},
		{Action: "skip", Package: kernelsPkg, Test: "TestB"},
		{Action: "start", Package: rootModule + "/lstm"},
		{Action: "run", Package: rootModule + "/lstm", Test: "TestC"},
		{Action: "output", Package: kernelsPkg, Output: "simdrnn-tier: pkg=kernels tier=scalar run\n"},
		{Action: "output", Package: kernelsPkg, Output: "simdrnn-tier: pkg=kernels tier=avx2 run\n"},
		{Action: "output", Package: kernelsPkg, Output: "simdrnn-tier: pkg=kernels tier=neon not exercised: this CPU is amd64\n"},
		{Action: "pass", Package: kernelsPkg, Elapsed: 12.34},
	}
	const line = "ok    kernels                          1 ok, 1 skipped       12.3s  scalar avx2\n"
	s, term, _ := watched()
	s.expect(2)
	var plain pipe
	for _, w := range []*screen{s, newScreen(&plain)} {
		if err := newResults(w).read(context.Background(), strings.NewReader(stream(events...)), ""); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := plain.String(), line; got != want {
		t.Errorf("not on a terminal: %q, want %q", got, want)
	}
	s.mu.Lock()
	s.draw()
	s.mu.Unlock()
	if got, want := term.seen(), line+"[1 of 2 packages, 2 tests, 0:00] lstm TestC 0:00"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
}

// TestStatusLineGoesOn: the line tells the time also while nothing happens.
func TestStatusLineGoesOn(t *testing.T) {
	read, write := io.Pipe()
	s := newScreen(pipedTerminal{write})
	s.expect(1)
	s.begin()
	b := make([]byte, 200)
	for range 3 {
		n, err := read.Read(b)
		if err != nil || !strings.Contains(string(b[:n]), "[0 of 1 packages") {
			t.Fatalf("%q, %v", b[:n], err)
		}
	}
	go io.Copy(io.Discard, read)
	s.end()
}

type pipedTerminal struct{ *io.PipeWriter }

func (pipedTerminal) Terminal() bool { return true }
