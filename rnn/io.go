package rnn

import "github.com/simdrnn/simdrnn/internal/wire"

// The file of a Layer: its Config as integers in the order of visit, then the
// parameters under their names in EachParam's order.

// fileFields is the number of integers in each version of the file, the last one the
// version that is written. Version 1 has the fields of the plain cell alone, which are
// the first ones: the others are zero.
var fileFields = []int{10, 17}

// visit takes f through the fields that a file keeps, in its order.
func (c *Config) visit(f *wire.Fields) {
	merge := int(c.Merge)
	f.Ints(&c.Input, &c.Hidden, &c.Layers)
	f.Bools(&c.Bidirectional, &c.Reverse, &c.NoBias)
	f.Ints(&merge)
	c.Merge = Merge(merge)
	c.Activation.visit(f)
	f.Bools(&c.LayerNorm)
	f.Floats(&c.Clip, &c.Dropout, &c.InputDropout, &c.HiddenDropout, &c.WeightDropout, &c.Zoneout)
}
