package oracle

import "fmt"

// RNN is the plain recurrence, one state h.
type RNN[N Number[N]] struct{ F Activation }

// Activation is one of ONNX's functions, by its name there.
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

// Gates returns 1.
func (RNN[N]) Gates() int { return 1 }

// States returns 1: h.
func (RNN[N]) States() int { return 1 }

// Step computes
//
//	(1) a  = b_ih + b_hh + W_ih x + W_hh h
//	(2) h' = f(a)
func (c RNN[N]) Step(p Weights[N], x []N, prev [][]N) (next, tape [][]N) {
	a := preactivation(p, x, prev[0]) // (1)
	h2, slope := make([]N, len(a)), make([]N, len(a))
	for j := range a {
		h2[j], slope[j] = function(c.F, a[j]) // (2)
	}
	return [][]N{h2}, [][]N{x, prev[0], slope}
}

// StepBack, given dh of the state after the step, computes
//
//	(3) da = dh f'(a)
//	(4) dx += W_ih^T da    dh_prev = W_hh^T da
//	(5) dW_ih += da x^T   dW_hh += da h^T   db_ih += da   db_hh += da
func (c RNN[N]) StepBack(p Weights[N], tape, d [][]N, dx []N) (dprev [][]N, outer []Outer[N]) {
	x, h, slope := tape[0], tape[1], tape[2]
	da := make([]N, len(h))
	for j := range da {
		da[j] = d[0][j].Mul(slope[j]) // (3)
	}
	dhPrev := zeros[N](len(h))
	addTransposed(dx, p.WeightIH, da) // (4)
	addTransposed(dhPrev, p.WeightHH, da)
	return [][]N{dhPrev}, []Outer[N]{ // (5)
		{Param: WeightIH, D: da, In: x},
		{Param: WeightHH, D: da, In: h},
		{Param: BiasIH, D: da},
		{Param: BiasHH, D: da},
	}
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
		return x.IfNegative(zero, x), x.IfNegative(zero, one)
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
