package convert_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// through exports from and imports the result into to.
func through[N convert.Network](library string, to, from N) error {
	switch library {
	case "PyTorch":
		m, err := convert.ToPyTorch(from)
		if err != nil {
			return err
		}
		return convert.FromPyTorch(to, m)
	case "Keras":
		m, err := convert.ToKeras(from)
		if err != nil {
			return err
		}
		return convert.FromKeras(to, m)
	case "ONNX":
		m, err := convert.ToONNX(from)
		if err != nil {
			return err
		}
		return convert.FromONNX(to, m)
	case "haste":
		m, err := convert.ToHaste(from)
		if err != nil {
			return err
		}
		return convert.FromHaste(to, m)
	}
	m, err := convert.ToOneDNN(from, convert.OneDNNFormat(strings.TrimPrefix(library, "oneDNN ")))
	if err != nil {
		return err
	}
	return convert.FromOneDNN(to, m)
}

func bits(v []float32) []uint32 {
	b := make([]uint32, len(v))
	for i := range v {
		b[i] = math.Float32bits(v[i])
	}
	return b
}

func weights(each func(func(string, []float32, ...int))) (all []float32) {
	each(func(_ string, w []float32, _ ...int) { all = append(all, w...) })
	return all
}

// What goes out and comes back has the outputs it had, and where the library has
// both biases, the weights.
func TestRoundTrips(t *testing.T) {
	x := inputs()
	compare := func(t *testing.T, err error, exact bool, a, b []float32, ya, yb []float32) {
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(bits(ya), bits(yb)) {
			t.Errorf("outputs %v, want %v", yb, ya)
		}
		if exact && !slices.Equal(a, b) {
			t.Error("the weights differ")
		}
	}
	for _, library := range libraries {
		two := library == "PyTorch" || library == "ONNX"
		for _, c := range []lstm.Config{{}, {NoBias: true}, {Bidirectional: true}, {Reverse: true}} {
			if c.Reverse && (library == "PyTorch" || library == "haste") {
				continue
			}
			t.Run(fmt.Sprintf("LSTM %s %+v", library, c), func(t *testing.T) {
				a, b := newLSTM(t, c), newLSTM(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				compare(t, err, two || c.NoBias, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
		for _, c := range []gru.Config{{}, {NoBias: true}, {Bidirectional: true, Textbook: true}, {ResetBefore: true}, {ResetBefore: true, Reverse: true, NoBias: true}} {
			if c.ResetBefore && (library == "PyTorch" || library == "haste") {
				continue
			}
			t.Run(fmt.Sprintf("GRU %s %+v", library, c), func(t *testing.T) {
				a, b := newGRU(t, c), newGRU(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				exact := two || c.NoBias || library == "haste" || library == "Keras" && !c.ResetBefore
				compare(t, err, exact, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
		for _, c := range []rnn.Config{{}, {NoBias: true, Activation: rnn.ReLU}, {Bidirectional: true}} {
			if library == "haste" {
				continue
			}
			t.Run(fmt.Sprintf("RNN %s %+v", library, c), func(t *testing.T) {
				a, b := newRNN(t, c), newRNN(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				compare(t, err, two || c.NoBias, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
	}
}

// What is in an option goes out and comes back too.
func TestVariantsRoundTrip(t *testing.T) {
	x := inputs()
	same := func(t *testing.T, library string, err error, a, b func(func(string, []float32, ...int)), ya, yb []float32) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(bits(ya), bits(yb)) {
			t.Errorf("outputs %v, want %v", yb, ya)
		}
		var want [][]float32
		a(func(_ string, w []float32, _ ...int) { want = append(want, w) })
		b(func(name string, w []float32, _ ...int) {
			one := library != "PyTorch" && library != "ONNX" && strings.HasPrefix(name, "bias_") && !strings.HasPrefix(name, "bias_c")
			if !one && !slices.Equal(w, want[0]) { // where there is one bias, it comes back as b_ih
				t.Errorf("%s is %v, want %v", name, w, want[0])
			}
			want = want[1:]
		})
	}
	onnx, keras := []string{"ONNX"}, []string{"Keras", "ONNX"}
	for _, v := range append(slices.Clone(lstmVariants[1:]),
		variant[lstm.Config]{lstm.Config{GateActivation: lstm.HardSigmoid(0.25, 0.5), CandidateActivation: lstm.ELU(0.5), OutputActivation: lstm.ScaledTanh(1.5, 0.5)}, onnx},
		variant[lstm.Config]{lstm.Config{GateActivation: lstm.LeakyReLU(0.25), CandidateActivation: lstm.Affine(0.5, 0.25), OutputActivation: lstm.ThresholdedReLU(0.125), Coupled: true}, onnx},
		variant[lstm.Config]{lstm.Config{GateActivation: lstm.Softsign, CandidateActivation: lstm.Softplus, OutputActivation: lstm.Softplus}, keras},
		variant[lstm.Config]{lstm.Config{LayerNorm: true, NoBias: true}, []string{"haste"}},
	) {
		for _, library := range v.has {
			for _, v.cfg.Bidirectional = range []bool{false, true} {
				t.Run(fmt.Sprintf("LSTM %s %+v", library, v.cfg), func(t *testing.T) {
					a, b := newLSTM(t, v.cfg), newLSTM(t, v.cfg)
					b.Init(nil, nothing)
					err := through(library, b, a)
					_, _, _, out := a.Infer(steps, 1).Dims()
					ya, yb := make([]float32, steps*out), make([]float32, steps*out)
					a.Infer(steps, 1).Forward(ya, x)
					b.Infer(steps, 1).Forward(yb, x)
					same(t, library, err, a.EachParam, b.EachParam, ya, yb)
				})
			}
		}
	}
	for _, v := range append(slices.Clone(gruVariants[4:]),
		variant[gru.Config]{gru.Config{GateActivation: gru.HardSigmoid(0.25, 0.5), CandidateActivation: gru.Softsign, Textbook: true}, keras},
		variant[gru.Config]{gru.Config{GateActivation: gru.ScaledTanh(0.5, 0.75), CandidateActivation: gru.ThresholdedReLU(0.25), ResetBefore: true}, onnx},
	) {
		for _, library := range v.has {
			for _, v.cfg.Bidirectional = range []bool{false, true} {
				t.Run(fmt.Sprintf("GRU %s %+v", library, v.cfg), func(t *testing.T) {
					a, b := newGRU(t, v.cfg), newGRU(t, v.cfg)
					b.Init(nil, nothing)
					err := through(library, b, a)
					ya, yb := make([]float32, outputs(v.cfg.Bidirectional)), make([]float32, outputs(v.cfg.Bidirectional))
					a.Infer(steps, 1).Forward(ya, x)
					b.Infer(steps, 1).Forward(yb, x)
					same(t, library, err, a.EachParam, b.EachParam, ya, yb)
				})
			}
		}
	}
}

// With input_forget the weights of f are nobody's: zeros go out, and what comes in
// is not looked at.
func TestForgetGateThatIsCoupled(t *testing.T) {
	a, b := newLSTM(t, lstm.Config{Coupled: true, Peephole: true}), newLSTM(t, lstm.Config{Coupled: true, Peephole: true})
	b.Init(nil, nothing)
	ops := must(convert.ToONNX(a))
	for _, op := range ops { // the third of four or of three blocks of rows
		rows := func(v convert.Tensor, from, to, of int) []float32 {
			return v.Data[len(v.Data)*from/of : len(v.Data)*to/of]
		}
		for _, f := range [][]float32{rows(op.W, 2, 3, 4), rows(op.R, 2, 3, 4), rows(op.B, 2, 3, 8), rows(op.B, 6, 7, 8), rows(op.P, 2, 3, 3)} {
			for i := range f {
				if f[i] != 0 {
					t.Fatalf("weights of f: %v", f)
				}
				f[i] = 3
			}
		}
	}
	if err := convert.FromONNX(b, ops); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
		t.Error("the weights differ")
	}
}
