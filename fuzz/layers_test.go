package fuzz_test

import (
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// FuzzLSTM, FuzzGRU and FuzzRNN run a whole stack forward and backward on every
// tier and number of workers. Outputs, states, dx and state gradients must have
// the bits of a scalar run that takes one step of one row at a time, and the
// gradients of the weights those of a scalar run of the whole on one worker, since
// their sums are defined by the batch.
func FuzzLSTM(f *testing.F) {
	fuzzLayers(f, func(_ uint8, _ *stream, c nettest.Config) (nettest.Layer, error) {
		l, err := lstm.New(lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: lstm.Merge(c.Merge),
			Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1}, nil)
		return nettest.Wrap[*lstm.Unrolled, *lstm.Predictor, lstm.Config](l), err
	})
}

func FuzzGRU(f *testing.F) {
	fuzzLayers(f, func(form uint8, _ *stream, c nettest.Config) (nettest.Layer, error) {
		l, err := gru.New(gru.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: gru.Merge(c.Merge),
			Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1, ResetBefore: form&32 != 0, Textbook: form&64 != 0}, nil)
		return nettest.Wrap[*gru.Unrolled, *gru.Predictor, gru.Config](l), err
	})
}

func FuzzRNN(f *testing.F) {
	fuzzLayers(f, func(form uint8, s *stream, c nettest.Config) (nettest.Layer, error) {
		p := tame(s.floats(2))
		activations := []rnn.Activation{rnn.Tanh, rnn.ReLU, rnn.Sigmoid, rnn.Affine(p[0], p[1]), rnn.LeakyReLU(p[0]), rnn.ThresholdedReLU(p[0]),
			rnn.ScaledTanh(p[0], p[1]), rnn.HardSigmoid(p[0], p[1]), rnn.ELU(p[0]), rnn.Softsign, rnn.Softplus}
		l, err := rnn.New(rnn.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: rnn.Merge(c.Merge),
			Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1, Activation: activations[int(form>>4)*11/16]}, nil)
		return nettest.Wrap[*rnn.Unrolled, *rnn.Predictor, rnn.Config](l), err
	})
}

// fuzzLayers makes stacks with newLayer, which may give meaning to the high bits of
// form, from 32 on (from 16 on they also ask for lengths).
func fuzzLayers(f *testing.F, newLayer func(form uint8, s *stream, c nettest.Config) (nettest.Layer, error)) {
	for i, s := range someSeeds() {
		f.Add(uint8(i), uint8(i*3), uint8(i*5+1), uint8(i+2), uint8(i+1), uint8(i*29), s)
		f.Add(uint8(i*3+1), uint8(17), uint8(33), uint8(5), uint8(7), uint8(i), s)
		f.Add(uint8(4+i&3), uint8(i*43), uint8(i*7), uint8(i+2), uint8(i+1), uint8(i*31), s)
		f.Add(uint8(i*37+16), uint8(5), uint8(18), uint8(4), uint8(i+3), uint8(i*7), s)
	}
	f.Fuzz(func(t *testing.T, form, input, hidden, steps, batch, lens uint8, data []byte) {
		cfg := nettest.Config{
			Input: 1 + int(input)%40, Hidden: 1 + int(hidden)%40, Layers: 1 + int(form&1), NoBias: form&2 != 0,
			Bidirectional: form&12 == 4, Reverse: form&12 == 8,
		}
		if cfg.Bidirectional {
			cfg.Merge = int(input >> 6)
		}
		T, B := int(steps)%8, int(batch)%9
		s := &stream{data: data}
		net, err := newLayer(form, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		net.EachParam(func(_ string, w []float32, _ ...int) { copy(w, tame(s.floats(len(w)))) })
		x := s.floats(T * B * cfg.Input)
		_, _, _, out := net.Infer(0, 0).Dims()
		dy := s.floats(T * B * out)
		state, carry := stateOf(net, B, s), stateOf(net, B, s)
		var lengths []int
		if form&16 != 0 {
			for b := range B {
				lengths = append(lengths, (int(lens)+b*b)%(T+1))
			}
		}

		whole := pass(t, kernels.Scalar, net, 1, T, B, x, dy, state, carry, lengths)
		if !cfg.Bidirectional && !cfg.Reverse {
			// Steps of a row do not know of other rows or of each other.
			for b := range B {
				n := T
				if lengths != nil {
					n = lengths[b]
				}
				y, dx, last, first := stepwise(t, net, cfg.Layers, b, n, T, B, x, dy, state, carry)
				numtest.Equal(t, row(y, b, T, B), row(whole.y, b, T, B), "y of row %d, step by step", b)
				numtest.Equal(t, row(dx, b, T, B), row(whole.dx, b, T, B), "dx of row %d, step by step", b)
				for k := range last {
					L := cfg.Layers
					numtest.Equal(t, last[k], row(whole.state[k], b, L, B), "state %d of row %d, step by step", k, b)
					numtest.Equal(t, first[k], row(whole.stateGrad[k], b, L, B), "state gradient %d of row %d, step by step", k, b)
				}
			}
		}
		each(func(isa kernels.ISA) {
			for _, workers := range []int{1, 3} {
				got := pass(t, isa, net, workers, T, B, x, dy, state, carry, lengths)
				got.equal(t, whole, isa, workers)
			}
		})
	})
}

// stateOf draws a state for the layer, tamed.
func stateOf(net nettest.Layer, batch int, s *stream) [][]float32 {
	st := net.Infer(0, batch).State()
	for i := range st {
		copy(st[i], tame(s.floats(len(st[i]))))
	}
	return st
}

// row picks what belongs to row b out of a tensor [outer][B][width].
func row(v []float32, b, outer, B int) (out []float32) {
	if outer*B == 0 {
		return nil
	}
	width := len(v) / (outer * B)
	for i := range outer {
		out = append(out, v[(i*B+b)*width:][:width]...)
	}
	return out
}

type result struct {
	y, dx            []float32
	state, stateGrad [][]float32
	grads            [][]float32
}

func (got result) equal(t *testing.T, want result, isa kernels.ISA, workers int) {
	numtest.Equal(t, got.y, want.y, "y on %v with %d workers", isa, workers)
	numtest.Equal(t, got.dx, want.dx, "dx on %v with %d workers", isa, workers)
	for k := range got.state {
		numtest.Equal(t, got.state[k], want.state[k], "state %d on %v with %d workers", k, isa, workers)
		numtest.Equal(t, got.stateGrad[k], want.stateGrad[k], "state gradient %d on %v with %d workers", k, isa, workers)
	}
	for k := range got.grads {
		numtest.Equal(t, got.grads[k], want.grads[k], "gradient %d on %v with %d workers", k, isa, workers)
	}
}

// pass runs a window forward and backward on one tier.
func pass(t *testing.T, isa kernels.ISA, net nettest.Layer, workers, T, B int, x, dy []float32, state, carry [][]float32, lengths []int) (r result) {
	t.Helper()
	u := unroll(t, isa, net, T, B)
	u.SetWorkers(workers)
	for _, err := range []error{u.SetLengths(lengths), u.SetState(state), u.SetStateGrad(carry)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r.y, r.dx = make([]float32, len(dy)), make([]float32, len(x))
	u.Forward(r.y, x)
	r.state = u.State()
	u.Backward(r.dx, dy)
	r.stateGrad = u.StateGrad()
	u.EachParam(func(_ string, _, g []float32) { r.grads = append(r.grads, slices.Clone(g)) })
	return r
}

// unroll makes an Unrolled of a tier.
func unroll(t *testing.T, isa kernels.ISA, net nettest.Layer, T, B int) nettest.Unrolled {
	t.Helper()
	before := kernels.Current()
	if err := kernels.Use(isa); err != nil {
		t.Fatal(err)
	}
	u := net.Unroll(T, B)
	if err := kernels.Use(before); err != nil {
		t.Fatal(err)
	}
	return u
}

// stepwise runs the first n steps of row b on the scalar tier, each by itself in
// an Unrolled of one step, and back again. y and dx are as large as those of the
// whole batch.
func stepwise(t *testing.T, net nettest.Layer, layers, b, n, T, B int, x, dy []float32, state, carry [][]float32) (y, dx []float32, last, first [][]float32) {
	t.Helper()
	y, dx = make([]float32, len(dy)), make([]float32, len(x))
	for k := range state {
		last = append(last, row(state[k], b, layers, B))
		first = append(first, row(carry[k], b, layers, B))
	}
	us := make([]nettest.Unrolled, n)
	in, out := 0, 0
	if T*B > 0 {
		in, out = len(x)/(T*B), len(dy)/(T*B)
	}
	at := func(v []float32, t, width int) []float32 { return v[(t*B+b)*width:][:width] }
	for s := range n {
		us[s] = unroll(t, kernels.Scalar, net, 1, 1)
		if err := us[s].SetState(last); err != nil {
			t.Fatal(err)
		}
		us[s].Forward(at(y, s, out), at(x, s, in))
		last = us[s].State()
	}
	for s := n - 1; s >= 0; s-- {
		if err := us[s].SetStateGrad(first); err != nil {
			t.Fatal(err)
		}
		us[s].Backward(at(dx, s, in), at(dy, s, out))
		first = us[s].StateGrad()
	}
	return y, dx, last, first
}
