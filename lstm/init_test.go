package lstm_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/lstm"
)

// product is the element (i, j) of WᵀW.
func product(w []float32, cols, i, j int) (s float64) {
	for r := range len(w) / cols {
		s += float64(w[r*cols+i]) * float64(w[r*cols+j])
	}
	return s
}

func TestInit(t *testing.T) {
	const in, h = 5, 33
	net, err := lstm.NewZero(lstm.Config{Input: in, Hidden: h, Layers: 2, Bidirectional: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for name, s := range map[string]lstm.Scheme{"Keras": lstm.Keras, "PerGate": lstm.PerGate} {
		net.Init(rand.New(rand.NewPCG(1, 2)), s)
		blocks := 1
		if name == "PerGate" {
			blocks = 4
		}
		net.EachParam(func(param string, w []float32, shape ...int) {
			p := lstm.Param{Name: param}
			switch {
			case p.Bias():
				for i, v := range w {
					if math.Float32bits(v) != 0 {
						t.Fatalf("%s: %s[%d] is %v, want +0", name, param, i, v)
					}
				}
			case p.Recurrent():
				n := len(w) / blocks
				for b := range blocks {
					for i := range h {
						for j := range i + 1 {
							want := 0.0
							if i == j {
								want = 1
							}
							// Each element is rounded once: by Cauchy-Schwarz
							// 2^-24 for each of the two columns, and 2^-40
							// for all that is computed in float64.
							if got := product(w[b*n:(b+1)*n], h, i, j); math.Abs(got-want) > 0x1p-23+0x1p-40 {
								t.Fatalf("%s: %s, block %d: columns %d and %d give %v, want %v", name, param, b, i, j, got, want)
							}
						}
					}
				}
			default:
				limit := float32(math.Sqrt(6 / float64(shape[0]/blocks+shape[1])))
				var most float32
				for _, v := range w {
					most = max(most, max(v, -v))
				}
				if most > limit || most < 0.9*limit {
					t.Errorf("%s: %s reaches %v, the limit is %v", name, param, most, limit)
				}
			}
		})
	}
	// The bits are those of every machine.
	net.Init(rand.New(rand.NewPCG(1, 2)), lstm.PerGate)
	net.EachParam(func(_ string, w []float32, _ ...int) { binary.Write(sum, binary.LittleEndian, w) })
	const want = "efa627c454e91bb5"
	if got := fmt.Sprintf("%x", sum.Sum(nil)[:8]); got != want {
		t.Errorf("the weights have the hash %s, want %s", got, want)
	}
}

func TestNewIsInitByPyTorch(t *testing.T) {
	cfg := lstm.Config{Input: 3, Hidden: 4}
	a, _ := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
	b, _ := lstm.NewZero(cfg)
	b.Init(rand.New(rand.NewPCG(1, 2)), lstm.PyTorch)
	var all [2][]float32
	for i, l := range []*lstm.Layer{a, b} {
		l.EachParam(func(_ string, w []float32, _ ...int) { all[i] = append(all[i], w...) })
	}
	for i, v := range all[0] {
		if v != all[1][i] {
			t.Fatalf("element %d: %v and %v", i, v, all[1][i])
		}
	}
}

func TestSetForgetBias(t *testing.T) {
	const h = 3
	net, _ := lstm.NewZero(lstm.Config{Input: 2, Hidden: h, Layers: 2})
	net.Init(nil, func(_ *rand.Rand, p lstm.Param) { p.Fill(0.5) })
	if err := net.SetForgetBias(1); err != nil {
		t.Fatal(err)
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		for i, v := range w {
			want := float32(0.5)
			forget := i >= h && i < 2*h
			switch {
			case name[:7] == "bias_ih" && forget:
				want = 1
			case name[:7] == "bias_hh" && forget:
				want = 0
			}
			if v != want {
				t.Errorf("%s[%d] is %v, want %v", name, i, v, want)
			}
		}
	})
	for what, cfg := range map[string]lstm.Config{
		"NoBias":  {Input: 2, Hidden: h, NoBias: true},
		"Coupled": {Input: 2, Hidden: h, Coupled: true}, // the rows where f would be are those of g
	} {
		without, err := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		hash := func() (s [32]byte) {
			sum := sha256.New()
			without.EachParam(func(_ string, w []float32, _ ...int) { binary.Write(sum, binary.LittleEndian, w) })
			return [32]byte(sum.Sum(nil))
		}
		before := hash()
		if err := without.SetForgetBias(1); err == nil || !strings.Contains(err.Error(), "Config."+what) {
			t.Errorf("%s: the error is %v", what, err)
		}
		if hash() != before {
			t.Errorf("%s: parameters have changed", what)
		}
	}
}

// What Config adds begins in a way that makes sense by each Scheme, and is cut
// into the gates that it has.
func TestInitOfVariants(t *testing.T) {
	const h, proj = 9, 4
	for _, coupled := range []bool{false, true} {
		gates := 4
		if coupled {
			gates = 3
		}
		net, err := lstm.NewZero(lstm.Config{Input: 3, Hidden: h, Layers: 2, Bidirectional: true, Projection: proj, Peephole: true, LayerNorm: true, Coupled: coupled})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]lstm.Scheme{"PyTorch": lstm.PyTorch, "Keras": lstm.Keras, "PerGate": lstm.PerGate} {
			net.Init(nil, func(_ *rand.Rand, p lstm.Param) { p.Fill(7) })
			net.Init(rand.New(rand.NewPCG(1, 2)), s)
			net.EachParam(func(param string, w []float32, shape ...int) {
				p := lstm.Param{Name: param}
				var least, most float32
				for i, v := range w {
					if i == 0 {
						least, most = v, v
					}
					least, most = min(least, v), max(most, v)
				}
				limit := float32(1 / math.Sqrt(h)) // PyTorch's of everything drawn
				switch {
				case p.Gain():
					if least != 1 || most != 1 {
						t.Errorf("%s: %s is from %v to %v, want 1", name, param, least, most)
					}
					return
				case param[:6] == "bias_c", name != "PyTorch" && (p.Bias() || p.Peephole()):
					limit = 0
				case name != "PyTorch" && p.Recurrent():
					limit = 1 // the columns have the length 1
				case name != "PyTorch" && param[:9] == "weight_hr":
					limit = float32(math.Sqrt(6. / (proj + h)))
				case name == "Keras":
					limit = float32(math.Sqrt(6 / float64(gates*h+shape[1])))
				case name == "PerGate":
					limit = float32(math.Sqrt(6 / float64(h+shape[1])))
				}
				if least < -limit || most > limit || limit > 0 && least == most {
					t.Errorf("%s: %s is from %v to %v, the limit is %v", name, param, least, most, limit)
				}
			})
		}
		for name, want := range map[string][]int{
			"weight_ih_l0": {gates, h, 3}, "weight_hh_l0": {gates, h, proj}, "bias_hh_l1_reverse": {gates, h, 1}, "gain_hh_l0": {gates, h, 1},
			"weight_hr_l0": {1, proj, h}, "weight_peephole_l1": {gates - 1, h, 1}, "gain_c_l0": {1, h, 1}, "bias_c_l0_reverse": {1, h, 1},
		} {
			found := false
			net.Init(nil, func(_ *rand.Rand, p lstm.Param) {
				if p.Name != name {
					return
				}
				found = true
				g := p.Gate(want[0] - 1)
				if p.Gates != want[0] || g.Rows != want[1] || g.Cols != want[2] || len(g.W) != want[1]*want[2] {
					t.Errorf("%s has %d gates of %d x %d, want %v", name, p.Gates, g.Rows, g.Cols, want)
				}
			})
			if !found {
				t.Errorf("no %s", name)
			}
		}
	}
}

// New without a source of random numbers would make a network of zeros, whose units
// all learn the same: it is refused, and NewZero says what it makes.
func TestNewWithoutRandomNumbers(t *testing.T) {
	cfg := lstm.Config{Input: 2, Hidden: 3, LayerNorm: true}
	_, err := lstm.New(cfg, nil)
	if err == nil || !strings.Contains(err.Error(), "lstm: New with a nil *rand.Rand") || !strings.Contains(err.Error(), "NewZero") {
		t.Errorf("the error is %v", err)
	}
	l, err := lstm.NewZero(cfg)
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
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3})
	if err != nil {
		t.Fatal(err)
	}
	w := lstm.Param{Name: "w", W: make([]float32, 6), Rows: 3, Cols: 2, Gates: 1, Hidden: 3}
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"Param.Uniform of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, lstm.PyTorch) }},
		{"Param.Glorot of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, lstm.Keras) }},
		{"Param.Glorot of weight_ih_l0 with a nil *rand.Rand; give it rand.New", func() { net.Init(nil, lstm.PerGate) }},
		{"Param.Uniform of w with a nil *rand.Rand", func() { w.Uniform(nil, 1) }},
		{"Param.Normal of w with a nil *rand.Rand", func() { w.Normal(nil, 1) }},
		{"Param.Glorot of w with a nil *rand.Rand", func() { w.Glorot(nil) }},
		{"Param.Orthogonal of w with a nil *rand.Rand", func() { w.Orthogonal(nil) }},
		{"Init with a nil Scheme; give it PyTorch", func() { net.Init(rand.New(rand.NewPCG(1, 2)), nil) }},
	} {
		nettest.Panics(t, "lstm: "+c.want, c.f)
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		for i, v := range w {
			if v != 0 {
				t.Errorf("%s[%d] is %v after the panics", name, i, v)
			}
		}
	})
	net.Init(nil, func(r *rand.Rand, p lstm.Param) {
		if r != nil {
			t.Error("a nil generator is not handed on as it is")
		}
		if p.Bias() {
			lstm.Keras(r, p) // draws nothing for a bias
		}
	})
}

// A gate that is not there is refused, also where memory of another one follows.
func TestGateOutOfRange(t *testing.T) {
	w := lstm.Param{Name: "w", W: make([]float32, 6), Rows: 6, Cols: 1, Gates: 2, Hidden: 3}
	nettest.Panics(t, "lstm: Param.Gate(2) of w, which has 2 gates", func() { w.Gate(2) })
	nettest.Panics(t, "lstm: Param.Gate(-1) of w", func() { w.Gate(-1) })
	nettest.Panics(t, "lstm: Param.Gate(1) of w, which has 1 gates", func() { w.Gate(0).Gate(1) })
	nettest.Panics(t, "lstm: Param.Gate(0) of , which has 0 gates", func() { lstm.Param{}.Gate(0) })
}
