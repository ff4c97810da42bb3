//go:build openblas

package peer

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/netlib/blas/netlib"

	"github.com/simdrnn/simdrnn/gonum"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func magnitudes(x []float32) []float64 {
	y := widen(x)
	for i, v := range y {
		y[i] = math.Abs(v)
	}
	return y
}

// TestOpenBLAS: products of random shapes by OpenBLAS and by package gonum are both
// within the error bound of k+3 roundings around the product in float64.
func TestOpenBLAS(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	both := []blas.Transpose{blas.NoTrans, blas.Trans}
	for range 200 {
		m, n, k := 1+r.IntN(100), 1+r.IntN(100), 1+r.IntN(100)
		tA, tB := both[r.IntN(2)], both[r.IntN(2)]
		lda, ldb := k, n
		if tA == blas.Trans {
			lda = m
		}
		if tB == blas.Trans {
			ldb = k
		}
		alpha, beta := float32(r.NormFloat64()), float32(r.IntN(3))*0.5
		a, b, c := random(r, m*k), random(r, k*n), random(r, m*n)
		want, size := widen(c), magnitudes(c)
		native.Implementation{}.Dgemm(tA, tB, m, n, k, float64(alpha), widen(a), lda, widen(b), ldb, float64(beta), want, n)
		native.Implementation{}.Dgemm(tA, tB, m, n, k, math.Abs(float64(alpha)), magnitudes(a), lda, magnitudes(b), ldb, float64(beta), size, n)
		for name, impl := range map[string]blas.Float32{"OpenBLAS": netlib.Implementation{}, "package gonum": gonum.Float32{}} {
			got := append([]float32(nil), c...)
			impl.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, got, n)
			u := float64(k+3) * 0x1p-24
			for i, v := range got {
				if e := math.Abs(float64(v) - want[i]); e > u/(1-u)*size[i] {
					t.Fatalf("%s, %d x %d x %d, %c%c: element %d is %v, want %v within %v", name, m, n, k, tA, tB, i, v, want[i], u*size[i])
				}
			}
		}
	}
}
