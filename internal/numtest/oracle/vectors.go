package oracle

// affine returns rows first..first+count-1 of bias + W v, each row one chain; bias
// may be nil.
func affine[N Number[N]](bias, w []N, first, count int, v []N) []N {
	a := zeros[N](count)
	for r := range a {
		if bias != nil {
			a[r] = bias[first+r]
		}
		a[r] = a[r].Chain(at(w, first+r, len(v)), v)
	}
	return a
}

// scaled returns rows first..first+count-1 of bias + gain v; bias may be nil.
func scaled[N Number[N]](bias, gain, v []N, first, count int) []N {
	a := zeros[N](count)
	for r := range a {
		if bias != nil {
			a[r] = bias[first+r]
		}
		a[r] = a[r].MulAdd(gain[first+r], v[first+r])
	}
	return a
}

// addTransposed adds W^T d to dx, each element one chain over the rows of W.
func addTransposed[N Number[N]](dx, w, d []N) {
	column := make([]N, len(d))
	for c := range dx {
		for r := range d {
			column[r] = at(w, r, len(dx))[c]
		}
		dx[c] = dx[c].Chain(d, column)
	}
}

// states returns a deep copy of from, or zeros.
func states[N Number[N]](widths []int, s Shape, batch int, from [][]N) [][]N {
	out := make([][]N, len(widths))
	for k, width := range widths {
		out[k] = zeros[N](s.Layers * s.Directions() * batch * width)
		if from != nil {
			copy(out[k], from[k])
		}
	}
	return out
}

// stored and loose mark every value of v.
func stored[N Number[N]](v [][]N, errs *Errors) [][]N {
	return each(v, func(a N) N { return a.Stored(errs) })
}

func loose[N Number[N]](v [][]N) [][]N { return each(v, N.Loose) }

func looseTape[N Number[N]](left Tape[N]) Tape[N] {
	out := Tape[N]{}
	for name, v := range left {
		out[name] = loose([][]N{v})[0]
	}
	return out
}

func each[N any](v [][]N, f func(N) N) [][]N {
	out := make([][]N, len(v))
	for k := range v {
		out[k] = make([]N, len(v[k]))
		for j := range v[k] {
			out[k][j] = f(v[k][j])
		}
	}
	return out
}

// row returns copies of the states of one row of one layer and direction.
func row[N any](state [][]N, widths []int, s Shape, batch, l, d, b int) [][]N {
	out := make([][]N, len(state))
	for k, width := range widths {
		out[k] = append([]N(nil), at(state[k], (l*s.Directions()+d)*batch+b, width)...)
	}
	return out
}

func setRow[N any](state [][]N, widths []int, s Shape, batch, l, d, b int, from [][]N) {
	for k, width := range widths {
		copy(at(state[k], (l*s.Directions()+d)*batch+b, width), from[k])
	}
}

// at returns row k of v, rows of the given width.
func at[N any](v []N, k, width int) []N { return v[k*width:][:width] }

func zeros[N Number[N]](n int) []N {
	var zero N
	out := make([]N, n)
	for k := range out {
		out[k] = zero.Of(0)
	}
	return out
}

// add returns a + b over the length of a.
func add[N Number[N]](a, b []N) []N {
	out := make([]N, len(a))
	for k := range a {
		out[k] = a[k].Add(b[k])
	}
	return out
}

// sums returns a + b, where b[k] is not nil, in no promised order with what a is
// the sum of.
func sums[N Number[N]](a, b [][]N) [][]N {
	out := make([][]N, len(a))
	for k := range a {
		out[k] = a[k]
		if b[k] != nil {
			out[k] = make([]N, len(a[k]))
			for j, v := range a[k] {
				out[k][j] = v.Dot([]N{v, b[k][j]}, []N{v.Of(1), v.Of(1)})
			}
		}
	}
	return out
}
