package gonum

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
)

// beside runs a benchmark on both implementations of this package and on gonum's.
func beside(b *testing.B, run func(b *testing.B, impl blas.Float32)) {
	b.Run("impl=simdrnn", func(b *testing.B) { run(b, Float32{}) })
	b.Run("impl=samebits", func(b *testing.B) { run(b, SameBits{}) })
	b.Run("impl=gonum", func(b *testing.B) { run(b, native.Implementation{}) })
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// speed reports multiply-adds a second.
func speed(b *testing.B, fmas int) {
	b.ReportMetric(float64(fmas)*float64(b.N)/b.Elapsed().Seconds()*1e-9, "GFMA/s")
}

func BenchmarkSgemm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		m, n, k     int
		alpha, beta float32
	}{{8, 8, 8, 1, 0}, {32, 32, 32, 1, 0}, {64, 64, 64, 1, 0}, {128, 128, 128, 1, 0}, {256, 256, 256, 1, 0}, {256, 256, 256, 1, 1},
		{512, 512, 512, 1, 0}, {512, 512, 512, 0.5, 0.5}, {1024, 1024, 1024, 1, 0}, {1, 1024, 1024, 1, 0}, {1024, 16, 1024, 1, 0}} {
		for _, trans := range []struct {
			name   string
			tA, tB blas.Transpose
		}{{"NN", blas.NoTrans, blas.NoTrans}, {"NT", blas.NoTrans, blas.Trans}, {"TN", blas.Trans, blas.NoTrans}, {"TT", blas.Trans, blas.Trans}} {
			b.Run(fmt.Sprintf("m=%d/n=%d/k=%d/alpha=%v/beta=%v/trans=%s", c.m, c.n, c.k, c.alpha, c.beta, trans.name), func(b *testing.B) {
				beside(b, func(b *testing.B, impl blas.Float32) {
					lda, ldb := c.k, c.n
					if trans.tA == blas.Trans {
						lda = c.m
					}
					if trans.tB == blas.Trans {
						ldb = c.k
					}
					x, y, z := random(r, c.m*c.k), random(r, c.k*c.n), random(r, c.m*c.n)
					for b.Loop() {
						impl.Sgemm(trans.tA, trans.tB, c.m, c.n, c.k, c.alpha, x, lda, y, ldb, c.beta, z, c.n)
					}
					speed(b, c.m*c.n*c.k)
				})
			})
		}
	}
}

func BenchmarkSgemv(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{8, 32, 128, 512, 2048} {
		for _, trans := range []struct {
			name string
			t    blas.Transpose
		}{{"N", blas.NoTrans}, {"T", blas.Trans}} {
			b.Run(fmt.Sprintf("m=%d/n=%d/trans=%s", n, n, trans.name), func(b *testing.B) {
				beside(b, func(b *testing.B, impl blas.Float32) {
					a, x, y := random(r, n*n), random(r, n), random(r, n)
					for b.Loop() {
						impl.Sgemv(trans.t, n, n, 1, a, n, x, 1, 0.5, y, 1)
					}
					speed(b, n*n)
				})
			})
		}
	}
}

func BenchmarkLevel1(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{4, 16, 64, 256, 4096, 1 << 18} {
		x, y := random(r, n), random(r, n)
		for _, c := range []struct {
			name string
			run  func(impl blas.Float32)
		}{
			{"Sdot", func(impl blas.Float32) { impl.Sdot(n, x, 1, y, 1) }},
			{"Saxpy", func(impl blas.Float32) { impl.Saxpy(n, 1e-9, x, 1, y, 1) }},
			{"Sscal", func(impl blas.Float32) { impl.Sscal(n, -1, x, 1) }},
			{"Snrm2", func(impl blas.Float32) { impl.Snrm2(n, x, 1) }},
			{"Sasum", func(impl blas.Float32) { impl.Sasum(n, x, 1) }},
			{"Sswap", func(impl blas.Float32) { impl.Sswap(n, x, 1, y, 1) }},
		} {
			b.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(b *testing.B) {
				beside(b, func(b *testing.B, impl blas.Float32) {
					for b.Loop() {
						c.run(impl)
					}
					speed(b, n)
				})
			})
		}
	}
}

func BenchmarkLevel3(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{8, 16, 32, 64, 128, 512} {
		x, y, z := random(r, n*n), random(r, n*n), random(r, n*n)
		for i := range n { // so that solutions do not grow
			for j := range n {
				x[i*n+j] *= 1e-3
			}
			x[i*n+i] = 1
		}
		for _, c := range []struct {
			name string
			run  func(impl blas.Float32)
		}{
			{"Ssyrk", func(impl blas.Float32) { impl.Ssyrk(blas.Upper, blas.NoTrans, n, n, 1, x, n, 0.5, z, n) }},
			{"Ssyr2k", func(impl blas.Float32) { impl.Ssyr2k(blas.Upper, blas.NoTrans, n, n, 1, x, n, y, n, 0.5, z, n) }},
			{"Ssymm", func(impl blas.Float32) { impl.Ssymm(blas.Left, blas.Upper, n, n, 1, x, n, y, n, 0.5, z, n) }},
			{"Strmm", func(impl blas.Float32) {
				impl.Strmm(blas.Left, blas.Upper, blas.NoTrans, blas.NonUnit, n, n, 1, x, n, z, n)
			}},
			{"Strsm", func(impl blas.Float32) {
				impl.Strsm(blas.Left, blas.Upper, blas.NoTrans, blas.NonUnit, n, n, 1, x, n, z, n)
			}},
		} {
			b.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(b *testing.B) {
				beside(b, func(b *testing.B, impl blas.Float32) {
					for b.Loop() {
						c.run(impl)
					}
				})
			})
		}
	}
}
