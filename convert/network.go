package convert

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// Network is what can be converted.
type Network interface {
	*lstm.Layer | *gru.Layer | *rnn.Layer
}

// A Tensor is row-major. One that is absent has neither Shape nor Data.
type Tensor struct {
	Shape []int
	Data  []float32
}

func newTensor(shape ...int) Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return Tensor{shape, make([]float32, n)}
}

func (t Tensor) absent() bool { return t.Shape == nil && t.Data == nil }

// check returns an error unless t has the shape.
func (t Tensor) check(name string, shape ...int) error {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if !slices.Equal(t.Shape, shape) || len(t.Data) != n {
		return fmt.Errorf("%s has the shape %v and %d elements, want %v", name, t.Shape, len(t.Data), shape)
	}
	return nil
}

// part returns slice i of n along the first axis.
func (t Tensor) part(i, n int) []float32 {
	size := len(t.Data) / n
	return t.Data[i*size : (i+1)*size]
}

type cell string

const (
	isLSTM cell = "LSTM"
	isGRU  cell = "GRU"
	isRNN  cell = "RNN"
)

// A network is a Network with what its Config says in one form for all cells.
type network struct {
	cell                   cell
	hidden, gates          int
	bidirectional, reverse bool
	merge                  lstm.Merge // one type in all three packages
	bias                   bool
	resetBefore, textbook  bool
	activation             rnn.Activation
	dirs                   []params // layer by layer, forward before reverse
}

// params are the parameters of one direction of one layer.
type params struct {
	suffix   string // of PyTorch's names
	in       int
	ih, hh   []float32
	bih, bhh []float32 // nil without biases
}

// view returns the network whose parameters are those of net.
func view[N Network](net N) *network {
	n := network{activation: rnn.Tanh}
	var each func(func(name string, w []float32, shape ...int))
	switch l := any(net).(type) {
	case *lstm.Layer:
		c := l.Config()
		n = network{cell: isLSTM, activation: rnn.Tanh, gates: 4, hidden: c.Hidden, bidirectional: c.Bidirectional, reverse: c.Reverse, merge: c.Merge, bias: !c.NoBias}
		each = l.EachParam
	case *gru.Layer:
		c := l.Config()
		n = network{cell: isGRU, activation: rnn.Tanh, gates: 3, hidden: c.Hidden, bidirectional: c.Bidirectional, reverse: c.Reverse, merge: c.Merge, bias: !c.NoBias,
			resetBefore: c.ResetBefore, textbook: c.Textbook}
		each = l.EachParam
	case *rnn.Layer:
		c := l.Config()
		n = network{cell: isRNN, gates: 1, hidden: c.Hidden, bidirectional: c.Bidirectional, reverse: c.Reverse, merge: c.Merge, bias: !c.NoBias,
			activation: c.Activation}
		each = l.EachParam
	}
	const first = len("weight_ih")
	each(func(name string, w []float32, shape ...int) {
		switch name[:min(first, len(name))] {
		case "weight_ih":
			n.dirs = append(n.dirs, params{suffix: name[first:], in: shape[1], ih: w})
		case "weight_hh":
			n.last().hh = w
		default:
			if name[:len("bias_ih")] == "bias_ih" {
				n.last().bih = w
			} else {
				n.last().bhh = w
			}
		}
	})
	return &n
}

func (n *network) last() *params { return &n.dirs[len(n.dirs)-1] }

// directions is 1 or 2, and layers what is left.
func (n *network) directions() int {
	if n.bidirectional {
		return 2
	}
	return 1
}

func (n *network) layers() int { return len(n.dirs) / n.directions() }

func (n *network) rows() int { return n.gates * n.hidden }

// reversed reports whether direction d of a layer reads from the end.
func (n *network) reversed(d int) bool { return n.reverse || d == 1 }

// blank returns parameters like those of direction i, all +0, with biases.
func (n *network) blank(i int) params {
	p := n.dirs[i]
	p.ih, p.hh = make([]float32, len(p.ih)), make([]float32, len(p.hh))
	p.bih, p.bhh = make([]float32, n.rows()), make([]float32, n.rows())
	return p
}

// out returns a copy of direction i in the form that other libraries share, with
// biases.
func (n *network) out(i int) params {
	p, w := n.blank(i), n.dirs[i]
	copy(p.ih, w.ih)
	copy(p.hh, w.hh)
	copy(p.bih, w.bih)
	copy(p.bhh, w.bhh)
	n.exchange(p)
	return p
}

// exchange turns the z of a textbook GRU into 1-z and back.
func (n *network) exchange(p params) {
	if !n.textbook {
		return
	}
	for _, w := range [][]float32{p.ih, p.hh, p.bih, p.bhh} {
		size := len(w) / n.gates
		for i := size; i < 2*size; i++ {
			w[i] = -w[i]
		}
	}
}

// take writes what came in, one params for each direction, to the network.
func (n *network) take(in []params) error {
	if !n.bias {
		for _, p := range in {
			for _, b := range [][]float32{p.bih, p.bhh} {
				if i := slices.IndexFunc(b, func(v float32) bool { return v != 0 }); i >= 0 {
					return fmt.Errorf("a bias of %v for a network with Config.NoBias", b[i])
				}
			}
		}
	}
	for i, p := range in {
		n.exchange(p)
		w := n.dirs[i]
		copy(w.ih, p.ih)
		copy(w.hh, p.hh)
		copy(w.bih, p.bih)
		copy(w.bhh, p.bhh)
	}
	return nil
}

// merged is the one bias that stands for both.
func (p params) merged() []float32 {
	b := make([]float32, len(p.bih))
	for i := range b {
		b[i] = p.bih[i] + p.bhh[i]
	}
	return b
}

// An order says which gate here stands at each place there.
type order []int

// each calls f with the places of an element of a matrix [G*H][width] here, in
// the other library's rows, [G*H][width], and in its columns, [width][G*H].
func (o order) each(hidden, width int, f func(here, rows, columns int)) {
	wide := len(o) * hidden
	for there, gate := range o {
		for u := range hidden {
			for i := range width {
				f((gate*hidden+u)*width+i, (there*hidden+u)*width+i, i*wide+there*hidden+u)
			}
		}
	}
}

func (o order) toRows(dst, src []float32, hidden int) {
	o.each(hidden, len(src)/(len(o)*hidden), func(here, rows, _ int) { dst[rows] = src[here] })
}

func (o order) fromRows(dst, src []float32, hidden int) {
	o.each(hidden, len(dst)/(len(o)*hidden), func(here, rows, _ int) { dst[here] = src[rows] })
}

func (o order) toColumns(dst, src []float32, hidden int) {
	o.each(hidden, len(src)/(len(o)*hidden), func(here, _, columns int) { dst[columns] = src[here] })
}

func (o order) fromColumns(dst, src []float32, hidden int) {
	o.each(hidden, len(dst)/(len(o)*hidden), func(here, _, columns int) { dst[here] = src[columns] })
}

// The orders of gates i f g o and r z n in other libraries; a plain layer has
// one gate.
var (
	orderKeras = map[cell]order{isLSTM: {0, 1, 2, 3}, isGRU: {1, 0, 2}, isRNN: {0}}
	orderONNX  = map[cell]order{isLSTM: {0, 3, 1, 2}, isGRU: {1, 0, 2}, isRNN: {0}}
	orderHaste = map[cell]order{isLSTM: {0, 2, 1, 3}, isGRU: {1, 0, 2}}
)

// concat returns an error unless the outputs of the directions stand side by
// side.
func (n *network) concat(what string) error {
	if n.bidirectional && n.merge != lstm.Concat {
		return fmt.Errorf("%s; Config.Merge is %v", what, n.merge)
	}
	return nil
}

// count returns an error unless there are as many items as wanted.
func count(got, want int, each string) error {
	if got != want {
		return fmt.Errorf("%d given, want %d: one for each %s", got, want, each)
	}
	return nil
}

// wrap says whose conversion failed.
func wrap(library string, err error) error {
	if err != nil {
		return fmt.Errorf("convert: %s: %w", library, err)
	}
	return nil
}

var errResetBefore = errors.New("its GRU applies the reset gate after the product, which Config.ResetBefore excludes")
