package kernels

// RNNTanh is the element-wise part of one step of a plain recurrent layer for one
// row of H units: it sets h = tanh(a). Like all kernels that set a state it
// stores +0 where the result is below 2^-100.
func (t ISA) RNNTanh(h, a []float32) {
	t.need()
	same("RNNTanh", "h", len(h), "a", len(a))
	rnnTanh(t, h, a)
}

// RNNTanhGrad is the backward step of [ISA.RNNTanh]: it sets a = (1-h^2)(dh+dy), the
// gradient of the pre-activation, dh being the gradient of h carried from step
// t+1 and dy the one from above. a may be any of the others.
func (t ISA) RNNTanhGrad(a, h, dh, dy []float32) {
	t.need()
	same("RNNTanhGrad", "a", len(a), "h", len(h))
	same("RNNTanhGrad", "a", len(a), "dh", len(dh))
	same("RNNTanhGrad", "a", len(a), "dy", len(dy))
	rnnTanhGrad(t, a, h, dh, dy)
}

// RNNReLU is [ISA.RNNTanh] with h = max(a, 0).
func (t ISA) RNNReLU(h, a []float32) {
	t.need()
	same("RNNReLU", "h", len(h), "a", len(a))
	rnnReLU(t, h, a)
}

// RNNReLUGrad is the backward step of [ISA.RNNReLU]: it sets a = dh+dy where h is
// above 0 and +0 elsewhere.
func (t ISA) RNNReLUGrad(a, h, dh, dy []float32) {
	t.need()
	same("RNNReLUGrad", "a", len(a), "h", len(h))
	same("RNNReLUGrad", "a", len(a), "dh", len(dh))
	same("RNNReLUGrad", "a", len(a), "dy", len(dy))
	rnnReLUGrad(t, a, h, dh, dy)
}

// RNNSigmoid is [ISA.RNNTanh] with h = 1/(1+e^-a).
func (t ISA) RNNSigmoid(h, a []float32) {
	t.need()
	same("RNNSigmoid", "h", len(h), "a", len(a))
	rnnSigmoid(t, h, a)
}

// RNNSigmoidGrad is the backward step of [ISA.RNNSigmoid]: it sets a = h(1-h)(dh+dy).
func (t ISA) RNNSigmoidGrad(a, h, dh, dy []float32) {
	t.need()
	same("RNNSigmoidGrad", "a", len(a), "h", len(h))
	same("RNNSigmoidGrad", "a", len(a), "dh", len(dh))
	same("RNNSigmoidGrad", "a", len(a), "dy", len(dy))
	rnnSigmoidGrad(t, a, h, dh, dy)
}
