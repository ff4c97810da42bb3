package safetensors_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/internal/numtest"
)

// open opens a file that bench/safetensors/goldens.py made by the reference
// implementation.
func open(t *testing.T, name string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func bits(v []float32) []uint32 {
	b := make([]uint32, len(v))
	for i := range v {
		b[i] = math.Float32bits(v[i])
	}
	return b
}

// Each type of elements becomes the float32 that PyTorch makes of it, bit for bit.
func TestTypes(t *testing.T) {
	f := open(t, "types.safetensors")
	if m := f.Metadata(); len(m) != 1 || m["format"] != "pt" {
		t.Errorf("metadata %v", m)
	}
	for _, name := range []string{"f16", "bf16", "f64", "f32"} {
		got, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := f.Float32(name + " as float32")
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < 10 || !slices.Equal(bits(got), bits(want)) {
			t.Errorf("%s: %x, want %x", name, bits(got), bits(want))
		}
	}
}

// drawn are the numbers of bench/safetensors/goldens.py.
func drawn(label string, n int) []float32 {
	v := numtest.Drawn(label, n, 1)
	for i := range v {
		v[i] = float32(math.RoundToEven(float64(v[i])*64) / 64)
	}
	return v
}

// tensor is one of the file written.safetensors.
func tensor(name string, shape ...int) safetensors.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return safetensors.Tensor{Name: name, Shape: shape, Data: drawn("written/"+name, n)}
}

// What is written are the bytes that the reference implementation writes, whatever
// the order of the tensors.
func TestWritesAsTheReferenceDoes(t *testing.T) {
	list := []safetensors.Tensor{
		tensor("b", 2, 3), tensor("a", 4), tensor("scalar"), tensor("none", 0, 7), tensor("", 1), tensor("é", 1),
		tensor("q\"\\/<&>\n\t\b\f\r\x01\x1f\x7f\u2028😀", 2, 1, 2),
	}
	for _, c := range []struct {
		name     string
		metadata map[string]string
		tensors  []safetensors.Tensor
	}{
		{"written", map[string]string{"k\"\n\u2028": "é\\/\x02"}, list},
		{"bare", nil, list[1:2]},
		{"empty", nil, nil},
	} {
		want, err := os.ReadFile(filepath.Join("testdata", c.name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for range max(1, len(c.tensors)) {
			var b bytes.Buffer
			if err := safetensors.Write(&b, c.metadata, c.tensors...); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%s: %q, want %q", c.name, b.Bytes(), want)
			}
			if len(c.tensors) > 0 {
				c.tensors = append(c.tensors[1:], c.tensors[0])
			}
		}
		// And what the reference writes is read: as a file, and as a stream.
		f := open(t, c.name+".safetensors")
		r, err := safetensors.NewReader(bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		if f.Len() != len(c.tensors) || f.Metadata()["k\"\n\u2028"] != c.metadata["k\"\n\u2028"] || (f.Metadata() == nil) != (c.metadata == nil) {
			t.Errorf("%s: %d tensors, metadata %q", c.name, f.Len(), f.Metadata())
		}
		for info := range f.All() {
			i := slices.IndexFunc(c.tensors, func(w safetensors.Tensor) bool { return w.Name == info.Name })
			got, err := f.Float32(info.Name)
			if err != nil || i < 0 || info.Type != safetensors.F32 || !slices.Equal(info.Shape, c.tensors[i].Shape) || !slices.Equal(bits(got), bits(c.tensors[i].Data)) {
				t.Errorf("%s: %+v, %v, %v", c.name, info, got, err)
			}
			of, err := r.Next()
			v := make([]float32, 10)
			n, readErr := r.Read(v)
			if err != nil || of.Name != info.Name || n != len(got) || (n == 0) != (readErr != nil) || !slices.Equal(bits(v[:n]), bits(got)) {
				t.Errorf("%s: the stream has %+v, %v, %v, %v", c.name, of, v[:n], err, readErr)
			}
		}
	}
}

// Every float16 and bfloat16 is the number that its bits mean.
func TestHalves(t *testing.T) {
	var b []byte
	for i := range 1 << 16 {
		b = append(b, byte(i), byte(i>>8))
	}
	f := made(t, `{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]},"b":{"dtype":"BF16","shape":[65536],"data_offsets":[131072,262144]}}`, append(b, b...))
	check := func(name string, exponentBits, fractionBits int) {
		got, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		bias := 1<<(exponentBits-1) - 1
		for i, v := range got {
			e, m := i>>fractionBits&(1<<exponentBits-1), i&(1<<fractionBits-1)
			want := math.Ldexp(float64(m)+float64(int(1)<<fractionBits), e-bias-fractionBits)
			switch {
			case e == 0:
				want = math.Ldexp(float64(m), 1-bias-fractionBits)
			case e == 1<<exponentBits-1 && m == 0:
				want = math.Inf(1)
			case e == 1<<exponentBits-1: // the fraction stands at the upper end
				if b := math.Float32bits(v); v == v || int(b&(1<<23-1)) != m<<(23-fractionBits) || int(b>>31) != i>>15 {
					t.Fatalf("%s %#x: %#x, want a NaN with its bits", name, i, b)
				}
				continue
			}
			if math.Abs(float64(v)) != want || math.Signbit(float64(v)) != (i>>15 == 1) {
				t.Fatalf("%s %#x: %v, want %v", name, i, v, want)
			}
		}
	}
	check("h", 5, 10)
	check("b", 8, 7)
}

// A NaN of float64 keeps its sign and the upper bits of its fraction, on all
// machines.
func TestNaN(t *testing.T) {
	f := made(t, `{"a":{"dtype":"F64","shape":[3],"data_offsets":[0,24]}}`, []byte{
		1, 0, 0, 0, 0, 0, 0xf8, 0x7f, // quiet
		1, 0, 0, 0, 0, 0, 0xf0, 0xff, // signalling, bits that float32 does not have
		0, 0, 0, 0xe0, 0xac, 0x68, 0xf5, 0x7f,
	})
	got, err := f.Float32("a")
	if want := []uint32{0x7fc00000, 0xffc00000, 0x7feb4567}; err != nil || !slices.Equal(bits(got), want) {
		t.Errorf("%x, %v, want %x", bits(got), err, want)
	}
}

// Many tensors that are larger than what is read at once come whole, in pieces and
// from a stream that gives few bytes at a time.
func TestLargeTensors(t *testing.T) {
	list := []safetensors.Tensor{{Name: "a", Shape: []int{50_001}, Data: drawn("a", 50_001)}, {Name: "b", Shape: []int{3, 40_000}, Data: drawn("b", 120_000)}}
	name := filepath.Join(t.TempDir(), "f")
	if err := safetensors.WriteFile(name, nil, list...); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := safetensors.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range list {
		got, err := f.Float32(want.Name)
		if err != nil || !slices.Equal(got, want.Data) {
			t.Errorf("%s is not what was written, %v", want.Name, err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		got = got[:0]
		for piece := make([]float32, 17_000); ; {
			n, err := r.Read(piece)
			if got = append(got, piece[:n]...); err != nil {
				break
			}
		}
		if !slices.Equal(got, want.Data) {
			t.Errorf("%s in pieces is not what was written", want.Name)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	one := func(name string, n int, shape ...int) safetensors.Tensor {
		return safetensors.Tensor{Name: name, Shape: shape, Data: make([]float32, n)}
	}
	many := map[string]string{}
	for i := range safetensors.MaxMetadata + 1 {
		many[strings.Repeat("k", i)] = ""
	}
	for why, c := range map[string]struct {
		metadata map[string]string
		tensors  []safetensors.Tensor
	}{
		`two tensors have the name "a"`:           {nil, []safetensors.Tensor{one("a", 1, 1), one("b", 1, 1), one("a", 1, 1)}},
		"has 3 elements, its shape [2 2] wants 4": {nil, []safetensors.Tensor{one("a", 3, 2, 2)}},
		"dimension 1 is -1":                       {nil, []safetensors.Tensor{one("a", 1, 1, -1)}},
		"does not fit in memory":                  {nil, []safetensors.Tensor{one("a", 0, math.MaxInt, 8)}},
		"9 dimensions of a tensor, at most 8":     {nil, []safetensors.Tensor{one("a", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}},
		"which is that of the metadata":           {nil, []safetensors.Tensor{one("__metadata__", 1, 1)}},
		`the name "\xff" is no UTF-8`:             {nil, []safetensors.Tensor{one("\xff", 1, 1)}},
		`the metadata "k": "\xff" is no UTF-8`:    {map[string]string{"k": "\xff"}, nil},
		"1025 entries of metadata, at most 1024":  {many, nil},
		"bytes of header, at most 100000000":      {map[string]string{"k": strings.Repeat("v", 1e8)}, nil},
	} {
		var b bytes.Buffer
		if err := safetensors.Write(&b, c.metadata, c.tensors...); err == nil || !strings.Contains(err.Error(), why) || b.Len() > 0 {
			t.Errorf("%v and %d bytes, want an error with %q", err, b.Len(), why)
		}
	}
}
