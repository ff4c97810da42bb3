package onnx

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A stepCell is a cell of one step, in a graph that has the steps of a layer one after another.
type stepCell struct {
	*cell
	out *expr // h'
	key string
}

// maxCandidates is how many exprs are tried as the state that a cell reads, and maxSeen in
// how many of those before it they are looked for.
const maxCandidates, maxSeen = 4, 256

// maxWork is how many elements of matrices are compared, for each that the file may have.
const maxWork = 64

// unroll looks for layers among the formulas, and gives what computes their steps the values
// of these.
func (im *importer) unroll(g *pb.GraphProto) (found bool, err error) {
	if im.cells == nil {
		im.cells, im.tried = map[*expr]*stepCell{}, map[*expr]bool{}
	}
	named := map[*expr][]string{}
	var order []*stepCell
	for _, n := range g.Node {
		for _, name := range n.Output {
			v, ok := im.values[name]
			if !ok || v.e == nil || v.settled || im.maker[name] != n {
				continue
			}
			e := v.e.e
			if named[e] = append(named[e], name); len(named[e]) > 1 {
				continue
			}
			if !im.tried[e] && im.names[e] != "" {
				im.tried[e] = true
				im.cells[e] = im.cellOf(e)
			}
			if c := im.cells[e]; c != nil {
				order = append(order, c)
			}
		}
	}
	follows := map[*stepCell]*stepCell{} // the step before
	isBefore := map[*stepCell]bool{}
	for _, c := range order {
		p := im.cells[c.h]
		if p == nil || p.kind != c.kind || p.c != nil && p.next != c.c || p.x.seq != c.x.seq {
			continue
		}
		if p.key != c.key {
			im.because(c, "a step of a layer that is written as its steps, whose weights or operators are not those of the step before, %q", im.names[p.out])
			continue
		}
		follows[c], isBefore[p] = p, true
	}
	for _, c := range order {
		if isBefore[c] {
			continue
		}
		chain := []*stepCell{c}
		for p := follows[c]; p != nil; p = follows[p] {
			chain = append(chain, p)
		}
		slices.Reverse(chain)
		ok, err := im.chained(chain, named)
		if err != nil {
			return found, err
		}
		found = found || ok
	}
	return found, nil
}

// because keeps the first reason why a graph is no network that lies in steps of a layer.
func (im *importer) because(c *stepCell, format string, values ...any) {
	if im.why == nil {
		im.why = &NodeError{Node: im.names[c.out], Op: c.kind + " as its steps", Reason: fmt.Sprintf(format, values...)}
	}
}

// cellOf recognises an expr as the h of a step, nil if it is none.
func (im *importer) cellOf(e *expr) *stepCell {
	if e.op != ofFunction && e.op != ofSum && e.op != ofTimes {
		return nil
	}
	for _, h := range before(e) {
		for _, c := range cellStates(e) {
			m, err := match(e, h, c, nil)
			if err != nil {
				continue
			}
			if im.work += m.cost(); im.work > maxWork*im.most {
				return nil // parts of matrices that overlap, many times over
			}
			return &stepCell{m, e, m.key()}
		}
	}
	return nil
}

// before returns exprs that may be the state that e is computed from: what is multiplied by
// the nearest matrices.
func before(e *expr) (list []*expr) {
	open, seen := []*expr{e}, map[*expr]bool{e: true}
	for i := 0; i < len(open) && i < maxSeen && len(list) < maxCandidates; i++ {
		at := open[i]
		if at.op == ofProduct {
			if at.a.op != ofStep && !slices.Contains(list, at.a) {
				list = append(list, at.a)
			}
			continue
		}
		for _, next := range []*expr{at.a, at.b} {
			if next != nil && !seen[next] {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return list
}

// cellStates returns exprs that may be the c that an LSTM's e = o*f(c') is computed from, nil
// for none: the factors of c' that are no gates.
func cellStates(e *expr) []*expr {
	list := []*expr{nil}
	if e.op != ofTimes {
		return list
	}
	for _, f := range []*expr{e.a, e.b} {
		if f.op != ofFunction || f.a.op != ofSum {
			continue
		}
		for _, t := range []*expr{f.a.a, f.a.b} {
			if t.op != ofTimes {
				continue
			}
			for _, c := range []*expr{t.a, t.b} {
				if c.op != ofFunction {
					list = append(list, c)
				}
			}
		}
	}
	return list
}

// chained makes a layer of steps, if they are all steps of a sequence in order.
func (im *importer) chained(chain []*stepCell, named map[*expr][]string) (bool, error) {
	first, last := chain[0], chain[len(chain)-1]
	seq := first.x.seq
	n, fixed := seq.time.size.value()
	if !fixed || n < 2 {
		return false, nil
	}
	if seq.of != allSteps {
		im.because(first, "a layer that is written as its steps, over some steps of a sequence; a chain has the same steps everywhere")
		return false, nil
	}
	direction := 1
	if len(chain) > 1 && chain[1].x.t < first.x.t || len(chain) == 1 && first.x.t == 0 {
		direction = -1
	}
	at := func(i int) int { // the step of the sequence that step i of the layer reads
		if direction < 0 {
			return int(n) - 1 - i
		}
		return i
	}
	skipped := int(n) - len(chain) // the first step may have been simplified
	var outs []*expr               // as many as there are nodes, whatever size an axis is declared to have
	if skipped == 1 {
		outs = append(outs, first.h)
	}
	for i, c := range chain {
		outs = append(outs, c.out)
		if skipped != 0 && skipped != 1 || c.x.t != at(i+skipped) {
			if len(chain) > 1 {
				im.because(c, "a step of a layer that is written as its steps, of which %d are found, one after another, in a sequence of %d; this one reads step %d", len(chain), n, c.x.t)
			}
			return false, nil
		}
	}
	for _, e := range append(outs, last.next) {
		for _, name := range named[e] {
			if !seq.fits(im.values[name].e.sizes) {
				im.because(last, "a layer that is written as its steps, with other rows than those of its input")
				return false, nil
			}
		}
	}
	var start [2][]float32
	if skipped == 1 {
		if ok, err := im.fromZero(first, at(0)); !ok || err != nil {
			if len(chain) > 1 {
				im.because(first, "a step of a layer that is written as its steps, before which %q is not the first step, from a state of zeros, with the same weights", im.names[first.h])
			}
			return false, nil
		}
	} else {
		for k, e := range []*expr{first.h, first.c} {
			if e == nil {
				continue
			}
			if e.op != ofConstant {
				im.because(first, "the first step of a layer that is written as its steps, which begins with a state that is no constant")
				return false, nil
			}
			if slices.ContainsFunc(e.data, func(x float32) bool { return x != 0 }) {
				start[k] = spread(e.data, e.width)
			}
		}
	}
	r, err := last.operator(im, im.names[last.out])
	if err != nil {
		return false, err
	}
	r.h, r.c = initial{learned: start[0], rows: -1, batch: -1}, initial{learned: start[1], rows: -1, batch: -1}
	x := seq.view()
	x.flip = seq.flip != (direction < 0)
	in, err := im.sequence(r, x, 0)
	if err != nil {
		im.because(last, "%v", err)
		return false, nil
	}
	values := im.placed(r, in, x, 0)
	seq.node, seq.flip = r.node, x.flip
	settle := func(e *expr, step *expr, states *view) {
		for _, name := range named[e] {
			v := value{settled: true}
			if f := im.values[name].e; step != nil {
				v.e = f.like(step)
			}
			if states != nil {
				v.v = seq.states(states, im.values[name].e.sizes)
			}
			im.values[name] = v
		}
	}
	for i, e := range outs {
		var states *view
		if i == len(outs)-1 {
			states = values[1].v
		}
		settle(e, im.stepExpr(seq, i), states)
	}
	if last.next != nil {
		settle(last.next, nil, values[2].v)
	}
	return true, nil
}

// view is the whole sequence, [time][batch][width].
func (s steps) view() *view {
	var batch []atom
	if s.rows {
		batch = []atom{s.batch}
	}
	return (&view{flip: s.flip, source: source{node: s.node, step: s.of}}).like([][]atom{{s.time}, batch, {feature(s.node.width, 1)}})
}

// fits says whether the axes of a formula, but for the last, are of size 1 or the rows of s.
func (s steps) fits(sizes []sym) bool {
	for _, size := range sizes[:len(sizes)-1] {
		if !size.is(1) && !(s.rows && size == s.batch.size) {
			return false
		}
	}
	return true
}

// states gives final states, [1][batch][width], axes of the given sizes.
func (s steps) states(v *view, sizes []sym) *view {
	dims := make([][]atom, len(sizes))
	for i, size := range sizes[:len(sizes)-1] {
		if !size.is(1) {
			dims[i] = v.dims[1]
		}
	}
	dims[len(sizes)-1] = v.dims[2]
	return v.like(dims)
}

// fromZero says whether the step before c is the same cell of a state of zeros, at step t.
func (im *importer) fromZero(c *stepCell, t int) (bool, error) {
	s := &substitution{im, map[*expr]*expr{c.h: im.number(0, c.h.width)}, t, 512}
	pairs := [][2]*expr{{c.h, c.out}}
	if c.c != nil {
		s.of[c.c] = im.number(0, c.c.width)
		pairs = append(pairs, [2]*expr{c.c, c.next})
	}
	for _, p := range pairs {
		want, err := s.put(p[1])
		if err != nil {
			return false, err
		}
		keys := newPolynomials(nil)
		if same, err := keys.same(p[0], want); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// A substitution puts exprs in the place of others, and steps in the place of others.
type substitution struct {
	im   *importer
	of   map[*expr]*expr
	t    int
	left int
}

func (s *substitution) put(e *expr) (*expr, error) {
	if to, ok := s.of[e]; ok {
		return to, nil
	}
	if s.left--; s.left < 0 {
		return nil, errLarge
	}
	out := *e
	if e.op == ofStep {
		out.t = s.t
	}
	for _, p := range []**expr{&out.a, &out.b} {
		if *p == nil {
			continue
		}
		to, err := s.put(*p)
		if err != nil {
			return nil, err
		}
		*p = to
	}
	s.of[e] = s.im.same(out)
	return s.of[e], nil
}

// stacked reads a Concat of the steps of a sequence, in order or from the last to the first:
// the sequence itself.
func (c *call) stacked() (*view, bool) {
	if c.n.GetOpType() != "Concat" || len(c.in) < 2 || c.in[0].e == nil {
		return nil, false
	}
	first := c.in[0].e
	axis, err := axisOf(c.int("axis", 0), len(first.sizes))
	last := len(first.sizes) - 1
	if err != nil || c.err != nil || axis == last || first.e.op != ofStep {
		return nil, false
	}
	seq, n := first.e.seq, len(c.in)
	if size, ok := seq.time.size.value(); !ok || size != int64(n) || first.e.t != 0 && first.e.t != n-1 {
		return nil, false
	}
	backward := first.e.t != 0
	for i, v := range c.in {
		t := i
		if backward {
			t = n - 1 - i
		}
		if v.e == nil || v.e.e != c.im.stepExpr(seq, t) || !slices.Equal(v.e.sizes, first.sizes) || !v.e.sizes[axis].is(1) || v.e.e.width != seq.node.width {
			return nil, false
		}
	}
	whole := seq.view()
	dims := make([][]atom, len(first.sizes))
	for i, size := range first.sizes[:last] {
		if !size.is(1) {
			dims[i] = whole.dims[1]
		}
	}
	dims[axis], dims[last] = whole.dims[0], whole.dims[2]
	whole.flip = seq.flip != backward
	return whole.like(dims), true
}
