package ref

// Drop sets dst = +0 where u < below and x*scale elsewhere. It selects: what is
// dropped leaves +0 whatever it was, NaN and infinities included.
func Drop(dst, x, u []float32, below, scale float32) {
	for j, v := range x {
		if u[j] < below {
			dst[j] = 0
		} else {
			dst[j] = v * scale
		}
	}
}

// Choose sets dst = a where u < below and b elsewhere.
func Choose(dst, u, a, b []float32, below float32) {
	for j, v := range u {
		if v < below {
			dst[j] = a[j]
		} else {
			dst[j] = b[j]
		}
	}
}
