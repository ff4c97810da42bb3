package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// What the gate kernels have in common. Their operands are matrices, and each loop
// works on two vectors at a time: see vec.Wide.
const gateVectors = 2

// How many registers the sequences need for that, beside the constants held. What
// else a loop computes is done before or after them.
const (
	sigmoidLive = 13
	tanhLive    = 15
)

// units emits a loop over the units of a row.
func units(m vec.Machine, live int, constants []vec.Const, body func(m vec.Machine, at vec.At)) {
	n, index := wholeUnits(m, live, constants, body)
	vec.RestOfRow(m, n, index, func(at vec.At) { body(m, at) })
}

// wholeUnits is units over the whole vectors of a row. It returns what vec.RestOfRow wants.
func wholeUnits(m vec.Machine, live int, constants []vec.Const, body func(m vec.Machine, at vec.At)) (n, index vec.Reg) {
	m.Hold(live, constants...)
	n = m.Int("units")
	return n, vec.EachWhole(m, gateVectors, n, body)
}

// activate replaces a pre-activation by its activation, at one place of a row, and returns it.
func activate(m vec.Machine, at vec.At, base vec.Reg, f func(vec.Machine, vec.Vec) vec.Vec) vec.Vec {
	v := f(m, at.Load(base))
	at.Store(v, base)
	return v
}

// activateSigmoid and activateTanh are activate over a row.
func activateSigmoid(m vec.Machine, base vec.Reg) {
	n, index := wholeSigmoid(m, base)
	vec.RestOfRow(m, n, index, func(at vec.At) { activate(m, at, base, vec.Sigmoid) })
}

func activateTanh(m vec.Machine, base vec.Reg) {
	n, index := wholeTanh(m, base)
	vec.RestOfRow(m, n, index, func(at vec.At) { activate(m, at, base, vec.Tanh) })
}

// wholeSigmoid and wholeTanh are activate over the whole vectors of a row. They return what
// vec.RestOfRow wants.
func wholeSigmoid(m vec.Machine, base vec.Reg) (n, index vec.Reg) {
	return wholeUnits(m, sigmoidLive, vec.SigmoidConstants(m), func(m vec.Machine, at vec.At) { activate(m, at, base, vec.Sigmoid) })
}

func wholeTanh(m vec.Machine, base vec.Reg) (n, index vec.Reg) {
	return wholeUnits(m, tanhLive, vec.TanhConstants(m), func(m vec.Machine, at vec.At) { activate(m, at, base, vec.Tanh) })
}
