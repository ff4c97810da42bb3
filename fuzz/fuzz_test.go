package fuzz_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

func TestMain(m *testing.M) { os.Exit(numtest.Main(m)) }

// A stream turns the bytes of an input into as many floats as a target wants:
// first the bit patterns as they are, then, when they run out, the same ones
// scaled, so that a short input fills large buffers without repeating itself.
type stream struct {
	data []byte
	at   int
}

func (s *stream) next() float32 {
	if len(s.data) < 4 {
		s.at++
		return float32(s.at%7) - 3
	}
	n := len(s.data) / 4
	v := math.Float32frombits(binary.LittleEndian.Uint32(s.data[s.at%n*4:]))
	if turn := s.at / n; turn > 0 {
		v *= 1 - float32(turn%13)/9
	}
	s.at++
	return v
}

func (s *stream) floats(n int) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = s.next()
	}
	return f
}

// tame maps any value into -4..4, NaN to 0, for what should stay finite.
func tame(f []float32) []float32 {
	for i, v := range f {
		switch {
		case v != v:
			f[i] = 0
		case v > 4 || v < -4:
			f[i] = float32(math.Copysign(4, float64(v))) / (1 + float32(i%5))
		}
	}
	return f
}

// seed packs floats as an input.
func seed(f ...float32) []byte {
	var b []byte
	for _, v := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// someSeeds are inputs that every target starts from, beside the committed ones.
func someSeeds() [][]byte {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	return [][]byte{
		nil,
		seed(1, -2, 0.5, 3),
		seed(0, math.Float32frombits(1<<31), math.Float32frombits(1), -math.Float32frombits(1), 0x1p-100, 0x1p-101, 0x1p-126),
		seed(inf, -inf, nan, math.Float32frombits(0xff800001), math.MaxFloat32, -math.MaxFloat32, 1),
		seed(88.7, 88.73, 89, -87.3, -103.9, -104, 0.625, 9.25, 1e-4, -17),
		seed(1+0x1p-23, 1-0x1p-24, 0x1p-24, 0x1p-12, 1.5, -1.5),
	}
}

// each runs f on every tier and notes that it did.
func each(f func(isa kernels.ISA)) {
	for _, isa := range kernels.Available() {
		f(isa)
		numtest.Ran(isa)
	}
}

func FuzzGemm(f *testing.F) {
	for i, s := range someSeeds() {
		f.Add(uint8(i), uint8(1+i*7), uint8(3+i*13), uint8(i*5), uint8(i), s)
		f.Add(uint8(255-i), uint8(6), uint8(64+i), uint8(17), uint8(0), s)
	}
	f.Fuzz(func(t *testing.T, form, mm, nn, kk, pads uint8, data []byte) {
		m, n, k := int(mm)%20, int(nn)+int(form>>7)*45, int(kk)%70
		into := kernels.Into(form & 3)
		transA, transB := form&4 != 0, form&8 != 0
		how := form >> 4 & 3 // Gemm, Packed, bias, rows
		s := &stream{data: data}
		aRows, aCols, bRows, bCols := m, k, k, n
		if how == 1 || how == 2 {
			transA = false
		}
		if how == 2 {
			into = kernels.Set
		}
		order := kernels.Into(0)
		if how == 1 && form&64 != 0 {
			order = kernels.FromLast
		}
		if how == 3 {
			transA, transB = true, false
		}
		if transA {
			aRows, aCols = k, m
		}
		if transB {
			bRows, bCols = n, k
		}
		lda, ldb, ldc := aCols+int(pads&3), bCols+int(pads>>2&3), n+int(pads>>4&3)
		a, b, c, bias := s.floats(aRows*lda), s.floats(bRows*ldb), s.floats(m*ldc), s.floats(n)
		arows, brows := make([]int32, k), make([]int32, k)
		for q := range k { // any order, with repetitions
			arows[q], brows[q] = int32((q*7+int(pads))%k), int32((q*q+3)%k)
		}

		want := append([]float32(nil), c...)
		for i := range m {
			for j := range n {
				acc := float32(0)
				switch {
				case how == 2:
					acc = bias[j]
				case into == kernels.Continue:
					acc = c[i*ldc+j]
				}
				for q := range k {
					ra, rb := q, q
					if how == 3 {
						ra, rb = int(arows[q]), int(brows[q])
					}
					x, y := i*lda+ra, rb*ldb+j
					if transA {
						x = ra*lda + i
					}
					if transB {
						y = j*ldb + rb
					}
					acc = ref.FMA(a[x], b[y], acc)
				}
				switch into {
				case kernels.AddTo:
					acc = c[i*ldc+j] + acc
				case kernels.SetFlush:
					acc = ref.Flush(acc)
				}
				want[i*ldc+j] = acc
			}
		}
		each(func(isa kernels.ISA) {
			got := append([]float32(nil), c...)
			switch how {
			case 0:
				isa.Gemm(into, transA, transB, m, n, k, a, lda, b, ldb, got, ldc, nil)
			case 3:
				p := isa.NewRows(n, k, 1)
				p.Chunk(k)
				p.Pack(0, b, ldb, brows, 0, 1)
				isa.GemmRows(into, m, a, lda, arows, nil, kernels.RowsProduct{B: p, C: got, LDC: ldc})
			default:
				p := isa.NewPacked(k, n)
				p.Pack(transB, b, ldb)
				if how == 2 {
					p.GemmBias(m, a, lda, bias, got, ldc)
				} else {
					p.Gemm(into|order, m, a, lda, got, ldc)
				}
				from := bias
				if how == 1 {
					from = nil
				}
				for _, order := range []kernels.Into{0, kernels.FromLast} {
					c := append([]float32(nil), c...)
					p.Bind(into, m, a, lda, from, c, ldc).Gemm(order)
					numtest.Equal(t, c, want, "%v bound, how=%d into=%d order=%d transB=%v m=%d n=%d k=%d", isa, how, into, order, transB, m, n, k)
				}
			}
			numtest.Equal(t, got, want, "%v how=%d into=%d transA=%v transB=%v m=%d n=%d k=%d", isa, how, into, transA, transB, m, n, k)
		})
	})
}

func FuzzActivations(f *testing.F) {
	for i, s := range someSeeds() {
		f.Add(uint8(i*11), s)
		f.Add(uint8(64+i), s)
	}
	f.Fuzz(func(t *testing.T, size uint8, data []byte) {
		s := &stream{data: data}
		x, dy := s.floats(int(size)), s.floats(int(size))
		want := make([]float32, len(x))
		run := func(name string, reference func(dst []float32), kernel func(isa kernels.ISA, dst []float32)) {
			reference(want)
			each(func(isa kernels.ISA) {
				got := append([]float32(nil), x...)
				kernel(isa, got)
				numtest.Equal(t, got, want, "%s on %v", name, isa)
			})
		}
		run("exp", func(d []float32) { ref.Exp(d, x) }, func(isa kernels.ISA, d []float32) { isa.Exp(d, x) })
		run("sigmoid", func(d []float32) { ref.Sigmoid(d, x) }, func(isa kernels.ISA, d []float32) { isa.Sigmoid(d, x) })
		run("tanh", func(d []float32) { ref.Tanh(d, x) }, func(isa kernels.ISA, d []float32) { isa.Tanh(d, d) })
		run("sigmoid gradient", func(d []float32) { ref.SigmoidGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.SigmoidGrad(d, d, dy) })
		run("tanh gradient", func(d []float32) { ref.TanhGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.TanhGrad(d, x, dy) })
		alpha, beta := s.next(), s.next()
		run("ReLU", func(d []float32) { ref.ReLU(d, x) }, func(isa kernels.ISA, d []float32) { isa.ReLU(d, x) })
		run("ReLUGrad", func(d []float32) { ref.ReLUGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.ReLUGrad(d, x, dy) })
		run("Affine", func(d []float32) { ref.Affine(d, x, alpha, beta) }, func(isa kernels.ISA, d []float32) { isa.Affine(d, x, alpha, beta) })
		run("LeakyReLU", func(d []float32) { ref.LeakyReLU(d, x, alpha) }, func(isa kernels.ISA, d []float32) { isa.LeakyReLU(d, x, alpha) })
		run("LeakyReLUGrad", func(d []float32) { ref.LeakyReLUGrad(d, x, dy, alpha) }, func(isa kernels.ISA, d []float32) { isa.LeakyReLUGrad(d, x, dy, alpha) })
		run("ThresholdedReLU", func(d []float32) { ref.ThresholdedReLU(d, x, alpha) }, func(isa kernels.ISA, d []float32) { isa.ThresholdedReLU(d, x, alpha) })
		run("ThresholdedReLUGrad", func(d []float32) { ref.ThresholdedReLUGrad(d, x, dy, alpha) }, func(isa kernels.ISA, d []float32) { isa.ThresholdedReLUGrad(d, x, dy, alpha) })
		run("ScaledTanh", func(d []float32) { ref.ScaledTanh(d, x, alpha, beta) }, func(isa kernels.ISA, d []float32) { isa.ScaledTanh(d, x, alpha, beta) })
		run("ScaledTanhGrad", func(d []float32) { ref.ScaledTanhGrad(d, x, dy, alpha, beta) }, func(isa kernels.ISA, d []float32) { isa.ScaledTanhGrad(d, x, dy, alpha, beta) })
		run("HardSigmoid", func(d []float32) { ref.HardSigmoid(d, x, alpha, beta) }, func(isa kernels.ISA, d []float32) { isa.HardSigmoid(d, x, alpha, beta) })
		run("HardSigmoidGrad", func(d []float32) { ref.HardSigmoidGrad(d, x, dy, alpha, beta) }, func(isa kernels.ISA, d []float32) { isa.HardSigmoidGrad(d, x, dy, alpha, beta) })
		run("ELU", func(d []float32) { ref.ELU(d, x, alpha) }, func(isa kernels.ISA, d []float32) { isa.ELU(d, x, alpha) })
		run("ELUGrad", func(d []float32) { ref.ELUGrad(d, x, dy, alpha) }, func(isa kernels.ISA, d []float32) { isa.ELUGrad(d, x, dy, alpha) })
		run("Softsign", func(d []float32) { ref.Softsign(d, x) }, func(isa kernels.ISA, d []float32) { isa.Softsign(d, x) })
		run("SoftsignGrad", func(d []float32) { ref.SoftsignGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.SoftsignGrad(d, x, dy) })
		run("Sub", func(d []float32) { ref.Sub(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.Sub(d, x, dy) })
		run("Sign", func(d []float32) { ref.Sign(d, x) }, func(isa kernels.ISA, d []float32) { isa.Sign(d, x) })
		run("BCE", func(d []float32) { ref.BCE(d, x, dy, x) }, func(isa kernels.ISA, d []float32) { isa.BCE(d, x, dy, x) })
		run("BCEGrad", func(d []float32) { ref.BCEGrad(d, x, dy, dy) }, func(isa kernels.ISA, d []float32) { isa.BCEGrad(d, x, dy, dy) })
		run("BoxMuller", func(d []float32) { ref.BoxMuller(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.BoxMuller(d, x, dy) })
		run("GELU", func(d []float32) { ref.GELU(d, x) }, func(isa kernels.ISA, d []float32) { isa.GELU(d, x) })
		run("GELUGrad", func(d []float32) { ref.GELUGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.GELUGrad(d, x, dy) })
		run("GELUTanh", func(d []float32) { ref.GELUTanh(d, x) }, func(isa kernels.ISA, d []float32) { isa.GELUTanh(d, x) })
		run("GELUTanhGrad", func(d []float32) { ref.GELUTanhGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.GELUTanhGrad(d, x, dy) })
		run("Softplus", func(d []float32) { ref.Softplus(d, x) }, func(isa kernels.ISA, d []float32) { isa.Softplus(d, x) })
		run("SoftplusGrad", func(d []float32) { ref.SoftplusGrad(d, x, dy) }, func(isa kernels.ISA, d []float32) { isa.SoftplusGrad(d, x, dy) })

		limit := float32(math.Abs(float64(alpha)))
		if !(limit > 0) {
			limit = 1
		}
		run("Clip", func(d []float32) { ref.Clip(d, x, limit) }, func(isa kernels.ISA, d []float32) { isa.Clip(d, x, limit) })
		run("ClipGrad", func(d []float32) { ref.ClipGrad(d, x, dy, limit) }, func(isa kernels.ISA, d []float32) { isa.ClipGrad(d, x, dy, limit) })

		normal, grad := make([]float32, len(x)), make([]float32, len(x))
		r := ref.Normalize(normal, x, beta)
		ref.NormalizeGrad(grad, normal, dy, r)
		each(func(isa kernels.ISA) {
			y, dx := append([]float32(nil), x...), append([]float32(nil), dy...)
			numtest.Equal(t, []float32{isa.Normalize(y, y, beta)}, []float32{r}, "r of a normalisation on %v", isa)
			numtest.Equal(t, y, normal, "normalisation on %v", isa)
			isa.NormalizeGrad(dx, y, dx, r)
			numtest.Equal(t, dx, grad, "gradient of a normalisation on %v", isa)
		})

		softmax := make([]float32, len(x))
		kernels.Scalar.Softmax(softmax, x)
		dot, sum, largest, squares := kernels.Scalar.Dot(x, dy), kernels.Scalar.Sum(x), kernels.Scalar.Max(x), kernels.Scalar.SumSquares(x)
		each(func(isa kernels.ISA) {
			got := make([]float32, len(x))
			isa.Softmax(got, x)
			numtest.Equal(t, got, softmax, "softmax on %v", isa)
			numtest.Equal(t, []float32{isa.Dot(x, dy), isa.Sum(x), isa.Max(x)}, []float32{dot, sum, largest}, "dot, sum, max on %v", isa)
			numtest.Equal64(t, []float64{isa.SumSquares(x)}, []float64{squares}, "sum of squares on %v", isa)
		})
	})
}

// FuzzMasks draws numbers for any counter and key, each of which its place decides
// alone, and selects by them.
func FuzzMasks(f *testing.F) {
	for i, s := range someSeeds() {
		f.Add(uint8(i), uint32(0), uint32(i), uint32(1<<31), uint32(7), uint64(i)<<31, s)
		f.Add(uint8(255-i), uint32(0xfffffff0), ^uint32(i), uint32(0), ^uint32(0), ^uint64(i), s)
	}
	f.Fuzz(func(t *testing.T, blocks uint8, c0, c1, c2, c3 uint32, seed uint64, data []byte) {
		counter, key := [4]uint32{c0, c1, c2, c3}, [2]uint32{uint32(seed), uint32(seed >> 32)}
		n := 64 * (int(blocks) % 20)
		want := make([]float32, n)
		for j := range want {
			word := ref.Philox([4]uint32{c0 + uint32(j/64*16+j%16), c1, c2, c3}, key)[j%64/16]
			want[j] = math.Float32frombits(word>>9 | 0x3f800000)
		}
		s := &stream{data: data}
		x, y, scale := s.floats(n), s.floats(n), s.next()
		below := 1 + float32(c3%8)/8
		dropped, chosen := make([]float32, n), make([]float32, n)
		ref.Drop(dropped, x, want, below, scale)
		ref.Choose(chosen, want, x, y, below)
		each(func(isa kernels.ISA) {
			u := make([]float32, n)
			isa.Uniform(u, counter, key)
			numtest.Equal(t, u, want, "numbers on %v, counter %x, key %x", isa, counter, key)
			got := append([]float32(nil), x...)
			isa.Drop(got, got, u, below, scale)
			numtest.Equal(t, got, dropped, "dropped on %v", isa)
			isa.Choose(got, u, x, y, below)
			numtest.Equal(t, got, chosen, "chosen on %v", isa)
		})
	})
}

func FuzzGates(f *testing.F) {
	for i, s := range someSeeds() {
		f.Add(uint8(i*9), s)
		f.Add(uint8(48+i), s)
	}
	f.Fuzz(func(t *testing.T, size uint8, data []byte) {
		s := &stream{data: data}
		n := int(size) % 100
		// The numbers of a kernel on matrices are one to three rows, side by side or up to
		// three elements apart.
		rows := int(size)/100 + 1
		units, gap := n/rows, int(size)%4
		n = rows * (units + gap)
		var in [9][]float32
		for i := range in {
			in[i] = s.floats(n)
		}
		copies := func() (c [9][]float32) {
			for i := range in {
				c[i] = append([]float32(nil), in[i]...)
			}
			return c
		}
		scalars := s.floats(9)
		run := func(name string, reference func(v [9][]float32), kernel func(isa kernels.ISA, v [9][]float32)) {
			want := copies()
			reference(want)
			each(func(isa kernels.ISA) {
				got := copies()
				kernel(isa, got)
				for i := range got {
					numtest.Equal(t, got[i], want[i], "%s on %v, argument %d", name, isa, i)
				}
			})
		}
		// runRows is run for kernels on matrices, of which references do a row.
		runRows := func(name string, reference func(v [9][]float32), kernel func(isa kernels.ISA, v [9]kernels.Mat)) {
			run(name, func(v [9][]float32) {
				for r := range rows {
					var row [9][]float32
					for i := range v {
						row[i] = v[i][r*(units+gap):][:units]
					}
					reference(row)
				}
			}, func(isa kernels.ISA, v [9][]float32) {
				var m [9]kernels.Mat
				for i := range v {
					m[i] = kernels.Mat{Data: v[i], Stride: units + gap}
				}
				kernel(isa, m)
			})
		}
		runRows("LSTM gates",
			func(v [9][]float32) { ref.LSTMGates(v[0], v[1], v[2], v[3], v[4], v[5], v[6]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.LSTMGates(rows, units, v[0], v[1], v[2], v[3], v[4], v[5], v[6])
			})
		runRows("LSTM gates, cell in place",
			func(v [9][]float32) { ref.LSTMGates(v[0], v[1], v[2], v[3], v[4], v[5], v[4]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.LSTMGates(rows, units, v[0], v[1], v[2], v[3], v[4], v[5], v[4])
			})
		runRows("LSTM gates gradient",
			func(v [9][]float32) { ref.LSTMGatesGrad(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.LSTMGatesGrad(rows, units, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
			})
		runRows("GRU gates",
			func(v [9][]float32) { ref.GRUGates(v[0], v[1], v[2], v[3], v[4], v[5]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUGates(rows, units, v[0], v[1], v[2], v[3], v[4], v[5]) })
		runRows("GRU gates, state in place",
			func(v [9][]float32) { ref.GRUGates(v[0], v[1], v[2], v[3], v[4], v[4]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUGates(rows, units, v[0], v[1], v[2], v[3], v[4], v[4]) })
		runRows("GRU gates gradient",
			func(v [9][]float32) { ref.GRUGatesGrad(v[0], v[1], v[2], v[3], v[4], v[5], v[6]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.GRUGatesGrad(rows, units, v[0], v[1], v[2], v[3], v[4], v[5], v[6])
			})
		runRows("textbook GRU gates",
			func(v [9][]float32) { ref.GRUGatesTextbook(v[0], v[1], v[2], v[3], v[4], v[5]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.GRUGatesTextbook(rows, units, v[0], v[1], v[2], v[3], v[4], v[5])
			})
		runRows("textbook GRU gates gradient",
			func(v [9][]float32) { ref.GRUGatesTextbookGrad(v[0], v[1], v[2], v[3], v[4], v[5], v[6]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.GRUGatesTextbookGrad(rows, units, v[0], v[1], v[2], v[3], v[4], v[5], v[6])
			})
		runRows("GRU reset",
			func(v [9][]float32) { ref.GRUReset(v[0], v[1], v[2]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUReset(rows, units, v[0], v[1], v[2]) })
		runRows("GRU reset gradient",
			func(v [9][]float32) { ref.GRUResetGrad(v[0], v[1], v[2], v[3]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUResetGrad(rows, units, v[0], v[1], v[2], v[3]) })
		runRows("GRU update",
			func(v [9][]float32) { ref.GRUUpdate(v[0], v[1], v[2], v[2]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUUpdate(rows, units, v[0], v[1], v[2], v[2]) })
		runRows("GRU update gradient",
			func(v [9][]float32) { ref.GRUUpdateGrad(v[0], v[1], v[2], v[3], v[4]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUUpdateGrad(rows, units, v[0], v[1], v[2], v[3], v[4]) })
		runRows("textbook GRU update",
			func(v [9][]float32) { ref.GRUUpdateTextbook(v[0], v[1], v[2], v[3]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.GRUUpdateTextbook(rows, units, v[0], v[1], v[2], v[3]) })
		runRows("textbook GRU update gradient",
			func(v [9][]float32) { ref.GRUUpdateTextbookGrad(v[0], v[1], v[2], v[3], v[4]) },
			func(isa kernels.ISA, v [9]kernels.Mat) {
				isa.GRUUpdateTextbookGrad(rows, units, v[0], v[1], v[2], v[3], v[4])
			})
		runRows("tanh step",
			func(v [9][]float32) { ref.RNNTanh(v[0], v[1]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNTanh(rows, units, v[0], v[1]) })
		runRows("tanh step gradient",
			func(v [9][]float32) { ref.RNNTanhGrad(v[0], v[1], v[2], v[3]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNTanhGrad(rows, units, v[0], v[1], v[2], v[3]) })
		runRows("ReLU step",
			func(v [9][]float32) { ref.RNNReLU(v[0], v[1]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNReLU(rows, units, v[0], v[1]) })
		runRows("ReLU step gradient",
			func(v [9][]float32) { ref.RNNReLUGrad(v[0], v[1], v[2], v[3]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNReLUGrad(rows, units, v[0], v[1], v[2], v[3]) })
		runRows("sigmoid step",
			func(v [9][]float32) { ref.RNNSigmoid(v[0], v[1]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNSigmoid(rows, units, v[0], v[1]) })
		runRows("sigmoid step gradient",
			func(v [9][]float32) { ref.RNNSigmoidGrad(v[0], v[1], v[2], v[3]) },
			func(isa kernels.ISA, v [9]kernels.Mat) { isa.RNNSigmoidGrad(rows, units, v[0], v[1], v[2], v[3]) })
		a := scalars
		run("flushed product",
			func(v [9][]float32) { ref.MulFlush(v[0], v[1], v[2]) },
			func(isa kernels.ISA, v [9][]float32) { isa.MulFlush(v[0], v[1], v[2]) })
		run("sum with a product",
			func(v [9][]float32) { ref.MulAdd(v[0], v[1], v[2]) },
			func(isa kernels.ISA, v [9][]float32) { isa.MulAdd(v[0], v[1], v[2]) })
		run("dropped values",
			func(v [9][]float32) { ref.Drop(v[0], v[1], v[2], a[0], a[1]) },
			func(isa kernels.ISA, v [9][]float32) { isa.Drop(v[0], v[1], v[2], a[0], a[1]) })
		run("chosen values",
			func(v [9][]float32) { ref.Choose(v[0], v[1], v[2], v[3], a[0]) },
			func(isa kernels.ISA, v [9][]float32) { isa.Choose(v[0], v[1], v[2], v[3], a[0]) })
	})
}
