package peer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	theirs "github.com/nlpodyssey/safetensors"

	"github.com/simdrnn/simdrnn/convert/safetensors"
)

// random makes the header and the data of a file that is valid but for a change now
// and then.
func random(r *rand.Rand) (header string, data []byte) {
	types := []string{"F32", "F16", "BF16", "F64", "I64", "U8", "BOOL", "I16"}
	sizes := []int{4, 2, 2, 8, 8, 1, 1, 2}
	names := []string{"a", "b", `\u0061b`, "é", `q\"\\\n`, "rnn.weight_ih_l0", "", "😀"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var entries []string
	if r.IntN(3) == 0 {
		entries = append(entries, `"__metadata__":{"k":"v","\u006b2":"\\"}`)
	}
	at := 0
	for _, name := range names[:r.IntN(len(names))] {
		k := r.IntN(len(types))
		n, dims := 1, []string{}
		for range r.IntN(4) {
			d := r.IntN(4)
			n *= d
			dims = append(dims, fmt.Sprint(d))
		}
		end := at + n*sizes[k]
		entries = append(entries, fmt.Sprintf(`"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}`, name, types[k], strings.Join(dims, ","), at, end))
		at = end
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	header = "{" + strings.Join(entries, ",") + "}"
	data = make([]byte, at)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	switch b := []byte(header); r.IntN(4) {
	case 0: // a character changed
		b[r.IntN(len(b))] = `0123456789[]{},:" -.eaF`[r.IntN(23)]
		header = string(b)
	case 1: // a piece left out, or written twice
		i := r.IntN(len(b))
		j := min(len(b), i+1+r.IntN(3))
		header = header[:i] + header[j:]
		if r.IntN(2) == 0 {
			header = header[:i] + string(b[i:j]) + string(b[i:])
		}
	}
	if r.IntN(20) == 0 {
		data = append(data, 0)
	}
	return header, data
}

func file(header string, data []byte) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

// says reports whether an error is one of these.
func says(err error, why ...string) bool {
	return err != nil && slices.ContainsFunc(why, func(w string) bool { return strings.Contains(err.Error(), w) })
}

// Both read the same out of the same file, and refuse the same ones, but for some that
// only this package refuses.
func TestReadsWhatNlpodysseyReads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	taken, refused := 0, 0
	for range 100_000 {
		header, data := random(r)
		b := file(header, data)
		f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
		their, theirErr := theirs.Deserialize(b)
		if (err == nil) != (theirErr == nil) {
			// What they pass over, as encoding/json does; and types that they do not know.
			if says(err, "comes twice", "the header begins with ' '", "escape that JSON does not have", "no UTF-8") || says(theirErr, "invalid DType") {
				continue
			}
			t.Fatalf("%q with %d bytes: ours %v, theirs %v", header, len(data), err, theirErr)
		}
		if err != nil {
			refused++
			continue
		}
		taken++
		if f.Len() != their.Len() {
			t.Fatalf("%q: %d tensors, theirs has %d", header, f.Len(), their.Len())
		}
		for info := range f.All() {
			view, ok := their.Tensor(info.Name)
			if !ok || view.DType().String() != string(info.Type) || !slices.EqualFunc(view.Shape(), info.Shape, func(a uint64, b int) bool { return a == uint64(b) }) {
				t.Fatalf("%q: %+v, theirs is %v %v", header, info, view.DType(), view.Shape())
			}
			if info.Type != safetensors.F32 {
				continue
			}
			got, err := f.Float32(info.Name)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if math.Float32bits(v) != binary.LittleEndian.Uint32(view.Data()[4*i:]) {
					t.Fatalf("%q: element %d of %q differs", header, i, info.Name)
				}
			}
		}
	}
	if taken < 10_000 || refused < 10_000 {
		t.Errorf("%d files were taken and %d refused", taken, refused)
	}
}

// A view is a tensor of ours as theirs takes it.
func view(t *testing.T, w safetensors.Tensor) theirs.TensorView {
	t.Helper()
	var b []byte
	var shape []uint64
	for _, v := range w.Data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, d := range w.Shape {
		shape = append(shape, uint64(d))
	}
	v, err := theirs.NewTensorView(theirs.F32, shape, b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// They read what we write, we read what they write, and it says the same.
func TestWritesWhatNlpodysseyReads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	metadata := map[string]string{"k": "v", "é": "\"\\\n", "2": "\u2028<>"}
	for range 1000 {
		var list []safetensors.Tensor
		views := map[string]theirs.TensorView{}
		for i := range r.IntN(6) {
			// (They have no scalars: the product of no dimensions is 0 there.)
			w := safetensors.Tensor{Name: fmt.Sprint("t\"", i), Shape: []int{r.IntN(4), 1 + r.IntN(3)}}
			for range w.Shape[0] * w.Shape[1] {
				w.Data = append(w.Data, math.Float32frombits(r.Uint32()))
			}
			list = append(list, w)
			views[w.Name] = view(t, w)
		}
		var ours bytes.Buffer
		if err := safetensors.Write(&ours, metadata, list...); err != nil {
			t.Fatal(err)
		}
		their, err := theirs.Deserialize(ours.Bytes())
		if err != nil || their.Len() != len(list) {
			t.Fatalf("they do not read what we wrote: %v", err)
		}
		written, err := theirs.Serialize(views, metadata)
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.New(bytes.NewReader(written), int64(len(written)))
		if err != nil {
			t.Fatal(err)
		}
		if m := f.Metadata(); fmt.Sprint(m) != fmt.Sprint(metadata) || f.Len() != len(list) {
			t.Fatalf("%q and %d tensors", m, f.Len())
		}
		for _, w := range list {
			got, ok := their.Tensor(w.Name)
			if want := views[w.Name]; !ok || !bytes.Equal(got.Data(), want.Data()) || !slices.Equal(got.Shape(), want.Shape()) {
				t.Fatalf("%q differs there", w.Name)
			}
			back, err := f.Float32(w.Name)
			if err != nil || !slices.EqualFunc(back, w.Data, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Fatalf("%q differs here, %v", w.Name, err)
			}
		}
	}
}
