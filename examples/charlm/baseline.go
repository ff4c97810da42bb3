package main

import "math"

// baselines are the bits per character that the held-out text takes by counts of the text to
// train on: of single characters, each of which counts once more than it came, and of pairs,
// interpolated with the single ones as Witten and Bell have it (1991, "The zero-frequency
// problem", method C): the more different characters have followed one, the less do the pairs
// weigh that have been seen. held has two characters or more, of which the first is not told.
func baselines(train, held []byte) (single, pairs float64) {
	const alphabet = 256
	var came, before [alphabet]float64 // before: as the first of a pair
	var followed [alphabet][alphabet]float64
	for i, c := range train {
		came[c]++
		if i > 0 {
			before[train[i-1]]++
			followed[train[i-1]][c]++
		}
	}
	var different [alphabet]float64
	for c, after := range followed {
		for _, n := range after {
			if n > 0 {
				different[c]++
			}
		}
	}
	for i, c := range held[1:] {
		p := (came[c] + 1) / (float64(len(train)) + alphabet)
		single -= math.Log2(p)
		if b := held[i]; different[b] > 0 {
			p = (followed[b][c] + different[b]*p) / (before[b] + different[b])
		}
		pairs -= math.Log2(p)
	}
	n := float64(len(held) - 1)
	return single / n, pairs / n
}
