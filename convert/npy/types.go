package npy

import (
	"slices"
	"strings"
)

// Type is the type of an array's elements, as the file names it: the order of bytes
// ('<' little-endian, '>' big-endian, '|' for one byte), a letter for the kind and the
// number of bytes. A structured type is its whole description.
type Type string

// The types that Write writes.
const (
	Float32 Type = "<f4"
	Int32   Type = "<i4"
)

// An element is a type that may be read.
type element struct {
	kind byte // of NumPy: f, i, u, b
	size int
}

// element returns what a type is, and whether its bytes have to be turned around.
func (t Type) element() (e element, big, ok bool) {
	if len(t) != 3 {
		return e, false, false
	}
	e = element{t[1], int(t[2] - '0')}
	switch {
	case e.size == 1 && strings.IndexByte("|<>", t[0]) < 0, e.size != 1 && strings.IndexByte("<>", t[0]) < 0:
		return e, false, false
	case e.kind == 'f':
		ok = e.size == 2 || e.size == 4 || e.size == 8
	case e.kind == 'i' || e.kind == 'u':
		ok = e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8
	case e.kind == 'b':
		ok = e.size == 1
	}
	return e, t[0] == '>', ok
}

// refused says what a type is that cannot be read, and what to save instead, if that
// is not the array as the type that is wanted.
func (t Type) refused() (what, instead string) {
	if _, _, ok := t.element(); ok { // integers and bools become either
		return "floats", ""
	}
	if strings.HasPrefix(string(t), "[") {
		return "fields of a structured type", "each field, arr['field'],"
	}
	letter := byte(0)
	if len(t) > 1 && strings.IndexByte("<>|=", t[0]) >= 0 {
		letter = t[1]
	}
	switch letter {
	case 'O':
		return "objects, stored as a pickle", ""
	case 'S', 'U', 'a':
		return "text", "numbers for it, such as np.unique(arr, return_inverse=True)[1],"
	case 'c':
		return "complex numbers", "arr.real and arr.imag"
	case 'M', 'm':
		return "times", "arr.astype(np.int64)"
	case 'V':
		return "raw bytes, such as bfloat16 of ml_dtypes, which NumPy does not have", ""
	}
	return "which this package does not read", ""
}

// An Info says what an array is.
type Info struct {
	Name    string // in an archive, else ""
	Type    Type
	Shape   []int // nil of a scalar
	Fortran bool  // the first index is the fastest in the file; what is read is row-major
}

// Elements returns the number of elements of the array.
func (i Info) Elements() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// info describes the array that h is the header of.
func (h *header) info(name string) Info {
	return Info{Name: name, Type: h.typ, Shape: slices.Clone(h.shape), Fortran: h.fortran}
}
