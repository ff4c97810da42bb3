package oracle

import (
	"fmt"
	"math"
	"math/bits"
)

// Bounded is a value together with a bound on the error of a float32 evaluation:
// the float32 result differs from Val by at most Err(). Every operation carries
// the errors of its operands on and adds what the operation itself may round
// away. Nothing in it is fitted to what the product happens to do.
//
// Taking magnitudes at every step would make the bound grow by the sum of |W|
// per step, where the true error grows by W: after twenty steps it would excuse
// anything. So the error of a value that is kept (see Stored) stays one unknown
// wherever the value is used, and the bound is
//
//	|error| <= |sum_k coef[k] e_k| + rest <= sum_k |coef[k]| + rest,   |e_k| <= 1
//
// where the coefficients follow the exact first derivatives, with their signs, and
// rest takes all that is not followed: the roundings since the last kept value
// and every term of second order. (Affine arithmetic, in the literature.)
//
// Where the product fuses a product with an addition it rounds less often than
// Mul followed by Add assumes, and never more; the bound holds for both.
type Bounded struct {
	Val  float64
	rest float64
	coef []float64 // of the first unknowns of errs; never written to again
	errs *Errors
}

// Errors are the unknown errors along one row of a batch.
type Errors struct{ n int }

const (
	// unit is the unit roundoff of float32, 2^-24, widened by a millionth for
	// the float64 roundings of this arithmetic itself.
	unit = (1 + 1e-6) / (1 << 24)
	// tiny is the threshold below which the contract lets a result be stored as
	// zero. It is far above every error of gradual underflow.
	tiny = 1.0 / (1 << 50) / (1 << 50)
	// The contract grants exp 1 ulp, sigmoid and tanh 1.5 ulp. An ulp of y is at
	// most 2^-23 |y|, two units.
	expUnits, sigmoidUnits, tanhUnits = 2, 3, 3
	// The largest second derivatives of sigmoid and tanh: 1/(6 sqrt 3) and
	// 4/(3 sqrt 3), rounded up.
	sigmoidBend, tanhBend = 0.09623, 0.76981
)

// Err returns the bound on the error.
func (a Bounded) Err() float64 {
	e := a.rest
	for _, c := range a.coef {
		e += math.Abs(c)
	}
	return e
}

// rounded returns a with val's error grown by the rounding of an operation: the
// given number of units, and what underflow may take.
func (a Bounded) rounded(units float64) Bounded {
	a.rest += units*unit*(math.Abs(a.Val)+a.Err()) + tiny
	return a
}

// linear returns val with the error p*(a's) + q*(b's).
func linear(val float64, a Bounded, p float64, b Bounded, q float64) Bounded {
	if a.errs != b.errs && a.errs != nil && b.errs != nil {
		b = b.Loose() // unknowns of two rows have nothing in common
	}
	if len(a.coef) < len(b.coef) {
		a, p, b, q = b, q, a, p
	}
	out := Bounded{Val: val, rest: math.Abs(p)*a.rest + math.Abs(q)*b.rest, errs: a.errs}
	if out.errs == nil {
		out.errs = b.errs
	}
	if len(a.coef) > 0 {
		out.coef = make([]float64, len(a.coef))
		for k, c := range a.coef {
			out.coef[k] = p * c
		}
		for k, c := range b.coef {
			out.coef[k] += q * c
		}
	}
	return out
}

// Of returns v, exact.
func (Bounded) Of(v float64) Bounded { return Bounded{Val: v} }

// Stored makes everything in rest one new unknown of errs.
func (a Bounded) Stored(errs *Errors) Bounded {
	if a.errs != errs {
		a = a.Loose()
		a.errs = errs
	}
	return a.Held()
}

// Held does nothing to a value that is of no row.
func (a Bounded) Held() Bounded {
	if a.errs == nil || a.rest == 0 {
		return a
	}
	out := Bounded{Val: a.Val, errs: a.errs, coef: make([]float64, a.errs.n+1)}
	copy(out.coef, a.coef)
	out.coef[a.errs.n] = a.rest
	a.errs.n++
	return out
}

// Loose forgets where the error came from.
func (a Bounded) Loose() Bounded { return Bounded{Val: a.Val, rest: a.Err()} }

func (a Bounded) Add(b Bounded) Bounded { return linear(a.Val+b.Val, a, 1, b, 1).rounded(1) }

func (a Bounded) Sub(b Bounded) Bounded { return linear(a.Val-b.Val, a, 1, b, -1).rounded(1) }

func (a Bounded) Mul(b Bounded) Bounded {
	out := linear(a.Val*b.Val, a, b.Val, b, a.Val)
	out.rest += a.Err() * b.Err()
	return out.rounded(1)
}

// Div is unbounded when the divisor may be zero.
func (a Bounded) Div(b Bounded) Bounded {
	q, smallest := a.Val/b.Val, math.Abs(b.Val)-b.Err()
	if smallest <= 0 {
		return Bounded{Val: q, rest: math.Inf(1)}
	}
	// (a+da)/(b+db) - q = (da - q db)/b - (da - q db)/b * db/(b+db)
	out := linear(q, a, 1/b.Val, b, -q/b.Val)
	out.rest += out.Err() * b.Err() / smallest
	return out.rounded(1)
}

// Max allows that the errors make the other operand the larger one.
func (a Bounded) Max(b Bounded) Bounded {
	return Bounded{Val: math.Max(a.Val, b.Val), rest: math.Max(a.Err(), b.Err())}
}

// IfNegative allows for either side where the error leaves the sign open.
func (a Bounded) IfNegative(yes, no Bounded) Bounded {
	out, other := no, yes
	if a.Val < 0 {
		out, other = yes, no
	}
	if math.Abs(a.Val) > a.Err() {
		return out
	}
	return Bounded{Val: out.Val, rest: math.Max(out.Err(), math.Abs(out.Val-other.Val)+other.Err())}
}

func (a Bounded) MulAdd(x, y Bounded) Bounded { return a.Chain([]Bounded{x}, []Bounded{y}) }

// Chain rounds after every step, in the order given.
func (a Bounded) Chain(x, y []Bounded) Bounded {
	out := a.following(x, y)
	// The error of the partial sum that a rounding is proportional to is of
	// second order: a magnitude is good enough for it.
	partial := a.Err()
	for k := range x {
		ex, ey := out.follow(&x[k], y[k].Val), out.follow(&y[k], x[k].Val)
		out.rest += ex * ey
		partial += math.Abs(y[k].Val)*ex + math.Abs(x[k].Val)*ey + ex*ey
		out.Val += x[k].Val * y[k].Val
		r := unit*(math.Abs(out.Val)+partial) + tiny
		out.rest += r
		partial += r
	}
	return out
}

// following returns a copy of a with room for the unknowns of all of x and y.
func (a Bounded) following(x, y []Bounded) Bounded {
	out := Bounded{Val: a.Val, rest: a.rest, errs: a.errs}
	n := len(a.coef)
	for k := range x {
		for _, v := range []*Bounded{&x[k], &y[k]} {
			if out.errs == nil {
				out.errs = v.errs
			}
			if v.errs == out.errs {
				n = max(n, len(v.coef))
			}
		}
	}
	if n > 0 {
		out.coef = make([]float64, n)
		copy(out.coef, a.coef)
	}
	return out
}

// follow adds p times the error of v to a's, and returns v's.
func (a *Bounded) follow(v *Bounded, p float64) (err float64) {
	err = v.rest
	if v.errs != a.errs {
		err = v.Err()
		a.rest += math.Abs(p) * err
		return err
	}
	a.rest += math.Abs(p) * v.rest
	for k, c := range v.coef {
		a.coef[k] += p * c
		err += math.Abs(c)
	}
	return err
}

// Dot allows any order and any grouping of the sum: no term goes through more
// roundings than there are terms, the product's included or fused away.
func (Bounded) Dot(x, y []Bounded) Bounded { return sum(len(x), x, y) }

// Lanes rounds once for each term of a lane and once for each fold that adds
// lanes with terms.
func (Bounded) Lanes(x, y []Bounded) Bounded {
	n := len(x)
	return sum((n+63)/64+bits.Len(uint(max(0, min(n, 64)-1))), x, y)
}

// sum returns the sum of x[k]*y[k], of which no term goes through more than the
// given number of roundings: they differ from the exact sum by at most
// gamma(n) = nu/(1-nu) of the sum of magnitudes.
func sum(roundings int, x, y []Bounded) Bounded {
	out := Bounded{}.following(x, y)
	magnitude := 0.0
	for k := range x {
		p := x[k].Val * y[k].Val
		ex, ey := out.follow(&x[k], y[k].Val), out.follow(&y[k], x[k].Val)
		out.Val += p
		out.rest += ex*ey + tiny
		magnitude += math.Abs(p) + math.Abs(x[k].Val)*ey + math.Abs(y[k].Val)*ex + ex*ey + tiny
	}
	nu := float64(roundings) * unit
	out.rest += nu / (1 - nu) * magnitude
	return out
}

// function returns y = f(a) with f's slope at a and a bound on its second
// derivative around.
func (a Bounded) function(y, slope, bend float64) Bounded {
	e := a.Err()
	out := linear(y, a, slope, Bounded{}, 0)
	out.rest += bend / 2 * e * e
	return out
}

func (a Bounded) Sigmoid() Bounded {
	s := sigmoid(a.Val)
	return a.function(s, s*(1-s), sigmoidBend).rounded(sigmoidUnits)
}

func (a Bounded) Tanh() Bounded {
	s := math.Tanh(a.Val)
	return a.function(s, 1-s*s, tanhBend).rounded(tanhUnits)
}

func (a Bounded) Exp() Bounded {
	y := math.Exp(a.Val)
	return a.function(y, y, y*math.Exp(a.Err())).rounded(expUnits)
}

// Log is unbounded when the argument may be zero.
func (a Bounded) Log() Bounded {
	smallest := a.Val - a.Err()
	if smallest <= 0 {
		return Bounded{Val: math.Log(a.Val), rest: math.Inf(1)}
	}
	return a.function(math.Log(a.Val), 1/a.Val, 1/(smallest*smallest)).rounded(1)
}

// Sqrt is unbounded when the argument may be zero.
func (a Bounded) Sqrt() Bounded {
	y, smallest := math.Sqrt(a.Val), a.Val-a.Err()
	if smallest <= 0 {
		return Bounded{Val: y, rest: math.Inf(1)}
	}
	return a.function(y, 1/(2*y), 1/(4*smallest*math.Sqrt(smallest))).rounded(1)
}

func (a Bounded) Value() float64 { return a.Val }

// Compare compares got with want, element by element, and returns the largest
// part of an element's bound that was used (at most 1). An error names the first
// element outside its bound. A NaN or an infinite bound is an error too: it would
// allow any value.
func Compare(name string, got []float32, want []Bounded) (used float64, err error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for k, w := range want {
		e := w.Err()
		if math.IsNaN(w.Val) || math.IsNaN(e) || math.IsInf(e, 0) {
			return used, fmt.Errorf("%s[%d]: the bound says nothing: %v within %v", name, k, w.Val, e)
		}
		d := math.Abs(float64(got[k]) - w.Val)
		if !(d <= e) {
			return used, fmt.Errorf("%s[%d] = %v, want %v within %.3g; off by %.3g", name, k, got[k], w.Val, e, d)
		}
		if d > 0 {
			used = math.Max(used, d/e)
		}
	}
	return used, nil
}
