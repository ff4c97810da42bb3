// The race detector empties pools at random.
//go:build !race

package gonum

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// TestAllocations: repeated calls reuse their scratch.
func TestAllocations(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const n = 100
	a, b, c := random(r, n*n), random(r, n*n), random(r, n*n)
	for name, run := range map[string]func(){
		"Sgemm":  func() { Float32{}.Sgemm(blas.Trans, blas.Trans, n, n, n, 0.5, a, n, b, n, 0.5, c, n) },
		"Sgemv":  func() { Float32{}.Sgemv(blas.Trans, n, n, 0.5, a, n, b, 1, 0.5, c, 1) },
		"Ssyrk":  func() { Float32{}.Ssyrk(blas.Lower, blas.NoTrans, n, n, 0.5, a, n, 0.5, c, n) },
		"Ssymm":  func() { Float32{}.Ssymm(blas.Right, blas.Lower, n, n, 0.5, a, n, b, n, 0.5, c, n) },
		"Strmm":  func() { Float32{}.Strmm(blas.Left, blas.Lower, blas.NoTrans, blas.Unit, n, n, 0.5, a, n, c, n) },
		"Strsm":  func() { Float32{}.Strsm(blas.Right, blas.Upper, blas.Trans, blas.Unit, n, n, 0.5, a, n, c, n) },
		"Snrm2":  func() { Float32{}.Snrm2(n*n, a, 1) },
		"Sasum":  func() { Float32{}.Sasum(n*n, a, 1) },
		"Sdot":   func() { Float32{}.Sdot(n*n, a, 1, b, 1) },
		"Sswap":  func() { Float32{}.Sswap(n*n, a, 1, b, 1) },
		"Ssyr2k": func() { Float32{}.Ssyr2k(blas.Lower, blas.NoTrans, n, n, 0.5, a, n, b, n, 0.5, c, n) },
	} {
		run()
		// A collection may empty the pool: that is less than one in 200 calls.
		if got := testing.AllocsPerRun(200, run); got > 0 {
			t.Errorf("%s makes %v allocations a call", name, got)
		}
	}
}
