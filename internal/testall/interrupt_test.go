//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A lockedPipe is a console that may be read while the program writes.
type lockedPipe struct {
	mu   sync.Mutex
	text strings.Builder
}

func (*lockedPipe) Terminal() bool { return false }

func (p *lockedPipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *lockedPipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// TestInterrupt: Ctrl-C ends go test and the tests that it runs, even those that do
// not listen, and the table has what was found before.
func TestInterrupt(t *testing.T) {
	for _, c := range []struct{ name, listens string }{{"usual", ""}, {"deaf", "signal.Ignore(os.Interrupt)"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			beats := filepath.Join(root, "beats") // grows while the test runs
			for name, text := range map[string]string{
				"go.mod":      "module " + rootModule + "\n\ngo 1.26\n",
				"a/a_test.go": "package a\nimport \"testing\"\nfunc TestA(t *testing.T) {}\n",
				"b/b_test.go": `package b
import ("os"; "os/signal"; "testing"; "time")
var _ = signal.Ignore
func TestB(t *testing.T) {}
func TestC(t *testing.T) {
	` + c.listens + `
	f, _ := os.Create(` + strconv.Quote(beats) + `)
	for { f.WriteString("."); time.Sleep(10 * time.Millisecond) }
}
`,
			} {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			size := func() int64 {
				info, err := os.Stat(beats)
				if err != nil {
					return 0
				}
				return info.Size()
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var w lockedPipe
			ended := make(chan int)
			go func() {
				status, err := run(ctx, root, options{}, &w)
				if err != nil {
					t.Error(err)
				}
				ended <- status
			}()
			for begin := time.Now(); size() == 0 || !strings.Contains(w.String(), "ok    a  "); time.Sleep(10 * time.Millisecond) {
				if time.Since(begin) > time.Minute {
					cancel()
					t.Fatalf("the tests do not begin:\n%s", w.String())
				}
			}
			cancel()
			select {
			case status := <-ended:
				if status != 130 {
					t.Errorf("status %d, want 130", status)
				}
			case <-time.After(10 * killAfter):
				t.Fatal("it does not end")
			}
			contains(t, w.String(), "cut off", "interrupted: this is what was found so far", " passed, 0 failed, 0 skipped\n")
			if strings.Contains(w.String(), "FAIL") {
				t.Errorf("what was interrupted did not fail:\n%s", w.String())
			}
			before := size()
			time.Sleep(300 * time.Millisecond)
			if size() != before {
				t.Error("the test goes on after the end of the command")
			}
		})
	}
}
