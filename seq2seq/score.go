package seq2seq

import (
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

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
	parts, lo, hi, work := u.share(w, n, u.t)
	for i := lo; i < hi; i++ {
		from, to := split.Share(u.t, 1, i%parts, parts)
		u.forwardRow(i/parts, from, to, work)
	}
}

// forwardRow sets the contexts of queries from to to of row b beside these. What is set of
// a query depends on no other.
func (u *AttentionNet) forwardRow(b, from, to int, work []float32) {
	c := &u.cfg
	t, s, n := u.stepsOfRow(b), u.mem.lengths[b], c.Memory+c.Query
	ld := u.batch * n
	joined := u.tape.joined[b*n:]
	for i := from; i < to; i++ {
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
	t = min(t, to)
	if t <= from || s == 0 {
		return
	}
	weights := u.tape.weights[b*u.steps*u.most:]
	if c.Score == Additive {
		for i := from; i < t; i++ {
			work := u.hidden(b, i, 0, c.Width, work)
			score(u.isa, weights[i*u.most:][:s], work, u.maps.vector)
		}
	} else {
		u.isa.Gemm(kernels.Set, false, true, t-from, s, c.Query, joined[from*ld+c.Memory:], ld, u.mem.keys[b*c.Query:], u.batch*c.Query, weights[from*u.most:], u.most, work)
	}
	for i := from; i < t; i++ {
		softmax(u.isa, weights[i*u.most:][:s])
	}
	u.isa.Gemm(kernels.SetFlush, false, false, t-from, c.Memory, s, weights[from*u.most:], u.most, u.mem.m[b*c.Memory:], u.batch*c.Memory, joined[from*ld:], ld, work)
}

// hidden sets the begin of work to units lo to hi of tanh(W q + U m), [S][hi-lo], of query t
// of row b, and returns it.
func (u *AttentionNet) hidden(b, t, lo, hi int, work []float32) []float32 {
	w := u.cfg.Width
	return hidden(u.isa, work[:u.mem.lengths[b]*(hi-lo)], u.tape.mapped[(t*u.batch+b)*w+lo:][:hi-lo], u.mem.keys[b*w+lo:], u.batch*w)
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
	_, lo, hi, work := u.share(w, n, 0) // whole rows
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
	u.queryGrads(b, 0, u.t, work)
	u.memoryGrads(b, 0, u.mem.steps, work)
	if u.cfg.Score == Additive {
		u.unitGrads(b, 0, u.cfg.Width, work)
	}
}

func (u *AttentionNet) unitParts(w, n int) {
	parts, lo, hi, work := u.share(w, n, u.cfg.Width)
	for i := lo; i < hi; i++ {
		from, to := split.Share(u.cfg.Width, leastPart, i%parts, parts)
		u.unitGrads(i/parts, from, to, work)
	}
}

// unitGrads sets, for units from to to of the Additive score, the gradients of v and of the
// mapped queries of row b, and adds to those of its keys, which are +0 before. ds is set
// before. A unit's gradients depend on no other unit, while they are sums over all steps of
// the queries or of the memory: so a row is cut here by units and not by steps.
func (u *AttentionNet) unitGrads(b, from, to int, work []float32) {
	w := u.cfg.Width
	clear(u.tape.dvector[b*w+from:][:to-from])
	for i := range u.t {
		clear(u.tape.dmapped[(i*u.batch+b)*w+from:][:to-from])
	}
	if s := u.mem.lengths[b]; s > 0 {
		ds := u.tape.scores[b*u.steps*u.most:]
		for i := range u.stepsOfRow(b) {
			u.additiveGrad(b, i, from, to, ds[i*u.most:][:s], work)
		}
	}
}

func (u *AttentionNet) queryParts(w, n int) {
	parts, lo, hi, work := u.share(w, n, u.t)
	for i := lo; i < hi; i++ {
		from, to := split.Share(u.t, 1, i%parts, parts)
		u.queryGrads(i/parts, from, to, work)
	}
}

// queryGrads sets ds of queries from to to of row b, and adds to the gradients of these
// unless the score is Additive.
func (u *AttentionNet) queryGrads(b, from, to int, work []float32) {
	c := &u.cfg
	t, s, n, w := min(to, u.stepsOfRow(b)), u.mem.lengths[b], c.Memory+c.Query, c.width()
	if t <= from || s == 0 {
		return
	}
	ld, at := u.batch*n, from*u.most
	dc := u.tape.djoined[from*u.batch*n+b*n:]
	weights, ds := u.tape.weights[b*u.steps*u.most+at:], u.tape.scores[b*u.steps*u.most+at:]
	u.isa.Gemm(kernels.Set, false, true, t-from, s, c.Memory, dc, ld, u.mem.m[b*c.Memory:], u.batch*c.Memory, ds, u.most, work)
	for i := range t - from {
		softmaxGrad(u.isa, ds[i*u.most:][:s], weights[i*u.most:][:s])
	}
	if c.Score != Additive {
		u.isa.Gemm(kernels.AddTo, false, false, t-from, w, s, ds, u.most, u.mem.keys[b*w:], u.batch*w, dc[c.Memory:], ld, work)
	}
}

func (u *AttentionNet) memoryParts(w, n int) {
	parts, lo, hi, work := u.share(w, n, u.mem.steps)
	for i := lo; i < hi; i++ {
		from, to := split.Share(u.mem.steps, 1, i%parts, parts)
		u.memoryGrads(i/parts, from, to, work)
	}
}

// memoryGrads sets the gradients of steps from to to of the memory of row b, and of their
// keys unless the score is Additive, whose gradients it sets to +0. ds is set before.
func (u *AttentionNet) memoryGrads(b, from, to int, work []float32) {
	c := &u.cfg
	t, s, n, w := u.stepsOfRow(b), min(to, u.mem.lengths[b]), c.Memory+c.Query, c.width()
	ld, ldm, ldk := u.batch*n, u.batch*c.Memory, u.batch*w
	if u.maps.key != nil {
		for i := from; i < to; i++ {
			clear(u.mem.dkeys[i*ldk+b*w:][:w])
		}
	}
	if t == 0 || s <= from {
		return
	}
	at := b*u.steps*u.most + from
	u.isa.Gemm(kernels.Set, true, false, s-from, c.Memory, t, u.tape.weights[at:], u.most, u.tape.djoined[b*n:], ld, u.mem.dm[from*ldm+b*c.Memory:], ldm, work)
	if c.Score != Additive {
		u.isa.Gemm(kernels.AddTo, true, false, s-from, w, t, u.tape.scores[at:], u.most, u.tape.joined[b*n+c.Memory:], ld, u.mem.dkeys[from*ldk+b*w:], ldk, work)
	}
}

// softmaxGrad replaces the gradients d of weights a by those of the scores.
func softmaxGrad(isa kernels.ISA, d, a []float32) {
	isa.Affine(d, d, 1, -isa.Dot(a, d))
	isa.MulFlush(d, d, a)
}

// additiveGrad is the backward pass of the scores of query t of row b, whose gradients are
// ds, for units lo to hi. tanh is computed again: to keep it would take [T][S][Width] for
// each row.
func (u *AttentionNet) additiveGrad(b, t, lo, hi int, ds, work []float32) {
	isa, w, n, s := u.isa, u.cfg.Width, hi-lo, len(ds)
	h, work := u.hidden(b, t, lo, hi, work), work[s*n:]
	dz, sum, work := work[:s*n], work[s*n:][:n], work[s*n+n:]
	isa.Gemm(kernels.Set, false, false, 1, n, s, ds, s, h, n, sum, n, work)
	dv := u.tape.dvector[b*w+lo:][:n]
	isa.Add(dv, dv, sum)
	for i := range s {
		isa.Scale(dz[i*n:][:n], u.maps.vector[lo:hi], ds[i])
	}
	isa.TanhGrad(dz, h, dz)
	isa.CopyFlush(dz, dz)
	isa.Gemm(kernels.Set, false, false, 1, n, s, u.tape.ones, s, dz, n, u.tape.dmapped[(t*u.batch+b)*w+lo:], n, work)
	for i := range s {
		dk := u.mem.dkeys[(i*u.batch+b)*w+lo:][:n]
		isa.Add(dk, dk, dz[i*n:][:n])
	}
}
