package convert

import (
	"errors"
	"fmt"
)

// Haste holds the weights of one direction of one layer of haste's LSTM, GRU,
// LayerNormLSTM or LayerNormGRU (gates i g f o or z r h), named as there.
type Haste struct {
	Kernel          Tensor // [In][G*H]
	RecurrentKernel Tensor // [H][G*H]
	Bias            Tensor // [G*H]
	RecurrentBias   Tensor // [3*H], of a GRU; absent for an LSTM

	Gamma  Tensor // [2][G*H], the gains of the product with x and of that with h; absent without layer norm
	GammaH Tensor // [H], the gain of c of a LayerNormLSTM; else absent
	BetaH  Tensor // [H], what is added to it
}

// ToHaste returns the weights of the haste layers that compute what net does,
// layer by layer, forward direction before reverse: of the classes with layer norm
// for Config.LayerNorm. Config.WeightDropout and Config.Zoneout, which are dropout
// and zoneout there, are the caller's to set, and so is what acts outside of the
// cell, Config.Dropout and Config.InputDropout. ToHaste returns an error for a
// plain network, which haste does not have, one that reads from the end only or merges
// its directions, a GRU with ResetBefore, other activations and other options.
func ToHaste[N Network](net N) ([]Haste, error) {
	n := view(net)
	if err := n.isHaste(); err != nil {
		return nil, wrap("haste", err)
	}
	o := orderHaste[n.cell]
	var out []Haste
	for i := range n.dirs {
		p := n.export(i)
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
		if n.layerNorm {
			k.Gamma = newTensor(2, n.rows())
			o.toRows(k.Gamma.part(0, 2), p.gih, n.hidden)
			o.toRows(k.Gamma.part(1, 2), p.ghh, n.hidden)
		}
		if p.gc != nil {
			k.GammaH, k.BetaH = Tensor{[]int{n.hidden}, p.gc}, Tensor{[]int{n.hidden}, p.bc}
		}
		out = append(out, k)
	}
	return out, nil
}

// FromHaste sets the weights of net to those of layers in the order of ToHaste.
// Besides what ToHaste refuses (but for dropout, which acts in training alone), it
// returns an error if a shape is wrong, and if there are gains where
// Config.LayerNorm is not set.
func FromHaste[N Network](net N, layers []Haste) error {
	return wrap("haste", viewForImport(net).fromHaste(layers))
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
		if n.layerNorm {
			err = errors.Join(err, k.Gamma.check("gamma", 2, n.rows()))
		} else if !k.Gamma.absent() {
			err = errors.Join(err, errors.New("there is gamma, the gain of a layer norm: set Config.LayerNorm"))
		}
		if p.gc != nil {
			err = errors.Join(err, k.GammaH.check("gamma_h", n.hidden), k.BetaH.check("beta_h", n.hidden))
		} else if !k.GammaH.absent() || !k.BetaH.absent() {
			err = errors.Join(err, errors.New("there are gamma_h or beta_h, which only an LSTM with Config.LayerNorm has"))
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
		if n.layerNorm {
			o.fromRows(p.gih, k.Gamma.part(0, 2), n.hidden)
			o.fromRows(p.ghh, k.Gamma.part(1, 2), n.hidden)
		}
		copy(p.gc, k.GammaH.Data)
		copy(p.bc, k.BetaH.Data)
		in = append(in, p)
	}
	return n.fill(in)
}

func (n *network) isHaste() error {
	if err := n.hasOnly("LayerNorm", "Zoneout", "Dropout", "InputDropout", "WeightDropout"); err != nil {
		return err
	}
	if err := n.defaultFunctions(); err != nil {
		return err
	}
	switch {
	case n.cell == isRNN:
		return errors.New("it has no plain recurrent layer (its IndRNN has a vector in place of W_hh)")
	case n.reverse:
		return errors.New("it has no layer that reads from the end only, which Config.Reverse asks for")
	case n.resetBefore:
		return errResetBefore
	}
	return n.sideBySide("it puts the outputs of both directions side by side")
}
