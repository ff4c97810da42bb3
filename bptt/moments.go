package bptt

import (
	"math"
	"slices"
)

// The kinds of the states of Adam and AdamW. Their second half of tensors are the
// roots of the second moments. Versions of this module up to checkpoint version 1
// kept the second moments themselves and called the states "adam" and "adamw".
const (
	adamKind  = "adam-root"
	adamWKind = "adamw-root"
)

// rooted returns s with the roots of second moments in place of the moments, each
// correctly rounded, if it is of one of the old kinds, and otherwise s.
func (s OptimizerState) rooted() OptimizerState {
	switch s.Kind {
	case "adam":
		s.Kind = adamKind
	case "adamw":
		s.Kind = adamWKind
	default:
		return s
	}
	s.Tensors = slices.Clone(s.Tensors)
	for i := len(s.Tensors) / 2; i < len(s.Tensors); i++ {
		v := s.Tensors[i]
		r := make([]float32, len(v))
		for j := range v {
			r[j] = float32(math.Sqrt(float64(v[j])))
		}
		s.Tensors[i] = r
	}
	return s
}
