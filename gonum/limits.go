package gonum

// From these sizes on a routine is ours; below them it is gonum's own. They are the same on
// all tiers: the results of the two differ in the last bits, and no tier is to have other
// bits than the next. Each is the larger of those from which AVX2 and AVX-512 gain,
// measured beside gonum on an Intel Xeon (Emerald Rapids): bench/results/gonum-blas.md has
// the times. On the tier without assembly a fused multiply-add is some twenty instructions,
// and what is ours is slower than gonum's assembly, up to 35 times in Sdot.
//
// The methods of level 1 and Sgemv only choose which function they call, so that they are
// inlined and the way to gonum's own code has no call more than without this package. One
// more takes a nanosecond, a tenth of the time of a short vector.
const (
	dotFrom   = 2048 // elements; to join 64 lanes takes 25 to 40 ns, however few there are
	axpyFrom  = 128
	scaleFrom = 32
	normFrom  = 32
	sumFrom   = 256
	swapFrom  = 128

	gemvFrom  = 1024 // elements of A
	depthFrom = 16   // rows of an A with a transposition
	rowFrom   = 2048 // columns of an A without a transposition, whose rows are multiplied as by Sdot

	gemmFrom      = 512     // multiply-adds
	thinFrom      = 4       // rows and columns of C = A Bᵀ
	dotsFrom      = 128     // elements of C = A Bᵀ, which gonum has by Sdot
	cellsFrom     = 8       // elements of any other C
	stepsFrom     = 4       // k of all others, which gonum has by Saxpy, limited by memory as ours
	symmetricFrom = 1 << 12 // multiply-adds of Ssymm
	squareFrom    = 8       // rows and columns of its B
	syrkFrom      = 1 << 15 // of Ssyrk and Ssyr2k, with both triangles: gonum's is Sdot in one
	syrkRows      = 32      // and rows of their C

	triangleFrom = 32 // the order of a triangular matrix
	leftFrom     = 8  // columns of B right of it
	rightFrom    = 32 // rows of B left of it
)
