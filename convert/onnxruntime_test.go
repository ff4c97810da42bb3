package convert_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// conforms is the relative difference from other libraries that the project
// promises.
const conforms = 1e-5

// readCases fills cases from a golden file.
func readCases[C any](t *testing.T, path string, least int) []C {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []C }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < least {
		t.Fatalf("%d configurations, want %d", len(file.Cases), least)
	}
	return file.Cases
}

// sequences is what the three cells' Unrolled have in common.
type sequences interface {
	Dims() (steps, batch, in, out int)
	Forward(y, x []float32)
	Backward(dx, dy []float32)
	State() [][]float32
	SetState(s [][]float32) error
	StateGrad() [][]float32
	SetStateGrad(s [][]float32) error
	SetLengths(lengths []int) error
	EachParam(f func(name string, w, g []float32))
}

// An onnxCase is a chain of operators of bench/onnxruntime/configurations.py.
type onnxCase struct {
	Op                                  string
	Seed                                int
	Input, Hidden, Layers, Steps, Batch int
	Direction                           string
	Scale                               float64
	Bias, Initial, Peephole             bool
	Lengths                             []int
	Clip                                float32
	InputForget                         int  `json:"input_forget"`
	LinearBeforeReset                   int  `json:"linear_before_reset"`
	Defaults                            bool // the operator has no list of activations
	Activations                         []string
	Alpha, Beta                         []float32
	Want                                map[string]numtest.Summary
}

// usual are the activations that the operators have without a list.
var usual = map[string][]string{"LSTM": {"Sigmoid", "Tanh", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "RNN": {"Tanh"}}

func (c onnxCase) String() string {
	return fmt.Sprintf("%s, seed %d: I=%d H=%d L=%d T=%d B=%d %s lengths=%v bias=%v initial=%v P=%v clip=%v input_forget=%d linear_before_reset=%d %v %v %v",
		c.Op, c.Seed, c.Input, c.Hidden, c.Layers, c.Steps, c.Batch, c.Direction, c.Lengths, c.Bias, c.Initial, c.Peephole, c.Clip, c.InputForget, c.LinearBeforeReset, c.Activations, c.Alpha, c.Beta)
}

func (c onnxCase) label(name string) string { return fmt.Sprintf("%s/%d/%s", c.Op, c.Seed, name) }

func (c onnxCase) bidirectional() bool { return c.Direction == "bidirectional" }

// tensor is a weight drawn for the operator of a layer.
func (c onnxCase) tensor(name string, layer int, shape ...int) convert.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return convert.Tensor{Shape: shape, Data: numtest.Drawn(c.label(fmt.Sprint(name, layer)), n, c.Scale)}
}

func (c onnxCase) operators() (ops []convert.ONNX) {
	G, D, in := map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[c.Op], 1, c.Input
	if c.bidirectional() {
		D = 2
	}
	for l := range c.Layers {
		op := convert.ONNX{
			W: c.tensor("W", l, D, G*c.Hidden, in), R: c.tensor("R", l, D, G*c.Hidden, c.Hidden),
			Direction: c.Direction, HiddenSize: c.Hidden, LinearBeforeReset: c.LinearBeforeReset, InputForget: c.InputForget, Clip: c.Clip,
			Alpha: c.Alpha, Beta: c.Beta,
		}
		if c.Bias {
			op.B = c.tensor("B", l, D, 2*G*c.Hidden)
		}
		if c.Peephole {
			op.P = c.tensor("P", l, D, 3*c.Hidden)
		}
		if !c.Defaults {
			op.Activations = c.Activations
		}
		ops = append(ops, op)
		in = D * c.Hidden
	}
	return ops
}

// functions are the activations of a direction with their parameters, which go to
// those that have them, in order.
func (c onnxCase) functions(t *testing.T) (list []rnn.Activation) {
	alpha, beta := c.Alpha, c.Beta
	next := func(from *[]float32, otherwise float32) (v float32) {
		if len(c.Alpha) == 0 {
			return otherwise
		}
		v, *from = (*from)[0], (*from)[1:]
		return v
	}
	for _, name := range c.Activations[:len(usual[c.Op])] {
		switch name {
		case "Tanh":
			list = append(list, rnn.Tanh)
		case "Relu":
			list = append(list, rnn.ReLU)
		case "Sigmoid":
			list = append(list, rnn.Sigmoid)
		case "Softsign":
			list = append(list, rnn.Softsign)
		case "Softplus":
			list = append(list, rnn.Softplus)
		case "Affine":
			list = append(list, rnn.Affine(next(&alpha, 0), next(&beta, 0)))
		case "LeakyRelu":
			list = append(list, rnn.LeakyReLU(next(&alpha, 0.01)))
		case "ThresholdedRelu":
			list = append(list, rnn.ThresholdedReLU(next(&alpha, 0)))
		case "ScaledTanh":
			list = append(list, rnn.ScaledTanh(next(&alpha, 0), next(&beta, 0)))
		case "HardSigmoid":
			list = append(list, rnn.HardSigmoid(next(&alpha, 0.2), next(&beta, 0.5)))
		case "Elu":
			list = append(list, rnn.ELU(next(&alpha, 1)))
		default:
			t.Fatalf("no activation %s", name)
		}
	}
	return list
}

// network makes the network that the operators are, with their weights.
func (c onnxCase) network(t *testing.T) sequences {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	f, reverse := c.functions(t), c.Direction == "reverse"
	switch c.Op {
	case "LSTM":
		net, err := lstm.NewZero(lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.bidirectional(), Reverse: reverse, NoBias: !c.Bias,
			Peephole: c.Peephole, Coupled: c.InputForget != 0, Clip: c.Clip, GateActivation: lstm.Activation(f[0]), CandidateActivation: lstm.Activation(f[1]), OutputActivation: lstm.Activation(f[2])})
		check(err)
		check(convert.FromONNX(net, c.operators()))
		return net.Infer(c.Steps, c.Batch)
	case "GRU":
		net, err := gru.NewZero(gru.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.bidirectional(), Reverse: reverse, NoBias: !c.Bias,
			ResetBefore: c.LinearBeforeReset == 0, Clip: c.Clip, GateActivation: gru.Activation(f[0]), CandidateActivation: gru.Activation(f[1])})
		check(err)
		check(convert.FromONNX(net, c.operators()))
		return net.Infer(c.Steps, c.Batch)
	}
	net, err := rnn.NewZero(rnn.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.bidirectional(), Reverse: reverse, NoBias: !c.Bias,
		Clip: c.Clip, Activation: f[0]})
	check(err)
	check(convert.FromONNX(net, c.operators()))
	return net.Infer(c.Steps, c.Batch)
}

// inputs are the case's X and its initial states, written into states of zeros.
func (c onnxCase) inputs(first [][]float32) (x []float32, _ [][]float32) {
	size := len(first[0]) / c.Layers
	for l := range c.Layers {
		for k, name := range []string{"initial_h", "initial_c"}[:len(first)] {
			if c.Initial {
				copy(first[k][l*size:], numtest.Drawn(c.label(fmt.Sprint(name, l)), size, 1))
			}
		}
	}
	return numtest.Drawn(c.label("X"), c.Steps*c.Batch*c.Input, 1), first
}

// compareONNX holds y and the states after a run, which it changes, against c, and
// returns the largest difference; more than limit is an error.
func compareONNX[F float32 | float64](t *testing.T, c onnxCase, limit float64, y []F, first, last [][]F) (worst float64) {
	t.Helper()
	// ONNX Runtime makes the final state of a row of no steps zero. Here such a row
	// hands on the state it came with, as the formulas leave it.
	for b, n := range c.Lengths {
		if n > 0 {
			continue
		}
		for k := range last {
			for i := b * c.Hidden; i < len(last[k]); i += c.Batch * c.Hidden {
				if !slices.Equal(last[k][i:i+c.Hidden], first[k][i:i+c.Hidden]) {
					t.Errorf("%v: row %d has no steps and its state changed", c, b)
				}
				clear(last[k][i : i+c.Hidden])
			}
		}
	}
	// An operator's Y is [T][D][B][H].
	turned, D := make([]F, 0, len(y)), len(y)/(c.Steps*c.Batch*c.Hidden)
	for t := range c.Steps {
		for d := range D {
			for b := range c.Batch {
				turned = append(turned, y[((t*c.Batch+b)*D+d)*c.Hidden:][:c.Hidden]...)
			}
		}
	}
	got := map[string][]F{"Y": turned, "Y_h": last[0]}
	if len(last) > 1 {
		got["Y_c"] = last[1]
	}
	if len(got) != len(c.Want) {
		t.Errorf("%v: %d results, want %d", c, len(got), len(c.Want))
	}
	for name, want := range c.Want {
		d, where := numtest.Apart(c.label(name), got[name], want)
		if !(d <= limit) {
			t.Errorf("%v: %s differs by %.2g: %s", c, name, d, where)
		}
		worst = max(worst, d)
	}
	return worst
}

// What operators compute is what the network computes that FromONNX fills.
func TestAgreesWithONNXRuntime(t *testing.T) {
	cases := readCases[onnxCase](t, "testdata/onnxruntime.json", 330)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		count, worst := map[string]int{}, map[string]float64{}
		for _, c := range cases {
			u := c.network(t)
			_, _, _, out := u.Dims()
			y := make([]float32, c.Steps*c.Batch*out)
			x, first := c.inputs(u.State())
			if err := u.SetState(first); err != nil {
				t.Fatal(err)
			}
			if err := u.SetLengths(c.Lengths); err != nil {
				t.Fatal(err)
			}
			u.Forward(y, x)
			worst[c.Op] = max(worst[c.Op], compareONNX(t, c, conforms, y, first, u.State()))
			count[c.Op]++
		}
		for kind, n := range count {
			t.Logf("%s: %d configurations, at most %.2g relative", kind, n, worst[kind])
		}
	})
}

// So does the oracle, to the digits of the file: what the gradients of variants
// are held against means what ONNX means.
func TestOracleAgreesWithONNXRuntime(t *testing.T) {
	worst := 0.0
	for _, c := range readCases[onnxCase](t, "testdata/onnxruntime.json", 330) {
		u := c.network(t)
		weights := map[string][]float32{}
		u.EachParam(func(name string, w, _ []float32) { weights[name] = w })
		x, first := c.inputs(u.State())
		s := oracle.Shape{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.bidirectional(), Reverse: c.Direction == "reverse", NoBias: !c.Bias}
		in := oracle.Sequence[oracle.Real]{T: c.Steps, B: c.Batch, X: oracle.Lift[oracle.Real](x), Lengths: c.Lengths}
		for _, v := range first {
			in.State = append(in.State, oracle.Lift[oracle.Real](v))
		}
		pass := oracle.Forward(c.oracle(t), s, oracle.LiftParams[oracle.Real](weights), in)
		worst = max(worst, compareONNX(t, c, 1e-8, reals(pass.Y)[0], reals(in.State...), reals(pass.State...)))
	}
	t.Logf("at most %.2g relative", worst)
}

// oracle is the operator's cell there.
func (c onnxCase) oracle(t *testing.T) oracle.Cell[oracle.Real] {
	var f []oracle.Activation
	for _, a := range c.functions(t) {
		name, p := a.ONNX()
		p = append(p[:len(p):len(p)], 0, 0)
		f = append(f, oracle.Activation{Name: name, Alpha: float64(p[0]), Beta: float64(p[1])})
	}
	clip := float64(c.Clip)
	switch c.Op {
	case "LSTM":
		return oracle.LSTM[oracle.Real]{Peephole: c.Peephole, Coupled: c.InputForget != 0, Clip: clip, Gate: f[0], Candidate: f[1], Output: f[2]}
	case "GRU":
		return oracle.GRU[oracle.Real]{ResetBefore: c.LinearBeforeReset == 0, Clip: clip, Gate: f[0], Candidate: f[1]}
	}
	return oracle.RNN[oracle.Real]{Clip: clip, F: f[0]}
}

// reals are plain numbers again.
func reals(tensors ...[]oracle.Real) (plain [][]float64) {
	for _, t := range tensors {
		v := make([]float64, len(t))
		for i := range t {
			v[i] = float64(t[i])
		}
		plain = append(plain, v)
	}
	return plain
}
