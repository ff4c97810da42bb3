package gru

import (
	"cmp"
	"errors"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// Config describes a stack of GRU layers. Its zero optional fields are PyTorch's
// choice.
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

	// ResetBefore lets the reset gate act on h before the product with W_hn,
	// rather than on the product: n = tanh(W_in x + W_hn (r*h) + b). ONNX says
	// linear_before_reset = 0, Keras reset_after = False.
	ResetBefore bool

	// Textbook lets z = 1 stand for the candidate rather than for the state
	// before: h = (1-z)*h + z*n instead of (1-z)*n + z*h.
	Textbook bool

	// GateActivation is that of r and z, CandidateActivation that of n: ONNX's f
	// and g. The zero values are Sigmoid and Tanh.
	GateActivation, CandidateActivation Activation

	// Clip, if above 0, limits what goes into the activation of every gate to
	// [-Clip, Clip], as ONNX's attribute does. A limit is 2^-100 or more.
	Clip float32

	// LayerNorm normalises W_ih x and W_hh h, each by itself over all gates, and
	// multiplies them by gains (parameters gain_ih and gain_hh) before the bias is
	// added (Ba, Kiros and Hinton 2016, "Layer normalization"; the form is
	// haste's). Not with ResetBefore, where no one product has all gates.
	LayerNorm bool

	// Dropout, in training, is the probability with which an element of the input
	// of every layer but the first is dropped, anew at each step. InputDropout
	// drops elements of the input of every layer, the same ones at all steps that
	// a training step goes over: those of a sequence, or of a window (Gal and
	// Ghahramani 2016, "A theoretically grounded application of dropout in recurrent
	// neural networks"). HiddenDropout does the same to h as W_hh multiplies it.
	// WeightDropout drops elements of W_hh, the same ones in
	// a training step (Wan et al. 2013, "Regularization of neural networks using
	// DropConnect"). What is not dropped is scaled by 1/(1-p).
	// A probability is 0, or above 2^-24 and below 1.
	Dropout, InputDropout, HiddenDropout, WeightDropout float32

	// Zoneout, in training, is the probability with which a unit keeps the h of
	// the step before; in evaluation h is the mean of both (Krueger et al. 2017,
	// "Zoneout: regularizing RNNs by randomly preserving hidden activations").
	Zoneout float32

	// Workers is the most goroutines that share the work, 0 for no such limit. Each piece
	// of it has as many as it is worth, at most GOMAXPROCS and 256. It changes
	// no bit of any result. It belongs to the run, not to the network: files do not keep it.
	Workers int
}

// check returns c with its defaults filled in and its structure, or what is
// wrong with it.
func (c Config) check() (Config, seq.Structure, error) {
	s := seq.Structure{
		Input: c.Input, Hidden: c.Hidden, Layers: c.Layers,
		Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: seq.Merge(c.Merge), Noise: c.noise(), Workers: c.Workers,
	}
	err := s.Check("gru")
	c.Layers = s.Layers
	c.GateActivation, c.CandidateActivation = c.GateActivation.Or(Sigmoid), c.CandidateActivation.Or(Tanh)
	err = cmp.Or(err,
		seq.CheckActivation("gru", "GateActivation", seq.Activation(c.GateActivation)),
		seq.CheckActivation("gru", "CandidateActivation", seq.Activation(c.CandidateActivation)),
		seq.CheckLimit("gru", "Clip", c.Clip))
	if err == nil && c.LayerNorm && c.ResetBefore {
		err = errors.New("gru: Config.LayerNorm and Config.ResetBefore are both set; layer normalisation is defined for products with h, so leave ResetBefore out")
	}
	return c, s, err
}

// cell is the arithmetic that c asks for.
func (c Config) cell() seq.Cell {
	n := c.noise()
	plain := c.GateActivation == Sigmoid && c.CandidateActivation == Tanh && c.Clip == 0 && !c.LayerNorm && n.Hidden == 0 && n.Zoneout == 0
	switch {
	case !plain:
		return newVariant(c)
	case c.ResetBefore:
		return resetBefore{c.Hidden, c.update()}
	}
	return resetAfter{c.Hidden, c.update()}
}

// update is the form of h_t that c asks for.
func (c Config) update() update {
	if c.Textbook {
		return textbookUpdate
	}
	return pytorchUpdate
}

// noise is what c says about random masks.
func (c Config) noise() seq.Noise {
	return seq.Noise{
		Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout,
		Zoneout: c.Zoneout,
	}
}
