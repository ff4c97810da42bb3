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

// Uniform is [ISA.Uniform] on the current tier.
func Uniform(dst []float32, counter [4]uint32, key [2]uint32) { Current().Uniform(dst, counter, key) }
