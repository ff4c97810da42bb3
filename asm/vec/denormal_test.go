package vec_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// numbers is a machine of one lane that computes at once, and fails the test where
// an arithmetic operation takes or gives a denormal number. Comparisons and operations
// on bits may meet them. It has the operations that the sequences below use.
type numbers struct {
	vec.Machine
	t    *testing.T
	what string
}

func word(bits uint32) vec.Vec             { return vec.Vec{Reg: &bits} }
func number(v float32) vec.Vec             { return word(math.Float32bits(v)) }
func value(o vec.Operand) float32          { return math.Float32frombits(bits(o)) }
func set(a vec.Vec, v float32)             { *a.Reg.(*uint32) = math.Float32bits(v) }
func pred(holds bool) vec.Pred             { return vec.Pred{Reg: holds} }
func denormal(v float32) bool              { return v != 0 && math.Abs(float64(v)) < 0x1p-126 }
func fma(a, b, c float32) float32          { return float32(math.FMA(float64(a), float64(b), float64(c))) }
func both(a, b vec.Operand) (x, y float32) { return value(a), value(b) }

func bits(o vec.Operand) uint32 {
	if c, ok := o.(vec.Const); ok {
		return uint32(c)
	}
	return *o.(vec.Vec).Reg.(*uint32)
}

func (n *numbers) see(op string, result float32, operands ...float32) vec.Vec {
	for _, v := range append(operands, result) {
		if denormal(v) {
			n.t.Fatalf("%s: %s of %g gives %g", n.what, op, operands, result)
		}
	}
	return number(result)
}

func (n *numbers) Const(c vec.Const) vec.Vec { return word(uint32(c)) }

func (n *numbers) Add(a, b vec.Operand) vec.Vec {
	x, y := both(a, b)
	return n.see("a sum", x+y, x, y)
}

func (n *numbers) Sub(a, b vec.Operand) vec.Vec {
	x, y := both(a, b)
	return n.see("a difference", x-y, x, y)
}

func (n *numbers) Mul(a, b vec.Operand) vec.Vec {
	x, y := both(a, b)
	return n.see("a product", x*y, x, y)
}

func (n *numbers) Div(a, b vec.Operand) vec.Vec {
	x, y := both(a, b)
	return n.see("a quotient", x/y, x, y)
}

func (n *numbers) Sqrt(a vec.Vec) vec.Vec {
	x := value(a)
	return n.see("a root", float32(math.Sqrt(float64(x))), x)
}

func (n *numbers) FMA(acc, a vec.Vec, b vec.Operand) {
	x, y, z := value(a), value(b), value(acc)
	set(acc, value(n.see("an FMA", fma(x, y, z), x, y, z)))
}

func (n *numbers) Horner(p, x vec.Vec, c vec.Operand) {
	a, b, d := value(p), value(x), value(c)
	set(p, value(n.see("a step of Horner's rule", fma(a, b, d), a, b, d)))
}

func (n *numbers) Max(a, b vec.Operand) vec.Vec {
	if value(a) > value(b) {
		return word(bits(a))
	}
	return word(bits(b))
}

func (n *numbers) Min(a, b vec.Operand) vec.Vec {
	if value(a) < value(b) {
		return word(bits(a))
	}
	return word(bits(b))
}

func (n *numbers) Less(a, b vec.Operand) vec.Pred { return pred(value(a) < value(b)) }

func (n *numbers) Select(p vec.Pred, yes, no vec.Operand) vec.Vec {
	if p.Reg.(bool) {
		return word(bits(yes))
	}
	return word(bits(no))
}

func (n *numbers) ZeroWhere(p vec.Pred, a vec.Vec) {
	if p.Reg.(bool) {
		set(a, 0)
	}
}

func (n *numbers) Copy(a vec.Vec) vec.Vec                  { return word(bits(a)) }
func (n *numbers) And(a vec.Vec, b vec.Operand) vec.Vec    { return word(bits(a) & bits(b)) }
func (n *numbers) Or(a vec.Vec, b vec.Operand) vec.Vec     { return word(bits(a) | bits(b)) }
func (n *numbers) AddInt(a vec.Vec, b vec.Operand) vec.Vec { return word(bits(a) + bits(b)) }
func (n *numbers) SubInt(a vec.Vec, b vec.Operand) vec.Vec { return word(bits(a) - bits(b)) }
func (n *numbers) ShiftLeft(a vec.Vec, k int) vec.Vec      { return word(bits(a) << k) }
func (n *numbers) ShiftRight(a vec.Vec, k int) vec.Vec     { return word(uint32(int32(bits(a)) >> k)) }

// sizes are numbers of either sign with every exponent, denormal ones too.
func sizes(r *rand.Rand) (list []float32) {
	for k := -149; k <= 127; k++ {
		v := float32(math.Ldexp(1+r.Float64(), k))
		list = append(list, v, -v)
	}
	return append(list, 0)
}

// Speed does not depend on values: no operation on the way of these sequences meets a
// denormal number, whatever goes in. It would take up to a hundred times as long.
func TestSequencesMeetNoDenormals(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	m := &numbers{t: t}
	for _, x := range sizes(r) {
		for _, y := range sizes(r) {
			m.what = "softmax"
			largest := number(max(x, y))
			vec.Flush(m, largest)
			if e := value(vec.ExpSum(m, number(x), largest)); !(e == 0 || e >= 0x1p-100 && e <= 1) {
				t.Fatalf("e^(%g - %g) is %g", x, max(x, y), e)
			}
		}
		m.what = "the binary cross-entropy"
		z := number(x)
		vec.Flush(m, z)
		if l := value(vec.Log1pExp(m, z)); !(l == 0 || l >= 0x1p-100 && l <= 0.6932) {
			t.Fatalf("log(1+e^-|%g|) is %g", x, l)
		}
		m.what = "the root of Adam"
		for _, e := range sizes(r) {
			if x >= 0x1p-112 && math.Abs(float64(e)) >= 0x1p-100 {
				vec.Root(m, number(0.999), number(0.001), number(x), number(e))
			}
		}
		// The gaps at which an exponential is a denormal number.
		m.what = "softmax of a gap"
		for gap := float32(68); gap < 110; gap += 0.125 {
			top := x
			if denormal(x) || math.Abs(float64(x)) > 1e4 {
				continue
			}
			vec.ExpSum(m, number(top-gap), number(top))
		}
		// A loss divides by 1 to 2^31 terms.
		m.what = "the gradient of a loss"
		for k := 0; k >= -31; k-- {
			a := number(float32(math.Ldexp(1, k) / (1 + r.Float64())))
			vec.ScaleFlush(m, number(x), a, vec.LeastFactor(m, a))
		}
	}
}
