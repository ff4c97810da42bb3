package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/rnn"
)

// ONNX holds the weights and attributes of one LSTM, GRU or RNN operator (gates
// i o f c or z r h), named as there. D is 2 for the direction bidirectional,
// else 1.
type ONNX struct {
	W Tensor // [D][G*H][In]
	R Tensor // [D][G*H][H]
	B Tensor // [D][2*G*H]: of each direction the biases of W, then those of R; may be absent

	Direction         string // forward, reverse or bidirectional; "" is forward
	HiddenSize        int
	LinearBeforeReset int // of a GRU

	// Activations may be empty where the operator's defaults are meant. Alpha and
	// Beta have an element for each activation that has such a parameter.
	Activations []string
	Alpha, Beta []float32

	// No layer of this module has these. FromONNX refuses them.
	P           Tensor
	Clip        float32
	InputForget int
}

// ToONNX returns the operators that compute what net does, one for each layer.
// An operator's Y is [T][D][B][H]: between bidirectional layers, and after the
// last, the graph has to put the directions side by side. It returns an error
// for a network that merges its directions otherwise, as the operator does not.
func ToONNX[N Network](net N) ([]ONNX, error) {
	n := view(net)
	if err := n.concat(onnxConcat); err != nil {
		return nil, wrap("ONNX", err)
	}
	o, d := orderONNX[n.cell], n.directions()
	names, alpha, beta := n.activations()
	var out []ONNX
	for l := range n.layers() {
		op := ONNX{
			W: newTensor(d, n.rows(), n.dirs[l*d].in), R: newTensor(d, n.rows(), n.hidden),
			Direction: n.onnxDirection(), HiddenSize: n.hidden,
			Activations: slices.Clone(names), Alpha: slices.Clone(alpha), Beta: slices.Clone(beta),
		}
		if n.resetAfter() {
			op.LinearBeforeReset = 1
		}
		if n.bias {
			op.B = newTensor(d, 2*n.rows())
		}
		for k := range d {
			p := n.out(l*d + k)
			o.toRows(op.W.part(k, d), p.ih, n.hidden)
			o.toRows(op.R.part(k, d), p.hh, n.hidden)
			if n.bias {
				o.toRows(op.B.part(2*k, 2*d), p.bih, n.hidden)
				o.toRows(op.B.part(2*k+1, 2*d), p.bhh, n.hidden)
			}
		}
		out = append(out, op)
	}
	return out, nil
}

const onnxConcat = "the operator hands out its directions apart, for graphs to put side by side"

// FromONNX sets the weights of net to those of operators, one for each layer. It
// returns an error where an operator does not compute what net does: another
// direction, another linear_before_reset than Config.ResetBefore says (0 is
// before), other activations, peepholes, a clip, coupled gates.
func FromONNX[N Network](net N, ops []ONNX) error {
	return wrap("ONNX", view(net).fromONNX(ops))
}

func (n *network) fromONNX(ops []ONNX) error {
	if err := n.concat(onnxConcat); err != nil {
		return err
	}
	if err := count(len(ops), n.layers(), "layer"); err != nil {
		return err
	}
	var in []params
	for l, op := range ops {
		p, err := n.oneONNX(l, op)
		if err != nil {
			return fmt.Errorf("layer %d: %w", l, err)
		}
		in = append(in, p...)
	}
	return n.take(in)
}

func (n *network) oneONNX(l int, op ONNX) ([]params, error) {
	o, d := orderONNX[n.cell], n.directions()
	if op.Direction == "" {
		op.Direction = "forward"
	}
	switch {
	case op.Direction != n.onnxDirection():
		return nil, fmt.Errorf("the direction is %s, Config says %s", op.Direction, n.onnxDirection())
	case n.cell == isGRU && op.LinearBeforeReset == 0 && !n.resetBefore:
		return nil, errors.New("linear_before_reset = 0 has the reset gate before the recurrent product: set Config.ResetBefore")
	case n.cell == isGRU && op.LinearBeforeReset != 0 && n.resetBefore:
		return nil, errors.New("linear_before_reset = 1 has the reset gate after the recurrent product: Config.ResetBefore must not be set")
	case op.HiddenSize != n.hidden:
		return nil, fmt.Errorf("hidden_size is %d, Config.Hidden %d", op.HiddenSize, n.hidden)
	case !op.P.absent():
		return nil, errors.New("peepholes, P, which no layer of this module has")
	case op.Clip != 0:
		return nil, fmt.Errorf("clip = %v, which no layer of this module has", op.Clip)
	case op.InputForget != 0:
		return nil, errors.New("input_forget = 1: no layer of this module couples its gates")
	}
	if err := n.sameActivations(op); err != nil {
		return nil, err
	}
	if err := op.W.check("W", d, n.rows(), n.dirs[l*d].in); err != nil {
		return nil, err
	}
	if err := op.R.check("R", d, n.rows(), n.hidden); err != nil {
		return nil, err
	}
	bias := !op.B.absent()
	if bias {
		if err := op.B.check("B", d, 2*n.rows()); err != nil {
			return nil, err
		}
	}
	var in []params
	for k := range d {
		p := n.blank(l*d + k)
		o.fromRows(p.ih, op.W.part(k, d), n.hidden)
		o.fromRows(p.hh, op.R.part(k, d), n.hidden)
		if bias {
			o.fromRows(p.bih, op.B.part(2*k, 2*d), n.hidden)
			o.fromRows(p.bhh, op.B.part(2*k+1, 2*d), n.hidden)
		}
		in = append(in, p)
	}
	return in, nil
}

func (n *network) onnxDirection() string {
	switch {
	case n.bidirectional:
		return "bidirectional"
	case n.reverse:
		return "reverse"
	}
	return "forward"
}

// activations are the lists that an operator has for this network.
func (n *network) activations() (names []string, alpha, beta []float32) {
	for range n.directions() {
		switch n.cell {
		case isLSTM:
			names = append(names, "Sigmoid", "Tanh", "Tanh")
		case isGRU:
			names = append(names, "Sigmoid", "Tanh")
		case isRNN:
			name, parameters := n.activation.ONNX()
			names = append(names, name)
			if len(parameters) > 0 {
				alpha = append(alpha, parameters[0])
			}
			if len(parameters) > 1 {
				beta = append(beta, parameters[1])
			}
		}
	}
	return names, alpha, beta
}

// onnxDefaults are the parameters that an operator without lists has.
var onnxDefaults = map[string][2]float32{
	"LeakyRelu": {0.01}, "ThresholdedRelu": {1}, "HardSigmoid": {0.2, 0.5}, "Elu": {1},
}

func (n *network) sameActivations(op ONNX) error {
	names, alpha, beta := n.activations()
	got := op.Activations
	if len(got) == 0 {
		other := network{cell: n.cell, bidirectional: n.bidirectional, activation: rnn.Tanh}
		got, _, _ = other.activations()
	}
	if !slices.EqualFunc(got, names, strings.EqualFold) {
		return fmt.Errorf("the activations are %v, Config says %v", got, names)
	}
	for _, list := range []struct {
		name      string
		got, want []float32
		which     int
	}{{"activation_alpha", op.Alpha, alpha, 0}, {"activation_beta", op.Beta, beta, 1}} {
		if len(list.want) == 0 {
			continue
		}
		if len(list.got) == 0 {
			defaults, ok := onnxDefaults[names[0]]
			if !ok {
				return fmt.Errorf("%s has no default %s", names[0], list.name)
			}
			list.got = slices.Repeat([]float32{defaults[list.which]}, len(list.want))
		}
		if !slices.Equal(list.got, list.want) {
			return fmt.Errorf("%s is %v, Config says %v", list.name, list.got, list.want)
		}
	}
	return nil
}
