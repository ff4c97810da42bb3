package vec

// An At is one place in an element kernel: the vector (or the last, partial
// vector) that the loop has reached.
type At struct {
	m      Machine
	index  Reg
	tail   *Tail
	around *around // nil: loads and stores are where body has them
}

// around is what of a place was loaded before anything is stored, and what is stored in the end.
type around struct {
	loaded map[Reg]Vec
	stores []func()
}

// Around loads this place of the slices that start at bases, from which Load then takes it,
// each once. Store puts off what it stores until Stores.
func (at At) Around(bases ...Reg) At {
	k := &around{loaded: map[Reg]Vec{}}
	for _, base := range bases {
		k.loaded[base] = at.Load(base)
	}
	at.around = k
	return at
}

// Stores stores what has been put off.
func (at At) Stores() {
	for _, store := range at.around.stores {
		store()
	}
}

// Load reads this place of the slice that starts at base.
func (at At) Load(base Reg) Vec {
	if at.around != nil {
		return at.around.loaded[base]
	}
	if at.tail != nil {
		return at.m.LoadTail(Mem{Base: base, Index: at.index}, *at.tail)
	}
	return at.m.Load(Mem{Base: base, Index: at.index})
}

// Store writes this place of the slice that starts at base.
func (at At) Store(a Vec, base Reg) {
	if k := at.around; k != nil {
		at.around = nil
		k.stores = append(k.stores, func() { at.Store(a, base) })
		return
	}
	if at.tail != nil {
		at.m.StoreTail(a, Mem{Base: base, Index: at.index}, *at.tail)
		return
	}
	at.m.Store(a, Mem{Base: base, Index: at.index})
}

// Lane reads this place of an array of 64 lanes that the loop goes round and
// round in: element i belongs to lane i mod 64. StoreLane writes it back.
func (at At) Lane(lanes Reg) (a Vec, lane At) {
	index := at.m.CopyReg(at.index)
	at.m.AndImm(index, 4*64-1)
	lane = At{m: at.m, index: index, tail: at.tail}
	return lane.Load(lanes), lane
}

// EachRow emits the loop of a kernel whose operands are matrices. In Go its arguments
// are rows and units, and for an operand a the pointer aRow to its first row and the
// distance aStride between its rows in bytes. body is given the address of each
// operand's row.
func EachRow(m Machine, operands []string, body func(row []Reg)) {
	row := make([]Reg, len(operands))
	for i, name := range operands {
		row[i] = m.Int(name + "Row")
	}
	m.LoopArg("row", "rows", func() {
		body(row)
		for i, name := range operands {
			m.AddArg(row[i], name+"Stride")
		}
	})
}

// Each emits the loop of an element kernel over n float32 elements: body for
// each whole vector, then once more for what remains. n is used up.
func Each(m Machine, n Reg, body func(At)) {
	EachWide(m, 1, n, func(_ Machine, at At) { body(at) })
}

// EachWide is Each with regs vectors at a time as long as there are as many: body is then
// given a Wide machine, which it has to use.
func EachWide(m Machine, regs int, n Reg, body func(m Machine, at At)) {
	index := EachWhole(m, regs, n, body)
	Rest(m, n, index, func(at At) { body(m, at) })
}

// EachWhole is EachWide for whole vectors alone. It returns where it has come to, in bytes;
// n is what remains.
func EachWhole(m Machine, regs int, n Reg, body func(m Machine, at At)) (index Reg) {
	index = m.SetReg(0)
	machines := []Machine{m}
	if regs > 1 {
		machines = []Machine{Wide(m, regs), m}
	}
	for _, w := range machines {
		m.Loop("block", n, w.Lanes(), func() {
			body(w, At{m: w, index: index})
			m.AddImm(index, 4*w.Lanes())
		})
	}
	return index
}

// RestOfRow is Rest for operands that lie side by side in a row, as gates do. A processor takes
// a masked store for one of a whole vector, so that loads of what lies beside it wait until it
// has ended. Where the machine has loads and stores of half a vector, which touch nothing else,
// it takes these for a rest of just as much. In other rests it helps where few units are in
// a row to load before anything is stored: see Around.
func RestOfRow(m Machine, n, index Reg, body func(At)) {
	h, ok := m.(Halver)
	if !ok {
		Rest(m, n, index, body)
		return
	}
	m.IfEqual("half", n, m.Lanes()/2, func() {
		t := h.Half()
		body(At{m: m, index: index, tail: &t})
	}, func() { Rest(m, n, index, body) })
}

// Rest emits body for the n elements at index, fewer than a vector has, if there are any.
func Rest(m Machine, n, index Reg, body func(At)) {
	m.IfAtLeast("tail", n, 1, func() {
		t := m.Tail(n)
		body(At{m: m, index: index, tail: &t})
	})
}
