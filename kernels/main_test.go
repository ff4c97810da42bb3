package kernels_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// exhaustive runs the sweeps over float32 on all 2^32 bit patterns:
//
//	go test ./kernels -run TestActivations$ -exhaustive -timeout 2h
var exhaustive = flag.Bool("exhaustive", false, "sweep all 2^32 inputs of the activations")

func TestMain(m *testing.M) { os.Exit(numtest.Main(m)) }

// specials are the values at which kernels tend to go wrong: zeros, the
// subnormal range, the flush bound 2^-100, one, the largest numbers, infinities,
// NaNs of both kinds and signs, and the bounds of the element functions.
var specials = func() []float32 {
	var s []float32
	for _, bits := range []uint32{
		0, 1, 2, 0x007fffff, 0x00800000, 0x00800001, // zero, subnormal, smallest normal
		0x0d7fffff, 0x0d800000, 0x0d800001, // around 2^-100
		0x33800000, 0x3effffff, 0x3f000000, 0x3f1fffff, 0x3f200000, // 2^-24, 0.5, 0.625
		0x3f7fffff, 0x3f800000, 0x3f800001, 0x40000000, // 1, 2
		0x4113ffff, 0x41140000, 0x41140001, // 9.25
		0x42b0ffff, 0x42b17217, 0x42b17218, 0x42b20000, // around 88.72 and 89
		0x42ce8ecf, 0x42ce8ed0, 0x42d00000, 0x42d00001, // around 103.3 and 104
		0x4b000000, 0x7f7fffff, 0x7f800000, // 2^23, largest, infinity
		0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fffffff, // NaN, signalling and quiet
	} {
		s = append(s, math.Float32frombits(bits), math.Float32frombits(bits|1<<31))
	}
	return s
}()

// A source is a generator with ways to draw test values.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 0x5eed))} }

// Ways to fill a buffer.
const (
	moderate = iota // uniform in -4..4
	wild            // any bit pattern, specials among them
	mixed           // moderate with a special now and then
	modes
)

func (r source) value(mode int) float32 {
	switch {
	case mode == wild && r.IntN(2) == 0, mode == mixed && r.IntN(16) == 0:
		return specials[r.IntN(len(specials))]
	case mode == wild:
		return math.Float32frombits(r.Uint32())
	}
	return 8 * (r.Float32() - 0.5)
}

func (r source) values(n, mode int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = r.value(mode)
	}
	return s
}

func clone(s [][]float32) [][]float32 {
	out := make([][]float32, len(s))
	for i := range s {
		out[i] = append(make([]float32, 0, len(s[i])), s[i]...)
	}
	return out
}
