package kernels_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// An element is one element kernel or reduction as the tests see it.
type element struct {
	name string
	// slots has a letter per slice argument: r read, w set, u read and set, L the
	// 64 lanes of a reduction, which are read and set.
	slots string
	// same lists the slots that may be one slice.
	same [][]int
	// fixed is an ordinary choice of the scalar arguments.
	fixed []float32
	// positive marks scalars that must be above 0.
	positive bool
	// run calls the kernel on a tier, ref the reference.
	run func(t kernels.ISA, s [][]float32, a []float32)
	ref func(s [][]float32, a []float32)
}

// elements lists every element kernel of the package; TestEveryKernelIsListed
// holds it against the method set of ISA.
var elements = []element{
	{name: "Exp", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Exp(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Exp(s[0], s[1]) }},
	{name: "Sigmoid", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Sigmoid(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Sigmoid(s[0], s[1]) }},
	{name: "Tanh", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Tanh(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Tanh(s[0], s[1]) }},
	{name: "SigmoidGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SigmoidGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.SigmoidGrad(s[0], s[1], s[2]) }},
	{name: "TanhGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.TanhGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.TanhGrad(s[0], s[1], s[2]) }},
	{name: "LSTMGates", slots: "uuuuwwr", same: [][]int{{4, 6}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.LSTMGates(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) },
		ref: func(s [][]float32, a []float32) { ref.LSTMGates(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "LSTMGatesGrad", slots: "uuuuurrrr", same: [][]int{{5, 6}, {7, 8}},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.LSTMGatesGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8])
		},
		ref: func(s [][]float32, a []float32) {
			ref.LSTMGatesGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8])
		}},
	{name: "ReLU", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ReLU(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.ReLU(s[0], s[1]) }},
	{name: "ReLUGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ReLUGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.ReLUGrad(s[0], s[1], s[2]) }},
	{name: "Affine", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{1.5, -0.25},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Affine(s[0], s[1], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.Affine(s[0], s[1], a[0], a[1]) }},
	{name: "LeakyReLU", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{0.1},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.LeakyReLU(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.LeakyReLU(s[0], s[1], a[0]) }},
	{name: "LeakyReLUGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}}, fixed: []float32{0.1},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.LeakyReLUGrad(s[0], s[1], s[2], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.LeakyReLUGrad(s[0], s[1], s[2], a[0]) }},
	{name: "ThresholdedReLU", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{0.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ThresholdedReLU(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ThresholdedReLU(s[0], s[1], a[0]) }},
	{name: "ThresholdedReLUGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}}, fixed: []float32{0.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ThresholdedReLUGrad(s[0], s[1], s[2], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ThresholdedReLUGrad(s[0], s[1], s[2], a[0]) }},
	{name: "ScaledTanh", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{1.7, 0.6},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ScaledTanh(s[0], s[1], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.ScaledTanh(s[0], s[1], a[0], a[1]) }},
	{name: "ScaledTanhGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}}, fixed: []float32{1.7, 0.6},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ScaledTanhGrad(s[0], s[1], s[2], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.ScaledTanhGrad(s[0], s[1], s[2], a[0], a[1]) }},
	{name: "HardSigmoid", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{0.2, 0.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.HardSigmoid(s[0], s[1], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.HardSigmoid(s[0], s[1], a[0], a[1]) }},
	{name: "HardSigmoidGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}}, fixed: []float32{0.2, 0.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.HardSigmoidGrad(s[0], s[1], s[2], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.HardSigmoidGrad(s[0], s[1], s[2], a[0], a[1]) }},
	{name: "ELU", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{1.3},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ELU(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ELU(s[0], s[1], a[0]) }},
	{name: "ELUGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}}, fixed: []float32{1.3},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ELUGrad(s[0], s[1], s[2], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ELUGrad(s[0], s[1], s[2], a[0]) }},
	{name: "Softsign", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Softsign(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Softsign(s[0], s[1]) }},
	{name: "SoftsignGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SoftsignGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.SoftsignGrad(s[0], s[1], s[2]) }},
	{name: "Softplus", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Softplus(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Softplus(s[0], s[1]) }},
	{name: "SoftplusGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SoftplusGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.SoftplusGrad(s[0], s[1], s[2]) }},
	{name: "RNNTanh", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNTanh(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.RNNTanh(s[0], s[1]) }},
	{name: "RNNTanhGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNTanhGrad(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.RNNTanhGrad(s[0], s[1], s[2], s[3]) }},
	{name: "RNNReLU", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNReLU(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.RNNReLU(s[0], s[1]) }},
	{name: "RNNReLUGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNReLUGrad(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.RNNReLUGrad(s[0], s[1], s[2], s[3]) }},
	{name: "RNNSigmoid", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNSigmoid(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.RNNSigmoid(s[0], s[1]) }},
	{name: "RNNSigmoidGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.RNNSigmoidGrad(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.RNNSigmoidGrad(s[0], s[1], s[2], s[3]) }},
	{name: "GRUGates", slots: "uuurwr", same: [][]int{{4, 5}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUGates(s[0], s[1], s[2], s[3], s[4], s[5]) },
		ref: func(s [][]float32, a []float32) { ref.GRUGates(s[0], s[1], s[2], s[3], s[4], s[5]) }},
	{name: "GRUGatesGrad", slots: "uuuuurr", same: [][]int{{5, 6}},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.GRUGatesGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "GRUGatesTextbook", slots: "uuurwr", same: [][]int{{4, 5}},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.GRUGatesTextbook(s[0], s[1], s[2], s[3], s[4], s[5])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesTextbook(s[0], s[1], s[2], s[3], s[4], s[5]) }},
	{name: "GRUGatesTextbookGrad", slots: "uuuuurr", same: [][]int{{5, 6}},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.GRUGatesTextbookGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesTextbookGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "GRUReset", slots: "uwr",
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUReset(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.GRUReset(s[0], s[1], s[2]) }},
	{name: "GRUResetGrad", slots: "uurr", same: [][]int{{2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUResetGrad(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.GRUResetGrad(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdate", slots: "uuwr", same: [][]int{{2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUUpdate(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.GRUUpdate(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdateGrad", slots: "uuurr", same: [][]int{{3, 4}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUUpdateGrad(s[0], s[1], s[2], s[3], s[4]) },
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateGrad(s[0], s[1], s[2], s[3], s[4]) }},
	{name: "GRUUpdateTextbook", slots: "uuwr", same: [][]int{{2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUUpdateTextbook(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateTextbook(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdateTextbookGrad", slots: "uuurr", same: [][]int{{3, 4}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GRUUpdateTextbookGrad(s[0], s[1], s[2], s[3], s[4]) },
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateTextbookGrad(s[0], s[1], s[2], s[3], s[4]) }},
	{name: "AddFlush", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.AddFlush(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.AddFlush(s[0], s[1], s[2]) }},
	{name: "MaxLanes", slots: "Lr",
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.MaxLanes(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.MaxLanes(s[0], s[1]) }},
	{name: "SumLanes", slots: "Lr",
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SumLanes(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.SumLanes(s[0], s[1]) }},
	{name: "DotLanes", slots: "Lrr", same: [][]int{{1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.DotLanes(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.DotLanes(s[0], s[1], s[2]) }},
	{name: "ExpSumLanes", slots: "Lwr", same: [][]int{{1, 2}}, fixed: []float32{3.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ExpSumLanes(s[0], s[1], s[2], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ExpSumLanes(s[0], s[1], s[2], a[0]) }},
	{name: "Add", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Add(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.Add(s[0], s[1], s[2]) }},
	{name: "Mul", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Mul(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.Mul(s[0], s[1], s[2]) }},
	{name: "MulFlush", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.MulFlush(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.MulFlush(s[0], s[1], s[2]) }},
	{name: "MulAdd", slots: "urr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.MulAdd(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.MulAdd(s[0], s[1], s[2]) }},
	{name: "Axpy", slots: "ur", same: [][]int{{0, 1}}, fixed: []float32{-0.7},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Axpy(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.Axpy(s[0], s[1], a[0]) }},
	{name: "Scale", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{1.1},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Scale(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.Scale(s[0], s[1], a[0]) }},
	{name: "ScaleFlush", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{0x1p-99},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ScaleFlush(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ScaleFlush(s[0], s[1], a[0]) }},
	{name: "Div", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{7},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Div(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.Div(s[0], s[1], a[0]) }},
	{name: "Clip", slots: "wr", same: [][]int{{0, 1}}, fixed: []float32{1.5}, positive: true,
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Clip(s[0], s[1], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.Clip(s[0], s[1], a[0]) }},
	{name: "ClipGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}, fixed: []float32{1.5}, positive: true,
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.ClipGrad(s[0], s[1], s[2], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.ClipGrad(s[0], s[1], s[2], a[0]) }},
	{name: "Drop", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}, fixed: []float32{0.5, 1.25},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Drop(s[0], s[1], s[2], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.Drop(s[0], s[1], s[2], a[0], a[1]) }},
	{name: "Choose", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}, {0, 1, 2, 3}}, fixed: []float32{0.5},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Choose(s[0], s[1], s[2], s[3], a[0]) },
		ref: func(s [][]float32, a []float32) { ref.Choose(s[0], s[1], s[2], s[3], a[0]) }},
	{name: "SGD", slots: "ur", fixed: []float32{0.1, 0.01},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SGD(s[0], s[1], a[0], a[1]) },
		ref: func(s [][]float32, a []float32) { ref.SGD(s[0], s[1], a[0], a[1]) }},
	{name: "SGDMomentum", slots: "uru", fixed: []float32{0.1, 0.9, 0.8, 0.01},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.SGDMomentum(s[0], s[1], s[2], a[0], a[1], a[2], a[3])
		},
		ref: func(s [][]float32, a []float32) { ref.SGDMomentum(s[0], s[1], s[2], a[0], a[1], a[2], a[3]) }},
	{name: "SGDNesterov", slots: "uru", fixed: []float32{0.1, 0.9, 0.01},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SGDNesterov(s[0], s[1], s[2], a[0], a[1], a[2]) },
		ref: func(s [][]float32, a []float32) { ref.SGDNesterov(s[0], s[1], s[2], a[0], a[1], a[2]) }},
	{name: "Adam", slots: "uruu", fixed: []float32{0.9, 0.1, 0.999, 0.001, 0.01, 0.3, 1e-8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.Adam(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
		},
		ref: func(s [][]float32, a []float32) {
			ref.Adam(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
		}},
}

// length of a slot when the kernel works on n elements.
func (e *element) length(slot, n int) int {
	if e.slots[slot] == 'L' {
		return ref.Lanes
	}
	return n
}

// inputs draws the slices and scalars of a call.
func (e *element) inputs(r source, n, mode int) (s [][]float32, a []float32) {
	for i := range e.slots {
		s = append(s, r.values(e.length(i, n), mode))
	}
	a = append(a, e.fixed...)
	if mode == wild {
		for i := range a {
			if a[i] = r.value(wild); e.positive && !(a[i] > 0) {
				a[i] = e.fixed[i]
			}
		}
	}
	return s, a
}

// compare holds every slice of a call against what the reference made of it.
func (e *element) compare(t *testing.T, got, want [][]float32, format string, args ...any) bool {
	t.Helper()
	ok := true
	for i := range got {
		ok = numtest.Equal(t, got[i], want[i], "%s, argument %d, %s", e.name, i, fmt.Sprintf(format, args...)) && ok
	}
	return ok
}

// maxSize is four of the widest vectors and three elements.
const maxSize = 4*16 + 3

// Every length up to four vectors and three, flush against pages that fault on
// either side, inputs on pages that cannot be written.
func TestElementKernelsBetweenGuardPages(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		for _, e := range elements {
			r := newSource(1)
			for n := 0; n <= maxSize; n++ {
				for mode := range modes {
					for _, at := range numtest.Layouts {
						s, a := e.inputs(r, n, mode)
						want := clone(s)
						e.ref(want, a)
						got := make([][]float32, len(s))
						for i := range s {
							if e.slots[i] == 'r' {
								got[i] = numtest.In(g, at, s[i])
							} else {
								got[i] = numtest.Out(g, at, s[i])
							}
						}
						if !numtest.Faults(t, func() { e.run(isa, got, a) }, "%s n=%d %v", e.name, n, at) ||
							!e.compare(t, got, want, "n=%d %v scalars=%v", n, at, a) {
							return
						}
						g.Reset("%s n=%d %v", e.name, n, at)
					}
				}
			}
		}
	})
}

// Every offset of an element from a 64-byte line, the same for all arguments and
// a different one for each, with values around the slice that must survive.
func TestElementKernelsAtEveryOffset(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(2)
			var room, before [][]float32
			for range e.slots {
				room = append(room, line(ref.Lanes+maxSize+64))
				before = append(before, make([]float32, ref.Lanes+maxSize+64))
			}
			for n := 0; n <= maxSize; n++ {
				for off := range 16 {
					s, a := e.inputs(r, n, (n+off)%modes)
					want := clone(s)
					e.ref(want, a)
					got := make([][]float32, len(s))
					for i := range s {
						o := 16 + off
						if n%2 == 1 {
							o = 16 + (off+5*i)%16
						}
						for j := range room[i] {
							room[i][j] = float32(j)
						}
						copy(room[i][o:], s[i])
						copy(before[i], room[i])
						copy(before[i][o:], want[i])
						got[i] = room[i][o : o+len(s[i])] // capacity beyond the length
					}
					e.run(isa, got, a)
					for i := range room {
						if !numtest.Equal(t, room[i], before[i], "%s, argument %d and around it, n=%d offset=%d", e.name, i, n, off) {
							return
						}
					}
				}
			}
		}
	})
}

// line returns n floats that begin on a 64-byte line.
func line(n int) []float32 {
	s := make([]float32, n+16)
	for i := range 16 {
		if addr(s[i:])%64 == 0 {
			return s[i : i+n]
		}
	}
	return s[:n]
}

func TestElementKernelsInPlace(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(3)
			for _, same := range e.same {
				for n := 0; n <= maxSize; n++ {
					s, a := e.inputs(r, n, n%modes)
					join := func(s [][]float32) {
						for _, i := range same {
							s[i] = s[same[0]]
						}
					}
					got, want := clone(s), clone(s)
					join(got)
					join(want)
					e.ref(want, a)
					e.run(isa, got, a)
					if !e.compare(t, got, want, "n=%d, arguments %v are one slice", n, same) {
						return
					}
				}
			}
		}
	})
}

// Lengths around the pieces that a long call is cut into.
func TestElementKernelsAcrossChunks(t *testing.T) {
	const chunk = 16384
	sizes := []int{1000, 4095, 4096, 4097, chunk - 1, chunk, chunk + 1, chunk + 64, 2*chunk - 1, 2*chunk + 67}
	if testing.Short() {
		sizes = []int{1000, chunk - 1, chunk + 1}
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(4)
			for _, n := range sizes {
				s, a := e.inputs(r, n, moderate)
				got, want := clone(s), clone(s)
				e.ref(want, a)
				e.run(isa, got, a)
				e.compare(t, got, want, "n=%d", n)
			}
		}
	})
}

// All specials meet all specials, in every lane of a vector.
func TestElementKernelsOnPairsOfSpecials(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(5)
			n := len(specials) * len(specials)
			for turn := range 3 {
				s, a := e.inputs(r, n, wild)
				if turn == 0 {
					copy(a, e.fixed)
				}
				for i, k := range []int{0, 1, 2} {
					for j := range n {
						if i < len(s) && len(s[(turn+i)%len(s)]) == n {
							s[(turn+i)%len(s)][j] = specials[[3]int{j / len(specials), j % len(specials), (j * 7) % len(specials)}[k]]
						}
					}
				}
				got, want := clone(s), clone(s)
				e.ref(want, a)
				e.run(isa, got, a)
				e.compare(t, got, want, "pairs of specials, scalars %v", a)
			}
		}
	})
}

// SumSquaresLanes has float64 lanes and so a test of its own.
func TestSumSquaresLanes(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(6)
		sizes := []int{4095, 4096, 16383, 16384, 16385, 2*16384 + 67}
		for n := 0; n <= 2*maxSize; n++ {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			for mode := range modes {
				for _, at := range numtest.Layouts {
					x := r.values(n, mode)
					lanes := make([]float64, ref.Lanes64)
					for i := range lanes {
						lanes[i] = r.NormFloat64()
					}
					want := append([]float64(nil), lanes...)
					ref.SumSquaresLanes(want, x)
					in, out := numtest.In(g, at, x), numtest.Out(g, at, lanes)
					numtest.Faults(t, func() { isa.SumSquaresLanes(out, in) }, "n=%d %v", n, at)
					if !numtest.Equal64(t, out, want, "n=%d %v mode=%d", n, at, mode) {
						return
					}
					g.Reset("n=%d %v", n, at)
				}
			}
		}
	})
}

// The whole reductions, written here a second time from rule 7 of the contract.
func TestReductions(t *testing.T) {
	tree := func(l []float32) float32 {
		for n := len(l) / 2; n > 0; n /= 2 {
			for i := range n {
				l[i] = l[i] + l[i+n]
			}
		}
		return l[0]
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(7)
		for _, n := range []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 4096, 4097, 9000, 20000} {
			for mode := range modes {
				x, y := r.values(n, mode), r.values(n, mode)
				dot, sum := make([]float32, 64), make([]float32, 64)
				largest := float32(math.Inf(-1))
				var squares float64
				for b := 0; b < n; b += 4096 {
					l := make([]float64, 32)
					for i, v := range x[b:min(b+4096, n)] {
						l[i%32] += float64(v) * float64(v)
					}
					for k := 16; k > 0; k /= 2 {
						for i := range k {
							l[i] += l[i+k]
						}
					}
					squares += l[0]
				}
				for i := range n {
					dot[i%64] = ref.FMA(x[i], y[i], dot[i%64])
					sum[i%64] += x[i]
					if x[i] > largest {
						largest = x[i]
					}
				}
				numtest.Equal(t, []float32{isa.Dot(x, y), isa.Sum(x), isa.Max(x)}, []float32{tree(dot), tree(sum), largest}, "dot, sum, max of %d, mode %d", n, mode)
				numtest.Equal64(t, []float64{isa.SumSquares(x)}, []float64{squares}, "sum of squares of %d, mode %d", n, mode)

				p, in := make([]float32, n), append([]float32(nil), x...)
				gotMax, gotSum := isa.Softmax(p, x)
				lanes := make([]float32, 64)
				for i, v := range x {
					e := ref.Exp1(v - largest)
					lanes[i%64] += e
					in[i] = e
				}
				total := tree(lanes)
				for i := range in {
					in[i] /= total
				}
				numtest.Equal(t, []float32{gotMax, gotSum}, []float32{largest, total}, "maximum and sum of a softmax of %d, mode %d", n, mode)
				numtest.Equal(t, p, in, "softmax of %d, mode %d", n, mode)
				isa.Softmax(x, x)
				numtest.Equal(t, x, in, "softmax in place of %d, mode %d", n, mode)
			}
		}
	})
}

// A wrong length panics before anything is written and names both lengths.
func TestElementKernelsRefuseWrongLengths(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(8)
			for slot := range e.slots {
				if e.slots[slot] != 'L' && strings.Count(e.slots, "L") == len(e.slots)-1 {
					continue // the only slice that has a say in the length
				}
				for _, delta := range []int{-1, 1} {
					s, a := e.inputs(r, 37, moderate)
					have := len(s[slot]) + delta
					s[slot] = r.values(have, moderate)
					before := clone(s)
					message := panics(func() { e.run(isa, s, a) })
					other := e.length(slot, 37)
					if !strings.Contains(message, fmt.Sprint(have)) || !strings.Contains(message, fmt.Sprint(other)) || !strings.Contains(message, e.name) {
						t.Errorf("%s with argument %d of length %d: %q, want a panic naming %d and %d", e.name, slot, have, message, have, other)
					}
					e.compare(t, s, before, "argument %d of length %d: written before the panic", slot, have)
				}
			}
		}
		lanes := make([]float64, 31)
		if m := panics(func() { isa.SumSquaresLanes(lanes, nil) }); !strings.Contains(m, "31") || !strings.Contains(m, "32") {
			t.Errorf("SumSquaresLanes: %q", m)
		}
		for _, limit := range []float32{0, -1, float32(math.NaN())} {
			if panics(func() { isa.Clip(nil, nil, limit) }) == "" {
				t.Errorf("Clip accepts the limit %v", limit)
			}
			if panics(func() { isa.ClipGrad(nil, nil, nil, limit) }) == "" {
				t.Errorf("ClipGrad accepts the limit %v", limit)
			}
		}
	})
}

// panics returns the message f panics with, empty if it does not.
func panics(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestElementKernelsAllocateNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			s, a := e.inputs(newSource(9), 200, moderate)
			if n := testing.AllocsPerRun(10, func() { e.run(isa, s, a) }); n != 0 {
				t.Errorf("%s allocates %v times", e.name, n)
			}
		}
		x, y := make([]float32, 5000), make([]float32, 5000)
		if n := testing.AllocsPerRun(10, func() {
			_, _, _, _ = isa.Dot(x, y), isa.Sum(x), isa.Max(x), isa.SumSquares(x)
			isa.Softmax(x, y)
			isa.NormalizeGrad(x, y, x, isa.Normalize(y, x, 1e-5))
		}); n != 0 {
			t.Errorf("the reductions allocate %v times", n)
		}
	})
}

// Small arrays of a caller stay on its stack: the calls do not let them escape.
func TestArgumentsDoNotEscape(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		if n := testing.AllocsPerRun(10, func() {
			var x, y [16]float32
			isa.Tanh(y[:], x[:])
			isa.Axpy(y[:], x[:], 2)
			isa.GemmRows(kernels.Set, 0, 0, x[:], 1, nil, y[:], 1, nil, nil, 0, nil)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
