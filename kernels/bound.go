package kernels

import (
	"fmt"
	"unsafe"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
)

// A Bound is a product by a packed matrix whose operands stay where they are, as those of a
// step that is made again and again: what [Packed.Gemm] checks and works out in each call is
// done once, by [Packed.Bind]. In a step of a small network that takes longer than the
// arithmetic. One goroutine may use it at a time, and none may pack the matrix meanwhile.
type Bound struct {
	p    *Packed
	into Into
	m    int
	a    []float32
	lda  int
	bias []float32
	c    []float32
	ldc  int

	// The tiles in both orders; nil where Gemm works everything out: for more rows than a tile
	// has, for chains longer than one call of it takes, and on the scalar tier.
	up, down []laidTile
}

// A laidTile is one call of the assembly: a tile of so many vectors, and its operands.
type laidTile struct {
	vecs int
	args tile.Args
}

// A layout takes the tiles of a product, in order, as far as there is room for them.
type layout struct {
	tiles []laidTile
	n     int // how many came
}

// put adds a tile. Its operands are copied as words: else the compiler would take every product
// for one that keeps them, and move the arrays of all callers from their stacks to the heap.
//
// So the garbage collector does not see these pointers being stored. That is right only because
// whatever they point into is held by the Bound before the first tile is put, and as long as it
// has tiles: a, bias, c and p, whose panels stay. What else they point to, zeros, is never freed.
func (l *layout) put(vecs int, t *tile.Args) {
	if l.n < len(l.tiles) {
		to := &l.tiles[l.n]
		to.vecs = vecs
		*(*words)(unsafe.Pointer(&to.args)) = *(*words)(unsafe.Pointer(t))
	}
	l.n++
}

type words [unsafe.Sizeof(tile.Args{}) / unsafe.Sizeof(uintptr(0))]uintptr

// Words make up all of a tile's operands.
const _ = -(unsafe.Sizeof(tile.Args{}) - unsafe.Sizeof(words{}))

// Bind prepares the product of the m x k matrix A by p: C[m][n] = A P, set, added to or
// continued as into says, or with a bias, which goes with Set alone, C = bias + A P. bias is
// nil without one. The Bound keeps a, bias, c and p, and reads them as they are when its Gemm
// is called. Bind panics as [Packed.Gemm] and [Packed.GemmBias] do, and for [FromLast], which
// is said to the Gemm of the Bound.
func (p *Packed) Bind(into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc int) *Bound {
	const op = "Packed.Bind"
	if bias != nil {
		p.needBias(op, bias)
		if into != Set {
			panic(fmt.Sprintf("kernels: Packed.Bind: Into(%d) and a bias, want Set: chains that start at a bias neither continue nor add to what is in C", uint8(into)))
		}
	}
	p.check(op, m, a, lda, c, ldc)
	into.flags()
	b := &Bound{p: p, into: into, m: m, a: a, lda: lda, bias: bias, c: c, ldc: ldc}
	if p.fitsOneTile(m) {
		b.up, b.down = b.lay(0), b.lay(FromLast)
	}
	return b
}

// lay returns the tiles of the product in one of the two orders of columns.
func (b *Bound) lay(order Into) []laidTile {
	var l layout
	for range 2 { // the first time they are counted
		l = layout{tiles: make([]laidTile, l.n)}
		b.p.groupwise(b.into|order, b.m, b.a, b.lda, b.bias, b.c, b.ldc, 0, b.p.cols, &l)
	}
	return l.tiles
}

// Bytes returns the size of what Bind has allocated.
func (b *Bound) Bytes() int {
	return int(unsafe.Sizeof(*b)) + (cap(b.up)+cap(b.down))*int(unsafe.Sizeof(laidTile{}))
}

// Gemm makes the product, with the bits of [Packed.Gemm]. order is 0, or [FromLast] if the
// last columns come first.
func (b *Bound) Gemm(order Into) {
	if order&^FromLast != 0 {
		panic(fmt.Sprintf("kernels: Bound.Gemm: Into(%d), want 0 or FromLast: what is done to C was said to Bind", uint8(order)))
	}
	p := b.p
	tiles := b.up
	if order&FromLast != 0 {
		tiles = b.down
	}
	if tiles == nil {
		p.gemm("Bound.Gemm", b.into|order&FromLast, b.m, b.a, b.lda, b.bias, b.c, b.ldc, 0, p.cols)
		return
	}
	for i := range tiles {
		t := &tiles[i]
		runTile(p.isa, b.m, t.vecs, &t.args)
	}
}
