package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A copy of this test is the program itself.
const asProgram = "SIMDRNN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// data are golden files of package convert and bptt.
func data(name string) string { return filepath.Join("..", "..", "convert", "testdata", name) }

// simdrnn runs the program with a status that is expected, and returns what it printed.
func simdrnn(t *testing.T, status int, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(context.Background(), args, &stdout, &stderr); got != status {
		t.Fatalf("%v: status %d, want %d\n%s%s", args, got, status, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

// says checks that a text has parts.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}

func write(t *testing.T, name string, net network) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := net.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return bytesTo(t, name, b.Bytes())
}

func bytesTo(t *testing.T, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func draw() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestHelp(t *testing.T) {
	says(t, simdrnn(t, done, "-h"), "inspect FILE", "convert IN OUT", "bench FILE", "verify", "safetensors", "The exit status is 0")
	says(t, simdrnn(t, wrongUse), "usage: simdrnn COMMAND")
	says(t, simdrnn(t, wrongUse, "nothing"), `no command "nothing"`)
	for _, c := range commands() {
		for _, args := range [][]string{{c.name, "-h"}, {"help", c.name}, {c.name, "x", "--help"}} {
			says(t, simdrnn(t, done, args...), "usage: simdrnn "+c.name, c.text, "-quiet")
		}
		says(t, simdrnn(t, wrongUse, c.name, "-nothing"), "flag provided but not defined: -nothing", "-h explains")
		says(t, simdrnn(t, wrongUse, c.name, "1", "2", "3"), "3 files given, want")
	}
}

func TestInspect(t *testing.T) {
	out := simdrnn(t, done, "inspect", data("pytorch.safetensors"))
	says(t, out, "pytorch.safetensors: safetensors (safetensors), 8182 bytes", "sha256 ", `metadata "format": "pt"`, "35 tensors, 1283 elements", "1 of I64", "4 recurrent layers",
		`"encoder.rnn": LSTM, input 3, hidden 4, layers 2, bidirectional`, "736 parameters in 16 tensors, 2944 bytes as float32, fingerprint ", "outside of the layers: 2 tensors, 17 elements")
	says(t, simdrnn(t, done, "inspect", data("pytorch.safetensors"), "-tensors"), `F32   [2,8] "head.weight"`)
	out = simdrnn(t, done, "inspect", data("keras.safetensors"))
	says(t, out, "(keras)", `"stack": LSTM, input 4, hidden 3, layers 3, reverse`, `"mixed": unknown`, "cells GRUCell, LSTMCell")
	if strings.Contains(out, "metadata") {
		t.Error("the metadata that describes the layers is printed")
	}
	out = simdrnn(t, done, "inspect", filepath.Join("..", "..", "bptt", "testdata", "checkpoint.v3"))
	says(t, out, "a checkpoint of a training (checkpoint)", "updates: ", "optimizer: ", "0 recurrent layers", "Checkpoint.Params")
	if strings.Contains(out, "\n0 tensors") {
		t.Error(out)
	}
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3, ResetBefore: true, Clip: 2.5, GateActivation: gru.HardSigmoid(0.25, 0.5)}, draw())
	if err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, done, "inspect", write(t, "net", net)), `"": GRU, input 2, hidden 3, layers 1, ResetBefore, GateActivation HardSigmoid(0.25, 0.5), Clip 2.5`)
}

// The same weights have the same fingerprint in every format, whichever way they went.
func TestConvertKeepsWeights(t *testing.T) {
	one, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true}, draw())
	if err != nil {
		t.Fatal(err)
	}
	two, err := gru.New(gru.Config{Input: 3, Hidden: 4, Layers: 2}, draw())
	if err != nil {
		t.Fatal(err)
	}
	three, err := rnn.New(rnn.Config{Input: 3, Hidden: 4, NoBias: true}, draw())
	if err != nil {
		t.Fatal(err)
	}
	print := func(name string) string {
		_, rest, ok := strings.Cut(simdrnn(t, done, "inspect", name), "fingerprint ")
		if !ok {
			t.Fatalf("%s has no layer", name)
		}
		return rest[:64]
	}
	for name, net := range map[string]network{"one": one, "two": two, "three": three} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		from := write(t, "net", net)
		want := print(from)
		simdrnn(t, done, "convert", from, at("a.safetensors"))
		simdrnn(t, done, "convert", at("a.safetensors"), at("b.npz"))
		simdrnn(t, done, "convert", "-as", "x.y", at("b.npz"), at("c.safetensors"))
		says(t, simdrnn(t, done, "inspect", at("c.safetensors")), `"x.y": `)
		simdrnn(t, done, "convert", at("c.safetensors"), at("d.simdrnn"), "-layer", "x.y")
		for _, file := range []string{"a.safetensors", "b.npz", "c.safetensors", "d.simdrnn"} {
			if got := print(at(file)); got != want {
				t.Errorf("%s: %s has the fingerprint %s, want %s", name, file, got, want)
			}
		}
		a, err := os.ReadFile(from)
		b, err2 := os.ReadFile(at("d.simdrnn"))
		if errors.Join(err, err2) != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: another file came back, %v", name, errors.Join(err, err2))
		}
		simdrnn(t, done, "convert", from, at("g.onnx"))
		says(t, simdrnn(t, done, "inspect", at("g.onnx")), "(onnx)", `input "x": data, [time, batch, 3]`, "stages of the chain: onnx.Recurrent", `"0": `+describe(net))
		simdrnn(t, done, "convert", at("g.onnx"), at("h.simdrnn"))
		if got := print(at("h.simdrnn")); got != want {
			t.Errorf("%s: by way of ONNX it has the fingerprint %s, want %s", name, got, want)
		}
		out := simdrnn(t, done, "convert", from, at("k"), "-to", "keras", "-as", "enc.rnn")
		says(t, out, "matched", "is written to")
		layer := "enc/rnn"
		if name != "three" {
			layer += ",enc/rnn_1"
		}
		simdrnn(t, done, "convert", at("k"), at("e.simdrnn"), "-layer", layer)
		says(t, simdrnn(t, done, "inspect", at("e.simdrnn")), strings.TrimPrefix(describe(net), " "))
		simdrnn(t, done, "convert", at("e.simdrnn"), at("k2"), "-to", "keras", "-as", "enc.rnn")
		if k, k2 := print(at("k")), print(at("k2")); k != k2 { // Keras has one bias
			t.Errorf("%s: Keras' layers have the fingerprint %s and then %s", name, k, k2)
		}
		out = simdrnn(t, done, "convert", at("k"), at("p.npz"))
		says(t, out, `layer "enc/rnn", matched`)
		says(t, simdrnn(t, done, "inspect", at("p.npz")), `"enc.rnn": `)
	}
}

func TestConvertTellsNames(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	out := simdrnn(t, done, "convert", data("pytorch.safetensors"), at("a.npz"))
	says(t, out, "left over: the metadata of the file, 1 entries", "copied: 34 tensors", "now float32, 17: ", "decoder.bias_hh_l0 (BF16)", "left over, since no float32, 1: decoder.step (I64)")
	out = simdrnn(t, done, "convert", data("pytorch.safetensors"), at("b.simdrnn"), "-layer", "decoder")
	says(t, out, `layer "decoder", matched, 8: decoder.weight_ih_l0 `, "left over, 27: ", " decoder.step")
	out = simdrnn(t, wrongUse, "convert", data("pytorch.safetensors"), at("c.simdrnn"))
	says(t, out, "has one layer, not 4: name one with -layer", `"encoder.rnn"`)
	out = simdrnn(t, failed, "convert", data("pytorch.safetensors"), at("c.simdrnn"), "-layer", "encoder")
	says(t, out, `"encoder.rnn." LSTM`)
	out = simdrnn(t, failed, "convert", data("pytorch.safetensors"), at("c"), "-to", "keras")
	says(t, out, "Config.Projection")
	out = simdrnn(t, failed, "convert", data("keras.safetensors"), at("c.npz"))
	says(t, out, `layer "mixed"`, "name another one with -layer")
	out = simdrnn(t, failed, "convert", data("keras.safetensors"), at("c.safetensors"), "-layer", "stack")
	says(t, out, "Config.Reverse")
	out = simdrnn(t, done, "convert", data("pytorch.safetensors"), at("d.simdrnn"), "-layer", "plain")
	says(t, out, "taken to be tanh")
	out = simdrnn(t, done, "convert", data("pytorch.safetensors"), at("e.simdrnn"), "-layer", "plain", "-activation", "relu")
	if strings.Contains(out, "taken to be") {
		t.Error(out)
	}
	says(t, simdrnn(t, done, "inspect", at("e.simdrnn")), "Activation Relu")
	if _, err := os.Stat(at("c.npz")); err == nil {
		t.Error("a conversion that failed has left a file")
	}
	// A graph with what is around its layer: an embedding, a readout.
	graph := filepath.Join("..", "..", "convert", "peer", "testdata", "from-onnx", "model.onnx")
	says(t, simdrnn(t, done, "inspect", graph), `input "ids": data, [batch, time]`, `"1": GRU, input 8, hidden 12, layers 2`, "1 recurrent layers", "outside of the layers: 3 tensors, 225 elements")
	out = simdrnn(t, done, "convert", graph, at("graph.safetensors"), "-as", "rnn")
	says(t, out, `layer "1", matched, 8: 1.weight_ih_l0`, "left over, 3: 0.weight 2.weight 2.bias")
	says(t, simdrnn(t, done, "inspect", at("graph.safetensors")), `"rnn": GRU, input 8, hidden 12, layers 2`)
	says(t, simdrnn(t, failed, "convert", graph, at("none.npz"), "-layer", "2"), `there is no layer "2"; the file has "1"`)
	says(t, simdrnn(t, wrongUse, "convert", data("pytorch.safetensors"), at("none.onnx")), "a graph has one chain, and 4 layers")
	says(t, simdrnn(t, failed, "convert", data("pytorch.safetensors"), at("none.onnx"), "-layer", "small.lstm"), "Projection")
	// A name cannot write to the terminal what it likes.
	odd := safetensors.Tensor{Name: "a\x1b[2J", Shape: []int{1}, Data: []float32{1}}
	w := safetensors.Tensor{Name: "weight_ih_l0", Shape: []int{1, 1}, Data: []float32{1}}
	v := safetensors.Tensor{Name: "weight_hh_l0", Shape: []int{1, 1}, Data: []float32{1}}
	if err := safetensors.WriteFile(at("odd.safetensors"), nil, odd, v, w); err != nil {
		t.Fatal(err)
	}
	out = simdrnn(t, done, "convert", at("odd.safetensors"), at("odd.simdrnn")) + simdrnn(t, done, "inspect", "-tensors", at("odd.safetensors"))
	if says(t, out, `left over, 1: "a\x1b[2J"`); strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
	// What lacks a tensor says which.
	net, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 2}, draw())
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := convert.ToSafetensors(net, "")
	if err != nil {
		t.Fatal(err)
	}
	tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == "bias_hh_l1" })
	if err := safetensors.WriteFile(at("lacks.safetensors"), nil, tensors...); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, failed, "convert", at("lacks.safetensors"), at("f.simdrnn"), "-layer", ""), `layer "", missing, 1: bias_hh_l1`, "bias_hh_l1 is missing")
}

func TestConvertReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	simdrnn(t, done, "convert", data("pytorch.npz"), at("in.safetensors"))
	in, err := os.ReadFile(at("in.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("out.npz"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(at("in.safetensors"), at("link.safetensors")); err != nil {
		t.Fatal(err)
	}
	says(t, simdrnn(t, failed, "convert", at("in.safetensors"), at("out.npz")), "exists: name another file, or give -force")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("in.safetensors"), "-force"), "are the same file")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("link.safetensors"), "-force"), "are the same file")
	says(t, simdrnn(t, failed, "convert", at("in.safetensors"), dir, "-to", "npz", "-force"), "is a folder")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("out")), "does not say in which format")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("out"), "-to", "checkpoint"), `-to is "checkpoint", want one of`)
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("o.npz"), "-activation", "gelu"), "-activation")
	says(t, simdrnn(t, wrongUse, "convert", at("in.safetensors"), at("o.npz"), "-as", "x"), "-as names one layer, and 4 are")
	for name, want := range map[string][]byte{"in.safetensors": in, "out.npz": []byte("precious")} {
		if got, err := os.ReadFile(at(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has changed, %v", name, err)
		}
	}
	simdrnn(t, done, "convert", at("in.safetensors"), at("out.npz"), "-force")
	says(t, simdrnn(t, done, "inspect", at("out.npz")), "(npz)")
	if info, err := os.Stat(at("out.npz")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, want that of the file before, %v", info.Mode(), err)
	}
	// A file that comes while this one is written stays.
	err = replace(context.Background(), at("late"), false, &progress{}, func(w io.Writer) error {
		return errors.Join(os.WriteFile(at("late"), []byte("first"), 0o666), errOf(io.WriteString(w, "second")))
	})
	if got, _ := os.ReadFile(at("late")); err == nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	// After an error, or when it is stopped, nothing is left.
	ctx, cancel := context.WithCancel(context.Background())
	err = replace(ctx, at("never"), true, &progress{}, func(w io.Writer) error {
		cancel()
		err := errOf(w.Write(make([]byte, 8<<20)))
		if err == nil {
			t.Error("writing goes on when the program is to end")
		}
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var b bytes.Buffer
	if got := run(ctx, []string{"convert", at("in.safetensors"), at("never.npz")}, &b, &b); got != interrupted {
		t.Errorf("status %d: %s", got, &b)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "tmp") || strings.HasPrefix(e.Name(), "never") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// What is no file of a model is an error that says what it is, also each file that ends
// early.
func TestFilesThatAreNone(t *testing.T) {
	for what, b := range map[string][]byte{
		"give a whole file of one of these": []byte("a text that is no model of any kind"),
		"checksum":                          append(slices.Clone(magic), make([]byte, 100)...),
		"of no format":                      nil,
	} {
		name := bytesTo(t, "x", b)
		says(t, simdrnn(t, failed, "inspect", name), what)
		simdrnn(t, failed, "bench", name)
		simdrnn(t, failed, "convert", name, name+".npz")
	}
	says(t, simdrnn(t, failed, "inspect", t.TempDir()), "no regular file")
	says(t, simdrnn(t, failed, "inspect", filepath.Join(t.TempDir(), "nothing")), "nothing")
	says(t, simdrnn(t, failed, "inspect", zipped(t, "model/data.pkl")), "pickle of torch.save")
	says(t, simdrnn(t, failed, "inspect", zipped(t, "model.weights.h5")), "keras_safetensors.py save")
	net, err := rnn.New(rnn.Config{Input: 1, Hidden: 2}, draw())
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{}
	for name, file := range map[string]string{"own": write(t, "net", net), "keras": data("keras.safetensors"), "npz": data("pytorch.npz"), "onnx": filepath.Join("..", "..", "convert", "peer", "testdata", "from-onnx", "model.onnx"), "checkpoint": filepath.Join("..", "..", "bptt", "testdata", "checkpoint.v3")} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole[name] = b
	}
	for name, b := range whole {
		for n := 0; n < len(b); n += 1 + len(b)/50 {
			simdrnn(t, failed, "inspect", bytesTo(t, name, b[:n]))
		}
	}
	says(t, simdrnn(t, failed, "inspect", bytesTo(t, "own", append(whole["own"], 0))), "bytes follow the end")
	out := simdrnn(t, failed, "convert", filepath.Join("..", "..", "bptt", "testdata", "checkpoint.v3"), filepath.Join(t.TempDir(), "x.npz"))
	says(t, out, "the checkpoint does not say what its layers are")
}

func TestBench(t *testing.T) {
	net, err := lstm.New(lstm.Config{Input: 3, Hidden: 4}, draw())
	if err != nil {
		t.Fatal(err)
	}
	name := write(t, "net", net)
	out := simdrnn(t, done, "bench", name, "-time", "1us", "-rounds", "3", "-steps", "2", "-rows", "3", "-batch", "5")
	says(t, out, "LSTM, input 3, hidden 4, layers 1\n", "step of 5", "window of 2 x 3", "scalar", "idle machine")
	out = simdrnn(t, done, "bench", data("pytorch.npz"), "-layer", "encoder.rnn", "-time", "1us", "-rounds", "3")
	says(t, out, "no single steps")
	says(t, simdrnn(t, wrongUse, "bench", data("pytorch.npz")), "4 recurrent layers", `"decoder"`)
	for flag, value := range map[string]string{"-batch": "0", "-steps": "-1", "-rows": "5000", "-workers": "257", "-rounds": "2", "-time": "2m"} {
		says(t, simdrnn(t, wrongUse, "bench", name, flag, value), flag+" is "+strings.Replace(value, "2m", "2m0s", 1)+", want")
	}
	m := measure{seconds: []float64{5, 1, 4, 2, 3}}
	if median, spread := m.median(); median != 3 || spread != 2./3 {
		t.Errorf("a median of %v and a spread of %v, want 3 and 2/3", median, spread)
	}
	for seconds, want := range map[float64]string{1.2345e-6: "1.23 us", 0.0123: "12.3 ms", 2: "2 s"} {
		if got := clock(seconds); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	says(t, simdrnn(t, wrongUse, "verify", "-short=maybe"), "invalid boolean")
	if testing.Short() {
		return // package fingerprint has the check itself
	}
	says(t, simdrnn(t, done, "verify", "-short", "-v"), "tiers [scalar", "lstm-everything", " equal\n", "ok: all ")
}

// Ctrl-C ends the program with a status of its own.
func TestCtrlC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT EXERCISED: Windows has no signal that a test can send")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "verify", "-v")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasSuffix(lines.Text(), " equal") {
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != interrupted || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("status %d, want %d: %s", got, interrupted, &stderr)
	}
}
