package seq

import (
	"math"
	"strings"
	"testing"
)

// The zero Activation says that it is the default, in messages too, and ONNX has no
// name for it. The others have ONNX's names.
func TestActivationNames(t *testing.T) {
	for _, c := range []struct {
		f          Activation
		text, onnx string
		parameters int
	}{
		{Activation{}, "default", "", 0},
		{Tanh, "Tanh", "Tanh", 0},
		{ReLU, "Relu", "Relu", 0},
		{LeakyReLU(0.5), "LeakyRelu(0.5)", "LeakyRelu", 1},
		{HardSigmoid(0.25, 0.5), "HardSigmoid(0.25, 0.5)", "HardSigmoid", 2},
	} {
		name, parameters := c.f.ONNX()
		if c.f.String() != c.text || name != c.onnx || len(parameters) != c.parameters {
			t.Errorf("%s is %q, %v for ONNX, want %s, %q and %d parameters", c.f, name, parameters, c.text, c.onnx, c.parameters)
		}
	}
	if f := (Activation{}).Or(ReLU); f != ReLU {
		t.Errorf("the default is %v, want Relu", f)
	}
	if f := Tanh.Or(ReLU); f != Tanh {
		t.Errorf("Tanh became %v", f)
	}
	err := CheckActivation("rnn", "Activation", ELU(float32(math.Inf(1))))
	if want := "rnn: Config.Activation: the parameters of Elu(+Inf) must be finite"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if err := CheckActivation("rnn", "Activation", Activation{}); err != nil {
		t.Error(err)
	}
}

// ActivationOf undoes Parts, and takes nothing that no Activation has.
func TestActivationParts(t *testing.T) {
	for _, f := range []Activation{{}, Tanh, ReLU, Sigmoid, Softsign, Softplus, Affine(1, 2), LeakyReLU(3), ThresholdedReLU(4), ScaledTanh(5, 6), HardSigmoid(7, 8), ELU(9)} {
		if g, ok := ActivationOf(f.Parts()); !ok || g != f {
			t.Errorf("%v comes back as %v, %v", f, g, ok)
		}
		if strings.Contains(f.String(), "default") != (f == Activation{}) {
			t.Errorf("%#v is called %v", f, f)
		}
	}
	for _, c := range []struct {
		kind        int
		alpha, beta float32
	}{{-1, 0, 0}, {int(activations), 0, 0}, {int(tanh), 1, 0}, {int(tanh), 0, 1}, {int(elu), 1, 1}, {0, 1, 0}} {
		if f, ok := ActivationOf(c.kind, c.alpha, c.beta); ok {
			t.Errorf("%v is taken for %v", c, f)
		}
	}
}
