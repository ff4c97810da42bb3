package oracle

// LSTM is the textbook cell, two states (h, c), gates in the order i, f, g, o.
type LSTM[N Number[N]] struct{}

// Gates returns 4: input, forget, candidate, output.
func (LSTM[N]) Gates() int { return 4 }

// States returns 2: h and c.
func (LSTM[N]) States() int { return 2 }

// Step computes
//
//	(1) a  = b_ih + b_hh + W_ih x + W_hh h      in four blocks a_i a_f a_g a_o
//	(2) i  = sigmoid(a_i)   f = sigmoid(a_f)   g = tanh(a_g)   o = sigmoid(a_o)
//	(3) c' = f c + i g
//	(4) h' = o tanh(c')
func (LSTM[N]) Step(p Weights[N], x []N, prev [][]N) (next, tape [][]N) {
	h, c := prev[0], prev[1]
	n := len(h)
	a := preactivation(p, x, h) // (1)
	i, f, g, o := make([]N, n), make([]N, n), make([]N, n), make([]N, n)
	c2, h2 := make([]N, n), make([]N, n)
	for j := range n {
		i[j], f[j], g[j], o[j] = a[j].Sigmoid(), a[n+j].Sigmoid(), a[2*n+j].Tanh(), a[3*n+j].Sigmoid() // (2)
		c2[j] = i[j].Mul(g[j]).MulAdd(f[j], c[j])                                                      // (3)
		h2[j] = o[j].Mul(c2[j].Tanh())                                                                 // (4)
	}
	return [][]N{h2, c2}, [][]N{x, h, c, i, f, g, o, c2}
}

// StepBack, given dh and dc of the state after the step, computes
//
//	(5) do = dh tanh(c')
//	(6) dc' = dc + dh o (1 - tanh(c')^2)
//	(7) di = dc' g      df = dc' c      dg = dc' i
//	(8) da_i = di i(1-i)   da_f = df f(1-f)   da_g = dg (1-g^2)   da_o = do o(1-o)
//	(9) dx += W_ih^T da    dh_prev = W_hh^T da    dc_prev = dc' f
//	(10) dW_ih += da x^T   dW_hh += da h^T   db_ih += da   db_hh += da
func (LSTM[N]) StepBack(p Weights[N], tape, d [][]N, dx []N) (dprev [][]N, outer []Outer[N]) {
	x, h, c, i, f, g, o, c2 := tape[0], tape[1], tape[2], tape[3], tape[4], tape[5], tape[6], tape[7]
	dh, dc := d[0], d[1]
	n := len(h)
	var zero N
	one := zero.Of(1)
	da, dcPrev := make([]N, 4*n), make([]N, n)
	for j := range n {
		tc := c2[j].Tanh()
		do := dh[j].Mul(tc)                                       // (5)
		dc2 := dc[j].MulAdd(dh[j].Mul(o[j]), one.Sub(tc.Mul(tc))) // (6)
		di, df, dg := dc2.Mul(g[j]), dc2.Mul(c[j]), dc2.Mul(i[j]) // (7)
		da[j] = di.Mul(i[j].Mul(one.Sub(i[j])))                   // (8)
		da[n+j] = df.Mul(f[j].Mul(one.Sub(f[j])))                 //
		da[2*n+j] = dg.Mul(one.Sub(g[j].Mul(g[j])))               //
		da[3*n+j] = do.Mul(o[j].Mul(one.Sub(o[j])))               //
		dcPrev[j] = dc2.Mul(f[j])                                 // (9)
	}
	dhPrev := make([]N, n)
	addTransposed(dx, p.WeightIH, da)         // (9)
	addTransposed(dhPrev, p.WeightHH, da)     //
	return [][]N{dhPrev, dcPrev}, []Outer[N]{ // (10)
		{Param: WeightIH, D: da, In: x},
		{Param: WeightHH, D: da, In: h},
		{Param: BiasIH, D: da},
		{Param: BiasHH, D: da},
	}
}
