package bptt_test

import (
	"encoding/binary"
	"errors"
	"math"
)

// falling is a schedule with a state: each validation that is not below the one before
// halves the rate.
type falling struct {
	rate, before float64
	seen         []float64
}

func (s *falling) Rate(int64) float64 { return s.rate }

func (s *falling) Observe(loss float64) {
	s.seen = append(s.seen, loss)
	if s.before != 0 && !(loss < s.before) {
		s.rate /= 2
	}
	s.before = loss
}

func (s *falling) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.rate))
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(s.before)), nil
}

func (s *falling) UnmarshalBinary(b []byte) error {
	if len(b) != 16 {
		return errors.New("falling: not a state")
	}
	s.rate = math.Float64frombits(binary.LittleEndian.Uint64(b))
	s.before = math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	return nil
}
