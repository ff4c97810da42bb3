package bptt

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Model is a chain of stages: the output of one is the input of the next. It
// is a Net, except that a model whose first stage is an Embedding takes ids:
// ForwardIDs in place of Forward. Like any Net it is used by one goroutine at a
// time; models built over the same layers may be used at the same time as long
// as none is trained.
type Model struct {
	steps, batch, in, out int

	isa     kernels.ISA
	team    crew
	emb     *Embedding
	embGrad []float32
	links   []*link
	params  []Param
	state   []int // lengths of the tensors of State

	ids     []int32   // of the last ForwardIDs
	first   []float32 // what the embedding gave the first link, or the caller's x
	dfirst  []float32 // its gradient, with an embedding
	t       int       // steps of the last forward pass
	lengths []int     // nil: all rows are whole
	lens    []int     // the memory of lengths

	pairs, chunks []int32 // see order
	stale         bool    // lengths or t changed since
	pending       bool    // no Backward has used the last forward pass
}

// link is a stage after the embedding: a net or a linear layer.
type link struct {
	net     Net
	lin     *linear
	in, out int
	y, dy   []float32 // [steps][batch][out]; nil for the last link, which uses the caller's
	tensors int       // of the net's state
}

// A Param is one parameter of a net: its name, values and gradient.
type Param struct {
	Name string
	W, G []float32
}

// Chain puts stages together: an *Embedding first if the input is ids, then
// *Linear layers and Nets, at least one of them a Net, which gives the chain
// its steps and rows. It returns an error where widths, steps or rows do not
// fit. Parameters are named as in PyTorch's nn.Sequential: "0.weight",
// "1.weight_ih_l0", "2.bias", the number being the place of the stage.
func Chain(stages ...Stage) (*Model, error) {
	m := &Model{isa: kernels.Current()}
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	found := false
	width := 0
	for i, s := range stages {
		if s == nil {
			return nil, fmt.Errorf("bptt: stage %d of the chain is nil", i)
		}
		// A stage holds what it did for one place: twice it would overwrite its
		// activations, and a parameter would be two.
		if first := place(stages[:i], s); first >= 0 {
			return nil, fmt.Errorf("bptt: stage %d of the chain is stage %d again; unroll or create another", i, first)
		}
		steps, batch, in, out := s.Dims()
		if i == 0 {
			m.in = in
		} else if in != width {
			return nil, fmt.Errorf("bptt: stage %d of the chain takes width %d, the stage before it gives %d", i, in, width)
		}
		width = out
		if _, ok := s.(Net); !ok {
			continue
		}
		if found && (steps != m.steps || batch != m.batch) {
			return nil, fmt.Errorf("bptt: stage %d of the chain has %d steps and %d rows, an earlier one %d and %d", i, steps, batch, m.steps, m.batch)
		}
		m.steps, m.batch, found = steps, batch, true
	}
	if !found {
		return nil, fmt.Errorf("bptt: none of the %d stages of the chain is a Net", len(stages))
	}
	m.out = width
	most := m.steps * m.batch
	m.pairs = make([]int32, 0, most)
	m.chunks = make([]int32, 0, m.steps)
	for i, s := range stages {
		var l *link
		switch s := s.(type) {
		case *Embedding:
			if i != 0 {
				return nil, fmt.Errorf("bptt: stage %d of the chain is an Embedding, which can only be the first", i)
			}
			if len(stages) == 1 {
				return nil, fmt.Errorf("bptt: a chain of an Embedding alone")
			}
			m.emb = s
			m.embGrad = make([]float32, len(s.Weight))
			m.ids = make([]int32, 0, most)
			m.first = make([]float32, most*s.Dim)
			m.dfirst = make([]float32, most*s.Dim)
			m.addParam(i, "weight", s.Weight, m.embGrad)
			continue
		case *Linear:
			var grad []float32
			if s.tied != nil {
				if s.tied != m.emb {
					return nil, fmt.Errorf("bptt: stage %d of the chain is the Readout of an Embedding that is not its first stage", i)
				}
				grad = m.embGrad
			}
			l = &link{lin: newLinear(s, m.isa, grad, split.ChunkSteps(m.batch)*m.batch), in: s.In, out: s.Out}
			if s.tied == nil {
				m.addParam(i, "weight", s.Weight, l.lin.dw)
			}
			if s.Bias != nil {
				m.addParam(i, "bias", s.Bias, l.lin.db)
			}
		case Net:
			_, _, in, out := s.Dims()
			l = &link{net: s, in: in, out: out}
			m.state, l.tensors = addLengths(m.state, s.State())
			s.EachParam(func(name string, w, g []float32) { m.addParam(i, name, w, g) })
		default:
			return nil, fmt.Errorf("bptt: stage %d of the chain is a %T, want *Embedding, *Linear or a Net", i, s)
		}
		if i < len(stages)-1 {
			l.y = make([]float32, most*l.out)
			l.dy = make([]float32, most*l.out)
		}
		m.links = append(m.links, l)
	}
	var seen [][]uint64
	again := false
	m.masks(func(n masked) {
		s := n.MaskState()
		again = again || slices.ContainsFunc(seen, func(e []uint64) bool { return slices.Equal(e, s) })
		seen = append(seen, s)
	})
	if again {
		m.SetSeed(0)
	}
	return m, nil
}

// place is where s stands in stages, -1 if it does not. Stages that cannot be
// compared are values, each of them one of its own.
func place(stages []Stage, s Stage) int {
	if !reflect.TypeOf(s).Comparable() {
		return -1
	}
	return slices.Index(stages, s)
}

func (m *Model) addParam(stage int, name string, w, g []float32) {
	m.params = append(m.params, Param{Name: strconv.Itoa(stage) + "." + name, W: w, G: g})
}

// Dims returns the sizes of the chain. For a model over ids in is the size of
// the vocabulary.
func (m *Model) Dims() (steps, batch, in, out int) { return m.steps, m.batch, m.in, m.out }

// Forward sets y [T][batch][out] from x [T][batch][in]. It panics for a model
// over ids.
func (m *Model) Forward(y, x []float32) {
	if m.emb != nil {
		panic("bptt: Forward of a chain that begins with an Embedding, want ForwardIDs")
	}
	t := m.stepsOf(len(y))
	if len(x) != t*m.batch*m.in {
		panic(fmt.Sprintf("bptt: Forward: x has %d elements, want %d for the %d steps of y", len(x), t*m.batch*m.in, t))
	}
	m.first = x
	m.forward(y, t)
}

// ForwardIDs sets y [T][batch][out] from ids [T][batch]. A bad id is an
// *IDError; y and the state are then as before.
func (m *Model) ForwardIDs(y []float32, ids []int32) error {
	if m.emb == nil {
		panic("bptt: ForwardIDs of a chain without an Embedding, want Forward")
	}
	t := m.stepsOf(len(y))
	if len(ids) != t*m.batch {
		panic(fmt.Sprintf("bptt: ForwardIDs: %d ids, want %d for the %d steps of y", len(ids), t*m.batch, t))
	}
	if err := m.emb.lookup(m.first, ids, m.batch, m.lengths); err != nil {
		return err
	}
	m.ids = append(m.ids[:0], ids...)
	m.forward(y, t)
	return nil
}

// stepsOf returns T of a y of n elements.
func (m *Model) stepsOf(n int) int {
	row := m.batch * m.out
	if row == 0 {
		if n != 0 {
			panic(fmt.Sprintf("bptt: y has %d elements, want 0 for a batch of 0", n))
		}
		return 0
	}
	if n%row != 0 || n/row > m.steps {
		panic(fmt.Sprintf("bptt: y has %d elements, want a multiple of %d up to %d", n, row, m.steps*row))
	}
	return n / row
}

func (m *Model) forward(y []float32, t int) {
	m.stale = m.stale || t != m.t
	m.t, m.pending = t, true
	if t == 0 {
		m.skip(func(n Net) { n.Forward(nil, nil) })
		return
	}
	rows := t * m.batch
	x := m.first
	for _, l := range m.links {
		out := y
		if l.y != nil {
			out = l.y[:rows*l.out]
		}
		x = x[:rows*l.in]
		if l.net != nil {
			l.net.Forward(out, x)
		} else {
			l.lin.forward(m.team, out, x)
			m.clearPadding(out, l.out)
		}
		x = out
	}
}

// Backward propagates dy back through the last forward pass and adds to the
// gradients. dx is set, or nil; a model over ids has no dx and wants nil.
func (m *Model) Backward(dx, dy []float32) {
	if m.emb != nil && dx != nil {
		panic("bptt: Backward of a chain over ids has no dx, want nil")
	}
	rows := m.t * m.batch
	if len(dy) != rows*m.out {
		panic(fmt.Sprintf("bptt: Backward: dy has %d elements, want %d, those of the last forward pass", len(dy), rows*m.out))
	}
	if dx != nil && len(dx) != rows*m.in {
		panic(fmt.Sprintf("bptt: Backward: dx has %d elements, want %d, those of the last forward pass", len(dx), rows*m.in))
	}
	if !m.pending {
		panic("bptt: Backward of a chain without a Forward before it, or with SetLengths between them: each Forward serves one Backward")
	}
	m.pending = false
	if rows == 0 {
		m.skip(func(n Net) { n.Backward(nil, nil) })
		return
	}
	if m.emb != nil {
		dx = m.dfirst[:rows*m.emb.Dim]
	}
	m.order()
	for i := len(m.links) - 1; i >= 0; i-- {
		l := m.links[i]
		d := dx
		if i > 0 {
			d = m.links[i-1].dy[:rows*l.in]
		}
		if l.net != nil {
			l.net.Backward(d, dy)
		} else {
			l.lin.backward(m.team, d, dy, m.pairs, m.chunks)
			if d != nil {
				m.clearPadding(d, l.in)
			}
		}
		dy = d
	}
	if m.emb != nil {
		m.emb.gather(m.isa, m.embGrad, dx, m.ids, m.pairs)
	}
}

// skip is a pass over no steps: nothing to compute, but each net hands the
// gradient of its state on.
func (m *Model) skip(pass func(Net)) {
	for _, l := range m.links {
		if l.net != nil {
			pass(l.net)
		}
	}
}

// order lists the pairs p = t*batch+b that exist in the order of every sum over
// them, t descending and b ascending, and where the chunks of that list end.
func (m *Model) order() {
	if !m.stale {
		return
	}
	m.stale = false
	m.pairs, m.chunks = m.pairs[:0], m.chunks[:0]
	n := split.ChunkSteps(m.batch)
	for done, t := 1, m.t-1; t >= 0; done, t = done+1, t-1 {
		for b := range m.batch {
			if m.lengths == nil || t < m.lengths[b] {
				m.pairs = append(m.pairs, int32(t*m.batch+b))
			}
		}
		if done%n == 0 || t == 0 {
			m.chunks = append(m.chunks, int32(len(m.pairs)))
		}
	}
}

// clearPadding sets what lies past the ends of the rows of y [t][batch][width]
// to +0.
func (m *Model) clearPadding(y []float32, width int) {
	if m.lengths == nil {
		return
	}
	for b, n := range m.lengths {
		for t := n; t < m.t; t++ {
			clear(y[(t*m.batch+b)*width:][:width])
		}
	}
}

// SetLengths gives the number of steps of each row that exist; nil: all do.
func (m *Model) SetLengths(lengths []int) error {
	if lengths != nil {
		if len(lengths) != m.batch {
			return fmt.Errorf("bptt: %d lengths for %d rows", len(lengths), m.batch)
		}
		for b, n := range lengths {
			if n < 0 || n > m.steps {
				return fmt.Errorf("bptt: length %d of row %d, want 0 to %d", n, b, m.steps)
			}
		}
	}
	m.pending = false
	for _, l := range m.links {
		if l.net != nil {
			if err := l.net.SetLengths(lengths); err != nil {
				return err
			}
		}
	}
	m.stale = m.stale || lengths != nil || m.lengths != nil
	if lengths == nil {
		m.lengths = nil
	} else {
		m.lens = append(m.lens[:0], lengths...)
		m.lengths = m.lens
	}
	return nil
}

// SetTraining is SetTraining of every Net in the chain.
func (m *Model) SetTraining(on bool) {
	for _, l := range m.links {
		if l.net != nil {
			l.net.SetTraining(on)
		}
	}
}

// masks calls f for each Net of the chain that has random masks.
func (m *Model) masks(f func(masked)) {
	for _, l := range m.links {
		if l.net != nil {
			if n := masks(l.net); n != nil {
				f(n)
			}
		}
	}
}

// SetSeed gives each Net of the chain that has random masks a seed of its own,
// which follows from the given one and the Net's place, and begins anew to count
// training steps. Chain does so with the seed 0 where two Nets would otherwise have
// the same masks.
func (m *Model) SetSeed(seed uint64) {
	place := uint64(0)
	m.masks(func(n masked) {
		if s, ok := n.(interface{ SetSeed(seed uint64) }); ok {
			s.SetSeed(mix(seed, place))
		}
		place++
	})
}

// mix is a number that follows from two others and looks like neither: the finalizer
// of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
// generators").
func mix(seed, place uint64) uint64 {
	z := seed + (place+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// MaskState returns the seeds and training steps of the Nets in the chain that have
// random masks, one after another; nil if none has.
func (m *Model) MaskState() (s []uint64) {
	m.masks(func(n masked) { s = append(s, n.MaskState()...) })
	return s
}

// SetMaskState puts back what MaskState returned. Nothing is changed if it returns
// an error.
func (m *Model) SetMaskState(s []uint64) error {
	if want := len(m.MaskState()); len(s) != want {
		return fmt.Errorf("bptt: a mask state of %d numbers, want %d", len(s), want)
	}
	before, n := m.MaskState(), 0
	set := func(s []uint64) (err error) {
		n = 0
		m.masks(func(net masked) {
			k := len(net.MaskState())
			if e := net.SetMaskState(s[n : n+k]); err == nil {
				err = e
			}
			n += k
		})
		return err
	}
	err := set(s)
	if err != nil {
		set(before)
	}
	return err
}

// Clock returns for each row its steps since Reset, as the first Net that has
// random masks counts them, nil if none has. Under a Trainer all count the same.
func (m *Model) Clock() (c []uint64) {
	m.masks(func(n masked) {
		if c == nil {
			c = n.Clock()
		}
	})
	return c
}

// SetClock sets that in every Net with random masks. Nothing is changed if it
// returns an error.
func (m *Model) SetClock(c []uint64) (err error) {
	m.masks(func(n masked) {
		if err == nil {
			err = n.SetClock(c) // which all refuse, or none
		}
	})
	return err
}

// SetWorkers sets on how many workers a pass may be split; 0, the default,
// leaves it to the size of the work. The number changes no bit.
func (m *Model) SetWorkers(n int) {
	m.team.workers = max(0, n)
	for _, l := range m.links {
		if w, ok := l.net.(interface{ SetWorkers(n int) }); ok {
			w.SetWorkers(n)
		}
	}
}

// State returns the carried states of the Nets in the chain, one after another.
func (m *Model) State() [][]float32 {
	var s [][]float32
	for _, l := range m.links {
		if l.net != nil {
			s = append(s, l.net.State()...)
		}
	}
	return s
}

// CopyState is State into slices of the same lengths.
func (m *Model) CopyState(dst [][]float32) {
	for _, l := range m.links {
		if l.net != nil {
			copyState(l.net, dst[:l.tensors])
			dst = dst[l.tensors:]
		}
	}
}

// copyState copies the state of n into dst, without allocating if n can.
func copyState(n Net, dst [][]float32) {
	if c, ok := n.(interface{ CopyState([][]float32) }); ok {
		c.CopyState(dst)
		return
	}
	for i, s := range n.State() {
		copy(dst[i], s)
	}
}

// SetState puts back what State returned. Nothing is changed if it returns an
// error.
func (m *Model) SetState(s [][]float32) error {
	if err := checkLengths("state", s, m.state); err != nil {
		return err
	}
	return m.split(s, Net.SetState)
}

// SetStateGrad hands in the gradient of the state after the last step; nil is
// zero. Nothing is changed if it returns an error.
func (m *Model) SetStateGrad(g [][]float32) error {
	if g != nil {
		if err := checkLengths("state gradient", g, m.state); err != nil {
			return err
		}
	}
	return m.split(g, Net.SetStateGrad)
}

// addLengths appends the lengths of the tensors of a state, and counts them.
func addLengths(lengths []int, s [][]float32) ([]int, int) {
	for _, v := range s {
		lengths = append(lengths, len(v))
	}
	return lengths, len(s)
}

// checkLengths refuses a state of other lengths before any part of it is used.
func checkLengths(what string, s [][]float32, want []int) error {
	if len(s) != len(want) {
		return fmt.Errorf("bptt: a %s of %d tensors, want %d", what, len(s), len(want))
	}
	for i, n := range want {
		if len(s[i]) != n {
			return fmt.Errorf("bptt: tensor %d of the %s has %d elements, want %d", i, what, len(s[i]), n)
		}
	}
	return nil
}

// split hands each net its tensors of s, or nil if s is.
func (m *Model) split(s [][]float32, set func(Net, [][]float32) error) error {
	for _, l := range m.links {
		if l.net == nil {
			continue
		}
		part := s
		if s != nil {
			part, s = s[:l.tensors], s[l.tensors:]
		}
		if err := set(l.net, part); err != nil {
			return err
		}
	}
	return nil
}

// StateGrad returns the gradient of the state before the first step.
func (m *Model) StateGrad() [][]float32 {
	var g [][]float32
	for _, l := range m.links {
		if l.net != nil {
			g = append(g, l.net.StateGrad()...)
		}
	}
	return g
}

// Reset zeroes the carried state of the given rows, of all when there are none.
func (m *Model) Reset(rows ...int) {
	for _, l := range m.links {
		if l.net != nil {
			l.net.Reset(rows...)
		}
	}
}

// ZeroGrads zeroes the gradients of all parameters.
func (m *Model) ZeroGrads() {
	for i := range m.params {
		clear(m.params[i].G)
	}
}

// EachParam calls f for every parameter, stage after stage. The weight of a
// Readout is the embedding's and comes once.
func (m *Model) EachParam(f func(name string, w, g []float32)) {
	for _, p := range m.params {
		f(p.Name, p.W, p.G)
	}
}
