package oracle

// epsilon is what layer norm adds to a variance, as float32 has it.
const epsilon = float64(float32(1e-5))

// normalize is layer norm (Ba, Kiros and Hinton 2016) without gain and bias:
//
//	(1) mean = sum x / n   d = x - mean
//	(2) var  = sum d^2 / n   r = 1/sqrt(var + epsilon)
//	(3) y = d r
func normalize[N Number[N]](x []N) (y []N, r N) {
	mean := average(x, nil) // (1)
	d := make([]N, len(x))
	for j := range x {
		d[j] = x[j].Sub(mean)
	}
	r = r.Of(1).Div(average(d, d).Add(r.Of(epsilon)).Sqrt()) // (2)
	y = make([]N, len(x))
	for j := range d {
		y[j] = d[j].Mul(r) // (3)
	}
	return y, r
}

// normalizeBack returns the gradient by x from dy, that by y:
//
//	(4) dx = r (dy - sum dy / n - y sum (dy y) / n)
func normalizeBack[N Number[N]](y []N, r N, dy []N) []N {
	dx := make([]N, len(y))
	mean, slope := average(dy, nil), average(dy, y)
	for j := range dx {
		dx[j] = dy[j].Sub(mean).Sub(slope.Mul(y[j])).Mul(r) // (4)
	}
	return dx
}

// average returns sum x y / n, and sum x / n where y is nil.
func average[N Number[N]](x, y []N) N {
	var zero N
	if y == nil {
		y = make([]N, len(x))
		for j := range y {
			y[j] = zero.Of(1)
		}
	}
	return zero.Lanes(x, y).Div(zero.Of(float64(len(x))))
}

// preactivation returns, each row one chain,
//
//	(1) b_ih + b_hh + W_ih x + W_hh h
//	(2) with layer norm  b_ih + b_hh + gain_ih norm(W_ih x) + gain_hh norm(W_hh h)
//
// for the x and h of left. There it leaves the two normalised products, each
// normalised over all its rows, and the factors r of both.
func preactivation[N Number[N]](p Weights[N], layerNorm bool, left Tape[N]) []N {
	x, h, wx, wh := left["x"], left["h"], p[WeightIH], p[WeightHH]
	a := zeros[N](len(wh) / len(h))
	if bx, bh := p[BiasIH], p[BiasHH]; bx != nil {
		a = add(bx, bh)
	}
	if !layerNorm {
		for r := range a {
			a[r] = a[r].Chain(at(wx, r, len(x)), x).Chain(at(wh, r, len(h)), h) // (1)
		}
		return a
	}
	nx, rx := normalize(affine(nil, wx, 0, len(a), x))
	nh, rh := normalize(affine(nil, wh, 0, len(a), h))
	left["norm x"], left["norm h"], left["r"] = nx, nh, []N{rx, rh}
	gx, gh := p[GainIH], p[GainHH]
	for r := range a {
		a[r] = a[r].MulAdd(gx[r], nx[r]).MulAdd(gh[r], nh[r]) // (2)
	}
	return a
}

// preactivationBack, given the gradients of what the product with x and the
// product with h give to the gates (with their biases), computes
//
//	(3) dX = dx_part, with layer norm  norm'(dx_part gain_ih)   dH likewise
//	(4) dx += W_ih^T dX    dh = W_hh^T dH
//	(5) dW_ih += dX x^T   dW_hh += dH h^T   db_ih += dx_part   db_hh += dh_part
//	    dgain_ih += dx_part norm(W_ih x)   dgain_hh += dh_part norm(W_hh h)
func preactivationBack[N Number[N]](p Weights[N], layerNorm bool, left Tape[N], xPart, hPart, dx []N) (dh []N, outer []Outer[N]) {
	dX, dH := xPart, hPart
	if layerNorm { // (3)
		dX = normalizeBack(left["norm x"], left["r"][0], times(xPart, p[GainIH]))
		dH = normalizeBack(left["norm h"], left["r"][1], times(hPart, p[GainHH]))
		outer = []Outer[N]{
			{Param: GainIH, D: times(xPart, left["norm x"])},
			{Param: GainHH, D: times(hPart, left["norm h"])},
		}
	}
	dh = zeros[N](len(left["h"]))
	addTransposed(dx, p[WeightIH], dX) // (4)
	addTransposed(dh, p[WeightHH], dH)
	return dh, append(outer, // (5)
		Outer[N]{Param: WeightIH, D: dX, In: left["x"]},
		Outer[N]{Param: WeightHH, D: dH, In: left["h"]},
		Outer[N]{Param: BiasIH, D: xPart},
		Outer[N]{Param: BiasHH, D: hPart})
}

// times returns the element-wise product.
func times[N Number[N]](x, y []N) []N {
	out := make([]N, len(x))
	for j := range x {
		out[j] = x[j].Mul(y[j])
	}
	return out
}
