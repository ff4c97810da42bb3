package gonum

import (
	"math"
	"math/bits"
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
	r := draws{rand.New(rand.NewPCG(1, 2)), true}
	texts := map[string]map[string]bool{}
	for range 25000 {
		c := r.next()
		want := outcome(func() { c.call(s32, slices.Clone(c.out)) })
		for _, f := range implementations {
			written := slices.Clone(c.out)
			if got := outcome(func() { c.call(f.Float32, written) }); got != want {
				t.Fatalf("%s: %s panics with %v, gonum with %v", f.name, c.name, got, want)
			}
			if want != nil {
				check(t, f.name+": "+c.name+" after its panic", written, c.out)
			}
		}
		if want == nil {
			continue
		}
		text, ok := want.(string)
		if !ok {
			t.Fatalf("%s: gonum panics with %T %v", c.name, want, want)
		}
		if texts[c.name] == nil {
			texts[c.name] = map[string]bool{}
		}
		texts[c.name][text] = true
	}
	for name, kinds := range map[string]int{"Sdot": 5, "Snrm2": 3, "Sasum": 3, "Sscal": 3, "Sswap": 5, "Saxpy": 5, "Sgemv": 9, "Sger": 8, "Sgbmv": 9,
		"Ssymv": 8, "Sspmv": 7, "Ssbmv": 9, "Ssyr": 6, "Sspr": 5, "Ssyr2": 8, "Sspr2": 7, "Strmv": 8, "Stpmv": 7, "Stbmv": 9, "Strsv": 8, "Stpsv": 7, "Stbsv": 9,
		"Sgemm": 10, "Ssyrk": 8, "Ssyr2k": 10, "Ssymm": 10, "Strmm": 10, "Strsm": 10} {
		if len(texts[name]) < kinds {
			t.Errorf("%s: %d kinds of mistakes were met, want at least %d: %v", name, len(texts[name]), kinds, texts[name])
		}
	}
}

// TestHugeSizes: sizes whose product is beyond an int are mistakes, not crashes.
func TestHugeSizes(t *testing.T) {
	x := make([]float32, 64)
	const huge = math.MaxInt / 4
	for _, f := range implementations {
		for name, run := range map[string]func(){
			"Sgemm": func() { f.Sgemm(blas.NoTrans, blas.NoTrans, huge, 8, 8, 1, x, 8, x, 8, 0, x, 8) },
			"Sgemv": func() { f.Sgemv(blas.Trans, huge, 8, 1, x, 8, x, 1, 0, x, 1) },
			"Ssyrk": func() { f.Ssyrk(blas.Upper, blas.NoTrans, huge, 8, 1, x, 8, 0, x, huge) },
			"Ssymm": func() { f.Ssymm(blas.Left, blas.Upper, huge, 8, 1, x, huge, x, 8, 0, x, 8) },
			"Strmm": func() { f.Strmm(blas.Right, blas.Upper, blas.Trans, blas.Unit, huge, 8, 1, x, 8, x, 8) },
			"Strsm": func() { f.Strsm(blas.Left, blas.Upper, blas.Trans, blas.Unit, huge, 8, 1, x, huge, x, 8) },
			"Ssymv": func() { f.Ssymv(blas.Upper, huge, 1, x, huge, x, 1, 0, x, 1) },
			"Sspmv": func() { f.Sspmv(blas.Upper, huge, 1, x, x, 1, 0, x, 1) },
			"Ssbmv": func() { f.Ssbmv(blas.Upper, 8, huge, 1, x, huge+1, x, 1, 0, x, 1) },
			"Sgbmv": func() { f.Sgbmv(blas.Trans, 8, 8, huge, huge, 1, x, huge*2+1, x, 1, 0, x, 1) },
			"Strsv": func() { f.Strsv(blas.Upper, blas.Trans, blas.Unit, huge, x, huge, x, 1) },
			"Stpmv": func() { f.Stpmv(blas.Upper, blas.Trans, blas.Unit, huge, x, x, 1) },
			"Ssyr":  func() { f.Ssyr(blas.Upper, huge, 1, x, 1, x, huge) },
			"Sspr2": func() { f.Sspr2(blas.Upper, huge, 1, x, 1, x, 1, x) },
			"Sger":  func() { f.Sger(huge, 8, 1, x, 1, x, 1, x, 8) },
		} {
			if outcome(run) == nil {
				t.Errorf("%s, %s of huge sizes does not panic", f.name, name)
			}
			if !slices.Equal(x, make([]float32, 64)) {
				t.Errorf("%s, %s of huge sizes has written", f.name, name)
			}
		}
	}
}

// TestHugeIncrements: an increment that takes the last element beyond an int is refused by
// SameBits in gonum's words, and nothing is written.
func TestHugeIncrements(t *testing.T) {
	ones := slices.Repeat([]float32{1}, 64)
	var f SameBits
	for _, inc := range []int{math.MaxInt/2 + 1, math.MaxInt, math.MinInt / 2, math.MinInt + 1, 1 << (bits.UintSize - 3)} {
		for _, n := range []int{3, 9} {
			x, y, a := slices.Clone(ones), slices.Clone(ones), slices.Repeat(ones, 2)
			for name, run := range map[string]func(){
				"Sdot, x":  func() { f.Sdot(n, x, inc, y, 1) },
				"Sdot, y":  func() { f.Sdot(n, x, 1, y, inc) },
				"Saxpy, x": func() { f.Saxpy(n, 2, x, inc, y, 1) },
				"Saxpy, y": func() { f.Saxpy(n, 2, x, 1, y, inc) },
				"Sswap":    func() { f.Sswap(n, x, 1, y, inc) },
				"Sgemv N":  func() { f.Sgemv(blas.NoTrans, 3, n, 1, a, n, x, inc, 0, y, 1) },
				"Sgemv T":  func() { f.Sgemv(blas.Trans, 3, n, 1, a, n, x, 1, 0, y, inc) },
				"Sger":     func() { f.Sger(3, n, 1, x, 1, y, inc, a, n) },
				"Sgbmv":    func() { f.Sgbmv(blas.NoTrans, n, n, 0, 0, 1, a, 1, x, inc, 1, y, 1) },
				"Ssymv":    func() { f.Ssymv(blas.Upper, n, 1, a, n, x, inc, 0, y, 1) },
				"Ssyr2":    func() { f.Ssyr2(blas.Upper, n, 1, x, 1, y, inc, a, n) },
				"Strmv":    func() { f.Strmv(blas.Upper, blas.NoTrans, blas.Unit, n, a, n, x, inc) },
				"Stpsv":    func() { f.Stpsv(blas.Upper, blas.NoTrans, blas.Unit, n, a, x, inc) },
			} {
				text, _ := outcome(run).(string)
				if text != "blas: insufficient length of x" && text != "blas: insufficient length of y" {
					t.Errorf("%s of %d elements with an increment of %d panics with %q", name, n, inc, text)
				}
			}
			if inc > 0 {
				for name, run := range map[string]func(){"Snrm2": func() { f.Snrm2(n, x, inc) }, "Sasum": func() { f.Sasum(n, x, inc) }, "Sscal": func() { f.Sscal(n, 2, x, inc) }} {
					if text := outcome(run); text != "blas: insufficient length of x" {
						t.Errorf("%s of %d elements with an increment of %d panics with %v", name, n, inc, text)
					}
				}
			}
			if !slices.Equal(x, ones) || !slices.Equal(y, ones) || !slices.Equal(a, slices.Repeat(ones, 2)) {
				t.Errorf("%d elements with an increment of %d: something is written", n, inc)
			}
		}
	}
}
