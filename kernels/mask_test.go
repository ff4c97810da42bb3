package kernels_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// uniform is rule 11 of the contract a second time: number j by itself.
func uniform(j int, counter [4]uint32, key [2]uint32) float32 {
	counter[0] += uint32(j/64*16 + j%16)
	return math.Float32frombits(ref.Philox(counter, key)[j%64/16]>>9 | 0x3f800000)
}

func drawn(n int, counter [4]uint32, key [2]uint32) []float32 {
	u := make([]float32, n)
	for j := range u {
		u[j] = uniform(j, counter, key)
	}
	return u
}

// counters are words that carry, that differ in all bits, and such as layers use.
var counters = []struct {
	counter [4]uint32
	key     [2]uint32
}{
	{},
	{[4]uint32{0xfffffff8, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff}},
	{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}},
	{[4]uint32{1<<24 | 1<<23 | 2<<20, 17, 0, 31}, [2]uint32{42, 0}},
}

// Up to four blocks between guard pages, and lengths around the pieces that a long
// call is cut into: each number is the one that its place has by itself.
func TestUniform(t *testing.T) {
	const chunk = 16384
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		for _, c := range counters {
			for n := 0; n <= 4*64; n += 64 {
				want := drawn(n, c.counter, c.key)
				for _, at := range numtest.Layouts {
					u := numtest.Out(g, at, make([]float32, n))
					numtest.Faults(t, func() { isa.Uniform(u, c.counter, c.key) }, "n=%d %v", n, at)
					numtest.Equal(t, u, want, "n=%d %v counter %x", n, at, c.counter)
					g.Reset("n=%d %v", n, at)
				}
			}
		}
		c := counters[1]
		want := drawn(2*chunk+128, c.counter, c.key)
		for _, n := range []int{chunk - 64, chunk, chunk + 64, 2*chunk + 128} {
			u := make([]float32, n)
			isa.Uniform(u, c.counter, c.key)
			numtest.Equal(t, u, want[:n], "n=%d", n)
		}
	})
}

// Any offset from a line, with numbers around the slice that must survive.
func TestUniformAtEveryOffset(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		c := counters[2]
		want := drawn(128, c.counter, c.key)
		for off := range 16 {
			room := line(128 + 32)
			isa.Uniform(room[off:off+128], c.counter, c.key)
			numtest.Equal(t, room[off:off+128], want, "offset %d", off)
			for j, v := range room {
				if (j < off || j >= off+128) && v != 0 {
					t.Errorf("offset %d: wrote element %d outside", off, j-off)
				}
			}
		}
	})
}

func TestUniformRefusesPartsOfABlock(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, n := range []int{1, 63, 65, 100} {
			u := make([]float32, n)
			m := panics(func() { isa.Uniform(u, [4]uint32{}, [2]uint32{}) })
			if want := fmt.Sprintf("Uniform: dst has %d elements, want a multiple of 64", n); !strings.Contains(m, want) {
				t.Errorf("%q, want a panic that says %q", m, want)
			}
			numtest.Equal(t, u, make([]float32, n), "written before the panic")
		}
	})
}

func TestUniformAllocatesNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		if n := testing.AllocsPerRun(10, func() {
			var u [128]float32
			isa.Uniform(u[:], [4]uint32{1, 2, 3, 4}, [2]uint32{5, 6})
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// What a mask leaves out is left out by selection: no NaN comes through, and a
// zero is +0. The bound itself is not below the bound, and neither is NaN.
func TestMasksSelect(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		u := []float32{1, 1, 1, 1, 1.5, 1.5, 2, nan, math.Nextafter32(1.5, 1)}
		x := []float32{nan, inf, -3, negZero, 2, nan, negZero, 4, 5}
		y := make([]float32, len(x))
		isa.Drop(y, x, u, 1.5, 2)
		numtest.Equal(t, y, []float32{0, 0, 0, 0, 4, nan, negZero, 8, 0}, "Drop")
		b := []float32{10, 11, 12, 13, 14, 15, 16, 17, 18}
		isa.Choose(y, u, x, b, 1.5)
		numtest.Equal(t, y, []float32{nan, inf, -3, negZero, 14, 15, 16, 17, 5}, "Choose")
	})
}

// The gradient of a limited value passes inside the limits, at them, and where
// the value is NaN.
func TestClipGradSelects(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		x := []float32{0, 2, -2, math.Nextafter32(2, 3), math.Nextafter32(-2, -3), inf, -inf, nan, 1, 3}
		dy := []float32{1, 2, 3, 4, 5, 6, 7, 8, nan, nan}
		dx := make([]float32, len(x))
		isa.ClipGrad(dx, x, dy, 2)
		numtest.Equal(t, dx, []float32{1, 2, 3, 0, 0, 0, 0, 8, nan, 0}, "ClipGrad")
	})
}

// Each factor of BoxMuller against float64, over the numbers that Uniform draws: at v = 7/4 the
// sine is 1 and at the first u below the radius is 1 to the last bit that matters.
func TestBoxMullerIsTheFormula(t *testing.T) {
	const step, count = 37, (1<<23 + 36) / 37
	u, v, dst := make([]float32, count), make([]float32, count), make([]float32, count)
	all := make([]float32, count)
	for j := range all {
		all[j] = math.Float32frombits(0x3f800000 + uint32(j*step))
	}
	all[count-1] = math.Float32frombits(0x3fffffff)
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for j := range v {
			v[j] = 1.75
		}
		isa.BoxMuller(dst, all, v)
		for j, got := range dst {
			want := math.Sqrt(-2 * math.Log(float64(2-all[j])))
			if diff := math.Abs(float64(got) - want); diff > 4*0x1p-24*want {
				t.Fatalf("the radius at u = %v is %v, want %v", all[j], got, want)
			}
		}
		if got := dst[count-1]; math.Abs(float64(got)-5.6467) > 1e-4 {
			t.Errorf("the largest radius is %v, want 5.6467", got)
		}
		for j := range u {
			u[j] = 1.5
		}
		isa.BoxMuller(dst, u, all)
		radius := math.Sqrt(2 * math.Ln2)
		for j, got := range dst {
			want := radius * math.Sin(2*math.Pi*(float64(all[j])-1.5))
			if diff := math.Abs(float64(got) - want); diff > 4*0x1p-24*max(math.Abs(want), 0x1p-24) {
				t.Fatalf("at v = %v it is %v, want %v", all[j], got, want)
			}
		}
	})
}

// The moments of a million numbers are those of the normal distribution, within five standard
// deviations of what so many numbers give, and so is the share beyond 2.
func TestBoxMullerIsNormal(t *testing.T) {
	const n = 1 << 20
	u, v := make([]float32, n), make([]float32, n)
	key := [2]uint32{42, 7}
	kernels.Uniform(u, [4]uint32{}, key)
	kernels.Uniform(v, [4]uint32{1: 1}, key)
	kernels.BoxMuller(u, u, v)
	var sums [5]float64
	beyond, last, together := 0, 0.0, 0.0
	for _, x := range u {
		p := 1.0
		for i := range sums {
			sums[i] += p
			p *= float64(x)
		}
		if math.Abs(float64(x)) > 2 {
			beyond++
		}
		together += last * float64(x)
		last = float64(x)
	}
	within := func(what string, got, want, deviation float64) {
		t.Helper()
		if math.Abs(got-want) > 5*deviation/math.Sqrt(n) {
			t.Errorf("%s is %v, want %v within %v", what, got, want, 5*deviation/math.Sqrt(n))
		}
	}
	within("the mean", sums[1]/n, 0, 1)
	within("the variance", sums[2]/n, 1, math.Sqrt(2))
	within("the third moment", sums[3]/n, 0, math.Sqrt(15))
	within("the fourth moment", sums[4]/n, 3, math.Sqrt(96))
	within("the product of neighbours", together/n, 0, 1)
	const share = 0.0455003
	within("the share beyond 2", float64(beyond)/n, share, math.Sqrt(share*(1-share)))
}
