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

// ReLU is [ISA.ReLU] on the current tier.
func ReLU(dst, x []float32) { Current().ReLU(dst, x) }

// ReLUGrad is [ISA.ReLUGrad] on the current tier.
func ReLUGrad(dx, y, dy []float32) { Current().ReLUGrad(dx, y, dy) }

// Affine is [ISA.Affine] on the current tier.
func Affine(dst, x []float32, alpha, beta float32) { Current().Affine(dst, x, alpha, beta) }

// LeakyReLU is [ISA.LeakyReLU] on the current tier.
func LeakyReLU(dst, x []float32, alpha float32) { Current().LeakyReLU(dst, x, alpha) }

// LeakyReLUGrad is [ISA.LeakyReLUGrad] on the current tier.
func LeakyReLUGrad(dx, x, dy []float32, alpha float32) { Current().LeakyReLUGrad(dx, x, dy, alpha) }

// ThresholdedReLU is [ISA.ThresholdedReLU] on the current tier.
func ThresholdedReLU(dst, x []float32, alpha float32) { Current().ThresholdedReLU(dst, x, alpha) }

// ThresholdedReLUGrad is [ISA.ThresholdedReLUGrad] on the current tier.
func ThresholdedReLUGrad(dx, x, dy []float32, alpha float32) {
	Current().ThresholdedReLUGrad(dx, x, dy, alpha)
}

// ScaledTanh is [ISA.ScaledTanh] on the current tier.
func ScaledTanh(dst, x []float32, alpha, beta float32) { Current().ScaledTanh(dst, x, alpha, beta) }

// ScaledTanhGrad is [ISA.ScaledTanhGrad] on the current tier.
func ScaledTanhGrad(dx, x, dy []float32, alpha, beta float32) {
	Current().ScaledTanhGrad(dx, x, dy, alpha, beta)
}

// HardSigmoid is [ISA.HardSigmoid] on the current tier.
func HardSigmoid(dst, x []float32, alpha, beta float32) { Current().HardSigmoid(dst, x, alpha, beta) }

// HardSigmoidGrad is [ISA.HardSigmoidGrad] on the current tier.
func HardSigmoidGrad(dx, x, dy []float32, alpha, beta float32) {
	Current().HardSigmoidGrad(dx, x, dy, alpha, beta)
}

// ELU is [ISA.ELU] on the current tier.
func ELU(dst, x []float32, alpha float32) { Current().ELU(dst, x, alpha) }

// ELUGrad is [ISA.ELUGrad] on the current tier.
func ELUGrad(dx, x, dy []float32, alpha float32) { Current().ELUGrad(dx, x, dy, alpha) }

// Softsign is [ISA.Softsign] on the current tier.
func Softsign(dst, x []float32) { Current().Softsign(dst, x) }

// SoftsignGrad is [ISA.SoftsignGrad] on the current tier.
func SoftsignGrad(dx, x, dy []float32) { Current().SoftsignGrad(dx, x, dy) }

// Softplus is [ISA.Softplus] on the current tier.
func Softplus(dst, x []float32) { Current().Softplus(dst, x) }

// SoftplusGrad is [ISA.SoftplusGrad] on the current tier.
func SoftplusGrad(dx, x, dy []float32) { Current().SoftplusGrad(dx, x, dy) }

// RNNTanh is [ISA.RNNTanh] on the current tier.
func RNNTanh(h, a []float32) { Current().RNNTanh(h, a) }

// RNNTanhGrad is [ISA.RNNTanhGrad] on the current tier.
func RNNTanhGrad(a, h, dh, dy []float32) { Current().RNNTanhGrad(a, h, dh, dy) }

// RNNReLU is [ISA.RNNReLU] on the current tier.
func RNNReLU(h, a []float32) { Current().RNNReLU(h, a) }

// RNNReLUGrad is [ISA.RNNReLUGrad] on the current tier.
func RNNReLUGrad(a, h, dh, dy []float32) { Current().RNNReLUGrad(a, h, dh, dy) }

// RNNSigmoid is [ISA.RNNSigmoid] on the current tier.
func RNNSigmoid(h, a []float32) { Current().RNNSigmoid(h, a) }

// RNNSigmoidGrad is [ISA.RNNSigmoidGrad] on the current tier.
func RNNSigmoidGrad(a, h, dh, dy []float32) { Current().RNNSigmoidGrad(a, h, dh, dy) }

// GRUGates is [ISA.GRUGates] on the current tier.
func GRUGates(r, z, n, nh, h, hPrev []float32) { Current().GRUGates(r, z, n, nh, h, hPrev) }

// GRUGatesGrad is [ISA.GRUGatesGrad] on the current tier.
func GRUGatesGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	Current().GRUGatesGrad(r, z, n, nh, dh, hPrev, dy)
}

// GRUGatesTextbook is [ISA.GRUGatesTextbook] on the current tier.
func GRUGatesTextbook(r, z, n, nh, h, hPrev []float32) {
	Current().GRUGatesTextbook(r, z, n, nh, h, hPrev)
}

// GRUGatesTextbookGrad is [ISA.GRUGatesTextbookGrad] on the current tier.
func GRUGatesTextbookGrad(r, z, n, nh, dh, hPrev, dy []float32) {
	Current().GRUGatesTextbookGrad(r, z, n, nh, dh, hPrev, dy)
}

// GRUReset is [ISA.GRUReset] on the current tier.
func GRUReset(r, q, hPrev []float32) { Current().GRUReset(r, q, hPrev) }

// GRUResetGrad is [ISA.GRUResetGrad] on the current tier.
func GRUResetGrad(r, e, dq, hPrev []float32) { Current().GRUResetGrad(r, e, dq, hPrev) }

// GRUUpdate is [ISA.GRUUpdate] on the current tier.
func GRUUpdate(z, n, h, hPrev []float32) { Current().GRUUpdate(z, n, h, hPrev) }

// GRUUpdateGrad is [ISA.GRUUpdateGrad] on the current tier.
func GRUUpdateGrad(z, n, dh, hPrev, dy []float32) { Current().GRUUpdateGrad(z, n, dh, hPrev, dy) }

// GRUUpdateTextbook is [ISA.GRUUpdateTextbook] on the current tier.
func GRUUpdateTextbook(z, n, h, hPrev []float32) { Current().GRUUpdateTextbook(z, n, h, hPrev) }

// GRUUpdateTextbookGrad is [ISA.GRUUpdateTextbookGrad] on the current tier.
func GRUUpdateTextbookGrad(z, n, dh, hPrev, dy []float32) {
	Current().GRUUpdateTextbookGrad(z, n, dh, hPrev, dy)
}

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

// AddFlush is [ISA.AddFlush] on the current tier.
func AddFlush(dst, a, b []float32) { Current().AddFlush(dst, a, b) }

// Mul is [ISA.Mul] on the current tier.
func Mul(dst, a, b []float32) { Current().Mul(dst, a, b) }

// MulFlush is [ISA.MulFlush] on the current tier.
func MulFlush(dst, a, b []float32) { Current().MulFlush(dst, a, b) }

// MulAdd is [ISA.MulAdd] on the current tier.
func MulAdd(dst, a, b []float32) { Current().MulAdd(dst, a, b) }

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

// ClipGrad is [ISA.ClipGrad] on the current tier.
func ClipGrad(dx, x, dy []float32, limit float32) { Current().ClipGrad(dx, x, dy, limit) }

// Uniform is [ISA.Uniform] on the current tier.
func Uniform(dst []float32, counter [4]uint32, key [2]uint32) { Current().Uniform(dst, counter, key) }

// Drop is [ISA.Drop] on the current tier.
func Drop(dst, x, u []float32, below, scale float32) { Current().Drop(dst, x, u, below, scale) }

// Choose is [ISA.Choose] on the current tier.
func Choose(dst, u, a, b []float32, below float32) { Current().Choose(dst, u, a, b, below) }

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
