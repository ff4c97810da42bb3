package npy

import (
	"fmt"
	"io"
	"os"
)

// A File is an .npy file whose header has been read and checked. Many goroutines may
// use it at the same time, if its io.ReaderAt allows that, as files do.
type File struct {
	h      *header
	r      io.ReaderAt
	closer io.Closer
}

// Open opens the .npy file of that name and reads its header. Close it after use.
func Open(name string) (*File, error) {
	file, size, err := open(name)
	if err != nil {
		return nil, err
	}
	f, err := New(file, size)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.closer = file
	return f, nil
}

// open opens a regular file.
func open(name string) (*os.File, int64, error) {
	// A pipe would wait for its writer, and has no size.
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("npy: %s is no regular file: read a stream by NewReader", name)
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// New reads the header of an .npy file of size bytes.
func New(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, fmt.Errorf("npy: a file of %d bytes", size)
	}
	h, err := readHeader(io.NewSectionReader(r, 0, size), "", 0)
	switch {
	case err == io.EOF:
		return nil, &FormatError{Reason: "the file is empty", Err: io.ErrUnexpectedEOF}
	case err != nil:
		return nil, err
	}
	if err := h.check("", "float32"); err != nil {
		return nil, err
	}
	if err := h.ends(size, ""); err != nil {
		return nil, err
	}
	return &File{h: h, r: r}, nil
}

// ends returns an error unless an array takes size bytes.
func (h *header) ends(size int64, name string) error {
	switch left := size - h.length - h.bytes(); {
	case left < 0:
		return &FormatError{Array: name, Offset: size, Reason: fmt.Sprintf("the data of shape %v takes %d bytes, there are %d", h.shape, h.bytes(), size-h.length), Err: io.ErrUnexpectedEOF}
	case left > 0:
		return &FormatError{Array: name, Offset: size - left, Reason: fmt.Sprintf("%d bytes follow the array", left)}
	}
	return nil
}

// Close closes what Open has opened. Without Open it does nothing.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Info says what the array is.
func (f *File) Info() Info { return f.h.info("") }

// Read sets dst to the elements, in row-major order. It panics if dst has not the
// length of the array. With an error a part of dst may be set.
func (f *File) Read(dst []float32) error { return readFile(f, dst) }

// ReadInt32 is Read for an array of integers or bools. With a *TypeError, which it
// returns for floats, nothing is set.
func (f *File) ReadInt32(dst []int32) error { return readFile(f, dst) }

// Float32 returns the elements, in row-major order.
func (f *File) Float32() ([]float32, error) { return wholeFile[float32](f) }

// Int32 is Float32 for an array of integers or bools.
func (f *File) Int32() ([]int32, error) { return wholeFile[int32](f) }

func readFile[E number](f *File, dst []E) error {
	if len(dst) != f.h.elements {
		panic(fmt.Sprintf("npy: dst has %d elements, the array %d", len(dst), f.h.elements))
	}
	if err := f.h.check("", wanted[E]()); err != nil {
		return err
	}
	return fill(dst, f.h, io.NewSectionReader(f.r, f.h.length, f.h.bytes()), "", f.h.length)
}

func wholeFile[E number](f *File) ([]E, error) {
	if err := f.h.check("", wanted[E]()); err != nil {
		return nil, err
	}
	dst := make([]E, f.h.elements)
	if err := readFile(f, dst); err != nil {
		return nil, err
	}
	return dst, nil
}
