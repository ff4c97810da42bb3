package oracle

import (
	"math"
	"math/cmplx"
)

// Number is the arithmetic a model is evaluated in. The methods are the
// operations of the textbook; what rounding a float32 evaluation adds to each is
// known to Bounded alone.
type Number[N any] interface {
	// Of returns the constant v, exact. The receiver's value is not used.
	Of(v float64) N
	Add(N) N
	Sub(N) N
	Mul(N) N
	Div(N) N
	// Max returns the larger of the two by value.
	Max(N) N
	// IfNegative returns yes where the receiver is below zero by value, else no.
	IfNegative(yes, no N) N
	// MulAdd returns the receiver + x*y: one link of a chain.
	MulAdd(x, y N) N
	// Chain returns the receiver + x[0]*y[0] + x[1]*y[1] + ..., in this order.
	Chain(x, y []N) N
	// Dot returns the sum of x[i]*y[i], with no promise about its order.
	Dot(x, y []N) N
	// Lanes returns the same sum as the contract's reductions add it up: in 64
	// lanes, which are then folded.
	Lanes(x, y []N) N
	Sigmoid() N
	Tanh() N
	Exp() N
	Log() N
	Sqrt() N
	// Stored, Held and Loose change no value, only what Bounded knows of its
	// error: Stored marks a value that is kept and used again, along one row; Held
	// is the same along the row of which the value is already; Loose ends that.
	Stored(*Errors) N
	Held() N
	Loose() N
	// Value returns the number's real value.
	Value() float64
}

// Real evaluates in float64.
type Real float64

func (Real) Of(v float64) Real { return Real(v) }
func (a Real) Add(b Real) Real { return a + b }
func (a Real) Sub(b Real) Real { return a - b }
func (a Real) Mul(b Real) Real { return a * b }
func (a Real) Div(b Real) Real { return a / b }
func (a Real) Max(b Real) Real { return max(a, b) }
func (a Real) IfNegative(yes, no Real) Real {
	if a < 0 {
		return yes
	}
	return no
}
func (a Real) MulAdd(x, y Real) Real    { return a + x*y }
func (Real) Dot(x, y []Real) (s Real)   { return chain(s, x, y) }
func (Real) Lanes(x, y []Real) (s Real) { return chain(s, x, y) }
func (a Real) Chain(x, y []Real) Real   { return chain(a, x, y) }
func (a Real) Stored(*Errors) Real      { return a }
func (a Real) Held() Real               { return a }
func (a Real) Loose() Real              { return a }
func (a Real) Sigmoid() Real            { return Real(sigmoid(float64(a))) }
func (a Real) Tanh() Real               { return Real(math.Tanh(float64(a))) }
func (a Real) Exp() Real                { return Real(math.Exp(float64(a))) }
func (a Real) Log() Real                { return Real(math.Log(float64(a))) }
func (a Real) Sqrt() Real               { return Real(math.Sqrt(float64(a))) }
func (a Real) Value() float64           { return float64(a) }

// Complex evaluates in complex128: an input moved by a tiny imaginary h gives
// the derivative as the imaginary part of the result over h, with no subtraction
// of close numbers.
type Complex complex128

func (Complex) Of(v float64) Complex    { return Complex(complex(v, 0)) }
func (a Complex) Add(b Complex) Complex { return a + b }
func (a Complex) Sub(b Complex) Complex { return a - b }
func (a Complex) Mul(b Complex) Complex { return a * b }
func (a Complex) Div(b Complex) Complex { return a / b }
func (a Complex) Max(b Complex) Complex {
	if b.Value() > a.Value() {
		return b
	}
	return a
}
func (a Complex) IfNegative(yes, no Complex) Complex {
	if a.Value() < 0 {
		return yes
	}
	return no
}
func (a Complex) MulAdd(x, y Complex) Complex { return a + x*y }
func (Complex) Dot(x, y []Complex) (s Complex) {
	return chain(s, x, y)
}
func (Complex) Lanes(x, y []Complex) (s Complex) {
	return chain(s, x, y)
}
func (a Complex) Chain(x, y []Complex) Complex { return chain(a, x, y) }
func (a Complex) Stored(*Errors) Complex       { return a }
func (a Complex) Held() Complex                { return a }
func (a Complex) Loose() Complex               { return a }
func (a Complex) Sigmoid() Complex             { return 1 / (1 + Complex(cmplx.Exp(complex128(-a)))) }
func (a Complex) Tanh() Complex                { return Complex(cmplx.Tanh(complex128(a))) }
func (a Complex) Exp() Complex                 { return Complex(cmplx.Exp(complex128(a))) }
func (a Complex) Log() Complex                 { return Complex(cmplx.Log(complex128(a))) }
func (a Complex) Sqrt() Complex                { return Complex(cmplx.Sqrt(complex128(a))) }
func (a Complex) Value() float64               { return real(complex128(a)) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// chain returns s + x[0]*y[0] + x[1]*y[1] + ..., added from the left.
func chain[N Number[N]](s N, x, y []N) N {
	for k := range x {
		s = s.MulAdd(x[k], y[k])
	}
	return s
}

// Lift returns v as numbers of the arithmetic N, exact.
func Lift[N Number[N], F float32 | float64](v []F) []N {
	var zero N
	out := make([]N, len(v))
	for k := range v {
		out[k] = zero.Of(float64(v[k]))
	}
	return out
}

// Params holds a model's parameters by PyTorch's names, each flat and row-major.
type Params[N any] map[string][]N

// LiftParams returns p as parameters of the arithmetic N, exact.
func LiftParams[N Number[N], F float32 | float64](p map[string][]F) Params[N] {
	out := Params[N]{}
	for name, v := range p {
		out[name] = Lift[N](v)
	}
	return out
}

// Values returns the real values of v.
func Values[N Number[N]](v []N) []float64 {
	out := make([]float64, len(v))
	for k := range v {
		out[k] = v[k].Value()
	}
	return out
}
