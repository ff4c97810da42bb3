package seq

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Net is the structure and the weights of a stack of recurrent layers.
type Net struct {
	Kind    string // the user's package, for messages
	Cell    Cell
	Shape   Shape
	Input   int
	Layers  int
	Reverse []bool    // for each direction: whether it runs from the last step to the first
	Merge   Merge     // of two directions
	Workers int       // 0 = automatic
	W       []Weights // layer by layer, inside a layer in the order of Reverse
}

// Weights are the parameters of one direction of one layer, or gradients of
// the same shapes.
type Weights struct {
	In             int       // columns of W_ih
	Ih             []float32 // [Gates][In]
	Hh             []float32 // [Gates][States[0]]
	BiasIh, BiasHh []float32 // [Gates]; nil in a network without biases
	names          [4]string
}

// A Source gives a parameter its memory and its values.
type Source func(name string, shape ...int) ([]float32, error)

// Zeros is the Source of parameters that are +0.
func Zeros(_ string, shape ...int) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return make([]float32, n), nil
}

// NewNet completes a Net: it asks src for the parameters, in EachParam's order.
// It returns an error if SIMDRNN_ISA cannot be followed, if a size is too large,
// or if src does. That sizes are positive is the caller's to check.
func NewNet(n Net, bias bool, src Source) (*Net, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, fmt.Errorf("%s: %w", n.Kind, err)
	}
	n.Shape = n.Cell.Shape()
	h := n.Shape.States[0]
	out, ok := mul(len(n.Reverse), h)
	if ok {
		_, ok = mul(n.Shape.Gates, max(n.Input, out), len(n.Reverse), n.Layers)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %d inputs, %d hidden units, %d layers: more than %d weights; choose smaller sizes", n.Kind, n.Input, h, n.Layers, int(most))
	}
	var err error
	n.W, err = n.weights(bias, src)
	return &n, err
}

// most is the largest number of elements that a buffer may have. Sums of a few
// such numbers, counted in bytes, stay within an int.
const most = min(math.MaxInt/32, 1<<40)

// mul multiplies sizes and says whether they are not negative and the product
// is at most most.
func mul(a ...int) (int, bool) {
	p := uint(1)
	for _, v := range a {
		hi, lo := bits.Mul(p, uint(v))
		if v < 0 || hi != 0 || lo > most {
			return 0, false
		}
		p = lo
	}
	return int(p), true
}

func (n *Net) weights(bias bool, src Source) ([]Weights, error) {
	h, gates := n.Shape.States[0], n.Shape.Gates
	var ws []Weights
	in := n.Input
	for l := range n.Layers {
		for _, reverse := range n.Reverse {
			suffix := "_l" + strconv.Itoa(l)
			if reverse {
				suffix += "_reverse"
			}
			w := Weights{In: in, names: [4]string{"weight_ih" + suffix, "weight_hh" + suffix, "bias_ih" + suffix, "bias_hh" + suffix}}
			var err error
			get := func(name string, shape ...int) []float32 {
				if err != nil {
					return nil
				}
				var p []float32
				p, err = src(name, shape...)
				return p
			}
			w.Ih = get(w.names[0], gates, in)
			w.Hh = get(w.names[1], gates, h)
			if bias {
				w.BiasIh = get(w.names[2], gates)
				w.BiasHh = get(w.names[3], gates)
			}
			if err != nil {
				return nil, err
			}
			ws = append(ws, w)
		}
		in = n.Out()
	}
	return ws, nil
}

// Out is the width of the network's output.
func (n *Net) Out() int {
	if n.merging() {
		return n.Shape.States[0]
	}
	return n.wide()
}

// wide is the width of the outputs of all directions side by side.
func (n *Net) wide() int { return len(n.Reverse) * n.Shape.States[0] }

// EachParam calls f for each parameter in the order in which everything that
// walks over parameters does: layer by layer, direction by direction, W_ih,
// W_hh, b_ih, b_hh.
func (n *Net) EachParam(f func(name string, w []float32, shape ...int)) {
	for i := range n.W {
		w := &n.W[i]
		for k, v := range w.tensors() {
			switch {
			case v == nil:
			case k < 2:
				f(w.names[k], v, n.Shape.Gates, len(v)/n.Shape.Gates)
			default:
				f(w.names[k], v, n.Shape.Gates)
			}
		}
	}
}

func (w *Weights) tensors() [4][]float32 { return [4][]float32{w.Ih, w.Hh, w.BiasIh, w.BiasHh} }

// packing is the weights of one direction of one layer as the products want
// them.
type packing struct {
	in    *kernels.Packed   // W_ih transposed, [In][Gates]
	recur []*kernels.Packed // the blocks of W_hh transposed, [H][Rows]
	bias  []float32         // fl(b_ih + b_hh), b_ih for rows of a block apart; nil without biases
	apart [][]float32       // for each block apart its rows of b_hh, nil for others

	// For the backward pass.
	inBack    *kernels.Packed   // W_ih, [Gates][In]
	recurBack []*kernels.Packed // the blocks of W_hh, [Rows][H]
}

func (n *Net) newPacking(isa kernels.ISA, w *Weights, back bool) packing {
	h := n.Shape.States[0]
	p := packing{in: isa.NewPacked(w.In, n.Shape.Gates)}
	if w.BiasIh != nil {
		p.bias = make([]float32, n.Shape.Gates)
	}
	if back {
		p.inBack = isa.NewPacked(n.Shape.Gates, w.In)
	}
	for _, b := range n.Shape.Recur {
		p.recur = append(p.recur, isa.NewPacked(h, b.Rows))
		var bias []float32
		if b.Apart && p.bias != nil {
			bias = make([]float32, b.Rows)
		}
		p.apart = append(p.apart, bias)
		if back {
			p.recurBack = append(p.recurBack, isa.NewPacked(b.Rows, h))
		}
	}
	return p
}

// packIn and packRecur fill the forward part of p.
func (p *packing) packIn(n *Net, isa kernels.ISA, w *Weights) {
	p.in.Pack(true, w.Ih, w.In)
	if p.bias == nil {
		return
	}
	isa.Add(p.bias, w.BiasIh, w.BiasHh)
	for _, b := range n.Shape.Recur {
		if b.Apart {
			copy(p.bias[b.Row:b.Row+b.Rows], w.BiasIh[b.Row:])
		}
	}
}

func (p *packing) packRecur(n *Net, w *Weights) {
	h := n.Shape.States[0]
	for i, b := range n.Shape.Recur {
		p.recur[i].Pack(true, w.Hh[b.Row*h:], h)
		if p.apart[i] != nil {
			copy(p.apart[i], w.BiasHh[b.Row:])
		}
	}
}

// packRecurBack fills the backward part of p but for inBack.
func (p *packing) packRecurBack(n *Net, w *Weights) {
	h := n.Shape.States[0]
	for i, b := range n.Shape.Recur {
		p.recurBack[i].Pack(false, w.Hh[b.Row*h:], h)
	}
}
