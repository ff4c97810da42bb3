package seq

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// gated is a cell that differs from an LSTM in all that a Shape can say: one
// state tensor, a tape wider than the gates, two blocks of W_hh, one of them
// an OwnChain. It is the GRU with the reset after the product:
//
//	r = sigmoid(a_r)   z = sigmoid(a_z)
//	n = tanh(W_in x + b_in + r*(W_hn h + b_hn))
//	h' = (1-z)*n + z*h
//
// The tape is r, z, the x part of n (later n), the h part of n.
type gated struct{ h int }

func (c gated) Shape() Shape {
	return Shape{
		Hidden: c.h, States: []int{c.h}, Gates: 3 * c.h, Tape: 4 * c.h,
		Recur:  []Block{{Rows: 2 * c.h}, {Row: 2 * c.h, Rows: c.h, Col: 3 * c.h, OwnChain: true}},
		Totals: []Total{{BiasIh, 0, 3 * c.h, 0}, {BiasHh, 0, 2 * c.h, 0}, {BiasHh, 2 * c.h, c.h, 3 * c.h}},
	}
}

func (c gated) Forward(s *Step) {
	H, prev := c.h, &s.Prev[0]
	s.Multiply(0, kernels.Continue, prev.From(0), nil, s.Tape.From(0))
	s.Multiply(1, kernels.Set, prev.From(0), s.BiasHh[1], s.Tape.From(3*H))
	for b := range s.Rows {
		a, h, hp := s.Tape.Row(b), s.State[0].Row(b), prev.Row(b)
		for j := s.Lo; j < s.Hi; j++ {
			r, z := ref.Sigmoid1(a[j]), ref.Sigmoid1(a[H+j])
			n := ref.Tanh1(ref.FMA(r, a[3*H+j], a[2*H+j]))
			a[j], a[H+j], a[2*H+j] = r, z, n
			h[j] = ref.FMA(z, hp[j]-n, n)
		}
	}
}

func (c gated) Backward(s *Step) {
	H := c.h
	for b := range s.Rows {
		a, hp, dh, dy := s.Tape.Row(b), s.Prev[0].Row(b), s.Grad[0].Row(b), s.Dy.Row(b)
		direct := make([]float32, H)
		for j := range dh {
			r, z, n, nh := a[j], a[H+j], a[2*H+j], a[3*H+j]
			d := dh[j] + dy[j]
			dn := d * (1 - z) * (1 - n*n)
			a[j], a[H+j], a[2*H+j], a[3*H+j] = dn*nh*r*(1-r), d*(hp[j]-n)*z*(1-z), dn, dn*r
			direct[j] = d * z
		}
		s.Recur[0].Gemm(kernels.Set, 1, a[:2*H], 2*H, dh, H)
		s.Recur[1].Gemm(kernels.Continue, 1, a[3*H:], H, dh, H)
		ref.Add(dh, dh, direct)
	}
}

// loss is the same network in float64 with nothing shared: sum(y*dy) +
// sum(h_T*dh) for given parameters.
func loss(n *Net, T, B int, p [][]float64, x, dy, h0, dh []float64, lengths []int) float64 {
	H, D := n.Shape.States[0], len(n.Reverse)
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	sum := 0.
	in, width := x, n.Input
	for l := range n.Layers {
		out := make([]float64, T*B*D*H)
		for d, reverse := range n.Reverse {
			i := l*D + d
			wi, wh, bi, bh := p[4*i], p[4*i+1], p[4*i+2], p[4*i+3]
			for b := range B {
				h := append([]float64(nil), h0[(i*B+b)*H:][:H]...)
				for k := range lengths[b] {
					t := k
					if reverse {
						t = lengths[b] - 1 - k
					}
					gx, gh := append([]float64(nil), bi...), append([]float64(nil), bh...)
					for r := range gx {
						for k := range width {
							gx[r] += wi[r*width+k] * in[(t*B+b)*width+k]
						}
						for k := range H {
							gh[r] += wh[r*H+k] * h[k]
						}
					}
					for j := range H {
						r, z := sigmoid(gx[j]+gh[j]), sigmoid(gx[H+j]+gh[H+j])
						c := math.Tanh(gx[2*H+j] + r*gh[2*H+j])
						h[j] = (1-z)*c + z*h[j]
						out[(t*B+b)*D*H+d*H+j] = h[j]
					}
				}
				for j := range H {
					sum += h[j] * dh[(i*B+b)*H+j]
				}
			}
		}
		in, width = out, D*H
	}
	for i, v := range in {
		sum += v * dy[i]
	}
	return sum
}

// A cell of another shape gets the right gradients of everything.
func TestAnotherCell(t *testing.T) {
	const T, B, I, H = 4, 3, 2, 3
	src := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(src.Float64()*2 - 1)
		}
		return v
	}
	wide := func(v []float32) []float64 {
		w := make([]float64, len(v))
		for i := range v {
			w[i] = float64(v[i])
		}
		return w
	}
	for _, reverse := range [][]bool{{false}, {true}, {false, true}} {
		n, err := NewNet(Net{Kind: "test", Cell: gated{H}, Input: I, Layers: 2, Reverse: reverse, Workers: 2}, true, Zeros)
		if err != nil {
			t.Fatal(err)
		}
		n.Init(rand.New(rand.NewPCG(1, 2)), func(r *rand.Rand, p Param) { p.Uniform(r, 1) })
		D := len(reverse)
		x, dy := draw(T*B*I), draw(T*B*D*H)
		h0, dh := draw(2*D*B*H), draw(2*D*B*H)
		lengths := []int{4, 0, 2}
		for b, length := range lengths {
			for s := length; s < T; s++ {
				clear(dy[(s*B+b)*D*H:][:D*H])
			}
		}
		u := n.Unroll(T, B, true)
		for _, err := range []error{u.SetLengths(lengths), u.SetState([][]float32{h0}), u.SetStateGrad([][]float32{dh})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		y, dx := make([]float32, len(dy)), make([]float32, len(x))
		u.Forward(y, x)
		u.Backward(dx, dy)

		// Each element against a central difference.
		var names []string
		var params [][]float64
		var grads [][]float32
		u.EachParam(func(name string, w, g []float32) {
			names, params, grads = append(names, name), append(params, wide(w)), append(grads, g)
		})
		args := append([][]float64{wide(x), wide(h0)}, params...)
		grads = append([][]float32{dx, u.StateGrad()[0]}, grads...)
		names = append([]string{"x", "h0"}, names...)
		for k, a := range args {
			for i := range a {
				const eps = 1e-5
				at := func(v float64) float64 {
					a[i] = v
					return loss(n, T, B, args[2:], args[0], wide(dy), args[1], wide(dh), lengths)
				}
				v := a[i]
				want := (at(v+eps) - at(v-eps)) / (2 * eps)
				a[i] = v
				if got := float64(grads[k][i]); !(math.Abs(got-want) <= 1e-5) {
					t.Errorf("reverse %v: gradient of %s[%d] is %v, want %v", reverse, names[k], i, got, want)
				}
			}
		}
	}
}

// Work is shared as the model says, and as the user says.
func TestWorkersFollowTheWork(t *testing.T) {
	u := &Unrolled{isa: kernels.Scalar, workers: workers{most: 4}, batch: 32}
	parts := func(flops float64, limit int) (n int) {
		u.fork(piece{flops, limit}, func(w, k int) {
			if w == 0 {
				n = k
			}
		})
		return n
	}
	const g = 1 << 16 // floating point operations that are worth another worker
	worth, all := split.LimitOf(0), split.LimitOf(4)
	for _, c := range []struct {
		flops float64
		limit int
		all   split.Limit
		want  int
	}{
		{0, 9, worth, 1}, {1.9 * g, 9, worth, 1}, {2 * g, 9, worth, 2}, {100 * g, 9, worth, 4}, {100 * g, 3, worth, 3},
		{100 * g, 0, worth, 1}, {0, 9, all, 4}, {0, 3, all, 3},
	} {
		u.workers.limit = c.all
		if n := parts(c.flops, c.limit); n != c.want {
			t.Errorf("%+v: %d parts", c, n)
		}
	}
	for _, c := range []struct {
		split.Limit
		want int
	}{{worth, 8}, {all, 32}} {
		if u.workers.limit = c.Limit; u.rowShares() != c.want {
			t.Errorf("32 rows may be cut into %d shares, want %d", u.rowShares(), c.want)
		}
	}
	net, err := NewNet(Net{Kind: "test", Cell: gated{1}, Input: 1, Layers: 1, Reverse: []bool{false}, Workers: 5}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	u = net.Unroll(1, 1, true)
	if n := parts(0, 9); n != 5 {
		t.Errorf("%d parts for a network with 5 workers", n)
	}
	u.SetWorkers(3)
	if n := parts(0, 9); n != 3 {
		t.Errorf("%d parts after SetWorkers(3)", n)
	}
	u.SetWorkers(0)
	if n := parts(0, 9); n != 1 {
		t.Errorf("%d parts of no work after SetWorkers(0)", n)
	}

	// As users have it, the number is a limit.
	defer numtest.LimitWorkers()()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, c := range []struct {
		workers int
		flops   float64
		want    int
	}{{3, 0, 1}, {3, 2 * g, 2}, {3, 100 * g, 3}, {9, 100 * g, 4}, {0, 100 * g, 4}} {
		u.isa = kernels.Scalar
		u.SetWorkers(c.workers)
		if n := parts(c.flops, 9); n != c.want {
			t.Errorf("%+v: %d parts, want %d", c, n, c.want)
		}
	}
	// A Predictor's too.
	small := net
	small.Workers = 4
	p, err := small.NewPredictor(16)
	if err != nil {
		t.Fatal(err)
	}
	if p.workers != 1 {
		t.Errorf("%d workers of a Predictor of one unit, want 1", p.workers)
	}
}

// What a Predictor has prepared is part of what Bytes tells.
func TestPredictorTellsItsBoundProducts(t *testing.T) {
	net, err := NewNet(Net{Kind: "test", Cell: gated{5}, Input: 3, Layers: 2, Reverse: []bool{false}, Workers: 1}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.NewPredictor(2)
	if err != nil {
		t.Fatal(err)
	}
	told, bound := p.Bytes(), 0
	if len(p.bound) != net.Layers {
		t.Fatalf("%d layers are bound, want %d", len(p.bound), net.Layers)
	}
	for _, l := range p.bound {
		bound += l.input.Bytes()
		for _, b := range l.recur {
			bound += b.Bytes() // all of this cell go by Multiply
		}
	}
	if p.bound = nil; told-p.Bytes() != bound || bound == 0 {
		t.Errorf("Bytes told %d with the bound products and %d without, which take %d", told, p.Bytes(), bound)
	}
}
