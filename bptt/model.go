package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
)

// Dims returns the sizes of the chain. For a model over ids in is the size of
// the vocabulary.
func (m *Model) Dims() (steps, batch, in, out int) { return m.steps, m.batch, m.in, m.out }

// Forward sets y [T][batch][out] from x [T][batch][in]. It panics for a model
// over ids.
func (m *Model) Forward(y, x []float32) {
	if m.emb != nil {
		panic("bptt: Forward of a chain that begins with an Embedding, want ForwardIDs")
	}
	t := m.stepsOf(len(y))
	if len(x) != t*m.batch*m.in {
		panic(fmt.Sprintf("bptt: Forward: x has %d elements, want %d for the %d steps of y", len(x), t*m.batch*m.in, t))
	}
	m.first = x
	m.forward(y, t)
}

// ForwardIDs sets y [T][batch][out] from ids [T][batch]. A bad id is an
// *IDError; y and the state are then as before.
func (m *Model) ForwardIDs(y []float32, ids []int32) error {
	if m.emb == nil {
		panic("bptt: ForwardIDs of a chain without an Embedding, want Forward")
	}
	t := m.stepsOf(len(y))
	if len(ids) != t*m.batch {
		panic(fmt.Sprintf("bptt: ForwardIDs: %d ids, want %d for the %d steps of y", len(ids), t*m.batch, t))
	}
	if err := m.emb.lookup(m.first, ids, m.batch, m.lengths); err != nil {
		return err
	}
	m.ids = append(m.ids[:0], ids...)
	m.forward(y, t)
	return nil
}

// stepsOf returns T of a y of n elements.
func (m *Model) stepsOf(n int) int {
	row := m.batch * m.out
	if row == 0 {
		if n != 0 {
			panic(fmt.Sprintf("bptt: y has %d elements, want 0 for a batch of 0", n))
		}
		return 0
	}
	if n%row != 0 || n/row > m.steps {
		panic(fmt.Sprintf("bptt: y has %d elements, want a multiple of %d up to %d", n, row, m.steps*row))
	}
	return n / row
}

func (m *Model) forward(y []float32, t int) {
	m.stale = m.stale || t != m.t
	m.t, m.pending = t, true
	if t == 0 {
		m.skip(func(n Net) { n.Forward(nil, nil) })
		return
	}
	rows := t * m.batch
	x := m.first
	for _, l := range m.links {
		out := y
		if l.y != nil {
			out = l.y[:rows*l.out]
		}
		x = x[:rows*l.in]
		if l.net != nil {
			l.net.Forward(out, x)
		} else {
			l.lin.forward(m.team, out, x)
			m.clearPadding(out, l.out)
		}
		x = out
	}
}

// Backward propagates dy back through the last forward pass and adds to the
// gradients. dx is set, or nil; a model over ids has no dx and wants nil.
func (m *Model) Backward(dx, dy []float32) {
	if m.emb != nil && dx != nil {
		panic("bptt: Backward of a chain over ids has no dx, want nil")
	}
	rows := m.t * m.batch
	if len(dy) != rows*m.out {
		panic(fmt.Sprintf("bptt: Backward: dy has %d elements, want %d, those of the last forward pass", len(dy), rows*m.out))
	}
	if dx != nil && len(dx) != rows*m.in {
		panic(fmt.Sprintf("bptt: Backward: dx has %d elements, want %d, those of the last forward pass", len(dx), rows*m.in))
	}
	if !m.pending {
		panic("bptt: Backward of a chain without a Forward before it, or with SetLengths between them: each Forward serves one Backward")
	}
	m.pending = false
	if rows == 0 {
		m.skip(func(n Net) { n.Backward(nil, nil) })
		return
	}
	if m.emb != nil {
		dx = m.dfirst[:rows*m.emb.Dim]
	}
	m.order()
	for i := len(m.links) - 1; i >= 0; i-- {
		l := m.links[i]
		d := dx
		if i > 0 {
			d = m.links[i-1].dy[:rows*l.in]
		}
		if l.net != nil {
			l.net.Backward(d, dy)
		} else {
			l.lin.backward(m.team, d, dy, m.pairs, m.chunks)
			if d != nil {
				m.clearPadding(d, l.in)
			}
		}
		dy = d
	}
	if m.emb != nil {
		m.emb.gather(m.isa, m.embGrad, dx, m.ids, m.pairs)
	}
}

// skip is a pass over no steps: nothing to compute, but each net hands the
// gradient of its state on.
func (m *Model) skip(pass func(Net)) {
	for _, l := range m.links {
		if l.net != nil {
			pass(l.net)
		}
	}
}

// order lists the pairs p = t*batch+b that exist in the order of every sum over
// them, t descending and b ascending, and where the chunks of that list end.
func (m *Model) order() {
	if !m.stale {
		return
	}
	m.stale = false
	m.pairs, m.chunks = m.pairs[:0], m.chunks[:0]
	n := split.ChunkSteps(m.batch)
	for done, t := 1, m.t-1; t >= 0; done, t = done+1, t-1 {
		for b := range m.batch {
			if m.lengths == nil || t < m.lengths[b] {
				m.pairs = append(m.pairs, int32(t*m.batch+b))
			}
		}
		if done%n == 0 || t == 0 {
			m.chunks = append(m.chunks, int32(len(m.pairs)))
		}
	}
}

// clearPadding sets what lies past the ends of the rows of y [t][batch][width]
// to +0.
func (m *Model) clearPadding(y []float32, width int) {
	if m.lengths == nil {
		return
	}
	for b, n := range m.lengths {
		for t := n; t < m.t; t++ {
			clear(y[(t*m.batch+b)*width:][:width])
		}
	}
}

// SetTraining is SetTraining of every Net in the chain.
func (m *Model) SetTraining(on bool) {
	for _, l := range m.links {
		if l.net != nil {
			l.net.SetTraining(on)
		}
	}
}

// SetWorkers sets on how many workers a pass may be split; 0, the default,
// leaves it to the size of the work. The number changes no bit.
func (m *Model) SetWorkers(n int) {
	m.team.workers = max(0, n)
	for _, l := range m.links {
		if w, ok := l.net.(interface{ SetWorkers(n int) }); ok {
			w.SetWorkers(n)
		}
	}
}
