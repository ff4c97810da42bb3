package numtest

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// CanonicalNaN replaces every NaN wherever bits are compared or hashed: the
// contract promises that a value is NaN, not which one.
const CanonicalNaN = 0x7fc00000

// Bits returns the bit pattern of v, with every NaN mapped to CanonicalNaN.
func Bits(v float32) uint32 {
	if v != v {
		return CanonicalNaN
	}
	return math.Float32bits(v)
}

// Same reports whether a and b are the same value bit for bit, NaN matching NaN.
func Same(a, b float32) bool { return Bits(a) == Bits(b) }

// Distance returns how many float32 values lie between a and b, counting one of
// the ends: 0 for equal bits and for two NaNs, 1 for neighbours. The two zeros
// are the same point. A NaN is MaxUint32 away from every number.
func Distance(a, b float32) uint32 {
	if a != a || b != b {
		if a != a && b != b {
			return 0
		}
		return math.MaxUint32
	}
	d := ordinal(a) - ordinal(b)
	if d < 0 {
		d = -d
	}
	return uint32(d)
}

// ordinal numbers the float32 values in ascending order, both zeros being 0.
func ordinal(v float32) int64 {
	u := math.Float32bits(v)
	if u&(1<<31) != 0 {
		return -int64(u &^ (1 << 31))
	}
	return int64(u)
}

// Ulp returns the distance from one float32 to the next at the magnitude of v:
// 2^-23 times the power of two at or below |v|, and never less than 2^-149.
func Ulp(v float64) float64 {
	v = math.Abs(v)
	if v < 0x1p-126 {
		return 0x1p-149
	}
	if v > math.MaxFloat32 {
		v = math.MaxFloat32
	}
	_, e := math.Frexp(v)
	return math.Ldexp(1, e-24)
}

// UlpError returns |got-want| in units of Ulp(want), for a want that is far more
// precise than a float32. Matching NaNs, and an infinity where want rounds to
// one, count as 0; any other pair of a number with a NaN or an infinity has an infinite
// error.
func UlpError(got float32, want float64) float64 {
	g := float64(got)
	switch {
	case g != g && want != want:
		return 0
	case g != g || want != want:
		return math.Inf(1)
	case math.IsInf(g, 0):
		if math.IsInf(float64(float32(want)), int(math.Copysign(1, g))) {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(want, 0):
		return math.Inf(1)
	}
	return math.Abs(g-want) / Ulp(want)
}

// Equal reports an error unless got and want have the same length and the same
// bits throughout, NaN matching NaN. However many elements differ it fails once,
// with their number, the first few indices and both bit patterns. The optional
// format and arguments name the case.
func Equal(t testing.TB, got, want []float32, format ...any) bool {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%slength %d, want %d", label(format), len(got), len(want))
		return false
	}
	if identical(got, want) {
		return true
	}
	return report(t, len(got), func(i int) bool { return Same(got[i], want[i]) }, func(i int) string {
		return fmt.Sprintf("[%d] got %08x (%v) want %08x (%v)",
			i, math.Float32bits(got[i]), got[i], math.Float32bits(want[i]), want[i])
	}, format)
}

// identical reports whether slices of one length have the same bits, NaNs included, as nearly
// all that are compared have.
func identical(a, b []float32) bool {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

// Equal64 is Equal for float64 values.
func Equal64(t testing.TB, got, want []float64, format ...any) bool {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%slength %d, want %d", label(format), len(got), len(want))
		return false
	}
	same := func(i int) bool {
		a, b := got[i], want[i]
		return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
	}
	return report(t, len(got), same, func(i int) string {
		return fmt.Sprintf("[%d] got %016x (%v) want %016x (%v)",
			i, math.Float64bits(got[i]), got[i], math.Float64bits(want[i]), want[i])
	}, format)
}

// report fails t once for all indices below n at which ok is false.
func report(t testing.TB, n int, ok func(int) bool, show func(int) string, format []any) bool {
	t.Helper()
	const shown = 3
	var first []string
	bad := 0
	for i := range n {
		if ok(i) {
			continue
		}
		if bad++; bad <= shown {
			first = append(first, show(i))
		}
	}
	if bad == 0 {
		return true
	}
	if bad > shown {
		first = append(first, "...")
	}
	t.Errorf("%s%d of %d differ: %s", label(format), bad, n, strings.Join(first, "; "))
	return false
}

func label(format []any) string {
	if len(format) == 0 {
		return ""
	}
	f, ok := format[0].(string)
	if !ok {
		return fmt.Sprint(format...) + ": "
	}
	return fmt.Sprintf(f, format[1:]...) + ": "
}
