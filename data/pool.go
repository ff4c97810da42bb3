package data

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// A pool is sequences in the order in which they come, and how many of them came.
type pool struct {
	form
	seqs  []Sequence
	rows  int
	order []int
	pos   int // sequences before the current batch
	step  int // steps of the current batch that next has returned

	batch Batch // memory
}

// maxElements bounds one tensor, so that no product of sizes overflows.
const maxElements = 1<<31 - 1

// Up to fewRows rows, and up to fewPairs pairs (step, row) in a batch, are allowed for
// any number of sequences: so few empty rows take little memory.
const (
	fewRows  = 1 << 10
	fewPairs = 1 << 22
)

// Rows returns the number of rows of every batch.
func (p *pool) Rows() int { return p.rows }

// checkRows returns an error for rows that would be empty in every batch.
func (p *pool) checkRows() error {
	longest := 0
	for i := range p.seqs {
		longest = max(longest, p.seqs[i].Steps)
	}
	if most := max(len(p.seqs), fewRows, fewPairs/max(1, longest)); p.rows > most {
		return fmt.Errorf("data: %d rows for %d sequences, the longest of %d steps, want at most %d rows: all others would be empty; use at most as many rows as sequences", p.rows, len(p.seqs), longest, most)
	}
	return nil
}

// arrange makes a new order: drawn from shuffle, or that of the sequences if it is nil.
// With batches above 0 each so many batches of it are sorted by length, and then the
// batches change places.
func (p *pool) arrange(shuffle *rand.PCG, batches int) {
	p.order = p.order[:0]
	for i := range p.seqs {
		p.order = append(p.order, i)
	}
	for i := len(p.order) - 1; shuffle != nil && i > 0; i-- {
		j := below(shuffle, i+1)
		p.order[i], p.order[j] = p.order[j], p.order[i]
	}
	if batches > 0 {
		p.sort(shuffle, batches)
	}
}

// sort is the second half of arrange.
func (p *pool) sort(shuffle *rand.PCG, batches int) {
	n := len(p.order)
	size := min(batches, n/p.rows+1) * p.rows
	for lo := 0; lo < n; lo += size {
		part := p.order[lo:min(lo+size, n)]
		slices.SortStableFunc(part, func(a, b int) int { return cmp.Compare(p.seqs[a].Steps, p.seqs[b].Steps) })
		// The last batch of all may have fewer rows. If it took the longest sequences
		// every time, these would weigh more than the others in means over a batch.
		if few := len(part) % p.rows; few > 0 && shuffle != nil {
			at := below(shuffle, len(part)/p.rows+1) * p.rows
			rotate(part[at:], few)
		}
	}
	for i := n/p.rows - 1; shuffle != nil && i > 0; i-- {
		a, b := p.order[i*p.rows:][:p.rows], p.order[below(shuffle, i+1)*p.rows:][:p.rows]
		for r := range a {
			a[r], b[r] = b[r], a[r]
		}
	}
}

// rotate moves the first k elements of s behind the others.
func rotate(s []int, k int) {
	slices.Reverse(s[:k])
	slices.Reverse(s[k:])
	slices.Reverse(s)
}

// below returns a number from 0 to n-1.
func below(shuffle *rand.PCG, n int) int {
	// The high half of the product is uniform, up to a bias below 2^-40.
	j, _ := bits.Mul64(shuffle.Uint64(), uint64(n))
	return int(j)
}

// group returns the current batch, as numbers of sequences, and the steps of the longest.
func (p *pool) group() (of []int, steps int) {
	of = p.order[p.pos:min(p.pos+p.rows, len(p.order))]
	for _, i := range of {
		steps = max(steps, p.seqs[i].Steps)
	}
	return of, steps
}

// next fills b with at most b.Want steps of the current batch, which there has to be.
func (p *pool) next(b *Batch) error {
	group, most := p.group()
	steps := max(0, most-p.step)
	if b.Want > 0 {
		steps = min(steps, b.Want)
	}
	if p.labels && steps < most {
		return fmt.Errorf("data: a sequence with Labels has %d steps, of which a batch takes %d; labels are those of whole sequences: use a Plan.Window of 0, and a net of as many steps", most, steps)
	}
	if most := maxElements / p.rows / max(1, p.in, p.out); steps > most {
		return fmt.Errorf("data: a batch of %d steps of %d rows of width %d, want at most %d steps; use fewer rows, or a Plan.Window", steps, p.rows, max(1, p.in, p.out), most)
	}
	m := &p.batch
	m.Want, m.Steps, m.Rows, m.Context = b.Want, steps, p.rows, 0
	pairs := steps * p.rows
	m.IDs, m.Targets = room(m.IDs, pairs*perStep(p.ids)), room(m.Targets, pairs*perStep(p.targets))
	m.X, m.Y = room(m.X, pairs*p.in), room(m.Y, pairs*p.out)
	m.Weights = room(m.Weights, pairs*p.weights)
	if p.labels {
		m.Labels = room(m.Labels, p.rows)
	}
	m.Lengths, m.Reset = room(m.Lengths, p.rows), room(m.Reset, p.rows)
	for r := range p.rows {
		n := 0
		m.Reset[r] = p.step == 0
		if r < len(group) {
			s := p.seqs[group[r]]
			n = max(0, min(s.Steps-p.step, steps))
			for t := range n {
				to, from := t*p.rows+r, p.step+t
				if p.ids {
					m.IDs[to] = s.IDs[from]
				}
				if p.targets {
					m.Targets[to] = s.Targets[from]
				}
				copy(m.X[to*p.in:][:p.in], s.X[from*p.in:])
				copy(m.Y[to*p.out:][:p.out], s.Y[from*p.out:])
				copy(m.Weights[to*p.weights:][:p.weights], s.Weights[from*p.weights:])
			}
			if p.labels {
				m.Labels[r] = s.Labels
			}
		}
		m.Lengths[r] = n
	}
	*b = *m
	if p.step += steps; p.step >= most {
		p.step = 0
		p.pos += len(group)
	}
	return nil
}

// ended says whether all sequences came.
func (p *pool) ended() bool { return p.pos == len(p.order) }

// checkPosition returns an error if a batch of this order does not begin at pos, or has
// not so many steps. It works on any order of n sequences.
func checkPosition(pos, step uint64, n, rows int) error {
	if pos > uint64(n) || step > maxElements || pos%uint64(rows) != 0 && pos != uint64(n) || pos == uint64(n) && step > 0 {
		return fmt.Errorf("data: the position is sequence %d, step %d, of %d sequences in batches of %d", pos, step, n, rows)
	}
	return nil
}

// padding is the share of the pairs (step, row) of all batches of the order that no
// sequence fills.
func (p *pool) padding() float64 {
	q := pool{seqs: p.seqs, rows: p.rows, order: p.order}
	var pairs, steps int64
	for !q.ended() {
		group, most := q.group()
		pairs += int64(most) * int64(p.rows)
		for _, i := range group {
			steps += int64(p.seqs[i].Steps)
		}
		q.pos += len(group)
	}
	if pairs == 0 {
		return 0
	}
	return float64(pairs-steps) / float64(pairs)
}

// room returns s with n zero elements.
func room[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	s = s[:n]
	clear(s)
	return s
}
