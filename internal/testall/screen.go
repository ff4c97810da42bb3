package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// A console is where the results go.
type console interface {
	io.Writer
	// Terminal reports whether a person looks at it, who sees a line rewritten.
	Terminal() bool
}

type stdout struct{ *os.File }

func (s stdout) Terminal() bool {
	info, err := s.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// A screen passes on what is written to it. On a terminal it keeps a last line
// below that, which says what is running and how far along it is.
type screen struct {
	out  console
	live bool
	now  func() time.Time

	mu       sync.Mutex
	began    time.Time
	expected int // packages
	done     int
	tests    int // ended
	running  []*runningPackage
	shown    int  // characters of the status line on the screen
	partial  bool // what was written last does not end a line
	ended    chan struct{}
}

// A runningPackage is one whose tests have started.
type runningPackage struct {
	name, test string
	since      time.Time
}

// columns is what fits on a terminal; a line that wraps cannot be rewritten.
const columns = 79

func newScreen(out console) *screen {
	return &screen{out: out, live: out.Terminal(), now: time.Now, began: started, ended: make(chan struct{})}
}

// begin keeps the status line up to date until end.
func (s *screen) begin() {
	if !s.live {
		return
	}
	go func() {
		for {
			s.mu.Lock()
			s.draw()
			s.mu.Unlock()
			select {
			case <-s.ended:
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
}

// end takes the status line away.
func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		s.erase()
		s.live = false
		close(s.ended)
	}
}

// Write writes above the status line.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	s.erase()
	n, err := s.out.Write(b)
	s.partial = !bytes.HasSuffix(b, []byte("\n"))
	s.draw()
	return n, err
}

func (s *screen) erase() {
	if s.shown > 0 {
		fmt.Fprintf(s.out, "\r%*s\r", s.shown, "")
		s.shown = 0
	}
}

// draw writes the status line over the one before.
func (s *screen) draw() {
	if !s.live || s.partial {
		return
	}
	line := s.status()
	n := utf8.RuneCountInString(line)
	fmt.Fprintf(s.out, "\r%s%*s", line, max(0, s.shown-n), "")
	s.shown = max(s.shown, n)
}

// status is the line: packages and tests that have ended, the time, and what is
// running with its test and for how long.
func (s *screen) status() string {
	line := fmt.Sprintf("[%d of %d packages, %d tests, %s] ", s.done, max(s.expected, s.done+len(s.running)), s.tests, clock(s.now().Sub(s.began)))
	if len(s.running) == 0 {
		line += "building"
	}
	for i, p := range s.running {
		if i > 0 {
			line += ", "
		}
		line += p.name
		if p.test != "" {
			line += " " + p.test
		}
		line += " " + clock(s.now().Sub(p.since))
	}
	if r := []rune(line); len(r) > columns {
		line = string(r[:columns-3]) + "..."
	}
	return line
}

// clock writes a time to the second.
func clock(d time.Duration) string {
	n := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// expect adds packages that will be tested.
func (s *screen) expect(packages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected += packages
}

// The methods below report the progress of packages. A package has the name that it has
// in the table.

func (s *screen) startPackage(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, &runningPackage{name: name, since: s.now()})
}

func (s *screen) startTest(name, test string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(name); i >= 0 {
		s.running[i].test = test
	}
}

func (s *screen) endTest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tests++
}

func (s *screen) endPackage(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if i := s.find(name); i >= 0 {
		s.running = slices.Delete(s.running, i, i+1)
	}
}

func (s *screen) find(name string) int {
	return slices.IndexFunc(s.running, func(p *runningPackage) bool { return p.name == name })
}
