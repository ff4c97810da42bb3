package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// A form is one way to ask for a matrix product.
type form struct {
	op             string // Gemm, Packed, Bias or Rows
	into           kernels.Into
	transA, transB bool
}

func (f form) String() string {
	return fmt.Sprintf("%s into=%d transA=%v transB=%v", f.op, f.into, f.transA, f.transB)
}

var forms = func() (all []form) {
	bools := []bool{false, true}
	for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.AddTo, kernels.SetFlush} {
		for _, a := range bools {
			for _, b := range bools {
				all = append(all, form{"Gemm", into, a, b})
			}
			all = append(all, form{"Packed", into, false, a}, form{"Packed", into | kernels.FromLast, false, a})
		}
		all = append(all, form{"Rows", into, true, false})
	}
	return append(all, form{"Bias", kernels.Set, false, false}, form{"Bias", kernels.Set, false, true})
}()

// chain is the contract's rule 1: C[i][j] over the rows of A and the columns of B, k values
// each, one fused multiply-add a step, k ascending.
func (f form) chain(m, n, k int, rows, cols []float32, bias, c []float32, ldc int) {
	for i := range m {
		for j := range n {
			acc := float32(0)
			if f.op == "Bias" {
				acc = bias[j]
			} else if f.into&^kernels.FromLast == kernels.Continue {
				acc = c[i*ldc+j]
			}
			col := cols[j*k:][:k]
			for q, v := range rows[i*k:][:k] {
				acc = ref.FMA(v, col[q], acc)
			}
			switch f.into &^ kernels.FromLast {
			case kernels.AddTo:
				acc = c[i*ldc+j] + acc
			case kernels.SetFlush:
				if math.Abs(float64(acc)) < 0x1p-100 {
					acc = 0
				}
			}
			c[i*ldc+j] = acc
		}
	}
}

// lines returns what at says of n lines of k values each, one line after the other.
func lines(n, k int, at func(line, q int) float32) []float32 {
	s := make([]float32, 0, n*k)
	for line := range n {
		for q := range k {
			s = append(s, at(line, q))
		}
	}
	return s
}

// matrix returns rows x cols values with rows ld apart, NaN between the rows,
// and nothing behind the last.
func matrix(r source, rows, cols, ld, mode int) []float32 {
	if rows == 0 || cols == 0 {
		return nil
	}
	s := make([]float32, (rows-1)*ld+cols)
	for i := range s {
		if i%ld < cols {
			s[i] = r.value(mode)
		} else {
			s[i] = float32(math.NaN())
		}
	}
	return s
}

// rowList names k rows out of some more: any of them, or neighbours with gaps here and
// there, as the steps of ragged sequences are.
func rowList(r source, k int) (list []int32, rows int) {
	rows = k + k/3 + 1
	gaps := r.IntN(2) == 0
	for next := 0; len(list) < k; next++ {
		if !gaps {
			next = r.IntN(rows)
		} else if rows-next > k-len(list) && r.IntN(4) == 0 {
			continue
		}
		list = append(list, int32(next))
	}
	return list, rows
}

// check runs one product on a tier between guard pages and compares all of C,
// the room between its rows included.
func (f form) check(t *testing.T, g *numtest.Guards, isa kernels.ISA, r source, m, n, k int) bool {
	t.Helper()
	mode, at := r.IntN(modes), numtest.Layouts[r.IntN(2)]
	pad := func() int { return []int{0, 0, 1, 5}[r.IntN(4)] }
	aRows, aCols, bRows, bCols := m, k, k, n
	if f.transA {
		aRows, aCols = k, m
	}
	if f.transB {
		bRows, bCols = n, k
	}
	var arows, brows []int32
	if f.op == "Rows" {
		arows, aRows = rowList(r, k)
		brows, bRows = rowList(r, k)
	}
	lda, ldb, ldc := aCols+pad(), bCols+pad(), n+pad()
	a, b, c := matrix(r, aRows, aCols, lda, mode), matrix(r, bRows, bCols, ldb, mode), matrix(r, m, n, ldc, mode)
	if f.op == "Rows" { // rows that no list names may hold anything
		ruin(a, lda, arows)
		ruin(b, ldb, brows)
	}
	if f.op == "Rows" && len(a) > 0 && len(b) > 0 { // the matrices may end with the last row named
		a, b = a[:last(arows)*lda+min(m, len(a))], b[:last(brows)*ldb+min(n, len(b))]
	}
	bias := r.values(n, mode)
	if f.op != "Bias" && f.into == kernels.Set || f.into == kernels.SetFlush {
		for i := range c { // what is overwritten must not matter
			c[i] = float32(math.NaN())
		}
	}

	atA := func(i, q int) float32 { return a[i*lda+q] }
	atB := func(q, j int) float32 { return b[q*ldb+j] }
	if f.transA {
		atA = func(i, q int) float32 { return a[q*lda+i] }
	}
	if f.transB {
		atB = func(q, j int) float32 { return b[j*ldb+q] }
	}
	if f.op == "Rows" {
		atA = func(i, q int) float32 { return a[int(arows[q])*lda+i] }
		atB = func(q, j int) float32 { return b[int(brows[q])*ldb+j] }
	}
	want := append([]float32(nil), c...)
	ends := []int{k}
	if f.op == "Rows" && f.into == kernels.AddTo {
		ends = chunkEnds(r, k)
	}
	begin := 0
	for _, end := range ends {
		from := begin
		rows := lines(m, end-from, func(i, q int) float32 { return atA(i, from+q) })
		cols := lines(n, end-from, func(j, q int) float32 { return atB(from+q, j) })
		f.chain(m, n, end-from, rows, cols, bias, want, ldc)
		begin = end
	}

	ga, gb, gc, gbias := numtest.In(g, at, a), numtest.In(g, at, b), numtest.Out(g, at, c), numtest.In(g, at, bias)
	scratch := func(n int) []float32 {
		if r.IntN(2) == 0 {
			return nil
		}
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(math.NaN())
		}
		return numtest.Out(g, at, w)
	}
	what := fmt.Sprintf("%v m=%d n=%d k=%d lda=%d ldb=%d ldc=%d mode=%d %v", f, m, n, k, lda, ldb, ldc, mode, at)
	ok := numtest.Faults(t, func() {
		switch f.op {
		case "Gemm":
			isa.Gemm(f.into, f.transA, f.transB, m, n, k, ga, lda, gb, ldb, gc, ldc, scratch(isa.GemmWork(f.transA, f.transB, m, n, k)))
		case "Rows":
			// The columns of C in one product, or cut in two that share A.
			rows, cut, work := numtest.In(g, at, arows), n, scratch(isa.GemmRowsWork(m, k))
			if n > 1 && r.IntN(2) == 0 {
				cut = 1 + r.IntN(n-1)
			}
			products := []kernels.RowsProduct{{B: rowsOf(isa, r, gb, ldb, cut, brows, ends), C: gc, LDC: ldc}}
			if cut < n {
				products = append(products, kernels.RowsProduct{B: rowsOf(isa, r, gb[min(cut, len(gb)):], ldb, n-cut, brows, ends), C: gc[min(cut, len(gc)):], LDC: ldc})
			}
			isa.GemmRows(f.into, m, ga, lda, rows, work, products...)
		default:
			p := isa.NewPacked(k, n)
			if groups := 1 + r.IntN(4); n%groups == 0 {
				p = isa.NewPackedGroups(k, groups, n/groups)
			}
			if p.Rows() != k || p.Cols() != n || p.ISA() != isa {
				t.Errorf("%s: packed as %d x %d for %v", what, p.Rows(), p.Cols(), p.ISA())
			}
			if r.IntN(2) == 0 { // packing overwrites all of what was there
				p.Pack(false, r.values(k*n, wild), n)
			}
			p.Pack(f.transB, gb, ldb)
			parts := r.IntN(4) // 0: all at once
			for _, w := range r.Perm(parts) {
				if f.op == "Bias" {
					p.GemmBiasPart(w, parts, m, ga, lda, gbias, gc, ldc)
				} else {
					p.GemmPart(w, parts, f.into, m, ga, lda, gc, ldc)
				}
			}
			if parts == 0 && f.op == "Bias" {
				p.GemmBias(m, ga, lda, gbias, gc, ldc)
			} else if parts == 0 {
				p.Gemm(f.into, m, ga, lda, gc, ldc)
			}
		}
	}, "%s", what)
	ok = ok && numtest.Equal(t, gc, want, "%s", what)
	g.Reset("%s", what)
	return ok
}

// chunkEnds cuts k rows into chunks, some of which may be empty.
func chunkEnds(r source, k int) (ends []int) {
	for end := 0; ; {
		end += r.IntN(k + 1)
		if end >= k || len(ends) == 4 {
			return append(ends, k)
		}
		ends = append(ends, end)
	}
}

// rowsOf packs rows of B, each chunk by 1 to 3 shares, over what was there before.
func rowsOf(isa kernels.ISA, r source, b []float32, ldb, n int, rows []int32, ends []int) *kernels.Rows {
	p := isa.NewRows(n+r.IntN(3), len(rows), len(ends))
	p.Reset(n)
	begin := 0
	for i, end := range ends {
		p.Chunk(end - begin)
		if p.Chunks() != i+1 || p.Cols() != n {
			panic("Rows counts its chunks or columns wrong")
		}
		for w, of := 0, 1+r.IntN(3); w < of; w++ {
			p.Pack(i, b, ldb, rows[begin:end], w, of)
		}
		begin = end
	}
	return p
}

// ruin overwrites the rows that a list does not name with NaN.
func ruin(s []float32, ld int, list []int32) {
	named := map[int]bool{}
	for _, q := range list {
		named[int(q)] = true
	}
	for i := range s {
		if !named[i/ld] {
			s[i] = float32(math.NaN())
		}
	}
}

func last(list []int32) (n int) {
	for _, q := range list {
		n = max(n, int(q))
	}
	return n
}

// Every form of product at every edge of size: 0 to 4, around the register
// tiles (6, 8 and 12 rows), vectors (8 and 16), panels (16 and 32, and up to 8 of them) and
// blocks (64, 96 and 144 rows, 256 and 512 steps).
func TestGemm(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(11)
		which := make([]int, len(forms))
		for i := range which {
			which[i] = i
		}
		axes := []numtest.Axis{
			{Name: "m", Values: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 63, 64, 65, 95, 96, 97, 104, 144, 145}},
			{Name: "n", Values: []int{0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 129, 255, 256, 257, 300}},
			{Name: "k", Values: []int{0, 1, 2, 3, 4, 7, 8, 9, 255, 256, 257, 511, 512, 513}},
			{Name: "form", Values: which},
		}
		cost := func(v []int) int64 { return 1000 + int64(v[0]*v[1]*v[2]) }
		numtest.Cases(6e7, cost, axes, func(v []int) bool {
			return forms[v[3]].check(t, g, isa, r, v[0], v[1], v[2])
		})
	})
}

// Where B is larger than a cache, tiles ask for what comes next of it: the same bits as row
// by row, in both orders of the columns, for every number of rows of a tile, in blocks of
// rows and steps too.
func TestGemmOfLargeB(t *testing.T) {
	const k, n = 520, 300 // more than a block of steps, and than half a MiB
	sizes := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 97, 100, 103, 104, 108}
	if testing.Short() {
		sizes = []int{4, 7, 8, 13, 104}
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(19)
		p := isa.Pack(false, k, n, r.values(k*n, moderate), n)
		for _, m := range sizes {
			a, start := r.values(m*k, moderate), r.values(m*n, moderate)
			for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.AddTo} {
				want := append([]float32(nil), start...)
				for i := range m {
					p.Gemm(into, 1, a[i*k:][:k], k, want[i*n:][:n], n)
				}
				for _, order := range []kernels.Into{0, kernels.FromLast} {
					got := append([]float32(nil), start...)
					p.Gemm(into|order, m, a, k, got, n)
					numtest.Equal(t, got, want, "%d rows, into %d", m, into|order)
				}
			}
		}
	})
}

// All sizes from 0 to 4 in all forms: 125 products each.
func TestGemmSmallest(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(12)
		for _, f := range forms {
			for m := range 5 {
				for n := range 5 {
					for k := range 5 {
						if !f.check(t, g, isa, r, m, n, k) {
							return
						}
					}
				}
			}
		}
	})
}

// Every width up to one panel and three columns, for every count of tile rows.
func TestGemmEveryTail(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(13)
		for _, f := range forms {
			for n := 1; n <= maxSize; n++ {
				m := 1 + (n+int(f.into))%8
				if !f.check(t, g, isa, r, m, n, 1+n%5) {
					return
				}
			}
		}
	})
}

// A chain too long for one call of the tile is put down and taken up again,
// which must not show, with a summand in C either.
func TestGemmVeryLongChain(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(14)
		for i, f := range forms {
			if testing.Short() && i%5 != 0 {
				continue
			}
			if !f.check(t, g, isa, r, 1+i%7, 1+(i*13)%70, 8192+i) {
				return
			}
		}
	})
}

// Rows are independent: a product cut up by rows or by columns has the same bits.
func TestGemmInParts(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(15)
		const m, n, k = 29, 83, 40
		a, b := r.values(m*k, mixed), r.values(k*n, mixed)
		whole := make([]float32, m*n)
		isa.Gemm(kernels.Set, false, false, m, n, k, a, k, b, n, whole, n, nil)
		for _, cut := range []int{1, 2, 5, 6, 17} {
			parts := make([]float32, m*n)
			isa.Gemm(kernels.Set, false, false, cut, n, k, a, k, b, n, parts, n, nil)
			isa.Gemm(kernels.Set, false, false, m-cut, n, k, a[cut*k:], k, b, n, parts[cut*n:], n, nil)
			numtest.Equal(t, parts, whole, "rows cut at %d", cut)
			clear(parts)
			isa.Gemm(kernels.Set, false, false, m, cut, k, a, k, b, n, parts, n, nil)
			isa.Gemm(kernels.Set, false, false, m, n-cut, k, a, k, b[cut:], n, parts[cut:], n, nil)
			numtest.Equal(t, parts, whole, "columns cut at %d", cut)
			clear(parts)
			isa.Gemm(kernels.Set, false, false, m, n, cut, a, k, b, n, parts, n, nil)
			isa.Gemm(kernels.Continue, false, false, m, n, k-cut, a[cut:], k, b[cut*n:], n, parts, n, nil)
			numtest.Equal(t, parts, whole, "steps cut at %d", cut)
		}
	})
}

// A zero times a NaN or an infinity is a NaN and is not skipped.
func TestGemmPropagatesNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, b := range []float32{nan, inf, -inf} {
			c := []float32{1, 1, 1}
			isa.Gemm(kernels.Set, false, false, 1, 3, 2, []float32{0, 1}, 2, []float32{b, 2, 0, 3, 4, 5}, 3, c, 3, nil)
			numtest.Equal(t, c, []float32{nan, 4, 5}, "B holds %v", b)
		}
		c := []float32{0}
		isa.Gemm(kernels.Set, false, false, 1, 1, 1, []float32{0}, 1, []float32{math.Float32frombits(1 << 31)}, 1, c, 1, nil)
		numtest.Equal(t, c, []float32{0}, "a chain from +0 over 0 * -0")
	})
}

func TestGemmAllocatesNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const m, n, k = 13, 70, 33
		a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
		rows := make([]int32, 3)
		work := make([]float32, max(isa.GemmWork(true, true, m, n, k), isa.GemmWork(false, false, 3, n, k), isa.GemmRowsWork(m, 3)))
		factor := isa.NewRows(n, 3, 1)
		p := isa.NewPacked(k, n)
		bias := make([]float32, n)
		if got := testing.AllocsPerRun(10, func() {
			isa.Gemm(kernels.AddTo, true, true, m, n, k, a, m, b, k, c, n, work)
			isa.Gemm(kernels.Set, false, false, 3, n, k, a, k, b, n, c, n, work)
			factor.Reset(n)
			factor.Chunk(3)
			factor.Pack(0, b, n, rows, 0, 1)
			isa.GemmRows(kernels.AddTo, m, a, m, rows, work, kernels.RowsProduct{B: factor, C: c, LDC: n})
			p.Pack(true, b, k)
			p.Gemm(kernels.Set, m, a, k, c, n)
			p.GemmBias(m, a, k, bias, c, n)
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}
