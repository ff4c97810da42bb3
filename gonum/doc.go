// Package gonum makes gonum's float32 BLAS run on the kernels of simdrnn:
//
//	blas32.Use(gonum.Float32{})
//
// From then on [gonum.org/v1/gonum/blas/blas32] calls it. Package mat does not: its
// matrices are float64 and use blas64. The examples show how a mat.Dense becomes a
// blas32.General and back.
//
// # What runs on kernels
//
// Arguments, their checks and the panics are gonum's. These run on kernels where they
// gain, which means vectors with increments of 1:
//
//	Sgemm           from 512 multiply-adds on, all transpositions, any alpha and beta; of
//	                A Bᵀ those with 4 rows and columns and 128 elements of C or more,
//	                of the others those with k = 4 and 8 elements of C or more
//	Ssyrk, Ssyr2k   from n = 32 and n*n*k = 2^15 on, with the bits of Sgemm
//	Ssymm           from 2^12 multiply-adds and 8 rows and columns of B on, likewise
//	Strmm, Strsm    triangles of order 32 or more by 8 columns or more, from the right
//	                by 32 rows or more
//	Sgemv           from 1024 elements of A on: the transpose, of 16 rows and columns or more, and
//	                without a transposition rows of 2048 elements or more
//	Sdot            from 2048 elements on
//	Saxpy           from 128 elements on
//	Snrm2           from 32 elements on
//	Sasum           from 256 elements on
//	Sscal, Sswap    from 32 and 128 elements on, with the bits of gonum
//
// All else is gonum's own code: other sizes and increments, and all other functions of
// levels 1 and 2. The sizes are those of AVX2 and AVX-512, and the same on every tier, so
// that no result depends on it. On the tier without assembly what is ours can be slower
// than gonum's assembly, several times; there gonum's own is the faster choice.
//
// # What is different in the results
//
// An element of a product is one chain of fused multiply-adds in ascending order of
// the inner index, which alpha multiplies at the end (see [Float32.Sgemm]). gonum
// rounds products and sums apart and, unless B alone is transposed, multiplies the
// elements of A by alpha. So the last bits differ. Also:
//
//   - What runs on kernels has the same bits on every machine, tier and number of
//     goroutines; gonum's own code, assembly on amd64 alone, does not promise that.
//   - So two products of different sizes, or two vectors of different lengths, may follow
//     different definitions.
//   - A zero in A times NaN or an infinity in B is NaN. gonum passes over zeros in A
//     unless only B is transposed.
//   - alpha = 0 reads neither A nor B. gonum's Sgemm gives NaN if A is not finite.
//   - A product that overflows before it is multiplied by a small alpha stays infinite.
//   - Sgemv with the transpose leaves the part of y behind its last element alone,
//     which gonum's clears if beta = 0.
//   - Snrm2 has one rounding where gonum has one for each element.
//
// Nothing is flushed to zero: rule 8 of docs/numerics.md is about layers. The tier
// is the one of [kernels.Current], at each call. Scratch comes from a pool. Per
// goroutine it is 4 MiB, or 64 columns of op(B) and C where that is more, with up to 96
// rows of op(A) where A is transposed; Ssymm adds 128 rows of A. Strmm and Strsm take 4 MiB,
// or 16 columns of B where that is more, and 12 rows of A.
//
// [kernels.Current]: https://pkg.go.dev/github.com/simdrnn/simdrnn/kernels#Current
package gonum

import (
	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
)

// Float32 implements [blas.Float32], all of levels 1 to 3. The methods that are listed
// here are ours, where the package documentation says so; all others are promoted from
// gonum's own implementation, those of other types of elements too. The zero value is
// ready for use, by many goroutines at the same time.
type Float32 struct{ implementation }

type implementation = native.Implementation

var _ blas.Float32 = Float32{}
