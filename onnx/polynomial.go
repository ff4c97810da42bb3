package onnx

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// key identifies what e computes, with names for some exprs: those of a cell of one step are
// the same as those of another if they have the same key.
func (p *polynomials) key(e *expr) (string, error) {
	if s, ok := p.keys[e]; ok {
		return s, nil
	}
	terms, err := p.of(e)
	if err != nil {
		return "", err
	}
	var list []string
	for _, t := range terms {
		var factors []string
		for _, f := range t.factors {
			s, err := p.factorKey(f)
			if err != nil {
				return "", err
			}
			factors = append(factors, s)
		}
		slices.Sort(factors)
		list = append(list, fmt.Sprintf("%q*%q", hashOf(spread(t.c, e.width)), factors))
	}
	slices.Sort(list)
	s := hashText(fmt.Sprint(e.width, list))
	p.keys[e] = s
	return s, nil
}

func hashText(s string) string {
	h := sha256.Sum256([]byte(s))
	return string(h[:])
}

func (p *polynomials) factorKey(f *expr) (string, error) {
	if name, ok := p.cuts[f]; ok {
		return name, nil
	}
	switch f.op {
	case ofProduct:
		a, err := p.key(f.a)
		return "product " + f.m.hash(f.from, f.width) + a, err
	case ofFunction:
		a, err := p.key(f.a)
		return "function " + f.f.name + a, err
	case ofMin:
		a, err := p.key(f.a)
		return fmt.Sprintf("min %d ", f.state) + a, err
	case ofStep:
		return fmt.Sprintf("step %p %v %v %v %v %d %d", f.seq.node, f.seq.of, f.seq.flip, f.seq.time, f.seq.batch, f.t, f.from), nil
	}
	return fmt.Sprintf("other %d %d %d", f.op, f.state, f.from), nil
}

func spread(c []float32, width int) []float32 {
	if len(c) == width {
		return c
	}
	return slices.Repeat(c[:1], width)
}

// polynomials writes exprs as sums of products: of constants and of factors, which are steps,
// states, products with matrices, and functions. Exprs in cuts are factors as they are.
type polynomials struct {
	cuts map[*expr]string
	memo map[*expr][]product
	keys map[*expr]string
	left int // exprs and terms that may still be made
}

func newPolynomials(cuts map[*expr]string) *polynomials {
	return &polynomials{cuts, map[*expr][]product{}, map[*expr]string{}, 512}
}

// A product is one term: constants, one or one for each element, times factors.
type product struct {
	c       []float32
	factors []*expr
}

var errLarge = refuse("it depends on more than one step of a recurrent layer has")

func (p *polynomials) of(e *expr) (out []product, err error) {
	if out, ok := p.memo[e]; ok {
		return out, nil
	}
	if p.left--; p.left < 0 {
		return nil, errLarge
	}
	_, cut := p.cuts[e]
	switch {
	case !cut && e.op == ofConstant:
		out = added(nil, product{c: e.data})
	case !cut && e.op == ofProduct:
		terms, err := p.of(e.a)
		if err != nil {
			return nil, err
		}
		if len(terms) > 0 { // else it is zero
			out = []product{{[]float32{1}, []*expr{e}}}
		}
	case !cut && (e.op == ofSum || e.op == ofTimes):
		a, err := p.of(e.a)
		if err != nil {
			return nil, err
		}
		b, err := p.of(e.b)
		if err != nil {
			return nil, err
		}
		if e.op == ofSum {
			out = slices.Clone(a)
			for _, t := range b {
				out = added(out, t)
			}
			break
		}
		if p.left -= len(a) * len(b); p.left < 0 {
			return nil, errLarge
		}
		for _, s := range a {
			for _, t := range b {
				factors := slices.Concat(s.factors, t.factors)
				slices.SortFunc(factors, func(a, b *expr) int { return a.id - b.id })
				out = added(out, product{elementwise(s.c, t.c, func(a, b float32) float32 { return a * b }), factors})
			}
		}
	default:
		out = []product{{[]float32{1}, []*expr{e}}}
	}
	p.memo[e] = out
	return out, nil
}

// same says whether a and b compute the same.
func (p *polynomials) same(a, b *expr) (bool, error) {
	ka, err1 := p.key(a)
	kb, err2 := p.key(b)
	return ka == kb, firstOf(err1, err2)
}

func elementwise(a, b []float32, f func(a, b float32) float32) []float32 {
	out := make([]float32, max(len(a), len(b)))
	for i := range out {
		out[i] = f(a[i%len(a)], b[i%len(b)])
	}
	return out
}

// added adds a term to a sum. Terms that are 0 are left out.
func added(sum []product, t product) []product {
	out := make([]product, 0, len(sum)+1)
	for _, s := range sum {
		if slices.Equal(s.factors, t.factors) {
			t.c = elementwise(s.c, t.c, func(a, b float32) float32 { return a + b })
		} else {
			out = append(out, s)
		}
	}
	if slices.ContainsFunc(t.c, func(x float32) bool { return x != 0 }) {
		out = append(out, t)
	}
	return out
}
