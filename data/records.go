package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// The format of a file of records, all numbers little-endian:
//
//	magic      16 bytes, recordsMagic
//	form       uint32 flags (has... below), uint32 width of X, uint32 width of Y
//	           uint32 CRC-32C of the 28 bytes before
//	record     uint32 steps; IDs, Targets [steps] int32; X, Y [steps][width] float32
//	           Weights [steps] or [steps][width of Y] float32
//	           with Labels: uint32 how many, and so many int32
//	           uint32 CRC-32C of the record before it
//	...
//	end        uint32 0xffffffff, uint64 records
//	           uint32 CRC-32C of the 12 bytes before
const (
	recordsMagic = "simdrnn-seq-v1\r\n"
	headerBytes  = 28 + 4
	endMark      = math.MaxUint32
	// A record is read in pieces, so that memory is taken for bytes that are there.
	pieceBytes = 1 << 20
)

// The flags of a file.
const (
	hasIDs = 1 << iota
	hasTargets
	hasStepWeights
	hasElementWeights // of a Y that is wider than 1
	hasLabels
	allFlags = 1<<iota - 1
)

// A RecordWriter writes sequences to a file that Records read, one after another. All
// sequences that have steps need the same slices and widths, as in NewSequences.
//
// The file begins with 16 bytes, "simdrnn-seq-v1\r\n". Then come, as little-endian uint32,
// flags (1 for IDs, 2 for Targets, 4 for Weights of steps, 8 for Weights of the elements of Y, 16
// for Labels), the widths of X and Y, and the CRC-32C of all that.
// A record is its number of steps as uint32, IDs and Targets as int32, X, Y and Weights as
// float32, with Labels their number as uint32 and they as int32,
// and the CRC-32C of all that. The end is 0xffffffff, the number of records as uint64, and
// the CRC-32C of both.
//
// Either all sequences have Labels, empty ones where there are none, or no one has.
type RecordWriter struct {
	w       *bufio.Writer
	form    form
	records int
	empty   int // records without steps that wait for the form
	b       []byte
	closed  bool
}

// NewRecordWriter returns a writer to w, which it buffers.
func NewRecordWriter(w io.Writer) *RecordWriter {
	return &RecordWriter{w: bufio.NewWriter(w)}
}

// Write adds a sequence. Its Steps have to be set where it has X and Y alone and is the
// first with steps. After an error of w nothing more can be written; a sequence of another
// form is refused, and others may follow.
func (w *RecordWriter) Write(s Sequence) error {
	if w.closed {
		return errors.New("data: a record after Close; make another RecordWriter")
	}
	had, one, f := w.form.known, [1]Sequence{s}, w.form
	if err := f.measure(one[:], w.records); err != nil {
		return err
	}
	s = one[0]
	switch {
	case f.weights > 1 && f.weights != f.out:
		return fmt.Errorf("data: sequence %d has Weights of width %d, want 1 for each step, or %d as Y", w.records, f.weights, f.out)
	case s.Steps == 0 && len(s.Labels) > 0:
		return fmt.Errorf("data: sequence %d has %d Labels and no steps, in which they could be; leave it out", w.records, len(s.Labels))
	case had && s.Labels != nil && !w.form.labels:
		return fmt.Errorf("data: sequence %d has Labels, and those before it have none; give all of them Labels, empty ones where there are none", w.records)
	case len(s.Labels) > maxElements:
		return fmt.Errorf("data: sequence %d has %d Labels, want at most %d", w.records, len(s.Labels), maxElements)
	}
	if s.Steps > maxElements || max(f.in, f.out) > 0 && s.Steps > maxElements/max(f.in, f.out) {
		return fmt.Errorf("data: sequence %d has %d steps of width %d, want at most %d elements", w.records, s.Steps, max(f.in, f.out), maxElements)
	}
	w.form = f
	w.records++
	if !f.known {
		w.empty++
		return nil
	}
	if !had {
		if err := w.begin(); err != nil {
			return err
		}
	}
	return w.put(s)
}

// begin writes what comes before the first record with steps.
func (w *RecordWriter) begin() error {
	f := &w.form
	w.b = append(w.b[:0], recordsMagic...)
	w.b = binary.LittleEndian.AppendUint32(w.b, f.flags())
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(f.in))
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(f.out))
	err := w.flush()
	for ; w.empty > 0 && err == nil; w.empty-- {
		err = w.put(Sequence{})
	}
	return err
}

func (w *RecordWriter) put(s Sequence) error {
	w.b = binary.LittleEndian.AppendUint32(w.b[:0], uint32(s.Steps))
	w.b = appendIDs(appendIDs(w.b, s.IDs), s.Targets)
	w.b = appendFloats(appendFloats(appendFloats(w.b, s.X), s.Y), s.Weights)
	if w.form.labels {
		w.b = appendIDs(binary.LittleEndian.AppendUint32(w.b, uint32(len(s.Labels))), s.Labels)
	}
	return w.flush()
}

// flags are those of a file of sequences of the form.
func (f *form) flags() (flags uint32) {
	for _, have := range []struct {
		it   bool
		flag uint32
	}{{f.ids, hasIDs}, {f.targets, hasTargets}, {f.weights == 1, hasStepWeights}, {f.weights > 1, hasElementWeights}, {f.labels, hasLabels}} {
		if have.it {
			flags |= have.flag
		}
	}
	return flags
}

// flush writes w.b and its checksum.
func (w *RecordWriter) flush() error {
	w.b = binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli))
	if _, err := w.w.Write(w.b); err != nil {
		return fmt.Errorf("data: record %d: %w", w.records, err)
	}
	return nil
}

// Close writes the end and what is still buffered. Without it the file is refused as cut
// off. It does not close what NewRecordWriter was given. Another Close does nothing.
func (w *RecordWriter) Close() error {
	if w.closed {
		return nil
	}
	if !w.form.known {
		w.form.labels = false // none of no sequence that has steps
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.b = binary.LittleEndian.AppendUint32(w.b[:0], endMark)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(w.records))
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("data: record %d: %w", w.records, err)
	}
	w.closed = true
	return nil
}

// Records are the sequences of a file that a RecordWriter wrote, in its order. Memory is
// taken for one of them, and in proportion to the bytes that are there.
type Records struct {
	r      *bufio.Reader
	file   io.Closer // what OpenRecords opened, or nil
	name   string
	offset int64
	form   form
	unit   int64 // bytes of a step
	read   uint64
	b      []byte
	s      Sequence // memory of the last one
	err    error    // of an earlier call
}

// OpenRecords returns the function that NewFeed wants: it opens the file of that name at
// its beginning.
func OpenRecords(name string) func() (SequenceReader, error) {
	return func() (SequenceReader, error) {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		r, err := NewRecords(file)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		r.file = file
		return r, nil
	}
}

// NewRecords returns the sequences of r. An error is a *FileError.
func NewRecords(r io.Reader) (*Records, error) {
	d := &Records{r: bufio.NewReader(r), name: nameOf(r)}
	if err := d.take(headerBytes); err != nil {
		return nil, err
	}
	if string(d.b[:len(recordsMagic)]) != recordsMagic {
		return nil, d.refuse(0, "it begins with %q, want %q: a file of a RecordWriter", d.b[:len(recordsMagic)], recordsMagic)
	}
	if err := d.checkSum(0); err != nil {
		return nil, err
	}
	flags, in, out := binary.LittleEndian.Uint32(d.b[16:]), binary.LittleEndian.Uint32(d.b[20:]), binary.LittleEndian.Uint32(d.b[24:])
	if flags > allFlags || in > maxElements || out > maxElements {
		return nil, d.refuse(16, "flags %d and widths %d and %d, want flags up to %d and widths up to %d", flags, in, out, allFlags, maxElements)
	}
	f := form{ids: flags&hasIDs != 0, targets: flags&hasTargets != 0, in: int(in), out: int(out), labels: flags&hasLabels != 0}
	f.known = flags != 0 || in > 0 || out > 0
	if f.known && (f.ids == (in > 0) || !f.targets && out == 0 && !f.labels) {
		return nil, d.refuse(16, "flags %d and widths %d and %d, want IDs or X, and Targets, Y or Labels", flags, in, out)
	}
	switch flags & (hasStepWeights | hasElementWeights) {
	case hasStepWeights:
		f.weights = 1
	case hasElementWeights:
		f.weights = f.out
	case hasStepWeights | hasElementWeights:
		return nil, d.refuse(16, "flags %d, want Weights of steps or of elements, not both", flags)
	}
	if f.weights < 2 && flags&hasElementWeights != 0 {
		return nil, d.refuse(16, "flags %d and Y of width %d, want Weights of elements of a wider Y", flags, f.out)
	}
	d.form = f
	d.unit = 4 * (int64(perStep(f.ids)) + int64(perStep(f.targets)) + int64(in) + int64(out) + int64(f.weights))
	return d, nil
}

// Next returns the next sequence, whose memory is valid until the next call, and io.EOF
// after the last one. Any other error is a *FileError, and comes again in later calls.
func (d *Records) Next() (Sequence, error) {
	if d == nil {
		return Sequence{}, nilcheck.Receiver("data", "Records", "Next")
	}
	if d.err != nil {
		return Sequence{}, d.err
	}
	if d.err = d.next(); d.err != nil {
		return Sequence{}, d.err
	}
	return d.s, nil
}

func (d *Records) next() error {
	at := d.offset
	d.b = d.b[:0]
	if err := d.take(4); err != nil {
		return err
	}
	steps := int64(binary.LittleEndian.Uint32(d.b))
	if steps == endMark {
		return d.end(at)
	}
	f := &d.form
	if most := maxElements / int64(max(1, f.in, f.out)); steps > most || steps > 0 && !f.known {
		if !f.known {
			most = 0
		}
		return d.refuse(at, "a record of %d steps, want at most %d", steps, most)
	}
	if err := d.take(steps * d.unit); err != nil {
		return err
	}
	labels := 0
	if f.labels {
		if err := d.take(4); err != nil {
			return err
		}
		n := binary.LittleEndian.Uint32(d.b[len(d.b)-4:])
		if n > maxElements || n > 0 && steps == 0 {
			return d.refuse(at, "a record of %d labels and %d steps, want at most %d, and none without steps", n, steps, maxElements)
		}
		labels = int(n)
	}
	if err := d.take(4*int64(labels) + 4); err != nil {
		return err
	}
	if err := d.checkSum(at); err != nil {
		return err
	}
	b := d.b[4:]
	d.s.Steps = int(steps)
	d.s.IDs, b = takeIDs(d.s.IDs, b, int(steps)*perStep(f.ids))
	d.s.Targets, b = takeIDs(d.s.Targets, b, int(steps)*perStep(f.targets))
	d.s.X, b = takeFloats(d.s.X, b, int(steps)*f.in)
	d.s.Y, b = takeFloats(d.s.Y, b, int(steps)*f.out)
	d.s.Weights, b = takeFloats(d.s.Weights, b, int(steps)*f.weights)
	if f.labels {
		d.s.Labels, _ = takeIDs(d.s.Labels, b[4:], labels)
		if d.s.Labels == nil {
			d.s.Labels = []int32{} // none, which is not no answer
		}
	}
	d.read++
	return nil
}

// end reads the rest of the end of the file, which begins at that offset.
func (d *Records) end(at int64) error {
	if err := d.take(12); err != nil {
		return err
	}
	if err := d.checkSum(at); err != nil {
		return err
	}
	if n := binary.LittleEndian.Uint64(d.b[4:]); n != d.read {
		return d.refuse(at, "the end of %d records after %d", n, d.read)
	}
	switch _, err := d.r.ReadByte(); {
	case err == nil:
		return d.refuse(d.offset, "bytes after the end")
	case err != io.EOF:
		return &FileError{Name: d.name, Offset: d.offset, Err: err}
	}
	return io.EOF
}

// take appends the next n bytes of the file to d.b.
func (d *Records) take(n int64) error {
	for n > 0 {
		k := int(min(n, pieceBytes))
		if room := cap(d.b) - len(d.b); k > room {
			d.b = append(d.b, make([]byte, k)...)[:len(d.b)]
		}
		got, err := io.ReadFull(d.r, d.b[len(d.b):len(d.b)+k])
		d.b, d.offset, n = d.b[:len(d.b)+got], d.offset+int64(got), n-int64(got)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return &FileError{Name: d.name, Offset: d.offset, Reason: "the file is cut off", Err: io.ErrUnexpectedEOF}
		}
		if err != nil {
			return &FileError{Name: d.name, Offset: d.offset, Err: err}
		}
	}
	return nil
}

// checkSum returns an error if d.b, which begins at that offset, does not end with the
// checksum of what is before.
func (d *Records) checkSum(at int64) error {
	n := len(d.b) - 4
	if got, want := crc32.Checksum(d.b[:n], castagnoli), binary.LittleEndian.Uint32(d.b[n:]); got != want {
		return d.refuse(at, "%d bytes with checksum %08x, want %08x: the file is damaged", n, got, want)
	}
	return nil
}

func (d *Records) refuse(at int64, format string, args ...any) error {
	return &FileError{Name: d.name, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// takeIDs sets the memory of ids to n ids of b and returns it and what comes after.
func takeIDs(ids []int32, b []byte, n int) ([]int32, []byte) {
	ids = room(ids, n)
	for i := range ids {
		ids[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return ids, b[4*n:]
}

func takeFloats(v []float32, b []byte, n int) ([]float32, []byte) {
	v = room(v, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, b[4*n:]
}

// Close closes the file if OpenRecords opened it.
func (d *Records) Close() error {
	if d == nil {
		return nilcheck.Receiver("data", "Records", "Close")
	}
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	d.file = nil
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}
