package main

import "math"

// counts are how often words and pairs of words come in the part for training.
type counts struct {
	words     []int
	pairs     map[[2]int32]int
	followers []int // how many different words come after a word
	total     int
}

func count(ids []int32, vocabulary int) *counts {
	c := &counts{words: make([]int, vocabulary), followers: make([]int, vocabulary), pairs: map[[2]int32]int{}, total: len(ids)}
	for i, id := range ids {
		c.words[id]++
		if i == 0 {
			continue
		}
		pair := [2]int32{ids[i-1], id}
		if c.pairs[pair]++; c.pairs[pair] == 1 {
			c.followers[ids[i-1]]++
		}
	}
	return c
}

// unigram is the probability of a word, whatever came before: its share, where each word of
// the vocabulary counts once more than it came.
func (c *counts) unigram(word int32) float64 {
	return float64(c.words[word]+1) / float64(c.total+len(c.words))
}

// bigram is the probability of a word after another one, by interpolation with unigram as
// Witten and Bell have it (1991, "The zero-frequency problem", method C): the more different
// words have followed, the less do the pairs weigh that have been seen.
func (c *counts) bigram(before, word int32) float64 {
	different := float64(c.followers[before])
	if different == 0 {
		return c.unigram(word)
	}
	return (float64(c.pairs[[2]int32{before, word}]) + different*c.unigram(word)) / (float64(c.words[before]) + different)
}

// perplexities of the words of ids but the first.
func (c *counts) perplexities(ids []int32) (unigram, bigram float64) {
	for i, id := range ids[1:] {
		unigram -= math.Log(c.unigram(id))
		bigram -= math.Log(c.bigram(ids[i], id))
	}
	n := float64(len(ids) - 1)
	return math.Exp(unigram / n), math.Exp(bigram / n)
}
