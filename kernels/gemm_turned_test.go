package kernels_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// A transposed A is copied to panels a block of its columns at a time, and where chains can
// go on from C a part of the steps at a time: around the sizes of both, 1024 steps and 60 to
// 144 columns.
func TestGemmTurned(t *testing.T) {
	sizes := [][3]int{{13, 40, 1023}, {30, 5, 1024}, {13, 33, 1025}, {125, 17, 1030}, {61, 70, 2049}, {1, 9, 2050}}
	if testing.Short() {
		sizes = sizes[2:5]
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(23)
		for _, f := range forms {
			if f.op != "Gemm" || !f.transA {
				continue
			}
			for _, s := range sizes {
				if !f.check(t, g, isa, r, s[0], s[1], s[2]) {
					return
				}
			}
		}
	})
}
