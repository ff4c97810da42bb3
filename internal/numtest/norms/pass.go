package norms

// A Tensor has values, and bounds on the errors of the product's.
type Tensor struct{ V, E []float64 }

func newTensor(n int) Tensor { return Tensor{make([]float64, n), make([]float64, n)} }

// at is row k, rows of n elements.
func (t Tensor) at(k, n int) Tensor { return Tensor{t.V[k*n:][:n], t.E[k*n:][:n]} }

// join is t with u behind it.
func (t Tensor) join(u Tensor) Tensor { return Tensor{append(t.V, u.V...), append(t.E, u.E...)} }

func (t Tensor) set(j int, b bounded) { t.V[j], t.E[j] = b.v, b.e }

func (t Tensor) get(j int) bounded { return bounded{t.V[j], t.E[j]} }

// A Pass goes forward and backward over T steps, with one row of a batch after the
// other, and adds up the gradients of the parameters.
type Pass struct {
	// Of the last row: its outputs [T][H], final states and gradients of the inputs
	// [T][In] and of the initial states.
	Y, Dx            Tensor
	State, StateGrad []Tensor

	m     *Model
	T     int
	x, dy []float64
	hist  []Tensor    // of each state, [T+1][H]
	tape  [][]bounded // of each vector kept, [T][H]

	// Bounds on the norms of the errors of the states, and of those of their
	// gradients, at the current step.
	stateNorm, gradNorm []float64
	// The gradients of the step's products with x, and of those with h, and bounds
	// on the norms of their errors in each gate.
	dih, dhh         Tensor
	dihNorm, dhhNorm []float64

	s, q  []float64 // of chains, see matrix.chains
	spare Tensor    // [H]
	ih    *sum
	hh    []*sum
}

// NewPass makes a pass over T steps whose float32 sums of gradients round at most
// so many times between a term and the result.
func (m *Model) NewPass(T, roundings int) *Pass {
	G, H, S := m.cell.gates(), m.H, m.cell.states()
	wide := max((G+1)*H, m.In)
	p := &Pass{m: m, T: T, stateNorm: make([]float64, S), gradNorm: make([]float64, S), Dx: newTensor(T * m.In),
		dih: newTensor(G * H), dhh: newTensor(G * H), dihNorm: make([]float64, G), dhhNorm: make([]float64, G),
		s: make([]float64, wide), q: make([]float64, wide), spare: newTensor(H), ih: newSum(G*H, m.In, T, roundings)}
	for range S {
		hist := newTensor((T + 1) * H)
		p.hist, p.State, p.StateGrad = append(p.hist, hist), append(p.State, hist.at(T, H)), append(p.StateGrad, newTensor(H))
	}
	p.Y = Tensor{p.hist[0].V[H:], p.hist[0].E[H:]}
	for range m.cell.tape() {
		p.tape = append(p.tape, make([]bounded, T*H))
	}
	for _, g := range m.cell.back() {
		p.hh = append(p.hh, newSum(g.n*H, H, T, roundings))
	}
	return p
}

// Row takes one row: x [T][In], dy [T][H], the states before it and the gradients
// of those after it.
func (p *Pass) Row(x, dy []float64, state, dstate [][]float64) {
	m := p.m
	p.x, p.dy = x, dy
	for k := range p.hist {
		copy(p.hist[k].V, state[k])
		copy(p.StateGrad[k].V, dstate[k])
		clear(p.StateGrad[k].E)
		p.stateNorm[k], p.gradNorm[k] = 0, 0
	}
	for t := range p.T {
		m.cell.forward(p, t)
	}
	for t := p.T - 1; t >= 0; t-- {
		m.cell.backward(p, t)
		p.inputGradient(t)
		p.ih.take(t, p.dih, Tensor{V: p.x[t*m.In:][:m.In]})
	}
	p.ih.row()
	for _, s := range p.hh {
		s.row()
	}
}

// Params are the gradients of the rows so far: of W_ih, W_hh, b_ih and b_hh.
func (p *Pass) Params() []Tensor {
	ih, biasIH := p.ih.result()
	var hh, biasHH Tensor
	for _, s := range p.hh {
		g, b := s.result()
		hh, biasHH = hh.join(g), biasHH.join(b)
	}
	return []Tensor{ih, hh, biasIH, biasHH}
}

// before and after are state k before and after step t.
func (p *Pass) before(k, t int) Tensor { return p.hist[k].at(t, p.m.H) }
func (p *Pass) after(k, t int) Tensor  { return p.hist[k].at(t+1, p.m.H) }

// kept is vector k of the tape of step t.
func (p *Pass) kept(k, t int) []bounded { return p.tape[k][t*p.m.H:][:p.m.H] }

// dyAt is dy of step t.
func (p *Pass) dyAt(t int) []float64 { return p.dy[t*p.m.H:][:p.m.H] }

// start starts chains from number r on.
func (p *Pass) start(r int, at []float64) {
	for _, v := range at {
		p.s[r], p.q[r] = v, v*v
		r++
	}
}

// zero starts the first n chains at +0.
func (p *Pass) zero(n int) {
	clear(p.s[:n])
	clear(p.q[:n])
}

// overX starts the chains of all gates, at the sums of the biases or, for the last
// rows, at other numbers, and takes them over x.
func (p *Pass) overX(t int, start, last []float64) {
	p.start(0, start)
	p.start(len(start)-len(last), last)
	p.m.ih.chains(p.s, p.q, p.x[t*p.m.In:][:p.m.In])
}

// dot is chain number at, with n links, in which row r of m was multiplied by what
// has errors of the given norms. What these make of it is an element of a source.
func (p *Pass) dot(m *matrix, r, at, n int, norms []float64) value {
	moved := m.moved(r, norms)
	rho := chainError(n, p.q[at], moved)
	return value{p.s[at], moved + rho, rho}
}

// stretch bounds the norm of the product of run i of W_hh, transposed, with vectors
// of the given norms.
func (p *Pass) stretch(i int, norms []float64) float64 {
	return joint(p.m.backNorms[i], p.m.backNorm[i], norms)
}

// inputGradient is dx of step t.
func (p *Pass) inputGradient(t int) {
	m := &p.m.ihT
	p.zero(m.rows)
	m.chains(p.s, p.q, p.dih.V)
	dx := p.Dx.at(t, m.rows)
	for i := range m.rows {
		dx.set(i, p.dot(m, i, i, m.cols, p.dihNorm).bounded())
	}
}
