package convert

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/simdrnn/simdrnn/rnn"
)

// ToPyTorch returns the state_dict of the torch.nn.LSTM, GRU or RNN that computes
// what net does: copies of the parameters under the names that EachParam gives.
// What a state_dict does not hold (num_layers, bidirectional, bias, nonlinearity,
// proj_size, dropout) is the caller's to set. It returns an error for a network
// that reads from the end only, merges its directions, has ResetBefore, has
// activations other than torch's, or has an option besides Projection and Dropout.
func ToPyTorch[N Network](net N) (map[string]Tensor, error) {
	n := view(net)
	if err := n.isPyTorch(); err != nil {
		return nil, wrap("PyTorch", err)
	}
	dict := map[string]Tensor{}
	for i := range n.dirs {
		for _, t := range n.named(n.export(i)) {
			dict[t.name] = t.Tensor
		}
	}
	return dict, nil
}

// FromPyTorch sets the weights of net to those of a state_dict without a prefix.
// Besides what ToPyTorch refuses, it returns an error if a name is missing or too
// many, and if a shape is wrong. Dropout, which acts in training alone, is no
// obstacle.
func FromPyTorch[N Network](net N, dict map[string]Tensor) error {
	return wrap("PyTorch", viewForImport(net).fromPyTorch(dict))
}

func (n *network) fromPyTorch(dict map[string]Tensor) error {
	if err := n.isPyTorch(); err != nil {
		return err
	}
	left := maps.Clone(dict)
	var in []params
	for i := range n.dirs {
		p := n.blank(i)
		for _, want := range n.named(p) {
			t, ok := dict[want.name]
			if !ok {
				return fmt.Errorf("%s is missing", want.name)
			}
			if err := t.check(want.name, want.Shape...); err != nil {
				return err
			}
			copy(want.Data, t.Data)
			delete(left, want.name)
		}
		in = append(in, p)
	}
	if len(left) > 0 {
		return fmt.Errorf("%s belongs to no parameter of this network", slices.Sorted(maps.Keys(left))[0])
	}
	return n.fill(in)
}

type named struct {
	name string
	Tensor
}

// named are the parameters p that the network has, under PyTorch's names.
func (n *network) named(p params) []named {
	list := []named{
		{"weight_ih" + p.suffix, Tensor{[]int{n.rows(), p.in}, p.ih}},
		{"weight_hh" + p.suffix, Tensor{[]int{n.rows(), n.width}, p.hh}},
	}
	if n.bias {
		list = append(list, named{"bias_ih" + p.suffix, Tensor{[]int{n.rows()}, p.bih}}, named{"bias_hh" + p.suffix, Tensor{[]int{n.rows()}, p.bhh}})
	}
	if p.hr != nil {
		list = append(list, named{"weight_hr" + p.suffix, Tensor{[]int{n.width, n.hidden}, p.hr}})
	}
	return list
}

func (n *network) isPyTorch() error {
	if err := n.hasOnly("Projection", "Dropout"); err != nil {
		return err
	}
	if err := n.defaultFunctions(); err != nil {
		return err
	}
	switch {
	case n.reverse:
		return errors.New("it has no layer that reads from the end only, which Config.Reverse asks for")
	case n.resetBefore:
		return errResetBefore
	case n.cell == isRNN && n.functions[0] != rnn.Tanh && n.functions[0] != rnn.ReLU:
		return fmt.Errorf("nn.RNN has tanh and relu, not Config.Activation = %v", n.functions[0])
	}
	return n.sideBySide("it puts the outputs of both directions side by side")
}
