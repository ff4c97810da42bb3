package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// stepMasks are what the random masks of a stage are drawn from, beside the unit that a
// number belongs to, as internal/seq has them for a layer (rule 11 of the numerics
// contract).
type stepMasks struct {
	seed  uint64
	step  uint32   // training steps so far
	ids   []uint32 // of the rows
	clock []uint32 // for each row, its steps since Reset
	start []uint32 // what clock was when the last Forward began

	trains    bool // not in a chain for inference
	training  bool // the next Forward draws masks
	drawn     bool // the last Forward drew masks
	stepEnded bool // a Backward has ended a training step: the next Forward begins another
}

// The kinds of masks, as those of a layer: anew for each step, and one for a row.
const (
	dropStep = 0
	dropRow  = 1
)

func newStepMasks(batch int, trains bool) stepMasks {
	m := stepMasks{trains: trains, training: trains, ids: make([]uint32, batch), clock: make([]uint32, batch), start: make([]uint32, batch)}
	m.setIDs(nil)
	return m
}

func (m *stepMasks) setIDs(ids []uint32) {
	for b := range m.ids {
		m.ids[b] = uint32(b)
	}
	copy(m.ids, ids)
}

// begin begins a Forward over the rows. any says whether there are masks at all.
func (m *stepMasks) begin(r *rows, any bool) {
	m.drawn = m.training && any
	if m.stepEnded {
		m.step++
		m.stepEnded = false
	}
	copy(m.start, m.clock)
	for b := range m.clock {
		m.clock[b] += uint32(r.length(b))
	}
}

// draw sets numbers, whose length is a multiple of 64, to those that decide over the units
// of row b from the given one on, a multiple of 64.
func (m *stepMasks) draw(numbers []float32, isa kernels.ISA, kind, unit int, t uint32, b int) {
	isa.Uniform(numbers, [4]uint32{uint32(kind)<<20 | uint32(unit/4), m.step, t, m.ids[b]}, [2]uint32{uint32(m.seed), uint32(m.seed >> 32)})
}

// SetTraining says whether the Forward calls that follow draw masks.
func (m *stepMasks) SetTraining(on bool) { m.training = on && m.trains }

// Reset sets the steps of the given rows to 0, of all when there are none.
func (m *stepMasks) Reset(rows ...int) {
	if len(rows) == 0 {
		clear(m.clock)
	}
	for _, b := range rows {
		m.clock[b] = 0
	}
}

// SetSeed sets what the masks are drawn from, and begins anew to count training steps.
func (m *stepMasks) SetSeed(seed uint64) { m.seed, m.step, m.stepEnded = seed, 0, false }

// SetRowIDs names the rows for the masks, nil by their places.
func (m *stepMasks) SetRowIDs(ids []uint32) error {
	if ids != nil && len(ids) != len(m.ids) {
		return fmt.Errorf("nn: %d row ids for a batch of %d rows; give one for each row, or nil", len(ids), len(m.ids))
	}
	m.setIDs(ids)
	return nil
}

// state is MaskState of a stage with masks.
func (m *stepMasks) state() []uint64 {
	step := m.step
	if m.stepEnded {
		step++
	}
	return []uint64{m.seed, uint64(step)}
}

func (m *stepMasks) setState(s []uint64) error {
	if s[1] >= 1<<32 {
		return fmt.Errorf("nn: a mask state at training step %d, want less than 2^32", s[1])
	}
	m.seed, m.step, m.stepEnded = s[0], uint32(s[1]), false
	return nil
}

// Clock returns the steps of each row since Reset.
func (m *stepMasks) Clock() []uint64 {
	c := make([]uint64, len(m.clock))
	for b, n := range m.clock {
		c[b] = uint64(n)
	}
	return c
}

// SetClock takes what Clock returned. Nothing is changed if it returns an error.
func (m *stepMasks) SetClock(c []uint64) error {
	if len(c) != len(m.clock) {
		return fmt.Errorf("nn: a clock of %d rows for a batch of %d; give one number for each row", len(c), len(m.clock))
	}
	for b, n := range c {
		if n >= 1<<32 {
			return fmt.Errorf("nn: row %d at step %d since Reset, want less than 2^32", b, n)
		}
	}
	for b, n := range c {
		m.clock[b] = uint32(n)
	}
	return nil
}
