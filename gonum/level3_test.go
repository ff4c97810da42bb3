package gonum

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

var uplos = []blas.Uplo{blas.Upper, blas.Lower}

// in says whether element (i, j) belongs to a triangle.
func in(ul blas.Uplo, i, j int) bool {
	return i == j || (i < j) == (ul == blas.Upper)
}

// spoil puts NaN where a function may not read.
func spoil(ul blas.Uplo, o operand, diagonal bool) {
	for i := range o.rows {
		for j := range o.cols {
			if !in(ul, i, j) || diagonal && i == j {
				o.x[i*o.ld+j] = float32(math.NaN())
			}
		}
	}
}

var factors = [][2]float32{{1, 0}, {1, 1}, {1, 0.7}, {-0.3, 0.7}, {0.3, 0}, {0, 0.7}, {0, 0}}

// TestSymmetricProducts: Ssyrk and Ssyr2k have the bits of Sgemm in their triangle and
// change nothing else, whatever stands there.
func TestSymmetricProducts(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		chains := SameBits{} // with the bits that the kernels of Sgemm give
		for _, s := range []struct{ n, k int }{{1, 3}, {17, 9}, {17, 900}, {32, 32}, {128, 5}, {129, 20}, {300, 7}} {
			for _, trans := range transpositions {
				for _, ul := range uplos {
					for _, ab := range factors {
						alpha, beta := ab[0], ab[1]
						a, b, c := draw(r, trans, s.n, s.k), draw(r, trans, s.n, s.k), draw(r, blas.NoTrans, s.n, s.n)
						spoil(ul, c, beta == 0)
						other := blas.Trans
						if trans != blas.NoTrans {
							other = blas.NoTrans
						}
						one, two := c.clone(), c.clone()
						chains.Sgemm(trans, other, s.n, s.n, s.k, alpha, a.x, a.ld, a.x, a.ld, beta, one.x, c.ld)
						chains.Sgemm(trans, other, s.n, s.n, s.k, alpha, a.x, a.ld, b.x, b.ld, beta, two.x, c.ld)
						chains.Sgemm(trans, other, s.n, s.n, s.k, alpha, b.x, b.ld, a.x, a.ld, 1, two.x, c.ld)
						for i := range s.n {
							for j := range s.n {
								if at := i*c.ld + j; !in(ul, i, j) {
									one.x[at], two.x[at] = c.x[at], c.x[at]
								}
							}
						}
						what := fmt.Sprintf("%v, %c%c, alpha %v, beta %v", s, ul, trans, alpha, beta)
						for _, impl := range implementations {
							want1, want2 := one, two
							if alpha != 0 && !onKernels(impl.name, s.n >= 32 && s.n*s.n*s.k >= 1<<15) {
								want1, want2 = c.clone(), c.clone()
								s32.Ssyrk(ul, trans, s.n, s.k, alpha, a.x, a.ld, beta, want1.x, c.ld)
								s32.Ssyr2k(ul, trans, s.n, s.k, alpha, a.x, a.ld, b.x, b.ld, beta, want2.x, c.ld)
							}
							got := c.clone()
							impl.Ssyrk(ul, trans, s.n, s.k, alpha, a.x, a.ld, beta, got.x, c.ld)
							check(t, impl.name+", Ssyrk "+what, got.x, want1.x)
							got = c.clone()
							impl.Ssyr2k(ul, trans, s.n, s.k, alpha, a.x, a.ld, b.x, b.ld, beta, got.x, c.ld)
							check(t, impl.name+", Ssyr2k "+what, got.x, want2.x)
						}
					}
				}
			}
		}
	})
}

// TestSsymm: the bits of Sgemm with all of A; the other triangle of A is not read.
func TestSsymm(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range []struct{ order, other int }{{1, 3}, {17, 9}, {70, 3}, {128, 5}, {129, 20}, {300, 8}} {
			for _, side := range []blas.Side{blas.Left, blas.Right} {
				for _, ul := range uplos {
					for _, ab := range factors {
						alpha, beta := ab[0], ab[1]
						m, n := s.other, s.order
						if side == blas.Left {
							m, n = s.order, s.other
						}
						a, b, c := draw(r, blas.NoTrans, s.order, s.order), draw(r, blas.NoTrans, m, n), draw(r, blas.NoTrans, m, n)
						if beta == 0 {
							c.x[0] = float32(math.NaN())
						}
						spoil(ul, a, false)
						full := a.clone()
						for i := range s.order {
							for j := range s.order {
								if !in(ul, i, j) {
									full.x[i*a.ld+j] = a.x[j*a.ld+i]
								}
							}
						}
						chains := c.clone()
						if side == blas.Left {
							SameBits{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, m, alpha, full.x, a.ld, b.x, b.ld, beta, chains.x, c.ld)
						} else {
							SameBits{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, n, alpha, b.x, b.ld, full.x, a.ld, beta, chains.x, c.ld)
						}
						for _, impl := range implementations {
							got, want := c.clone(), chains
							if alpha != 0 && !onKernels(impl.name, s.order*s.order*s.other >= 1<<12 && min(m, n) >= 8) {
								want = c.clone()
								s32.Ssymm(side, ul, m, n, alpha, a.x, a.ld, b.x, b.ld, beta, want.x, c.ld)
							}
							impl.Ssymm(side, ul, m, n, alpha, a.x, a.ld, b.x, b.ld, beta, got.x, c.ld)
							check(t, fmt.Sprintf("%s, %v, %c%c, alpha %v, beta %v", impl.name, s, side, ul, alpha, beta), got.x, want.x)
						}
					}
				}
			}
		}
	})
}

// TestTriangles: Strmm is within rounding of the product in float64, and the X of Strsm
// gives B back within the rounding of a product and a substitution; the other triangle
// of A, and its diagonal where that counts as 1, is not read, and nothing beside B is
// written.
func TestTriangles(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, s := range []struct{ order, other int }{{1, 3}, {31, 9}, {32, 9}, {33, 40}, {64, 8}, {150, 70}, {260, 3}, {40, 300}} {
			for _, side := range []blas.Side{blas.Left, blas.Right} {
				for _, ul := range uplos {
					for _, trans := range transpositions {
						for _, diag := range []blas.Diag{blas.Unit, blas.NonUnit} {
							for _, alpha := range []float32{1, -0.3, 0} {
								for _, impl := range implementations {
									triangles(t, impl.Float32, r, side, ul, trans, diag, s.order, s.other, alpha)
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestTriangleBits: Strmm and Strsm are chains, the same ones on every tier and side and with any
// number of goroutines, and an infinity in B is in no row that does not depend on it.
func TestTriangleBits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const order, other = 301, 100 // four million multiply-adds: worth a second goroutine
	a, b := draw(r, blas.NoTrans, order, order), draw(r, blas.NoTrans, order, other)
	for i := range order {
		a.x[i*a.ld+i] += 30
	}
	b.x[b.ld*200+50] = float32(math.Inf(1))
	transpose := func(o operand) operand {
		x := make([]float32, o.rows*o.cols)
		for i := range o.rows {
			for j := range o.cols {
				x[j*o.rows+i] = o.x[i*o.ld+j]
			}
		}
		return operand{x, o.cols, o.rows, o.rows}
	}
	turned := transpose(b)
	for _, ul := range uplos {
		// The definition, from the first solved row on.
		product, solution := b.clone(), b.clone()
		for n := range order {
			i := n
			if ul == blas.Upper {
				i = order - 1 - n
			}
			for j := range other {
				var p float32
				for k := range order {
					if in(ul, i, k) {
						p = kernels.FMA(a.x[i*a.ld+k], b.x[k*b.ld+j], p)
					}
				}
				product.x[i*b.ld+j] = 0.3 * p
				var s float32
				first := i / 6 * 6
				for _, part := range [][2]int{{0, first}, {first + 6, order}, {first, min(first+6, order)}} {
					for k := part[0]; k < part[1]; k++ {
						if k != i && in(ul, i, k) {
							s = kernels.FMA(a.x[i*a.ld+k], solution.x[k*b.ld+j], s)
						}
					}
				}
				v := float32(0.3 * b.x[i*b.ld+j])
				solution.x[i*b.ld+j] = float32(v-s) / a.x[i*a.ld+i]
			}
		}
		eachTier(t, func(t *testing.T) {
			for _, f := range implementations {
				if !onKernels(f.name, true) {
					continue
				}
				for _, procs := range []int{1, 3} {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					what := fmt.Sprintf("%s, %c on %d processors", f.name, ul, procs)
					got := b.clone()
					f.Strmm(blas.Left, ul, blas.NoTrans, blas.NonUnit, order, other, 0.3, a.x, a.ld, got.x, b.ld)
					check(t, "Strmm "+what, got.x, product.x)
					got = turned.clone()
					f.Strmm(blas.Right, ul, blas.Trans, blas.NonUnit, other, order, 0.3, a.x, a.ld, got.x, order)
					check(t, "Strmm from the right, "+what, got.x, transpose(product).x)
					got = b.clone()
					f.Strsm(blas.Left, ul, blas.NoTrans, blas.NonUnit, order, other, 0.3, a.x, a.ld, got.x, b.ld)
					check(t, "Strsm "+what, got.x, solution.x)
					got = turned.clone()
					f.Strsm(blas.Right, ul, blas.Trans, blas.NonUnit, other, order, 0.3, a.x, a.ld, got.x, order)
					check(t, "Strsm from the right, "+what, got.x, transpose(solution).x)
				}
			}
		})
	}
}

func triangles(t *testing.T, f blas.Float32, r *rand.Rand, side blas.Side, ul blas.Uplo, trans blas.Transpose, diag blas.Diag, order, other int, alpha float32) {
	m, n := other, order
	if side == blas.Left {
		m, n = order, other
	}
	a, b := draw(r, blas.NoTrans, order, order), draw(r, blas.NoTrans, m, n)
	for i := range order { // so that X does not grow
		for j := range order {
			a.x[i*a.ld+j] /= float32(order)
		}
		a.x[i*a.ld+i] += 2
	}
	spoil(ul, a, diag == blas.Unit)
	what := fmt.Sprintf("%T, %d x %d, %c%c%c%c, alpha %v", f, m, n, side, ul, trans, diag, alpha)

	// multiply gives alpha op(A) x or its mirror image in float64, and the same of
	// magnitudes.
	multiply := func(alpha float32, x []float32) (got, size []float64) {
		got, size = widen(x), abs(widen(x))
		d64.Dtrmm(side, ul, trans, diag, m, n, float64(alpha), widen(a.x), a.ld, got, b.ld)
		d64.Dtrmm(side, ul, trans, diag, m, n, math.Abs(float64(alpha)), abs(widen(a.x)), a.ld, size, b.ld)
		return got, size
	}
	beside := func(name string, x []float32) {
		t.Helper()
		for i, v := range x {
			if (i%b.ld >= n || i/b.ld >= m) && v != b.x[i] {
				t.Fatalf("%s %s: element %d, which is not B's, was %v and is %v", name, what, i, b.x[i], v)
			}
		}
	}
	got := slices.Clone(b.x)
	f.Strmm(side, ul, trans, diag, m, n, alpha, a.x, a.ld, got, b.ld)
	want, size := multiply(alpha, b.x)
	beside("Strmm", got)
	for i, v := range got {
		if !near(v, want[i], size[i], order+3) {
			t.Fatalf("Strmm %s: element %d is %v, want %v", what, i, v, want[i])
		}
	}

	x := slices.Clone(b.x)
	f.Strsm(side, ul, trans, diag, m, n, alpha, a.x, a.ld, x, b.ld)
	beside("Strsm", x)
	back, size := multiply(1, x)
	for i := range m {
		for j := range n {
			at := i*b.ld + j
			rhs := float64(alpha) * float64(b.x[at])
			// Each of the terms is subtracted with its roundings, and so is alpha's.
			if !near(float32(back[at]), rhs, size[at]+math.Abs(rhs), 2*order+6) {
				t.Fatalf("Strsm %s: op(A) X has %v at (%d, %d), want %v", what, back[at], i, j, rhs)
			}
		}
	}
}

// TestRandomShapes: Sgemm, Ssyrk and Ssymm beside float64, for shapes drawn at random.
func TestRandomShapes(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		calls := 0
		for n := range 60 {
			d := double{implementations[n%2].Float32, &calls}
			m, n, k := 1+r.IntN(90), 1+r.IntN(90), 1+r.IntN(90)
			tA, tB, ul := transpositions[r.IntN(3)], transpositions[r.IntN(3)], uplos[r.IntN(2)]
			alpha, beta := r.NormFloat64(), r.NormFloat64()
			a, b, c := draw(r, tA, m, k), draw(r, tB, k, n), draw(r, blas.NoTrans, m, n)
			want, got := widen(c.x), widen(c.x)
			d64.Dgemm(tA, tB, m, n, k, alpha, widen(a.x), a.ld, widen(b.x), b.ld, beta, want, c.ld)
			d.Dgemm(tA, tB, m, n, k, alpha, widen(a.x), a.ld, widen(b.x), b.ld, beta, got, c.ld)
			if !slices.Equal(got, want) {
				t.Errorf("Sgemm of %d x %d x %d, %c%c, is not near the product in float64", m, n, k, tA, tB)
			}
			square := draw(r, blas.NoTrans, m, m)
			want, got = widen(square.x), widen(square.x)
			d64.Dsyrk(ul, tA, m, k, alpha, widen(a.x), a.ld, beta, want, square.ld)
			d.Dsyrk(ul, tA, m, k, alpha, widen(a.x), a.ld, beta, got, square.ld)
			if !slices.Equal(got, want) {
				t.Errorf("Ssyrk of %d x %d, %c%c, is not near the product in float64", m, k, ul, tA)
			}
			rhs := draw(r, blas.NoTrans, m, n)
			want, got = widen(c.x), widen(c.x)
			d64.Dsymm(blas.Left, ul, m, n, alpha, widen(square.x), square.ld, widen(rhs.x), rhs.ld, beta, want, c.ld)
			d.Dsymm(blas.Left, ul, m, n, alpha, widen(square.x), square.ld, widen(rhs.x), rhs.ld, beta, got, c.ld)
			if !slices.Equal(got, want) {
				t.Errorf("Ssymm of %d x %d, %c, is not near the product in float64", m, n, ul)
			}
		}
	})
}
