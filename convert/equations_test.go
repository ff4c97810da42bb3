package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
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
	wide  int    // width of h
	w, r  func(l, d, k, u, i int) float32
	b, rb func(l, d, k, u int) float32

	// Of an LSTM with options; nil or zero without them.
	coupled      bool
	clip         float32
	peephole     func(l, d, k, u int) float32 // k counts through peepholes
	peepholes    string                       // the library's order of these
	projection   func(l, d, row, u int) float32
	gain, rgain  func(l, d, k, u int) float32 // of the products with x and with h
	gainC, biasC func(l, d, u int) float32
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

// peerOf exports net, whose h is so wide, and reads what comes out by the library's
// own formulas.
func peerOf[N convert.Network](library string, net N, gates, wide int) (p peer, err error) {
	width := func(l int) int {
		if l == 0 {
			return input
		}
		return 2 * wide
	}
	p.wide = wide
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
		p.r = func(l, d, k, u, i int) float32 { return get("weight_hh", l, d)[(k*hidden+u)*wide+i] }
		if dict["weight_hr_l0"].Data != nil {
			p.projection = func(l, d, row, u int) float32 { return get("weight_hr", l, d)[row*hidden+u] }
		}
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
		if e == nil {
			p.clip, p.coupled = op[0].Clip, op[0].InputForget == 1
			if op[0].P.Data != nil {
				p.peepholes, p.peephole = "iof", func(l, d, k, u int) float32 { return op[l].P.Data[(d*3+k)*hidden+u] }
			}
		}
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
		p.r = func(l, d, k, u, i int) float32 { return at(a[l].WeightsIter, d, k, u, i, wide) }
		if e == nil && a[0].WeightsPeephole.Data != nil {
			p.peepholes, p.peephole = "ifo", func(l, d, k, u int) float32 { return a[l].WeightsPeephole.Data[(d*3+k)*hidden+u] }
		}
		if e == nil && a[0].WeightsProjection.Data != nil {
			p.projection = func(l, d, row, u int) float32 {
				if format == convert.LDIGO {
					return a[l].WeightsProjection.Data[(d*hidden+u)*wide+row]
				}
				return a[l].WeightsProjection.Data[(d*wide+row)*hidden+u]
			}
		}
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
		if e == nil && h[0].Gamma.Data != nil {
			p.gain = func(l, d, k, u int) float32 { return h[2*l+d].Gamma.Data[k*hidden+u] }
			p.rgain = func(l, d, k, u int) float32 { return h[2*l+d].Gamma.Data[(gates+k)*hidden+u] }
		}
		if e == nil && h[0].GammaH.Data != nil {
			p.gainC = func(l, d, u int) float32 { return h[2*l+d].GammaH.Data[u] }
			p.biasC = func(l, d, u int) float32 { return h[2*l+d].BetaH.Data[u] }
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

// products are, for each gate and unit, what x and h add up to: W x + b and R h +
// rb, or gain*norm(W x) + b and rgain*norm(R h) + rb. The first is the start of one
// chain over both where nothing comes between.
func (p peer) products(l, d int, x, h []running) (ofX, ofH func(gate rune, u int) running) {
	if p.gain == nil {
		return func(gate rune, u int) running {
				b, _ := p.bias(l, d, gate, u)
				return p.input(b, l, d, gate, u, x)
			}, func(gate rune, u int) running {
				_, rb := p.bias(l, d, gate, u)
				return p.recurrent(rb, l, d, gate, u, h)
			}
	}
	var xs, hs []running
	for _, gate := range p.gates {
		for u := range hidden {
			xs, hs = append(xs, p.input(running{}, l, d, gate, u, x)), append(hs, p.recurrent(running{}, l, d, gate, u, h))
		}
	}
	xs, hs = normalized(xs), normalized(hs)
	return func(gate rune, u int) running {
			b, _ := p.bias(l, d, gate, u)
			return xs[p.at(gate)*hidden+u].FMA(numtest.Exact(p.gain(l, d, p.at(gate), u)), b)
		}, func(gate rune, u int) running {
			_, rb := p.bias(l, d, gate, u)
			return hs[p.at(gate)*hidden+u].FMA(numtest.Exact(p.rgain(l, d, p.at(gate), u)), rb)
		}
}

// sum is what goes into the activation of a gate.
func (p peer) sum(l, d int, gate rune, u int, x, h []running) running {
	b, rb := p.bias(l, d, gate, u)
	if p.gain != nil {
		ofX, ofH := p.products(l, d, x, h)
		return ofX(gate, u).Add(ofH(gate, u))
	}
	return p.recurrent(p.input(b.Add(rb), l, d, gate, u, x), l, d, gate, u, h)
}

// normalized is (x - mean)/sqrt(variance + 1e-5). It ends the bounds of its
// arguments: added up as magnitudes they grow tenfold in a step, whatever the
// roundings do.
func normalized(x []running) (y []running) {
	n := float64(len(x))
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v.V / n
	}
	for _, v := range x {
		variance += (v.V - mean) * (v.V - mean) / n
	}
	for _, v := range x {
		y = append(y, running{V: (v.V - mean) / math.Sqrt(variance+1e-5)})
	}
	return y
}

// limited is a between -clip and clip.
func (p peer) limited(a running) running {
	if limit := float64(p.clip); limit > 0 {
		a.V = max(-limit, min(a.V, limit))
	}
	return a
}

// peeped is a after unit u has looked at c.
func (p peer) peeped(l, d int, gate rune, u int, c, a running) running {
	if p.peephole == nil {
		return a
	}
	return c.FMA(numtest.Exact(p.peephole(l, d, strings.IndexRune(p.peepholes, gate), u)), a)
}

// A step returns the state that follows h and c.
type step func(p peer, l, d int, x, h, c []running) (h2, c2 []running)

func lstmStep(p peer, l, d int, x, h, c []running) (h2, c2 []running) {
	var out []running
	for u := range c {
		i := sigmoid(p.limited(p.peeped(l, d, 'i', u, c[u], p.sum(l, d, 'i', u, x, h))))
		f := numtest.Exact(1).Sub(i)
		if !p.coupled {
			f = sigmoid(p.limited(p.peeped(l, d, 'f', u, c[u], p.sum(l, d, 'f', u, x, h))))
		}
		g := tanh(p.limited(p.sum(l, d, 'g', u, x, h)))
		v := f.FMA(c[u], i.Mul(g)).Flushed()
		o := sigmoid(p.limited(p.peeped(l, d, 'o', u, v, p.sum(l, d, 'o', u, x, h))))
		c2, out = append(c2, v), append(out, o)
	}
	n := c2
	if p.gainC != nil {
		n = normalized(c2)
		for u := range n {
			n[u] = n[u].FMA(numtest.Exact(p.gainC(l, d, u)), numtest.Exact(p.biasC(l, d, u)))
		}
	}
	for u := range out {
		out[u] = out[u].Mul(tanh(n[u])).Flushed()
	}
	if p.projection == nil {
		return out, c2
	}
	for row := range p.wide {
		var v running
		for u := range out {
			v = out[u].FMA(numtest.Exact(p.projection(l, d, row, u)), v)
		}
		h2 = append(h2, v.Flushed())
	}
	return h2, c2
}

func rnnStep(p peer, l, d int, x, h, _ []running) (h2, c2 []running) {
	for u := range h {
		h2 = append(h2, relu(p.limited(p.sum(l, d, 'h', u, x, h))).Flushed())
	}
	return h2, h2
}

// gruStep is the form before or after. The library's equation is always
// h = (1-z)*n + z*h. What a textbook network computes is rounded as
// h + (1-z)*(n-h), where 1-z = sigmoid(-a).
func gruStep(before, textbook bool) step {
	return func(p peer, l, d int, x, h, _ []running) (h2, c2 []running) {
		ofX, ofH := p.products(l, d, x, h)
		var q []running
		for u := range h {
			q = append(q, sigmoid(p.limited(p.sum(l, d, 'r', u, x, h))).Mul(h[u]).Flushed())
		}
		for u := range h {
			var a running
			if before {
				a = p.sum(l, d, 'n', u, x, q)
			} else {
				a = sigmoid(p.limited(p.sum(l, d, 'r', u, x, h))).FMA(ofH('n', u), ofX('n', u))
			}
			n, az := tanh(p.limited(a)), p.limited(p.sum(l, d, 'z', u, x, h))
			v := sigmoid(az).FMA(h[u].Sub(n), n)
			if textbook {
				v = sigmoid(az.Neg()).FMA(n.Sub(h[u]), h[u])
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
			h, c := make([]running, p.wide), make([]running, hidden)
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

func equations[N convert.Network](t *testing.T, net N, gates, wide int, s step, forward func(y, x []float32), refused ...string) {
	x, y := inputs(), make([]float32, steps*2*wide)
	forward(y, x)
	for _, library := range libraries {
		t.Run(library, func(t *testing.T) {
			p, err := peerOf(library, net, gates, wide)
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
			square := 0.0
			for _, row := range p.run(s, x) {
				for _, v := range row {
					want, bound = append(want, v.V), append(bound, v.E)
					square += v.V * v.V
				}
			}
			if p.gain != nil { // see normalized: what is left is the promise
				for i := range bound {
					bound[i] = conforms * max(math.Abs(want[i]), math.Sqrt(square/float64(len(want))))
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
	spread(net.EachParam)
	return net
}

func newGRU(t *testing.T, c gru.Config) *gru.Layer {
	t.Helper()
	c.Input, c.Hidden, c.Layers = input, hidden, layers
	net, err := gru.New(c, seeded())
	if err != nil {
		t.Fatal(err)
	}
	spread(net.EachParam)
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

// besides returns the libraries that are not in the list.
func besides(list ...string) []string {
	return slices.DeleteFunc(slices.Clone(libraries), func(l string) bool { return slices.Contains(list, l) })
}

// spread makes layer norm's parameters, which are 1 and 0 at first, differ.
func spread(each func(func(string, []float32, ...int))) {
	k := 0
	each(func(name string, w []float32, _ ...int) {
		if strings.HasPrefix(name, "gain") || strings.HasPrefix(name, "bias_c") {
			for i := range w {
				w[i] += float32(k%7-3) / 8
				k++
			}
		}
	})
}

// A variant is a network with an option and the libraries that have it.
type variant[C any] struct {
	cfg C
	has []string
}

var onednn = []string{"oneDNN ldigo", "oneDNN ldgoi"}

var (
	lstmVariants = []variant[lstm.Config]{
		{lstm.Config{}, libraries},
		{lstm.Config{Peephole: true}, []string{"ONNX", "oneDNN ldigo", "oneDNN ldgoi"}},
		{lstm.Config{Projection: 3}, []string{"PyTorch", "oneDNN ldigo", "oneDNN ldgoi"}},
		{lstm.Config{Projection: 3, Peephole: true}, onednn},
		{lstm.Config{Coupled: true}, []string{"ONNX"}},
		{lstm.Config{Coupled: true, Peephole: true, Clip: 0.25}, []string{"ONNX"}},
		{lstm.Config{LayerNorm: true}, []string{"haste"}},
	}
	gruVariants = []variant[gru.Config]{
		{gru.Config{}, libraries},
		{gru.Config{Textbook: true}, libraries},
		{gru.Config{ResetBefore: true}, besides("PyTorch", "haste")},
		{gru.Config{ResetBefore: true, Textbook: true}, besides("PyTorch", "haste")},
		{gru.Config{Clip: 0.25}, []string{"ONNX"}},
		{gru.Config{Clip: 0.25, ResetBefore: true, Textbook: true}, []string{"ONNX"}},
		{gru.Config{LayerNorm: true}, []string{"haste"}},
		{gru.Config{LayerNorm: true, Textbook: true}, []string{"haste"}},
	}
	rnnVariants = []variant[rnn.Config]{
		{rnn.Config{Activation: rnn.ReLU}, besides("haste")},
		{rnn.Config{Activation: rnn.ReLU, Clip: 0.25}, []string{"ONNX"}},
	}
)

// What is exported, run by the library's equations on the library's layout,
// gives the outputs of the network within the bound of their roundings, or with
// layer norm within what is promised.
func TestEquations(t *testing.T) {
	for _, v := range lstmVariants {
		t.Run(fmt.Sprintf("LSTM %+v", v.cfg), func(t *testing.T) {
			v.cfg.Bidirectional = true
			net := newLSTM(t, v.cfg)
			wide := hidden
			if v.cfg.Projection > 0 {
				wide = v.cfg.Projection
			}
			equations(t, net, 4, wide, lstmStep, net.Infer(steps, 1).Forward, besides(v.has...)...)
		})
	}
	for _, v := range gruVariants {
		t.Run(fmt.Sprintf("GRU %+v", v.cfg), func(t *testing.T) {
			v.cfg.Bidirectional = true
			net := newGRU(t, v.cfg)
			equations(t, net, 3, hidden, gruStep(v.cfg.ResetBefore, v.cfg.Textbook), net.Infer(steps, 1).Forward, besides(v.has...)...)
		})
	}
	for _, v := range rnnVariants {
		t.Run(fmt.Sprintf("RNN %+v", v.cfg), func(t *testing.T) {
			v.cfg.Bidirectional = true
			net := newRNN(t, v.cfg)
			equations(t, net, 1, hidden, rnnStep, net.Infer(steps, 1).Forward, besides(v.has...)...)
		})
	}
}
