package vec

// A wide machine has vectors of several registers: each operation is done for all of
// them in turn. Those of one register wait for each other; between them stand those of
// the other registers, which do not. A processor that looks a limited number of
// operations ahead then has work while it waits.
type wide struct {
	Machine
	n int
}

// wideScaler is a wide machine on a Scaler.
type wideScaler struct{ wide }

// Wide is m with vectors of n registers, for element kernels on whole vectors: it has no
// partial ones, no broadcast from memory and no float64.
func Wide(m Machine, n int) Machine {
	w := wide{m, n}
	if _, ok := m.(Scaler); ok {
		return wideScaler{w}
	}
	return w
}

// parts are the registers of a wide vector or predicate.
type parts []any

func (w wide) each(f func(k int) any) any {
	p := make(parts, w.n)
	for k := range p {
		p[k] = f(k)
	}
	return p
}

func (w wide) vec(f func(k int) Vec) Vec {
	return Vec{w.each(func(k int) any { return f(k).Reg })}
}

// part is register k of a vector; a constant is the same for all.
func (w wide) part(o Operand, k int) Operand {
	if v, ok := o.(Vec); ok {
		return w.of(v, k)
	}
	return o
}

// of is register k of a vector. A vector of the machine below, such as an argument in
// every lane, stands for all.
func (w wide) of(v Vec, k int) Vec {
	if p, ok := v.Reg.(parts); ok {
		return Vec{p[k]}
	}
	return v
}
func (w wide) pred(p Pred, k int) Pred { return Pred{p.Reg.(parts)[k]} }

func (w wide) Lanes() int { return w.n * w.Machine.Lanes() }

func (w wide) Const(c Const) Vec { return w.vec(func(int) Vec { return w.Machine.Const(c) }) }
func (w wide) Zero() Vec         { return w.vec(func(int) Vec { return w.Machine.Zero() }) }
func (w wide) Copy(a Vec) Vec    { return w.vec(func(k int) Vec { return w.Machine.Copy(w.of(a, k)) }) }
func (w wide) Set(a, b Vec) {
	for k := range w.n {
		w.Machine.Set(w.of(a, k), w.of(b, k))
	}
}

func (w wide) Load(at Mem) Vec {
	return w.vec(func(k int) Vec { return w.Machine.Load(at.Plus(4 * w.Machine.Lanes() * k)) })
}

func (w wide) Store(a Vec, at Mem) {
	for k := range w.n {
		w.Machine.Store(w.of(a, k), at.Plus(4*w.Machine.Lanes()*k))
	}
}

func (w wide) binary(op func(a, b Operand) Vec, a, b Operand) Vec {
	return w.vec(func(k int) Vec { return op(w.part(a, k), w.part(b, k)) })
}

func (w wide) Add(a, b Operand) Vec { return w.binary(w.Machine.Add, a, b) }
func (w wide) Sub(a, b Operand) Vec { return w.binary(w.Machine.Sub, a, b) }
func (w wide) Mul(a, b Operand) Vec { return w.binary(w.Machine.Mul, a, b) }
func (w wide) Div(a, b Operand) Vec { return w.binary(w.Machine.Div, a, b) }
func (w wide) Max(a, b Operand) Vec { return w.binary(w.Machine.Max, a, b) }
func (w wide) Min(a, b Operand) Vec { return w.binary(w.Machine.Min, a, b) }
func (w wide) Sqrt(a Vec) Vec {
	return w.vec(func(k int) Vec { return w.Machine.Sqrt(w.of(a, k)) })
}

func (w wide) update(op func(acc, a Vec, b Operand), acc, a Vec, b Operand) {
	for k := range w.n {
		op(w.of(acc, k), w.of(a, k), w.part(b, k))
	}
}

func (w wide) FMA(acc, a Vec, b Operand)  { w.update(w.Machine.FMA, acc, a, b) }
func (w wide) FNMA(acc, a Vec, b Operand) { w.update(w.Machine.FNMA, acc, a, b) }
func (w wide) Horner(p, x Vec, c Operand) { w.update(w.Machine.Horner, p, x, c) }

func (w wide) Less(a, b Operand) Pred {
	return Pred{w.each(func(k int) any { return w.Machine.Less(w.part(a, k), w.part(b, k)).Reg })}
}

func (w wide) Select(p Pred, yes, no Operand) Vec {
	return w.vec(func(k int) Vec { return w.Machine.Select(w.pred(p, k), w.part(yes, k), w.part(no, k)) })
}

func (w wide) SelectSign(a Vec, yes, no Operand) Vec {
	return w.vec(func(k int) Vec { return w.Machine.SelectSign(w.of(a, k), w.part(yes, k), w.part(no, k)) })
}

func (w wide) ZeroWhere(p Pred, a Vec) {
	for k := range w.n {
		w.Machine.ZeroWhere(w.pred(p, k), w.of(a, k))
	}
}

func (w wide) bits(op func(a Vec, b Operand) Vec, a Vec, b Operand) Vec {
	return w.vec(func(k int) Vec { return op(w.of(a, k), w.part(b, k)) })
}

func (w wide) And(a Vec, b Operand) Vec    { return w.bits(w.Machine.And, a, b) }
func (w wide) Or(a Vec, b Operand) Vec     { return w.bits(w.Machine.Or, a, b) }
func (w wide) Xor(a Vec, b Operand) Vec    { return w.bits(w.Machine.Xor, a, b) }
func (w wide) AddInt(a Vec, b Operand) Vec { return w.bits(w.Machine.AddInt, a, b) }
func (w wide) SubInt(a Vec, b Operand) Vec { return w.bits(w.Machine.SubInt, a, b) }

func (w wide) ShiftLeft(a Vec, n int) Vec {
	return w.vec(func(k int) Vec { return w.Machine.ShiftLeft(w.of(a, k), n) })
}

func (w wide) ShiftRight(a Vec, n int) Vec {
	return w.vec(func(k int) Vec { return w.Machine.ShiftRight(w.of(a, k), n) })
}

// Scale is that of a Scaler, see there.
func (w wideScaler) Scale(p, n Vec) Vec {
	return w.vec(func(k int) Vec { return w.Machine.(Scaler).Scale(w.of(p, k), w.of(n, k)) })
}
