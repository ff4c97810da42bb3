// Package op says what is compared: the operations, each described once, with the
// work that counts for its speed, and the shapes, in shapes.txt.
package op

import (
	"fmt"
	"slices"
	"strings"
)

// An Op is an operation that libraries are compared in.
type Op struct {
	Name string
	Text string   // what one call does
	Dims []string // the sizes that a shape of it gives, in this order

	// FLOPs is the number of floating-point operations of one call: those of the
	// matrix products alone, a multiplication and an addition for each pair of
	// factors. Activations, optimizers and the like take time and count for nothing.
	FLOPs   func(Shape) float64
	Formula string // the same, to be read

	// Bytes is the least that one call moves between memory and the core if no
	// cache keeps anything from one step to the next but the sums of a product:
	// each operand once, W_hh once a step. It is the roofline's abscissa. nil where no such number
	// means anything.
	Bytes func(Shape) float64
}

// Ops are all operations. A layer reads rows of I numbers and has H units; G is
// the number of its gates: 4 (LSTM), 3 (GRU), 1 (RNN). Sequences have T steps and B rows.
var Ops = func() []*Op {
	var ops []*Op
	for _, cell := range []struct {
		name, text string
		gates      float64
	}{{"lstm", "LSTM", 4}, {"gru", "GRU (reset after the product)", 3}, {"rnn", "plain RNN (tanh)", 1}} {
		g := cell.gates
		step := func(s Shape) float64 { return 2 * g * s.f("H") * (s.f("I") + s.f("H")) * s.f("B") }
		ops = append(ops, &Op{
			Name: cell.name + "-train",
			Text: "forward and backward pass of one " + cell.text + " layer over a sequence: outputs, dx, and the gradients of all weights and biases",
			Dims: []string{"T", "B", "I", "H"},
			FLOPs: func(s Shape) float64 {
				return 3 * s.f("T") * step(s)
			},
			Formula: "3 * 2 G H (I+H) B T: each product of the forward pass has two of the same size in the backward pass",
			Bytes: func(s Shape) float64 {
				rows, weights := s.f("T")*s.f("B"), g*s.f("H")
				io := 2 * rows * (s.f("I") + s.f("H"))               // x and y, dx and dy
				read := 2 * weights * (s.f("I") + s.f("T")*s.f("H")) // W_ih once a pass, W_hh once a step
				grads := 2 * weights * (s.f("I") + s.f("H"))         // read and written
				tape := 2 * rows * (g + 1) * s.f("H")                // written forward, read backward
				return 4 * (io + read + grads + tape)
			},
		}, &Op{
			Name:    cell.name + "-infer",
			Text:    "outputs of one " + cell.text + " layer over a whole sequence, no backward pass to come",
			Dims:    []string{"T", "B", "I", "H"},
			FLOPs:   func(s Shape) float64 { return s.f("T") * step(s) },
			Formula: "2 G H (I+H) B T",
			Bytes: func(s Shape) float64 {
				return 4 * (s.f("T")*s.f("B")*(s.f("I")+s.f("H")) + g*s.f("H")*(s.f("I")+s.f("T")*s.f("H")))
			},
		}, &Op{
			Name:    cell.name + "-step",
			Text:    "one step of one " + cell.text + " layer that keeps its state: what serving a stream takes",
			Dims:    []string{"B", "I", "H"},
			FLOPs:   step,
			Formula: "2 G H (I+H) B",
			Bytes: func(s Shape) float64 {
				return 4 * (s.f("B") + g*s.f("H")) * (s.f("I") + s.f("H"))
			},
		})
	}
	product := func(s Shape) float64 { return 2 * s.f("M") * s.f("N") * s.f("K") }
	operands := func(s Shape) float64 {
		return 4 * (s.f("M")*s.f("K") + s.f("K")*s.f("N") + s.f("M")*s.f("N"))
	}
	for _, gemm := range [][2]string{
		{"gemm", "C = A B, row-major, A [M][K], B [K][N]"},
		{"gemm-packed", "C = A B where B has been brought into the library's own layout before; the plain product in libraries without one"},
		{"gemm-tn", "C += A^T B, A [K][M], B [K][N]: a weight gradient over K (t, b) pairs"},
	} {
		ops = append(ops, &Op{
			Name: gemm[0], Text: gemm[1], Dims: []string{"M", "N", "K"},
			FLOPs: product, Formula: "2 M N K", Bytes: operands,
		})
	}
	model := func(s Shape) float64 {
		layers := 4 * s.f("H") * (s.f("E") + s.f("H") + (s.f("L")-1)*2*s.f("H"))
		return 3 * 2 * s.f("T") * s.f("B") * (layers + s.f("H")*s.f("V"))
	}
	for _, lm := range [][2]string{
		{"lm-adam", "one update of a language model: embedding of width E over V symbols, L LSTM layers, readout, cross-entropy, backward pass, gradient norm clipped, Adam; the state is carried from one update to the next"},
		{"lm-sgd", "the same with plain SGD"},
	} {
		ops = append(ops, &Op{
			Name: lm[0], Text: lm[1], Dims: []string{"T", "B", "E", "H", "L", "V"},
			FLOPs:   model,
			Formula: "3 * 2 T B (4 H (E+H) + (L-1) 8 H H + H V): the products of all pairs, of which simdrnn makes fewer where V is at most T B / 4",
		})
	}
	return ops
}()

// Find returns the operation of that name.
func Find(name string) (*Op, error) {
	var names []string
	for _, o := range Ops {
		if o.Name == name {
			return o, nil
		}
		names = append(names, o.Name)
	}
	return nil, fmt.Errorf("no operation %q; there are %s", name, strings.Join(names, ", "))
}

// A Shape is an operation with its sizes.
type Shape struct {
	Op   *Op
	Dims []int    // of Op.Dims
	Sets []string // the lists of shapes.txt that it is in
}

func (s Shape) f(name string) float64 {
	return float64(s.Dim(name))
}

// Dim returns the size of that name, 0 if the operation has none.
func (s Shape) Dim(name string) int {
	if i := slices.Index(s.Op.Dims, name); i >= 0 {
		return s.Dims[i]
	}
	return 0
}

// In says whether the shape is in that list.
func (s Shape) In(set string) bool { return slices.Contains(s.Sets, set) }

// Sizes returns the sizes as T=25,B=16,I=512,H=512.
func (s Shape) Sizes() string { return s.sizes(",") }

// Settings returns operation and sizes as the protocol's setup takes them.
func (s Shape) Settings() string { return "op=" + s.Op.Name + " " + s.sizes(" ") }

func (s Shape) sizes(between string) string {
	var words []string
	for i, name := range s.Op.Dims {
		words = append(words, fmt.Sprintf("%s=%d", name, s.Dims[i]))
	}
	return strings.Join(words, between)
}

// String returns the shape's name: the operation and its sizes.
func (s Shape) String() string { return s.Op.Name + "/" + s.Sizes() }
