package convert_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// nothing is a Scheme that makes a network forget.
func nothing[P interface{ Fill(v float32) }](_ *rand.Rand, p P) { p.Fill(7) }

func outputs(bidirectional bool) int {
	if bidirectional {
		return steps * 2 * hidden
	}
	return steps * hidden
}

// refused checks that err is there and says why.
func refused(t *testing.T, err error, why string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", why)
	} else if !strings.Contains(err.Error(), why) {
		t.Errorf("the error is %q, want one with %q", err, why)
	}
}

func TestExportsThatAreRefused(t *testing.T) {
	_, err := convert.ToPyTorch(newLSTM(t, lstm.Config{Reverse: true}))
	refused(t, err, "Config.Reverse")
	_, err = convert.ToPyTorch(newGRU(t, gru.Config{ResetBefore: true}))
	refused(t, err, "Config.ResetBefore")
	_, err = convert.ToPyTorch(newRNN(t, rnn.Config{Activation: rnn.Sigmoid}))
	refused(t, err, "Config.Activation = Sigmoid")
	_, err = convert.ToPyTorch(newLSTM(t, lstm.Config{Bidirectional: true, Merge: lstm.Average}))
	refused(t, err, "Config.Merge is Average")
	_, err = convert.ToONNX(newGRU(t, gru.Config{Bidirectional: true, Merge: gru.Sum}))
	refused(t, err, "Config.Merge is Sum")
	_, err = convert.ToOneDNN(newGRU(t, gru.Config{Bidirectional: true, Merge: gru.Multiply}), convert.LDIGO)
	refused(t, err, "Config.Merge is Multiply")
	_, err = convert.ToOneDNN(newRNN(t, rnn.Config{Activation: rnn.Softsign}), convert.LDIGO)
	refused(t, err, "Config.Activation = Softsign")
	_, err = convert.ToOneDNN(newLSTM(t, lstm.Config{}), "ldoi")
	refused(t, err, `the format is "ldoi"`)
	_, err = convert.ToHaste(newRNN(t, rnn.Config{}))
	refused(t, err, "no plain recurrent layer")
	_, err = convert.ToHaste(newGRU(t, gru.Config{ResetBefore: true}))
	refused(t, err, "Config.ResetBefore")
	_, err = convert.ToHaste(newLSTM(t, lstm.Config{Reverse: true}))
	refused(t, err, "Config.Reverse")
	_, err = convert.ToHaste(newLSTM(t, lstm.Config{Bidirectional: true, Merge: lstm.Sum}))
	refused(t, err, "Config.Merge is Sum")

	sum, err := convert.ToOneDNN(newGRU(t, gru.Config{Bidirectional: true, Merge: gru.Sum}), convert.LDIGO)
	if err != nil || sum[0].Direction != "bidirectional_sum" {
		t.Errorf("a sum: %v", err)
	}
}

// must is the value of a conversion that has to succeed.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// An import that fails says why and changes nothing.
func TestImportsThatAreRefused(t *testing.T) {
	net, after, before := newLSTM(t, lstm.Config{}), newGRU(t, gru.Config{}), newGRU(t, gru.Config{ResetBefore: true})
	plain := newRNN(t, rnn.Config{Activation: rnn.LeakyReLU(0.25)})
	bare := newLSTM(t, lstm.Config{NoBias: true})
	old := slices.Concat(weights(net.EachParam), weights(after.EachParam), weights(before.EachParam), weights(plain.EachParam), weights(bare.EachParam))

	dict := must(convert.ToPyTorch(net))
	refused(t, convert.FromPyTorch(bare, dict), "bias_hh_l0 belongs to no parameter")
	refused(t, convert.FromPyTorch(before, must(convert.ToPyTorch(after))), "Config.ResetBefore")
	dict["weight_hr_l0"] = convert.Tensor{}
	refused(t, convert.FromPyTorch(net, dict), "weight_hr_l0 belongs to no parameter")
	delete(dict, "weight_hr_l0")
	refused(t, convert.FromPyTorch(newLSTM(t, lstm.Config{Projection: 3}), dict), "weight_hh_l0 has the shape [20 5]")
	delete(dict, "bias_ih_l1")
	refused(t, convert.FromPyTorch(net, dict), "bias_ih_l1 is missing")
	dict["bias_ih_l1"] = convert.Tensor{Shape: []int{1, 4 * hidden}, Data: make([]float32, 4*hidden)}
	refused(t, convert.FromPyTorch(net, dict), "bias_ih_l1 has the shape [1 20]")

	refused(t, convert.FromKeras(before, must(convert.ToKeras(after))), "reset_after=True")
	refused(t, convert.FromKeras(after, must(convert.ToKeras(before))), "set Config.ResetBefore")
	refused(t, convert.FromKeras(bare, must(convert.ToKeras(net))), "Config.NoBias")
	refused(t, convert.FromKeras(net, must(convert.ToKeras(net))[:1]), "1 given, want 2")
	k := must(convert.ToKeras(net))
	k[1].GoBackwards = true
	refused(t, convert.FromKeras(net, k), "layer 1: go_backwards is true")
	k = must(convert.ToKeras(net))
	k[1].ResetAfter = true
	refused(t, convert.FromKeras(net, k), "reset_after belongs to a GRU")
	k = must(convert.ToKeras(after))
	k[1].Bias = convert.Tensor{Shape: []int{3 * hidden}, Data: make([]float32, 3*hidden)}
	refused(t, convert.FromKeras(after, k), "bias has the shape [15]")

	op := func(change func(op *convert.ONNX)) []convert.ONNX {
		ops := must(convert.ToONNX(net))
		change(&ops[1])
		return ops
	}
	for why, change := range map[string]func(*convert.ONNX){
		"an LSTM with Config.Peephole": func(op *convert.ONNX) {
			op.P = convert.Tensor{Shape: []int{1, 3 * hidden}, Data: make([]float32, 3*hidden)}
		},
		"clip is 3, Config.Clip 0": func(op *convert.ONNX) { op.Clip = 3 },
		"input_forget = 1":         func(op *convert.ONNX) { op.InputForget = 1 },
		"the direction is r":       func(op *convert.ONNX) { op.Direction = "reverse" },
		"hidden_size is 4":         func(op *convert.ONNX) { op.HiddenSize = 4 },
		"activations are [Relu":    func(op *convert.ONNX) { op.Activations = []string{"Relu", "Tanh", "Tanh"} },
		"W has the shape [20 10]":  func(op *convert.ONNX) { op.W.Shape = []int{20, 10} },
		"R has the shape []":       func(op *convert.ONNX) { op.R = convert.Tensor{} },
		"B has the shape [1 20]":   func(op *convert.ONNX) { op.B = convert.Tensor{Shape: []int{1, 20}, Data: make([]float32, 20)} },
	} {
		refused(t, convert.FromONNX(net, op(change)), why)
	}
	refused(t, convert.FromONNX(after, must(convert.ToONNX(before))), "linear_before_reset = 0")
	refused(t, convert.FromONNX(before, must(convert.ToONNX(after))), "linear_before_reset = 1")
	refused(t, convert.FromONNX(bare, must(convert.ToONNX(net))), "Config.NoBias")
	leaky := must(convert.ToONNX(plain))
	leaky[0].Alpha = nil
	refused(t, convert.FromONNX(plain, leaky), "activation_alpha is [0.01]")
	leaky[0].Activations = nil
	refused(t, convert.FromONNX(plain, leaky), "activations are [Tanh]")
	coupled, peephole := newLSTM(t, lstm.Config{Coupled: true}), newLSTM(t, lstm.Config{Peephole: true})
	refused(t, convert.FromONNX(coupled, must(convert.ToONNX(net))), "input_forget = 0")
	refused(t, convert.FromONNX(net, must(convert.ToONNX(peephole))), "an LSTM with Config.Peephole")
	refused(t, convert.FromONNX(newLSTM(t, lstm.Config{Clip: 3}), must(convert.ToONNX(net))), "clip is 0, Config.Clip 3")
	bad := must(convert.ToONNX(peephole))
	bad[1].P.Shape = []int{3 * hidden}
	refused(t, convert.FromONNX(peephole, bad), "layer 1: P has the shape [15]")

	refused(t, convert.FromOneDNN(before, must(convert.ToOneDNN(after, convert.LDIGO))), "an lbr_gru has")
	refused(t, convert.FromOneDNN(after, must(convert.ToOneDNN(before, convert.LDIGO))), "a vanilla_gru has")
	refused(t, convert.FromOneDNN(bare, must(convert.ToOneDNN(net, convert.LDIGO))), "Config.NoBias")
	dnn := must(convert.ToOneDNN(net, convert.LDIGO))
	dnn[0].Format = convert.LDGOI
	refused(t, convert.FromOneDNN(net, dnn), "weights_layer has the shape [1 1 3 4 5]")
	dnn[0].Format = convert.LDIGO
	dnn[0].WeightsPeephole = convert.Tensor{Shape: []int{1, 1, 3, hidden}, Data: make([]float32, 3*hidden)}
	refused(t, convert.FromOneDNN(net, dnn), "an LSTM with Config.Peephole")
	dnn[0].WeightsPeephole, dnn[0].WeightsProjection = convert.Tensor{}, dnn[0].WeightsPeephole
	refused(t, convert.FromOneDNN(net, dnn), "an LSTM with Config.Projection")
	refused(t, convert.FromOneDNN(peephole, must(convert.ToOneDNN(net, convert.LDIGO))), "weights_peephole has the shape []")
	projection := newLSTM(t, lstm.Config{Projection: 3})
	dnn = must(convert.ToOneDNN(projection, convert.LDGOI))
	dnn[1].WeightsProjection.Shape = []int{1, 1, hidden, 3}
	refused(t, convert.FromOneDNN(projection, dnn), "layer 1: weights_projection has the shape [1 1 5 3]")
	dnn[0].Format = ""
	refused(t, convert.FromOneDNN(net, dnn), `the format is ""`)

	haste := must(convert.ToHaste(net))
	haste[0].RecurrentBias = haste[0].Bias
	refused(t, convert.FromHaste(net, haste), "an LSTM has no recurrent_bias")
	haste = must(convert.ToHaste(after))
	haste[1].RecurrentBias = convert.Tensor{}
	refused(t, convert.FromHaste(after, haste), "layer 1: recurrent_bias has the shape []")
	refused(t, convert.FromHaste(before, haste), "Config.ResetBefore")
	normed := newLSTM(t, lstm.Config{LayerNorm: true})
	refused(t, convert.FromHaste(net, must(convert.ToHaste(normed))), "set Config.LayerNorm")
	refused(t, convert.FromHaste(normed, must(convert.ToHaste(net))), "gamma has the shape []")
	haste = must(convert.ToHaste(net))
	haste[0].BetaH = convert.Tensor{Shape: []int{hidden}, Data: make([]float32, hidden)}
	refused(t, convert.FromHaste(net, haste), "an LSTM with Config.LayerNorm")
	haste = must(convert.ToHaste(normed))
	refused(t, convert.FromHaste(newLSTM(t, lstm.Config{LayerNorm: true, NoBias: true}), haste), "Config.NoBias")
	for i := range haste { // that of c alone is one too many
		clear(haste[i].Bias.Data)
		haste[i].BetaH.Data[0] = 1
	}
	refused(t, convert.FromHaste(newLSTM(t, lstm.Config{LayerNorm: true, NoBias: true}), haste), "Config.NoBias")

	now := slices.Concat(weights(net.EachParam), weights(after.EachParam), weights(before.EachParam), weights(plain.EachParam), weights(bare.EachParam))
	if !slices.Equal(bits(old), bits(now)) {
		t.Error("a refused import changed weights")
	}
}

// Each option goes out to the libraries that have it, and no other; what acts in
// training alone is no obstacle to weights that come in.
func TestOptions(t *testing.T) {
	hard := lstm.HardSigmoid(0.25, 0.5)
	type option[C any] struct {
		field string
		cfg   C
		has   []string
	}
	dnn := []string{"oneDNN ldigo", "oneDNN ldgoi"}
	for _, o := range []option[lstm.Config]{
		{"Projection", lstm.Config{Projection: 3}, append(dnn, "PyTorch")},
		{"Peephole", lstm.Config{Peephole: true}, append(dnn, "ONNX")},
		{"Coupled", lstm.Config{Coupled: true}, []string{"ONNX"}},
		{"Clip", lstm.Config{Clip: 1}, []string{"ONNX"}},
		{"CellClip", lstm.Config{CellClip: 1}, nil},
		{"LayerNorm", lstm.Config{LayerNorm: true}, []string{"haste"}},
		{"Dropout", lstm.Config{Dropout: 0.5}, libraries},
		{"InputDropout", lstm.Config{InputDropout: 0.5}, besides("PyTorch")},
		{"HiddenDropout", lstm.Config{HiddenDropout: 0.5}, []string{"ONNX"}},
		{"WeightDropout", lstm.Config{WeightDropout: 0.5}, []string{"ONNX", "haste"}},
		{"Zoneout", lstm.Config{Zoneout: 0.5}, []string{"haste"}},
		{"ZoneoutCell", lstm.Config{ZoneoutCell: 0.5}, nil},
		{"GateActivation", lstm.Config{GateActivation: hard}, []string{"ONNX", "Keras"}},
		{"CandidateActivation", lstm.Config{CandidateActivation: lstm.ReLU}, []string{"ONNX"}},
		{"OutputActivation", lstm.Config{OutputActivation: lstm.ReLU}, []string{"ONNX"}},
	} {
		with, without := newLSTM(t, o.cfg), newLSTM(t, lstm.Config{})
		for _, library := range libraries {
			oneOption(t, library, o.field, slices.Contains(o.has, library), with, without)
		}
	}
	for _, o := range []option[gru.Config]{
		{"Clip", gru.Config{Clip: 1}, []string{"ONNX"}},
		{"LayerNorm", gru.Config{LayerNorm: true}, []string{"haste"}},
		{"Dropout", gru.Config{Dropout: 0.5}, libraries},
		{"InputDropout", gru.Config{InputDropout: 0.5}, besides("PyTorch")},
		{"HiddenDropout", gru.Config{HiddenDropout: 0.5}, []string{"ONNX"}},
		{"WeightDropout", gru.Config{WeightDropout: 0.5}, []string{"ONNX", "haste"}},
		{"Zoneout", gru.Config{Zoneout: 0.5}, []string{"haste"}},
		{"GateActivation", gru.Config{GateActivation: gru.Activation(hard)}, []string{"ONNX", "Keras"}},
		{"CandidateActivation", gru.Config{CandidateActivation: gru.ReLU}, []string{"ONNX", "Keras"}},
	} {
		with, without := newGRU(t, o.cfg), newGRU(t, gru.Config{})
		for _, library := range libraries {
			oneOption(t, library, o.field, slices.Contains(o.has, library), with, without)
		}
	}
	for _, o := range []option[rnn.Config]{
		{"Clip", rnn.Config{Clip: 1}, []string{"ONNX"}},
		{"LayerNorm", rnn.Config{LayerNorm: true}, nil},
		{"Dropout", rnn.Config{Dropout: 0.5}, libraries},
		{"InputDropout", rnn.Config{InputDropout: 0.5}, besides("PyTorch")},
		{"HiddenDropout", rnn.Config{HiddenDropout: 0.5}, []string{"ONNX", "Keras"}},
		{"WeightDropout", rnn.Config{WeightDropout: 0.5}, []string{"ONNX"}},
		{"Zoneout", rnn.Config{Zoneout: 0.5}, nil},
	} {
		with, without := newRNN(t, o.cfg), newRNN(t, rnn.Config{})
		for _, library := range besides("haste") {
			oneOption(t, library, o.field, slices.Contains(o.has, library), with, without)
		}
	}

	// z and 1-z change places with a sign only in functions that are odd about 1/2.
	odd, other := newGRU(t, gru.Config{Textbook: true, GateActivation: gru.Activation(hard)}), newGRU(t, gru.Config{Textbook: true, GateActivation: gru.HardSigmoid(0.25, 0.4)})
	for _, library := range []string{"ONNX", "Keras"} {
		if err := through(library, odd, odd); err != nil {
			t.Error(err)
		}
		refused(t, through(library, other, other), "Config.Textbook")
	}
}

func oneOption[N convert.Network](t *testing.T, library, field string, has bool, with, without N) {
	t.Helper()
	t.Run(library+" "+field, func(t *testing.T) {
		masks := []string{"Dropout", "InputDropout", "HiddenDropout", "WeightDropout"}
		if err := through(library, with, with); has != (err == nil) {
			t.Errorf("an export: %v", err)
		} else if !has {
			refused(t, err, "Config."+field)
		}
		err := through(library, with, without)
		if slices.Contains(masks, field) {
			if err != nil {
				t.Errorf("an import: %v", err)
			}
		} else if !has {
			refused(t, err, "Config."+field)
		}
	})
}

// An operator without lists of activations has ONNX's defaults.
func TestONNXDefaults(t *testing.T) {
	for _, f := range []rnn.Activation{rnn.LeakyReLU(0.01), rnn.ELU(1), rnn.ThresholdedReLU(1), rnn.HardSigmoid(0.2, 0.5)} {
		net := newRNN(t, rnn.Config{Activation: f, Bidirectional: true})
		ops := must(convert.ToONNX(net))
		for i := range ops {
			ops[i].Alpha, ops[i].Beta = nil, nil
		}
		if err := convert.FromONNX(net, ops); err != nil {
			t.Errorf("%v: %v", f, err)
		}
	}
	net := newGRU(t, gru.Config{})
	ops := must(convert.ToONNX(net))
	ops[0].Activations, ops[1].Direction, ops[0].B = nil, "", convert.Tensor{}
	if err := convert.FromONNX(net, ops); err != nil {
		t.Error(err)
	}
	affine := newRNN(t, rnn.Config{Activation: rnn.Affine(1, 0)})
	ops = must(convert.ToONNX(affine))
	ops[0].Beta = nil
	refused(t, convert.FromONNX(affine, ops), "no default activation_beta")
}

// The second layer inside a Bidirectional goes backwards, and a reverse layer
// does.
func TestKerasDirections(t *testing.T) {
	for _, c := range []struct {
		cfg  lstm.Config
		want []bool
	}{{lstm.Config{}, []bool{false, false}}, {lstm.Config{Reverse: true}, []bool{true, true}}, {lstm.Config{Bidirectional: true}, []bool{false, true, false, true}}} {
		var got []bool
		for _, k := range must(convert.ToKeras(newLSTM(t, c.cfg))) {
			got = append(got, k.GoBackwards)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: go_backwards is %v, want %v", c.cfg, got, c.want)
		}
	}
}

// A nil network is refused by name, whatever it is to be converted from or to.
func TestNilNetworks(t *testing.T) {
	const give = "; give it what New, NewZero or Load of its package returned"
	var l *lstm.Layer
	var g *gru.Layer
	var r *rnn.Layer
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"convert: a nil *lstm.Layer" + give, func() { convert.ToPyTorch(l) }},
		{"convert: a nil *gru.Layer" + give, func() { convert.ToKeras(g) }},
		{"convert: a nil *rnn.Layer" + give, func() { convert.ToONNX(r) }},
		{"convert: a nil *lstm.Layer" + give, func() { convert.ToOneDNN(l, convert.LDIGO) }},
		{"convert: a nil *gru.Layer" + give, func() { convert.ToHaste(g) }},
		{"convert: a nil *rnn.Layer" + give, func() { convert.FromPyTorch(r, nil) }},
		{"convert: a nil *lstm.Layer" + give, func() { convert.FromKeras(l, nil) }},
		{"convert: a nil *gru.Layer" + give, func() { convert.FromONNX(g, nil) }},
		{"convert: a nil *rnn.Layer" + give, func() { convert.FromOneDNN(r, nil) }},
		{"convert: a nil *lstm.Layer" + give, func() { convert.FromHaste(l, nil) }},
	} {
		nettest.Panics(t, c.want, c.f)
	}
}
