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
	// side, or one as wide as either, which takes as many floats more for each
	// step and row.
	Merge Merge

	NoBias bool // no b_ih and b_hh

	// Activation is f in h = f(W_ih x + W_hh h + b); the zero value is
	// Tanh.
	Activation Activation

	// Clip, if above 0, limits what goes into the activation to [-Clip, Clip], as
	// ONNX's attribute does.
	Clip float32

	// LayerNorm normalises W_ih x and W_hh h, each by itself over all units, and
	// multiplies them by gains (parameters gain_ih and gain_hh) before the bias is
	// added (Ba, Kiros and Hinton 2016, "Layer normalization"; the form is
	// haste's).
	LayerNorm bool

	// Dropout, in training, is the probability with which an element of the input
	// of every layer but the first is dropped, anew at each step. InputDropout
	// drops elements of the input of every layer, the same ones at all steps that
	// a training step goes over: those of a sequence, or of a window (Gal and Ghahramani 2016, "A theoretically grounded application of
	// dropout in recurrent neural networks"); HiddenDropout those of h where it
	// meets W_hh, likewise. WeightDropout drops elements of W_hh, the same ones in
	// a training step (Wan et al. 2013, "Regularization of neural networks using
	// DropConnect"). What is not dropped is scaled by 1/(1-p).
	Dropout, InputDropout, HiddenDropout, WeightDropout float32

	// Zoneout, in training, is the probability with which a unit keeps the h of
	// the step before; in evaluation h is the mean of both (Krueger et al. 2017,
	// "Zoneout: regularizing RNNs by randomly preserving hidden activations").
	Zoneout float32

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
		Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: c.Merge, Noise: c.noise(), Workers: c.Workers,
	}
	err := s.Check("rnn")
	c.Layers = s.Layers
	c.Activation = c.Activation.Or(Tanh)
	if bad := c.Activation.Check(); err == nil && bad != nil {
		err = fmt.Errorf("rnn: Config.Activation: %w", bad)
	}
	if err == nil {
		err = seq.CheckLimit("rnn", "Clip", c.Clip)
	}
	return c, s, err
}

// noise is what c says about random masks.
func (c Config) noise() seq.Noise {
	return seq.Noise{
		Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout,
		Zoneout: c.Zoneout,
	}
}

// cell is the arithmetic that c asks for.
func (c Config) cell() seq.Cell {
	n := c.noise()
	plain := c.Clip == 0 && !c.LayerNorm && n.Hidden == 0 && n.Zoneout == 0
	switch c.Activation {
	case Tanh, ReLU, Sigmoid:
		if plain {
			return cell{c.Hidden, c.Activation}
		}
	}
	return newVariant(c)
}
