package gonum

import (
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/testblas"
)

// implementations are what this package exports.
var implementations = []struct {
	name string
	blas.Float32
}{{"Float32", Float32{}}, {"SameBits", SameBits{}}}

// TestSuite runs gonum's own tests of real matrices and vectors, levels 1 to 3, on
// every tier, with both implementations: the operands are small, so that Float32 leaves most of
// them to gonum's own code and SameBits takes all to kernels. They are written for float64,
// gonum's float32 code being made of its float64 code and not tested. double carries them over.
func TestSuite(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, d double)
	}{
		{"Sasum", func(t *testing.T, d double) { testblas.DasumTest(t, d) }},
		{"Saxpy", func(t *testing.T, d double) { testblas.DaxpyTest(t, d) }},
		{"Sdot", func(t *testing.T, d double) { testblas.DdotTest(t, d) }},
		{"Snrm2", func(t *testing.T, d double) { testblas.Dnrm2Test(t, d) }},
		{"Isamax", func(t *testing.T, d double) { testblas.IdamaxTest(t, d) }},
		{"Sswap", func(t *testing.T, d double) { testblas.DswapTest(t, d) }},
		{"Scopy", func(t *testing.T, d double) { testblas.DcopyTest(t, d) }},
		{"Srotg", func(t *testing.T, d double) { testblas.DrotgTest(t, d, true) }}, // true: not the cases near the end of float64's range
		{"Srotmg", func(t *testing.T, d double) { testblas.DrotmgTest(t, d) }},
		{"Srot", func(t *testing.T, d double) { testblas.DrotTest(t, d) }},
		{"Srotm", func(t *testing.T, d double) { testblas.DrotmTest(t, d) }},
		{"Sscal", func(t *testing.T, d double) { testblas.DscalTest(t, d) }},
		{"Sgemv", func(t *testing.T, d double) { testblas.DgemvTest(t, d) }},
		{"Sger", func(t *testing.T, d double) { testblas.DgerTest(t, d) }},
		{"Stxmv", func(t *testing.T, d double) { testblas.DtxmvTest(t, d) }},
		{"Sgbmv", func(t *testing.T, d double) { testblas.DgbmvTest(t, d) }},
		{"Stbsv", func(t *testing.T, d double) { testblas.DtbsvTest(t, d) }},
		{"Ssbmv", func(t *testing.T, d double) { testblas.DsbmvTest(t, d) }},
		{"Stbmv", func(t *testing.T, d double) { testblas.DtbmvTest(t, d) }},
		{"Strsv", func(t *testing.T, d double) { testblas.DtrsvTest(t, d) }},
		{"Strmv", func(t *testing.T, d double) { testblas.DtrmvTest(t, d) }},
		{"Ssymv", func(t *testing.T, d double) { testblas.DsymvTest(t, d) }},
		{"Ssyr", func(t *testing.T, d double) { testblas.DsyrTest(t, d) }},
		{"Ssyr2", func(t *testing.T, d double) { testblas.Dsyr2Test(t, d) }},
		{"Sspr", func(t *testing.T, d double) { testblas.DsprTest(t, d) }},
		{"Sspr2", func(t *testing.T, d double) { testblas.Dspr2Test(t, d) }},
		{"Sspmv", func(t *testing.T, d double) { testblas.DspmvTest(t, d) }},
		{"Stpsv", func(t *testing.T, d double) { testblas.DtpsvTest(t, d) }},
		{"Stpmv", func(t *testing.T, d double) { testblas.DtpmvTest(t, d) }},
		{"Sgemm", func(t *testing.T, d double) { testblas.TestDgemm(t, d) }},
		{"Ssymm", func(t *testing.T, d double) { testblas.DsymmTest(t, d) }},
		{"Strsm", func(t *testing.T, d double) { testblas.DtrsmTest(t, d) }},
		{"Ssyrk", func(t *testing.T, d double) { testblas.DsyrkTest(t, d) }},
		{"Ssyr2k", func(t *testing.T, d double) { testblas.Dsyr2kTest(t, d) }},
		{"Strmm", func(t *testing.T, d double) { testblas.DtrmmTest(t, d) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachTier(t, func(t *testing.T) {
				for _, impl := range implementations {
					t.Run(impl.name, func(t *testing.T) {
						calls := 0
						c.test(t, double{impl.Float32, &calls})
						if calls == 0 {
							t.Error("the suite called nothing")
						}
					})
				}
			})
		})
	}
}
