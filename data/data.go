package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A Batch is the data of one forward pass: Steps steps of Rows rows. Either IDs or X is
// set, the input, and Targets or Y, which the loss compares the output with. With both,
// the steps with a target of 0 or more count. Slices may be memory of the Source that
// filled them: they are valid until its next call, and only the Source writes them.
type Batch struct {
	// Want is the largest number of steps that the caller takes, 0 for no limit:
	// then the data gives whole sequences. It is the only field that Next reads.
	Want int

	Steps, Rows int

	IDs     []int32   // [Steps][Rows]
	X       []float32 // [Steps][Rows][in]
	Targets []int32   // [Steps][Rows]; below 0: ignored
	Y       []float32 // [Steps][Rows][out]

	Lengths []int  // steps of each row that exist; nil: all
	Reset   []bool // rows that begin anew with this batch; nil: none

	// Context is the number of leading steps whose loss has been counted
	// before. The Trainer sets it where windows overlap.
	Context int
}

// Counts says whether the loss of pair p = t*Rows+b is counted.
func (b *Batch) Counts(p int) bool {
	t := p / b.Rows
	return t >= b.Context && (b.Lengths == nil || t < b.Lengths[p%b.Rows])
}

// Check returns an error if a batch does not fit a net of these rows and widths, which
// takes at most that many steps, of ids or of X.
func (b *Batch) Check(steps, rows, in, out int, ids bool) error {
	pairs := b.Steps * rows
	switch {
	case b.Rows != rows:
		return fmt.Errorf("data: a batch of %d rows, the net has %d", b.Rows, rows)
	case b.Steps < 0 || b.Steps > steps:
		return fmt.Errorf("data: a batch of %d steps, want at most %d", b.Steps, steps)
	case ids && len(b.IDs) != pairs:
		return fmt.Errorf("data: a batch with %d ids, want %d for %d steps of %d rows", len(b.IDs), pairs, b.Steps, rows)
	case !ids && len(b.X) != pairs*in:
		return fmt.Errorf("data: a batch with %d inputs, want %d for %d steps of %d rows of width %d", len(b.X), pairs*in, b.Steps, rows, in)
	case len(b.Targets) != pairs && len(b.Y) != pairs*out:
		return fmt.Errorf("data: a batch with %d targets and %d target values, want %d or %d", len(b.Targets), len(b.Y), pairs, pairs*out)
	case b.Lengths != nil && len(b.Lengths) != rows:
		return fmt.Errorf("data: a batch with %d lengths, want %d", len(b.Lengths), rows)
	case b.Reset != nil && len(b.Reset) != rows:
		return fmt.Errorf("data: a batch with %d reset flags, want %d", len(b.Reset), rows)
	}
	for r, n := range b.Lengths {
		if n < 0 || n > b.Steps {
			return fmt.Errorf("data: a batch with length %d of row %d, want 0 to %d", n, r, b.Steps)
		}
	}
	return nil
}

// A Source is a source of batches. If it is also an encoding.BinaryMarshaler and
// BinaryUnmarshaler its position goes into checkpoints, and a resumed run sees
// exactly what is left; and Evaluate leaves it where it was. If it has a method
//
//	Rows() int
//
// that is the number of rows of every batch, and Trainer and Evaluate refuse data
// whose rows are not those of the net before they ask for a batch.
type Source interface {
	// Next fills b with what comes next, at most b.Want steps of it. After the
	// last batch of an epoch it returns io.EOF; the call after that begins the
	// next epoch.
	Next(b *Batch) error

	// Rewind goes back to the beginning of the epoch that Next is in: the same
	// batches come once more, in the same order. It changes nothing at the beginning
	// of an epoch, where a new Source is, and one after an io.EOF.
	Rewind() error
}

// An IDError names an id that is not in the vocabulary, or a target that is not
// a class.
type IDError struct {
	What      string // "id" or "target"
	ID        int32
	Step, Row int
	Limit     int // ids are 0 to Limit-1
}

func (e *IDError) Error() string {
	return fmt.Sprintf("data: %s %d at step %d, row %d, want 0 to %d", e.What, e.ID, e.Step, e.Row, e.Limit-1)
}

// Text is a Source made of one text whose symbols are its bytes. The text is cut
// into equally long streams, one for each row, which are read side by side. The
// target of a byte is the byte after it. An epoch ends when the streams do, and
// the next begins with their states reset.
type Text struct{ stream[byte] }

// Tokens is Text over any ids.
type Tokens struct{ stream[int32] }

// NewText returns the data of text in the given number of streams. What does
// not fill the streams evenly is left out at the end. The text is not copied.
func NewText(text []byte, streams int) (*Text, error) {
	d := &Text{stream[byte]{symbols: text, sum: crc32.Checksum(text, castagnoli)}}
	return d, d.init(streams)
}

// NewTokens returns the data of ids in the given number of streams.
func NewTokens(ids []int32, streams int) (*Tokens, error) {
	d := &Tokens{stream[int32]{symbols: ids}}
	var b [4]byte
	for _, id := range ids {
		binary.LittleEndian.PutUint32(b[:], uint32(id))
		d.sum = crc32.Update(d.sum, castagnoli, b[:])
	}
	return d, d.init(streams)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type stream[S byte | int32] struct {
	symbols []S
	sum     uint32 // checksum of the symbols, to recognise them in a position
	rows    int
	length  int // of each stream, in steps
	pos     int // steps read
	ids     []int32
	targets []int32
	fresh   []bool
}

func (d *stream[S]) init(rows int) error {
	if rows < 1 {
		return fmt.Errorf("data: %d streams, want at least 1", rows)
	}
	d.rows = rows
	d.length = (len(d.symbols) - 1) / rows // the last symbol is only a target
	if d.length < 1 {
		return fmt.Errorf("data: a text of %d symbols is too short for %d streams", len(d.symbols), rows)
	}
	d.fresh = make([]bool, rows)
	for i := range d.fresh {
		d.fresh[i] = true
	}
	return nil
}

// Steps returns the length of each stream: the steps of an epoch.
func (d *stream[S]) Steps() int { return d.length }

// Rows returns the number of streams: the rows of every batch.
func (d *stream[S]) Rows() int { return d.rows }

// Next implements Source.
func (d *stream[S]) Next(b *Batch) error {
	left := d.length - d.pos
	if left == 0 {
		d.pos = 0
		return io.EOF
	}
	steps := left
	if b.Want > 0 {
		steps = min(left, b.Want)
	}
	if n := steps * d.rows; cap(d.ids) < n {
		d.ids, d.targets = make([]int32, n), make([]int32, n)
	}
	ids, targets := d.ids[:steps*d.rows], d.targets[:steps*d.rows]
	for r := range d.rows {
		from := d.symbols[r*d.length+d.pos:][:steps+1]
		for t := range steps {
			ids[t*d.rows+r] = int32(from[t])
			targets[t*d.rows+r] = int32(from[t+1])
		}
	}
	*b = Batch{Want: b.Want, Steps: steps, Rows: d.rows, IDs: ids, Targets: targets}
	if d.pos == 0 {
		b.Reset = d.fresh
	}
	d.pos += steps
	return nil
}

// Rewind implements Source.
func (d *stream[S]) Rewind() error {
	d.pos = 0
	return nil
}

// MarshalBinary returns the position.
func (d *stream[S]) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(d.symbols)))
	b = binary.LittleEndian.AppendUint32(b, d.sum)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.rows))
	return binary.LittleEndian.AppendUint64(b, uint64(d.pos)), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position in another
// text, or for another number of streams, is an error.
func (d *stream[S]) UnmarshalBinary(b []byte) error {
	if len(b) != 28 {
		return fmt.Errorf("data: a text position of %d bytes, want 28", len(b))
	}
	symbols, sum := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	rows, pos := binary.LittleEndian.Uint64(b[12:]), binary.LittleEndian.Uint64(b[20:])
	switch {
	case symbols != uint64(len(d.symbols)) || sum != d.sum:
		return errors.New("data: the position belongs to another text; resume with the text of the run that saved it")
	case rows != uint64(d.rows):
		return fmt.Errorf("data: the position belongs to %d streams, this text is cut into %d; resume with as many streams as the run that saved it", rows, d.rows)
	case pos > uint64(d.length):
		return fmt.Errorf("data: the position is step %d of streams of %d steps", pos, d.length)
	}
	d.pos = int(pos)
	return nil
}
