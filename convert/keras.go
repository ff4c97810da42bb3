package convert

import (
	"errors"
	"fmt"
)

// Keras holds the weights of one keras.layers.LSTM, GRU or SimpleRNN (Keras 3, G
// gates i f c o or z r h), named as there.
type Keras struct {
	Kernel          Tensor // [In][G*H]
	RecurrentKernel Tensor // [H][G*H]
	Bias            Tensor // [G*H]; of a GRU with reset_after [2][3*H], input row first; absent for use_bias=False

	ResetAfter  bool // reset_after, of a GRU
	GoBackwards bool // go_backwards, as the second layer inside a Bidirectional has it
}

// ToKeras returns the weights of the Keras layers that compute what net does,
// layer by layer; of a bidirectional layer those of the forward layer and then
// of the backward layer inside keras.layers.Bidirectional, whose merge_mode says
// what Config.Merge does. Activations are the caller's to set: Config.Activation
// of a SimpleRNN; of others Config.GateActivation, which is recurrent_activation,
// and Config.CandidateActivation, which is activation. So is what acts outside of
// the cell, Config.InputDropout (dropout) and Config.Dropout (a layer between).
// ToKeras returns an error for a network with another option, and for an LSTM with
// two activations where Keras has one.
//
// A layer with go_backwards outside a Bidirectional returns its outputs in the
// order in which it computed them, last step first. Here the output of step t is at
// place t.
func ToKeras[N Network](net N) ([]Keras, error) {
	n := view(net)
	if err := n.isKeras(); err != nil {
		return nil, wrap("Keras", err)
	}
	o := orderKeras[n.cell]
	var out []Keras
	for i := range n.dirs {
		p := n.export(i)
		k := Keras{
			Kernel: newTensor(p.in, n.rows()), RecurrentKernel: newTensor(n.hidden, n.rows()),
			ResetAfter: n.resetAfter(), GoBackwards: n.reversed(i % n.directions()),
		}
		o.toColumns(k.Kernel.Data, p.ih, n.hidden)
		o.toColumns(k.RecurrentKernel.Data, p.hh, n.hidden)
		switch {
		case !n.bias:
		case k.ResetAfter:
			k.Bias = newTensor(2, n.rows())
			o.toRows(k.Bias.part(0, 2), p.bih, n.hidden)
			o.toRows(k.Bias.part(1, 2), p.bhh, n.hidden)
		default:
			k.Bias = newTensor(n.rows())
			o.toRows(k.Bias.Data, p.merged(), n.hidden)
		}
		out = append(out, k)
	}
	return out, nil
}

// FromKeras sets the weights of net to those of layers in the order of ToKeras.
// It returns an error if they are not as many as net has layers and directions,
// if a shape or a direction is wrong, if a GRU's reset_after is not what
// Config.ResetBefore says, and for the networks that ToKeras refuses. Dropout,
// which acts in training alone, is no obstacle.
func FromKeras[N Network](net N, layers []Keras) error {
	return wrap("Keras", viewForImport(net).fromKeras(layers))
}

func (n *network) isKeras() error {
	has := []string{"Dropout", "InputDropout"}
	if n.cell == isRNN { // Keras' other cells have a mask of h for each gate
		has = append(has, "HiddenDropout")
	}
	if err := n.hasOnly(has...); err != nil {
		return err
	}
	if n.cell == isLSTM && n.functions[1] != n.functions[2] {
		return fmt.Errorf("its LSTM has one activation for both Config.CandidateActivation, which is %v, and Config.OutputActivation, which is %v", n.functions[1], n.functions[2])
	}
	return n.canNegateZ()
}

func (n *network) fromKeras(layers []Keras) error {
	if err := n.isKeras(); err != nil {
		return err
	}
	if err := count(len(layers), len(n.dirs), "layer and direction"); err != nil {
		return err
	}
	o := orderKeras[n.cell]
	var in []params
	for i, k := range layers {
		p, err := n.oneKeras(o, i, k)
		if err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		in = append(in, p)
	}
	return n.fill(in)
}

func (n *network) oneKeras(o order, i int, k Keras) (params, error) {
	p := n.blank(i)
	switch {
	case n.resetAfter() && !k.ResetAfter:
		return p, errors.New("a GRU with reset_after=False has the reset gate before the product: set Config.ResetBefore")
	case !n.resetAfter() && k.ResetAfter && n.cell == isGRU:
		return p, errors.New("a GRU with reset_after=True has the reset gate after the product, and a recurrent bias of its own inside it: Config.ResetBefore must not be set")
	case k.ResetAfter && n.cell != isGRU:
		return p, fmt.Errorf("reset_after belongs to a GRU, not to an %s", n.cell)
	case k.GoBackwards != n.reversed(i%n.directions()):
		return p, fmt.Errorf("go_backwards is %v where Config says otherwise", k.GoBackwards)
	}
	if err := k.Kernel.check("kernel", p.in, n.rows()); err != nil {
		return p, err
	}
	if err := k.RecurrentKernel.check("recurrent_kernel", n.hidden, n.rows()); err != nil {
		return p, err
	}
	o.fromColumns(p.ih, k.Kernel.Data, n.hidden)
	o.fromColumns(p.hh, k.RecurrentKernel.Data, n.hidden)
	switch {
	case k.Bias.absent():
	case k.ResetAfter:
		if err := k.Bias.check("bias", 2, n.rows()); err != nil {
			return p, err
		}
		o.fromRows(p.bih, k.Bias.part(0, 2), n.hidden)
		o.fromRows(p.bhh, k.Bias.part(1, 2), n.hidden)
	default:
		if err := k.Bias.check("bias", n.rows()); err != nil {
			return p, err
		}
		o.fromRows(p.bih, k.Bias.Data, n.hidden)
	}
	return p, nil
}

// resetAfter reports whether the network is a GRU that keeps two biases of n.
func (n *network) resetAfter() bool { return n.cell == isGRU && !n.resetBefore }
