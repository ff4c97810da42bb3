package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/rnn"
)

// A cell is one step of an LSTM, GRU or RNN, recognised in formulas:
//
//	RNN   h' = f(Wx + Rh + b)
//	LSTM  c' = F*c + I*G, h' = O*g(c'), with gates F, I, O = f(Wx + Rh + b) and G of another f
//	GRU   h' = Z*h + N - Z*N or h + Z*N - Z*h, with gates Z and S,
//	      N = f(Wx + S*(Rh + b') + b) or f(Wx + R(S*h) + b)
//
// Sums and products may be written in any way: what is compared are polynomials.
type cell struct {
	kind     string
	gates    []gate // in the order of the operator
	last     activation
	before   bool // the reset is before the product with R
	textbook bool // h is mixed by 1-z

	x    *expr // the step of the sequence
	h, c *expr // the state of the step before; c of an LSTM
	next *expr // c'
}

// A gate is f(Wx + Rh + b), with the bias of R apart where that makes a difference.
type gate struct {
	f          activation
	w, r       *expr // products; nil for none
	bias, also []float32
}

// A matcher recognises the cell of a step.
type matcher struct {
	*polynomials
	cell
	hidden int
}

// match returns the cell that computes out of the state h, and c where it is not nil. next is
// the next c; nil for what out itself takes it from.
func match(out, h, c, next *expr) (*cell, error) {
	cuts := map[*expr]string{h: "h"}
	if c != nil && c != h {
		cuts[c] = "c"
	}
	m := &matcher{newPolynomials(cuts), cell{h: h, c: c, next: next}, out.width}
	if h.width != m.hidden || c != nil && c.width != m.hidden {
		return nil, errFormula
	}
	terms, err := m.of(out)
	if err != nil {
		return nil, err
	}
	switch {
	case c == nil && len(terms) == 1:
		err = m.rnn(terms)
	case c != nil && len(terms) == 1:
		err = m.lstm(terms)
	case c == nil && len(terms) == 3:
		err = m.gru(terms)
	default:
		err = errFormula
	}
	if err != nil {
		return nil, err
	}
	if m.x == nil || m.x.op != ofStep || m.x.from != 0 || m.x.width != m.x.seq.node.width {
		return nil, refuse("it has no part of its input, or only a part of it")
	}
	return &m.cell, nil
}

// ones says whether a term has the constant factor c everywhere.
func (p product) is(c float32) bool {
	return !slices.ContainsFunc(p.c, func(x float32) bool { return x != c })
}

// gate reads a function of a sum. The terms that other takes are none of the usual.
func (m *matcher) gate(e *expr, other func(t product, g *gate) (bool, error)) (g gate, err error) {
	if e.op != ofFunction {
		return g, errFormula
	}
	terms, err := m.of(e.a)
	if err != nil {
		return g, err
	}
	g.f = e.f
	for _, t := range terms {
		if other != nil {
			if took, err := other(t, &g); took || err != nil {
				if err != nil {
					return g, err
				}
				continue
			}
		}
		switch {
		case len(t.factors) == 0 && g.bias == nil:
			g.bias = spread(t.c, e.width)
		case len(t.factors) == 1 && t.is(1) && t.factors[0].op == ofProduct && t.factors[0].a == m.h && g.r == nil:
			g.r = t.factors[0]
		case len(t.factors) == 1 && t.is(1) && t.factors[0].op == ofProduct && t.factors[0].a.op == ofStep && g.w == nil && (m.x == nil || m.x == t.factors[0].a):
			g.w, m.x = t.factors[0], t.factors[0].a
		default:
			return g, errFormula
		}
	}
	if e.width != m.hidden || g.w == nil {
		return g, errFormula
	}
	return g, nil
}

// recurrent is gate for one that has to depend on h.
func (m *matcher) recurrent(e *expr) (gate, error) {
	g, err := m.gate(e, nil)
	if err == nil && g.r == nil {
		err = errFormula
	}
	return g, err
}

func (m *matcher) rnn(terms []product) error {
	t := terms[0]
	if !t.is(1) || len(t.factors) != 1 {
		return errFormula
	}
	g, err := m.recurrent(t.factors[0])
	m.kind, m.gates = "RNN", []gate{g}
	return err
}

func (m *matcher) lstm(terms []product) error {
	t := terms[0]
	if !t.is(1) || len(t.factors) != 2 {
		return errFormula
	}
	var sum []product
	var o, last *expr
	for i, f := range t.factors { // which of the two is the function of c'?
		if f.op != ofFunction {
			return errFormula
		}
		list, err := m.of(f.a)
		if err != nil {
			return err
		}
		if len(list) == 2 && len(list[0].factors) == 2 && len(list[1].factors) == 2 {
			last, o, sum = f, t.factors[1-i], list
		}
	}
	if last == nil {
		return errFormula
	}
	if m.next == nil {
		m.next = last.a
	}
	if m.next != last.a {
		if same, err := m.same(m.next, last.a); err != nil || !same {
			return firstOf(err, errFormula)
		}
	}
	var f, i, g *expr
	for k, t := range sum {
		at := slices.Index(t.factors, m.c)
		if !t.is(1) {
			return errFormula
		}
		if at >= 0 {
			other := sum[1-k].factors
			f, i, g = t.factors[1-at], other[0], other[1]
		}
	}
	if f == nil || f == m.c || i == m.c || g == m.c {
		return errFormula
	}
	if i.f.name != f.f.name {
		i, g = g, i
	}
	m.kind, m.last = "LSTM", last.f
	for _, e := range []*expr{i, o, f, g} {
		gate, err := m.recurrent(e)
		if err != nil {
			return err
		}
		m.gates = append(m.gates, gate)
	}
	if m.gates[0].f.name != m.gates[2].f.name || m.gates[1].f.name != m.gates[2].f.name {
		return refuse("the gates i, o and f have different activations")
	}
	return nil
}

func (m *matcher) gru(terms []product) error {
	var z, n *expr
	with := func(c float32, factors ...*expr) bool { // is there such a term?
		return slices.ContainsFunc(terms, func(t product) bool {
			if !t.is(c) || len(t.factors) != len(factors) {
				return false
			}
			return len(factors) == 1 && t.factors[0] == factors[0] ||
				len(factors) == 2 && (t.factors[0] == factors[0] && t.factors[1] == factors[1] || t.factors[0] == factors[1] && t.factors[1] == factors[0])
		})
	}
	for _, t := range terms {
		for k, f := range t.factors {
			if len(t.factors) == 2 && f == m.h && t.factors[1-k].op == ofFunction {
				z = t.factors[1-k]
			}
		}
	}
	if z == nil {
		return errFormula
	}
	for _, t := range terms {
		for _, f := range t.factors {
			if f.op == ofFunction && f != z {
				n = f
			}
		}
	}
	switch {
	case n == nil:
		return errFormula
	case with(1, z, m.h) && with(1, n) && with(-1, z, n):
	case with(1, m.h) && with(-1, z, m.h) && with(1, z, n):
		m.textbook = true
	default:
		return errFormula
	}
	gz, err := m.recurrent(z)
	if err != nil {
		return err
	}
	if m.textbook && gz.f.name != sigmoid && !(strings.HasPrefix(gz.f.name, "HardSigmoid ") && strings.HasSuffix(gz.f.name, " 0.5")) {
		return refuse("1-z of a z that is no Sigmoid and no HardSigmoid with a beta of 0.5")
	}
	var s *expr // the reset gate
	gn, err := m.gate(n, func(t product, g *gate) (bool, error) {
		switch {
		case len(t.factors) == 1 && t.factors[0].op == ofProduct && t.factors[0].a == m.h:
			return false, errFormula // Rh without s
		case len(t.factors) == 1 && t.is(1) && t.factors[0].op == ofProduct && t.factors[0].a.op != ofStep:
			// R times (s*h)
			list, err := m.of(t.factors[0].a)
			if err != nil {
				return false, err
			}
			if len(list) != 1 || !list[0].is(1) || len(list[0].factors) != 2 || g.r != nil {
				return false, errFormula
			}
			at := slices.Index(list[0].factors, m.h)
			if at < 0 {
				return false, errFormula
			}
			s, g.r, m.before = list[0].factors[1-at], t.factors[0], true
			return true, nil
		case len(t.factors) == 2 && t.is(1): // s times Rh
			for k, f := range t.factors {
				if f.op == ofProduct && f.a == m.h && g.r == nil && (s == nil || s == t.factors[1-k]) {
					s, g.r = t.factors[1-k], f
					return true, nil
				}
			}
		case len(t.factors) == 1 && t.factors[0].op == ofFunction && g.also == nil && (s == nil || s == t.factors[0]):
			s, g.also = t.factors[0], spread(t.c, n.width) // s times the bias of R
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if s == nil || gn.r == nil || m.before && gn.also != nil {
		return errFormula
	}
	gs, err := m.recurrent(s)
	if err != nil {
		return err
	}
	if gs.f.name != gz.f.name {
		return refuse("the gates z and r have different activations")
	}
	m.kind, m.gates = "GRU", []gate{gz, gs, gn}
	return nil
}

// cost is how many elements of matrices key has to read that it has not read before.
func (l *cell) cost() (n int) {
	for _, g := range l.gates {
		for _, p := range []*expr{g.w, g.r} {
			if _, ok := p.m.sum[[2]int{p.from, p.width}]; !ok {
				n += p.width * p.m.inputs
			}
		}
	}
	return n
}

// key identifies what the cell computes: that of another step is the same if it has the same.
func (l *cell) key() string {
	text := fmt.Sprintf("%s %v %v %q", l.kind, l.before, l.textbook, l.last.name)
	for _, g := range l.gates {
		text += fmt.Sprintf(" %q %q %q", g.f.name, g.w.m.hash(g.w.from, g.w.width), g.r.m.hash(g.r.from, g.r.width))
		for _, b := range [][]float32{g.bias, g.also} {
			if !slices.ContainsFunc(b, func(x float32) bool { return x != 0 }) {
				b = nil
			}
			text += fmt.Sprintf(" %q", hashOf(b))
		}
	}
	return text
}

// sigmoid is the name of the activation of which 1-z is the same function of the opposite, as it
// is of a HardSigmoid with a beta of 0.5.
const sigmoid = "Sigmoid 0 0"

// operator makes the operator that computes the cell at all steps.
func (l *cell) operator(im *importer, name string) (*recurrent, error) {
	hidden, rows := l.h.width, len(l.gates)*l.h.width
	r := &recurrent{kind: l.kind, name: name, in: l.x.width, hidden: hidden, directions: 1, textbook: l.textbook}
	if err := im.spend(rows * (r.in + hidden + 2)); err != nil {
		return nil, err
	}
	r.op = convert.ONNX{Direction: "forward", HiddenSize: hidden,
		W: convert.Tensor{Shape: []int{1, rows, r.in}}, R: convert.Tensor{Shape: []int{1, rows, hidden}}}
	biased := slices.ContainsFunc(l.gates, func(g gate) bool { return g.bias != nil || g.also != nil })
	var bias, also []float32
	for i, g := range l.gates {
		w, u := g.w.m.rows(g.w.from, hidden), g.r.m.rows(g.r.from, hidden)
		b, c := make([]float32, hidden), make([]float32, hidden)
		copy(b, g.bias)
		copy(c, g.also)
		if l.textbook && i == 0 {
			for _, list := range [][]float32{w, u, b} {
				for k := range list {
					list[k] = -list[k]
				}
			}
		}
		r.op.W.Data, r.op.R.Data = append(r.op.W.Data, w...), append(r.op.R.Data, u...)
		bias, also = append(bias, b...), append(also, c...)
	}
	if biased {
		r.op.B = convert.Tensor{Shape: []int{1, 2 * rows}, Data: append(bias, also...)}
	}
	f := []rnn.Activation{l.gates[0].f.of}
	switch l.kind {
	case "LSTM":
		f = append(f, l.gates[3].f.of, l.last.of)
	case "GRU":
		f = append(f, l.gates[2].f.of)
		if !l.before {
			r.op.LinearBeforeReset = 1
		}
	}
	r.functions = [][]rnn.Activation{f}
	return r, nil
}
