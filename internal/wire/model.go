package wire

import (
	"fmt"
	"io"
	"math"
)

// The file of a layer: a section "config" of integers, then the parameters under
// their names. Each kind of layer defines the order of the fields of its Config there.

// WriteLayer writes a layer. params calls its argument for each parameter. It
// returns the bytes written and the first error of w.
func WriteLayer(w io.Writer, kind string, contents uint32, config []int64, params func(f func(name string, w []float32, shape ...int))) (int64, error) {
	f := NewWriter(w, kind, contents)
	f.Int64("config", config)
	params(func(name string, w []float32, shape ...int) { f.Float32(name, w, shape...) })
	err := f.Close()
	return f.Written(), err
}

// A Layer is the file of a layer, read and checked.
type Layer struct {
	config []int64
	kind   string
	file   *File
	read   int
}

// ReadLayer reads the file of a layer. fields is the number of integers that the
// configuration has in each version of the contents; the ones that an older
// version does not have yet are 0.
func ReadLayer(r io.Reader, kind string, fields ...int) (*Layer, error) {
	f, err := Read(r, kind, uint32(len(fields)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	l := &Layer{kind: kind, file: f, read: 1}
	if l.config, err = f.Int64("config", fields[f.Contents-1]); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	l.config = append(l.config, make([]int64, fields[len(fields)-1]-len(l.config))...)
	return l, nil
}

// Param returns a parameter, or an error if it is not there or has another
// shape.
func (l *Layer) Param(name string, shape ...int) ([]float32, error) {
	l.read++
	w, err := l.file.Float32(name, shape...)
	if err != nil {
		err = fmt.Errorf("%s: %w", l.kind, err)
	}
	return w, err
}

// BadConfig returns the error for a configuration that the kind of layer cannot have.
func (l *Layer) BadConfig() error {
	return fmt.Errorf("%s: section \"config\" of the file holds %d, which is not a configuration of this kind of layer; give a file that such a layer has written", l.kind, l.config)
}

// Done returns an error if the file holds more than was asked for.
func (l *Layer) Done() error {
	if n := len(l.file.Names()); n != l.read {
		return fmt.Errorf("%s: the file has %d sections, for its configuration it should have %d; give a file that such a layer has written", l.kind, n, l.read)
	}
	return nil
}

// Config sets a configuration by visit, its function that walks over its fields. It
// returns false if the file holds integers that no such configuration has.
func (l *Layer) Config(visit func(*Fields)) bool {
	f := Fields{ints: l.config, reading: true}
	visit(&f)
	return !f.refused && len(f.ints) == 0
}

// FieldsOf returns the integers of a configuration, given its function that walks
// over its fields.
func FieldsOf(visit func(*Fields)) []int64 {
	var f Fields
	visit(&f)
	return f.ints
}

// Fields takes one walk over the fields of a configuration, in the order of the file,
// for writing and for reading: its methods append the values of the variables that
// they are given, or set these to what the file has.
type Fields struct {
	ints    []int64 // written, or still to be read
	reading bool
	refused bool
}

// Refuse says that no configuration has what was read.
func (f *Fields) Refuse() { f.refused = true }

// next writes v, or returns the next integer of the file.
func (f *Fields) next(v int64) int64 {
	switch {
	case !f.reading:
		f.ints = append(f.ints, v)
	case len(f.ints) == 0:
		f.Refuse()
	default:
		v, f.ints = f.ints[0], f.ints[1:]
	}
	return v
}

// Ints are numbers that fit into an int.
func (f *Fields) Ints(fields ...*int) {
	for _, p := range fields {
		v := f.next(int64(*p))
		if *p = int(v); int64(*p) != v {
			f.Refuse()
		}
	}
}

// Bools are 1 for true and 0 for false.
func (f *Fields) Bools(fields ...*bool) {
	for _, p := range fields {
		bit := 0
		if *p {
			bit = 1
		}
		f.Ints(&bit)
		if *p = bit == 1; bit != 0 && bit != 1 {
			f.Refuse()
		}
	}
}

// Floats are their bits.
func (f *Fields) Floats(fields ...*float32) {
	for _, p := range fields {
		v := f.next(int64(math.Float32bits(*p)))
		if *p = math.Float32frombits(uint32(v)); int64(uint32(v)) != v {
			f.Refuse()
		}
	}
}
