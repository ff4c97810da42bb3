package kernels

// The activations that ONNX lists for recurrent layers besides sigmoid and tanh.
// In each a NaN stays a NaN.

// ReLU sets dst = max(x, 0).
func (t ISA) ReLU(dst, x []float32) {
	t.need()
	same("ReLU", "dst", len(dst), "x", len(x))
	reLU(t, dst, x)
}

// ReLUGrad sets dx = dy where y, the output of ReLU, is above 0, and +0 elsewhere.
func (t ISA) ReLUGrad(dx, y, dy []float32) {
	t.need()
	same("ReLUGrad", "dx", len(dx), "y", len(y))
	same("ReLUGrad", "dx", len(dx), "dy", len(dy))
	reLUGrad(t, dx, y, dy)
}

// Affine sets dst = alpha*x + beta, one fused multiply-add each. Its derivative is
// [ISA.Scale] by alpha.
func (t ISA) Affine(dst, x []float32, alpha, beta float32) {
	t.need()
	same("Affine", "dst", len(dst), "x", len(x))
	affine(t, dst, x, alpha, beta)
}

// LeakyReLU sets dst = x where x >= 0 and alpha*x elsewhere.
func (t ISA) LeakyReLU(dst, x []float32, alpha float32) {
	t.need()
	same("LeakyReLU", "dst", len(dst), "x", len(x))
	leakyReLU(t, dst, x, alpha)
}

// LeakyReLUGrad sets dx = dy where x >= 0 and alpha*dy elsewhere.
func (t ISA) LeakyReLUGrad(dx, x, dy []float32, alpha float32) {
	t.need()
	same("LeakyReLUGrad", "dx", len(dx), "x", len(x))
	same("LeakyReLUGrad", "dx", len(dx), "dy", len(dy))
	leakyReLUGrad(t, dx, x, dy, alpha)
}

// ThresholdedReLU sets dst = x where x >= alpha and +0 elsewhere.
func (t ISA) ThresholdedReLU(dst, x []float32, alpha float32) {
	t.need()
	same("ThresholdedReLU", "dst", len(dst), "x", len(x))
	thresholdedReLU(t, dst, x, alpha)
}

// ThresholdedReLUGrad sets dx = dy where x >= alpha and +0 elsewhere.
func (t ISA) ThresholdedReLUGrad(dx, x, dy []float32, alpha float32) {
	t.need()
	same("ThresholdedReLUGrad", "dx", len(dx), "x", len(x))
	same("ThresholdedReLUGrad", "dx", len(dx), "dy", len(dy))
	thresholdedReLUGrad(t, dx, x, dy, alpha)
}

// ScaledTanh sets dst = alpha*tanh(beta*x).
func (t ISA) ScaledTanh(dst, x []float32, alpha, beta float32) {
	t.need()
	same("ScaledTanh", "dst", len(dst), "x", len(x))
	scaledTanh(t, dst, x, alpha, beta)
}

// ScaledTanhGrad sets dx = alpha*beta*(1-t^2) dy, t = tanh(beta*x).
func (t ISA) ScaledTanhGrad(dx, x, dy []float32, alpha, beta float32) {
	t.need()
	same("ScaledTanhGrad", "dx", len(dx), "x", len(x))
	same("ScaledTanhGrad", "dx", len(dx), "dy", len(dy))
	scaledTanhGrad(t, dx, x, dy, alpha, beta)
}

// HardSigmoid sets dst = alpha*x + beta, limited to [0, 1].
func (t ISA) HardSigmoid(dst, x []float32, alpha, beta float32) {
	t.need()
	same("HardSigmoid", "dst", len(dst), "x", len(x))
	hardSigmoid(t, dst, x, alpha, beta)
}

// HardSigmoidGrad sets dx = alpha*dy where 0 < alpha*x + beta < 1 and +0 elsewhere.
func (t ISA) HardSigmoidGrad(dx, x, dy []float32, alpha, beta float32) {
	t.need()
	same("HardSigmoidGrad", "dx", len(dx), "x", len(x))
	same("HardSigmoidGrad", "dx", len(dx), "dy", len(dy))
	hardSigmoidGrad(t, dx, x, dy, alpha, beta)
}

// ELU sets dst = x where x >= 0 and alpha*(e^x-1) elsewhere. Error at most 1.0 ulp
// for alpha = 1.
func (t ISA) ELU(dst, x []float32, alpha float32) {
	t.need()
	same("ELU", "dst", len(dst), "x", len(x))
	elu(t, dst, x, alpha)
}

// ELUGrad sets dx = dy where x >= 0 and alpha*e^x dy elsewhere.
func (t ISA) ELUGrad(dx, x, dy []float32, alpha float32) {
	t.need()
	same("ELUGrad", "dx", len(dx), "x", len(x))
	same("ELUGrad", "dx", len(dx), "dy", len(dy))
	eluGrad(t, dx, x, dy, alpha)
}

// Softsign sets dst = x/(1+|x|), which is NaN for infinite x. Error at most 1.5 ulp for
// other x.
func (t ISA) Softsign(dst, x []float32) {
	t.need()
	same("Softsign", "dst", len(dst), "x", len(x))
	softsign(t, dst, x)
}

// SoftsignGrad sets dx = dy/(1+|x|)^2.
func (t ISA) SoftsignGrad(dx, x, dy []float32) {
	t.need()
	same("SoftsignGrad", "dx", len(dx), "x", len(x))
	same("SoftsignGrad", "dx", len(dx), "dy", len(dy))
	softsignGrad(t, dx, x, dy)
}

// Softplus sets dst = log(1+e^x). Error at most 4.0 ulp over all float32.
func (t ISA) Softplus(dst, x []float32) {
	t.need()
	same("Softplus", "dst", len(dst), "x", len(x))
	softplus(t, dst, x)
}

// SoftplusGrad sets dx = sigmoid(x) dy.
func (t ISA) SoftplusGrad(dx, x, dy []float32) {
	t.need()
	same("SoftplusGrad", "dx", len(dx), "x", len(x))
	same("SoftplusGrad", "dx", len(dx), "dy", len(dy))
	softplusGrad(t, dx, x, dy)
}
