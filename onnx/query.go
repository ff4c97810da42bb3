package onnx

import (
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
)

// What a layer ends with may be what its steps are compared with: the query of an attention. It is
// one vector for each row, so it is repeated at all steps, and added to them, multiplied by them, or
// multiplied and summed up.

// spread is one step, q, at all steps of x, where it has an axis of size 1 in place of time; nil if
// it is none such.
func (im *importer) spread(q, x *view) (*view, error) {
	if !q.step.one() || x.step != allSteps || len(q.dims) != len(x.dims) {
		return nil, nil
	}
	time := -1
	for i, d := range x.dims {
		switch {
		case len(q.dims[i]) == 0 && len(d) > 0 && time < 0 && x.timeAxis(i):
			time = i
		case len(q.dims[i]) != len(d) || len(d) > 0 && d[0].kind != ofFeature && !slices.Equal(q.dims[i], d):
			return nil, nil
		}
	}
	if time < 0 {
		return nil, nil
	}
	out, err := im.repeated(q, time, x.dims[time][0].size)
	if err == nil {
		out.flip = x.flip // it is the same at each step
	}
	return out, err
}

// spreadEither is a and b with that of one step at all steps of the other.
func (im *importer) spreadEither(a, b *view) (*view, *view, error) {
	if q, err := im.spread(a, b); q != nil || err != nil {
		return q, b, err
	}
	if q, err := im.spread(b, a); q != nil || err != nil {
		return a, q, err
	}
	return a, b, nil
}

// dots are the products of the vectors of x, one for each step, and of q, one for each row, which lie
// along one axis; nil where they are none such.
func (im *importer) dots(x, q *view) (*view, error) {
	all, err := im.spread(q, x)
	if all == nil || err != nil {
		return nil, err
	}
	axis := slices.IndexFunc(x.dims, func(d []atom) bool { return len(d) > 0 && d[0].kind == ofFeature })
	if axis < 0 || !x.onlyFeaturesIn(axis) || !all.onlyFeaturesIn(axis) {
		return nil, nil
	}
	a, err := im.wholeOf(x)
	if err != nil {
		return nil, err
	}
	b, err := im.wholeOf(all)
	if err != nil {
		return nil, err
	}
	product := *a
	if product.node, err = im.joined(a.node, b.node, true); err != nil {
		return nil, err
	}
	return im.summed(&product, axis)
}

// summed is the sum of each vector, along an axis that has them and nothing else.
func (im *importer) summed(v *view, axis int) (*view, error) {
	n, err := im.input(v)
	if err != nil {
		return nil, err
	}
	if err := im.spend(n.width); err != nil {
		return nil, err
	}
	out, err := im.then(v, &nn.Linear{Weight: slices.Repeat([]float32{1}, n.width), In: n.width, Out: 1}, 1, axis)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// queried is the product of matrices of steps and of one query for each row, as a column or a row;
// nil for others.
func (c *call) queried(a, b *view) (*view, error) {
	last := len(a.dims) - 1
	if last < 1 || len(a.dims) != len(b.dims) {
		return nil, nil
	}
	if a.step == allSteps { // [time][units] by [units][1]
		return c.im.dots(a, b.swapped())
	}
	v, err := c.im.dots(b.swapped(), a) // [1][units] by [units][time]
	if v == nil || err != nil {
		return nil, err
	}
	return v.swapped(), nil
}

// queriedBy is queried for an Einsum of steps, whose axes are named by the first list, and queries.
func (c *call) queriedBy(x, q *view, of, by, to string) ([]value, error) {
	dims, sum := make([][]atom, len(x.dims)), -1
	for i, letter := range of {
		if at := strings.IndexRune(by, letter); at >= 0 {
			dims[i] = q.dims[at]
		}
		if !strings.ContainsRune(to, letter) {
			if sum >= 0 || strings.Count(of, string(letter)) > 1 {
				return nil, nil
			}
			sum = i
		}
	}
	for i, letter := range by {
		if !strings.ContainsRune(of, letter) && len(q.dims[i]) > 0 || strings.Count(by, string(letter)) > 1 {
			return nil, nil
		}
	}
	if sum < 0 || !x.onlyFeaturesIn(sum) {
		return nil, nil
	}
	v, err := c.im.dots(x, q.like(dims))
	if v == nil || err != nil {
		return nil, err
	}
	return c.lettered(v, of, by, to)
}

// lettered gives v, whose axes have letters, those of an output; such as only the other input has are
// of size 1.
func (c *call) lettered(v *view, of, by, to string) ([]value, error) {
	out := make([][]atom, 0, len(to))
	for _, letter := range to {
		d := []atom(nil)
		if at := strings.IndexRune(of, letter); at >= 0 {
			d = v.dims[at]
		} else if !strings.ContainsRune(by, letter) {
			return nil, refuse("the equation %q, with an axis that no input has", cut(c.string("equation", "")))
		}
		out = append(out, d)
	}
	return one(v.like(out)), nil
}
