package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

func TestMain(m *testing.M) { os.Exit(numtest.Main(m)) }

// A peer is a model in the layout of another library: the elements of its
// tensors for layer l, direction d, gate k in the library's order, unit u.
type peer struct {
	gates string // the library's order, in the letters of this module
	w, r  func(l, d, k, u, i int) float32
	b, rb func(l, d, k, u int) float32
}

// sizes of the models here. Input and Hidden differ, so that a matrix that is
// turned round is noticed.
const (
	steps  = 4
	input  = 3
	hidden = 5
	layers = 2
)

var libraries = []string{"PyTorch", "Keras", "ONNX", "oneDNN ldigo", "oneDNN ldgoi", "haste"}

func zero(_, _, _, _ int) float32 { return 0 }

// peerOf exports net and reads what comes out by the library's own formulas.
func peerOf[N convert.Network](library string, net N, gates int) (p peer, err error) {
	width := func(l int) int {
		if l == 0 {
			return input
		}
		return 2 * hidden
	}
	p.gates = map[int]string{1: "h", 3: "zrn", 4: "ifgo"}[gates]
	p.rb = zero
	switch library {
	case "PyTorch":
		dict, e := convert.ToPyTorch(net)
		if gates == 3 {
			p.gates = "rzn"
		}
		get := func(name string, l, d int) []float32 {
			return dict[fmt.Sprint(name, "_l", l, []string{"", "_reverse"}[d])].Data
		}
		p.w = func(l, d, k, u, i int) float32 { return get("weight_ih", l, d)[(k*hidden+u)*width(l)+i] }
		p.r = func(l, d, k, u, i int) float32 { return get("weight_hh", l, d)[(k*hidden+u)*hidden+i] }
		p.b = func(l, d, k, u int) float32 { return get("bias_ih", l, d)[k*hidden+u] }
		p.rb = func(l, d, k, u int) float32 { return get("bias_hh", l, d)[k*hidden+u] }
		err = e
	case "Keras":
		k, e := convert.ToKeras(net)
		p.w = func(l, d, g, u, i int) float32 { return k[2*l+d].Kernel.Data[i*gates*hidden+g*hidden+u] }
		p.r = func(l, d, g, u, i int) float32 { return k[2*l+d].RecurrentKernel.Data[i*gates*hidden+g*hidden+u] }
		p.b = func(l, d, g, u int) float32 { return k[2*l+d].Bias.Data[g*hidden+u] }
		if e == nil && k[0].ResetAfter {
			p.rb = func(l, d, g, u int) float32 { return k[2*l+d].Bias.Data[3*hidden+g*hidden+u] }
		}
		err = e
	case "ONNX":
		op, e := convert.ToONNX(net)
		if gates == 4 {
			p.gates = "iofg"
		}
		p.w = func(l, d, k, u, i int) float32 { return op[l].W.Data[((d*gates+k)*hidden+u)*width(l)+i] }
		p.r = func(l, d, k, u, i int) float32 { return op[l].R.Data[((d*gates+k)*hidden+u)*hidden+i] }
		p.b = func(l, d, k, u int) float32 { return op[l].B.Data[d*2*gates*hidden+k*hidden+u] }
		p.rb = func(l, d, k, u int) float32 { return op[l].B.Data[d*2*gates*hidden+(gates+k)*hidden+u] }
		err = e
	case "oneDNN ldigo", "oneDNN ldgoi":
		format := convert.OneDNNFormat(strings.TrimPrefix(library, "oneDNN "))
		a, e := convert.ToOneDNN(net, format)
		at := func(t convert.Tensor, d, k, u, i, width int) float32 {
			if format == convert.LDIGO {
				return t.Data[((d*width+i)*gates+k)*hidden+u]
			}
			return t.Data[((d*gates+k)*hidden+u)*width+i]
		}
		p.w = func(l, d, k, u, i int) float32 { return at(a[l].WeightsLayer, d, k, u, i, width(l)) }
		p.r = func(l, d, k, u, i int) float32 { return at(a[l].WeightsIter, d, k, u, i, hidden) }
		groups := gates
		if e == nil && a[0].LinearBeforeReset {
			groups = 4
			p.rb = func(l, d, k, u int) float32 {
				if k == 2 {
					return a[l].Bias.Data[(d*4+3)*hidden+u]
				}
				return 0
			}
		}
		p.b = func(l, d, k, u int) float32 { return a[l].Bias.Data[(d*groups+k)*hidden+u] }
		err = e
	case "haste":
		h, e := convert.ToHaste(net)
		if gates == 4 {
			p.gates = "igfo"
		}
		p.w = func(l, d, k, u, i int) float32 { return h[2*l+d].Kernel.Data[i*gates*hidden+k*hidden+u] }
		p.r = func(l, d, k, u, i int) float32 { return h[2*l+d].RecurrentKernel.Data[i*gates*hidden+k*hidden+u] }
		p.b = func(l, d, k, u int) float32 { return h[2*l+d].Bias.Data[k*hidden+u] }
		if gates == 3 {
			p.rb = func(l, d, k, u int) float32 { return h[2*l+d].RecurrentBias.Data[k*hidden+u] }
		}
		err = e
	}
	return p, err
}

type running = numtest.Running

func sigmoid(a running) running { return a.Func(1/(1+math.Exp(-a.V)), 0.25, 1.5) }
func tanh(a running) running    { return a.Func(math.Tanh(a.V), 1, 1.5) }
func relu(a running) running    { return a.Func(max(a.V, 0), 1, 0) }

// at is the place of a gate in the library's order.
func (p peer) at(gate rune) int { return strings.IndexRune(p.gates, gate) }

// input and recurrent continue a sum over x and over h.
func (p peer) input(a running, l, d int, gate rune, u int, x []running) running {
	for i, v := range x {
		a = v.FMA(numtest.Exact(p.w(l, d, p.at(gate), u, i)), a)
	}
	return a
}

func (p peer) recurrent(a running, l, d int, gate rune, u int, h []running) running {
	for i, v := range h {
		a = v.FMA(numtest.Exact(p.r(l, d, p.at(gate), u, i)), a)
	}
	return a
}

func (p peer) bias(l, d int, gate rune, u int) (b, rb running) {
	return numtest.Exact(p.b(l, d, p.at(gate), u)), numtest.Exact(p.rb(l, d, p.at(gate), u))
}

// sum is W x + R h + b + rb.
func (p peer) sum(l, d int, gate rune, u int, x, h []running) running {
	b, rb := p.bias(l, d, gate, u)
	return p.recurrent(p.input(b.Add(rb), l, d, gate, u, x), l, d, gate, u, h)
}

// A step returns the state that follows h and c.
type step func(p peer, l, d int, x, h, c []running) (h2, c2 []running)

func lstmStep(p peer, l, d int, x, h, c []running) (h2, c2 []running) {
	for u := range h {
		i, f := sigmoid(p.sum(l, d, 'i', u, x, h)), sigmoid(p.sum(l, d, 'f', u, x, h))
		g, o := tanh(p.sum(l, d, 'g', u, x, h)), sigmoid(p.sum(l, d, 'o', u, x, h))
		v := f.FMA(c[u], i.Mul(g)).Flushed()
		c2 = append(c2, v)
		h2 = append(h2, o.Mul(tanh(v)).Flushed())
	}
	return h2, c2
}

func rnnStep(p peer, l, d int, x, h, _ []running) (h2, c2 []running) {
	for u := range h {
		h2 = append(h2, relu(p.sum(l, d, 'h', u, x, h)).Flushed())
	}
	return h2, h2
}

// gruStep is the form before or after. The library's equation is always
// h = (1-z)*n + z*h. What a textbook network computes is rounded as
// h + (1-z)*(n-h), where 1-z = sigmoid(-a).
func gruStep(before, textbook bool) step {
	return func(p peer, l, d int, x, h, _ []running) (h2, c2 []running) {
		var q []running
		for u := range h {
			q = append(q, sigmoid(p.sum(l, d, 'r', u, x, h)).Mul(h[u]).Flushed())
		}
		for u := range h {
			var n running
			if before {
				n = tanh(p.sum(l, d, 'n', u, x, q))
			} else {
				r := sigmoid(p.sum(l, d, 'r', u, x, h))
				b, rb := p.bias(l, d, 'n', u)
				n = tanh(r.FMA(p.recurrent(rb, l, d, 'n', u, h), p.input(b, l, d, 'n', u, x)))
			}
			a := p.sum(l, d, 'z', u, x, h)
			v := sigmoid(a).FMA(h[u].Sub(n), n)
			if textbook {
				v = sigmoid(a.Neg()).FMA(n.Sub(h[u]), h[u])
			}
			h2 = append(h2, v.Flushed())
		}
		return h2, h2
	}
}

// run is a bidirectional stack over x, [steps][input].
func (p peer) run(s step, x []float32) (y [][]running) {
	for t := range steps {
		var row []running
		for _, v := range x[t*input : (t+1)*input] {
			row = append(row, numtest.Exact(v))
		}
		y = append(y, row)
	}
	for l := range layers {
		out := make([][]running, steps)
		for d := range 2 {
			h, c := make([]running, hidden), make([]running, hidden)
			for k := range steps {
				t := k
				if d == 1 {
					t = steps - 1 - k
				}
				h, c = s(p, l, d, y[t], h, c)
				out[t] = append(out[t], h...)
			}
		}
		y = out
	}
	return y
}

func inputs() []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, steps*input)
	for i := range x {
		x[i] = float32(int64(r.Uint64())>>40) / (1 << 22)
	}
	return x
}

func equations[N convert.Network](t *testing.T, net N, gates int, s step, forward func(y, x []float32), refused ...string) {
	x, y := inputs(), make([]float32, steps*2*hidden)
	forward(y, x)
	for _, library := range libraries {
		t.Run(library, func(t *testing.T) {
			p, err := peerOf(library, net, gates)
			for _, name := range refused {
				if name == library {
					if err == nil {
						t.Error("no error")
					}
					return
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			var want, bound []float64
			for _, row := range p.run(s, x) {
				for _, v := range row {
					want, bound = append(want, v.V), append(bound, v.E)
				}
			}
			if worst := numtest.Within(t, y, want, bound); worst == 0 {
				t.Error("equal to the last bit of a float64: the network computes nothing")
			}
		})
	}
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func newLSTM(t *testing.T, c lstm.Config) *lstm.Layer {
	t.Helper()
	c.Input, c.Hidden, c.Layers = input, hidden, layers
	net, err := lstm.New(c, seeded())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func newGRU(t *testing.T, c gru.Config) *gru.Layer {
	t.Helper()
	c.Input, c.Hidden, c.Layers = input, hidden, layers
	net, err := gru.New(c, seeded())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func newRNN(t *testing.T, c rnn.Config) *rnn.Layer {
	t.Helper()
	c.Input, c.Hidden, c.Layers = input, hidden, layers
	net, err := rnn.New(c, seeded())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// What is exported, run by the library's equations on the library's layout,
// gives the outputs of the network within the bound of their roundings.
func TestEquations(t *testing.T) {
	t.Run("LSTM", func(t *testing.T) {
		net := newLSTM(t, lstm.Config{Bidirectional: true})
		equations(t, net, 4, lstmStep, net.Infer(steps, 1).Forward)
	})
	t.Run("RNN", func(t *testing.T) {
		net := newRNN(t, rnn.Config{Bidirectional: true, Activation: rnn.ReLU})
		equations(t, net, 1, rnnStep, net.Infer(steps, 1).Forward, "haste")
	})
	for _, c := range []gru.Config{{}, {Textbook: true}, {ResetBefore: true}, {ResetBefore: true, Textbook: true}} {
		t.Run(fmt.Sprintf("GRU before=%v textbook=%v", c.ResetBefore, c.Textbook), func(t *testing.T) {
			c.Bidirectional = true
			net := newGRU(t, c)
			var refused []string
			if c.ResetBefore {
				refused = []string{"PyTorch", "haste"}
			}
			equations(t, net, 3, gruStep(c.ResetBefore, c.Textbook), net.Infer(steps, 1).Forward, refused...)
		})
	}
}
