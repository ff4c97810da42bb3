package gonum

// From these sizes on a routine is ours; below them it is gonum's own. They are the same on
// all tiers: the results of the two differ in the last bits, and no tier is to have other
// bits than the next. Each is the larger of those from which AVX2 and AVX-512 gain,
// measured beside gonum on an Intel Xeon (Emerald Rapids): bench/results/gonum-blas.md has
// the times. On the tier without assembly a fused multiply-add is some twenty instructions,
// and what is ours is slower than gonum's assembly, by a factor of 5 to 35 in level 1.
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
	depthFrom = 2    // rows of an A with a transposition
	rowFrom   = 2048 // columns of an A without a transposition, whose rows are multiplied as by Sdot

	gemmFrom      = 512     // multiply-adds
	dotsFrom      = 4       // rows and columns of A Bᵀ, which gonum has by Sdot
	symmetricFrom = 1 << 12 // multiply-adds of Ssyr2k and Ssymm, with both triangles
	syrkFrom      = 1 << 15 // of Ssyrk, likewise: gonum's is Sdot in one triangle

	triangleFrom = 32 // the order of a triangular matrix
	leftFrom     = 8  // columns of B right of it
	rightFrom    = 32 // rows of B left of it
)
