package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// A MaskSource is what random masks are drawn from beside the place of an element: a seed,
// the training step, and for each row of the batch an id and a clock (rule 11 of the
// numerics contract). An Unrolled has one, and so has each Dropout stage of package nn. Its
// memory is made by NewMaskSource; after that no method allocates but those that return
// copies.
type MaskSource struct {
	seed     uint64
	step     uint32   // training steps so far
	ids      []uint32 // of the user's rows
	clock    []uint32 // for each of the user's rows, its steps since Reset
	start    []uint32 // what clock was when the last Forward began
	training bool     // the next Forward draws masks
	drawn    bool     // the last Forward drew masks
	// stepEnded says that a Backward has ended a training step: the next Forward
	// begins another.
	stepEnded bool
}

// NewMaskSource returns a MaskSource with the seed 0 for so many rows, whose ids are their
// numbers.
func NewMaskSource(batch int, training bool) MaskSource {
	m := MaskSource{training: training, ids: make([]uint32, batch), clock: make([]uint32, batch), start: make([]uint32, batch)}
	m.setIDs(nil)
	return m
}

// setIDs takes the ids of the rows, nil for their numbers.
func (m *MaskSource) setIDs(ids []uint32) {
	for b := range m.ids {
		m.ids[b] = uint32(b)
	}
	copy(m.ids, ids)
}

// Begin begins a Forward: a training step ends with a Backward, and the next begins with
// the Forward after it. any says whether there are masks at all. Advance comes next, for
// each row.
func (m *MaskSource) Begin(any bool) {
	m.drawn = m.training && any
	if m.stepEnded {
		m.step++
		m.stepEnded = false
	}
	copy(m.start, m.clock)
}

// Advance adds steps to the clock of row b.
func (m *MaskSource) Advance(b, steps int) { m.clock[b] += uint32(steps) }

// Drawn says whether the Forward that has begun draws masks.
func (m *MaskSource) Drawn() bool { return m.drawn }

// Start returns what the clock of row b was when the last Forward began.
func (m *MaskSource) Start(b int) uint32 { return m.start[b] }

// ID returns the id of row b.
func (m *MaskSource) ID(b int) uint32 { return m.ids[b] }

// EndStep is called by each Backward.
func (m *MaskSource) EndStep() { m.stepEnded = true }

// Draw sets numbers, whose length is a multiple of 64, to those of the counters place
// (layer, direction, kind and index), the training step, t and row.
func (m *MaskSource) Draw(isa kernels.ISA, numbers []float32, place, t, row uint32) {
	isa.Uniform(numbers, [4]uint32{place, m.step, t, row}, [2]uint32{uint32(m.seed), uint32(m.seed >> 32)})
}

// Reset sets the clocks of the given rows to 0, of all when there are none.
func (m *MaskSource) Reset(rows ...int) {
	if len(rows) == 0 {
		clear(m.clock)
	}
	for _, b := range rows {
		m.clock[b] = 0
	}
}

// SetTraining says whether the Forward calls that follow draw masks.
func (m *MaskSource) SetTraining(on bool) { m.training = on }

// SetSeed sets what the masks are drawn from, and begins anew to count training
// steps.
func (m *MaskSource) SetSeed(seed uint64) { m.seed, m.step, m.stepEnded = seed, 0, false }

// SetRowIDs names the rows, nil by their places. Nothing is changed if it returns an
// error, of the package of that name.
func (m *MaskSource) SetRowIDs(name string, ids []uint32) error {
	if ids != nil && len(ids) != len(m.ids) {
		return fmt.Errorf("%s: %d row ids for a batch of %d rows; give one for each row, or nil", name, len(ids), len(m.ids))
	}
	m.setIDs(ids)
	return nil
}

// MaskState returns the seed and the training step of the masks to come, nil if any says
// that there are none.
func (m *MaskSource) MaskState(any bool) []uint64 {
	if !any {
		return nil
	}
	step := m.step
	if m.stepEnded {
		step++
	}
	return []uint64{m.seed, uint64(step)}
}

// SetMaskState takes what MaskState returned. Nothing is changed if it returns an
// error, of the package of that name.
func (m *MaskSource) SetMaskState(name string, any bool, s []uint64) error {
	want := len(m.MaskState(any))
	switch {
	case len(s) != want:
		return fmt.Errorf("%s: a mask state of %d numbers, want %d, as MaskState returns them for this net", name, len(s), want)
	case want > 0 && s[1] >= 1<<32:
		return fmt.Errorf("%s: a mask state at training step %d, want less than 2^32", name, s[1])
	case want > 0:
		m.seed, m.step, m.stepEnded = s[0], uint32(s[1]), false
	}
	return nil
}

// Clock returns the steps of each row since Reset.
func (m *MaskSource) Clock() []uint64 {
	c := make([]uint64, len(m.clock))
	for b, n := range m.clock {
		c[b] = uint64(n)
	}
	return c
}

// SetClock takes what Clock returned. Nothing is changed if it returns an error, of the
// package of that name.
func (m *MaskSource) SetClock(name string, c []uint64) error {
	if len(c) != len(m.clock) {
		return fmt.Errorf("%s: a clock of %d rows for a batch of %d; give one number for each row", name, len(c), len(m.clock))
	}
	for b, n := range c {
		if n >= 1<<32 {
			return fmt.Errorf("%s: row %d at step %d since Reset, want less than 2^32", name, b, n)
		}
	}
	for b, n := range c {
		m.clock[b] = uint32(n)
	}
	return nil
}
