package fuzz_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// FuzzLSTM, FuzzGRU and FuzzRNN run a stack of any Config forward and backward, in
// training and in evaluation. Every tier and number of workers must give the bits of
// the scalar tier on one worker. The same rows must come out of single steps of
// single rows, of a sequence in two parts, of the batch in another order, of Infer
// and of a Predictor.
func FuzzLSTM(f *testing.F) {
	fuzzLayers(f, dropout|dropInput|dropHidden|dropWeight|zoneout|zoneoutCell|clip|layerNorm|gateActivation|candidateActivation|outputActivation|peephole|coupled|project|cellClip,
		func(w wish, s *stream, c nettest.Config) (nettest.Layer, error) {
			cfg := lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: lstm.Merge(c.Merge), Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1,
				InputDropout: w.probability(dropInput), HiddenDropout: w.probability(dropHidden), WeightDropout: w.probability(dropWeight),
				Zoneout: w.probability(zoneout), ZoneoutCell: w.probability(zoneoutCell), Clip: w.limit(clip, 44), CellClip: w.limit(cellClip, 46), LayerNorm: w.has(layerNorm),
				GateActivation: lstm.Activation(w.activation(gateActivation, 32, s)), CandidateActivation: lstm.Activation(w.activation(candidateActivation, 36, s)), OutputActivation: lstm.Activation(w.activation(outputActivation, 40, s)),
				Peephole: w.has(peephole), Coupled: w.has(coupled)}
			if c.Layers > 1 {
				cfg.Dropout = w.probability(dropout)
			}
			if w.has(project) && c.Hidden > 1 {
				cfg.Projection = 1 + w.field(48, 8)%(c.Hidden-1)
			}
			l, err := lstm.NewZero(cfg)
			return nettest.Wrap[*lstm.Unrolled, *lstm.Predictor, lstm.Config](l), err
		})
}

func FuzzGRU(f *testing.F) {
	fuzzLayers(f, dropout|dropInput|dropHidden|dropWeight|zoneout|clip|layerNorm|gateActivation|candidateActivation|resetBefore|textbook,
		func(w wish, s *stream, c nettest.Config) (nettest.Layer, error) {
			cfg := gru.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: gru.Merge(c.Merge), Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1,
				InputDropout: w.probability(dropInput), HiddenDropout: w.probability(dropHidden), WeightDropout: w.probability(dropWeight),
				Zoneout: w.probability(zoneout), Clip: w.limit(clip, 44), LayerNorm: w.has(layerNorm),
				GateActivation: gru.Activation(w.activation(gateActivation, 32, s)), CandidateActivation: gru.Activation(w.activation(candidateActivation, 36, s)),
				ResetBefore: w.has(resetBefore) && !w.has(layerNorm), Textbook: w.has(textbook)}
			if c.Layers > 1 {
				cfg.Dropout = w.probability(dropout)
			}
			l, err := gru.NewZero(cfg)
			return nettest.Wrap[*gru.Unrolled, *gru.Predictor, gru.Config](l), err
		})
}

func FuzzRNN(f *testing.F) {
	fuzzLayers(f, dropout|dropInput|dropHidden|dropWeight|zoneout|clip|layerNorm|gateActivation,
		func(w wish, s *stream, c nettest.Config) (nettest.Layer, error) {
			cfg := rnn.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, NoBias: c.NoBias, Merge: rnn.Merge(c.Merge), Bidirectional: c.Bidirectional, Reverse: c.Reverse, Workers: 1,
				InputDropout: w.probability(dropInput), HiddenDropout: w.probability(dropHidden), WeightDropout: w.probability(dropWeight),
				Zoneout: w.probability(zoneout), Clip: w.limit(clip, 44), LayerNorm: w.has(layerNorm),
				Activation: w.activation(gateActivation, 32, s)}
			if c.Layers > 1 {
				cfg.Dropout = w.probability(dropout)
			}
			l, err := rnn.NewZero(cfg)
			return nettest.Wrap[*rnn.Unrolled, *rnn.Predictor, rnn.Config](l), err
		})
}

// A wish is the variant that an input asks for: a bit for each thing that a Config
// can add, and fields of a few bits that say how much of it.
type wish uint64

const (
	dropout wish = 1 << iota
	dropInput
	dropHidden
	dropWeight
	zoneout
	zoneoutCell
	clip
	layerNorm
	gateActivation
	candidateActivation
	outputActivation
	peephole
	coupled
	project
	cellClip
	resetBefore
	textbook
	small // weights, so that gates are not all saturated
	wild  // weights, of any bits
	fields
)

func (w wish) has(bit wish) bool { return w&bit != 0 }

// field is a number of some bits.
func (w wish) field(from, bits int) int { return int(w >> from & (1<<bits - 1)) }

// probability is that of a mask, whose bits stand at its place from bit 20 on.
func (w wish) probability(bit wish) float32 {
	if !w.has(bit) {
		return 0
	}
	at := 20
	for b := dropout; b < bit; b <<= 1 {
		at += 2
	}
	return []float32{0.5, 0.125, 0.3, 0.9}[w.field(at, 2)]
}

func (w wish) limit(bit wish, at int) float32 {
	if !w.has(bit) {
		return 0
	}
	return []float32{0.25, 1, 0x1p-90, 40}[w.field(at, 2)]
}

func (w wish) activation(bit wish, at int, s *stream) rnn.Activation {
	if !w.has(bit) {
		return rnn.Activation{}
	}
	p := taken(tame(s.floats(2))) // a Config refuses tiny ones
	return []rnn.Activation{rnn.HardSigmoid(p[0], p[1]), rnn.Tanh, rnn.ReLU, rnn.Sigmoid, rnn.Affine(p[0], p[1]), rnn.LeakyReLU(p[0]), rnn.ThresholdedReLU(p[0]),
		rnn.ScaledTanh(p[0], p[1]), rnn.ELU(p[0]), rnn.Softsign, rnn.Softplus}[w.field(at, 4)*11/16]
}

// fuzzLayers makes stacks with newLayer, which can have what is in all.
func fuzzLayers(f *testing.F, all wish, newLayer func(w wish, s *stream, c nettest.Config) (nettest.Layer, error)) {
	for i, s := range someSeeds() {
		f.Add(uint8(i), uint8(i*3), uint8(i*5+1), uint8(i+2), uint8(i+1), uint8(i*29), uint64(0), s)
		f.Add(uint8(i*3+1), uint8(17), uint8(33), uint8(5), uint8(7), uint8(i), uint64(0), s)
		f.Add(uint8(4+i&3), uint8(i*43), uint8(i*7), uint8(i+2), uint8(i+1), uint8(i*31), uint64(0), s)
		f.Add(uint8(i*37+16), uint8(5), uint8(18), uint8(4), uint8(i+3), uint8(i*7), uint64(0), s)
	}
	// Each addition by itself and all of them, in each direction, with lengths.
	seeds := someSeeds()
	n := 0
	for bit := wish(1); bit < fields; bit <<= 1 {
		if all.has(bit) {
			n++
			f.Add(uint8(n*4+17), uint8(n), uint8(3+n*2), uint8(4), uint8(3), uint8(n*7), uint64(bit|small|wish(n)<<52), seeds[1+n%2*4])
			f.Add(uint8(n*4+1), uint8(9), uint8(16+n%3), uint8(3), uint8(4), uint8(n), uint64(bit|wish(n)*0x9e3779b97f4a7c15&^(fields-1)), seeds[n%6])
		}
	}
	for i := range 12 {
		w := all | small | wish(i+1)*0x9e3779b97f4a7c15&^(fields-1)
		switch i % 4 {
		case 1:
			w &^= layerNorm
		case 2:
			w &^= layerNorm | project | coupled | textbook
		case 3:
			w = w&^small | wild
		}
		f.Add(uint8(i*4+17), uint8(4), uint8(2+i*3), uint8(5), uint8(4), uint8(i*11), uint64(w), seeds[1+i%5])
	}
	f.Fuzz(func(t *testing.T, form, input, hidden, steps, batch, lens uint8, bits uint64, data []byte) {
		w := wish(bits)
		cfg := nettest.Config{
			Input: 1 + int(input)%40, Hidden: 1 + int(hidden)%40, Layers: 1 + int(form&1), NoBias: form&2 != 0,
			Bidirectional: form&12 == 4, Reverse: form&12 == 8,
		}
		if cfg.Bidirectional {
			cfg.Merge = int(input >> 6)
		}
		s := &stream{data: data}
		net, err := newLayer(w, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		net.EachParam(func(_ string, v []float32, _ ...int) {
			copy(v, s.floats(len(v)))
			if !w.has(wild) {
				tame(v)
			}
			for i := range v {
				if w.has(small) {
					v[i] *= 0x1p-4
				}
			}
		})
		p := &problem{net: net, cfg: cfg, T: int(steps) % 8, B: int(batch) % 9}
		p.x = s.floats(p.T * p.B * cfg.Input)
		_, _, _, out := net.Infer(0, 0).Dims()
		p.dy = s.floats(p.T * p.B * out)
		p.state, p.carry = stateOf(net, p.B, s), stateOf(net, p.B, s)
		if form&16 != 0 {
			for b := range p.B {
				p.lengths = append(p.lengths, (int(lens)+b*b)%(p.T+1))
			}
		}
		// Where the masks are, and which rows they belong to.
		p.masks = []uint64{bits * 0x9e3779b97f4a7c15, bits >> 56}
		for b := range p.B {
			p.ids = append(p.ids, uint32(w.field(52, 4)*b))
			p.clock = append(p.clock, uint64(uint32(w.field(52, 12)*(b-2))))
		}
		modes := []bool{true, false}
		if net.Infer(0, 0).MaskState() == nil {
			p.masks, modes = nil, modes[:1]
		}
		for _, p.training = range modes {
			p.check(t, int(lens>>3))
		}
	})
}

// A problem is a stack and everything that goes in.
type problem struct {
	net          nettest.Layer
	cfg          nettest.Config
	T, B         int
	x, dy        []float32
	state, carry [][]float32
	lengths      []int // nil: all T
	ids          []uint32
	masks, clock []uint64
	training     bool
}

// check holds all ways to the result against each other.
func (p *problem) check(t *testing.T, cut int) {
	whole := p.pass(t, kernels.Scalar, 1)
	each(func(isa kernels.ISA) {
		p.pass(t, isa, 1).equal(t, whole, "%v, training %v", isa, p.training)
		p.again(t, isa, 3).equal(t, whole, "%v, 3 workers, again, training %v", isa, p.training)
		y, state := p.infer(t, isa)
		numtest.Equal(t, y, whole.y, "y of Infer on %v, training %v", isa, p.training)
		for k := range state {
			numtest.Equal(t, state[k], whole.state[k], "state %d of Infer on %v, training %v", k, isa, p.training)
		}
		if !p.cfg.Bidirectional && !p.cfg.Reverse && (!p.training || p.masks == nil) {
			p.predict(t, isa, whole)
		}
	})
	order := make([]int, p.B)
	for i := range order {
		order[i] = p.B - 1 - i
	}
	if p.B > 3 {
		order[0], order[2] = order[2], order[0]
	}
	p.permuted(t, order, whole)
	p.batchFirst(t).equal(t, whole, "batch first, training %v", p.training)
	if !p.cfg.Bidirectional {
		p.inParts(t, cut%(p.T+1), whole)
		for b := range p.B {
			p.stepwise(t, b, whole)
		}
	}
}

// stateOf draws a state for the layer, tamed.
func stateOf(net nettest.Layer, batch int, s *stream) [][]float32 {
	st := net.Infer(0, batch).State()
	for i := range st {
		copy(st[i], tame(s.floats(len(st[i]))))
	}
	return st
}

// row picks what belongs to row b out of a tensor [outer][B][width].
func row(v []float32, b, outer, B int) (out []float32) {
	if outer*B == 0 {
		return nil
	}
	width := len(v) / (outer * B)
	for i := range outer {
		out = append(out, v[(i*B+b)*width:][:width]...)
	}
	return out
}

// length is the number of steps of row b.
func (p *problem) length(b int) int {
	if p.lengths == nil {
		return p.T
	}
	return p.lengths[b]
}

type result struct {
	y, dx            []float32
	state, stateGrad [][]float32
	grads            [][]float32 // nil: not to be compared
	clock            []uint64
}

func (got result) equal(t *testing.T, want result, format string, a ...any) {
	t.Helper()
	how := fmt.Sprintf(format, a...)
	numtest.Equal(t, got.y, want.y, "y: %s", how)
	numtest.Equal(t, got.dx, want.dx, "dx: %s", how)
	for k := range want.state {
		numtest.Equal(t, got.state[k], want.state[k], "state %d: %s", k, how)
		numtest.Equal(t, got.stateGrad[k], want.stateGrad[k], "state gradient %d: %s", k, how)
	}
	for k := range got.grads {
		numtest.Equal(t, got.grads[k], want.grads[k], "gradient of parameter %d: %s", k, how)
	}
	if !slices.Equal(got.clock, want.clock) {
		t.Errorf("clock %d, want %d: %s", got.clock, want.clock, how)
	}
}

// pass runs the whole forward and backward on one tier.
func (p *problem) pass(t *testing.T, isa kernels.ISA, workers int) result {
	t.Helper()
	u := on(t, isa, func() nettest.Unrolled { return p.net.Unroll(p.T, p.B) })
	u.SetWorkers(workers)
	return p.run(t, u)
}

// again runs it in memory that a pass has left behind, and that is larger.
func (p *problem) again(t *testing.T, isa kernels.ISA, workers int) result {
	t.Helper()
	u := on(t, isa, func() nettest.Unrolled { return p.net.Unroll(p.T+1, p.B) })
	u.SetWorkers(workers)
	p.run(t, u)
	u.ZeroGrads()
	return p.run(t, u)
}

// batchFirst runs it on tensors [B][T][width].
func (p *problem) batchFirst(t *testing.T) result {
	t.Helper()
	turn := func(v []float32, outer, inner int) []float32 {
		var out []float32
		for i := range inner {
			out = append(out, row(v, i, outer, inner)...)
		}
		return out
	}
	u := p.net.Unroll(p.T, p.B)
	u.SetBatchFirst(true)
	q := *p
	q.x, q.dy = turn(p.x, p.T, p.B), turn(p.dy, p.T, p.B)
	r := q.run(t, u)
	r.y, r.dx = turn(r.y, p.B, p.T), turn(r.dx, p.B, p.T)
	return r
}

func (p *problem) run(t *testing.T, u nettest.Unrolled) (r result) {
	t.Helper()
	p.start(t, u)
	check(t, u.SetStateGrad(p.carry))
	r.y, r.dx = make([]float32, len(p.dy)), make([]float32, len(p.x))
	u.Forward(r.y, p.x)
	r.state, r.clock = u.State(), u.Clock()
	u.Backward(r.dx, p.dy)
	r.stateGrad = u.StateGrad()
	u.EachParam(func(_ string, _, g []float32) { r.grads = append(r.grads, slices.Clone(g)) })
	return r
}

// start gives u what the problem starts with.
func (p *problem) start(t *testing.T, u nettest.Unrolled) {
	t.Helper()
	u.SetTraining(p.training)
	for _, err := range []error{u.SetLengths(p.lengths), u.SetRowIDs(p.ids), u.SetMaskState(p.masks), u.SetClock(p.clock), u.SetState(p.state)} {
		check(t, err)
	}
}

// infer is the way forward alone.
func (p *problem) infer(t *testing.T, isa kernels.ISA) (y []float32, state [][]float32) {
	t.Helper()
	u := on(t, isa, func() nettest.Unrolled { return p.net.Infer(p.T+1, p.B) })
	p.start(t, u)
	y = make([]float32, len(p.dy))
	u.Forward(y, p.x)
	return y, u.State()
}

// predict is that step by step.
func (p *problem) predict(t *testing.T, isa kernels.ISA, want result) {
	t.Helper()
	pr := on(t, isa, func() nettest.Predictor {
		pr, err := p.net.Predictor(p.B)
		check(t, err)
		return pr
	})
	check(t, pr.SetState(p.state))
	_, in, out := pr.Dims()
	for s := range p.T {
		y := make([]float32, p.B*out)
		pr.Step(y, p.x[s*p.B*in:][:p.B*in])
		for b := range p.B {
			if s < p.length(b) {
				numtest.Equal(t, y[b*out:][:out], want.y[(s*p.B+b)*out:][:out], "y of a Predictor on %v at step %d, row %d", isa, s, b)
			}
			if s+1 == p.length(b) {
				for k, st := range pr.State() {
					numtest.Equal(t, row(st, b, p.cfg.Layers, p.B), row(want.state[k], b, p.cfg.Layers, p.B), "state %d of a Predictor on %v, row %d", k, isa, b)
				}
			}
		}
	}
}

// permuted: rows in another order, with their ids and clocks, have the same
// results.
func (p *problem) permuted(t *testing.T, order []int, want result) {
	t.Helper()
	layers := p.cfg.Layers
	if p.cfg.Bidirectional {
		layers *= 2
	}
	turn := func(v []float32, outer int) []float32 {
		if outer*p.B == 0 {
			return nil
		}
		out, width := make([]float32, len(v)), len(v)/(outer*p.B)
		for i := range outer {
			for b, from := range order {
				copy(out[(i*p.B+b)*width:][:width], v[(i*p.B+from)*width:])
			}
		}
		return out
	}
	states := func(s [][]float32) (out [][]float32) {
		for _, v := range s {
			out = append(out, turn(v, layers))
		}
		return out
	}
	q := *p
	q.x, q.dy, q.state, q.carry = turn(p.x, p.T), turn(p.dy, p.T), states(p.state), states(p.carry)
	q.ids, q.clock, q.lengths = nil, nil, nil
	turned := result{y: turn(want.y, p.T), dx: turn(want.dx, p.T), state: states(want.state), stateGrad: states(want.stateGrad)}
	for _, from := range order {
		q.ids, q.clock, turned.clock = append(q.ids, p.ids[from]), append(q.clock, p.clock[from]), append(turned.clock, want.clock[from])
		if p.lengths != nil {
			q.lengths = append(q.lengths, p.lengths[from])
		}
	}
	got := q.pass(t, kernels.Current(), 2)
	got.grads = nil
	got.equal(t, turned, "rows in the order %d, training %v", order, p.training)
}

// inParts: a sequence cut in two, in the order of the recurrence, has the results of
// the whole, but for gradients of parameters.
func (p *problem) inParts(t *testing.T, cut int, want result) {
	t.Helper()
	parts := [2][2]int{{0, cut}, {cut, p.T}}
	if p.cfg.Reverse {
		parts = [2][2]int{{cut, p.T}, {0, cut}}
	}
	q, got := *p, result{y: make([]float32, len(p.dy)), dx: make([]float32, len(p.x))}
	var us [2]nettest.Unrolled
	of := func(v []float32, part [2]int) []float32 {
		if p.T == 0 {
			return nil
		}
		width := len(v) / p.T
		return v[part[0]*width : part[1]*width]
	}
	for i, part := range parts {
		us[i] = p.net.Unroll(part[1]-part[0], p.B)
		q.lengths = nil
		if p.lengths != nil {
			for _, n := range p.lengths {
				q.lengths = append(q.lengths, min(max(n-part[0], 0), part[1]-part[0]))
			}
		}
		q.start(t, us[i])
		us[i].Forward(of(got.y, part), of(p.x, part))
		q.state, q.clock = us[i].State(), us[i].Clock()
	}
	got.state, got.clock = q.state, q.clock
	for i := 1; i >= 0; i-- {
		check(t, us[i].SetStateGrad(q.carry))
		us[i].Backward(of(got.dx, parts[i]), of(p.dy, parts[i]))
		q.carry = us[i].StateGrad()
	}
	got.stateGrad = q.carry
	got.equal(t, want, "cut at step %d, training %v", cut, p.training)
}

// stepwise: row b by itself, one step after another, each on another tier, has the
// results that it has among others.
func (p *problem) stepwise(t *testing.T, b int, want result) {
	t.Helper()
	q := problem{net: p.net, T: 1, B: 1, masks: p.masks, training: p.training, ids: p.ids[b : b+1], clock: p.clock[b : b+1]}
	for k := range p.state {
		// A row of no steps hands on what SetState and SetStateGrad have taken.
		q.state = append(q.state, taken(row(p.state[k], b, p.cfg.Layers, p.B)))
		q.carry = append(q.carry, taken(row(p.carry[k], b, p.cfg.Layers, p.B)))
	}
	y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
	at := func(v []float32, step int) []float32 {
		width := len(v) / (p.T * p.B)
		if p.cfg.Reverse {
			step = p.length(b) - 1 - step
		}
		return v[(step*p.B+b)*width:][:width]
	}
	us := make([]nettest.Unrolled, p.length(b))
	tiers := kernels.Available()
	for s := range us {
		us[s] = on(t, tiers[s%len(tiers)], func() nettest.Unrolled { return p.net.Unroll(1, 1) })
		q.start(t, us[s])
		us[s].Forward(at(y, s), at(p.x, s))
		q.state, q.clock = us[s].State(), us[s].Clock()
	}
	for s := len(us) - 1; s >= 0; s-- {
		check(t, us[s].SetStateGrad(q.carry))
		us[s].Backward(at(dx, s), at(p.dy, s))
		q.carry = us[s].StateGrad()
	}
	numtest.Equal(t, row(y, b, p.T, p.B), row(want.y, b, p.T, p.B), "y of row %d, step by step, training %v", b, p.training)
	numtest.Equal(t, row(dx, b, p.T, p.B), row(want.dx, b, p.T, p.B), "dx of row %d, step by step, training %v", b, p.training)
	for k := range q.state {
		numtest.Equal(t, q.state[k], row(want.state[k], b, p.cfg.Layers, p.B), "state %d of row %d, step by step, training %v", k, b, p.training)
		numtest.Equal(t, q.carry[k], row(want.stateGrad[k], b, p.cfg.Layers, p.B), "state gradient %d of row %d, step by step, training %v", k, b, p.training)
	}
}

// taken is v as a layer takes it: tiny values are +0 (rule 8).
func taken(v []float32) []float32 {
	for i := range v {
		v[i] = ref.Flush(v[i])
	}
	return v
}

// on makes something of a tier.
func on[M any](t *testing.T, isa kernels.ISA, make func() M) M {
	t.Helper()
	before := kernels.Current()
	check(t, kernels.Use(isa))
	made := make()
	check(t, kernels.Use(before))
	return made
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
