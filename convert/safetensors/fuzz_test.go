package safetensors_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/convert/safetensors"
)

// goldens calls add with each file of testdata.
func goldens(f *testing.F, add func(b []byte)) {
	names, err := filepath.Glob("testdata/*.safetensors")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(b)
	}
}

// FuzzFile reads any bytes; FuzzHeader any header before any data, whose length is
// right.
func FuzzFile(f *testing.F) {
	goldens(f, func(b []byte) { f.Add(b) })
	f.Fuzz(taken)
}

func FuzzHeader(f *testing.F) {
	goldens(f, func(b []byte) {
		header := 8 + int(b[0]) + int(b[1])<<8
		f.Add(string(b[8:header]), b[header:])
	})
	f.Add(`{"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"\u0061\ud83d\ude00":{"dtype":"F4","shape":[2],"data_offsets":[4,5]}}`, make([]byte, 5))
	f.Fuzz(func(t *testing.T, header string, data []byte) { taken(t, file(header, data)) })
}

// taken reads b as a file and as a stream. Both take it or neither does, but for
// bytes after the end; what they give is the same, and so is what comes back after it
// was written.
func taken(t *testing.T, b []byte) {
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	stream := bytes.NewReader(b)
	r, streamErr := safetensors.NewReader(stream)
	if err != nil {
		known(t, err)
		for streamErr == nil {
			_, streamErr = r.Next()
		}
		if streamErr == io.EOF && stream.Len() == 0 {
			t.Fatalf("%v, and the stream is taken", err)
		}
		return
	}
	if streamErr != nil {
		t.Fatalf("the file is taken, the stream is not: %v", streamErr)
	}
	var again []safetensors.Tensor
	for info := range f.All() {
		of, err := r.Next()
		if err != nil || of.Name != info.Name || of.Type != info.Type || !slices.Equal(of.Shape, info.Shape) {
			t.Fatalf("the stream has %+v, %v, the file %+v", of, err, info)
		}
		v, err := f.Float32(info.Name)
		w := make([]float32, info.Elements())
		n, streamErr := r.Read(w)
		if err != nil {
			known(t, err)
			if streamErr == nil || len(w) > 0 && streamErr.Error() != err.Error() {
				t.Fatalf("%v, and of the stream %v", err, streamErr)
			}
			continue
		}
		if n != len(v) || !slices.Equal(bits(v), bits(w)) || len(v) != info.Elements() {
			t.Fatalf("%+v: %x, and of the stream %x", info, v, w)
		}
		again = append(again, safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: v})
	}
	if _, err := r.Next(); err != io.EOF || stream.Len() > 0 {
		t.Fatalf("%v at the end of the stream, %d bytes left", err, stream.Len())
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, f.Metadata(), again...); err != nil {
		t.Fatalf("what was read is not written: %v", err)
	}
	g, err := safetensors.New(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatalf("what was written is not read: %v", err)
	}
	if len(g.Metadata()) != len(f.Metadata()) || g.Len() != len(again) || out.Len()%4 != 0 {
		t.Fatalf("%v and %d tensors, want %v and %d", g.Metadata(), g.Len(), f.Metadata(), len(again))
	}
	for _, w := range again {
		if v, err := g.Float32(w.Name); err != nil || !slices.Equal(bits(v), bits(w.Data)) {
			t.Fatalf("%q: %x, %v, want %x", w.Name, bits(v), err, bits(w.Data))
		}
	}
}

// known fails unless an error is of a type that the documentation names and short.
func known(t *testing.T, err error) {
	var format *safetensors.FormatError
	var limit *safetensors.LimitError
	var typ *safetensors.TypeError
	var beyond *safetensors.RangeError
	if !errors.As(err, &format) && !errors.As(err, &limit) && !errors.As(err, &typ) && !errors.As(err, &beyond) || len(err.Error()) > 1000 {
		t.Fatalf("%T: %v", err, err)
	}
}
