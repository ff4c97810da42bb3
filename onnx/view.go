package onnx

import "slices"

// An axis of a tensor that a network computes consists of atoms: what its index counts. So
// the order in which exporters put time, batch, directions and units, and which of them
// they merge into one axis, is known at every node, and the numbers themselves stay as the
// layers of this module have them, [T][B][width].
type atom struct {
	kind   atomKind
	axis   int // of ofSequence: which of the first two axes of the input it was
	size   sym
	stride int // how far its entries are apart in a vector of the node, or in a list of states
}

type atomKind uint8

const (
	ofSequence atomKind = iota // time or batch
	ofFeature                  // elements of a vector
	ofState                    // entries of a list of states
)

// A view is a tensor that the graph computes when it runs: a source, and how the axes of
// the tensor follow from it. Atoms of size 1 are left out, since they change no order.
type view struct {
	dims [][]atom
	off  int  // of the first element in a vector of the node; of ids, what was added to them
	flip bool // time runs from the end
	test test // what it has in place of ids
	source
}

// A source is one of three.
type source struct {
	node *node       // vectors of a node,
	step step        // at these steps
	list []state     // or final states of layers,
	port *portSource // or a graph's input
}

// A state is the final h or c of a direction of an operator.
type state struct {
	of        *recurrent
	cell      bool // c
	direction int
}

// portSource is an input of the graph, of which a view may have some entries of the
// first two axes.
type portSource struct {
	port          *Port
	first, second int // the first of these entries
}

// like returns v with other dims.
func (v *view) like(dims [][]atom) *view {
	w := *v
	w.dims = make([][]atom, len(dims))
	for i, d := range dims {
		w.dims[i] = normal(d)
	}
	return &w
}

// normal leaves atoms of size 1 out and merges features, or states, that follow each other.
func normal(d []atom) []atom {
	var out []atom
	for _, a := range d {
		if a.size.is(1) {
			continue
		}
		if n := len(out); n > 0 && a.kind != ofSequence && out[n-1].kind == a.kind {
			size, _ := a.size.value()
			if out[n-1].stride == a.stride*int(size) {
				before, _ := out[n-1].size.value()
				out[n-1].size, out[n-1].stride = known(before*size), a.stride
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

func feature(size, stride int) atom {
	return atom{kind: ofFeature, size: known(int64(size)), stride: stride}
}

// states is the atom of a list of so many states.
func states(n int) atom { return atom{kind: ofState, size: known(int64(n)), stride: 1} }

// sizes are those of the axes.
func (v *view) sizes() ([]sym, error) {
	out := make([]sym, len(v.dims))
	for i, d := range v.dims {
		n := known(1)
		for _, a := range d {
			var err error
			if n, err = n.mul(a.size); err != nil {
				return nil, err
			}
		}
		out[i] = n
	}
	return out, nil
}

// features are the atoms of ofFeature, in the order of the axes.
func (v *view) features() (list []atom) {
	for _, d := range v.dims {
		for _, a := range d {
			if a.kind == ofFeature {
				list = append(list, a)
			}
		}
	}
	return list
}

// count is how many elements of a vector of the node the view has.
func (v *view) count() int {
	n := 1
	for _, a := range v.features() {
		size, _ := a.size.value()
		n *= int(size)
	}
	return n
}

// order lists the elements of a vector of the node in the order of the view.
func (im *importer) order(v *view) ([]int, error) {
	if err := im.spend(v.count()); err != nil {
		return nil, err
	}
	list := []int{v.off}
	for _, a := range v.features() {
		size, _ := a.size.value()
		next := make([]int, 0, len(list)*int(size))
		for _, at := range list {
			for i := range int(size) {
				next = append(next, at+i*a.stride)
			}
		}
		list = next
	}
	return list, nil
}

// inOrder says whether the view has the whole vector of its node, in order.
func (v *view) inOrder() bool {
	f := normal(v.features())
	if v.off != 0 {
		return false
	}
	if len(f) == 0 {
		return v.node.width == 1
	}
	return len(f) == 1 && f[0] == feature(v.node.width, 1)
}

// last says whether axis holds all features and nothing else.
func (v *view) onlyFeaturesIn(axis int) bool {
	for i, d := range v.dims {
		for _, a := range d {
			if (a.kind == ofFeature) != (i == axis) {
				return false
			}
		}
	}
	return true
}

// reshape distributes the atoms of v to axes of the given sizes, in their order.
func (v *view) reshape(target []sym) (*view, error) {
	var left []atom
	for _, d := range v.dims {
		left = append(left, d...)
	}
	dims := make([][]atom, len(target))
	for i, want := range target {
		have := known(1)
		for have != want {
			if len(left) == 0 {
				return nil, refuse("a reshape to %v, which has more elements than there are", target)
			}
			a := left[0]
			next, err := have.mul(a.size)
			if err != nil {
				return nil, err
			}
			// The atom belongs to this axis as a whole, or is cut in two.
			rest, err := want.div(next)
			if whole, _ := next.mul(rest); err == nil && whole == want {
				dims[i] = append(dims[i], a)
				have, left = next, left[1:]
				continue
			}
			need, err := want.div(have)
			n, ok := need.value()
			size, fixed := a.size.value()
			if err != nil || !ok || !fixed || a.kind == ofSequence || n < 1 || size%n != 0 || size == n {
				return nil, refuse("a reshape to %v, which mixes time, batch and units", target)
			}
			a.size, left[0].size = need, known(size/n)
			a.stride *= int(size / n)
			dims[i] = append(dims[i], a)
			have = want
		}
	}
	if len(left) > 0 {
		return nil, refuse("a reshape to %v, which has fewer elements than there are", target)
	}
	return v.like(dims), nil
}

// sameAxes says whether the axes of two views count the same things, apart from where
// features lie in their nodes.
func sameAxes(a, b *view, but int) bool {
	if len(a.dims) != len(b.dims) {
		return false
	}
	for i := range a.dims {
		if i == but {
			continue
		}
		if !slices.EqualFunc(a.dims[i], b.dims[i], func(x, y atom) bool {
			x.stride, y.stride = 0, 0
			return x == y
		}) {
			return false
		}
	}
	return true
}
