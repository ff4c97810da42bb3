package nettest

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// A PyTorchConfiguration is one of the many that bench/pytorch/configurations.py
// drew: what is in it, and what PyTorch computes from numbers drawn for it.
type PyTorchConfiguration struct {
	Seed                                int
	Input, Hidden, Layers, Steps, Batch int
	Scale                               float64 // of the parameters
	Bidirectional, NoBias               bool
	ZeroState                           bool `json:"zero_state"`
	Lengths                             []int
	Nonlinearity                        string // of nn.RNN
	Projection                          int    // of nn.LSTM
	Want                                map[string]numtest.Summary
	Grads                               []numtest.Summary // in the order of EachParam
}

// Config is the part of c that all kinds have.
func (c PyTorchConfiguration) Config() Config {
	return Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, NoBias: c.NoBias}
}

// ReadPyTorchConfigurations reads those of a file, which has at least so many.
func ReadPyTorchConfigurations(t *testing.T, path string, least int) []PyTorchConfiguration {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	var file struct{ Cases []PyTorchConfiguration }
	check(t, json.Unmarshal(text, &file))
	if len(file.Cases) < least {
		t.Fatalf("%d configurations, want %d", len(file.Cases), least)
	}
	return file.Cases
}

// PyTorchConfigurations holds layers that make makes against PyTorch's outputs,
// final states and all gradients.
func PyTorchConfigurations(t *testing.T, cases []PyTorchConfiguration, make func(c PyTorchConfiguration) (Layer, error)) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		for _, c := range cases {
			net, err := make(c)
			check(t, err)
			worst = max(worst, c.run(t, net))
		}
		t.Logf("%d configurations, at most %.2g relative from PyTorch", len(cases), worst)
	})
}

// run returns the largest difference of net from c.
func (c PyTorchConfiguration) run(t *testing.T, net Layer) (worst float64) {
	t.Helper()
	label := func(name string) string { return fmt.Sprintf("%d/%s", c.Seed, name) }
	net.EachParam(func(name string, w []float32, _ ...int) {
		copy(w, numtest.Drawn(label(name), len(w), c.Scale))
	})
	u := net.Unroll(c.Steps, c.Batch)
	T, B, in, out := u.Dims()
	names, state := []string{"h", "c"}, u.State()
	dlast := u.State()
	for k, s := range state {
		if !c.ZeroState {
			copy(s, numtest.Drawn(label(names[k]+"0"), len(s), 1))
		}
		copy(dlast[k], numtest.Drawn(label("d"+names[k]+"n"), len(s), 1))
	}
	x, dy := numtest.Drawn(label("x"), T*B*in, 1), numtest.Drawn(label("dy"), T*B*out, 1)
	y, dx := filled(len(dy)), filled(len(x))
	check(t, u.SetLengths(c.Lengths))
	check(t, u.SetState(state))
	u.Forward(y, x)
	last := u.State()
	check(t, u.SetStateGrad(dlast))
	u.Backward(dx, dy)

	compare := func(name string, got []float32, want numtest.Summary) {
		t.Helper()
		d, where := numtest.Apart(label(name), got, want)
		if !(d <= golden) {
			t.Errorf("seed %d (%+v): %s differs by %.2g: %s", c.Seed, c.Config(), name, d, where)
		}
		worst = max(worst, d)
	}
	compare("y", y, c.Want["y"])
	compare("dx", dx, c.Want["dx"])
	for k, s := range u.StateGrad() {
		compare(names[k]+"n", last[k], c.Want[names[k]+"n"])
		compare("d"+names[k]+"0", s, c.Want["d"+names[k]+"0"])
	}
	if len(c.Want) != 2+2*len(state) {
		t.Errorf("seed %d: PyTorch has %d tensors besides parameters", c.Seed, len(c.Want))
	}
	n := 0
	u.EachParam(func(name string, _, g []float32) {
		if n < len(c.Grads) {
			compare(name, g, c.Grads[n])
		}
		n++
	})
	if n != len(c.Grads) {
		t.Errorf("seed %d: %d parameters, PyTorch has %d", c.Seed, n, len(c.Grads))
	}
	return worst
}
