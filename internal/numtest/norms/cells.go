package norms

// LSTM is the textbook's, gates in the order i, f, g, o:
//
//	a = b + W_ih x + W_hh h    i, f, o = sigmoid(a)    g = tanh(a)
//	c' = f c + i g             h' = o tanh(c')
type LSTM struct{}

func (LSTM) gates() int   { return 4 }
func (LSTM) states() int  { return 2 }
func (LSTM) tape() int    { return 5 }
func (LSTM) ahead() []run { return []run{{0, 4}} }
func (LSTM) back() []run  { return []run{{0, 4}} }

// forward: errors enter through the products of the four gates with h, and with c.
func (LSTM) forward(p *Pass, t int) {
	m, h, cPrev, hNext, cNext := p.m, p.before(0, t), p.before(1, t), p.after(0, t), p.after(1, t)
	ki, kf, kg, ko, kt := p.kept(0, t), p.kept(1, t), p.kept(2, t), p.kept(3, t), p.kept(4, t)
	p.overX(t, m.bias, nil)
	m.ahead[0].chains(p.s, p.q, h.V)
	var hs, cs spread
	for j := range m.H {
		var bound [sources]float64
		gate := func(k int) value {
			r := k*m.H + j
			a := p.dot(&m.ahead[0], r, r, 1+m.In+m.H, p.stateNorm[:1])
			bound[k] = a.moved()
			return a
		}
		cp := from(cPrev.get(j))
		bound[4] = cp.e
		i, f, g, o := gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid()
		c := f.fma(cp, i.mul(g)).flushed()
		tc := c.tanh()
		byC := [sources]float64{g.v * i.v * (1 - i.v), cp.v * f.v * (1 - f.v), i.v * (1 - g.v*g.v), 0, f.v}
		byH := byC
		for k := range byH {
			byH[k] *= o.v * (1 - tc.v*tc.v)
		}
		byH[3] = tc.v * o.v * (1 - o.v)
		cNext.set(j, cs.take(c, byC[:], bound[:]))
		hNext.set(j, hs.take(o.mul(tc).flushed(), byH[:], bound[:]))
		ki[j], kf[j], kg[j], ko[j], kt[j] = i.bounded(), f.bounded(), g.bounded(), o.bounded(), tc.bounded()
	}
	n := p.stateNorm[0]
	norms := []float64{m.gateNorm[0] * n, m.gateNorm[1] * n, m.gateNorm[2] * n, m.gateNorm[3] * n, p.stateNorm[1]}
	p.stateNorm[0], p.stateNorm[1] = hs.norm(norms...), cs.norm(norms...)
}

// backward: errors enter with dh and dc.
//
//	d = dh + dy    D = dc + d o (1 - tanh(c')^2)    dc of step t-1 = D f
//	da_i = D g i(1-i)   da_f = D c f(1-f)   da_g = D i (1-g^2)   da_o = d tanh(c') o(1-o)
func (LSTM) backward(p *Pass, t int) {
	m, h, cPrev, dh, dc, dy := p.m, p.before(0, t), p.before(1, t), p.StateGrad[0], p.StateGrad[1], p.dyAt(t)
	ki, kf, kg, ko, kt := p.kept(0, t), p.kept(1, t), p.kept(2, t), p.kept(3, t), p.kept(4, t)
	var is, fs, gs, os, cs spread
	for j := range m.H {
		bound := [2]float64{dh.E[j], dc.E[j]}
		i, f, g, o, tc, cp := known(ki[j]), known(kf[j]), known(kg[j]), known(ko[j]), known(kt[j]), known(cPrev.get(j))
		d := from(dh.get(j)).add(exact(dy[j]))
		D := d.mul(o).fma(tc.tanhSlope(), from(dc.get(j)))
		put := func(s *spread, k int, a value, byDh, byDc float64) {
			p.dih.set(k*m.H+j, s.take(a.flushed(), []float64{byDh, byDc}, bound[:]))
		}
		ii, ff, gg, oo := i.sigmoidSlope(), f.sigmoidSlope(), g.tanhSlope(), o.sigmoidSlope()
		toD := o.v * (1 - tc.v*tc.v)
		put(&is, 0, D.mul(g).mul(ii), toD*g.v*ii.v, g.v*ii.v)
		put(&fs, 1, D.mul(cp).mul(ff), toD*cp.v*ff.v, cp.v*ff.v)
		put(&gs, 2, D.mul(i).mul(gg), toD*i.v*gg.v, i.v*gg.v)
		put(&os, 3, d.mul(tc).mul(oo), tc.v*oo.v, 0)
		dc.set(j, cs.take(D.mul(f).flushed(), []float64{toD * f.v, f.v}, bound[:]))
	}
	for k, s := range []*spread{&is, &fs, &gs, &os} {
		p.dihNorm[k] = s.norm(p.gradNorm...)
	}
	p.gradNorm[1] = cs.norm(p.gradNorm...)
	p.hh[0].take(t, p.dih, h)
	p.carry()
}

// RNN is a plain layer: h' = tanh(b + W_ih x + W_hh h).
type RNN struct{}

func (RNN) gates() int   { return 1 }
func (RNN) states() int  { return 1 }
func (RNN) tape() int    { return 0 }
func (RNN) ahead() []run { return []run{{0, 1}} }
func (RNN) back() []run  { return []run{{0, 1}} }

// forward: errors enter through the product with h.
func (RNN) forward(p *Pass, t int) {
	m, h, hNext := p.m, p.before(0, t), p.after(0, t)
	p.overX(t, m.bias, nil)
	m.ahead[0].chains(p.s, p.q, h.V)
	var hs spread
	for j := range m.H {
		a := p.dot(&m.ahead[0], j, j, 1+m.In+m.H, p.stateNorm)
		y := a.tanh().flushed()
		hNext.set(j, hs.take(y, []float64{1 - y.v*y.v}, []float64{a.moved()}))
	}
	p.stateNorm[0] = hs.norm(m.gateNorm[0] * p.stateNorm[0])
}

// backward: errors enter with dh. da = (1 - h'^2) (dh + dy).
func (RNN) backward(p *Pass, t int) {
	m, h, y, dh, dy := p.m, p.before(0, t), p.after(0, t), p.StateGrad[0], p.dyAt(t)
	var as spread
	for j := range m.H {
		d, slope := from(dh.get(j)).add(exact(dy[j])), known(y.get(j)).tanhSlope()
		p.dih.set(j, as.take(slope.mul(d).flushed(), []float64{slope.v}, dh.E[j:]))
	}
	p.dihNorm[0] = as.norm(p.gradNorm...)
	p.hh[0].take(t, p.dih, h)
	p.carry()
}

// carry sets the gradient of h of the step before to W_hh^T da.
func (p *Pass) carry() {
	m, dh := p.m, p.StateGrad[0]
	p.zero(m.H)
	m.back[0].chains(p.s, p.q, p.dih.V)
	var s spread
	for j := range m.H {
		a := p.dot(&m.back[0], j, j, len(p.dih.V), p.dihNorm).flushed()
		dh.set(j, s.take(a, []float64{1}, []float64{a.moved()}))
	}
	p.gradNorm[0] = s.norm(p.stretch(0, p.dihNorm))
}

// GRU has its gates in the order r, z, n:
//
//	r, z = sigmoid(b + W_ih x + W_hh h)    h' = (1-z) n + z h
//	n = tanh(nx + r nh)   nx = b_in + W_in x   nh = b_hn + W_hn h
//	or, with the reset before, n = tanh(b + W_in x + W_hn q)   q = r h
type GRU struct {
	ResetBefore bool // the reset gate acts on h, not on the product W_hn h
}

func (GRU) gates() int   { return 3 }
func (GRU) states() int  { return 1 }
func (GRU) tape() int    { return 4 }
func (GRU) ahead() []run { return []run{{0, 2}, {2, 1}} }
func (c GRU) back() []run {
	if c.ResetBefore {
		return c.ahead()
	}
	return []run{{0, 3}}
}

// forward: errors enter through the products of r and z with h, through that of n
// with h or q, and with h.
func (c GRU) forward(p *Pass, t int) {
	m, h, hNext := p.m, p.before(0, t), p.after(0, t)
	H, links := m.H, 1+m.In+m.H
	kr, kz, kn, last := p.kept(0, t), p.kept(1, t), p.kept(2, t), p.kept(3, t) // last: nh, or q
	hNorm := p.stateNorm[0]
	norms := []float64{m.gateNorm[0] * hNorm, m.gateNorm[1] * hNorm, m.gateNorm[2] * hNorm, hNorm}
	with := p.stateNorm // the norm of what n's rows multiply
	if c.ResetBefore {
		p.overX(t, m.bias, nil)
		m.ahead[0].chains(p.s, p.q, h.V)
		var qs spread
		for j := range H {
			a, hj := p.dot(&m.ahead[0], j, j, links, p.stateNorm), from(h.get(j))
			r := a.sigmoid()
			last[j] = qs.take(r.mul(hj).flushed(), []float64{hj.v * r.v * (1 - r.v), r.v}, []float64{a.moved(), hj.e})
			p.spare.set(j, last[j])
		}
		with = []float64{qs.norm(norms[0], hNorm)}
		norms[2] = m.gateNorm[2] * with[0]
		m.ahead[1].chains(p.s[2*H:], p.q[2*H:], p.spare.V)
	} else {
		p.overX(t, m.bias, m.biasIH[2*H:])
		m.ahead[0].chains(p.s, p.q, h.V)
		p.start(3*H, m.biasHH[2*H:])
		m.ahead[1].chains(p.s[3*H:], p.q[3*H:], h.V)
	}
	var hs spread
	for j := range H {
		ar, az, hj := p.dot(&m.ahead[0], j, j, links, p.stateNorm), p.dot(&m.ahead[0], H+j, H+j, links, p.stateNorm), from(h.get(j))
		r, z := ar.sigmoid(), az.sigmoid()
		var an, w value // the product with W_hn
		byR, byW := 0.0, 1.0
		if c.ResetBefore {
			w = p.dot(&m.ahead[1], j, 2*H+j, links, with)
			an = w
		} else {
			w = p.dot(&m.ahead[1], j, 3*H+j, 1+H, with)
			last[j] = w.bounded()
			nx := known(bounded{p.s[2*H+j], chainError(1+m.In, p.q[2*H+j], 0)})
			an = r.fma(w, nx)
			byR, byW = w.v*r.v*(1-r.v), r.v
		}
		n := an.tanh()
		kr[j], kz[j], kn[j] = r.bounded(), z.bounded(), n.bounded()
		byN := (1 - z.v) * (1 - n.v*n.v)
		by := []float64{byN * byR, (hj.v - n.v) * z.v * (1 - z.v), byN * byW, z.v}
		bound := []float64{ar.moved(), az.moved(), w.moved(), hj.e}
		hNext.set(j, hs.take(z.fma(hj.sub(n), n).flushed(), by, bound))
	}
	p.stateNorm[0] = hs.norm(norms...)
}

// backward: errors enter with dh, and through the products that give dq and the
// gradient for step t-1.
//
//	d = dh + dy    da_n = d (1-z) (1-n^2)    da_z = d (h-n) z(1-z)    e = d z
//	da_r = da_n nh r(1-r)   dnh = da_n r     dh of step t-1: W_hh^T [da_r, da_z, dnh] + e
//	or dq = W_hn^T da_n   da_r = dq h r(1-r) dh of step t-1: W_hh^T [da_r, da_z] + dq r + e
func (c GRU) backward(p *Pass, t int) {
	m, h, dh, dy := p.m, p.before(0, t), p.StateGrad[0], p.dyAt(t)
	H := m.H
	kr, kz, kn, last := p.kept(0, t), p.kept(1, t), p.kept(2, t), p.kept(3, t)
	var rs, zs, ns, nhs, hs spread
	for j := range H {
		r, z, n, hj, bound := known(kr[j]), known(kz[j]), known(kn[j]), known(h.get(j)), dh.E[j:]
		d := from(dh.get(j)).add(exact(dy[j]))
		keep, zz, nn, rr := exact(1).sub(z), z.sigmoidSlope(), n.tanhSlope(), r.sigmoidSlope()
		dn, byN := d.mul(keep).mul(nn).flushed(), keep.v*nn.v
		p.dih.set(2*H+j, ns.take(dn, []float64{byN}, bound))
		p.dih.set(H+j, zs.take(d.mul(hj.sub(n)).mul(zz).flushed(), []float64{(hj.v - n.v) * zz.v}, bound))
		if !c.ResetBefore {
			nh := known(last[j])
			p.dih.set(j, rs.take(dn.mul(nh).mul(rr).flushed(), []float64{byN * nh.v * rr.v}, bound))
			p.dhh.set(2*H+j, nhs.take(dn.mul(r).flushed(), []float64{byN * r.v}, bound))
		}
	}
	dhNorm := p.gradNorm[0]
	p.dihNorm[0], p.dihNorm[1], p.dihNorm[2] = rs.norm(dhNorm), zs.norm(dhNorm), ns.norm(dhNorm)
	handed, handedNorm := p.dhh, p.dhhNorm
	dqNorm := 0.0
	dq := func(j int) value { return p.dot(&m.back[1], j, H+j, H, p.dihNorm[2:]).flushed() }
	if c.ResetBefore {
		p.zero(2 * H)
		m.back[1].chains(p.s[H:], p.q[H:], p.dih.V[2*H:])
		dqNorm = p.stretch(1, p.dihNorm[2:])
		for j := range H {
			q, hj, rr := dq(j), known(h.get(j)), known(kr[j]).sigmoidSlope()
			p.dih.set(j, rs.take(q.mul(hj).mul(rr).flushed(), []float64{hj.v * rr.v}, []float64{q.moved()}))
			p.spare.set(j, last[j])
		}
		p.dihNorm[0] = rs.norm(dqNorm)
		handed, handedNorm = p.dih.at(0, 2*H), p.dihNorm[:2]
		p.hh[1].take(t, p.dih.at(2, H), p.spare)
	} else {
		copy(handed.V, p.dih.V[:2*H])
		copy(handed.E, p.dih.E[:2*H])
		copy(handedNorm, p.dihNorm[:2])
		handedNorm[2] = nhs.norm(dhNorm)
	}
	p.hh[0].take(t, handed, h)
	p.zero(H)
	m.back[0].chains(p.s, p.q, handed.V)
	for j := range H {
		z, d := known(kz[j]), from(dh.get(j)).add(exact(dy[j]))
		w, e := p.dot(&m.back[0], j, j, len(handed.V), handedNorm), d.mul(z)
		by, bound := []float64{z.v, 1, 0}, []float64{dh.E[j], w.moved(), 0}
		if c.ResetBefore {
			q, r := dq(j), known(kr[j])
			e = q.fma(r, e)
			by[2], bound[2] = r.v, q.moved()
		}
		dh.set(j, hs.take(w.add(e).flushed(), by, bound))
	}
	p.gradNorm[0] = hs.norm(dhNorm, p.stretch(0, handedNorm), dqNorm)
}
