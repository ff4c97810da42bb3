package oracle

// Embed returns the rows of table [symbols][width] that ids name.
func Embed[N any](table []N, width int, ids []int) []N {
	var x []N
	for _, id := range ids {
		x = append(x, at(table, id, width)...)
	}
	return x
}

// EmbedBack returns the gradient of table: row s is the sum of the rows of dx whose id
// is s. The order of the sum is not specified.
func EmbedBack[N Number[N]](symbols, width int, ids []int, dx []N) []N {
	var zero N
	one := zero.Of(1)
	dtable := zeros[N](symbols * width)
	for s := range symbols {
		for c := range width {
			var terms, ones []N
			for k, id := range ids {
				if id == s {
					terms, ones = append(terms, at(dx, k, width)[c]), append(ones, one)
				}
			}
			dtable[s*width+c] = zero.Dot(terms, ones)
		}
	}
	return dtable
}

// Linear returns y = W x + b for every row of x: W [out][in], b [out] (nil: none).
func Linear[N Number[N]](w, b, x []N, in, out int) []N {
	y := zeros[N](len(x) / in * out)
	for k := range len(x) / in {
		for r := range out {
			if b != nil {
				at(y, k, out)[r] = b[r]
			}
			at(y, k, out)[r] = at(y, k, out)[r].Chain(at(w, r, in), at(x, k, in))
		}
	}
	return y
}

// LinearBack returns the gradients dW = sum of dy x^T, db = sum of dy and
// dx = W^T dy.
func LinearBack[N Number[N]](w, x, dy []N, in, out int) (dw, db, dx []N) {
	dx = zeros[N](len(x))
	var outer []Outer[N]
	for k := range len(x) / in {
		addTransposed(at(dx, k, in), w, at(dy, k, out))
		outer = append(outer,
			Outer[N]{Param: WeightIH, D: at(dy, k, out), In: at(x, k, in)},
			Outer[N]{Param: BiasIH, D: at(dy, k, out)})
	}
	return gather(Param{WeightIH, out, in}, nil, outer), gather(Param{BiasIH, out, 1}, nil, outer), dx
}

// CrossEntropy returns the mean of -log softmax(logits)[target] over the rows
// whose target is not negative; zero if there is none.
//
//	(1) m = max z      p_k = exp(z_k - m) / S      S = sum of exp(z_k - m)
//	(2) loss = 1/n sum over rows of log S + m - z_target
func CrossEntropy[N Number[N]](logits []N, classes int, targets []int) N {
	var loss N
	loss = loss.Of(0)
	n := 0
	for k, target := range targets {
		if target >= 0 {
			z, sum, _ := softmax(at(logits, k, classes))
			loss = loss.Add(sum.Log().Sub(z[target]))
			n++
		}
	}
	if n > 0 {
		loss = loss.Div(loss.Of(float64(n)))
	}
	return loss
}

// CrossEntropyBack returns the gradient by the logits:
//
//	(3) dz_k = (p_k - [k = target]) 1/n      0 in the rows that are not counted
func CrossEntropyBack[N Number[N]](logits []N, classes int, targets []int) []N {
	dz := zeros[N](len(logits))
	n := 0
	for _, target := range targets {
		if target >= 0 {
			n++
		}
	}
	var zero N
	one := zero.Of(1)
	for k, target := range targets {
		if target < 0 {
			continue
		}
		_, sum, e := softmax(at(logits, k, classes))
		for c := range classes {
			p := e[c].Div(sum)
			if c == target {
				p = p.Sub(one)
			}
			at(dz, k, classes)[c] = p.Mul(one.Div(zero.Of(float64(n))))
		}
	}
	return dz
}

// softmax returns z - max, the exponentials of that, and their sum.
func softmax[N Number[N]](z []N) (shifted []N, sum N, e []N) {
	m := z[0]
	for _, v := range z[1:] {
		m = m.Max(v)
	}
	var ones []N
	for _, v := range z {
		d := v.Sub(m)
		shifted, e, ones = append(shifted, d), append(e, d.Exp()), append(ones, m.Of(1))
	}
	return shifted, sum.Dot(e, ones), e
}
