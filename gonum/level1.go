package gonum

import (
	"math"

	native "gonum.org/v1/gonum/blas/gonum"

	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Sdot returns the sum of x[i]*y[i], 0 for no elements. With increments of 1 and 512
// elements or more it is [kernels.Dot]: 64 running sums of fused multiply-adds joined
// by a tree. All else, and all on the scalar tier, is gonum's own.
func (Float32) Sdot(n int, x []float32, incX int, y []float32, incY int) float32 {
	run := native.Implementation.Sdot
	if n >= dotFrom {
		run = sdot
	}
	return run(native.Implementation{}, n, x, incX, y, incY)
}

func sdot(own native.Implementation, n int, x []float32, incX int, y []float32, incY int) float32 {
	t := kernels.Current()
	if incX != 1 || incY != 1 || n > len(x) || n > len(y) || t == kernels.Scalar {
		return own.Sdot(n, x, incX, y, incY)
	}
	return t.Dot(x[:n], y[:n])
}

// Saxpy adds alpha*x to y. With increments of 1, 128 elements or more and no memory in
// common it is [kernels.Axpy], one fused multiply-add for each element. All else, and all
// on the scalar tier, is gonum's own, a product and a sum.
func (Float32) Saxpy(n int, alpha float32, x []float32, incX int, y []float32, incY int) {
	run := native.Implementation.Saxpy
	if n >= axpyFrom {
		run = saxpy
	}
	run(native.Implementation{}, n, alpha, x, incX, y, incY)
}

func saxpy(own native.Implementation, n int, alpha float32, x []float32, incX int, y []float32, incY int) {
	t := kernels.Current()
	if incX != 1 || incY != 1 || n > len(x) || n > len(y) || alpha == 0 || t == kernels.Scalar || kernels.Overlap(x[:n], y[:n]) {
		own.Saxpy(n, alpha, x, incX, y, incY)
		return
	}
	t.Axpy(y[:n], x[:n], alpha)
}

// Sscal multiplies x by alpha; alpha = 0 sets it to 0, also where it is NaN. A
// negative increment changes nothing. With an increment of 1 and 32
// elements or more it is [kernels.Scale], else, and on the scalar tier, gonum's own; both
// give the same bits.
func (Float32) Sscal(n int, alpha float32, x []float32, incX int) {
	run := native.Implementation.Sscal
	if n >= scaleFrom {
		run = sscal
	}
	run(native.Implementation{}, n, alpha, x, incX)
}

func sscal(own native.Implementation, n int, alpha float32, x []float32, incX int) {
	t := kernels.Current()
	if incX != 1 || n > len(x) || alpha == 0 || t == kernels.Scalar {
		own.Sscal(n, alpha, x, incX)
		return
	}
	t.Scale(x[:n], x[:n], alpha)
}

// Snrm2 returns the square root of the sum of x[i]^2, 0 for no elements or a negative
// increment. With an increment of 1 and 32 elements or more the sum is
// [kernels.SumSquares], in float64: no square of a float32 overflows there or is lost, so
// it needs no scaling, and the result is within one rounding of the exact one. That gains on
// the scalar tier too. All else is gonum's own, in float32 with scaling.
func (Float32) Snrm2(n int, x []float32, incX int) float32 {
	run := native.Implementation.Snrm2
	if n >= normFrom {
		run = snrm2
	}
	return run(native.Implementation{}, n, x, incX)
}

func snrm2(own native.Implementation, n int, x []float32, incX int) float32 {
	if incX != 1 || n > len(x) {
		return own.Snrm2(n, x, incX)
	}
	return float32(math.Sqrt(kernels.SumSquares(x[:n])))
}

// Sasum returns the sum of |x[i]|, 0 for no elements or a negative increment. With an
// increment of 1 and 256 elements or more it is [kernels.Sum] of the magnitudes: 64
// running sums joined by a tree. All else, and all on the scalar tier, is gonum's own, one
// sum.
func (Float32) Sasum(n int, x []float32, incX int) float32 {
	run := native.Implementation.Sasum
	if n >= sumFrom {
		run = sasum
	}
	return run(native.Implementation{}, n, x, incX)
}

func sasum(own native.Implementation, n int, x []float32, incX int) float32 {
	t := kernels.Current()
	if incX != 1 || n > len(x) || t == kernels.Scalar {
		return own.Sasum(n, x, incX)
	}
	return magnitudes(t, x[:n])
}

// magnitudes is the sum of |x[i]| in 64 lanes.
func magnitudes(t kernels.ISA, x []float32) float32 {
	// Blocks that are multiples of the lanes add to these as all of x would.
	var (
		lanes [ref.Lanes]float32
		block [8 * ref.Lanes]float32
	)
	for len(x) > 0 {
		b := block[:min(len(x), len(block))]
		t.LeakyReLU(b, x[:len(b)], -1) // what is below 0, times -1
		t.SumLanes(lanes[:], b)
		x = x[len(b):]
	}
	return ref.Tree(lanes[:])
}

// Sswap exchanges x and y. With increments of 1, 128 elements or more and no memory
// in common it moves blocks, on every tier. All else is gonum's own.
func (Float32) Sswap(n int, x []float32, incX int, y []float32, incY int) {
	run := native.Implementation.Sswap
	if n >= swapFrom {
		run = sswap
	}
	run(native.Implementation{}, n, x, incX, y, incY)
}

func sswap(own native.Implementation, n int, x []float32, incX int, y []float32, incY int) {
	if incX != 1 || incY != 1 || n > len(x) || n > len(y) || kernels.Overlap(x[:n], y[:n]) {
		own.Sswap(n, x, incX, y, incY)
		return
	}
	var block [512]float32
	for x, y = x[:n], y[:n]; len(x) > 0; {
		b := block[:copy(block[:], x)]
		copy(x, y[:len(b)])
		copy(y, b)
		x, y = x[len(b):], y[len(b):]
	}
}
