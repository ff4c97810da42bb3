package data

import (
	"cmp"
	"fmt"
)

// A pool is sequences and the order in which they come.
type pool struct {
	form
	order
	seqs []Sequence

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

// compare orders two sequences by length.
func (p *pool) compare(a, b int) int { return cmp.Compare(p.seqs[a].Steps, p.seqs[b].Steps) }

// steps are those of a sequence.
func (p *pool) steps(i int) int { return p.seqs[i].Steps }

// next fills b with at most b.Want steps of the current batch, which there has to be.
func (p *pool) next(b *Batch) error {
	group, most := p.group(), 0
	for _, i := range group {
		most = max(most, p.seqs[i].Steps)
	}
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

// room returns s with n zero elements.
func room[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	s = s[:n]
	clear(s)
	return s
}
