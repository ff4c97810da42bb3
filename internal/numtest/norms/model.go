package norms

// A Cell is a recurrence: one step of one row, forward and backward.
type Cell interface {
	// gates is the number of blocks of H rows in a parameter, states that of the
	// state vectors, of which the first is h, and tape that of the vectors of a
	// step that are kept for the way back.
	gates() int
	states() int
	tape() int
	// ahead are the runs of gates whose rows of W_hh are multiplied by a vector at
	// a time, and back those for the transposed product and for the gradient.
	ahead() []run
	back() []run
	// forward takes p from the states before step t to those after it.
	forward(p *Pass, t int)
	// backward takes p from the gradients of the states after step t, without dy,
	// to those of the states before it. It sets p.dih and p.dhh with their norms
	// and adds to the sums of p.hh.
	backward(p *Pass, t int)
}

// A run of gates.
type run struct{ first, n int }

// A Model is a layer with its weights.
type Model struct {
	cell  Cell
	H, In int

	bias, biasIH, biasHH []float64 // the first is their sum
	ih, ihT              matrix    // W_ih and its transpose
	ahead, back          []matrix  // of W_hh, for each run; back are transposes
	// Bounds on spectral norms: of each gate's rows of W_hh, of those of the gates
	// in each run of back, and of these together.
	gateNorm  []float64
	backNorms [][]float64
	backNorm  []float64
}

// NewModel makes a layer of parameters that are laid out as PyTorch's.
func NewModel(cell Cell, in, hidden int, ih, hh, biasIH, biasHH []float32) *Model {
	m := &Model{cell: cell, H: hidden, In: in}
	G, rows := cell.gates(), cell.gates()*hidden
	for r := range rows {
		a, b := float64(biasIH[r]), float64(biasHH[r])
		m.bias, m.biasIH, m.biasHH = append(m.bias, a+b), append(m.biasIH, a), append(m.biasHH, b)
	}
	m.ih = newMatrix(rows, in, 1, func(r, c int) float64 { return float64(ih[r*in+c]) })
	m.ihT = newMatrix(in, rows, G, func(r, c int) float64 { return float64(ih[c*in+r]) })
	rec := func(r, c int) float64 { return float64(hh[r*hidden+c]) }
	var grams [][]float64
	for k := range G {
		a := gram(hidden, func(r, c int) float64 { return rec(k*hidden+r, c) })
		grams, m.gateNorm = append(grams, a), append(m.gateNorm, spectral(a, hidden))
	}
	for _, g := range cell.ahead() {
		m.ahead = append(m.ahead, newMatrix(g.n*hidden, hidden, 1, func(r, c int) float64 { return rec(g.first*hidden+r, c) }))
	}
	for _, g := range cell.back() {
		m.back = append(m.back, newMatrix(hidden, g.n*hidden, g.n, func(r, c int) float64 { return rec(g.first*hidden+c, r) }))
		m.backNorms = append(m.backNorms, m.gateNorm[g.first:][:g.n])
		sum := make([]float64, hidden*hidden)
		for _, a := range grams[g.first:][:g.n] {
			for i, v := range a {
				sum[i] += v
			}
		}
		m.backNorm = append(m.backNorm, spectral(sum, hidden))
	}
	return m
}
