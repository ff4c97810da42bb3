package dist

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// Run calls f in n goroutines, each with its rank of one group, and returns when all have
// returned. A rank that returns an error, or that panics, ends the group: the calls of the
// others return an error too. So does the end of ctx. Run returns the error that came
// first, as a *RankError.
//
// All ranks share the workers and the memory bandwidth of one process, so this is no way to
// be faster: it is for tests, and to see how training on several machines works.
func Run(ctx context.Context, n int, f func(g Group) error) error {
	if n < 1 {
		return fmt.Errorf("dist: %d ranks, want at least 1", n)
	}
	r := &room{calls: make([]call, n), went: make(chan struct{}), broken: make(chan struct{}), gone: -1}
	stop := context.AfterFunc(ctx, func() { r.fail(ctx.Err()) })
	defer stop()
	var ranks sync.WaitGroup
	for rank := range n {
		ranks.Add(1)
		go func() {
			defer ranks.Done()
			r.leave(rank, guarded(f, &local{rank, r}))
		}()
	}
	ranks.Wait()
	return r.first
}

// guarded calls f. A panic is an error.
func guarded(f func(g Group) error, g Group) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f(g)
}

// A room is where the ranks of Run meet.
type room struct {
	mutex   sync.Mutex
	calls   []call
	arrived int
	went    chan struct{} // closed when all have arrived
	broken  chan struct{} // closed when the group cannot be used any more
	cause   error         // then
	gone    int           // a rank that has returned without an error, or -1
	first   error         // that a rank returned
}

// A call is what a rank has brought.
type call struct {
	name   string
	v      []float32
	counts []int
	b      []byte
	root   int
}

// fail ends the group.
func (r *room) fail(cause error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.failLocked(cause)
}

func (r *room) failLocked(cause error) {
	if r.cause == nil {
		r.cause = cause
		close(r.broken)
	}
}

// leave is called when a rank has returned.
func (r *room) leave(rank int, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil {
		r.gone = rank
		if r.arrived > 0 {
			r.failLocked(&RankError{rank, errEnded})
		}
		return
	}
	err = &RankError{rank, err}
	if r.first == nil {
		r.first = err
	}
	r.failLocked(err)
}

// meet waits until all ranks have come. The last one looks whether they fit together.
func (r *room) meet(check func() error) error {
	r.mutex.Lock()
	switch {
	case r.cause != nil:
		defer r.mutex.Unlock()
		return r.cause
	case r.gone >= 0:
		defer r.mutex.Unlock()
		r.failLocked(&RankError{r.gone, errEnded})
		return r.cause
	}
	went := r.went
	if r.arrived++; r.arrived == len(r.calls) {
		defer r.mutex.Unlock()
		if check != nil {
			if err := check(); err != nil {
				r.failLocked(err)
				return err
			}
		}
		r.arrived, r.went = 0, make(chan struct{})
		close(went)
		return nil
	}
	r.mutex.Unlock()
	select {
	case <-went:
		return nil
	case <-r.broken:
	}
	select { // the last rank may have come, and gone on, before the group was ended
	case <-went:
		return nil
	default:
		return r.cause
	}
}

// local is one rank of Run.
type local struct {
	rank int
	room *room
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return len(l.room.calls) }

// together brings c, waits for all, lets each rank take what it wants of the others, and
// waits until all have done so.
func (l *local) together(c call, check func() error, take func(calls []call)) error {
	r := l.room
	r.mutex.Lock()
	r.calls[l.rank] = c
	r.mutex.Unlock()
	err := r.meet(func() error {
		for rank := range r.calls {
			if name := r.calls[rank].name; name != r.calls[0].name {
				return fmt.Errorf("dist: rank %d calls %s, rank 0 calls %s; all ranks make the same calls in the same order", rank, name, r.calls[0].name)
			}
		}
		if check == nil {
			return nil
		}
		return check()
	})
	if err != nil {
		return err
	}
	take(r.calls)
	return r.meet(nil)
}

func (l *local) Exchange(recv []float32, recvCounts []int, send []float32, sendCounts []int) error {
	err := errors.Join(checkCounts("Exchange", "send", len(send), sendCounts, l.Size()), checkCounts("Exchange", "recv", len(recv), recvCounts, l.Size()))
	if err != nil {
		return err
	}
	var bad error
	err = l.together(call{name: "Exchange", v: send, counts: sendCounts}, nil, func(calls []call) {
		for from, c := range calls {
			at := 0
			for _, n := range c.counts[:l.rank] {
				at += n
			}
			n := c.counts[l.rank]
			if n != recvCounts[from] {
				bad = fmt.Errorf("dist: Exchange: rank %d sends %d elements to rank %d, which receives %d", from, n, l.rank, recvCounts[from])
				return
			}
			copy(recv[:n], c.v[at:])
			recv = recv[n:]
		}
	})
	if bad != nil {
		l.room.fail(&RankError{l.rank, bad})
	}
	return errors.Join(err, bad)
}

func (l *local) Collect(v []float32, counts []int) error {
	if err := checkCounts("Collect", "v", len(v), counts, l.Size()); err != nil {
		return err
	}
	check := func() error {
		for rank, c := range l.room.calls {
			if !slices.Equal(c.counts, l.room.calls[0].counts) {
				return fmt.Errorf("dist: Collect: rank %d has counts %v, rank 0 %v", rank, c.counts, l.room.calls[0].counts)
			}
		}
		return nil
	}
	return l.together(call{name: "Collect", v: v, counts: counts}, check, func(calls []call) {
		at := 0
		for from, n := range counts {
			if from != l.rank {
				copy(v[at:at+n], calls[from].v[at:])
			}
			at += n
		}
	})
}

func (l *local) Gather(b []byte) (all [][]byte, err error) {
	err = l.together(call{name: "Gather", b: b}, nil, func(calls []call) {
		for _, c := range calls {
			all = append(all, slices.Clone(c.b))
		}
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (l *local) Broadcast(b []byte, root int) (got []byte, err error) {
	if err := checkRoot(root, l.Size()); err != nil {
		return nil, err
	}
	check := func() error {
		for rank, c := range l.room.calls {
			if c.root != l.room.calls[0].root {
				return fmt.Errorf("dist: Broadcast: rank %d takes the bytes of rank %d, rank 0 those of rank %d", rank, c.root, l.room.calls[0].root)
			}
		}
		return nil
	}
	got = b
	err = l.together(call{name: "Broadcast", b: b, root: root}, check, func(calls []call) {
		if l.rank != root {
			got = slices.Clone(calls[root].b)
		}
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (l *local) Barrier() error { return l.together(call{name: "Barrier"}, nil, func([]call) {}) }

// Close does nothing: a rank leaves when its function returns.
func (l *local) Close() error { return nil }
