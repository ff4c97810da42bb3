//go:build openblas

package peer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/netlib/blas/netlib"

	"github.com/simdrnn/simdrnn/gonum"
)

// beside runs a benchmark on package gonum, on gonum's own implementation and on OpenBLAS,
// which has threads of its own, as many as OPENBLAS_NUM_THREADS says. fmas are the
// multiply-adds of a call, or its elements where it has no more to do with each.
func beside(b *testing.B, name string, fmas int, call func(impl blas.Float32)) {
	for _, c := range []struct {
		name string
		impl blas.Float32
	}{{"simdrnn", gonum.Float32{}}, {"gonum", native.Implementation{}}, {"openblas", netlib.Implementation{}}} {
		b.Run(name+"/impl="+c.name, func(b *testing.B) {
			for b.Loop() {
				call(c.impl)
			}
			b.ReportMetric(float64(fmas)*float64(b.N)/b.Elapsed().Seconds()*1e-9, "GFMA/s")
		})
	}
}

func BenchmarkLevel1(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{16, 256, 512, 4096, 1 << 18} {
		x, y := random(r, n), random(r, n)
		for _, c := range []struct {
			name string
			call func(impl blas.Float32)
		}{
			{"Sdot", func(impl blas.Float32) { impl.Sdot(n, x, 1, y, 1) }},
			{"Saxpy", func(impl blas.Float32) { impl.Saxpy(n, 1e-9, x, 1, y, 1) }},
			{"Sscal", func(impl blas.Float32) { impl.Sscal(n, -1, x, 1) }},
			{"Snrm2", func(impl blas.Float32) { impl.Snrm2(n, x, 1) }},
			{"Sasum", func(impl blas.Float32) { impl.Sasum(n, x, 1) }},
			{"Sswap", func(impl blas.Float32) { impl.Sswap(n, x, 1, y, 1) }},
		} {
			beside(b, fmt.Sprintf("%s/n=%d", c.name, n), n, c.call)
		}
	}
}

func BenchmarkSgemv(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{32, 128, 512, 2048} {
		a, x, y := random(r, n*n), random(r, n), random(r, n)
		for _, trans := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			beside(b, fmt.Sprintf("n=%d/trans=%c", n, trans), n*n, func(impl blas.Float32) { impl.Sgemv(trans, n, n, 1, a, n, x, 1, 0.5, y, 1) })
		}
	}
}

func BenchmarkLevel2(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{32, 128, 512, 2048} {
		a, x, y := random(r, n*n), random(r, n), random(r, n)
		for i := range n { // so that solutions do not grow
			for j := range n {
				a[i*n+j] *= 1e-4
			}
			a[i*n+i] = 1
		}
		half := n * (n + 1) / 2
		for _, c := range []struct {
			name string
			fmas int
			call func(impl blas.Float32)
		}{
			{"Ssymv", n * n, func(impl blas.Float32) { impl.Ssymv(blas.Lower, n, 1, a, n, x, 1, 0.5, y, 1) }},
			{"Strsv/trans=N", half, func(impl blas.Float32) { impl.Strsv(blas.Lower, blas.NoTrans, blas.Unit, n, a, n, x, 1) }},
			{"Strsv/trans=T", half, func(impl blas.Float32) { impl.Strsv(blas.Lower, blas.Trans, blas.Unit, n, a, n, x, 1) }},
			{"Strmv/trans=T", half, func(impl blas.Float32) { impl.Strmv(blas.Lower, blas.Trans, blas.Unit, n, a, n, x, 1) }},
			{"Ssyr", half, func(impl blas.Float32) { impl.Ssyr(blas.Lower, n, 1e-9, y, 1, a, n) }},
			{"Sger", n * n, func(impl blas.Float32) { impl.Sger(n, n, 1e-9, y, 1, y, 1, a, n) }},
		} {
			beside(b, fmt.Sprintf("%s/n=%d", c.name, n), c.fmas, c.call)
			copy(x, y)
		}
	}
}

func BenchmarkSgemm(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	both := []blas.Transpose{blas.NoTrans, blas.Trans}
	for _, n := range []int{8, 16, 32, 64, 128, 256, 512, 1024} {
		x, y, z := random(r, n*n), random(r, n*n), random(r, n*n)
		for _, tA := range both {
			for _, tB := range both {
				if n == 64 || n == 512 || tA == blas.NoTrans && tB == blas.NoTrans {
					beside(b, fmt.Sprintf("n=%d/trans=%c%c", n, tA, tB), n*n*n, func(impl blas.Float32) { impl.Sgemm(tA, tB, n, n, n, 1, x, n, y, n, 0, z, n) })
				}
			}
		}
	}
}

func BenchmarkLevel3(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{32, 128, 512} {
		x, y, z := random(r, n*n), random(r, n*n), random(r, n*n)
		for i := range n { // so that solutions and products by triangles do not grow
			for j := range n {
				x[i*n+j] *= 1e-3
			}
			x[i*n+i] = 1
		}
		for _, c := range []struct {
			name string
			fmas int
			call func(impl blas.Float32)
		}{
			{"Ssyrk", n * n * (n + 1) / 2, func(impl blas.Float32) { impl.Ssyrk(blas.Lower, blas.NoTrans, n, n, 1, x, n, 0, z, n) }},
			{"Ssyr2k", n * n * (n + 1), func(impl blas.Float32) { impl.Ssyr2k(blas.Lower, blas.NoTrans, n, n, 1, x, n, y, n, 0, z, n) }},
			{"Ssymm", n * n * n, func(impl blas.Float32) { impl.Ssymm(blas.Left, blas.Upper, n, n, 1, x, n, y, n, 0, z, n) }},
			{"Strmm", n * n * n / 2, func(impl blas.Float32) {
				impl.Strmm(blas.Left, blas.Upper, blas.NoTrans, blas.Unit, n, n, 1, x, n, y, n)
			}},
			{"Strsm", n * n * n / 2, func(impl blas.Float32) {
				impl.Strsm(blas.Left, blas.Lower, blas.NoTrans, blas.Unit, n, n, 1, x, n, y, n)
			}},
		} {
			beside(b, fmt.Sprintf("%s/n=%d", c.name, n), c.fmas, c.call)
		}
	}
}
