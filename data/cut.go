package data

import "fmt"

// CutRows sets dst to the rows of b from lo to hi, as a batch of the given number of rows,
// at least hi-lo: what is left of them are rows of length 0, in which nothing counts. So a
// batch is shared among nets of fewer rows. dst has as many steps as b and memory of its
// own, which the next call with it uses again; Labels alone are those of b. It returns an
// error, and leaves dst in an undefined state, if the tensors of b do not fit its Steps and
// Rows.
func (b *Batch) CutRows(dst *Batch, lo, hi, rows int) error {
	if lo < 0 || hi < lo || hi > b.Rows || rows < hi-lo {
		return fmt.Errorf("data: rows %d to %d of a batch of %d, in %d rows, want rows of the batch, and as many to put them in", lo, hi, b.Rows, rows)
	}
	c := cutter{from: b.Rows, lo: lo, n: hi - lo, to: rows}
	dst.Want, dst.Steps, dst.Rows, dst.Context = b.Want, b.Steps, rows, b.Context
	dst.IDs = cutSteps(&c, "IDs", dst.IDs, b.IDs, b.Steps)
	dst.X = cutSteps(&c, "X", dst.X, b.X, b.Steps)
	dst.Targets = cutSteps(&c, "Targets", dst.Targets, b.Targets, b.Steps)
	dst.Y = cutSteps(&c, "Y", dst.Y, b.Y, b.Steps)
	dst.Weights = cutSteps(&c, "Weights", dst.Weights, b.Weights, b.Steps)
	dst.Labels = cutRows(&c, "Labels", dst.Labels, b.Labels)
	dst.Reset = cutRows(&c, "Reset", dst.Reset, b.Reset)
	dst.Resets = cutLists(&c, "Resets", dst.Resets, b.Resets)
	dst.Lengths = c.lengths(dst.Lengths, b.Lengths, b.Steps)
	if b.Source == nil {
		dst.Source = nil
		return c.err
	}
	if dst.Source == nil {
		dst.Source = &Input{}
	}
	s, from := dst.Source, b.Source
	s.Steps = from.Steps
	s.IDs = cutSteps(&c, "Source.IDs", s.IDs, from.IDs, from.Steps)
	s.X = cutSteps(&c, "Source.X", s.X, from.X, from.Steps)
	s.Lengths = c.lengths(s.Lengths, from.Lengths, from.Steps)
	return c.err
}

// A cutter cuts n rows, from lo on, out of tensors of as many rows as from says, into
// tensors of as many as to says.
type cutter struct {
	from, lo, n, to int
	err             error // the first one
}

func (c *cutter) fail(name string, n, steps int) {
	if c.err == nil {
		c.err = fmt.Errorf("data: a batch with %d elements of %s, which is not the same number for each of its %d steps of %d rows", n, name, steps, c.from)
	}
}

// cutSteps cuts a tensor [steps][rows][width].
func cutSteps[E any](c *cutter, name string, dst, src []E, steps int) []E {
	if src == nil {
		return nil
	}
	width := 0
	if pairs := steps * c.from; pairs > 0 {
		width = len(src) / pairs
	}
	if steps < 0 || width*steps*c.from != len(src) {
		c.fail(name, len(src), steps)
		return nil
	}
	dst = room(dst, steps*c.to*width)
	for t := range steps {
		copy(dst[t*c.to*width:][:c.n*width], src[(t*c.from+c.lo)*width:])
	}
	return dst
}

// cutRows cuts a list of rows.
func cutRows[E any](c *cutter, name string, dst, src []E) []E {
	if src == nil {
		return nil
	}
	if len(src) != c.from {
		c.fail(name, len(src), 1)
		return nil
	}
	dst = room(dst, c.to)
	copy(dst[:c.n], src[c.lo:])
	return dst
}

// cutLists cuts lists of rows whose elements are the memory of the source.
func cutLists[E any](c *cutter, name string, dst, src [][]E) [][]E {
	if src == nil {
		return nil
	}
	if len(src) != c.from {
		c.fail(name, len(src), 1)
		return nil
	}
	for len(dst) < c.to {
		dst = append(dst, nil)
	}
	dst = dst[:c.to]
	for r := range dst {
		dst[r] = dst[r][:0]
		if r < c.n {
			dst[r] = append(dst[r], src[c.lo+r]...)
		}
	}
	return dst
}

// lengths cuts Lengths. Rows that are added have length 0.
func (c *cutter) lengths(dst, src []int, steps int) []int {
	if src != nil {
		return cutRows(c, "Lengths", dst, src)
	}
	if c.n == c.to {
		return nil
	}
	dst = room(dst, c.to)
	for r := range c.n {
		dst[r] = steps
	}
	return dst
}
