// Package gonum makes gonum's float32 BLAS run on the kernels of simdrnn:
//
//	blas32.Use(gonum.Float32{})
//
// From then on [gonum.org/v1/gonum/blas/blas32] calls it. Package mat does not: its
// matrices are float64 and use blas64. The examples show how a mat.Dense becomes a
// blas32.General and back.
//
// [Float32] is the fastest of both: kernels where they gain, gonum's own code for all else.
// [SameBits] is for programs that need the same results on every machine: kernels for all sizes.
//
// # What runs on kernels
//
// Arguments, their checks and the panics are gonum's. With Float32 these run on kernels on the
// tiers with vector instructions (AVX2, AVX-512, NEON), vectors of level 1 with increments of 1:
//
//	Sgemm           from 512 multiply-adds on, all transpositions, any alpha and beta; of
//	                A Bᵀ those with 4 rows and columns and 128 elements of C or more,
//	                of the others those with k = 4 and 8 elements of C or more, and
//	                where C has 1 or 2 rows those with 16 elements of C and 1024
//	                multiply-adds or more
//	Ssyrk, Ssyr2k   from n = 32 and n*n*k = 2^15 on, with the bits of Sgemm
//	Ssymm           from 2^12 multiply-adds and 8 rows and columns of B on, likewise
//	Strmm, Strsm    triangles of order 32 or more by 8 columns or more, from the right
//	                by 32 rows or more
//	Sgemv           the transpose from 1024 elements of A, 16 rows and 16 columns on; without a
//	                transposition from 2048 elements on, in 4 rows or more of 64 elements or
//	                more, or in rows of 1024
//	Ssymv, Ssyr2    from n = 128 on; Ssyr from n = 64 on
//	Strsv           from n = 192 on, with a transposition from 64 on
//	Strmv           with a transposition from n = 192 on
//	Sspmv, Sspr, Sspr2, Stpmv, Stpsv, Ssbmv, Stbmv, Stbsv, Sgbmv: the same for packed rows and
//	                rows of a band of half that length
//	Sdot            from 512 elements on
//	Saxpy           from 128 elements on
//	Snrm2           from 32 elements on, on every tier
//	Sasum           from 256 elements on
//	Sscal, Sswap    from 32 and 128 elements on, with the bits of gonum, Sswap on every tier
//
// All else is gonum's own code, and with it what Srot, Srotm, Sdsdot and Dsdot do. The sizes are
// those of AVX2 and AVX-512, and the same on every tier with vector instructions.
//
// On the scalar tier, on machines without vector instructions that this module knows and with
// SIMDRNN_ISA=scalar, a fused multiply-add is some twenty instructions, and gonum's own code is up
// to 30 times as fast as the kernels. So Float32 is gonum's own code there, but for what gains
// there too: Snrm2, and Sswap.
//
// # What is promised about bits
//
//   - Float32: what runs on kernels has the same bits on AVX2, AVX-512 and NEON, and on any number
//     of goroutines. What is gonum's own code has gonum's bits. They differ by architecture
//     (assembly is for amd64 alone, and Go code with a product and a sum may be fused on arm64,
//     ppc64le, riscv64 and s390x), and the sums of its assembly by the address of the vectors.
//   - SameBits: the same bits on every machine, every tier and any number of goroutines, for all
//     sizes and increments of the routines that it lists. A NaN is a NaN, whatever its payload.
//   - Both: two products of different sizes, or two vectors of different lengths, may follow
//     different definitions with Float32. With SameBits each routine has one.
//
// # What is different in the results
//
// An element of a product is one chain of fused multiply-adds in ascending order of
// the inner index, which alpha multiplies at the end (see [Float32.Sgemm]). gonum
// rounds products and sums apart and, unless B alone is transposed, multiplies the
// elements of A by alpha. So the last bits differ. Also:
//
//   - A zero in A times NaN or an infinity in B is NaN. gonum passes over zeros in A
//     unless only B is transposed.
//     In Ssyr so is one in x times NaN or an infinity in x, which gonum passes over.
//   - alpha = 0 reads neither A nor B. gonum's Sgemm gives NaN if A is not finite.
//   - A product that overflows before it is multiplied by a small alpha stays infinite.
//   - Sgemv with the transpose leaves the part of y behind its last element alone,
//     which gonum's clears if beta = 0.
//   - Snrm2 has one rounding where gonum has one for each element.
//   - Sger with a negative increment is right: gonum's assembly for amd64 (0.17.0) multiplies by
//     other memory than the vectors.
//
// Nothing is flushed to zero: rule 8 of docs/numerics.md is about layers. The tier
// is the one of [kernels.Current], at each call. Scratch comes from a pool. Per
// goroutine it is 4 MiB, or 64 columns of op(B) and C where that is more, with up to 96
// rows of op(A) where A is transposed; Ssymm adds 128 rows of A. Strmm and Strsm take 4 MiB,
// or 16 columns of B where that is more, and 12 rows of A. Level 2, and level 1 with SameBits, take
// copies of the vectors whose increment is not 1.
//
// [kernels.Current]: https://pkg.go.dev/github.com/simdrnn/simdrnn/kernels#Current
package gonum

import (
	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
)

// Float32 implements [blas.Float32], all of levels 1 to 3, on kernels where they gain. The methods
// that are listed here are ours, where the package documentation says so; all others are promoted
// from gonum's own implementation, those of other types of elements too. The zero value is ready
// for use, by many goroutines at the same time.
type Float32 struct{ implementation }

type implementation = native.Implementation

var _ blas.Float32 = Float32{}
