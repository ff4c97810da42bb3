package kernels

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// same panics unless got equals want, the length of the slice called first.
func same(op, first string, want int, name string, got int) {
	if got != want {
		lengths(op, first, want, name, got)
	}
}

//go:noinline
func lengths(op, first string, want int, name string, got int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d elements, want %d as %s has", op, name, got, want, first))
}

//go:noinline
func laneCount(op string, want, got int) {
	panic(fmt.Sprintf("kernels: %s: %d lanes given, want %d", op, got, want))
}

// Exp sets dst = e^x. Error at most 0.90 ulp over all float32; gradual underflow.
func (t ISA) Exp(dst, x []float32) {
	t.need()
	same("Exp", "dst", len(dst), "x", len(x))
	exp(t, dst, x)
}

// Sigmoid sets dst = 1/(1+e^-x). Error at most 1.48 ulp over all float32.
func (t ISA) Sigmoid(dst, x []float32) {
	t.need()
	same("Sigmoid", "dst", len(dst), "x", len(x))
	sigmoid(t, dst, x)
}

// Tanh sets dst = tanh x. Error at most 1.37 ulp over all float32; odd bit for bit.
func (t ISA) Tanh(dst, x []float32) {
	t.need()
	same("Tanh", "dst", len(dst), "x", len(x))
	tanh(t, dst, x)
}

// SigmoidGrad sets dx = y(1-y) dy, y being the output of the sigmoid.
func (t ISA) SigmoidGrad(dx, y, dy []float32) {
	t.need()
	same("SigmoidGrad", "dx", len(dx), "y", len(y))
	same("SigmoidGrad", "dx", len(dx), "dy", len(dy))
	sigmoidGrad(t, dx, y, dy)
}

// TanhGrad sets dx = (1-y^2) dy, y being the output of tanh.
func (t ISA) TanhGrad(dx, y, dy []float32) {
	t.need()
	same("TanhGrad", "dx", len(dx), "y", len(y))
	same("TanhGrad", "dx", len(dx), "dy", len(dy))
	tanhGrad(t, dx, y, dy)
}

// LSTMGates is the element-wise part of one LSTM step for one row of H units.
// i, f, g and o are pre-activations and are replaced by the activations; c and h
// are set:
//
//	c = sigmoid(f)*cPrev + sigmoid(i)*tanh(g)      h = sigmoid(o)*tanh(c)
//
// The exact order of operations is that of [ref.LSTMGates]. c may be cPrev.
func (t ISA) LSTMGates(i, f, g, o, c, h, cPrev []float32) {
	t.need()
	same("LSTMGates", "i", len(i), "f", len(f))
	same("LSTMGates", "i", len(i), "g", len(g))
	same("LSTMGates", "i", len(i), "o", len(o))
	same("LSTMGates", "i", len(i), "c", len(c))
	same("LSTMGates", "i", len(i), "h", len(h))
	same("LSTMGates", "i", len(i), "cPrev", len(cPrev))
	lstmGates(t, i, f, g, o, c, h, cPrev)
}

// LSTMGatesGrad is the backward step of [ISA.LSTMGates] for one row of H
// units. i, f, g and o are the saved activations and are replaced by the gradients
// of the pre-activations; dc is the gradient of c_t carried from step t+1 and is
// replaced by the one handed to step t-1; dh is the gradient of h_t carried from
// step t+1 and dy the one from above. The equations are those of
// [ref.LSTMGatesGrad].
func (t ISA) LSTMGatesGrad(i, f, g, o, dc, c, cPrev, dh, dy []float32) {
	t.need()
	same("LSTMGatesGrad", "i", len(i), "f", len(f))
	same("LSTMGatesGrad", "i", len(i), "g", len(g))
	same("LSTMGatesGrad", "i", len(i), "o", len(o))
	same("LSTMGatesGrad", "i", len(i), "dc", len(dc))
	same("LSTMGatesGrad", "i", len(i), "c", len(c))
	same("LSTMGatesGrad", "i", len(i), "cPrev", len(cPrev))
	same("LSTMGatesGrad", "i", len(i), "dh", len(dh))
	same("LSTMGatesGrad", "i", len(i), "dy", len(dy))
	lstmGatesGrad(t, i, f, g, o, dc, c, cPrev, dh, dy)
}

// MaxLanes lifts the 64 lanes to the maximum of themselves and x; see [ref.MaxLanes].
func (t ISA) MaxLanes(lanes, x []float32) {
	t.need()
	if len(lanes) != ref.Lanes {
		laneCount("MaxLanes", ref.Lanes, len(lanes))
	}
	maxLanes(t, lanes, x)
}

// SumLanes adds x to the 64 lanes; see [ref.SumLanes].
func (t ISA) SumLanes(lanes, x []float32) {
	t.need()
	if len(lanes) != ref.Lanes {
		laneCount("SumLanes", ref.Lanes, len(lanes))
	}
	sumLanes(t, lanes, x)
}

// DotLanes adds x*y to the 64 lanes; see [ref.DotLanes].
func (t ISA) DotLanes(lanes, x, y []float32) {
	t.need()
	if len(lanes) != ref.Lanes {
		laneCount("DotLanes", ref.Lanes, len(lanes))
	}
	same("DotLanes", "x", len(x), "y", len(y))
	dotLanes(t, lanes, x, y)
}

// ExpSumLanes sets dst = e^(x-max) and adds dst to the 64 lanes; see [ref.ExpSumLanes].
func (t ISA) ExpSumLanes(lanes, dst, x []float32, max float32) {
	t.need()
	if len(lanes) != ref.Lanes {
		laneCount("ExpSumLanes", ref.Lanes, len(lanes))
	}
	same("ExpSumLanes", "dst", len(dst), "x", len(x))
	expSumLanes(t, lanes, dst, x, max)
}

// SumSquaresLanes adds x^2 to the 32 float64 lanes; see [ref.SumSquaresLanes].
func (t ISA) SumSquaresLanes(lanes []float64, x []float32) {
	t.need()
	if len(lanes) != ref.Lanes64 {
		laneCount("SumSquaresLanes", ref.Lanes64, len(lanes))
	}
	sumSquaresLanes(t, lanes, x)
}

// Add sets dst = a + b.
func (t ISA) Add(dst, a, b []float32) {
	t.need()
	same("Add", "dst", len(dst), "a", len(a))
	same("Add", "dst", len(dst), "b", len(b))
	add(t, dst, a, b)
}

// AddFlush sets dst = a + b, storing +0 where the result is below 2^-100.
func (t ISA) AddFlush(dst, a, b []float32) {
	t.need()
	same("AddFlush", "dst", len(dst), "a", len(a))
	same("AddFlush", "dst", len(dst), "b", len(b))
	addFlush(t, dst, a, b)
}

// Mul sets dst = a * b, element by element.
func (t ISA) Mul(dst, a, b []float32) {
	t.need()
	same("Mul", "dst", len(dst), "a", len(a))
	same("Mul", "dst", len(dst), "b", len(b))
	mul(t, dst, a, b)
}

// MulFlush sets dst = a * b, storing +0 where the result is below 2^-100.
func (t ISA) MulFlush(dst, a, b []float32) {
	t.need()
	same("MulFlush", "dst", len(dst), "a", len(a))
	same("MulFlush", "dst", len(dst), "b", len(b))
	mulFlush(t, dst, a, b)
}

// MulAdd adds a*b to dst, element by element, one fused multiply-add each.
func (t ISA) MulAdd(dst, a, b []float32) {
	t.need()
	same("MulAdd", "dst", len(dst), "a", len(a))
	same("MulAdd", "dst", len(dst), "b", len(b))
	mulAdd(t, dst, a, b)
}

// Axpy adds alpha*x to dst, one fused multiply-add each.
func (t ISA) Axpy(dst, x []float32, alpha float32) {
	t.need()
	same("Axpy", "dst", len(dst), "x", len(x))
	axpy(t, dst, x, alpha)
}

// Scale sets dst = x*alpha.
func (t ISA) Scale(dst, x []float32, alpha float32) {
	t.need()
	same("Scale", "dst", len(dst), "x", len(x))
	scale(t, dst, x, alpha)
}

// ScaleFlush sets dst = x*alpha, storing +0 where the result is below 2^-100.
func (t ISA) ScaleFlush(dst, x []float32, alpha float32) {
	t.need()
	same("ScaleFlush", "dst", len(dst), "x", len(x))
	scaleFlush(t, dst, x, alpha)
}

// Div sets dst = x/d, a true division.
func (t ISA) Div(dst, x []float32, d float32) {
	t.need()
	same("Div", "dst", len(dst), "x", len(x))
	div(t, dst, x, d)
}

// Clip sets dst to x limited to [-limit, limit]; a NaN stays. limit must be above 0.
func (t ISA) Clip(dst, x []float32, limit float32) {
	t.need()
	same("Clip", "dst", len(dst), "x", len(x))
	if !(limit > 0) {
		panic(fmt.Sprintf("kernels: Clip: limit %v, want it above 0", limit))
	}
	clip(t, dst, x, limit)
}

// ClipGrad sets dx = dy where x, the input of Clip, is within [-limit, limit] or
// NaN, and +0 elsewhere. limit must be above 0.
func (t ISA) ClipGrad(dx, x, dy []float32, limit float32) {
	t.need()
	same("ClipGrad", "dx", len(dx), "x", len(x))
	same("ClipGrad", "dx", len(dx), "dy", len(dy))
	if !(limit > 0) {
		panic(fmt.Sprintf("kernels: ClipGrad: limit %v, want it above 0", limit))
	}
	clipGrad(t, dx, x, dy, limit)
}

// SGD takes one step of gradient descent on w: w -= lr*(g + decay*w).
func (t ISA) SGD(w, g []float32, lr, decay float32) {
	t.need()
	same("SGD", "w", len(w), "g", len(g))
	sgd(t, w, g, lr, decay)
}

// SGDMomentum takes one step of gradient descent with momentum on w and the velocity v:
// v = mu*v + damp*(g + decay*w), w -= lr*v. damp is 1 - dampening.
func (t ISA) SGDMomentum(w, g, v []float32, lr, mu, damp, decay float32) {
	t.need()
	same("SGDMomentum", "w", len(w), "g", len(g))
	same("SGDMomentum", "w", len(w), "v", len(v))
	sgdMomentum(t, w, g, v, lr, mu, damp, decay)
}

// SGDNesterov is [ISA.SGDMomentum] in Nesterov's form, without dampening: w -= lr*(mu*v + e)
// with e = g + decay*w and v the new velocity.
func (t ISA) SGDNesterov(w, g, v []float32, lr, mu, decay float32) {
	t.need()
	same("SGDNesterov", "w", len(w), "g", len(g))
	same("SGDNesterov", "w", len(w), "v", len(v))
	sgdNesterov(t, w, g, v, lr, mu, decay)
}

// Adam takes one step of Adam or AdamW on w and the moments m and v. The scalars are
// prepared by the caller as [ref.Adam] says.
func (t ISA) Adam(w, g, m, v []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32) {
	t.need()
	same("Adam", "w", len(w), "g", len(g))
	same("Adam", "w", len(w), "m", len(m))
	same("Adam", "w", len(w), "v", len(v))
	adam(t, w, g, m, v, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep)
}
