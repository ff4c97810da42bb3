package optim

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Plateau multiplies the rate by Factor when the validation loss has stopped falling: on
// the observation that is the first after Patience ones in a row without an improvement.
// Observe is called with each validation loss, by the Trainer, whose Plan must have a
// Validate. An
// improvement is a loss below the best so far by more than Threshold times its
// magnitude; NaN and +Inf are none. After a change Cooldown observations do not count as lacking
// one. The rate does not fall below Floor.
//
// Factor is above 0 and below 1, and Floor below 1; the other fields may be 0. They may be changed between
// observations. The state is part of a checkpoint; the fields are not.
type Plateau struct {
	Factor    float64
	Patience  int64
	Threshold float64
	Cooldown  int64
	Floor     float64

	state plateau
}

// plateau is what observations have led to.
type plateau struct {
	changed  bool    // else rate is 1, whatever it says
	observed bool    // else there is no best
	rate     float64 // the factor
	best     float64
	bad      int64 // observations in a row without an improvement
	cooling  int64 // observations that do not count any more
}

// Check refuses fields that are no schedule.
func (s *Plateau) Check() error {
	switch {
	case !(s.Factor > 0 && s.Factor < 1):
		return fmt.Errorf("optim: Plateau with Factor %v, want above 0 and below 1", s.Factor)
	case s.Patience < 0 || s.Cooldown < 0:
		return fmt.Errorf("optim: Plateau with Patience %d and Cooldown %d, want 0 observations or more", s.Patience, s.Cooldown)
	case !(s.Threshold >= 0 && s.Threshold < 1):
		return fmt.Errorf("optim: Plateau with Threshold %v, want 0 or more and below 1", s.Threshold)
	case !(s.Floor >= 0 && s.Floor < 1):
		return fmt.Errorf("optim: Plateau with Floor %v, want 0 or more and below 1, the rate at the beginning", s.Floor)
	}
	return nil
}

// Rate implements Schedule.
func (s *Plateau) Rate(int64) float64 {
	if !s.state.changed {
		return 1
	}
	return s.state.rate
}

// Observe implements Observer.
func (s *Plateau) Observe(validationLoss float64) {
	p := &s.state
	if validationLoss < math.Inf(1) && (!p.observed || validationLoss < p.best-float64(s.Threshold*math.Abs(p.best))) {
		p.best, p.observed, p.bad = validationLoss, true, 0
	} else {
		p.bad++
	}
	if p.cooling > 0 {
		p.cooling--
		p.bad = 0
	}
	if p.bad > s.Patience {
		p.rate = max(s.Floor, float64(s.Rate(0)*s.Factor))
		p.changed, p.bad, p.cooling = true, 0, s.Cooldown
	}
}

// Reset forgets all observations. NewTrainer calls it.
func (s *Plateau) Reset() { s.state = plateau{} }

// plateauMagic begins a state of a Plateau; the last byte is its version.
const plateauMagic = "plateau\x01"

// MarshalBinary implements encoding.BinaryMarshaler: it returns the state.
func (s *Plateau) MarshalBinary() ([]byte, error) {
	p := s.state
	flags := byte(0)
	if p.changed {
		flags |= 1
	}
	if p.observed {
		flags |= 2
	}
	b := append([]byte(plateauMagic), flags)
	for _, v := range []uint64{math.Float64bits(s.Rate(0)), math.Float64bits(p.best), uint64(p.bad), uint64(p.cooling)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler: it sets the state to one that
// MarshalBinary returned. On an error nothing is changed.
func (s *Plateau) UnmarshalBinary(b []byte) error {
	const size = len(plateauMagic) + 1 + 4*8
	if len(b) != size || string(b[:len(plateauMagic)]) != plateauMagic {
		return fmt.Errorf("optim: %d bytes that are no state of a Plateau, want %d of MarshalBinary", len(b), size)
	}
	flags, b := b[len(plateauMagic)], b[len(plateauMagic)+1:]
	var n [4]uint64
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	p := plateau{
		changed: flags&1 != 0, observed: flags&2 != 0,
		rate: math.Float64frombits(n[0]), best: math.Float64frombits(n[1]), bad: int64(n[2]), cooling: int64(n[3]),
	}
	if flags > 3 || !(p.rate >= 0 && p.rate <= 1) || p.best != p.best || p.bad < 0 || p.cooling < 0 {
		return fmt.Errorf("optim: a state of a Plateau with flags %d, rate %v, best loss %v, %d observations without improvement and %d to cool down, want a rate of 0 to 1 and counts of 0 or more", flags, p.rate, p.best, p.bad, p.cooling)
	}
	s.state = p
	return nil
}
