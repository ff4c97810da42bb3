package onnx

import (
	"math/rand/v2"
	"testing"
)

// meet finds what a search node by node finds, in few steps.
func TestMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	before := func(n *node) map[*node]bool {
		all := map[*node]bool{}
		for ; n != nil; n = n.parent {
			all[n] = true
		}
		return all
	}
	for range 30 {
		nodes := []*node{{name: "x"}, {name: "z"}} // of two inputs
		for range 300 {
			from := nodes[max(0, len(nodes)-1-r.IntN(1+r.IntN(len(nodes))))]
			nodes = append(nodes, newNode(from, 1, ""))
		}
		for range 300 {
			a, b := nodes[r.IntN(len(nodes))], nodes[r.IntN(len(nodes))]
			want, all := b, before(a)
			for want != nil && !all[want] {
				want = want.parent
			}
			if got := meet(a, b); got != want {
				t.Fatalf("nodes of depth %d and %d meet at %p, want %p", a.depth, b.depth, got, want)
			}
		}
	}
	n := &node{}
	for range 1 << 16 {
		n = newNode(n, 1, "")
	}
	steps := 0
	for ; n.depth > 0; steps++ {
		n = n.far
	}
	if steps > 40 {
		t.Errorf("%d jumps from a depth of 2^16 to the input, want at most 40", steps)
	}
}
