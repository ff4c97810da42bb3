package ref

import "math"

// The optimizers store +0 for weights and moments below 2^-100, so that a weight
// that decays ends at +0. A gradient below it counts as +0: its products would be
// denormal numbers.

// decayed returns the gradient g with that of a weight decay added, g + decay*w,
// flushed. A decay of 0 leaves w out, by selection: zero times an infinite weight would be NaN.
func decayed(decay, w, g float32) float32 {
	if decay == 0 {
		w = 0
	}
	return Flush(FMA(decay, w, g))
}

// SGD takes one step of stochastic gradient descent:
//
//	e = g + decay*w       flushed; without w where decay is 0
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
//	e = g + decay*w       flushed; without w where decay is 0
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
//	e = g + decay*w       flushed; without w where decay is 0
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
// Hutter 2019), with a true square root and true divisions. In place of the second
// moment it keeps the root of it, r, which has the range of a gradient:
//
//	(1) e = g + l2*w                        flushed; without w where l2 is 0
//	(2) m = beta1*m + omb1*e                flushed
//	(3) r = sqrt(beta2*r^2 + omb2*e^2)      as [Root] computes it
//	(4) w = keep*w - step * m/(r/rbc2 + eps)    flushed
//
// The caller computes in float64 and rounds once: omb = 1-beta,
// step = lr/(1-beta1^t), rbc2 = sqrt(1-beta2^t). l2 is Adam's coupled weight
// decay, keep = 1 - lr*decay AdamW's; the neutral values are 0 and 1.
func Adam(w, g, m, r []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])                    // (1)
		m[j] = Flush(FMA(beta1, m[j], float32(omb1*e))) // (2)
		r[j] = Root(beta2, omb2, r[j], e)               // (3)
		d := float32(r[j]/rbc2) + eps
		w[j] = Flush(FMA(-step, m[j]/d, float32(w[j]*keep))) // (4)
	}
}

// AMSGrad is [Adam] with a divisor that never falls (Reddi, Kale and Kumar 2018):
// the largest root so far, x, in place of r in (4). As the root of a maximum is the
// maximum of roots, x is the root of the largest second moment.
//
//	(1) to (3) of Adam
//	(4) x = max(x, r)                       r where either is NaN, +0 where below 2^-112
//	(5) w = keep*w - step * m/(x/rbc2 + eps)    flushed
func AMSGrad(w, g, m, r, x []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		m[j] = Flush(FMA(beta1, m[j], float32(omb1*e)))
		r[j] = Root(beta2, omb2, r[j], e)
		x[j] = largerRoot(x[j], r[j]) // (4)
		d := float32(x[j]/rbc2) + eps
		w[j] = Flush(FMA(-step, m[j]/d, float32(w[j]*keep))) // (5)
	}
}

// RMSProp takes one step of RMSProp (Hinton 2012). As Adam does, it keeps the root of
// the mean of squares, r:
//
//	(1) e = g + l2*w                        flushed; without w where l2 is 0
//	(2) r = sqrt(alpha*r^2 + oma*e^2)       as [Root] computes it
//	(3) w = keep*w - lr * e/(r + eps)       flushed
//
// The caller computes oma = 1-alpha in float64 and rounds once; l2 and keep are those
// of [Adam]. With alpha and oma both 1 the mean is a sum, and the step that of Adagrad
// (Duchi, Hazan and Singer 2011).
func RMSProp(w, g, r []float32, alpha, oma, lr, eps, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		r[j] = Root(alpha, oma, r[j], e)
		w[j] = Flush(FMA(-lr, e/(r[j]+eps), float32(w[j]*keep)))
	}
}

// RMSPropMomentum is [RMSProp] with a velocity v:
//
//	(1) and (2) of RMSProp
//	(3) v = mu*v + e/(r + eps)              flushed
//	(4) w = keep*w - lr*v                   flushed
func RMSPropMomentum(w, g, r, v []float32, alpha, oma, lr, eps, mu, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		r[j] = Root(alpha, oma, r[j], e)
		v[j] = Flush(FMA(mu, v[j], e/(r[j]+eps)))
		w[j] = Flush(FMA(-lr, v[j], float32(w[j]*keep)))
	}
}

// RMSPropCentred is [RMSProp] with the variance of the gradients in place of the mean
// of their squares (Graves 2013). The variance is not computed as a difference of two
// squares, which cancel, but by its own recurrence (West 1979), that of its root s:
//
//	(1) e = g + l2*w                        flushed; without w where l2 is 0
//	(2) d = e - m                           flushed
//	(3) s = sqrt(alpha*s^2 + omv*d^2)       as [Root] computes it
//	(4) m = m + oma*d                       flushed
//	(5) w = keep*w - lr * e/(s + eps)       flushed
//
// with omv = alpha*(1-alpha), computed in float64 and rounded once. If r is the root of
// the mean of squares of the same gradients, s^2 = r^2 - m^2.
func RMSPropCentred(w, g, s, m []float32, alpha, oma, omv, lr, eps, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		d := Flush(e - m[j])
		s[j] = Root(alpha, omv, s[j], d)
		m[j] = Flush(FMA(oma, d, m[j]))
		w[j] = Flush(FMA(-lr, e/(s[j]+eps), float32(w[j]*keep)))
	}
}

// RMSPropCentredMomentum is [RMSPropCentred] with a velocity v:
//
//	(1) to (4) of RMSPropCentred
//	(5) v = mu*v + e/(s + eps)              flushed
//	(6) w = keep*w - lr*v                   flushed
func RMSPropCentredMomentum(w, g, s, m, v []float32, alpha, oma, omv, lr, eps, mu, l2, keep float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		d := Flush(e - m[j])
		s[j] = Root(alpha, omv, s[j], d)
		m[j] = Flush(FMA(oma, d, m[j]))
		v[j] = Flush(FMA(mu, v[j], e/(s[j]+eps)))
		w[j] = Flush(FMA(-lr, v[j], float32(w[j]*keep)))
	}
}

// ASGD takes one step of averaged stochastic gradient descent (Polyak and Juditsky
// 1992) on w and the average a:
//
//	(1) e = g + l2*w                        flushed; without w where l2 is 0
//	(2) w = keep*w - lr*e                   flushed
//	(3) a = omm*a + mu*w                    flushed; without a where omm is 0
//
// mu is 1 over the number of weights in the average, and omm = 1-mu. If the caller
// rounds omm once and takes mu = 1-omm of the result, which is exact, the two add up to
// 1, and the average of equal weights is that weight.
func ASGD(w, g, a []float32, lr, l2, keep, mu, omm float32) {
	for j := range w {
		e := decayed(l2, w[j], g[j])
		w[j] = Flush(FMA(-lr, e, float32(w[j]*keep)))
		old := a[j]
		if omm == 0 {
			old = 0
		}
		a[j] = Flush(FMA(mu, w[j], float32(omm*old)))
	}
}

// Numbers of [Root].
const (
	rootSmall = 0x1p-10 // below it the squares are those of numbers 2^66 times as large
	rootLarge = 0x1p+50 // above it they are those of numbers 2^66 times as small
	rootScale = 0x1p+66
	rootLost  = 0x1p-48 // what is smaller than this after the scaling does not count

	// TinyRoot is the bound below which [Root] is +0. It lies below [Tiny], so that
	// no moment m of the same gradients is stored where r is 0: m is at most
	// r*omb1/sqrt(omb2*(1-beta1^2/beta2)), and m/(0+eps) would be a step of any size.
	TinyRoot = 0x1p-112
)

// Root returns sqrt(beta2*r^2 + omb2*e^2) for r >= 0, without squares that leave the
// range of float32: r and e are scaled by one power of two beforehand, and the root
// by its inverse. An operand so much smaller than the other that it cannot change the
// sum counts as +0, for its square would be a denormal number.
//
//	(1) s = max(|e|, r)
//	(2) up = 2^66 where s < 2^-10, 2^-66 where s > 2^50, else 1;   down = 1/up
//	(3) r, |e| = +0 where below 2^-48*down
//	(4) q = beta2*(r*up)^2 + omb2*(|e|*up)^2     each product rounded, but the last
//	(5) sqrt(q)*down                             +0 where below 2^-112
//
// With r and e zero or at least 2^-112 and 2^-100, and beta2 and omb2 from 2^-25 to 1,
// every intermediate result is zero, a normal number, infinite or NaN.
func Root(beta2, omb2, r, e float32) float32 {
	a := math.Float32frombits(math.Float32bits(e) &^ (1 << 31))
	s := r
	if a > r {
		s = a // (1)
	}
	up := float32(1)
	if s < rootSmall {
		up = rootScale // (2)
	}
	if s > rootLarge {
		up = 1 / rootScale
	}
	down := 1 / up
	least := float32(down * rootLost)
	if r < least {
		r = 0 // (3)
	}
	if a < least {
		a = 0
	}
	r, a = float32(r*up), float32(a*up)
	q := FMA(beta2, float32(r*r), float32(omb2*float32(a*a))) // (4)
	root := float32(float32(math.Sqrt(float64(q))) * down)    // (5)
	if root < TinyRoot {
		return 0
	}
	return root
}

// largerRoot is x where x > r and otherwise r, flushed as a root is.
func largerRoot(x, r float32) float32 {
	if x > r {
		r = x
	}
	if r < TinyRoot {
		return 0
	}
	return r
}
