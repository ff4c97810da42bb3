package kernels_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Kernels whose operands are matrices. That they compute a row as the reference does
// is among the tests of element kernels; here are rows and strides.

// eachRowKernel runs a test for every one of them on every tier.
func eachRowKernel(t *testing.T, test func(t *testing.T, isa kernels.ISA, e element)) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		count := 0
		for _, e := range elements {
			if e.mats != nil {
				test(t, isa, e)
				count++
			}
		}
		if count != 18 {
			t.Errorf("%d kernels on rows, want 18", count)
		}
	})
}

// draw makes an operand for each slot, rows of units elements whose distance is units
// plus what gap says of the slot, without anything behind the last row.
func (e *element) draw(r source, rows, units int, gap func(slot int) int) (m []kernels.Mat) {
	for i := range e.slots {
		stride := units + gap(i)
		m = append(m, kernels.Mat{Data: r.values(max(0, (rows-1)*stride+units), moderate), Stride: stride})
	}
	return m
}

func cloneMats(m []kernels.Mat) []kernels.Mat {
	c := append([]kernels.Mat(nil), m...)
	for i := range c {
		c[i].Data = append([]float32(nil), c[i].Data...)
	}
	return c
}

// reference makes the call row by row.
func (e *element) reference(rows, units int, m []kernels.Mat) {
	for r := range rows {
		var s [][]float32
		for _, x := range m {
			s = append(s, x.Data[r*x.Stride:][:units])
		}
		e.ref(s, nil)
	}
}

func (e *element) compareMats(t *testing.T, got, want []kernels.Mat, format string, args ...any) bool {
	t.Helper()
	ok := true
	for i := range got {
		ok = numtest.Equal(t, got[i].Data, want[i].Data, "%s, operand %d, %s", e.name, i, fmt.Sprintf(format, args...)) && ok
	}
	return ok
}

// gaps are distances between rows: none, the same for all operands, one of their own for
// each, and none for all but one.
var gaps = []func(slot int) int{
	func(int) int { return 0 },
	func(int) int { return 5 },
	func(slot int) int { return 3 * slot },
	func(slot int) int { return slot % 2 },
	func(slot int) int { return max(0, 1-slot) },
}

// Every number of units to four vectors and six, few rows and none, every kind of
// stride: what lies in the rows is the reference's, what lies between them stays.
func TestRowKernelsWithStrides(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		r := newSource(11)
		for units := 0; units <= 70; units++ {
			for k, gap := range gaps {
				rows := (units + k) % 5
				m := e.draw(r, rows, units, gap)
				got, want := cloneMats(m), cloneMats(m)
				e.reference(rows, units, want)
				e.mats(isa, rows, units, got)
				if !e.compareMats(t, got, want, "%d rows of %d units, strides %d", rows, units, k) {
					return
				}
			}
		}
	})
}

// Operands flush against pages that fault, with gaps between the rows; those that are
// only read on pages that cannot be written.
func TestRowKernelsBetweenGuardPages(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		g := numtest.NewGuards(t)
		r := newSource(12)
		for units := 0; units <= 35; units++ {
			for k, gap := range gaps[:3] {
				for _, at := range numtest.Layouts {
					const rows = 3
					m := e.draw(r, rows, units, gap)
					want, got := cloneMats(m), cloneMats(m)
					e.reference(rows, units, want)
					for i := range got {
						if e.slots[i] == 'r' {
							got[i].Data = numtest.In(g, at, m[i].Data)
						} else {
							got[i].Data = numtest.Out(g, at, m[i].Data)
						}
					}
					if !numtest.Faults(t, func() { e.mats(isa, rows, units, got) }, "%s, %d units, strides %d, %v", e.name, units, k, at) ||
						!e.compareMats(t, got, want, "%d units, strides %d, %v", units, k, at) {
						return
					}
					g.Reset("%s, %d units", e.name, units)
				}
			}
		}
	})
}

// Operands that may be one matrix.
func TestRowKernelsInPlace(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		r := newSource(13)
		for _, same := range e.same {
			for units := 0; units <= 35; units++ {
				for k, gap := range gaps {
					rows := 1 + (units+k)%4
					m := e.draw(r, rows, units, gap)
					got, want := cloneMats(m), cloneMats(m)
					for _, i := range same {
						got[i], want[i] = got[same[0]], want[same[0]]
					}
					e.reference(rows, units, want)
					e.mats(isa, rows, units, got)
					if !e.compareMats(t, got, want, "%d rows of %d units, strides %d, operands %v are one", rows, units, k, same) {
						return
					}
				}
			}
		}
	})
}

// All operands are columns of one matrix, as the gates of a tape are.
func TestRowKernelsOnColumnsOfOneMatrix(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		const rows, units = 5, 21
		stride := len(e.slots)*units + 2
		data := newSource(14).values(rows*stride, moderate)
		columns := func(data []float32) (m []kernels.Mat) {
			for i := range e.slots {
				m = append(m, kernels.Mat{Data: data[i*units:], Stride: stride})
			}
			return m
		}
		got, want := append([]float32(nil), data...), append([]float32(nil), data...)
		e.reference(rows, units, columns(want))
		e.mats(isa, rows, units, columns(got))
		numtest.Equal(t, got, want, "%s", e.name)
	})
}

// Sizes around the pieces that a long call is cut into: many short rows, with and
// without gaps, rows of half a piece, and rows longer than one.
func TestRowKernelsAcrossChunks(t *testing.T) {
	const chunk = 16384
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		r := newSource(15)
		shapes := [][2]int{{chunk + 3, 1}, {1025, 16}, {331, 99}, {3, chunk/2 + 1}, {2, chunk + 1}, {1, 2*chunk + 5}}
		if testing.Short() {
			shapes = shapes[1:5]
		}
		for _, shape := range shapes {
			for k, gap := range gaps[:2] {
				m := e.draw(r, shape[0], shape[1], gap)
				got, want := cloneMats(m), cloneMats(m)
				e.reference(shape[0], shape[1], want)
				e.mats(isa, shape[0], shape[1], got)
				e.compareMats(t, got, want, "%d rows of %d units, strides %d", shape[0], shape[1], k)
			}
		}
	})
}

// What does not fit panics before anything is written, and names the operand and the
// sizes. Nothing is wrong with an operand of no rows or no units, whatever it holds.
func TestRowKernelsRefuseWrongShapes(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		const rows, units = 3, 7
		none := func(int) int { return 2 }
		for slot := range e.slots {
			for want, change := range map[string]func(m *kernels.Mat){
				"has 24 elements, too few for 3 x 7 with rows 9 apart":                                 func(m *kernels.Mat) { m.Data = m.Data[:24] },
				"has 0 elements, too few for 3 x 7 with rows 9 apart":                                  func(m *kernels.Mat) { m.Data = nil },
				"is 3 x 7 with rows 6 apart, want sizes of 0 or more and rows at least 7 apart":        func(m *kernels.Mat) { m.Stride = 6 },
				"is 3 x 7 with rows -9 apart, want sizes of 0 or more and rows at least 7 apart":       func(m *kernels.Mat) { m.Stride = -9 },
				fmt.Sprintf("has 25 elements, too few for 3 x 7 with rows %d apart", int(^uint(0)>>1)): func(m *kernels.Mat) { m.Stride = int(^uint(0) >> 1) },
			} {
				m := e.draw(newSource(16), rows, units, none)
				change(&m[slot])
				before := cloneMats(m)
				message := panics(func() { e.mats(isa, rows, units, m) })
				if !strings.HasPrefix(message, "kernels: "+e.name+": ") || !strings.HasSuffix(message, want) {
					t.Errorf("%s, operand %d: %q, want a panic that ends in %q", e.name, slot, message, want)
				}
				e.compareMats(t, m, before, "operand %d: written before the panic", slot)
			}
			// One row has checks of its own.
			for want, change := range map[string]func(m *kernels.Mat){
				"has 6 elements, too few for 1 x 7 with rows 9 apart":                           func(m *kernels.Mat) { m.Data = m.Data[:6] },
				"is 1 x 7 with rows 6 apart, want sizes of 0 or more and rows at least 7 apart": func(m *kernels.Mat) { m.Stride = 6 },
			} {
				m := e.draw(newSource(16), 1, units, none)
				change(&m[slot])
				if message := panics(func() { e.mats(isa, 1, units, m) }); !strings.HasPrefix(message, "kernels: "+e.name+": ") || !strings.HasSuffix(message, want) {
					t.Errorf("%s, operand %d: %q, want a panic that ends in %q", e.name, slot, message, want)
				}
			}
		}
		m := e.draw(newSource(16), rows, units, none)
		for _, shape := range [][2]int{{-1, 2}, {2, -1}, {1, -1}} {
			if panics(func() { e.mats(isa, shape[0], shape[1], m) }) == "" {
				t.Errorf("%s accepts %d rows of %d units", e.name, shape[0], shape[1])
			}
		}
		for _, shape := range [][2]int{{0, 3}, {3, 0}, {1, 0}, {0, 0}} {
			empty := make([]kernels.Mat, len(e.slots))
			for i := range empty {
				empty[i].Stride = 3
			}
			if message := panics(func() { e.mats(isa, shape[0], shape[1], empty) }); message != "" {
				t.Errorf("%s with %d rows of %d units: %s", e.name, shape[0], shape[1], message)
			}
		}
	})
}

func TestRowKernelsAllocateNothing(t *testing.T) {
	eachRowKernel(t, func(t *testing.T, isa kernels.ISA, e element) {
		m := e.draw(newSource(17), 4, 33, gaps[1])
		if n := testing.AllocsPerRun(10, func() { e.mats(isa, 4, 33, m) }); n != 0 {
			t.Errorf("%s allocates %v times", e.name, n)
		}
	})
}
