package oracle

import "fmt"

// Activation is one of ONNX's functions, by its name there. The zero value is the
// cell's usual one.
type Activation struct {
	Name        string
	Alpha, Beta float64
}

// Activations lists the functions with parameters that show every kink.
func Activations() []Activation {
	return []Activation{
		{"Tanh", 0, 0}, {"Relu", 0, 0}, {"Sigmoid", 0, 0}, {"Affine", 0.75, -0.125}, {"LeakyRelu", 0.125, 0}, {"ThresholdedRelu", 0.25, 0},
		{"ScaledTanh", 1.75, 0.625}, {"HardSigmoid", 0.375, 0.5}, {"Elu", 1.25, 0}, {"Softsign", 0, 0}, {"Softplus", 0, 0},
	}
}

// or returns f, or the function called name where f is the zero value.
func (f Activation) or(name string) Activation {
	if f == (Activation{}) {
		f.Name = name
	}
	return f
}

// gate returns f of a limited to [-clip, clip] (0: not limited), and the
// derivative, which is zero outside and passes at the limits themselves.
func gate[N Number[N]](f Activation, clip float64, a N) (y, slope N) {
	y, slope = function(f, limited(clip, a, a, a.Of(clip)))
	return y, limited(clip, a, slope, a.Of(0))
}

// limited returns inside where |x| <= limit, outside where x is above and
// -outside where it is below. A limit of 0 is none.
func limited[N Number[N]](limit float64, x, inside, outside N) N {
	if limit == 0 {
		return inside
	}
	low, high := x.Of(-limit), x.Of(limit)
	return x.Sub(low).IfNegative(x.Of(0).Sub(outside), high.Sub(x).IfNegative(outside, inside))
}

// function returns f(x) and its derivative there.
func function[N Number[N]](f Activation, x N) (y, slope N) {
	var none N
	zero, one, alpha, beta := none.Of(0), none.Of(1), none.Of(f.Alpha), none.Of(f.Beta)
	abs := x.IfNegative(zero.Sub(x), x)
	switch f.Name {
	case "Tanh":
		y = x.Tanh()
		return y, one.Sub(y.Mul(y))
	case "Relu":
		return x.IfNegative(zero, x), zero.Sub(x).IfNegative(one, zero) // 0 at 0, as PyTorch has it
	case "Sigmoid":
		y = x.Sigmoid()
		return y, y.Mul(one.Sub(y))
	case "Affine":
		return beta.MulAdd(alpha, x), alpha
	case "LeakyRelu":
		return x.IfNegative(alpha.Mul(x), x), x.IfNegative(alpha, one)
	case "ThresholdedRelu":
		above := x.Sub(alpha)
		return above.IfNegative(zero, x), above.IfNegative(zero, one)
	case "ScaledTanh":
		y = beta.Mul(x).Tanh()
		return alpha.Mul(y), alpha.Mul(beta).Mul(one.Sub(y.Mul(y)))
	case "HardSigmoid":
		v := beta.MulAdd(alpha, x)
		below := one.Sub(v)
		return v.IfNegative(zero, below.IfNegative(one, v)), v.IfNegative(zero, below.IfNegative(zero, alpha))
	case "Elu":
		e := x.Exp()
		return x.IfNegative(alpha.Mul(e.Sub(one)), x), x.IfNegative(alpha.Mul(e), one)
	case "Softsign":
		d := one.Add(abs)
		return x.Div(d), one.Div(d.Mul(d))
	case "Softplus":
		return x.IfNegative(zero, x).Add(one.Add(zero.Sub(abs).Exp()).Log()), x.Sigmoid()
	}
	panic(fmt.Sprintf("oracle: no function %q", f.Name))
}
