package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// Nested stages are a tree: what a stage gives goes to one place. In a graph it may go to
// several, such as the gate z of z*a + (1-z)*b. A part of a network that is no tree is woven into
// one line: its nodes one after another, and beside each of them, by a Pick, what later nodes
// still need.

// composite makes the stages of a node that is made of branches.
func (b *builder) composite(n *node) ([]nn.Stage, error) {
	if !b.tree {
		if shares(n) {
			return b.woven(n)
		}
		b.tree = true // and so is all within it
		defer func() { b.tree = false }()
	}
	if n.attend != nil {
		return b.attention(n)
	}
	if n.residual != nil {
		list, err := b.stages(n.residual.path(n.parent))
		return []nn.Stage{nn.Residual(list)}, err
	}
	all, err := b.parallel(n)
	return []nn.Stage{all}, err
}

// branches are the ends of the branches of a node, without that of its parent.
func (n *node) branches() []*node {
	switch {
	case n.residual != nil:
		return []*node{n.residual}
	case n.attend != nil:
		return []*node{n.attend}
	}
	return n.parallel
}

// shares says whether a node between n and its parent is in two branches.
func shares(n *node) bool {
	seen := map[*node]bool{}
	var within func(n *node) bool
	within = func(n *node) bool {
		for _, end := range n.branches() {
			for m := end; m != n.parent; m = m.parent {
				if seen[m] || within(m) {
					return true
				}
				seen[m] = true
			}
		}
		return false
	}
	return within(n)
}

// A weave is a part of a network that becomes one line of stages.
type weave struct {
	base  *node
	order []*node       // that compute something, each after those that it reads
	last  map[*node]int // of those in order and the base: the place of the last that reads it
	seen  map[*node]bool
	live  []*node // whose vectors stand side by side
}

// woven makes stages of all nodes between n and its parent.
func (b *builder) woven(n *node) ([]nn.Stage, error) {
	w := &weave{base: n.parent, last: map[*node]int{}, seen: map[*node]bool{n.parent: true}, live: []*node{n.parent}}
	if w.base.width == 0 {
		return nil, &NodeError{Node: n.name, Op: n.kind(), Reason: "vectors of two tables of the same ids are used in several ways, for which a chain has no place"}
	}
	w.visit(n)
	reads := make([][]*node, len(w.order))
	for i, m := range w.order {
		width := m.parent.width
		if m.branches() != nil && m.parallel == nil {
			width += m.branches()[0].width
		}
		if err := b.spend(m, width); err != nil { // before the list is made: it may be as long
			return nil, err
		}
		reads[i] = w.reads(m)
		for _, from := range reads[i] {
			w.last[from] = i
		}
	}
	if err := b.spend(n, n.width); err != nil {
		return nil, err
	}
	result := w.parts(n)
	for _, from := range result {
		w.last[from] = len(w.order)
	}
	var out []nn.Stage
	for i, m := range w.order {
		if err := b.use(m); err != nil {
			return nil, err
		}
		first, err := b.gather(w, m, reads[i])
		if err != nil {
			return nil, err
		}
		list, err := b.alone(m)
		if err != nil {
			return nil, err
		}
		list = append(first, list...)
		rest := slices.DeleteFunc(slices.Clone(w.live), func(l *node) bool { return w.last[l] <= i })
		if len(rest) > 0 {
			beside, err := b.pick(w, m, rest)
			if err != nil {
				return nil, err
			}
			made := list[0]
			if len(list) > 1 {
				made = nn.Sequential(list)
			}
			list = []nn.Stage{nn.Parallel{made, beside}}
		}
		out = append(out, list...)
		w.live = append([]*node{m}, rest...)
	}
	end, err := b.gather(w, n, result)
	return append(out, end...), err
}

// alone makes the stages of a node that computes something, without what it reads.
func (b *builder) alone(m *node) ([]nn.Stage, error) {
	if m.residual != nil {
		return []nn.Stage{&Combine{Width: m.width}}, nil
	}
	if m.attend != nil {
		if err := b.spend(m, m.width); err != nil {
			return nil, err
		}
		b.tensors += attentionTensors
		return []nn.Stage{byLast(m.width), &Pick{Width: m.width + 1, From: identity(m.width)}}, nil
	}
	return b.made([]*node{m})
}

// visit adds a node to the order, after those that it reads.
func (w *weave) visit(n *node) {
	if w.seen[n] {
		return
	}
	w.seen[n] = true
	w.visit(n.parent)
	for _, end := range n.branches() {
		w.visit(end)
	}
	if n.parallel == nil {
		w.order = append(w.order, n)
	}
}

// parts are the nodes whose vectors, side by side, are those of n.
func (w *weave) parts(n *node) (list []*node) {
	if n == w.base || n.parallel == nil {
		return []*node{n}
	}
	for _, end := range n.parallel {
		list = append(list, w.parts(end)...)
	}
	return list
}

// reads are the nodes whose vectors, side by side, are the input of n.
func (w *weave) reads(n *node) []*node {
	if n.branches() != nil && n.parallel == nil {
		return append(w.parts(n.parent), w.parts(n.branches()[0])...)
	}
	return w.parts(n.parent)
}

// gather returns a Pick of the vectors of a list of nodes, none where all that is live is that.
func (b *builder) gather(w *weave, n *node, list []*node) ([]nn.Stage, error) {
	if slices.Equal(list, w.live) {
		return nil, nil
	}
	p, err := b.pick(w, n, list)
	return []nn.Stage{p}, err
}

func (b *builder) pick(w *weave, n *node, list []*node) (*Pick, error) {
	p, at := &Pick{}, map[*node]int{}
	for _, l := range w.live {
		at[l] = p.Width
		if p.Width += l.width; p.Width > 1<<31-1 {
			return nil, &NodeError{Node: n.name, Op: n.kind(), Reason: "vectors of more than 2^31 elements side by side"}
		}
	}
	for _, l := range list {
		if err := b.spend(n, l.width); err != nil {
			return nil, err
		}
		for i := range l.width {
			p.From = append(p.From, at[l]+i)
		}
	}
	return p, nil
}

// spend counts elements that a stage of a node takes: see importer.spend.
func (b *builder) spend(n *node, elements int) error {
	if err := b.im.spend(elements); err != nil {
		return &NodeError{Node: n.name, Op: n.kind(), Reason: err.Error()}
	}
	return nil
}
