package ref

// LSTMGates computes the element-wise part of one LSTM step for one row of H
// units (Hochreiter and Schmidhuber 1997, with the forget gate of Gers, 2000):
//
//	(1) i = sigmoid(i)   f = sigmoid(f)   g = tanh(g)   o = sigmoid(o)
//	(2) c = f*cPrev + i*g      one product rounded, then one fused multiply-add
//	(3) h = o*tanh(c)          of c as it is stored
//
// i, f, g and o come in as pre-activations W_ih x + W_hh h + b and are replaced
// by the activations, which [LSTMGatesGrad] needs. c and h are set; tiny values
// of both are flushed to +0. c may be cPrev.
func LSTMGates(i, f, g, o, c, h, cPrev []float32) {
	for j := range h {
		i[j], f[j], g[j], o[j] = Sigmoid1(i[j]), Sigmoid1(f[j]), Tanh1(g[j]), Sigmoid1(o[j]) // (1)
		c[j] = Flush(FMA(f[j], cPrev[j], float32(i[j]*g[j])))                                // (2)
		h[j] = Flush(o[j] * Tanh1(c[j]))                                                     // (3)
	}
}

// LSTMGatesGrad is the backward step of [LSTMGates] for one row of H units. dh is the
// gradient of h_t that comes from step t+1, dy the one that comes from the layer above,
// and dc the gradient of c_t that comes from step t+1:
//
//	(4) d  = dh + dy                          gradient of h
//	(5) D  = dc + d*o*(1 - tanh(c)^2)         gradient of c, from (3)
//	(6) o' = d*tanh(c) * o(1-o)               gradients of the pre-activations,
//	    i' = D*g       * i(1-i)               from (2) and (1)
//	    f' = D*cPrev   * f(1-f)
//	    g' = D*i       * (1-g^2)
//	(7) dc = D*f                              the gradient of c_{t-1}, for step t-1
//
// i, f, g and o come in as the activations and are replaced by (6); dc is
// replaced by (7); c, cPrev, dh and dy are read. Tiny results become +0.
func LSTMGatesGrad(i, f, g, o, dc, c, cPrev, dh, dy []float32) {
	for j := range dc {
		iv, fv, gv, ov := i[j], f[j], g[j], o[j]
		d := dh[j] + dy[j] // (4)
		tc := Tanh1(c[j])
		D := FMA(float32(d*ov), FMA(-tc, tc, 1), dc[j]) // (5)
		o[j] = Flush(float32(d*tc) * slope(ov))         // (6)
		i[j] = Flush(float32(D*gv) * slope(iv))         // (6)
		f[j] = Flush(float32(D*cPrev[j]) * slope(fv))   // (6)
		g[j] = Flush(float32(D*iv) * FMA(-gv, gv, 1))   // (6)
		dc[j] = Flush(D * fv)                           // (7)
	}
}
