// Package measure runs one operation on this library and on others, in turn, so
// that both sides of every ratio saw the same machine: its clock moves, and
// others use it.
package measure

import (
	"fmt"
	"time"
)

// A Runner times n calls of one operation.
type Runner interface {
	Run(n int) (time.Duration, error)
}

// An Own is this library on one tier. Peak is the speed, in GFLOP/s, of a loop of
// multiply-adds of the tier's width on as many cores, measured for about d in the
// same process; 0 where there is none.
type Own interface {
	Runner
	Peak(d time.Duration) (float64, error)
}

// A Plan says how long everything takes.
type Plan struct {
	Rounds int           // turns of each library at one shape
	Slice  time.Duration // a turn takes about that long, or one call if that is longer
	Budget time.Duration // what a library may take for its turns at one shape: where a turn is long there are fewer, at least one
}

// Peaks are two measurements of [Own.Peak], in GFLOP/s. The clock of a processor depends on
// what it does, and for some milliseconds on what it did just before.
type Peaks struct {
	Then  float64 // in the first moment after a turn of ours, at the clock that it had
	Alone float64 // over a time in which the clock becomes that of the loop itself
}

// A Pair is a turn of ours and the turn of a peer that followed it. The times are
// nanoseconds a call, the peaks were measured right after ours.
type Pair struct {
	Own, Peer float64
	Peaks
}

// A Turn is a turn of ours.
type Turn struct {
	NS float64
	Peaks
}

// then is how long the peak is measured in the first moment after a turn: long enough for
// an interruption of some microseconds not to count, short enough for the clock to stay.
const then = 300 * time.Microsecond

// peaks measures both after a turn.
func peaks(plan Plan, o Own) (p Peaks, err error) {
	if p.Then, err = o.Peak(then); err != nil {
		return p, err
	}
	p.Alone, err = o.Peak(min(max(plan.Slice/5, time.Millisecond), 20*time.Millisecond))
	return p, err
}

// Results are what Shape returns: indices are those of its arguments.
type Results struct {
	Own   [][]Turn   // [own]
	Pairs [][][]Pair // [own][peer]
	Err   []error    // [peer]: why it has no pairs, or fewer
}

// Shape measures an operation that all have been set up for. In each round every peer has a
// turn, and before it every one of ours:
//
//	ours, first peer, ours, second peer, ...
//
// A peer that fails is left out from then on; if one of ours fails there is
// nothing to compare, and the error is returned.
func Shape(plan Plan, own []Own, peers []Runner) (Results, error) {
	r := Results{Own: make([][]Turn, len(own)), Pairs: make([][][]Pair, len(own)), Err: make([]error, len(peers))}
	ours := make([]turn, len(own))
	rounds := plan.Rounds
	for i, o := range own {
		r.Pairs[i] = make([][]Pair, len(peers))
		var err error
		if ours[i], err = calibrate(plan, o); err != nil {
			return r, err
		}
		rounds = min(rounds, ours[i].rounds)
	}
	theirs := make([]turn, len(peers))
	for i, p := range peers {
		theirs[i], r.Err[i] = calibrate(plan, p)
	}
	var last []Turn
	take := func() error {
		last = last[:0]
		for i, o := range own {
			ns, err := ours[i].take()
			if err != nil {
				return err
			}
			peak, err := peaks(plan, o)
			if err != nil {
				return err
			}
			last = append(last, Turn{ns, peak})
			r.Own[i] = append(r.Own[i], last[i])
		}
		return nil
	}
	for round := range rounds {
		alone := true
		for k := range peers {
			if r.Err[k] != nil || round >= theirs[k].rounds {
				continue
			}
			if err := take(); err != nil {
				return r, err
			}
			alone = false
			ns, err := theirs[k].take()
			if err != nil {
				r.Err[k] = err
				continue
			}
			for i, t := range last {
				r.Pairs[i][k] = append(r.Pairs[i][k], Pair{t.NS, ns, t.Peaks})
			}
		}
		if alone {
			if err := take(); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// turn is a library's turn at one shape.
type turn struct {
	Runner
	calls, warm int
	rounds      int
}

// long is a call after which a warm-up call has nothing left to warm.
const long = 250 * time.Millisecond

// calibrate finds how many calls make a turn. The first call is not looked at: it
// pays for pages that are touched for the first time and for what libraries
// compile or pack at their first call. Only where it takes a good part of the
// budget it has to do.
func calibrate(plan Plan, r Runner) (turn, error) {
	t := turn{Runner: r, calls: 1}
	took, err := r.Run(1)
	if err != nil {
		return t, err
	}
	if took >= plan.Budget/4 {
		t.rounds = min(plan.Rounds, max(1, int(plan.Budget/took)))
		return t, nil
	}
	for {
		if took, err = r.Run(t.calls); err != nil {
			return t, err
		}
		if took <= 0 {
			return t, fmt.Errorf("%d calls took %v", t.calls, took)
		}
		if took >= plan.Slice/2 || t.calls >= 1<<30 {
			break
		}
		t.calls = min(10*t.calls, int(1.2*float64(t.calls)*float64(plan.Slice)/float64(took))+1)
	}
	call := took / time.Duration(t.calls)
	t.calls = max(1, int(float64(t.calls)*float64(plan.Slice)/float64(took)))
	if call < long {
		t.warm = 1 + t.calls/10
	}
	// Ceil(budget / time of a turn) would go beyond the budget.
	whole := max(call*time.Duration(t.calls+t.warm), 1)
	t.rounds = min(plan.Rounds, max(1, int(plan.Budget/whole)))
	return t, nil
}

// take has one turn and returns the nanoseconds of a call. Warm-up calls come
// first: the caches are another library's.
func (t turn) take() (float64, error) {
	if t.warm > 0 {
		if _, err := t.Run(t.warm); err != nil {
			return 0, err
		}
	}
	took, err := t.Run(t.calls)
	return float64(took) / float64(t.calls), err
}
