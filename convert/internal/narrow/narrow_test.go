package narrow

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// The nearest float32 of an integer is that which math/big finds.
func TestIntegers(t *testing.T) {
	check := func(v uint64) {
		t.Helper()
		want, _ := new(big.Float).SetMode(big.ToNearestEven).SetUint64(v).Float32()
		if got := U64(v); got != want {
			t.Fatalf("%d is %v, want %v", v, got, want)
		}
		want, _ = new(big.Float).SetMode(big.ToNearestEven).SetInt64(int64(v)).Float32()
		if got := I64(int64(v)); got != want {
			t.Fatalf("%d is %v, want %v", int64(v), got, want)
		}
	}
	// Ties, and what lies one beside them, at each size: rounding to float64 first
	// would make ties of what lies beside.
	for e := range 64 {
		for _, f := range []uint64{0, 1, 1 << 23, 1<<24 - 1, 1<<24 + 1, 3 << 23} {
			for _, beside := range []uint64{0, 1, ^uint64(0)} {
				v := uint64(1)<<e + beside
				if e >= 25 {
					v += f << (e - 25)
				}
				check(v)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		check(r.Uint64() >> r.IntN(64))
	}
}

// Every float16 is what its parts say.
func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		got := float64(F16(uint16(h)))
		e, f := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+f/1024, e-15)
		switch {
		case e == 0:
			want = math.Ldexp(f/1024, -14)
		case e == 31 && f == 0:
			want = math.Inf(1)
		case e == 31:
			if got == got {
				t.Fatalf("%#x is %v, want a NaN", h, got)
			}
			continue
		}
		if h>>15 == 1 {
			want = -want
		}
		if got != want || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%#x is %v, want %v", h, got, want)
		}
	}
}

func TestDoubles(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		v      float64
		want   float32
		finite bool
	}{
		{0.1, 0.1, true}, {1 + 1.0/(1<<24), 1, true}, {1 + 3.0/(1<<24), 1 + 1.0/(1<<22), true}, {math.Ldexp(1, -150), 0, true},
		{inf, float32(inf), true}, {-inf, float32(-inf), true},
		{3.4028235677973362e38, math.MaxFloat32, true}, {3.402823567797337e38, float32(inf), false}, {-1e300, float32(-inf), false},
	} {
		if got, finite := F64(c.v); got != c.want || finite != c.finite {
			t.Errorf("%v is %v, %v, want %v, %v", c.v, got, finite, c.want, c.finite)
		}
	}
	// A NaN keeps its sign and the upper bits, and is quiet.
	if got, ok := F64(math.Float64frombits(0xfff0000020000001)); math.Float32bits(got) != 0xffc00001 || !ok {
		t.Errorf("a NaN became %#x", math.Float32bits(got))
	}
}
