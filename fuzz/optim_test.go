package fuzz_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Optimizers take two steps, so that what the first one stored is read by the second.
func FuzzOptimizers(f *testing.F) {
	for i, s := range someSeeds() {
		f.Add(uint8(i*9), s)
		f.Add(uint8(48+i), s)
	}
	f.Fuzz(func(t *testing.T, size uint8, data []byte) {
		s := &stream{data: data}
		n := int(size) % 100
		in := make([][]float32, 5)
		for i := range in {
			in[i] = s.floats(n)
		}
		a := s.floats(9)
		run := func(name string, arguments int, reference func(v [][]float32), kernel func(isa kernels.ISA, v [][]float32)) {
			copies := func() (c [][]float32) {
				for _, x := range in[:arguments] {
					c = append(c, append([]float32(nil), x...))
				}
				return c
			}
			want := copies()
			reference(want)
			reference(want)
			each(func(isa kernels.ISA) {
				got := copies()
				kernel(isa, got)
				kernel(isa, got)
				for i := range got {
					numtest.Equal(t, got[i], want[i], "%s on %v, argument %d", name, isa, i)
				}
			})
		}
		run("SGD", 2,
			func(v [][]float32) { ref.SGD(v[0], v[1], a[0], a[1]) },
			func(isa kernels.ISA, v [][]float32) { isa.SGD(v[0], v[1], a[0], a[1]) })
		run("momentum", 3,
			func(v [][]float32) { ref.SGDMomentum(v[0], v[1], v[2], a[0], a[1], a[2], a[3]) },
			func(isa kernels.ISA, v [][]float32) { isa.SGDMomentum(v[0], v[1], v[2], a[0], a[1], a[2], a[3]) })
		run("Nesterov's momentum", 3,
			func(v [][]float32) { ref.SGDNesterov(v[0], v[1], v[2], a[0], a[1], a[2]) },
			func(isa kernels.ISA, v [][]float32) { isa.SGDNesterov(v[0], v[1], v[2], a[0], a[1], a[2]) })
		run("Adam", 4,
			func(v [][]float32) {
				ref.Adam(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
			},
			func(isa kernels.ISA, v [][]float32) {
				isa.Adam(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
			})
		run("AMSGrad", 5,
			func(v [][]float32) {
				ref.AMSGrad(v[0], v[1], v[2], v[3], v[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
			},
			func(isa kernels.ISA, v [][]float32) {
				isa.AMSGrad(v[0], v[1], v[2], v[3], v[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
			})
		run("RMSProp", 3,
			func(v [][]float32) { ref.RMSProp(v[0], v[1], v[2], a[0], a[1], a[2], a[3], a[4], a[5]) },
			func(isa kernels.ISA, v [][]float32) {
				isa.RMSProp(v[0], v[1], v[2], a[0], a[1], a[2], a[3], a[4], a[5])
			})
		run("RMSProp with momentum", 4,
			func(v [][]float32) {
				ref.RMSPropMomentum(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
			},
			func(isa kernels.ISA, v [][]float32) {
				isa.RMSPropMomentum(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
			})
		run("centred RMSProp", 4,
			func(v [][]float32) {
				ref.RMSPropCentred(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
			},
			func(isa kernels.ISA, v [][]float32) {
				isa.RMSPropCentred(v[0], v[1], v[2], v[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
			})
		run("centred RMSProp with momentum", 5,
			func(v [][]float32) {
				ref.RMSPropCentredMomentum(v[0], v[1], v[2], v[3], v[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
			},
			func(isa kernels.ISA, v [][]float32) {
				isa.RMSPropCentredMomentum(v[0], v[1], v[2], v[3], v[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
			})
		run("averaged SGD", 3,
			func(v [][]float32) { ref.ASGD(v[0], v[1], v[2], a[0], a[1], a[2], a[3], a[4]) },
			func(isa kernels.ISA, v [][]float32) { isa.ASGD(v[0], v[1], v[2], a[0], a[1], a[2], a[3], a[4]) })
	})
}
