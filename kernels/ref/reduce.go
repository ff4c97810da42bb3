package ref

// Reductions keep 64 float32 (32 float64) running values, called lanes: element
// j of a slice belongs to lane j mod 64 (mod 32), and each lane takes its
// elements in ascending order. However wide the vector unit is, the lanes are
// the same; [Tree] joins them in one fixed order. A slice may be given in
// pieces as long as every piece but the last is a multiple of the lane count.

// Lanes is the number of float32 lanes of a reduction, Lanes64 of float64 ones.
const (
	Lanes   = 64
	Lanes64 = 32
)

// MaxLanes lifts lanes to the maximum of themselves and x. A NaN in x is passed
// over: whoever needs it sees it in the sums that follow.
func MaxLanes(lanes, x []float32) {
	for j, v := range x {
		if v > lanes[j%Lanes] {
			lanes[j%Lanes] = v
		}
	}
}

// SumLanes adds x to the lanes.
func SumLanes(lanes, x []float32) {
	for j, v := range x {
		lanes[j%Lanes] += v
	}
}

// DotLanes adds x*y to the lanes, one fused multiply-add each.
func DotLanes(lanes, x, y []float32) {
	for j, v := range x {
		lanes[j%Lanes] = FMA(v, y[j], lanes[j%Lanes])
	}
}

// expSumMin is below ln [Tiny] and has an exponential that is a normal number.
const expSumMin = -80

// ExpSumLanes sets dst = e^(x-max), +0 where that is below [Tiny], and adds dst to
// the lanes. No operation on the way meets a denormal number: tiny x and max count
// as +0, which changes no result, since e^(x-max) is 1 for all differences that this
// can change, and the exponential is not taken below [expSumMin].
func ExpSumLanes(lanes, dst, x []float32, max float32) {
	max = Flush(max)
	for j, v := range x {
		d := Flush(v) - max
		if d < expSumMin {
			d = expSumMin
		}
		e := Flush(Exp1(d))
		dst[j] = e
		lanes[j%Lanes] += e
	}
}

// SumSquaresLanes adds x^2 to the lanes. The square of a float32 is exact in
// float64, so each element costs one rounding, fused or not.
func SumSquaresLanes(lanes []float64, x []float32) {
	for j, v := range x {
		lanes[j%Lanes64] += float64(float64(v) * float64(v))
	}
}

// DotLanes64 adds x*y to the lanes. The product of two float32 is exact in float64,
// so each element costs one rounding, fused or not.
func DotLanes64(lanes []float64, x, y []float32) {
	for j, v := range x {
		lanes[j%Lanes64] += float64(float64(v) * float64(y[j]))
	}
}

// Tree folds lanes in place: lane l += lane l+n/2, then n/4 and so on to 1, and
// returns lane 0. The length must be a power of two.
func Tree[T float32 | float64](lanes []T) T {
	for n := len(lanes) / 2; n > 0; n /= 2 {
		for l := range n {
			lanes[l] += lanes[l+n]
		}
	}
	return lanes[0]
}

// Quad is [Tree] of four lanes, which stay as they are.
func Quad(l []float32) float32 {
	l = l[:4]
	return (l[0] + l[2]) + (l[1] + l[3])
}

// TreeMax is [Tree] with the maximum in place of the sum.
func TreeMax(lanes []float32) float32 {
	for n := len(lanes) / 2; n > 0; n /= 2 {
		for l := range n {
			if lanes[l+n] > lanes[l] {
				lanes[l] = lanes[l+n]
			}
		}
	}
	return lanes[0]
}
