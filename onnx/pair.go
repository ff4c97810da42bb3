package onnx

import (
	"reflect"
	"slices"

	"github.com/simdrnn/simdrnn/convert"
)

// pair returns a node with both directions of one layer in place of two nodes that have one
// each: layers over the same vectors that differ in nothing but the direction and the weights,
// and begin at zero. It returns nil for others. A layer can merge its directions, two layers
// stand side by side.
func (im *importer) pair(a, b *node) (*node, error) {
	if a.rec == nil || b.rec == nil || a.parent != b.parent || a.rec.directions != 1 || b.rec.directions != 1 {
		return nil, nil
	}
	f, r := a.rec, b.rec
	if f.reversed()[0] {
		f, r = r, f
	}
	if f.reversed()[0] || !r.reversed()[0] {
		return nil, nil
	}
	for _, i := range []initial{f.h, f.c, r.h, r.c} {
		if i.learned != nil || i.from != nil || i.states != nil {
			return nil, nil
		}
	}
	settings := func(r *recurrent) any {
		op := r.op
		op.W, op.R, op.B, op.P, op.Direction = convert.Tensor{}, convert.Tensor{}, convert.Tensor{}, convert.Tensor{}, ""
		return []any{r.kind, r.in, r.hidden, r.textbook, r.functions, r.lens, r.fixed, r.counts, op, r.op.P.Shape != nil}
	}
	if !reflect.DeepEqual(settings(f), settings(r)) {
		return nil, nil
	}
	both := *f
	both.directions = 2
	both.op.Direction = "bidirectional"
	both.functions = slices.Concat(f.functions, r.functions)
	for _, t := range []struct {
		to   *convert.Tensor
		f, r convert.Tensor
	}{{&both.op.W, f.op.W, r.op.W}, {&both.op.R, f.op.R, r.op.R}, {&both.op.B, f.op.B, r.op.B}, {&both.op.P, f.op.P, r.op.P}} {
		if t.f.Shape == nil && t.r.Shape == nil {
			continue
		}
		if err := im.spend(2 * max(len(t.f.Data), len(t.r.Data))); err != nil {
			return nil, err
		}
		*t.to = beside(t.f, t.r)
	}
	n := newNode(a.parent, 2*f.hidden, f.name)
	n.rec, both.node, both.finals = &both, n, nil
	return n, nil
}

// beside puts a tensor of the reverse direction behind that of the forward one; of biases one
// may be missing, which is zeros.
func beside(f, r convert.Tensor) convert.Tensor {
	if f.Shape == nil {
		f = convert.Tensor{Shape: r.Shape, Data: make([]float32, len(r.Data))}
	}
	if r.Shape == nil {
		r = convert.Tensor{Shape: f.Shape, Data: make([]float32, len(f.Data))}
	}
	return convert.Tensor{Shape: append([]int{2}, f.Shape[1:]...), Data: slices.Concat(f.Data, r.Data)}
}
