package seq

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Net is the structure and the weights of a stack of recurrent layers.
type Net struct {
	Kind    string // the user's package, for messages
	Cell    Cell
	Shape   Shape
	Input   int
	Layers  int
	Reverse []bool // for each direction: whether it runs from the last step to the first
	Merge   Merge  // of two directions
	Noise   Noise
	Workers int       // the most that share a piece of work; 0: no such limit
	W       []Weights // layer by layer, inside a layer in the order of Reverse
}

// Weights are the parameters of one direction of one layer, or gradients of
// the same shapes.
type Weights struct {
	In             int       // columns of W_ih
	Ih             []float32 // [Gates][In]
	Hh             []float32 // [Gates][States[0]]
	BiasIh, BiasHh []float32 // [Gates]; nil in a network without biases

	// All of them, with the Extra ones, in EachParam's order; nil for what the
	// network does not have.
	all    [][]float32
	names  []string
	shapes [][]int
}

// A Source gives a parameter its memory and its values.
type Source func(name string, shape ...int) ([]float32, error)

// Zeros is the Source of parameters that are +0.
func Zeros(_ string, shape ...int) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return pages.Floats(n), nil
}

// NewNet completes a Net: it asks src for the parameters, in EachParam's order.
// It returns an error if SIMDRNN_ISA cannot be followed, if a size is too large,
// or if src does. That sizes are positive is the caller's to check.
func NewNet(n Net, bias bool, src Source) (*Net, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, fmt.Errorf("%s: %w", n.Kind, err)
	}
	n.Shape = n.Cell.Shape()
	n.Shape.Tape = rowStride(n.Shape.Tape)
	n.Shape.totalsBegin = n.Shape.Tape
	for _, s := range n.Shape.Totals {
		n.Shape.totalsBegin, n.Shape.totalsEnd = min(n.Shape.totalsBegin, s.Col), max(n.Shape.totalsEnd, s.Col+s.Rows)
	}
	out, ok := mul(len(n.Reverse), n.Shape.States[0])
	if ok {
		_, ok = mul(n.Shape.Gates, max(n.Input, out, n.Shape.Hidden), len(n.Reverse), n.Layers)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %d inputs, %d hidden units, %d layers: more than %d weights; choose smaller sizes", n.Kind, n.Input, n.Shape.Hidden, n.Layers, int(maxElements))
	}
	var err error
	n.W, err = n.weights(bias, src)
	return &n, err
}

// rowStride is how far apart rows of so many elements are: they begin where a line of the cache
// does, and not a multiple of 2 KiB apart. Else the same columns of the six or twelve rows that a
// register tile reads or writes are in few sets of a cache, and displace each other.
func rowStride(width int) int {
	const line, sets = 16, 512
	width = (width + line - 1) / line * line
	if width%sets == 0 {
		width += line
	}
	return width
}

// maxElements is the largest number of elements that a buffer may have. Sums of a few
// such numbers, counted in bytes, stay within an int.
const maxElements = min(math.MaxInt/32, 1<<40)

// mul multiplies sizes and says whether they are not negative and the product
// is at most maxElements.
func mul(a ...int) (int, bool) {
	p := uint(1)
	for _, v := range a {
		hi, lo := bits.Mul(p, uint(v))
		if v < 0 || hi != 0 || lo > maxElements {
			return 0, false
		}
		p = lo
	}
	return int(p), true
}

func (n *Net) weights(bias bool, src Source) ([]Weights, error) {
	sh := &n.Shape
	var ws []Weights
	in := n.Input
	for l := range n.Layers {
		for _, reverse := range n.Reverse {
			suffix := "_l" + strconv.Itoa(l)
			if reverse {
				suffix += "_reverse"
			}
			w := Weights{In: in}
			for _, p := range append([]Extra{
				{Name: "weight_ih", Rows: sh.Gates, Cols: in}, {Name: "weight_hh", Rows: sh.Gates, Cols: sh.States[0]},
				{Name: "bias_ih", Rows: sh.Gates, Bias: true}, {Name: "bias_hh", Rows: sh.Gates, Bias: true},
			}, sh.Extra...) {
				shape := []int{p.Rows, p.Cols}
				if p.Cols == 0 {
					shape = shape[:1]
				}
				var v []float32
				if bias || !p.Bias {
					var err error
					if v, err = src(p.Name+suffix, shape...); err != nil {
						return nil, err
					}
				}
				w.all, w.names, w.shapes = append(w.all, v), append(w.names, p.Name+suffix), append(w.shapes, shape)
			}
			w.Ih, w.Hh, w.BiasIh, w.BiasHh = w.all[weightIh], w.all[weightHh], w.all[BiasIh], w.all[BiasHh]
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

// widest is the width of the widest input of a layer.
func (n *Net) widest() int {
	if n.Layers > 1 {
		return max(n.Input, n.Out())
	}
	return n.Input
}

// EachParam calls f for each parameter in the order in which everything that
// walks over parameters does: layer by layer, direction by direction, W_ih,
// W_hh, b_ih, b_hh, then the cell's own.
func (n *Net) EachParam(f func(name string, w []float32, shape ...int)) {
	for i := range n.W {
		w := &n.W[i]
		for k, v := range w.all {
			if v != nil {
				f(w.names[k], v, w.shapes[k]...)
			}
		}
	}
}
