package lstm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// The second link of the proof of the gradients: what the layer computes in
// float32 lies within the bound that the oracle computes from its own float64
// magnitudes, element by element. (The first link, that the oracle's gradients
// are the derivatives, is proved in its own package.)

// numbers are everything that goes into a pass, and what comes out.
type numbers struct {
	weights               map[string][]float32
	x, dy                 []float32
	state, dstate         [][]float32
	y, dx                 []float32
	last, first           [][]float32 // the states after, the gradient of those before
	grads                 map[string][]float32
	steps, batch          int
	lengths               []int
	cfg                   lstm.Config
	shape                 oracle.Shape
	want                  *oracle.Pass[oracle.Bounded]
	wantGrads             *oracle.Gradients[oracle.Bounded]
	largestPartOfAnyBound float64
}

func shapeOf(cfg lstm.Config) oracle.Shape {
	return oracle.Shape{Input: cfg.Input, Hidden: cfg.Hidden, Layers: max(cfg.Layers, 1),
		Bidirectional: cfg.Bidirectional, Reverse: cfg.Reverse, NoBias: cfg.NoBias}
}

func uniform(rng *rand.Rand, n int, limit float64) []float32 {
	v := make([]float32, n)
	for k := range v {
		v[k] = float32((2*rng.Float64() - 1) * limit)
	}
	return v
}

// newNumbers draws a pass from a seed and puts NaN into the padding of x and dy.
func newNumbers(cfg lstm.Config, steps, batch int, lengths []int, seed uint64) *numbers {
	rng := rand.New(rand.NewPCG(seed, 17))
	s := shapeOf(cfg)
	n := &numbers{cfg: cfg, shape: s, steps: steps, batch: batch, lengths: lengths, weights: map[string][]float32{}}
	sizes := s.Sizes(4)
	for l := range s.Layers {
		for d := range s.Directions() {
			for _, k := range []oracle.Kind{oracle.WeightIH, oracle.WeightHH, oracle.BiasIH, oracle.BiasHH} {
				if size, ok := sizes[s.Name(k, l, d)]; ok {
					n.weights[s.Name(k, l, d)] = uniform(rng, size, 1/math.Sqrt(float64(s.Hidden)))
				}
			}
		}
	}
	n.x, n.dy = uniform(rng, steps*batch*s.Input, 1), uniform(rng, steps*batch*s.Out(), 1)
	for range 2 {
		n.state = append(n.state, uniform(rng, s.Layers*s.Directions()*batch*s.Hidden, 1))
		n.dstate = append(n.dstate, uniform(rng, s.Layers*s.Directions()*batch*s.Hidden, 1))
	}
	nan := float32(math.NaN())
	for k := range steps * batch {
		if lengths != nil && k/batch >= lengths[k%batch] {
			fill(n.x[k*s.Input:][:s.Input], nan)
			fill(n.dy[k*s.Out():][:s.Out()], nan)
		}
	}
	return n
}

func fill(v []float32, with float32) {
	for k := range v {
		v[k] = with
	}
}

// judge lets the oracle compute what is wanted.
func (n *numbers) judge() {
	n.want = oracle.Forward(oracle.LSTM[oracle.Bounded]{}, n.shape, oracle.LiftParams[oracle.Bounded](n.weights), n.sequence())
	n.wantGrads = n.want.Backward(lift(n.dy), [][]oracle.Bounded{lift(n.dstate[0]), lift(n.dstate[1])})
}

func (n *numbers) sequence() oracle.Sequence[oracle.Bounded] {
	return oracle.Sequence[oracle.Bounded]{T: n.steps, B: n.batch, X: lift(n.x), Lengths: n.lengths,
		State: [][]oracle.Bounded{lift(n.state[0]), lift(n.state[1])}}
}

func lift(v []float32) []oracle.Bounded { return oracle.Lift[oracle.Bounded](v) }

// unroll makes the layer with the given weights.
func unroll(t *testing.T, cfg lstm.Config, weights map[string][]float32, steps, batch int) *lstm.Unrolled {
	t.Helper()
	net, err := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	u := net.Unroll(steps, batch)
	seen := 0
	u.EachParam(func(name string, w, g []float32) {
		if len(w) != len(weights[name]) || len(g) != len(w) {
			t.Fatalf("%s has %d elements and %d of gradient, want %d", name, len(w), len(g), len(weights[name]))
		}
		copy(w, weights[name])
		seen++
	})
	if seen != len(weights) {
		t.Fatalf("%d parameters, want %d", seen, len(weights))
	}
	return u
}

// run takes the pass through the layer. Whatever is to be set is NaN before.
func (n *numbers) run(t *testing.T) {
	t.Helper()
	u := unroll(t, n.cfg, n.weights, n.steps, n.batch)
	noError(t, u.SetLengths(n.lengths))
	noError(t, u.SetState(n.state))
	n.y, n.dx = make([]float32, len(n.dy)), make([]float32, len(n.x))
	fill(n.y, float32(math.NaN()))
	fill(n.dx, float32(math.NaN()))
	u.Forward(n.y, n.x)
	n.last = u.State()
	noError(t, u.SetStateGrad(n.dstate))
	u.Backward(n.dx, n.dy)
	n.first = u.StateGrad()
	n.grads = gradients(u)
}

func gradients(u *lstm.Unrolled) map[string][]float32 {
	grads := map[string][]float32{}
	u.EachParam(func(name string, _, g []float32) { grads[name] = append([]float32(nil), g...) })
	return grads
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check holds the pass against the oracle.
func (n *numbers) check(t *testing.T) {
	t.Helper()
	hold := func(name string, got []float32, want []oracle.Bounded) {
		t.Helper()
		used, err := oracle.Compare(name, got, want)
		if err != nil {
			t.Errorf("%v: %v", n, err)
		}
		n.largestPartOfAnyBound = max(n.largestPartOfAnyBound, used)
	}
	hold("y", n.y, n.want.Y)
	hold("h_n", n.last[0], n.want.State[0])
	hold("c_n", n.last[1], n.want.State[1])
	hold("dx", n.dx, n.wantGrads.X)
	hold("dh_0", n.first[0], n.wantGrads.State[0])
	hold("dc_0", n.first[1], n.wantGrads.State[1])
	for name, want := range n.wantGrads.Params {
		hold("d"+name, n.grads[name], want)
	}
}

func (n *numbers) String() string {
	return fmt.Sprintf("%+v T=%d B=%d lengths=%v", n.cfg, n.steps, n.batch, n.lengths)
}

// raggedLengths holds 0, T and what lies between, not in order.
func raggedLengths(steps, batch int) []int {
	lengths := make([]int, batch)
	for b := range lengths {
		lengths[b] = []int{(steps + 1) / 2, 0, steps, 1, steps - 1, steps / 3}[b%6]
		lengths[b] = min(max(lengths[b], 0), steps)
	}
	return lengths
}

// passes are shapes in which every pair of edge sizes occurs, one, two and three
// layers, all directions.
func passes() []*numbers {
	var all []*numbers
	axes := []numtest.Axis{
		{Name: "I", Values: []int{1, 3, 15, 16, 17, 33}},
		{Name: "H", Values: []int{1, 3, 15, 16, 17, 33}},
		{Name: "B", Values: []int{1, 2, 3, 7, 9}},
		{Name: "T", Values: []int{1, 2, 3, 7, 20}},
		{Name: "L", Values: []int{1, 2, 3}},
		{Name: "direction", Values: []int{0, 1, 2}}, // forward, reverse, both
		{Name: "ragged", Values: []int{0, 1}},
		{Name: "no bias", Values: []int{0, 1}},
	}
	// The oracle follows 2H errors per step through every product.
	cost := func(v []int) int64 {
		in, h, b, t, l, d := int64(v[0]), int64(v[1]), int64(v[2]), int64(v[3]), int64(v[4]), int64(v[5]/2+1)
		products := 4 * h * (in + l*h*(1+d)) * d
		return products * t * b * (2 * h * t * l * d) / 64 // a product by an error takes far less than one of the reference
	}
	numtest.Cases(2e8, cost, axes, func(v []int) bool {
		cfg := lstm.Config{Input: v[0], Hidden: v[1], Layers: v[4], Bidirectional: v[5] == 2, Reverse: v[5] == 1, NoBias: v[7] == 1}
		var lengths []int
		if v[6] == 1 {
			lengths = raggedLengths(v[3], v[2])
		}
		all = append(all, newNumbers(cfg, v[3], v[2], lengths, uint64(len(all))))
		return true
	})
	// No steps, no rows, no row with a step.
	all = append(all,
		newNumbers(lstm.Config{Input: 3, Hidden: 5, Layers: 2}, 0, 3, nil, 1000),
		newNumbers(lstm.Config{Input: 3, Hidden: 5, Layers: 2}, 4, 0, nil, 1001),
		newNumbers(lstm.Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true}, 3, 2, []int{0, 0}, 1002),
		// The sums of weight gradients are cut into chunks of ceil(256/B) steps.
		newNumbers(lstm.Config{Input: 2, Hidden: 3, Layers: 1}, 29, 19, raggedLengths(29, 19), 1003),
		newNumbers(lstm.Config{Input: 2, Hidden: 2, Layers: 1, Bidirectional: true}, 11, 86, nil, 1004),
	)
	var wg sync.WaitGroup
	next := make(chan *numbers)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := range next {
				n.judge()
			}
		})
	}
	for _, n := range all {
		next <- n
	}
	close(next)
	wg.Wait()
	return all
}

// TestAgainstOracle: outputs, final states and the gradient of every parameter,
// of x and of the initial states, within the oracle's bound.
func TestAgainstOracle(t *testing.T) {
	all := passes()
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		used := 0.0
		for _, n := range all {
			n.run(t)
			n.check(t)
			used = max(used, n.largestPartOfAnyBound)
		}
		t.Logf("%d shapes, at most %.0f%% of any bound used", len(all), 100*used)
	})
}

// TestIdentities: without a step, in the whole pass or in a row, the state and
// its gradient are handed on bit for bit.
func TestIdentities(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, c := range []struct {
			steps   int
			lengths []int
		}{{0, nil}, {0, []int{0, 0}}, {3, []int{0, 0}}} {
			n := newNumbers(lstm.Config{Input: 2, Hidden: 5, Layers: 2, Bidirectional: true}, c.steps, 2, c.lengths, 3)
			n.run(t)
			for k := range n.state {
				equalBits(t, fmt.Sprintf("state %d", k), n.last[k], n.state[k])
				equalBits(t, fmt.Sprintf("state gradient %d", k), n.first[k], n.dstate[k])
			}
			for name, g := range n.grads {
				equalBits(t, name, g, make([]float32, len(g)))
			}
			equalBits(t, "y", n.y, make([]float32, len(n.y)))
			equalBits(t, "dx", n.dx, make([]float32, len(n.dx)))
		}
	})
}

func equalBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for k := range want {
		if math.Float32bits(got[k]) != math.Float32bits(want[k]) {
			t.Errorf("%s[%d] = %v, want the bits of %v", name, k, got[k], want[k])
			return
		}
	}
}

// TestTruncatedAgainstOracle: windows of different lengths, the state carried
// from one to the next and no gradient across; gradients add up over Backwards
// that no ZeroGrads separates.
func TestTruncatedAgainstOracle(t *testing.T) {
	cfg := lstm.Config{Input: 5, Hidden: 17, Layers: 2}
	const batch = 3
	windows := []*numbers{
		newNumbers(cfg, 6, batch, nil, 70), newNumbers(cfg, 1, batch, []int{1, 0, 1}, 71),
		newNumbers(cfg, 4, batch, []int{4, 2, 0}, 72), newNumbers(cfg, 5, batch, nil, 73),
	}
	last := len(windows) - 1
	var in []oracle.Sequence[oracle.Bounded]
	var dy [][]oracle.Bounded
	for _, n := range windows {
		in, dy = append(in, n.sequence()), append(dy, lift(n.dy))
	}
	dlast := [][]oracle.Bounded{lift(windows[last].dstate[0]), lift(windows[last].dstate[1])}
	passes, grads, total := oracle.Truncated(oracle.LSTM[oracle.Bounded]{}, shapeOf(cfg), oracle.LiftParams[oracle.Bounded](windows[0].weights), in, dy, dlast)

	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		u := unroll(t, cfg, windows[0].weights, 6, batch)
		noError(t, u.SetState(windows[0].state))
		hold := func(name string, got []float32, want []oracle.Bounded) {
			t.Helper()
			if _, err := oracle.Compare(name, got, want); err != nil {
				t.Error(err)
			}
		}
		for k, n := range windows {
			y, dx := make([]float32, len(n.dy)), make([]float32, len(n.x))
			noError(t, u.SetLengths(n.lengths))
			u.Forward(y, n.x)
			if k == last {
				noError(t, u.SetStateGrad(n.dstate))
			}
			u.Backward(dx, n.dy)
			hold(fmt.Sprintf("y of window %d", k), y, passes[k].Y)
			hold(fmt.Sprintf("dx of window %d", k), dx, grads[k].X)
			for i, s := range u.State() {
				hold(fmt.Sprintf("state %d after window %d", i, k), s, passes[k].State[i])
			}
			for i, g := range u.StateGrad() {
				hold(fmt.Sprintf("gradient of state %d before window %d", i, k), g, grads[k].State[i])
			}
		}
		for name, g := range gradients(u) {
			hold("d"+name, g, total[name])
		}
	})
}

// TestOracleSeesAFault: the comparison above would notice a single weight
// gradient that is off by a thousandth, and a missing term.
func TestOracleSeesAFault(t *testing.T) {
	n := newNumbers(lstm.Config{Input: 17, Hidden: 16, Layers: 2, Bidirectional: true}, 7, 3, nil, 9)
	n.judge()
	n.run(t)
	for name, g := range n.grads {
		at := 0
		for k := range g {
			if math.Abs(float64(g[k])) > math.Abs(float64(g[at])) {
				at = k
			}
		}
		g[at] *= 1.001
		if _, err := oracle.Compare(name, g, n.wantGrads.Params[name]); err == nil {
			t.Errorf("%s: an element off by 1e-3 is within its bound", name)
		}
	}
}
