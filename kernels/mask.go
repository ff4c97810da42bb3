package kernels

// Drop sets dst = +0 where u < below and x*scale elsewhere. It selects: what is
// dropped leaves +0 whatever it was, NaN and infinities included.
func (t ISA) Drop(dst, x, u []float32, below, scale float32) {
	t.need()
	same("Drop", "dst", len(dst), "x", len(x))
	same("Drop", "dst", len(dst), "u", len(u))
	drop(t, dst, x, u, below, scale)
}

// Choose sets dst = a where u < below and b elsewhere.
func (t ISA) Choose(dst, u, a, b []float32, below float32) {
	t.need()
	same("Choose", "dst", len(dst), "u", len(u))
	same("Choose", "dst", len(dst), "a", len(a))
	same("Choose", "dst", len(dst), "b", len(b))
	choose(t, dst, u, a, b, below)
}
