package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// The sums that norms are made of, written here a second time from rule 7 of the
// contract, for every length to some blocks and with NaN and infinities.
func TestSumAbsAndMaxAbs(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(11)
		sizes := []int{511, 512, 513, 1000, 4095, 4096, 4097, 9000, 20000}
		for n := range 2*64 + 4 {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			for mode := range modes {
				x := r.values(n, mode)
				var sum float64
				var largest float32
				for b := 0; b < n; b += 4096 {
					l := make([]float64, 32)
					for i, v := range x[b:min(b+4096, n)] {
						l[i%32] += math.Abs(float64(v))
					}
					for k := 16; k > 0; k /= 2 {
						for i := range k {
							l[i] += l[i+k]
						}
					}
					sum += l[0]
				}
				for _, v := range x {
					if a := float32(math.Abs(float64(v))); a > largest {
						largest = a
					}
				}
				numtest.Equal64(t, []float64{isa.SumAbs(x)}, []float64{sum}, "sum of %d, mode %d", n, mode)
				numtest.Equal(t, []float32{isa.MaxAbs(x)}, []float32{largest}, "maximum of %d, mode %d", n, mode)
			}
		}
		for at := range 70 {
			x := r.values(70, 0)
			x[at] = float32(math.NaN())
			if v := isa.SumAbs(x); !math.IsNaN(v) {
				t.Errorf("sum with a NaN at %d: %v", at, v)
			}
			x[at] = float32(math.Inf(-1))
			if s, m := isa.SumAbs(x), isa.MaxAbs(x); !math.IsInf(s, 1) || !math.IsInf(float64(m), 1) {
				t.Errorf("with -Inf at %d: %v and %v", at, s, m)
			}
		}
		x := r.values(5000, 0)
		if n := testing.AllocsPerRun(10, func() { _, _ = isa.SumAbs(x), isa.MaxAbs(x) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
