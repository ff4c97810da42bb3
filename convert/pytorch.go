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
// What a state_dict does not hold (num_layers, bidirectional, bias, nonlinearity)
// is the caller's to set. It returns an error for a network that reads from the
// end only, merges its directions, has ResetBefore, or has an activation other
// than tanh and ReLU.
func ToPyTorch[N Network](net N) (map[string]Tensor, error) {
	n := view(net)
	if err := n.isPyTorch(); err != nil {
		return nil, wrap("PyTorch", err)
	}
	dict := map[string]Tensor{}
	for i := range n.dirs {
		for _, t := range n.named(n.out(i)) {
			dict[t.name] = t.Tensor
		}
	}
	return dict, nil
}

// FromPyTorch sets the weights of net to those of a state_dict without a prefix.
// Besides what ToPyTorch refuses, it returns an error if a name is missing or too
// many, as those of a projection are, and if a shape is wrong.
func FromPyTorch[N Network](net N, dict map[string]Tensor) error {
	n := view(net)
	return wrap("PyTorch", n.fromPyTorch(dict))
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
	return n.take(in)
}

type named struct {
	name string
	Tensor
}

// named are the parameters p under PyTorch's names, without biases if the
// network has none.
func (n *network) named(p params) []named {
	list := []named{
		{"weight_ih" + p.suffix, Tensor{[]int{n.rows(), p.in}, p.ih}},
		{"weight_hh" + p.suffix, Tensor{[]int{n.rows(), n.hidden}, p.hh}},
		{"bias_ih" + p.suffix, Tensor{[]int{n.rows()}, p.bih}},
		{"bias_hh" + p.suffix, Tensor{[]int{n.rows()}, p.bhh}},
	}
	if !n.bias {
		list = list[:2]
	}
	return list
}

func (n *network) isPyTorch() error {
	switch {
	case n.reverse:
		return errors.New("it has no layer that reads from the end only, which Config.Reverse asks for")
	case n.resetBefore:
		return errResetBefore
	case n.activation != rnn.Tanh && n.activation != rnn.ReLU:
		return fmt.Errorf("nn.RNN has tanh and relu, not Config.Activation = %v", n.activation)
	}
	return n.concat("it puts the outputs of both directions side by side")
}
