package safetensors

import (
	"fmt"
	"io"
)

// A Reader reads a file from a stream, once, in the order of its data. It takes
// exactly the bytes of the file and no byte after them.
type Reader struct {
	index
	r       io.Reader
	next    int // the place in order of the tensor after the current one
	current *record
	done    int   // elements of the current tensor that have been read
	left    int64 // bytes of the current tensor that have not
	at      int64 // bytes taken from r
	err     error
}

// NewReader reads the header of a file.
func NewReader(r io.Reader) (*Reader, error) { return Limits{}.NewReader(r) }

// NewReader is the function NewReader with other limits.
func (l Limits) NewReader(r io.Reader) (*Reader, error) {
	limit, err := l.header(512 << 10)
	if err != nil {
		return nil, err
	}
	x, err := readIndex(r, -1, limit)
	if err != nil {
		return nil, err
	}
	return &Reader{index: *x, r: r, at: x.start()}, nil
}

// Next goes to the next tensor, past what has not been read of the current one, and
// says what it is. After the last one it returns io.EOF. An error stays.
func (r *Reader) Next() (Info, error) {
	if r.err != nil {
		return Info{}, r.err
	}
	n, err := io.CopyN(io.Discard, r.r, r.left)
	if r.at, r.left = r.at+n, r.left-n; err != nil {
		r.err = ended(&FormatError{Tensor: r.current.name, Offset: r.at, Reason: fmt.Sprintf("its data ends %d bytes later", r.left)}, err)
		return Info{}, r.err
	}
	r.current = nil
	if r.next == len(r.order) {
		return Info{}, io.EOF
	}
	r.current = &r.records[r.order[r.next]]
	r.next++
	r.done, r.left = 0, r.bytes(r.current)
	return r.info(r.current), nil
}

// Read sets dst to the next elements of the current tensor, as many as there are and
// fit, and returns their number. It returns io.EOF where the tensor has no more, and
// a *TypeError if its elements do not become float32. With another error dst may be
// set in part, and the Reader is of no more use; but Next goes on after a *RangeError.
func (r *Reader) Read(dst []float32) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.current == nil:
		panic("safetensors: Read without a tensor: call Next first, and no Read after its io.EOF")
	}
	if err := readable(r.current); err != nil {
		return 0, err
	}
	size := int64(types[r.current.typ].bits / 8)
	n := int(min(int64(len(dst)), r.left/size))
	if n == 0 {
		if r.left > 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	counted := &counter{r: r.r}
	err := r.floats(dst[:n], counted, r.current, r.done, r.at)
	r.at, r.left, r.done = r.at+counted.n, r.left-counted.n, r.done+n
	if err == nil {
		return n, nil
	}
	if _, ranged := err.(*RangeError); !ranged {
		r.err = err
	}
	return 0, err
}

// A counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
