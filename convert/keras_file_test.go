package convert_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// kerasKey is where the description stands in the metadata.
const kerasKey = "simdrnn.keras"

// kerasLayers are the layers of bench/keras/files.py. The names of one entry are loaded as one
// network.
var kerasLayers = []struct {
	names []string
	lines []string
	load  func(f *safetensors.File, names ...string) (sequences, func(func(string, []float32, ...int)), convert.Report, error)
	n     int // tensors
}{
	{[]string{"encoder/first", "encoder/second"}, []string{
		`"encoder/first": LSTM, input 3, hidden 4, layers 1`,
		`"encoder/second": LSTM, input 4, hidden 4, layers 1`}, kerasLSTM, 6},
	{[]string{"both"}, []string{`"both": GRU, input 4, hidden 5, layers 1, bidirectional (Sum)`}, kerasGRU, 6},
	{[]string{"before"}, []string{`"before": GRU, input 3, hidden 3, layers 1, reverse, no bias, reset before the product, activation LeakyRelu(0.125), of gates HardSigmoid(0.16666667, 0.5)`}, kerasGRU, 2},
	{[]string{"plain"}, []string{`"plain": RNN, input 3, hidden 2, layers 1, bidirectional (Concat), activation Elu(1)`}, kerasRNN, 6},
	{[]string{"stack"}, []string{`"stack": LSTM, input 4, hidden 3, layers 3, reverse`}, kerasLSTM, 9},
}

func kerasLSTM(f *safetensors.File, names ...string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
	return infer(convert.LoadKerasLSTM(f, names...))
}

func kerasGRU(f *safetensors.File, names ...string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
	return infer(convert.LoadKerasGRU(f, names...))
}

func kerasRNN(f *safetensors.File, names ...string) (sequences, func(func(string, []float32, ...int)), convert.Report, error) {
	return infer(convert.LoadKerasRNN(f, names...))
}

// What Keras saved by keras_safetensors.py is loaded: the outputs are Keras'.
func TestLoadsWhatKerasSaved(t *testing.T) {
	f, want := opened(t, "keras.safetensors"), opened(t, "keras_outputs.safetensors")
	var lines []string
	for _, c := range kerasLayers {
		lines = append(lines, c.lines...)
		u, _, report, err := c.load(f, c.names...)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Matched) != c.n || len(report.Missing)+len(report.Left) > 0 {
			t.Errorf("%v: the report is %+v, want %d tensors", c.names, report, c.n)
		}
		T, B, in, out := u.Dims()
		y := make([]float32, T*B*out)
		u.Forward(y, sixtyFourths(c.names[0]+"/x", T*B*in))
		wantY, err := want.Float32(c.names[0])
		if err != nil || len(wantY) != len(y) {
			t.Fatalf("%v, %d outputs, want %d", err, len(y), len(wantY))
		}
		for i := range y {
			if d := math.Abs(float64(y[i] - wantY[i])); !(d <= conforms*max(1, math.Abs(float64(wantY[i])))) {
				t.Errorf("%v: output %d is %v, want %v", c.names, i, y[i], wantY[i])
			}
		}
	}
	lines = append(lines,
		`"mixed": unknown, input 0, hidden 0, layers 1: layer "mixed": it is none that this module has: a layer of the cells GRUCell, LSTMCell`,
		`"gelu": unknown, input 0, hidden 3, layers 1: layer "gelu": activation: the activation "gelu" is none that this module has`)
	all, err := convert.InspectKeras(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, found := range all {
		if i >= len(lines) || found.String() != lines[i] {
			t.Errorf("layer %d is %v, want the lines %s", i, found, strings.Join(lines, "\n"))
		}
	}
	if len(all) != len(lines) {
		t.Errorf("%d layers, want %d", len(all), len(lines))
	}
}

// kerasNetworks are networks of all kinds that ToKerasFile takes, with the names they get.
func kerasNetworks(t *testing.T) (nets []any, names [][]string) {
	r := rand.New(rand.NewPCG(3, 4))
	add := func(net any, err error, as ...string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		nets, names = append(nets, net), append(names, as)
	}
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3, Layers: 2, Bidirectional: true, Merge: lstm.Average, GateActivation: lstm.HardSigmoid(1./6, 0.5)}, r)
	add(net, err, "a/one", "a/two")
	net, err = lstm.New(lstm.Config{Input: 2, Hidden: 3, Layers: 3, Reverse: true, NoBias: true}, r)
	add(net, err, "stack")
	g, err := gru.New(gru.Config{Input: 2, Hidden: 3, Layers: 2, Textbook: true}, r)
	add(g, err, "g", "g_1")
	g, err = gru.New(gru.Config{Input: 2, Hidden: 3, ResetBefore: true, CandidateActivation: gru.ELU(0.3)}, r)
	add(g, err, "b")
	p, err := rnn.New(rnn.Config{Input: 2, Hidden: 3, Activation: rnn.LeakyReLU(0.1)}, r)
	add(p, err, "p.q")
	return nets, names
}

// kerasFile is the file of all of them.
func kerasFile(t *testing.T) []byte {
	nets, names := kerasNetworks(t)
	var all []convert.KerasLayer
	for i, net := range nets {
		var layers []convert.KerasLayer
		var err error
		switch net := net.(type) {
		case *lstm.Layer:
			layers, err = convert.ToKerasLayers(net, names[i]...)
		case *gru.Layer:
			layers, err = convert.ToKerasLayers(net, names[i]...)
		case *rnn.Layer:
			layers, err = convert.ToKerasLayers(net, names[i]...)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, layers...)
	}
	metadata, tensors, err := convert.ToKerasFile(all...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, metadata, tensors...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written for Keras is loaded again: as the network that it was, with its
// outputs to the bit.
func TestKerasFileRoundTrip(t *testing.T) {
	nets, names := kerasNetworks(t)
	f := bytesFile(t, kerasFile(t))
	x := numtest.Drawn("keras round trip", 4*2*2, 1)
	run := func(net interface{ Dims() (int, int, int, int) }) []float32 {
		_, _, _, out := net.Dims()
		y := make([]float32, 4*2*out)
		net.(sequences).Forward(y, x)
		return y
	}
	for i, net := range nets {
		var want, got, filled []float32
		switch net := net.(type) {
		case *lstm.Layer:
			other, _, err := convert.LoadKerasLSTM(f, names[i]...)
			if err != nil {
				t.Fatal(err)
			}
			cfg := net.Config()
			if other.Config() != cfg {
				t.Errorf("%+v, want %+v", other.Config(), cfg)
			}
			cfg.Dropout = 0.5
			again := must(lstm.NewZero(cfg))
			if _, err := convert.FromKerasFile(again, f, names[i]...); err != nil {
				t.Fatal(err)
			}
			want, got, filled = run(net.Infer(4, 2)), run(other.Infer(4, 2)), run(again.Infer(4, 2))
		case *gru.Layer:
			other, _, err := convert.LoadKerasGRU(f, names[i]...)
			if err != nil {
				t.Fatal(err)
			}
			cfg := net.Config()
			cfg.Textbook = false // the file has Keras' form
			if other.Config() != cfg {
				t.Errorf("%+v, want %+v", other.Config(), cfg)
			}
			again := must(gru.NewZero(net.Config()))
			if _, err := convert.FromKerasFile(again, f, names[i]...); err != nil {
				t.Fatal(err)
			}
			want, got, filled = run(net.Infer(4, 2)), run(other.Infer(4, 2)), run(again.Infer(4, 2))
			if net.Config().Textbook { // 1-z is rounded
				for k, v := range want {
					if math.Abs(float64(v-got[k])) > 1e-6 {
						t.Errorf("%v: %v, want %v", names[i], got[k], v)
					}
				}
				got = want
			}
		case *rnn.Layer:
			other, _, err := convert.LoadKerasRNN(f, names[i]...)
			if err != nil {
				t.Fatal(err)
			}
			if other.Config() != net.Config() {
				t.Errorf("%+v, want %+v", other.Config(), net.Config())
			}
			again := must(rnn.NewZero(net.Config()))
			if _, err := convert.FromKerasFile(again, f, names[i]...); err != nil {
				t.Fatal(err)
			}
			want, got, filled = run(net.Infer(4, 2)), run(other.Infer(4, 2)), run(again.Infer(4, 2))
		}
		if !slices.Equal(want, got) || !slices.Equal(want, filled) {
			t.Errorf("%v: what came back computes something else", names[i])
		}
	}
}

func TestKerasFilesThatAreRefused(t *testing.T) {
	f := opened(t, "keras.safetensors")
	_, _, err := convert.LoadKerasLSTM(f)
	refused(t, err, "no name of a layer was given; the recurrent layers of the file: \"encoder/first\" LSTM")
	_, _, err = convert.LoadKerasLSTM(f, "first")
	refused(t, err, `layer "first": there is no such layer`)
	_, _, err = convert.LoadKerasGRU(f, "encoder/first")
	refused(t, err, "it is of the kind LSTM, want GRU")
	_, _, err = convert.LoadKerasLSTM(f, "encoder/second", "encoder/first")
	refused(t, err, "an input of the width 3, the layer before an output of 4")
	_, _, err = convert.LoadKerasLSTM(f, "encoder/first", "stack")
	refused(t, err, "go_backwards, after which the steps are in the opposite order")
	_, _, err = convert.LoadKerasGRU(f, "both", "gelu")
	refused(t, err, `the activation "gelu" is none`)
	_, _, err = convert.LoadKerasLSTM(f, "mixed")
	refused(t, err, "a layer of the cells GRUCell, LSTMCell")
	_, err = convert.InspectKeras(opened(t, "pytorch.safetensors"))
	refused(t, err, "it was not written by keras_safetensors.py")

	// A network of another Config is not filled, and stays as it is.
	for why, cfg := range map[string]lstm.Config{
		"Config.Input is 2, the file has 3":            {Input: 2, Hidden: 4},
		"Config.Hidden is 5":                           {Input: 3, Hidden: 5},
		"Config.Layers is 2, the file has 1":           {Input: 3, Hidden: 4, Layers: 2},
		"Config.Bidirectional is true":                 {Input: 3, Hidden: 4, Bidirectional: true},
		"Config.Reverse is true":                       {Input: 3, Hidden: 4, Reverse: true},
		"Config.NoBias is true":                        {Input: 3, Hidden: 4, NoBias: true},
		"Config.GateActivation is Softsign":            {Input: 3, Hidden: 4, GateActivation: lstm.Softsign},
		"Config.CandidateActivation is Relu":           {Input: 3, Hidden: 4, CandidateActivation: lstm.ReLU, OutputActivation: lstm.ReLU},
		"no peepholes, which Config.Peephole asks for": {Input: 3, Hidden: 4, Peephole: true},
	} {
		net := must(lstm.New(cfg, rand.New(rand.NewPCG(1, 2))))
		before := weights(net.EachParam)
		_, err := convert.FromKerasFile(net, f, "encoder/first")
		refused(t, err, why)
		if !slices.Equal(before, weights(net.EachParam)) {
			t.Errorf("%s: the weights have changed", why)
		}
	}
	_, err = convert.FromKerasFile(must(gru.NewZero(gru.Config{Input: 3, Hidden: 3, Reverse: true, NoBias: true, CandidateActivation: gru.LeakyReLU(0.125), GateActivation: gru.HardSigmoid(1./6, 0.5)})), f, "before")
	refused(t, err, "Config.ResetBefore is false")
	_, err = convert.FromKerasFile(must(gru.NewZero(gru.Config{Input: 4, Hidden: 5, Bidirectional: true})), f, "both")
	refused(t, err, "Config.Merge is Concat, the file has Sum")
	_, err = convert.FromKerasFile(must(rnn.NewZero(rnn.Config{Input: 3, Hidden: 2, Bidirectional: true})), f, "plain")
	refused(t, err, "Config.Activation is Tanh, the file has Elu(1)")

	// Nor does a file that turns out to be damaged change anything.
	plain := must(rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, NoBias: true}))
	text := `{"version":1,"layers":[{"name":"a","class":"SimpleRNN","units":1,"activation":{"name":"tanh"}}]}`
	header := fmt.Sprintf(`{"__metadata__":{"simdrnn.keras":%q},"a/kernel":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]},"a/recurrent_kernel":{"dtype":"F64","shape":[1,1],"data_offsets":[8,16]}}`, text)
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	for _, v := range []float64{2, 1e300} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	_, err = convert.FromKerasFile(plain, bytesFile(t, b), "a")
	if out := new(safetensors.RangeError); !errors.As(err, &out) {
		t.Errorf("%v is no *RangeError", err)
	}
	refused(t, err, "a/recurrent_kernel cannot be read")
	if w := weights(plain.EachParam); w[0] != 0 || w[1] != 0 {
		t.Errorf("the weights are %v, and were 0", w)
	}

	// What Keras cannot be.
	_, err = convert.ToKerasLayers(must(lstm.NewZero(lstm.Config{Input: 2, Hidden: 3, Layers: 2, Bidirectional: true})), "one")
	refused(t, err, "1 names given, want 2")
	_, err = convert.ToKerasLayers(must(lstm.NewZero(lstm.Config{Input: 2, Hidden: 3, Layers: 2, Reverse: true})), "one", "two")
	refused(t, err, "give one name for all")
	_, err = convert.ToKerasLayers(must(rnn.NewZero(rnn.Config{Input: 2, Hidden: 3, Activation: rnn.HardSigmoid(0.2, 0.5)})), "one")
	refused(t, err, "no activation HardSigmoid(0.2, 0.5)")
	_, err = convert.ToKerasLayers(must(rnn.NewZero(rnn.Config{Input: 2, Hidden: 3})), "one//two")
	refused(t, err, `the name "one//two"`)
	_, err = convert.ToKerasLayers(must(rnn.NewZero(rnn.Config{Input: 2, Hidden: 3, LayerNorm: true})), "one")
	refused(t, err, "Config.LayerNorm")
	layers := must(convert.ToKerasLayers(must(rnn.NewZero(rnn.Config{Input: 2, Hidden: 3})), "one"))
	_, _, err = convert.ToKerasFile(layers[0], layers[0])
	refused(t, err, `two layers have the name "one"`)
	_, _, err = convert.ToKerasFile(make([]convert.KerasLayer, 1)...)
	refused(t, err, "or one has none")
}

// withMetadata is the file with another description of its layers.
func withMetadata(t *testing.T, text string) *safetensors.File {
	t.Helper()
	from := opened(t, "keras.safetensors")
	var tensors []safetensors.Tensor
	for info := range from.All() {
		tensors = append(tensors, safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: must(from.Float32(info.Name))})
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{kerasKey: text}, tensors...); err != nil {
		t.Fatal(err)
	}
	return bytesFile(t, b.Bytes())
}

// Metadata that is malformed or lies gets a typed error.
func TestHostileKerasMetadata(t *testing.T) {
	layer := `{"name":"encoder/first","class":"LSTM","units":4,"use_bias":true,"return_sequences":true,"activation":{"name":"tanh"},"recurrent_activation":{"name":"sigmoid"}}`
	file := func(layers string) string { return `{"version":1,"layers":[` + layers + `]}` }
	if all, err := convert.InspectKeras(withMetadata(t, file(layer))); err != nil || all[0].Err != nil {
		t.Fatalf("%v, %v: the tests below begin with a description that is wrong", err, all)
	}
	var many []string
	for range 600 {
		many = append(many, fmt.Sprintf(`{"name":"%d"}`, len(many)))
	}
	for text, why := range map[string]string{
		"": "unexpected EOF", "null": "where \"{\" is expected", "[]": "where \"{\" is expected", "{": "EOF", "{}": "there are no layers",
		`{"version":1}`: "there are no layers", `{"layers":[]}`: `the field "layers"`, `{"version":2,"layers":[]}`: "the version 2, this program reads 1",
		`{"version":0,"layers":[]}`: "the version 0", `{"version":1e9,"layers":[]}`: "cannot unmarshal", `{"version":1,"version":1,"layers":[]}`: `the field "version"`,
		`{"version":1,"layers":[],"layers":[]}`: `the field "layers"`, `{"version":1,"layers":{}}`: "where \"[\" is expected", `{"version":1,"layers":[}`: "invalid character",
		`{"version":1,"other":[]}`: `the field "other"`, file("") + "x": "text follows the end", file(`"x"`): "cannot unmarshal", file(`{"name":"x"`): "invalid character",
		file(`{"nom":"x"}`): "unknown field", file(`{}`): "one has none", file(layer + "," + layer): "two layers have the name",
		file(`{"name":"a\u001b[31m"}`): "cannot be printed", file(`{"name":"` + strings.Repeat("x", 1001) + `"}`): "more than 1000 bytes",
		file(strings.Repeat(" ", 300<<10)):                                                           "bytes of the metadata",
		file(strings.Replace(layer, `"units":4`, `"units":4.5`, 1)):                                  "cannot unmarshal",
		file(strings.Replace(layer, `"units":4`, `"units":99999999999999999999`, 1)):                 "cannot unmarshal",
		file(`{"name":"x","units":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`): "exceeded max depth",
		file(strings.Join(many, ",")):                                                                "layers and cells",
		file(`{"name":"x","class":"LSTM","cells":1000000000}`):                                       "layers and cells",
	} {
		_, err := convert.InspectKeras(withMetadata(t, text))
		refused(t, err, why)
		limit, bad := new(safetensors.LimitError), new(convert.KerasError)
		if !errors.As(err, &limit) && !errors.As(err, &bad) {
			t.Errorf("%.100q: %T is no *KerasError", text, err)
		}
		if _, _, err := convert.LoadKerasLSTM(withMetadata(t, text), "encoder/first"); err == nil {
			t.Errorf("%.100q: loaded", text)
		}
	}
	change := func(old, new string) string {
		if !strings.Contains(layer, old) {
			t.Fatalf("%q is not in the layer", old)
		}
		return file(strings.Replace(layer, old, new, 1))
	}
	for text, why := range map[string]string{
		change(`"units":4`, `"units":0`):                                          "it has 0 units",
		change(`"units":4`, `"units":-4`):                                         "it has -4 units",
		change(`"units":4`, `"units":2147483647`):                                 "want 1 to 268435455",
		change(`"units":4`, `"units":268435455`):                                  "kernel has the shape [3 16], want [3 1073741820]",
		change(`"units":4`, `"units":2`):                                          "kernel has the shape [3 16], want [3 8]",
		change(`"class":"LSTM"`, `"class":"lstm"`):                                `its class is "lstm"`,
		change(`"class":"LSTM"`, `"class":"GRU"`):                                 "encoder/first/kernel has the shape [3 16], want",
		change(`"class":"LSTM"`, `"class":"SimpleRNN"`):                           "recurrent_activation belongs to",
		change(`"use_bias":true`, `"use_bias":false`):                             "encoder/first/bias is there for a layer with use_bias false",
		change(`"use_bias"`, `"cells":2,"use_bias"`):                              "encoder/first/cell_0/kernel is missing",
		change(`"use_bias"`, `"cells":-2,"use_bias"`):                             "-2 cells",
		change(`"use_bias"`, `"reset_after":true,"use_bias"`):                     "reset_after belongs to a GRU",
		change(`"use_bias"`, `"merge_mode":"max","use_bias"`):                     `its merge_mode is "max"`,
		change(`"use_bias"`, `"merge_mode":"sum","use_bias"`):                     "encoder/first/forward/kernel is missing",
		change(`"use_bias"`, `"merge_mode":"sum","go_backwards":true,"use_bias"`): "a Bidirectional with go_backwards",
		change(`"use_bias"`, `"merge_mode":"sum","cells":2,"use_bias"`):           "each direction a stack of its own",
		change(`"use_bias"`, `"unsupported":"so it is","use_bias"`):               "so it is",
		change(`{"name":"tanh"}`, `{"name":"swish"}`):                             `the activation "swish"`,
		change(`{"name":"tanh"}`, `{"name":"tanh","alpha":1}`):                    "has 1 of alpha and beta, want the first 0",
		change(`{"name":"tanh"}`, `{"name":"elu"}`):                               "has 0 of alpha and beta, want the first 1",
		change(`{"name":"tanh"}`, `{"name":"elu","beta":1}`):                      "want the first 1",
		change(`{"name":"tanh"}`, `{"name":"hard_sigmoid","alpha":1}`):            "has 1 of alpha and beta, want the first 2",
		change(`{"name":"tanh"}`, `{"name":"elu","alpha":1e300}`):                 "which no float32 is",
		change(`"name":"encoder/first"`, `"name":"encoder/third"`):                "encoder/third/kernel is missing",
		change(`,"recurrent_activation":{"name":"sigmoid"}`, ``):                  "recurrent_activation belongs to",
	} {
		all, err := convert.InspectKeras(withMetadata(t, text))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v", text, err)
			continue
		}
		refused(t, all[0].Err, why)
		if bad := new(convert.KerasError); !errors.As(all[0].Err, &bad) {
			t.Errorf("%s: %T is no *KerasError", text, all[0].Err)
		}
		if _, _, err := convert.LoadKerasLSTM(withMetadata(t, text), all[0].Name); err == nil {
			t.Errorf("%s: loaded", text)
		}
	}
	// A function whose parameter no network takes.
	_, _, err := convert.LoadKerasLSTM(withMetadata(t, change(`{"name":"tanh"}`, `{"name":"elu","alpha":1e-40}`)), "encoder/first")
	if bad := new(convert.KerasError); !errors.As(err, &bad) {
		t.Errorf("%v is no *KerasError", err)
	}
}

// The JSON that is written is what a program in Python reads: numbers and names as they are.
func TestKerasMetadataIsJSON(t *testing.T) {
	f := bytesFile(t, kerasFile(t))
	var got struct {
		Version int
		Layers  []map[string]any
	}
	if err := json.Unmarshal([]byte(f.Metadata()[kerasKey]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": "stack", "class": "LSTM", "cells": 3.0, "units": 3.0, "go_backwards": true, "return_sequences": true,
		"activation": map[string]any{"name": "tanh"}, "recurrent_activation": map[string]any{"name": "sigmoid"}}
	if got.Version != 1 || len(got.Layers) != 7 {
		t.Fatalf("version %d, %d layers", got.Version, len(got.Layers))
	}
	if a, b := must(json.Marshal(got.Layers[2])), must(json.Marshal(want)); string(a) != string(b) {
		t.Errorf("%s, want %s", a, b)
	}
}
