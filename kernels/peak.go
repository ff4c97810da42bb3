package kernels

// PeakLoop runs iters turns of a loop of fused multiply-adds that stays in
// registers, enough independent chains to fill the FMA units, and returns the
// floating-point operations done. It is the yardstick of the benchmarks: what
// tier t could do at best on this machine at this moment. On the scalar tier it
// does nothing and returns 0.
func (t ISA) PeakLoop(iters int) (flops int64) {
	t.need()
	return peak(t, iters)
}
