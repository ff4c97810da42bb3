package peer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

const characters = "0123456789{}()[]:,' \"LTF<>|=ifubOSUVcx_\t\n"

// random makes an .npy file that is valid but for a change now and then.
func random(r *rand.Rand) []byte {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	size := 1 << r.IntN(4)
	typ := fmt.Sprint(one("i", "u", "f"), size)
	switch typ {
	case "f1":
		typ = one("b1", "i1", "u1")
	}
	order := "|"
	if size > 1 {
		order = one("<", ">")
	}
	n, dims := 1, []string{}
	for range r.IntN(4) {
		d := r.IntN(5)
		n *= d
		dims = append(dims, fmt.Sprint(d))
	}
	shape := strings.Join(dims, one(",", ", "))
	if len(dims) == 1 || len(dims) > 1 && r.IntN(4) == 0 {
		shape += ","
	}
	entries := []string{
		fmt.Sprintf("'descr':%s'%s%s'", one("", " "), order, typ),
		fmt.Sprintf("'fortran_order':%s%s", one("", " "), one("True", "False")),
		fmt.Sprintf("'shape': (%s)", shape),
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	header := []byte("{" + strings.Join(entries, one(",", ", ")) + one("", ",", ", ") + "}" + one("", " ", "  \n", "\n"))
	data := make([]byte, n*size)
	for i := range data {
		data[i] = byte(r.Uint32())
		if typ == "b1" {
			data[i] &= 1
		}
	}
	switch r.IntN(4) {
	case 0: // a character changed
		header[r.IntN(len(header))] = characters[r.IntN(len(characters))]
	case 1: // a piece left out, or written twice
		i := r.IntN(len(header))
		j := min(len(header), i+1+r.IntN(3))
		if r.IntN(2) == 0 {
			header = slices.Concat(header[:i], header[j:])
		} else {
			header = slices.Concat(header[:j], header[i:])
		}
	}
	if r.IntN(20) == 0 {
		data = data[:r.IntN(len(data)+1)]
	}
	b := []byte("\x93NUMPY")
	if version := byte(1 + r.IntN(3)); version == 1 {
		b = binary.LittleEndian.AppendUint16(append(b, 1, 0), uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(append(b, version, 0), uint32(len(header)))
	}
	return slices.Concat(b, header, data)
}

// NumPy and this package see the same in the same files. What NumPy refuses is refused;
// what is refused beside that is what the documentation names.
func TestReadsWhatNumPyReads(t *testing.T) {
	py := python.Find(t, "what NumPy wrote is in testdata", "numpy")
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	const files = 5000
	all := make([][]byte, files)
	for i := range files {
		all[i] = random(r)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), all[i], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out := []byte(py.Run(t, ".", "reference.py", "read", dir, fmt.Sprint(files)))
	var answers []*[3]any // of a file that is refused null, else type, shape, bits
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != files {
		t.Fatal(err, len(answers))
	}
	taken, refused, stricter := 0, 0, 0
	for i, want := range answers {
		f, err := npy.Open(filepath.Join(dir, fmt.Sprint(i)))
		var v []float32
		if err == nil {
			v, err = f.Float32()
			f.Close()
		}
		var typ *npy.TypeError
		var ranged *npy.RangeError
		switch {
		case err != nil && want == nil:
			refused++
			continue
		case err == nil && want == nil:
			t.Errorf("%q is taken: NumPy refuses it", all[i])
			continue
		case err != nil:
			// Other types; a float64 that NumPy makes infinite; what is left over in a file
			// whose header was made to say less; and u'text', which NumPy does not write.
			known := errors.As(err, &typ) || errors.As(err, &ranged) || strings.Contains(err.Error(), "bytes follow the array") || strings.Contains(err.Error(), "want a string, found 'U'")
			if stricter++; !known {
				t.Errorf("%q: %v, NumPy reads %v", all[i], err, *want)
			}
			continue
		}
		taken++
		shape := []any{}
		for _, d := range f.Info().Shape {
			shape = append(shape, float64(d))
		}
		bits := want[2].([]any)
		if fmt.Sprint(shape) != fmt.Sprint(want[1]) || len(v) != len(bits) {
			t.Errorf("%q: %v and %d elements, want %v and %d", all[i], shape, len(v), want[1], len(bits))
			continue
		}
		for k := range v {
			w := math.Float32frombits(uint32(bits[k].(float64)))
			if math.Float32bits(v[k]) != math.Float32bits(w) && !(v[k] != v[k] && w != w) {
				t.Errorf("%q: element %d is %v, want %v", all[i], k, v[k], w)
			}
		}
	}
	t.Logf("%d files are taken, %d refused by both, %d here alone", taken, refused, stricter)
	if taken < files/3 || refused < files/10 || stricter > files/10 {
		t.Errorf("%d files are taken, %d refused by both, %d here alone", taken, refused, stricter)
	}
}

// np.save writes the same bytes as this package, and np.load reads its archives.
func TestWritesWhatNumPyWrites(t *testing.T) {
	py := python.Find(t, "what NumPy wrote is in testdata", "numpy")
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 4))
	var all []npy.Array
	for i := range 300 {
		a := npy.Array{Name: fmt.Sprint("é ", i)}
		n := 1
		for range r.IntN(6) {
			d := r.IntN(12)
			if r.IntN(3) == 0 {
				d = 1
			}
			n *= d
			a.Shape = append(a.Shape, d)
		}
		if i < 100 { // widths of the header around a multiple of 64
			a.Shape, n = slices.Repeat([]int{1}, i%65), 1
		}
		if i%2 == 0 {
			a.Float32 = make([]float32, n)
		} else {
			a.Int32 = make([]int32, n)
		}
		for k := range a.Float32 {
			a.Float32[k] = math.Float32frombits(r.Uint32())
		}
		for k := range a.Int32 {
			a.Int32[k] = int32(r.Uint32())
		}
		all = append(all, a)
		if err := npy.WriteFile(filepath.Join(dir, a.Name+".npy"), a); err != nil {
			t.Fatal(err)
		}
	}
	for name, compress := range map[string]bool{"all.npz": false, "packed.npz": true} {
		if err := npy.WriteArchiveFile(filepath.Join(dir, name), compress, all...); err != nil {
			t.Fatal(err)
		}
	}
	if out := py.Run(t, ".", "reference.py", "written", dir); out != "ok 300\n" {
		t.Fatal(out)
	}
}

// PyTorch's layers load what was written here, by np.load, and their outputs are ours.
func TestPyTorchLoadsWhatWasWritten(t *testing.T) {
	py := python.Find(t, "what NumPy wrote is in testdata", "numpy", "torch")
	r := rand.New(rand.NewPCG(5, 6))
	a, err := lstm.New(lstm.Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true, Projection: 2}, r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := gru.New(gru.Config{Input: 3, Hidden: 4, Layers: 2}, r)
	if err != nil {
		t.Fatal(err)
	}
	c, err := rnn.New(rnn.Config{Input: 3, Hidden: 4, NoBias: true}, r)
	if err != nil {
		t.Fatal(err)
	}
	const steps, batch, in = 6, 2, 3
	x := make([]float32, steps*batch*in)
	for i := range x {
		x[i] = float32(i%7)/4 - 0.75
	}
	list := []npy.Array{{Name: "x", Shape: []int{steps, batch, in}, Float32: x}}
	add := func(arrays []npy.Array, err error, prefix string, forward func(y, x []float32)) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, steps*batch*4)
		forward(y, x)
		list = append(append(list, arrays...), npy.Array{Name: prefix + "y", Shape: []int{steps, batch, 4}, Float32: y})
	}
	arrays, err := convert.ToNPZ(a, "LSTM.")
	add(arrays, err, "LSTM.", a.Unroll(steps, batch).Forward)
	arrays, err = convert.ToNPZ(b, "GRU.")
	add(arrays, err, "GRU.", b.Unroll(steps, batch).Forward)
	arrays, err = convert.ToNPZ(c, "RNN.")
	add(arrays, err, "RNN.", c.Unroll(steps, batch).Forward)
	name := filepath.Join(t.TempDir(), "model.npz")
	if err := npy.WriteArchiveFile(name, true, list...); err != nil {
		t.Fatal(err)
	}
	if out := py.Run(t, ".", "reference.py", "load", name); out != "ok\n" {
		t.Fatal(out)
	}
}
