package seq2seq

import "github.com/simdrnn/simdrnn/kernels"

// The part of a pass in which a row attends to its own memory. Products are chains over
// ascending indices (rule 1), dot products and softmax those of rules 7 and 10. What is
// kept for a product is flushed (rule 8).

// scratchSize returns how many floats a worker needs.
func (u *AttentionNet) scratchSize() int {
	c, isa := &u.cfg, u.isa
	t, s, w := u.steps, u.most, c.width()
	// A product of fewer rows needs no more than one with a transposed factor: GemmWork
	// grows with each size then.
	n := max(
		isa.GemmWork(true, true, t, s, w), isa.GemmWork(true, true, t, c.Memory, s), isa.GemmWork(true, true, t, w, s),
		isa.GemmWork(true, true, s, c.Memory, t), isa.GemmWork(true, true, s, w, t), isa.GemmWork(true, true, t, s, c.Memory),
	)
	if c.Score == Additive {
		n += 2*s*w + w
	}
	return n
}

func (u *AttentionNet) forwardRows(w, n int) {
	lo, hi, work := u.share(w, n)
	for b := lo; b < hi; b++ {
		u.forwardRow(b, work)
	}
}

// forwardRow sets the contexts of row b beside its queries.
func (u *AttentionNet) forwardRow(b int, work []float32) {
	c := &u.cfg
	t, s, n := u.stepsOfRow(b), u.mem.lengths[b], c.Memory+c.Query
	ld := u.batch * n
	joined := u.tape.joined[b*n:]
	for i := range u.t {
		row := joined[i*ld:][:n]
		if i < t {
			u.isa.CopyFlush(row[c.Memory:], u.tape.x[(i*u.batch+b)*c.Query:][:c.Query])
		} else {
			clear(row)
		}
		if s == 0 {
			clear(row[:c.Memory])
		}
	}
	if t == 0 || s == 0 {
		return
	}
	weights := u.tape.weights[b*u.steps*u.most:]
	if c.Score == Additive {
		for i := range t {
			work := u.hidden(b, i, work)
			score(u.isa, weights[i*u.most:][:s], work, u.maps.vector)
		}
	} else {
		u.isa.Gemm(kernels.Set, false, true, t, s, c.Query, joined[c.Memory:], ld, u.mem.keys[b*c.Query:], u.batch*c.Query, weights, u.most, work)
	}
	for i := range t {
		softmax(u.isa, weights[i*u.most:][:s])
	}
	u.isa.Gemm(kernels.SetFlush, false, false, t, c.Memory, s, weights, u.most, u.mem.m[b*c.Memory:], u.batch*c.Memory, joined, ld, work)
}

// hidden sets the begin of work to tanh(W q + U m), [S][Width], of query t of row b, and
// returns it.
func (u *AttentionNet) hidden(b, t int, work []float32) []float32 {
	w := u.cfg.Width
	return hidden(u.isa, work[:u.mem.lengths[b]*w], u.tape.mapped[(t*u.batch+b)*w:][:w], u.mem.keys[b*w:], u.batch*w)
}

// hidden sets dst [S][w] to tanh(q + k), q being [w] and k [S][w], its rows ld apart.
func hidden(isa kernels.ISA, dst, q, k []float32, ld int) []float32 {
	for i := 0; i*len(q) < len(dst); i++ {
		isa.AddFlush(dst[i*len(q):][:len(q)], q, k[i*ld:][:len(q)])
	}
	isa.Tanh(dst, dst)
	return dst
}

// score sets dst [S] to the products of the rows of h [S][w] and v [w].
func score(isa kernels.ISA, dst, h, v []float32) {
	for i := range dst {
		dst[i] = isa.Dot(h[i*len(v):][:len(v)], v)
	}
}

// softmax replaces scores by weights, which enter products.
func softmax(isa kernels.ISA, w []float32) {
	isa.Softmax(w, w)
	isa.CopyFlush(w, w)
}

func (u *AttentionNet) backwardRows(w, n int) {
	lo, hi, work := u.share(w, n)
	for b := lo; b < hi; b++ {
		u.backwardRow(b, work)
	}
}

// backwardRow sets the gradients of the memory, the keys and the mapped queries of row b,
// and adds to those of its queries in djoined. The gradient of the memory is +0 before.
//
//	da = dc m^T    ds = a (da - sum over s of a da)    dm = a^T dc
//	ds goes to dot products q·k:   dq += ds k    dk = ds^T q
//	or, with h = tanh(q' + k):     dz = (1 - h^2) v ds    dq' = sum over s of dz    dk = sum over t of dz    dv = sum of ds h
func (u *AttentionNet) backwardRow(b int, work []float32) {
	c := &u.cfg
	t, s, n, w := u.stepsOfRow(b), u.mem.lengths[b], c.Memory+c.Query, c.width()
	ld, ldm, ldk := u.batch*n, u.batch*c.Memory, u.batch*w
	if u.maps.key != nil {
		for i := range u.mem.steps {
			clear(u.mem.dkeys[(i*u.batch+b)*w:][:w])
		}
	}
	if u.maps.query != nil {
		clear(u.tape.dvector[b*w:][:w])
		for i := range u.t {
			clear(u.tape.dmapped[(i*u.batch+b)*w:][:w])
		}
	}
	if t == 0 || s == 0 {
		return
	}
	dc := u.tape.djoined[b*n:]
	weights, ds := u.tape.weights[b*u.steps*u.most:], u.tape.scores[b*u.steps*u.most:]
	u.isa.Gemm(kernels.Set, false, true, t, s, c.Memory, dc, ld, u.mem.m[b*c.Memory:], ldm, ds, u.most, work)
	for i := range t {
		softmaxGrad(u.isa, ds[i*u.most:][:s], weights[i*u.most:][:s])
	}
	u.isa.Gemm(kernels.Set, true, false, s, c.Memory, t, weights, u.most, dc, ld, u.mem.dm[b*c.Memory:], ldm, work)
	if c.Score == Additive {
		for i := range t {
			u.additiveGrad(b, i, ds[i*u.most:][:s], work)
		}
		return
	}
	q, dq, k := u.tape.joined[b*n+c.Memory:], dc[c.Memory:], u.mem.keys[b*w:]
	u.isa.Gemm(kernels.AddTo, false, false, t, w, s, ds, u.most, k, ldk, dq, ld, work)
	u.isa.Gemm(kernels.AddTo, true, false, s, w, t, ds, u.most, q, ld, u.mem.dkeys[b*w:], ldk, work)
}

// softmaxGrad replaces the gradients d of weights a by those of the scores.
func softmaxGrad(isa kernels.ISA, d, a []float32) {
	isa.Affine(d, d, 1, -isa.Dot(a, d))
	isa.MulFlush(d, d, a)
}

// additiveGrad is the backward pass of the scores of query t of row b, whose gradients are
// ds. tanh is computed again: to keep it would take [T][S][Width] for each row.
func (u *AttentionNet) additiveGrad(b, t int, ds, work []float32) {
	isa, w, s := u.isa, u.cfg.Width, len(ds)
	h, work := u.hidden(b, t, work), work[s*w:]
	dz, sum, work := work[:s*w], work[s*w:][:w], work[s*w+w:]
	isa.Gemm(kernels.Set, false, false, 1, w, s, ds, s, h, w, sum, w, work)
	dv := u.tape.dvector[b*w:][:w]
	isa.Add(dv, dv, sum)
	for i := range s {
		isa.Scale(dz[i*w:][:w], u.maps.vector, ds[i])
	}
	isa.TanhGrad(dz, h, dz)
	isa.CopyFlush(dz, dz)
	isa.Gemm(kernels.Set, false, false, 1, w, s, u.tape.ones, s, dz, w, u.tape.dmapped[(t*u.batch+b)*w:], w, work)
	for i := range s {
		dk := u.mem.dkeys[(i*u.batch+b)*w:][:w]
		isa.Add(dk, dk, dz[i*w:][:w])
	}
}
