package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A formula is what nodes compute of single steps: a vector for each row of the batch. The
// nodes of a cell that is written without the operators LSTM, GRU and RNN become formulas,
// and match recognises the cell in them.
type formula struct {
	sizes []sym // of the axes; the last counts elements, of the others at most one is not 1: rows
	e     *expr
}

// An expr is a vector, by what it is computed from. Parts of vectors are parts of what they
// are computed from, so that it makes no difference whether gates have matrices of their own,
// and where the graph takes them apart. Exprs that are the same are one: they can be compared
// with ==.
type expr struct {
	id    int // in the order in which they were made
	op    exprOp
	width int
	from  int // the first element: of a step, a state, or the rows of a matrix

	seq   steps // of ofStep
	t     int   // which step; -1 for the one that a loop is at
	state int   // of ofState: which of a loop
	count int64 // of ofCount: less the number of the loop's step

	data []float32  // of ofConstant: one for each element, or one for all
	m    *matrix    // of ofProduct: m*a
	f    activation // of ofFunction: f(a)
	a, b *expr      // of ofSum: a+b; of ofTimes: a*b by elements
}

type exprOp uint8

const (
	ofStep exprOp = iota
	ofPast
	ofConstant
	ofProduct
	ofFunction
	ofSum
	ofTimes
	ofPair  // the elements of a, then those of b
	ofMin   // the smaller of an element of a and a number, whose bits are the state
	ofCount // the integer that counts the steps of a loop
)

// steps are a sequence of which formulas take single steps.
type steps struct {
	node        *node
	flip        bool
	time, batch atom
	rows        bool // there is an axis of rows: batch
	of          step // all steps of the node, or some: those of time
}

// An activation is a function of elements.
type activation struct {
	name string // with its parameters
	of   rnn.Activation
}

// A matrix is a constant, [out][in] if byOut, else [in][out], of which columns from first on
// count.
type matrix struct {
	data          []float32
	out, in       int // of data
	byOut         bool
	first, inputs int
	sum           map[[2]int]string // of its rows, once it is needed
}

func (m *matrix) at(o, i int) float32 {
	if i += m.first; m.byOut {
		return m.data[o*m.in+i]
	}
	return m.data[i*m.out+o]
}

// rows returns so many rows, [rows][inputs].
func (m *matrix) rows(from, count int) []float32 {
	w := make([]float32, 0, count*m.inputs)
	for o := from; o < from+count; o++ {
		for i := range m.inputs {
			w = append(w, m.at(o, i))
		}
	}
	return w
}

// hash identifies rows by what they contain.
func (m *matrix) hash(from, count int) string {
	if s, ok := m.sum[[2]int{from, count}]; ok {
		return s
	}
	if m.sum == nil {
		m.sum = map[[2]int]string{}
	}
	s := fmt.Sprintf("%d %s", m.inputs, hashOf(m.rows(from, count)))
	m.sum[[2]int{from, count}] = s
	return s
}

func hashOf(w []float32) string {
	h := sha256.New()
	var b [4]byte
	for _, v := range w {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		h.Write(b[:])
	}
	return string(h.Sum(nil))
}

// An exprKey is an expr whose slices are addresses.
type exprKey struct {
	op          exprOp
	width, from int
	seq         steps
	t, state    int
	count       int64
	data        *float32
	uniform     bool
	m           *matrix
	function    string
	a, b        *expr
}

// same returns the one expr that is like e.
func (im *importer) same(e expr) *expr {
	key := exprKey{op: e.op, width: e.width, from: e.from, seq: e.seq, t: e.t, state: e.state, count: e.count, m: e.m, function: e.f.name, a: e.a, b: e.b}
	if len(e.data) > 0 {
		key.data, key.uniform = &e.data[0], len(e.data) == 1 && e.width != 1
	}
	if im.exprs == nil {
		im.exprs = map[exprKey]*expr{}
	}
	if old := im.exprs[key]; old != nil {
		return old
	}
	e.id = len(im.exprs)
	im.exprs[key] = &e
	return &e
}

// errFormula is the reason of a node that is no part of a cell.
var errFormula = refuse("it is no part of a recurrent layer that this package knows")

// errFormulas is that of a graph with too many parts of parts.
var errFormulas = refuse("the steps of layers that this graph has are taken apart in more ways than there are nodes for")

// part returns elements lo to hi of e.
func (im *importer) part(e *expr, lo, hi int) *expr {
	if lo == 0 && hi == e.width {
		return e
	}
	key := partKey{e, lo, hi}
	if p := im.parts[key]; p != nil {
		return p
	}
	p := im.newPart(e, lo, hi)
	if im.parts == nil {
		im.parts = map[partKey]*expr{}
	}
	im.parts[key] = p
	return p
}

// A partKey is a part of an expr.
type partKey struct {
	of     *expr
	lo, hi int
}

func (im *importer) newPart(e *expr, lo, hi int) *expr {
	out := *e
	out.width = hi - lo
	switch e.op {
	case ofStep, ofPast, ofProduct:
		out.from += lo
	case ofPair:
		w := e.a.width
		switch {
		case hi <= w:
			return im.part(e.a, lo, hi)
		case lo >= w:
			return im.part(e.b, lo-w, hi-w)
		}
		return im.pairOf(im.part(e.a, lo, w), im.part(e.b, 0, hi-w))
	case ofConstant:
		if len(e.data) > 1 {
			out.data = e.data[lo:hi]
		}
	default:
		if out.a = im.part(e.a, lo, hi); e.b != nil {
			out.b = im.part(e.b, lo, hi)
		}
	}
	return im.same(out)
}

func (im *importer) sumOf(a, b *expr) *expr {
	return im.same(expr{op: ofSum, width: a.width, a: a, b: b})
}

func (im *importer) timesOf(a, b *expr) *expr {
	return im.same(expr{op: ofTimes, width: a.width, a: a, b: b})
}

func (im *importer) pairOf(a, b *expr) *expr {
	return im.same(expr{op: ofPair, width: a.width + b.width, a: a, b: b})
}

func (im *importer) number(x float32, width int) *expr {
	if im.numbers == nil {
		im.numbers = map[uint32][]float32{}
	}
	bits := math.Float32bits(x)
	if im.numbers[bits] == nil {
		im.numbers[bits] = []float32{x}
	}
	return im.same(expr{op: ofConstant, width: width, data: im.numbers[bits]})
}

// productOf is a matrix times e; of vectors side by side, each has its columns of it.
func (im *importer) productOf(m *matrix, e *expr) *expr {
	if e.op == ofPair {
		return im.sumOf(im.productOf(im.columns(m, 0, e.a.width), e.a), im.productOf(im.columns(m, e.a.width, e.b.width), e.b))
	}
	return im.same(expr{op: ofProduct, width: m.out, m: m, a: e})
}

// columns are some columns of a matrix.
func (im *importer) columns(m *matrix, first, inputs int) *matrix {
	type key struct {
		of            *matrix
		first, inputs int
	}
	if p := im.matrices[key{m, first, inputs}]; p != nil {
		return p
	}
	p := *m
	p.first, p.inputs, p.sum = m.first+first, inputs, nil
	im.matrices[key{m, first, inputs}] = &p
	return &p
}

// matrixOf is a constant of two axes, [in][out], or [out][in] if byOut.
func (im *importer) matrixOf(k *constant, byOut bool) (*matrix, error) {
	type key struct {
		k     *constant
		byOut bool
	}
	if im.matrices == nil {
		im.matrices = map[any]*matrix{}
	}
	if m := im.matrices[key{k, byOut}]; m != nil {
		return m, nil
	}
	w, err := k.whole(im.most)
	if err != nil {
		return nil, err
	}
	if !w.float || len(w.have) != 2 || w.count() == 0 {
		return nil, errFormula
	}
	m := &matrix{data: w.f, in: w.have[0], out: w.have[1], byOut: byOut}
	if byOut {
		m.out, m.in = m.in, m.out
	}
	m.inputs = m.in
	im.matrices[key{k, byOut}] = m
	return m, nil
}

// formulaOf returns a value as a formula.
func (im *importer) formulaOf(v value) (*formula, error) {
	switch {
	case v.e != nil:
		return v.e, nil
	case v.k != nil:
		return im.constantFormula(v.k)
	case v.v != nil && v.v.port != nil:
		return im.entry(v.v)
	}
	return nil, errFormula
}

// constantFormula reads a constant that is the same for all rows.
func (im *importer) constantFormula(k *constant) (*formula, error) {
	if !k.float || len(k.f) == 0 {
		return nil, errFormula
	}
	width := 1
	sizes := k.dims
	if len(sizes) == 0 {
		sizes = []sym{known(1)}
	}
	last := len(sizes) - 1
	if n, ok := sizes[last].value(); ok && n > 0 && n < math.MaxInt32 {
		width = int(n)
	} else {
		return nil, errFormula
	}
	if err := oneOfRows(sizes); err != nil {
		return nil, err
	}
	n := 1 // elements that are kept of a row
	if len(k.have) > 0 {
		n = k.have[len(k.have)-1]
	}
	for i, x := range k.f {
		if math.Float32bits(x) != math.Float32bits(k.f[i%n]) {
			return nil, refuse("a constant that differs between rows of the batch")
		}
	}
	if n == 1 && width > 1 {
		return &formula{sizes, im.number(k.f[0], width)}, nil
	}
	return &formula{sizes, im.same(expr{op: ofConstant, width: width, data: k.f[:n]})}, nil
}

// oneOfRows returns an error if several axes before the last are not of size 1.
func oneOfRows(sizes []sym) error {
	n := 0
	for _, s := range sizes[:len(sizes)-1] {
		if !s.is(1) {
			n++
		}
	}
	if n > 1 || len(sizes) > maxRank {
		return errFormula
	}
	return nil
}

// like is a formula of another vector with the axes of f.
func (f *formula) like(e *expr) *formula {
	sizes := slices.Clone(f.sizes)
	sizes[len(sizes)-1] = known(int64(e.width))
	return &formula{sizes, e}
}

// stepOf is step t of a view, an entry of an axis of it. What a Linear gives is its matrix
// times what it reads.
func (im *importer) stepOf(v *view, axis, t int) (*formula, error) {
	v, err := im.vectors(v)
	if err != nil {
		return nil, err
	}
	d := v.dims[axis]
	last := len(v.dims) - 1
	if len(d) != 1 || d[0].kind != ofSequence || v.step.one() || v.node.part != nil || v.node.width == 0 || axis == last || !v.onlyFeaturesIn(last) || !v.inOrder() {
		return nil, errFormula
	}
	s := steps{node: v.node, flip: v.flip, time: d[0], of: v.step}
	sizes, err := v.sizes()
	if err != nil {
		return nil, err
	}
	for i, d := range v.dims[:last] {
		if i == axis || len(d) == 0 {
			continue
		}
		if len(d) > 1 || s.rows {
			return nil, errFormula
		}
		s.rows, s.batch = true, d[0]
	}
	sizes = slices.Clone(sizes)
	sizes[axis] = known(1)
	return &formula{sizes, im.stepExpr(s, t)}, nil
}

func (im *importer) stepExpr(s steps, t int) *expr {
	l := linearOf(s.node)
	if l == nil {
		return im.same(expr{op: ofStep, width: s.node.width, seq: s, t: t})
	}
	if im.matrices == nil {
		im.matrices = map[any]*matrix{}
	}
	m := im.matrices[l]
	if m == nil {
		m = &matrix{data: l.Weight, out: l.Out, in: l.In, byOut: true, inputs: l.In}
		im.matrices[l] = m
	}
	s.node = s.node.parent
	e := im.productOf(m, im.same(expr{op: ofStep, width: s.node.width, seq: s, t: t}))
	if l.Bias != nil {
		e = im.sumOf(e, im.same(expr{op: ofConstant, width: e.width, data: l.Bias}))
	}
	return e
}

// linearOf is the stage of a node that is a product with a matrix, nil for another.
func linearOf(n *node) *nn.Linear {
	if n.parent == nil || n.parent.width == 0 || n.parent.part != nil {
		return nil
	}
	l, _ := n.stage.(*nn.Linear)
	return l
}
