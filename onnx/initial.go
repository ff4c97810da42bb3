package onnx

import (
	"slices"
)

// initial is where a state begins: all nil for zero.
type initial struct {
	learned []float32 // [directions][hidden], of every row
	states  []state   // of each direction: the final one of another layer
	from    *portSource
	rows    int // the axis of the input that counts directions, -1 for none
	batch   int // that of the batch, -1 for none

	// Of the input: its first element that counts, and how far those of a vector are apart.
	off, unit int
}

// initial reads a state that an operator begins with.
func (c *call) initial(r *recurrent, at int, name string, layout int) (initial, error) {
	if !c.has(at) {
		return initial{rows: -1, batch: -1}, nil
	}
	return c.im.initialOf(r, c.in[at], name, layout)
}

func (im *importer) initialOf(r *recurrent, v0 value, name string, layout int) (initial, error) {
	s := initial{rows: -1, batch: -1}
	if v0.rank() != 3 {
		return s, refuse("its %s has %d axes, want 3", name, v0.rank())
	}
	perm := []int{0, 1, 2}
	if layout == 1 {
		perm = []int{1, 0, 2}
	}
	if k := v0.k; k != nil {
		if !k.float || !k.dims[perm[0]].is(int64(r.directions)) || !k.dims[2].is(int64(r.hidden)) {
			return s, refuse("its %s has the dimensions %v, want [%d][batch][%d]", name, k.dims, r.directions, r.hidden)
		}
		if !slices.ContainsFunc(k.f, func(v float32) bool { return v != 0 }) {
			return s, nil
		}
		k = k.transpose([]int{perm[0], 2, perm[1]})
		if err := im.spend(r.directions * r.hidden); err != nil {
			return s, err
		}
		rows := k.have[2]
		k = k.repeated([]int{r.directions, r.hidden, rows})
		for i := 0; i < len(k.f); i += rows {
			for _, v := range k.f[i : i+rows] {
				if v != k.f[i] {
					return s, refuse("its %s is a constant that differs between rows of the batch", name)
				}
			}
			s.learned = append(s.learned, k.f[i])
		}
		return s, nil
	}
	v := v0.v
	if v.list != nil {
		var err error
		s.states, err = v.begins(r, name, perm)
		return s, err
	}
	if v.port == nil || v.port.port.ids() {
		return s, refuse("its %s is %s, want a state as it is: the final one of another layer, zeros, a constant, or an input of the graph; export what maps one state to another as a part of its own, and the layers after it with an input for the state", name, v.what())
	}
	if im.rootOf(v.port.port) != nil {
		return s, refuse("its %s is the input %q, which is the data too", name, v.port.port.Name)
	}
	f := v.features()
	w := normal(f)
	if s.off, s.unit = v.off, 1; len(w) == 1 {
		s.unit = w[0].stride
	}
	if len(v.dims[2]) != len(f) || r.hidden > 1 && (len(w) != 1 || w[0] != feature(r.hidden, s.unit)) || r.hidden == 1 && len(w) > 0 {
		return s, refuse("its %s is not made of vectors of %d elements of the input %q", name, r.hidden, v.port.port.Name)
	}
	axis := func(d []atom) (int, sym, error) {
		switch {
		case len(d) == 0:
			return -1, known(1), nil
		case len(d) == 1 && d[0].kind == ofSequence:
			return d[0].axis, d[0].size, nil
		}
		return 0, sym{}, refuse("the axes of its %s are mixed", name)
	}
	var size sym
	var err1, err2 error
	s.rows, size, err1 = axis(v.dims[perm[0]])
	s.batch, _, err2 = axis(v.dims[perm[1]])
	if err := firstOf(err1, err2); err != nil {
		return s, err
	}
	if !size.is(int64(r.directions)) {
		return s, refuse("its %s has %v states, want %d, one for each direction", name, size, r.directions)
	}
	s.from = v.port
	return s, nil
}
