package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// A Tensor is one to be written: row-major, the product of its Shape as long as Data.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Write writes a file of float32 tensors. The same tensors and metadata give the
// same bytes, in whatever order the tensors come: those that the reference
// implementation writes, which puts the tensors in the order of their names. (That of
// its metadata changes from run to run; here it is that of the keys.) metadata may be
// nil. Programs of the Transformers library want {"format": "pt"} there.
//
// It returns an error before it writes anything if a name comes twice, is
// "__metadata__" or no UTF-8, if a Shape does not fit Data, or if there is more than
// a File takes (MaxDims, MaxMetadata, a header of 100,000,000 bytes); else the first
// error of w.
func Write(w io.Writer, metadata map[string]string, tensors ...Tensor) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range tensors {
		if i > 0 && t.Name == tensors[i-1].Name {
			return fmt.Errorf("safetensors: two tensors have the name %s", quote(t.Name))
		}
		if err := t.check(); err != nil {
			return err
		}
	}
	header, err := header(metadata, tensors)
	if err != nil {
		return err
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, lengthBytes), uint64(len(header)))
	for _, part := range [][]byte{b, header} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	b = make([]byte, 0, chunkBytes)
	for _, t := range tensors {
		for part := range slices.Chunk(t.Data, chunkBytes/4) {
			b = b[:0]
			for _, v := range part {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteFile writes a file as Write does and puts it in the place of the one of that
// name in one step: whatever happens, the name has the old bytes or the new.
func WriteFile(name string, metadata map[string]string, tensors ...Tensor) error {
	return wire.WriteFileAtomic(name, func(w io.Writer) error { return Write(w, metadata, tensors...) })
}

func (t Tensor) check() error {
	n := 1
	for i, d := range t.Shape {
		if d < 0 {
			return fmt.Errorf("safetensors: tensor %s: dimension %d is %d, want 0 or more", quote(t.Name), i, d)
		}
		if d != 0 && n > math.MaxInt/4/d {
			return fmt.Errorf("safetensors: tensor %s: the shape %v does not fit in memory", quote(t.Name), t.Shape)
		}
		n *= d
	}
	switch {
	case n != len(t.Data):
		return fmt.Errorf("safetensors: tensor %s has %d elements, its shape %v wants %d", quote(t.Name), len(t.Data), t.Shape, n)
	case len(t.Shape) > MaxDims:
		return &LimitError{What: "dimensions of a tensor", Got: uint64(len(t.Shape)), Max: MaxDims}
	case t.Name == metadataKey:
		return fmt.Errorf("safetensors: a tensor has the name %s, which is that of the metadata", metadataKey)
	case !utf8.ValidString(t.Name):
		return fmt.Errorf("safetensors: the name %s is no UTF-8", quote(t.Name))
	}
	return nil
}

// header returns the JSON of tensors in the order of their data.
func header(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	if len(metadata) > MaxMetadata {
		return nil, &LimitError{What: "entries of metadata", Got: uint64(len(metadata)), Max: MaxMetadata}
	}
	b := []byte{'{'}
	comma := func() {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
	}
	if metadata != nil {
		b = append(b, `"`+metadataKey+`":{`...)
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			value := metadata[key]
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, fmt.Errorf("safetensors: the metadata %s: %s is no UTF-8", quote(key), quote(value))
			}
			comma()
			b = appendText(append(appendText(b, key), ':'), value)
		}
		b = append(b, '}')
	}
	end := int64(0)
	for _, t := range tensors {
		comma()
		b = append(appendText(b, t.Name), `:{"dtype":"F32","shape":[`...)
		for i, d := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		begin := end
		end += 4 * int64(len(t.Data))
		b = append(strconv.AppendInt(append(b, `],"data_offsets":[`...), begin, 10), ',')
		b = append(strconv.AppendInt(b, end, 10), `]}`...)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b) > referenceLimit {
		return nil, &LimitError{What: "bytes of header", Got: uint64(len(b)), Max: referenceLimit}
	}
	return b, nil
}

// appendText appends s as a JSON string that escapes what it must and nothing else,
// as the reference implementation does.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch i := strings.IndexByte(meaning, c); {
		case i >= 0 && c != '/':
			b = append(b, '\\', escapes[i])
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
