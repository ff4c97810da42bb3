package numtest

import (
	"fmt"
	"hash/fnv"
	"math"
)

// The golden files of hundreds of configurations, which bench/compact.py writes,
// hold neither weights nor inputs and only summaries of results. What goes in is
// drawn from labels, there as here.

// words returns the first n numbers of splitmix64, which starts at the label's
// FNV-1a hash.
func words(label string, n int) []uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(label))
	state, w := hash.Sum64(), make([]uint64, n)
	for i := range w {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		w[i] = z ^ z>>31
	}
	return w
}

// Drawn returns n float32 numbers from [-scale, scale): multiples of 2^-23, times
// scale in float32.
func Drawn(label string, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i, w := range words(label, n) {
		v[i] = float32(int64(w>>40)-1<<23) / (1 << 23) * float32(scale)
	}
	return v
}

// A Summary is what a golden file holds of a tensor: its Euclidean norm, its
// inner product with the numbers Drawn from its label and "/direction", and
// elements: all, or some at places drawn from its label and "/at".
type Summary []float64

// Apart returns the largest of the relative differences of got from what s
// summarises, and where it is: that of the norm; that of the inner product,
// relative to the product of the norms; that of an element, relative to the
// element or, where that is smaller, to the tensor's root mean square. A tensor
// of zeros must be one of zeros. Each is at most d if the tensors are d apart in
// the Euclidean norm, and their elements as above.
func Apart[F float32 | float64](label string, got []F, s Summary) (worst float64, where string) {
	const head = 2
	if len(s) < head || len(s)-head > len(got) {
		return math.Inf(1), fmt.Sprintf("a summary of %d numbers for %d elements", len(s), len(got))
	}
	var square, inner, length float64
	direction := Drawn(label+"/direction", len(got), 1)
	for i, v := range got {
		g, d := float64(v), float64(direction[i])
		square += g * g
		inner += g * d
		length += d * d
	}
	norm, samples := s[0], s[head:]
	note := func(d float64, format string, a ...any) {
		if d > worst || math.IsNaN(d) && !math.IsNaN(worst) {
			worst, where = d, fmt.Sprintf(format, a...)
		}
	}
	if norm == 0 {
		if square != 0 {
			note(math.Inf(1), "the norm is %v, want 0", math.Sqrt(square))
		}
		return worst, where
	}
	note(math.Abs(math.Sqrt(square)-norm)/norm, "the norm is %v, want %v", math.Sqrt(square), norm)
	note(math.Abs(inner-s[1])/(norm*math.Sqrt(length)), "the inner product is %v, want %v", inner, s[1])
	rms := norm / math.Sqrt(float64(len(got)))
	at := words(label+"/at", len(samples))
	for k, want := range samples {
		i := k
		if len(samples) < len(got) {
			i = int(at[k] % uint64(len(got)))
		}
		note(math.Abs(float64(got[i])-want)/max(math.Abs(want), rms), "element %d is %v, want %v", i, got[i], want)
	}
	return worst, where
}
