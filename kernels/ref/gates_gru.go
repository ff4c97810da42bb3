package ref

// The gates of a gated recurrent unit (Cho et al. 2014, "Learning phrase
// representations"). r resets, z updates, n is the candidate state:
//
//	r = sigmoid(W_ir x + W_hr h + b)   z = sigmoid(W_iz x + W_hz h + b)
//	reset after:   n = tanh(W_in x + b_in + r*(W_hn h + b_hn))
//	reset before:  n = tanh(W_in x + W_hn (r*h) + b)
//	h' = (1-z)*n + z*h        or, in the textbook form, (1-z)*h + z*n
//
// With the reset after the product one kernel finishes a step. With the reset
// before it there are two, since W_hn (r*h) has to be computed between them.
// Numbers of equations are those of package gru.

// GRUGates finishes the step of one row of H units with the reset after the
// product:
//
//	(1) r = sigmoid(r)   z = sigmoid(z)
//	(2) n = tanh(n + r*nh)      one fused multiply-add
//	(3) h = n + z*(hPrev - n)   one subtraction, one fused multiply-add
//
// r and z come in as pre-activations, n as W_in x + b_in, and are replaced by
// their activations; nh = W_hn hPrev + b_hn is read; h is set, tiny values
// flushed to +0. h may be hPrev.
func GRUGates(r, z, n, nh, h, hPrev []float32) {
	for j := range h {
		r[j] = Sigmoid1(r[j])                // (1)
		n[j] = Tanh1(FMA(r[j], nh[j], n[j])) // (2)
		z[j] = Sigmoid1(z[j])                // (1)
		h[j] = mix(z[j], n[j], hPrev[j])     // (3)
	}
}

// GRUGatesTextbook is [GRUGates] with the textbook's last line:
//
//	(3) h = hPrev + z*(n - hPrev)
func GRUGatesTextbook(r, z, n, nh, h, hPrev []float32) {
	for j := range h {
		r[j] = Sigmoid1(r[j])                // (1)
		n[j] = Tanh1(FMA(r[j], nh[j], n[j])) // (2)
		z[j] = Sigmoid1(z[j])                // (1)
		h[j] = mix(z[j], hPrev[j], n[j])     // (3)
	}
}

// mix is (1-z)*a + z*b, flushed.
func mix(z, a, b float32) float32 { return Flush(FMA(z, b-a, a)) }

// GRUGatesGrad is the backward step of [GRUGates] for one row of H units. dh is the
// gradient of h_t that comes from step t+1, dy the one that comes from the layer above:
//
//	(4) d = dh + dy
//	(5) n'  = d*(1-z)     * (1-n^2)     gradients of the pre-activations,
//	    z'  = d*(hPrev-n) * z(1-z)      from (3), (2) and (1)
//	    nh' = n'*r
//	    r'  = n'*nh       * r(1-r)
//	(6) e = d*z                         the part of (8) that passes through no product
//
// r, z and n come in as the activations and nh as it was; they are replaced by
// (5), tiny results as +0. dh is replaced by (6); hPrev and dy are read.
func GRUGatesGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	for j := range dh {
		d := dh[j] + dy[j] // (4)
		zv, nv := z[j], n[j]
		gruGrad(j, d, 1-zv, hPrev[j]-nv, r, z, n, nh) // (5)
		dh[j] = float32(d * zv)                       // (6)
	}
}

// GRUGatesTextbookGrad is the backward step of [GRUGatesTextbook]: in (5) and
// (6) z and 1-z change places, and
//
//	(5) z' = d*(n-hPrev) * z(1-z)
func GRUGatesTextbookGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	for j := range dh {
		d := dh[j] + dy[j] // (4)
		zv, nv := z[j], n[j]
		gruGrad(j, d, zv, nv-hPrev[j], r, z, n, nh) // (5)
		dh[j] = float32(d * (1 - zv))               // (6)
	}
}

// gruGrad is (5) for unit j; dn is the derivative of h by n, dz that by z.
func gruGrad(j int, d, dn, dz float32, r, z, n, nh []float32) {
	a := candidateGrad(d, dn, n[j])
	z[j] = Flush(float32(d*dz) * slope(z[j]))                                 // (5)
	r[j], nh[j], n[j] = Flush(float32(a*nh[j])*slope(r[j])), Flush(a*r[j]), a // (5)
}

// candidateGrad is the gradient of the pre-activation of n.
func candidateGrad(d, dn, n float32) float32 {
	return Flush(float32(d*dn) * FMA(-n, n, 1))
}

// GRUReset is the first half of a step of one row of H units with the reset
// before the product:
//
//	(1) r = sigmoid(r)
//	(2) q = r*hPrev
//
// r comes in as the pre-activation; q is set and takes the place of h in the
// product with W_hn, so tiny values are flushed to +0 as those of h are.
func GRUReset(r, q, hPrev []float32) {
	for j := range r {
		r[j] = Sigmoid1(r[j])         // (1)
		q[j] = Flush(r[j] * hPrev[j]) // (2)
	}
}

// GRUUpdate is the second half:
//
//	(3) z = sigmoid(z)   n = tanh(n)
//	(4) h = n + z*(hPrev - n)   one subtraction, one fused multiply-add
//
// z and n come in as pre-activations and are replaced by the activations; h is
// set, tiny values flushed to +0. h may be hPrev.
func GRUUpdate(z, n, h, hPrev []float32) {
	for j := range h {
		z[j], n[j] = Sigmoid1(z[j]), Tanh1(n[j]) // (3)
		h[j] = mix(z[j], n[j], hPrev[j])         // (4)
	}
}

// GRUUpdateTextbook is [GRUUpdate] with the textbook's last line:
//
//	(4) h = hPrev + z*(n - hPrev)
func GRUUpdateTextbook(z, n, h, hPrev []float32) {
	for j := range h {
		z[j], n[j] = Sigmoid1(z[j]), Tanh1(n[j]) // (3)
		h[j] = mix(z[j], hPrev[j], n[j])         // (4)
	}
}

// GRUUpdateGrad is the backward step of [GRUUpdate]:
//
//	(5) d = dh + dy
//	(6) n' = d*(1-z)     * (1-n^2)
//	    z' = d*(hPrev-n) * z(1-z)
//	(7) e = d*z
//
// z and n come in as the activations and are replaced by (6), tiny results as
// +0. dh, the gradient of h_t from step t+1, is replaced by (7); hPrev and dy
// are read.
func GRUUpdateGrad(z, n, dh, hPrev, dy []float32) {
	for j := range dh {
		d := dh[j] + dy[j] // (5)
		zv, nv := z[j], n[j]
		n[j] = candidateGrad(d, 1-zv, nv)                  // (6)
		z[j] = Flush(float32(d*(hPrev[j]-nv)) * slope(zv)) // (6)
		dh[j] = float32(d * zv)                            // (7)
	}
}

// GRUUpdateTextbookGrad is the backward step of [GRUUpdateTextbook]: in (6) and
// (7) z and 1-z change places, and
//
//	(6) z' = d*(n-hPrev) * z(1-z)
func GRUUpdateTextbookGrad(z, n, dh, hPrev, dy []float32) {
	for j := range dh {
		d := dh[j] + dy[j] // (5)
		zv, nv := z[j], n[j]
		n[j] = candidateGrad(d, zv, nv)                    // (6)
		z[j] = Flush(float32(d*(nv-hPrev[j])) * slope(zv)) // (6)
		dh[j] = float32(d * (1 - zv))                      // (7)
	}
}

// GRUResetGrad is the backward step of [GRUReset]. With dq the gradient of q,
// the product of W_hn^T and n':
//
//	(9) r' = dq*hPrev * r(1-r)
//	    e  = e + dq*r            one fused multiply-add
//
// r comes in as the activation and is replaced by its pre-activation's
// gradient, tiny results as +0; e is added to; dq and hPrev are read.
func GRUResetGrad(r, e, dq, hPrev []float32) {
	for j := range r {
		rv := r[j]
		r[j] = Flush(float32(dq[j]*hPrev[j]) * slope(rv)) // (9)
		e[j] = FMA(dq[j], rv, e[j])                       // (9)
	}
}
