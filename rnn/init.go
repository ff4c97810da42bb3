package rnn

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// A Scheme sets the first values of one parameter, drawing what it needs from
// r: PyTorch, Keras, PerGate, or any function. The values have the same bits on
// every machine if it takes nothing of r but Uint64, as the methods of Param do.
type Scheme = seq.Scheme

// A Param is a parameter as a Scheme sees it: a matrix, or a vector as one column,
// with methods that fill it or cut it into gates.
type Param = seq.Param

// PyTorch is the Scheme of New: everything, biases too, uniform on
// [-1/sqrt(Hidden), 1/sqrt(Hidden)], but for the gains of layer normalisation,
// which are 1.
func PyTorch(r *rand.Rand, p Param) { seq.PyTorch(r, p) }

// Keras is a Scheme: W_ih uniform by Glorot, W_hh with orthonormal columns, each
// drawn as a whole matrix, biases +0 and gains 1.
func Keras(r *rand.Rand, p Param) { seq.Keras(r, p) }

// PerGate is a Scheme: Keras, but the matrix of each gate is drawn by itself, so
// that each gate's W_hh is orthogonal. A plain layer has one gate: the two
// schemes differ in nothing.
func PerGate(r *rand.Rand, p Param) { seq.PerGate(r, p) }

// Init sets all parameters by s, called in EachParam's order: the same seed gives
// the same bits everywhere. To keep some as they are, let s return without
// touching them. r is handed to s as it is.
func (l *Layer) Init(r *rand.Rand, s Scheme) { l.net.Init(r, s) }
