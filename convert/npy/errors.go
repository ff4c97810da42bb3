package npy

import (
	"errors"
	"fmt"
	"io"
)

// A FormatError says that the bytes are no whole, valid file.
type FormatError struct {
	Array  string // its name in an archive, or ""
	Offset int64  // bytes to the place, from the start of the file or, with Array, of that array
	Reason string // what was wanted and what was found
	Err    error  // io.ErrUnexpectedEOF where the file ends early, a read error, or nil

	told bool // Reason says what to do
}

// Error says what was found, what was wanted and what to do.
func (e *FormatError) Error() string {
	s := fmt.Sprintf("npy: %soffset %d: %s", of(e.Array, ", "), e.Offset, e.Reason)
	switch {
	case e.told:
	case e.Err == nil:
		s += "; the file is damaged, or is none of NumPy: copy it again, or save it again in Python"
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		s += ": " + e.Err.Error() + "; the file is cut off: copy it again, or save it again in Python"
	default:
		s += ": " + e.Err.Error() + "; try again once it can be read"
	}
	return s
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// A LimitError says that a file may be valid but has more of something than this
// package takes.
type LimitError struct {
	Array string // its name in an archive, or ""
	What  string // such as "bytes of header"
	Got   uint64
	Max   uint64
}

// Error says what was found, what is taken and what to do.
func (e *LimitError) Error() string {
	return fmt.Sprintf("npy: %s%d %s, at most %d are taken; save it with fewer of them", of(e.Array, ": "), e.Got, e.What, e.Max)
}

// A MissingError says that the archive has no array of that name.
type MissingError struct{ Array string }

// Error says what was found, what was wanted and what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("npy: the archive has no array %s; Names lists those that it has", quote(e.Array))
}

// A TypeError says that an array has elements that do not become those that were
// asked for.
type TypeError struct {
	Array string // its name in an archive, or ""
	Type  Type
	Want  string // "float32" or "int32"
}

// Error says what was found, what was wanted and what to do in Python.
func (e *TypeError) Error() string {
	what, instead := e.Type.refused()
	if instead == "" {
		instead = "arr.astype(np." + e.Want + ")"
	}
	return fmt.Sprintf("npy: %sthe type %s, %s, does not become %s: save %s in Python", of(e.Array, ": "), quote(string(e.Type)), what, e.Want, instead)
}

// A RangeError says that an element is beyond what it should become.
type RangeError struct {
	Array string // its name in an archive, or ""
	Index int    // of the element, in row-major order
	Value string // in decimal
	Want  string // "float32" or "int32"
}

// Error says which element is what, and what to do.
func (e *RangeError) Error() string {
	return fmt.Sprintf("npy: %selement %d is %s, which is beyond the range of %s; scale or clip it in Python", of(e.Array, ": "), e.Index, e.Value, e.Want)
}

// of names an array at the beginning of a message.
func of(array, then string) string {
	if array == "" {
		return ""
	}
	return "array " + quote(array) + then
}

// quote shows a name or a piece of a file, which may be as long as that.
func quote(name string) string {
	const most = 100
	if len(name) > most {
		return fmt.Sprintf("%q...", name[:most])
	}
	return fmt.Sprintf("%q", name)
}

// ended completes e by the error with which reading stopped.
func ended(e *FormatError, err error) error {
	if e.Err = err; err == io.EOF {
		e.Err = io.ErrUnexpectedEOF
	}
	return e
}
