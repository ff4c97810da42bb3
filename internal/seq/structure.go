package seq

import (
	"fmt"
	"math"
)

// Structure is the part of a user's configuration that all kinds of cells have.
type Structure struct {
	Input, Hidden, Layers  int
	Bidirectional, Reverse bool
	Merge                  Merge
	Noise                  Noise
	Workers                int
}

// Check fills in defaults, or says what is wrong, in the name of the user's
// package.
func (s *Structure) Check(kind string) error {
	if s.Layers == 0 {
		s.Layers = 1
	}
	switch {
	case s.Input < 1:
		return fmt.Errorf("%s: Config.Input is %d, want the width of an input row, at least 1", kind, s.Input)
	case s.Hidden < 1:
		return fmt.Errorf("%s: Config.Hidden is %d, want at least 1 unit", kind, s.Hidden)
	case s.Hidden > math.MaxInt32/8:
		return fmt.Errorf("%s: Config.Hidden is %d, want at most %d units", kind, s.Hidden, math.MaxInt32/8)
	case s.Layers < 0:
		return fmt.Errorf("%s: Config.Layers is %d, want at least 1, or 0 for 1", kind, s.Layers)
	case s.Bidirectional && s.Reverse:
		return fmt.Errorf("%s: Config.Bidirectional and Config.Reverse are both set; a bidirectional layer has the reverse direction already, so leave Reverse out", kind)
	case s.Merge < 0 || s.Merge >= merges:
		return fmt.Errorf("%s: Config.Merge is %d, want Concat, Sum, Average or Multiply", kind, s.Merge)
	case s.Merge != Concat && !s.Bidirectional:
		return fmt.Errorf("%s: Config.Merge is %v, but there is nothing to merge; set Config.Bidirectional", kind, s.Merge)
	case s.Workers < 0:
		return fmt.Errorf("%s: Config.Workers is %d, want a number of goroutines, or 0 for automatic", kind, s.Workers)
	}
	return s.Noise.check(kind, s)
}

// Net is a checked Structure around a cell, still without parameters.
func (s *Structure) Net(kind string, c Cell) Net {
	n := Net{Kind: kind, Cell: c, Input: s.Input, Layers: s.Layers, Merge: s.Merge, Noise: s.Noise, Workers: s.Workers, Reverse: []bool{s.Reverse}}
	if s.Bidirectional {
		n.Reverse = []bool{false, true}
	}
	return n
}
