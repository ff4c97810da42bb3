package main

import (
	"fmt"

	"github.com/simdrnn/simdrnn/asm/avox"
	"github.com/simdrnn/simdrnn/asm/kernel"
	"github.com/simdrnn/simdrnn/asm/neon"
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

	{"ReLU", "dst, x []float32", "ReLU sets dst = x < 0 ? 0 : x.", "onnx", elements, kernel.ReLU},
	{"ReLUGrad", "dx, y, dy []float32", "ReLUGrad sets dx = y <= 0 ? 0 : dy.", "onnx", elements, kernel.ReLUGrad},
	{"Affine", "dst, x []float32, alpha, beta float32", "Affine sets dst = fma(alpha, x, beta).", "onnx", elements, kernel.Affine},
	{"LeakyReLU", "dst, x []float32, alpha float32", "LeakyReLU sets dst = x < 0 ? alpha*x : x.", "onnx", elements, kernel.LeakyReLU},
	{"LeakyReLUGrad", "dx, x, dy []float32, alpha float32", "LeakyReLUGrad sets dx = x < 0 ? alpha*dy : dy.", "onnx", elements, kernel.LeakyReLUGrad},
	{"ThresholdedReLU", "dst, x []float32, alpha float32", "ThresholdedReLU sets dst = x < alpha ? 0 : x.", "onnx", elements, kernel.ThresholdedReLU},
	{"ThresholdedReLUGrad", "dx, x, dy []float32, alpha float32", "ThresholdedReLUGrad sets dx = x < alpha ? 0 : dy.", "onnx", elements, kernel.ThresholdedReLUGrad},
	{"ScaledTanh", "dst, x []float32, alpha, beta float32", "ScaledTanh sets dst = alpha * tanh(beta*x).", "onnx", elements, kernel.ScaledTanh},
	{"ScaledTanhGrad", "dx, x, dy []float32, alpha, beta float32", "ScaledTanhGrad sets dx = (fma(-t, t, 1)*dy) * (alpha*beta), t = tanh(beta*x).", "onnx", elements, kernel.ScaledTanhGrad},
	{"HardSigmoid", "dst, x []float32, alpha, beta float32", "HardSigmoid sets dst = fma(alpha, x, beta), limited to [0, 1].", "onnx", elements, kernel.HardSigmoid},
	{"HardSigmoidGrad", "dx, x, dy []float32, alpha, beta float32", "HardSigmoidGrad sets dx = v <= 0 || v >= 1 ? 0 : alpha*dy, v = fma(alpha, x, beta).", "onnx", elements, kernel.HardSigmoidGrad},
	{"ELU", "dst, x []float32, alpha float32", "ELU sets dst = x < 0 ? alpha*(e^x-1) : x.", "onnx", elements, kernel.ELU},
	{"ELUGrad", "dx, x, dy []float32, alpha float32", "ELUGrad sets dx = x < 0 ? (alpha*e^x)*dy : dy.", "onnx", elements, kernel.ELUGrad},
	{"Softsign", "dst, x []float32", "Softsign sets dst = x/(1+|x|).", "onnx", elements, kernel.Softsign},
	{"SoftsignGrad", "dx, x, dy []float32", "SoftsignGrad sets dx = dy/(d*d), d = 1+|x|.", "onnx", elements, kernel.SoftsignGrad},
	{"Softplus", "dst, x []float32", "Softplus sets dst = log(1+e^x).", "onnx", elements, kernel.Softplus},
	{"SoftplusGrad", "dx, x, dy []float32", "SoftplusGrad sets dx = sigmoid(x)*dy.", "onnx", elements, kernel.SoftplusGrad},

	{"RNNTanh", "h, a []float32", "RNNTanh sets h = flush(tanh(a)).", "gates_rnn", elements, kernel.RNNTanh},
	{"RNNTanhGrad", "a, h, dh, dy []float32", "RNNTanhGrad sets a = flush(fma(-h, h, 1) * (dh+dy)).", "gates_rnn", elements, kernel.RNNTanhGrad},
	{"RNNReLU", "h, a []float32", "RNNReLU sets h = flush(a < 0 ? 0 : a).", "gates_rnn", elements, kernel.RNNReLU},
	{"RNNReLUGrad", "a, h, dh, dy []float32", "RNNReLUGrad sets a = flush(h <= 0 ? 0 : dh+dy).", "gates_rnn", elements, kernel.RNNReLUGrad},
	{"RNNSigmoid", "h, a []float32", "RNNSigmoid sets h = flush(sigmoid(a)).", "gates_rnn", elements, kernel.RNNSigmoid},
	{"RNNSigmoidGrad", "a, h, dh, dy []float32", "RNNSigmoidGrad sets a = flush((h*(1-h)) * (dh+dy)).", "gates_rnn", elements, kernel.RNNSigmoidGrad},

	{"GRUGates", "r, z, n, nh, h, hPrev []float32", `GRUGates finishes the step of one row of units, reset after the product:

	r, z = sigmoid(r), sigmoid(z)
	n = tanh(fma(r, nh, n))
	h = flush(fma(z, hPrev-n, n))`, "gates_gru", elements, kernel.Keep.GRUGates},
	{"GRUGatesGrad", "r, z, n, nh, dh, hPrev, dy []float32", `GRUGatesGrad is the backward step of GRUGates for one row of units:

	d = dh + dy
	a = flush((d*(1-z)) * fma(-n, n, 1))
	z = flush((d*(hPrev-n)) * (z*(1-z)))
	dh = d*z
	r = flush((a*nh) * (r*(1-r)))
	nh = flush(a*r)
	n = a

with the values that r, z, n and nh had before on the right.`, "gates_gru", elements, kernel.Keep.GRUGatesGrad},
	{"GRUGatesTextbook", "r, z, n, nh, h, hPrev []float32", `GRUGatesTextbook is GRUGates with

	h = flush(fma(z, n-hPrev, hPrev))`, "gates_gru", elements, kernel.Textbook.GRUGates},
	{"GRUGatesTextbookGrad", "r, z, n, nh, dh, hPrev, dy []float32", `GRUGatesTextbookGrad is GRUGatesGrad with

	a = flush((d*z) * fma(-n, n, 1))
	z = flush((d*(n-hPrev)) * (z*(1-z)))
	dh = d*(1-z)`, "gates_gru", elements, kernel.Textbook.GRUGatesGrad},
	{"GRUReset", "r, q, hPrev []float32", `GRUReset begins the step of one row of units, reset before the product:

	r = sigmoid(r)
	q = flush(r*hPrev)`, "gates_gru_reset", elements, kernel.GRUReset},
	{"GRUResetGrad", "r, e, dq, hPrev []float32", `GRUResetGrad is the backward step of GRUReset:

	e = fma(dq, r, e)
	r = flush((dq*hPrev) * (r*(1-r)))`, "gates_gru_reset", elements, kernel.GRUResetGrad},
	{"GRUUpdate", "z, n, h, hPrev []float32", `GRUUpdate finishes the step of one row of units, reset before the product:

	z, n = sigmoid(z), tanh(n)
	h = flush(fma(z, hPrev-n, n))`, "gates_gru_reset", elements, kernel.Keep.GRUUpdate},
	{"GRUUpdateGrad", "z, n, dh, hPrev, dy []float32", `GRUUpdateGrad is the backward step of GRUUpdate:

	d = dh + dy
	n = flush((d*(1-z)) * fma(-n, n, 1))
	z = flush((d*(hPrev-n)) * (z*(1-z)))
	dh = d*z

with the values that z and n had before on the right.`, "gates_gru_reset", elements, kernel.Keep.GRUUpdateGrad},
	{"GRUUpdateTextbook", "z, n, h, hPrev []float32", `GRUUpdateTextbook is GRUUpdate with

	h = flush(fma(z, n-hPrev, hPrev))`, "gates_gru_reset", elements, kernel.Textbook.GRUUpdate},
	{"GRUUpdateTextbookGrad", "z, n, dh, hPrev, dy []float32", `GRUUpdateTextbookGrad is GRUUpdateGrad with

	n = flush((d*z) * fma(-n, n, 1))
	z = flush((d*(n-hPrev)) * (z*(1-z)))
	dh = d*(1-z)`, "gates_gru_reset", elements, kernel.Textbook.GRUUpdateGrad},

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
	{"AddFlush", "dst, a, b []float32", "AddFlush sets dst = flush(a + b).", "vector", elements, kernel.AddFlush},
	{"Mul", "dst, a, b []float32", "Mul sets dst = a * b.", "vector", elements, kernel.Mul},
	{"MulFlush", "dst, a, b []float32", "MulFlush sets dst = flush(a * b).", "vector", elements, kernel.MulFlush},
	{"MulAdd", "dst, a, b []float32", "MulAdd sets dst = fma(a, b, dst).", "vector", elements, kernel.MulAdd},
	{"Axpy", "dst, x []float32, alpha float32", "Axpy sets dst = fma(alpha, x, dst).", "vector", elements, kernel.Axpy},
	{"Scale", "dst, x []float32, alpha float32", "Scale sets dst = x * alpha.", "vector", elements, kernel.Scale},
	{"ScaleFlush", "dst, x []float32, alpha float32", "ScaleFlush sets dst = flush(x * alpha).", "vector", elements, kernel.ScaleFlush},
	{"Div", "dst, x []float32, d float32", "Div sets dst = x / d.", "vector", elements, kernel.Div},
	{"Clip", "dst, x []float32, limit float32", "Clip sets dst = x > limit ? limit : x < -limit ? -limit : x.", "vector", elements, kernel.Clip},
	{"ClipGrad", "dx, x, dy []float32, limit float32", "ClipGrad sets dx = x > limit || x < -limit ? 0 : dy.", "vector", elements, kernel.ClipGrad},

	{"Uniform", "dst []float32, c *[21]uint32", `Uniform sets dst, for each block of 64, and moves on to the next:

	dst[16*w+i] = float32frombits(word>>9 | 0x3f800000)
	with word w of philox4x32-10(c[i], c[16], c[17], c[18]; key c[19], c[20])
	c[i] += 16`, "mask", elements, kernel.Uniform},
	{"Drop", "dst, x, u []float32, below, scale float32", "Drop sets dst = u < below ? 0 : x * scale.", "mask", elements, kernel.Drop},
	{"Choose", "dst, u, a, b []float32, below float32", "Choose sets dst = u < below ? a : b.", "mask", elements, kernel.Choose},

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
	Package, ISA, Arch string
	Lanes, Registers   int
	// File starts an assembly file whose build constraint is the given terms.
	File func(constraints ...string) File
	// Rows and Vecs are the largest register tile; all smaller ones exist too.
	// Rows*Vecs accumulators, Rows factors and one vector of B (two of them on
	// arm64) have to fit the registers.
	Rows, Vecs int
	// TileFile is the stem of the files that the tiles are spread over, with the
	// rows and vectors of the tile as its arguments.
	TileFile string
	// Requires lists what the tier promises, in avo's names.
	Requires []string
}

// A File is an assembly file in the making.
type File interface {
	Function(name, signature string, emit func(vec.Machine))
	// Bytes prints the file. generator is what the header says it was generated by.
	Bytes(generator string) ([]byte, error)
}

func amd64File(t avox.Target) func(...string) File {
	return func(constraints ...string) File { return avox.NewFile(t, constraints...) }
}

func arm64File(constraints ...string) File { return neon.NewFile(constraints...) }

// Targets is the list of instruction sets.
var Targets = []Target{
	{"avx2", "AVX2", "amd64", avox.AVX2.Lanes, avox.AVX2.Registers, amd64File(avox.AVX2), 3, 4, "tile%[1]d",
		[]string{"AVX", "AVX2", "FMA3"}},
	{"avx512", "AVX512", "amd64", avox.AVX512.Lanes, avox.AVX512.Registers, amd64File(avox.AVX512), 6, 4, "tile%[1]d",
		[]string{"AVX", "AVX2", "FMA3", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"}},
	{"neon", "NEON", "arm64", neon.Lanes, neon.Registers, arm64File, 6, 4, "tile%[1]dx%[2]d", nil},
}

// tileArgs is the parameter list of a register tile; tilePackage generates the
// struct.
const (
	tileArgs    = "t *tile.Args"
	tilePackage = "kernels/internal/tile"
)

// Kernels is all that a target's package holds.
func (t Target) Kernels() []Kernel {
	list := append(Catalog[:len(Catalog):len(Catalog)], peakKernel)
	for rows := 1; rows <= t.Rows; rows++ {
		for vecs := 1; vecs <= t.Vecs; vecs++ {
			list = append(list, Kernel{
				Name: fmt.Sprintf("Tile%dx%d", rows, vecs),
				Args: tileArgs,
				File: fmt.Sprintf(t.TileFile, rows, vecs),
				Doc:  fmt.Sprintf("Tile%dx%d is the register tile of %d rows and %d vectors of columns.", rows, vecs, rows, vecs),
				Emit: kernel.Tile{Rows: rows, Vecs: vecs, Epilogue: kernel.Store}.Emit,
			})
		}
	}
	return list
}
