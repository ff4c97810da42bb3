package main

import (
	"fmt"

	"github.com/simdrnn/simdrnn/asm/avox"
	"github.com/simdrnn/simdrnn/asm/kernel"
	"github.com/simdrnn/simdrnn/asm/vec"
)

// A Kernel is one operation: the assembly of every target, the stub in Go and
// the dispatch all come from its entry.
type Kernel struct {
	Name string
	// Args is the parameter list. All slices of a call have the same length but
	// for lanes, which has 64 elements (32 of float64).
	Args string
	// Doc is the loop that the kernel replaces, as Go comments.
	Doc string
	// File is the stem of the assembly file.
	File string
	// Chunk cuts a long call: assembly cannot be preempted, so none may run for
	// more than 100 us at half of the speed it should have. A multiple of 64.
	Chunk int
	Emit  func(vec.Machine)
}

// elements bounds one call of an element kernel. At the rate of main memory,
// seven streams of this length (Adam) take 50 us; the slowest arithmetic, an
// exponential with denormal results, takes 1 ns an element.
const elements = 16384

// Catalog is the list of element kernels and reductions.
var Catalog = []Kernel{
	{"Exp", "dst, x []float32", "Exp sets dst = e^x.", "activation", elements, kernel.Exp},
	{"Sigmoid", "dst, x []float32", "Sigmoid sets dst = 1/(1+e^-x).", "activation", elements, kernel.Sigmoid},
	{"Tanh", "dst, x []float32", "Tanh sets dst = tanh x.", "activation", elements, kernel.Tanh},
	{"SigmoidGrad", "dx, y, dy []float32", "SigmoidGrad sets dx = (y*(1-y)) * dy.", "activation", elements, kernel.SigmoidGrad},
	{"TanhGrad", "dx, y, dy []float32", "TanhGrad sets dx = fma(-y, y, 1) * dy.", "activation", elements, kernel.TanhGrad},

	{"LSTMGates", "i, f, g, o, c, h, cPrev []float32", `LSTMGates finishes the step of one row of units:

	i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
	c = flush(fma(f, cPrev, i*g))
	h = flush(o * tanh(c))`, "gates", elements, kernel.LSTMGates},
	{"LSTMGatesGrad", "i, f, g, o, dc, c, cPrev, dh, dy []float32", `LSTMGatesGrad is the backward step of LSTMGates for one row of units:

	d = dh + dy
	D = fma(d*o, fma(-tanh(c), tanh(c), 1), dc)
	o = flush((d*tanh(c)) * (o*(1-o)))
	i = flush((D*g) * (i*(1-i)))
	f = flush((D*cPrev) * (f*(1-f)))
	g = flush((D*i) * fma(-g, g, 1))
	dc = flush(D*f)

with the values that i, f, g and o had before on the right.`, "gates", elements, kernel.LSTMGatesGrad},

	{"MaxLanes", "lanes, x []float32", "MaxLanes sets lane = x > lane ? x : lane, element j in lane j mod 64.", "reduce", elements, kernel.MaxLanes},
	{"SumLanes", "lanes, x []float32", "SumLanes sets lane = lane + x, element j in lane j mod 64.", "reduce", elements, kernel.SumLanes},
	{"DotLanes", "lanes, x, y []float32", "DotLanes sets lane = fma(x, y, lane), element j in lane j mod 64.", "reduce", elements, kernel.DotLanes},
	{"ExpSumLanes", "lanes, dst, x []float32, max float32", "ExpSumLanes sets dst = e^(x-max) and lane = lane + dst, element j in lane j mod 64.", "reduce", elements, kernel.ExpSumLanes},
	{"SumSquaresLanes", "lanes []float64, x []float32", "SumSquaresLanes sets lane = fma(x, x, lane) in float64, element j in lane j mod 32.", "reduce", elements, kernel.SumSquaresLanes},

	{"Add", "dst, a, b []float32", "Add sets dst = a + b.", "vector", elements, kernel.Add},
	{"Mul", "dst, a, b []float32", "Mul sets dst = a * b.", "vector", elements, kernel.Mul},
	{"Axpy", "dst, x []float32, alpha float32", "Axpy sets dst = fma(alpha, x, dst).", "vector", elements, kernel.Axpy},
	{"Scale", "dst, x []float32, alpha float32", "Scale sets dst = x * alpha.", "vector", elements, kernel.Scale},
	{"ScaleFlush", "dst, x []float32, alpha float32", "ScaleFlush sets dst = flush(x * alpha).", "vector", elements, kernel.ScaleFlush},
	{"Div", "dst, x []float32, d float32", "Div sets dst = x / d.", "vector", elements, kernel.Div},
	{"Clip", "dst, x []float32, limit float32", "Clip sets dst = x > limit ? limit : x < -limit ? -limit : x.", "vector", elements, kernel.Clip},

	{"SGD", "w, g []float32, lr, decay float32", `SGD takes one step:

	e = fma(decay, w, g)
	w = fma(-lr, e, w)`, "optim", elements, kernel.SGD},
	{"SGDMomentum", "w, g, v []float32, lr, mu, damp, decay float32", `SGDMomentum takes one step:

	e = fma(decay, w, g)
	v = flush(fma(mu, v, damp*e))
	w = fma(-lr, v, w)`, "optim", elements, kernel.SGDMomentum},
	{"SGDNesterov", "w, g, v []float32, lr, mu, decay float32", `SGDNesterov takes one step:

	e = fma(decay, w, g)
	v = flush(fma(mu, v, e))
	w = fma(-lr, fma(mu, v, e), w)`, "optim", elements, kernel.SGDNesterov},
	{"Adam", "w, g, m, v []float32, beta1, omb1, beta2, omb2, step, rbc2, eps, l2, keep float32", `Adam takes one step:

	e = fma(l2, w, g)
	m = flush(fma(beta1, m, omb1*e))
	v = flush(fma(beta2, v, omb2*(e*e)))
	w = fma(-step, m/(sqrt(v)/rbc2+eps), w*keep)`, "optim", elements, kernel.Adam},
}

// peakChunk bounds one call of Peak: 48 cycles an iteration or fewer.
const peakChunk = 2048

var peakKernel = Kernel{Name: "Peak", Args: "iters int", File: "peak", Emit: kernel.Peak,
	Doc: "Peak runs a loop of fused multiply-adds on registers, PeakFlops operations each time."}

// A Target is a package of kernels under kernels/internal: one instruction set
// on one GOARCH.
type Target struct {
	Package, ISA string
	Machine      avox.Target
	// Rows and Vecs are the largest register tile; all smaller ones exist too.
	// Rows*Vecs accumulators, Rows broadcasts and one vector of B have to fit
	// the registers.
	Rows, Vecs int
	// Requires lists what the tier promises, in avo's names.
	Requires []string
}

// Targets is the list of instruction sets.
var Targets = []Target{
	{"avx2", "AVX2", avox.AVX2, 3, 4, []string{"AVX", "AVX2", "FMA3"}},
	{"avx512", "AVX512", avox.AVX512, 6, 4, []string{"AVX", "AVX2", "FMA3", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"}},
}

const tileArgs = "k int, a *float32, rsa, csa int, b *float32, ldb int, start *float32, lds int, c *float32, ldc int, tail, flags int, next *float32"

// Kernels is all that a target's package holds.
func (t Target) Kernels() []Kernel {
	list := append(Catalog[:len(Catalog):len(Catalog)], peakKernel)
	for rows := 1; rows <= t.Rows; rows++ {
		for vecs := 1; vecs <= t.Vecs; vecs++ {
			list = append(list, Kernel{
				Name: fmt.Sprintf("Tile%dx%d", rows, vecs),
				Args: tileArgs,
				File: fmt.Sprintf("tile%d", rows),
				Doc:  fmt.Sprintf("Tile%dx%d is the register tile of %d rows and %d vectors of columns.", rows, vecs, rows, vecs),
				Emit: kernel.Tile{Rows: rows, Vecs: vecs, Epilogue: kernel.Store}.Emit,
			})
		}
	}
	return list
}
