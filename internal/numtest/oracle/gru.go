package oracle

// GRU is the gated recurrent unit, one state h, gates in the order r, z, n.
type GRU[N Number[N]] struct {
	ResetBefore bool // the reset gate acts on h, not on the product W_hn h
	Textbook    bool // h' = (1-z) h + z n, not (1-z) n + z h
}

// Gates returns 3: reset, update, candidate.
func (GRU[N]) Gates() int { return 3 }

// States returns 1: h.
func (GRU[N]) States() int { return 1 }

// Step computes
//
//	(1) a_r = b_ih + b_hh + W_ir x + W_hr h     a_z likewise
//	(2) r = sigmoid(a_r)   z = sigmoid(a_z)
//	(3) reset after:   n = tanh(nx + r nh),  nx = b_in + W_in x,  nh = b_hn + W_hn h
//	    reset before:  n = tanh(b_in + b_hn + W_in x + W_hn q),  q = r h
//	(4) h' = (1-z) n + z h, or in the textbook form (1-z) h + z n
func (c GRU[N]) Step(p Weights[N], x []N, prev [][]N) (next, tape [][]N) {
	h := prev[0]
	size := len(h)
	a := preactivation(p, x, h) // (1)
	r, z, n, q, h2 := make([]N, size), make([]N, size), make([]N, size), make([]N, size), make([]N, size)
	for j := range size {
		r[j], z[j] = a[j].Sigmoid(), a[size+j].Sigmoid() // (2)
		q[j] = r[j].Mul(h[j])
	}
	nh := affine(p.BiasHH, p.WeightHH, 2*size, size, h) // (3)
	nx := affine(p.BiasIH, p.WeightIH, 2*size, size, x)
	for j := range size {
		if c.ResetBefore {
			if p.BiasHH != nil {
				nx[j] = p.BiasIH[2*size+j].Add(p.BiasHH[2*size+j]).Chain(at(p.WeightIH, 2*size+j, len(x)), x)
			}
			n[j] = nx[j].Chain(at(p.WeightHH, 2*size+j, size), q).Tanh()
		} else {
			n[j] = nx[j].MulAdd(r[j], nh[j]).Tanh()
		}
		if c.Textbook { // (4)
			h2[j] = h[j].MulAdd(z[j], n[j].Sub(h[j]))
		} else {
			h2[j] = n[j].MulAdd(z[j], h[j].Sub(n[j]))
		}
	}
	return [][]N{h2}, [][]N{x, h, r, z, n, nh, q}
}

// StepBack, given dh of the state after the step, computes
//
//	(5) dn = dh (1-z)   dz = dh (h-n)   dh_prev = dh z
//	    and in the textbook form  dn = dh z   dz = dh (n-h)   dh_prev = dh (1-z)
//	(6) da_n = dn (1-n^2)   da_z = dz z(1-z)
//	(7) reset after:   dnh = da_n r   dr = da_n nh
//	    reset before:  dq = W_hn^T da_n   dr = dq h   dh_prev += dq r
//	(8) da_r = dr r(1-r)
//	(9) dx += W_ih^T da   dh_prev += W_hh^T [da_r, da_z] + W_hn^T dnh (reset after)
//	(10) dW_ih += da x^T   dW_hh += [da_r, da_z] h^T and dnh h^T or da_n q^T; the biases likewise
func (c GRU[N]) StepBack(p Weights[N], tape, d [][]N, dx []N) (dprev [][]N, outer []Outer[N]) {
	x, h, r, z, n, nh, q := tape[0], tape[1], tape[2], tape[3], tape[4], tape[5], tape[6]
	dh, size := d[0], len(h)
	var zero N
	one := zero.Of(1)
	slope := func(y N) N { return y.Mul(one.Sub(y)) }
	da, direct, recurrent := zeros[N](3*size), make([]N, size), make([]N, size)
	for j := range size {
		keep := one.Sub(z[j])
		dn, dz := dh[j].Mul(keep), dh[j].Mul(h[j].Sub(n[j])) // (5)
		direct[j] = dh[j].Mul(z[j])
		if c.Textbook {
			dn, dz = dh[j].Mul(z[j]), dh[j].Mul(n[j].Sub(h[j]))
			direct[j] = dh[j].Mul(keep)
		}
		da[2*size+j] = dn.Mul(one.Sub(n[j].Mul(n[j]))) // (6)
		da[size+j] = dz.Mul(slope(z[j]))
	}
	last := da[2*size:]
	with := h
	if c.ResetBefore {
		with, recurrent = q, last
		dq := zeros[N](size)
		addTransposed(dq, p.WeightHH[2*size*size:], last) // (7)
		for j := range size {
			da[j] = dq[j].Mul(h[j]).Mul(slope(r[j])) // (8)
			direct[j] = direct[j].MulAdd(dq[j], r[j])
		}
	} else {
		for j := range size {
			recurrent[j] = last[j].Mul(r[j])            // (7)
			da[j] = last[j].Mul(nh[j]).Mul(slope(r[j])) // (8)
		}
	}
	dhPrev := zeros[N](size) // (9)
	addTransposed(dx, p.WeightIH, da)
	if c.ResetBefore {
		addTransposed(dhPrev, p.WeightHH[:2*size*size], da[:2*size])
	} else {
		addTransposed(dhPrev, p.WeightHH, append(append([]N(nil), da[:2*size]...), recurrent...))
	}
	for j := range size {
		dhPrev[j] = dhPrev[j].Add(direct[j])
	}
	return [][]N{dhPrev}, []Outer[N]{ // (10)
		{Param: WeightIH, D: da, In: x},
		{Param: WeightHH, D: da[:2*size], In: h},
		{Param: WeightHH, Row: 2 * size, D: recurrent, In: with},
		{Param: BiasIH, D: da},
		{Param: BiasHH, D: da[:2*size]},
		{Param: BiasHH, Row: 2 * size, D: recurrent},
	}
}
