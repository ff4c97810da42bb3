// Package interrupt ends the example programs on Ctrl-C.
//
// A program is in one of two states. While it trains, the first signal ends its
// context: the training stops after the step under way, and the program saves and
// prints what it has. At all other times, while it loads or samples, the first
// signal ends the program. In both states a second signal ends it at once.
package interrupt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Err is what a program returns from main's work when a signal ended it.
var Err = errors.New("interrupted")

// grace is how long a program has to end by itself after a signal, where it need
// not finish a step of training. A phase that does not look at the context, or
// that waits for a reader of its output, is ended after it.
const grace = time.Second

// A Guard is the state of one program.
type Guard struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	inOrder bool
	status  int
}

// Under returns a Guard that ctx ends, without signals.
func Under(ctx context.Context) *Guard {
	g := &Guard{status: 130}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// Watch returns a Guard for Ctrl-C, SIGTERM and SIGHUP, as far as the program was
// not started with these ignored. It calls notice when the program is going to end
// in order, and writes to stderr, after the name of the program, where it ends the
// program itself.
func Watch(name string, notice func(), stderr io.Writer) *Guard {
	g := Under(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		if g.begin(<-signals) {
			notice()
			g.setStatus(<-signals)
		} else {
			select {
			case <-signals:
			case <-time.After(grace):
			}
		}
		fmt.Fprintf(stderr, "\n%s: %v\n", name, Err)
		os.Exit(g.Status())
	}()
	return g
}

// begin takes in the first signal, and reports whether the program ends in order.
func (g *Guard) begin(s os.Signal) bool {
	g.setStatus(s)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel()
	return g.inOrder
}

func (g *Guard) setStatus(s os.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n, ok := s.(syscall.Signal); ok {
		g.status = 128 + int(n)
	}
}

// Status is the exit status of a program that a signal ended: 128 and the number
// of the signal, 130 for Ctrl-C.
func (g *Guard) Status() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

// Context ends with the first signal.
func (g *Guard) Context() context.Context { return g.ctx }

// InOrder calls work, which ends in order when its context does. It returns Err,
// without calling work, when a signal came before.
func (g *Guard) InOrder(work func(context.Context) error) error {
	g.mu.Lock()
	stopped := g.ctx.Err() != nil
	g.inOrder = !stopped
	g.mu.Unlock()
	if stopped {
		return Err
	}
	defer func() {
		g.mu.Lock()
		g.inOrder = false
		g.mu.Unlock()
	}()
	return work(g.ctx)
}
