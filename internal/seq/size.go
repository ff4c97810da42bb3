package seq

import "github.com/simdrnn/simdrnn/kernels"

// size adds up memory, in bytes.
type size int

func (s *size) floats(lists ...[]float32) {
	for _, v := range lists {
		*s += size(4 * cap(v))
	}
}

func (s *size) packed(list ...*kernels.Packed) {
	for _, p := range list {
		if p != nil {
			*s += size(p.Bytes())
		}
	}
}

func (s *size) packings(list []packing) {
	for i := range list {
		p := &list[i]
		s.packed(p.in, p.project, p.inBack, p.projectBack)
		s.packed(p.recur...)
		s.packed(p.recurBack...)
		s.floats(p.bias)
		s.floats(p.biasHh...)
		s.floats(p.extra...)
	}
}

func (s *size) steps(list []Step) {
	for i := range list {
		s.floats(list[i].Temp, list[i].strip, list[i].masks.numbers, list[i].masks.zero)
	}
}

// Bytes is the size of the tensors and scratch that u holds.
func (u *Unrolled) Bytes() int {
	var s size
	m, b := &u.memory, &u.back
	s.floats(m.h...)
	s.floats(m.merged...)
	s.floats(m.inRows, m.between)
	for i := range m.tape {
		if u.keep || i == 0 { // otherwise all are the same memory
			s.floats(m.tape[i])
			s.floats(m.others[i]...)
		}
	}
	s.packings(u.pack)
	s.floats(u.state...)
	for _, state := range u.kept {
		s.floats(state...)
	}

	for i := range b.grads {
		s.floats(b.grads[i].all...)
	}
	s.floats(b.state...)
	s.floats(b.carry...)
	s.floats(b.dyRows, b.scratch, b.totals, b.sums.masked)
	for _, f := range b.sums.factors {
		if f.rows != nil {
			s += size(f.rows.Bytes())
		}
	}
	s += size(4 * (cap(b.pairs.tape) + cap(b.pairs.x) + cap(b.pairs.previous)))

	s += u.symbols.bytes()
	s.steps(u.workers.steps)
	s.floats(u.workers.droppedW...)
	s.floats(u.workers.products...)
	for _, c := range u.resets.copies {
		s.floats(c...)
	}
	s.floats(u.resets.restart.state...)
	s.floats(u.resets.restart.grad...)
	s += size(8 * (cap(u.resets.rows) + cap(u.resets.some)))
	s += size(8*(cap(u.rows.memory)+cap(u.rows.order)+cap(u.rows.place)) + 4*(cap(u.masks.ids)+cap(u.masks.clock)+cap(u.masks.start)))
	return int(s)
}

// Bytes is the size of the weights, tensors and scratch that p holds.
func (p *Predictor) Bytes() int {
	var s size
	s.packings(p.pack)
	s.floats(p.state...)
	s.floats(p.next...)
	s.floats(p.spare...)
	s.floats(p.tape, p.in, p.symbols.product, p.symbols.row)
	s += size(cap(p.symbols.made))
	s.steps(p.steppers)
	for _, l := range p.bound {
		s += size(l.input.Bytes())
		for _, b := range l.recur {
			if b != nil { // nil in a cell that makes its products by itself
				s += size(b.Bytes())
			}
		}
	}
	return int(s)
}
