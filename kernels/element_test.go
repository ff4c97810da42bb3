package kernels_test

import (
	"fmt"
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
	// run calls the kernel on a tier, ref the reference. A kernel whose operands are
	// matrices has mats in place of run, and a reference for one row.
	run  func(t kernels.ISA, s [][]float32, a []float32)
	mats func(t kernels.ISA, rows, units int, m []kernels.Mat)
	ref  func(s [][]float32, a []float32)
}

// call calls the kernel on a tier, with one row.
func (e *element) call(t kernels.ISA, s [][]float32, a []float32) { e.bind(t, s, a)() }

// bind is call with its arguments.
func (e *element) bind(t kernels.ISA, s [][]float32, a []float32) func() {
	if e.mats == nil {
		return func() { e.run(t, s, a) }
	}
	m := make([]kernels.Mat, len(s))
	for i, x := range s {
		m[i] = kernels.Mat{Data: x, Stride: len(x)}
	}
	return func() { e.mats(t, 1, len(s[0]), m) }
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
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.LSTMGates(rows, units, m[0], m[1], m[2], m[3], m[4], m[5], m[6])
		},
		ref: func(s [][]float32, a []float32) { ref.LSTMGates(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "LSTMGatesGrad", slots: "uuuuurrrr", same: [][]int{{5, 6}, {7, 8}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.LSTMGatesGrad(rows, units, m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8])
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
	{name: "GELU", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GELU(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.GELU(s[0], s[1]) }},
	{name: "GELUGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GELUGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.GELUGrad(s[0], s[1], s[2]) }},
	{name: "GELUTanh", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GELUTanh(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.GELUTanh(s[0], s[1]) }},
	{name: "GELUTanhGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.GELUTanhGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.GELUTanhGrad(s[0], s[1], s[2]) }},
	{name: "Softplus", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Softplus(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Softplus(s[0], s[1]) }},
	{name: "SoftplusGrad", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.SoftplusGrad(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.SoftplusGrad(s[0], s[1], s[2]) }},
	{name: "RNNTanh", slots: "wr", same: [][]int{{0, 1}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNTanh(rows, units, m[0], m[1])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNTanh(s[0], s[1]) }},
	{name: "RNNTanhGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNTanhGrad(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNTanhGrad(s[0], s[1], s[2], s[3]) }},
	{name: "RNNReLU", slots: "wr", same: [][]int{{0, 1}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNReLU(rows, units, m[0], m[1])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNReLU(s[0], s[1]) }},
	{name: "RNNReLUGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNReLUGrad(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNReLUGrad(s[0], s[1], s[2], s[3]) }},
	{name: "RNNSigmoid", slots: "wr", same: [][]int{{0, 1}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNSigmoid(rows, units, m[0], m[1])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNSigmoid(s[0], s[1]) }},
	{name: "RNNSigmoidGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.RNNSigmoidGrad(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.RNNSigmoidGrad(s[0], s[1], s[2], s[3]) }},
	{name: "GRUGates", slots: "uuurwr", same: [][]int{{4, 5}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUGates(rows, units, m[0], m[1], m[2], m[3], m[4], m[5])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGates(s[0], s[1], s[2], s[3], s[4], s[5]) }},
	{name: "GRUGatesGrad", slots: "uuuuurr", same: [][]int{{5, 6}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUGatesGrad(rows, units, m[0], m[1], m[2], m[3], m[4], m[5], m[6])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "GRUGatesTextbook", slots: "uuurwr", same: [][]int{{4, 5}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUGatesTextbook(rows, units, m[0], m[1], m[2], m[3], m[4], m[5])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesTextbook(s[0], s[1], s[2], s[3], s[4], s[5]) }},
	{name: "GRUGatesTextbookGrad", slots: "uuuuurr", same: [][]int{{5, 6}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUGatesTextbookGrad(rows, units, m[0], m[1], m[2], m[3], m[4], m[5], m[6])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUGatesTextbookGrad(s[0], s[1], s[2], s[3], s[4], s[5], s[6]) }},
	{name: "GRUReset", slots: "uwr",
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUReset(rows, units, m[0], m[1], m[2])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUReset(s[0], s[1], s[2]) }},
	{name: "GRUResetGrad", slots: "uurr", same: [][]int{{2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUResetGrad(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUResetGrad(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdate", slots: "uuwr", same: [][]int{{2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUUpdate(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUUpdate(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdateGrad", slots: "uuurr", same: [][]int{{3, 4}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUUpdateGrad(rows, units, m[0], m[1], m[2], m[3], m[4])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateGrad(s[0], s[1], s[2], s[3], s[4]) }},
	{name: "GRUUpdateTextbook", slots: "uuwr", same: [][]int{{2, 3}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUUpdateTextbook(rows, units, m[0], m[1], m[2], m[3])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateTextbook(s[0], s[1], s[2], s[3]) }},
	{name: "GRUUpdateTextbookGrad", slots: "uuurr", same: [][]int{{3, 4}},
		mats: func(t kernels.ISA, rows, units int, m []kernels.Mat) {
			t.GRUUpdateTextbookGrad(rows, units, m[0], m[1], m[2], m[3], m[4])
		},
		ref: func(s [][]float32, a []float32) { ref.GRUUpdateTextbookGrad(s[0], s[1], s[2], s[3], s[4]) }},
	{name: "CopyFlush", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.CopyFlush(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.CopyFlush(s[0], s[1]) }},
	{name: "Sub", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Sub(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.Sub(s[0], s[1], s[2]) }},
	{name: "Sign", slots: "wr", same: [][]int{{0, 1}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.Sign(s[0], s[1]) },
		ref: func(s [][]float32, a []float32) { ref.Sign(s[0], s[1]) }},
	{name: "BCE", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}, {0, 1, 2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.BCE(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.BCE(s[0], s[1], s[2], s[3]) }},
	{name: "BCEGrad", slots: "wrrr", same: [][]int{{0, 1}, {0, 2}, {0, 3}, {2, 3}, {0, 1, 2, 3}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.BCEGrad(s[0], s[1], s[2], s[3]) },
		ref: func(s [][]float32, a []float32) { ref.BCEGrad(s[0], s[1], s[2], s[3]) }},
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
	{name: "BoxMuller", slots: "wrr", same: [][]int{{0, 1}, {0, 2}, {1, 2}, {0, 1, 2}},
		run: func(t kernels.ISA, s [][]float32, a []float32) { t.BoxMuller(s[0], s[1], s[2]) },
		ref: func(s [][]float32, a []float32) { ref.BoxMuller(s[0], s[1], s[2]) }},
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
	{name: "AMSGrad", slots: "uruuu", fixed: []float32{0.9, 0.1, 0.999, 0.001, 0.01, 0.3, 1e-8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.AMSGrad(s[0], s[1], s[2], s[3], s[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
		},
		ref: func(s [][]float32, a []float32) {
			ref.AMSGrad(s[0], s[1], s[2], s[3], s[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
		}},
	{name: "RMSProp", slots: "uru", fixed: []float32{0.9, 0.1, 0.01, 1e-8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.RMSProp(s[0], s[1], s[2], a[0], a[1], a[2], a[3], a[4], a[5])
		},
		ref: func(s [][]float32, a []float32) {
			ref.RMSProp(s[0], s[1], s[2], a[0], a[1], a[2], a[3], a[4], a[5])
		}},
	{name: "RMSPropMomentum", slots: "uruu", fixed: []float32{0.9, 0.1, 0.01, 1e-8, 0.8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.RMSPropMomentum(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		},
		ref: func(s [][]float32, a []float32) {
			ref.RMSPropMomentum(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		}},
	{name: "RMSPropCentred", slots: "uruu", fixed: []float32{0.9, 0.1, 0.09, 0.01, 1e-8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.RMSPropCentred(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		},
		ref: func(s [][]float32, a []float32) {
			ref.RMSPropCentred(s[0], s[1], s[2], s[3], a[0], a[1], a[2], a[3], a[4], a[5], a[6])
		}},
	{name: "RMSPropCentredMomentum", slots: "uruuu", fixed: []float32{0.9, 0.1, 0.09, 0.01, 1e-8, 0.8, 0.02, 0.99},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.RMSPropCentredMomentum(s[0], s[1], s[2], s[3], s[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
		},
		ref: func(s [][]float32, a []float32) {
			ref.RMSPropCentredMomentum(s[0], s[1], s[2], s[3], s[4], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
		}},
	{name: "ASGD", slots: "uru", fixed: []float32{0.1, 0.02, 0.99, 0.25, 0.75},
		run: func(t kernels.ISA, s [][]float32, a []float32) {
			t.ASGD(s[0], s[1], s[2], a[0], a[1], a[2], a[3], a[4])
		},
		ref: func(s [][]float32, a []float32) {
			ref.ASGD(s[0], s[1], s[2], a[0], a[1], a[2], a[3], a[4])
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
