package gonum

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"
)

// off is an implementation whose results are a little wrong.
type off struct{ Float32 }

func (f off) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	f.Float32.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	c[0] += c[0] * 0x1p-18
}

func (f off) Sdot(n int, x []float32, incX int, y []float32, incY int) float32 {
	return f.Float32.Sdot(n, x, incX, y, incY) * (1 + 0x1p-18)
}

func (f off) Saxpy(n int, alpha float32, x []float32, incX int, y []float32, incY int) {
	f.Float32.Saxpy(n, alpha, x, incX, y, incY)
	x[0] += 1
}

func (f off) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	f.Float32.Sger(m, n, alpha, x, incX, y, incY, a, lda)
	a[0] += a[0] * 0x1p-18
}

// TestDouble: what the suite sees of a result that is wrong by a little is wrong, and
// what it sees of a right one is the result in float64.
func TestDouble(t *testing.T) {
	for _, c := range []struct {
		name  string
		impl  blas.Float32
		wrong bool
	}{{"right", Float32{}, false}, {"off", off{}, true}} {
		calls := 0
		d := double{c.impl, &calls}
		x, y := []float64{0.1, 0.2}, []float64{0.3, 0.4}
		want := []float64{0, 0, 0, 0}
		d64.Dgemm(blas.NoTrans, blas.NoTrans, 2, 2, 1, 1, x, 1, y, 2, 0, want, 2)
		got := []float64{9, 9, 9, 9}
		d.Dgemm(blas.NoTrans, blas.NoTrans, 2, 2, 1, 1, x, 1, y, 2, 0, got, 2)
		if (got[0] != want[0]) != c.wrong || !slices.Equal(got[1:], want[1:]) {
			t.Errorf("%s, Dgemm: %v, of %v", c.name, got, want)
		}
		if got, want := d.Ddot(2, x, 1, y, 1), d64.Ddot(2, x, 1, y, 1); (got != want) != c.wrong {
			t.Errorf("%s, Ddot: %v, of %v", c.name, got, want)
		}
		got, want = slices.Clone(want), slices.Clone(want)
		d64.Dger(2, 2, 1, x, 1, y, 1, want, 2)
		d.Dger(2, 2, 1, x, 1, y, 1, got, 2)
		if (got[0] != want[0]) != c.wrong || !slices.Equal(got[1:], want[1:]) {
			t.Errorf("%s, Dger: %v, of %v", c.name, got, want)
		}
		d.Daxpy(2, 1, x, 1, y, 1)
		if (x[0] != 0.1) != c.wrong || x[1] != 0.2 {
			t.Errorf("%s, Daxpy: x is %v", c.name, x)
		}
	}
}

// double shows the float32 methods of an implementation to tests in float64. It
// rounds what it is given, calls, and gives back the float64 result of gonum where the
// float32 one is as near to it as float32 can promise, and else the float32 one, which
// the test then finds wrong. A panic goes through.
//
// Near is a computed bound for what kernels may do, and for the methods that are always
// gonum's own the bits of gonum's float32 result.
type double struct {
	impl  blas.Float32
	calls *int
}

var (
	d64 native.Implementation // in float64, the judge
	s32 native.Implementation // in float32, what the methods that are not ours must equal
)

func narrow(x []float64) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func abs(x []float64) []float64 {
	y := slices.Clone(x)
	for i, v := range y {
		y[i] = math.Abs(v)
	}
	return y
}

// near says whether a float32 result of that many operations is within their rounding
// errors of want, size being the result of the same on magnitudes. Two operations are
// the rounding of the operands.
func near(got float32, want, size float64, operations int) bool {
	g := float64(got)
	if g == want || math.IsNaN(g) && math.IsNaN(want) {
		return true
	}
	u := float64(operations+2) * 0x1p-24
	return math.Abs(g-want) <= u/(1-u)*size+float64(operations+2)*0x1p-149
}

// settle sets out to what a test may see: want where got is near.
func settle(out []float64, got []float32, want, size []float64, operations int) {
	for i := range out {
		if near(got[i], want[i], size[i], operations) {
			out[i] = want[i]
		} else {
			out[i] = float64(got[i])
		}
	}
}

// same is settle for the methods that are gonum's own.
func same(out []float64, got, native []float32, want []float64) {
	for i := range out {
		if equal(got[i], native[i]) {
			out[i] = want[i]
		} else {
			out[i] = float64(got[i])
		}
	}
}

func equal(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// intact shows the test that an operand has been written to.
func intact(x []float64, after []float32) {
	for i, v := range x {
		if !equal(after[i], float32(v)) {
			x[i] = float64(after[i])
		}
	}
}

// sum is what Sdot, Snrm2 and Sasum show.
func sum(got float32, want, size float64, operations int) float64 {
	if near(got, want, size, operations) {
		return want
	}
	return float64(got)
}

func (d double) Ddot(n int, x []float64, incX int, y []float64, incY int) float64 {
	*d.calls++
	x32, y32 := narrow(x), narrow(y)
	got := d.impl.Sdot(n, x32, incX, y32, incY)
	return sum(got, d64.Ddot(n, x, incX, y, incY), d64.Ddot(n, abs(x), incX, abs(y), incY), n)
}

func (d double) Dnrm2(n int, x []float64, incX int) float64 {
	*d.calls++
	got := d.impl.Snrm2(n, narrow(x), incX)
	want := d64.Dnrm2(n, x, incX)
	return sum(got, want, want, 1)
}

func (d double) Dasum(n int, x []float64, incX int) float64 {
	*d.calls++
	got := d.impl.Sasum(n, narrow(x), incX)
	want := d64.Dasum(n, x, incX)
	return sum(got, want, want, n)
}

func (d double) Idamax(n int, x []float64, incX int) int {
	*d.calls++
	return d.impl.Isamax(n, narrow(x), incX)
}

// pair runs a method of two vectors on both implementations.
func (d double) pair(x, y []float64, run32 func(f blas.Float32, x, y []float32), run64 func()) {
	*d.calls++
	gotX, gotY, wantX, wantY := narrow(x), narrow(y), narrow(x), narrow(y)
	run32(d.impl, gotX, gotY)
	run32(s32, wantX, wantY)
	run64()
	same(x, gotX, wantX, slices.Clone(x))
	same(y, gotY, wantY, slices.Clone(y))
}

func (d double) Dswap(n int, x []float64, incX int, y []float64, incY int) {
	d.pair(x, y, func(f blas.Float32, x, y []float32) { f.Sswap(n, x, incX, y, incY) }, func() { d64.Dswap(n, x, incX, y, incY) })
}

func (d double) Dcopy(n int, x []float64, incX int, y []float64, incY int) {
	d.pair(x, y, func(f blas.Float32, x, y []float32) { f.Scopy(n, x, incX, y, incY) }, func() { d64.Dcopy(n, x, incX, y, incY) })
}

func (d double) Daxpy(n int, alpha float64, x []float64, incX int, y []float64, incY int) {
	*d.calls++
	x32, got := narrow(x), narrow(y)
	d.impl.Saxpy(n, float32(alpha), x32, incX, got, incY)
	size := abs(y)
	d64.Daxpy(n, math.Abs(alpha), abs(x), incX, size, incY)
	d64.Daxpy(n, alpha, x, incX, y, incY)
	settle(y, got, slices.Clone(y), size, 3)
	intact(x, x32)
}

func (d double) Drot(n int, x []float64, incX int, y []float64, incY int, c, s float64) {
	d.pair(x, y, func(f blas.Float32, x, y []float32) { f.Srot(n, x, incX, y, incY, float32(c), float32(s)) }, func() { d64.Drot(n, x, incX, y, incY, c, s) })
}

func (d double) Drotm(n int, x []float64, incX int, y []float64, incY int, p blas.DrotmParams) {
	p32 := blas.SrotmParams{Flag: p.Flag, H: [4]float32(narrow(p.H[:]))}
	d.pair(x, y, func(f blas.Float32, x, y []float32) { f.Srotm(n, x, incX, y, incY, p32) }, func() { d64.Drotm(n, x, incX, y, incY, p) })
}

func (d double) Dscal(n int, alpha float64, x []float64, incX int) {
	d.pair(x, nil, func(f blas.Float32, x, _ []float32) { f.Sscal(n, float32(alpha), x, incX) }, func() { d64.Dscal(n, alpha, x, incX) })
}

func (d double) Drotg(a, b float64) (c, s, r, z float64) {
	*d.calls++
	c, s, r, z = d64.Drotg(a, b)
	out := []float64{c, s, r, z}
	g1, g2, g3, g4 := d.impl.Srotg(float32(a), float32(b))
	n1, n2, n3, n4 := s32.Srotg(float32(a), float32(b))
	same(out, []float32{g1, g2, g3, g4}, []float32{n1, n2, n3, n4}, slices.Clone(out))
	return out[0], out[1], out[2], out[3]
}

func (d double) Drotmg(d1, d2, x1, y1 float64) (p blas.DrotmParams, rd1, rd2, rx1 float64) {
	*d.calls++
	a, b, x, y := float32(d1), float32(d2), float32(x1), float32(y1)
	got, g1, g2, g3 := d.impl.Srotmg(a, b, x, y)
	want, n1, n2, n3 := s32.Srotmg(a, b, x, y)
	if got != want || g1 != n1 || g2 != n2 || g3 != n3 {
		return p, float64(g1), float64(g2), float64(g3)
	}
	return d64.Drotmg(d1, d2, x1, y1)
}

func (d double) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	*d.calls++
	a32, x32, got := narrow(a), narrow(x), narrow(y)
	d.impl.Sgemv(tA, m, n, float32(alpha), a32, lda, x32, incX, float32(beta), got, incY)
	size := abs(y)
	d64.Dgemv(tA, m, n, math.Abs(alpha), abs(a), lda, abs(x), incX, math.Abs(beta), size, incY)
	d64.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
	settle(y, got, slices.Clone(y), size, m+n+4)
	intact(a, a32)
	intact(x, x32)
}

// The matrix products of level 3 are ours.

func (d double) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	*d.calls++
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	d.impl.Sgemm(tA, tB, m, n, k, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	size := abs(c)
	d64.Dgemm(tA, tB, m, n, k, math.Abs(alpha), abs(a), lda, abs(b), ldb, math.Abs(beta), size, ldc)
	d64.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	settle(c, got, slices.Clone(c), size, k+4)
	intact(a, a32)
	intact(b, b32)
}

func (d double) Dsymm(s blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	*d.calls++
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	d.impl.Ssymm(s, ul, m, n, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	size := abs(c)
	d64.Dsymm(s, ul, m, n, math.Abs(alpha), abs(a), lda, abs(b), ldb, math.Abs(beta), size, ldc)
	d64.Dsymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
	settle(c, got, slices.Clone(c), size, m+n+4)
	intact(a, a32)
	intact(b, b32)
}

func (d double) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	*d.calls++
	a32, got := narrow(a), narrow(c)
	d.impl.Ssyrk(ul, tA, n, k, float32(alpha), a32, lda, float32(beta), got, ldc)
	size := abs(c)
	d64.Dsyrk(ul, tA, n, k, math.Abs(alpha), abs(a), lda, math.Abs(beta), size, ldc)
	d64.Dsyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	settle(c, got, slices.Clone(c), size, k+4)
	intact(a, a32)
}

func (d double) Dsyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	*d.calls++
	a32, b32, got := narrow(a), narrow(b), narrow(c)
	d.impl.Ssyr2k(ul, tA, n, k, float32(alpha), a32, lda, b32, ldb, float32(beta), got, ldc)
	size := abs(c)
	d64.Dsyr2k(ul, tA, n, k, math.Abs(alpha), abs(a), lda, abs(b), ldb, math.Abs(beta), size, ldc)
	d64.Dsyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	settle(c, got, slices.Clone(c), size, 2*k+6)
	intact(a, a32)
	intact(b, b32)
}
