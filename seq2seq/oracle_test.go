package seq2seq_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// The textbook in complex128, forward alone: the derivative of a function by a number
// is the imaginary part of its result, divided by h, where that number has h of it.

type vec []complex128

func (a vec) dot(b vec) (s complex128) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// times returns W x + bias, W being [len/len(x)][len(x)].
func (x vec) times(w, bias vec) vec {
	y := make(vec, len(w)/len(x))
	for i := range y {
		y[i] = w[i*len(x):][:len(x)].dot(x)
		if bias != nil {
			y[i] += bias[i]
		}
	}
	return y
}

func plus(list ...vec) vec {
	s := append(vec(nil), list[0]...)
	for _, v := range list[1:] {
		for i := range s {
			s[i] += v[i]
		}
	}
	return s
}

func tanh(x vec) vec {
	y := make(vec, len(x))
	for i := range x {
		y[i] = cmplx.Tanh(x[i])
	}
	return y
}

// reference is a model of plain layers by the names of the product's parameters.
type reference struct {
	s sizes
	w map[string]vec
}

func (m *reference) lookup(table string, id int32) vec {
	width := len(m.w[table]) / symbols
	return m.w[table][int(id)*width:][:width]
}

// run returns the outputs of a plain layer over the steps x, and its last state.
func (m *reference) run(name string, x []vec, h vec, reverse bool) ([]vec, vec) {
	suffix := "_l0"
	if reverse {
		suffix += "_reverse"
	}
	y := make([]vec, len(x))
	for i := range x {
		t := i
		if reverse {
			t = len(x) - 1 - i
		}
		h = tanh(plus(x[t].times(m.w[name+"weight_ih"+suffix], m.w[name+"bias_ih"+suffix]), h.times(m.w[name+"weight_hh"+suffix], m.w[name+"bias_hh"+suffix])))
		y[t] = h
	}
	return y, h
}

// attend returns what attention gives for the query q in the memory.
func (m *reference) attend(memory []vec, q vec, width int) vec {
	scores, sum := make(vec, len(memory)), complex128(0)
	for i, k := range memory {
		switch m.s.score {
		case seq2seq.Dot:
			scores[i] = q.dot(k)
		case seq2seq.General:
			scores[i] = q.dot(k.times(m.w["decoder.2.key.weight"], nil))
		case seq2seq.Additive:
			scores[i] = m.w["decoder.2.vector"].dot(tanh(plus(q.times(m.w["decoder.2.query.weight"], nil), k.times(m.w["decoder.2.key.weight"], nil))))
		}
		scores[i] = cmplx.Exp(scores[i])
		sum += scores[i]
	}
	context := make(vec, width)
	for i, k := range memory {
		for j := range k {
			context[j] += scores[i] / sum * k[j]
		}
	}
	joined := append(context, q...)
	if m.s.out == 0 {
		return joined
	}
	return tanh(joined.times(m.w["decoder.2.out.weight"], nil))
}

// row returns the outputs of row b.
func (m *reference) row(b *data.Batch, r int) []vec {
	var x []vec
	cell := "encoder.1."
	for t := range b.Source.Lengths[r] {
		p := t*b.Rows + r
		if m.s.floats > 0 {
			v := make(vec, m.s.floats)
			for i := range v {
				v[i] = complex(float64(b.Source.X[p*len(v)+i]), 0)
			}
			x, cell = append(x, v), "encoder."
		} else {
			x = append(x, m.lookup("encoder.0.weight", b.Source.IDs[p]))
		}
	}
	if m.s.floats > 0 {
		cell = "encoder."
	}
	hidden := int(math.Sqrt(float64(len(m.w[cell+"weight_hh_l0"]))))
	memory, last := m.run(cell, x, make(vec, hidden), false)
	if m.w[cell+"weight_hh_l0_reverse"] != nil {
		back, first := m.run(cell, x, make(vec, hidden), true)
		for t := range memory {
			memory[t] = append(append(vec(nil), memory[t]...), back[t]...)
		}
		last = append(append(vec(nil), last...), first...)
	}
	width := len(last)
	start := make(vec, m.s.hidden)
	if m.s.copied {
		start = last
	} else if !m.s.noBridge {
		start = tanh(last.times(m.w["bridge.0.weight"], m.w["bridge.0.bias"]))
	}
	x = nil
	for t := range b.Lengths[r] {
		table := "decoder.0.weight"
		if m.s.tied {
			table = "encoder.0.weight"
		}
		x = append(x, m.lookup(table, b.IDs[t*b.Rows+r]))
	}
	y, _ := m.run("decoder.1.", x, start, false)
	readout := "decoder.3."
	if m.s.noScores {
		readout = "decoder.2."
	}
	for t := range y {
		if !m.s.noScores {
			y[t] = m.attend(memory, y[t], width)
		}
		y[t] = y[t].times(m.w[readout+"weight"], m.w[readout+"bias"])
	}
	return y
}

// sum is the sum of all outputs that exist, each times its dy.
func (m *reference) sum(b *data.Batch, dy []float32) (s complex128) {
	for r := range b.Rows {
		for t, y := range m.row(b, r) {
			for i, v := range y {
				s += v * complex(float64(dy[(t*b.Rows+r)*symbols+i]), 0)
			}
		}
	}
	return s
}

// near fails where got is farther from want than 250 roundings at the size of the
// tensor's largest element: more than are on any way from a parameter to the sum and back
// in a model of this size. (An element that misses one of its terms, or has one twice, is
// off by a thousand times as much.)
func near(t *testing.T, name string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	top := 1e-3
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= 250*0x1p-25*top) {
			t.Errorf("%s[%d] is %v, want %v", name, i, got[i], want[i])
			return
		}
	}
}

// models are plain models of every form.
func models() map[string]sizes {
	s := sizes{steps: 3, source: 4, batch: 4, out: 3, hidden: 4, plain: true}
	list := map[string]sizes{}
	for _, score := range []seq2seq.Score{seq2seq.Dot, seq2seq.General, seq2seq.Additive} {
		s := s
		s.score = score
		list[score.String()] = s
		s.out, s.noBridge = 0, true
		list[score.String()+" joined"] = s
	}
	s.score = seq2seq.General
	a := s
	a.copied = true
	list["copied"] = a
	a = s
	a.noScores = true
	list["bridge alone"] = a
	a = s
	a.tied = true
	list["tied"] = a
	a = s
	a.floats = 3
	list["floats"] = a
	return list
}

// TestModelAgainstComplexStep: outputs and the gradient of every parameter, through
// readout, attention, decoder, bridge and encoder, with ragged rows, one of them without a
// source and one without a target, and NaN and bad ids in the padding.
func TestModelAgainstComplexStep(t *testing.T) {
	const h = 0x1p-200
	for name, s := range models() {
		net := build(t, s, 3)
		m := &reference{s: s, w: map[string]vec{}}
		got := map[string][]float32{}
		net.EachParam(func(name string, w, g []float32) {
			if s.tied && name == "decoder.0.weight" {
				return
			}
			v := make(vec, len(w))
			for i := range w {
				v[i] = complex(float64(w[i]), 0)
			}
			m.w[name] = v
		})
		b := batch(s, 4)
		dy := traintest.NumbersLike(s.steps*s.batch*symbols, 6)
		want := map[string][]float64{}
		outputs := make([]float64, len(dy))
		for r := range b.Rows {
			for step, y := range m.row(b, r) {
				for i, v := range y {
					outputs[(step*b.Rows+r)*symbols+i] = real(v)
				}
			}
		}
		for name, w := range m.w {
			for i := range w {
				w[i] += complex(0, h)
				want[name] = append(want[name], imag(m.sum(b, dy))/h)
				w[i] = complex(real(w[i]), 0)
			}
		}
		padded := pad(b, dy)
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			net := build(t, s, 3)
			y := make([]float32, len(dy))
			for pass := range 2 {
				net.ZeroGrads()
				traintest.NoError(t, net.ForwardBatch(y, b))
				near(t, name+": outputs", y, outputs)
				net.Backward(nil, padded)
				clear(got)
				net.EachParam(func(name string, _, g []float32) {
					if s.tied && name == "decoder.0.weight" {
						name = "encoder.0.weight"
						sum := append([]float32(nil), got[name]...)
						kernels.Add(sum, sum, g)
						g = sum
					}
					got[name] = g
				})
				if len(got) != len(want) {
					t.Fatalf("%d parameters, want %d", len(got), len(want))
				}
				for param, g := range got {
					near(t, fmt.Sprintf("%s, pass %d: gradient of %s", name, pass, param), g, want[param])
				}
			}
		})
	}
}

// pad puts bad ids, and NaN, into the padding of b, and NaN into a copy of dy.
func pad(b *data.Batch, dy []float32) []float32 {
	nan := float32(math.NaN())
	dy = append([]float32(nil), dy...)
	width := len(dy) / (b.Steps * b.Rows)
	for p := range b.IDs {
		if p/b.Rows >= b.Lengths[p%b.Rows] {
			b.IDs[p], b.Targets[p] = -5, 1<<30
			traintest.Fill(dy[p*width:][:width], nan)
		}
	}
	for p := range b.Source.Steps * b.Rows {
		if p/b.Rows < b.Source.Lengths[p%b.Rows] {
			continue
		}
		if b.Source.IDs != nil {
			b.Source.IDs[p] = 1 << 30
		} else {
			w := len(b.Source.X) / (b.Source.Steps * b.Rows)
			traintest.Fill(b.Source.X[p*w:][:w], nan)
		}
	}
	return dy
}
