package nettest

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Noise holds the probabilities of random masks.
type Noise struct{ Dropout, Input, Hidden, Weight, Zoneout, ZoneoutCell float32 }

// The kinds of masks, as their counters number them.
const (
	DropInput = iota
	DropSequence
	DropHidden
	DropWeight
	KeepHidden
	KeepCell
)

// Masks are the masks of one step of one row, or of one row of W_hh: rule 11 of
// the contract for single elements.
type Masks struct {
	noise         Noise
	training      bool
	seed          uint64
	layer, dir, t int
	id            uint32
}

// philox is Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random
// numbers: as easy as 1, 2, 3").
func philox(c [4]uint32, key uint64) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		hi0, lo0 := bits.Mul32(0xd2511f53, c[0])
		hi1, lo1 := bits.Mul32(0xcd9e8d57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0, k1 = k0+0x9e3779b9, k1+0xbb67ae85
	}
	return c
}

func (m Masks) p(kind int) float32 {
	return []float32{m.noise.Dropout, m.noise.Input, m.noise.Hidden, m.noise.Weight, m.noise.Zoneout, m.noise.ZoneoutCell}[kind]
}

// Hit says whether a mask hits a unit in training.
func (m Masks) Hit(kind, unit int) bool {
	t := uint32(m.t)
	if kind == DropSequence || kind == DropHidden || kind == DropWeight {
		t = 0
	}
	place := unit/64*16 + unit%16
	word := philox([4]uint32{uint32(m.layer<<24 | m.dir<<23 | kind<<20 | place), 0, t, m.id}, m.seed)[unit%64/16]
	// The 23 highest bits over 2^23 are the fraction of a number in [1, 2).
	return float32(1+float64(word>>9)/(1<<23)) < 1+m.p(kind)
}

func (m Masks) active(kind int) bool { return m.training && m.p(kind) > 0 }

// Drop returns v after a mask.
func (m Masks) Drop(kind int, v []float32) []float32 {
	out := append([]float32(nil), v...)
	for j := range out {
		switch {
		case !m.active(kind):
		case m.Hit(kind, j):
			out[j] = 0
		default:
			out[j] *= 1 / (1 - m.p(kind))
		}
	}
	return out
}

// Keep returns what a state becomes by zoneout.
func (m Masks) Keep(kind int, next, prev []float32) []float32 {
	out := append([]float32(nil), next...)
	for j := range out {
		switch {
		case m.p(kind) == 0:
		case !m.training:
			out[j] = ref.Flush(ref.FMA(m.p(kind), prev[j]-next[j], next[j]))
		case m.Hit(kind, j):
			out[j] = prev[j]
		}
	}
	return out
}

// KeepGrad returns the gradients of next and of prev.
func (m Masks) KeepGrad(kind int, d []float32) (next, prev []float32) {
	next, prev = append([]float32(nil), d...), make([]float32, len(d))
	for j := range d {
		switch {
		case m.p(kind) == 0:
		case !m.training:
			next[j], prev[j] = d[j]*(1-m.p(kind)), d[j]*m.p(kind)
		case m.Hit(kind, j):
			next[j], prev[j] = 0, d[j]
		}
	}
	return next, prev
}

// Kept adds to d the part of the gradient that zoneout passes directly to the step
// before, if there is zoneout.
func (m Masks) Kept(kind int, d, prev []float32) {
	for j := range d {
		if m.p(kind) > 0 {
			d[j] += prev[j]
		}
	}
}

// dropInput returns the input of a layer after its masks, or its gradient before
// them.
func (n *naive) dropInput(l int, x []float32, width int, back bool) []float32 {
	kinds := []int{DropInput, DropSequence}
	if back {
		kinds = []int{DropSequence, DropInput}
	}
	out := append([]float32(nil), x...)
	for r := range n.p.T * n.p.B {
		t, b := r/n.p.B, r%n.p.B
		if t >= n.lengths[b] {
			continue
		}
		m := n.masks(l, 0, t, b, n.p.cfg.directions()[0])
		for _, kind := range kinds {
			if l > 0 || kind != DropInput {
				copy(out[r*width:], m.Drop(kind, out[r*width:][:width]))
			}
		}
	}
	return out
}

// droppedWeights are the parameters, W_hh after its masks.
func (n *naive) droppedWeights() map[string][]float32 {
	out, R := map[string][]float32{}, n.p.width(0)
	for name, w := range n.w {
		out[name] = w
	}
	for l := range n.p.cfg.Layers {
		for d, reverse := range n.p.cfg.directions() {
			key := name("weight_hh", l, reverse)
			var hh []float32
			for r := range len(n.w[key]) / R {
				hh = append(hh, n.masksOfWeights(l, d, r).Drop(DropWeight, n.w[key][r*R:][:R])...)
			}
			out[key] = hh
		}
	}
	return out
}

func (n *naive) masksOfWeights(l, d, row int) Masks {
	return Masks{n.p.kind.Noise, !n.p.evaluate, n.p.seed, l, d, 0, uint32(row)}
}

// masksGoOn: a training step ends with a Backward; what comes after it has other
// masks, which follow from the state that a run may keep; a pass without masks
// moves nothing.
func masksGoOn(t *testing.T, k Kind) {
	cfg := Config{Input: 5, Hidden: 33, Layers: 2}
	p := newProblem(t, k, 5, cfg, 6, 4, true)
	u := p.net.Unroll(p.T, p.B)
	first := p.run(t, u)
	pass := func(u Unrolled) []float32 {
		y := filled(len(first.y))
		check(t, u.SetState(p.state))
		u.Forward(y, p.x)
		return y
	}
	kept, clock := u.MaskState(), u.Clock()
	if !slices.Equal(kept, []uint64{p.seed, 1}) || fmt.Sprint(clock) != fmt.Sprint(p.lengths) {
		t.Errorf("mask state %d and clock %d, want seed %d, step 1, clock %d", kept, clock, p.seed, p.lengths)
	}
	second := pass(u)
	if slices.Equal(second, first.y) {
		t.Error("the masks of the second training step are those of the first")
	}
	again := p.net.Unroll(p.T, p.B)
	check(t, again.SetLengths(p.lengths))
	check(t, again.SetMaskState(kept))
	check(t, again.SetClock(clock))
	numtest.Equal(t, pass(again), second, "from the mask state")

	// Without a Backward in between the step is the same, and after Reset all is.
	again.SetSeed(p.seed)
	again.Reset()
	numtest.Equal(t, pass(again), first.y, "the first step again")
	again.Reset()
	numtest.Equal(t, pass(again), first.y, "after Reset")
	want := again.Clock()
	row := slices.IndexFunc(want, func(n uint64) bool { return n > 0 })
	want[row] = 0
	if again.Reset(row); !slices.Equal(again.Clock(), want) {
		t.Errorf("after Reset of row %d the clock is %d, want %d", row, again.Clock(), want)
	}
	again.SetSeed(p.seed + 1)
	again.Reset()
	if slices.Equal(pass(again), first.y) {
		t.Error("another seed has the same masks")
	}

	// On another place, with its id.
	check(t, again.SetRowIDs([]uint32{7, 7, 7, 7}))
	check(t, again.SetRowIDs(nil))
	again.SetSeed(p.seed)
	again.Reset()
	numtest.Equal(t, pass(again), first.y, "ids taken back")

	for want, bad := range map[string][]uint64{"1 numbers": {1}, "less than 2^32": {1, 1 << 32}} {
		if err := again.SetMaskState(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetMaskState(%d): %v, want an error with %q", bad, err, want)
		}
	}
	for want, bad := range map[string][]uint64{"1 rows": {1}, "row 2": {0, 0, 1 << 32, 0}} {
		if err := again.SetClock(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetClock(%d): %v, want an error with %q", bad, err, want)
		}
	}
	if err := again.SetRowIDs([]uint32{1}); err == nil || !strings.Contains(err.Error(), "4 rows") {
		t.Errorf("SetRowIDs of one id: %v", err)
	}
	y := pass(u)
	check(t, u.SetMaskState(u.MaskState()))
	panics(t, k, "Backward", "without a Forward", func() { u.Backward(nil, y) })

	// A mask hits about as often as it says.
	hits, total := 0, 0
	for kind := range KeepCell + 1 {
		m := Masks{noise: Noise{0.25, 0.25, 0.25, 0.25, 0.25, 0.25}, training: true, seed: p.seed, t: 3, id: 2}
		for j := range 2000 {
			total++
			if m.Hit(kind, j) {
				hits++
			}
		}
	}
	if f := float64(hits) / float64(total); f < 0.23 || f > 0.27 {
		t.Errorf("masks of probability 0.25 hit %.3f of all elements", f)
	}
}
