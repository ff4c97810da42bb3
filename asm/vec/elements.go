package vec

// An At is one place in an element kernel: the vector (or the last, partial
// vector) that the loop has reached.
type At struct {
	m     Machine
	index Reg
	tail  *Tail
}

// Load reads this place of the slice that starts at base.
func (at At) Load(base Reg) Vec {
	if at.tail != nil {
		return at.m.LoadTail(Mem{Base: base, Index: at.index}, *at.tail)
	}
	return at.m.Load(Mem{Base: base, Index: at.index})
}

// Store writes this place of the slice that starts at base.
func (at At) Store(a Vec, base Reg) {
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
	lane = At{at.m, index, at.tail}
	return lane.Load(lanes), lane
}

// Each emits the loop of an element kernel over n float32 elements: body for
// each whole vector, then once more for what remains. n is used up.
func Each(m Machine, n Reg, body func(At)) {
	index := m.SetReg(0)
	m.Loop("block", n, m.Lanes(), func() {
		body(At{m: m, index: index})
		m.AddImm(index, 4*m.Lanes())
	})
	m.IfAtLeast("tail", n, 1, func() {
		t := m.Tail(n)
		body(At{m: m, index: index, tail: &t})
	})
}
