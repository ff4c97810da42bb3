package lstm

import (
	"errors"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// A Scheme sets the first values of one parameter, drawing what it needs from
// r: PyTorch, Keras, PerGate, or any function. The values have the same bits on
// every machine if it takes nothing of r but Uint64, as the methods of Param do.
type Scheme = seq.Scheme

// A Param is a parameter as a Scheme sees it: a matrix, or a vector as one column,
// with methods that fill it or cut it into gates. Gates are in the order i, f, g, o,
// those of peepholes i, f, o; with Config.Coupled there is no f.
type Param = seq.Param

// PyTorch is the Scheme of New: everything, biases too, uniform on
// [-1/sqrt(Hidden), 1/sqrt(Hidden)], but for layer normalisation: gains 1 and
// bias_c +0.
func PyTorch(r *rand.Rand, p Param) { seq.PyTorch(r, p) }

// Keras is a Scheme: W_ih and W_hr uniform by Glorot, W_hh with orthonormal columns,
// each drawn as a whole matrix, biases and peepholes +0, gains 1. SetForgetBias is
// the rest of what Keras does.
func Keras(r *rand.Rand, p Param) { seq.Keras(r, p) }

// PerGate is a Scheme: Keras, but the matrix of each gate is drawn by itself, so
// that each gate's W_hh is orthogonal.
func PerGate(r *rand.Rand, p Param) { seq.PerGate(r, p) }

// Init sets all parameters by s, called in EachParam's order: the same seed gives
// the same bits everywhere. To keep some as they are, let s return without
// touching them. r is handed to s as it is.
func (l *Layer) Init(r *rand.Rand, s Scheme) { l.net.Init(r, s) }

// SetForgetBias sets the bias of every forget gate to v: b_ih there is v and b_hh
// is +0, as the gate sees their sum. Nothing else changes. With v = 1 or so, a
// cell begins by remembering (Gers, Schmidhuber and Cummins 2000). It returns an
// error in a network without biases, and in one with Coupled gates, whose f is 1-i.
func (l *Layer) SetForgetBias(v float32) error {
	if l.cfg.NoBias {
		return errors.New("lstm: a forget bias, but Config.NoBias is set")
	}
	if l.cfg.Coupled {
		return errors.New("lstm: a forget bias, but Config.Coupled is set: the forget gate is 1-i and has none; a negative bias of i does it")
	}
	for i := range l.net.W {
		w, h := &l.net.W[i], l.cfg.Hidden
		for j := h; j < 2*h; j++ {
			w.BiasIh[j], w.BiasHh[j] = v, 0
		}
	}
	return nil
}
