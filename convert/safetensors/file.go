package safetensors

import (
	"fmt"
	"io"
	"os"
)

// A File is a file whose header has been read and checked. Its tensors are read
// when they are asked for. Many goroutines may use it at the same time, if its
// io.ReaderAt allows that, as files do.
type File struct {
	index
	r      io.ReaderAt
	closer io.Closer
}

// Open opens the file of that name and reads its header. Close it after use.
func Open(name string) (*File, error) { return Limits{}.Open(name) }

// New reads the header of a file of size bytes.
func New(r io.ReaderAt, size int64) (*File, error) { return Limits{}.New(r, size) }

// Open is the function Open with other limits.
func (l Limits) Open(name string) (*File, error) {
	// A pipe would wait for its writer, and has no size.
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("safetensors: %s is no regular file: read a stream by NewReader", name)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil {
		var f *File
		if f, err = l.New(file, info.Size()); err == nil {
			f.closer = file
			return f, nil
		}
	}
	file.Close()
	return nil, fmt.Errorf("%s: %w", name, err)
}

// New is the function New with other limits.
func (l Limits) New(r io.ReaderAt, size int64) (*File, error) {
	limit, err := l.header(4 << 20)
	if err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("safetensors: a file of %d bytes", size)
	}
	x, err := readIndex(io.NewSectionReader(r, 0, size), size, limit)
	if err != nil {
		return nil, err
	}
	return &File{index: *x, r: r}, nil
}

// Close closes what Open has opened. Without Open it does nothing.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Read sets dst to the elements of a tensor, in row-major order. It panics if dst
// has not its length. With an error that comes from reading, and with a *RangeError,
// a part of dst may be set; with a *MissingError or *TypeError nothing is.
func (f *File) Read(dst []float32, name string) error {
	r, err := f.record(name)
	if err != nil {
		return err
	}
	if n := f.elements(r); len(dst) != n {
		panic(fmt.Sprintf("safetensors: dst has %d elements, tensor %s %d", len(dst), quote(name), n))
	}
	at := f.start() + r.begin
	return f.floats(dst, io.NewSectionReader(f.r, at, f.bytes(r)), r, 0, at)
}

// Float32 returns the elements of a tensor, in row-major order.
func (f *File) Float32(name string) ([]float32, error) {
	r, err := f.record(name)
	if err != nil {
		return nil, err
	}
	dst := make([]float32, f.elements(r))
	if err := f.Read(dst, name); err != nil {
		return nil, err
	}
	return dst, nil
}

// Check returns the error that Read has for a tensor before it reads: a
// *MissingError, a *TypeError or nil.
func (f *File) Check(name string) error {
	_, err := f.record(name)
	return err
}

// record returns that of a tensor that can be read.
func (f *File) record(name string) (*record, error) {
	r := f.find(name)
	if r == nil {
		return nil, &MissingError{Tensor: name}
	}
	return r, readable(r)
}
