package convert_test

import (
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A kerasCase is a stack of layers of bench/keras/configurations.py.
type kerasCase struct {
	Kind                               string
	Seed                               int
	Input, Units, Layers, Steps, Batch int
	Scale                              float64
	MergeMode                          string `json:"merge_mode"` // of Bidirectional; else ""
	GoBackwards                        bool   `json:"go_backwards"`
	Lengths                            []int
	ZeroOutputForMask                  bool `json:"zero_output_for_mask"`
	UseBias                            bool `json:"use_bias"`
	Initial                            bool
	ResetAfter                         bool `json:"reset_after"`
	UnitForgetBias                     bool `json:"unit_forget_bias"`
	Activation                         string
	RecurrentActivation                string `json:"recurrent_activation"`
	Want                               map[string]numtest.Summary
}

func (c kerasCase) String() string {
	c.Want = nil
	type plain kerasCase
	return fmt.Sprintf("%+v", plain(c))
}

func (c kerasCase) label(name string) string { return fmt.Sprintf("%s/%d/%s", c.Kind, c.Seed, name) }

func (c kerasCase) directions() int {
	if c.MergeMode != "" {
		return 2
	}
	return 1
}

var kerasMerge = map[string]lstm.Merge{"": lstm.Concat, "concat": lstm.Concat, "sum": lstm.Sum, "ave": lstm.Average, "mul": lstm.Multiply}

// kerasActivation is Keras' function of the name, or its default.
func kerasActivation(t *testing.T, name string) (f rnn.Activation) {
	switch name {
	case "":
		return f
	case "tanh":
		return rnn.Tanh
	case "relu":
		return rnn.ReLU
	case "sigmoid":
		return rnn.Sigmoid
	case "softsign":
		return rnn.Softsign
	case "softplus":
		return rnn.Softplus
	case "linear":
		return rnn.Affine(1, 0)
	case "elu":
		return rnn.ELU(1)
	case "leaky_relu":
		return rnn.LeakyReLU(0.2)
	case "hard_sigmoid":
		return rnn.HardSigmoid(1./6, 0.5) // ONNX's alpha is 0.2
	}
	t.Fatalf("no activation %s", name)
	panic("unreachable")
}

// layers are the weights of the stack, drawn.
func (c kerasCase) layers() (list []convert.Keras) {
	G, D, in := map[string]int{"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[c.Kind], c.directions(), c.Input
	for i := range c.Layers * D {
		if i == D {
			in = c.Units
			if c.MergeMode == "concat" {
				in *= 2
			}
		}
		tensor := func(name string, shape ...int) convert.Tensor {
			n := shape[0]
			if len(shape) > 1 {
				n *= shape[1]
			}
			return convert.Tensor{Shape: shape, Data: numtest.Drawn(c.label(fmt.Sprint(name, i)), n, c.Scale)}
		}
		k := convert.Keras{
			Kernel: tensor("kernel", in, G*c.Units), RecurrentKernel: tensor("recurrent_kernel", c.Units, G*c.Units),
			ResetAfter: c.ResetAfter, GoBackwards: c.GoBackwards || i%D == 1,
		}
		switch {
		case !c.UseBias || c.UnitForgetBias:
		case c.ResetAfter:
			k.Bias = tensor("bias", 2, G*c.Units)
		default:
			k.Bias = tensor("bias", G*c.Units)
		}
		list = append(list, k)
	}
	return list
}

// network makes the network that the layers are, with their weights. gradients
// brings the gradients of an Unrolled of it into Keras' layout.
func (c kerasCase) network(t *testing.T) (u sequences, gradients func() []convert.Keras) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	both, merge := c.MergeMode != "", kerasMerge[c.MergeMode]
	f, g := kerasActivation(t, c.RecurrentActivation), kerasActivation(t, c.Activation)
	switch c.Kind {
	case "LSTM":
		cfg := lstm.Config{Input: c.Input, Hidden: c.Units, Layers: c.Layers, Bidirectional: both, Reverse: c.GoBackwards, Merge: merge, NoBias: !c.UseBias,
			GateActivation: lstm.Activation(f), CandidateActivation: lstm.Activation(g), OutputActivation: lstm.Activation(g)}
		net, err := lstm.NewZero(cfg)
		check(err)
		check(convert.FromKeras(net, c.layers()))
		if c.UnitForgetBias {
			net.SetForgetBias(1)
		}
		u := net.Unroll(c.Steps, c.Batch)
		u.SetBatchFirst(true)
		return u, func() []convert.Keras {
			grads, err := lstm.NewZero(cfg)
			check(err)
			copyGrads(u, grads.EachParam)
			return must(convert.ToKeras(grads))
		}
	case "GRU":
		cfg := gru.Config{Input: c.Input, Hidden: c.Units, Layers: c.Layers, Bidirectional: both, Reverse: c.GoBackwards, Merge: gru.Merge(merge), NoBias: !c.UseBias, ResetBefore: !c.ResetAfter,
			GateActivation: gru.Activation(f), CandidateActivation: gru.Activation(g)}
		net, err := gru.NewZero(cfg)
		check(err)
		check(convert.FromKeras(net, c.layers()))
		u := net.Unroll(c.Steps, c.Batch)
		u.SetBatchFirst(true)
		return u, func() []convert.Keras {
			grads, err := gru.NewZero(cfg)
			check(err)
			copyGrads(u, grads.EachParam)
			return must(convert.ToKeras(grads))
		}
	}
	cfg := rnn.Config{Input: c.Input, Hidden: c.Units, Layers: c.Layers, Bidirectional: both, Reverse: c.GoBackwards, Merge: rnn.Merge(merge), NoBias: !c.UseBias, Activation: g}
	net, err := rnn.NewZero(cfg)
	check(err)
	check(convert.FromKeras(net, c.layers()))
	unrolled := net.Unroll(c.Steps, c.Batch)
	unrolled.SetBatchFirst(true)
	return unrolled, func() []convert.Keras {
		grads, err := rnn.NewZero(cfg)
		check(err)
		copyGrads(unrolled, grads.EachParam)
		return must(convert.ToKeras(grads))
	}
}

// copyGrads makes the gradients of u the parameters of another network.
func copyGrads(u sequences, each func(func(name string, w []float32, shape ...int))) {
	var grads [][]float32
	u.EachParam(func(_ string, _, g []float32) { grads = append(grads, g) })
	i := 0
	each(func(_ string, w []float32, _ ...int) {
		copy(w, grads[i])
		i++
	})
}

// compare runs the case and returns the largest difference from Keras.
func (c kerasCase) compare(t *testing.T) (worst float64) {
	t.Helper()
	u, gradients := c.network(t)
	T, B, in, out := u.Dims()
	first, dlast := u.State(), u.State()
	size := B * c.Units
	for i := range c.Layers * c.directions() {
		for k, name := range []string{"h", "c"}[:len(first)] {
			if c.Initial {
				copy(first[k][i*size:], numtest.Drawn(c.label(fmt.Sprint(name, i)), size, 1))
			}
			copy(dlast[k][i*size:], numtest.Drawn(c.label(fmt.Sprint("d", name, i)), size, 1))
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	x, dy := numtest.Drawn(c.label("x"), B*T*in, 1), numtest.Drawn(c.label("dy"), B*T*out, 1)
	y, dx := make([]float32, len(dy)), make([]float32, len(x))
	check(u.SetState(first))
	check(u.SetLengths(c.Lengths))
	u.Forward(y, x)
	last := u.State()
	check(u.SetStateGrad(dlast))
	u.Backward(dx, dy)

	// Past the end of a row a layer that reads forward repeats its last output unless
	// zero_output_for_mask is set; here, as in all other layers of Keras, outputs are
	// zero there.
	if c.MergeMode == "" && !c.GoBackwards && !c.ZeroOutputForMask {
		for b, n := range c.Lengths {
			for t := max(n, 1); t < T; t++ {
				copy(y[(b*T+t)*out:][:out], y[(b*T+t-1)*out:])
			}
		}
	}
	results := 0
	compare := func(name string, got []float32) {
		t.Helper()
		d, where := numtest.Apart(c.label(name), got, c.Want[name])
		if !(d <= conforms) {
			t.Errorf("%v: %s differs by %.2g: %s", c, name, d, where)
		}
		worst = max(worst, d)
		results++
	}
	compare("y", y)
	compare("dx", dx)
	for k, name := range []string{"h", "c"}[:len(first)] {
		compare(name+"n", last[k])
		if c.Initial {
			compare("d"+name+"0", u.StateGrad()[k])
		}
	}
	for i, k := range gradients() {
		compare(fmt.Sprint("kernel", i), k.Kernel.Data)
		compare(fmt.Sprint("recurrent_kernel", i), k.RecurrentKernel.Data)
		if !c.UseBias {
			continue
		}
		if !c.ResetAfter { // ToKeras adds b_ih and b_hh, whose gradients are the same
			for j := range k.Bias.Data {
				k.Bias.Data[j] /= 2
			}
		}
		compare(fmt.Sprint("bias", i), k.Bias.Data)
	}
	if results != len(c.Want) {
		t.Errorf("%v: %d results, want %d", c, results, len(c.Want))
	}
	return worst
}

// What Keras' layers compute, both ways, is what the network computes that
// FromKeras fills.
func TestAgreesWithKeras(t *testing.T) {
	cases := readCases[kerasCase](t, "testdata/keras.json", 100)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		count, worst := map[string]int{}, map[string]float64{}
		for _, c := range cases {
			count[c.Kind]++
			worst[c.Kind] = max(worst[c.Kind], c.compare(t))
		}
		for kind, n := range count {
			t.Logf("%s: %d configurations, at most %.2g relative", kind, n, worst[kind])
		}
	})
}
