package seq2seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// An AttentionNet is an Attention laid out in time: an nn.Net, and so a stage of a chain,
// whose inputs are the queries. It carries no state from step to step. What it attends to
// is set by SetMemory before each Forward; the Net of this package does so for those
// among the stages of its decoder. It is used by one goroutine at a time.
//
// Sums go over the steps that exist alone: the results of a row depend neither on the
// other rows nor on padding.
type AttentionNet struct {
	layer              *Attention
	as                 Attention // as it was at Unroll
	cfg                AttentionConfig
	steps, most, batch int // most: steps of the memory
	isa                kernels.ISA
	team               crew.Crew
	maps               maps
	mem                memory
	tape               tape
	lengths, room      []int // of the queries: nil for all steps
	t                  int   // steps of the last Forward
	pending            bool
	scratch            scratch
	do                 struct{ forward, backward, queries, memory, units func(w, n int) }
	made               *attentionPredictor // the last of NewPredictor, for Net.Predictor
}

// maps are the parameters, each as its score has it.
type maps struct {
	key, query, out *nn.Model // nil without
	vector, vgrad   []float32 // v flushed, and its gradient
}

// each calls f for every map that there is.
func (m *maps) each(f func(m *nn.Model)) {
	for _, net := range [...]*nn.Model{m.key, m.query, m.out} {
		if net != nil {
			f(net)
		}
	}
}

// scratch is memory of the workers.
type scratch struct {
	all []float32
	one int // floats of each worker
}

// memory is what is attended to.
type memory struct {
	set     bool
	steps   int
	m, keys []float32 // [most][batch][Memory], [most][batch][width]; keys is m for Dot
	lengths []int     // of each row, never nil
	dm      []float32 // gradients
	dkeys   []float32
	dmaps   []float32 // the part of dm that comes through the map to keys
}

// tape is what Forward keeps for Backward, and the gradients on the way.
type tape struct {
	x       []float32 // of the Forward that is at work
	weights []float32 // [batch][steps][most]
	joined  []float32 // [steps][batch][Memory+Query]: context and query
	mapped  []float32 // [steps][batch][width]: W q of Additive
	out     []float32 // [steps][batch][Out]
	scores  []float32 // gradients: [batch][steps][most]
	djoined []float32 // [steps][batch][Memory+Query]
	dmapped []float32 // [steps][batch][width]
	dvector []float32 // [batch][width]
	dout    []float32 // [steps][batch][Out]
	dquery  []float32 // [steps][batch][Query]: through the map of the queries
	ones    []float32 // [most]
}

// Unroll allocates what is needed for up to steps steps of queries, a memory of up to most
// steps and batch rows: beside the gradients about 2*most*batch*(Memory+Width) floats for
// the memory, 2*steps*batch*(Memory+Query+Width+Out) for the queries and
// 2*steps*most*batch for the weights. The kernels used are those current now.
//
// It returns an error if a size is negative, if a tensor would have more than 2^31-1
// elements, and if the slices of a were replaced by others that do not fit.
func (a *Attention) Unroll(steps, most, batch int) (*AttentionNet, error) {
	if a == nil {
		return nil, nilcheck.Receiver("seq2seq", "Attention", "Unroll")
	}
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	c := a.Config
	if steps < 0 || most < 0 || batch < 0 {
		return nil, fmt.Errorf("seq2seq: attention over %d steps to a memory of %d steps in %d rows, want 0 or more", steps, most, batch)
	}
	widest := max(c.Memory+c.Query, c.out(), c.width())
	if !bounded(steps, batch, widest) || !bounded(most, batch, widest) || !bounded(steps, batch, most) {
		return nil, fmt.Errorf("seq2seq: attention over %d steps to a memory of %d steps in %d rows of width %d has a tensor of more than %d elements", steps, most, batch, widest, maxElements)
	}
	u := &AttentionNet{layer: a, as: *a, cfg: c, steps: steps, most: most, batch: batch, isa: kernels.Current()}
	floats := func(n, width int) []float32 { return make([]float32, n*batch*width) }
	var err error
	u.mem = memory{m: floats(most, c.Memory), dm: floats(most, c.Memory), lengths: make([]int, batch)}
	u.mem.keys, u.mem.dkeys = u.mem.m, u.mem.dm
	u.tape = tape{weights: floats(steps, most), scores: floats(steps, most), joined: floats(steps, c.Memory+c.Query), djoined: floats(steps, c.Memory+c.Query)}
	if a.Key != nil {
		if u.maps.key, err = nn.Unroll(most, batch, a.Key); err != nil {
			return nil, err
		}
		u.mem.keys, u.mem.dkeys, u.mem.dmaps = floats(most, c.width()), floats(most, c.width()), floats(most, c.Memory)
	}
	if a.Query != nil {
		if u.maps.query, err = nn.Unroll(steps, batch, a.Query); err != nil {
			return nil, err
		}
		u.maps.vector, u.maps.vgrad = make([]float32, c.Width), make([]float32, c.Width)
		u.tape.mapped, u.tape.dmapped, u.tape.dquery = floats(steps, c.Width), floats(steps, c.Width), floats(steps, c.Query)
		u.tape.dvector, u.tape.ones = floats(1, c.Width), make([]float32, most)
		for i := range u.tape.ones {
			u.tape.ones[i] = 1
		}
	}
	if a.Out != nil {
		if u.maps.out, err = nn.Unroll(steps, batch, a.Out); err != nil {
			return nil, err
		}
		u.tape.out, u.tape.dout = floats(steps, c.Out), floats(steps, c.Out)
	}
	u.scratch.one = u.scratchSize()
	u.do.forward, u.do.backward = u.forwardRows, u.backwardRows
	u.do.queries, u.do.memory, u.do.units = u.queryParts, u.memoryParts, u.unitParts
	u.workers()
	return u, nil
}

// Dims returns the most steps of a Forward, the rows, and the widths of a query and of
// an output.
func (u *AttentionNet) Dims() (steps, batch, in, out int) {
	return u.steps, u.batch, u.cfg.Query, u.cfg.out()
}

// SetMemory sets what the rows attend to: m, [S][batch][Memory], of which the first
// lengths[b] steps exist in row b; nil: all do. S is what len(m) says. A row without any
// has the context +0. What stands in m past the ends of rows changes nothing. Both slices
// are copied. After SetMemory, Backward needs a new Forward.
//
// It returns an error, with nothing changed, if S is above the steps that were unrolled, or
// if a length is negative or above S. It panics if len(m) is not that of one S.
func (u *AttentionNet) SetMemory(m []float32, lengths []int) error {
	if u == nil {
		return nilcheck.Receiver("seq2seq", "AttentionNet", "SetMemory")
	}
	s := stepsOf("SetMemory: m", len(m), u.batch, u.cfg.Memory)
	if err := checkSteps("memory", s, u.most, u.batch, lengths); err != nil {
		return err
	}
	u.mem.set, u.mem.steps, u.pending = true, s, false
	u.isa.CopyFlush(u.mem.m[:len(m)], m)
	for b := range u.mem.lengths {
		u.mem.lengths[b] = s
		if lengths != nil {
			u.mem.lengths[b] = lengths[b]
		}
	}
	clearPadding(u.mem.m[:len(m)], u.mem.lengths, u.batch, u.cfg.Memory)
	if u.maps.key == nil {
		return nil
	}
	return u.maps.key.SetLengths(u.mem.lengths)
}

// MemoryGrad returns the gradient of the memory that the last Backward has set,
// [S][batch][Memory], +0 past the ends of rows. It is memory of u: it is valid until the
// next Backward, and must not be changed.
func (u *AttentionNet) MemoryGrad() []float32 {
	return u.mem.dm[:u.mem.steps*u.batch*u.cfg.Memory]
}

// Weights sets dst, [T][batch][S], to the weights of the last Forward: how much of each
// step of the memory is in each context. They are +0 past the ends of the queries and of
// the memory of a row. It panics if len(dst) does not fit.
func (u *AttentionNet) Weights(dst []float32) {
	s := u.mem.steps
	mustHave("Weights: dst", len(dst), u.t*u.batch*s)
	clear(dst)
	for b := range u.batch {
		for t := range u.stepsOfRow(b) {
			copy(dst[(t*u.batch+b)*s:][:u.mem.lengths[b]], u.tape.weights[(b*u.steps+t)*u.most:])
		}
	}
}

// SetLengths says how many queries of each row exist; nil: all do. Outputs and dx past
// them are +0, and what stands in x and dy there changes nothing. After SetLengths,
// Backward needs a new Forward. On an error nothing is changed.
func (u *AttentionNet) SetLengths(lengths []int) error {
	if u == nil {
		return nilcheck.Receiver("seq2seq", "AttentionNet", "SetLengths")
	}
	if err := checkSteps("queries", u.steps, u.steps, u.batch, lengths); err != nil {
		return err
	}
	u.pending = false
	if lengths == nil {
		u.lengths = nil
	} else {
		u.room = append(u.room[:0], lengths...)
		u.lengths = u.room
	}
	for _, m := range [...]*nn.Model{u.maps.query, u.maps.out} {
		if m != nil {
			if err := m.SetLengths(lengths); err != nil {
				return err
			}
		}
	}
	return nil
}

// stepsOfRow returns how many queries of row b exist.
func (u *AttentionNet) stepsOfRow(b int) int {
	if u.lengths == nil {
		return u.t
	}
	return u.lengths[b]
}

// Forward sets y, [T][batch][out], from the queries x, [T][batch][Query], out being Out, or
// Memory+Query where that is 0. It keeps neither. It panics if len(y) and len(x) are not
// those of one T, if T is above the steps that were unrolled or below a length, if y and
// x have memory in common, before a SetMemory, and if the weights of the Attention were
// replaced.
func (u *AttentionNet) Forward(y, x []float32) {
	c := &u.cfg
	t := stepsOf("Forward: x", len(x), u.batch, c.Query)
	mustHave("Forward: y", len(y), t*u.batch*c.out())
	if err := checkSteps("queries", t, u.steps, u.batch, u.lengths); err != nil {
		panic(err.Error())
	}
	if kernels.Overlap(y, x) {
		panic("seq2seq: Forward: y and x have memory in common, want memory of its own for each")
	}
	u.mustBeUnchanged()
	if t > 0 && !u.mem.set {
		panic("seq2seq: Forward of attention without a memory; call SetMemory, or let a seq2seq.Net do so")
	}
	u.t, u.pending = t, true
	if len(x) == 0 {
		return
	}
	s := u.mem.steps * u.batch
	if u.maps.key != nil {
		u.maps.key.Forward(u.mem.keys[:s*c.width()], u.mem.m[:s*c.Memory])
	}
	if u.maps.query != nil {
		u.maps.query.Forward(u.tape.mapped[:t*u.batch*c.width()], x)
		u.isa.CopyFlush(u.maps.vector, u.layer.Vector)
	}
	u.tape.x = x
	u.run(u.do.forward)
	u.tape.x = nil
	joined := u.tape.joined[:t*u.batch*(c.Memory+c.Query)]
	if u.maps.out == nil {
		copy(y, joined)
		return
	}
	out := u.tape.out[:len(y)]
	u.maps.out.Forward(out, joined)
	u.isa.Tanh(out, out)
	copy(y, out)
}

// Backward takes dy, [T][batch][out], of the last Forward, sets dx, [T][batch][Query],
// unless it is nil, and the gradient of the memory, and adds to the gradients of the
// parameters. Each Forward serves one Backward.
func (u *AttentionNet) Backward(dx, dy []float32) {
	c := &u.cfg
	mustHave("Backward: dy", len(dy), u.t*u.batch*c.out())
	if dx != nil {
		mustHave("Backward: dx", len(dx), u.t*u.batch*c.Query)
	}
	if kernels.Overlap(dx, dy) {
		panic("seq2seq: Backward: dx and dy have memory in common, want memory of its own for each")
	}
	if !u.pending {
		panic("seq2seq: Backward of attention without a Forward before it, or with SetLengths or SetMemory between them: each Forward serves one Backward")
	}
	u.pending = false
	clear(u.MemoryGrad())
	if len(dy) == 0 {
		return
	}
	t, s := u.t*u.batch, u.mem.steps*u.batch
	djoined := u.tape.djoined[:t*(c.Memory+c.Query)]
	if u.maps.out == nil {
		u.isa.CopyFlush(djoined, dy)
	} else {
		d := u.tape.dout[:len(dy)]
		u.isa.CopyFlush(d, dy)
		u.isa.TanhGrad(d, u.tape.out[:len(dy)], d)
		u.maps.out.Backward(djoined, d)
		u.isa.CopyFlush(djoined, djoined)
	}
	if n := u.scratched(u.team.Parts(u.isa, u.products(u.t, u.mem.steps))); u.parts(n, max(u.t, u.mem.steps, c.Width)) > 1 {
		u.run(u.do.queries)
		u.run(u.do.memory)
		if c.Score == Additive {
			u.run(u.do.units)
		}
	} else {
		u.run(u.do.backward)
	}
	if u.maps.vgrad != nil {
		for b := range u.batch {
			u.isa.Add(u.maps.vgrad, u.maps.vgrad, u.tape.dvector[b*c.Width:][:c.Width])
		}
	}
	if u.maps.key != nil {
		part := u.mem.dmaps[:s*c.Memory]
		u.maps.key.Backward(part, u.mem.dkeys[:s*c.width()])
		dm := u.MemoryGrad()
		u.isa.Add(dm, dm, part)
	}
	if u.maps.query != nil {
		u.maps.query.Backward(u.tape.dquery[:t*c.Query], u.tape.dmapped[:t*c.width()])
	}
	if dx == nil {
		return
	}
	for b := range u.batch {
		for t := range u.t {
			p := t*u.batch + b
			d := dx[p*c.Query:][:c.Query]
			switch q := djoined[p*(c.Memory+c.Query)+c.Memory:][:c.Query]; {
			case t >= u.stepsOfRow(b):
				clear(d)
			case u.maps.query != nil:
				u.isa.Add(d, q, u.tape.dquery[p*c.Query:][:c.Query])
			default:
				copy(d, q)
			}
		}
	}
}

// SetWorkers sets on how many workers a pass may be split at most, 0 for no such limit: it has as
// many as it is worth. It may allocate scratch for more. Scores and contexts are split by rows of the batch and,
// where there are fewer rows than workers, by queries; their gradients too, by queries, then by
// steps of the memory, and with the Additive score by its units. A part has at least 16 of these:
// one row with a Width below 32 has the gradients of its units on one worker. The number changes
// no bit. It panics if n is negative.
func (u *AttentionNet) SetWorkers(n int) {
	u.team.Set(n)
	u.maps.each(func(m *nn.Model) { m.SetWorkers(n) })
	u.workers()
}

// SetTraining does nothing: attention is the same in training and in evaluation.
func (u *AttentionNet) SetTraining(bool) {}

// State returns nil: attention carries nothing from step to step.
func (u *AttentionNet) State() [][]float32 { return nil }

// SetState returns an error for a state that is not empty.
func (u *AttentionNet) SetState(s [][]float32) error {
	if u == nil {
		return nilcheck.Receiver("seq2seq", "AttentionNet", "SetState")
	}
	return noState(s)
}

// SetStateGrad returns an error for a gradient that is not empty.
func (u *AttentionNet) SetStateGrad(g [][]float32) error {
	if u == nil {
		return nilcheck.Receiver("seq2seq", "AttentionNet", "SetStateGrad")
	}
	return noState(g)
}

// StateGrad returns nil.
func (u *AttentionNet) StateGrad() [][]float32 { return nil }

// Reset does nothing: the memory stays.
func (u *AttentionNet) Reset(...int) {}

// ZeroGrads zeroes the gradients of the parameters.
func (u *AttentionNet) ZeroGrads() {
	clear(u.maps.vgrad)
	u.maps.each((*nn.Model).ZeroGrads)
}

// EachParam calls f for each parameter in the order of Attention.EachParam: its name, its
// values, which are memory of the Attention, and its gradient.
func (u *AttentionNet) EachParam(f func(name string, w, g []float32)) {
	weight := func(name string, m *nn.Model) {
		if m != nil {
			m.EachParam(func(_ string, w, g []float32) { f(name, w, g) })
		}
	}
	weight("query.weight", u.maps.query)
	weight("key.weight", u.maps.key)
	if u.maps.vgrad != nil {
		f("vector", u.as.Vector, u.maps.vgrad)
	}
	weight("out.weight", u.maps.out)
}

// EachShape calls f for each parameter: its name and its shape.
func (u *AttentionNet) EachShape(f func(name string, shape ...int)) {
	u.as.EachParam(func(name string, _ []float32, shape ...int) { f(name, shape...) })
}

// mustBeUnchanged panics if v was replaced. (The chains of the maps look at theirs.)
func (u *AttentionNet) mustBeUnchanged() {
	if now := u.layer; now.Key != u.as.Key || now.Query != u.as.Query || now.Out != u.as.Out ||
		len(now.Vector) != len(u.as.Vector) || u.as.Vector != nil && !kernels.Same(now.Vector, u.as.Vector) {
		panic("seq2seq: a field of the Attention has been replaced; unroll it anew after that")
	}
}
