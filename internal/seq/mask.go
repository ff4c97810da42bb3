package seq

import "fmt"

// Noise holds the probabilities of the random masks.
type Noise struct {
	// On the input of a layer: of every layer but the first, anew for each
	// step; of every layer, one mask for a sequence.
	Dropout, Input float32
	// On h where W_hh multiplies it, one mask for a sequence; on the elements
	// of W_hh, one for a training step.
	Hidden, Weight float32
	// That a unit keeps the h, or the c, of the step before.
	Zoneout, ZoneoutCell float32
}

// A MaskKind is one of the masks of a direction.
type MaskKind uint32

const (
	DropInput    MaskKind = iota // Noise.Dropout
	DropSequence                 // Noise.Input
	DropHidden                   // Noise.Hidden
	DropWeight                   // Noise.Weight
	KeepHidden                   // Noise.Zoneout
	KeepCell                     // Noise.ZoneoutCell
)

func (n *Noise) probability(k MaskKind) float32 {
	return [...]float32{n.Dropout, n.Input, n.Hidden, n.Weight, n.Zoneout, n.ZoneoutCell}[k]
}

// eachStep reports whether a mask is drawn anew for each step.
func (k MaskKind) eachStep() bool { return k == DropInput || k == KeepHidden || k == KeepCell }

// The counters leave 8 bits for the layer and 20 for a unit's place, in each of
// which are four units.
const (
	maskedLayers = 1 << 8
	MaskedUnits  = 4 << 20
)

// check returns an error that names the field of the user's Config, also if there are
// more layers or units than the counters have places for.
func (n *Noise) check(kind string, s *Structure) error {
	for _, p := range []struct {
		name string
		v    float32
	}{{"Dropout", n.Dropout}, {"InputDropout", n.Input}, {"HiddenDropout", n.Hidden}, {"WeightDropout", n.Weight}, {"Zoneout", n.Zoneout}, {"ZoneoutCell", n.ZoneoutCell}} {
		if err := CheckProbability(kind+": Config."+p.name, p.v); err != nil {
			return err
		}
	}
	switch {
	case *n == Noise{}:
		return nil
	case n.Dropout > 0 && s.Layers == 1:
		return fmt.Errorf("%s: Config.Dropout is %v, but it acts between layers and there is one; use InputDropout, a stage nn.Dropout before or behind the layer, or more Layers", kind, n.Dropout)
	case s.Layers > maskedLayers:
		return fmt.Errorf("%s: Config.Layers is %d, want at most %d with random masks", kind, s.Layers, maskedLayers)
	case s.Input > MaskedUnits, s.Hidden > MaskedUnits/2:
		return fmt.Errorf("%s: Config.Input is %d and Config.Hidden %d, want at most %d and %d with random masks", kind, s.Input, s.Hidden, MaskedUnits, MaskedUnits/2)
	}
	return nil
}

// CheckProbability returns an error that begins with what unless p is 0 or a probability
// that random masks can have. One of 0 < p <= 2^-24 would hit nothing, and p be a factor in
// evaluation.
func CheckProbability(what string, p float32) error {
	if below, _ := MaskBounds(p); p != 0 && !(below > 1 && below < 2) {
		return fmt.Errorf("%s is %v, want 0, or a probability above 2^-24 and below 1: the random numbers of masks have steps of 2^-23, and a smaller one would drop nothing", what, p)
	}
	return nil
}

// rowMasks is where the masks of a Step's rows come from.
type rowMasks struct {
	noise *Noise
	// unrolled is what has the masks; nil in a Predictor, which draws none.
	unrolled *Unrolled
	// The rows are those kept from place first on, at step t of a direction.
	layer, dir, t, first int
	numbers, zero        []float32 // memory for one row of numbers, and as many zeros
}

// setRows says which rows are worked on.
func (m *rowMasks) setRows(layer, dir, t, first int) {
	m.layer, m.dir, m.t, m.first = layer, dir, t, first
}

// drawing reports whether masks are drawn, rather than their expectation taken.
func (m *rowMasks) drawing() bool { return m.unrolled != nil && m.unrolled.masks.drawn }

// row returns the numbers that decide over the elements of a kind of mask in row
// r: those below 1 plus the kind's probability are hit.
func (m *rowMasks) row(kind MaskKind, r, width int) []float32 {
	u := m.unrolled
	p := m.first + r
	var t uint32
	if kind.eachStep() {
		t = u.time(p, m.t, u.net.Reverse[m.dir])
	}
	return u.drawNumbers(m.numbers, kind, m.layer, m.dir, t, u.masks.ids[u.rows.user(p)], width)
}

// time is the number of steps that the row kept at place p has taken since it began anew
// before a direction comes to step t of those kept.
func (u *Unrolled) time(p, t int, reverse bool) uint32 {
	t += u.rows.from
	b := u.rows.user(p)
	if reverse {
		if end := u.resets.after(b, t+1); end >= 0 {
			return uint32(end - 1 - t)
		}
		t = u.rows.whole(p) - 1 - t
	} else if begin := u.resets.before(b, t); begin >= 0 {
		return uint32(t - begin)
	}
	return u.masks.start[b] + uint32(t)
}

// drawNumbers returns the beginning of memory, set to the numbers of a mask.
func (u *Unrolled) drawNumbers(memory []float32, kind MaskKind, layer, dir int, t, id uint32, width int) []float32 {
	memory = memory[:(width+63)/64*64]
	place := uint32(layer)<<24 | uint32(dir)<<23 | uint32(kind)<<20
	u.masks.Draw(u.isa, memory, place, t, id)
	return memory[:width]
}

// MaskBounds returns the number below which an element is hit, and what the others
// are multiplied by.
func MaskBounds(p float32) (below, scale float32) { return 1 + p, 1 / (1 - p) }

// dropsInput reports whether masks are drawn for the input of a layer.
func (u *Unrolled) dropsInput(layer int) bool {
	return u.masks.drawn && (layer > 0 && u.net.Noise.Dropout > 0 || u.net.Noise.Input > 0)
}

// dropInput applies the masks of a layer's input to row, which is kept as number
// r = t*B+p: first the one of its step, then the one of its sequence, or the other way
// round on the way back.
func (u *Unrolled) dropInput(numbers []float32, layer, r int, row []float32, back bool) {
	kinds := [2]MaskKind{DropInput, DropSequence}
	if back {
		kinds[0], kinds[1] = kinds[1], kinds[0]
	}
	t, p := r/u.batch, r%u.batch
	for _, kind := range kinds {
		if u.net.Noise.probability(kind) == 0 || kind == DropInput && layer == 0 {
			continue
		}
		var clock uint32
		if kind.eachStep() {
			clock = u.time(p, t, u.net.Reverse[0])
		}
		below, scale := MaskBounds(u.net.Noise.probability(kind))
		u.isa.Drop(row, row, u.drawNumbers(numbers, kind, layer, 0, clock, u.masks.ids[u.rows.user(p)], len(row)), below, scale)
	}
}

// dropWeights applies the mask of direction i to w, rows of W_hh from row first on or
// their gradients: the elements that it hits become +0, the others are scaled up.
func (u *Unrolled) dropWeights(numbers []float32, i, first int, w []float32) {
	r, dirs := u.net.Shape.States[0], len(u.net.Reverse)
	below, scale := MaskBounds(u.net.Noise.Weight)
	for k := 0; k < len(w); k += r {
		row := u.drawNumbers(numbers, DropWeight, i/dirs, i%dirs, 0, uint32(first+k/r), r)
		u.isa.Drop(w[k:k+r], w[k:k+r], row, below, scale)
	}
}

// recurrent is W_hh of direction i as the products use it, after its mask, which
// is applied in the memory of worker w. Tiny values are +0 before the mask, which
// makes no value smaller.
func (u *Unrolled) recurrent(w, i int) []float32 {
	hh := u.net.W[i].Hh
	if !u.masks.drawn || u.net.Noise.Weight == 0 {
		return hh
	}
	dropped := u.workers.droppedW[w]
	u.isa.CopyFlush(dropped, hh)
	u.dropWeights(u.workers.steps[w].masks.numbers, i, 0, dropped)
	return dropped
}

// SetTraining says whether the Forward calls that follow draw masks.
func (u *Unrolled) SetTraining(on bool) { u.masks.SetTraining(on) }

// SetSeed sets what the masks are drawn from, and begins anew to count training
// steps. The masks of the last Forward cannot be drawn again after it.
func (u *Unrolled) SetSeed(seed uint64) {
	u.masks.SetSeed(seed)
	u.endBackward()
}

// SetRowIDs names the rows of the batch for the masks, nil by their places.
func (u *Unrolled) SetRowIDs(ids []uint32) error {
	if err := u.masks.SetRowIDs(u.net.Kind, ids); err != nil {
		return err
	}
	u.endBackward()
	return nil
}

func (u *Unrolled) masked() bool { return u.net.Noise != (Noise{}) }

// MaskState returns the seed and the training step of the masks to come, nil for a
// network without masks.
func (u *Unrolled) MaskState() []uint64 { return u.masks.MaskState(u.masked()) }

// SetMaskState takes what MaskState returned. Nothing is changed if it returns an
// error. The masks of the last Forward cannot be drawn again after it.
func (u *Unrolled) SetMaskState(s []uint64) error {
	if err := u.masks.SetMaskState(u.net.Kind, u.masked(), s); err != nil {
		return err
	}
	if u.masked() {
		u.endBackward()
	}
	return nil
}

// Clock returns the steps of each row since Reset.
func (u *Unrolled) Clock() []uint64 { return u.masks.Clock() }

// SetClock takes what Clock returned. Nothing is changed if it returns an error.
func (u *Unrolled) SetClock(c []uint64) error { return u.masks.SetClock(u.net.Kind, c) }

// beginMasks begins a Forward.
func (u *Unrolled) beginMasks() {
	u.masks.Begin(u.masked())
	for p := range u.batch {
		u.masks.Advance(u.rows.user(p), u.rows.whole(p))
	}
	if u.resets.now {
		u.resetClock()
	}
}

// resetClock makes the clock of rows that begin anew in this Forward that since they last
// did: in the order of the first direction.
func (u *Unrolled) resetClock() {
	for b := range u.masks.clock {
		n := u.rows.whole(u.rows.placeOf(b))
		if n == 0 {
			continue
		}
		if u.net.Reverse[0] {
			if first := u.resets.after(b, 1); first >= 0 {
				u.masks.clock[b] = uint32(first)
			}
		} else if last := u.resets.before(b, n-1); last >= 0 {
			u.masks.clock[b] = uint32(n - last)
		}
	}
}

// Drop sets dst to src with the elements that the mask hits +0 and the others
// scaled up, or to src outside of training. dst may be src.
func (s *Step) Drop(kind MaskKind, r int, dst, src []float32) {
	p := s.masks.noise.probability(kind)
	if p == 0 || !s.masks.drawing() {
		copy(dst, src)
		return
	}
	below, scale := MaskBounds(p)
	s.ISA.Drop(dst, src, s.masks.row(kind, r, len(dst)), below, scale)
}

// Keep sets dst to prev where the mask hits and to next elsewhere; outside of
// training to prev and next in the proportion p to 1-p, with temp for memory, of
// the same length. dst may be prev, next or both.
//
//	training:   dst = hit ? prev : next
//	evaluation: dst = next + p*(prev-next)
func (s *Step) Keep(kind MaskKind, r int, dst, next, prev, temp []float32) {
	p := s.masks.noise.probability(kind)
	switch {
	case p == 0:
		copy(dst, next)
	case s.masks.drawing():
		below, _ := MaskBounds(p)
		s.ISA.Choose(dst, s.masks.row(kind, r, len(dst)), prev, next, below)
	default:
		copy(temp, prev)
		s.ISA.Axpy(temp, next, -1)
		copy(dst, next)
		s.ISA.Axpy(dst, temp, p)
		s.ISA.CopyFlush(dst, dst)
	}
}

// KeepGrad takes the gradient d of what Keep set and sets those of next and prev.
// dNext may be d.
func (s *Step) KeepGrad(kind MaskKind, r int, dNext, dPrev, d []float32) {
	p := s.masks.noise.probability(kind)
	switch {
	case p == 0:
		clear(dPrev)
		copy(dNext, d)
	case s.masks.drawing():
		below, _ := MaskBounds(p)
		u := s.masks.row(kind, r, len(d))
		s.ISA.Choose(dPrev, u, d, s.masks.zero[:len(d)], below)
		s.ISA.Drop(dNext, d, u, below, 1)
	default:
		s.ISA.Scale(dPrev, d, p)
		s.ISA.Scale(dNext, d, 1-p)
	}
}
