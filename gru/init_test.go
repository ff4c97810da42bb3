package gru_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Each gate's W_hh is orthogonal by PerGate, and the columns of the whole are
// orthonormal by Keras; biases are +0.
func TestInit(t *testing.T) {
	const h, gates = 17, 3
	net, err := gru.New(gru.Config{Input: 3, Hidden: h, Bidirectional: true}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for blocks, s := range map[int]gru.Scheme{gates: gru.PerGate, 1: gru.Keras} {
		net.Init(rand.New(rand.NewPCG(1, 2)), s)
		net.EachParam(func(name string, w []float32, _ ...int) {
			p := gru.Param{Name: name}
			n := len(w) / blocks
			for b := 0; b < blocks && p.Recurrent(); b++ {
				for i := range h {
					for j := range h {
						var sum, want float64
						for r := 0; r < n; r += h {
							sum += float64(w[b*n+r+i]) * float64(w[b*n+r+j])
						}
						if i == j {
							want = 1
						}
						// One rounding of each element, 2^-24 of a column's
						// length 1, twice; the rest is float64's.
						if math.Abs(sum-want) > 0x1p-23+0x1p-40 {
							t.Fatalf("%s, block %d of %d: columns %d and %d give %v, want %v", name, b, blocks, i, j, sum, want)
						}
					}
				}
			}
			for i, v := range w {
				if p.Bias() && math.Float32bits(v) != 0 {
					t.Fatalf("%s[%d] is %v, want +0", name, i, v)
				}
			}
		})
	}
}

// New draws as Init does by PyTorch.
func TestNewIsInitByPyTorch(t *testing.T) {
	cfg := gru.Config{Input: 3, Hidden: 4}
	a, _ := gru.New(cfg, rand.New(rand.NewPCG(1, 2)))
	b, _ := gru.NewZero(cfg)
	b.Init(rand.New(rand.NewPCG(1, 2)), gru.PyTorch)
	var all [2][]float32
	for i, l := range []*gru.Layer{a, b} {
		l.EachParam(func(_ string, w []float32, _ ...int) { all[i] = append(all[i], w...) })
	}
	for i, v := range all[0] {
		if v != all[1][i] {
			t.Fatalf("element %d: %v and %v", i, v, all[1][i])
		}
	}
}

// The gains of layer normalisation begin as 1.
func TestInitOfGains(t *testing.T) {
	const h = 5
	net, err := gru.NewZero(gru.Config{Input: 3, Hidden: h, Bidirectional: true, LayerNorm: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]gru.Scheme{"PyTorch": gru.PyTorch, "Keras": gru.Keras, "PerGate": gru.PerGate} {
		gains := 0
		net.Init(nil, func(_ *rand.Rand, p gru.Param) { p.Fill(7) })
		net.Init(rand.New(rand.NewPCG(1, 2)), s)
		net.Init(nil, func(_ *rand.Rand, p gru.Param) {
			if !p.Gain() {
				return
			}
			gains++
			if p.Gates != 3 || p.Rows != 3*h || p.Cols != 1 {
				t.Errorf("%s has %d gates in %d x %d", p.Name, p.Gates, p.Rows, p.Cols)
			}
			for i, v := range p.W {
				if v != 1 {
					t.Errorf("%s: %s[%d] is %v, want 1", name, p.Name, i, v)
				}
			}
		})
		if gains != 4 {
			t.Errorf("%d gains, want 4", gains)
		}
	}
}

// New without a source of random numbers would make a network of zeros, whose units
// all learn the same: it is refused, and NewZero says what it makes.
func TestNewWithoutRandomNumbers(t *testing.T) {
	cfg := gru.Config{Input: 2, Hidden: 3, LayerNorm: true}
	_, err := gru.New(cfg, nil)
	if err == nil || !strings.Contains(err.Error(), "gru: New with a nil *rand.Rand") || !strings.Contains(err.Error(), "NewZero") {
		t.Errorf("the error is %v", err)
	}
	l, err := gru.NewZero(cfg)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	l.EachParam(func(name string, w []float32, _ ...int) {
		for i, v := range w {
			count++
			if math.Float32bits(v) != 0 {
				t.Errorf("%s[%d] is %v, want +0", name, i, v)
			}
		}
	})
	if count == 0 {
		t.Error("no parameters")
	}
}

// What draws names itself, the parameter and the package where there is nothing to draw
// from, and so does Init without a Scheme. No weight has changed then. A Scheme that draws
// nothing needs no generator.
func TestInitWithoutGenerator(t *testing.T) {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3})
	if err != nil {
		t.Fatal(err)
	}
	w := gru.Param{Name: "w", W: make([]float32, 6), Rows: 3, Cols: 2, Gates: 1, Hidden: 3}
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"Param.Uniform of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, gru.PyTorch) }},
		{"Param.Glorot of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, gru.Keras) }},
		{"Param.Glorot of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, gru.PerGate) }},
		{"Param.Uniform of w with a nil *rand.Rand", func() { w.Uniform(nil, 1) }},
		{"Param.Normal of w with a nil *rand.Rand", func() { w.Normal(nil, 1) }},
		{"Param.Glorot of w with a nil *rand.Rand", func() { w.Glorot(nil) }},
		{"Param.Orthogonal of w with a nil *rand.Rand", func() { w.Orthogonal(nil) }},
		{"Init with a nil Scheme; give it PyTorch", func() { net.Init(rand.New(rand.NewPCG(1, 2)), nil) }},
	} {
		nettest.Panics(t, "gru: "+c.want, c.f)
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		for i, v := range w {
			if v != 0 {
				t.Errorf("%s[%d] is %v after the panics", name, i, v)
			}
		}
	})
	net.Init(nil, func(r *rand.Rand, p gru.Param) {
		if r != nil {
			t.Error("a nil generator is not handed on as it is")
		}
		if p.Bias() {
			gru.Keras(r, p) // draws nothing for a bias
		}
	})
}

// A gate that is not there is refused, also where memory of another one follows.
func TestGateOutOfRange(t *testing.T) {
	w := gru.Param{Name: "w", W: make([]float32, 6), Rows: 6, Cols: 1, Gates: 2, Hidden: 3}
	nettest.Panics(t, "gru: Param.Gate(2) of w, which has 2 gates", func() { w.Gate(2) })
	nettest.Panics(t, "gru: Param.Gate(-1) of w", func() { w.Gate(-1) })
	nettest.Panics(t, "gru: Param.Gate(1) of w, which has 1 gates", func() { w.Gate(0).Gate(1) })
	nettest.Panics(t, "gru: Param.Gate(0) of , which has 0 gates", func() { gru.Param{}.Gate(0) })
}
