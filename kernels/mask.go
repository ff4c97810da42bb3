package kernels

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Uniform sets dst to random numbers in [1, 2), evenly spread over the 2^23
// float32 there. They are a function of the counter and the key, that of
// philox4x32-10, and of nothing else:
//
//	dst[j] = float32frombits(word>>9 | 0x3f800000)
//
// word being output word (j%64)/16 for the counter whose first word is
// counter[0] + (j/64)*16 + j%16 and whose others are counter[1:]. The length of
// dst must be a multiple of 64.
func (t ISA) Uniform(dst []float32, counter [4]uint32, key [2]uint32) {
	t.need()
	if len(dst)%64 != 0 {
		panic(fmt.Sprintf("kernels: Uniform: dst has %d elements, want a multiple of 64", len(dst)))
	}
	c := ref.Count(counter, key)
	uniform(t, dst, &c)
}

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
