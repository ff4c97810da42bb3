package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// A node is a stage of the network that is being built, with the node that it reads. The
// node of a root, which has no parent, is an input of the network.
type node struct {
	parent *node
	far    *node  // one of those before it: see meet
	root   *root  // the input that the first of its nodes before it reads
	depth  int    // the nodes before it
	width  int    // of its vectors; 0 for a root of ids
	name   string // of the node of the graph

	// What it does, one of these.
	stage    nn.Stage
	rec      *recurrent
	merge    lstm.Merge  // with rec: what becomes of two directions
	attend   *node       // which scores the steps of parent, that are pooled by attention
	residual *node       // whose result is added to that of parent, from which it comes
	parallel []*node     // whose results stand side by side; all come from parent
	part     *normalizer // a part of a layer norm

	picks map[uint64]*node // that read it, by what they have of it: see picked
}

func newNode(parent *node, width int, name string) *node {
	n := &node{parent: parent, far: parent, root: parent.root, depth: parent.depth + 1, width: width, name: name}
	// A node is as far from its far one as that and the next one together, where these are alike: the
	// jump pointers of Myers, "An applicative random-access stack", 1983.
	if first := parent.far; first != nil && first.far != nil && parent.depth-first.depth == first.depth-first.far.depth {
		n.far = first.far
	}
	return n
}

// meet returns the last node that a and b both come from, nil if there is none. It takes a time that
// grows with the logarithm of their depths: a graph may ask for it at each of its nodes.
func meet(a, b *node) *node {
	if a.depth < b.depth {
		a, b = b, a
	}
	for a.depth > b.depth {
		if a.far.depth >= b.depth {
			a = a.far
		} else {
			a = a.parent
		}
	}
	for a != b { // of the same depth, and so are their far ones
		if a.parent == nil {
			return nil
		}
		if a.far != b.far {
			a, b = a.far, b.far
		} else {
			a, b = a.parent, b.parent
		}
	}
	return a
}

// path returns the nodes after from, up to n.
func (n *node) path(from *node) []*node {
	list := make([]*node, n.depth-from.depth)
	for i := len(list) - 1; i >= 0; i-- {
		list[i], n = n, n.parent
	}
	return list
}

// input returns the node whose vectors v has, as they are: what the next stage reads.
func (im *importer) input(v *view) (*node, error) {
	switch {
	case v.node == nil:
		return nil, refuse("its input is a list of states or an input of the graph, not the output of a layer")
	case v.node.part != nil:
		n, err := im.power(v.node)
		if err != nil {
			return nil, err
		}
		if n != nil {
			w := *v
			w.node = n
			return im.input(&w)
		}
		return nil, refuse("its input is %s", v.node.part.what())
	case v.node.parent == nil && v.step != allSteps:
		return nil, refuse("one step of the input, or some of them, before any layer")
	case v.node.width == 0:
		return nil, refuse("its input is ids, which only an embedding reads: Gather of a table")
	case v.inOrder():
		return v.node, nil
	}
	from, err := im.order(v)
	if err != nil {
		return nil, err
	}
	return im.picked(v.node, from, nil), nil
}

// wholeOf is v over a node whose vectors it has as they are.
func (im *importer) wholeOf(v *view) (*view, error) {
	n, err := im.input(v)
	if err != nil {
		return nil, err
	}
	out := v.like(rebased(v.dims, ofFeature))
	out.node, out.off = n, 0
	return out, nil
}

// picked is a node with some elements of the vectors of n. Of those that first says it has
// the one of the first step, at all steps. It is the same node for the same elements, so that
// a sum finds that one of its sides is computed from the other.
func (im *importer) picked(n *node, from []int, first []bool) *node {
	if first == nil && identical(from, n.width) {
		return n
	}
	key := uint64(len(first))
	for _, at := range from {
		key = (key ^ uint64(at)) * 0x100000001b3
	}
	for _, is := range first {
		if key *= 0x100000001b3; is {
			key++
		}
	}
	if had := n.picks[key]; had != nil {
		if p := had.stage.(*Pick); slices.Equal(p.From, from) && slices.Equal(p.First, first) {
			return had
		}
	}
	out := newNode(n, len(from), n.name)
	out.stage = &Pick{Width: n.width, From: from, First: first}
	if n.picks == nil {
		n.picks = map[uint64]*node{}
	}
	n.picks[key] = out
	return out
}

func identical(from []int, width int) bool {
	for i, at := range from {
		if at != i {
			return false
		}
	}
	return len(from) == width
}

// then returns a view of a new node over v that has vectors of the given width in one
// axis.
func (im *importer) then(v *view, stage nn.Stage, width, axis int) (*view, error) {
	in, err := im.input(v)
	if err != nil {
		return nil, err
	}
	out := *v
	out.off = 0
	out.node = newNode(in, width, im.at)
	out.node.stage = stage
	dims := slices.Clone(v.dims)
	dims[axis] = []atom{feature(width, 1)}
	return out.like(dims), nil
}

// mapped is then for a stage that takes a function of each element, wherever they are.
func (im *importer) mapped(v *view, stage nn.Stage) (*view, error) {
	if len(v.features()) == 0 && v.node.width != 1 || v.node.part != nil || v.node.width == 0 {
		in, err := im.input(v)
		if err != nil {
			return nil, err
		}
		if s, ok := stage.(*Scale); ok && len(v.features()) == 0 && v.node.part == nil {
			stage = s.ofOne() // of all elements it had the same number for each
		}
		v = &view{dims: v.dims, flip: v.flip, source: source{node: in, step: v.step}}
	}
	out := *v
	out.node = newNode(v.node, v.node.width, im.at)
	out.node.stage = stage
	return &out, nil
}
