package main

// A fault is one edit of the source: Old, which stands in File exactly once,
// becomes New. At least one test of the packages Tests has to fail of it.
type fault struct {
	Name, File, Old, New string
	Tests                []string
}

var (
	inKernels = []string{"./kernels/...", "./fuzz"}
	inLSTM    = []string{"./lstm"}
	inBPTT    = []string{"./bptt"}
)

// faults are planted one at a time. When one of their places changes, the list
// changes with it: a test holds every Old against the source.
var faults = []fault{
	// The generator: every instruction set at once.
	{"tile: one multiply-add of the unrolled step left out", "asm/kernel/tile.go",
		"m.FMA(acc[r][v], factor(r), x)", "if f := factor(r); u != 3 || r != t.Rows-1 || v != t.Vecs-1 {\n\t\t\t\t\tm.FMA(acc[r][v], f, x)\n\t\t\t\t}", inKernels},
	{"tile: the start of a partial vector read whole", "asm/kernel/tile.go",
		"acc[r][v] = m.LoadTail(from, tail)", "acc[r][v] = m.Load(from)\n\t\t\t_ = tail", inKernels},
	{"tile: a partial vector stored whole", "asm/kernel/tile.go",
		"store(func(a vec.Vec, at vec.Mem) { m.StoreTail(a, at, tail) })", "store(func(a vec.Vec, at vec.Mem) { m.Store(a, at) })", inKernels},
	{"tile: the sum with C left out", "asm/kernel/tile.go",
		"m.Set(acc[r][v], m.Add(old, acc[r][v]))", "m.Set(acc[r][v], old)", inKernels},
	{"element kernels: the mask of the last store left out", "asm/vec/elements.go",
		"at.m.StoreTail(a, Mem{Base: base, Index: at.index}, *at.tail)", "at.m.Store(a, Mem{Base: base, Index: at.index})", inKernels},
	{"element kernels: the mask of the last load left out", "asm/vec/elements.go",
		"return at.m.LoadTail(Mem{Base: base, Index: at.index}, *at.tail)", "return at.m.Load(Mem{Base: base, Index: at.index})", inKernels},
	{"exp: the low part of ln 2 left out", "asm/vec/approx.go",
		"\tm.FMA(x, e.n, MinusLn2Rest)\n", "", inKernels},
	{"sigmoid: one term of the correction left out", "asm/vec/approx.go",
		"\tm.FNMA(num, q, dl)\n", "\t_ = dl\n", inKernels},
	{"flush: nothing is flushed", "asm/vec/approx.go",
		"m.ZeroWhere(m.Less(m.And(a, restBits), tiny), a)", "", inKernels},
	{"LSTM forward: c for c_{t-1}", "asm/kernel/gates_lstm.go",
		"m.FMA(c, f, cPrev)", "m.FMA(c, f, c)", inKernels},
	{"LSTM backward: c_t for c_{t-1} in the forget gate", "asm/kernel/gates_lstm.go",
		"put(f, m.Mul(D, at.Load(cPrev)), sigmoidSlope(m, fv))", "put(f, m.Mul(D, at.Load(c)), sigmoidSlope(m, fv))\n\t\t_ = cPrev", inKernels},
	{"LSTM backward: the way through tanh(c) left out", "asm/kernel/gates_lstm.go",
		"\t\tm.FMA(D, m.Mul(d, ov), vec.OneMinusSquare(m, tc)) // (5)\n", "", inKernels},
	{"Adam: the first moment is not kept", "asm/kernel/optim.go",
		"m.FMA(mv, beta1, at.Load(mean))", "_ = beta1", inKernels},
	{"sums: the lanes of the last, partial vector", "asm/kernel/reduce.go",
		"m.StoreTail(step(read(at), load(vec.Mem{}, read)), at, t)", "m.Store(step(read(at), load(vec.Mem{}, read)), at)", inKernels},

	// Products in Go.
	{"Gemm: the second block of k starts anew", "kernels/gemm.go",
		"case !first || p.into == Continue:", "case p.into == Continue:", inKernels},
	{"GemmRows: rows of A in place of the rows of B", "kernels/gemm.go",
		"for q, row := range brows {", "for q, row := range arows {", inKernels},

	// The time loop.
	{"lengths: a row runs one step too far", "internal/seq/unroll.go",
		"if m := (lo + hi) / 2; u.lengths[m] > t {", "if m := (lo + hi) / 2; u.lengths[m] >= t {", inLSTM},
	{"lengths: a weight gradient takes a step of the padding", "internal/seq/backward.go",
		"if t >= u.length(p) {", "if t > u.length(p) {", inLSTM},
	{"lengths: inputs taken where their rows were moved to", "internal/seq/backward.go",
		"x = b\n", "x = p\n", inLSTM},
	{"weight gradients: h_t for h_{t-1}", "internal/seq/backward.go",
		"u.prevRows = append(u.prevRows, int32((t+1+before)*u.batch+p))", "u.prevRows = append(u.prevRows, int32((t+1+0*before)*u.batch+p))", inLSTM},
	{"weight gradients: = in place of +=", "internal/seq/backward.go",
		"u.isa.GemmRows(kernels.AddTo, hi-lo, g.In,", "u.isa.GemmRows(kernels.Set, hi-lo, g.In,", inLSTM},
	{"bias gradients: b_hh gets none", "internal/seq/backward.go",
		"add(g.BiasHh, b.Row, b.Col, b.Rows)", "_ = b", inLSTM},
	{"weight gradients: pairs in ascending order of time", "internal/seq/backward.go",
		"return u.job.hi - 1 - k", "return u.job.lo + k", inLSTM},
	{"weight gradients: chunks of another size", "internal/seq/unroll.go",
		"const chunkRows = 256", "const chunkRows = 200", inLSTM},
	{"input gradient: only the last direction's", "internal/seq/backward.go",
		"into = kernels.Continue", "into = kernels.Into(0)", inLSTM},
	{"carried gradient: what was handed in is dropped", "internal/seq/backward.go",
		"if !u.handed {", "if u.handed {", inLSTM},
	{"cell: = in place of the chain over h", "lstm/cell.go",
		"s.Recur[0].Gemm(kernels.Continue,", "s.Recur[0].Gemm(kernels.Set,", inLSTM},

	// Training.
	{"loss: the target is not subtracted", "bptt/loss.go",
		"probs[id]--", "", inBPTT},
	{"loss: the context of an overlapping window counts", "bptt/data.go",
		"return t >= b.Context && (", "return t >= 0 && (", inBPTT},
	{"embedding: = in place of +=", "bptt/embedding.go",
		"t.Add(g, g, dy[int(p)*e.Dim:][:e.Dim])", "copy(g, dy[int(p)*e.Dim:][:e.Dim])", inBPTT},
	{"readout: bias gradients of the last chunk only", "bptt/linear.go",
		"s.isa.Add(s.db[lo:hi], s.db[lo:hi], sum)", "copy(s.db[lo:hi], sum)", inBPTT},
	{"readout: chunks of another size", "bptt/chain.go",
		"return max(1, (256+batch-1)/batch)", "return max(1, (200+batch-1)/batch)", inBPTT},
	{"clip: the norm's limit for the factor", "bptt/train.go",
		"factor := float32(c / norm)", "factor := float32(c)", inBPTT},
	{"Adam: the bias correction stands still", "bptt/optim.go",
		"o.numbers[2] = float64(o.numbers[2] * o.beta2)", "o.numbers[2] = o.beta2", inBPTT},
	{"truncated training: the state is not carried", "bptt/window.go",
		"if t.plan.Window == 0 {", "if t.plan.Window >= 0 {", inBPTT},
}
