package bptt

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// What can be wrong with a checkpoint file; errors.As finds them.
type (
	FormatError  = wire.FormatError  // damaged, cut short, or no checkpoint at all
	VersionError = wire.VersionError // written by a newer version of this module
	KindError    = wire.KindError    // a file of this module, but no training checkpoint
	ShapeError   = wire.ShapeError   // a tensor of another shape than the net's
	MissingError = wire.MissingError // a tensor of the net is not there
)

const (
	checkpointKind    = "bptt.training"
	checkpointVersion = 2 // 1: the state of Adam has second moments, not their roots
)

// Save writes a checkpoint: the parameters, the optimizer's state, the carried
// state, the position in the data and the counters, all that a resumed run
// needs to continue bit for bit. Call it between updates, from Plan.OnStep or outside
// Run. The data must have the method MarshalBinary.
func (t *Trainer) Save(w io.Writer) error {
	if !t.owns() {
		return errOptimizer
	}
	pos, ok := t.data.(encoding.BinaryMarshaler)
	if !ok {
		return fmt.Errorf("bptt: the position of %T cannot be saved: it has no MarshalBinary", t.data)
	}
	position, err := positionOf(pos)
	if err != nil {
		return err
	}
	f := wire.NewWriter(w, checkpointKind, checkpointVersion)
	f.Bytes("meta", t.plan.Meta)
	f.Int64("progress", []int64{t.step, t.epoch, t.counted})
	for _, p := range t.params {
		f.Float32("param/"+p.Name, p.W)
	}
	opt := t.plan.Optimizer.State()
	f.Bytes("optimizer", []byte(opt.Kind))
	f.Float64("optimizer/numbers", opt.Numbers)
	tensors(f, "optimizer/", opt.Tensors)
	tensors(f, "state/", t.net.State())
	if t.masked != nil {
		f.Int64("masks", signed(t.masked.MaskState()))
		f.Int64("masks/clock", signed(t.masked.Clock()))
	}
	t.win.save(f)
	f.Bytes("data", position)
	return f.Close()
}

// SaveFile replaces the file of that name by a checkpoint: after a crash at any
// moment the name holds the old checkpoint or the new one.
func (t *Trainer) SaveFile(name string) error { return wire.WriteFileAtomic(name, t.Save) }

func tensors(f *wire.Writer, prefix string, s [][]float32) {
	for i, v := range s {
		f.Float32(prefix+strconv.Itoa(i), v)
	}
}

// A Checkpoint is a checkpoint file in memory, undamaged.
type Checkpoint struct {
	Step, Epoch, Counted int64
	Meta                 []byte // Plan.Meta of the run that wrote it

	file *wire.File
}

// ReadCheckpoint reads a checkpoint that Save wrote. Bytes after its end stay
// in r.
func ReadCheckpoint(r io.Reader) (*Checkpoint, error) {
	return newCheckpoint(wire.Read(r, checkpointKind, checkpointVersion))
}

// ReadCheckpointFile reads the checkpoint file of that name.
func ReadCheckpointFile(name string) (*Checkpoint, error) {
	return newCheckpoint(wire.ReadFile(name, checkpointKind, checkpointVersion))
}

func newCheckpoint(f *wire.File, err error) (*Checkpoint, error) {
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{file: f}
	if c.Meta, err = f.Bytes("meta"); err != nil {
		return nil, err
	}
	n, err := f.Int64("progress", 3)
	if err != nil {
		return nil, err
	}
	if slices.Min(n) < 0 {
		return nil, &FormatError{Section: "progress", Reason: fmt.Sprintf("counts %v, want 0 or more", n)}
	}
	c.Step, c.Epoch, c.Counted = n[0], n[1], n[2]
	return c, nil
}

// Params copies the parameters of the checkpoint into net, which may be one for
// inference. It refuses any difference of names or sizes, and then leaves net as
// it was.
func (c *Checkpoint) Params(net nn.Net) error {
	params, err := nn.Params(net)
	if err != nil {
		return err
	}
	values, err := c.params(params)
	if err != nil {
		return err
	}
	for i, p := range params {
		copy(p.W, values[i])
	}
	return nil
}

func (c *Checkpoint) params(params []nn.Param) ([][]float32, error) {
	values := make([][]float32, len(params))
	for i, p := range params {
		var err error
		if values[i], err = c.file.Float32("param/"+p.Name, len(p.W)); err != nil {
			return nil, err
		}
	}
	for _, name := range c.file.Names() {
		name, ok := strings.CutPrefix(name, "param/")
		if ok && !slices.ContainsFunc(params, func(p nn.Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("bptt: the checkpoint has a parameter %q, the net has none of that name", name)
		}
	}
	return values, nil
}

// like reads the tensors prefix0, prefix1, ..., each as long as that of want.
func (c *Checkpoint) like(prefix string, want [][]float32) ([][]float32, error) {
	got := make([][]float32, len(want))
	for i, v := range want {
		var err error
		if got[i], err = c.file.Float32(prefix+strconv.Itoa(i), len(v)); err != nil {
			return nil, err
		}
	}
	if extra := prefix + strconv.Itoa(len(want)); c.file.Has(extra) {
		return nil, fmt.Errorf("bptt: the checkpoint has a section %q, want only %d of them", extra, len(want))
	}
	return got, nil
}

// Resume continues the run that wrote the checkpoint: with the same net, data
// and plan, what follows is what would have followed then, bit for bit. A file of
// version 1 from a run with Adam or AdamW has second moments, whose roots are taken
// now: that run continues, but not to the bit. Resume
// refuses any difference of names, sizes, optimizer or data, and then leaves
// the Trainer as it was; data that moves although it returns an error is taken back
// if it can say its position.
func (t *Trainer) Resume(c *Checkpoint) (err error) {
	if !t.owns() {
		return errOptimizer
	}
	values, err := c.params(t.params)
	if err != nil {
		return err
	}
	state, err := c.like("state/", t.net.State())
	if err != nil {
		return err
	}
	have := t.plan.Optimizer.State()
	kind, err := c.file.Bytes("optimizer")
	if err != nil {
		return err
	}
	opt := optim.State{Kind: string(kind)}
	if now := opt.Rooted(); opt.Kind != have.Kind && now.Kind != have.Kind {
		return have.Set(now)
	}
	if opt.Numbers, err = c.file.Float64("optimizer/numbers", len(have.Numbers)); err != nil {
		return err
	}
	if opt.Tensors, err = c.like("optimizer/", have.Tensors); err != nil {
		return err
	}
	seeds, clock, err := t.loadMasks(c)
	if err != nil {
		return err
	}
	win, err := t.win.load(c, t)
	if err != nil {
		return err
	}
	position, err := c.file.Bytes("data")
	if err != nil {
		return err
	}
	pos, ok := t.data.(encoding.BinaryUnmarshaler)
	if !ok {
		return fmt.Errorf("bptt: the position of %T cannot be restored: it has no UnmarshalBinary", t.data)
	}
	giveBack := func() error { return nil }
	if from, ok := t.data.(encoding.BinaryMarshaler); ok {
		before, err := positionOf(from)
		if err != nil {
			return err
		}
		giveBack = func() error { return moveTo(pos, before) }
	}

	// Only masks, optimizer, data and net can tell whether their part is valid. When one
	// of them returns an error, those before it are set back.
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for _, back := range slices.Backward(undo) {
			err = withError(err, back())
		}
	}()
	if t.masked != nil {
		before := t.masked.MaskState()
		if err := t.masked.SetMaskState(seeds); err != nil {
			return err
		}
		undo = append(undo, func() error { return t.masked.SetMaskState(before) })
	}
	saved := have.Clone()
	if err := t.plan.Optimizer.SetState(opt); err != nil {
		return err
	}
	undo = append(undo, func() error { t.restore(saved); return nil }, giveBack)
	if err := moveTo(pos, position); err != nil {
		return err
	}
	before := t.net.State()
	if err := t.net.SetState(state); err != nil {
		return err
	}
	undo = append(undo, func() error { return t.net.SetState(before) })
	if t.masked != nil {
		if err := t.masked.SetClock(clock); err != nil {
			return err
		}
	}

	// This part succeeds.
	for i, p := range t.params {
		copy(p.W, values[i])
	}
	win()
	t.step, t.epoch, t.counted = c.Step, c.Epoch, c.Counted
	t.claim()
	return nil
}

// restore takes the optimizer back to a state that it had. A run that diverged has
// one that SetState refuses: that is copied into the memory of the state.
func (t *Trainer) restore(saved optim.State) {
	if t.plan.Optimizer.SetState(saved) != nil {
		t.plan.Optimizer.State().Put(saved)
	}
	t.claim()
}

// loadMasks reads the MaskState and the Clock, nil for a net without masks.
func (t *Trainer) loadMasks(c *Checkpoint) (seeds, clock []uint64, err error) {
	if t.masked == nil {
		if c.file.Has("masks") {
			return nil, nil, errors.New("bptt: the checkpoint is of a net with random masks, this one has none; check the probabilities in its Config")
		}
		return nil, nil, nil
	}
	s, err := c.file.Int64("masks", len(t.masked.MaskState()))
	if err != nil {
		return nil, nil, err
	}
	n, err := c.counts("masks/clock", t.batch)
	return unsigned(s), n, err
}

// counts reads n numbers from 0 to 2^32-1.
func (c *Checkpoint) counts(name string, n int) ([]uint64, error) {
	s, err := c.file.Int64(name, n)
	if err != nil {
		return nil, err
	}
	for _, v := range s {
		if v < 0 || v >= 1<<32 {
			return nil, &FormatError{Section: name, Reason: fmt.Sprintf("a count of %d, want 0 to 2^32-1", v)}
		}
	}
	return unsigned(s), nil
}

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
	for i, n := range lengths {
		b.Lengths[i] = int(n)
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
		copy(w.all.Lengths, b.Lengths)
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
