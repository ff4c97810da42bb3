package kernels

import (
	"math"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// vectorLanes is how many lanes the kernels leave to a loop in Go: fewer are not worth a call.
const vectorLanes = 8

// tree is [ref.Tree] of 64 lanes, most of it by kernels.
func (t ISA) tree(lanes *[ref.Lanes]float32) float32 {
	n := ref.Lanes / 2
	for ; n >= vectorLanes; n /= 2 {
		add(t, lanes[:n], lanes[:n], lanes[n:2*n])
	}
	return ref.Tree(lanes[:2*n])
}

// treeMax is [ref.TreeMax] of 64 lanes, none of them NaN. A loop in Go takes longer for them than
// the kernel for a row of some hundred elements, since each comparison is a branch that is
// guessed wrong half of the time.
func (t ISA) treeMax(lanes *[ref.Lanes]float32) float32 {
	var room [ref.Lanes / 2]float32
	n := ref.Lanes / 2
	for ; n >= vectorLanes; n /= 2 {
		upper := room[:n]
		copy(upper, lanes[n:])
		maxLanes(t, lanes[:], upper)
	}
	return ref.TreeMax(lanes[:2*n])
}

// Dot returns the sum of x*y over 64 lanes joined by a tree, 0 for no elements.
func (t ISA) Dot(x, y []float32) float32 {
	t.need()
	same("Dot", "x", len(x), "y", len(y))
	if t != Scalar && len(x) > 0 && len(x) <= dotRowsElements {
		return t.dotRow(x, y)
	}
	var lanes [ref.Lanes]float32
	t.DotLanes(lanes[:], x, y)
	return t.tree(&lanes)
}

// Sum returns the sum of x over 64 lanes joined by a tree, 0 for no elements.
func (t ISA) Sum(x []float32) float32 {
	var lanes [ref.Lanes]float32
	t.SumLanes(lanes[:], x)
	return t.tree(&lanes)
}

// Max returns the largest element of x, passing over NaN; -Inf for no elements.
func (t ISA) Max(x []float32) float32 {
	lanes := lowest
	t.MaxLanes(lanes[:], x)
	return t.treeMax(&lanes)
}

// lowest is 64 lanes of -Inf, where a maximum begins.
var lowest = func() (l [ref.Lanes]float32) {
	for j := range l {
		l[j] = float32(math.Inf(-1))
	}
	return l
}()

// sumSquaresBlock is the number of elements whose squares are summed in one go;
// the sums of the blocks are added in ascending order.
const sumSquaresBlock = 4096

// SumSquares returns the sum of x^2 in float64: 32 lanes joined by a tree for
// each block of 4096 elements, the blocks added in ascending order.
func (t ISA) SumSquares(x []float32) float64 {
	var total float64
	for len(x) > 0 {
		n := min(len(x), sumSquaresBlock)
		var lanes [ref.Lanes64]float64
		t.SumSquaresLanes(lanes[:], x[:n])
		total += ref.Tree(lanes[:])
		x = x[n:]
	}
	return total
}

// Dot64 returns the sum of x*y in float64, in the order of [ISA.SumSquares].
func (t ISA) Dot64(x, y []float32) float64 {
	t.need()
	same("Dot64", "x", len(x), "y", len(y))
	var total float64
	for len(x) > 0 {
		n := min(len(x), sumSquaresBlock)
		var lanes [ref.Lanes64]float64
		t.DotLanes64(lanes[:], x[:n], y[:n])
		total += ref.Tree(lanes[:])
		x, y = x[n:], y[n:]
	}
	return total
}

// Softmax sets dst = e^(x-max)/sum, the probabilities of the logits x, and
// returns the maximum and the sum, from which log-probabilities follow:
// log p[j] = x[j] - max - log(sum). An e^(x-max) below 2^-100 counts as +0, so that
// speed does not depend on x. dst may be x. A NaN or an infinity of the
// positive sign in x makes every probability NaN, as does x of only -Inf.
func (t ISA) Softmax(dst, x []float32) (max, sum float32) {
	t.need()
	same("Softmax", "dst", len(dst), "x", len(x))
	max = t.Max(x)
	var lanes [ref.Lanes]float32
	t.ExpSumLanes(lanes[:], dst, x, max)
	sum = t.tree(&lanes)
	t.Div(dst, dst, sum)
	return max, sum
}

// Normalize sets dst = (x-mean)/deviation, elements of mean 0 and variance 1, and
// returns r = 1/deviation, where deviation = sqrt(variance + eps). The order of
// operations is that of [ref.Normalize]. dst may be x. Without elements r is 0.
func (t ISA) Normalize(dst, x []float32, eps float32) (r float32) {
	t.need()
	same("Normalize", "dst", len(dst), "x", len(x))
	if len(x) == 0 {
		return 0
	}
	n := float32(len(x))
	mean := t.Sum(x) / n
	t.Affine(dst, x, 1, -mean) // fma(1, x, -mean) is the rounded difference
	variance := t.Dot(dst, dst) / n
	r = 1 / float32(math.Sqrt(float64(variance+eps)))
	t.Scale(dst, dst, r)
	return r
}

// NormalizeGrad sets dx = the gradient of the input of [ISA.Normalize], y and r
// being what that made and dy the gradient of y. The order of operations is that
// of [ref.NormalizeGrad]; nothing is flushed. dx may be dy, but not y.
func (t ISA) NormalizeGrad(dx, y, dy []float32, r float32) {
	t.need()
	same("NormalizeGrad", "dx", len(dx), "y", len(y))
	same("NormalizeGrad", "dx", len(dx), "dy", len(dy))
	if len(y) == 0 {
		return
	}
	n := float32(len(y))
	m1, m2 := t.Sum(dy)/n, t.Dot(dy, y)/n
	t.Affine(dx, dy, 1, -m1)
	t.Axpy(dx, y, -m2)
	t.Scale(dx, dx, r)
}

// Dot is [ISA.Dot] on the current tier.
func Dot(x, y []float32) float32 { return Current().Dot(x, y) }

// Sum is [ISA.Sum] on the current tier.
func Sum(x []float32) float32 { return Current().Sum(x) }

// Max is [ISA.Max] on the current tier.
func Max(x []float32) float32 { return Current().Max(x) }

// SumSquares is [ISA.SumSquares] on the current tier.
func SumSquares(x []float32) float64 { return Current().SumSquares(x) }

// Dot64 is [ISA.Dot64] on the current tier.
func Dot64(x, y []float32) float64 { return Current().Dot64(x, y) }

// Softmax is [ISA.Softmax] on the current tier.
func Softmax(dst, x []float32) (max, sum float32) { return Current().Softmax(dst, x) }

// Normalize is [ISA.Normalize] on the current tier.
func Normalize(dst, x []float32, eps float32) (r float32) { return Current().Normalize(dst, x, eps) }

// NormalizeGrad is [ISA.NormalizeGrad] on the current tier.
func NormalizeGrad(dx, y, dy []float32, r float32) { Current().NormalizeGrad(dx, y, dy, r) }

// FMA returns a*b+c with one rounding, on every platform.
func FMA(a, b, c float32) float32 { return ref.FMA(a, b, c) }

// Log returns the natural logarithm with the same bits on every platform, which
// math.Log does not promise.
func Log(x float64) float64 { return ref.Log64(x) }

// Exp64 returns e^x with the same bits on every platform.
func Exp64(x float64) float64 { return ref.Exp64(x) }

// Cos returns cos x for |x| <= 2^20 with the same bits on every platform.
func Cos(x float64) float64 { return ref.Cos64(x) }

// Pow returns x^y for x > 0 as e^(y log x), with the same bits on every
// platform; the relative error grows with |y log x|, to about 1e-13 at 700.
func Pow(x, y float64) float64 { return ref.Exp64(float64(y * ref.Log64(x))) }
