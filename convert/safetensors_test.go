package convert_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// opened is a file that bench/safetensors/goldens.py wrote.
func opened(t testing.TB, name string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// sixtyFourths are the numbers of that program: all types of elements hold them.
func sixtyFourths(label string, n int) []float32 {
	v := numtest.Drawn(label, n, 1)
	for i := range v {
		v[i] = float32(math.RoundToEven(float64(v[i])*64) / 64)
	}
	return v
}

// A loaded is one layer of the file that PyTorch's reference wrote.
type loaded struct {
	prefix  string
	line    string // of Inspect
	input   int
	load    func(convert.File, string) (sequences, func(func(string, []float32, ...int)), convert.Report, error)
	matched int
}

func infer[N interface {
	EachParam(func(string, []float32, ...int))
	Unroll(steps, batch int) U
}, U sequences](net N, report convert.Report, err error) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
	if err != nil {
		return nil, nil, report, err
	}
	return net.Unroll(5, 2), net.EachParam, report, nil
}

var pytorchFile = []loaded{
	{"encoder.rnn.", `"encoder.rnn.": LSTM, input 3, hidden 4, layers 2, bidirectional`, 3, func(f convert.File, p string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
		return infer(convert.LoadLSTM(f, p))
	}, 16},
	{"decoder.", `"decoder.": GRU, input 2, hidden 5, layers 2`, 2, func(f convert.File, p string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
		return infer(convert.LoadGRU(f, p))
	}, 8},
	{"plain.", `"plain.": RNN, input 3, hidden 2, layers 1, bidirectional, no bias`, 3, func(f convert.File, p string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
		return infer(convert.LoadRNN(f, p, rnn.ReLU))
	}, 4},
	{"small.lstm.", `"small.lstm.": LSTM, input 4, hidden 5, layers 1, projection 3`, 4, func(f convert.File, p string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
		return infer(convert.LoadLSTM(f, p))
	}, 5},
}

// pytorchFiles is the model in both formats.
func pytorchFiles(t *testing.T) map[string]convert.File {
	a, err := npy.OpenArchive("testdata/pytorch.npz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return map[string]convert.File{"safetensors": opened(t, "pytorch.safetensors"), "npz": a}
}

// A model that PyTorch saved, in all types of elements, is loaded: the weights are
// those that were drawn, and the outputs PyTorch's.
func TestLoadsWhatPyTorchSaved(t *testing.T) {
	want := opened(t, "pytorch_outputs.safetensors")
	for format, f := range pytorchFiles(t) {
		for _, c := range pytorchFile {
			t.Run(format+"/"+c.prefix, func(t *testing.T) {
				u, each, report, err := c.load(f, c.prefix)
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				each(func(name string, w []float32, _ ...int) {
					names = append(names, name)
					if !slices.Equal(w, sixtyFourths(c.prefix+name, len(w))) {
						t.Errorf("%s is not what was saved", name)
					}
				})
				slices.Sort(names)
				slices.Sort(report.Matched)
				if !slices.Equal(report.Matched, names) || len(names) != c.matched || len(report.Missing) > 0 {
					t.Errorf("the report is %+v, want %d names, %v", report, c.matched, names)
				}
				T, B, in, out := u.Dims()
				y := make([]float32, T*B*out)
				u.Forward(y, sixtyFourths(c.prefix+"x", T*B*in))
				wantY, err := want.Float32(c.prefix + "y")
				if err != nil || len(wantY) != len(y) {
					t.Fatalf("%v, %d outputs, want %d", err, len(y), len(wantY))
				}
				for i := range y {
					if d := math.Abs(float64(y[i] - wantY[i])); d > conforms*max(1, math.Abs(float64(wantY[i]))) {
						t.Errorf("output %d is %v, want %v", i, y[i], wantY[i])
					}
				}
			})
		}
		_, report, err := convert.LoadGRU(f, "decoder.")
		if want := []string{"step"}; err != nil || !slices.Equal(report.Left, want) {
			t.Errorf("%s: %v left, want %v", format, report.Left, want)
		}
	}
}

func TestInspect(t *testing.T) {
	for format, f := range pytorchFiles(t) {
		all, err := convert.Inspect(f)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, found := range all {
			got = append(got, found.String())
		}
		for _, c := range pytorchFile {
			want = append(want, c.line)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s\nwant\n%s", format, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// fileOf is a file in memory.
func fileOf(t testing.TB, metadata map[string]string, tensors ...safetensors.Tensor) *safetensors.File {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, metadata, tensors...); err != nil {
		t.Fatal(err)
	}
	return bytesFile(t, b.Bytes())
}

func bytesFile(t testing.TB, b []byte) *safetensors.File {
	t.Helper()
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What a network is written to gives the same network, of the same Config.
func TestSafetensorsRoundTrip(t *testing.T) {
	for _, cfg := range []lstm.Config{{}, {NoBias: true}, {Bidirectional: true}, {Projection: 2}, {Projection: 2, Bidirectional: true, NoBias: true}} {
		a := newLSTM(t, cfg)
		f := fileOf(t, nil, must(convert.ToSafetensors(a, "x.y."))...)
		b, _, err := convert.LoadLSTM(f, "x.y.")
		if err != nil {
			t.Fatal(err)
		}
		if a.Config() != b.Config() || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
			t.Errorf("%+v came back as %+v", a.Config(), b.Config())
		}
	}
	for _, cfg := range []gru.Config{{}, {NoBias: true, Bidirectional: true}} {
		a := newGRU(t, cfg)
		b, _, err := convert.LoadGRU(fileOf(t, nil, must(convert.ToSafetensors(a, ""))...), "")
		if err != nil {
			t.Fatal(err)
		}
		if a.Config() != b.Config() || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
			t.Errorf("%+v came back as %+v", a.Config(), b.Config())
		}
	}
	for _, cfg := range []rnn.Config{{}, {NoBias: true, Bidirectional: true, Activation: rnn.ReLU}} {
		a := newRNN(t, cfg)
		b, _, err := convert.LoadRNN(fileOf(t, nil, must(convert.ToSafetensors(a, ""))...), "", cfg.Activation)
		if err != nil {
			t.Fatal(err)
		}
		if a.Config() != b.Config() || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
			t.Errorf("%+v came back as %+v", a.Config(), b.Config())
		}
	}
	// A textbook's z is 1-z there, as in PyTorch's own.
	a, b := newGRU(t, gru.Config{Textbook: true}), newGRU(t, gru.Config{Textbook: true})
	b.Init(nil, nothing)
	tensors := must(convert.ToSafetensors(a, "rnn."))
	for _, w := range tensors {
		if want := must(convert.ToPyTorch(a))[strings.TrimPrefix(w.Name, "rnn.")]; !slices.Equal(w.Data, want.Data) || !slices.Equal(w.Shape, want.Shape) {
			t.Errorf("%s differs from ToPyTorch", w.Name)
		}
	}
	if _, err := convert.FromSafetensors(b, fileOf(t, nil, tensors...), "rnn."); err != nil || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
		t.Errorf("a textbook GRU did not come back: %v", err)
	}
	_, err := convert.ToSafetensors(newGRU(t, gru.Config{ResetBefore: true}), "")
	refused(t, err, "Config.ResetBefore")
}

// A file that does not fit is refused with what is wrong, and the network stays as it
// was.
func TestFilesThatDoNotFit(t *testing.T) {
	net := newLSTM(t, lstm.Config{Bidirectional: true})
	old := weights(net.EachParam)
	change := func(f func(list []safetensors.Tensor) []safetensors.Tensor) *safetensors.File {
		return fileOf(t, nil, f(must(convert.ToSafetensors(newLSTM(t, lstm.Config{Bidirectional: true}), "rnn.")))...)
	}
	zeros := func(name string, shape ...int) safetensors.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return safetensors.Tensor{Name: name, Shape: shape, Data: make([]float32, n)}
	}
	without := func(names ...string) *safetensors.File {
		return change(func(list []safetensors.Tensor) []safetensors.Tensor {
			return slices.DeleteFunc(list, func(w safetensors.Tensor) bool { return slices.Contains(names, w.Name) })
		})
	}
	with := func(more ...safetensors.Tensor) *safetensors.File {
		return change(func(list []safetensors.Tensor) []safetensors.Tensor {
			for _, w := range more {
				list = slices.DeleteFunc(list, func(of safetensors.Tensor) bool { return of.Name == w.Name })
			}
			return append(list, more...)
		})
	}
	for _, c := range []struct {
		name   string
		file   *safetensors.File
		prefix string
		why    string
		report convert.Report // Missing and Left
	}{
		{"another prefix", with(), "rnn", `prefix "rnn": there is no recurrent layer, want one of the kind LSTM; the recurrent layers of the file: "rnn." LSTM`, convert.Report{}},
		{"nothing recurrent", fileOf(t, nil, zeros("head.weight", 2, 2)), "", `the recurrent layers of the file: none`, convert.Report{}},
		{"a GRU", fileOf(t, nil, must(convert.ToSafetensors(newGRU(t, gru.Config{}), "rnn."))...), "rnn.", "there is a layer of the kind GRU, want one of the kind LSTM", convert.Report{}},
		{"a bias missing", without("rnn.bias_hh_l1"), "rnn.", `prefix "rnn.": bias_hh_l1 is missing`, convert.Report{Missing: []string{"bias_hh_l1"}}},
		{"two missing", without("rnn.bias_hh_l1", "rnn.weight_hh_l0_reverse"), "rnn.", "weight_hh_l0_reverse is missing, and 1 more", convert.Report{Missing: []string{"weight_hh_l0_reverse", "bias_hh_l1"}}},
		{"a wrong shape", with(zeros("rnn.weight_ih_l1", 4*hidden, hidden)), "rnn.", "weight_ih_l1 has the shape [20 5], want [20 10]", convert.Report{}},
		{"a bias of two axes", with(zeros("rnn.bias_ih_l0", 4*hidden, 1)), "rnn.", "bias_ih_l0 has the shape [20 1], want [20]", convert.Report{}},
		{"a layer too many, in part", with(zeros("rnn.weight_hh_l2", 4*hidden, hidden)), "rnn.", "weight_hh_l2 belongs to no parameter", convert.Report{Left: []string{"weight_hh_l2"}}},
		{"a layer left out", with(zeros("rnn.weight_ih_l3", 4*hidden, 2*hidden)), "rnn.", "weight_ih_l3 belongs to no parameter", convert.Report{Left: []string{"weight_ih_l3"}}},
		{"a projection in one direction", with(zeros("rnn.weight_hr_l0_reverse", 2, hidden)), "rnn.", "weight_hr_l0_reverse belongs to no parameter", convert.Report{Left: []string{"weight_hr_l0_reverse"}}},
		{"other tensors", with(zeros("rnn.ln.weight", 3), zeros("rnn.h0", 3), zeros("rnn.inner.weight_ih_l0", 3)), "rnn.", "", convert.Report{Left: []string{"h0", "inner.weight_ih_l0", "ln.weight"}}},
		{"rows of no kind", with(zeros("rnn.weight_hh_l0", 2*hidden, hidden)), "rnn.", "weight_hh_l0 has 10 rows of gates for a width of 5, want 4 times that for an LSTM", convert.Report{}},
		{"no rows", with(zeros("rnn.weight_hh_l0", 0, hidden)), "rnn.", "weight_hh_l0 has the shape [0 5], want rows and columns", convert.Report{}},
		{"no columns", with(zeros("rnn.weight_ih_l0", 4*hidden, 0)), "rnn.", "weight_ih_l0 has the shape [20 0], want rows and columns", convert.Report{}},
		{"a vector", with(zeros("rnn.weight_hh_l0", 4*hidden)), "rnn.", "weight_hh_l0 has the shape [20], want rows and columns", convert.Report{}},
		{"a projection as wide as the units", with(zeros("rnn.weight_hr_l0", hidden, hidden)), "rnn.", "fewer rows of weight_hr_l0 than columns", convert.Report{}},
		{"no weight_hh_l0", without("rnn.weight_hh_l0"), "rnn.", "weight_hh_l0 is missing", convert.Report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, report, err := convert.LoadLSTM(c.file, c.prefix)
			if c.why == "" {
				if err != nil || got == nil {
					t.Error(err)
				}
			} else if refused(t, err, c.why); got != nil {
				t.Error("there is a network beside the error")
			}
			if !slices.Equal(report.Missing, c.report.Missing) || !slices.Equal(report.Left, c.report.Left) {
				t.Errorf("the report is %+v, want %+v", report, c.report)
			}
			report, err = convert.FromSafetensors(net, c.file, c.prefix)
			if c.why == "" {
				if err != nil || len(report.Matched) != 16 {
					t.Errorf("%v, %+v", err, report)
				}
				net.EachParam(func(_ string, w []float32, _ ...int) { copy(w, old[:len(w)]) })
				old = weights(net.EachParam)
			} else {
				refused(t, err, c.why)
			}
			if !slices.Equal(weights(net.EachParam), old) {
				t.Error("the network has changed")
			}
		})
	}
	// One kind of error for each kind of mistake, and what Inspect says of it.
	f := with(zeros("rnn.weight_hh_l0", 2*hidden, hidden))
	all, err := convert.Inspect(f)
	if err != nil || len(all) != 1 || all[0].Kind != "" || !strings.Contains(all[0].String(), `"rnn.": unknown, input 3, hidden 5, layers 2, bidirectional: weight_hh_l0 has 10 rows`) {
		t.Errorf("%v, %v", all, err)
	}
	bare := newLSTM(t, lstm.Config{Bidirectional: true, NoBias: true})
	_, err = convert.FromSafetensors(bare, with(), "rnn.")
	refused(t, err, "bias_hh_l0 belongs to no parameter")
	_, err = convert.FromSafetensors(newGRU(t, gru.Config{ResetBefore: true}), fileOf(t, nil, must(convert.ToSafetensors(newGRU(t, gru.Config{}), ""))...), "")
	refused(t, err, "Config.ResetBefore")
	_, _, err = convert.LoadRNN(fileOf(t, nil, must(convert.ToSafetensors(newRNN(t, rnn.Config{}), ""))...), "", rnn.Sigmoid)
	refused(t, err, "Config.Activation = Sigmoid")
}

// Errors of the file itself come through with their types, and leave the network as
// it was: also those that come when half of the weights have been read.
func TestFilesThatCannotBeRead(t *testing.T) {
	net := newRNN(t, rnn.Config{Layers: 1})
	n := len(weights(net.EachParam))
	old := weights(net.EachParam)
	entry := func(typ string, size int) []byte {
		header, at := "{", 0
		for i, w := range must(convert.ToSafetensors(net, "")) {
			header += fmt.Sprintf(`%s%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, []string{"", ","}[min(i, 1)], w.Name, typ, strings.ReplaceAll(fmt.Sprint(w.Shape), " ", ","), at, at+size*len(w.Data))
			at += size * len(w.Data)
		}
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header)+1)), header...), '}')
	}
	check := func(f *safetensors.File, as any) {
		t.Helper()
		got, _, err := convert.LoadRNN(f, "", rnn.Tanh)
		_, again := convert.FromSafetensors(net, f, "")
		if !errors.As(err, as) || !errors.As(again, as) || got != nil {
			t.Errorf("%v, %v, want %T", err, again, as)
		}
		if !slices.Equal(weights(net.EachParam), old) {
			t.Error("the network has changed")
		}
	}
	whole := bytesFile(t, append(entry("I32", 4), make([]byte, 4*n)...))
	check(whole, new(*safetensors.TypeError))
	if all, err := convert.Inspect(whole); err != nil || len(all) != 1 || all[0].Kind != "RNN" || !errors.As(all[0].Err, new(*safetensors.TypeError)) {
		t.Errorf("Inspect finds %v, %v among integers", all, err)
	}
	doubles := append(entry("F64", 8), make([]byte, 8*n)...)
	binary.LittleEndian.PutUint64(doubles[len(doubles)-8:], 0x7fe<<52)
	check(bytesFile(t, doubles), new(*safetensors.RangeError))
	halves := append(entry("F16", 2), make([]byte, 2*n)...)
	f, err := safetensors.New(bytes.NewReader(halves[:len(halves)-1]), int64(len(halves)))
	if err != nil {
		t.Fatal(err)
	}
	check(f, new(*safetensors.FormatError))

	// More layers than a file may have, in one stack and side by side.
	var stack, apart []safetensors.Tensor
	for i := range 513 {
		stack = append(stack, safetensors.Tensor{Name: fmt.Sprintf("weight_ih_l%d", i), Shape: []int{1, 1}, Data: []float32{1}})
		apart = append(apart, safetensors.Tensor{Name: fmt.Sprintf("%d.weight_hh_l0", i), Shape: []int{1, 1}, Data: []float32{1}})
	}
	for _, list := range [][]safetensors.Tensor{stack, apart} {
		f := fileOf(t, nil, list...)
		var limit *safetensors.LimitError
		if all, err := convert.Inspect(f); all != nil || !errors.As(err, &limit) {
			t.Errorf("%d, %v", len(all), err)
		}
		if _, _, err := convert.LoadRNN(f, "", rnn.Tanh); !errors.As(err, &limit) {
			t.Error(err)
		}
	}
	if all, err := convert.Inspect(fileOf(t, nil, stack[1:]...)); err != nil || len(all) != 1 || all[0].Layers != 0 || !strings.Contains(all[0].Err.Error(), "weight_ih_l0 is missing") {
		t.Errorf("%v, %v", all, err)
	}
}

// Names that are nearly those of parameters are others.
func TestNamesOfParameters(t *testing.T) {
	list := must(convert.ToSafetensors(newRNN(t, rnn.Config{}), "a."))
	for _, name := range []string{"a.weight_ih_l01", "a.weight_ih_l", "a.weight_ih_lx", "a.weight_ih_l2_reversed", "a.weight_ih_l+2", "a.xweight_ih_l2", "a.weight_ih", "a.weight_ih_l2.weight", "a.bias_hr_l2"} {
		list = append(list, safetensors.Tensor{Name: name, Shape: []int{1}, Data: []float32{1}})
	}
	f := fileOf(t, nil, list...)
	_, report, err := convert.LoadRNN(f, "a.", rnn.Tanh)
	if err != nil || len(report.Left) != 9 {
		t.Errorf("%v, %+v", err, report)
	}
	if all, err := convert.Inspect(f); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestWriteAndOpenAFile(t *testing.T) {
	name := t.TempDir() + "/model.safetensors"
	net := newLSTM(t, lstm.Config{})
	for range 2 { // the second one replaces the first
		if err := safetensors.WriteFile(name, map[string]string{"format": "pt"}, must(convert.ToSafetensors(net, "rnn."))...); err != nil {
			t.Fatal(err)
		}
	}
	f, err := safetensors.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, _, err := convert.LoadLSTM(f, "rnn."); err != nil || f.Metadata()["format"] != "pt" {
		t.Error(err, f.Metadata())
	}
	if entries, err := os.ReadDir(name[:strings.LastIndex(name, "/")]); err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
}
