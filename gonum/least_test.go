package gonum

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// BenchmarkLeast times every routine that is ours at the size from which it is, and at one some
// times as large: there it has to be faster than gonum's own.
func BenchmarkLeast(b *testing.B) {
	const most = 512
	r := rand.New(rand.NewPCG(1, 2))
	a, c, x, y := random(r, most*most), random(r, most*most), random(r, most*most), random(r, most*most)
	for i := range a { // so that products and solutions by triangles, whose diagonal counts as 1, do not grow
		a[i] *= 1e-6
	}
	const N, T, L, U = blas.NoTrans, blas.Trans, blas.Lower, blas.Unit
	for _, call := range []struct {
		name  string
		sizes []int
		run   func(impl blas.Float32, n int)
	}{
		{"Sdot", []int{dotFrom, 4096}, func(impl blas.Float32, n int) { impl.Sdot(n, x, 1, y, 1) }},
		{"Saxpy", []int{axpyFrom, 4096}, func(impl blas.Float32, n int) { impl.Saxpy(n, 1e-9, x, 1, y, 1) }},
		{"Sscal", []int{scaleFrom, 4096}, func(impl blas.Float32, n int) { impl.Sscal(n, -1, x, 1) }},
		{"Snrm2", []int{normFrom, 4096}, func(impl blas.Float32, n int) { impl.Snrm2(n, x, 1) }},
		{"Sasum", []int{sumFrom, 4096}, func(impl blas.Float32, n int) { impl.Sasum(n, x, 1) }},
		{"Sswap", []int{swapFrom, 4096}, func(impl blas.Float32, n int) { impl.Sswap(n, x, 1, y, 1) }},
		{"Sgemv/N/cols=64/rows", []int{rowsFrom / shortFrom, most}, func(impl blas.Float32, n int) { impl.Sgemv(N, n, shortFrom, 1, a, shortFrom, x, 1, 0.5, y, 1) }},
		{"Sgemv/N/rows=4/cols", []int{rowsFrom / fewFrom, 4096}, func(impl blas.Float32, n int) { impl.Sgemv(N, fewFrom, n, 1, a, n, x, 1, 0.5, y, 1) }},
		{"Sgemv/N/rows=2/cols", []int{rowFrom, 4096}, func(impl blas.Float32, n int) { impl.Sgemv(N, 2, n, 1, a, n, x, 1, 0.5, y, 1) }},
		{"Sgemv/T/cols=16/rows", []int{gemvFrom / vector, most}, func(impl blas.Float32, n int) { impl.Sgemv(T, n, vector, 1, a, vector, x, 1, 0.5, y, 1) }},
		{"Sgemv/T/rows=16/cols", []int{gemvFrom / depthFrom, most}, func(impl blas.Float32, n int) { impl.Sgemv(T, depthFrom, n, 1, a, n, x, 1, 0.5, y, 1) }},
		{"Ssymv", []int{2 * symvFrom, most}, func(impl blas.Float32, n int) { impl.Ssymv(L, n, 1, a, most, x, 1, 0.5, y, 1) }},
		{"Sspmv", []int{2 * symvFrom, most}, func(impl blas.Float32, n int) { impl.Sspmv(L, n, 1, a, x, 1, 0.5, y, 1) }},
		{"Ssbmv/n=512/k", []int{symvFrom, 2 * symvFrom}, func(impl blas.Float32, n int) { impl.Ssbmv(L, most, n, 1, a, most, x, 1, 0.5, y, 1) }},
		{"Strmv/T", []int{2 * trmvFrom, most}, func(impl blas.Float32, n int) { impl.Strmv(L, T, U, n, a, most, x, 1) }},
		{"Stpmv/T", []int{2 * trmvFrom, most}, func(impl blas.Float32, n int) { impl.Stpmv(L, T, U, n, a, y, 1) }},
		{"Stbmv/T/n=512/k", []int{trmvFrom, 2 * trmvFrom}, func(impl blas.Float32, n int) { impl.Stbmv(L, T, U, most, n, a, most, y, 1) }},
		{"Strsv/N", []int{2 * trsvFrom, most}, func(impl blas.Float32, n int) { impl.Strsv(L, N, U, n, a, most, x, 1) }},
		{"Strsv/T", []int{2 * backFrom, most}, func(impl blas.Float32, n int) { impl.Strsv(L, T, U, n, a, most, x, 1) }},
		{"Stpsv/N", []int{2 * trsvFrom, most}, func(impl blas.Float32, n int) { impl.Stpsv(L, N, U, n, a, y, 1) }},
		{"Stpsv/T", []int{2 * backFrom, most}, func(impl blas.Float32, n int) { impl.Stpsv(L, T, U, n, a, y, 1) }},
		{"Stbsv/N/n=512/k", []int{trsvFrom, 2 * trsvFrom}, func(impl blas.Float32, n int) { impl.Stbsv(L, N, U, most, n, a, most, y, 1) }},
		{"Stbsv/T/n=512/k", []int{backFrom, 2 * trsvFrom}, func(impl blas.Float32, n int) { impl.Stbsv(L, T, U, most, n, a, most, y, 1) }},
		{"Ssyr", []int{2 * syrFrom, most}, func(impl blas.Float32, n int) { impl.Ssyr(L, n, 1e-9, x, 1, c, most) }},
		{"Sspr", []int{2 * syrFrom, most}, func(impl blas.Float32, n int) { impl.Sspr(L, n, 1e-9, x, 1, c) }},
		{"Ssyr2", []int{2 * syr2From, most}, func(impl blas.Float32, n int) { impl.Ssyr2(L, n, 1e-9, x, 1, x, 1, c, most) }},
		{"Sspr2", []int{2 * syr2From, most}, func(impl blas.Float32, n int) { impl.Sspr2(L, n, 1e-9, x, 1, x, 1, c) }},
		{"Sgbmv/N/n=512/diagonals", []int{bandFrom, 2 * bandFrom}, func(impl blas.Float32, n int) {
			impl.Sgbmv(N, most, most, n/2, n/2, 1, a, most, x, 1, 0.5, y, 1)
		}},
		{"Sgbmv/T/n=512/diagonals", []int{downFrom, 2 * bandFrom}, func(impl blas.Float32, n int) {
			impl.Sgbmv(T, most, most, n/2, n/2, 1, a, most, x, 1, 0.5, y, 1)
		}},
		{"Sgemm/NN", []int{8, 32}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, n, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Sgemm/TN", []int{8, 32}, func(impl blas.Float32, n int) { impl.Sgemm(T, N, n, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Sgemm/TT", []int{8, 32}, func(impl blas.Float32, n int) { impl.Sgemm(T, T, n, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Sgemm/NT/k=4/m=n", []int{12, 32}, func(impl blas.Float32, n int) { impl.Sgemm(N, T, n, n, 4, 1, a, 4, x, 4, 0, c, n) }},
		{"Sgemm/NT/m=4/n=k", []int{32, 128}, func(impl blas.Float32, n int) { impl.Sgemm(N, T, thinFrom, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Sgemm/NN/k=4/m=n", []int{12, 32}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, n, n, stepsFrom, 1, a, 4, x, n, 0, c, n) }},
		{"Sgemm/NN/m=1,n=16/k", []int{fewGemmFrom / 16, most}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, 1, 16, n, 1, a, n, x, 16, 0, c, 16) }},
		{"Sgemm/TN/m=1,n=24/k", []int{48, most}, func(impl blas.Float32, n int) { impl.Sgemm(T, N, 1, 24, n, 1, a, 1, x, 24, 0, c, 24) }},
		{"Sgemm/TT/m=1,n=16/k", []int{fewGemmFrom / 16, most}, func(impl blas.Float32, n int) { impl.Sgemm(T, T, 1, 16, n, 1, a, 1, x, n, 0, c, 16) }},
		{"Sgemm/NN/m=1,k=4/n", []int{fewGemmFrom / 4, 4096}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, 1, n, 4, 1, a, 4, x, n, 0, c, n) }},
		{"Sgemm/NN/m=2,n=8/k", []int{fewGemmFrom / 16, most}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, 2, 8, n, 1, a, n, x, 8, 0, c, 8) }},
		{"Sgemm/TN/m=2,n=8/k", []int{fewGemmFrom / 16, most}, func(impl blas.Float32, n int) { impl.Sgemm(T, N, 2, 8, n, 1, a, 2, x, 8, 0, c, 8) }},
		{"Sgemm/NN/n=1,k=64/m", []int{8, most}, func(impl blas.Float32, n int) { impl.Sgemm(N, N, n, 1, 64, 1, a, 64, x, 1, 0, c, 1) }},
		{"Sgemm/TN/n=4,k=48/m", []int{3, most}, func(impl blas.Float32, n int) { impl.Sgemm(T, N, n, 4, 48, 1, a, n, x, 4, 0, c, 4) }},
		{"Ssyrk", []int{syrkRows, 128}, func(impl blas.Float32, n int) { impl.Ssyrk(L, N, n, n, 1, a, n, 0, c, n) }},
		{"Ssyr2k", []int{syrkRows, 128}, func(impl blas.Float32, n int) { impl.Ssyr2k(L, N, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Ssyrk/T/k=1/n", []int{182, most}, func(impl blas.Float32, n int) { impl.Ssyrk(L, T, n, 1, 1, a, n, 0.5, c, n) }},
		{"Ssyr2k/T/k=1/n", []int{182, most}, func(impl blas.Float32, n int) { impl.Ssyr2k(L, T, n, 1, 1, a, n, x, n, 0.5, c, n) }},
		{"Ssymm/left", []int{16, 128}, func(impl blas.Float32, n int) { impl.Ssymm(blas.Left, L, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Ssymm/right", []int{16, 128}, func(impl blas.Float32, n int) { impl.Ssymm(blas.Right, L, n, n, 1, a, n, x, n, 0, c, n) }},
		{"Strmm/left/cols=8/order", []int{triangleFrom, 128}, func(impl blas.Float32, n int) {
			impl.Strmm(blas.Left, L, N, U, n, leftFrom, 1, a, most, y, leftFrom)
		}},
		{"Strmm/right/rows=32/order", []int{triangleFrom, 128}, func(impl blas.Float32, n int) {
			impl.Strmm(blas.Right, L, N, U, rightFrom, n, 1, a, most, y, n)
		}},
		{"Strsm/left/cols=8/order", []int{triangleFrom, 128}, func(impl blas.Float32, n int) {
			impl.Strsm(blas.Left, L, N, U, n, leftFrom, 1, a, most, y, leftFrom)
		}},
		{"Strsm/right/rows=32/order", []int{triangleFrom, 128}, func(impl blas.Float32, n int) {
			impl.Strsm(blas.Right, L, N, U, rightFrom, n, 1, a, most, y, n)
		}},
	} {
		for _, n := range call.sizes {
			b.Run(fmt.Sprintf("%s=%d", call.name, n), func(b *testing.B) {
				beside(b, func(b *testing.B, impl blas.Float32) {
					for b.Loop() {
						call.run(impl, n)
					}
				})
			})
		}
	}
}
