package oracle

// GRU is the gated recurrent unit, one state h, gates in the order r, z, n, with
// its variants.
type GRU[N Number[N]] struct {
	ResetBefore bool // the reset gate acts on h, not on the product W_hn h
	Textbook    bool // h' = (1-z) h + z n, not (1-z) n + z h
	LayerNorm   bool // reset after only
	Clip        float64
	Gate        Activation // sigmoid
	Candidate   Activation // tanh
}

// Params returns those of three gates.
func (c GRU[N]) Params(s Shape, in int) []Param {
	if c.LayerNorm && c.ResetBefore {
		panic("oracle: layer norm of a product that the reset gate is part of")
	}
	return gateParams(s, 3, in, c.LayerNorm)
}

// Widths returns that of h.
func (GRU[N]) Widths(s Shape) []int { return []int{s.Hidden} }

// F and G are the functions of the gates and of the candidate, with their slopes,
// of what is limited to Clip.
func (c GRU[N]) f(a N) (y, slope N) { return gate(c.Gate.or("Sigmoid"), c.Clip, a) }
func (c GRU[N]) g(a N) (y, slope N) { return gate(c.Candidate.or("Tanh"), c.Clip, a) }

// Step computes, F and G being sigmoid and tanh or others, of what is limited to
// Clip, and k the h that the products see, which is h where nothing is dropped,
//
//	(1) a_r = b_ih + b_hh + W_ir x + W_hr k     a_z likewise; with layer norm see preactivation
//	(2) r = F(a_r)   z = F(a_z)
//	(3) reset after:   n = G(nx + r nh),  nx = b_in + W_in x,  nh = b_hn + W_hn k,
//	                   with layer norm of both products, over the rows of all gates
//	    reset before:  n = G(b_in + b_hn + W_in x + W_hn q),  q = r k
//	(4) h' = (1-z) n + z h, or in the textbook form (1-z) h + z n
func (c GRU[N]) Step(p Weights[N], x []N, prev [][]N, drop []float64) (next [][]N, left Tape[N]) {
	h, size := prev[0], len(prev[0])
	k := masked(h, drop)
	left = Tape[N]{"x": x, "h": k, "prev": h}
	a := preactivation(p, c.LayerNorm, left) // (1)
	nx, nh := affine(p[BiasIH], p[WeightIH], 2*size, size, x), affine(p[BiasHH], p[WeightHH], 2*size, size, k)
	if c.LayerNorm {
		nx, nh = scaled(p[BiasIH], p[GainIH], left["norm x"], 2*size, size), scaled(p[BiasHH], p[GainHH], left["norm h"], 2*size, size)
	}
	r, q, h2 := make([]N, size), make([]N, size), make([]N, size)
	for j := range size {
		r[j], _ = c.f(a[j]) // (2)
		q[j] = r[j].Mul(k[j])
	}
	for j := range size {
		if c.ResetBefore { // (3)
			if p[BiasHH] != nil {
				nx[j] = p[BiasIH][2*size+j].Add(p[BiasHH][2*size+j]).Chain(at(p[WeightIH], 2*size+j, len(x)), x)
			}
			a[2*size+j] = nx[j].Chain(at(p[WeightHH], 2*size+j, size), q)
		} else {
			a[2*size+j] = nx[j].MulAdd(r[j], nh[j])
		}
		z, _ := c.f(a[size+j])
		n, _ := c.g(a[2*size+j])
		if c.Textbook { // (4)
			h2[j] = h[j].MulAdd(z, n.Sub(h[j]))
		} else {
			h2[j] = n.MulAdd(z, h[j].Sub(n))
		}
	}
	left["a"], left["nh"], left["q"] = a, nh, q
	return [][]N{h2}, left
}

// StepBack, given dh of the state after the step, computes
//
//	(5) dn = dh (1-z)   dz = dh (h-n)   dh_prev = dh z
//	    and in the textbook form  dn = dh z   dz = dh (n-h)   dh_prev = dh (1-z)
//	(6) da_n = dn G'(a_n)   da_z = dz F'(a_z)
//	(7) reset after:   dnh = da_n r   dr = da_n nh
//	    reset before:  dq = W_hn^T da_n   dr = dq k
//	(8) da_r = dr F'(a_r)
//	(9) dx += W_ih^T da   dk = W_hh^T [da_r, da_z] + W_hn^T dnh (reset after) or dq r (before)
//	(10) dW_ih += da x^T   dW_hh += [da_r, da_z] k^T and dnh k^T or da_n q^T; the biases likewise
//	(11) dh_prev += m dk, m being what k = m h has of h
//
// (9) and (10) through the layer norm, if there is one.
func (c GRU[N]) StepBack(p Weights[N], left Tape[N], d [][]N, drop []float64, dx []N) (dprev [][]N, outer []Outer[N]) {
	x, h, k, a, nh, q := left["x"], left["prev"], left["h"], left["a"], left["nh"], left["q"]
	dh, size := d[0], len(h)
	var zero N
	da, direct := zeros[N](3*size), make([]N, size)
	for j := range size {
		z, slopeZ := c.f(a[size+j])
		n, slopeN := c.g(a[2*size+j])
		keep := zero.Of(1).Sub(z)
		dn, dz := dh[j].Mul(keep), dh[j].Mul(h[j].Sub(n)) // (5)
		direct[j] = dh[j].Mul(z)
		if c.Textbook {
			dn, dz = dh[j].Mul(z), dh[j].Mul(n.Sub(h[j]))
			direct[j] = dh[j].Mul(keep)
		}
		da[2*size+j] = dn.Mul(slopeN) // (6)
		da[size+j] = dz.Mul(slopeZ)
	}
	last := da[2*size:]
	dk, through := zeros[N](size), zeros[N](size)
	if c.ResetBefore {
		dq := zeros[N](size)
		addTransposed(dq, p[WeightHH][2*size*size:], last) // (7)
		for j := range size {
			r, slope := c.f(a[j])
			da[j] = dq[j].Mul(k[j]).Mul(slope) // (8)
			through[j] = dq[j].Mul(r)
		}
		addTransposed(dx, p[WeightIH], da) // (9)
		addTransposed(dk, p[WeightHH][:2*size*size], da[:2*size])
		outer = []Outer[N]{ // (10)
			{Param: WeightIH, D: da, In: x},
			{Param: WeightHH, D: da[:2*size], In: k},
			{Param: WeightHH, Row: 2 * size, D: last, In: q},
			{Param: BiasIH, D: da},
			{Param: BiasHH, D: da},
		}
	} else {
		hPart := append([]N(nil), da...)
		for j := range size {
			r, slope := c.f(a[j])
			hPart[2*size+j] = last[j].Mul(r)      // (7)
			da[j] = last[j].Mul(nh[j]).Mul(slope) // (8)
			hPart[j] = da[j]
		}
		dk, outer = preactivationBack(p, c.LayerNorm, left, da, hPart, dx) // (9) (10)
	}
	dhPrev := make([]N, size)
	for j := range size { // (11)
		one, m := zero.Of(1), zero.Of(1)
		if drop != nil {
			m = zero.Of(drop[j])
		}
		dhPrev[j] = zero.Dot([]N{dk[j], through[j], direct[j]}, []N{m, m, one})
	}
	return [][]N{dhPrev}, outer
}
