package lstm_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

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
	net, err := lstm.New(lstm.Config{Input: in, Hidden: h, Layers: 2, Bidirectional: true}, nil)
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
	b, _ := lstm.New(cfg, nil)
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
	net, _ := lstm.New(lstm.Config{Input: 2, Hidden: h, Layers: 2}, nil)
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
	bare, _ := lstm.New(lstm.Config{Input: 2, Hidden: h, NoBias: true}, nil)
	if bare.SetForgetBias(1) == nil {
		t.Error("no error without biases")
	}
}
