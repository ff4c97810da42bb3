package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/simdrnn/simdrnn/lstm"
)

// A OneDNNFormat is a memory format of oneDNN's weights.
type OneDNNFormat string

const (
	LDIGO OneDNNFormat = "ldigo" // [L][D][In][G][H]
	LDGOI OneDNNFormat = "ldgoi" // [L][D][G][H][In]
)

// OneDNN holds the arguments of one oneDNN primitive of one layer (gates i f c o
// or u r o): vanilla_lstm, vanilla_gru, lbr_gru or vanilla_rnn. L is 1, D is 2
// for a bidirectional direction, else 1.
type OneDNN struct {
	Format       OneDNNFormat
	WeightsLayer Tensor // as Format says
	WeightsIter  Tensor // the same, with H for In, or P of a projection
	Bias         Tensor // ldgo: [L][D][G][H]; of an lbr_gru [L][D][4][H], u, r, o, and the recurrent bias of o

	WeightsPeephole   Tensor // ldgo: [L][D][3][H], i f o; absent for none
	WeightsProjection Tensor // ldio: [L][D][H][P] beside ldigo, ldoi: [L][D][P][H] beside ldgoi; absent for none

	Direction         string // unidirectional_left2right, unidirectional_right2left, bidirectional_concat or bidirectional_sum
	LinearBeforeReset bool   // lbr_gru
}

// ToOneDNN returns the arguments of the primitives that compute what net does,
// one for each layer. (A primitive with more layers takes their weights one
// after another where all inputs are of one width.) What acts outside of them,
// Config.Dropout and Config.InputDropout, is the caller's. ToOneDNN returns an
// error for another option than these, Peephole and Projection, for merges other
// than Concat and Sum and for other activations than the usual ones or, of a plain
// layer, tanh, ReLU, leaky ReLU and sigmoid.
func ToOneDNN[N Network](net N, format OneDNNFormat) ([]OneDNN, error) {
	n := view(net)
	if err := n.isOneDNN(format); err != nil {
		return nil, wrap("oneDNN", err)
	}
	o, d, groups := orderKeras[n.cell], n.directions(), n.oneDNNGroups()
	var out []OneDNN
	for l := range n.layers() {
		a := OneDNN{
			Format:       format,
			WeightsLayer: newTensor(n.oneDNNShape(format, n.dirs[l*d].in)...), WeightsIter: newTensor(n.oneDNNShape(format, n.width)...),
			Bias:      newTensor(1, d, groups, n.hidden),
			Direction: n.oneDNNDirection(), LinearBeforeReset: n.resetAfter(),
		}
		put := order.toColumns
		if format == LDGOI {
			put = order.toRows
		}
		if n.peephole {
			a.WeightsPeephole = newTensor(1, d, 3, n.hidden)
		}
		if n.width != n.hidden {
			a.WeightsProjection = newTensor(n.oneDNNProjection(format)...)
		}
		for k := range d {
			p := n.export(l*d + k)
			put(o, a.WeightsLayer.part(k, d), p.ih, n.hidden)
			put(o, a.WeightsIter.part(k, d), p.hh, n.hidden)
			if n.peephole {
				copy(a.WeightsPeephole.part(k, d), p.peephole)
			}
			if n.width != n.hidden {
				put(order{0}, a.WeightsProjection.part(k, d), p.hr, n.width)
			}
			bias, both := a.Bias.part(k, d), p.merged()
			if n.resetAfter() {
				copy(both[2*n.hidden:], p.bih[2*n.hidden:])
				copy(bias[3*n.hidden:], p.bhh[2*n.hidden:])
			}
			o.toRows(bias[:n.rows()], both, n.hidden)
		}
		out = append(out, a)
	}
	return out, nil
}

// FromOneDNN sets the weights of net to those of primitives, one for each layer.
// Besides what ToOneDNN refuses (but for dropout, which acts in training alone), it
// returns an error if a shape or a direction is wrong, and if a GRU's kind is not
// what Config.ResetBefore says.
func FromOneDNN[N Network](net N, layers []OneDNN) error {
	return wrap("oneDNN", viewForImport(net).fromOneDNN(layers))
}

func (n *network) fromOneDNN(layers []OneDNN) error {
	if err := count(len(layers), n.layers(), "layer"); err != nil {
		return err
	}
	var in []params
	for l, a := range layers {
		p, err := n.oneOneDNN(l, a)
		if err != nil {
			return fmt.Errorf("layer %d: %w", l, err)
		}
		in = append(in, p...)
	}
	return n.fill(in)
}

func (n *network) oneOneDNN(l int, a OneDNN) ([]params, error) {
	if err := n.isOneDNN(a.Format); err != nil {
		return nil, err
	}
	o, d, groups := orderKeras[n.cell], n.directions(), n.oneDNNGroups()
	switch {
	case a.Direction != n.oneDNNDirection():
		return nil, fmt.Errorf("the direction is %s, Config says %s", a.Direction, n.oneDNNDirection())
	case a.LinearBeforeReset && n.resetBefore:
		return nil, errors.New("an lbr_gru has the reset gate after the product: Config.ResetBefore must not be set")
	case !a.LinearBeforeReset && n.resetAfter():
		return nil, errors.New("a vanilla_gru has the reset gate before the product: set Config.ResetBefore")
	case a.LinearBeforeReset && n.cell != isGRU:
		return nil, fmt.Errorf("an lbr_gru for an %s", n.cell)
	}
	if err := a.WeightsLayer.check("weights_layer", n.oneDNNShape(a.Format, n.dirs[l*d].in)...); err != nil {
		return nil, err
	}
	if err := a.WeightsIter.check("weights_iter", n.oneDNNShape(a.Format, n.width)...); err != nil {
		return nil, err
	}
	switch {
	case n.peephole:
		if err := a.WeightsPeephole.check("weights_peephole", 1, d, 3, n.hidden); err != nil {
			return nil, err
		}
	case !a.WeightsPeephole.absent():
		return nil, errors.New("there are weights_peephole, which only an LSTM with Config.Peephole has")
	}
	switch {
	case n.width != n.hidden:
		if err := a.WeightsProjection.check("weights_projection", n.oneDNNProjection(a.Format)...); err != nil {
			return nil, err
		}
	case !a.WeightsProjection.absent():
		return nil, errors.New("there are weights_projection, which only an LSTM with Config.Projection has")
	}
	if err := a.Bias.check("bias", 1, d, groups, n.hidden); err != nil {
		return nil, err
	}
	get := order.fromColumns
	if a.Format == LDGOI {
		get = order.fromRows
	}
	var in []params
	for k := range d {
		p := n.blank(l*d + k)
		get(o, p.ih, a.WeightsLayer.part(k, d), n.hidden)
		get(o, p.hh, a.WeightsIter.part(k, d), n.hidden)
		if n.peephole {
			copy(p.peephole, a.WeightsPeephole.part(k, d))
		}
		if n.width != n.hidden {
			get(order{0}, p.hr, a.WeightsProjection.part(k, d), n.width)
		}
		bias := a.Bias.part(k, d)
		o.fromRows(p.bih, bias[:n.rows()], n.hidden)
		if n.resetAfter() {
			copy(p.bhh[2*n.hidden:], bias[3*n.hidden:])
		}
		in = append(in, p)
	}
	return in, nil
}

func (n *network) isOneDNN(format OneDNNFormat) error {
	if format != LDIGO && format != LDGOI {
		return fmt.Errorf("the format is %q, want ldigo or ldgoi", string(format))
	}
	if err := n.hasOnly("Projection", "Peephole", "Dropout", "InputDropout"); err != nil {
		return err
	}
	if err := n.defaultFunctions(); err != nil {
		return err
	}
	if n.merge != lstm.Sum {
		if err := n.sideBySide("it puts the outputs of both directions side by side or adds them"); err != nil {
			return err
		}
	}
	if n.cell == isRNN {
		switch name, _ := n.functions[0].ONNX(); name {
		case "Tanh", "Relu", "LeakyRelu", "Sigmoid":
		default:
			return fmt.Errorf("vanilla_rnn has tanh, relu with a slope, and logistic, not Config.Activation = %v", n.functions[0])
		}
	}
	return nil
}

// oneDNNGroups is how many biases of width H a direction has.
func (n *network) oneDNNGroups() int {
	if n.resetAfter() {
		return 4
	}
	return n.gates
}

func (n *network) oneDNNShape(format OneDNNFormat, width int) []int {
	if format == LDGOI {
		return []int{1, n.directions(), n.gates, n.hidden, width}
	}
	return []int{1, n.directions(), width, n.gates, n.hidden}
}

func (n *network) oneDNNProjection(format OneDNNFormat) []int {
	if format == LDGOI {
		return []int{1, n.directions(), n.width, n.hidden}
	}
	return []int{1, n.directions(), n.hidden, n.width}
}

func (n *network) oneDNNDirection() string {
	switch {
	case n.bidirectional:
		return "bidirectional_" + strings.ToLower(fmt.Sprint(n.merge))
	case n.reverse:
		return "unidirectional_right2left"
	}
	return "unidirectional_left2right"
}
