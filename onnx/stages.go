package onnx

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A Recurrent is a layer over time as a stage without steps and rows of its own: chains
// unroll the layer for theirs. Chains that have the same layer share its weights. It can be
// a part of nn.Sequential, nn.Residual and nn.Parallel.
type Recurrent struct {
	// Layer is a *lstm.Layer, a *gru.Layer or a *rnn.Layer.
	Layer any

	// Initial is the state that every row begins with, like the parameters of an
	// nn.LearnedState: h, and c of an LSTM, each [Layers*Directions][width]. nil stands
	// for zero. Each chain has a copy of it.
	Initial [][]float32
}

// Dims returns the widths of the layer, and 0 steps and rows: it takes those of the chain.
// They are 0 for a Layer that is nil or of another type, for which Bind returns an error.
func (r Recurrent) Dims() (steps, batch, in, out int) {
	switch l := r.Layer.(type) {
	case *lstm.Layer:
		if l != nil {
			c := l.Config()
			return 0, 0, c.Input, widthOfLayer(c.Projection, c.Hidden, c.Bidirectional && c.Merge == lstm.Concat)
		}
	case *gru.Layer:
		if l != nil {
			c := l.Config()
			return 0, 0, c.Input, widthOfLayer(0, c.Hidden, c.Bidirectional && c.Merge == gru.Concat)
		}
	case *rnn.Layer:
		if l != nil {
			c := l.Config()
			return 0, 0, c.Input, widthOfLayer(0, c.Hidden, c.Bidirectional && c.Merge == rnn.Concat)
		}
	}
	return 0, 0, 0, 0
}

func widthOfLayer(projection, hidden int, twice bool) int {
	if projection > 0 {
		hidden = projection
	}
	if twice {
		hidden *= 2
	}
	return hidden
}

// Bind unrolls the layer for a chain: see nn.Unsized. It returns an error for a Layer of
// another type, and where Initial does not fit.
func (r Recurrent) Bind(b *nn.Binding) (nn.Net, error) {
	net := unrolled(r.Layer, b.Steps, b.Batch, b.Infer)
	if net == nil {
		return nil, fmt.Errorf("a Recurrent with the layer %T, want a *lstm.Layer, a *gru.Layer or a *rnn.Layer, none of them nil", r.Layer)
	}
	if r.Initial == nil {
		return net, nil
	}
	learned, err := nn.NewLearnedState(net)
	if err != nil {
		return nil, err
	}
	if err := setInitial(learned, net, r.Initial); err != nil {
		return nil, err
	}
	return learned, nil
}

// unrolled is the Net of a layer, nil if it is none.
func unrolled(layer any, steps, batch int, infer bool) nn.Net {
	switch l := layer.(type) {
	case *lstm.Layer:
		if l == nil {
			return nil
		} else if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	case *gru.Layer:
		if l == nil {
			return nil
		} else if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	case *rnn.Layer:
		if l == nil {
			return nil
		} else if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	}
	return nil
}

// setInitial sets the parameters that learned has beside those of net.
func setInitial(learned *nn.LearnedState, net nn.Net, initial [][]float32) error {
	ours := 0
	net.EachParam(func(string, []float32, []float32) { ours-- })
	var err error
	learned.EachParam(func(name string, w, _ []float32) {
		if ours++; ours > 0 && err == nil {
			switch {
			case ours > len(initial):
				err = fmt.Errorf("a Recurrent with %d initial states, want one more: %s", len(initial), name)
			case len(initial[ours-1]) != len(w):
				err = fmt.Errorf("a Recurrent whose initial state %s has %d elements, want %d", name, len(initial[ours-1]), len(w))
			default:
				copy(w, initial[ours-1])
			}
		}
	})
	if err == nil && ours < len(initial) {
		err = fmt.Errorf("a Recurrent with %d initial states, want %d", len(initial), ours)
	}
	learned.Reset()
	return err
}

// A Pick is a stage whose output has some elements of its input, in any order: element i is
// element From[i]. It is what networks are given where a file takes directions apart, or
// puts units in another order.
type Pick struct {
	Width int   // of the input
	From  []int // for each element of the output, which one of the input it is

	// First says of each element of the output whether it is, at all steps, that of the
	// first step of the Forward: at the first step a direction that reads from the end is
	// done. nil stands for none. With it there is no predictor, which does not know the
	// future.
	First []bool

	// Last says that the output at every step is that of the last step of the row in this Forward:
	// a vector that is repeated, as the decoder of an autoencoder reads it. Then First has to
	// be nil, and there is no predictor. A Forward has whole sequences.
	Last bool
}

// Dims returns the widths, with 0 steps and rows: those of the chain are taken.
func (p *Pick) Dims() (steps, batch, in, out int) { return 0, 0, p.Width, len(p.From) }

// Bind makes the Pick a Net for a chain: see nn.Unsized. It returns an error if an entry of
// From is not in the input, if First is of another length than From, or with both First and Last.
func (p *Pick) Bind(b *nn.Binding) (nn.Net, error) {
	if p.Last && p.First != nil {
		return nil, errors.New("a Pick with First and Last: an element is that of the first step or of the last, so one of them has to be left out")
	}
	if p.First != nil && len(p.First) != len(p.From) {
		return nil, fmt.Errorf("a Pick with %d entries of First, want %d, those of From, or nil", len(p.First), len(p.From))
	}
	for i, from := range p.From {
		if from < 0 || from >= p.Width {
			return nil, fmt.Errorf("a Pick whose element %d is element %d of an input of width %d", i, from, p.Width)
		}
	}
	n := &pick{Stateless: b.Stateless(len(p.From)), of: p, batch: b.Batch, future: p.Last}
	for _, first := range p.First {
		n.future = n.future || first
	}
	return n, nil
}

// pick is a Pick within one chain.
type pick struct {
	nn.Stateless
	of     *Pick
	batch  int
	future bool
}

// source is the place of an element of row p in the input.
func (n *pick) source(p, i int) int {
	switch {
	case n.of.Last:
		b := p % n.batch
		p = max(0, n.Length(b)-1)*n.batch + b
	case n.future && n.of.First[i]:
		p %= n.batch
	}
	return p*n.of.Width + n.of.From[i]
}

func (n *pick) Forward(y, x []float32) {
	width := len(n.of.From)
	for at := range y {
		y[at] = x[n.source(at/width, at%width)]
	}
	n.ClearPadding(y, width)
}

func (n *pick) Backward(dx, dy []float32) {
	if dx == nil {
		return
	}
	clear(dx)
	width := len(n.of.From)
	for _, p := range n.Pairs() {
		for i := range width {
			dx[n.source(int(p), i)] += dy[int(p)*width+i]
		}
	}
}

// SetResets returns an error where a row begins anew inside a Forward, and the first or the last
// step of it is wanted: which one that is changes in between.
func (n *pick) SetResets(resets [][]int) error {
	for b, list := range resets {
		if n.future && len(list) > 0 {
			return fmt.Errorf("onnx: a Pick with elements of the first or the last step takes whole sequences: row %d cannot begin anew at step %d", b, list[0])
		}
	}
	return nil
}

// NewPredictor returns an error where First or Last needs the future; else the chain binds the
// stage anew.
func (n *pick) NewPredictor(batch int) (any, error) {
	if n.of.Last {
		return nil, errors.New("onnx: a Pick with the last step, which is repeated from the first on: a predictor would have to know the future")
	}
	if n.future {
		return nil, errors.New("onnx: a Pick with elements of the first step, which are final states of a direction that reads from the end: a predictor would have to know the future")
	}
	return n.Stateless.NewPredictor(batch)
}

// A Scale is a stage that multiplies each element of a vector by a number of its own and adds
// another: y = Factor*x + Shift, each operation rounded. The numbers are constants, not
// parameters. It is what networks are given where a file scales the input, or has a batch
// normalisation of inference.
type Scale struct {
	// Factor and Shift have the width of the stage; nil for one of them leaves it out.
	Factor, Shift []float32
}

// Dims returns the width, with 0 steps and rows: those of the chain are taken.
func (s *Scale) Dims() (steps, batch, in, out int) {
	width := max(len(s.Factor), len(s.Shift))
	return 0, 0, width, width
}

// Bind makes the Scale a Net for a chain: see nn.Unsized. It returns an error if Factor and
// Shift have different lengths, or both none.
func (s *Scale) Bind(b *nn.Binding) (nn.Net, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return &scale{Stateless: b.Stateless(b.Width), of: s}, nil
}

// ofOne is s of one element, of a Scale that has the same numbers for all elements.
func (s *Scale) ofOne() *Scale {
	return &Scale{Factor: s.Factor[:min(1, len(s.Factor))], Shift: s.Shift[:min(1, len(s.Shift))]}
}

func (s *Scale) check() error {
	f, h := len(s.Factor), len(s.Shift)
	if f != h && f > 0 && h > 0 || f+h == 0 {
		return fmt.Errorf("a Scale with %d elements of Factor and %d of Shift, want the same number, or one of them nil", f, h)
	}
	return nil
}

// scale is a Scale within one chain.
type scale struct {
	nn.Stateless
	of *Scale
}

func (n *scale) Forward(y, x []float32) {
	n.multiplied(y, x)
	if h := n.of.Shift; h != nil {
		for i := range y {
			y[i] += h[i%len(h)]
		}
	}
	_, _, _, width := n.of.Dims()
	n.ClearPadding(y, width)
}

func (n *scale) multiplied(dst, src []float32) {
	copy(dst, src)
	if f := n.of.Factor; f != nil {
		for i := range dst {
			dst[i] *= f[i%len(f)]
		}
	}
}

func (n *scale) Backward(dx, dy []float32) {
	if dx != nil {
		n.multiplied(dx, dy)
		_, _, _, width := n.of.Dims()
		n.ClearPadding(dx, width)
	}
}

// A Softmax is a stage, of any width, that gives the probabilities of logits:
// y = e^x / sum of e^x, for each step. Packages loss and decode take logits, so networks that
// are trained here do without.
type Softmax struct{}

// A LogSoftmax is a stage, of any width, that gives the logarithms of the probabilities of
// logits: y = x - log(sum of e^x).
type LogSoftmax struct{}

// Dims returns zeros: any width will do.
func (Softmax) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

// Dims returns zeros: any width will do.
func (LogSoftmax) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

// Bind makes the Softmax a Net for a chain: see nn.Unsized.
func (Softmax) Bind(b *nn.Binding) (nn.Net, error) { return newSoftmax(b, false), nil }

// Bind makes the LogSoftmax a Net for a chain: see nn.Unsized.
func (LogSoftmax) Bind(b *nn.Binding) (nn.Net, error) { return newSoftmax(b, true), nil }

func newSoftmax(b *nn.Binding, log bool) *softmax {
	n := &softmax{Stateless: b.Stateless(b.Width), width: b.Width, log: log}
	if !b.Infer {
		n.p = make([]float32, b.Steps*b.Batch*b.Width)
	}
	return n
}

// softmax is a Softmax or a LogSoftmax within one chain.
type softmax struct {
	nn.Stateless
	width int
	log   bool
	p     []float32 // the probabilities; nil in a chain for inference
}

func (n *softmax) Forward(y, x []float32) {
	for at := 0; at < len(y); at += n.width {
		in, out := x[at:at+n.width], y[at:at+n.width]
		top, sum := kernels.Softmax(out, in)
		if n.p != nil {
			copy(n.p[at:at+n.width], out)
		}
		if !n.log {
			continue
		}
		log := kernels.Log(float64(sum))
		for i, v := range in {
			out[i] = float32(float64(v) - float64(top) - log)
		}
	}
	n.ClearPadding(y, n.width)
}

// Backward sets dx = p*(dy - sum of dy*p), of logarithms dx = dy - p * sum of dy.
func (n *softmax) Backward(dx, dy []float32) {
	if dx == nil {
		return
	}
	for _, pair := range n.Pairs() {
		at := int(pair) * n.width
		p, d, to := n.p[at:at+n.width], dy[at:at+n.width], dx[at:at+n.width]
		if n.log {
			sum := kernels.Sum(d)
			for i := range to {
				to[i] = d[i] - float32(p[i]*sum)
			}
			continue
		}
		sum := kernels.Dot(d, p)
		for i := range to {
			to[i] = float32(p[i] * (d[i] - sum))
		}
	}
	n.ClearPadding(dx, n.width)
}
