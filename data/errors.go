package data

import (
	"errors"
	"fmt"
)

// ErrChanged is in the chain of an error that says that a file or a reader no longer
// gives what it gave before in the same run.
var ErrChanged = errors.New("it has changed since it was read first; end the run, and begin one with the new content")

// A FileError says that a file could not be read, or is not what it has to be.
type FileError struct {
	Name   string // of the file, or "" where what is read has no method Name
	Offset int64  // bytes from the beginning of the file to the place
	Reason string // what was found and what was wanted, or ""
	Err    error  // of reading, io.ErrUnexpectedEOF where the file ends early, ErrChanged, or nil
}

// Error says where, what was found and what was wanted.
func (e *FileError) Error() string {
	s := "data: "
	if e.Name != "" {
		s += e.Name + ": "
	}
	s += fmt.Sprintf("offset %d", e.Offset)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// nameOf returns the name of a file, "" of what has none.
func nameOf(file any) string {
	if f, ok := file.(interface{ Name() string }); ok {
		return f.Name()
	}
	return ""
}
