package lstm

import (
	"errors"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// SetForgetBias sets the bias of every forget gate to v: b_ih there is v and b_hh
// is +0, as the gate sees their sum. Nothing else changes. With v = 1 or so, a
// cell begins by remembering (Gers, Schmidhuber and Cummins 2000). It returns an
// error in a network without biases, and in one with Coupled gates, whose f is 1-i.
func (l *Layer) SetForgetBias(v float32) error {
	if l == nil {
		return nilcheck.Receiver("lstm", "Layer", "SetForgetBias")
	}
	if l.cfg.NoBias {
		return errors.New("lstm: a forget bias, but Config.NoBias is set")
	}
	if l.cfg.Coupled {
		return errors.New("lstm: a forget bias, but Config.Coupled is set: the forget gate is 1-i and has no bias; make the bias of i negative instead")
	}
	for i := range l.net.W {
		w, h := &l.net.W[i], l.cfg.Hidden
		for j := h; j < 2*h; j++ {
			w.BiasIh[j], w.BiasHh[j] = v, 0
		}
	}
	return nil
}
