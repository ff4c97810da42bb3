package bptt

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// What version 3 of checkpoints has and version 2 has not.

// saveCounts writes the updates left out and the sums of the passes over the data.
func (t *Trainer) saveCounts(f *wire.Writer) {
	f.Int64("progress/skipped", []int64{t.skipped, t.inRow})
	var counts []int64
	var sums []float64
	for _, p := range t.passes {
		counts = append(counts, int64(p.total.Terms), number(p.validated), number(p.empty))
		sums = append(sums, p.total.Sum, p.total.Weight)
	}
	f.Int64("passes", counts, len(t.passes), 3)
	f.Float64("passes/sums", sums, len(t.passes), 2)
}

func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// loadCounts reads what saveCounts wrote, beside what c has of it already.
func (t *Trainer) loadCounts(c *Checkpoint) (counts, error) {
	n := counts{step: c.Step, epoch: c.Epoch, counted: c.Counted, skipped: c.Skipped}
	if c.file.Contents < 3 {
		n.passes = append(make([]pass, 0, 4), pass{counts: true})
		return n, nil
	}
	skipped, err := c.file.Int64("progress/skipped", 2)
	if err != nil {
		return n, err
	}
	n.inRow = skipped[1]
	sums, err := c.file.Float64("passes/sums")
	if err != nil {
		return n, err
	}
	if len(sums)%2 != 0 {
		return n, &FormatError{Section: "passes/sums", Reason: fmt.Sprintf("%d numbers, want a sum and a weight for each pass", len(sums))}
	}
	passes := len(sums) / 2
	of, err := c.file.Int64("passes", passes, 3)
	if err != nil {
		return n, err
	}
	if passes == 0 || int64(passes-1) > c.Epoch {
		return n, &FormatError{Section: "passes", Reason: fmt.Sprintf("%d passes of which the last goes on, %d are complete", passes, c.Epoch)}
	}
	for i := range passes {
		v := of[3*i:][:3]
		if v[0] < 0 || v[0] > math.MaxInt || v[1]|1 != 1 || v[2]|1 != 1 {
			return n, &FormatError{Section: "passes", Reason: fmt.Sprintf("pass %d is %v, want a count, 0 or 1, 0 or 1", i, v)}
		}
		n.passes = append(n.passes, pass{
			total:     loss.Total{Sum: sums[2*i], Weight: sums[2*i+1], Terms: int(v[0])},
			validated: v[1] == 1, empty: v[2] == 1, counts: sums[2*i+1] != 0 || n.skipped > 0,
		})
	}
	return n, nil
}

// rates are the learning rates of the optimizer.
func (t *Trainer) rates() []float64 {
	if o, ok := t.plan.Optimizer.(optim.RateKeeper); ok {
		return o.Rates()
	}
	return []float64{t.plan.Optimizer.LearningRate()}
}

// resumeRates sets the learning rates to those of the run, and returns what sets them
// back.
func (t *Trainer) resumeRates(c *Checkpoint) (back func() error, err error) {
	back = func() error { return nil }
	if c.file.Contents < 3 {
		return back, nil
	}
	want, err := c.file.Float64("optimizer/rates")
	if err != nil {
		return nil, err
	}
	have := t.rates()
	if slices.Equal(have, want) {
		return back, nil
	}
	o, ok := t.plan.Optimizer.(optim.RateKeeper)
	if !ok {
		return nil, fmt.Errorf("bptt: the learning rate of the run is %v, that of the optimizer %v, and a %T has no method SetRates; make it with that of the run", want, have, t.plan.Optimizer)
	}
	if err := o.SetRates(want); err != nil {
		return nil, fmt.Errorf("bptt: the learning rates of the checkpoint: %w", err)
	}
	return func() error {
		// A rate that SetRates refuses was none to train at.
		_ = o.SetRates(have)
		return nil
	}, nil
}

// scheduleState is the state of the schedule, if it has one.
func (t *Trainer) scheduleState() (state []byte, has bool, err error) {
	defer catch("Plan.Schedule", &err)
	s, has := t.plan.Schedule.(encoding.BinaryMarshaler)
	if !has {
		return nil, false, nil
	}
	if state, err = s.MarshalBinary(); err != nil {
		return nil, false, fmt.Errorf("bptt: the state of the schedule: %w", err)
	}
	return state, true, nil
}

// resumeSchedule sets the state of the schedule, and returns what sets it back.
func (t *Trainer) resumeSchedule(c *Checkpoint) (back func() error, err error) {
	back = func() error { return nil }
	to, can := t.plan.Schedule.(encoding.BinaryUnmarshaler)
	if !c.file.Has("schedule") {
		if can && c.file.Contents >= 3 {
			return nil, fmt.Errorf("bptt: the checkpoint has no state of a schedule, which a %T needs", t.plan.Schedule)
		}
		return back, nil
	}
	if !can {
		return nil, fmt.Errorf("bptt: the checkpoint has the state of a schedule, and a %T takes none: it has no UnmarshalBinary", t.plan.Schedule)
	}
	state, err := c.file.Bytes("schedule")
	if err != nil {
		return nil, err
	}
	before, has, err := t.scheduleState()
	if err != nil {
		return nil, err
	}
	if err := setSchedule(to, state); err != nil {
		return nil, err
	}
	return func() error {
		if !has {
			return errors.New("bptt: the schedule cannot be set back: it has no MarshalBinary")
		}
		return setSchedule(to, before)
	}, nil
}

func setSchedule(s encoding.BinaryUnmarshaler, state []byte) (err error) {
	defer catch("Plan.Schedule", &err)
	if err := s.UnmarshalBinary(state); err != nil {
		return fmt.Errorf("bptt: the state of the schedule: %w", err)
	}
	return nil
}

// save writes what validations have led to.
func (v *validated) save(f *wire.Writer, params []nn.Param) {
	if !v.plan.on() {
		return
	}
	f.Int64("validation", []int64{number(v.due), number(v.has), number(v.unwritten), v.step, v.since})
	f.Float64("validation/best", []float64{v.loss})
	for i, w := range v.copy {
		if v.restored {
			w = params[i].W
		}
		f.Float32("best/"+params[i].Name, w)
	}
}

// load reads what save wrote. The function that it returns sets v to it.
func (v *validated) load(c *Checkpoint, params []nn.Param) (func(), error) {
	if !v.plan.on() {
		return func() {}, nil
	}
	if !c.file.Has("validation") {
		return func() { v.due, v.best, v.copy, v.restored = false, best{}, nil, false }, nil
	}
	n, err := c.file.Int64("validation", 5)
	if err != nil {
		return nil, err
	}
	if n[0]|n[1]|n[2]|1 != 1 || n[3] < 0 || n[4] < 0 {
		return nil, &FormatError{Section: "validation", Reason: fmt.Sprintf("%v, want 0 or 1 three times, and counts of 0 or more", n)}
	}
	value, err := c.file.Float64("validation/best", 1)
	if err != nil {
		return nil, err
	}
	if math.IsNaN(value[0]) {
		return nil, &FormatError{Section: "validation/best", Reason: "NaN, which is no best loss"}
	}
	var kept [][]float32
	has := slices.ContainsFunc(c.file.Names(), func(name string) bool { return strings.HasPrefix(name, "best/") })
	if v.plan.RestoreBest && has {
		if kept, err = c.params("best/", params); err != nil {
			return nil, err
		}
		for i := range kept {
			kept[i] = slices.Clone(kept[i]) // the file may be read again
		}
	}
	found := best{has: n[1] == 1, loss: value[0], step: n[3], since: n[4], unwritten: n[2] == 1}
	if v.plan.RestoreBest && found.has && !has {
		// A run without RestoreBest has kept no parameters to put back.
		found = best{}
	}
	return func() { v.due, v.best, v.copy, v.restored = n[0] == 1, found, kept, false }, nil
}
