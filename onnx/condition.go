package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// bounded says whether the loop has as many steps as the sequence that it reads.
func (l *loop) bounded(size sym) error {
	if l.n.GetOpType() == "Scan" {
		return nil
	}
	if !l.has(0) || l.in[0].k == nil || l.in[0].k.float || l.in[0].k.count() != 1 || l.in[0].k.i[0] != size {
		return refuse("the number of its steps is not that of the sequence that it reads, %v", size)
	}
	if len(l.n.Input) > 1 && l.n.Input[1] != "" && !l.holds(l.n.Input[1], size, 0) {
		return refuse("it may end before the sequence that it reads does: its condition is none that is known to hold at the first step")
	}
	if !l.holds(l.body.Output[0].GetName(), size, 0) {
		return refuse("it may end before the sequence that it reads does: the condition of its body is none that holds up to step %v", size)
	}
	return nil
}

// holds says whether a condition holds at all steps but the last, after which the loop is over
// anyway.
func (l *loop) holds(name string, size sym, depth int) bool {
	if name == l.body.Input[1].GetName() {
		return true // that of the step before
	}
	if k := l.constantOf(name); k != nil {
		return !k.float && k.count() == 1 && !k.i[0].is(0) && k.i[0].n == 0
	}
	n := l.maker(name)
	if n == nil || depth > 16 {
		return false
	}
	switch op := n.GetOpType(); {
	case (op == "Identity" || op == "Cast") && len(n.Input) == 1:
		return l.holds(n.Input[0], size, depth+1)
	case op == "And" && len(n.Input) == 2:
		return l.holds(n.Input[0], size, depth+1) && l.holds(n.Input[1], size, depth+1)
	case op == "Less" && len(n.Input) == 2:
		a, counts, ok1 := l.integer(n.Input[0], 0)
		b, other, ok2 := l.integer(n.Input[1], 0)
		if !ok1 || !ok2 || other {
			return false
		}
		// Of a number that counts steps the largest at a step before the last counts.
		first, fixed := a.value()
		limit, both := b.value()
		steps, finite := size.value()
		switch {
		case b == size && counts:
			return fixed && first <= 1
		case b == size && fixed && !finite:
			return first <= 0 // the sequence has a step
		case fixed && both && counts && finite:
			return steps-2+first < limit
		}
		return fixed && both && !counts && first < limit
	}
	return false
}

func (l *loop) maker(name string) *pb.NodeProto {
	if n := l.made[name]; n != nil {
		return n
	}
	return l.im.maker[name]
}

func (l *loop) constantOf(name string) *constant {
	v := l.im.values[name]
	if v.t != nil {
		k, err := l.im.tensor(textOf("initializer", name), v.t)
		if err != nil {
			return nil
		}
		return k
	}
	return v.k
}

// integer is a number of a condition: a size or number, or one that counts steps, to which
// that of the step has to be added.
func (l *loop) integer(name string, depth int) (n sym, counts, ok bool) {
	if f := l.im.values[name].e; f != nil && f.e.op == ofCount {
		return known(f.e.count), true, true
	}
	if k := l.constantOf(name); k != nil {
		if k.count() != 1 {
			return sym{}, false, false
		}
		if !k.float {
			return k.i[0], false, true
		}
		x := float64(k.f[0])
		return known(int64(x)), false, x == math.Trunc(x) && math.Abs(x) < 1<<24
	}
	m := l.maker(name)
	if m == nil || depth > 16 || len(m.Input) == 0 || !slices.Contains([]string{"Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape"}, m.GetOpType()) {
		return sym{}, false, false
	}
	return l.integer(m.Input[0], depth+1)
}
