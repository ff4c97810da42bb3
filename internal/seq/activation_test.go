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
	if want := "rnn: Config.Activation: each parameter of Elu(+Inf) must be finite, and either 0 or of magnitude 2^-100 (7.9e-31) or more"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// Constants of a Config that would make tiny values are refused by name; the least
// that are not tiny, and 0, are taken.
func TestTinyConstants(t *testing.T) {
	const below = 0x1.fffffep-101 // the float32 next to 2^-100
	activation := func(f Activation) func() error {
		return func() error { return CheckActivation("rnn", "Activation", f) }
	}
	limit := func(v float32) func() error { return func() error { return CheckLimit("rnn", "Clip", v) } }
	zoneout := func(p float32) func() error {
		return func() error {
			return (&Noise{Zoneout: p}).check("rnn", &Structure{Input: 1, Hidden: 1, Layers: 1})
		}
	}
	for _, c := range []struct {
		check func() error
		want  string
	}{
		{activation(Activation{}), ""}, {activation(Affine(0, -0x1p-100)), ""}, {activation(LeakyReLU(0x1p-100)), ""},
		{activation(Affine(below, 1)), "Config.Activation"}, {activation(Affine(1, -below)), "Config.Activation"}, {activation(ELU(1e-45)), "Config.Activation"},
		{limit(0), ""}, {limit(0x1p-100), ""}, {limit(below), "Config.Clip"}, {limit(1e-45), "Config.Clip"},
		{zoneout(0), ""}, {zoneout(0x1.000002p-24), ""}, {zoneout(0x1p-24), "Config.Zoneout"}, {zoneout(1e-45), "Config.Zoneout"},
	} {
		if err := c.check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want an error with %q, or none", err, c.want)
		}
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
