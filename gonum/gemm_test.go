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

var transpositions = []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}

// operand is a matrix in memory that is larger than it: rows further apart than they
// are long, and more behind them.
type operand struct {
	x          []float32
	rows, cols int
	ld         int
}

// draw returns a matrix that is rows x cols, or with a transposition stored the other
// way round.
func draw(r *rand.Rand, t blas.Transpose, rows, cols int) operand {
	if t != blas.NoTrans {
		rows, cols = cols, rows
	}
	ld := max(1, cols) + r.IntN(4)
	return operand{random(r, rows*ld+r.IntN(3)), rows, cols, ld}
}

// at is element (i, j) of op(A).
func (o operand) at(t blas.Transpose, i, j int) float32 {
	if t != blas.NoTrans {
		i, j = j, i
	}
	return o.x[i*o.ld+j]
}

func (o operand) clone() operand {
	o.x = slices.Clone(o.x)
	return o
}

// element is what the documentation of Sgemm says an element of C is.
func element(tA, tB blas.Transpose, i, j, k int, alpha float32, a, b operand, beta, c float32) float32 {
	var p float32
	for q := range k {
		p = kernels.FMA(a.at(tA, i, q), b.at(tB, q, j), p)
	}
	if beta == 0 {
		return alpha * p
	}
	return kernels.FMA(alpha, p, float32(beta*c))
}

// check compares bits, and fails at the first difference.
func check(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if !equal(got[i], want[i]) {
			t.Fatalf("%s: element %d is %v (%08x), want %v (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// sizes are shapes around the edges of tiles, panels and parts.
var sizes = []struct{ m, n, k int }{
	{1, 1, 1}, {1, 17, 5}, {7, 1, 9}, {6, 16, 1}, {7, 33, 12}, {13, 65, 40}, {97, 70, 30}, {3, 130, 300}, {20, 5, 600}, {5, 150, 2100},
	{1, 50, 40}, {1, 16, 2100}, {1, 4099, 20}, {1, 512, 1}, {1, 130, 4}, {200, 40, 3}, {1, 300, 1000}, {2, 3, 600}, {4, 32, 70}, {5, 25, 70}, {4, 4, 32}, {3, 40, 20},
	{2, 7, 200}, {2, 8, 64}, {2, 8, 63}, {1, 24, 43}, {1, 16, 63},
}

// TestSgemm: every element has the bits that the documentation says, on every tier,
// with every transposition, alpha and beta, and nothing else in memory changes.
func TestSgemm(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range sizes {
			for _, tA := range transpositions {
				for _, tB := range transpositions {
					for _, ab := range [][2]float32{{1, 0}, {1, 1}, {1, 0.7}, {-1, 1}, {0.3, 0}, {0.3, 0.7}, {0, 0.7}, {0, 0}, {0, 1}} {
						alpha, beta := ab[0], ab[1]
						a, b, c := draw(r, tA, s.m, s.k), draw(r, tB, s.k, s.n), draw(r, blas.NoTrans, s.m, s.n)
						if beta == 0 {
							c.x[0] = float32(math.NaN())
						}
						a0, b0 := a.clone(), b.clone()
						chains := c.clone()
						for i := range s.m {
							for j := range s.n {
								v := &chains.x[i*c.ld+j]
								if alpha == 0 {
									*v = element(tA, tB, i, j, 0, 1, a, b, beta, *v)
								} else {
									*v = element(tA, tB, i, j, s.k, alpha, a, b, beta, *v)
								}
							}
						}
						for _, impl := range implementations {
							if impl.name == "SameBits" && (tA == blas.ConjTrans || tB == blas.ConjTrans) {
								continue // what Float32 does with it is the same
							}
							want, got := chains.clone(), c.clone()
							dots := tA == blas.NoTrans && tB != blas.NoTrans
							small := s.m*s.n*s.k < 512 || dots && (min(s.m, s.n) < 4 || s.m*s.n < 128) || !dots && (s.k < 4 || s.m*s.n < 8 || s.m <= 2 && (s.m*s.n < 16 || s.m*s.n*s.k < 1024))
							if alpha != 0 && !onKernels(impl.name, !small) {
								want = c.clone()
								s32.Sgemm(tA, tB, s.m, s.n, s.k, alpha, a.x, a.ld, b.x, b.ld, beta, want.x, c.ld)
							}
							impl.Sgemm(tA, tB, s.m, s.n, s.k, alpha, a.x, a.ld, b.x, b.ld, beta, got.x, c.ld)
							what := fmt.Sprintf("%s, %v, %c%c, alpha %v, beta %v", impl.name, s, tA, tB, alpha, beta)
							check(t, what, got.x, want.x)
							check(t, what+", A", a.x, a0.x)
							check(t, what+", B", b.x, b0.x)
						}
					}
				}
			}
		}
	})
}

// TestParts: any number of goroutines gives the same bits, whether columns or rows are
// cut; so does any bound on scratch, which the sizes make small or large.
func TestParts(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range []struct{ m, n, k int }{{1, 700, 20}, {5, 700, 20}, {70, 65, 33}, {130, 10, 20}, {2, 3, 4}, {100, 200, 10}, {3, 200, 9000}} {
			for _, tA := range transpositions[:2] {
				for _, tB := range transpositions[:2] {
					for _, beta := range []float32{0, 0.5} {
						a, b, c := draw(r, tA, s.m, s.k), draw(r, tB, s.k, s.n), draw(r, blas.NoTrans, s.m, s.n)
						var want []float32
						for _, w := range []int{1, 2, 3, 8} {
							got := c.clone()
							p := product{transA: tA != blas.NoTrans, transB: tB != blas.NoTrans, m: s.m, n: s.n, k: s.k, alpha: 0.3, a: a.x, lda: a.ld, b: b.x, ldb: b.ld, beta: beta, c: got.x, ldc: c.ld}
							p.split(w)
							if want == nil {
								want = got.x
							}
							check(t, fmt.Sprintf("%v, %c%c, beta %v on %d goroutines", s, tA, tB, beta, w), got.x, want)
						}
					}
				}
			}
		}
	})
}

// TestGOMAXPROCS: a product that is large enough to be cut has the same bits with
// and without.
func TestGOMAXPROCS(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n = 260 // 17 million multiply-adds
	a, b, c := draw(r, blas.NoTrans, n, n), draw(r, blas.NoTrans, n, n), draw(r, blas.NoTrans, n, n)
	results := map[int][]float32{}
	for _, procs := range []int{1, 4} {
		before := runtime.GOMAXPROCS(procs)
		if w := workers(n, n, n); w != procs {
			t.Errorf("%d goroutines with GOMAXPROCS %d", w, procs)
		}
		got := c.clone()
		Float32{}.Sgemm(blas.NoTrans, blas.NoTrans, n, n, n, 0.5, a.x, a.ld, b.x, b.ld, 0.5, got.x, got.ld)
		runtime.GOMAXPROCS(before)
		results[procs] = got.x
	}
	check(t, "4 goroutines", results[4], results[1])
	if w := workers(1<<20, 1<<20, 1<<30); w != runtime.GOMAXPROCS(0) {
		t.Errorf("a product of 2^70 multiply-adds is worth %d goroutines", w)
	}
	if w := workers(100, 100, 100); w != 1 {
		t.Errorf("a small product is worth %d goroutines", w)
	}
}

// TestSgemmSpecial: NaN and infinities as documented, alpha = 0 and k = 0 read neither
// A nor B, an empty C is nothing to do.
func TestSgemmSpecial(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachTier(t, func(t *testing.T) {
		f := blas.Float32(Float32{}) // whose sizes are those of the vectors' tiers
		if !vectors() {
			f = SameBits{}
		}
		product := func(alpha float32, a, b []float32, k int, beta, c float32) float32 {
			const n = 512 // so many columns are ours
			x, columns := slices.Repeat([]float32{c}, n), []float32(nil)
			if k > 0 { // and so many steps, which add nothing
				a, b, k = append(slices.Clone(a), 0, 0, 0), append(slices.Clone(b), 0, 0, 0), k+3
			}
			for _, v := range b {
				columns = append(columns, slices.Repeat([]float32{v}, n)...)
			}
			f.Sgemm(blas.NoTrans, blas.NoTrans, 1, n, k, alpha, a, max(1, k), columns, n, beta, x, n)
			return x[n-1]
		}
		for _, c := range []struct {
			what      string
			got, want float32
		}{
			{"beta 0 overwrites NaN", product(1, []float32{2}, []float32{3}, 1, 0, nan), 6},
			{"beta 0 overwrites an infinity", product(2, []float32{2}, []float32{3}, 1, 0, inf), 12},
			{"another beta keeps NaN", product(1, []float32{2}, []float32{3}, 1, 1, nan), nan},
			{"alpha 0 does not read A", product(0, []float32{nan}, []float32{3}, 1, 2, 5), 10},
			{"alpha 0 does not read B", product(0, []float32{1}, []float32{inf}, 1, 0, 5), 0},
			{"k 0", product(1, nil, nil, 0, 2, 5), 10},
			{"k 0 and beta 0", product(1, nil, nil, 0, 0, nan), 0},
			{"0 times NaN", product(1, []float32{0}, []float32{nan}, 1, 0, 5), nan},
			{"0 times an infinity", product(1, []float32{0}, []float32{inf}, 1, 1, 5), nan},
			{"NaN in alpha", product(nan, []float32{1}, []float32{1}, 1, 0, 5), nan},
			{"NaN in beta", product(1, []float32{1}, []float32{1}, 1, nan, 5), nan},
			{"tiny values stay", product(1, []float32{0x1p-70}, []float32{0x1p-70}, 1, 0, 5), 0x1p-140},
		} {
			if !equal(c.got, c.want) {
				t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
			}
		}
	})
	Float32{}.Sgemm(blas.NoTrans, blas.NoTrans, 0, 3, 2, 1, nil, 2, nil, 3, 0, nil, 3)
	Float32{}.Sgemm(blas.NoTrans, blas.NoTrans, 3, 0, 2, 1, nil, 2, nil, 1, 0, nil, 1)
}

// TestSgemv: the transpose has the bits of Sgemm, the rows of other matrices those of Sdot, and
// what is gonum's those of gonum.
func TestSgemv(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, s := range []struct {
			m, n        int
			trans, ours bool // ours with a transposition, and without
		}{{64, 64, true, true}, {1, 4096, false, true}, {4096, 1, false, false}, {32, 32, true, false}, {31, 33, false, false}, {64, 16, true, false}, {3, 1000, false, false}, {3, 1024, false, true}, {33, 63, true, false},
			{70, 15, false, false}, {300, 70, true, true}, {2, 1500, false, true}, {16, 1500, true, true}, {5, 7, false, false}, {4, 512, false, true}, {4, 511, false, false}, {2, 1023, false, false}, {17, 4100, true, true}} {
			if s.m > s.n { // more rows than Sgemv takes at a time, and a few over
				s.m += 2
			}
			for _, ab := range [][2]float32{{1, 0}, {1, 1}, {0.3, 0.7}, {0.3, 0}, {0, 0.7}, {0, 0}} {
				alpha, beta := ab[0], ab[1]
				a := draw(r, blas.NoTrans, s.m, s.n)
				for _, tA := range transpositions {
					lenX, lenY := s.n, s.m
					if tA != blas.NoTrans {
						lenX, lenY = s.m, s.n
					}
					for _, inc := range [][2]int{{1, 1}, {2, 1}, {1, -1}, {-3, 2}} {
						incX, incY := inc[0], inc[1]
						x, y := random(r, 3*lenX), random(r, 2*lenY)
						if beta == 0 {
							y[0] = float32(math.NaN())
						}
						// Beyond what is y, gonum's GemvT clears: its fault, not ours.
						if tA != blas.NoTrans && incX*incY == 1 {
							y = y[:lenY]
						}
						own, chains := slices.Clone(y), slices.Clone(y)
						s32.Sgemv(tA, s.m, s.n, alpha, a.x, a.ld, x, incX, beta, own, incY)
						if alpha != 0 {
							u, v := line(lenX, x, incX), line(lenY, y, incY)
							if tA == blas.NoTrans {
								for i := range s.m {
									d := kernels.Dot(a.x[i*a.ld:][:s.n], u)
									if v[i] = kernels.FMA(alpha, d, float32(beta*v[i])); beta == 0 {
										v[i] = alpha * d
									}
								}
							} else {
								SameBits{}.Sgemm(blas.NoTrans, blas.NoTrans, 1, s.n, s.m, alpha, u, s.m, a.x, a.ld, beta, v, s.n)
							}
							for i := range v {
								at := i * incY
								if incY < 0 {
									at = (i - lenY + 1) * incY
								}
								chains[at] = v[i]
							}
						}
						for _, impl := range implementations {
							want, got := own, slices.Clone(y)
							if alpha != 0 && onKernels(impl.name, tA == blas.NoTrans && s.ours || tA != blas.NoTrans && s.trans) {
								want = chains
							}
							impl.Sgemv(tA, s.m, s.n, alpha, a.x, a.ld, x, incX, beta, got, incY)
							check(t, fmt.Sprintf("%s, %v, %c, alpha %v, beta %v, increments %v", impl.name, s, tA, alpha, beta, inc), got, want)
						}
					}
				}
			}
		}
	})
}

// TestScratch: what a part keeps in the pool is bounded, however large B and C are.
func TestScratch(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		for _, s := range []struct {
			m, n, k int
			beta    float32
		}{{9, 1 << 20, 1000, 0}, {1 << 14, 1 << 14, 1, 0.5}, {5000, 5000, 5000, 1}, {1, 1, 1, 1}, {9, 300, 1 << 20, 0}} {
			p := product{m: s.m, n: s.n, k: s.k, beta: s.beta}
			w := p.width()
			got := kernels.GemmWork(false, true, s.m, w, s.k)
			if s.beta != 0 {
				got += s.m * w
			}
			if w < panel || w%panel != 0 || w > panel && got > most {
				t.Errorf("%v: %d columns and %d elements of scratch, want at most %d", s, w, got, most)
			}
		}
	})
}
