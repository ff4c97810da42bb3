package decode

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Beam says how a beam search runs. Width and Most must be set.
//
// A search keeps the Width most likely texts of equal length. In each step every one of them
// is continued by every symbol, and of all continuations, the best first, those that end
// with a stop symbol and are among the Width best are finished; the Width best of the
// others are the texts of the next step. The order is by log-probability; of equal ones the
// lower id comes first, then the text that stood first. At Most symbols the texts are
// finished as they are.
//
// The result is the Best finished texts by their Score; of equal ones the earlier
// finished first. A search ends before Most symbols when Best texts are finished and none
// that the remaining texts can become has a better Score: the result is that of the whole
// search.
type Beam struct {
	Width int // texts that are kept
	Most  int // symbols of a text at most, its stop symbol included; up to 2^20

	// Best is how many texts are returned, 1 to Width; 0 stands for 1. There are fewer
	// where fewer texts were found.
	Best int

	// Stop lists the ids that end a text. Without them all texts have Most symbols.
	Stop []int32

	// Penalty makes texts of different lengths comparable; nil compares LogProb.
	Penalty Penalty

	// Eager ends a search as soon as Width texts have finished by a stop symbol. That
	// is faster, and may miss a longer text with a better Score.
	Eager bool

	// Forbid lists ids that no text has. Probabilities stay those of the model: what
	// the forbidden symbols had is not shared among the others.
	Forbid []int32

	// Exclude sets excluded[id] to true for each id that must not follow text, the
	// symbols after the prompt. It is called with true for the ids of Forbid and false
	// for all others; group is the number of the prompt. For example, a text is at least
	// 3 symbols long if stop symbols are excluded while len(text) < 2. Exclude must not
	// keep or change text. A text that nothing can follow is given up.
	Exclude func(group int, text []int32, excluded []bool)
}

// A Penalty is what LogProb of a text is divided by to get its Score, for the number
// of its symbols, the stop symbol included and the prompt not. It is finite and above 0.
type Penalty func(length int) float64

// GNMT returns the length penalty of Wu et al. 2016 (Google's neural machine translation,
// equation 14): ((5 + length)/6)^alpha. 0 compares LogProb, and a larger
// alpha prefers longer texts.
func GNMT(alpha float64) Penalty {
	return func(length int) float64 { return kernels.Pow(float64(5+length)/6, alpha) }
}

// Mean is the Penalty that makes Score the mean log-probability of a symbol.
func Mean(length int) float64 { return float64(length) }

// A Hypothesis is a text that a beam search found.
type Hypothesis struct {
	IDs     []int32 // without the prompt, with the stop symbol
	LogProb float64 // sum of the log-probabilities of IDs, base e
	Score   float64 // LogProb divided by the Penalty
	Ended   bool    // by a stop symbol, not by Most
}

const maxMost = 1 << 20

func (h Beam) check(vocabulary int) error {
	switch {
	case h.Width < 1:
		return fmt.Errorf("decode: Width is %d, want at least 1", h.Width)
	case h.Most < 1 || h.Most > maxMost:
		return fmt.Errorf("decode: Most is %d, want 1 to %d symbols", h.Most, maxMost)
	case h.Best < 0 || h.Best > h.Width:
		return fmt.Errorf("decode: Best is %d, want 0 to Width, %d", h.Best, h.Width)
	}
	if err := checkList("Stop", h.Stop, vocabulary); err != nil {
		return err
	}
	if err := checkList("Forbid", h.Forbid, vocabulary); err != nil {
		return err
	}
	return checkSomeAllowed(h.Forbid, vocabulary)
}

// penalties returns the Penalty of each length to Most, and the largest one of this length
// and those above.
func (h Beam) penalties() (of, largest []float64, err error) {
	of, largest = make([]float64, h.Most+1), make([]float64, h.Most+1)
	for n := 1; n <= h.Most; n++ {
		of[n] = 1
		if h.Penalty != nil {
			of[n] = h.Penalty(n)
		}
		if !(of[n] > 0 && of[n] <= math.MaxFloat64) {
			return nil, nil, fmt.Errorf("decode: the Penalty of %d symbols is %v, want a finite number above 0", n, of[n])
		}
	}
	copy(largest, of)
	for n := h.Most - 1; n >= 1; n-- {
		largest[n] = max(largest[n], largest[n+1])
	}
	return of, largest, nil
}

// A candidate is a text with one symbol more.
type candidate struct {
	score float64
	id    int32 // the symbol
	beam  int32 // place of the text among those of the step before
}

// compare orders candidates, the better first. No two are equal.
func compare(a, b candidate) int {
	switch {
	case a.score != b.score:
		if a.score > b.score {
			return -1
		}
		return 1
	case a.id != b.id:
		return int(a.id) - int(b.id)
	}
	return int(a.beam) - int(b.beam)
}

// A shortlist keeps the best candidates of many: a heap with the worst on top.
type shortlist struct {
	list []candidate // its capacity is how many are kept
}

func newShortlist(most int) shortlist { return shortlist{make([]candidate, 0, most)} }

func (s *shortlist) add(c candidate) {
	if len(s.list) < cap(s.list) {
		s.list = append(s.list, c)
		for i := len(s.list) - 1; i > 0; {
			up := (i - 1) / 2
			if compare(s.list[i], s.list[up]) < 0 {
				return
			}
			s.list[i], s.list[up] = s.list[up], s.list[i]
			i = up
		}
		return
	}
	if compare(c, s.list[0]) > 0 {
		return
	}
	s.list[0] = c
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(s.list); child++ {
			if compare(s.list[child], s.list[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		s.list[i], s.list[worst] = s.list[worst], s.list[i]
		i = worst
	}
}

// sorted returns the candidates, the best first, and is empty afterwards.
func (s *shortlist) sorted() []candidate {
	list := s.list
	slices.SortFunc(list, compare)
	s.list = s.list[:0]
	return list
}
