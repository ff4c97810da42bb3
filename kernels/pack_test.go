package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// checkPack packs a k x n matrix between guard pages and compares all panels with
// the reference, NaN by their bits too.
func checkPack(t *testing.T, g *numtest.Guards, isa kernels.ISA, r source, trans, flush bool, n, k int) bool {
	t.Helper()
	rows, cols := k, n
	if trans {
		rows, cols = n, k
	}
	ldb, at := cols+[]int{0, 1, 5, 16}[r.IntN(4)], numtest.Layouts[r.IntN(2)]
	b := matrix(r, rows, cols, ldb, []int{wild, mixed}[r.IntN(2)])
	p := isa.NewPacked(k, n)
	got, nr := p.Panels()
	copy(got, r.values(len(got), wild)) // packing overwrites all of what was there
	want := make([]float32, len(got))
	for j := 0; j < n && k > 0; j += nr {
		from := b[j:]
		if trans {
			from = b[j*ldb:]
		}
		ref.Pack(want[j*k:][:k*nr], trans, flush, nr, k, from, ldb, min(nr, n-j))
	}
	what := fmt.Sprintf("trans=%v flush=%v n=%d k=%d ldb=%d %v", trans, flush, n, k, ldb, at)
	gb := numtest.In(g, at, b)
	ok := numtest.Faults(t, func() {
		if flush {
			p.PackFlush(trans, gb, ldb)
		} else {
			p.Pack(trans, gb, ldb)
		}
	}, "%s", what)
	ok = ok && sameBits(t, got, want, what)
	g.Reset("%s", what)
	return ok
}

// sameBits is numtest.Equal for what is copied: a NaN keeps its bits.
func sameBits(t *testing.T, got, want []float32, what string) bool {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s: element %d of the panels is %08x, want %08x", what, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
			return false
		}
	}
	return true
}

// Every width of a panel and some of more than one, every number of steps to 70 and
// those around a block, as it is and flushed.
func TestPack(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(41)
		_, nr := isa.NewPacked(1, 1).Panels()
		var widths, steps []int
		for n := 1; n <= nr; n++ {
			widths = append(widths, n)
		}
		widths = append(widths, nr+1, 2*nr-1, 2*nr, 3*nr+5)
		for k := range 71 {
			steps = append(steps, k)
		}
		block := kernels.PackBlock / nr
		steps = append(steps, block-1, block, block+1, block+4, 2*block+7)
		axes := []numtest.Axis{
			{Name: "n", Values: widths},
			{Name: "k", Values: steps},
			{Name: "how", Values: []int{0, 1, 2, 3}},
		}
		cost := func(v []int) int64 { return 2000 + int64(v[0]*v[1]) }
		numtest.Cases(3e7, cost, axes, func(v []int) bool {
			return checkPack(t, g, isa, r, v[2]&1 != 0, v[2]&2 != 0, v[0], v[1])
		})
	})
}

// The parts of a matrix make the whole, in any order, and each touches its own panels only.
func TestPackFlushPart(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(42)
		for _, panels := range []int{0, 1, 2, 7, 40} {
			for _, trans := range []bool{false, true} {
				k, n := 13, 0
				if _, nr := isa.NewPacked(1, 1).Panels(); panels > 0 {
					n = panels*nr - 3
				}
				ldb := n + k
				b := r.values(max(n, k)*ldb, wild)
				whole := isa.NewPacked(k, n)
				whole.PackFlush(trans, b, ldb)
				want, nr := whole.Panels()
				for _, parts := range []int{1, 2, 3, 5, 8, math.MaxInt} {
					p := isa.NewPacked(k, n)
					memory, _ := p.Panels()
					got := slices.Repeat([]float32{-7}, len(memory))
					written := 0
					for w := range min(parts, 8) {
						if parts == math.MaxInt && w > 0 {
							w = parts - w // the last ones
						}
						for i := range memory {
							memory[i] = -7 // so that a panel of another part is seen too
						}
						p.PackFlushPart(w, parts, trans, b, ldb)
						for i := range panels {
							panel := memory[i*k*nr:][:k*nr]
							if slices.ContainsFunc(panel, func(x float32) bool { return x != -7 }) {
								written++
								copy(got[i*k*nr:], panel)
							}
						}
					}
					if parts == math.MaxInt {
						continue // a few of them are done, to see that no product of sizes overflows
					}
					if written != panels {
						t.Errorf("%d panels, %d parts: %d panels written", panels, parts, written)
					}
					sameBits(t, got, want, fmt.Sprintf("%d panels in %d parts, trans=%v", panels, parts, trans))
				}
			}
		}
	})
}

func TestPackFlushPartRefusesBadParts(t *testing.T) {
	p := kernels.NewPacked(3, 4)
	for _, c := range [][2]int{{-1, 2}, {2, 2}, {0, 0}, {0, -1}} {
		if got := panics(func() { p.PackFlushPart(c[0], c[1], false, make([]float32, 12), 4) }); !strings.Contains(got, fmt.Sprintf("part %d of %d", c[0], c[1])) {
			t.Errorf("part %d of %d: panic %q", c[0], c[1], got)
		}
	}
	if got := panics(func() { p.PackFlushPart(0, 2, false, make([]float32, 11), 4) }); !strings.Contains(got, "11") || !strings.Contains(got, "3 x 4") {
		t.Errorf("a short B: panic %q", got)
	}
}

// rowLists are lists of k rows of a matrix of 3k: side by side, as a window of one row visits
// them from its end, each second one, a run behind another, no order at all, one row again and
// again.
func rowLists(r source, k int) (lists [][]int32) {
	for _, row := range []func(q int) int{
		func(q int) int { return k/2 + q },
		func(q int) int { return 3*k - 1 - q },
		func(q int) int { return 2 * q },
		func(q int) int { return (q + k/2) % k },
		func(int) int { return r.IntN(3 * k) },
		func(int) int { return k - 1 },
	} {
		list := make([]int32, k)
		for q := range list {
			list[q] = int32(row(q))
		}
		lists = append(lists, list)
	}
	return lists
}

// Rows of a list come to a chunk's panels as one after another would, whatever their distances
// and into however many shares they are cut, tiny values as +0 if that is asked for. A share
// writes its own rows alone. A row may be wider than what one call of the assembly copies.
func TestRowsPack(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(47)
		_, nr := isa.NewPacked(1, 1).Panels()
		for _, n := range []int{1, nr - 1, nr, nr + 1, 3*nr - 2, 4 * nr, kernels.PackMost, kernels.PackMost + nr + 3} {
			k, lists := 13, rowLists(r, 13)
			if n > 1000 { // what differs is the width
				k, lists = 3, rowLists(r, 3)[:2]
			}
			for i, list := range lists {
				for _, flush := range []bool{false, true} {
					ldb, at := n+i%3, numtest.Layouts[i%2]
					b := matrix(r, 3*k, n, ldb, []int{wild, mixed}[i%2])
					p := isa.NewRows(n, k+2, 2)
					p.Chunk(2) // what another chunk holds stays
					p.Chunk(k)
					first, _ := p.Panels(0)
					got, _ := p.Panels(1)
					copy(first, r.values(len(first), moderate))
					copy(got, r.values(len(got), wild))
					other := slices.Clone(first)
					want := make([]float32, len(got))
					for q, row := range list {
						for j := 0; j < n; j += nr {
							ref.Pack(want[j*k+q*nr:][:nr], false, flush, nr, 1, b[int(row)*ldb+j:], ldb, min(nr, n-j))
						}
					}
					gb := numtest.In(g, at, b)
					what := fmt.Sprintf("n=%d, list %d, flush=%v, ldb=%d, %v", n, i, flush, ldb, at)
					if numtest.Faults(t, func() {
						for of, w := 1+i%3, 0; w < of; w++ {
							before := slices.Clone(got)
							if flush {
								p.PackFlush(1, gb, ldb, list, w, of)
							} else {
								p.Pack(1, gb, ldb, list, w, of)
							}
							for j, v := range got {
								if q := j / nr % k; (q < w*k/of || q >= (w+1)*k/of) && math.Float32bits(v) != math.Float32bits(before[j]) {
									t.Fatalf("%s: share %d of %d writes row %d", what, w, of, q)
								}
							}
						}
					}, what) {
						sameBits(t, got, want, what)
						sameBits(t, first, other, what+", the chunk before")
					}
				}
			}
		}
	})
}

// A row of a list is spread over many panels.
func TestGemmRowsOfManyPanels(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(43)
		_, nr := isa.NewPacked(1, 1).Panels()
		for _, n := range []int{31 * nr, 32 * nr, 32*nr + 1, 33*nr + 5, 64 * nr, 65*nr - 1} {
			if !(form{"Rows", kernels.Set, true, false}).check(t, g, isa, r, 2, n, 3) {
				return
			}
		}
	})
}
