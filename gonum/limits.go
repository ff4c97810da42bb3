package gonum

// From these sizes on a routine is ours; below them, and on the tier without assembly, it is
// gonum's own. They are the same on all tiers with vector instructions: the results of the two
// differ in the last bits, and no such tier is to have other bits than the next. Each is the
// larger of those from which AVX2 and AVX-512 gain, measured beside gonum on an Intel Xeon
// (Emerald Rapids) by BenchmarkLeast: bench/results/gonum-blas.md has the times. Snrm2 and Sswap
// gain without assembly too.
//
// The methods of level 1 and Sgemv only choose which function they call, so that they are
// inlined and the way to gonum's own code has no call more than without this package. One
// more takes a nanosecond, a tenth of the time of a short vector.
const (
	dotFrom   = 512 // elements; to join 64 lanes takes 10 ns, however few there are
	axpyFrom  = 128
	scaleFrom = 32
	normFrom  = 32
	sumFrom   = 256
	swapFrom  = 128

	gemvFrom  = 1024 // elements of A
	depthFrom = 16   // rows of an A with a transposition
	rowsFrom  = 2048 // elements of an A without a transposition,
	shortFrom = 64   // its columns
	fewFrom   = 4    // and its rows, or else
	rowFrom   = 1024 // its columns: a row alone is Sdot

	// Elements of a row of a triangle, on the average: half the order.
	symvFrom = 64
	trmvFrom = 96 // with a transposition: without gonum's Sdot is as fast up to order 2000
	trsvFrom = 96
	backFrom = 32 // Strsv with a transposition
	syrFrom  = 32
	syr2From = 64
	// Elements of a row of a band.
	bandFrom = 96
	downFrom = 32 // with a transposition

	gemmFrom      = 512     // multiply-adds
	thinFrom      = 4       // rows and columns of C = A Bᵀ
	dotsFrom      = 128     // elements of C = A Bᵀ, which gonum has by Sdot
	cellsFrom     = 8       // elements of any other C
	stepsFrom     = 4       // k of all others, which gonum has by Saxpy, limited by memory as ours,
	fewRows       = 2       // but for a C of up to so many rows,
	fewCells      = 16      // which needs so many elements
	fewGemmFrom   = 1024    // and multiply-adds
	symmetricFrom = 1 << 12 // multiply-adds of Ssymm
	squareFrom    = 8       // rows and columns of its B
	syrkFrom      = 1 << 15 // of Ssyrk and Ssyr2k, with both triangles: gonum's is Sdot in one
	syrkRows      = 32      // and rows of their C

	triangleFrom = 32 // the order of a triangular matrix
	leftFrom     = 8  // columns of B right of it
	rightFrom    = 32 // rows of B left of it
)
