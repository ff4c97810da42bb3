package kernels

import "github.com/simdrnn/simdrnn/kernels/ref"

// signBlock is the number of elements that SumAbs and MaxAbs keep a copy of: a multiple
// of the lanes, in the first-level cache.
const signBlock = 512

// SumAbs returns the sum of |x| in float64, in the order of [ISA.SumSquares]. It is NaN
// or infinite if an element is.
func (t ISA) SumAbs(x []float32) float64 {
	t.need()
	var total float64
	for len(x) > 0 {
		n := min(len(x), sumSquaresBlock)
		total += t.sumAbsBlock(x[:n])
		x = x[n:]
	}
	return total
}

// sumAbsBlock adds x*sign(x), a product without a rounding.
func (t ISA) sumAbsBlock(x []float32) float64 {
	var lanes [ref.Lanes64]float64
	var room [signBlock]float32
	for len(x) > 0 {
		n := min(len(x), signBlock)
		signs := room[:n]
		t.Sign(signs, x[:n])
		t.DotLanes64(lanes[:], x[:n], signs)
		x = x[n:]
	}
	return ref.Tree(lanes[:])
}

// MaxAbs returns the largest |x|, passing over NaN; 0 for no elements.
func (t ISA) MaxAbs(x []float32) float32 {
	t.need()
	var lanes [ref.Lanes]float32
	var room [signBlock]float32
	for len(x) > 0 {
		n := min(len(x), signBlock)
		negative := room[:n]
		t.Scale(negative, x[:n], -1)
		t.MaxLanes(lanes[:], x[:n])
		t.MaxLanes(lanes[:], negative)
		x = x[n:]
	}
	return t.treeMax(&lanes)
}

// SumAbs is [ISA.SumAbs] on the current tier.
func SumAbs(x []float32) float64 { return Current().SumAbs(x) }

// MaxAbs is [ISA.MaxAbs] on the current tier.
func MaxAbs(x []float32) float32 { return Current().MaxAbs(x) }
