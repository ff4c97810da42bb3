package oracle

import (
	"fmt"
	"strings"
)

// Kind is one of the parameters that a layer's direction may have.
type Kind string

const (
	WeightIH       Kind = "weight_ih"       // [G*H][In]
	WeightHH       Kind = "weight_hh"       // [G*H][width of h]
	BiasIH         Kind = "bias_ih"         // [G*H]
	BiasHH         Kind = "bias_hh"         // [G*H]
	WeightHR       Kind = "weight_hr"       // [P][H], the projection
	WeightPeephole Kind = "weight_peephole" // [3*H], rows i f o; [2*H], rows i o, with coupled gates
	GainIH         Kind = "gain_ih"         // [G*H], layer norm of W_ih x
	GainHH         Kind = "gain_hh"         // [G*H], layer norm of W_hh h
	GainC          Kind = "gain_c"          // [H], layer norm of c
	BiasC          Kind = "bias_c"          // [H]
)

// Param is a parameter with its shape; a vector has one column.
type Param struct {
	Kind       Kind
	Rows, Cols int
}

// bias reports whether a model without biases lacks the parameter.
func (p Param) bias() bool { return strings.HasPrefix(string(p.Kind), "bias") }

// Weights are the parameters of one layer and direction.
type Weights[N any] map[Kind][]N

// Outer is one row's share in the gradient of a parameter, counted from its row
// Row: D In^T for a matrix, D for a vector (In nil).
type Outer[N any] struct {
	Param Kind
	Row   int
	D, In []N
}

// gateParams are the parameters of a cell with g gates: those of the two products
// and their layer norm.
func gateParams(s Shape, g, in int, layerNorm bool) []Param {
	rows := g * s.Hidden
	p := []Param{{WeightIH, rows, in}, {WeightHH, rows, s.width()}, {BiasIH, rows, 1}, {BiasHH, rows, 1}}
	if layerNorm {
		p = append(p, Param{GainIH, rows, 1}, Param{GainHH, rows, 1})
	}
	return p
}

// layerParams are the parameters that each direction of layer l has.
func layerParams[N any](cell Cell[N], s Shape, l int) (params []Param) {
	for _, p := range cell.Params(s, s.LayerInput(l)) {
		if !s.NoBias || !p.bias() {
			params = append(params, p)
		}
	}
	return params
}

// Name returns PyTorch's name of a parameter. PyTorch has no stack that runs in
// reverse alone; its parameters are named as those of any reverse direction.
func (s Shape) Name(k Kind, layer, direction int) string {
	suffix := ""
	if direction == 1 || s.Reverse {
		suffix = "_reverse"
	}
	return fmt.Sprintf("%s_l%d%s", k, layer, suffix)
}

// Sizes returns the number of elements of every parameter by name.
func Sizes[N any](cell Cell[N], s Shape) map[string]int {
	sizes := map[string]int{}
	for l := range s.Layers {
		for d := range s.Directions() {
			for _, p := range layerParams(cell, s, l) {
				sizes[s.Name(p.Kind, l, d)] = p.Rows * p.Cols
			}
		}
	}
	return sizes
}

// weights returns the parameters of one layer and direction. It panics where one
// is missing or has another size: a cell takes the absence of some for the
// absence of what they do.
func weights[N any](cell Cell[N], s Shape, p Params[N], l, d int) Weights[N] {
	w := Weights[N]{}
	for _, k := range layerParams(cell, s, l) {
		name := s.Name(k.Kind, l, d)
		if len(p[name]) != k.Rows*k.Cols {
			panic(fmt.Sprintf("oracle: %s has %d elements, want [%d][%d]", name, len(p[name]), k.Rows, k.Cols))
		}
		w[k.Kind] = p[name]
	}
	return w
}

// gather sums the shares in one parameter, in no promised order. A mask (nil:
// none) has a factor for each of the parameter's elements, and so for each term
// of its sum.
func gather[N Number[N]](p Param, mask []N, outer []Outer[N]) []N {
	sum := zeros[N](p.Rows * p.Cols)
	var zero N
	one := zero.Of(1)
	var shares []Outer[N]
	for _, o := range outer {
		if o.Param == p.Kind {
			shares = append(shares, o)
		}
	}
	d, in := make([]N, 0, len(shares)), make([]N, 0, len(shares))
	for r := range p.Rows {
		for c := range p.Cols {
			d, in = d[:0], in[:0]
			for _, o := range shares {
				if r < o.Row || r >= o.Row+len(o.D) {
					continue
				}
				term, factor := o.D[r-o.Row], one
				if o.In != nil {
					factor = o.In[c]
				}
				if mask != nil {
					term = term.Mul(mask[r*p.Cols+c])
				}
				d, in = append(d, term), append(in, factor)
			}
			sum[r*p.Cols+c] = zero.Dot(d, in)
		}
	}
	return sum
}
