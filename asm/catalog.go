package main

import (
	"github.com/simdrnn/simdrnn/asm/kernel"
	"github.com/simdrnn/simdrnn/asm/vec"
)

// A Kernel is one operation. Everything about it but its reference and its emitter
// comes from its entry: the assembly of every target and its declaration in Go, the
// dispatch, and in package kernels the checked method of ISA and the function on
// the current tier.
type Kernel struct {
	Name string
	// Args is the parameter list. All slices of a call have the same length, which
	// the method checks, but for the slice named lanes: it has 64 elements, or 32
	// where they are float64. Or the parameters are matrices, "a, b Mat", of rows
	// rows of units elements, which come first in Go's parameter list.
	Args string
	// File is the stem of the files that the kernel stands in.
	File string
	// Emit emits the kernel in the vocabulary of package vec.
	Emit func(vec.Machine)
	// Doc is the doc comment of the method: the contract of the kernel.
	Doc string
	// Above0 names a scalar argument that has to be above 0.
	Above0 string
	// ByHand is set where method and function are written by hand in package
	// kernels, because their parameters are not those of the assembly.
	ByHand bool
}

// chunk cuts long calls of element kernels: assembly cannot be preempted, so none
// may run for more than 100 us at half of the speed it should have. At the rate of
// main memory, nine streams of this length (AMSGrad) take 65 us; the slowest
// arithmetic, an exponential with denormal results, takes 1 ns an element. It is a
// multiple of 64, so that the lanes of a reduction begin anew with each piece.
const chunk = 16384

// Catalog is the list of element kernels and reductions.
var Catalog = []Kernel{
	{Name: "Exp", Args: "dst, x []float32", File: "activation", Emit: kernel.Exp, Doc: `
Exp sets dst = e^x. Error at most 0.90 ulp over all float32; gradual underflow.`},
	{Name: "Sigmoid", Args: "dst, x []float32", File: "activation", Emit: kernel.Sigmoid, Doc: `
Sigmoid sets dst = 1/(1+e^-x). Error at most 1.48 ulp over all float32.`},
	{Name: "Tanh", Args: "dst, x []float32", File: "activation", Emit: kernel.Tanh, Doc: `
Tanh sets dst = tanh x. Error at most 1.37 ulp over all float32; odd bit for bit.`},
	{Name: "SigmoidGrad", Args: "dx, y, dy []float32", File: "activation", Emit: kernel.SigmoidGrad, Doc: `
SigmoidGrad sets dx = y(1-y) dy, y being the output of the sigmoid.`},
	{Name: "TanhGrad", Args: "dx, y, dy []float32", File: "activation", Emit: kernel.TanhGrad, Doc: `
TanhGrad sets dx = (1-y^2) dy, y being the output of tanh.`},

	{Name: "ReLU", Args: "dst, x []float32", File: "onnx", Emit: kernel.ReLU, Doc: `
ReLU sets dst = max(x, 0).`},
	{Name: "ReLUGrad", Args: "dx, y, dy []float32", File: "onnx", Emit: kernel.ReLUGrad, Doc: `
ReLUGrad sets dx = dy where y, the output of ReLU, is above 0, and +0 elsewhere.`},
	{Name: "Affine", Args: "dst, x []float32, alpha, beta float32", File: "onnx", Emit: kernel.Affine, Doc: `
Affine sets dst = alpha*x + beta, one fused multiply-add each. Its derivative is
[ISA.Scale] by alpha.`},
	{Name: "LeakyReLU", Args: "dst, x []float32, alpha float32", File: "onnx", Emit: kernel.LeakyReLU, Doc: `
LeakyReLU sets dst = x where x >= 0 and alpha*x elsewhere.`},
	{Name: "LeakyReLUGrad", Args: "dx, x, dy []float32, alpha float32", File: "onnx", Emit: kernel.LeakyReLUGrad, Doc: `
LeakyReLUGrad sets dx = dy where x >= 0 and alpha*dy elsewhere.`},
	{Name: "ThresholdedReLU", Args: "dst, x []float32, alpha float32", File: "onnx", Emit: kernel.ThresholdedReLU, Doc: `
ThresholdedReLU sets dst = x where x >= alpha and +0 elsewhere.`},
	{Name: "ThresholdedReLUGrad", Args: "dx, x, dy []float32, alpha float32", File: "onnx", Emit: kernel.ThresholdedReLUGrad, Doc: `
ThresholdedReLUGrad sets dx = dy where x >= alpha and +0 elsewhere.`},
	{Name: "ScaledTanh", Args: "dst, x []float32, alpha, beta float32", File: "onnx", Emit: kernel.ScaledTanh, Doc: `
ScaledTanh sets dst = alpha*tanh(beta*x).`},
	{Name: "ScaledTanhGrad", Args: "dx, x, dy []float32, alpha, beta float32", File: "onnx", Emit: kernel.ScaledTanhGrad, Doc: `
ScaledTanhGrad sets dx = alpha*beta*(1-t^2) dy, t = tanh(beta*x).`},
	{Name: "HardSigmoid", Args: "dst, x []float32, alpha, beta float32", File: "onnx", Emit: kernel.HardSigmoid, Doc: `
HardSigmoid sets dst = alpha*x + beta, limited to [0, 1].`},
	{Name: "HardSigmoidGrad", Args: "dx, x, dy []float32, alpha, beta float32", File: "onnx", Emit: kernel.HardSigmoidGrad, Doc: `
HardSigmoidGrad sets dx = alpha*dy where 0 < alpha*x + beta < 1 and +0 elsewhere.`},
	{Name: "ELU", Args: "dst, x []float32, alpha float32", File: "onnx", Emit: kernel.ELU, Doc: `
ELU sets dst = x where x >= 0 and alpha*(e^x-1) elsewhere. Error at most 1.0 ulp
for alpha = 1.`},
	{Name: "ELUGrad", Args: "dx, x, dy []float32, alpha float32", File: "onnx", Emit: kernel.ELUGrad, Doc: `
ELUGrad sets dx = dy where x >= 0 and alpha*e^x dy elsewhere.`},
	{Name: "Softsign", Args: "dst, x []float32", File: "onnx", Emit: kernel.Softsign, Doc: `
Softsign sets dst = x/(1+|x|), which is NaN for infinite x. Error at most 1.5 ulp for
other x.`},
	{Name: "SoftsignGrad", Args: "dx, x, dy []float32", File: "onnx", Emit: kernel.SoftsignGrad, Doc: `
SoftsignGrad sets dx = dy/(1+|x|)^2.`},
	{Name: "GELU", Args: "dst, x []float32", File: "gelu", Emit: kernel.GELU, Doc: `
GELU sets dst = x/2*(1 + erf(x/sqrt 2)), +0 where that is below 2^-100. Error at most 8 ulp.`},
	{Name: "GELUGrad", Args: "dx, x, dy []float32", File: "gelu", Emit: kernel.GELUGrad, Doc: `
GELUGrad sets dx to dy times the derivative of GELU at x, which is at most 4e-7 off.`},
	{Name: "GELUTanh", Args: "dst, x []float32", File: "gelu", Emit: kernel.GELUTanh, Doc: `
GELUTanh sets dst = x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))), +0 where that is below 2^-100. Error at
most 3 ulp from x = -1 on, and 160 ulp below, where it is far smaller than x.`},
	{Name: "GELUTanhGrad", Args: "dx, x, dy []float32", File: "gelu", Emit: kernel.GELUTanhGrad, Doc: `
GELUTanhGrad sets dx to dy times the derivative of GELUTanh at x, which is at most 2e-6 off.`},
	{Name: "Softplus", Args: "dst, x []float32", File: "onnx", Emit: kernel.Softplus, Doc: `
Softplus sets dst = log(1+e^x). Error at most 4.0 ulp over all float32.`},
	{Name: "SoftplusGrad", Args: "dx, x, dy []float32", File: "onnx", Emit: kernel.SoftplusGrad, Doc: `
SoftplusGrad sets dx = sigmoid(x) dy.`},

	{Name: "RNNTanh", Args: "h, a Mat", File: "gates_rnn", Emit: kernel.RNNTanh, Doc: `
RNNTanh is the element-wise part of one step of a plain recurrent layer, for rows
rows of a batch and units hidden units: it sets h = tanh(a). Like all kernels that
set a state it stores +0 where the result is below 2^-100.`},
	{Name: "RNNTanhGrad", Args: "a, h, dh, dy Mat", File: "gates_rnn", Emit: kernel.RNNTanhGrad, Doc: `
RNNTanhGrad is the backward step of [ISA.RNNTanh]: it sets a = (1-h^2)(dh+dy), the
gradient of the pre-activation, dh being the gradient of h carried from step
t+1 and dy the one from above. a may be any of the others.`},
	{Name: "RNNReLU", Args: "h, a Mat", File: "gates_rnn", Emit: kernel.RNNReLU, Doc: `
RNNReLU is [ISA.RNNTanh] with h = max(a, 0).`},
	{Name: "RNNReLUGrad", Args: "a, h, dh, dy Mat", File: "gates_rnn", Emit: kernel.RNNReLUGrad, Doc: `
RNNReLUGrad is the backward step of [ISA.RNNReLU]: it sets a = dh+dy where h is
above 0 and +0 elsewhere.`},
	{Name: "RNNSigmoid", Args: "h, a Mat", File: "gates_rnn", Emit: kernel.RNNSigmoid, Doc: `
RNNSigmoid is [ISA.RNNTanh] with h = 1/(1+e^-a).`},
	{Name: "RNNSigmoidGrad", Args: "a, h, dh, dy Mat", File: "gates_rnn", Emit: kernel.RNNSigmoidGrad, Doc: `
RNNSigmoidGrad is the backward step of [ISA.RNNSigmoid]: it sets a = h(1-h)(dh+dy).`},

	{Name: "GRUGates", Args: "r, z, n, nh, h, hPrev Mat", File: "gates_gru", Emit: kernel.Keep.GRUGates, Doc: `
GRUGates is the element-wise part of one GRU step with the reset after the
product, for rows rows of a batch and units hidden units. r and z are
pre-activations, n is the input's share of the candidate's; they are replaced by the activations. nh is the
candidate's recurrent share, W_hn hPrev + b_hn. h is set:

	n = tanh(n + sigmoid(r)*nh)      h = (1-z)*n + z*hPrev,  z = sigmoid(z)

The exact order of operations is that of [ref.GRUGates]. h may be hPrev.`},
	{Name: "GRUGatesGrad", Args: "r, z, n, nh, dh, hPrev, dy Mat", File: "gates_gru", Emit: kernel.Keep.GRUGatesGrad, Doc: `
GRUGatesGrad is the backward step of [ISA.GRUGates]. r, z and n are the saved activations, nh is as it was: they are replaced by the
gradients of the pre-activations of r and z and of both shares of the
candidate's. dh is the gradient of h_t carried from step t+1 and dy the one from
above; dh is replaced by the part of the gradient of hPrev that does not pass
through a product. The equations are those of [ref.GRUGatesGrad].`},
	{Name: "GRUGatesTextbook", Args: "r, z, n, nh, h, hPrev Mat", File: "gates_gru_textbook", Emit: kernel.Textbook.GRUGates, Doc: `
GRUGatesTextbook is [ISA.GRUGates] with h = (1-z)*hPrev + z*n.`},
	{Name: "GRUGatesTextbookGrad", Args: "r, z, n, nh, dh, hPrev, dy Mat", File: "gates_gru_textbook", Emit: kernel.Textbook.GRUGatesGrad, Doc: `
GRUGatesTextbookGrad is the backward step of [ISA.GRUGatesTextbook], with the
arguments of [ISA.GRUGatesGrad].`},

	{Name: "GRUReset", Args: "r, q, hPrev Mat", File: "gates_gru_reset", Emit: kernel.GRUReset, Doc: `
GRUReset begins the element-wise part of one GRU step with the reset before the
product, for rows rows of a batch and units hidden units: r, a pre-activation, is
replaced by sigmoid(r), and q = r*hPrev is set. [ISA.GRUUpdate] follows when W_hn q has been added to the
candidate.`},
	{Name: "GRUResetGrad", Args: "r, e, dq, hPrev Mat", File: "gates_gru_reset", Emit: kernel.GRUResetGrad, Doc: `
GRUResetGrad is the backward step of [ISA.GRUReset]. dq is the gradient of q. r, the
saved activation, is replaced by the gradient of its pre-activation; dq*r is
added to e, the part of the gradient of hPrev that [ISA.GRUUpdateGrad] left.`},
	{Name: "GRUUpdate", Args: "z, n, h, hPrev Mat", File: "gates_gru_reset", Emit: kernel.Keep.GRUUpdate, Doc: `
GRUUpdate ends the step that [ISA.GRUReset] began: z and n are pre-activations and are
replaced by the activations; h = (1-z)*n + z*hPrev is set. h may be hPrev.`},
	{Name: "GRUUpdateGrad", Args: "z, n, dh, hPrev, dy Mat", File: "gates_gru_reset", Emit: kernel.Keep.GRUUpdateGrad, Doc: `
GRUUpdateGrad is the backward step of [ISA.GRUUpdate]. z and n are the saved
activations and are replaced by the gradients of the pre-activations; dh is the
gradient of h_t carried from step t+1, dy the one from above, and dh is replaced
by the part of the gradient of hPrev that does not pass through a product.`},
	{Name: "GRUUpdateTextbook", Args: "z, n, h, hPrev Mat", File: "gates_gru_reset_textbook", Emit: kernel.Textbook.GRUUpdate, Doc: `
GRUUpdateTextbook is [ISA.GRUUpdate] with h = (1-z)*hPrev + z*n.`},
	{Name: "GRUUpdateTextbookGrad", Args: "z, n, dh, hPrev, dy Mat", File: "gates_gru_reset_textbook", Emit: kernel.Textbook.GRUUpdateGrad, Doc: `
GRUUpdateTextbookGrad is the backward step of [ISA.GRUUpdateTextbook], with the
arguments of [ISA.GRUUpdateGrad].`},

	{Name: "LSTMGates", Args: "i, f, g, o, c, h, cPrev Mat", File: "gates", Emit: kernel.LSTMGates, Doc: `
LSTMGates is the element-wise part of one LSTM step, for rows rows of a batch and
units hidden units. i, f, g and o are pre-activations and are replaced by the activations; c and h
are set:

	c = sigmoid(f)*cPrev + sigmoid(i)*tanh(g)      h = sigmoid(o)*tanh(c)

The exact order of operations is that of [ref.LSTMGates]. c may be cPrev.`},
	{Name: "LSTMGatesGrad", Args: "i, f, g, o, dc, c, cPrev, dh, dy Mat", File: "gates", Emit: kernel.LSTMGatesGrad, Doc: `
LSTMGatesGrad is the backward step of [ISA.LSTMGates]. i, f, g and o are the saved
activations and are replaced by the gradients of the pre-activations; dc is the
gradient of c_t that comes from step t+1 and is replaced by that of c_{t-1}; dh is
the gradient of h_t that comes from step t+1, and dy the one that comes from the
layer above. The equations are those of
[ref.LSTMGatesGrad].`},

	{Name: "MaxLanes", Args: "lanes, x []float32", File: "reduce", Emit: kernel.MaxLanes, Doc: `
MaxLanes lifts the 64 lanes to the maximum of themselves and x; see [ref.MaxLanes].`},
	{Name: "SumLanes", Args: "lanes, x []float32", File: "reduce", Emit: kernel.SumLanes, Doc: `
SumLanes adds x to the 64 lanes; see [ref.SumLanes].`},
	{Name: "DotLanes", Args: "lanes, x, y []float32", File: "reduce", Emit: kernel.DotLanes, Doc: `
DotLanes adds x*y to the 64 lanes; see [ref.DotLanes].`},
	{Name: "ExpSumLanes", Args: "lanes, dst, x []float32, max float32", File: "reduce", Emit: kernel.ExpSumLanes, Doc: `
ExpSumLanes sets dst = e^(x-max), storing +0 where that is below 2^-100, and adds dst
to the 64 lanes; see [ref.ExpSumLanes].`},
	{Name: "SumSquaresLanes", Args: "lanes []float64, x []float32", File: "reduce", Emit: kernel.SumSquaresLanes, Doc: `
SumSquaresLanes adds x^2 to the 32 float64 lanes; see [ref.SumSquaresLanes].`},

	{Name: "DotLanes64", Args: "lanes []float64, x, y []float32", File: "reduce", Emit: kernel.DotLanes64, Doc: `
DotLanes64 adds x*y to the 32 float64 lanes; see [ref.DotLanes64].`},

	{Name: "BCE", Args: "dst, z, y, q []float32", File: "loss", Emit: kernel.BCE, Doc: `
BCE sets dst to the binary cross-entropy of the logits z and the targets y, from 0 to 1,
q being the weight of ones:

	dst = -q*y log sigmoid(z) - (1-y) log(1-sigmoid(z))

in the form of [ref.BCE], in which nothing cancels. An infinite z gives NaN where the
other factor is 0.`},
	{Name: "BCEGrad", Args: "dz, z, y, q []float32", File: "loss", Emit: kernel.BCEGrad, Doc: `
BCEGrad sets dz = (1-y) sigmoid(z) - q*y sigmoid(-z), the derivative of [ISA.BCE].`},

	{Name: "Add", Args: "dst, a, b []float32", File: "vector", Emit: kernel.Add, Doc: `
Add sets dst = a + b.`},
	{Name: "Sub", Args: "dst, a, b []float32", File: "vector", Emit: kernel.Sub, Doc: `
Sub sets dst = a - b.`},
	{Name: "Sign", Args: "dst, x []float32", File: "vector", Emit: kernel.Sign, Doc: `
Sign sets dst = 1 where x > 0, -1 where x < 0, and x where it is a zero or NaN.`},
	{Name: "CopyFlush", Args: "dst, x []float32", File: "vector", Emit: kernel.CopyFlush, Doc: `
CopyFlush sets dst = x, storing +0 where x is below 2^-100. It compares and does not
compute, so that it is fast on denormal numbers too.`},
	{Name: "AddFlush", Args: "dst, a, b []float32", File: "vector", Emit: kernel.AddFlush, Doc: `
AddFlush sets dst = a + b, storing +0 where the result is below 2^-100.`},
	{Name: "Mul", Args: "dst, a, b []float32", File: "vector", Emit: kernel.Mul, Doc: `
Mul sets dst = a * b, element by element.`},
	{Name: "MulFlush", Args: "dst, a, b []float32", File: "vector", Emit: kernel.MulFlush, Doc: `
MulFlush sets dst = a * b, storing +0 where the result is below 2^-100.`},
	{Name: "MulAdd", Args: "dst, a, b []float32", File: "vector", Emit: kernel.MulAdd, Doc: `
MulAdd adds a*b to dst, element by element, one fused multiply-add each.`},
	{Name: "Axpy", Args: "dst, x []float32, alpha float32", File: "vector", Emit: kernel.Axpy, Doc: `
Axpy adds alpha*x to dst, one fused multiply-add each.`},
	{Name: "Scale", Args: "dst, x []float32, alpha float32", File: "vector", Emit: kernel.Scale, Doc: `
Scale sets dst = x*alpha.`},
	{Name: "ScaleFlush", Args: "dst, x []float32, alpha float32", File: "vector", Emit: kernel.ScaleFlush, Doc: `
ScaleFlush sets dst = x*alpha, storing +0 where the result is below 2^-100. It multiplies
nothing whose product could be a denormal number.`},
	{Name: "Div", Args: "dst, x []float32, d float32", File: "vector", Emit: kernel.Div, Doc: `
Div sets dst = x/d, a true division.`},
	{Name: "Clip", Args: "dst, x []float32, limit float32", File: "vector", Emit: kernel.Clip, Above0: "limit", Doc: `
Clip sets dst to x limited to [-limit, limit]; a NaN stays. limit must be above 0.`},
	{Name: "ClipGrad", Args: "dx, x, dy []float32, limit float32", File: "vector", Emit: kernel.ClipGrad, Above0: "limit", Doc: `
ClipGrad sets dx = dy where x, the input of Clip, is within [-limit, limit] or
NaN, and +0 elsewhere. limit must be above 0.`},

	{Name: "Uniform", Args: "dst []float32, c *[21]uint32", File: "mask", Emit: kernel.Uniform, ByHand: true},
	{Name: "Drop", Args: "dst, x, u []float32, below, scale float32", File: "mask", Emit: kernel.Drop, Doc: `
Drop sets dst = +0 where u < below and x*scale elsewhere. It selects: what is
dropped leaves +0 whatever it was, NaN and infinities included.`},
	{Name: "Choose", Args: "dst, u, a, b []float32, below float32", File: "mask", Emit: kernel.Choose, Doc: `
Choose sets dst = a where u < below and b elsewhere.`},

	{Name: "BoxMuller", Args: "dst, u, v []float32", File: "mask", Emit: kernel.BoxMuller, Doc: `
BoxMuller sets dst to numbers from the normal distribution of mean 0 and variance 1, each made of
two independent numbers in [1, 2), as Uniform draws them: sqrt(-2 ln(2-u)) * sin(2 pi (v - 3/2))
(Box and Muller 1958). The largest magnitude is 5.65, that of 2-u = 2^-23. What comes of other u
and v has no meaning, but has the same bits on every tier. dst may be u or v.`},

	{Name: "SGD", Args: "w, g []float32, lr, decay float32", File: "optim", Emit: kernel.SGD, Doc: `
SGD takes one step of gradient descent on w: w -= lr*(g + decay*w). Like all
optimizers it stores +0 where a weight is below 2^-100, so that a weight that decays
ends at +0, and takes +0 for g + decay*w where that is below 2^-100. With a decay of 0 the gradient does not depend on w: an infinite weight
stays what it is, as does a NaN.`},
	{Name: "SGDMomentum", Args: "w, g, v []float32, lr, mu, damp, decay float32", File: "optim", Emit: kernel.SGDMomentum, Doc: `
SGDMomentum takes one step of gradient descent with momentum on w and the velocity v:
v = mu*v + damp*(g + decay*w), w -= lr*v. damp is 1 - dampening.`},
	{Name: "SGDNesterov", Args: "w, g, v []float32, lr, mu, decay float32", File: "optim", Emit: kernel.SGDNesterov, Doc: `
SGDNesterov is [ISA.SGDMomentum] in Nesterov's form, without dampening: w -= lr*(mu*v + e)
with e = g + decay*w and v the new velocity.`},
	{Name: "Adam", Args: "w, g, m, r []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32", File: "optim", Emit: kernel.Adam, Doc: `
Adam takes one step of Adam or AdamW on w, the first moment m and the root r of the
second moment v, which is kept in place of v:

	e = g + l2*w   m = beta1*m + omb1*e   r = sqrt(beta2*r^2 + omb2*e^2)
	w = keep*w - step * m/(r/rbc2 + eps)

r has the range of a gradient where v, a square, would leave that of float32. It must
not be negative. The scalars are prepared by the caller as [ref.Adam] says, where the
order of operations stands.`},
	{Name: "AMSGrad", Args: "w, g, m, r, x []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32", File: "optim", Emit: kernel.AMSGrad, Doc: `
AMSGrad is [ISA.Adam] that divides by the largest root so far: x = max(x, r) is set and
stands in place of r in the step of w.`},
	{Name: "RMSProp", Args: "w, g, r []float32, alpha, oma, lr, eps, l2, keep float32", File: "optim_rmsprop", Emit: kernel.RMSProp, Doc: `
RMSProp takes one step of RMSProp on w and the root r of the mean of squares, which is
kept in place of the mean:

	e = g + l2*w   r = sqrt(alpha*r^2 + oma*e^2)   w = keep*w - lr * e/(r + eps)

r must not be negative; oma is 1-alpha. With alpha and oma both 1 it is a step of
Adagrad. The order of operations is that of [ref.RMSProp].`},
	{Name: "RMSPropMomentum", Args: "w, g, r, v []float32, alpha, oma, lr, eps, mu, l2, keep float32", File: "optim_rmsprop", Emit: kernel.RMSPropMomentum, Doc: `
RMSPropMomentum is [ISA.RMSProp] with a velocity v: v = mu*v + e/(r + eps),
w = keep*w - lr*v.`},
	{Name: "RMSPropCentred", Args: "w, g, s, m []float32, alpha, oma, omv, lr, eps, l2, keep float32", File: "optim_rmsprop", Emit: kernel.RMSPropCentred, Doc: `
RMSPropCentred is [ISA.RMSProp] with the variance of the gradients in place of the mean
of their squares. Its root s, and the mean m of the gradients, are kept:

	e = g + l2*w   d = e - m   s = sqrt(alpha*s^2 + omv*d^2)   m = m + oma*d
	w = keep*w - lr * e/(s + eps)

s must not be negative; omv is alpha*(1-alpha). The order of operations is that of
[ref.RMSPropCentred].`},
	{Name: "RMSPropCentredMomentum", Args: "w, g, s, m, v []float32, alpha, oma, omv, lr, eps, mu, l2, keep float32", File: "optim_rmsprop", Emit: kernel.RMSPropCentredMomentum, Doc: `
RMSPropCentredMomentum is [ISA.RMSPropCentred] with a velocity v: v = mu*v + e/(s + eps),
w = keep*w - lr*v.`},
	{Name: "ASGD", Args: "w, g, a []float32, lr, l2, keep, mu, omm float32", File: "optim", Emit: kernel.ASGD, Doc: `
ASGD takes one step of gradient descent on w and of the average a of the weights after
each step:

	e = g + l2*w   w = keep*w - lr*e   a = omm*a + mu*w

mu is 1 over the number of weights in the average, omm is 1-mu. An omm of 0 leaves the
old a out, so that a becomes w. The order of operations is that of [ref.ASGD].`},
}
