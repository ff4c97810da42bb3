package gonum

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// sameBits is the SHA-256 of the results of 5000 drawn calls of SameBits, on any machine.
const sameBits = "3586ba012050a4daafaf7586f113bca3308b94e45805e84445483375b0048217"

// TestSameBits: the results of SameBits have the committed bits, on every tier and GOARCH. Where
// Float32 has a call on kernels it has these bits too.
func TestSameBits(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := draws{rand.New(rand.NewPCG(11, 12)), false}
		h := sha256.New()
		names := map[string]bool{}
		for range 5000 {
			c := r.next()
			names[c.name] = true
			out := slices.Clone(c.out)
			sum := c.call(SameBits{}, out)
			for _, v := range append(out, sum) {
				if v != v {
					t.Fatalf("%s gives NaN", c.name)
				}
				h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != sameBits {
			t.Errorf("the results have the hash %s, want %s", got, sameBits)
		}
		if len(names) != 28 {
			t.Errorf("%d routines were called, want 28: %v", len(names), names)
		}
	})
}

// TestScalarIsGonums: on the tier without assembly Float32 has the bits of gonum's own code, but
// for Snrm2, for Sger with negative increments and for products with alpha = 0.
func TestScalarIsGonums(t *testing.T) {
	before := kernels.Current()
	defer func() {
		if err := kernels.Use(before); err != nil {
			t.Error(err)
		}
	}()
	if err := kernels.Use(kernels.Scalar); err != nil {
		t.Fatal(err)
	}
	r := draws{rand.New(rand.NewPCG(13, 14)), false}
	other := 0
	for range 6000 {
		c := r.next()
		if c.name == "Snrm2" || c.name == "Sger" {
			continue
		}
		// In one place, since the bits of gonum's sums depend on where vectors begin.
		out := slices.Clone(c.out)
		run := func(f blas.Float32) []float32 {
			copy(out, c.out)
			sum := c.call(f, out)
			return append(slices.Clone(out), sum)
		}
		got, want := run(Float32{}), run(s32)
		if c.name == "Sgemv" { // gonum's clears what is behind y
			for i, v := range c.out {
				if want[i] == 0 && got[i] == v {
					want[i] = v
				}
			}
		}
		check(t, c.name, got, want)
		if !slices.Equal(run(SameBits{}), want) {
			other++
		}
	}
	if other < 1000 {
		t.Errorf("%d calls have other bits on kernels: too few to tell the two apart", other)
	}
	ran.Store(kernels.Scalar, true)
}

// TestSger: every element is one fused multiply-add, or as gonum's own code has it, which takes
// the elements for negative increments from other memory.
func TestSger(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(17, 18))
		for _, s := range []struct{ m, n int }{{1, 1}, {3, 5}, {8, 8}, {40, 33}, {5, 300}} {
			for _, inc := range [][2]int{{1, 1}, {2, 3}, {-1, 1}, {1, -1}, {-2, -3}} {
				incX, incY := inc[0], inc[1]
				a, x, y := draw(r, blas.NoTrans, s.m, s.n), random(r, 3*s.m), random(r, 3*s.n)
				u, v := line(s.m, x, incX), line(s.n, y, incY)
				chains, own := a.clone(), a.clone()
				for i := range s.m {
					for j := range s.n {
						p := &chains.x[i*a.ld+j]
						*p = kernels.FMA(0.7*u[i], v[j], *p)
					}
				}
				s32.Sger(s.m, s.n, 0.7, u, 1, v, 1, own.x, a.ld)
				for _, f := range implementations {
					got, want := a.clone(), own
					if f.name == "SameBits" || min(incX, incY) < 0 {
						want = chains
					}
					f.Sger(s.m, s.n, 0.7, x, incX, y, incY, got.x, a.ld)
					check(t, fmt.Sprintf("%s, %v, increments %v", f.name, s, inc), got.x, want.x)
				}
			}
		}
	})
}

// TestIncrements: a vector whose increment is so large that its last element is beyond an int
// is not read on kernels.
func TestIncrements(t *testing.T) {
	for _, inc := range []int{math.MaxInt, math.MaxInt/2 + 1, math.MinInt, math.MinInt/2 - 1, 1 << 20, 0} {
		for _, n := range []int{3, 5, 9} {
			if spaced(n, make([]float32, 100), inc) {
				t.Errorf("%d elements with an increment of %d are in 100", n, inc)
			}
		}
	}
	for _, c := range []struct{ n, inc int }{{1, math.MaxInt}, {1, math.MinInt}, {34, 3}, {34, -3}, {100, 1}} {
		if !spaced(c.n, make([]float32, 100), c.inc) {
			t.Errorf("%d elements with an increment of %d are not in 100", c.n, c.inc)
		}
	}
	for _, c := range []struct{ n, inc int }{{0, 1}, {-1, 1}, {math.MinInt, 1}, {35, 3}, {101, 1}} {
		if spaced(c.n, make([]float32, 100), c.inc) {
			t.Errorf("%d elements with an increment of %d are in 100", c.n, c.inc)
		}
	}
}

// A dense triangle for the definitions below, and how it is stored.
type definition struct {
	upper bool
	n, sq int // the order, and that of the squares on the diagonal
	k     int // diagonals beside the main one
	at    func(i, j int) float32
}

// beside returns the columns of row i that the triangle has in the square of i, and outside.
func (d definition) beside(i int) (in, out []int) {
	lo := i / d.sq * d.sq
	for j := range d.n {
		if j == i || (j > i) != d.upper || max(i-j, j-i) > d.k {
			continue
		}
		if j >= lo && j < lo+d.sq {
			in = append(in, j)
		} else {
			out = append(out, j)
		}
	}
	return in, out
}

// dot is the sum of the elements of row i in these columns by those of x, as kernels.Dot has it.
func (d definition) dot(i int, cols []int, x []float32) float32 {
	a, b := make([]float32, len(cols)), make([]float32, len(cols))
	for k, j := range cols {
		a[k], b[k] = d.at(i, j), x[j]
	}
	return kernels.Scalar.Dot(a, b)
}

func (d definition) squares(down bool, do func(lo, hi int)) {
	last := (d.n - 1) / d.sq
	for s := range last + 1 {
		if down {
			s = last - s
		}
		do(s*d.sq, min(d.n, (s+1)*d.sq))
	}
}

func rows(lo, hi int, down bool) (list []int) {
	for i := lo; i < hi; i++ {
		list = append(list, i)
	}
	if down {
		slices.Reverse(list)
	}
	return list
}

// down adds alpha times what rows lo to hi have outside of their square, transposed, by x to y: a
// chain over the rows.
func (d definition) down(lo, hi int, alpha float32, x, y []float32) {
	_, out := d.beside(lo)
	for _, j := range out {
		var p float32
		for i := lo; i < hi; i++ {
			p = kernels.FMA(x[i], d.at(i, j), p)
		}
		y[j] = kernels.FMA(alpha, p, y[j])
	}
}

func (d definition) symv(alpha float32, x []float32, beta float32, y []float32) {
	for i := range y {
		if y[i] *= beta; beta == 0 {
			y[i] = 0
		}
	}
	d.squares(false, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			in, _ := d.beside(i)
			y[i] = kernels.FMA(alpha, kernels.FMA(d.at(i, i), x[i], d.dot(i, in, x)), y[i])
			for _, j := range in {
				y[j] = kernels.FMA(alpha*x[i], d.at(i, j), y[j])
			}
		}
		for i := lo; i < hi; i++ {
			if _, out := d.beside(i); len(out) > 0 {
				y[i] = kernels.FMA(alpha, d.dot(i, out, x), y[i])
			}
		}
		d.down(lo, hi, alpha, x, y)
	})
}

func (d definition) triangle(trans, unit, solve bool, x []float32) {
	down := (d.upper != trans) == solve
	d.squares(down, func(lo, hi int) {
		outside := func(alpha float32) {
			if trans {
				d.down(lo, hi, alpha, slices.Clone(x), x)
				return
			}
			for i := lo; i < hi; i++ {
				if _, out := d.beside(i); len(out) > 0 {
					x[i] = kernels.FMA(alpha, d.dot(i, out, x), x[i])
				}
			}
		}
		if trans && !solve {
			outside(1)
		}
		if !trans && solve {
			outside(-1)
		}
		for _, i := range rows(lo, hi, down) {
			in, _ := d.beside(i)
			by := d.at(i, i)
			if unit {
				by = 1
			}
			each := func(v float32) {
				for _, j := range in {
					x[j] = kernels.FMA(v, d.at(i, j), x[j])
				}
			}
			switch {
			case trans && solve:
				x[i] /= by
				each(-x[i])
			case trans:
				each(x[i])
				x[i] *= by
			case solve:
				x[i] = (x[i] - d.dot(i, in, x)) / by
			default:
				x[i] = kernels.FMA(by, x[i], d.dot(i, in, x))
			}
		}
		if !trans && !solve {
			outside(1)
		}
		if trans && solve {
			outside(-1)
		}
	})
}

// TestTriangularVectors: the bits of level 2 are those of the definitions, in all three forms of
// storage, and Float32 has them from the documented sizes on.
func TestTriangularVectors(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, n := range []int{1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 200} {
			for _, ul := range uplos {
				for _, k := range []int{0, 5, n} { // a band; with n also a full and a packed matrix
					triangularVectors(t, r, ul, n, k)
				}
			}
		}
	})
}

func triangularVectors(t *testing.T, r *rand.Rand, ul blas.Uplo, n, k int) {
	t.Helper()
	a := draw(r, blas.NoTrans, n, n)
	for i := range n {
		a.x[i*a.ld+i] += float32(n)
		for j := range n {
			if max(i-j, j-i) > k {
				a.x[i*a.ld+j] = 0
			}
		}
	}
	spoil(ul, a, false)
	at := func(i, j int) float32 { return a.x[i*a.ld+j] }
	var ap []float32
	ldk := k + 1
	band := slices.Repeat([]float32{float32(math.NaN())}, n*ldk)
	for i := range n {
		for j := range n {
			if !in(ul, i, j) {
				continue
			}
			ap = append(ap, at(i, j))
			if d := j - i; ul == blas.Upper && d <= k {
				band[i*ldk+d] = at(i, j)
			} else if ul == blas.Lower && -d <= k {
				band[i*ldk+k+d] = at(i, j)
			}
		}
	}
	x, y := random(r, n), random(r, n)
	forms := []struct {
		name string
		def  definition
		long func(least int) bool
		symv func(f blas.Float32, y []float32)
		tri  func(f blas.Float32, solve bool, tA blas.Transpose, d blas.Diag, x []float32)
	}{{"banded", definition{ul == blas.Upper, n, n, k, at}, func(least int) bool { return k >= least },
		func(f blas.Float32, y []float32) { f.Ssbmv(ul, n, k, 0.7, band, ldk, x, 1, -0.3, y, 1) },
		func(f blas.Float32, solve bool, tA blas.Transpose, d blas.Diag, x []float32) {
			if solve {
				f.Stbsv(ul, tA, d, n, k, band, ldk, x, 1)
			} else {
				f.Stbmv(ul, tA, d, n, k, band, ldk, x, 1)
			}
		}}, {"packed", definition{ul == blas.Upper, n, n, k, at}, func(least int) bool { return n/2 >= least },
		func(f blas.Float32, y []float32) { f.Sspmv(ul, n, 0.7, ap, x, 1, -0.3, y, 1) },
		func(f blas.Float32, solve bool, tA blas.Transpose, d blas.Diag, x []float32) {
			if solve {
				f.Stpsv(ul, tA, d, n, ap, x, 1)
			} else {
				f.Stpmv(ul, tA, d, n, ap, x, 1)
			}
		}}, {"full", definition{ul == blas.Upper, n, 64, k, at}, func(least int) bool { return n/2 >= least },
		func(f blas.Float32, y []float32) { f.Ssymv(ul, n, 0.7, a.x, a.ld, x, 1, -0.3, y, 1) },
		func(f blas.Float32, solve bool, tA blas.Transpose, d blas.Diag, x []float32) {
			if solve {
				f.Strsv(ul, tA, d, n, a.x, a.ld, x, 1)
			} else {
				f.Strmv(ul, tA, d, n, a.x, a.ld, x, 1)
			}
		}}}
	if k < n {
		forms = forms[:1]
	}
	for _, form := range forms {
		for _, f := range implementations {
			what := fmt.Sprintf("%s, %s, %c, n %d, k %d", f.name, form.name, ul, n, k)
			got, want := slices.Clone(y), slices.Clone(y)
			form.symv(f.Float32, got)
			if onKernels(f.name, form.long(64)) {
				form.def.symv(0.7, x, -0.3, want)
			} else {
				form.symv(s32, want)
			}
			check(t, what+", symmetric", got, want)
			for _, tA := range transpositions {
				for _, d := range []blas.Diag{blas.Unit, blas.NonUnit} {
					for _, solve := range []bool{false, true} {
						least := 96
						if solve && tA != blas.NoTrans {
							least = 32
						}
						gains := form.long(least) && (solve || tA != blas.NoTrans)
						got, want := slices.Clone(x), slices.Clone(x)
						form.tri(f.Float32, solve, tA, d, got)
						if onKernels(f.name, gains) {
							form.def.triangle(tA != blas.NoTrans, d == blas.Unit, solve, want)
						} else {
							form.tri(s32, solve, tA, d, want)
						}
						check(t, fmt.Sprintf("%s, %c%c, solve %v", what, tA, d, solve), got, want)
					}
				}
			}
		}
	}
}
