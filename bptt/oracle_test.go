package bptt_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// Gradients of whole models against the oracle, within the bound that it
// computes from its own float64 magnitudes. (That the oracle's gradients are the
// derivatives is proved in its own package.)

type bounded = oracle.Bounded

// model is Embedding, LSTM, Linear, with one way to run each side.
type model struct {
	vocabulary, width int
	cfg               lstm.Config
	tied              bool // the readout is the embedding's
	twice             bool // the LSTM stands in two stages
	steps, batch      int

	weights map[string][]float32 // by the chain's names
}

func (m *model) shape() oracle.Shape {
	return oracle.Shape{Input: m.width, Hidden: m.cfg.Hidden, Layers: m.cfg.Layers, Bidirectional: m.cfg.Bidirectional}
}

// chain makes the model in the product and draws its weights if there are none.
func (m *model) chain(t *testing.T) *nn.Model {
	t.Helper()
	src := rand.New(rand.NewPCG(3, 4))
	emb, err := nn.NewEmbedding(m.vocabulary, m.width, src)
	traintest.NoError(t, err)
	m.cfg.Input = m.width
	rnn, err := lstm.New(m.cfg, src)
	traintest.NoError(t, err)
	out, err := nn.NewLinear(m.shape().Out(), m.vocabulary, src)
	traintest.NoError(t, err)
	if m.tied {
		out = emb.Readout()
	}
	stages := []nn.Stage{emb, rnn.Unroll(m.steps, m.batch), out}
	if m.twice {
		stages = []nn.Stage{emb, rnn.Unroll(m.steps, m.batch), rnn.Unroll(m.steps, m.batch), out}
	}
	net, err := nn.Chain(stages...)
	traintest.NoError(t, err)
	draw := m.weights == nil
	if draw {
		m.weights = map[string][]float32{}
	}
	rng := src
	net.EachParam(func(name string, w, _ []float32) {
		if draw {
			limit := 1 / math.Sqrt(float64(m.cfg.Hidden))
			if name == "0.weight" {
				limit = 1
			}
			for k := range w {
				w[k] = float32((2*rng.Float64() - 1) * limit)
			}
			m.weights[name] = append([]float32(nil), w...)
		}
		copy(w, m.weights[name])
	})
	return net
}

// wanted is what the oracle says of a window.
type wanted struct {
	loss   bounded
	logits []bounded
	dy     []bounded
	grads  map[string][]bounded
	state  [][]bounded
}

// judge runs the oracle over a window of ids [steps][batch] from a state (nil:
// zero). Targets below zero, and those past the end of a row, are not counted.
func (m *model) judge(steps int, ids, targets []int32, lengths []int, state [][]bounded) wanted {
	s := m.shape()
	lift := func(name string) []bounded { return oracle.Lift[bounded](m.weights[name]) }
	params := oracle.Params[bounded]{}
	for name := range oracle.Sizes(oracle.LSTM[bounded]{}, s) {
		params[name] = lift("1." + name)
	}
	out := "2."
	if m.twice {
		out = "3."
	}
	table, w, b := lift("0.weight"), lift(out+"weight"), lift(out+"bias")
	if m.tied {
		w = table
	}
	symbols, classes := make([]int, len(ids)), make([]int, len(ids))
	for k := range ids {
		symbols[k], classes[k] = int(ids[k]), int(targets[k])
		if lengths != nil && k/m.batch >= lengths[k%m.batch] {
			symbols[k], classes[k] = 0, -1
		}
	}
	pass := oracle.Forward(oracle.LSTM[bounded]{}, s, params, oracle.Sequence[bounded]{
		T: steps, B: m.batch, X: oracle.Embed(table, m.width, symbols), Lengths: lengths, State: state})
	last := pass
	if m.twice {
		last = oracle.Forward(oracle.LSTM[bounded]{}, s, params, oracle.Sequence[bounded]{T: steps, B: m.batch, X: pass.Y, Lengths: lengths})
	}
	z := oracle.Linear(w, b, last.Y, s.Out(), m.vocabulary)
	dz := oracle.CrossEntropyBack(z, m.vocabulary, classes)
	dw, db, dh := oracle.LinearBack(w, last.Y, dz, s.Out(), m.vocabulary)
	back := last.Backward(dh, nil)
	if m.twice {
		second := back
		back = pass.Backward(second.X, nil)
		for name, g := range back.Params {
			for k := range g {
				g[k] = g[k].Add(second.Params[name][k])
			}
		}
	}
	dtable := oracle.EmbedBack(m.vocabulary, m.width, symbols, back.X)
	want := wanted{loss: oracle.CrossEntropy(z, m.vocabulary, classes), logits: z, dy: dz, state: pass.State,
		grads: map[string][]bounded{"0.weight": dtable, out + "weight": dw, out + "bias": db}}
	if m.tied {
		for k := range dtable {
			dtable[k] = dw[k].Add(dtable[k])
		}
		delete(want.grads, out+"weight")
	}
	for name, g := range back.Params {
		want.grads["1."+name] = g
	}
	return want
}

// holder compares and keeps the largest part of a bound that was used.
type holder struct {
	t    *testing.T
	used float64
}

func (h *holder) hold(name string, got []float32, want []bounded) {
	h.t.Helper()
	used, err := oracle.Compare(name, got, want)
	if err != nil {
		h.t.Error(err)
	}
	h.used = max(h.used, used)
}

func (h *holder) number(name string, got float64, want bounded) {
	h.t.Helper()
	if !(math.Abs(got-want.Val) <= want.Err()) {
		h.t.Errorf("%s = %v, want %v within %.2g", name, got, want.Val, want.Err())
	}
}

func (h *holder) grads(of string, net nn.Net, want map[string][]bounded) {
	h.t.Helper()
	seen := 0
	net.EachParam(func(name string, _, g []float32) {
		h.hold(of+"gradient of "+name, g, want[name])
		seen++
	})
	if seen != len(want) {
		h.t.Errorf("%d parameters, want %d", seen, len(want))
	}
}

// TestModelAgainstOracle: embedding, readout and cross-entropy around an LSTM,
// with ragged lengths, ids out of range in the padding, ignored targets, a tied
// readout, an LSTM in two stages, sizes around vectors.
func TestModelAgainstOracle(t *testing.T) {
	type problem struct {
		model
		lengths      []int
		ids, targets []int32
		want         wanted
	}
	models := []model{
		{vocabulary: 1, width: 1, cfg: lstm.Config{Hidden: 1, Layers: 1}, steps: 1, batch: 1},
		{vocabulary: 5, width: 3, cfg: lstm.Config{Hidden: 15, Layers: 1}, steps: 7, batch: 3},
		{vocabulary: 33, width: 16, cfg: lstm.Config{Hidden: 17, Layers: 2}, steps: 3, batch: 7},
		{vocabulary: 17, width: 17, cfg: lstm.Config{Hidden: 9, Layers: 1, Bidirectional: true}, steps: 4, batch: 2},
		{vocabulary: 65, width: 7, cfg: lstm.Config{Hidden: 7, Layers: 1}, steps: 20, batch: 2, tied: true},
		{vocabulary: 6, width: 4, cfg: lstm.Config{Hidden: 4, Layers: 3}, steps: 2, batch: 9, tied: true},
		{vocabulary: 7, width: 2, cfg: lstm.Config{Hidden: 3, Layers: 1}, steps: 29, batch: 19}, // chunks of 14 steps
		{vocabulary: 9, width: 6, cfg: lstm.Config{Hidden: 6, Layers: 1}, steps: 5, batch: 4, twice: true},
		{vocabulary: 9, width: 8, cfg: lstm.Config{Hidden: 8, Layers: 2}, steps: 7, batch: 3, tied: true, twice: true},
	}
	rng := rand.New(rand.NewPCG(8, 9))
	var problems []*problem
	for k, m := range models {
		for ragged := range 2 {
			p := &problem{model: m}
			p.chain(t) // draws the weights
			n := p.steps * p.batch
			p.ids, p.targets = traintest.DrawIDs(rng, n, max(1, p.vocabulary-1)), traintest.DrawIDs(rng, n, p.vocabulary)
			for i := range n {
				if rng.IntN(5) == 0 && k > 0 {
					p.targets[i] = -1
				}
			}
			if ragged == 1 {
				p.lengths = make([]int, p.batch)
				for b := range p.lengths {
					p.lengths[b] = rng.IntN(p.steps + 1)
				}
				p.lengths[p.batch-1] = 0
				for i := range n {
					if i/p.batch >= p.lengths[i%p.batch] {
						p.ids[i], p.targets[i] = -7, 1<<30
					}
				}
			}
			p.want = p.judge(p.steps, p.ids, p.targets, p.lengths, nil)
			problems = append(problems, p)
		}
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		h := holder{t: t}
		for _, p := range problems {
			name := fmt.Sprintf("%+v T=%d B=%d V=%d lengths=%v: ", p.cfg, p.steps, p.batch, p.vocabulary, p.lengths)
			net := p.chain(t)
			traintest.NoError(t, net.SetLengths(p.lengths))
			y := make([]float32, p.steps*p.batch*p.vocabulary)
			dy := make([]float32, len(y))
			traintest.Fill(dy, float32(math.NaN()))
			traintest.NoError(t, net.ForwardIDs(y, p.ids))
			for k := range p.steps * p.batch {
				// What the readout gives past the end of a row is zero, not the bias.
				if row := y[k*p.vocabulary:][:p.vocabulary]; p.lengths != nil && k/p.batch >= p.lengths[k%p.batch] {
					for _, v := range row {
						if v != 0 {
							t.Errorf("%soutput %v past the end of a row", name, v)
							break
						}
					}
					traintest.Fill(row, float32(math.NaN()))
				} else {
					h.hold(name+"y", row, p.want.logits[k*p.vocabulary:][:p.vocabulary])
				}
			}
			b := &data.Batch{Steps: p.steps, Rows: p.batch, IDs: p.ids, Targets: p.targets, Lengths: p.lengths}
			total, err := loss.CrossEntropy{}.Loss(dy, y, b, 0, new(loss.Scratch))
			traintest.NoError(t, err)
			h.number(name+"loss", total.Mean(), p.want.loss)
			h.hold(name+"dy", dy, p.want.dy)
			net.Backward(nil, dy)
			h.grads(name, net, p.want.grads)
		}
		t.Logf("%d models, at most %.0f%% of any bound used", len(problems), 100*h.used)
	})
}

// TestTruncatedTrainingAgainstOracle: the loop over a text with carried state,
// windows that follow on each other and windows that overlap. Every update's
// loss, norm and gradient is that of its new targets, back over the window, from
// the state that the steps before it reached. (The learning rate is too small to
// move a weight, so that all updates are of one model.)
func TestTruncatedTrainingAgainstOracle(t *testing.T) {
	const batch, length = 3, 11
	for _, c := range []struct{ window, stride int }{{4, 4}, {3, 1}, {5, 2}, {6, 3}} {
		t.Run(fmt.Sprintf("window=%d,stride=%d", c.window, c.stride), func(t *testing.T) {
			m := &model{vocabulary: 7, width: 5, cfg: lstm.Config{Hidden: 9, Layers: 2}, steps: c.window, batch: batch}
			m.chain(t)
			symbols := traintest.DrawIDs(rand.New(rand.NewPCG(5, 6)), batch*length+1, m.vocabulary)
			// at returns the ids [steps][batch] of streams from step a to b, moved on by shift.
			at := func(a, b, shift int) (ids []int32) {
				for s := a; s < b; s++ {
					for r := range batch {
						ids = append(ids, symbols[r*length+s+shift])
					}
				}
				return ids
			}
			type update struct {
				want  wanted
				count int
			}
			var updates []update
			for done := 0; done < length; done += c.stride {
				end := min(done+c.stride, length)
				// The window grows to its length, then moves on by the stride.
				start := max(0, done+c.stride-c.window)
				if c.window == c.stride {
					start = done
				}
				var state [][]bounded
				if start > 0 {
					state = m.judge(start, at(0, start, 0), at(0, start, 1), nil, nil).state
				}
				targets := at(start, end, 1)
				for k := range targets[:(done-start)*batch] {
					targets[k] = -1
				}
				updates = append(updates, update{m.judge(end-start, at(start, end, 0), targets, nil, state), (end - done) * batch})
			}
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				h := holder{t: t}
				source, err := data.NewTokens(symbols, batch)
				traintest.NoError(t, err)
				net := m.chain(t)
				n := 0
				_, err = bptt.Train(context.Background(), net, source, bptt.Plan{
					Window: c.window, Stride: c.stride, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1e-30}, Epochs: 1,
					OnStep: func(p bptt.Progress) error {
						if n == len(updates) {
							return fmt.Errorf("more than %d updates", n)
						}
						of := fmt.Sprintf("update %d: ", n)
						if p.Count != updates[n].count {
							t.Errorf("%scounts %d targets, want %d", of, p.Count, updates[n].count)
						}
						h.number(of+"loss", p.Loss, updates[n].want.loss)
						h.grads(of, net, updates[n].want.grads)
						n++
						return nil
					},
				})
				traintest.NoError(t, err)
				if n != len(updates) {
					t.Errorf("%d updates, want %d", n, len(updates))
				}
				t.Logf("%d updates, at most %.0f%% of any bound used", n, 100*h.used)
			})
		})
	}
}

// TestMSEAgainstOracle: loss and gradient of the squared error, with a row that
// ends early.
func TestMSEAgainstOracle(t *testing.T) {
	const steps, rows, width = 3, 2, 17
	rng := rand.New(rand.NewPCG(1, 3))
	draw := func() []float32 {
		v := make([]float32, steps*rows*width)
		for k := range v {
			v[k] = float32(rng.NormFloat64())
		}
		return v
	}
	y, target := draw(), draw()
	b := &data.Batch{Steps: steps, Rows: rows, Y: target, Lengths: []int{3, 1}}
	var zero bounded
	n := zero.Of(4 * width)
	criterion, want := zero, make([]bounded, len(y))
	for k := range y {
		if step, row := k/width/rows, k/width%rows; step >= b.Lengths[row] {
			y[k], target[k] = float32(math.NaN()), float32(math.NaN())
			continue
		}
		d := zero.Of(float64(y[k])).Sub(zero.Of(float64(target[k])))
		criterion = criterion.Add(d.Mul(d))
		want[k] = d.Mul(zero.Of(2).Div(n))
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		h := holder{t: t}
		dy := make([]float32, len(y))
		traintest.Fill(dy, float32(math.NaN()))
		total, err := loss.MSE{}.Loss(dy, y, b, 0, new(loss.Scratch))
		traintest.NoError(t, err)
		if total.Terms != 4*width {
			t.Errorf("%d elements counted, want %d", total.Terms, 4*width)
		}
		h.number("loss", total.Sum, criterion)
		h.hold("dy", dy, want)
	})
}
