package dist

import "math/bits"

// Part returns which of n things part i of parts has: those from lo to hi. The parts are
// neighbours, and their sizes differ by at most 1. So the rows of a batch are cut into
// shards, and the shards into the blocks of ranks.
func Part(n, parts, i int) (lo, hi int) {
	at := func(i int) int { return int(int64(n) * int64(i) / int64(parts)) }
	return at(i), at(i + 1)
}

// A node of the tree is a sum of the shards from lo to hi.
type node struct{ lo, hi int }

// halves returns the two nodes that n is the sum of. It has more than one shard.
func (n node) halves() (left, right node) {
	mid := n.lo + 1<<(bits.Len(uint(n.hi-n.lo-1))-1)
	return node{n.lo, mid}, node{mid, n.hi}
}

// within appends the largest nodes below n, or n itself, that lie in the block from lo to hi.
func (n node) within(list []node, lo, hi int) []node {
	switch {
	case n.hi <= lo || hi <= n.lo:
		return list
	case lo <= n.lo && n.hi <= hi:
		return append(list, n)
	}
	left, right := n.halves()
	return right.within(left.within(list, lo, hi), lo, hi)
}

// ends counts the sums below n, n among them, that lie in the block from lo to hi and are
// complete with shard last: each adds two sums of shards before.
func (n node) ends(lo, hi, last int) int {
	if n.hi-n.lo < 2 || last < n.lo || last >= n.hi {
		return 0
	}
	left, right := n.halves()
	count := left.ends(lo, hi, last) + right.ends(lo, hi, last)
	if n.hi == last+1 && lo <= n.lo && n.hi <= hi {
		count++
	}
	return count
}

// An addition adds the sum at place right to that at place left.
type addition struct{ left, right int }

// additions appends those that make n of parts, the sums of sub-trees in their order, and
// returns the place of the result. first is the place of the first part below n.
func (n node) additions(list []addition, parts []node, first int) (_ []addition, next int) {
	if parts[first] == n {
		return list, first + 1
	}
	left, right := n.halves()
	list, middle := left.additions(list, parts, first)
	list, next = right.additions(list, parts, middle)
	return append(list, addition{first, middle}), next
}
