package npy

import (
	"fmt"
	"io"
)

// A Reader reads arrays of .npy files from a stream, one after another: as many as
// there are. It takes exactly the bytes of each and no byte after them.
type Reader struct {
	r       io.Reader
	current *header // nil without an array, or after it has been read
	at      int64   // bytes taken from r
	err     error
}

// NewReader returns a Reader of what r holds from here on.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next goes to the next array, past the current one if that has not been read, and
// says what it is. It returns io.EOF if the stream ends there. Of an array that cannot
// be read it returns a *TypeError, since nobody knows where its data ends. An error
// stays.
func (r *Reader) Next() (Info, error) {
	if r.err == nil && r.current != nil {
		var n int64
		size := r.current.bytes()
		n, r.err = io.CopyN(io.Discard, r.r, size)
		if r.at += n; r.err != nil {
			r.err = ended(&FormatError{Offset: r.at, Reason: fmt.Sprintf("the data of an array ends %d bytes later", size-n)}, r.err)
		}
	}
	r.current = nil
	if r.err != nil {
		return Info{}, r.err
	}
	h, err := readHeader(r.r, "", r.at)
	if err == nil {
		err = h.check("", "float32")
	}
	if err != nil {
		r.err = err
		return Info{}, err
	}
	r.current = h
	r.at += h.length
	return h.info(""), nil
}

// Float32 returns the elements of the current array, in row-major order. An array is
// read once. After a *RangeError or *TypeError Next goes on.
func (r *Reader) Float32() ([]float32, error) { return next[float32](r) }

// Int32 is Float32 for the elements of an array of integers or bools.
func (r *Reader) Int32() ([]int32, error) { return next[int32](r) }

func next[E number](r *Reader) ([]E, error) {
	switch {
	case r.err != nil:
		return nil, r.err
	case r.current == nil:
		panic("npy: no array to be read: call Next first, and read each array once")
	}
	h := r.current
	if err := h.check("", wanted[E]()); err != nil {
		return nil, err
	}
	// All is taken from the stream, also behind an element that is out of range.
	left := &io.LimitedReader{R: r.r, N: h.bytes()}
	dst, err := whole[E](h, left, "", r.at)
	if ranged, ok := err.(*RangeError); ok {
		_, err = io.Copy(io.Discard, left)
		if err == nil && left.N > 0 {
			err = io.ErrUnexpectedEOF
		}
		r.at, r.current = r.at+h.bytes()-left.N, nil
		if err != nil {
			r.err = &FormatError{Offset: r.at, Reason: fmt.Sprintf("the data of an array ends %d bytes later", left.N), Err: err}
		}
		return nil, ranged
	}
	r.at, r.current = r.at+h.bytes()-left.N, nil
	if err != nil {
		r.err = err
		return nil, err
	}
	return dst, nil
}
