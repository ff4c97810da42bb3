package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// An Activation is a stage that takes a function of each element, of any width: one of
// those that ONNX lists for recurrent layers, or a GELU. Values of it come from the variables and
// functions of this package and can be compared with ==. The zero Activation is refused.
// Elements of x and dy below 2^-100 count as +0 (rule 8 of the numerics contract).
type Activation struct {
	f    seq.Activation
	gelu gelu
}

// gelu is which form of the GELU, which layers do not have, an Activation is.
type gelu uint8

const (
	noGELU gelu = iota
	exactGELU
	tanhGELU
)

// Activations without parameters.
var (
	Tanh     = Activation{f: seq.Tanh}     // tanh x
	ReLU     = Activation{f: seq.ReLU}     // max(x, 0); the derivative at 0 is 0
	Sigmoid  = Activation{f: seq.Sigmoid}  // 1/(1+e^-x)
	Softsign = Activation{f: seq.Softsign} // x/(1+|x|)
	Softplus = Activation{f: seq.Softplus} // log(1+e^x)

	// The two forms of the Gaussian error linear unit (Hendrycks and Gimpel 2016) that
	// PyTorch has, for approximate='none' and 'tanh'. Both are 0 at -Inf.
	GELU     = Activation{gelu: exactGELU} // x/2*(1 + erf(x/sqrt 2))
	GELUTanh = Activation{gelu: tanhGELU}  // x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))
)

// LeakyReLU is x for x >= 0, else alpha*x. PyTorch's alpha is 0.01 if none is given.
// alpha is finite, and 0 or of magnitude 2^-100 or more; Chain refuses others.
func LeakyReLU(alpha float32) Activation { return Activation{f: seq.LeakyReLU(alpha)} }

// ELU is x for x >= 0, else alpha*(e^x - 1). PyTorch's alpha is 1 if none is given. For
// alpha see LeakyReLU.
func ELU(alpha float32) Activation { return Activation{f: seq.ELU(alpha)} }

// HardSigmoid is alpha*x + beta, limited to [0, 1]. PyTorch's hardsigmoid has 1./6 and
// 0.5. For alpha and beta see LeakyReLU.
func HardSigmoid(alpha, beta float32) Activation { return Activation{f: seq.HardSigmoid(alpha, beta)} }

// String returns the name that ONNX has for the function, with its parameters.
func (a Activation) String() string {
	switch a.gelu {
	case exactGELU:
		return "Gelu"
	case tanhGELU:
		return "Gelu(tanh)"
	}
	return a.f.String()
}

// apply sets y = f(x); y may be x.
func (a Activation) apply(t kernels.ISA, y, x []float32) {
	switch a.gelu {
	case exactGELU:
		t.GELU(y, x)
	case tanhGELU:
		t.GELUTanh(y, x)
	default:
		a.f.Apply(t, y, x)
	}
}

// gradient sets dx = f'(x)*dy, given x and y = f(x). dx may be any of the others.
func (a Activation) gradient(t kernels.ISA, dx, x, y, dy []float32) {
	switch a.gelu {
	case exactGELU:
		t.GELUGrad(dx, x, dy)
	case tanhGELU:
		t.GELUTanhGrad(dx, x, dy)
	default:
		a.f.Gradient(t, dx, x, y, dy)
	}
}

// ONNX returns the name that ONNX has for the function, and those of alpha and beta that it
// has; "" for the zero Activation.
func (a Activation) ONNX() (name string, parameters []float32) { return a.f.ONNX() }

// Dims returns zeros: any width will do.
func (a Activation) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

func (a Activation) check() error {
	if a == (Activation{}) {
		return fmt.Errorf("an Activation without a function; take ReLU, Tanh or another of package nn")
	}
	if seq.CheckActivation("", "", a.f) != nil {
		return fmt.Errorf("the Activation %v, each parameter of which must be finite, and either 0 or of magnitude 2^-100 (7.9e-31) or more", a)
	}
	return nil
}

// Bind makes the Activation a Net for a chain: see Unsized.
func (a Activation) Bind(b *Binding) (Net, error) {
	n := &activation{Stateless: b.Stateless(b.Width), f: a}
	n.forward, n.backward = n.forwardPart, n.backwardPart
	return n, nil
}

// activation is an Activation within one chain. It keeps x alone, and computes y anew on
// the way back.
type activation struct {
	Stateless
	f                 Activation
	y, x, dx, dy      []float32
	forward, backward func(w, n int)
}

// elementWork is how many multiply-adds of a product take as long as an element of such a
// stage.
const elementWork = 16

func (n *activation) Forward(y, x []float32) {
	n.y, n.x = y, x
	n.team.Run(n.isa, elementWork*len(y), n.forward)
	n.ClearPadding(y, n.out)
}

func (n *activation) forwardPart(w, of int) {
	lo, hi := split.Share(len(n.y), block, w, of)
	n.isa.CopyFlush(n.y[lo:hi], n.x[lo:hi])
	n.f.apply(n.isa, n.y[lo:hi], n.y[lo:hi])
}

func (n *activation) Backward(dx, dy []float32) {
	if dx == nil {
		return
	}
	n.dx, n.dy = dx, dy
	n.team.Run(n.isa, elementWork*len(dx), n.backward)
	n.ClearPadding(dx, n.in)
}

// block is how many elements a stage works on at a time where it needs memory for them.
const block = 1024

func (n *activation) backwardPart(w, of int) {
	lo, hi := split.Share(len(n.dx), block, w, of)
	var xs, ys [block]float32
	for ; lo < hi; lo += block {
		end := min(lo+block, hi)
		x, y, dx := xs[:end-lo], ys[:end-lo], n.dx[lo:end]
		n.isa.CopyFlush(x, n.x[lo:end])
		n.f.apply(n.isa, y, x)
		n.isa.CopyFlush(dx, n.dy[lo:end])
		n.f.gradient(n.isa, dx, x, y, dx)
	}
}
