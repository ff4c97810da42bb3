package oracle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// problem is a stack with everything that goes in, drawn from a seed, as float32
// values so that every arithmetic starts from the same numbers.
type problem struct {
	cell    Cell[Real]
	shape   Shape
	t, b    int
	lengths []int
	weights map[string][]float32
	x, dy   []float32
	state   [][]float32
	dstate  [][]float32
	masks   Masks
}

func (p problem) String() string {
	s := p.shape
	text := fmt.Sprintf("I=%d,H=%d,L=%d,D=%d,reverse=%v,nobias=%v,T=%d,B=%d,lengths=%v",
		s.Input, s.Hidden, s.Layers, s.Directions(), s.Reverse, s.NoBias, p.t, p.b, p.lengths)
	if s.Projection > 0 {
		text += fmt.Sprintf(",P=%d", s.Projection)
	}
	return text
}

// as returns the cell over another arithmetic.
func as[N Number[N]](cell Cell[Real]) Cell[N] {
	switch c := cell.(type) {
	case LSTM[Real]:
		return LSTM[N](c)
	case GRU[Real]:
		return GRU[N](c)
	case RNN[Real]:
		return RNN[N](c)
	}
	panic(fmt.Sprintf("%T", cell))
}

// Layer norm's gains are around 3/8: with 1 the normalised products of small
// networks make errors grow from step to step, the true ones and their bounds.
func newProblem(cell Cell[Real], s Shape, t, b int, lengths []int, seed uint64) problem {
	rng := rand.New(rand.NewPCG(seed, 99))
	draw := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for k := range v {
			v[k] = float32((2*rng.Float64() - 1) * scale)
		}
		return v
	}
	p := problem{cell: cell, shape: s, t: t, b: b, lengths: lengths, weights: map[string][]float32{}}
	for l := range s.Layers {
		for d := range s.Directions() {
			for _, k := range layerParams(cell, s, l) {
				w := draw(k.Rows*k.Cols, 1/math.Sqrt(float64(s.Hidden)))
				if strings.HasPrefix(string(k.Kind), "gain") {
					for j, v := range draw(len(w), 0.125) {
						w[j] = 0.375 + v
					}
				}
				p.weights[s.Name(k.Kind, l, d)] = w
			}
		}
	}
	p.x, p.dy = draw(t*b*s.Input, 1), draw(t*b*s.Out(), 1)
	for _, width := range cell.Widths(s) {
		p.state = append(p.state, draw(s.Layers*s.Directions()*b*width, 1))
		p.dstate = append(p.dstate, draw(s.Layers*s.Directions()*b*width, 1))
	}
	return p
}

// clone returns a copy that shares no numbers with p.
func (p problem) clone() problem {
	q := p
	q.weights = map[string][]float32{}
	for name, w := range p.weights {
		q.weights[name] = slices.Clone(w)
	}
	q.x, q.dy, q.state, q.dstate = slices.Clone(p.x), slices.Clone(p.dy), nil, nil
	for k := range p.state {
		q.state, q.dstate = append(q.state, slices.Clone(p.state[k])), append(q.dstate, slices.Clone(p.dstate[k]))
	}
	return q
}

// lifted returns the problem in the arithmetic N.
func lifted[N Number[N]](p problem) (params Params[N], in Sequence[N], dy []N, dstate [][]N) {
	in = Sequence[N]{T: p.t, B: p.b, X: Lift[N](p.x), Lengths: p.lengths, Masks: p.masks}
	for k := range p.state {
		in.State = append(in.State, Lift[N](p.state[k]))
		dstate = append(dstate, Lift[N](p.dstate[k]))
	}
	return LiftParams[N](p.weights), in, Lift[N](p.dy), dstate
}

// problems are stacks of odd sizes up to three layers, both directions, ragged
// lengths with an empty row, without biases.
func problems(cell Cell[Real]) []problem {
	all := []struct {
		s       Shape
		t, b    int
		lengths []int
	}{
		{Shape{Input: 3, Hidden: 2, Layers: 1}, 20, 2, nil},
		{Shape{Input: 1, Hidden: 1, Layers: 1}, 1, 1, nil},
		{Shape{Input: 2, Hidden: 3, Layers: 2}, 7, 3, []int{0, 7, 4}},
		{Shape{Input: 3, Hidden: 3, Layers: 1, Bidirectional: true}, 5, 3, []int{2, 0, 5}},
		{Shape{Input: 2, Hidden: 3, Layers: 3, Bidirectional: true}, 20, 2, []int{20, 11}},
		{Shape{Input: 4, Hidden: 3, Layers: 2, Reverse: true}, 6, 2, []int{3, 6}},
		{Shape{Input: 3, Hidden: 2, Layers: 2, Bidirectional: true, Merge: Sum}, 5, 3, []int{2, 0, 5}},
		{Shape{Input: 2, Hidden: 3, Layers: 2, Bidirectional: true, Merge: Average}, 4, 2, nil},
		{Shape{Input: 2, Hidden: 3, Layers: 3, Bidirectional: true, Merge: Multiply}, 6, 3, []int{4, 6, 1}},
		{Shape{Input: 2, Hidden: 5, Layers: 3, NoBias: true}, 3, 2, nil},
		{Shape{Input: 2, Hidden: 2, Layers: 1}, 0, 2, nil},
		{Shape{Input: 2, Hidden: 2, Layers: 2}, 3, 0, nil},
		{Shape{Input: 2, Hidden: 2, Layers: 2, Bidirectional: true}, 3, 2, []int{0, 0}},
	}
	var out []problem
	for k, c := range all {
		out = append(out, newProblem(cell, c.s, c.t, c.b, c.lengths, uint64(k)))
	}
	return out
}

// step is the size of the imaginary step; its square vanishes against 1.
const step = 1.0 / (1 << 60) / (1 << 40)

// complexStep differentiates f by every element of v and returns the largest
// difference from want, relative to the largest element of want.
func complexStep(v []Complex, want []Real, f func() Complex) float64 {
	scale, worst := 0.0, 0.0
	for _, w := range want {
		scale = math.Max(scale, math.Abs(float64(w)))
	}
	for k := range v {
		keep := v[k]
		v[k] = keep + complex(0, step)
		got := imag(complex128(f())) / step
		v[k] = keep
		if d := math.Abs(got - float64(want[k])); d > 0 {
			worst = math.Max(worst, d/scale)
		}
	}
	return worst
}

func dot(y, dy []Complex) Complex { return Complex(0).Dot(y, dy) }

// TestBackwardIsTheDerivative is link one of the proof of a gradient: complex
// step of Forward against Backward, every parameter, input and initial state.
func TestBackwardIsTheDerivative(t *testing.T) {
	for _, p := range problems(LSTM[Real]{}) {
		t.Run(p.String(), func(t *testing.T) {
			checkDerivative(t, p)
		})
	}
}

const link1 = 1e-10

func checkDerivative(t *testing.T, p problem) {
	t.Helper()
	params, in, dy, dstate := lifted[Real](p)
	grads := Forward(p.cell, p.shape, params, in).Backward(dy, dstate)

	cparams, cin, cdy, cdstate := lifted[Complex](p)
	for k := range in.T * in.B { // the loss must not see the padding
		if in.Lengths != nil && k/in.B >= in.Lengths[k%in.B] {
			clear(at(cdy, k, p.shape.Out()))
		}
	}
	loss := func() Complex {
		pass := Forward(as[Complex](p.cell), p.shape, cparams, cin)
		s := dot(pass.Y, cdy)
		for k := range pass.State {
			s += dot(pass.State[k], cdstate[k])
		}
		return s
	}
	check := func(name string, v []Complex, want []Real) {
		t.Helper()
		if len(v) != len(want) {
			t.Fatalf("%s: gradient has %d elements, want %d", name, len(want), len(v))
		}
		if worst := complexStep(v, want, loss); worst > link1 {
			t.Errorf("%s: differs from the complex step by %.3g relative", name, worst)
		}
	}
	if len(cparams) != len(grads.Params) {
		t.Fatalf("%d parameters, %d gradients", len(cparams), len(grads.Params))
	}
	for name := range cparams {
		check(name, cparams[name], grads.Params[name])
	}
	check("x", cin.X, grads.X)
	for k := range cin.State {
		check(fmt.Sprintf("state %d", k), cin.State[k], grads.State[k])
	}
}

// TestPaddingIsNotSeen: NaN past the end of a row, in x and in dy, changes
// nothing; outputs and input gradients there are zero, states pass through.
func TestPaddingIsNotSeen(t *testing.T) {
	s := Shape{Input: 2, Hidden: 3, Layers: 2, Bidirectional: true}
	p := newProblem(LSTM[Real]{}, s, 4, 3, []int{2, 0, 4}, 5)
	params, in, dy, dstate := lifted[Real](p)
	want := Forward(LSTM[Real]{}, s, params, in)
	wantGrads := want.Backward(dy, dstate)
	for k := range in.T * in.B {
		if k/in.B >= in.Lengths[k%in.B] {
			for c := range s.Input {
				at(in.X, k, s.Input)[c] = Real(math.NaN())
			}
			for c := range s.Out() {
				at(dy, k, s.Out())[c] = Real(math.NaN())
				if v := at(want.Y, k, s.Out())[c]; v != 0 {
					t.Errorf("output %v past the end of a row", v)
				}
			}
		}
	}
	got := Forward(LSTM[Real]{}, s, params, in)
	gotGrads := got.Backward(dy, dstate)
	same := func(name string, a, b []Real) {
		for k := range a {
			if a[k] != b[k] {
				t.Fatalf("%s[%d] = %v, without NaN in the padding %v", name, k, a[k], b[k])
			}
		}
	}
	same("y", got.Y, want.Y)
	same("dx", gotGrads.X, wantGrads.X)
	for k := range got.State {
		same("state", got.State[k], want.State[k])
		same("state gradient", gotGrads.State[k], wantGrads.State[k])
		for l := range s.Layers * s.Directions() {
			empty := l*p.b + 1 // row 1 has no steps
			same("state of an empty row", at(got.State[k], empty, s.Hidden), at(in.State[k], empty, s.Hidden))
			same("state gradient of an empty row", at(gotGrads.State[k], empty, s.Hidden), at(dstate[k], empty, s.Hidden))
		}
	}
	for name := range params {
		same(name, gotGrads.Params[name], wantGrads.Params[name])
	}
}

// TestTruncatedIsTheDerivative: with the states that enter a window held fixed,
// the summed gradient is the derivative of the summed losses.
func TestTruncatedIsTheDerivative(t *testing.T) {
	s := Shape{Input: 2, Hidden: 3, Layers: 2}
	const windows = 3
	var re []Sequence[Real]
	var co []Sequence[Complex]
	var dy [][]Real
	var cdy [][]Complex
	var params Params[Real]
	var cparams Params[Complex]
	var dlast [][]Real
	var cdlast [][]Complex
	for k := range windows {
		p := newProblem(LSTM[Real]{}, s, 4-k, 2, nil, uint64(50+k))
		pr, in, d, ds := lifted[Real](p)
		cp, cin, cd, cds := lifted[Complex](p)
		if k == 0 {
			params, cparams = pr, cp
		}
		dlast, cdlast = ds, cds
		re, co, dy, cdy = append(re, in), append(co, cin), append(dy, d), append(cdy, cd)
	}
	passes, grads, total := Truncated(LSTM[Real]{}, s, params, re, dy, dlast)
	for k := 1; k < windows; k++ {
		for i := range passes[k-1].State {
			co[k].State[i] = Lift[Complex](Values(passes[k-1].State[i]))
		}
	}
	loss := func() Complex {
		var sum Complex
		for k := range windows {
			pass := Forward(LSTM[Complex]{}, s, cparams, co[k])
			sum += dot(pass.Y, cdy[k])
			if k == windows-1 {
				for i := range pass.State {
					sum += dot(pass.State[i], cdlast[i])
				}
			}
		}
		return sum
	}
	for name := range cparams {
		if worst := complexStep(cparams[name], total[name], loss); worst > link1 {
			t.Errorf("%s: differs by %.3g relative", name, worst)
		}
	}
	for k := range windows {
		if worst := complexStep(co[k].X, grads[k].X, loss); worst > link1 {
			t.Errorf("x of window %d: differs by %.3g relative", k, worst)
		}
	}
}

// languageModel is embedding, stack, readout, loss.
type languageModel[N Number[N]] struct {
	cell              Cell[N]
	shape             Shape
	classes           int
	table, w, b       []N
	params            Params[N]
	in                Sequence[N] // without X
	ids, targets      []int
	h, logits         []N
	dtable, dw, db, z []N
}

func (m *languageModel[N]) loss() N {
	in := m.in
	in.X = Embed(m.table, m.shape.Input, m.ids)
	pass := Forward(m.cell, m.shape, m.params, in)
	m.h = pass.Y
	m.logits = Linear(m.w, m.b, pass.Y, m.shape.Out(), m.classes)
	return CrossEntropy(m.logits, m.classes, m.targets)
}

func (m *languageModel[N]) back() *Gradients[N] {
	in := m.in
	in.X = Embed(m.table, m.shape.Input, m.ids)
	pass := Forward(m.cell, m.shape, m.params, in)
	m.z = CrossEntropyBack(m.logits, m.classes, m.targets)
	var dh []N
	m.dw, m.db, dh = LinearBack(m.w, m.h, m.z, m.shape.Out(), m.classes)
	grads := pass.Backward(dh, nil)
	m.dtable = EmbedBack(m.classes, m.shape.Input, m.ids, grads.X)
	return grads
}

func newModel[N Number[N]](cell Cell[N], p problem, classes int) *languageModel[N] {
	rng := rand.New(rand.NewPCG(7, 8))
	draw := func(n int) []N {
		v := make([]float32, n)
		for k := range v {
			v[k] = float32(2*rng.Float64() - 1)
		}
		return Lift[N](v)
	}
	params, in, _, _ := lifted[N](p)
	m := &languageModel[N]{cell: cell, shape: p.shape, classes: classes, params: params, in: in}
	m.table, m.w, m.b = draw(classes*p.shape.Input), draw(classes*p.shape.Out()), draw(classes)
	for range p.t * p.b {
		m.ids = append(m.ids, rng.IntN(classes-1)) // the last symbol never appears
		m.targets = append(m.targets, rng.IntN(classes+1)-1)
	}
	return m
}

func TestLanguageModelBackwardIsTheDerivative(t *testing.T) {
	s := Shape{Input: 3, Hidden: 4, Layers: 2}
	p := newProblem(LSTM[Real]{}, s, 5, 3, nil, 3)
	re := newModel[Real](LSTM[Real]{}, p, 6)
	co := newModel[Complex](LSTM[Complex]{}, p, 6)
	re.loss()
	grads := re.back()
	check := func(name string, v []Complex, want []Real) {
		if worst := complexStep(v, want, co.loss); worst > link1 {
			t.Errorf("%s: differs by %.3g relative", name, worst)
		}
	}
	for name := range co.params {
		check(name, co.params[name], grads.Params[name])
	}
	check("embedding", co.table, re.dtable)
	check("readout weight", co.w, re.dw)
	check("readout bias", co.b, re.db)
}

// TestCrossEntropyEdges: nothing to count is zero loss and gradient; large
// logits stay finite.
func TestCrossEntropyEdges(t *testing.T) {
	z := []Real{1, 2, 3, 4}
	if l := CrossEntropy(z, 2, []int{-1, -1}); l != 0 {
		t.Errorf("loss over no targets is %v", l)
	}
	for _, v := range CrossEntropyBack(z, 2, []int{-1, -1}) {
		if v != 0 {
			t.Errorf("gradient over no targets is %v", v)
		}
	}
	if l := CrossEntropy([]Real{1000, 0}, 2, []int{1}); l != 1000 {
		t.Errorf("loss of a certain error is %v, want 1000", l)
	}
}

// TestKnownStep pins one step computed by hand: the forward must not be its own
// judge.
func TestKnownStep(t *testing.T) {
	// All weights zero: i = f = o = 1/2 and g = 0, so c' = c/2, h' = tanh(c')/2.
	s := Shape{Input: 1, Hidden: 1, Layers: 1, NoBias: true}
	p := Params[Real]{"weight_ih_l0": make([]Real, 4), "weight_hh_l0": make([]Real, 4)}
	in := Sequence[Real]{T: 1, B: 1, X: []Real{3}, State: [][]Real{{2}, {0.8}}}
	pass := Forward(LSTM[Real]{}, s, p, in)
	if c := pass.State[1][0]; c != 0.4 {
		t.Errorf("c = %v, want 0.4", c)
	}
	if h, want := pass.Y[0], Real(math.Tanh(0.4)/2); h != want {
		t.Errorf("h = %v, want %v", h, want)
	}
	// One gate opened at a time: a bias of ln 3 makes a sigmoid 3/4.
	ln3 := Real(math.Log(3))
	for gate, want := range []float64{0.75*math.Tanh(0.5) + 0.5*0.8, 0.5*math.Tanh(0.5) + 0.75*0.8, 0, 0.5*math.Tanh(0.5) + 0.5*0.8} {
		if gate == 2 {
			continue
		}
		b := []Real{0, 0, 0.5, 0}
		b[gate] += ln3
		p := Params[Real]{"weight_ih_l0": make([]Real, 4), "weight_hh_l0": make([]Real, 4), "bias_ih_l0": b, "bias_hh_l0": make([]Real, 4)}
		pass := Forward(LSTM[Real]{}, Shape{Input: 1, Hidden: 1, Layers: 1}, p, in)
		if c := float64(pass.State[1][0]); math.Abs(c-want) > 1e-15 {
			t.Errorf("gate %d open: c = %v, want %v", gate, c, want)
		}
	}
}
