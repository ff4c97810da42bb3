package bptt

import (
	"encoding"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/nn"
)

// A FormatError says that a file is damaged, cut short, or no file of this module: Offset bytes
// from its start, in the part Section ("" for the header), for the Reason given. Err is
// io.ErrUnexpectedEOF where the file ends early, an error of reading, or nil; Unwrap returns it.
//
// This and the next four types are what errors.As finds in errors of ReadCheckpoint, of
// Checkpoint.Params and of Trainer.Resume; those of Load of the layers are the same types.
type FormatError = wire.FormatError

// A VersionError says that a file was written by a newer version of this module: What is the
// part that is newer, Got its version, and Max the newest that this program reads.
type VersionError = wire.VersionError

// A KindError says that a file of this module is no training checkpoint: Got is the kind of
// the file, Want that of checkpoints.
type KindError = wire.KindError

// A ShapeError says that the tensor Section of a file has the shape Got, where the net has Want.
// Where the types of the elements differ, they are GotType and WantType.
type ShapeError = wire.ShapeError

// A MissingError says that the tensor Section of the net is not in a file.
type MissingError = wire.MissingError

const (
	checkpointKind    = "bptt.training"
	checkpointVersion = 3

	// 1: the state of Adam has second moments, not their roots.
	// 2: nothing of updates left out, passes, learning rates, schedules and validation.
)

// Save writes a checkpoint: the parameters, the optimizer's state, the carried
// state, the position in the data, the counters, the learning rates, the schedule's state
// if it has MarshalBinary, and what validations have led to: all that a resumed run
// needs to continue bit for bit. Call it between updates, from a callback or outside
// Run. The data must have the method MarshalBinary.
//
// The learning rates are those of an optim.RateKeeper, whose field LR the program may have
// changed, or LearningRate of another optimizer.
//
// With Plan.Shards and several ranks all of them call Save. The first writes to w, and the
// others only take part: their w may be nil. The bytes do not depend on the number of ranks.
func (t *Trainer) Save(w io.Writer) error {
	if !t.made() {
		return errNoTrainer
	}
	save, err := t.saver()
	if err != nil || !t.ranks.first() {
		return err
	}
	return save(w)
}

// save writes a checkpoint with what saver got of the shards.
func (t *Trainer) save(w io.Writer, shards [][]byte) error {
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
	schedule, has, err := t.scheduleState()
	if err != nil {
		return err
	}
	f := wire.NewWriter(w, checkpointKind, checkpointVersion)
	f.Bytes("meta", t.plan.Checkpoint.Meta)
	f.Int64("progress", []int64{t.step, t.epoch, t.counted})
	t.saveCounts(f)
	for i, p := range t.grads.params {
		w := p.W
		if t.valid.restored {
			w = t.valid.copy[i]
		}
		f.Float32("param/"+p.Name, w)
	}
	opt := t.plan.Optimizer.State()
	f.Bytes("optimizer", []byte(opt.Kind))
	f.Float64("optimizer/numbers", opt.Numbers)
	tensors(f, "optimizer/", opt.Tensors)
	f.Float64("optimizer/rates", t.rates())
	if has {
		f.Bytes("schedule", schedule)
	}
	t.valid.save(f, t.grads.params)
	t.saveCarried(f, shards)
	f.Bytes("data", position)
	return f.Close()
}

// SaveFile replaces the file of that name by a checkpoint: after a crash at any
// moment the name holds the old checkpoint or the new one. With several ranks all of them
// call it, the first writes the file, and the others wait for it.
func (t *Trainer) SaveFile(name string) error {
	if !t.made() {
		return errNoTrainer
	}
	return t.saveFile(wire.Disk, name)
}

func (t *Trainer) saveFile(fs wire.Files, name string) error {
	save, err := t.saver()
	if err != nil {
		return err // of all ranks
	}
	if t.ranks.first() {
		err = wire.WriteFileAtomicOn(fs, name, save)
	}
	_, err = t.ranks.agree("the file of a checkpoint", false, err)
	return err
}

func tensors(f *wire.Writer, prefix string, s [][]float32) {
	for i, v := range s {
		f.Float32(prefix+strconv.Itoa(i), v)
	}
}

// A Checkpoint is a checkpoint file in memory, undamaged.
type Checkpoint struct {
	Step, Epoch, Counted int64
	Skipped              int64  // updates left out
	Meta                 []byte // Plan.Checkpoint.Meta of the run that wrote it

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
	if c.file.Contents < 3 {
		return c, nil
	}
	skipped, err := f.Int64("progress/skipped", 2)
	if err != nil {
		return nil, err
	}
	if slices.Min(skipped) < 0 {
		return nil, &FormatError{Section: "progress/skipped", Reason: fmt.Sprintf("counts %v, want 0 or more", skipped)}
	}
	c.Skipped = skipped[0]
	return c, nil
}

// Params copies the parameters of the checkpoint into net, which may be one for
// inference. It refuses any difference of names or sizes, and then leaves net as
// it was.
func (c *Checkpoint) Params(net nn.Net) error {
	if c == nil {
		return nilcheck.Receiver("bptt", "Checkpoint", "Params")
	}
	return c.fill(net, "param/")
}

// BestParams is Params of the best validation, which the file of a run with
// Plan.Validate.RestoreBest has. Of another it is a *MissingError.
func (c *Checkpoint) BestParams(net nn.Net) error {
	if c == nil {
		return nilcheck.Receiver("bptt", "Checkpoint", "BestParams")
	}
	return c.fill(net, "best/")
}

func (c *Checkpoint) fill(net nn.Net, prefix string) error {
	params, err := nn.Params(net)
	if err != nil {
		return err
	}
	values, err := c.params(prefix, params)
	if err != nil {
		return err
	}
	for i, p := range params {
		copy(p.W, values[i])
	}
	return nil
}

// params reads the sections of that prefix, one for each of params.
func (c *Checkpoint) params(prefix string, params []nn.Param) ([][]float32, error) {
	values := make([][]float32, len(params))
	for i, p := range params {
		var err error
		if values[i], err = c.file.Float32(prefix+p.Name, len(p.W)); err != nil {
			return nil, err
		}
	}
	for _, name := range c.file.Names() {
		name, ok := strings.CutPrefix(name, prefix)
		if ok && !slices.ContainsFunc(params, func(p nn.Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("bptt: the checkpoint has a parameter %q, the net has none of that name; build the net of the run that wrote it", name)
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
		return nil, fmt.Errorf("bptt: the checkpoint has a section %q, want only %d of them; build the net and the optimizer of the run that wrote it", extra, len(want))
	}
	return got, nil
}
