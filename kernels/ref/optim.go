package ref

import "math"

// The optimizers store +0 for weights and moments below 2^-100, so that a weight
// that decays ends at +0.

// decayed returns the gradient g with that of a weight decay added, g + decay*w. A
// decay of 0 leaves w out, by selection: zero times an infinite weight would be NaN.
func decayed(decay, w, g float32) float32 {
	if decay == 0 {
		w = 0
	}
	return FMA(decay, w, g)
}

// SGD takes one step of stochastic gradient descent:
//
//	e = g + decay*w       without w where decay is 0
//	w = w - lr*e          flushed
//
// each line one fused multiply-add.
func SGD(w, g []float32, lr, decay float32) {
	for j := range w {
		e := decayed(decay, w[j], g[j])
		w[j] = Flush(FMA(-lr, e, w[j]))
	}
}

// SGDMomentum takes one step of SGD with momentum, damp being 1 - dampening:
//
//	e = g + decay*w       without w where decay is 0
//	v = mu*v + damp*e     flushed
//	w = w - lr*v          flushed
func SGDMomentum(w, g, v []float32, lr, mu, damp, decay float32) {
	for j := range w {
		e := decayed(decay, w[j], g[j])
		v[j] = Flush(FMA(mu, v[j], float32(damp*e)))
		w[j] = Flush(FMA(-lr, v[j], w[j]))
	}
}

// SGDNesterov takes one step of SGD with Nesterov momentum in the form of
// Sutskever et al. 2013 that PyTorch uses:
//
//	e = g + decay*w       without w where decay is 0
//	v = mu*v + e          flushed
//	w = w - lr*(mu*v + e) flushed
func SGDNesterov(w, g, v []float32, lr, mu, decay float32) {
	for j := range w {
		e := decayed(decay, w[j], g[j])
		v[j] = Flush(FMA(mu, v[j], e))
		w[j] = Flush(FMA(-lr, FMA(mu, v[j], e), w[j]))
	}
}

// Adam takes one step of Adam (Kingma and Ba 2015) or AdamW (Loshchilov and
// Hutter 2019), with a true square root and true divisions:
//
//	e = g + l2*w                    without w where l2 is 0
//	m = beta1*m + omb1*e            flushed
//	v = beta2*v + omb2*e^2          flushed
//	w = keep*w - step * m / (sqrt(v)/rbc2 + eps)   flushed
//
// The caller computes in float64 and rounds once: omb = 1-beta,
// step = lr/(1-beta1^t), rbc2 = sqrt(1-beta2^t). l2 is Adam's coupled weight
// decay, keep = 1 - lr*decay AdamW's; the neutral values are 0 and 1.
func Adam(w, g, m, v []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		m[j] = Flush(FMA(beta1, m[j], float32(omb1*e)))
		v[j] = Flush(FMA(beta2, v[j], float32(omb2*float32(e*e))))
		d := float32(float32(math.Sqrt(float64(v[j])))/rbc2) + eps
		w[j] = Flush(FMA(-step, m[j]/d, float32(w[j]*keep)))
	}
}
