package kernels

// GRUGates is the element-wise part of one GRU step with the reset after the
// product, for one row of H units. r and z are pre-activations, n is the input's
// share of the candidate's; they are replaced by the activations. nh is the
// candidate's recurrent share, W_hn hPrev + b_hn. h is set:
//
//	n = tanh(n + sigmoid(r)*nh)      h = (1-z)*n + z*hPrev,  z = sigmoid(z)
//
// The exact order of operations is that of [ref.GRUGates]. h may be hPrev.
func (t ISA) GRUGates(r, z, n, nh, h, hPrev []float32) {
	t.need()
	same("GRUGates", "r", len(r), "z", len(z))
	same("GRUGates", "r", len(r), "n", len(n))
	same("GRUGates", "r", len(r), "nh", len(nh))
	same("GRUGates", "r", len(r), "h", len(h))
	same("GRUGates", "r", len(r), "hPrev", len(hPrev))
	gruGates(t, r, z, n, nh, h, hPrev)
}

// GRUGatesGrad is the backward step of [ISA.GRUGates] for one row of H units. r, z and
// n are the saved activations, nh is as it was: they are replaced by the
// gradients of the pre-activations of r and z and of both shares of the
// candidate's. dh is the gradient of h_t carried from step t+1 and dy the one from
// above; dh is replaced by the part of the gradient of hPrev that does not pass
// through a product. The equations are those of [ref.GRUGatesGrad].
func (t ISA) GRUGatesGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	t.need()
	same("GRUGatesGrad", "r", len(r), "z", len(z))
	same("GRUGatesGrad", "r", len(r), "n", len(n))
	same("GRUGatesGrad", "r", len(r), "nh", len(nh))
	same("GRUGatesGrad", "r", len(r), "dh", len(dh))
	same("GRUGatesGrad", "r", len(r), "hPrev", len(hPrev))
	same("GRUGatesGrad", "r", len(r), "dy", len(dy))
	gruGatesGrad(t, r, z, n, nh, dh, hPrev, dy)
}

// GRUGatesTextbook is [ISA.GRUGates] with h = (1-z)*hPrev + z*n.
func (t ISA) GRUGatesTextbook(r, z, n, nh, h, hPrev []float32) {
	t.need()
	same("GRUGatesTextbook", "r", len(r), "z", len(z))
	same("GRUGatesTextbook", "r", len(r), "n", len(n))
	same("GRUGatesTextbook", "r", len(r), "nh", len(nh))
	same("GRUGatesTextbook", "r", len(r), "h", len(h))
	same("GRUGatesTextbook", "r", len(r), "hPrev", len(hPrev))
	gruGatesTextbook(t, r, z, n, nh, h, hPrev)
}

// GRUGatesTextbookGrad is the backward step of [ISA.GRUGatesTextbook], with the
// arguments of [ISA.GRUGatesGrad].
func (t ISA) GRUGatesTextbookGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	t.need()
	same("GRUGatesTextbookGrad", "r", len(r), "z", len(z))
	same("GRUGatesTextbookGrad", "r", len(r), "n", len(n))
	same("GRUGatesTextbookGrad", "r", len(r), "nh", len(nh))
	same("GRUGatesTextbookGrad", "r", len(r), "dh", len(dh))
	same("GRUGatesTextbookGrad", "r", len(r), "hPrev", len(hPrev))
	same("GRUGatesTextbookGrad", "r", len(r), "dy", len(dy))
	gruGatesTextbookGrad(t, r, z, n, nh, dh, hPrev, dy)
}

// GRUReset begins the element-wise part of one GRU step with the reset before the
// product, for one row of H units: r, a pre-activation, is replaced by sigmoid(r),
// and q = r*hPrev is set. [ISA.GRUUpdate] follows when W_hn q has been added to the
// candidate.
func (t ISA) GRUReset(r, q, hPrev []float32) {
	t.need()
	same("GRUReset", "r", len(r), "q", len(q))
	same("GRUReset", "r", len(r), "hPrev", len(hPrev))
	gruReset(t, r, q, hPrev)
}

// GRUResetGrad is the backward step of [ISA.GRUReset]. dq is the gradient of q. r, the
// saved activation, is replaced by the gradient of its pre-activation; dq*r is
// added to e, the part of the gradient of hPrev that [ISA.GRUUpdateGrad] left.
func (t ISA) GRUResetGrad(r, e, dq, hPrev []float32) {
	t.need()
	same("GRUResetGrad", "r", len(r), "e", len(e))
	same("GRUResetGrad", "r", len(r), "dq", len(dq))
	same("GRUResetGrad", "r", len(r), "hPrev", len(hPrev))
	gruResetGrad(t, r, e, dq, hPrev)
}

// GRUUpdate ends the step that [ISA.GRUReset] began: z and n are pre-activations and are
// replaced by the activations; h = (1-z)*n + z*hPrev is set. h may be hPrev.
func (t ISA) GRUUpdate(z, n, h, hPrev []float32) {
	t.need()
	same("GRUUpdate", "z", len(z), "n", len(n))
	same("GRUUpdate", "z", len(z), "h", len(h))
	same("GRUUpdate", "z", len(z), "hPrev", len(hPrev))
	gruUpdate(t, z, n, h, hPrev)
}

// GRUUpdateGrad is the backward step of [ISA.GRUUpdate]. z and n are the saved
// activations and are replaced by the gradients of the pre-activations; dh is the
// gradient of h_t carried from step t+1, dy the one from above, and dh is replaced
// by the part of the gradient of hPrev that does not pass through a product.
func (t ISA) GRUUpdateGrad(z, n, dh, hPrev, dy []float32) {
	t.need()
	same("GRUUpdateGrad", "z", len(z), "n", len(n))
	same("GRUUpdateGrad", "z", len(z), "dh", len(dh))
	same("GRUUpdateGrad", "z", len(z), "hPrev", len(hPrev))
	same("GRUUpdateGrad", "z", len(z), "dy", len(dy))
	gruUpdateGrad(t, z, n, dh, hPrev, dy)
}

// GRUUpdateTextbook is [ISA.GRUUpdate] with h = (1-z)*hPrev + z*n.
func (t ISA) GRUUpdateTextbook(z, n, h, hPrev []float32) {
	t.need()
	same("GRUUpdateTextbook", "z", len(z), "n", len(n))
	same("GRUUpdateTextbook", "z", len(z), "h", len(h))
	same("GRUUpdateTextbook", "z", len(z), "hPrev", len(hPrev))
	gruUpdateTextbook(t, z, n, h, hPrev)
}

// GRUUpdateTextbookGrad is the backward step of [ISA.GRUUpdateTextbook], with the
// arguments of [ISA.GRUUpdateGrad].
func (t ISA) GRUUpdateTextbookGrad(z, n, dh, hPrev, dy []float32) {
	t.need()
	same("GRUUpdateTextbookGrad", "z", len(z), "n", len(n))
	same("GRUUpdateTextbookGrad", "z", len(z), "dh", len(dh))
	same("GRUUpdateTextbookGrad", "z", len(z), "hPrev", len(hPrev))
	same("GRUUpdateTextbookGrad", "z", len(z), "dy", len(dy))
	gruUpdateTextbookGrad(t, z, n, dh, hPrev, dy)
}
