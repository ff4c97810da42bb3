package convert

import (
	"errors"
	"fmt"
	"iter"
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
	state := map[string]Tensor{}
	for i := range n.dirs {
		for _, t := range n.named(n.export(i)) {
			state[t.name] = t.Tensor
		}
	}
	return state, nil
}

// FromPyTorch sets the weights of net to those of a state_dict without a prefix.
// Besides what ToPyTorch refuses, it returns an error if a name is missing or too
// many, and if a shape is wrong. Dropout, which acts in training alone, is no
// obstacle.
func FromPyTorch[N Network](net N, state map[string]Tensor) error {
	_, err := viewForImport(net).fromPyTorch(dict(state))
	return wrap("PyTorch", err)
}

// A source has tensors under PyTorch's names.
type source interface {
	// check reports whether there is a tensor of the name, and what keeps it from
	// becoming a parameter of the shape.
	check(name string, shape ...int) (found bool, err error)
	// read sets dst to a tensor that check has found.
	read(dst []float32, name string) error
	// names are those of all its tensors; stray reports whether one that belongs to no
	// parameter is a mistake.
	names() iter.Seq[string]
	stray(name string) bool
}

// A dict is a state_dict, whose every tensor has to be a parameter.
type dict map[string]Tensor

func (d dict) check(name string, shape ...int) (bool, error) {
	t, found := d[name]
	return found, t.check(name, shape...)
}

func (d dict) read(dst []float32, name string) error {
	copy(dst, d[name].Data)
	return nil
}

func (d dict) names() iter.Seq[string] { return slices.Values(slices.Sorted(maps.Keys(d))) }

func (d dict) stray(string) bool { return true }

// A Report says what became of a file's tensors on their way into a network. Names
// are those after the prefix.
type Report struct {
	Matched []string // those that are parameters of the network, layer by layer
	Missing []string // those that the network wants and that are not there
	Left    []string // those that were there, under the prefix, and are no parameters
}

// match holds the tensors of src against the parameters of n and returns the first
// thing that is wrong: a shape, tensors that are missing, tensors too many.
func (n *network) match(src source) (Report, error) {
	var report Report
	var wrong error
	wanted := map[string]bool{}
	for _, p := range n.dirs {
		for _, t := range n.named(p) {
			wanted[t.name] = true
			found, err := src.check(t.name, t.Shape...)
			if !found {
				report.Missing = append(report.Missing, t.name)
				continue
			}
			report.Matched = append(report.Matched, t.name)
			if wrong == nil {
				wrong = err
			}
		}
	}
	left, stray := 0, ""
	for name := range src.names() {
		if wanted[name] {
			continue
		}
		if left++; stray == "" && src.stray(name) {
			stray = name
		}
	}
	report.Left = make([]string, 0, left) // of a file there may be very many
	for name := range src.names() {
		if !wanted[name] {
			report.Left = append(report.Left, name)
		}
	}
	switch missing := report.Missing; {
	case wrong != nil:
		return report, wrong
	case len(missing) > 1:
		return report, fmt.Errorf("%s is missing, and %d more", missing[0], len(missing)-1)
	case len(missing) == 1:
		return report, fmt.Errorf("%s is missing", missing[0])
	case stray != "":
		return report, fmt.Errorf("%s belongs to no parameter of this network", stray)
	}
	return report, nil
}

// fromPyTorch sets the parameters to the tensors of src. It reads them to memory of
// its own first, so that the network stays as it was if that fails.
func (n *network) fromPyTorch(src source) (Report, error) {
	if err := n.isPyTorch(); err != nil {
		return Report{}, err
	}
	report, err := n.match(src)
	if err != nil {
		return report, err
	}
	var in []params
	for i := range n.dirs {
		in = append(in, n.blank(i))
	}
	if err := n.read(src, in); err != nil {
		return report, err
	}
	return report, n.fill(in)
}

// read sets in, which is like n.dirs, to the tensors of src.
func (n *network) read(src source, in []params) error {
	for _, p := range in {
		for _, t := range n.named(p) {
			if err := src.read(t.Data, t.name); err != nil {
				return err
			}
		}
	}
	return nil
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
