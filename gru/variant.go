package gru

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// variant is one GRU step with everything that Config can add to resetAfter and
// resetBefore. Where nothing is added it computes what they do, bit for bit, in
// more and smaller kernels.
//
// The equations with the numbers of resetAfter; what Config leaves out is not
// there. h~ is h_{t-1}, in training without the units that HiddenDropout drops;
// in the textbook's form z and 1-z change places, as do n and h_{t-1} in da_z:
//
//	(0) a_r, a_z, nx, nh as there, over h~    or with LayerNorm
//	    a_r, a_z = gain_ih*norm(W_ih x_t) + b + gain_hh*norm(W_hh h~)
//	    nx = gain_in*norm(W_ih x_t) + b_in    nh = gain_hn*norm(W_hh h~) + b_hn
//	(1) r = F(clip a_r)   z = F(clip a_z)
//	(2) a_n = nx + r*nh   n = G(clip a_n)
//	    or with ResetBefore
//	    q = r*h~   a_n = b_n + W_in x_t + W_hn q
//	(3) h' = (1-z)*n + z*h_{t-1}, or (1-z)*h_{t-1} + z*n
//	    h_t = h', or h_{t-1} where Zoneout keeps it
//
// Backward, dh being the gradient of h_t that comes from step t+1:
//
//	(4) d = dh + dy_t; by (3) it is the gradient of h', and e that of h_{t-1}
//	(5) da_n = d*(1-z)*G'   da_z = d*(h_{t-1}-n)*F'     all da are 0 where clip limits
//	    dnh = da_n*r   da_r = da_n*nh*F'
//	(6) e += d*z
//	    with ResetBefore, in place of dnh and da_r of (5)
//	    dq = W_hn^T da_n   da_r = dq*h~*F'   e += dq*r, through the mask of h~
//	    dX = da, or norm'(gain_ih*da)         the gradients of the two products
//	    dY = [da_r, da_z, dnh], or norm'(gain_hh*[...])
//	(7) dh = W_hh^T dY                        through the mask of h~
//	(8) dh = dh + e                           for step t-1
//	(9) dW_ih += dX x_t^T   dW_hh += dY h~^T, or da_n q^T   db_ih += da
//	    db_hh += [da_r, da_z, dnh]   dgain += da*norm(...)
type variant struct {
	cfg  Config
	gate seq.Gate // of r and z
	cand seq.Gate // of n
	update

	// The first columns of the parts of a tape row; 0 for those that are not
	// there, but for x, which is.
	x, da, nh, xHat, hHat, dh, act, q, hMasked, dev int
	width                                           int
}

func newVariant(c Config) *variant {
	v := &variant{cfg: c, update: c.update(), gate: seq.Gate{F: seq.Activation(c.GateActivation), Clip: c.Clip}, cand: seq.Gate{F: seq.Activation(c.CandidateActivation), Clip: c.Clip}}
	H := c.Hidden
	var cols seq.Columns
	v.x = cols.Take(3*H, true)           // a, after Backward dX
	v.da = cols.Take(3*H, c.LayerNorm)   // da where it is not dX
	v.nh = cols.Take(H, !c.ResetBefore)  // behind da, where dnh has its place
	v.xHat = cols.Take(3*H, c.LayerNorm) // r, z and n
	v.hHat = cols.Take(3*H, c.LayerNorm)
	v.dh = cols.Take(3*H, c.LayerNorm) // dY where it is not da_r, da_z and dnh
	v.act = cols.Take(3*H, true)       // r, z, n
	v.q = cols.Take(H, c.ResetBefore)
	v.hMasked = cols.Take(H, c.HiddenDropout > 0)
	v.dev = cols.Take(2, c.LayerNorm) // 1/deviation of x and h
	v.width = int(cols)
	return v
}

func (v *variant) Shape() seq.Shape {
	H := v.cfg.Hidden
	sh := seq.Shape{
		Hidden: H, States: []int{H}, Gates: 3 * H, BiasInCell: v.cfg.LayerNorm,
		Tape: v.width, Scratch: 2 * H, Temp: 3 * H,
		Recur:  []seq.Block{{Rows: 2 * H, Col: v.dh, Factor: v.hMasked}, {Row: 2 * H, Rows: H, Col: 2 * H, Factor: v.q}},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: 3 * H, Col: v.da}, {Param: seq.BiasHh, Rows: 3 * H}},
	}
	if v.cfg.ResetBefore {
		return sh
	}
	n := &sh.Recur[1]
	n.OwnChain, n.Factor, n.Col = true, v.hMasked, v.nh
	sh.Totals[1] = seq.Total{Param: seq.BiasHh, Rows: 2 * H, Col: v.da}
	sh.Totals = append(sh.Totals, seq.Total{Param: seq.BiasHh, Row: 2 * H, Rows: H, Col: v.nh})
	if v.cfg.LayerNorm {
		n.Col = v.dh + 2*H
		sh.Extra = []seq.Extra{{Name: "gain_ih", Rows: 3 * H}, {Name: "gain_hh", Rows: 3 * H}}
		sh.Totals = append(sh.Totals,
			seq.Total{Param: seq.FirstExtra, Rows: 3 * H, Col: v.xHat}, seq.Total{Param: seq.FirstExtra + 1, Rows: 3 * H, Col: v.hHat})
	}
	return sh
}

func (v *variant) Forward(s *seq.Step) {
	H, tape := v.cfg.Hidden, &s.Tape
	from, stride := s.MaskedHidden(v.hMasked) // (0): h~
	product := func(block int, into kernels.Into, col int) {
		s.Recur[block].Gemm(into|s.Order, s.Rows, from, stride, tape.Data[col:], tape.Stride) // (0): W_hh h~, or (2): W_hn q
	}
	switch b := s.BiasHh[1]; {
	case v.cfg.LayerNorm:
		product(0, kernels.Set, v.hHat)     // (0): W_hh h~
		product(1, kernels.Set, v.hHat+2*H) // (0): W_hh h~
		for r := range s.Rows {
			v.normalise(s, tape.Row(r))
		}
	case v.cfg.ResetBefore:
		product(0, kernels.Continue, v.x) // (0): a_r, a_z
	case b != nil:
		product(0, kernels.Continue, v.x)                                           // (0): a_r, a_z
		s.Recur[1].GemmBias(s.Rows, from, stride, b, tape.Data[v.nh:], tape.Stride) // (0): nh
	default:
		product(0, kernels.Continue, v.x) // (0): a_r, a_z
		product(1, kernels.Set, v.nh)     // (0): nh
	}
	for row := range s.Rows {
		a := tape.Row(row)
		ar, az, an := thirds(a, H)
		r, z, _ := thirds(a[v.act:], H)
		v.gate.Apply(s.ISA, r, ar) // (1): r
		v.gate.Apply(s.ISA, z, az) // (1): z
		if v.cfg.ResetBefore {
			s.ISA.MulFlush(a[v.q:][:H], r, v.masked(s, row)) // (2): q
		} else {
			s.ISA.MulAdd(an, r, a[v.nh:][:H]) // (2): a_n
		}
	}
	if v.cfg.ResetBefore {
		from = tape.Data[v.q:]
		stride = tape.Stride
		product(1, kernels.Continue, 2*H) // (2): a_n
	}
	for row := range s.Rows {
		v.state(s, row)
	}
}

// masked is h~ of a row.
func (v *variant) masked(s *seq.Step, r int) []float32 {
	if v.hMasked > 0 {
		return s.Tape.Row(r)[v.hMasked:][:v.cfg.Hidden]
	}
	return s.Prev[0].Row(r)
}

// normalise computes (0) of one row with LayerNorm, given its two products.
func (v *variant) normalise(s *seq.Step, row []float32) {
	H := v.cfg.Hidden
	x, h, dev := row[v.xHat:][:3*H], row[v.hHat:][:3*H], row[v.dev:]
	dev[0] = s.ISA.Normalize(x, row[:3*H], seq.Epsilon)                  // (0): norm(W_ih x_t)
	dev[1] = s.ISA.Normalize(h, h, seq.Epsilon)                          // (0): norm(W_hh h~)
	s.ScaleShift(row[:3*H], s.Extra[0], x, s.BiasSum)                    // (0): a_r, a_z without h~; nx
	s.ISA.MulAdd(row[:2*H], s.Extra[1][:2*H], h[:2*H])                   // (0): a_r, a_z
	s.ScaleShift(row[v.nh:][:H], s.Extra[1][2*H:], h[2*H:], s.BiasHh[1]) // (0): nh
}

// state computes n of (2), and (3), of one row.
func (v *variant) state(s *seq.Step, row int) {
	H, a := v.cfg.Hidden, s.Tape.Row(row)
	_, _, an := thirds(a, H)
	_, z, n := thirds(a[v.act:], H)
	h, hPrev, next, temp := s.State[0].Row(row), s.Prev[0].Row(row), s.Temp[:H], s.Temp[H:2*H]
	v.cand.Apply(s.ISA, n, an) // (2): n
	at0, at1 := v.ends(n, hPrev)
	copy(temp, at1)                                   // (3): at1, h' for z = 1
	s.ISA.Axpy(temp, at0, -1)                         // (3): at1-at0
	copy(next, at0)                                   // (3): at0, h' for z = 0
	s.ISA.MulAdd(next, z, temp)                       // (3): h' = at0 + z*(at1-at0)
	s.ISA.CopyFlush(next, next)                       // (3): tiny values are +0
	s.Keep(seq.KeepHidden, row, h, next, hPrev, temp) // (3): h_t
}

func (v *variant) Backward(s *seq.Step) {
	H, tape := v.cfg.Hidden, &s.Tape
	for row := range s.Rows {
		v.stateGrad(s, row)
	}
	if v.cfg.ResetBefore {
		s.Recur[1].Gemm(kernels.SetFlush|s.Order, s.Rows, tape.Data[2*H:], tape.Stride, s.Scratch.Data[H:], s.Scratch.Stride) // (6): dq
		for row := range s.Rows {
			a, hMasked, temp, more := tape.Row(row), v.masked(s, row), s.Temp[:H], s.Temp[H:2*H]
			ar, r := a[:H], a[v.act:][:H]
			e, dq := s.Scratch.Row(row)[:H], s.Scratch.Row(row)[H:]
			s.ISA.Mul(temp, dq, hMasked)              // (6): dq*h~
			s.Drop(seq.DropHidden, row, dq, dq)       // (6): through the mask
			s.ISA.MulAdd(e, dq, r)                    // (6): e
			v.gate.Gradient(s.ISA, ar, r, temp, more) // (6): da_r
		}
		s.PrevHiddenGrad(0) // (7), (8)
		return
	}
	if v.cfg.LayerNorm {
		for row := range s.Rows {
			v.normaliseGrad(s, tape.Row(row))
		}
		s.PrevHiddenGrad(v.dh, v.dh+2*H) // (7), (8)
		return
	}
	s.PrevHiddenGrad(0, v.nh) // (7), (8)
}

// stateGrad computes (4), (5) and the first line of (6) of one row; with ResetBefore
// without da_r and dnh.
func (v *variant) stateGrad(s *seq.Step, row int) {
	H, t, a := v.cfg.Hidden, s.ISA, s.Tape.Row(row)
	ar, az, an := thirds(a, H)
	r, z, n := thirds(a[v.act:], H)
	d, e, hPrev := s.Grad[0].Row(row), s.Scratch.Row(row)[:H], s.Prev[0].Row(row)
	oneMinusZ, g, temp := thirds(s.Temp, H)

	t.Add(d, d, s.Dy.Row(row))               // (4): d
	s.KeepGrad(seq.KeepHidden, row, d, e, d) // (4): e
	t.Affine(oneMinusZ, z, -1, 1)            // (5), (6): 1-z
	ofN, ofH := v.factors(oneMinusZ, z)
	at0, at1 := v.ends(n, hPrev)
	t.Mul(g, d, ofN)                   // (5): d*(1-z)
	v.cand.Gradient(t, an, n, g, temp) // (5): da_n
	copy(g, at1)                       // (5): h_{t-1}
	t.Axpy(g, at0, -1)                 // (5): h_{t-1}-n
	t.Mul(g, g, d)                     // (5): d*(h_{t-1}-n)
	v.gate.Gradient(t, az, z, g, temp) // (5): da_z
	t.Mul(g, d, ofH)                   // (6): d*z
	if v.cfg.Zoneout > 0 {
		t.Add(e, e, g) // (6): e
	} else {
		copy(e, g) // (6): e
	}
	if v.cfg.ResetBefore {
		return
	}
	nh := a[v.nh:][:H]
	t.Mul(g, an, nh)                   // (5): da_n*nh
	v.gate.Gradient(t, ar, r, g, temp) // (5): da_r
	t.MulFlush(nh, an, r)              // (5): dnh
}

// normaliseGrad computes dX and dY of (6) of one row, with LayerNorm.
func (v *variant) normaliseGrad(s *seq.Step, row []float32) {
	H := v.cfg.Hidden
	dX, da, dev := row[:3*H], row[v.da:][:3*H], row[v.dev:]
	copy(da, dX)                                                                   // (6): da, ahead of dX
	s.NormalizedGrad(dX, row[v.xHat:][:3*H], s.Extra[0], da, dev[0], s.Temp[:3*H]) // (6): dX
	dY := row[v.dh:][:3*H]
	copy(dY, da[:2*H])                                                             // (6): da_r, da_z
	copy(dY[2*H:], row[v.nh:][:H])                                                 // (6): dnh
	s.NormalizedGrad(dY, row[v.hHat:][:3*H], s.Extra[1], dY, dev[1], s.Temp[:3*H]) // (6): dY
}

func thirds(a []float32, n int) (r, z, last []float32) { return a[:n], a[n : 2*n], a[2*n : 3*n] }
