package kernels

import (
	"math"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

const (
	// dotRowsCols is how many columns the rows of one call of assembly have at most, which
	// cannot be preempted. Longer rows are multiplied one by one, as less rows than a group are.
	dotRowsCols = 4096
	// dotRowsRows is how many rows are multiplied at a time, at most.
	dotRowsRows = 32
	// dotRowsElements is how many elements one call of assembly takes.
	dotRowsElements = 1 << 14
)

// minusZeros is what the assembly multiplies +0 by where a row ends inside a vector: to add the
// product, -0, changes no lane.
var minusZeros = func() (z [ref.Lanes]float32) {
	for j := range z {
		z[j] = float32(math.Copysign(0, -1))
	}
	return z
}()

// DotRows sets dst[r] to [ISA.Dot] of row r of a and x, with the same bits and, where rows are
// short, in less time: a has len(dst) rows of len(x) elements, dst gets 0 where x has none. dst
// must not be memory of a or x.
func (t ISA) DotRows(dst []float32, a Mat, x []float32) {
	t.need()
	checkMat("DotRows", "a", len(dst), len(x), a)
	switch {
	case len(x) == 0:
		clear(dst)
	case t == Scalar || len(x) > dotRowsCols || len(dst) < tilings[t].Lanes/4:
		for r := range dst {
			dst[r] = t.Dot(a.Data[r*a.Stride:][:len(x)], x)
		}
	default:
		t.dotRows(dst, a, x)
	}
}

// dotRows is DotRows by assembly, which takes groups of rows. Where less than a group is left, the
// last group is that of the last rows: some are computed again.
func (t ISA) dotRows(dst []float32, a Mat, x []float32) {
	var (
		quads [4 * dotRowsRows]float32
		room  [tile.DotRowsRoom]float32
	)
	group := tilings[t].Lanes / 4
	most := min(max(group, dotRowsElements/len(x)&^(group-1)), dotRowsRows)
	for r := 0; r < len(dst); {
		r = min(r, len(dst)-group)
		n := min(most, (len(dst)-r)&^(group-1))
		runDotRows(t, &quads[0], &room[0], at(a.Data, r*a.Stride), &x[0], &minusZeros[0], n/group, 4*a.Stride, len(x))
		for i := range dst[r : r+n] {
			dst[r+i] = ref.Quad(quads[4*i:])
		}
		r += n
	}
}

// dotRow is Dot by assembly, for up to dotRowsElements elements.
func (t ISA) dotRow(x, y []float32) float32 {
	var sum [ref.Lanes / 4]float32
	runDotRow(t, &sum[0], &x[0], &y[0], &minusZeros[0], len(x))
	return ref.Tree(sum[:tilings[t].Lanes])
}

// DotRows is [ISA.DotRows] on the current tier.
func DotRows(dst []float32, a Mat, x []float32) { Current().DotRows(dst, a, x) }
