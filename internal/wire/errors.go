package wire

import (
	"errors"
	"fmt"
	"io"
)

// asWritten is what to do where a file is whole and does not fit what reads it.
const asWritten = "read it into what it was written from, of the same configuration"

// A FormatError says that the bytes are not a whole, undamaged file.
type FormatError struct {
	Section string // name of the section, "" in the header or before the name is known
	Offset  int64  // bytes from the start of the file to where the damage was noticed
	Reason  string // what was wanted and what was found
	Err     error  // io.ErrUnexpectedEOF when the file ends early, a read error, or nil
}

func (e *FormatError) Error() string {
	where := "header"
	if e.Section != "" {
		where = fmt.Sprintf("section %q", e.Section)
	}
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("wire: %s, offset %d: %s: %v; it was cut off: copy it again, or take an older one", where, e.Offset, e.Reason, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("wire: %s, offset %d: %s: %v; try again once it can be read", where, e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("wire: %s, offset %d: %s; the file is damaged, or is none of this module: copy it again, or take an older one", where, e.Offset, e.Reason)
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// A VersionError says that the file is undamaged but newer than this program.
type VersionError struct {
	What string // "framing", or the kind of the file
	Got  uint32
	Max  uint32 // the newest version this program reads; the oldest is 1
}

func (e *VersionError) Error() string {
	if e.Got > e.Max {
		return fmt.Sprintf("wire: %s version %d, this program reads 1 to %d; build the program with a newer version of this module", e.What, e.Got, e.Max)
	}
	return fmt.Sprintf("wire: %s version %d, this program reads 1 to %d; no version of this module writes such a file: give it another one", e.What, e.Got, e.Max)
}

// A KindError says that the file is of another kind than the caller reads.
type KindError struct{ Got, Want string }

func (e *KindError) Error() string {
	return fmt.Sprintf("wire: the file is of kind %q, want %q; give one of that kind, or read this one with what wrote it", e.Got, e.Want)
}

// A ShapeError says that a section is there but has another type or shape than
// the caller has room for.
type ShapeError struct {
	Section           string
	GotType, WantType Type
	Got, Want         []int
}

func (e *ShapeError) Error() string {
	if e.GotType != e.WantType {
		return fmt.Sprintf("wire: section %q holds %v, want %v; %s", e.Section, e.GotType, e.WantType, asWritten)
	}
	return fmt.Sprintf("wire: section %q has shape %v, want %v; %s", e.Section, e.Got, e.Want, asWritten)
}

// A MissingError says that the file has no section of that name.
type MissingError struct{ Section string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("wire: the file has no section %q; %s", e.Section, asWritten)
}
