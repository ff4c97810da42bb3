package oracle

// RNN is the plain recurrence, one state h.
type RNN[N Number[N]] struct {
	F         Activation // tanh
	LayerNorm bool
	Clip      float64 // limits a
}

// Params returns those of one gate.
func (c RNN[N]) Params(s Shape, in int) []Param { return gateParams(s, 1, in, c.LayerNorm) }

// Widths returns that of h.
func (RNN[N]) Widths(s Shape) []int { return []int{s.Hidden} }

// Step computes
//
//	(1) a  = b_ih + b_hh + W_ih x + W_hh h      or with layer norm, see preactivation
//	(2) h' = f(a), of a limited to Clip
func (c RNN[N]) Step(p Weights[N], x []N, prev [][]N, drop []float64) (next [][]N, left Tape[N]) {
	left = Tape[N]{"x": x, "h": masked(prev[0], drop)}
	a := preactivation(p, c.LayerNorm, left) // (1)
	left["a"] = a
	h2 := make([]N, len(a))
	for j := range a {
		h2[j], _ = c.f(a[j]) // (2)
	}
	return [][]N{h2}, left
}

func (c RNN[N]) f(a N) (y, slope N) { return gate(c.F.or("Tanh"), c.Clip, a) }

// StepBack, given dh of the state after the step, computes
//
//	(3) da = dh f'(a)
//	(4) dx += W_ih^T da    dh_prev = W_hh^T da
//	(5) dW_ih += da x^T   dW_hh += da h^T   db_ih += da   db_hh += da
//
// (4) and (5) through the layer norm, if there is one.
func (c RNN[N]) StepBack(p Weights[N], left Tape[N], d [][]N, drop []float64, dx []N) (dprev [][]N, outer []Outer[N]) {
	da := make([]N, len(left["a"]))
	for j, a := range left["a"] {
		_, slope := c.f(a)
		da[j] = d[0][j].Mul(slope) // (3)
	}
	dh, outer := preactivationBack(p, c.LayerNorm, left, da, da, dx) // (4) (5)
	return [][]N{masked(dh, drop)}, outer
}
