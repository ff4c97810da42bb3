package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// save writes the steps that the next window shares with the last one.
func (w *window) save(f *wire.Writer) {
	if !w.overlaps || w.have == 0 {
		return
	}
	lengths := make([]int64, len(w.all.Lengths))
	for i, n := range w.all.Lengths {
		lengths[i] = int64(n)
	}
	f.Int64("window", []int64{int64(w.have)})
	f.Int64("window/lengths", lengths)
	f.Int64("window/ids", widen(w.all.IDs))
	f.Int64("window/targets", widen(w.all.Targets))
	f.Float32("window/x", w.all.X)
	f.Float32("window/y", w.all.Y)
	f.Float32("window/weights", w.all.Weights)
	if resets := w.resetPairs(); len(resets) > 0 {
		f.Int64("window/resets", resets, len(resets)/2, 2)
	}
	tensors(f, "window/start/", w.start)
	if w.clock != nil {
		f.Int64("window/clock", signed(w.clock))
	}
}

// load reads what save wrote. The function that it returns sets the window to it.
func (w *window) load(c *Checkpoint, t *Trainer) (func(), error) {
	if !c.file.Has("window") {
		return func() { w.have = 0 }, nil
	}
	n, err := c.file.Int64("window", 1)
	if err != nil {
		return nil, err
	}
	if n[0] < 1 || n[0] > int64(t.plan.Window-t.plan.Stride) {
		return nil, fmt.Errorf("bptt: the windows of the checkpoint share %d steps, which does not fit Plan.Window %d and Plan.Stride %d", n[0], t.plan.Window, t.plan.Stride)
	}
	have := int(n[0])
	lengths, err := c.file.Int64("window/lengths", t.batch)
	if err != nil {
		return nil, err
	}
	ids, err := c.file.Int64("window/ids")
	if err != nil {
		return nil, err
	}
	targets, err := c.file.Int64("window/targets")
	if err != nil {
		return nil, err
	}
	x, err := c.file.Float32("window/x")
	if err != nil {
		return nil, err
	}
	y, err := c.file.Float32("window/y")
	if err != nil {
		return nil, err
	}
	var weights []float32
	if c.file.Contents >= 3 {
		if weights, err = c.file.Float32("window/weights"); err != nil {
			return nil, err
		}
	}
	start, err := c.like("window/start/", w.start)
	if err != nil {
		return nil, err
	}
	var clock []uint64
	if t.masked != nil {
		if clock, err = c.counts("window/clock", t.batch); err != nil {
			return nil, err
		}
	}
	b := data.Batch{Steps: have, Rows: t.batch, X: x, Y: y, IDs: narrow(ids), Targets: narrow(targets), Lengths: make([]int, t.batch)}
	if len(weights) > 0 {
		b.Weights = weights
	}
	for i, n := range lengths {
		b.Lengths[i] = int(n)
	}
	if b.Resets, err = loadResets(c, t.batch); err != nil {
		return nil, err
	}
	if err := b.Check(have, t.batch, t.in, t.out, t.ids != nil); err != nil {
		return nil, err
	}
	return func() {
		w.have, w.clock = have, clock
		w.all.IDs = append(w.all.IDs[:0], b.IDs...)
		w.all.X = append(w.all.X[:0], b.X...)
		w.all.Targets = append(w.all.Targets[:0], b.Targets...)
		w.all.Y = append(w.all.Y[:0], b.Y...)
		w.all.Weights = append(w.all.Weights[:0], b.Weights...)
		w.weights = len(b.Weights) / have
		copy(w.all.Lengths, b.Lengths)
		w.setResets(b.Resets)
		for i := range start {
			copy(w.start[i], start[i])
		}
	}, nil
}

func signed(s []uint64) []int64 {
	out := make([]int64, len(s))
	for i, v := range s {
		out[i] = int64(v)
	}
	return out
}

func unsigned(s []int64) []uint64 {
	out := make([]uint64, len(s))
	for i, v := range s {
		out[i] = uint64(v)
	}
	return out
}

func widen(s []int32) []int64 {
	out := make([]int64, len(s))
	for i, v := range s {
		out[i] = int64(v)
	}
	return out
}

func narrow(s []int64) []int32 {
	out := make([]int32, len(s))
	for i, v := range s {
		out[i] = int32(v)
	}
	return out
}
