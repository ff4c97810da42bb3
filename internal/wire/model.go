package wire

import (
	"fmt"
	"io"
	"math"
)

// The file of a layer: a section "config" of integers, then the parameters under
// their names. What the integers mean is the affair of the kind of file.

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
	Config []int64
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
	if l.Config, err = f.Int64("config", fields[f.Contents-1]); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	l.Config = append(l.Config, make([]int64, fields[len(fields)-1]-len(l.Config))...)
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

// NoConfig is the error of a configuration that the kind of layer cannot have.
func (l *Layer) NoConfig() error {
	return fmt.Errorf("%s: section \"config\" of the file holds %d, which is no configuration", l.kind, l.Config)
}

// Done returns an error if the file holds more than was asked for.
func (l *Layer) Done() error {
	if n := len(l.file.Names()); n != l.read {
		return fmt.Errorf("%s: the file has %d sections, its configuration accounts for %d", l.kind, n, l.read)
	}
	return nil
}

// Bits are the bits of numbers, as configurations hold them; Number is the way
// back.
func Bits(v ...float32) (b []int64) {
	for _, f := range v {
		b = append(b, int64(math.Float32bits(f)))
	}
	return b
}

func Number(bits int64) float32 { return math.Float32frombits(uint32(bits)) }

// Flag is 1 for true, as configurations hold it.
func Flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
