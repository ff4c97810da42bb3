package convert

import (
	"errors"
	"fmt"
)

// Haste holds the weights of one direction of one layer of haste's LSTM or GRU
// (gates i g f o or z r h), named as there.
type Haste struct {
	Kernel          Tensor // [In][G*H]
	RecurrentKernel Tensor // [H][G*H]
	Bias            Tensor // [G*H]
	RecurrentBias   Tensor // [3*H], of a GRU; absent for an LSTM
}

// ToHaste returns the weights of the haste layers that compute what net does,
// layer by layer, forward direction before reverse. It returns an error for a
// plain network, which haste has not, one that reads from the end only or merges
// its directions, and a GRU with ResetBefore.
func ToHaste[N Network](net N) ([]Haste, error) {
	n := view(net)
	if err := n.isHaste(); err != nil {
		return nil, wrap("haste", err)
	}
	o := orderHaste[n.cell]
	var out []Haste
	for i := range n.dirs {
		p := n.out(i)
		k := Haste{Kernel: newTensor(p.in, n.rows()), RecurrentKernel: newTensor(n.hidden, n.rows()), Bias: newTensor(n.rows())}
		o.toColumns(k.Kernel.Data, p.ih, n.hidden)
		o.toColumns(k.RecurrentKernel.Data, p.hh, n.hidden)
		if n.cell == isGRU {
			k.RecurrentBias = newTensor(n.rows())
			o.toRows(k.Bias.Data, p.bih, n.hidden)
			o.toRows(k.RecurrentBias.Data, p.bhh, n.hidden)
		} else {
			o.toRows(k.Bias.Data, p.merged(), n.hidden)
		}
		out = append(out, k)
	}
	return out, nil
}

// FromHaste sets the weights of net to those of layers in the order of ToHaste.
// Besides what ToHaste refuses, it returns an error if a shape is wrong.
func FromHaste[N Network](net N, layers []Haste) error {
	return wrap("haste", view(net).fromHaste(layers))
}

func (n *network) fromHaste(layers []Haste) error {
	if err := n.isHaste(); err != nil {
		return err
	}
	if err := count(len(layers), len(n.dirs), "layer and direction"); err != nil {
		return err
	}
	o := orderHaste[n.cell]
	var in []params
	for i, k := range layers {
		p := n.blank(i)
		err := errors.Join(
			k.Kernel.check("kernel", p.in, n.rows()),
			k.RecurrentKernel.check("recurrent_kernel", n.hidden, n.rows()),
			k.Bias.check("bias", n.rows()),
		)
		if n.cell == isGRU {
			err = errors.Join(err, k.RecurrentBias.check("recurrent_bias", n.rows()))
		} else if !k.RecurrentBias.absent() {
			err = errors.Join(err, errors.New("an LSTM has no recurrent_bias"))
		}
		if err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		o.fromColumns(p.ih, k.Kernel.Data, n.hidden)
		o.fromColumns(p.hh, k.RecurrentKernel.Data, n.hidden)
		o.fromRows(p.bih, k.Bias.Data, n.hidden)
		if n.cell == isGRU {
			o.fromRows(p.bhh, k.RecurrentBias.Data, n.hidden)
		}
		in = append(in, p)
	}
	return n.take(in)
}

func (n *network) isHaste() error {
	switch {
	case n.cell == isRNN:
		return errors.New("it has no plain recurrent layer (its IndRNN has a vector in place of W_hh)")
	case n.reverse:
		return errors.New("it has no layer that reads from the end only, which Config.Reverse asks for")
	case n.resetBefore:
		return errResetBefore
	}
	return n.concat("it puts the outputs of both directions side by side")
}
