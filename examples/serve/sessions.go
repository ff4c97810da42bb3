package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// A session is the state of one client. One request at a time uses it; its memory is never
// that of another session, not after its end either.
type session struct {
	id   string
	lane *lane
	last int32 // the symbol that was read last; -1: none was

	// Of the table.
	inUse  bool
	used   time.Time
	cancel context.CancelCauseFunc // ends the request under way
}

// A table has the open sessions by their names.
type table struct {
	limit int
	m     *metrics

	mu       sync.Mutex
	sessions map[string]*session
}

func newTable(limit int, m *metrics) *table {
	return &table{limit: limit, m: m, sessions: map[string]*session{}}
}

// open opens a session with a lane of its own, which has read last last. Its name is drawn from 128 bits of the operating system's random
// numbers: who does not know it does not find it.
func (t *table) open(l *lane, last int32) (*session, error) {
	s := &session{id: rand.Text(), lane: l, last: last, used: time.Now()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sessions) >= t.limit {
		return nil, errFull.given(fmt.Sprintf("%d sessions are open", t.limit))
	}
	t.sessions[s.id] = s
	t.m.opened.Inc()
	t.m.sessions.Set(float64(len(t.sessions)))
	return s, nil
}

// take gives a session to a request, until give. A session that another request has is an
// error. The context ends with the cause errClosed when the session is closed.
func (t *table) take(ctx context.Context, id string) (*session, context.Context, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[id]
	switch {
	case s == nil:
		return nil, nil, errUnknown
	case s.inUse:
		return nil, nil, errBusy
	}
	s.inUse = true
	ctx, s.cancel = context.WithCancelCause(ctx)
	return s, ctx, nil
}

// give takes a session back from a request.
func (t *table) give(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.cancel(nil)
	s.inUse, s.cancel, s.used = false, nil, time.Now()
}

// close closes a session, and ends a request that has it.
func (t *table) close(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[id]
	if s == nil {
		return errUnknown
	}
	if s.inUse {
		s.cancel(errClosed)
	}
	t.remove(s, "client")
	return nil
}

// expire closes the sessions that no request has used since.
func (t *table) expire(since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sessions {
		if !s.inUse && s.used.Before(since) {
			t.remove(s, "idle")
		}
	}
}

func (t *table) remove(s *session, reason string) {
	delete(t.sessions, s.id)
	t.m.closed.WithLabelValues(reason).Inc()
	t.m.sessions.Set(float64(len(t.sessions)))
}

// A turn is a request's use of a session: a decode.Stepper of one row. Between begin and end
// it computes, and batches wait for its steps.
type turn struct {
	*session
	b      *batcher
	ctx    context.Context
	replay bool // the next step has been made: its symbol is last
}

// Dims implements decode.Stepper.
func (t *turn) Dims() (batch, in, out int) { return 1, t.b.symbols, t.b.symbols }

// StepIDs implements decode.Stepper. It returns the cause of the context when that has ended.
func (t *turn) StepIDs(y []float32, ids []int32) error {
	if t.replay {
		t.replay = false
		copy(y, t.lane.logits)
		return nil
	}
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if err := t.b.step(t.lane, ids[0]); err != nil {
		return err
	}
	t.last = ids[0]
	copy(y, t.lane.logits)
	return nil
}

// resume returns what a text that goes on begins with: the symbol that was read last, which
// is not read again.
func (t *turn) resume() []int32 {
	t.replay = true
	return []int32{t.last}
}
