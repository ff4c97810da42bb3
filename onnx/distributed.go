package onnx

import (
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
)

// Keras' TimeDistributed applies its layer to one step after another, and tf2onnx writes each of
// them: a part of the sequence, a product, a sum, and a Concat of all.

// maxDistributed is how many nodes a step may go through.
const maxDistributed = 32

// functionsOfSteps are the functions without parameters, as a formula names them.
var functionsOfSteps = map[string]nn.Activation{"Tanh": nn.Tanh, "Relu": nn.ReLU, "Sigmoid": nn.Sigmoid, "Softsign": nn.Softsign, "Softplus": nn.Softplus}

// distributed reads a Concat of what the same products, sums and functions make of each step of a
// sequence, in order or from the last to the first: stages over the sequence. It is nil for
// anything else.
func (c *call) distributed() (*view, error) {
	if c.n.GetOpType() != "Concat" || len(c.in) < 2 || c.in[0].e == nil {
		return nil, nil
	}
	first := c.in[0].e
	axis, err := axisOf(c.int("axis", 0), len(first.sizes))
	last := len(first.sizes) - 1
	if err != nil || c.err != nil || axis == last {
		return nil, nil
	}
	path := distributedPath(first.e)
	if len(path) < 2 {
		return nil, nil
	}
	step, n := path[len(path)-1], len(c.in)
	if size, ok := step.seq.time.size.value(); !ok || size != int64(n) || step.t != 0 && step.t != n-1 || step.from != 0 || step.width != step.seq.node.width {
		return nil, nil
	}
	for i, v := range c.in {
		t := i
		if step.t != 0 {
			t = n - 1 - i
		}
		if v.e == nil || !slices.Equal(v.e.sizes, first.sizes) || !v.e.sizes[axis].is(1) {
			return nil, nil
		}
		want, err := (&substitution{c.im, map[*expr]*expr{}, t, 2 * maxDistributed}).put(first.e)
		if err != nil || v.e.e != want || len(c.im.exprs) > c.im.maxExprs {
			return nil, nil
		}
	}
	if !step.seq.fits(first.sizes) {
		return nil, nil
	}
	v := step.seq.view()
	if step.t != 0 { // from the end, as time alone can run
		if err := v.node.setRole(v.dims[0], timeRole); err != nil {
			return nil, err
		}
	}
	for _, e := range slices.Backward(path[:len(path)-1]) {
		if v, err = c.im.distributedStage(v, e); err != nil {
			return nil, err
		}
	}
	dims := make([][]atom, len(first.sizes))
	for i, size := range first.sizes[:last] {
		if !size.is(1) {
			dims[i] = v.dims[1]
		}
	}
	dims[axis], dims[last] = v.dims[0], v.dims[2]
	v.flip = step.seq.flip != (step.t != 0)
	return v.like(dims), nil
}

// distributedPath are the exprs from e down to the step of a sequence that it is computed from,
// nil if there is another one.
func distributedPath(e *expr) (path []*expr) {
	for len(path) < maxDistributed {
		path = append(path, e)
		switch e.op {
		case ofStep:
			return path
		case ofProduct:
			if e.from != 0 || e.width != e.m.out || e.m.first != 0 || e.m.inputs != e.m.in {
				return nil
			}
			e = e.a
		case ofSum:
			if e.a.op == ofConstant {
				e = e.b
			} else if e.b.op == ofConstant {
				e = e.a
			} else {
				return nil
			}
		case ofFunction:
			if name, _, _ := strings.Cut(e.f.name, " "); functionsOfSteps[name] == (nn.Activation{}) {
				return nil
			}
			e = e.a
		default:
			return nil
		}
	}
	return nil
}

// distributedStage is the sequence v after the last operation of e.
func (im *importer) distributedStage(v *view, e *expr) (*view, error) {
	switch e.op {
	case ofProduct:
		if err := im.spend(e.m.in * e.m.out); err != nil {
			return nil, err
		}
		return im.then(v, &nn.Linear{In: e.m.in, Out: e.m.out, Weight: e.m.rows(0, e.m.out)}, e.m.out, 2)
	case ofSum:
		k := e.a
		if k.op != ofConstant {
			k = e.b
		}
		out, err := im.shifted(v, &constant{dims: []sym{known(int64(k.width))}, have: []int{k.width}, float: true, f: spread(k.data, k.width)}, 1)
		if err != nil {
			return nil, err
		}
		return out[0].v, nil
	}
	name, _, _ := strings.Cut(e.f.name, " ")
	return im.mapped(v, functionsOfSteps[name])
}
