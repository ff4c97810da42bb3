package onnx

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

var update = flag.Bool("update", false, "write testdata/export with ONNX Runtime of SIMDRNN_PYTHON")

// An exportCase is a chain that Export writes.
type exportCase struct {
	name   string
	o      ExportOptions
	stages []nn.Stage
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exportCases are chains with drawn weights. Each call makes new ones with the same weights.
func exportCases() (list []exportCase) {
	r := rand.New(rand.NewPCG(11, 2))
	add := func(name string, o ExportOptions, stages ...nn.Stage) {
		list = append(list, exportCase{name, o, stages})
	}
	overLSTM := func(c lstm.Config) Recurrent { return Recurrent{Layer: must(lstm.New(c, r))} }
	overGRU := func(c gru.Config) Recurrent { return Recurrent{Layer: must(gru.New(c, r))} }
	overRNN := func(c rnn.Config) Recurrent { return Recurrent{Layer: must(rnn.New(c, r))} }
	linear := func(in, out int) *nn.Linear { return must(nn.NewLinear(in, out, r)) }
	norm := func(width int) *nn.LayerNorm {
		n := must(nn.NewLayerNorm(width))
		for i := range n.Weight {
			n.Weight[i], n.Bias[i] = 0.5+r.Float32(), r.Float32()-0.5
		}
		return n
	}
	// Structure, of all three kinds.
	for i, c := range []struct {
		layers                int
		both, reverse, noBias bool
		merge                 lstm.Merge
		o                     ExportOptions
	}{
		{layers: 1}, {layers: 3, noBias: true}, {layers: 2, both: true, o: ExportOptions{BatchFirst: true}},
		{layers: 1, reverse: true, o: ExportOptions{NoStates: true}}, {layers: 2, both: true, merge: lstm.Sum},
		{layers: 1, both: true, merge: lstm.Average, o: ExportOptions{Lengths: true}},
		{layers: 2, both: true, merge: lstm.Multiply, o: ExportOptions{Lengths: true, BatchFirst: true, NoStates: true}},
		{layers: 2, both: true, o: ExportOptions{LastStep: true}},
		{layers: 1, o: ExportOptions{LastStep: true, BatchFirst: true, NoStates: true}},
	} {
		add(fmt.Sprintf("lstm%d", i), c.o, overLSTM(lstm.Config{Input: 3, Hidden: 4, Layers: c.layers, Bidirectional: c.both, Reverse: c.reverse, NoBias: c.noBias, Merge: c.merge}))
		add(fmt.Sprintf("gru%d", i), c.o, overGRU(gru.Config{Input: 3, Hidden: 4, Layers: c.layers, Bidirectional: c.both, Reverse: c.reverse, NoBias: c.noBias, Merge: gru.Merge(c.merge)}))
		add(fmt.Sprintf("rnn%d", i), c.o, overRNN(rnn.Config{Input: 3, Hidden: 4, Layers: c.layers, Bidirectional: c.both, Reverse: c.reverse, NoBias: c.noBias, Merge: rnn.Merge(c.merge)}))
	}
	// What the operators can do beside.
	no := ExportOptions{NoStates: true}
	add("peephole", no, overLSTM(lstm.Config{Input: 3, Hidden: 4, Peephole: true, Clip: 0.4}))
	add("coupled", no, overLSTM(lstm.Config{Input: 3, Hidden: 4, Peephole: true, Coupled: true, Layers: 2, Bidirectional: true}))
	add("textbook", no, overGRU(gru.Config{Input: 3, Hidden: 4, Textbook: true, ResetBefore: true, Clip: 0.4}))
	add("before", ExportOptions{}, overGRU(gru.Config{Input: 3, Hidden: 4, ResetBefore: true, Bidirectional: true}))
	add("functions", no, overLSTM(lstm.Config{Input: 3, Hidden: 4, Bidirectional: true,
		GateActivation: lstm.HardSigmoid(0.3, 0.4), CandidateActivation: lstm.LeakyReLU(0.2), OutputActivation: lstm.ScaledTanh(0.9, 1.1)}))
	for i, f := range []rnn.Activation{rnn.ReLU, rnn.Sigmoid, rnn.Softsign, rnn.Softplus, rnn.ELU(0.7), rnn.Affine(0.3, 0.1), rnn.ThresholdedReLU(0.01)} {
		add(fmt.Sprintf("function%d", i), no, overRNN(rnn.Config{Input: 3, Hidden: 4, Activation: f, Clip: 2}))
	}
	// Masks act in training alone.
	add("masks", no, overGRU(gru.Config{Input: 3, Hidden: 4, Layers: 2, Dropout: 0.3, InputDropout: 0.1, HiddenDropout: 0.2, WeightDropout: 0.1}))
	// Stages.
	add("charlm", ExportOptions{}, must(nn.NewEmbedding(7, 3, r)), overLSTM(lstm.Config{Input: 3, Hidden: 4}), nn.Dropout{P: 0.2}, linear(4, 7), LogSoftmax{})
	add("batchfirst", ExportOptions{BatchFirst: true, LastStep: true}, must(nn.NewEmbedding(7, 3, r)), overGRU(gru.Config{Input: 3, Hidden: 4, Bidirectional: true}), linear(8, 2), Softmax{})
	add("stages", no, linear(3, 4), nn.Tanh, overGRU(gru.Config{Input: 4, Hidden: 4}), norm(4), nn.ReLU, nn.LeakyReLU(0.1), nn.ELU(1), nn.HardSigmoid(0.2, 0.5),
		nn.Softplus, nn.Softsign, nn.Sigmoid, &nn.Linear{Weight: linear(4, 2).Weight, In: 4, Out: 2}, &nn.LayerNorm{Weight: []float32{1, 2}, Width: 2, Eps: 1e-3})
	add("dense", ExportOptions{}, linear(3, 2), nn.Tanh, linear(2, 3))
	add("residual", ExportOptions{}, linear(3, 4), nn.Residual{overGRU(gru.Config{Input: 4, Hidden: 4}), nn.Residual{linear(4, 4)}}, linear(4, 2))
	add("parallel", ExportOptions{}, nn.Parallel{overLSTM(lstm.Config{Input: 3, Hidden: 4}), nn.Sequential{linear(3, 3), overRNN(rnn.Config{Input: 3, Hidden: 2, Reverse: true})}}, linear(6, 2))
	add("mean", ExportOptions{LastStep: true}, overLSTM(lstm.Config{Input: 3, Hidden: 4}), nn.PoolMean{}, linear(4, 2))
	add("pools", ExportOptions{LastStep: true, NoStates: true}, overLSTM(lstm.Config{Input: 3, Hidden: 4}), nn.Parallel{nn.PoolMax{}, whole(4), nn.Sequential{linear(4, 2), nn.PoolMean{}}}, linear(10, 2))
	add("ends", ExportOptions{LastStep: true, NoStates: true}, overGRU(gru.Config{Input: 3, Hidden: 2, Bidirectional: true}),
		&Pick{Width: 4, From: []int{0, 1, 2, 3}, First: []bool{false, false, true, true}}, linear(4, 2))
	add("scale", no, &Scale{Factor: []float32{2, 3, 4}, Shift: []float32{0.1, 0.2, -0.3}}, overGRU(gru.Config{Input: 3, Hidden: 2}), &Scale{Shift: []float32{1, 2}}, &Scale{Factor: []float32{0.3, 0.7}})
	add("pick", no, overGRU(gru.Config{Input: 3, Hidden: 4}), &Pick{Width: 4, From: []int{3, 0, 1}}, linear(3, 2))
	learned := overLSTM(lstm.Config{Input: 3, Hidden: 2, Layers: 2})
	learned.Initial = [][]float32{{0.1, -0.2, 0.3, 0.4}, {0.5, 0.6, -0.7, 0.8}}
	add("learned", ExportOptions{BatchFirst: true}, learned)
	add("repeated", ExportOptions{NoStates: true}, overGRU(gru.Config{Input: 3, Hidden: 4}), linear(4, 2), &Pick{Width: 2, From: []int{1, 0}, Last: true}, overLSTM(lstm.Config{Input: 2, Hidden: 3}))
	add("gelu", no, overGRU(gru.Config{Input: 3, Hidden: 4}), nn.GELU, linear(4, 3), nn.GELUTanh, &Scale{Factor: []float32{0.5, 0.5, 0.5}}, nn.GELU, nn.Tanh)
	both := func() Recurrent { return overLSTM(lstm.Config{Input: 3, Hidden: 2, Bidirectional: true}) }
	attention := func() nn.AttentionPool { return nn.AttentionPool{linear(4, 3), nn.Tanh, linear(3, 1)} }
	add("window", ExportOptions{Window: Window{-2, 0}}, both(), linear(4, 2))
	add("middle", ExportOptions{BatchFirst: true, NoStates: true, Window: Window{1, -1}}, overGRU(gru.Config{Input: 3, Hidden: 4}), nn.Tanh)
	add("begin", ExportOptions{BatchFirst: true, Window: Window{0, 3}}, overRNN(rnn.Config{Input: 3, Hidden: 4}), linear(4, 2))
	add("attention", ExportOptions{LastStep: true}, both(), attention(), linear(4, 2))
	add("attentions", ExportOptions{LastStep: true, NoStates: true, BatchFirst: true}, both(), nn.Parallel{attention(), nn.PoolMax{}, whole(4), nn.Sequential{linear(4, 3), nn.AttentionPool{nn.Sequential{nn.Tanh, linear(3, 1)}}}}, linear(15, 2))
	add("score", ExportOptions{LastStep: true}, both(), nn.AttentionPool{overGRU(gru.Config{Input: 4, Hidden: 3}), linear(3, 1)}, linear(4, 2))
	add("attended_rows", ExportOptions{LastStep: true, Lengths: true, BatchFirst: true}, both(), linear(4, 4), attention(), linear(4, 2))
	add("last_of_rows", ExportOptions{LastStep: true, Lengths: true}, both(), nn.Tanh, linear(4, 2))
	add("ends_of_rows", ExportOptions{LastStep: true, Lengths: true, NoStates: true}, both(), &Pick{Width: 4, From: []int{0, 1, 2, 3}, First: []bool{false, false, true, true}}, linear(4, 2))
	add("mean_of_rows", ExportOptions{LastStep: true, Lengths: true}, both(), nn.Tanh, linear(4, 4), nn.PoolMean{}, linear(4, 2))
	add("max_of_rows", ExportOptions{LastStep: true, Lengths: true, BatchFirst: true, NoStates: true}, overGRU(gru.Config{Input: 3, Hidden: 4}), linear(4, 3), nn.PoolMax{})
	add("pools_of_rows", ExportOptions{LastStep: true, Lengths: true, NoStates: true}, both(), nn.Parallel{attention(), nn.PoolMax{}, nn.PoolMean{}, whole(4), nn.Sequential{linear(4, 1), nn.PoolMax{}}, nn.Sequential{linear(4, 1), nn.PoolMean{}}}, linear(18, 2))
	return list
}

// inputsOf draws a value for each input of a network.
func inputsOf(n *Network, r *rand.Rand, steps, batch int) map[string]Tensor {
	in := map[string]Tensor{}
	for _, p := range n.Inputs {
		t := Tensor{}
		total := 1
		for i, size := range p.Shape {
			v := map[string]int{"time": steps, "batch": batch}[size]
			if v == 0 {
				v = p.fixed[i]
			}
			t.Shape, total = append(t.Shape, v), total*v
		}
		for range total {
			switch {
			case p.Use == LengthsOf:
				t.Integers = append(t.Integers, int64(1+r.IntN(steps)))
			case p.Integers:
				t.Integers = append(t.Integers, int64(r.IntN(7)))
			default:
				t.Floats = append(t.Floats, float32(r.NormFloat64()))
			}
		}
		in[p.Name] = t
	}
	return in
}

// exported is the file of a case and the network that it becomes again.
func (c exportCase) exported(t *testing.T) ([]byte, *Network) {
	t.Helper()
	var b bytes.Buffer
	if err := Export(&b, c.o, c.stages...); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	n, err := Load(bytes.NewReader(b.Bytes()), Options{})
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return b.Bytes(), n
}

// What ONNX Runtime computes of what Export writes is what the chain computes.
func TestExportAgreesWithONNXRuntime(t *testing.T) {
	want := map[string]map[string]Tensor{}
	if *update {
		dir := filepath.Join("testdata", "export")
		withRuntime(t, dir, exportCases(), peer(t, "onnx", "onnxruntime"))
		for _, c := range exportCases() {
			if err := os.Remove(filepath.Join(dir, c.name+".onnx")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range peerCases(t, filepath.Join("testdata", "export"), 40) {
		want[c.Model] = c.Outputs
	}
	compareExports(t, exportCases(), want)
}

// The same with the ONNX Runtime of the day.
func TestExportAgreesWithONNXRuntimeOfToday(t *testing.T) {
	py := peer(t, "onnx", "onnxruntime")
	compareExports(t, exportCases(), withRuntime(t, t.TempDir(), exportCases(), py))
}

// withRuntime writes the cases to a folder and lets ONNX Runtime compute their outputs.
func withRuntime(t *testing.T, dir string, cases []exportCase, py *python.Python) map[string]map[string]Tensor {
	t.Helper()
	return runtimeOf(t, dir, cases, func(i int, n *Network) map[string]Tensor {
		return inputsOf(n, rand.New(rand.NewPCG(uint64(i), 5)), 5, 3)
	}, py)
}

// runtimeOf is withRuntime for inputs of one's own.
func runtimeOf(t *testing.T, dir string, cases []exportCase, inputs func(i int, n *Network) map[string]Tensor, py *python.Python) map[string]map[string]Tensor {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string
		Cases []peerCase
	}
	for i, c := range cases {
		text, n := c.exported(t)
		if err := os.WriteFile(filepath.Join(dir, c.name+".onnx"), text, 0o666); err != nil {
			t.Fatal(err)
		}
		file.Cases = append(file.Cases, peerCase{Model: c.name, Inputs: inputs(i, n)})
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	py.Run(t, "testdata", "run.py", full)
	want := map[string]map[string]Tensor{}
	for _, c := range peerCases(t, dir, len(cases)) {
		want[c.Model] = c.Outputs
	}
	return want
}

// compareExports holds the outputs of the chains themselves against those wanted.
func compareExports(t *testing.T, cases []exportCase, want map[string]map[string]Tensor) {
	t.Helper()
	worst := 0.0
	for i, c := range cases {
		_, n := c.exported(t)
		original := *n
		if original.Stages = c.stages; statesOf(t, c.stages) != statesOf(t, n.Stages) {
			original.Stages = n.Stages // layers that came back as one
		}
		in := inputsOf(n, rand.New(rand.NewPCG(uint64(i), 5)), 5, 3)
		got, err := original.Run(in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		past(c.o, in, got)
		past(c.o, in, want[c.name])
		for name, w := range want[c.name] {
			if g := got[name]; nearZero(g.Floats, w.Floats) {
				want[c.name][name] = Tensor{Shape: w.Shape, Floats: g.Floats}
			}
		}
		worst = max(worst, compareOutputs(t, c.name, got, want[c.name]))
	}
	t.Logf("%d chains, at most %.2g relative", len(cases), worst)
}

// nearZero says whether two tensors are the same but for what tanh and e^x-1 of ONNX Runtime
// leave near 0, where they have an absolute error: all elements below 1/64 differ by less
// than the promise has for a 1/64.
func nearZero(got, want []float32) bool {
	if len(got) != len(want) {
		return false
	}
	for i, w := range want {
		if !(math.Abs(float64(w)) < 1./64 && math.Abs(float64(got[i]-w)) <= conforms/64) {
			return false
		}
	}
	return true
}

// statesOf is how many tensors of state a chain has.
func statesOf(t *testing.T, stages []nn.Stage) int {
	t.Helper()
	m, err := nn.Infer(1, 1, stages...)
	if err != nil {
		t.Fatal(err)
	}
	return len(m.State())
}

// What is written and read again has the same weights and outputs, bit for bit.
func TestExportAndImport(t *testing.T) { exportAndImport(t, exportCases()) }

func exportAndImport(t *testing.T, cases []exportCase) {
	t.Helper()
	for i, c := range cases {
		_, n := c.exported(t)
		steps, batch := 4, 2
		first, err := nn.Infer(steps, batch, c.stages...)
		if err != nil {
			t.Fatal(err)
		}
		second, err := nn.Infer(steps, batch, n.Stages...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if a, b := weightsIn(first), weightsIn(second); !slices.EqualFunc(a, b, sameBits) {
			t.Errorf("%s: %d tensors of weights became %d, or others", c.name, len(a), len(b))
		}
		if n.LastStep != c.o.LastStep || n.Window != c.o.Window {
			t.Errorf("%s: LastStep is %v, Window %v", c.name, n.LastStep, n.Window)
		}
		r := rand.New(rand.NewPCG(uint64(i), 9))
		_, _, in, out := first.Dims()
		var ys [2][]float32
		x, ids := make([]float32, steps*batch*in), make([]int32, steps*batch)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		for i := range ids {
			ids[i] = int32(r.IntN(7))
		}
		for k, m := range []*nn.Model{first, second} {
			ys[k] = make([]float32, steps*batch*out)
			if m.TakesIDs() {
				if err := m.ForwardIDs(ys[k], ids); err != nil {
					t.Fatal(err)
				}
			} else {
				m.Forward(ys[k], x)
			}
		}
		if !sameBits(ys[0], ys[1]) {
			t.Errorf("%s: the outputs differ", c.name)
		}
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func weightsIn(m *nn.Model) (list [][]float32) {
	m.EachParam(func(_ string, w, _ []float32) { list = append(list, w) })
	return list
}
