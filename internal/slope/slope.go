// Package slope has the derivatives that gradients are checked against.
package slope

import "math"

// Of returns the derivative of f by *w, from central differences of ever smaller steps, and by
// how much two estimates of it differ. The largest step is the given one; no smaller one is
// taken once the estimates are close for a check within tolerance. *w has its value again at
// the end. An error of f ends it.
func Of(w *float32, step, tolerance float64, f func() (float64, error)) (d, unsure float64, err error) {
	was := *w
	defer func() { *w = was }()
	unsure = math.Inf(1)
	var before, estimate float64 // what is known for the step before
	for i := range 8 {
		h := step / float64(int(1)<<i)
		var l, at [2]float64
		for side, sign := range []float64{1, -1} {
			*w = float32(float64(was) + float64(sign*h))
			at[side] = float64(*w)
			if l[side], err = f(); err != nil {
				return 0, 0, err
			}
		}
		by := (l[0] - l[1]) / (at[0] - at[1])
		better := (float64(4*by) - before) / 3
		if differ := math.Abs(better - estimate); i > 1 && differ < unsure {
			d, unsure = better, differ
		}
		before, estimate = by, better
		if unsure < tolerance/4*max(math.Abs(d), 1e-3) {
			break
		}
	}
	return d, unsure, nil
}
