package oracle

// LSTM is the textbook cell, two states (h, c), gates in the order i, f, g, o,
// with its variants. The zero value is the cell without any. With a projection
// (Shape.Projection) h has fewer units than c.
type LSTM[N Number[N]] struct {
	Peephole  bool // the gates see c too
	Coupled   bool // f = 1-i, and the gates are i, g, o
	LayerNorm bool // of the products with x and h, and of c where o lets it out
	Clip      float64
	CellClip  float64 // limits c'
	Gate      Activation
	Candidate Activation
	Output    Activation
}

func (l LSTM[N]) gates() int {
	if l.Coupled {
		return 3
	}
	return 4
}

// Params returns those of the gates, of the projection, the peepholes and the
// layer norm of c.
func (l LSTM[N]) Params(s Shape, in int) []Param {
	p := gateParams(s, l.gates(), in, l.LayerNorm)
	if s.Projection > 0 {
		p = append(p, Param{WeightHR, s.Projection, s.Hidden})
	}
	if l.Peephole {
		p = append(p, Param{WeightPeephole, (l.gates() - 1) * s.Hidden, 1})
	}
	if l.LayerNorm {
		p = append(p, Param{GainC, s.Hidden, 1}, Param{BiasC, s.Hidden, 1})
	}
	return p
}

// Widths returns those of h and c.
func (LSTM[N]) Widths(s Shape) []int { return []int{s.width(), s.Hidden} }

// F, G and H are the functions of the gates, with their slopes; the first two
// limit what they are given to Clip.
func (l LSTM[N]) f(a N) (y, slope N) { return gate(l.Gate.or("Sigmoid"), l.Clip, a) }
func (l LSTM[N]) g(a N) (y, slope N) { return gate(l.Candidate.or("Tanh"), l.Clip, a) }
func (l LSTM[N]) h(n N) (y, slope N) { return function(l.Output.or("Tanh"), n) }

// blocks returns the rows of the gates; coupled gates have none for f.
func (l LSTM[N]) blocks(v []N) (i, f, g, o []N) {
	n := len(v) / l.gates()
	if l.Coupled {
		return v[:n], nil, v[n : 2*n], v[2*n:]
	}
	return v[:n], v[n : 2*n], v[2*n : 3*n], v[3*n:]
}

// peepholes returns the weights from c to i, f and o, nil where there are none.
func (l LSTM[N]) peepholes(p Weights[N], n int) (i, f, o []N) {
	switch w := p[WeightPeephole]; {
	case !l.Peephole:
		return nil, nil, nil
	case l.Coupled:
		return w[:n], nil, w[n:]
	default:
		return w[:n], w[n : 2*n], w[2*n:]
	}
}

// Step computes, F, G and H being the functions of the gates, the candidate and
// the output (sigmoid, tanh, tanh), F and G of what is limited to Clip,
//
//	(1) a  = b_ih + b_hh + W_ih x + W_hh h      in four blocks a_i a_f a_g a_o;
//	    with layer norm see preactivation
//	(2) peephole: a_i += p_i c   a_f += p_f c
//	(3) i  = F(a_i)   f = F(a_f), coupled: 1-i   g = G(a_g)
//	(4) u  = f c + i g   c' = u limited to CellClip
//	(5) peephole: a_o += p_o c'
//	(6) o  = F(a_o)
//	(7) n  = c', with layer norm gain_c norm(c') + bias_c
//	(8) m  = o H(n)   h' = m, with a projection W_hr m
func (l LSTM[N]) Step(p Weights[N], x []N, prev [][]N, drop []float64) (next [][]N, left Tape[N]) {
	c, n := prev[1], len(prev[1])
	left = Tape[N]{"x": x, "h": masked(prev[0], drop), "c": c}
	left["a"] = preactivation(p, l.LayerNorm, left) // (1)
	ai, af, ag, ao := l.blocks(left["a"])
	pi, pf, po := l.peepholes(p, n)
	u, c2, m := make([]N, n), make([]N, n), make([]N, n)
	for j := range n {
		if pi != nil {
			ai[j] = ai[j].MulAdd(pi[j], c[j]) // (2)
		}
		if pf != nil {
			af[j] = af[j].MulAdd(pf[j], c[j])
		}
		i, f, g := l.open(ai, af, ag, j)                             // (3)
		u[j] = i.Mul(g).MulAdd(f, c[j]).Held()                       // (4)
		c2[j] = limited(l.CellClip, u[j], u[j], u[j].Of(l.CellClip)) //
		if po != nil {
			ao[j] = ao[j].MulAdd(po[j], c2[j]) // (5)
		}
	}
	left["u"], left["c'"] = u, c2
	if l.LayerNorm {
		y, r := normalize(c2) // (7)
		left["norm c"], left["r c"] = y, []N{r}
	}
	for j, n := range l.seen(p, left) {
		o, _ := l.f(ao[j]) // (6)
		y, _ := l.h(n)
		m[j] = o.Mul(y) // (8)
	}
	h2 := m
	if w := p[WeightHR]; w != nil {
		h2 = affine(nil, w, 0, len(prev[0]), m)
	}
	left["m"] = m
	return [][]N{h2, c2}, left
}

// open is (3) for unit j.
func (l LSTM[N]) open(ai, af, ag []N, j int) (i, f, g N) {
	i, _ = l.f(ai[j])
	g, _ = l.g(ag[j])
	if l.Coupled {
		return i, i.Of(1).Sub(i), g
	}
	f, _ = l.f(af[j])
	return i, f, g
}

// seen is (7): what the output's function is given.
func (l LSTM[N]) seen(p Weights[N], left Tape[N]) []N {
	if !l.LayerNorm {
		return left["c'"]
	}
	return scaled(p[BiasC], p[GainC], left["norm c"], 0, len(left["c'"]))
}

// StepBack, given dh and dc of the states after the step, computes
//
//	(9) dm = dh, with a projection W_hr^T dh
//	(10) do = dm H(n)   dn = dm o H'(n)   da_o = do F'(a_o)
//	(11) dc' = dc + dn, with layer norm dc + norm'(dn gain_c)
//	(12) peephole: dc' += da_o p_o
//	(13) du = dc' where |u| <= CellClip, else 0
//	(14) di = du g   df = du c   dg = du i      coupled: di = du (g - c)
//	(15) da_i = di F'(a_i)   da_f = df F'(a_f)   da_g = dg G'(a_g)
//	(16) dc_prev = du f, peephole: + da_i p_i + da_f p_f
//	(17) dx += W_ih^T da    dh_prev = W_hh^T da      with layer norm see preactivationBack
//	(18) dW_ih += da x^T   dW_hh += da h^T   db_ih += da   db_hh += da
//	     dW_hr += dh m^T   dp_i += da_i c   dp_f += da_f c   dp_o += da_o c'
//	     dgain_c += dn norm(c')   dbias_c += dn
func (l LSTM[N]) StepBack(p Weights[N], left Tape[N], d [][]N, drop []float64, dx []N) (dprev [][]N, outer []Outer[N]) {
	c, u, c2 := left["c"], left["u"], left["c'"]
	dh, dc, n := d[0], d[1], len(d[1])
	ai, af, ag, ao := l.blocks(left["a"])
	pi, pf, po := l.peepholes(p, n)
	var zero N
	da, dcPrev := zeros[N](len(left["a"])), make([]N, n)
	dai, daf, dag, dao := l.blocks(da)
	dm := dh
	if w := p[WeightHR]; w != nil {
		dm = zeros[N](n)
		addTransposed(dm, w, dh) // (9)
		outer = append(outer, Outer[N]{Param: WeightHR, D: dh, In: left["m"]})
	}
	dc2, through := make([]N, n), make([]N, n)
	for j, seen := range l.seen(p, left) {
		o, slope := l.f(ao[j])
		y, bend := l.h(seen)
		dao[j] = dm[j].Mul(y).Mul(slope)          // (10)
		dc2[j] = dc[j].MulAdd(dm[j].Mul(o), bend) // (11)
		through[j] = dm[j].Mul(o).Mul(bend)
	}
	if l.LayerNorm {
		dc2 = add(dc, normalizeBack(left["norm c"], left["r c"][0], times(through, p[GainC])))
		outer = append(outer, Outer[N]{Param: GainC, D: times(through, left["norm c"])}, Outer[N]{Param: BiasC, D: through})
	}
	for j := range n {
		if po != nil {
			dc2[j] = dc2[j].MulAdd(dao[j], po[j]) // (12)
		}
		du := limited(l.CellClip, u[j], dc2[j], zero.Of(0)) // (13)
		if l.LayerNorm {
			du = du.Held() // its errors pass through all gates into one sum
		}
		i, f, g := l.open(ai, af, ag, j)
		_, slopeI := l.f(ai[j])
		_, slopeG := l.g(ag[j])
		dcPrev[j] = du.Mul(f)          // (16)
		dag[j] = du.Mul(i).Mul(slopeG) // (14) (15)
		if l.Coupled {
			dai[j] = du.Mul(g.Sub(c[j])).Mul(slopeI)
		} else {
			_, slopeF := l.f(af[j])
			dai[j], daf[j] = du.Mul(g).Mul(slopeI), du.Mul(c[j]).Mul(slopeF)
		}
		if pi != nil {
			dcPrev[j] = dcPrev[j].MulAdd(dai[j], pi[j])
		}
		if pf != nil {
			dcPrev[j] = dcPrev[j].MulAdd(daf[j], pf[j])
		}
	}
	if l.Peephole {
		outer = append(outer, Outer[N]{Param: WeightPeephole, D: times(dai, c)})
		if !l.Coupled {
			outer = append(outer, Outer[N]{Param: WeightPeephole, Row: n, D: times(daf, c)})
		}
		outer = append(outer, Outer[N]{Param: WeightPeephole, Row: len(p[WeightPeephole]) - n, D: times(dao, c2)})
	}
	dhPrev, shares := preactivationBack(p, l.LayerNorm, left, da, da, dx) // (17) (18)
	return [][]N{masked(dhPrev, drop), dcPrev}, append(outer, shares...)
}
