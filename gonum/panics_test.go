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
