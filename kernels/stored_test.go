package kernels_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Products by a stored matrix have the bits of those by a packed copy without its tiny elements,
// part by part, where a strip has all of it and where it takes several of columns or of steps.
func TestStored(t *testing.T) {
	const biased = kernels.Into(99)
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(71)
		_, nr := isa.NewPacked(1, 1).Panels()
		room := isa.StripRoom(0)
		for _, c := range []struct{ m, k, groups, cols int }{
			{0, 3, 1, 5}, {1, 0, 2, 3}, {3, 1, 1, 1}, {2, 3, 3, nr + 1}, {5, 9, 4, 2*nr - 1}, {7, 130, 1, 3 * nr},
			{1, room/(4*nr) + 5, 1, 9*nr + 3}, {3, 600, 1, room/600 + nr + 1}, {9, 140, 1, room/128 + 2*nr + 3}, {2, 300, 3, room/600 + 7}, {2, 2*128 + 1, 2, room/128 + 5},
			{101, 40, 1, room/40 + 3*nr}, {23, 1100, 2, 3*nr + 1}, // more rows and more steps than a block
		} {
			n := c.groups * c.cols
			for _, trans := range []bool{false, true} {
				rows, row := c.k, n
				if trans {
					rows, row = n, c.k
				}
				ldb, lda, ldc := row+3, c.k+2, n+5
				b := r.values(rows*ldb, moderate)
				for i := range b {
					if i%5 == 2 {
						b[i] = 0x1p-101
					}
				}
				a, bias := r.values(c.m*lda, moderate), r.values(n, moderate)
				for i := range a { // sums on both sides of 2^-100, on the way and in the end
					if a[i] *= 0x1p-100 / float32(int(1)<<(3*(i/lda)%12)); i%41 > 1 {
						a[i] = 0
					}
				}
				p := isa.NewPackedGroups(c.k, c.groups, c.cols)
				p.PackFlush(trans, b, ldb)
				s := isa.NewStored(trans, c.k, c.groups, c.cols, b, ldb)
				strip := make([]float32, isa.StripRoom(row))
				for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.SetFlush, biased} {
					for _, parts := range []int{1, 3} {
						got := r.values(c.m*ldc, moderate)
						for i := range got {
							got[i] *= 0x1p-104
						}
						want := slices.Clone(got)
						for w := range parts {
							lo, hi := s.Columns(w, parts)
							lo2, hi2 := p.Columns(w, parts)
							require.Equal(t, [2]int{lo2, hi2}, [2]int{lo, hi})
							for i := range strip {
								strip[i] = 1e30 // nothing of it may be read
							}
							if into == biased {
								p.GemmBiasPart(w, parts, c.m, a, lda, bias, want, ldc)
								s.GemmPart(w, parts, strip, kernels.Set, c.m, a, lda, bias, got, ldc)
							} else {
								p.GemmPart(w, parts, into, c.m, a, lda, want, ldc)
								s.GemmPart(w, parts, strip, into, c.m, a, lda, nil, got, ldc)
							}
							numtest.Equal(t, got, want, "%+v, trans %v, into %d, part %d of %d", c, trans, into, w, parts)
						}
					}
				}
			}
		}
	})
}

// A stored matrix is read when it is multiplied by, and what does not fit is refused before C
// changes.
func TestStoredRefuses(t *testing.T) {
	isa := kernels.Current()
	b := []float32{1, 2, 3, 4, 5, 6}
	s := isa.NewStored(true, 3, 1, 2, b, 3)
	strip, a, c := make([]float32, isa.StripRoom(3)), []float32{1, 10, 100}, make([]float32, 2)
	s.GemmPart(0, 1, strip, kernels.Set, 1, a, 3, nil, c, 2)
	require.Equal(t, []float32{321, 654}, c)
	b[0] = 7
	s.GemmPart(0, 1, strip, kernels.Continue, 1, a, 3, nil, c, 2)
	require.Equal(t, []float32{321 + 327, 654 + 654}, c)

	was := slices.Clone(c)
	for want, f := range map[string]func(){
		"Into(2), want":                func() { s.GemmPart(0, 1, strip, kernels.AddTo, 1, a, 3, nil, c, 2) },
		"Into(128), want":              func() { s.GemmPart(0, 1, strip, kernels.FromLast, 1, a, 3, nil, c, 2) },
		"and a bias, want Set":         func() { s.GemmPart(0, 1, strip, kernels.Continue, 1, a, 3, c, c, 2) },
		"bias has 3 elements, want 2":  func() { s.GemmPart(0, 1, strip, kernels.Set, 1, a, 3, a, c, 2) },
		"a strip of 2 elements, want":  func() { s.GemmPart(0, 1, strip[:2], kernels.Set, 1, a, 3, nil, c, 2) },
		"part 1 of 1":                  func() { s.GemmPart(1, 1, strip, kernels.Set, 1, a, 3, nil, c, 2) },
		"Stored.GemmPart: A":           func() { s.GemmPart(0, 1, strip, kernels.Set, 1, a[:2], 3, nil, c, 2) },
		"Stored.GemmPart: C":           func() { s.GemmPart(0, 1, strip, kernels.Set, 1, a, 3, nil, c[:1], 2) },
		"NewStored: B":                 func() { isa.NewStored(false, 3, 1, 2, b[:5], 2) },
		"NewStored: k = -1, 1 groups":  func() { isa.NewStored(false, -1, 1, 2, b, 2) },
		"0 groups of 2 columns, want ": func() { isa.NewStored(true, 3, 0, 2, b, 3) },
	} {
		require.Contains(t, panics(f), want)
	}
	require.Equal(t, was, c)
}

// Weight gradients over few rows take C row by row, those over more panel by panel: both have the
// sums of plain products, for two matrices at once and where the rows of C are apart.
func TestGemmRowsOfFewRows(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(72)
		for _, c := range []struct{ m, n, k int }{{1, 1, 1}, {7, 33, 2}, {25, 70, 31}, {100, 40, 32}, {13, 70, 33}, {5, 2100, 32}} {
			ldc := c.n + 3
			a, x, got := r.values(c.m*c.k, moderate), r.values(c.k*c.n, moderate), r.values(c.m*ldc, moderate)
			rows := make([]int32, c.k)
			for q := range rows {
				rows[q] = int32(c.k - 1 - q)
			}
			for _, into := range []kernels.Into{kernels.AddTo, kernels.Set, kernels.Continue, kernels.SetFlush} {
				f := isa.NewRows(c.n, c.k, 1)
				f.Reset(c.n)
				f.Chunk(c.k)
				f.Pack(0, x, c.n, rows, 0, 1)
				want, second := slices.Clone(got), slices.Clone(got)
				at, bt := make([]float32, c.m*c.k), make([]float32, c.k*c.n)
				for q, row := range rows {
					for i := range c.m {
						at[i*c.k+q] = a[int(row)*c.m+i]
					}
					copy(bt[q*c.n:], x[int(row)*c.n:][:c.n])
				}
				isa.Pack(false, c.k, c.n, bt, c.n).Gemm(into, c.m, at, c.k, want, ldc)
				isa.GemmRows(into, c.m, a, c.m, rows, nil, kernels.RowsProduct{B: f, C: got, LDC: ldc}, kernels.RowsProduct{B: f, C: second, LDC: ldc})
				numtest.Equal(t, got, want, "%+v, into %d", c, into)
				numtest.Equal(t, second, want, "%+v, into %d, the second product", c, into)
			}
		}
	})
}
