package npy

import (
	"bufio"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"sync"
)

// An Archive is an .npz file whose directory has been read and checked. Its arrays are
// read when they are asked for, by their names without ".npy". Many goroutines may use
// it at the same time, if its io.ReaderAt allows that, as files do.
type Archive struct {
	d      *directory
	r      io.ReaderAt
	closer io.Closer
}

// OpenArchive opens the .npz file of that name and reads its directory. Close it after
// use.
func OpenArchive(name string) (*Archive, error) {
	file, size, err := open(name)
	if err != nil {
		return nil, err
	}
	a, err := NewArchive(file, size)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	a.closer = file
	return a, nil
}

// NewArchive reads the directory of an .npz file of size bytes.
func NewArchive(r io.ReaderAt, size int64) (*Archive, error) {
	if size < 0 {
		return nil, fmt.Errorf("npy: a file of %d bytes", size)
	}
	d, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	return &Archive{d: d, r: r}, nil
}

// Close closes what OpenArchive has opened. Without it it does nothing.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// Len returns the number of arrays.
func (a *Archive) Len() int { return len(a.d.names) }

// Names returns the names of the arrays in the order of their data.
func (a *Archive) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, place := range a.d.places {
			if !yield(a.d.at(place).name) {
				return
			}
		}
	}
}

// Info says what an array is, from its header alone: also one whose elements cannot be
// read.
func (a *Archive) Info(name string) (Info, error) {
	h, m, err := a.open(name)
	if err != nil {
		return Info{}, err
	}
	m.close()
	return h.info(name), nil
}

// Shape returns the shape of an array and whether there is one of that name.
func (a *Archive) Shape(name string) (shape []int, found bool, err error) {
	info, err := a.Info(name)
	if _, missing := err.(*MissingError); missing {
		return nil, false, nil
	}
	return info.Shape, true, err
}

// Check returns the error that Read has before it reads elements: a *MissingError, a
// *TypeError, one of the header, or nil.
func (a *Archive) Check(name string) error {
	h, m, err := a.open(name)
	if err != nil {
		return err
	}
	m.close()
	return h.check(name, "float32")
}

// Read sets dst to the elements of an array, in row-major order. It panics if dst has
// not its length. With an error that comes from reading, a part of dst may be set: the
// checksum is compared at the end.
func (a *Archive) Read(dst []float32, name string) error { return readArray(a, dst, name) }

// ReadInt32 is Read for an array of integers or bools. With a *TypeError, which it
// returns for floats, nothing is set.
func (a *Archive) ReadInt32(dst []int32, name string) error { return readArray(a, dst, name) }

// Float32 returns the elements of an array, in row-major order.
func (a *Archive) Float32(name string) ([]float32, error) { return wholeArray[float32](a, name) }

// Int32 is Float32 for an array of integers or bools.
func (a *Archive) Int32(name string) ([]int32, error) { return wholeArray[int32](a, name) }

func readArray[E number](a *Archive, dst []E, name string) error {
	h, m, err := a.open(name)
	if err != nil {
		return err
	}
	defer m.close()
	if err := h.check(name, wanted[E]()); err != nil {
		return err
	}
	if len(dst) != h.elements {
		panic(fmt.Sprintf("npy: dst has %d elements, array %s %d", len(dst), quote(name), h.elements))
	}
	if err := fill(dst, h, m, name, h.length); err != nil {
		return err
	}
	return m.finish()
}

func wholeArray[E number](a *Archive, name string) ([]E, error) {
	h, m, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if err := h.check(name, wanted[E]()); err != nil {
		return nil, err
	}
	var dst []E
	if m.inflate == nil { // its bytes are there
		dst = make([]E, h.elements)
		err = fill(dst, h, m, name, h.length)
	} else {
		dst, err = whole[E](h, m, name, h.length)
	}
	if err == nil {
		err = m.finish()
	}
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// open reads the header of an array and returns what follows it. Of one that can be
// read the size fits the header.
func (a *Archive) open(name string) (*header, *member, error) {
	e, end, ok := a.d.find(name)
	if !ok {
		return nil, nil, &MissingError{Array: name}
	}
	m, err := a.member(e, end)
	if err != nil {
		return nil, nil, err
	}
	h, err := readHeader(m, name, 0)
	if err == io.EOF {
		err = &FormatError{Array: name, Reason: "the array is empty", Err: io.ErrUnexpectedEOF}
	}
	if err == nil && h.readable {
		err = h.ends(int64(e.size), name)
	}
	if err != nil {
		m.close()
		return nil, nil, err
	}
	return h, m, nil
}

// member finds the data of an entry, before end.
func (a *Archive) member(e entry, end int64) (*member, error) {
	var b [localBytes]byte
	at := int64(e.offset)
	bad := func(format string, x ...any) error {
		return &FormatError{Array: e.name, Reason: fmt.Sprintf("its entry, at %d of the archive, ", at) + fmt.Sprintf(format, x...)}
	}
	local := io.NewSectionReader(a.r, at, end-at)
	if n, err := io.ReadFull(local, b[:]); err != nil {
		return nil, ended(bad("ends after %d bytes", n).(*FormatError), err)
	}
	nameBytes, extra := int64(little.Uint16(b[26:])), int64(little.Uint16(b[28:]))
	data := localBytes + nameBytes + extra
	switch {
	case string(b[:4]) != localSign:
		return nil, bad("begins with %q, want %q", b[:4], localSign)
	case little.Uint16(b[8:]) != e.method:
		return nil, bad("is packed by method %d, the directory says %d", little.Uint16(b[8:]), e.method)
	case nameBytes != int64(len(e.name)+len(suffix)):
		return nil, bad("has a name of %d bytes, the directory one of %d", nameBytes, len(e.name)+len(suffix))
	case data+int64(e.packed) > end-at:
		return nil, bad("has %d bytes from %d of it, and the next one begins at %d: they overlap", e.packed, data, end)
	}
	nameThere := make([]byte, nameBytes)
	if n, err := io.ReadFull(local, nameThere); err != nil {
		return nil, ended(bad("ends after %d bytes", localBytes+n).(*FormatError), err)
	}
	if string(nameThere) != e.name+suffix {
		return nil, bad("is called %s", quote(string(nameThere)))
	}
	m := &member{entry: e, r: io.NewSectionReader(a.r, at+data, int64(e.packed))}
	if e.method == deflated {
		m.inflate = inflaters.Get().(*inflater)
		m.inflate.reset(m.r)
		m.r = m.inflate.flate
	}
	return m, nil
}

// A member reads the bytes of an entry, as many as the directory says.
type member struct {
	entry   entry
	r       io.Reader
	inflate *inflater // nil if it is stored
	n       uint64    // bytes read
	crc     uint32
}

// An inflater has the 40 KiB that inflating takes.
type inflater struct {
	buffer *bufio.Reader
	flate  io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	b := bufio.NewReader(nil)
	return &inflater{b, flate.NewReader(b)}
}}

func (i *inflater) reset(r io.Reader) {
	i.buffer.Reset(r)
	i.flate.(flate.Resetter).Reset(i.buffer, nil) // which returns no error
}

// Read reads from the entry, no more bytes than it is said to have.
func (m *member) Read(b []byte) (int, error) {
	if left := m.entry.size - m.n; uint64(len(b)) > left {
		if left == 0 {
			return 0, io.EOF
		}
		b = b[:left]
	}
	n, err := m.r.Read(b)
	m.n += uint64(n)
	m.crc = crc32.Update(m.crc, crc32.IEEETable, b[:n])
	return n, err
}

// finish returns an error unless the entry ends here and its checksum is right.
func (m *member) finish() error {
	var b [1]byte
	n, err := io.ReadFull(m.r, b[:])
	switch {
	case n > 0:
		return &FormatError{Array: m.entry.name, Offset: int64(m.n), Reason: fmt.Sprintf("it inflates to more than the %d bytes that the directory says", m.entry.size)}
	case err != io.EOF:
		return &FormatError{Array: m.entry.name, Offset: int64(m.n), Reason: "the end of its data", Err: err}
	case m.crc != m.entry.crc:
		return &FormatError{Array: m.entry.name, Offset: int64(m.n), Reason: fmt.Sprintf("its checksum is %08x, the directory says %08x: the data is damaged", m.crc, m.entry.crc)}
	}
	return nil
}

// close gives back what reading takes.
func (m *member) close() {
	if m.inflate != nil {
		m.inflate.reset(nil)
		inflaters.Put(m.inflate)
		m.inflate = nil
	}
}
