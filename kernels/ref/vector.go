package ref

// Add sets dst = a + b.
func Add(dst, a, b []float32) {
	for j := range dst {
		dst[j] = a[j] + b[j]
	}
}

// Sub sets dst = a - b.
func Sub(dst, a, b []float32) {
	for j := range dst {
		dst[j] = a[j] - b[j]
	}
}

// Sign sets dst = 1 where x > 0, -1 where x < 0, and x where it is a zero or NaN.
func Sign(dst, x []float32) {
	for j, v := range x {
		switch {
		case v > 0:
			v = 1
		case v < 0:
			v = -1
		}
		dst[j] = v
	}
}

// CopyFlush sets dst = x with tiny values flushed to +0.
func CopyFlush(dst, x []float32) {
	for j, v := range x {
		dst[j] = Flush(v)
	}
}

// AddFlush sets dst = a + b with tiny results flushed to +0.
func AddFlush(dst, a, b []float32) {
	for j := range dst {
		dst[j] = Flush(a[j] + b[j])
	}
}

// Mul sets dst = a * b, element by element.
func Mul(dst, a, b []float32) {
	for j := range dst {
		dst[j] = a[j] * b[j]
	}
}

// MulFlush sets dst = a * b with tiny results flushed to +0.
func MulFlush(dst, a, b []float32) {
	for j := range dst {
		dst[j] = Flush(a[j] * b[j])
	}
}

// MulAdd adds a*b to dst, one fused multiply-add each.
func MulAdd(dst, a, b []float32) {
	for j := range dst {
		dst[j] = FMA(a[j], b[j], dst[j])
	}
}

// Axpy adds alpha*x to dst, one fused multiply-add each.
func Axpy(dst, x []float32, alpha float32) {
	for j, v := range x {
		dst[j] = FMA(alpha, v, dst[j])
	}
}

// Scale sets dst = x*alpha.
func Scale(dst, x []float32, alpha float32) {
	for j, v := range x {
		dst[j] = v * alpha
	}
}

// ScaleFlush sets dst = x*alpha with tiny results flushed to +0. What is below
// 2^-101/|alpha|, whose product is tiny, is not multiplied, so that no product is a
// denormal number.
func ScaleFlush(dst, x []float32, alpha float32) {
	least := Tiny / 2 / abs(alpha)
	for j, v := range x {
		if abs(v) < least {
			v = 0
		}
		dst[j] = Flush(v * alpha)
	}
}

// Div sets dst = x/d, a true division.
func Div(dst, x []float32, d float32) {
	for j, v := range x {
		dst[j] = v / d
	}
}

// Clip sets dst to x limited to [-limit, limit]; a NaN stays. limit must be > 0.
func Clip(dst, x []float32, limit float32) {
	for j, v := range x {
		if v > limit {
			v = limit
		}
		if v < -limit {
			v = -limit
		}
		dst[j] = v
	}
}

// ClipGrad sets dx = dy where x lies in [-limit, limit] or is NaN, that is where
// [Clip] leaves x as it is, and +0 elsewhere. limit must be > 0.
func ClipGrad(dx, x, dy []float32, limit float32) {
	for j, v := range x {
		if v > limit || v < -limit {
			dx[j] = 0
		} else {
			dx[j] = dy[j]
		}
	}
}
