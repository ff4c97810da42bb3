package gonum

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestLevel1: at every length around the thresholds the results are those of the
// documented definition, else those of gonum, whatever stands behind the vectors.
func TestLevel1(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{0, 1, 2, 3, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1025, 2048, 4097, 9000} {
			for _, inc := range [][2]int{{1, 1}, {1, 2}, {3, 1}, {-1, 1}, {1, -2}, {-1, -1}} {
				incX, incY := inc[0], inc[1]
				x, y := random(r, 3*n+5), random(r, 2*n+5)
				what := fmt.Sprintf("n %d, increments %v", n, inc)

				for _, impl := range implementations {
					level1(t, impl.Float32, impl.name, what, n, x, incX, y, incY)
				}

				wantX, wantY := slices.Clone(x), slices.Clone(y)
				s32.Sswap(n, wantX, incX, wantY, incY)
				for _, impl := range implementations {
					gotX, gotY := slices.Clone(x), slices.Clone(y)
					impl.Sswap(n, gotX, incX, gotY, incY)
					check(t, what+", Sswap, x", gotX, wantX)
					check(t, what+", Sswap, y", gotY, wantY)
				}
			}
		}
	})
}

// onKernels says whether an implementation has a call on kernels that gains there if gain is set.
func onKernels(name string, gain bool) bool {
	return name == "SameBits" || gain && kernels.Current() != kernels.Scalar
}

// line is the elements of a vector one after another.
func line(n int, x []float32, inc int) []float32 {
	out := make([]float32, n)
	for i := range out {
		at := i * inc
		if inc < 0 {
			at = (i - n + 1) * inc
		}
		out[i] = x[at]
	}
	return out
}

// level1 is TestLevel1 for one pair of vectors.
func level1(t *testing.T, f blas.Float32, name, what string, n int, x []float32, incX int, y []float32, incY int) {
	t.Helper()
	what = name + ", " + what
	unit := incX == 1 && incY == 1
	u, v := line(n, x, incX), line(n, y, incY)

	want := s32.Sdot(n, x, incX, y, incY)
	if onKernels(name, unit && n >= 512) {
		want = kernels.Dot(u, v)
	}
	check(t, what+", Sdot", []float32{f.Sdot(n, x, incX, y, incY)}, []float32{want})

	// Snrm2 gains on every tier.
	want = s32.Snrm2(n, x, incX)
	if (name == "SameBits" && incX > 0) || incX == 1 && n >= 32 {
		want = float32(math.Sqrt(kernels.SumSquares(u)))
		exact := d64.Dnrm2(n, widen(x), incX)
		if e := math.Abs(float64(want) - exact); e > 0x1.01p-24*exact {
			t.Errorf("%s, Snrm2 %v is off by %v", what, want, e)
		}
	}
	check(t, what+", Snrm2", []float32{f.Snrm2(n, x, incX)}, []float32{want})

	want = s32.Sasum(n, x, incX)
	if incX > 0 && onKernels(name, incX == 1 && n >= 256) {
		sizes := make([]float32, n)
		for i, v := range u {
			sizes[i] = max(v, -v)
		}
		want = kernels.Sum(sizes)
	}
	check(t, what+", Sasum", []float32{f.Sasum(n, x, incX)}, []float32{want})

	for _, alpha := range []float32{0, 1, -0.3, float32(math.NaN())} {
		if n > 0 {
			x[0] = float32(math.NaN())
			u = line(n, x, incX)
		}
		got, want := slices.Clone(x), slices.Clone(x)
		f.Sscal(n, alpha, got, incX)
		s32.Sscal(n, alpha, want, incX)
		check(t, fmt.Sprintf("%s, Sscal by %v", what, alpha), got, want)

		got, want = slices.Clone(y), slices.Clone(y)
		f.Saxpy(n, alpha, x, incX, got, incY)
		s32.Saxpy(n, alpha, x, incX, want, incY)
		if alpha != 0 && onKernels(name, unit && n >= 128) {
			want = slices.Clone(y)
			for i := range n {
				at := i * incY
				if incY < 0 {
					at = (i - n + 1) * incY
				}
				want[at] = kernels.FMA(alpha, u[i], want[at])
			}
		}
		check(t, what+", Saxpy", got, want)
	}
	if n > 0 {
		x[0] = 0.5
	}
}

// TestOverlap: vectors that share memory are exchanged and added to as gonum does it.
func TestOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := random(r, 2000)
	for _, off := range []int{0, 1, 100, 999} {
		got, want := slices.Clone(x), slices.Clone(x)
		Float32{}.Sswap(1000, got, 1, got[off:], 1)
		s32.Sswap(1000, want, 1, want[off:], 1)
		check(t, fmt.Sprintf("%d elements on", off), got, want)
		again := slices.Clone(got)
		Float32{}.Saxpy(1000, 0.5, got, 1, got[off:], 1)
		s32.Saxpy(1000, 0.5, want, 1, want[off:], 1)
		check(t, fmt.Sprintf("Saxpy, %d elements on", off), got, want)
		want = slices.Clone(again)
		for i := range 1000 {
			want[off+i] = kernels.FMA(0.5, want[i], want[off+i])
		}
		SameBits{}.Saxpy(1000, 0.5, again, 1, again[off:], 1)
		check(t, fmt.Sprintf("SameBits, Saxpy, %d elements on", off), again, want)
	}
}

// TestSnrm2Scale: neither large nor tiny values are lost, NaN and infinities are what
// they are in gonum.
func TestSnrm2Scale(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachTier(t, func(t *testing.T) {
		for _, c := range []struct {
			x    []float32
			want float32
		}{
			{[]float32{3e38, 0}, 3e38},
			{[]float32{3 * 0x1p125, 4 * 0x1p125}, 5 * 0x1p125},
			{[]float32{3 * 0x1p-149, -4 * 0x1p-149}, 5 * 0x1p-149},
			{[]float32{0x1p-149, 0}, 0x1p-149},
			{[]float32{math.MaxFloat32, math.MaxFloat32}, inf},
			{[]float32{1, inf}, inf},
			{[]float32{-inf, inf}, inf},
			{[]float32{inf, nan}, nan},
			{[]float32{nan, inf}, nan},
			{[]float32{nan, 1}, nan},
			{[]float32{0, float32(math.Copysign(0, -1))}, 0},
		} {
			c.x = append(c.x, make([]float32, 30)...) // so many are ours
			got := Float32{}.Snrm2(len(c.x), c.x, 1)
			for _, f := range implementations {
				if got := f.Snrm2(len(c.x), c.x, 1); !equal(got, c.want) {
					t.Errorf("%s, Snrm2 of %v is %v, want %v", f.name, c.x, got, c.want)
				}
			}
			if native := s32.Snrm2(len(c.x), c.x, 1); !equal(got, native) {
				t.Errorf("Snrm2 of %v is %v, %v in gonum", c.x, got, native)
			}
		}
		for _, n := range []int{1000, 3000} { // beyond the thresholds
			for _, at := range []int{0, 70, n - 1} {
				x := make([]float32, n)
				x[at] = nan
				y := slices.Clone(x)
				y[at] = 1
				for _, f := range implementations {
					for name, got := range map[string]float32{"Snrm2": f.Snrm2(n, x, 1), "Sasum": f.Sasum(n, x, 1), "Sdot": f.Sdot(n, x, 1, y, 1)} {
						if got == got {
							t.Errorf("%s, %s of %d elements with a NaN at %d is %v", f.name, name, n, at, got)
						}
					}
				}
				x[at] = -inf
				for _, f := range implementations {
					if got := f.Sasum(n, x, 1); got != inf {
						t.Errorf("%s, Sasum with -Inf is %v", f.name, got)
					}
				}
				x[at] = nan
			}
		}
	})
}
