package safetensors

import (
	"errors"
	"fmt"
	"io"
)

// A FormatError says that the bytes are no whole, valid file.
type FormatError struct {
	Tensor string // the tensor at fault, "" if it is none
	Offset int64  // bytes from the start of the file to the place
	Reason string // what was wanted and what was found
	Err    error  // io.ErrUnexpectedEOF where the file ends early, a read error, or nil
}

// Error says what was found, what was wanted and what to do.
func (e *FormatError) Error() string {
	where := ""
	if e.Tensor != "" {
		where = "tensor " + quote(e.Tensor) + ", "
	}
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("safetensors: %soffset %d: %s: %v; the file is cut off: copy it again, or write it again", where, e.Offset, e.Reason, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("safetensors: %soffset %d: %s: %v; try again once it can be read", where, e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("safetensors: %soffset %d: %s; the file is damaged, or is no safetensors file: copy it again, or write it again", where, e.Offset, e.Reason)
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// A LimitError says that a file may be valid but has more of something than this
// package takes.
type LimitError struct {
	What string // such as "bytes of header"
	Got  uint64
	Max  uint64
	Hint string // what to do about it, or ""
}

// Error says what was found, what was wanted and what to do.
func (e *LimitError) Error() string {
	if e.Hint != "" {
		return fmt.Sprintf("safetensors: %d %s, at most %d are taken: %s", e.Got, e.What, e.Max, e.Hint)
	}
	return fmt.Sprintf("safetensors: %d %s, at most %d are taken; write files with fewer of them", e.Got, e.What, e.Max)
}

// A MissingError says that the file has no tensor of that name.
type MissingError struct{ Tensor string }

// Error says what was found, what was wanted and what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("safetensors: the file has no tensor %s; All lists those that it has", quote(e.Tensor))
}

// A TypeError says that a tensor has elements that do not become float32.
type TypeError struct {
	Tensor string
	Type   Type
}

// Error says what was found, what was wanted and what to do.
func (e *TypeError) Error() string {
	return fmt.Sprintf("safetensors: tensor %s has the type %s, want %s, %s, %s or %s: convert it where the file comes from", quote(e.Tensor), e.Type, F32, F16, BF16, F64)
}

// A RangeError says that a float64 is finite and beyond the range of float32.
type RangeError struct {
	Tensor string
	Index  int // of the element, in row-major order
	Value  float64
}

// Error says what was found, what was wanted and what to do.
func (e *RangeError) Error() string {
	return fmt.Sprintf("safetensors: element %d of tensor %s is %v, want at most the largest float32, about 3.4e38; scale or clip it where the file comes from", e.Index, quote(e.Tensor), e.Value)
}

// quote shows a name or a piece of a file, which may be as long as that.
func quote(name string) string {
	const most = 100
	if len(name) > most {
		return fmt.Sprintf("%q...", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
