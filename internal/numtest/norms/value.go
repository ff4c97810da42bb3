package norms

import "math"

// unit is the unit roundoff of float32, 2^-24, widened by a millionth. That is a
// thousand times what this package's own roundings add: they obey the same
// recursions with 2^-53 in place of 2^-24. Tests set it to others.
var unit = (1 + 1e-6) / (1 << 24)

const (
	// tiny is the threshold below which the contract lets a result be stored as
	// zero. It is far above every error of gradual underflow.
	tiny = 0x1p-100
	// The contract grants sigmoid and tanh 1.5 ulp. An ulp of y is at most
	// 2^-23 |y|, two units.
	functionUnits = 3
	// The largest second derivatives of sigmoid and tanh, 1/(6 sqrt 3) and
	// 4/(3 sqrt 3), rounded up.
	sigmoidBend, tanhBend = 0.09623, 0.76981
)

// A value is a number of one unit in one step of the reference, with what is known
// of the error of the product's. The errors that enter a step, the sources, are
// vectors of which this unit sees one element each. The error of the value is at
// most e, and it is
//
//	sum_k c_k source_k + something of at most rest
//
// with the exact derivatives c_k of the value by the sources. So rest takes the
// roundings of the step, errors that are in no source, and all terms of second
// order.
type value struct{ v, e, rest float64 }

func exact(v float64) value { return value{v: v} }

// known is a value whose error is in no source.
func known(b bounded) value { return value{b.v, b.e, b.e} }

// from is a value whose error is an element of a source.
func from(b bounded) value { return value{b.v, b.e, 0} }

// moved is the bound on the element of a source that is all that a value has beside
// its rest.
func (a value) moved() float64 { return a.e - a.rest }

// rounded adds what an operation may round away: so many units, and underflow.
func (a value) rounded(units float64) value {
	r := units*unit*(math.Abs(a.v)+a.e) + tiny
	return value{a.v, a.e + r, a.rest + r}
}

// flushed adds what storing +0 for a tiny result may take.
func (a value) flushed() value { return value{a.v, a.e + tiny, a.rest + tiny} }

func (a value) add(b value) value {
	return value{a.v + b.v, a.e + b.e, a.rest + b.rest}.rounded(1)
}

func (a value) sub(b value) value {
	return value{a.v - b.v, a.e + b.e, a.rest + b.rest}.rounded(1)
}

func (a value) mul(b value) value { return a.product(b).rounded(1) }

// fma is a*b + c, rounded once.
func (a value) fma(b, c value) value {
	p := a.product(b)
	return value{p.v + c.v, p.e + c.e, p.rest + c.rest}.rounded(1)
}

func (a value) product(b value) value {
	va, vb, both := math.Abs(a.v), math.Abs(b.v), a.e*b.e
	return value{a.v * b.v, va*b.e + vb*a.e + both, va*b.rest + vb*a.rest + both}
}

func (a value) sigmoid() value {
	s := 1 / (1 + math.Exp(-a.v))
	return a.function(s, s*(1-s), sigmoidBend)
}

func (a value) tanh() value {
	s := math.Tanh(a.v)
	return a.function(s, 1-s*s, tanhBend)
}

// function is y = f(a), with f's slope at a, which is not negative, and a bound on
// its second derivative.
func (a value) function(y, slope, bend float64) value {
	second := bend / 2 * a.e * a.e
	return value{y, slope*a.e + second, slope*a.rest + second}.rounded(functionUnits)
}

// sigmoidSlope is y(1-y) and tanhSlope 1-y*y, of the output y. The second
// has two roundings where the product has one.
func (a value) sigmoidSlope() value { return a.mul(exact(1).sub(a)) }
func (a value) tanhSlope() value    { return exact(1).sub(a.mul(a)) }

// A bounded number comes with a bound on the product's error.
type bounded struct{ v, e float64 }

func (a value) bounded() bounded { return bounded{a.v, a.e} }

// A spread gathers the values of a vector, one for each unit, for a bound on the
// Euclidean norm of their errors.
type spread struct {
	most    [sources]float64 // the largest |c_k|
	rest, e float64          // sums of squares
}

// sources is how many there are at most.
const sources = 5

// take adds a value with its derivatives by the sources, given the bounds on the
// elements of these, and returns its own bound.
func (s *spread) take(a value, by, bound []float64) bounded {
	e := a.rest
	bound = bound[:len(by)]
	for k, c := range by {
		c = math.Abs(c)
		s.most[k] = max(s.most[k], c)
		e += c * bound[k]
	}
	e = min(e, a.e)
	s.rest += a.rest * a.rest
	s.e += e * e
	return bounded{a.v, e}
}

// norm is the bound on the norm, those of the sources being at most norms: a
// diagonal matrix lengthens a vector by at most its largest element.
func (s *spread) norm(norms ...float64) float64 {
	n := math.Sqrt(s.rest)
	for k, v := range norms {
		n += s.most[k] * v
	}
	return min(n, math.Sqrt(s.e))
}
