package decode

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/kernels"
)

// Sampling says how a symbol is chosen by its logit. The zero value is greedy: the most
// likely symbol, the first of equals. What is set is applied in the order of the fields;
// what is not set changes no bit.
type Sampling struct {
	// Forbid lists ids that are never chosen: their logits count as -Inf.
	Forbid []int32

	// Repetition, at least 1, makes symbols less likely that the row has had, in its
	// prompt or drawn, since Start with a prompt: a logit above 0 is divided by it, one
	// below 0 is multiplied (Keskar et al. 2019, CTRL). 0 and 1 change nothing.
	Repetition float64

	// Adjust changes the logits of a row before a symbol is chosen; they are a copy.
	// -Inf forbids a symbol. It is called once for each symbol, rows ascending, and again
	// for the same symbol after an error. It must not keep logits.
	Adjust func(row int, logits []float32)

	// Temperature divides the logits: 1 is the model's own distribution, less than 1
	// prefers likely symbols. 0 takes the most likely symbol and no random number.
	Temperature float64

	// TopK keeps the TopK largest logits, of equal ones those with the lower ids.
	// 0, and as many as there are symbols, keep all.
	TopK int

	// TopP keeps the smallest number of the most likely symbols whose probabilities,
	// after TopK, sum to TopP or more (nucleus sampling, Holtzman et al. 2020). Of
	// equal ones those with the lower ids come first. At least one is kept. 0 and 1
	// keep all.
	TopP float64

	// Stop lists ids that end a row. A stop symbol is drawn like any other, is
	// handed out, and the model has read it when the row ends.
	Stop []int32
}

func (h Sampling) check(vocabulary int) error {
	switch {
	case !(h.Temperature >= 0) || math.IsInf(h.Temperature, 0):
		return fmt.Errorf("decode: temperature %v, want 0 or more, and finite", h.Temperature)
	case h.TopK < 0:
		return fmt.Errorf("decode: TopK is %d, want 0 for all symbols, or how many are kept", h.TopK)
	case !(h.TopP >= 0 && h.TopP <= 1):
		return fmt.Errorf("decode: TopP is %v, want 0 for all symbols, or a probability up to 1", h.TopP)
	case h.Temperature == 0 && h.TopK > 0:
		return fmt.Errorf("decode: TopK is %d at temperature 0, which takes the most likely symbol; set Temperature, to 1 for the model's own distribution, or leave TopK out", h.TopK)
	case h.Temperature == 0 && h.TopP > 0:
		return fmt.Errorf("decode: TopP is %v at temperature 0, which takes the most likely symbol; set Temperature, to 1 for the model's own distribution, or leave TopP out", h.TopP)
	case h.Repetition != 0 && !(h.Repetition >= 1 && h.Repetition <= math.MaxFloat32):
		return fmt.Errorf("decode: Repetition is %v, want 0 for none, or a finite number of at least 1", h.Repetition)
	}
	if err := checkList("Forbid", h.Forbid, vocabulary); err != nil {
		return err
	}
	if err := checkList("Stop", h.Stop, vocabulary); err != nil {
		return err
	}
	return checkSomeAllowed(h.Forbid, vocabulary)
}

// checkSomeAllowed returns an error if forbid has all ids.
func checkSomeAllowed(forbid []int32, vocabulary int) error {
	if len(forbid) < vocabulary {
		return nil
	}
	left := make([]bool, vocabulary)
	for _, id := range forbid {
		left[id] = true
	}
	if !slices.Contains(left, false) {
		return errors.New("decode: Forbid has all symbols, want one that can be chosen")
	}
	return nil
}

// A chooser chooses symbols. It belongs to one goroutine.
type chooser struct {
	how   Sampling
	isa   kernels.ISA
	probs []float32
	order []int32 // see heap
}

func newChooser(how Sampling, vocabulary int) chooser {
	how.Forbid, how.Stop = slices.Clone(how.Forbid), slices.Clone(how.Stop)
	c := chooser{how: how, isa: kernels.Current(), probs: make([]float32, vocabulary)}
	if c.how.TopK >= vocabulary {
		c.how.TopK = 0
	}
	if c.how.TopP == 1 {
		c.how.TopP = 0
	}
	if c.how.Repetition == 1 {
		c.how.Repetition = 0
	}
	if c.how.TopK > 0 || c.how.TopP > 0 {
		c.order = make([]int32, 0, vocabulary)
	}
	return c
}

// prepare sets x to the logits of a row as they are chosen from. seen says which symbols
// the row has had.
func (c *chooser) prepare(x, logits []float32, row int, seen []bool) error {
	if err := checkLogits(logits); err != nil {
		return err
	}
	copy(x, logits)
	if c.how.Forbid == nil && c.how.Repetition == 0 && c.how.Adjust == nil {
		return nil
	}
	for _, id := range c.how.Forbid {
		x[id] = negInf
	}
	if c.how.Repetition != 0 {
		repeat(x, seen, float32(c.how.Repetition))
	}
	if c.how.Adjust != nil {
		c.how.Adjust(row, x)
	}
	if err := checkLogits(x); err != nil {
		return fmt.Errorf("after Forbid and Adjust %w", err)
	}
	return nil
}

// repeat applies the penalty for symbols seen. A finite logit stays finite.
func repeat(x []float32, seen []bool, penalty float32) {
	for id, was := range seen {
		switch v := x[id]; {
		case !was || v < -math.MaxFloat32:
		case v > 0:
			x[id] = v / penalty
		default:
			x[id] = max(v*penalty, -math.MaxFloat32)
		}
	}
}

// choose draws a symbol by the logits x, which checkLogits has accepted. It may replace
// some of them by -Inf. r is used at a temperature above 0.
func (c *chooser) choose(x []float32, r *rand.Rand) int32 {
	if c.how.Temperature == 0 {
		return greedy(x)
	}
	if c.how.TopK > 0 {
		c.topK(x)
	}
	if c.how.TopP > 0 {
		c.topP(x)
	}
	c.softmax(x)
	u, sum := draw.Unit(r), 0.0
	last := int32(0)
	for i, q := range c.probs {
		if q > 0 {
			last = int32(i)
		}
		if sum += float64(q); u < sum {
			return int32(i)
		}
	}
	return last // the rounded probabilities may sum to a little less than u
}

// greedy returns the largest logit, the first of equals.
func greedy(x []float32) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}

// softmax sets c.probs to the probabilities of x at the temperature.
func (c *chooser) softmax(x []float32) {
	// With the maximum subtracted first, a low temperature cannot overflow. A
	// difference of two finite logits that is infinite in float32 is limited.
	top := c.isa.Max(x)
	for i, v := range x {
		if c.probs[i] = v - top; c.probs[i] < -math.MaxFloat32 {
			c.probs[i] = -math.MaxFloat32
		}
	}
	// The maximum is 0 now, and an infinite factor would make it NaN.
	c.isa.Scale(c.probs, c.probs, float32(min(1/c.how.Temperature, math.MaxFloat32)))
	// Logits of -Inf are set after Scale: at a very high temperature its factor is 0,
	// and 0 times -Inf is NaN.
	for i, v := range x {
		if v < -math.MaxFloat32 {
			c.probs[i] = v
		}
	}
	c.isa.Softmax(c.probs, c.probs)
}

// topK replaces all but the TopK best logits by -Inf.
func (c *chooser) topK(x []float32) {
	c.heap(x)
	for range min(c.how.TopK, len(c.order)) {
		c.pop(x)
	}
	c.exclude(x)
}

// topP replaces the logits outside of the nucleus by -Inf.
func (c *chooser) topP(x []float32) {
	c.softmax(x)
	c.heap(x)
	for sum := 0.0; sum < c.how.TopP && len(c.order) > 0; {
		sum += float64(c.probs[c.pop(x)])
	}
	c.exclude(x)
}

// exclude replaces the logits that are left in the heap by -Inf.
func (c *chooser) exclude(x []float32) {
	for _, id := range c.order {
		x[id] = negInf
	}
}

// heap makes c.order a heap of the ids whose logits are not -Inf, the best on top. Few
// are taken off it as a rule, which is faster than to sort all.
func (c *chooser) heap(x []float32) {
	c.order = c.order[:0]
	for id, v := range x {
		if v >= -math.MaxFloat32 {
			c.order = append(c.order, int32(id))
		}
	}
	for i := len(c.order)/2 - 1; i >= 0; i-- {
		c.sink(x, i)
	}
}

// pop takes the best id off the heap.
func (c *chooser) pop(x []float32) int32 {
	best, n := c.order[0], len(c.order)-1
	c.order[0] = c.order[n]
	c.order = c.order[:n]
	c.sink(x, 0)
	return best
}

func (c *chooser) sink(x []float32, i int) {
	better := func(a, b int32) bool { return x[a] > x[b] || x[a] == x[b] && a < b }
	for {
		child := 2*i + 1
		if child >= len(c.order) {
			return
		}
		if child+1 < len(c.order) && better(c.order[child+1], c.order[child]) {
			child++
		}
		if !better(c.order[child], c.order[i]) {
			return
		}
		c.order[i], c.order[child] = c.order[child], c.order[i]
		i = child
	}
}
