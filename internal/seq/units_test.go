package seq

import (
	"cmp"
	"math"
	"runtime"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Up to sixteen rows of two workers go by units where W_hh fits their caches in parts, and
// not as a whole.
func TestStepsThatFitInParts(t *testing.T) {
	defer func(size int) { secondLevel = size }(secondLevel)
	const weights = 1 << 18 // 1 MiB
	for _, c := range []struct {
		cache, batch, want int
	}{
		{1<<20 - 1, 8, 0}, // too small to count on
		{1 << 20, 8, 0},   // all of it fits
		{1<<21 - 1, 8, 0},
		{1<<21 - 1, 17, 0},
		{-1, 8, 0},
	} {
		secondLevel = c.cache
		if got := unitParts(kernels.AVX2, 1e9, weights, c.batch, 2); got != c.want {
			t.Errorf("1 MiB, cache %d, %d rows: %d parts, want %d", c.cache, c.batch, got, c.want)
		}
	}
	for _, c := range []struct {
		cache, batch, want int
	}{
		{1<<21 - 1, 16, 0}, // a part does not fit
		{1 << 21, 16, 2},
		{1 << 21, 17, 0},
		{1<<22 - 1, 16, 2},
		{1 << 22, 16, 0}, // all of it fits
	} {
		secondLevel = c.cache
		if got := unitParts(kernels.AVX2, 1e9, 4*weights, c.batch, 2); got != c.want {
			t.Errorf("4 MiB, cache %d, %d rows: %d parts, want %d", c.cache, c.batch, got, c.want)
		}
	}
}

// phased is a cell that says it can go by units, and does in Forward. Its Backward is never run.
type phased struct{ gated }

func (c phased) Phases() (forward, backward []func(s *Step)) {
	return []func(s *Step){c.Forward}, []func(s *Step){c.Backward, c.Backward}
}

// Steps are split by units only where that keeps more workers busy than rows do, and
// where it is worth it.
func TestWhenStepsAreSplitByUnits(t *testing.T) {
	defer func(size int) { secondLevel = size }(secondLevel)
	secondLevel = 1<<20 - 1
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		if isa == kernels.Scalar {
			return // its products take longer, so that less is worth sharing
		}
		for _, c := range []struct {
			name                   string
			cell                   Cell
			hidden, batch, workers int
			want                   int
		}{
			{"few rows", phased{gated{512}}, 512, 1, 2, 2},
			{"fewer rows for each worker than tiles are high", phased{gated{512}}, 512, 7, 2, 2},
			{"rows enough for each worker", phased{gated{256}}, 256, 8, 2, 0},
			{"rows enough, but weights for no cache", phased{gated{1024}}, 1024, 8, 2, 2},
			{"rows enough for any weights", phased{gated{1024}}, 1024, 16, 2, 0},
			{"more workers than rows", phased{gated{512}}, 512, 3, 4, 4},
			{"fewer rows, but weights for no cache, in a Predictor too", phased{gated{1024}}, 1024, 15, 2, 2},
			{"one worker", phased{gated{512}}, 512, 1, 1, 0},
			{"little work", phased{gated{65}}, 65, 1, 2, 0},
			{"one panel of units", phased{gated{5}}, 5, 1, 2, 0},
			{"a cell that goes by rows", gated{512}, 512, 1, 2, 0},
			{"automatic, few rows", phased{gated{512}}, 512, 1, 0, 4},
			{"automatic, rows enough", phased{gated{512}}, 512, 16, 0, 0},
			{"automatic, little work", phased{gated{65}}, 65, 1, 0, 0},
		} {
			n, err := NewNet(Net{Kind: "test", Cell: c.cell, Input: 3, Layers: 1, Reverse: []bool{false}, Workers: c.workers}, true, Zeros)
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
				u := n.Unroll(100, c.batch, true)
				p, err := n.NewPredictor(c.batch)
				if err != nil {
					t.Fatal(err)
				}
				if got := len(p.phases) > 0; got != (c.want > 0) || got && p.workers != c.want {
					t.Errorf("%s: a Predictor's step by units is %v with %d workers, want %d parts", c.name, got, p.workers, c.want)
				}
				if u.units.parts != c.want {
					t.Errorf("%s: %d parts of units, want %d", c.name, u.units.parts, c.want)
				}
				if u.units.parts > len(u.workers.steps) {
					t.Errorf("%s: %d parts of units, but memory for %d workers", c.name, u.units.parts, len(u.workers.steps))
				}
				u.SetWorkers(1)
				if u.units.parts != 0 {
					t.Errorf("%s: %d parts of units for one worker", c.name, u.units.parts)
				}
			}()
		}
	})
}

// Large weights stay as they are stored where a training pass multiplies by them once: there they
// are not packed, and W_hh has no panels. Steps are split by units then, however many rows there
// are.
func TestWhenWeightsStayStored(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		side := int(math.Sqrt(float64(isa.StripRoom(0)))) + 1
		const many = 257 // rows: a block is one step
		for _, c := range []struct {
			name                 string
			cell                 Cell
			input, hidden        int
			steps, batch         int
			noise                Noise
			infer, lengths       bool
			wantInput, wantRecur bool
		}{
			{name: "one step", wantInput: true, wantRecur: true},
			{name: "one step of many rows", batch: many, wantInput: true, wantRecur: true},
			{name: "one block", steps: 4, wantInput: true},
			{name: "more than a block", steps: 2, batch: many},
			{name: "small W_ih", input: 3, wantRecur: true},
			{name: "small W_hh", input: 40 * side, hidden: side / 4, wantInput: true},
			{name: "inference", infer: true},
			{name: "lengths", lengths: true, wantRecur: true},
			{name: "masks on the input", noise: Noise{Input: 0.5}, wantRecur: true},
			{name: "masks on W_hh", noise: Noise{Weight: 0.5}, wantInput: true},
			{name: "a cell that goes by rows", cell: gated{side}, wantInput: true},
		} {
			c.input, c.hidden = cmp.Or(c.input, side), cmp.Or(c.hidden, side)
			c.steps, c.batch = cmp.Or(c.steps, 1), cmp.Or(c.batch, 8)
			if c.cell == nil {
				c.cell = phased{gated{c.hidden}}
			}
			n, err := NewNet(Net{Kind: "test", Cell: c.cell, Input: c.input, Layers: 1, Reverse: []bool{false}, Workers: 2, Noise: c.noise}, true, Zeros)
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
				u := n.Unroll(c.steps, c.batch, !c.infer)
				if c.lengths {
					if err := u.SetLengths(make([]int, c.batch)); err != nil {
						t.Fatal(err)
					}
				}
				u.Forward(make([]float32, c.steps*c.batch*u.out), make([]float32, c.steps*c.batch*c.input))
				p := &u.pack[0]
				if u.inputOnce(0) != c.wantInput || u.once.recur != c.wantRecur || (p.recur == nil) != c.wantRecur || len(p.stored.recur) > 0 != c.wantRecur {
					t.Errorf("%s: W_ih as it is stored: %v, W_hh: %v with %d packed blocks; want %v and %v", c.name, u.inputOnce(0), u.once.recur, len(p.recur), c.wantInput, c.wantRecur)
				}
				if strip := len(u.workers.steps[0].strip); (strip > 0) != (c.wantInput || c.wantRecur) {
					t.Errorf("%s: a strip of %d elements", c.name, strip)
				}
				if c.wantRecur && u.units.parts != 2 {
					t.Errorf("%s: %d parts of units, want one for each worker", c.name, u.units.parts)
				}
			}()
		}
	})
}
