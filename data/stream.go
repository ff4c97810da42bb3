package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// A Format says how a file of symbols stores an id.
type Format uint8

const (
	Bytes  Format = iota // one byte, as in a text
	Uint16               // two bytes, little-endian
	Int32                // four bytes, little-endian; not below 0
)

// String returns the name of the constant.
func (f Format) String() string {
	if f > Int32 {
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
	return [...]string{"Bytes", "Uint16", "Int32"}[f]
}

// width is the number of bytes of an id.
func (f Format) width() int { return 1 << f }

// largest is the largest id that the format can store.
func (f Format) largest() int32 {
	if f == Int32 {
		return 1<<31 - 1
	}
	return 1<<(8*f.width()) - 1
}

// check returns an error if f is none of the constants.
func (f Format) check() error {
	if f > Int32 {
		return fmt.Errorf("data: %v, want Bytes, Uint16 or Int32", f)
	}
	return nil
}

// Append adds the bytes of ids to b: what is written to a file piece by piece can be read
// by a Stream. An id that the format cannot store is an *IDError, with its place in ids as
// Step; then nothing is added.
func (f Format) Append(b []byte, ids ...int32) ([]byte, error) {
	if err := f.check(); err != nil {
		return b, err
	}
	for i, id := range ids {
		if id < 0 || id > f.largest() {
			return b, &IDError{What: "id", ID: id, Step: i, Row: -1, Limit: int(min(int64(f.largest())+1, maxElements))}
		}
	}
	for _, id := range ids {
		switch f {
		case Bytes:
			b = append(b, byte(id))
		case Uint16:
			b = binary.LittleEndian.AppendUint16(b, uint16(id))
		default:
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	return b, nil
}

// id returns the first id of b.
func (f Format) id(b []byte) int32 {
	switch f {
	case Bytes:
		return int32(b[0])
	case Uint16:
		return int32(binary.LittleEndian.Uint16(b))
	}
	return int32(binary.LittleEndian.Uint32(b))
}

// A Stream is a Source like Text and Tokens whose symbols stay in a file, which may be
// larger than memory. It gives the batches that they would give, and its positions are
// theirs, of Text for Bytes and else of Tokens: a run may go on with the same symbols in
// memory, or the reverse.
//
// NewStream reads the file once and keeps a checksum of each block of it. Whenever a block
// is read again its checksum is compared: a file that changes under the run gives a
// *FileError with ErrChanged and the place, before a batch with the change in it. Beside
// the checksums, 4 bytes for a block of 4 to 64 KiB, a Stream holds one block for each row,
// at most 64 MiB in all.
type Stream struct {
	streams
	file   io.ReaderAt
	own    io.Closer // the file, if Close is to close it
	size   int64
	format Format
	max    int32 // the largest id

	block  int      // bytes
	sums   []uint32 // of the blocks
	loaded []int64  // for each row: the block in its buffer, -1 for none
	buffer [][]byte
}

const (
	fewBytes  = 1 << 12 // of the smallest block
	manyBytes = 1 << 16 // of the largest
	// maxBuffers bounds the blocks of all rows.
	maxBuffers    = 1 << 26
	maxStreamRows = maxBuffers / fewBytes
)

// OpenStream is NewStream of a file by its name. Close closes it.
func OpenStream(name string, format Format, rows int) (*Stream, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data: %w", err), file.Close())
	}
	d, err := NewStream(file, info.Size(), format, rows)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	d.own = file
	return d, nil
}

// NewStream returns the data of a file of size bytes in the given number of streams, as
// NewText and NewTokens cut them. It reads all of the file once. Errors are those of reading,
// a size that is not a whole number of ids, an id below 0, too few symbols, and more than
// 16384 streams.
func NewStream(file io.ReaderAt, size int64, format Format, rows int) (*Stream, error) {
	if err := format.check(); err != nil {
		return nil, err
	}
	width := int64(format.width())
	if size < 0 || size%width != 0 {
		return nil, fmt.Errorf("data: a file of %d bytes, want a multiple of %d, the bytes of an id as %v", size, width, format)
	}
	if rows > maxStreamRows {
		return nil, fmt.Errorf("data: %d streams of a file, want at most %d, for each has a buffer", rows, maxStreamRows)
	}
	d := &Stream{file: file, size: size, format: format, block: manyBytes}
	d.read = d.copy
	if err := d.init(size/width, rows); err != nil {
		return nil, err
	}
	for d.block > fewBytes && d.block*rows > maxBuffers {
		d.block /= 2
	}
	if err := d.scan(); err != nil {
		return nil, err
	}
	d.loaded, d.buffer = make([]int64, rows), make([][]byte, rows)
	for r := range rows {
		d.loaded[r] = -1
		d.buffer[r] = make([]byte, 0, min(int64(d.block), size))
	}
	return d, nil
}

// scan reads the file and finds the checksums and the largest id.
func (d *Stream) scan() error {
	buffer := make([]byte, 0, min(int64(d.block), d.size))
	var wide []byte
	for k := int64(0); k*int64(d.block) < d.size; k++ {
		b, err := d.readBlock(buffer, k)
		if err != nil {
			return err
		}
		d.sums = append(d.sums, crc32.Checksum(b, castagnoli))
		for i := 0; i < len(b); i += d.format.width() {
			id := d.format.id(b[i:])
			if id < 0 {
				return &FileError{Name: nameOf(d.file), Offset: k*int64(d.block) + int64(i), Reason: fmt.Sprintf("id %d, want 0 or more", id)}
			}
			d.max = max(d.max, id)
			if d.format == Uint16 {
				wide = binary.LittleEndian.AppendUint32(wide, uint32(id))
			}
		}
		// The checksum of all is that of Text or Tokens.
		if d.format == Uint16 {
			b = wide
		}
		d.sum = crc32.Update(d.sum, castagnoli, b)
		wide = wide[:0]
	}
	return nil
}

// readBlock reads block k into the memory of b.
func (d *Stream) readBlock(b []byte, k int64) ([]byte, error) {
	at := k * int64(d.block)
	b = b[:min(int64(d.block), d.size-at)]
	n, err := d.file.ReadAt(b, at)
	switch {
	case n == len(b):
		return b, nil
	case err == io.EOF || err == nil:
		return nil, &FileError{Name: nameOf(d.file), Offset: at + int64(n), Reason: fmt.Sprintf("the file ends here, want %d bytes", d.size), Err: io.ErrUnexpectedEOF}
	}
	return nil, &FileError{Name: nameOf(d.file), Offset: at + int64(n), Err: err}
}

// copy reads symbols as memory.copy does.
func (d *Stream) copy(r int, at int64, ids, targets []int32, steps int) error {
	id, err := d.symbol(r, at)
	if err != nil {
		return err
	}
	for t := range steps {
		ids[t*d.rows+r] = id
		if id, err = d.symbol(r, at+int64(t)+1); err != nil {
			return err
		}
		targets[t*d.rows+r] = id
	}
	return nil
}

// symbol returns a symbol by way of the buffer of row r.
func (d *Stream) symbol(r int, i int64) (int32, error) {
	at := i * int64(d.format.width())
	if k := at / int64(d.block); k != d.loaded[r] {
		d.loaded[r] = -1 // as long as the buffer is being filled
		b, err := d.readBlock(d.buffer[r], k)
		if short := (*FileError)(nil); errors.As(err, &short) && short.Err == io.ErrUnexpectedEOF {
			short.Err = ErrChanged // scan found the end where it was
		}
		if err != nil {
			return 0, err
		}
		if crc32.Checksum(b, castagnoli) != d.sums[k] {
			return 0, &FileError{Name: nameOf(d.file), Offset: k * int64(d.block), Reason: fmt.Sprintf("the %d bytes from here", len(b)), Err: ErrChanged}
		}
		d.buffer[r], d.loaded[r] = b, k
	}
	return d.format.id(d.buffer[r][at%int64(d.block):]), nil
}

// Largest returns the largest id of the file: a vocabulary has to have more symbols.
func (d *Stream) Largest() int32 { return d.max }

// Close closes the file that OpenStream opened. After NewStream it does nothing.
func (d *Stream) Close() error {
	if d == nil {
		return nilcheck.Receiver("data", "Stream", "Close")
	}
	if d.own == nil {
		return nil
	}
	if err := d.own.Close(); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}
