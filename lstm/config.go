package lstm

import (
	"cmp"
	"fmt"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// Config describes a stack of LSTM layers. Its zero optional fields are the
// textbook choice.
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

	// Projection, if above 0, is the width of h, which is then W_hr times what the
	// units put out (parameter weight_hr; Sak, Senior and Beaufays 2014, "Long
	// short-term memory recurrent neural network architectures"). PyTorch calls it
	// proj_size. It must be below Hidden.
	Projection int

	// Peephole lets i and f see c of the step before and o see the new c, each
	// unit its own (parameter weight_peephole; Gers and Schmidhuber 2000,
	// "Recurrent nets that time and count").
	Peephole bool

	// Coupled makes the forget gate 1-i. It then has no weights: the rows of the
	// parameters are those of i, g and o. ONNX says input_forget.
	Coupled bool

	// GateActivation is that of i, f and o, CandidateActivation that of g,
	// OutputActivation that of c on its way to h: ONNX's f, g and h. The zero
	// values are Sigmoid, Tanh and Tanh.
	GateActivation, CandidateActivation, OutputActivation Activation

	// CellClip, if above 0, limits c to [-CellClip, CellClip]. A limit is
	// 2^-100 or more.
	CellClip float32

	// Clip, if above 0, limits what goes into the activation of every gate to
	// [-Clip, Clip], as ONNX's attribute does. A limit is 2^-100 or more.
	Clip float32

	// LayerNorm normalises W_ih x and W_hh h, each by itself over all gates, and
	// multiplies them by gains (parameters gain_ih and gain_hh) before the bias is
	// added (Ba, Kiros and Hinton 2016, "Layer normalization"; the form is
	// haste's). c is normalised too, before its output activation (gain_c, bias_c).
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
	// ZoneoutCell is that for c; the h of the same step is made of the new c.
	Zoneout, ZoneoutCell float32

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
	err := s.Check("lstm")
	c.Layers = s.Layers
	c.GateActivation, c.CandidateActivation, c.OutputActivation = c.GateActivation.Or(Sigmoid), c.CandidateActivation.Or(Tanh), c.OutputActivation.Or(Tanh)
	err = cmp.Or(err,
		seq.CheckActivation("lstm", "GateActivation", seq.Activation(c.GateActivation)),
		seq.CheckActivation("lstm", "CandidateActivation", seq.Activation(c.CandidateActivation)),
		seq.CheckActivation("lstm", "OutputActivation", seq.Activation(c.OutputActivation)),
		seq.CheckLimit("lstm", "Clip", c.Clip), seq.CheckLimit("lstm", "CellClip", c.CellClip))
	if err == nil && (c.Projection < 0 || c.Projection >= c.Hidden) {
		err = fmt.Errorf("lstm: Config.Projection is %d, want a width from 1 to Config.Hidden-1, which is %d, or 0 for none", c.Projection, c.Hidden-1)
	}
	return c, s, err
}

// noise is what c says about random masks.
func (c Config) noise() seq.Noise {
	return seq.Noise{
		Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout,
		Zoneout: c.Zoneout, ZoneoutCell: c.ZoneoutCell,
	}
}

// plain reports whether c asks for the textbook's cell and nothing else.
func (c Config) plain() bool {
	n := c.noise()
	return c.Projection == 0 && !c.Peephole && !c.Coupled && c.Clip == 0 && c.CellClip == 0 && !c.LayerNorm &&
		c.GateActivation == Sigmoid && c.CandidateActivation == Tanh && c.OutputActivation == Tanh &&
		n.Hidden == 0 && n.Zoneout == 0 && n.ZoneoutCell == 0
}

// cell is the arithmetic that c asks for.
func (c Config) cell() seq.Cell {
	if c.plain() {
		return cell{c.Hidden}
	}
	return newVariant(c)
}
