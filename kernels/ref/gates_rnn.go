package ref

// The step of a plain recurrent network (Elman 1990, "Finding structure in
// time"), h = f(W_ih x + W_hh h + b), for the three activations f that are
// finished by one kernel. Each forward kernel is
//
//	(1) h = f(a)
//
// and each backward kernel, dh being the gradient of h_t that comes from step t+1 and dy
// the one that comes from the layer above, is
//
//	(2) d = dh + dy
//	(3) a = f'(a) * d       from the output h
//
// for one row of H units. Tiny values of both are flushed to +0. For all other
// activations a step consists of kernels of one operation each.

// RNNTanh sets h = tanh(a).
func RNNTanh(h, a []float32) {
	for j, v := range a {
		h[j] = Flush(Tanh1(v)) // (1)
	}
}

// RNNTanhGrad sets a = (1-h^2) * (dh+dy).
func RNNTanhGrad(a, h, dh, dy []float32) {
	for j, v := range h {
		a[j] = Flush(FMA(-v, v, 1) * (dh[j] + dy[j])) // (2), (3)
	}
}

// RNNReLU sets h = max(a, 0).
func RNNReLU(h, a []float32) {
	for j, v := range a {
		h[j] = Flush(ReLU1(v)) // (1)
	}
}

// RNNReLUGrad sets a = dh+dy where h is above 0, else +0.
func RNNReLUGrad(a, h, dh, dy []float32) {
	for j, v := range h {
		a[j] = Flush(pass(v, dh[j]+dy[j])) // (2), (3)
	}
}

// RNNSigmoid sets h = sigmoid(a).
func RNNSigmoid(h, a []float32) {
	for j, v := range a {
		h[j] = Flush(Sigmoid1(v)) // (1)
	}
}

// RNNSigmoidGrad sets a = h(1-h) * (dh+dy).
func RNNSigmoidGrad(a, h, dh, dy []float32) {
	for j, v := range h {
		a[j] = Flush(slope(v) * (dh[j] + dy[j])) // (2), (3)
	}
}
