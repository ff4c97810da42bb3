package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

// magic begins the files of this module.
var magic = []byte("\x89SRNN\r\n\x1a")

// kindAt is where the kind of such a file begins: behind magic, two versions and a length.
const kindAt = 8 + 4 + 4 + 2

const checkpointKind = "bptt.training"

var ownFormat = format{
	name: "simdrnn", suffix: ".simdrnn", about: "one layer, as lstm, gru and rnn write it by WriteTo (.simdrnn)",
	is: func(head []byte, _ string) bool {
		return bytes.HasPrefix(head, magic) && !isCheckpoint(head, "")
	},
	open: openOwn,
	write: func(w io.Writer, out output) error {
		if len(out.networks) != 1 {
			return usagef("a file of this format has one layer, not %d: name one with -layer (%s)", len(out.networks), list(out.networks, func(p placed) string { return fmt.Sprintf("%q", p.name) }))
		}
		_, err := out.networks[0].WriteTo(w)
		return err
	},
}

// An ownFile has one network, which is its layer of the name "".
type ownFile struct{ net network }

func openOwn(name string, _ onnx.Options) (input, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	load := func(load func() (network, error)) (input, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		net, err := load()
		if err != nil {
			return nil, err
		}
		if n, _ := io.CopyN(io.Discard, f, 1); n > 0 {
			return nil, errors.New("bytes follow the end of the layer")
		}
		return &ownFile{net}, nil
	}
	file, err := load(func() (network, error) { return lstm.Load(f) })
	other := new(bptt.KindError)
	if !errors.As(err, &other) {
		return file, err
	}
	switch other.Got {
	case "gru":
		return load(func() (network, error) { return gru.Load(f) })
	case "rnn":
		return load(func() (network, error) { return rnn.Load(f) })
	}
	return nil, fmt.Errorf("it is a file of this module of the kind %q; the kinds that are known here are lstm, gru, rnn and %s", other.Got, checkpointKind)
}

func (o *ownFile) format() string  { return "a layer of simdrnn" }
func (o *ownFile) notes() []string { return nil }
func (o *ownFile) close() error    { return nil }

func (o *ownFile) tellsActivation() bool        { return true }
func (c *checkpointFile) tellsActivation() bool { return false }

func (o *ownFile) layers() ([]layer, error) { return []layer{{line: describe(o.net)}}, nil }

func (o *ownFile) load(name string, _ rnn.Activation) (net network, matched, missing []string, err error) {
	if name != "" {
		return nil, nil, nil, fmt.Errorf("the file has one layer without a name, none called %q: leave -layer out", name)
	}
	o.net.EachParam(func(name string, _ []float32, _ ...int) { matched = append(matched, name) })
	return o.net, matched, nil, nil
}

func (o *ownFile) tensors() (all []tensor, err error) {
	o.net.EachParam(func(name string, w []float32, shape ...int) {
		all = append(all, tensor{name, "F32", append([]int{}, shape...), len(w)})
	})
	return all, nil
}

var checkpointFormat = format{
	name: "checkpoint", about: "a checkpoint of a training by bptt, which inspect reads",
	is:   isCheckpoint,
	open: openCheckpoint,
}

func isCheckpoint(head []byte, _ string) bool {
	return bytes.HasPrefix(head, magic) && len(head) >= kindAt && bytes.HasPrefix(head[kindAt:], []byte(checkpointKind))
}

// A checkpointFile has parameters of a net that the file does not describe, a
// describedCheckpoint those of a chain that stands in its Meta.
type checkpointFile struct{ *bptt.Checkpoint }

type describedCheckpoint struct {
	*whole
	checkpoint *checkpointFile
}

func openCheckpoint(name string, _ onnx.Options) (input, error) {
	c, err := bptt.ReadCheckpointFile(name)
	if err != nil {
		return nil, err
	}
	if _, ok := chain.DescriptionOf(c.Meta); !ok {
		return &checkpointFile{c}, nil
	}
	made, err := chain.LoadCheckpoint("", c)
	if err != nil {
		return nil, err
	}
	w, err := newWhole(made.Infer)
	if err != nil {
		return nil, err
	}
	return &describedCheckpoint{w, &checkpointFile{c}}, nil
}

func (d *describedCheckpoint) format() string { return d.checkpoint.format() }
func (d *describedCheckpoint) notes() []string {
	return append(d.checkpoint.training(), d.whole.notes()...)
}

func (c *checkpointFile) format() string           { return "a checkpoint of a training" }
func (c *checkpointFile) layers() ([]layer, error) { return nil, nil }
func (c *checkpointFile) close() error             { return nil }

func (c *checkpointFile) notes() []string {
	return append(c.training(), "shapes are not in the checkpoint, nor what its stages are: convert takes those of another file with -like, and Checkpoint.Params of package bptt copies the parameters into the net that the program makes")
}

// training is what there is to say of the training.
func (c *checkpointFile) training() []string {
	notes := []string{
		fmt.Sprintf("updates: %d, epochs: %d, counted: %d, left out: %d", c.Step, c.Epoch, c.Counted, c.Skipped),
		fmt.Sprintf("optimizer: %s", c.Optimizer()),
	}
	if c.HasBest() {
		notes = append(notes, "it has the parameters of the best validation too (BestParams)")
	}
	if len(c.Meta) > 0 {
		notes = append(notes, fmt.Sprintf("meta: %d bytes of the program, %s", len(c.Meta), short(string(c.Meta))))
	}
	return notes
}

func (c *checkpointFile) load(string, rnn.Activation) (net network, matched, missing []string, err error) {
	return nil, nil, nil, errors.New("the checkpoint does not say what its layers are: give a file of a chain with the same stages with -like, or put chain.Describe of package convert/chain into Checkpoints.Meta, as charlm in examples does")
}

func (c *checkpointFile) tensors() (all []tensor, err error) {
	c.EachParam(func(name string, w []float32) { all = append(all, tensor{name, "F32", []int{len(w)}, len(w)}) })
	return all, nil
}

// short is a text in one line.
func short(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
