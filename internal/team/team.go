// Package team shares the process' one team of worker goroutines.
//
// Work is cut into n parts that do not depend on each other. The caller works on parts
// too, so a part never waits for a goroutine to wake up: helpers only make the work end
// sooner. Each goroutine first tries the part of its own number, so that part w of one
// piece of work after another finds in the caches of a core what part w of the last
// piece left there. Helpers are started at first need, spin for a
// fraction of a millisecond after work ended (the next piece usually follows soon)
// and then park, so an idle process costs nothing.
package team

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Run calls f(w, n) once for every w in 0..n-1, on as many goroutines as are
// free, and returns when all calls have returned. n is max, at most MaxParts, or 1 if max
// is less than 2 or if the team is at work for another caller (a call of Run
// inside f included): the caller then does all the work itself. The parts may
// run in any order and several on one goroutine: f must not make one wait for
// another.
//
// Nothing is allocated once enough helpers run, provided that f was made
// beforehand. A panic in f reaches the caller: as it is if it arose on the
// caller's goroutine, as a *Panic otherwise; parts not yet begun may be left
// out then.
func Run(max int, f func(w, n int)) {
	if max < 2 || !only.mu.TryLock() {
		f(0, 1)
		return
	}
	only.run(min(max, MaxParts), f)
}

// RunAwake is Run with max parts where as many helpers look for work, with those that do, or
// asleep parts if that is more, where others have parked, and with asleep parts where other
// programs want the processors: to wake a helper, or to wait for one that has been held up,
// takes longer than a small piece of work.
func RunAwake(max, asleep int, f func(w, n int)) {
	if max > asleep {
		max = min(max, 1+int(only.awake.Load()))
		if max <= asleep || only.isBusy(time.Since(start)) {
			max = asleep
		}
	}
	Run(max, f)
}

// MaxParts is the most parts of a piece of work.
const MaxParts = 256

// Panic is what Run panics with when a part panicked on a helper's goroutine.
type Panic struct {
	Value any    // what the part panicked with
	Stack []byte // the stack of the helper at that moment
}

func (p *Panic) Error() string {
	return fmt.Sprintf("%v\n\nraised on a worker goroutine:\n%s", p.Value, p.Stack)
}

// Unwrap returns the value that the part panicked with if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

var only team

// spins is how many times a goroutine looks for work (or for the end of it)
// before it parks, handing its processor over to others after each look of
// looks loads. On a server CPU this is about 200 us: more than what passes between two
// pieces of work of one training step, and several times what it takes to wake a helper.
//
// Where others want the processor, the time that a helper spins is taken from what it has for
// its parts. So helpers spin no more than busySpins times for busyFor after helpers were held up
// while they looked, for longer than held, three times within often. Once or twice is no sign of
// other programs: the host of a virtual machine may stop it, and a signal a process.
const (
	spins     = 2000
	looks     = 30
	busySpins = 300
	held      = time.Millisecond
	often     = 200 * time.Millisecond
	busyFor   = 2 * time.Second
)

// start is what times are counted from.
var start = time.Now()

type team struct {
	mu sync.Mutex // held by the caller whose work is being done

	// left is, from its lowest bit on, the number of parts that nobody has taken yet (16
	// bits), the number of parts of the piece (16) and the number of the piece (32), so
	// that a helper that slept through a piece cannot take a part with an outdated view.
	left atomic.Uint64
	// open is the number of parts that have not ended.
	open atomic.Int64

	// taken has for each part the number of the last piece of which it was taken.
	taken [MaxParts]struct {
		piece atomic.Uint64
		_     [56]byte // of a cache line: goroutines take their parts at the same time
	}

	// Written by the caller before it sets left, read after taking a part.
	f     func(w, n int)
	n     int
	piece uint64

	helpers  []*helper
	awake    atomic.Int32    // helpers that have not parked
	busy     atomic.Int64    // until when the machine is taken to have other work
	heldAt   [2]atomic.Int64 // when helpers were held up, the last time and the one before; 0: never
	waiting  atomic.Bool     // the caller has parked, or is about to
	ended    chan struct{}
	panicked atomic.Pointer[Panic]
}

type helper struct {
	parked atomic.Bool
	wake   chan struct{}
}

// run does f's n parts; t.mu is held.
func (t *team) run(n int, f func(w, n int)) {
	if t.ended == nil {
		t.ended = make(chan struct{}, 1)
	}
	want := min(n, runtime.GOMAXPROCS(0)) - 1
	for len(t.helpers) < want {
		h := &helper{wake: make(chan struct{}, 1)}
		t.helpers = append(t.helpers, h)
		t.awake.Add(1)
		go t.help(h, len(t.helpers))
	}
	t.piece++
	t.f, t.n = f, n
	t.open.Store(int64(n))
	t.left.Store(t.piece<<32 | uint64(n)<<16 | uint64(n))
	for _, h := range t.helpers[:max(want, 0)] {
		if h.parked.CompareAndSwap(true, false) {
			t.awake.Add(1)
			h.wake <- struct{}{}
		}
	}

	whole := false
	defer func() { t.finish(whole) }()
	for {
		w, ok := t.take(0)
		if !ok {
			break
		}
		f(w, n)
		t.open.Add(-1)
	}
	whole = true
}

// finish waits for the parts that helpers are running, frees the team, and panics with
// the value of a helper's panic. whole is false if the caller's own part panicked.
func (t *team) finish(whole bool) {
	if !whole {
		t.open.Add(-1)
		for {
			if _, ok := t.take(0); !ok {
				break
			}
			t.open.Add(-1)
		}
	}
	t.wait()
	t.f = nil
	p := t.panicked.Swap(nil)
	t.mu.Unlock()
	if p != nil && whole {
		panic(p)
	}
}

// wait returns when no part is open.
func (t *team) wait() {
	for range spins {
		for range looks {
			if t.open.Load() == 0 {
				return
			}
		}
		runtime.Gosched()
	}
	// Who ends the last part of a piece may be held up before it looks at waiting, and
	// then wake the caller of the next piece: so the caller looks again.
	for t.open.Load() != 0 {
		t.waiting.Store(true)
		if t.open.Load() == 0 && t.waiting.CompareAndSwap(true, false) {
			return
		}
		<-t.ended
	}
}

// hasWork says whether there is a part for the goroutine of number own. A piece of n parts
// is for the first n goroutines: others would take the part of one of these, which has
// what it needs in its caches.
func hasWork(left uint64, own int) bool { return uint16(left) != 0 && own < int(uint16(left>>16)) }

// take takes a part that nobody has begun: part own, or one of those that follow it. It
// first takes one from the number of those left. So there is one for it, and the piece
// cannot end before it has found it.
func (t *team) take(own int) (w int, ok bool) {
	for {
		v := t.left.Load()
		if !hasWork(v, own) {
			return 0, false
		}
		if t.left.CompareAndSwap(v, v-1) {
			break
		}
	}
	for w = own; ; w = (w + 1) % t.n {
		last := &t.taken[w].piece
		if k := last.Load(); k != t.piece && last.CompareAndSwap(k, t.piece) {
			return w, true
		}
	}
}

// help is the life of a helper, which tries part own first.
func (t *team) help(h *helper, own int) {
	// Reached only when a part called runtime.Goexit.
	defer func() { go t.help(h, own) }()
	for {
		for {
			w, ok := t.take(own)
			if !ok {
				break
			}
			t.part(w)
		}
		if t.sawWork(own) {
			continue
		}
		t.awake.Add(-1)
		h.parked.Store(true)
		if hasWork(t.left.Load(), own) && h.parked.CompareAndSwap(true, false) {
			t.awake.Add(1)
			continue
		}
		<-h.wake
	}
}

// isBusy says whether helpers were held up often not long ago: see heldUp.
func (t *team) isBusy(now time.Duration) bool { return int64(now) < t.busy.Load() }

// heldUp notes that a helper was held up until now, and says whether that is so often that the
// machine has other work.
func (t *team) heldUp(now time.Duration) bool {
	last, before := t.heldAt[0].Load(), t.heldAt[1].Load()
	if last > 0 && int64(now)-last < int64(held) { // another helper, by the same pause
		return false
	}
	t.heldAt[0].Store(int64(now))
	t.heldAt[1].Store(last)
	if before == 0 || int64(now)-before > int64(often) {
		return false
	}
	t.busy.Store(int64(now + busyFor))
	return true
}

// sawWork spins until there is a part to take, but not for long.
func (t *team) sawWork(own int) bool {
	last := time.Since(start)
	most := spins
	if t.isBusy(last) {
		most = busySpins
	}
	for range most {
		for range looks {
			if hasWork(t.left.Load(), own) {
				return true
			}
		}
		runtime.Gosched()
		now := time.Since(start)
		if now-last > held && t.heldUp(now) {
			return hasWork(t.left.Load(), own)
		}
		last = now
	}
	return false
}

// part runs part w on a helper.
func (t *team) part(w int) {
	whole := false
	defer func() {
		if !whole {
			v := recover()
			if v == nil {
				v = "team: a part of the work called runtime.Goexit"
			}
			t.panicked.CompareAndSwap(nil, &Panic{Value: v, Stack: debug.Stack()})
		}
		if t.open.Add(-1) == 0 && t.waiting.CompareAndSwap(true, false) {
			t.ended <- struct{}{}
		}
	}()
	t.f(w, t.n)
	whole = true
}
