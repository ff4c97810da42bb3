package rnn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// Config describes a stack of plain recurrent layers. Its zero optional fields
// are the textbook choice.
type Config struct {
	Input  int // width of an input row, at least 1
	Hidden int // units of each direction of each layer, at least 1
	Layers int // layers on top of each other; 0 means 1

	// Bidirectional gives every layer a second set of weights that reads the
	// sequence from its end. Reverse makes a layer read from the end only. With
	// lengths the end is each row's own.
	Bidirectional bool
	Reverse       bool

	// Merge is what becomes of the two outputs of a bidirectional layer: side by
	// side, or one of the width Hidden, which takes Hidden floats more for each
	// step and row.
	Merge Merge

	NoBias bool // no b_ih and b_hh

	// Activation is f in h = f(W_ih x + W_hh h + b); the zero value is Tanh.
	Activation Activation

	// Workers is the number of goroutines that share the work: 0 means as many
	// as GOMAXPROCS allows and the work is worth. It changes no bit of any
	// result. It belongs to the run, not to the network: files do not keep it.
	Workers int
}

// An Activation is a function with its parameters. Values of it come from the
// variables and functions of this package and can be compared with ==; String
// gives the name that ONNX has for it.
type Activation = seq.Activation

// Activations without parameters.
var (
	Tanh     = seq.Tanh     // tanh x
	ReLU     = seq.ReLU     // max(x, 0)
	Sigmoid  = seq.Sigmoid  // 1/(1+e^-x)
	Softsign = seq.Softsign // x/(1+|x|)
	Softplus = seq.Softplus // log(1+e^x)
)

// Affine is alpha*x + beta.
func Affine(alpha, beta float32) Activation { return seq.Affine(alpha, beta) }

// LeakyReLU is x for x >= 0, else alpha*x. ONNX's alpha is 0.01 if none is given.
func LeakyReLU(alpha float32) Activation { return seq.LeakyReLU(alpha) }

// ThresholdedReLU is x for x >= alpha, else 0. (ONNX Runtime gives 0 for x = alpha
// too.)
func ThresholdedReLU(alpha float32) Activation { return seq.ThresholdedReLU(alpha) }

// ScaledTanh is alpha*tanh(beta*x).
func ScaledTanh(alpha, beta float32) Activation { return seq.ScaledTanh(alpha, beta) }

// HardSigmoid is alpha*x + beta, limited to [0, 1]. ONNX's alpha and beta are 0.2
// and 0.5 if none are given.
func HardSigmoid(alpha, beta float32) Activation { return seq.HardSigmoid(alpha, beta) }

// ELU is x for x >= 0, else alpha*(e^x - 1). ONNX's alpha is 1 if none is given.
func ELU(alpha float32) Activation { return seq.ELU(alpha) }

// Merge says what a bidirectional layer makes of the outputs f of its forward
// and r of its reverse direction.
type Merge = seq.Merge

const (
	Concat   = seq.Concat   // f and r side by side, 2*Hidden wide
	Sum      = seq.Sum      // f + r
	Average  = seq.Average  // (f + r)/2
	Multiply = seq.Multiply // f * r, element by element
)

// check returns c with its defaults filled in and its structure, or what is
// wrong with it.
func (c Config) check() (Config, seq.Structure, error) {
	s := seq.Structure{
		Input: c.Input, Hidden: c.Hidden, Layers: c.Layers,
		Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: c.Merge, Workers: c.Workers,
	}
	err := s.Check("rnn")
	c.Layers = s.Layers
	if bad := c.Activation.Check(); err == nil && bad != nil {
		err = fmt.Errorf("rnn: Config.Activation: %w", bad)
	}
	return c, s, err
}
