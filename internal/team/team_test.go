package team

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachPartOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 8, 64} {
		for round := range 200 {
			parts := max(n, 1)
			seen := make([]int, parts)
			Run(n, func(w, got int) {
				if got != parts {
					t.Errorf("n = %d, want %d", got, parts)
				}
				seen[w]++ // the race detector sees two calls for one w
			})
			for w, k := range seen {
				if k != 1 {
					t.Fatalf("round %d: part %d of %d ran %d times", round, w, n, k)
				}
			}
			if round == 100 {
				time.Sleep(2 * time.Millisecond) // let the helpers park
			}
		}
	}
}

// A part that the caller waits for longer than it spins: both must park and
// wake.
func TestSlowParts(t *testing.T) {
	for range 20 {
		var done atomic.Int32
		Run(4, func(w, n int) {
			if w != n-1 {
				time.Sleep(3 * time.Millisecond)
			}
			done.Add(1)
		})
		if done.Load() != 4 {
			t.Fatalf("Run returned after %d of 4 parts", done.Load())
		}
	}
}

func TestBusyTeam(t *testing.T) {
	Run(2, func(w, n int) {
		Run(8, func(w, n int) {
			if w != 0 || n != 1 {
				t.Errorf("inside a part: w=%d n=%d, want 0 and 1", w, n)
			}
		})
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				var sum, n atomic.Int64
				Run(3, func(w, k int) { sum.Add(int64(w + 1)); n.Store(int64(k)) })
				if want := n.Load() * (n.Load() + 1) / 2; sum.Load() != want {
					t.Errorf("sum %d of %d parts, want %d", sum.Load(), n.Load(), want)
				}
			}
		})
	}
	group.Wait()
}

func TestPanicReachesCaller(t *testing.T) {
	boom := errors.New("boom")
	try := func(bad func(w int) bool) (v any) {
		defer func() { v = recover() }()
		Run(4, func(w, n int) {
			if bad(w) {
				panic(boom)
			}
			time.Sleep(100 * time.Microsecond)
		})
		return nil
	}
	for range 50 {
		for part := range 4 {
			v := try(func(w int) bool { return w == part })
			err, ok := v.(error)
			if !ok || !errors.Is(err, boom) {
				t.Fatalf("part %d: recovered %v, want boom", part, v)
			}
		}
		try(func(int) bool { return true })
		if v := try(func(int) bool { return false }); v != nil {
			t.Fatalf("a panic outlived its call: %v", v)
		}
	}
}

func TestGoexit(t *testing.T) {
	for range 10 {
		ended := make(chan any)
		go func() {
			defer close(ended)
			defer func() {
				if v := recover(); v != nil {
					ended <- v
				}
			}()
			Run(2, func(w, n int) { runtime.Goexit() })
		}()
		<-ended
	}
	n := 0
	Run(2, func(w, k int) {
		if w == 0 {
			n++
		}
	})
	if n != 1 {
		t.Fatal("the team is gone")
	}
}

// A goroutine that takes the part of its own number finds in its caches what that part of
// the last piece left there. It takes another part only if somebody has its own, or if
// there is none of that number.
func TestOwnPartFirst(t *testing.T) {
	var team team
	for piece := range uint64(3) {
		team.n, team.piece = 4, piece+1
		team.left.Store(team.piece<<32 | 4<<16 | 4)
		if w, ok := team.take(4); ok {
			t.Fatalf("number 4 takes part %d of a piece of 4 parts", w)
		}
		for _, c := range []struct{ own, want int }{{1, 1}, {0, 0}, {3, 3}, {1, 2}} {
			if w, ok := team.take(c.own); !ok || w != c.want {
				t.Fatalf("piece %d: number %d takes part %d, %v, want %d", piece, c.own, w, ok, c.want)
			}
		}
		if w, ok := team.take(0); ok {
			t.Fatalf("part %d is taken twice", w)
		}
	}
}

// Who ended the last part of a piece and was held up before it woke the caller wakes the
// caller of the next piece. That one waits on until its own parts have ended.
func TestLateWake(t *testing.T) {
	team := team{ended: make(chan struct{}, 1)}
	end := func() {
		for !team.waiting.CompareAndSwap(true, false) {
			runtime.Gosched()
		}
		team.ended <- struct{}{}
	}
	team.open.Store(1)
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		team.wait()
	}()
	end() // of the piece before
	select {
	case <-returned:
		t.Fatal("the wait ended while a part was running")
	case <-time.After(20 * time.Millisecond):
	}
	team.open.Add(-1)
	end()
	<-returned
}

// More parts than MaxParts are MaxParts.
func TestMaxParts(t *testing.T) {
	var ran atomic.Int64
	Run(3*MaxParts, func(w, n int) {
		if n != MaxParts || w >= n {
			t.Errorf("part %d of %d", w, n)
		}
		ran.Add(1)
	})
	if ran.Load() != MaxParts {
		t.Errorf("%d parts ran, want %d", ran.Load(), MaxParts)
	}
}

func TestAllocatesNothing(t *testing.T) {
	f := func(w, n int) {}
	Run(4, f)
	if a := testing.AllocsPerRun(100, func() { Run(4, f) }); a != 0 {
		t.Errorf("%v allocations a call", a)
	}
}

func BenchmarkRun(b *testing.B) {
	f := func(w, n int) {}
	for b.Loop() {
		Run(2, f)
	}
}

// TestRunAwake: a piece of work has all its parts while helpers look for work, and as many as are
// worth waking helpers for when they have parked.
func TestRunAwake(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	parts := func(asleep int) (n int) {
		RunAwake(3, asleep, func(w, of int) {
			if w == 0 {
				n = of
			}
		})
		return n
	}
	parked := func() {
		for begin := time.Now(); only.awake.Load() != 0; time.Sleep(time.Millisecond) {
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("%d helpers are awake after 20 s without work", only.awake.Load())
			}
		}
	}
	Run(3, func(w, n int) {}) // starts the helpers
	parked()
	for range 3 {
		if n := parts(1); n != 1 {
			t.Errorf("%d parts while helpers are parked, want 1", n)
		}
	}
	if n := parts(2); n != 2 {
		t.Errorf("%d parts while helpers are parked, want the 2 that are worth it", n)
	}
	if n := parts(3); n != 3 {
		t.Errorf("%d parts while helpers are parked, want all 3", n)
	}
	// A machine with other work may hold helpers up until they park, but not always.
	for tries := 0; ; tries++ {
		only.busy.Store(0)
		Run(3, func(w, n int) {})
		if parts(1) == 3 {
			break
		}
		if tries == 10_000 {
			t.Fatal("never 3 parts right after a piece of work of 3")
		}
	}
	// Where other programs want the processors, helpers that look for work do not count.
	only.busy.Store(int64(time.Since(start) + time.Hour))
	for range 100 {
		Run(3, func(w, n int) {})
		if n := parts(1); n != 1 {
			t.Fatalf("%d parts on a busy machine, want 1", n)
		}
	}
	only.busy.Store(0)
	parked() // and the count is right: none below zero, none left
	if n := parts(1); n != 1 {
		t.Errorf("%d parts while helpers are parked again, want 1", n)
	}
}

// TestHeldUp: the third time within a fifth of a second says that the machine has other work. What
// holds up all helpers at once is one time.
func TestHeldUp(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		times []time.Duration
		busy  bool // after the last of them
	}{
		{[]time.Duration{500 * ms}, false},
		{[]time.Duration{1 * ms, 30 * ms}, false},
		{[]time.Duration{500 * ms, 530 * ms, 560 * ms}, true},
		{[]time.Duration{500 * ms, 530 * ms, 700 * ms}, true},
		{[]time.Duration{500 * ms, 530 * ms, 701 * ms}, false},
		{[]time.Duration{500 * ms, 530 * ms, 701 * ms, 730 * ms}, true},
		{[]time.Duration{500 * ms, 500*ms + 1, 500*ms + 2, 530 * ms, 530*ms + 1}, false},
		{[]time.Duration{500 * ms, 700 * ms, 900 * ms, 1100 * ms}, false},
	} {
		var team team
		for i, now := range c.times {
			want := c.busy && i == len(c.times)-1
			if got := team.heldUp(now); got != want || team.isBusy(now) != want {
				t.Errorf("held up at %v of %v: %v, busy: %v, want %v", now, c.times, got, team.isBusy(now), want)
			}
		}
		last := c.times[len(c.times)-1]
		if team.isBusy(last+busyFor-1) != c.busy || team.isBusy(last+busyFor) {
			t.Errorf("held up at %v: busy in two seconds: %v, after them: %v", c.times, team.isBusy(last+busyFor-1), team.isBusy(last+busyFor))
		}
	}
}

// TestBusyMachine: a helper that others keep from looking for work says so, for a while.
func TestBusyMachine(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for !stop.Load() {
			for begin := time.Now(); time.Since(begin) < 3*held; {
			}
			runtime.Gosched()
		}
	}()
	only.busy.Store(0)
	for tries := 0; !only.isBusy(time.Since(start)); tries++ {
		if only.sawWork(MaxParts) || tries == 2 {
			t.Fatal("never busy beside a goroutine that takes the processor for 3 ms at a time")
		}
	}
	if only.isBusy(time.Since(start) + busyFor) {
		t.Error("busy for longer than it should be")
	}
	only.busy.Store(0)
}
