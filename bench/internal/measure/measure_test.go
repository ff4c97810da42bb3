package measure

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// fake is a library whose calls take a time that is made up.
type fake struct {
	call time.Duration
	log  *[]string
	name string
	runs int
	fail int // the run that fails, counted from 1
}

func (f *fake) Run(n int) (time.Duration, error) {
	f.runs++
	if f.log != nil {
		*f.log = append(*f.log, f.name)
	}
	if f.runs == f.fail {
		return 0, errors.New(f.name + " broke")
	}
	return time.Duration(n) * f.call, nil
}

// The peak of a fake is lower in the first moment, as after a product of matrices.
func (f *fake) Peak(d time.Duration) (float64, error) {
	if d < time.Millisecond {
		return 40, nil
	}
	return 50, nil
}

var plan = Plan{Rounds: 4, Slice: 100 * time.Millisecond, Budget: time.Minute}

func TestPairs(t *testing.T) {
	a, b, c := &fake{call: time.Microsecond}, &fake{call: 3 * time.Microsecond}, &fake{call: time.Second}
	r, err := Shape(plan, []Own{a}, []Runner{b, c})
	if err != nil {
		t.Fatal(err)
	}
	for k, ns := range []float64{3e3, 1e9} {
		if len(r.Pairs[0][k]) != 4 || r.Err[k] != nil {
			t.Fatalf("peer %d: %v, %v, want four pairs", k, r.Pairs[0][k], r.Err[k])
		}
		for _, p := range r.Pairs[0][k] {
			if p != (Pair{1000, ns, Peaks{Then: 40, Alone: 50}}) {
				t.Errorf("peer %d: %v, want 1000 and %v ns, peaks 40 and 50", k, p, ns)
			}
		}
	}
	if len(r.Own[0]) != 8 {
		t.Errorf("%d turns of ours, want one before each of the eight of peers", len(r.Own[0]))
	}
}

// Ours is run right before every turn of a peer, each after its warm-up.
func TestOrder(t *testing.T) {
	var log []string
	a := &fake{call: 200 * time.Millisecond, name: "a", log: &log}
	b := &fake{call: 200 * time.Millisecond, name: "b", log: &log}
	c := &fake{call: time.Second, name: "c", log: &log} // too long for a warm-up
	p := plan
	p.Rounds = 2
	if _, err := Shape(p, []Own{a}, []Runner{b, c}); err != nil {
		t.Fatal(err)
	}
	calibration := "aabbcc"
	if got, want := strings.Join(log, ""), calibration+strings.Repeat("aabbaac", 2); got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

func TestTwoTiersShareThePeersTurn(t *testing.T) {
	a, a2, b := &fake{call: 10 * time.Millisecond}, &fake{call: 20 * time.Millisecond}, &fake{call: 30 * time.Millisecond}
	r, err := Shape(plan, []Own{a, a2}, []Runner{b})
	if err != nil {
		t.Fatal(err)
	}
	for i, ns := range []float64{1e7, 2e7} {
		for _, p := range r.Pairs[i][0] {
			if p.Own != ns || p.Peer != 3e7 {
				t.Errorf("tier %d: %v", i, p)
			}
		}
	}
}

func TestWithoutPeers(t *testing.T) {
	r, err := Shape(plan, []Own{&fake{call: time.Millisecond}}, nil)
	if err != nil || len(r.Own[0]) != plan.Rounds {
		t.Errorf("%d turns, %v, want %d", len(r.Own[0]), err, plan.Rounds)
	}
}

// A peer that takes long has fewer turns, one at least, and does not hold up those
// that are fast.
func TestBudget(t *testing.T) {
	p := plan
	p.Budget = 10 * time.Second
	a, slow, slower := &fake{call: time.Millisecond}, &fake{call: 4 * time.Second}, &fake{call: time.Hour}
	r, err := Shape(p, []Own{a}, []Runner{slow, slower, &fake{call: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for k := range r.Pairs[0] {
		got = append(got, len(r.Pairs[0][k]))
	}
	if want := []int{2, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("pairs %v, want %v", got, want)
	}
}

// A peer that fails keeps the pairs it had, and the others go on.
func TestFailingPeer(t *testing.T) {
	// Calibration has 2 runs of a call that fills the slice; a turn has one.
	bad := &fake{call: 300 * time.Millisecond, name: "bad", fail: 4}
	good := &fake{call: 300 * time.Millisecond}
	r, err := Shape(plan, []Own{&fake{call: 300 * time.Millisecond}}, []Runner{bad, good})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs[0][0]) != 1 || r.Err[0] == nil || r.Err[0].Error() != "bad broke" {
		t.Errorf("failing peer: %v, %v", r.Pairs[0][0], r.Err[0])
	}
	if len(r.Pairs[0][1]) != plan.Rounds || r.Err[1] != nil {
		t.Errorf("the other: %v, %v", r.Pairs[0][1], r.Err[1])
	}
}

func TestOursFails(t *testing.T) {
	for _, at := range []int{1, 2, 3} {
		if _, err := Shape(plan, []Own{&fake{call: time.Second, name: "ours", fail: at}}, nil); err == nil || err.Error() != "ours broke" {
			t.Errorf("failing run %d: %v", at, err)
		}
	}
}

// A turn is as many calls as fill the slice, however short a call is.
func TestCalibrate(t *testing.T) {
	for call, want := range map[time.Duration]int{1: 1e8, 777: 128700, time.Millisecond: 100, 60 * time.Millisecond: 1, time.Second: 1} {
		got, err := calibrate(plan, &fake{call: call})
		if err != nil || got.calls != want {
			t.Errorf("calls of %v: %d in a turn, %v, want %d", call, got.calls, err, want)
		}
	}
	if _, err := calibrate(plan, &fake{}); err == nil {
		t.Error("a clock that stands still was accepted")
	}
}
