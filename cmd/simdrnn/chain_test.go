package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	texts "github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// words are the stages of a model over ids, with a state to begin with and a norm.
func words(t *testing.T) []nn.Stage {
	t.Helper()
	r := draw()
	emb, err := nn.NewEmbedding(7, 3, r)
	if err != nil {
		t.Fatal(err)
	}
	one, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 2}, r)
	if err != nil {
		t.Fatal(err)
	}
	two, err := gru.New(gru.Config{Input: 4, Hidden: 4}, r)
	if err != nil {
		t.Fatal(err)
	}
	learned, err := nn.NewLearnedState(two.Unroll(4, 2))
	if err != nil {
		t.Fatal(err)
	}
	learned.EachParam(func(_ string, w, _ []float32) { random(w, r) })
	norm, err := nn.NewLayerNorm(4)
	if err != nil {
		t.Fatal(err)
	}
	out, err := nn.NewLinear(4, 7, r)
	if err != nil {
		t.Fatal(err)
	}
	return []nn.Stage{emb, one.Unroll(4, 2), nn.Residual{learned}, norm, nn.LeakyReLU(0.25), out}
}

func random(w []float32, r *rand.Rand) {
	for i := range w {
		w[i] = 2*r.Float32() - 1
	}
}

// wholePrint is the fingerprint of the chain of a file.
func wholePrint(t *testing.T, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(simdrnn(t, done, "inspect", name), "the whole chain: fingerprint ")
	if !ok {
		t.Fatalf("%s has no chain", name)
	}
	return rest[:64]
}

// outputsOf runs the chain of a file over ids.
func outputsOf(t *testing.T, name string) []float32 {
	t.Helper()
	in, _, err := openFile(name, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	m, err := in.(chained).network(4, 2)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, out := m.Dims()
	y := make([]float32, 8*out)
	if err := m.ForwardIDs(y, []int32{0, 6, 1, 5, 2, 4, 3, 0}); err != nil {
		t.Fatal(err)
	}
	return y
}

// trained makes a checkpoint of a model.
func trained(t *testing.T, model *nn.Model, meta []byte) string {
	t.Helper()
	dir := t.TempDir()
	source, err := texts.NewText([]byte("\x00\x01\x02\x03\x04\x05\x06\x01\x02\x00\x01\x02\x03\x04\x05\x06\x01\x02\x00\x01"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bptt.Train(context.Background(), model, source, bptt.Plan{
		Window: 4, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1}, Checkpoint: bptt.Checkpoints{Dir: dir, Meta: meta},
	}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, bptt.LastFile)
}

// A whole network has the same weights and the same outputs in every format, whichever way
// it went.
func TestConvertKeepsChains(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	model, err := nn.Chain(words(t)...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := chain.Describe(model)
	if err != nil {
		t.Fatal(err)
	}
	described := trained(t, model, []byte(`{"`+chain.Key+`":`+d+`}`))
	if err := chain.WriteFile(at("a.safetensors"), nil, model); err != nil {
		t.Fatal(err)
	}
	want, y := wholePrint(t, at("a.safetensors")), outputsOf(t, at("a.safetensors"))
	out := simdrnn(t, done, "inspect", at("a.safetensors"))
	says(t, out, "(chain)", "stages of the chain: nn.Embedding 7 to 3, lstm.Unrolled 3 to 4, nn.Residual of (nn.LearnedState 4 to 4) 4 to 4, nn.LayerNorm 4 to 4, LeakyRelu(0.25), nn.Linear 4 to 7", `"1": LSTM, input 3, hidden 4, layers 2`, `"2.0": GRU`, `layer "2.0" begins with a state`)
	if strings.Contains(out, chain.Key) {
		t.Error("the metadata that describes the chain is printed")
	}

	says(t, simdrnn(t, done, "convert", described, at("b.safetensors")), "a chain of 6 stages")
	says(t, simdrnn(t, done, "inspect", described), "(checkpoint)", "updates: 1", "stages of the chain: nn.Embedding")
	simdrnn(t, done, "convert", at("b.safetensors"), at("c.onnx"))
	simdrnn(t, done, "convert", at("c.onnx"), at("d.safetensors"))
	says(t, simdrnn(t, done, "convert", at("a.safetensors"), at("e.npz")), "left over: what the stages are", "-like")
	simdrnn(t, done, "convert", at("e.npz"), at("f.safetensors"), "-like", at("a.safetensors"))
	says(t, simdrnn(t, done, "inspect", at("e.npz")), "(npz)")
	simdrnn(t, done, "convert", described, at("g.onnx"))
	for _, name := range []string{"b.safetensors", "d.safetensors", "f.safetensors", "c.onnx", "g.onnx"} {
		got := outputsOf(t, at(name))
		for i := range y {
			if got[i] != y[i] {
				t.Fatalf("%s: output %d is %v, want %v", name, i, got[i], y[i])
			}
		}
		if got := wholePrint(t, at(name)); got != want {
			t.Errorf("%s has the fingerprint %s, want %s", name, got, want)
		}
	}

	// A checkpoint without a description has that of another file.
	bare := trained(t, model, nil)
	says(t, simdrnn(t, failed, "convert", bare, at("h.onnx")), "-like")
	simdrnn(t, done, "convert", bare, at("h.safetensors"), "-like", at("g.onnx"))
	if wholePrint(t, at("h.safetensors")) == want {
		t.Error("the weights are those of the file that -like names")
	}
	says(t, simdrnn(t, failed, "convert", bare, at("i.onnx"), "-like", data("pytorch.safetensors")), "does not say what the stages")
	says(t, simdrnn(t, wrongUse, "convert", at("a.safetensors"), at("i.onnx"), "-like", at("g.onnx")), "-like is for")

	// One layer of it, and what has no place for more.
	says(t, simdrnn(t, done, "convert", at("a.safetensors"), at("j.simdrnn"), "-layer", "1"), "left over, 10:")
	says(t, simdrnn(t, wrongUse, "convert", at("a.safetensors"), at("k.simdrnn")), "a chain of 6 stages (nn.Embedding", "-layer")
	says(t, simdrnn(t, wrongUse, "convert", at("a.safetensors"), at("k"), "-to", "keras"), "recurrent layers alone")
	one, err := rnn.New(rnn.Config{Input: 2, Hidden: 3}, draw())
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.WriteFile(at("tanh.safetensors"), nil, one.Infer(1, 1), nn.Tanh); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, wrongUse, "convert", at("tanh.safetensors"), at("k.simdrnn")), "rnn.Unrolled 2 to 3, Tanh")
	if err := chain.WriteFile(at("alone.safetensors"), nil, one.Infer(1, 1)); err != nil {
		t.Fatal(err)
	}
	simdrnn(t, done, "convert", at("alone.safetensors"), at("alone.simdrnn"))
	says(t, simdrnn(t, wrongUse, "convert", at("a.safetensors"), at("k.npz"), "-last-step"), "are for ONNX")
	for _, name := range []string{"h.onnx", "i.onnx", "k.simdrnn", "k"} {
		if _, err := os.Stat(at(name)); err == nil {
			t.Errorf("%s is written", name)
		}
	}
}

// Pools are written for the last step, and what a file of a chain has no kind for is refused.
func TestConvertOfTheLastStep(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	l, err := rnn.New(rnn.Config{Input: 2, Hidden: 3}, draw())
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.WriteFile(at("pool.safetensors"), nil, l.Infer(1, 1), nn.PoolMean{}); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, failed, "convert", at("pool.safetensors"), at("a.onnx")), "that is the flag -last-step")
	simdrnn(t, done, "convert", at("pool.safetensors"), at("a.onnx"), "-last-step", "-batch-first")
	says(t, simdrnn(t, done, "inspect", at("a.onnx")), `input "x": data, [batch, time, 2]`, `output "y": data, [batch, 3]`)
	says(t, simdrnn(t, done, "convert", at("a.onnx"), at("b.onnx")), "a chain of 2 stages")
	says(t, simdrnn(t, done, "inspect", at("b.onnx")), `output "y": data, [batch, 3]`)
	says(t, simdrnn(t, done, "convert", at("a.onnx"), at("b.safetensors")), "left over: the graph gives the output of the last step alone")
	var b bytes.Buffer
	// The same with some steps.
	if err := onnx.Export(&b, onnx.ExportOptions{Window: onnx.Window{From: -2}}, l.Infer(1, 1)); err != nil {
		t.Fatal(err)
	}
	some := bytesTo(t, "some.onnx", b.Bytes())
	says(t, simdrnn(t, done, "inspect", some), "the output of the steps [-2:] alone")
	says(t, simdrnn(t, done, "convert", some, at("some.safetensors")), "left over: the graph gives the output of the steps [-2:] alone", "a chain of 1 stages")
	simdrnn(t, done, "convert", some, at("again.onnx"))
	says(t, simdrnn(t, done, "inspect", at("again.onnx")), "the output of the steps [-2:] alone")
	simdrnn(t, done, "convert", some, at("end.onnx"), "-last-step")
	says(t, simdrnn(t, done, "inspect", at("end.onnx")), `output "y": data, [batch, 3]`)
	b.Reset()
	if err := onnx.Export(&b, onnx.ExportOptions{}, l.Infer(1, 1), nn.Tanh, onnx.Softmax{}, nn.Tanh); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, failed, "convert", bytesTo(t, "soft.onnx", b.Bytes()), at("c.safetensors")), "stage 2: a file has no kind for a onnx.Softmax")
	// The model of the page about ONNX has one at its end.
	page := filepath.Join("..", "..", "convert", "peer", "testdata", "from-onnx", "model.onnx")
	says(t, simdrnn(t, wrongUse, "convert", page, at("d.safetensors")), "the chain ends with onnx.LogSoftmax", "-logits")
	says(t, simdrnn(t, done, "convert", page, at("d.safetensors"), "-logits"), "left over: onnx.LogSoftmax", "a chain of 3 stages")
	says(t, simdrnn(t, done, "inspect", at("d.safetensors")), "nn.Embedding 20 to 8, gru.Unrolled 8 to 12, nn.Linear 12 to 5")
	says(t, simdrnn(t, wrongUse, "convert", at("d.safetensors"), at("e.onnx"), "-logits"), "ends with nn.Linear")
	says(t, simdrnn(t, done, "convert", page, at("e.onnx")), "a chain of 4 stages")
	simdrnn(t, done, "convert", page, at("e.npz"))
	says(t, simdrnn(t, failed, "convert", at("e.npz"), at("f.safetensors"), "-like", page), "no kind for a onnx.LogSoftmax")
	simdrnn(t, done, "convert", at("e.npz"), at("f.safetensors"), "-like", page, "-logits")
	if wholePrint(t, at("f.safetensors")) != wholePrint(t, at("d.safetensors")) {
		t.Error("by way of npz it has other weights")
	}
	b.Reset()
	if err := onnx.Export(&b, onnx.ExportOptions{}, nn.Residual{&onnx.Scale{Factor: []float32{2, 3}}}, l.Infer(1, 1)); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, wrongUse, "convert", bytesTo(t, "scale.onnx", b.Bytes()), at("g.npz")), "npz would lose them")
}

// The parts of a network with PyTorch's names, or Keras', become a chain in the order given.
func TestConvertOfParts(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	r := draw()
	l, err := gru.New(gru.Config{Input: 3, Hidden: 4, Bidirectional: true}, r)
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := convert.ToSafetensors(l, "encoder.rnn.")
	if err != nil {
		t.Fatal(err)
	}
	plus := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		w := make([]float32, n)
		random(w, r)
		tensors = append(tensors, safetensors.Tensor{Name: name, Shape: shape, Data: w})
	}
	plus("embed.weight", 7, 3)
	plus("norm.weight", 8)
	plus("norm.bias", 8)
	plus("head.weight", 3, 8)
	plus("head.bias", 3)
	plus("out.bias", 7)
	plus("batch.weight", 3)
	plus("batch.running_mean", 3)
	if err := safetensors.WriteFile(at("in.safetensors"), nil, tensors...); err != nil {
		t.Fatal(err)
	}
	out := simdrnn(t, done, "convert", at("in.safetensors"), at("a.safetensors"), "-chain", "embed, encoder.rnn,layer_norm:norm,relu,head,tied:out")
	says(t, out, "left over, 2: batch.", "a chain of 6 stages: nn.Embedding 7 to 3, onnx.Recurrent 3 to 8, nn.LayerNorm 8 to 8, Relu, nn.Linear 8 to 3, nn.Linear 3 to 7")
	c, err := chain.Open(at("a.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Infer(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	stages := m.Stages()
	if &stages[0].(*nn.Embedding).Weight[0] != &stages[5].(*nn.Linear).Weight[0] {
		t.Error("the readout is not tied")
	}
	simdrnn(t, done, "convert", at("in.safetensors"), at("b.onnx"), "-chain", "embed,encoder.rnn,norm,relu,head,tied:out")
	if a, b := outputsOf(t, at("a.safetensors")), outputsOf(t, at("b.onnx")); !equal(a, b) {
		t.Errorf("the outputs are %v, by ONNX %v", a, b)
	}
	for parts, want := range map[string]string{
		"embed,nothing":         `-chain, "nothing": it is none of`,
		"embed,batch":           `it has the tensor "batch.running_mean" too`,
		"embed,conv:head":       `the kind is "conv"`,
		"tied:out":              "there is no embedding before it",
		"embed,head":            "takes width 8",
		"embed,,encoder.rnn":    "it is none of",
		"linear:norm":           "want 2 dimensions",
		"embed,embed":           "it is in the list before",
		"embed,relu:norm":       `the kind is "relu"`,
		"relu":                  "-chain: nn:",
		"embedding:encoder.rnn": `no tensor "encoder.rnn.weight"`,
	} {
		says(t, simdrnn(t, failed, "convert", at("in.safetensors"), at("c.onnx"), "-chain", parts), want)
	}
	says(t, simdrnn(t, wrongUse, "convert", at("b.onnx"), at("c.onnx"), "-chain", "embed"), "-chain is for")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("c.onnx"), "-chain", "embed", "-like", "x"), "want one of them")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("c.onnx"), "-chain", "embed", "-layer", "x"), "leave one of them out")

	// Keras has [in][out] in a Dense layer.
	plain, err := rnn.New(rnn.Config{Input: 3, Hidden: 4}, r)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := convert.ToKerasLayers(plain, "low")
	if err != nil {
		t.Fatal(err)
	}
	metadata, tensors, err := convert.ToKerasFile(layers...)
	if err != nil {
		t.Fatal(err)
	}
	plus("words/embeddings", 7, 3)
	plus("norm/gamma", 4)
	plus("norm/beta", 4)
	plus("head/kernel", 4, 2)
	if err := safetensors.WriteFile(at("keras.safetensors"), metadata, tensors...); err != nil {
		t.Fatal(err)
	}
	simdrnn(t, done, "convert", at("keras.safetensors"), at("d.safetensors"), "-chain", "words,low,norm,head,softplus")
	if c, err = chain.Open(at("d.safetensors")); err != nil {
		t.Fatal(err)
	}
	if m, err = c.Infer(1, 1); err != nil {
		t.Fatal(err)
	}
	kernel, head, norm := tensors[len(tensors)-1].Data, m.Stages()[3].(*nn.Linear), m.Stages()[2].(*nn.LayerNorm)
	if head.In != 4 || head.Out != 2 || head.Bias != nil || head.Weight[1] != kernel[2] || head.Weight[4] != kernel[1] || norm.Eps != 1e-3 {
		t.Errorf("the kernel %v has become %v, epsilon %v", kernel, head.Weight, norm.Eps)
	}

	// The activation of an RNN is not in a file with PyTorch's names.
	simdrnn(t, done, "convert", data("pytorch.safetensors"), at("e.onnx"), "-chain", "plain", "-activation", "relu")
	says(t, simdrnn(t, done, "inspect", at("e.onnx")), "Activation Relu")
	says(t, simdrnn(t, done, "convert", data("pytorch.safetensors"), at("f.onnx"), "-chain", "plain"), "taken to be tanh")
}

func equal(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// bench measures the whole of what is a whole.
func TestBenchOfChains(t *testing.T) {
	dir := t.TempDir()
	quick := []string{"-time", "1us", "-rounds", "3", "-steps", "2", "-rows", "3", "-batch", "5"}
	name := filepath.Join(dir, "a.safetensors")
	if err := chain.WriteFile(name, nil, words(t)...); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, done, append([]string{"bench", name}, quick...)...), "a chain of nn.Embedding 7 to 3, lstm.Unrolled 3 to 4", "step of 5", "window of 2 x 3", "scalar")
	says(t, simdrnn(t, done, append([]string{"bench", name, "-layer", "1"}, quick...)...), "LSTM, input 3, hidden 4, layers 2\n")
	graph := filepath.Join("..", "..", "convert", "peer", "testdata", "from-onnx", "model.onnx")
	says(t, simdrnn(t, done, append([]string{"bench", graph}, quick...)...), "a chain of nn.Embedding", "onnx.Recurrent 8 to 12", "step of 5")
	back, err := rnn.New(rnn.Config{Input: 2, Hidden: 3, Reverse: true}, draw())
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.WriteFile(name, nil, back.Infer(1, 1)); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, done, append([]string{"bench", name}, quick...)...), "no single steps")
}

// Weights in other files of the folder are read when that is asked for, and of several
// outputs the one that is named.
func TestGraphsWithOptions(t *testing.T) {
	at := func(name string) string { return filepath.Join("testdata", name) }
	out := filepath.Join(t.TempDir(), "a.safetensors")
	says(t, simdrnn(t, failed, "inspect", at("external.onnx")), "give -external-data")
	says(t, simdrnn(t, done, "inspect", at("external.onnx"), "-external-data"), "onnx.Recurrent 2 to 3, Relu", "21 parameters in 4 tensors")
	simdrnn(t, done, "convert", "-external-data", at("external.onnx"), out)
	says(t, simdrnn(t, done, "inspect", out), "rnn.Unrolled 2 to 3, Relu")
	says(t, simdrnn(t, failed, "inspect", at("two.onnx")), "Output")
	says(t, simdrnn(t, done, "inspect", at("two.onnx"), "-output", "z"), "stages of the chain: onnx.Recurrent 2 to 3, Relu\n")
	// The nodes of z are not read then.
	says(t, simdrnn(t, done, "inspect", at("two.onnx"), "-output", "y"), "stages of the chain: onnx.Recurrent 2 to 3\n")
	says(t, simdrnn(t, done, "bench", at("two.onnx"), "-output", "z", "-time", "1us", "-rounds", "3"), "a chain of onnx.Recurrent 2 to 3, Relu")
}

// TestEncodersAndDecoders: a graph of both is shown, and is no chain: a decoder alone would
// begin at zero.
func TestEncodersAndDecoders(t *testing.T) {
	graph := filepath.Join("..", "..", "onnx", "testdata", "seq2seq", "translator_lstm_old.onnx")
	says(t, simdrnn(t, done, "inspect", graph), `input "in1": data, [rows, to]`, `input "in0": source, [rows, from]`, `an encoder, whose final states layers begin with: it reads "in0", and its stages are nn.Embedding`)
	for _, to := range []string{"a.safetensors", "a.onnx", "a.npz", "a.simdrnn"} {
		out := filepath.Join(t.TempDir(), to)
		says(t, simdrnn(t, wrongUse, "convert", graph, out), "an encoder and a decoder")
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Errorf("%s was written: %v", to, err)
		}
	}
	simdrnn(t, done, "convert", graph, filepath.Join(t.TempDir(), "layer.safetensors"), "-layer", "1")
	says(t, simdrnn(t, done, "bench", graph, "-time", "1us", "-rounds", "3"), "the decoder alone, without the encoder whose states it begins with: a chain of nn.Embedding")
}

// TestLengthsOfAGraph: what a graph says about the steps of its rows is shown, and said to be left
// over by a file that has no place for it.
func TestLengthsOfAGraph(t *testing.T) {
	for graph, want := range map[string]string{
		filepath.Join("keras2onnx", "masked_lstm.onnx"):  "how many ids of it are not 0 (mask_zero); the chain is given lengths",
		filepath.Join("pytorch", "packed_lstm_old.onnx"): `, the steps of each row; the chain is given lengths`,
	} {
		graph = filepath.Join("..", "..", "onnx", "testdata", graph)
		says(t, simdrnn(t, done, "inspect", graph), want)
		for _, to := range []string{"a.safetensors", "a.onnx", "a.npz"} {
			out := simdrnn(t, done, "convert", graph, filepath.Join(t.TempDir(), to))
			if _, left, ok := strings.Cut(out, "left over: the graph "); !ok || !strings.Contains(left, want) {
				t.Errorf("%s to %s: no %q in\n%s", graph, to, want, out)
			}
		}
	}
}
