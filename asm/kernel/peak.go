package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// Peak runs a loop of fused multiply-adds that stays in registers.
func Peak(m vec.Machine) {
	n := m.Int("iters")
	acc := make([]vec.Vec, peakChains(m.Registers()))
	for j := range acc {
		acc[j] = m.Zero()
	}
	a, b := m.Zero(), m.Zero()
	m.Loop("loop", n, 1, func() {
		for range peakUnroll {
			for _, c := range acc {
				m.FMA(c, a, b)
			}
		}
	})
	m.Return()
}

const peakUnroll = 4

// peakChains is three quarters of the registers: 12 or 24, which is more than
// latency times units of any core we know.
func peakChains(registers int) int { return registers * 3 / 4 }

// PeakFlops is how many floating-point operations one turn of Peak makes.
func PeakFlops(registers, lanes int) int {
	return 2 * peakUnroll * peakChains(registers) * lanes
}
