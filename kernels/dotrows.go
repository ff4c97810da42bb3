package kernels

import (
	"math"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

const (
	// dotRowsCols is how many columns the rows of one call of assembly have at most, which
	// cannot be preempted. Longer rows are multiplied one by one.
	dotRowsCols = 4096
	// dotRowsRows is how many rows are multiplied at a time, at most.
	dotRowsRows = 64
	// dotRowsElements is how many elements one call of assembly takes.
	dotRowsElements = 1 << 14
)

// minusZeros is what fills up a block: a product of +0 and -0 changes no lane.
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
	case t == Scalar:
		ref.DotRows(dst, a.Data, a.Stride, x)
	case len(x) == 0:
		clear(dst)
	case len(x) > dotRowsCols:
		for r := range dst {
			dst[r] = t.Dot(a.Data[r*a.Stride:][:len(x)], x)
		}
	default:
		t.dotRows(dst, a, x)
	}
}

// dotRows is DotRows by assembly, which takes groups of rows. Where less than a group is left
// each row of it is given for all of a group.
func (t ISA) dotRows(dst []float32, a Mat, x []float32) {
	var (
		quads [4 * dotRowsRows]float32
		room  [tile.DotRowsRoom]float32
		rest  [ref.Lanes]float32
	)
	whole := len(x) &^ (ref.Lanes - 1)
	if whole < len(x) {
		rest = minusZeros
		copy(rest[:], x[whole:])
	}
	group := tilings[t].Lanes / 4
	most := min(max(group, dotRowsElements/len(x)&^(group-1)), dotRowsRows)
	for r := 0; r < len(dst); {
		n, stride := min(most, (len(dst)-r)&^(group-1)), a.Stride
		groups := n / group
		if n == 0 {
			n, stride, groups = 1, 0, 1
		}
		runDotRows(t, &quads[0], &room[0], &a.Data[r*a.Stride], &x[0], &rest[0], groups, 4*stride, len(x))
		for i := range dst[r : r+n] {
			q := quads[4*i:][:4]
			dst[r+i] = (q[0] + q[2]) + (q[1] + q[3])
		}
		r += n
	}
}

// DotRows is [ISA.DotRows] on the current tier.
func DotRows(dst []float32, a Mat, x []float32) { Current().DotRows(dst, a, x) }
