package gonum

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// outcome is what a call panics with, nil if it does not.
func outcome(run func()) (what any) {
	defer func() { what = recover() }()
	run()
	return nil
}

// TestPanics: for the same arguments, drawn so that about every second call is a
// mistake, what is ours panics with what gonum's own panics with, and then has written
// nothing; where gonum does not panic it does not either.
func TestPanics(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const most = 140 // rows, columns
	full := random(r, most*most*2)
	texts := map[string]map[string]bool{}
	for range 40000 {
		// A size, now and then a wrong or an empty one.
		size := func() int {
			switch r.IntN(20) {
			case 0:
				return 0
			case 1:
				return -1 - r.IntN(3)
			case 2:
				return 65 + r.IntN(70)
			}
			return 1 + r.IntN(10)
		}
		m, n, k := size(), size(), size()
		ld := func(cols int) int {
			if r.IntN(16) == 0 {
				return cols - 1 - r.IntN(2)
			}
			return max(1, cols) + r.IntN(2)
		}
		slice := func(rows, cols, ld int) []float32 {
			need := min(max(0, (rows-1)*ld+cols), len(full))
			if r.IntN(16) == 0 {
				need -= 1 + r.IntN(3)
			}
			return slices.Clone(full[:max(0, need)])
		}
		trans := func() blas.Transpose {
			if r.IntN(30) == 0 {
				return 'X'
			}
			return transpositions[r.IntN(3)]
		}
		ul, side, diag := uplos[r.IntN(2)], []blas.Side{blas.Left, blas.Right}[r.IntN(2)], []blas.Diag{blas.Unit, blas.NonUnit}[r.IntN(2)]
		switch r.IntN(60) {
		case 0:
			ul = 'X'
		case 1:
			side = 'X'
		case 2:
			diag = 'X'
		}
		alpha, beta := float32(r.IntN(3))*0.5, float32(r.IntN(3))*0.5
		inc := func() int { return []int{1, 1, 1, 1, 1, 1, 0, -1, 2}[r.IntN(9)] }
		incX, incY := inc(), inc()
		vector := func(n, inc int) []float32 { return slice(n, 1, max(inc, -inc)) }
		tA, tB := trans(), trans()
		rows := func(t blas.Transpose, m, n int) (int, int) {
			if t == blas.NoTrans {
				return m, n
			}
			return n, m
		}

		// call makes a call that writes to out.
		var name string
		var out []float32
		var call func(f blas.Float32, out []float32)
		length := size() * []int{1, 40, 400}[r.IntN(3)]
		switch r.IntN(12) {
		case 0:
			x, y := vector(length, incX), vector(length, incY)
			name, call = "Sdot", func(f blas.Float32, _ []float32) { f.Sdot(length, x, incX, y, incY) }
		case 1:
			x := vector(length, incX)
			name, call = "Snrm2", func(f blas.Float32, _ []float32) { f.Snrm2(length, x, incX) }
		case 2:
			x := vector(length, incX)
			name, call = "Sasum", func(f blas.Float32, _ []float32) { f.Sasum(length, x, incX) }
		case 3:
			out = vector(length, incX)
			name, call = "Sscal", func(f blas.Float32, out []float32) { f.Sscal(length, alpha, out, incX) }
		case 4:
			x := vector(length, incX)
			out = vector(length, incY)
			name, call = "Sswap", func(f blas.Float32, out []float32) { f.Sswap(length, slices.Clone(x), incX, out, incY) }
		case 5:
			m *= 10
			n *= 10
			lda := ld(n)
			lenX, lenY := rows(tA, n, m)
			a, x := slice(m, n, lda), vector(lenX, incX)
			out = vector(lenY, incY)
			name, call = "Sgemv", func(f blas.Float32, out []float32) {
				f.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, out, incY)
			}
		case 6:
			rowsA, colsA := rows(tA, m, k)
			rowsB, colsB := rows(tB, k, n)
			lda, ldb, ldc := ld(colsA), ld(colsB), ld(n)
			a, b := slice(rowsA, colsA, lda), slice(rowsB, colsB, ldb)
			out = slice(m, n, ldc)
			name, call = "Sgemm", func(f blas.Float32, out []float32) {
				f.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, out, ldc)
			}
		case 7:
			rowsA, colsA := rows(tA, n, k)
			lda, ldc := ld(colsA), ld(n)
			a := slice(rowsA, colsA, lda)
			out = slice(n, n, ldc)
			name, call = "Ssyrk", func(f blas.Float32, out []float32) { f.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, out, ldc) }
		case 8:
			rowsA, colsA := rows(tA, n, k)
			lda, ldb, ldc := ld(colsA), ld(colsA), ld(n)
			a, b := slice(rowsA, colsA, lda), slice(rowsA, colsA, ldb)
			out = slice(n, n, ldc)
			name, call = "Ssyr2k", func(f blas.Float32, out []float32) {
				f.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, out, ldc)
			}
		default:
			order := n
			if side == blas.Left {
				order = m
			}
			lda, ldb, ldc := ld(order), ld(n), ld(n)
			a, b := slice(order, order, lda), slice(m, n, ldb)
			out = slice(m, n, ldc)
			switch r.IntN(3) {
			case 0:
				name, call = "Ssymm", func(f blas.Float32, out []float32) {
					f.Ssymm(side, ul, m, n, alpha, a, lda, b, ldb, beta, out, ldc)
				}
			case 1:
				name, call = "Strmm", func(f blas.Float32, out []float32) {
					f.Strmm(side, ul, tA, diag, m, n, alpha, a, lda, out, ldc)
				}
			default:
				name, call = "Strsm", func(f blas.Float32, out []float32) {
					f.Strsm(side, ul, tA, diag, m, n, alpha, a, lda, out, ldc)
				}
			}
		}
		want := outcome(func() { call(s32, slices.Clone(out)) })
		written := slices.Clone(out)
		got := outcome(func() { call(Float32{}, written) })
		if got != want {
			t.Fatalf("%s panics with %v, gonum with %v", name, got, want)
		}
		if want == nil {
			continue
		}
		check(t, name+" after its panic", written, out)
		text, ok := want.(string)
		if !ok {
			t.Fatalf("%s: gonum panics with %T %v", name, want, want)
		}
		if texts[name] == nil {
			texts[name] = map[string]bool{}
		}
		texts[name][text] = true
	}
	for name, kinds := range map[string]int{"Sdot": 5, "Snrm2": 3, "Sasum": 3, "Sscal": 3, "Sswap": 5, "Sgemv": 9, "Sgemm": 10, "Ssyrk": 8, "Ssyr2k": 10, "Ssymm": 10, "Strmm": 10, "Strsm": 10} {
		if len(texts[name]) < kinds {
			t.Errorf("%s: %d kinds of mistakes were met, want at least %d: %v", name, len(texts[name]), kinds, texts[name])
		}
	}
}

// TestHugeSizes: sizes whose product is beyond an int are mistakes, not crashes.
func TestHugeSizes(t *testing.T) {
	x := make([]float32, 64)
	const huge = math.MaxInt / 4
	for name, run := range map[string]func(){
		"Sgemm": func() {
			Float32{}.Sgemm(blas.NoTrans, blas.NoTrans, huge, 8, 8, 1, x, 8, x, 8, 0, x, 8)
		},
		"Sgemv": func() { Float32{}.Sgemv(blas.Trans, huge, 8, 1, x, 8, x, 1, 0, x, 1) },
		"Ssyrk": func() { Float32{}.Ssyrk(blas.Upper, blas.NoTrans, huge, 8, 1, x, 8, 0, x, huge) },
	} {
		if outcome(run) == nil {
			t.Errorf("%s of huge sizes does not panic", name)
		}
		if !slices.Equal(x, make([]float32, 64)) {
			t.Errorf("%s of huge sizes has written", name)
		}
	}
}
