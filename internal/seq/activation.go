package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// An Activation is one of the functions that ONNX lists for recurrent layers,
// with its parameters. The zero Activation is none of them and stands for the
// default of the field that it is in. Two of them are equal (==) if they are the same
// function.
type Activation struct {
	kind        activation
	alpha, beta float32
}

type activation int

const (
	unset activation = iota
	tanh
	relu
	sigmoid
	affine
	leakyReLU
	thresholdedReLU
	scaledTanh
	hardSigmoid
	elu
	softsign
	softplus
	activations // how many there are
)

// names are ONNX's; parameters says how many of alpha and beta each has.
var (
	names      = [activations]string{"default", "Tanh", "Relu", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign", "Softplus"}
	parameters = [activations]int{affine: 2, leakyReLU: 1, thresholdedReLU: 1, scaledTanh: 2, hardSigmoid: 2, elu: 1}
)

// Tanh, ReLU, Sigmoid, Softsign and Softplus have no parameters:
// tanh x, max(x, 0), 1/(1+e^-x), x/(1+|x|), log(1+e^x).
var (
	Tanh     = Activation{kind: tanh}
	ReLU     = Activation{kind: relu}
	Sigmoid  = Activation{kind: sigmoid}
	Softsign = Activation{kind: softsign}
	Softplus = Activation{kind: softplus}
)

// Affine is alpha*x + beta.
func Affine(alpha, beta float32) Activation { return Activation{affine, alpha, beta} }

// LeakyReLU is x for x >= 0, else alpha*x.
func LeakyReLU(alpha float32) Activation { return Activation{leakyReLU, alpha, 0} }

// ThresholdedReLU is x for x >= alpha, else 0.
func ThresholdedReLU(alpha float32) Activation { return Activation{thresholdedReLU, alpha, 0} }

// ScaledTanh is alpha*tanh(beta*x).
func ScaledTanh(alpha, beta float32) Activation { return Activation{scaledTanh, alpha, beta} }

// HardSigmoid is alpha*x + beta, limited to [0, 1].
func HardSigmoid(alpha, beta float32) Activation { return Activation{hardSigmoid, alpha, beta} }

// ELU is x for x >= 0, else alpha*(e^x - 1).
func ELU(alpha float32) Activation { return Activation{elu, alpha, 0} }

// String is ONNX's name of the function, with its parameters; "default" for the zero
// Activation.
func (f Activation) String() string {
	switch parameters[f.kind] {
	case 1:
		return fmt.Sprintf("%s(%v)", names[f.kind], f.alpha)
	case 2:
		return fmt.Sprintf("%s(%v, %v)", names[f.kind], f.alpha, f.beta)
	}
	return names[f.kind]
}

// ONNX is ONNX's name of the function, and those of alpha and beta that it has. The
// zero Activation has no name there: "".
func (f Activation) ONNX() (name string, have []float32) {
	if f.kind == unset {
		return "", nil
	}
	return names[f.kind], []float32{f.alpha, f.beta}[:parameters[f.kind]]
}

// Or is f, or other if f is the zero Activation.
func (f Activation) Or(other Activation) Activation {
	if f == (Activation{}) {
		return other
	}
	return f
}

// CheckActivation returns an error if a parameter of f, the named field of the user's
// Config, is NaN, infinite, or tiny and not 0.
func CheckActivation(kind, name string, f Activation) error {
	if f.alpha-f.alpha != 0 || f.beta-f.beta != 0 || isTiny(f.alpha) || isTiny(f.beta) {
		return fmt.Errorf("%s: Config.%s: each parameter of %v must be finite, and either 0 or of magnitude 2^-100 (7.9e-31) or more", kind, name, f)
	}
	return nil
}

// isTiny reports whether v is tiny and not 0.
func isTiny(v float32) bool { return v != 0 && v < tiny && v > -tiny }

// Parts are what a file keeps of f: a number for the function, 0 for the zero
// Activation, and its parameters, 0 for those that it does not have.
func (f Activation) Parts() (kind int, alpha, beta float32) { return int(f.kind), f.alpha, f.beta }

// ActivationOf is the inverse of Parts; ok is false if there is no such function.
func ActivationOf(kind int, alpha, beta float32) (f Activation, ok bool) {
	if kind < 0 || kind >= int(activations) {
		return f, false
	}
	f = Activation{activation(kind), alpha, beta}
	n := parameters[f.kind]
	return f, (n > 0 || alpha == 0) && (n > 1 || beta == 0)
}

// Apply sets y = f(x); y may be x.
func (f Activation) Apply(t kernels.ISA, y, x []float32) {
	switch f.kind {
	case tanh:
		t.Tanh(y, x)
	case relu:
		t.ReLU(y, x)
	case sigmoid:
		t.Sigmoid(y, x)
	case affine:
		t.Affine(y, x, f.alpha, f.beta)
	case leakyReLU:
		t.LeakyReLU(y, x, f.alpha)
	case thresholdedReLU:
		t.ThresholdedReLU(y, x, f.alpha)
	case scaledTanh:
		t.ScaledTanh(y, x, f.alpha, f.beta)
	case hardSigmoid:
		t.HardSigmoid(y, x, f.alpha, f.beta)
	case elu:
		t.ELU(y, x, f.alpha)
	case softsign:
		t.Softsign(y, x)
	case softplus:
		t.Softplus(y, x)
	}
}

// Gradient sets dx = f'(x)*dy, given x and y = f(x). dx may be any of the
// others.
func (f Activation) Gradient(t kernels.ISA, dx, x, y, dy []float32) {
	switch f.kind {
	case tanh:
		t.TanhGrad(dx, y, dy)
	case relu:
		t.ReLUGrad(dx, y, dy)
	case sigmoid:
		t.SigmoidGrad(dx, y, dy)
	case affine:
		t.Scale(dx, dy, f.alpha)
	case leakyReLU:
		t.LeakyReLUGrad(dx, x, dy, f.alpha)
	case thresholdedReLU:
		t.ThresholdedReLUGrad(dx, x, dy, f.alpha)
	case scaledTanh:
		t.ScaledTanhGrad(dx, x, dy, f.alpha, f.beta)
	case hardSigmoid:
		t.HardSigmoidGrad(dx, x, dy, f.alpha, f.beta)
	case elu:
		t.ELUGrad(dx, x, dy, f.alpha)
	case softsign:
		t.SoftsignGrad(dx, x, dy)
	case softplus:
		t.SoftplusGrad(dx, x, dy)
	}
}
