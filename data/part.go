package data

import "fmt"

// Part returns the given number of steps of b, from step first on, as a batch whose slices
// are memory of b: for work that goes block by block. Lengths and Context are those of
// the steps that it has; lengths, one for each row, is memory for the first of these, and
// not used where b has none. Reset is of the part with step 0. Labels, Source and Resets, which
// belong to whole sequences, and Want are left out. It panics if b has not these steps, or
// if there is not a length for each row. b is one that Check accepts.
func (b *Batch) Part(first, steps int, lengths []int) Batch {
	if first < 0 || steps < 0 || first > b.Steps-steps {
		panic(fmt.Sprintf("data: %d steps from step %d on, of a batch of %d steps", steps, first, b.Steps))
	}
	p := Batch{Steps: steps, Rows: b.Rows, Context: min(max(0, b.Context-first), steps)}
	p.IDs = stepsOf(b, b.IDs, first, steps)
	p.X = stepsOf(b, b.X, first, steps)
	p.Targets = stepsOf(b, b.Targets, first, steps)
	p.Y = stepsOf(b, b.Y, first, steps)
	p.Weights = stepsOf(b, b.Weights, first, steps)
	if first == 0 {
		p.Reset = b.Reset
	}
	if b.Lengths == nil {
		return p
	}
	if len(lengths) != b.Rows {
		panic(fmt.Sprintf("data: memory for %d lengths, want %d, one for each row", len(lengths), b.Rows))
	}
	for r, n := range b.Lengths {
		lengths[r] = min(max(0, n-first), steps)
	}
	p.Lengths = lengths
	return p
}

// stepsOf returns the elements of steps of v, which has as many elements for each step of b.
func stepsOf[E any](b *Batch, v []E, first, steps int) []E {
	if len(v) == 0 {
		return nil
	}
	each := len(v) / b.Steps
	return v[first*each:][:steps*each]
}
