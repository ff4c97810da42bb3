package peer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// The reference implementation and this package take and refuse the same files, and
// see the same in them.
func TestReadsWhatTheReferenceReads(t *testing.T) {
	py := python.Find(t, "what the reference wrote is in testdata", "safetensors")
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, 6))
	const files = 5000
	headers := make([]string, files)
	for i := range files {
		header, data := random(r)
		headers[i] = header
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), file(header, data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out := []byte(py.Run(t, ".", "reference.py", "read", dir, fmt.Sprint(files)))
	var answers []*[][3]any // of a file that is refused null, else name, type, shape
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != files {
		t.Fatal(err)
	}
	taken, refused := 0, 0
	for i, want := range answers {
		f, err := safetensors.Open(filepath.Join(dir, fmt.Sprint(i)))
		switch {
		case (err == nil) != (want != nil):
			// What the package's documentation says that it is stricter in.
			if says(err, "comes twice", "the header begins with ' '", "is no field of a tensor") {
				continue
			}
			t.Errorf("%q: ours %v, the reference takes it: %v", headers[i], err, want != nil)
			continue
		case err != nil:
			refused++
			continue
		}
		taken++
		var got [][3]any
		for info := range f.All() {
			shape := []any{}
			for _, d := range info.Shape {
				shape = append(shape, float64(d))
			}
			got = append(got, [3]any{info.Name, string(info.Type), shape})
		}
		f.Close()
		for _, list := range [][][3]any{got, *want} {
			slices.SortFunc(list, func(a, b [3]any) int { return strings.Compare(a[0].(string), b[0].(string)) })
		}
		if fmt.Sprint(got) != fmt.Sprint(*want) {
			t.Errorf("%q: %v, want %v", headers[i], got, *want)
		}
	}
	if taken < files/10 || refused < files/10 {
		t.Errorf("%d files were taken and %d refused", taken, refused)
	}
}

// A file that was written here is loaded there: by the reference implementation,
// which writes the same bytes, and by load_state_dict of PyTorch's layers, whose
// outputs are ours.
func TestPyTorchLoadsWhatWasWritten(t *testing.T) {
	py := python.Find(t, "what the reference wrote is in testdata", "safetensors", "torch")
	r := rand.New(rand.NewPCG(7, 8))
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
	list := []safetensors.Tensor{{Name: "x", Shape: []int{steps, batch, in}, Data: x}}
	add := func(prefix string, tensors []safetensors.Tensor, err error, out int, forward func(y, x []float32)) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for i := range tensors {
			tensors[i].Name = prefix + tensors[i].Name
		}
		y := make([]float32, steps*batch*out)
		forward(y, x)
		list = append(append(list, tensors...), safetensors.Tensor{Name: prefix + "y", Shape: []int{steps, batch, out}, Data: y})
	}
	tensors, err := convert.ToSafetensors(a, "")
	add("LSTM.", tensors, err, 4, a.Unroll(steps, batch).Forward)
	tensors, err = convert.ToSafetensors(b, "")
	add("GRU.", tensors, err, 4, b.Unroll(steps, batch).Forward)
	tensors, err = convert.ToSafetensors(c, "")
	add("RNN.", tensors, err, 4, c.Unroll(steps, batch).Forward)
	name := filepath.Join(t.TempDir(), "model.safetensors")
	if err := safetensors.WriteFile(name, map[string]string{"format": "pt"}, list...); err != nil {
		t.Fatal(err)
	}
	if out := py.Run(t, ".", "reference.py", "load", name); out != "ok\n" {
		t.Fatal(out)
	}
}
