package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"
)

// A lane is the place of one session at the batcher. Its owner calls batcher.step, and
// touches nothing of it until that returns.
type lane struct {
	state  []float32 // of one row: tensor after tensor, [layers][width] each
	logits []float32 // [symbols] after the last step

	id    int32         // what the step under way reads
	began time.Time     // when it was asked for
	done  chan struct{} // has a token when the step has been made
}

// A batcher makes the steps of all sessions. One goroutine owns the predictors: it takes
// the lanes that wait, puts their states in the rows of a predictor, makes one step of all,
// and takes the states out again. Rows are independent and have the same bits in any batch,
// so who else is in the batch does not show in an answer.
//
// There is a predictor for each size 1, 2, 4, ... of a batch, so that one client alone does
// not pay for rows that are empty. Each has a packed copy of the weights.
type batcher struct {
	symbols     int
	layers      []int   // of each state tensor
	rungs       []*rung // by rows ascending
	queue       chan *lane
	wait        time.Duration
	busy        atomic.Int64 // owners who compute, and so will soon ask for a step
	observe     observer
	quit, ended chan struct{}
}

// An observer is told of each batch, and of the time that each of its lanes has waited.
type observer interface {
	batch(rows int, took time.Duration)
	step(took time.Duration)
}

// A rung is a predictor and what one step of it reads and writes.
type rung struct {
	rows  int
	p     *nn.ModelPredictor
	state [][]float32 // as State returns it: [layers][rows][width] each
	ids   []int32
	y     []float32 // [rows][symbols]
}

// newBatcher makes the predictors for batches of at most most rows, and starts the goroutine,
// which stop ends. A batch that is not full waits for the lanes of busy owners, for at most
// wait. There are at most lanes lanes.
func newBatcher(m *model, most, lanes int, wait time.Duration, observe observer) (*batcher, error) {
	b := &batcher{
		symbols: m.symbols, layers: m.layers, wait: wait, observe: observe,
		queue: make(chan *lane, lanes), // a lane waits once at most, so nobody waits to get in
		quit:  make(chan struct{}), ended: make(chan struct{}),
	}
	for rows := 1; ; rows = min(2*rows, most) {
		p, err := m.net.Predictor(rows)
		if err != nil {
			return nil, err
		}
		b.rungs = append(b.rungs, &rung{rows, p, p.State(), make([]int32, rows), make([]float32, rows*m.symbols)})
		if rows == most {
			break
		}
	}
	go b.run(make([]*lane, 0, most))
	return b, nil
}

// newLane makes a lane in zero state.
func (b *batcher) newLane() *lane {
	n := 0
	for _, t := range b.rungs[0].state {
		n += len(t)
	}
	return &lane{state: make([]float32, n), logits: make([]float32, b.symbols), done: make(chan struct{}, 1)}
}

var errStopped = errors.New("the server has stopped")

// step reads a symbol on a lane: it sets the logits and advances the state. An id that is no
// symbol is a *data.IDError, which is found here since in a batch it would be an error of all
// lanes. On an error the lane is as before.
func (b *batcher) step(l *lane, id int32) error {
	if id < 0 || int(id) >= b.symbols {
		return &data.IDError{What: "symbol", ID: id, Limit: b.symbols}
	}
	l.id, l.began = id, time.Now()
	b.queue <- l
	select {
	case <-l.done:
		return nil
	case <-b.ended:
		return errStopped
	}
}

// enter and leave are called by an owner who begins and ends to compute. A batch does not
// wait for one who waits for a client.
func (b *batcher) enter() { b.busy.Add(1) }
func (b *batcher) leave() { b.busy.Add(-1) }

// stop ends the goroutine. Steps that wait return errStopped.
func (b *batcher) stop() {
	close(b.quit)
	<-b.ended
}

func (b *batcher) run(lanes []*lane) {
	defer close(b.ended)
	timer := time.NewTimer(b.wait)
	timer.Stop()
	for {
		select {
		case l := <-b.queue:
			lanes = append(lanes[:0], l)
		case <-b.quit:
			return
		}
		lanes = b.fill(lanes, timer)
		began := time.Now()
		b.make(lanes)
		now := time.Now()
		b.observe.batch(len(lanes), now.Sub(began))
		for _, l := range lanes {
			b.observe.step(now.Sub(l.began))
			l.done <- struct{}{}
		}
	}
}

// fill adds lanes to a batch: those that wait and, for a short time, those that come.
func (b *batcher) fill(lanes []*lane, timer *time.Timer) []*lane {
	waiting := false
	for len(lanes) < cap(lanes) {
		select {
		case l := <-b.queue:
			lanes = append(lanes, l)
			continue
		default:
		}
		if b.wait == 0 || int64(len(lanes)) >= b.busy.Load() {
			break
		}
		if !waiting {
			timer.Reset(b.wait)
			waiting = true
		}
		select {
		case l := <-b.queue:
			lanes = append(lanes, l)
		case <-timer.C:
			return lanes
		}
	}
	timer.Stop()
	return lanes
}

// make makes one step of all lanes. It allocates nothing.
func (b *batcher) make(lanes []*lane) {
	i := 0
	for b.rungs[i].rows < len(lanes) {
		i++
	}
	r := b.rungs[i]
	for row := range r.rows {
		if row < len(lanes) {
			r.ids[row] = lanes[row].id
			b.move(r, row, lanes[row].state, true)
		} else {
			r.ids[row] = 0 // what the row reads is of no use, but must be a symbol
		}
	}
	err := r.p.SetState(r.state)
	if err == nil {
		err = r.p.StepIDs(r.y, r.ids)
	}
	if err != nil {
		panic(fmt.Sprintf("serve: a step that was checked is refused: %v", err))
	}
	r.p.CopyState(r.state)
	for row, l := range lanes {
		copy(l.logits, r.y[row*b.symbols:])
		b.move(r, row, l.state, false)
	}
}

// move copies the state of a row, in or out.
func (b *batcher) move(r *rung, row int, state []float32, in bool) {
	for i, t := range r.state {
		width := len(t) / b.layers[i] / r.rows
		for layer := range b.layers[i] {
			at := t[(layer*r.rows+row)*width:][:width]
			if in {
				copy(at, state)
			} else {
				copy(state, at)
			}
			state = state[width:]
		}
	}
}
