package main

import (
	"math"

	"github.com/simdrnn/simdrnn/data"
)

// label is the class of a sequence.
func label(s data.Sequence) int { return int(s.Targets[len(s.Targets)-1]) }

// counts are how often classes come in training, and pairs of neighbours in each of them.
type counts struct {
	vocabulary     int
	classes, total []int // lines, and pairs
	pairs          []map[[2]int32]int
}

// start stands before the first character of a line.
const start = -1

func count(train []data.Sequence, classes, vocabulary int) *counts {
	c := &counts{vocabulary: vocabulary, classes: make([]int, classes), total: make([]int, classes), pairs: make([]map[[2]int32]int, classes)}
	for i := range c.pairs {
		c.pairs[i] = map[[2]int32]int{}
	}
	for _, s := range train {
		class, last := label(s), int32(start)
		c.classes[class]++
		for _, id := range s.IDs {
			c.pairs[class][[2]int32{last, id}]++
			c.total[class]++
			last = id
		}
	}
	return c
}

// majority is the class that comes most often.
func (c *counts) majority() (best int) {
	for class, n := range c.classes {
		if n > c.classes[best] {
			best = class
		}
	}
	return best
}

// more is how much more often than it came each pair counts, so that none is impossible. A
// tenth does better here than one, the usual number, which is too many for some 10,000 pairs.
const more = 0.1

// bayes is the class of the largest probability if each pair of neighbours were drawn by
// itself from those of the class.
func (c *counts) bayes(ids []int32) (best int) {
	most := math.Inf(-1)
	different := float64((c.vocabulary + 1) * c.vocabulary)
	for class, n := range c.classes {
		p, last := math.Log(float64(n)), int32(start)
		for _, id := range ids {
			p += math.Log((float64(c.pairs[class][[2]int32{last, id}]) + more) / (float64(c.total[class]) + more*different))
			last = id
		}
		if p > most {
			best, most = class, p
		}
	}
	return best
}

// accuracies are the shares of seqs that the two rules have right.
func (c *counts) accuracies(seqs []data.Sequence) (majority, bayes float64) {
	m, b := 0, 0
	for _, s := range seqs {
		if c.majority() == label(s) {
			m++
		}
		if c.bayes(s.IDs) == label(s) {
			b++
		}
	}
	return float64(m) / float64(len(seqs)), float64(b) / float64(len(seqs))
}
