package onnx

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// A Combine is a stage whose input is two vectors of Width elements side by side, as a Parallel
// gives them, and whose output is their sum, element by element, or their product. It is what
// networks are given where a file adds or multiplies two branches: y = x[:Width] + x[Width:].
// Each operation is rounded. Backward needs x as it was.
type Combine struct {
	Width   int
	Product bool // in place of the sum
}

// Dims returns the widths, with 0 steps and rows: those of the chain are taken.
func (c *Combine) Dims() (steps, batch, in, out int) { return 0, 0, 2 * c.Width, c.Width }

// Bind makes the Combine a Net for a chain: see nn.Unsized. It returns an error if Width is
// below 1.
func (c *Combine) Bind(b *nn.Binding) (nn.Net, error) {
	if c.Width < 1 {
		return nil, fmt.Errorf("a Combine of vectors of %d elements, want at least 1", c.Width)
	}
	return &combined{Stateless: b.Stateless(c.Width), of: c}, nil
}

// combined is a Combine within one chain.
type combined struct {
	nn.Stateless
	of *Combine
	x  []float32 // of the last Forward
}

func (n *combined) Forward(y, x []float32) {
	w := n.of.Width
	n.x = x
	for at := 0; at < len(y); at += w {
		n.combine(y[at:at+w], x[2*at:2*at+w], x[2*at+w:2*at+2*w])
	}
	n.ClearPadding(y, w)
}

// combine sets dst to the sum or the product of a and b.
func (n *combined) combine(dst, a, b []float32) {
	if n.of.Product {
		kernels.Mul(dst, a, b)
	} else {
		kernels.Add(dst, a, b)
	}
}

// Backward gives both vectors dy, of a product times the other one.
func (n *combined) Backward(dx, dy []float32) {
	if dx == nil {
		return
	}
	w := n.of.Width
	for at := 0; at < len(dy); at += w {
		d, first, second := dy[at:at+w], dx[2*at:2*at+w], dx[2*at+w:2*at+2*w]
		if n.of.Product {
			kernels.Mul(first, d, n.x[2*at+w:2*at+2*w])
			kernels.Mul(second, d, n.x[2*at:2*at+w])
		} else {
			copy(first, d)
			copy(second, d)
		}
	}
	n.ClearPadding(dx, 2*w)
}

// joined is the sum or the product of what two nodes give, of vectors of the same width: a
// Combine of both side by side.
func (im *importer) joined(a, b *node, product bool) (*node, error) {
	if a.width != b.width || a.width < 1 || a.width > (1<<31-1)/2 {
		return nil, refuse("vectors of %d and of %d elements together", a.width, b.width)
	}
	base := meet(a, b)
	if base == nil {
		return nil, refuse("vectors of different inputs together")
	}
	if err := im.spend(2 * a.width); err != nil {
		return nil, err
	}
	both := newNode(base, 2*a.width, im.at)
	both.parallel = []*node{a, b}
	out := newNode(both, a.width, im.at)
	out.stage = &Combine{Width: a.width, Product: product}
	return out, nil
}

// halves returns a node that combines both halves of what one node gives, nil if a and b are no
// such.
func (im *importer) halves(a, b *view, product bool) *node {
	n := a.node
	if n != b.node || n.width%2 != 0 || n.width == 0 || n.part != nil || a.off+b.off != n.width/2 || a.off*b.off != 0 {
		return nil
	}
	w := n.width / 2
	for _, v := range []*view{a, b} {
		if f := normal(v.features()); w > 1 && (len(f) != 1 || f[0] != feature(w, 1)) || w == 1 && len(f) > 0 {
			return nil
		}
	}
	out := newNode(n, w, im.at)
	out.stage = &Combine{Width: w, Product: product}
	return out
}

// difference is a constant less what a layer gives, or of one branch less another. Cells have
// such too, so it is read only where nothing else is left.
func (c *call) difference(v *view, k *constant) ([]value, error) {
	minus := &constant{float: true, f: []float32{-1}}
	if v != nil {
		turned, err := c.im.scaled(v, minus, false)
		if err != nil {
			return nil, err
		}
		return c.im.shifted(turned[0].v, k, 1)
	}
	_, b, err := c.two()
	if err != nil {
		return nil, err
	}
	turned, err := c.im.scaled(b, minus, false)
	if err != nil {
		return nil, err
	}
	c.in[1] = turned[0]
	return c.sum(lstm.Sum)
}

// combine writes a Combine.
func (e *exporter) combine(at string, c *Combine) error {
	if c.Width < 1 {
		return &ExportError{at, "onnx.Combine.Width", fmt.Sprintf("it is %d, want at least 1", c.Width)}
	}
	op := "Add"
	if c.Product {
		op = "Mul"
	}
	var ends [2]string
	for i := range ends {
		from, to := e.list([]int64{int64(i * c.Width)}), e.list([]int64{int64((i + 1) * c.Width)})
		ends[i] = e.node("Slice", []string{e.last, from, to, e.list([]int64{-1})})
	}
	e.last, e.width = e.node(op, ends[:]), c.Width
	return nil
}
