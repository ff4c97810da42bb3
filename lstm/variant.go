package lstm

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// variant is one LSTM step with everything that Config can add to the textbook's
// cell. Where nothing is added it computes what cell does, bit for bit, in more
// and smaller kernels.
//
// The equations with the numbers of the forward pass of cell, for each row of the
// batch; what Config leaves out is not there. h~ is h_{t-1}, in training without
// the units that HiddenDropout drops, and p are the peepholes:
//
//	(0) a = b + W_ih x_t + W_hh h~            one chain: b, then x, then h~
//	    or with LayerNorm
//	    a = gain_ih*norm(W_ih x_t) + b + gain_hh*norm(W_hh h~)
//	(1) a_i += p_i*c_{t-1}   a_f += p_f*c_{t-1}
//	    i = F(clip a_i)   f = F(clip a_f), or 1-i   g = G(clip a_g)
//	(2) u = f*c_{t-1} + i*g   c' = clip u
//	    a_o += p_o*c'   o = F(clip a_o)
//	    n = c', or gain_c*norm(c') + bias_c
//	(3) m = o*H(n)
//	    h' = m, or W_hr m
//	(4) h_t = h', c_t = c', or those of step t-1 where Zoneout and ZoneoutCell keep them
//
// Backward, dh and dc being the gradients of h_t and c_t that come from step t+1:
//
//	(5) d = dh + dy_t; by (4) it is the gradient of h' and e that of h_{t-1};
//	    likewise dc'  and e_c of dc
//	(6) dm = d, or W_hr^T d
//	(7) da_o = dm*H(n)*F'   dn = dm*o*H'(n)
//	    D = dc' + dn, or dc' + norm'(gain_c*dn)   D += da_o*p_o   0 where clip u limits
//	(8) da_g = D*i*G'   da_i = D*g*F'   da_f = D*c_{t-1}*F'
//	    or with Coupled da_i = D*(g-c_{t-1})*F'      all da are 0 where clip limits
//	(9) dc = D*f + da_i*p_i + da_f*p_f + e_c  for step t-1
//	(10) dX = da, or norm'(gain_ih*da)        the gradients of the two products
//	     dY = da, or norm'(gain_hh*da)
//	(11) dh = W_hh^T dY + e                   for step t-1
//	(12) dx_t = W_ih^T dX   dW_ih += dX x_t^T   dW_hh += dY h~^T   db += da
//	     dW_hr += d m^T   dp_i += da_i*c_{t-1}   dp_f += da_f*c_{t-1}   dp_o += da_o*c'
//	     dgain += da*norm(...)   dgain_c += dn*norm(c')   dbias_c += dn
type variant struct {
	cfg  Config
	gate seq.Gate // of i, f and o
	cand seq.Gate // of g
	out  seq.Activation

	gates, r int // gates with weights; units of h
	// The first columns of the parts of a tape row; 0 for those that are not
	// there, but for x, which is.
	x, da, xHat, hHat, cHat, dn, dp, dh, act, u, c, m, d, hMasked, dev int
	width                                                              int
}

func newVariant(c Config) *variant {
	v := &variant{cfg: c, gates: 4, r: c.Hidden,
		gate: seq.Gate{F: seq.Activation(c.GateActivation), Clip: c.Clip}, cand: seq.Gate{F: seq.Activation(c.CandidateActivation), Clip: c.Clip},
		out: seq.Activation(c.OutputActivation)}
	if c.Coupled {
		v.gates = 3
	}
	if c.Projection > 0 {
		v.r = c.Projection
	}
	H, G := c.Hidden, v.gates*c.Hidden
	var cols seq.Columns
	// What Totals adds up stands together, from x or da to dp.
	v.x = cols.Take(G, true)         // a, after Backward dX
	v.da = cols.Take(G, c.LayerNorm) // da where it is not dX
	v.xHat = cols.Take(G, c.LayerNorm)
	v.hHat = cols.Take(G, c.LayerNorm)
	v.cHat = cols.Take(H, c.LayerNorm)
	v.dn = cols.Take(H, c.LayerNorm)
	v.dp = cols.Take((v.gates-1)*H, c.Peephole)
	v.dh = cols.Take(G, c.LayerNorm) // dY where it is not dX
	v.act = cols.Take(4*H, true)     // i, f, g, o
	v.u = cols.Take(H, c.CellClip > 0)
	v.c = cols.Take(H, c.ZoneoutCell > 0) // c' where it is not c_t
	v.m = cols.Take(H, c.Projection > 0)
	v.d = cols.Take(v.r, c.Projection > 0)
	v.hMasked = cols.Take(v.r, c.HiddenDropout > 0)
	v.dev = cols.Take(3, c.LayerNorm) // 1/deviation of x, h and c
	v.width = int(cols)
	return v
}

func (v *variant) Shape() seq.Shape {
	H, G := v.cfg.Hidden, v.gates*v.cfg.Hidden
	sh := seq.Shape{
		Hidden: H, States: []int{v.r, H}, Gates: G, BiasInCell: v.cfg.LayerNorm,
		Tape: v.width, Scratch: H + v.r, Temp: max(G, 4*H),
		Recur:  []seq.Block{{Rows: G, Col: v.dh, Factor: v.hMasked}},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: G, Col: v.da}, {Param: seq.BiasHh, Rows: G, Col: v.da}},
	}
	extra := func(e seq.Extra) int {
		sh.Extra = append(sh.Extra, e)
		return seq.FirstExtra + len(sh.Extra) - 1
	}
	vector := func(name string, rows, col int, bias bool) {
		k := extra(seq.Extra{Name: name, Rows: rows, Bias: bias})
		sh.Totals = append(sh.Totals, seq.Total{Param: k, Rows: rows, Col: col})
	}
	if v.cfg.Projection > 0 {
		sh.Project = &seq.Project{Extra: extra(seq.Extra{Name: "weight_hr", Rows: v.r, Cols: H}), Col: v.d, Factor: v.m}
	}
	if v.cfg.Peephole {
		vector("weight_peephole", (v.gates-1)*H, v.dp, false)
	}
	if v.cfg.LayerNorm {
		vector("gain_ih", G, v.xHat, false)
		vector("gain_hh", G, v.hHat, false)
		vector("gain_c", H, v.cHat, false)
		vector("bias_c", H, v.dn, true)
	}
	return sh
}

// extras are the vectors among a step's parameters.
type extras struct{ pi, pf, po, gainX, gainH, gainC, biasC []float32 }

func (v *variant) extras(s *seq.Step) (e extras) {
	list := s.Extra
	if v.cfg.Projection > 0 {
		list = list[1:]
	}
	if v.cfg.Peephole {
		H, p := v.cfg.Hidden, list[0]
		e.pi, e.po, list = p[:H], p[len(p)-H:], list[1:]
		if !v.cfg.Coupled {
			e.pf = p[H : 2*H]
		}
	}
	if v.cfg.LayerNorm {
		e.gainX, e.gainH, e.gainC, e.biasC = list[0], list[1], list[2], list[3]
	}
	return e
}

// parts cuts four gates, or three without f, into those of i, f, g and o.
func (v *variant) parts(a []float32) (i, f, g, o []float32) {
	H := v.cfg.Hidden
	if v.cfg.Coupled {
		return a[:H], nil, a[H : 2*H], a[2*H : 3*H]
	}
	return a[:H], a[H : 2*H], a[2*H : 3*H], a[3*H : 4*H]
}

func (v *variant) Forward(s *seq.Step) {
	G, tape := v.gates*v.cfg.Hidden, &s.Tape
	h, hPrev := &s.State[0], &s.Prev[0]

	from, stride := s.MaskedHidden(v.hMasked) // (0): h~
	if v.cfg.LayerNorm {
		s.Recur[0].Gemm(kernels.Set|s.Order, s.Rows, from, stride, tape.Data[v.hHat:], tape.Stride) // (0): W_hh h~
	} else {
		s.Recur[0].Gemm(kernels.Continue|s.Order, s.Rows, from, stride, tape.Data, tape.Stride) // (0)
	}
	e := v.extras(s)
	for r := range s.Rows {
		row := tape.Row(r)
		if v.cfg.LayerNorm {
			x, hh, dev := row[v.xHat:][:G], row[v.hHat:][:G], row[v.dev:]
			dev[0] = s.ISA.Normalize(x, row[:G], seq.Epsilon) // (0): norm(W_ih x_t)
			dev[1] = s.ISA.Normalize(hh, hh, seq.Epsilon)     // (0): norm(W_hh h~)
			s.ScaleShift(row[:G], e.gainX, x, s.BiasSum)      // (0): the share of x, and b
			s.ISA.MulAdd(row[:G], e.gainH, hh)                // (0): and that of h~
		}
		v.units(s, r, &e)
	}
	if v.cfg.Projection > 0 {
		to := h
		if v.cfg.Zoneout > 0 {
			to = &seq.Mat{Data: tape.Data[v.d:], Stride: tape.Stride, Width: v.r}
		}
		s.Project.Gemm(kernels.SetFlush|s.Order, s.Rows, tape.Data[v.m:], tape.Stride, to.Data, to.Stride) // (3): h' = W_hr m
		for r := range s.Rows {
			if v.cfg.Zoneout > 0 {
				s.Keep(seq.KeepHidden, r, h.Row(r), to.Row(r), hPrev.Row(r), s.Temp[:v.r]) // (4): h_t
			}
		}
	}
}

// units computes (1) to (4) of one row, but for a projection.
func (v *variant) units(s *seq.Step, r int, e *extras) {
	H, t, row := v.cfg.Hidden, s.ISA, s.Tape.Row(r)
	ai, af, ag, ao := v.parts(row[v.x:])
	i, f, g, o := quarters(row[v.act:], H)
	c, cPrev := s.State[1].Row(r), s.Prev[1].Row(r)
	temp, m := s.Temp[:H], s.Temp[H:2*H]

	if v.cfg.Peephole {
		t.MulAdd(ai, e.pi, cPrev) // (1): a_i
		if !v.cfg.Coupled {
			t.MulAdd(af, e.pf, cPrev) // (1): a_f
		}
	}
	v.gate.Apply(t, i, ai) // (1): i
	if v.cfg.Coupled {
		t.Affine(f, i, -1, 1) // (1): f = 1-i
	} else {
		v.gate.Apply(t, f, af) // (1): f
	}
	v.cand.Apply(t, g, ag) // (1): g

	cNew := v.cell(row, c)
	u := cNew
	if v.cfg.CellClip > 0 {
		u = row[v.u:][:H]
	}
	t.Mul(temp, i, g)        // (2): i*g
	t.MulAdd(temp, f, cPrev) // (2): u
	t.CopyFlush(u, temp)     // (2): tiny values are +0
	if v.cfg.CellClip > 0 {
		t.Clip(cNew, u, v.cfg.CellClip) // (2): c'
	}
	if v.cfg.Peephole {
		t.MulAdd(ao, e.po, cNew) // (2): a_o
	}
	v.gate.Apply(t, o, ao) // (2): o
	n := cNew
	if v.cfg.LayerNorm {
		cHat := row[v.cHat:][:H]
		row[v.dev:][2] = t.Normalize(cHat, cNew, seq.Epsilon) // (2): norm(c')
		n = temp
		s.ScaleShift(n, e.gainC, cHat, e.biasC) // (2): n
	}

	h := s.State[0]
	switch {
	case v.cfg.Projection > 0:
		m = row[v.m:][:H]
	case v.cfg.Zoneout == 0:
		m = h.Row(r)
	}
	v.out.Apply(t, temp, n) // (3): H(n)
	t.MulFlush(m, o, temp)  // (3): m
	if v.cfg.Zoneout > 0 && v.cfg.Projection == 0 {
		s.Keep(seq.KeepHidden, r, h.Row(r), m, s.Prev[0].Row(r), temp) // (4): h_t
	}
	if v.cfg.ZoneoutCell > 0 {
		s.Keep(seq.KeepCell, r, c, cNew, cPrev, temp) // (4): c_t
	}
}

// cell is c' of a row of the tape, where it is not the state c.
func (v *variant) cell(row, c []float32) []float32 {
	if v.cfg.ZoneoutCell > 0 {
		return row[v.c:][:len(c)]
	}
	return c
}

func quarters(a []float32, n int) (i, f, g, o []float32) {
	return a[:n], a[n : 2*n], a[2*n : 3*n], a[3*n : 4*n]
}

func (v *variant) Backward(s *seq.Step) {
	tape, dh := &s.Tape, &s.Grad[0]
	for r := range s.Rows {
		d, e, next := dh.Row(r), s.Scratch.Row(r)[:v.r], v.dm(s, r)
		if v.cfg.Projection > 0 {
			next = tape.Row(r)[v.d:][:v.r]
		}
		s.ISA.Add(d, d, s.Dy.Row(r))              // (5): d
		s.KeepGrad(seq.KeepHidden, r, next, e, d) // (5): its shares of h' and h_{t-1}; (6): dm = d
	}
	if v.cfg.Projection > 0 {
		s.Project.Gemm(kernels.SetFlush|s.Order, s.Rows, tape.Data[v.d:], tape.Stride, s.Scratch.Data[v.r:], s.Scratch.Stride) // (6): dm = W_hr^T d
	}
	e := v.extras(s)
	for r := range s.Rows {
		v.unitsGrad(s, r, &e)
	}
	s.PrevHiddenGrad(v.dh) // (11)
}

// dm is the gradient of m in row r: Scratch holds e, then dm.
func (v *variant) dm(s *seq.Step, r int) []float32 { return s.Scratch.Row(r)[v.r:] }

// unitsGrad computes (7) to (10) of one row, and what Totals adds up.
func (v *variant) unitsGrad(s *seq.Step, r int, e *extras) {
	H, G, t, row := v.cfg.Hidden, v.gates*v.cfg.Hidden, s.ISA, s.Tape.Row(r)
	ai, af, ag, ao := v.parts(row[v.x:])
	i, f, g, o := quarters(row[v.act:], H)
	dm, dc, cPrev := v.dm(s, r), s.Grad[1].Row(r), s.Prev[1].Row(r)
	cNew := v.cell(row, s.State[1].Row(r))
	n, y, slope, kept := quarters(s.Temp, H)

	if v.cfg.ZoneoutCell > 0 {
		s.KeepGrad(seq.KeepCell, r, dc, kept, dc) // (5): dc', e_c
	}
	if v.cfg.LayerNorm {
		s.ScaleShift(n, e.gainC, row[v.cHat:][:H], e.biasC) // (2): n, which the forward pass did not keep
	} else {
		n = cNew
	}
	v.out.Apply(t, y, n)                  // (3): H(n)
	clear(slope)                          // (7): no NaN, since 0*NaN is NaN
	t.Affine(slope, slope, 0, 1)          // (7): 1, the factor of H'
	v.out.Gradient(t, slope, n, y, slope) // (7): H'(n)
	do := y
	t.Mul(do, dm, y) // (7): dm*H(n)
	t.Mul(dm, dm, o) // (7): dm*o
	if v.cfg.LayerNorm {
		dn := row[v.dn:][:H]
		t.MulFlush(dn, dm, slope)                                             // (7): dn
		s.NormalizedGrad(n, row[v.cHat:][:H], e.gainC, dn, row[v.dev:][2], n) // (7): norm'(gain_c*dn)
		t.Add(dc, dc, n)                                                      // (7): D
	} else {
		t.MulAdd(dc, dm, slope) // (7): D
	}
	temp := slope
	v.gate.Gradient(t, ao, o, do, temp) // (7): da_o
	if v.cfg.Peephole {
		t.MulAdd(dc, ao, e.po)                     // (7): D += da_o*p_o
		t.MulFlush(row[v.dp+G-2*H:][:H], ao, cNew) // (12): da_o*c'
	}
	if v.cfg.CellClip > 0 {
		t.ClipGrad(dc, row[v.u:][:H], dc, v.cfg.CellClip) // (7): 0 where clip u limits
	}

	d := y
	t.Mul(d, dc, i)                    // (8): D*i
	v.cand.Gradient(t, ag, g, d, temp) // (8): da_g
	if v.cfg.Coupled {
		copy(d, g)           // (8): g
		t.Axpy(d, cPrev, -1) // (8): g-c_{t-1}
		t.Mul(d, d, dc)      // (8): D*(g-c_{t-1})
	} else {
		t.Mul(d, dc, cPrev)                // (8): D*c_{t-1}
		v.gate.Gradient(t, af, f, d, temp) // (8): da_f
		t.Mul(d, dc, g)                    // (8): D*g
	}
	v.gate.Gradient(t, ai, i, d, temp) // (8): da_i

	t.Mul(dc, dc, f) // (9): D*f
	if v.cfg.Peephole {
		t.MulAdd(dc, ai, e.pi)                // (9): + da_i*p_i
		t.MulFlush(row[v.dp:][:H], ai, cPrev) // (12): da_i*c_{t-1}
		if !v.cfg.Coupled {
			t.MulAdd(dc, af, e.pf)                  // (9): + da_f*p_f
			t.MulFlush(row[v.dp+H:][:H], af, cPrev) // (12): da_f*c_{t-1}
		}
	}
	if v.cfg.ZoneoutCell > 0 {
		t.Add(dc, dc, kept) // (9): + e_c
	}
	t.CopyFlush(dc, dc) // (9): tiny values are +0

	if v.cfg.LayerNorm {
		da, dX, dY, dev := row[v.da:][:G], row[v.x:][:G], row[v.dh:][:G], row[v.dev:]
		copy(da, dX)                                                            // (10): da, ahead of dX
		s.NormalizedGrad(dX, row[v.xHat:][:G], e.gainX, da, dev[0], s.Temp[:G]) // (10): dX
		s.NormalizedGrad(dY, row[v.hHat:][:G], e.gainH, da, dev[1], s.Temp[:G]) // (10): dY
	}
}
