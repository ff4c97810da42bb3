package kernels

// The element kernels on the current tier. See the method of the same name.

// Exp is [ISA.Exp] on the current tier.
func Exp(dst, x []float32) { Current().Exp(dst, x) }

// Sigmoid is [ISA.Sigmoid] on the current tier.
func Sigmoid(dst, x []float32) { Current().Sigmoid(dst, x) }

// Tanh is [ISA.Tanh] on the current tier.
func Tanh(dst, x []float32) { Current().Tanh(dst, x) }

// SigmoidGrad is [ISA.SigmoidGrad] on the current tier.
func SigmoidGrad(dx, y, dy []float32) { Current().SigmoidGrad(dx, y, dy) }

// TanhGrad is [ISA.TanhGrad] on the current tier.
func TanhGrad(dx, y, dy []float32) { Current().TanhGrad(dx, y, dy) }

// LSTMGates is [ISA.LSTMGates] on the current tier.
func LSTMGates(i, f, g, o, c, h, cPrev []float32) { Current().LSTMGates(i, f, g, o, c, h, cPrev) }

// LSTMGatesGrad is [ISA.LSTMGatesGrad] on the current tier.
func LSTMGatesGrad(i, f, g, o, dc, c, cPrev, dh, dy []float32) {
	Current().LSTMGatesGrad(i, f, g, o, dc, c, cPrev, dh, dy)
}

// MaxLanes is [ISA.MaxLanes] on the current tier.
func MaxLanes(lanes, x []float32) { Current().MaxLanes(lanes, x) }

// SumLanes is [ISA.SumLanes] on the current tier.
func SumLanes(lanes, x []float32) { Current().SumLanes(lanes, x) }

// DotLanes is [ISA.DotLanes] on the current tier.
func DotLanes(lanes, x, y []float32) { Current().DotLanes(lanes, x, y) }

// ExpSumLanes is [ISA.ExpSumLanes] on the current tier.
func ExpSumLanes(lanes, dst, x []float32, max float32) { Current().ExpSumLanes(lanes, dst, x, max) }

// SumSquaresLanes is [ISA.SumSquaresLanes] on the current tier.
func SumSquaresLanes(lanes []float64, x []float32) { Current().SumSquaresLanes(lanes, x) }

// Add is [ISA.Add] on the current tier.
func Add(dst, a, b []float32) { Current().Add(dst, a, b) }

// Mul is [ISA.Mul] on the current tier.
func Mul(dst, a, b []float32) { Current().Mul(dst, a, b) }

// Axpy is [ISA.Axpy] on the current tier.
func Axpy(dst, x []float32, alpha float32) { Current().Axpy(dst, x, alpha) }

// Scale is [ISA.Scale] on the current tier.
func Scale(dst, x []float32, alpha float32) { Current().Scale(dst, x, alpha) }

// ScaleFlush is [ISA.ScaleFlush] on the current tier.
func ScaleFlush(dst, x []float32, alpha float32) { Current().ScaleFlush(dst, x, alpha) }

// Div is [ISA.Div] on the current tier.
func Div(dst, x []float32, d float32) { Current().Div(dst, x, d) }

// Clip is [ISA.Clip] on the current tier.
func Clip(dst, x []float32, limit float32) { Current().Clip(dst, x, limit) }

// SGD is [ISA.SGD] on the current tier.
func SGD(w, g []float32, lr, decay float32) { Current().SGD(w, g, lr, decay) }

// SGDMomentum is [ISA.SGDMomentum] on the current tier.
func SGDMomentum(w, g, v []float32, lr, mu, damp, decay float32) {
	Current().SGDMomentum(w, g, v, lr, mu, damp, decay)
}

// SGDNesterov is [ISA.SGDNesterov] on the current tier.
func SGDNesterov(w, g, v []float32, lr, mu, decay float32) {
	Current().SGDNesterov(w, g, v, lr, mu, decay)
}

// Adam is [ISA.Adam] on the current tier.
func Adam(w, g, m, v []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	Current().Adam(w, g, m, v, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep)
}
