package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

	Clip        float32 // 0 for none
	P           Tensor  // [D][3*H], i o f, the peepholes of an LSTM; may be absent
	InputForget int     // of an LSTM: f is 1-i, whatever the weights of f are

	// Activations may be empty where the operator's defaults are meant. Alpha and
	// Beta have an element for each activation that has such a parameter, in their
	// order, or are empty where the defaults of these are meant.
	Activations []string
	Alpha, Beta []float32
}

// ToONNX returns the operators that compute what net does, one for each layer.
// An operator's Y is [T][D][B][H]: between bidirectional layers, and after the
// last, the graph has to put the directions side by side. The operators are those
// of inference: dropout, which is off there, has no part in them. ToONNX returns
// an error for a network that merges its directions otherwise, as the operator
// does not, and for a projection, a limit on c, layer norm and zoneout.
func ToONNX[N Network](net N) ([]ONNX, error) {
	n := view(net)
	if err := n.isONNX(); err != nil {
		return nil, wrap("ONNX", err)
	}
	o, d := n.orderONNX(), n.directions()
	rows := len(o) * n.hidden
	names, alpha, beta := n.onnxFunctions()
	var out []ONNX
	for l := range n.layers() {
		op := ONNX{
			W: newTensor(d, rows, n.dirs[l*d].in), R: newTensor(d, rows, n.hidden),
			Direction: n.onnxDirection(), HiddenSize: n.hidden, Clip: n.clip,
			Activations: slices.Clone(names), Alpha: slices.Clone(alpha), Beta: slices.Clone(beta),
		}
		if n.resetAfter() {
			op.LinearBeforeReset = 1
		}
		if n.coupled {
			op.InputForget = 1
		}
		if n.bias {
			op.B = newTensor(d, 2*rows)
		}
		if n.peephole {
			op.P = newTensor(d, 3*n.hidden)
		}
		for k := range d {
			p := n.export(l*d + k)
			o.toRows(op.W.part(k, d), p.ih, n.hidden)
			o.toRows(op.R.part(k, d), p.hh, n.hidden)
			if n.bias {
				o.toRows(op.B.part(2*k, 2*d), p.bih, n.hidden)
				o.toRows(op.B.part(2*k+1, 2*d), p.bhh, n.hidden)
			}
			if n.peephole {
				n.peepholesONNX().toRows(op.P.part(k, d), p.peephole, n.hidden)
			}
		}
		out = append(out, op)
	}
	return out, nil
}

func (n *network) isONNX() error {
	if err := n.hasOnly(append([]string{"Peephole", "Coupled", "Clip"}, masks...)...); err != nil {
		return err
	}
	if err := n.canNegateZ(); err != nil {
		return err
	}
	return n.sideBySide("the operator has an axis of directions in its output, which a graph has to put side by side")
}

// orderONNX is the order of the gates there, i o f c of an LSTM.
func (n *network) orderONNX() order {
	if n.coupled {
		return order{0, 2, noGate, 1}
	}
	return map[cell]order{isLSTM: {0, 3, 1, 2}, isGRU: {1, 0, 2}, isRNN: {0}}[n.cell]
}

// peepholesONNX is that of peepholes, i o f there, here i f o or i o.
func (n *network) peepholesONNX() order {
	if n.coupled {
		return order{0, 1, noGate}
	}
	return order{0, 2, 1}
}

// FromONNX sets the weights of net to those of operators, one for each layer. It
// returns an error where an operator does not compute what net does: another
// direction, another linear_before_reset than Config.ResetBefore says (0 is
// before), other activations, another clip, peepholes without Config.Peephole,
// coupled gates without Config.Coupled. Peepholes that are absent are zeros.
func FromONNX[N Network](net N, ops []ONNX) error {
	return wrap("ONNX", viewForImport(net).fromONNX(ops))
}

func (n *network) fromONNX(ops []ONNX) error {
	if err := n.isONNX(); err != nil {
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
	return n.fill(in)
}

func (n *network) oneONNX(l int, op ONNX) ([]params, error) {
	o, d := n.orderONNX(), n.directions()
	rows := len(o) * n.hidden
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
	case op.Clip != n.clip:
		return nil, fmt.Errorf("clip is %v, Config.Clip %v", op.Clip, n.clip)
	case !op.P.absent() && !n.peephole:
		return nil, errors.New("there are peepholes, P, which only an LSTM with Config.Peephole has")
	case op.InputForget != 0 && !n.coupled:
		return nil, errors.New("input_forget = 1 makes the forget gate 1-i, as only an LSTM with Config.Coupled does")
	case op.InputForget == 0 && n.coupled:
		return nil, errors.New("input_forget = 0 gives the forget gate weights: Config.Coupled must not be set")
	}
	if err := n.sameFunctions(op); err != nil {
		return nil, err
	}
	if err := op.W.check("W", d, rows, n.dirs[l*d].in); err != nil {
		return nil, err
	}
	if err := op.R.check("R", d, rows, n.hidden); err != nil {
		return nil, err
	}
	bias, peephole := !op.B.absent(), !op.P.absent()
	if bias {
		if err := op.B.check("B", d, 2*rows); err != nil {
			return nil, err
		}
	}
	if peephole {
		if err := op.P.check("P", d, 3*n.hidden); err != nil {
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
		if peephole {
			n.peepholesONNX().fromRows(p.peephole, op.P.part(k, d), n.hidden)
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

// onnxFunctions are the lists that an operator has for this network.
func (n *network) onnxFunctions() (names []string, alpha, beta []float32) {
	for range n.directions() {
		for _, f := range n.functions {
			name, parameters := f.ONNX()
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

// onnxDefaults are the alpha and beta that functions have without lists.
var onnxDefaults = map[string][]float32{
	"LeakyRelu": {0.01}, "ThresholdedRelu": {1}, "HardSigmoid": {0.2, 0.5}, "Elu": {1},
}

func (n *network) sameFunctions(op ONNX) error {
	names, alpha, beta := n.onnxFunctions()
	got := op.Activations
	if len(got) == 0 {
		defaults := map[cell][]string{isLSTM: {"Sigmoid", "Tanh", "Tanh"}, isGRU: {"Sigmoid", "Tanh"}, isRNN: {"Tanh"}}[n.cell]
		got = slices.Repeat(defaults, n.directions())
	}
	if !slices.EqualFunc(got, names, strings.EqualFold) {
		return fmt.Errorf("the activations are %v, Config says %v", got, names)
	}
	for which, list := range []struct {
		name      string
		got, want []float32
	}{{"activation_alpha", op.Alpha, alpha}, {"activation_beta", op.Beta, beta}} {
		if len(list.got) == 0 {
			for i, name := range names {
				if _, parameters := n.functions[i%len(n.functions)].ONNX(); len(parameters) <= which {
					continue
				}
				if len(onnxDefaults[name]) <= which {
					return fmt.Errorf("%s has no default %s", name, list.name)
				}
				list.got = append(list.got, onnxDefaults[name][which])
			}
		}
		if !slices.Equal(list.got, list.want) {
			return fmt.Errorf("%s is %v, Config says %v", list.name, list.got, list.want)
		}
	}
	return nil
}
