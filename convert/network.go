package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// Network is what can be converted. All functions of this package panic if it is nil.
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
	hidden                 int
	width                  int // of h: hidden, or that of a projection
	gates                  int // blocks of rows of a parameter
	bidirectional, reverse bool
	merge                  lstm.Merge // of any of the three packages, which number them alike
	bias                   bool
	resetBefore, textbook  bool
	peephole, coupled      bool
	clip                   float32
	layerNorm              bool
	functions              []rnn.Activation // ONNX's f, g and h, as many as the cell has
	options                []string         // the fields of Config in use that not every library has
	dirs                   []params         // layer by layer, forward before reverse
}

// params are the parameters of one direction of one layer; nil for those that its
// network does without.
type params struct {
	suffix       string // of PyTorch's names
	in           int
	ih, hh       []float32
	bih, bhh     []float32
	hr           []float32 // of the projection
	peephole     []float32
	gih, ghh, gc []float32 // gains of layer norm
	bc           []float32
}

// all are the tensors of p.
func (p *params) all() []*[]float32 {
	return []*[]float32{&p.ih, &p.hh, &p.bih, &p.bhh, &p.hr, &p.peephole, &p.gih, &p.ghh, &p.gc, &p.bc}
}

// named is the tensor of p that EachParam calls by the name.
func (p *params) named(name string) *[]float32 {
	return map[string]*[]float32{
		"weight_ih": &p.ih, "weight_hh": &p.hh, "bias_ih": &p.bih, "bias_hh": &p.bhh, "weight_hr": &p.hr,
		"weight_peephole": &p.peephole, "gain_ih": &p.gih, "gain_hh": &p.ghh, "gain_c": &p.gc, "bias_c": &p.bc,
	}[name]
}

// masks are the fields of Config that act in training alone.
var masks = []string{"Dropout", "InputDropout", "HiddenDropout", "WeightDropout"}

// view returns the network whose parameters are those of net. It panics if net is nil.
func view[N Network](net N) *network {
	if net == nil {
		panic(fmt.Sprintf("convert: a nil %T; give it what New, NewZero or Load of its package returned", net))
	}
	var n network
	var each func(func(name string, w []float32, shape ...int))
	option := func(field string, used bool) {
		if used {
			n.options = append(n.options, field)
		}
	}
	maskOptions := func(p ...float32) {
		for i, p := range p {
			option(masks[i], p > 0)
		}
	}
	switch l := any(net).(type) {
	case *lstm.Layer:
		c := l.Config()
		each, n = l.EachParam, network{cell: isLSTM, gates: 4, hidden: c.Hidden, width: c.Projection,
			bidirectional: c.Bidirectional, reverse: c.Reverse, merge: c.Merge, bias: !c.NoBias,
			peephole: c.Peephole, coupled: c.Coupled, clip: c.Clip, layerNorm: c.LayerNorm,
			functions: []rnn.Activation{rnn.Activation(c.GateActivation), rnn.Activation(c.CandidateActivation), rnn.Activation(c.OutputActivation)}}
		if c.Coupled {
			n.gates = 3
		}
		option("Projection", c.Projection > 0)
		option("Peephole", c.Peephole)
		option("Coupled", c.Coupled)
		option("CellClip", c.CellClip > 0)
		option("Zoneout", c.Zoneout > 0)
		option("ZoneoutCell", c.ZoneoutCell > 0)
		maskOptions(c.Dropout, c.InputDropout, c.HiddenDropout, c.WeightDropout)
	case *gru.Layer:
		c := l.Config()
		each, n = l.EachParam, network{cell: isGRU, gates: 3, hidden: c.Hidden,
			bidirectional: c.Bidirectional, reverse: c.Reverse, merge: lstm.Merge(c.Merge), bias: !c.NoBias,
			resetBefore: c.ResetBefore, textbook: c.Textbook, clip: c.Clip, layerNorm: c.LayerNorm,
			functions: []rnn.Activation{rnn.Activation(c.GateActivation), rnn.Activation(c.CandidateActivation)}}
		option("Zoneout", c.Zoneout > 0)
		maskOptions(c.Dropout, c.InputDropout, c.HiddenDropout, c.WeightDropout)
	case *rnn.Layer:
		c := l.Config()
		each, n = l.EachParam, network{cell: isRNN, gates: 1, hidden: c.Hidden,
			bidirectional: c.Bidirectional, reverse: c.Reverse, merge: lstm.Merge(c.Merge), bias: !c.NoBias,
			clip: c.Clip, layerNorm: c.LayerNorm, functions: []rnn.Activation{c.Activation}}
		option("Zoneout", c.Zoneout > 0)
		maskOptions(c.Dropout, c.InputDropout, c.HiddenDropout, c.WeightDropout)
	}
	option("Clip", n.clip > 0)
	option("LayerNorm", n.layerNorm)
	if n.width == 0 {
		n.width = n.hidden
	}
	each(func(name string, w []float32, shape ...int) {
		at := strings.Index(name, "_l")
		if name[:at] == "weight_ih" {
			n.dirs = append(n.dirs, params{suffix: name[at:], in: shape[1]})
		}
		*n.dirs[len(n.dirs)-1].named(name[:at]) = w
	})
	return &n
}

// viewForImport is view for an import. Masks that act in training alone say nothing about
// the weights that come in.
func viewForImport[N Network](net N) *network {
	n := view(net)
	n.options = slices.DeleteFunc(n.options, func(field string) bool { return slices.Contains(masks, field) })
	return n
}

// hasOnly returns an error if Config uses an option that is not among those that a
// library has.
func (n *network) hasOnly(has ...string) error {
	for _, field := range n.options {
		if slices.Contains(has, field) {
			continue
		}
		what := map[string]string{
			"Projection": "no projection of h", "Peephole": "no peepholes", "Coupled": "no forget gate that is 1-i",
			"Clip": "no limit on what goes into its activations", "CellClip": "no limit on c", "LayerNorm": "no layer norm in the cell",
			"Zoneout": "no zoneout", "ZoneoutCell": "no zoneout of c", "Dropout": "no dropout between layers",
			"InputDropout": "no dropout of inputs by one mask for a sequence", "HiddenDropout": "no dropout of h by one mask for a sequence",
			"WeightDropout": "no dropout of W_hh",
		}[field]
		if slices.Contains(masks, field) {
			return fmt.Errorf("it has %s, which Config.%s asks for in training", what, field)
		}
		return fmt.Errorf("it has %s, which Config.%s asks for", what, field)
	}
	return nil
}

// defaultFunctions returns an error unless an LSTM or a GRU has the sigmoid and tanh,
// the activations that every library has.
func (n *network) defaultFunctions() error {
	if n.cell == isRNN {
		return nil
	}
	for i, f := range n.functions {
		if want := []rnn.Activation{rnn.Sigmoid, rnn.Tanh, rnn.Tanh}[i]; f != want {
			return fmt.Errorf("its %s has %v where Config.%s is %v", n.cell, want, functionFields[i], f)
		}
	}
	return nil
}

var functionFields = []string{"GateActivation", "CandidateActivation", "OutputActivation"}

// canNegateZ returns an error unless a textbook's z becomes 1-z when the weights of
// its gate change their signs.
func (n *network) canNegateZ() error {
	if !n.textbook || n.functions[0] == rnn.Sigmoid {
		return nil
	}
	if name, p := n.functions[0].ONNX(); name == "HardSigmoid" && p[1] == 0.5 {
		return nil
	}
	return fmt.Errorf("Config.Textbook needs 1-z in place of z, which no weights give where Config.GateActivation is %v", n.functions[0])
}

// directions and layers are their numbers.
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

// blank returns parameters like those of direction i, all +0, and with all the
// biases that there can be.
func (n *network) blank(i int) params {
	p := n.dirs[i]
	for _, w := range p.all() {
		if *w != nil {
			*w = make([]float32, len(*w))
		}
	}
	p.bih, p.bhh = make([]float32, n.rows()), make([]float32, n.rows())
	p.bc = make([]float32, len(p.gc))
	return p
}

// export returns a copy of direction i in the form that other libraries share, with
// biases.
func (n *network) export(i int) params {
	p := n.blank(i)
	copyAll(p, n.dirs[i])
	n.negateZ(p)
	return p
}

func copyAll(dst, src params) {
	to, from := dst.all(), src.all()
	for k := range to {
		copy(*to[k], *from[k])
	}
}

// negateZ turns the z of a textbook GRU into 1-z and back.
func (n *network) negateZ(p params) {
	if !n.textbook {
		return
	}
	list := [][]float32{p.ih, p.hh, p.bih, p.bhh}
	if n.layerNorm { // it takes the products of all gates together: their signs stay
		list = [][]float32{p.gih, p.ghh, p.bih, p.bhh}
	}
	for _, w := range list {
		size := len(w) / n.gates
		for i := size; i < 2*size; i++ {
			w[i] = -w[i]
		}
	}
}

// fill writes what came in, one params for each direction, to the network.
func (n *network) fill(in []params) error {
	if !n.bias {
		for _, p := range in {
			for _, b := range [][]float32{p.bih, p.bhh, p.bc} {
				if i := slices.IndexFunc(b, func(v float32) bool { return v != 0 }); i >= 0 {
					return fmt.Errorf("a bias of %v for a network with Config.NoBias", b[i])
				}
			}
		}
	}
	for i, p := range in {
		n.negateZ(p)
		copyAll(n.dirs[i], p)
	}
	return nil
}

// merged is b_ih + b_hh, the one bias of libraries that have no second.
func (p params) merged() []float32 {
	b := make([]float32, len(p.bih))
	for i := range b {
		b[i] = p.bih[i] + p.bhh[i]
	}
	return b
}

// An order is the order of the gates in another library: for each place there, the
// number of the gate here. noGate is a gate that has no weights here; its weights there
// are +0.
type order []int

const noGate = -1

// each calls f with the places of an element of a matrix [G*H][width] here, in
// the other library's rows, [G*H][width], and in its columns, [width][G*H], where
// the matrix has n elements.
func (o order) each(hidden, n int, f func(here, rows, columns int)) {
	wide := len(o) * hidden
	width := n / wide
	for there, gate := range o {
		if gate == noGate {
			continue
		}
		for u := range hidden {
			for i := range width {
				f((gate*hidden+u)*width+i, (there*hidden+u)*width+i, i*wide+there*hidden+u)
			}
		}
	}
}

func (o order) toRows(dst, src []float32, hidden int) {
	o.each(hidden, len(dst), func(here, rows, _ int) { dst[rows] = src[here] })
}

func (o order) fromRows(dst, src []float32, hidden int) {
	o.each(hidden, len(src), func(here, rows, _ int) { dst[here] = src[rows] })
}

func (o order) toColumns(dst, src []float32, hidden int) {
	o.each(hidden, len(dst), func(here, _, columns int) { dst[columns] = src[here] })
}

func (o order) fromColumns(dst, src []float32, hidden int) {
	o.each(hidden, len(src), func(here, _, columns int) { dst[here] = src[columns] })
}

// The orders of gates i f g o and r z n in other libraries; a plain layer has
// one gate.
var (
	orderKeras = map[cell]order{isLSTM: {0, 1, 2, 3}, isGRU: {1, 0, 2}, isRNN: {0}}
	orderHaste = map[cell]order{isLSTM: {0, 2, 1, 3}, isGRU: {1, 0, 2}}
)

// sideBySide returns an error if the directions are merged in another way than side
// by side; library says what the other library does with them.
func (n *network) sideBySide(library string) error {
	if n.bidirectional && n.merge != lstm.Concat {
		return fmt.Errorf("%s; Config.Merge is %v", library, n.merge)
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
