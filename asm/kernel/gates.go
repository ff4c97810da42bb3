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
	m.Hold(live, constants...)
	vec.EachWide(m, gateVectors, m.Int("units"), body)
}

// activateSigmoid and activateTanh replace the row of a pre-activation by its
// activation.
func activateSigmoid(m vec.Machine, base vec.Reg) {
	units(m, sigmoidLive, vec.SigmoidConstants(m), func(m vec.Machine, at vec.At) { at.Store(vec.Sigmoid(m, at.Load(base)), base) })
}

func activateTanh(m vec.Machine, base vec.Reg) {
	units(m, tanhLive, vec.TanhConstants(m), func(m vec.Machine, at vec.At) { at.Store(vec.Tanh(m, at.Load(base)), base) })
}
