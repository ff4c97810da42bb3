package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// ReadoutBlocks is a net whose readout runs over blocks of steps: *Blocks, and what nets that
// are no Model return from their method ReadoutBlocks. Its methods are those of Blocks.
type ReadoutBlocks interface {
	Steps() int
	ForwardBatch(b *data.Batch) error
	Each(f func(first, steps int) error) error
	Readout(y []float32, first int)
	ReadoutGrad(dy []float32, first int)
	Backward()
}

// OverBlocks returns net for passes over blocks of steps within so many rows of outputs: what
// its method
//
//	ReadoutBlocks(rows int) (ReadoutBlocks, error)
//
// returns, which a *Model, adapters (package finetune) and a *seq2seq.Net have. It is an error if the net has no such
// method.
func OverBlocks(net Net, rows int) (ReadoutBlocks, error) {
	if k, ok := net.(interface {
		ReadoutBlocks(rows int) (ReadoutBlocks, error)
	}); ok {
		return k.ReadoutBlocks(rows)
	}
	return nil, fmt.Errorf("a %T, want an *nn.Model, or a net with a method ReadoutBlocks, whose readout can be run over blocks of steps; leave the limit out for other nets", net)
}

// ReadoutBlocks is Blocks for OverBlocks.
func (m *Model) ReadoutBlocks(rows int) (ReadoutBlocks, error) {
	if m == nil {
		return nil, nilcheck.Receiver("nn", "Model", "ReadoutBlocks")
	}
	k, err := m.Blocks(rows)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Blocks runs the readout of a Model, its last Linear with the activations and layer norms
// behind it, over blocks of steps, so that no more than the outputs of a block are in memory. All numbers have the bits of Forward and
// Backward of the Model. One training step over n steps is
//
//	err := k.ForwardIDs(ids)                   // all stages but the readout; Forward for x
//	k.Each(func(first, steps int) error {      // from the last block to the first
//		k.Readout(y[:steps*batch*out], first)  // the outputs of these steps
//		...                                    // the loss, and its gradient dy
//		k.ReadoutGrad(dy, first)               // adds to the gradients of the readout
//		return nil
//	})
//	k.Backward()                               // all stages but the readout
//
// A forward pass alone takes the first part of it, in any order of steps. A Trainer with a
// Plan.ReadoutRows does all this. Blocks has the state, the lengths, the masks and the
// memory of its Model, and both are used by one goroutine.
type Blocks struct {
	m       *Model
	readout *linear
	cut     int // the link that is the readout
	steps   int
	chunk   int       // steps
	x, dx   []float32 // of the readout, all steps; dx is nil without stages before it
	rows    rows      // of the block under way
	lengths []int

	pass     uint64 // the forward pass of the Model that this goes on with; 0: none
	t        int    // its steps
	computed int    // the first step of the block that Readout has computed, and how many
	count    int
	end      int  // ReadoutGrad has had the steps from here on
	packed   bool // the weights for dx
}

// Blocks returns the Model for passes over blocks of as many steps as have at most the
// given number of rows of outputs, a step having the rows of the batch. Blocks consist of whole
// chunks of a weight gradient (rule 4 of the numerics contract): there must be at least the
// rows of one, which are 256 or a few more, or those of all steps if these are less.
// It returns an error if rows are fewer, for a chain for inference if they are below the
// rows of a step, and if the chain does not end with a Linear, or one with activations and
// layer norms behind it: other stages could look at several steps. What these stages put out for all steps
// is given up; a Forward of the Model after it allocates that again.
func (m *Model) Blocks(rows int) (*Blocks, error) {
	if m == nil {
		return nil, nilcheck.Receiver("nn", "Model", "Blocks")
	}
	cut, err := m.readoutLink()
	if err != nil {
		return nil, err
	}
	readout := m.links[cut].net.(*linear)
	chunk := split.ChunkSteps(m.batch)
	if m.infer {
		chunk = 1
	}
	least := min(chunk, m.steps) * m.batch
	if rows < least || rows < 1 {
		return nil, fmt.Errorf("nn: at most %d rows of outputs in memory, want at least %d, which are %d steps of the %d rows of the batch", rows, max(1, least), min(chunk, m.steps), m.batch)
	}
	k := &Blocks{m: m, readout: readout, cut: cut, chunk: chunk, steps: max(1, rows/max(1, m.batch))}
	if k.steps < m.steps {
		k.steps -= k.steps % chunk
	}
	k.steps = min(k.steps, max(1, m.steps))
	k.rows = newRows(k.steps, m.batch)
	k.lengths = make([]int, m.batch)
	m.cutRoom(cut, k.steps*m.batch)
	readout.keepPacked()
	return k, nil
}

// readoutLink returns the link that is the readout: the last Linear, behind which all work on
// each step by itself.
func (m *Model) readoutLink() (int, error) {
	var gains []*layerNorm
	for i := len(m.links) - 1; i >= 0; i-- {
		switch net := m.links[i].net.(type) {
		case *linear:
			return i, nil
		case *activation:
		case *layerNorm:
			for _, g := range gains {
				if kernels.Overlap(g.dw, net.dw) || kernels.Overlap(g.db, net.db) {
					return 0, fmt.Errorf("nn: stages %d and %d behind the readout, layer norms, have the same weights, and the order of the sums of their gradient would be that of the blocks; leave the limit of rows out, or give each its own weights", net.place, g.place)
				}
			}
			gains = append(gains, net)
		default:
			return 0, fmt.Errorf("nn: stage %d of the chain, a %s, stands behind the readout or in its place: only a Linear, with activations and layer norms behind it, can be run over blocks of steps; leave the limit of its rows out, or end the chain with these", m.links[i].place, m.links[i].kind())
		}
	}
	return 0, fmt.Errorf("nn: stage %d, the last of the chain, has no Linear before it: only a readout can be run over blocks of steps; leave the limit of its rows out, or put a Linear into the chain", m.links[len(m.links)-1].place)
}

// kind is the type of the stage.
func (l *link) kind() string {
	if l.from != nil {
		return fmt.Sprintf("%T", l.from)
	}
	return fmt.Sprintf("%T", l.net)
}

// cutRoom makes the room of what the links from cut on put out, but for the last one, that of
// so many rows.
func (m *Model) cutRoom(cut, rows int) {
	for _, l := range m.links[cut:] {
		if l.y != nil {
			l.y = pages.Floats(rows * l.out)
		}
		if l.dy != nil {
			l.dy = pages.Floats(rows * l.out)
		}
		if n, ok := l.net.(*layerNorm); ok && n.norm != nil {
			n.norm = make([]float32, rows*n.out)
		}
	}
}

// room is v, which may have been cut, with at least n elements.
func room(v *[]float32, n int) []float32 {
	if len(*v) < n {
		*v = pages.Floats(n)
	}
	return (*v)[:n]
}

// Steps returns the most steps of a block.
func (k *Blocks) Steps() int { return k.steps }

// Forward is Forward of the Model without its readout. It keeps x until Backward.
func (k *Blocks) Forward(x []float32) error {
	if k == nil {
		return nilcheck.Receiver("nn", "Blocks", "Forward")
	}
	m := k.m
	if m.emb != nil {
		panic("nn: Forward of Blocks of a chain that begins with an Embedding, want ForwardIDs")
	}
	t := k.stepsOf("x", len(x), m.batch*m.in)
	m.params.mustNotOverlap("Forward", "x", x)
	m.mustBeUnchanged()
	if err := m.fit(t, m.rows.lengths); err != nil {
		return err
	}
	m.first = x
	k.forward(t)
	return nil
}

// ForwardIDs is ForwardIDs of the Model without its readout. On an error nothing is
// changed.
func (k *Blocks) ForwardIDs(ids []int32) error {
	if k == nil {
		return nilcheck.Receiver("nn", "Blocks", "ForwardIDs")
	}
	m := k.m
	if m.emb == nil {
		panic("nn: ForwardIDs of Blocks of a chain without an Embedding, want Forward")
	}
	t := k.stepsOf("ids", len(ids), m.batch)
	m.mustBeUnchanged()
	if err := m.fit(t, m.rows.lengths); err != nil {
		return err
	}
	if err := m.emb.checkIDs(ids, m.batch, m.rows.lengths); err != nil {
		return err
	}
	m.look(ids)
	k.forward(t)
	return nil
}

func (k *Blocks) stepsOf(what string, n, step int) int {
	if step == 0 {
		step = 1
	}
	if n%step != 0 {
		panic(fmt.Sprintf("nn: %s has %d elements, want a multiple of %d, those of a step", what, n, step))
	}
	return n / step
}

func (k *Blocks) forward(t int) {
	m := k.m
	m.begin(t)
	m.pending = false // Backward of the Model has nothing to go over
	k.x = m.below(t, k.cut)
	k.dx = nil
	if !m.infer && k.cut > 0 {
		k.dx = m.links[k.cut-1].dy[:len(k.x)]
	} else if !m.infer && m.emb != nil {
		k.dx = m.emb.dy[:len(k.x)]
	}
	k.pass, k.t, k.count, k.end, k.packed = m.passes, t, 0, t, false
	k.readout.packWeights()
}

// ForwardBatch is ForwardIDs for the ids of b, for a chain over ids, and else Forward for its X.
func (k *Blocks) ForwardBatch(b *data.Batch) error {
	if k == nil {
		return nilcheck.Receiver("nn", "Blocks", "ForwardBatch")
	}
	if k.m.emb != nil {
		return k.ForwardIDs(b.IDs)
	}
	return k.Forward(b.X)
}

// Each calls f for the blocks of the last forward pass, the last one first, with the
// first step of each and their number, until f returns an error.
func (k *Blocks) Each(f func(first, steps int) error) error {
	if k == nil {
		return nilcheck.Receiver("nn", "Blocks", "Each")
	}
	k.mustGoOn("Each")
	for end := k.t; end > 0; {
		first := max(0, end-k.steps)
		if err := f(first, end-first); err != nil {
			return err
		}
		end = first
	}
	return nil
}

// Readout sets y [n][batch][out] to the outputs of n steps of the last forward pass,
// 1 to Steps, from step first on. y has no memory in common with parameters and gradients.
func (k *Blocks) Readout(y []float32, first int) {
	k.mustGoOn("Readout")
	m := k.m
	step := m.batch * m.out
	n := k.stepsOf("y", len(y), step)
	if step == 0 {
		n = min(k.steps, k.t-first)
	}
	if n < 1 || n > k.steps || first < 0 || first > k.t-n {
		panic(fmt.Sprintf("nn: Readout of %d steps from step %d on, want 1 to %d of the %d steps of the forward pass", n, first, k.steps, k.t))
	}
	m.params.mustNotOverlap("Readout", "y", y)
	k.swap(first, n)
	k.tail(y, k.x[first*m.batch*k.readout.in:][:n*m.batch*k.readout.in], n*m.batch)
	k.swapBack()
	k.computed, k.count = first, n
}

// tail runs the readout and what is behind it over so many rows.
func (k *Blocks) tail(y, x []float32, rows int) {
	links := k.m.links[k.cut:]
	for i, l := range links {
		out := y
		if i < len(links)-1 {
			out = room(&l.y, rows*l.out)
		}
		if i == 0 {
			k.readout.rowsForward(out, x)
		} else {
			l.net.Forward(out, x)
		}
		x = out
	}
}

// tailGrad goes back through what is behind the readout, and returns the gradient of what the
// readout has put out.
func (k *Blocks) tailGrad(dy []float32, rows int) []float32 {
	links := k.m.links[k.cut:]
	for i := len(links) - 1; i > 0; i-- {
		before := links[i-1]
		d := room(&before.dy, rows*before.out)
		links[i].net.Backward(d, dy)
		dy = d
	}
	return dy
}

// ReadoutGrad goes back through the block that Readout has computed last: it adds to the
// gradients of the readout and keeps that of its input, for Backward. dy is the gradient of
// what Readout has set, and tiny values in it become +0. Blocks come from the last step to
// the first, without a gap, and all but the one with step 0 have whole chunks of steps; Each
// makes them so.
func (k *Blocks) ReadoutGrad(dy []float32, first int) {
	m := k.m
	m.mustTrain("ReadoutGrad")
	k.mustGoOn("ReadoutGrad")
	switch {
	case first != k.computed || len(dy) != k.count*m.batch*m.out || k.count == 0:
		panic(fmt.Sprintf("nn: ReadoutGrad from step %d on with a dy of %d elements, want step %d and %d, those of the last Readout", first, len(dy), k.computed, k.count*m.batch*m.out))
	case first+k.count != k.end || first > 0 && k.count%k.chunk != 0:
		panic(fmt.Sprintf("nn: ReadoutGrad of steps %d to %d, want a block that ends at step %d and begins at step 0 or after a multiple of %d steps", first, first+k.count-1, k.end-1, k.chunk))
	}
	m.params.mustNotOverlap("ReadoutGrad", "dy", dy)
	var dx []float32
	if k.dx != nil {
		dx = k.dx[first*m.batch*k.readout.in:][:k.count*m.batch*k.readout.in]
		if !k.packed {
			k.readout.packBack()
			k.packed = true
		}
	}
	k.swap(first, k.count)
	m.rows.order()
	d := k.tailGrad(dy, k.count*m.batch)
	as := k.readout.handed
	k.readout.handed = dyOwned
	k.readout.rowsBackward(dx, d)
	k.readout.handed = as
	k.swapBack()
	k.end, k.count = first, 0
}

// Backward is Backward of the Model, after ReadoutGrad of all steps. There is no dx.
func (k *Blocks) Backward() {
	m := k.m
	m.mustTrain("Backward")
	k.mustGoOn("Backward")
	if k.end != 0 {
		panic(fmt.Sprintf("nn: Backward of Blocks before ReadoutGrad of steps 0 to %d", k.end-1))
	}
	k.pass = 0
	m.beginBack()
	m.back(nil, k.dx, k.cut)
}

// mustGoOn panics unless the last forward pass of the Model is one of k.
func (k *Blocks) mustGoOn(method string) {
	if k.pass == 0 || k.pass != k.m.passes {
		panic("nn: " + method + " of Blocks without a Forward of theirs before it, or with SetLengths or another Forward between them")
	}
}

// swap makes n steps from first on those of the last forward pass, for the readout. The rows
// of the pass lie in k until swapBack.
func (k *Blocks) swap(first, n int) {
	r := &k.rows
	if all := k.m.rows.lengths; all == nil {
		r.set(nil)
	} else {
		for b, length := range all {
			k.lengths[b] = min(max(0, length-first), n)
		}
		r.set(k.lengths)
	}
	r.begin(n)
	k.swapBack()
}

func (k *Blocks) swapBack() { k.m.rows, k.rows = k.rows, k.m.rows }
