package kernels

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"
)

// panelsSize is the number of elements of the panels of a k x n matrix. It
// panics if no memory could hold them.
func panelsSize(s *tiling, n, k int) int {
	nr := s.nr()
	if n > math.MaxInt/8 || k > math.MaxInt/8 {
		tooLarge(k, n)
	}
	cols := (n + nr - 1) / nr * nr
	if hi, lo := bits.Mul(uint(cols), uint(k)); hi != 0 || lo > math.MaxInt/8 {
		tooLarge(k, n)
	}
	return cols * k
}

//go:noinline
func tooLarge(k, n int) {
	panic(fmt.Sprintf("kernels: a matrix of %d x %d is too large to pack", k, n))
}

// packPanels lays B out as panels [n/nr][k][nr], the last one padded with
// columns of zeros. B is stored [k][n], or [n][k] with trans.
func packPanels(s *tiling, panels []float32, trans bool, n, k int, b []float32, ldb int) {
	if k == 0 || n == 0 {
		return
	}
	nr := s.nr()
	if !trans {
		for q := range k {
			packRow(panels, nr, k, q, b[q*ldb:][:n])
		}
		return
	}
	for j := 0; j < n; j += nr {
		packRows(panels[j*k:][:k*nr], nr, k, b[j*ldb:], ldb, min(nr, n-j))
	}
}

// packRow spreads row q of a matrix of k rows over its panels of nr columns.
func packRow(panels []float32, nr, k, q int, row []float32) {
	for i := q * nr; len(row) > 0; i += k * nr {
		n := copy(panels[i:i+nr], row)
		clear(panels[i+n : i+nr])
		row = row[n:]
	}
}

// packRows turns w rows of length k into the columns of a panel nr wide, eight
// rows at a time so that whole stretches of the panel are written.
func packRows(panel []float32, nr, k int, b []float32, ldb, w int) {
	j := 0
	for ; j+8 <= w; j += 8 {
		r0, r1, r2, r3 := b[j*ldb:][:k], b[(j+1)*ldb:][:k], b[(j+2)*ldb:][:k], b[(j+3)*ldb:][:k]
		r4, r5, r6, r7 := b[(j+4)*ldb:][:k], b[(j+5)*ldb:][:k], b[(j+6)*ldb:][:k], b[(j+7)*ldb:][:k]
		for q := range k {
			d := (*[8]float32)(panel[q*nr+j:])
			d[0], d[1], d[2], d[3] = r0[q], r1[q], r2[q], r3[q]
			d[4], d[5], d[6], d[7] = r4[q], r5[q], r6[q], r7[q]
		}
	}
	for ; j < w; j++ {
		for q, v := range b[j*ldb:][:k] {
			panel[q*nr+j] = v
		}
	}
	if w < nr {
		for q := range k {
			clear(panel[q*nr+w : (q+1)*nr])
		}
	}
}

// aligned returns n zeros that begin on a cache line.
func aligned(n int) []float32 {
	s := make([]float32, n+lineFloats-1)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) / 4 % lineFloats)
	return s[off : off+n : off+n]
}
