// Package nettest holds the tests that every kind of recurrent layer must pass,
// written once over the methods that the packages of cells have in common. A
// package brings a [Kind]: how its layers are made, and the arithmetic of one
// step as loops over single elements.
package nettest

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// Config is the part of a configuration that all kinds have.
type Config struct {
	Input, Hidden, Layers          int
	Bidirectional, Reverse, NoBias bool
	Merge                          int // of two directions: 0 side by side, 1 sum, 2 average, 3 product
	Workers                        int
}

func (c Config) directions() []bool {
	switch {
	case c.Bidirectional:
		return []bool{false, true}
	case c.Reverse:
		return []bool{true}
	}
	return []bool{false}
}

// A Kind is a kind of layer, in one of its variants.
type Kind struct {
	Package string // the prefix of its messages
	Variant string // for the names of tests
	Gates   int    // blocks of Hidden rows in a parameter
	States  int    // state tensors
	Tape    int    // floats that training keeps for each step, row and unit
	Fields  int    // integers of the configuration in a file
	// New makes a layer: with weights drawn from r, or, if r is nil, of +0.
	New  func(c Config, r *rand.Rand) (Layer, error)
	Load func(r io.Reader) (Layer, error)
	Cell Cell
	// Noise is what New adds to a Config, Dropout from two layers on.
	Noise Noise
	// Width is the width of h for a number of units; nil if it is that number.
	Width func(hidden int) int

	evaluate bool // hold the oracle against it in evaluation
	variant  bool // of another kind, for which one shape of each sort will do
}

// width is the width of state tensor k.
func (k Kind) width(state, hidden int) int {
	if state == 0 && k.Width != nil {
		return k.Width(hidden)
	}
	return hidden
}

// Layer, Unrolled and Predictor are the types of every package of cells.
type Layer interface {
	EachParam(f func(name string, w []float32, shape ...int))
	WriteTo(w io.Writer) (int64, error)
	Unroll(steps, batch int) Unrolled
	UnrollWithin(steps, batch, bytes int) (Unrolled, error)
	Infer(steps, batch int) Unrolled
	Predictor(batch int) (Predictor, error)
	// Settings is the layer's Config, with ==.
	Settings() any
}

type Unrolled interface {
	Dims() (steps, batch, in, out int)
	Bytes() int
	Forward(y, x []float32)
	ForwardLengths(y, x []float32, lengths []int) error
	HoldWeights(on bool)
	Refresh()
	Backward(dx, dy []float32)
	TakesSymbols(net any) bool
	ReserveSymbols(vocabulary int)
	ForwardSymbols(y, table []float32, ids []int32)
	BackwardSymbols(dTable, dy []float32, padding int32)
	SetLengths(lengths []int) error
	SetResets(resets [][]int) error
	SetResetState(s [][]float32) error
	CopyResetGrad(dst [][]float32)
	SetBatchFirst(on bool)
	SetTraining(on bool)
	SetSeed(seed uint64)
	SetRowIDs(ids []uint32) error
	MaskState() []uint64
	SetMaskState(s []uint64) error
	Clock() []uint64
	SetClock(c []uint64) error
	SetWorkers(n int)
	State() [][]float32
	HiddenStates(layer int, dst []float32)
	CopyState(dst [][]float32)
	SetState(s [][]float32) error
	StateGrad() [][]float32
	CopyStateGrad(dst [][]float32)
	SetStateGrad(g [][]float32) error
	Reset(rows ...int)
	ZeroGrads()
	EachParam(f func(name string, w, g []float32))
	OnGradients(f func(n int)) any
	NewPredictor(batch int) (any, error)
}

type Predictor interface {
	Dims() (batch, in, out int)
	Bytes() int
	Step(y, x []float32)
	TakesSymbols(predictor any, vocabulary int) bool
	HoldSymbols(table []float32)
	StepSymbols(y []float32, ids []int32)
	State() [][]float32
	CopyState(dst [][]float32)
	SetState(s [][]float32) error
	Reset(rows ...int)
	Reorder(src []int)
	Refresh()
}

// Wrap makes a Layer of a package's own. C is its Config.
func Wrap[U Unrolled, P Predictor, C comparable](l interface {
	EachParam(f func(name string, w []float32, shape ...int))
	WriteTo(w io.Writer) (int64, error)
	Unroll(steps, batch int) U
	UnrollWithin(steps, batch, bytes int) (U, error)
	Infer(steps, batch int) U
	Predictor(batch int) (P, error)
	Config() C
}) Layer {
	return wrapped[U, P, C]{l}
}

type wrapped[U Unrolled, P Predictor, C comparable] struct {
	layer interface {
		EachParam(f func(name string, w []float32, shape ...int))
		WriteTo(w io.Writer) (int64, error)
		Unroll(steps, batch int) U
		UnrollWithin(steps, batch, bytes int) (U, error)
		Infer(steps, batch int) U
		Predictor(batch int) (P, error)
		Config() C
	}
}

func (l wrapped[U, P, C]) EachParam(f func(name string, w []float32, shape ...int)) {
	l.layer.EachParam(f)
}
func (l wrapped[U, P, C]) WriteTo(w io.Writer) (int64, error) { return l.layer.WriteTo(w) }
func (l wrapped[U, P, C]) Unroll(steps, batch int) Unrolled   { return l.layer.Unroll(steps, batch) }
func (l wrapped[U, P, C]) Infer(steps, batch int) Unrolled    { return l.layer.Infer(steps, batch) }
func (l wrapped[U, P, C]) Settings() any                      { return l.layer.Config() }
func (l wrapped[U, P, C]) UnrollWithin(steps, batch, bytes int) (Unrolled, error) {
	u, err := l.layer.UnrollWithin(steps, batch, bytes)
	if err != nil {
		return nil, err
	}
	return u, nil
}
func (l wrapped[U, P, C]) Predictor(batch int) (Predictor, error) {
	p, err := l.layer.Predictor(batch)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// A problem is a layer with everything that goes in.
type problem struct {
	kind          Kind
	cfg           Config
	net           Layer
	T, B          int
	x, dy         []float32
	state, dstate [][]float32
	lengths       []int // nil: all T
	evaluate      bool  // no masks
	seed          uint64
	ids           []uint32 // nil: the rows' places
	over          *symbols // what x was looked up by, for passes over symbols; nil: over x

	// keepTiny is a fault of the contract by loops, which shows whether a problem would
	// notice it: tiny gradients between two layers are not +0.
	keepTiny bool
}

func (p *problem) String() string {
	c := p.cfg
	return fmt.Sprintf("%s T=%d,B=%d,I=%d,H=%d,L=%d,bi=%v,merge=%d,rev=%v,bias=%v,ragged=%v", p.kind.Variant, p.T, p.B, c.Input, c.Hidden, c.Layers, c.Bidirectional, c.Merge, c.Reverse, !c.NoBias, p.lengths != nil)
}

func (p *problem) dirs() int { return len(p.cfg.directions()) }
func (p *problem) out() int {
	if p.cfg.Merge != 0 {
		return p.width(0)
	}
	return p.dirs() * p.width(0)
}
func (p *problem) width(state int) int { return p.kind.width(state, p.cfg.Hidden) }

func newProblem(t testing.TB, k Kind, seed uint64, cfg Config, T, B int, ragged bool) *problem {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	net, err := k.New(cfg, r)
	check(t, err)
	cfg.Layers = max(1, cfg.Layers)
	p := &problem{kind: k, cfg: cfg, net: net, T: T, B: B, x: draw(r, T*B*cfg.Input), seed: seed*0x9e3779b97f4a7c15 + 1}
	p.dy = draw(r, T*B*p.out())
	for i := range k.States {
		n := cfg.Layers * p.dirs() * B * p.width(i)
		p.state, p.dstate = append(p.state, draw(r, n)), append(p.dstate, draw(r, n))
	}
	if ragged {
		p.lengths = make([]int, B)
		for b := range p.lengths {
			p.lengths[b] = int(r.Uint64() % uint64(T+1))
		}
	}
	return p
}

// A result is everything that comes out.
type result struct {
	y, dx         []float32
	state, dstate [][]float32
	names         []string
	grads         [][]float32
	table         []float32 // in place of dx over symbols: their gradients were added to it
}

// run runs the problem through u.
func (p *problem) run(t testing.TB, u Unrolled) *result {
	t.Helper()
	res := p.newResult()
	check(t, u.SetLengths(p.lengths))
	p.start(t, u)
	u.ZeroGrads()
	p.forward(u, res)
	res.state = u.State()
	check(t, u.SetStateGrad(p.dstate))
	p.backward(u, res)
	res.dstate = u.StateGrad()
	into := clone(res.state)
	u.CopyStateGrad(into)
	for k := range into {
		numtest.Equal(t, into[k], res.dstate[k], "CopyStateGrad %d", k)
	}
	res.readGrads(u)
	return res
}

// start gives u the state and the masks that the problem starts with.
func (p *problem) start(t testing.TB, u Unrolled) {
	t.Helper()
	u.Reset()
	u.SetTraining(!p.evaluate)
	u.SetSeed(p.seed)
	check(t, u.SetRowIDs(p.ids))
	check(t, u.SetState(p.state))
}

func (r *result) readGrads(u Unrolled) {
	r.names, r.grads = nil, nil
	u.EachParam(func(name string, _, g []float32) {
		r.names, r.grads = append(r.names, name), append(r.grads, append([]float32(nil), g...))
	})
}

// same fails t unless the results have the same bits.
func same(t testing.TB, what string, got, want *result) {
	t.Helper()
	numtest.Equal(t, got.y, want.y, "%s: y", what)
	numtest.Equal(t, got.dx, want.dx, "%s: dx", what)
	numtest.Equal(t, got.table, want.table, "%s: gradient of the table", what)
	for k := range want.state {
		numtest.Equal(t, got.state[k], want.state[k], "%s: state %d", what, k)
		numtest.Equal(t, got.dstate[k], want.dstate[k], "%s: state gradient %d", what, k)
	}
	if len(got.grads) != len(want.grads) {
		t.Fatalf("%s: %d gradients, want %d", what, len(got.grads), len(want.grads))
	}
	for k, name := range want.names {
		if got.names[k] != name {
			t.Fatalf("%s: parameter %d is %s, want %s", what, k, got.names[k], name)
		}
		numtest.Equal(t, got.grads[k], want.grads[k], "%s: gradient of %s", what, name)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func clone(s [][]float32) [][]float32 {
	var c [][]float32
	for _, v := range s {
		c = append(c, append([]float32(nil), v...))
	}
	return c
}

// draw fills n values from [-1, 1).
func draw(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(int64(r.Uint64())>>40) / (1 << 23)
	}
	return v
}

// filled is n values that no computation leaves behind by accident.
func filled(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	return v
}
