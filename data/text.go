package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Text is a Source made of one text whose symbols are its bytes. The text is cut
// into equally long streams, one for each row, which are read side by side. The
// target of a byte is the byte after it. An epoch ends when the streams do, and
// the next begins with their states reset.
type Text struct{ memory[byte] }

// Tokens is Text over any ids.
type Tokens struct{ memory[int32] }

// NewText returns the data of text in the given number of streams. What does
// not fill the streams evenly is left out at the end. The text is not copied.
// A Stream is for texts that stay in their file.
func NewText(text []byte, streams int) (*Text, error) {
	d := &Text{memory[byte]{symbols: text}}
	d.sum = crc32.Checksum(text, castagnoli)
	return d, d.begin(streams)
}

// NewTokens returns the data of ids in the given number of streams. Ids are 0 or more; what
// is above the vocabulary the net refuses.
func NewTokens(ids []int32, streams int) (*Tokens, error) {
	d := &Tokens{memory[int32]{symbols: ids}}
	var b [4]byte
	for i, id := range ids {
		if id < 0 {
			return nil, fmt.Errorf("data: id %d at place %d of the tokens, want 0 or more", id, i)
		}
		binary.LittleEndian.PutUint32(b[:], uint32(id))
		d.sum = crc32.Update(d.sum, castagnoli, b[:])
	}
	return d, d.begin(streams)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// memory is streams of symbols in memory.
type memory[S byte | int32] struct {
	streams
	symbols []S
}

func (d *memory[S]) begin(rows int) error {
	d.read = d.copy
	return d.init(int64(len(d.symbols)), rows)
}

func (d *memory[S]) copy(r int, at int64, ids, targets []int32, steps int) error {
	from := d.symbols[at:][:steps+1]
	for t := range steps {
		ids[t*d.rows+r] = int32(from[t])
		targets[t*d.rows+r] = int32(from[t+1])
	}
	return nil
}

// streams are the equal parts of a row of symbols, which are read side by side.
type streams struct {
	count   int64  // of symbols
	sum     uint32 // checksum of the symbols, to recognise them in a position
	rows    int
	length  int // of each stream, in steps
	pos     int // steps read
	ids     []int32
	targets []int32
	fresh   []bool

	separator int32 // -1: none
	resets    [][]int

	// read sets column r of ids and targets [steps][rows] to the symbols that begin
	// at the given one, and those after them.
	read func(r int, at int64, ids, targets []int32, steps int) error
}

func (d *streams) init(count int64, rows int) error {
	if rows < 1 {
		return fmt.Errorf("data: %d streams, want at least 1", rows)
	}
	d.count, d.rows, d.separator = count, rows, -1
	length := (count - 1) / int64(rows) // the last symbol is only a target
	if length < 1 {
		return fmt.Errorf("data: a text of %d symbols is too short for %d streams", count, rows)
	}
	if length > math.MaxInt {
		return fmt.Errorf("data: %d symbols in %d streams, want at most %d for each; use more streams", count, rows, math.MaxInt)
	}
	d.length = int(length)
	d.fresh = make([]bool, rows)
	for i := range d.fresh {
		d.fresh[i] = true
	}
	return nil
}

// Steps returns the length of each stream: the steps of an epoch.
func (d *streams) Steps() int { return d.length }

// Rows returns the number of streams: the rows of every batch.
func (d *streams) Rows() int { return d.rows }

// Next implements Source. After an error of reading the position is what it was before.
func (d *streams) Next(b *Batch) error {
	left := d.length - d.pos
	if left == 0 {
		d.pos = 0
		return io.EOF
	}
	steps := left
	if b.Want > 0 {
		steps = min(left, b.Want)
	}
	if most := maxElements / d.rows; steps > most {
		return fmt.Errorf("data: a batch of %d steps of %d rows, want at most %d steps; use a Plan.Window", steps, d.rows, most)
	}
	if n := steps * d.rows; cap(d.ids) < n {
		d.ids, d.targets = make([]int32, n), make([]int32, n)
	}
	ids, targets := d.ids[:steps*d.rows], d.targets[:steps*d.rows]
	for r := range d.rows {
		if err := d.read(r, int64(r)*int64(d.length)+int64(d.pos), ids, targets, steps); err != nil {
			return err
		}
	}
	*b = Batch{Want: b.Want, Steps: steps, Rows: d.rows, IDs: ids, Targets: targets}
	if d.pos == 0 {
		b.Reset = d.fresh
	}
	b.Resets = d.begins(ids)
	d.pos += steps
	return nil
}

// SetSeparator says that the symbol id stands between documents: a row begins anew
// (Batch.Resets) at each step that it is the input of. So what the net reads of a document is
// the separator and its symbols, its targets are its symbols and the separator, and it sees
// nothing of the document before. -1, the default, is for none: then the state goes on.
// It is no part of a position: set it for a run that is resumed too. It returns an error if id is
// below -1.
func (d *streams) SetSeparator(id int32) error {
	if id < -1 {
		return fmt.Errorf("data: the separator %d, want the id of a symbol, or -1 for none", id)
	}
	d.separator = id
	return nil
}

// begins returns the steps at which a separator stands in each row of ids, nil if there are
// none.
func (d *streams) begins(ids []int32) [][]int {
	if d.separator < 0 {
		return nil
	}
	if d.resets == nil {
		d.resets = make([][]int, d.rows)
	}
	for r := range d.resets {
		d.resets[r] = d.resets[r][:0]
	}
	some := false
	for p, id := range ids {
		if id == d.separator {
			d.resets[p%d.rows], some = append(d.resets[p%d.rows], p/d.rows), true
		}
	}
	if !some {
		return nil
	}
	return d.resets
}

// Rewind implements Source.
func (d *streams) Rewind() error {
	d.pos = 0
	return nil
}

// MarshalBinary returns the position.
func (d *streams) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(d.count))
	b = binary.LittleEndian.AppendUint32(b, d.sum)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.rows))
	return binary.LittleEndian.AppendUint64(b, uint64(d.pos)), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position in another
// text, or for another number of streams, is an error.
func (d *streams) UnmarshalBinary(b []byte) error {
	if len(b) != 28 {
		return fmt.Errorf("data: a text position of %d bytes, want 28", len(b))
	}
	symbols, sum := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	rows, pos := binary.LittleEndian.Uint64(b[12:]), binary.LittleEndian.Uint64(b[20:])
	switch {
	case symbols != uint64(d.count) || sum != d.sum:
		return errors.New("data: the position belongs to another text; resume with the text of the run that saved it")
	case rows != uint64(d.rows):
		return fmt.Errorf("data: the position belongs to %d streams, this text is cut into %d; resume with as many streams as the run that saved it", rows, d.rows)
	case pos > uint64(d.length):
		return fmt.Errorf("data: the position is step %d of streams of %d steps", pos, d.length)
	}
	d.pos = int(pos)
	return nil
}
