package kernels_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Bound has the bits of Gemm, for what its operands hold at each call, from one tile and
// from more rows than a tile has.
func TestBound(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(44)
		_, nr := isa.NewPacked(1, 1).Panels()
		for _, m := range []int{0, 1, 2, 3, 4, 6, 7, 8, 12, 13} {
			for _, cols := range []int{0, 1, nr - 1, nr, 2*nr + 3, 3 * nr, 9*nr - 1} {
				for _, groups := range []int{1, 3} {
					for _, k := range []int{0, 1, 4, 19} {
						n := groups * cols
						lda, ldc := k+2, n+1
						p := isa.NewPackedGroups(k, groups, cols)
						a, c, bias := make([]float32, m*lda), make([]float32, m*ldc), make([]float32, n)
						for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.AddTo, kernels.SetFlush, biased} {
							b := bind(p, into, m, a, lda, bias, c, ldc)
							for turn := range 3 {
								p.PackFlush(false, r.values(k*n, moderate), n)
								copy(a, r.values(len(a), moderate))
								copy(c, r.values(len(c), moderate))
								copy(bias, r.values(n, moderate))
								want := slices.Clone(c)
								if into == biased {
									p.GemmBias(m, a, lda, bias, want, ldc)
								} else {
									p.Gemm(into, m, a, lda, want, ldc)
								}
								b.Gemm([]kernels.Into{0, kernels.FromLast}[turn%2])
								sameBits(t, c, want, fmt.Sprintf("%d rows, %d groups of %d columns, %d steps, into %d, turn %d", m, groups, cols, k, into, turn))
							}
						}
					}
				}
			}
		}
	})
}

const biased kernels.Into = 99 // stands for Set with a bias

func bind(p *kernels.Packed, into kernels.Into, m int, a []float32, lda int, bias, c []float32, ldc int) *kernels.Bound {
	if into == biased {
		return p.Bind(kernels.Set, m, a, lda, bias, c, ldc)
	}
	return p.Bind(into, m, a, lda, nil, c, ldc)
}

// Chains longer than a call of a tile takes go by Gemm.
func TestBoundOfALongChain(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const k, n = 9000, 5
		r := newSource(45)
		p := isa.Pack(false, k, n, r.values(k*n, moderate), n)
		a, c := r.values(k, moderate), make([]float32, n)
		p.Bind(kernels.Set, 1, a, k, nil, c, n).Gemm(0)
		want := make([]float32, n)
		p.Gemm(kernels.Set, 1, a, k, want, n)
		sameBits(t, c, want, "one row of 9000 steps")
	})
}

// What a Bound points into lives as long as it does, whoever else has let go of it, and
// whenever the garbage collector ran.
func TestBoundKeepsItsOperands(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const m, k, n = 2, 300, 70
		made := func() (*kernels.Bound, []float32, []float32) {
			r := newSource(46)
			p := isa.Pack(false, k, n, r.values(k*n, moderate), n)
			a, bias, c, want := r.values(m*k, moderate), r.values(n, moderate), make([]float32, m*n), make([]float32, m*n)
			p.GemmBias(m, a, k, bias, want, n)
			return p.Bind(kernels.Set, m, a, k, bias, c, n), c, want
		}
		var all []*kernels.Bound
		var got, want [][]float32
		done := make(chan bool)
		go func() { // so that Bind is called while memory is marked
			defer close(done)
			for range 20 {
				runtime.GC()
			}
		}()
		for i := 0; i < 2 || !closed(done); i++ {
			b, c, w := made()
			if len(all) < 200 {
				all, got, want = append(all, b), append(got, c), append(want, w)
			}
		}
		for range 2 {
			runtime.GC()
		}
		for range 100 { // takes what was freed
			clear(make([]float32, k*n))
		}
		for i, b := range all {
			b.Gemm(0)
			sameBits(t, got[i], want[i], "after collections")
		}
	})
}

func closed(c chan bool) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestBoundAllocatesNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, m := range []int{1, 40} {
			p := isa.NewPacked(8, 100)
			b := p.Bind(kernels.Set, m, make([]float32, 8*m), 8, nil, make([]float32, 100*m), 100)
			require.Zero(t, testing.AllocsPerRun(10, func() { b.Gemm(kernels.FromLast) }))
			require.Greater(t, b.Bytes(), 0)
		}
	})
}

func TestBoundRefuses(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		f := func(n int) []float32 { return make([]float32, n) }
		p := isa.NewPacked(3, 4)
		for _, c := range []struct {
			name  string
			names []string
			call  func()
		}{
			{"A short", []string{"Packed.Bind", "A", "2 x 3"}, func() { p.Bind(kernels.Set, 2, f(5), 3, nil, f(8), 4) }},
			{"C short", []string{"Packed.Bind", "C", "2 x 4"}, func() { p.Bind(kernels.Set, 2, f(6), 3, nil, f(7), 4) }},
			{"a bias of another length", []string{"Packed.Bind", "bias", "3", "4"}, func() { p.Bind(kernels.Set, 1, f(3), 3, f(3), f(4), 4) }},
			{"a bias and Continue", []string{"Into(1)", "bias", "want Set"}, func() { p.Bind(kernels.Continue, 1, f(3), 3, f(4), f(4), 4) }},
			{"into", []string{"Into(4)"}, func() { p.Bind(4, 1, f(3), 3, nil, f(4), 4) }},
			{"into, many rows", []string{"Into(4)"}, func() { p.Bind(4, 40, f(120), 3, nil, f(160), 4) }},
			{"an order", []string{"Into(2)", "FromLast"}, func() { p.Bind(kernels.Set, 1, f(3), 3, nil, f(4), 4).Gemm(kernels.AddTo) }},
			{"FromLast", []string{"Into(128)"}, func() { p.Bind(kernels.FromLast, 1, f(3), 3, nil, f(4), 4) }},
			{"FromLast and a bias", []string{"Into(128)", "want Set"}, func() { p.Bind(kernels.FromLast, 1, f(3), 3, f(4), f(4), 4) }},
		} {
			message := panics(c.call)
			for _, want := range c.names {
				if !strings.Contains(message, want) {
					t.Errorf("%s: %q does not name %q", c.name, message, want)
				}
			}
		}
	})
}
