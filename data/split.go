package data

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Split cuts items into parts whose sizes are as the shares: Split(seqs, shuffle, 8, 1, 1)
// gives four fifths, a tenth and a tenth, for training, validation and testing. Every item
// is in one part. Which items a part has is drawn from shuffle, the same for a seed on every
// machine; items itself is not changed.
//
// With a nil shuffle the parts are the runs of items in their order, in its memory: for the
// symbols of a text, whose neighbours belong together. SplitSeries is for series.
//
// An error is a share below 1, and a part without items.
func Split[E any](items []E, shuffle *rand.PCG, shares ...int) ([][]E, error) {
	ends, err := cuts(len(items), shares)
	if err != nil {
		return nil, err
	}
	if shuffle != nil {
		items = slices.Clone(items)
		mix(items, shuffle)
	}
	return parts(items, 1, ends), nil
}

// SplitSeries cuts series [steps][width] into parts whose steps are as the shares, in their
// order and in its memory. What comes later stays out of the training part, as it has to
// where it is to be forecast.
func SplitSeries(series []float32, width int, shares ...int) ([][]float32, error) {
	if width < 1 || len(series)%width != 0 {
		return nil, fmt.Errorf("data: a series of %d values of width %d, want a width of 1 or more, and whole steps", len(series), width)
	}
	ends, err := cuts(len(series)/width, shares)
	if err != nil {
		return nil, err
	}
	return parts(series, width, ends), nil
}

// cuts returns where parts of n items end: n times the sum of the shares so far, divided by
// their total and rounded down.
func cuts(n int, shares []int) ([]int, error) {
	var total uint64
	for _, s := range shares {
		if s < 1 || s > maxElements {
			return nil, fmt.Errorf("data: a share of %d, want 1 to %d", s, maxElements)
		}
		total += uint64(s)
	}
	if total == 0 {
		return nil, fmt.Errorf("data: %d items in no parts, want at least 1 share", n)
	}
	var ends []int
	var sum uint64
	from := 0
	for i, s := range shares {
		sum += uint64(s)
		hi, lo := bits.Mul64(uint64(n), sum)
		to, _ := bits.Div64(hi, lo, total)
		if int(to) == from {
			return nil, fmt.Errorf("data: %d items in shares of %v: part %d has none; use more items, or a larger share for it", n, shares, i)
		}
		from = int(to)
		ends = append(ends, from)
	}
	return ends, nil
}

// parts cuts items where these many of width elements end.
func parts[E any](items []E, width int, ends []int) [][]E {
	out, from := make([][]E, len(ends)), 0
	for i, to := range ends {
		out[i] = items[from*width : to*width : to*width]
		from = to
	}
	return out
}
