package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	s := make([]float32, n)
	for i := range s {
		s[i] = r.Float32() - 0.5
	}
	return s
}

func vectorTiers() []kernels.ISA { return kernels.Available()[1:] }

// BenchmarkGemm multiplies unpacked matrices, packing included.
func BenchmarkGemm(b *testing.B) {
	for _, isa := range vectorTiers() {
		for _, op := range []struct {
			name   string
			ta, tb bool
		}{{"NN", false, false}, {"NT", false, true}, {"TN", true, false}} {
			for _, s := range [][3]int{{512, 512, 512}, {2048, 256, 1024}, {4, 1024, 256}} {
				m, n, k := s[0], s[1], s[2]
				b.Run(fmt.Sprintf("isa=%s/op=%s/m=%d/n=%d/k=%d", isa, op.name, m, n, k), func(b *testing.B) {
					a, w, c := random(m*k), random(k*n), random(m*n)
					work := make([]float32, isa.GemmWork(op.ta, op.tb, m, n, k))
					lda, ldb := k, n
					if op.ta {
						lda = m
					}
					if op.tb {
						ldb = k
					}
					numtest.PercentOfPeak(b, isa, 2*float64(m)*float64(n)*float64(k), func() {
						isa.Gemm(kernels.Set, op.ta, op.tb, m, n, k, a, lda, w, ldb, c, n, work)
					})
				})
			}
		}
	}
}

// BenchmarkPacked multiplies by a matrix packed beforehand, as each step of a
// recurrent layer does.
func BenchmarkPacked(b *testing.B) {
	for _, isa := range vectorTiers() {
		for _, s := range [][3]int{{32, 2048, 512}, {32, 1024, 256}, {16, 1024, 256}, {8, 1024, 256}, {4, 1024, 256}, {2, 1024, 256}, {1, 1024, 256}, {1, 4096, 1024}, {32, 256, 1024}} {
			m, n, k := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("isa=%s/m=%d/n=%d/k=%d", isa, m, n, k), func(b *testing.B) {
				a, c := random(m*k), random(m*n)
				p := isa.NewPacked(k, n)
				p.Pack(false, random(k*n), n)
				numtest.PercentOfPeak(b, isa, 2*float64(m)*float64(n)*float64(k), func() {
					p.Gemm(kernels.Set, m, a, k, c, n)
				})
			})
		}
	}
}

// BenchmarkGemmRows is the weight gradient of chunks of 256 (t, b) pairs, packing
// included.
func BenchmarkGemmRows(b *testing.B) {
	for _, isa := range vectorTiers() {
		for _, s := range [][3]int{{1024, 256, 1}, {512, 128, 4}, {1024, 256, 4}, {2048, 512, 4}} {
			m, n, chunks := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("isa=%s/m=%d/n=%d/chunks=%d", isa, m, n, chunks), func(b *testing.B) {
				k := 256 * chunks
				rows := make([]int32, k)
				for q := range rows {
					rows[q] = int32(k - 1 - q)
				}
				a, x, h, c, d := random(m*k), random(k*n), random(k*n), random(m*n), random(m*n)
				fx, fh := isa.NewRows(n, k, chunks), isa.NewRows(n, k, chunks)
				work := make([]float32, isa.GemmRowsWork(m, k))
				numtest.PercentOfPeak(b, isa, 4*float64(m)*float64(n)*float64(k), func() {
					fx.Reset(n)
					fh.Reset(n)
					for q := 0; q < k; q += 256 {
						fx.Chunk(256)
						fh.Chunk(256)
						fx.Pack(q/256, x, n, rows[q:q+256], 0, 1)
						fh.Pack(q/256, h, n, rows[q:q+256], 0, 1)
					}
					isa.GemmRows(kernels.AddTo, m, a, m, rows, work, kernels.RowsProduct{B: fx, C: c, LDC: n}, kernels.RowsProduct{B: fh, C: d, LDC: n})
				})
			})
		}
	}
}

// BenchmarkPack lays out weights as layers hold them, for the forward pass (the
// transpose) and for the backward pass, as they are and flushed. Its yardstick is a
// copy of as many bytes.
func BenchmarkPack(b *testing.B) {
	for _, s := range [][2]int{{96, 384}, {256, 1024}, {1024, 256}, {512, 2048}, {250, 10_000}} {
		k, n := s[0], s[1]
		w, to := random(k*n), make([]float32, k*n)
		b.Run(fmt.Sprintf("copy/n=%d/k=%d", n, k), func(b *testing.B) {
			b.SetBytes(int64(4 * k * n))
			for b.Loop() {
				copy(to, w)
			}
		})
		for _, isa := range vectorTiers() {
			p := isa.NewPacked(k, n)
			for _, trans := range []bool{false, true} {
				ld := n
				if trans {
					ld = k
				}
				for _, pack := range []struct {
					name string
					do   func(bool, []float32, int)
				}{{"Pack", p.Pack}, {"PackFlush", p.PackFlush}} {
					b.Run(fmt.Sprintf("isa=%s/%s/trans=%v/n=%d/k=%d", isa, pack.name, trans, n, k), func(b *testing.B) {
						b.SetBytes(int64(4 * k * n))
						for b.Loop() {
							pack.do(trans, w, ld)
						}
					})
				}
			}
		}
	}
}

// BenchmarkElement times the element kernels on 1024 elements in the cache.
func BenchmarkElement(b *testing.B) {
	const n = 1024
	x, y, z := random(n), random(n), random(n)
	u, v := drawn(n, [4]uint32{}, [2]uint32{}), drawn(n, [4]uint32{1: 1}, [2]uint32{})
	buf := make([][]float32, 3)
	for i := range buf {
		buf[i] = random(n)
	}
	for _, isa := range kernels.Available() {
		for _, k := range []struct {
			name string
			run  func()
		}{
			{"Exp", func() { isa.Exp(y, x) }},
			{"Sigmoid", func() { isa.Sigmoid(y, x) }},
			{"Tanh", func() { isa.Tanh(y, x) }},
			{"Uniform", func() { isa.Uniform(y, [4]uint32{}, [2]uint32{}) }},
			{"BoxMuller", func() { isa.BoxMuller(y, u, v) }},
			{"Drop", func() { isa.Drop(y, x, z, 0.25, 2) }},
			{"Axpy", func() { isa.Axpy(y, x, 1e-9) }},
			{"Dot", func() { isa.Dot(x, z) }},
			{"DotRows/n=128", func() { isa.DotRows(y[:len(x)/128], kernels.Mat{Data: x, Stride: 128}, z[:128]) }},
			{"SumSquares", func() { isa.SumSquares(x) }},
			{"Softmax", func() { isa.Softmax(y, x) }},
			{"Adam", func() {
				isa.Adam(buf[0], x, buf[1], buf[2], 0.9, 0.1, 0.999, 0.001, 1e-9, 1, 1e-8, 0, 1)
			}},
		} {
			b.Run(fmt.Sprintf("op=%s/isa=%s", k.name, isa), func(b *testing.B) {
				for b.Loop() {
					k.run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
	}
}

// BenchmarkGates times the gates of one step of a batch as the cells call them: gates
// side by side in a tape, in the cache.
func BenchmarkGates(b *testing.B) {
	for _, isa := range kernels.Available() {
		for _, shape := range [][2]int{{32, 128}, {32, 256}, {16, 16}} {
			rows, units := shape[0], shape[1]
			tape := random(rows * 4 * units)
			gate := func(k int) kernels.Mat { return kernels.Mat{Data: tape[k*units:], Stride: 4 * units} }
			var s [5]kernels.Mat
			for i := range s {
				s[i] = kernels.Mat{Data: random(rows * units), Stride: units}
			}
			for _, k := range []struct {
				name string
				run  func()
			}{
				{"LSTMGates", func() { isa.LSTMGates(rows, units, gate(0), gate(1), gate(2), gate(3), s[0], s[1], s[2]) }},
				{"LSTMGatesGrad", func() {
					isa.LSTMGatesGrad(rows, units, gate(0), gate(1), gate(2), gate(3), s[0], s[1], s[2], s[3], s[4])
				}},
				{"GRUGates", func() { isa.GRUGates(rows, units, gate(0), gate(1), gate(2), gate(3), s[0], s[1]) }},
				{"GRUGatesGrad", func() {
					isa.GRUGatesGrad(rows, units, gate(0), gate(1), gate(2), gate(3), s[0], s[1], s[2])
				}},
				{"RNNTanh", func() { isa.RNNTanh(rows, units, s[0], s[1]) }},
				{"RNNTanhGrad", func() { isa.RNNTanhGrad(rows, units, s[0], s[1], s[2], s[3]) }},
			} {
				b.Run(fmt.Sprintf("op=%s/isa=%s/rows=%d/units=%d", k.name, isa, rows, units), func(b *testing.B) {
					for b.Loop() {
						k.run()
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows*units), "ns/unit")
				})
			}
		}
	}
}
