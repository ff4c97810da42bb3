package oracle

// Masks says what chance decides in a pass: whether the mask of the given kind
// hits the element, so that it is dropped or, by zoneout, keeps its old value.
// How it decides is no matter of the textbook.
type Masks func(k MaskKind, at Element) bool

// MaskKind is one of the masks that a stack may have.
type MaskKind int

const (
	Dropout       MaskKind = iota // of the input of every layer but the first, anew each step
	InputDropout                  // of the input of every layer, one for a sequence
	HiddenDropout                 // of h where W_hh multiplies it, one for a sequence
	WeightDropout                 // of the elements of W_hh
	Zoneout                       // of h
	ZoneoutCell                   // of c
)

// Element is an element that a mask may hit: unit Unit of what row b has at time
// T of the sequence, in either direction. Direction is 0 for the input of a layer,
// which both directions share, T is 0 where one mask is for all times. For
// WeightDropout B is the row of W_hh and Unit its column.
type Element struct{ Layer, Direction, T, B, Unit int }

// kept returns what dropout with probability p multiplies a value with that it
// keeps: 1/(1-p) as float32 has it. To the textbook this is a constant of the
// model.
func kept(p float32) float64 { return float64(1 / float32(1-p)) }

// factors returns what a mask of n units multiplies each with, 0 or 1/(1-p); nil
// where there is no mask.
func (m Masks) factors(k MaskKind, p float32, at Element, n int) []float64 {
	if m == nil || p == 0 {
		return nil
	}
	out := make([]float64, n)
	for j := range out {
		at.Unit = j
		if !m(k, at) {
			out[j] = kept(p)
		}
	}
	return out
}

// inputFactors are what the input of layer l in row b at time t is multiplied
// with: first by dropout, then by input dropout.
func (s Shape) inputFactors(m Masks, l, t, b int) (between, whole []float64) {
	n := s.LayerInput(l)
	if l > 0 {
		between = m.factors(Dropout, s.Dropout, Element{Layer: l, T: t, B: b}, n)
	}
	return between, m.factors(InputDropout, s.InputDropout, Element{Layer: l, B: b}, n)
}

// hiddenFactors are what row b of h is multiplied with for W_hh.
func (s Shape) hiddenFactors(m Masks, l, d, b int) []float64 {
	return m.factors(HiddenDropout, s.HiddenDropout, Element{Layer: l, Direction: d, B: b}, s.width())
}

// weightFactors are what the elements of a W_hh of the given rows are multiplied
// with.
func (s Shape) weightFactors(m Masks, l, d, rows int) (factors []float64) {
	for r := range rows {
		factors = append(factors, m.factors(WeightDropout, s.WeightDropout, Element{Layer: l, Direction: d, B: r}, s.width())...)
	}
	return factors
}

// masked returns the products of v with the factors, v itself where there are
// none. The gradient of v is the gradient of that, masked.
func masked[N Number[N]](v []N, factors []float64) []N {
	if factors == nil {
		return v
	}
	out := make([]N, len(v))
	for j := range v {
		out[j] = v[j].Mul(v[j].Of(factors[j]))
	}
	return out
}

// zoneouts are the probabilities by state: h, c.
func (s Shape) zoneouts() []float32 { return []float32{s.Zoneout, s.ZoneoutCell} }

// zoneout returns the states after a step that went from prev to next:
//
//	(1) in training   prev where the mask says so, else next
//	(2) else          p prev + (1-p) next = next + p (prev - next)
func zoneout[N Number[N]](s Shape, m Masks, at Element, prev, next [][]N) [][]N {
	out := make([][]N, len(next))
	for k := range next {
		p := s.zoneouts()[k]
		if p == 0 {
			out[k] = next[k]
			continue
		}
		for j, v := range next[k] {
			at.Unit = j
			switch {
			case m == nil: // (2)
				v = v.MulAdd(v.Of(float64(p)), prev[k][j].Sub(v))
			case m(Zoneout+MaskKind(k), at): // (1)
				v = prev[k][j]
			}
			out[k] = append(out[k], v)
		}
	}
	return out
}

// zoneoutBack takes the gradient d of zoneout's states apart:
//
//	(3) in training   dprev = d where the mask says so, else dnext = d
//	(4) else          dprev = p d   dnext = (1-p) d
//
// dprev[k] is nil for a state without zoneout.
func zoneoutBack[N Number[N]](s Shape, m Masks, at Element, d [][]N) (dprev, dnext [][]N) {
	dprev, dnext = make([][]N, len(d)), make([][]N, len(d))
	var zero N
	for k := range d {
		p := s.zoneouts()[k]
		if p == 0 {
			dnext[k] = d[k]
			continue
		}
		for j, v := range d[k] {
			at.Unit = j
			old, new := zero.Of(0), v
			switch {
			case m == nil: // (4)
				q := zero.Of(float64(p))
				old, new = v.Mul(q), v.Mul(zero.Of(1).Sub(q))
			case m(Zoneout+MaskKind(k), at): // (3)
				old, new = v, zero.Of(0)
			}
			dprev[k], dnext[k] = append(dprev[k], old), append(dnext[k], new)
		}
	}
	return dprev, dnext
}
