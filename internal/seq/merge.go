package seq

import "fmt"

// Merge says what a bidirectional layer makes of the outputs of its directions,
// f forward and r reverse.
type Merge int

const (
	Concat   Merge = iota // f and r side by side, twice as wide
	Sum                   // f + r
	Average               // (f + r)/2, one addition, then one exact halving
	Multiply              // f * r, element by element, tiny products as +0
	merges
)

func (m Merge) String() string {
	if m < 0 || m >= merges {
		return fmt.Sprintf("Merge(%d)", int(m))
	}
	return [merges]string{"Concat", "Sum", "Average", "Multiply"}[m]
}

// merging says that a layer's output is not the outputs of its directions side
// by side.
func (n *Net) merging() bool { return n.Merge != Concat }

// merge merges the outputs of the job's layer for a share of its rows.
func (u *Unrolled) merge(w, n int) {
	var f, r Mat
	dirs, out := len(u.net.Reverse), u.outputs(u.job.layer)
	lo, hi := u.rows.share(w, n)
	for t := range u.rows.t {
		rows := min(hi, u.rows.active(t)) - lo
		if rows <= 0 {
			continue
		}
		u.timeBlock(&f, 0, u.job.layer*dirs, t+1, lo)
		u.timeBlock(&r, 0, u.job.layer*dirs+1, t+1, lo)
		for k := range rows {
			y := out[(t*u.batch+lo+k)*u.out:][:u.out]
			switch u.net.Merge {
			case Sum:
				u.isa.Add(y, f.Row(k), r.Row(k))
			case Average:
				u.isa.Add(y, f.Row(k), r.Row(k))
				u.isa.Scale(y, y, 0.5)
			case Multiply:
				u.isa.Mul(y, f.Row(k), r.Row(k))
				u.isa.CopyFlush(y, y)
			}
		}
	}
}

// mergedGradient replaces the gradient d of the merged output by that of a
// direction's output; other is what the other direction put out.
func (u *Unrolled) mergedGradient(d, other []float32) {
	switch u.net.Merge {
	case Average:
		u.isa.Scale(d, d, 0.5)
	case Multiply:
		u.isa.MulFlush(d, d, other)
	}
}
