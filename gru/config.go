package gru

import "github.com/simdrnn/simdrnn/internal/seq"

// Config describes a stack of GRU layers. Its zero optional fields are PyTorch's
// choice.
type Config struct {
	Input  int // width of an input row, at least 1
	Hidden int // units of each direction of each layer, at least 1
	Layers int // layers on top of each other; 0 means 1

	// Bidirectional gives every layer a second set of weights that reads the
	// sequence from its end. Reverse makes a layer read from the end only. With
	// lengths the end is each row's own.
	Bidirectional bool
	Reverse       bool

	// Merge is what becomes of the two outputs of a bidirectional layer: side by
	// side, or one of the width Hidden, which takes Hidden floats more for each
	// step and row.
	Merge Merge

	NoBias bool // no b_ih and b_hh

	// ResetBefore lets the reset gate act on h before the product with W_hn,
	// rather than on the product: n = tanh(W_in x + W_hn (r*h) + b). ONNX says
	// linear_before_reset = 0, Keras reset_after = False.
	ResetBefore bool

	// Textbook lets z = 1 stand for the candidate rather than for the state
	// before: h = (1-z)*h + z*n instead of (1-z)*n + z*h.
	Textbook bool

	// Workers is the number of goroutines that share the work: 0 means as many
	// as GOMAXPROCS allows and the work is worth. It changes no bit of any
	// result. It belongs to the run, not to the network: files do not keep it.
	Workers int
}

// Merge says what a bidirectional layer makes of the outputs f of its forward
// and r of its reverse direction.
type Merge = seq.Merge

const (
	Concat   = seq.Concat   // f and r side by side, 2*Hidden wide
	Sum      = seq.Sum      // f + r
	Average  = seq.Average  // (f + r)/2
	Multiply = seq.Multiply // f * r, element by element
)

// check returns c with its defaults filled in and its structure, or what is
// wrong with it.
func (c Config) check() (Config, seq.Structure, error) {
	s := seq.Structure{
		Input: c.Input, Hidden: c.Hidden, Layers: c.Layers,
		Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: c.Merge, Workers: c.Workers,
	}
	err := s.Check("gru")
	c.Layers = s.Layers
	return c, s, err
}

// cell is the arithmetic that c asks for.
func (c Config) cell() seq.Cell {
	if c.ResetBefore {
		return resetBefore{c.Hidden, c.Textbook}
	}
	return resetAfter{c.Hidden, c.Textbook}
}
