package gru_test

import (
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// variants are the four forms of a GRU, PyTorch's first.
func variants() (kinds []nettest.Kind) {
	for _, before := range []bool{false, true} {
		for _, textbook := range []bool{false, true} {
			cfg := func(c nettest.Config) gru.Config {
				return gru.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Reverse: c.Reverse, Merge: gru.Merge(c.Merge),
					NoBias: c.NoBias, Workers: c.Workers, ResetBefore: before, Textbook: textbook}
			}
			kinds = append(kinds, nettest.Kind{
				Package: "gru", Variant: fmt.Sprintf("before=%v,textbook=%v", before, textbook),
				Gates: 3, States: 1, Tape: 5, Fields: 22, Cell: naive{before, textbook},
				New:  func(c nettest.Config, r *rand.Rand) (nettest.Layer, error) { return made(cfg(c), r) },
				Load: func(r io.Reader) (nettest.Layer, error) { return wrap(gru.Load(r)) },
			})
		}
	}
	return kinds
}

// made is a new layer; without a source of random numbers its parameters are +0.
func made(cfg gru.Config, r *rand.Rand) (nettest.Layer, error) {
	if r == nil {
		return wrap(gru.NewZero(cfg))
	}
	return wrap(gru.New(cfg, r))
}

func wrap(l *gru.Layer, err error) (nettest.Layer, error) {
	if err != nil {
		return nil, err
	}
	return nettest.Wrap[*gru.Unrolled, *gru.Predictor, gru.Config](l), nil
}

// naive is one step as the contract says it.
type naive struct{ before, textbook bool }

type saved struct{ r, z, n, nh, q, h []float32 }

func (c naive) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	h := state[0]
	H := len(h)
	s := saved{h: h}
	next := make([]float32, H)
	gate := func(g int) (a []float32) {
		for r := g * H; r < (g+1)*H; r++ {
			a = append(a, nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, h))
		}
		return a
	}
	s.r, s.z = gate(0), gate(1)
	for j := range H {
		s.r[j], s.z[j] = ref.Sigmoid1(s.r[j]), ref.Sigmoid1(s.z[j])
		s.q = append(s.q, ref.Flush(s.r[j]*h[j]))
	}
	for j := range H {
		row := 2*H + j
		if c.before {
			s.n = append(s.n, ref.Tanh1(nettest.Chain(nettest.Chain(p.Start(row), p.Ih, row, x), p.Hh, row, s.q)))
		} else {
			nx := nettest.Chain(nettest.Bias(p.BiasIh, row), p.Ih, row, x)
			s.nh = append(s.nh, nettest.Chain(nettest.Bias(p.BiasHh, row), p.Hh, row, h))
			s.n = append(s.n, ref.Tanh1(ref.FMA(s.r[j], s.nh[j], nx)))
		}
		if c.textbook {
			next[j] = ref.Flush(ref.FMA(s.z[j], s.n[j]-h[j], h[j]))
		} else {
			next[j] = ref.Flush(ref.FMA(s.z[j], h[j]-s.n[j], s.n[j]))
		}
	}
	return [][]float32{next}, s
}

func (c naive) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	s := kept.(saved)
	H := len(s.h)
	slope := func(y float32) float32 { return y * (1 - y) }
	dr, dz, dn, dnh, e := make([]float32, H), make([]float32, H), make([]float32, H), make([]float32, H), make([]float32, H)
	for j := range H {
		d := carry[0][j] + dy[j]
		r, z, n, h := s.r[j], s.z[j], s.n[j], s.h[j]
		byN, byZ, byH := 1-z, h-n, z
		if c.textbook {
			byN, byZ, byH = z, n-h, 1-z
		}
		dn[j] = ref.Flush(float32(d*byN) * ref.FMA(-n, n, 1))
		dz[j] = ref.Flush(float32(d*byZ) * slope(z))
		e[j] = float32(d * byH)
		if !c.before {
			dr[j] = ref.Flush(float32(dn[j]*s.nh[j]) * slope(r))
			dnh[j] = ref.Flush(dn[j] * r)
		}
	}
	zero := make([]float32, H)
	var chain []float32
	g := nettest.Grads{With: func(int) []float32 { return s.h }}
	if c.before {
		dq := nettest.Transposed(zero, p.Hh, 2*H, dn)
		for j := range dq {
			dq[j] = ref.Flush(dq[j])
			dr[j] = ref.Flush(float32(dq[j]*s.h[j]) * slope(s.r[j]))
			e[j] = ref.FMA(dq[j], s.r[j], e[j])
		}
		dnh = dn
		g.With = func(row int) []float32 {
			if row >= 2*H {
				return s.q
			}
			return s.h
		}
		chain = nettest.Transposed(zero, p.Hh, 0, append(append([]float32(nil), dr...), dz...))
	} else {
		chain = nettest.Transposed(zero, p.Hh, 0, append(append(append([]float32(nil), dr...), dz...), dnh...))
	}
	for j := range chain {
		chain[j] = ref.Flush(chain[j] + e[j])
	}
	g.Ih = append(append(append([]float32(nil), dr...), dz...), dn...)
	g.Hh = append(append(append([]float32(nil), dr...), dz...), dnh...)
	return [][]float32{chain}, g
}
