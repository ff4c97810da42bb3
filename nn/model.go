package nn

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// Dims returns the sizes of the chain. For a model over ids in is the size of
// the vocabulary.
func (m *Model) Dims() (steps, batch, in, out int) { return m.steps, m.batch, m.in, m.out }

// Stages returns the stages that the chain was made of, in order. The slice is a copy, the
// stages are not.
func (m *Model) Stages() []Stage { return slices.Clone(m.stages) }

// TakesIDs says whether the model begins with an Embedding and takes ids: by
// ForwardIDs in place of Forward.
func (m *Model) TakesIDs() bool { return m.emb != nil }

// Forward sets y [T][batch][out] from x [T][batch][in], T being 0 to the steps of
// the chain. It keeps x, not a copy, until Backward. It panics, before it changes
// anything, for a model over ids, if len(y) and len(x) are not those of one T, if y
// and x have memory in common, or one of them with a parameter or a gradient, if T is
// too large, or if a length given to SetLengths is beyond T: for the last two
// ForwardLengths returns an error.
func (m *Model) Forward(y, x []float32) {
	t := m.stepsOfFloats("Forward", y, x)
	if err := m.fit(t, m.rows.lengths); err != nil {
		panic(err.Error() + "; ForwardLengths takes the lengths of each call, and returns this as an error")
	}
	m.forwardFloats(y, x, t)
}

// ForwardLengths is SetLengths, then Forward, for lengths that are data: lengths
// that are not one for each row, that are negative or beyond T, and a T beyond the
// steps of the chain are errors, and change nothing. nil stands for T steps of every
// row. The lengths hold for the calls that follow, as those of SetLengths do. It
// panics where Forward does for another reason.
func (m *Model) ForwardLengths(y, x []float32, lengths []int) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "ForwardLengths")
	}
	t := m.stepsOfFloats("ForwardLengths", y, x)
	if err := m.fit(t, lengths); err != nil {
		return err
	}
	if err := m.setLengths(lengths); err != nil {
		return err
	}
	m.forwardFloats(y, x, t)
	return nil
}

// ForwardIDs sets y [T][batch][out] from ids [T][batch]. A bad id is an *IDError;
// a T beyond the steps of the chain, and a length given to SetLengths that is beyond
// T, are errors too. On an error nothing is changed. Backward may read the Embedding again: do
// not change it in between, as by an update of another chain. It panics for a model without an
// Embedding, if len(y) and len(ids) are not those of one T, and if y has memory in
// common with a parameter or a gradient.
func (m *Model) ForwardIDs(y []float32, ids []int32) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "ForwardIDs")
	}
	t := m.stepsOfIDs("ForwardIDs", y, ids)
	if err := m.fit(t, m.rows.lengths); err != nil {
		return err
	}
	if err := m.emb.checkIDs(ids, m.batch, m.rows.lengths); err != nil {
		return err
	}
	m.forwardIDs(y, ids, t)
	return nil
}

// ForwardIDsLengths is SetLengths, then ForwardIDs, for lengths that are data: see
// ForwardLengths. On an error nothing is changed, not even the lengths.
func (m *Model) ForwardIDsLengths(y []float32, ids []int32, lengths []int) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "ForwardIDsLengths")
	}
	t := m.stepsOfIDs("ForwardIDsLengths", y, ids)
	if err := m.fit(t, lengths); err != nil {
		return err
	}
	if err := m.emb.checkIDs(ids, m.batch, lengths); err != nil {
		return err
	}
	if err := m.setLengths(lengths); err != nil {
		return err
	}
	m.forwardIDs(y, ids, t)
	return nil
}

// stepsOfFloats returns the number of steps T of y and x. It panics if their lengths
// are not those of one T, if the model takes ids, and if memory overlaps that must not.
func (m *Model) stepsOfFloats(method string, y, x []float32) (t int) {
	if m.emb != nil {
		panic("nn: " + method + " of a chain that begins with an Embedding, want ForwardIDs")
	}
	t = m.stepsOf(method, len(y))
	if len(x) != t*m.batch*m.in {
		panic(fmt.Sprintf("nn: %s: x has %d elements, want %d for the %d steps of y", method, len(x), t*m.batch*m.in, t))
	}
	if kernels.Overlap(y, x) {
		panic("nn: " + method + ": y and x have memory in common, want memory of its own for each")
	}
	m.params.mustNotOverlap(method, "y", y)
	m.params.mustNotOverlap(method, "x", x)
	m.mustBeUnchanged()
	return t
}

// stepsOfIDs returns the number of steps T of y and ids. It panics if their lengths are
// not those of one T, if the model takes no ids, and if memory overlaps that must not.
func (m *Model) stepsOfIDs(method string, y []float32, ids []int32) (t int) {
	if m.emb == nil {
		panic("nn: " + method + " of a chain without an Embedding, want Forward")
	}
	t = m.stepsOf(method, len(y))
	if len(ids) != t*m.batch {
		panic(fmt.Sprintf("nn: %s: %d ids, want %d for the %d steps of y", method, len(ids), t*m.batch, t))
	}
	m.params.mustNotOverlap(method, "y", y)
	m.mustBeUnchanged()
	return t
}

// stepsOf returns T of a y of n elements.
func (m *Model) stepsOf(method string, n int) int {
	row := m.batch * m.out
	if row == 0 {
		if n != 0 {
			panic(fmt.Sprintf("nn: %s: y has %d elements, want 0 for a batch of 0", method, n))
		}
		return 0
	}
	if n%row != 0 {
		panic(fmt.Sprintf("nn: %s: y has %d elements, want a multiple of %d, the %d outputs of %d rows", method, n, row, m.out, m.batch))
	}
	return n / row
}

// fit returns an error if the chain has fewer than t steps, if the length of a row
// is above t, or if a row begins anew past its end.
func (m *Model) fit(t int, lengths []int) error {
	if t > m.steps {
		return fmt.Errorf("nn: %d steps, want 0 to %d, the steps of the chain; cut the sequence or unroll more steps", t, m.steps)
	}
	if err := m.rows.check(lengths, t, "steps of this call; cut the sequence or give the call more steps"); err != nil {
		return err
	}
	return m.rows.fitResets(t, lengths)
}

func (m *Model) forwardFloats(y, x []float32, t int) {
	m.first = x
	m.forward(y, t)
}

func (m *Model) forwardIDs(y []float32, ids []int32, t int) {
	m.look(ids)
	m.forward(y, t)
}

// look takes ids, which checkIDs has accepted, for the first link.
func (m *Model) look(ids []int32) {
	if m.symbols != nil {
		m.emb.keep(ids)
		return
	}
	m.emb.forward(&m.team, ids, m.batch, m.rows.lengths)
}

func (m *Model) forward(y []float32, t int) {
	m.begin(t)
	last := len(m.links) - 1
	x := m.below(t, last)
	m.run(last, y, x)
}

// run runs link i. The first one may read the table in place of x.
func (m *Model) run(i int, y, x []float32) {
	if i == 0 && m.symbols != nil {
		m.symbols.ForwardSymbols(y, m.emb.Weight, m.emb.ids)
		return
	}
	m.links[i].net.Forward(y, x)
}

// below runs the first n links, and returns the input of the next one.
func (m *Model) below(t, n int) (x []float32) {
	rows := t * m.batch
	if m.symbols == nil {
		x = m.first[:rows*m.links[0].in]
	}
	for i, l := range m.links[:n] {
		out := room(&l.y, rows*l.out)
		m.run(i, out, x)
		x = out
	}
	return x
}

// mustBeUnchanged panics if the slices of a stage of the chain were replaced after Chain.
func (m *Model) mustBeUnchanged() {
	if m.emb != nil {
		m.emb.mustBeUnchanged(m.emb.from)
	}
	m.group.mustBeUnchanged()
}

// Backward propagates dy back through the last forward pass and adds to the
// gradients. dx is set, or nil; a model over ids has no dx and wants nil. It panics
// if dx and dy have memory in common, or dx and the x of the forward pass, or one of
// them and a parameter or a gradient.
func (m *Model) Backward(dx, dy []float32) { m.backward(dx, dy, dyCopied) }

// BackwardFlushed is [BackwardFlushed] of a chain. Of a net that embeds the chain it is Backward
// of that.
func (m *Model) BackwardFlushed(of Net, dx, dy []float32) {
	if of != Net(m) {
		of.Backward(dx, dy)
		return
	}
	m.backward(dx, dy, dyFlushed)
}

// BackwardFlushed is net.Backward for a dy without tiny values, those other than 0 below
// 2^-100, as losses of package loss give it: see loss.Flushed. A chain that ends with a
// Linear, such as a wide readout, then makes no copies of dy. The gradients have the same bits.
// It calls the method
//
//	BackwardFlushed(of Net, dx, dy []float32)
//
// if the net has one, with the net itself as of, else Backward. A type that embeds a net has the
// method of that too, and may do more in its own Backward: so the method calls of.Backward if of
// is not the net that it belongs to.
func BackwardFlushed(net Net, dx, dy []float32) {
	if n, ok := net.(interface {
		BackwardFlushed(of Net, dx, dy []float32)
	}); ok {
		n.BackwardFlushed(net, dx, dy)
		return
	}
	net.Backward(dx, dy)
}

func (m *Model) backward(dx, dy []float32, as handed) {
	m.mustTrain("Backward")
	if m.emb != nil && dx != nil {
		panic("nn: Backward of a chain over ids has no dx, want nil")
	}
	rows := m.rows.t * m.batch
	if len(dy) != rows*m.out {
		panic(fmt.Sprintf("nn: Backward: dy has %d elements, want %d, those of the last forward pass", len(dy), rows*m.out))
	}
	if dx != nil && len(dx) != rows*m.in {
		panic(fmt.Sprintf("nn: Backward: dx has %d elements, want %d, those of the last forward pass", len(dx), rows*m.in))
	}
	if kernels.Overlap(dx, dy) || kernels.Overlap(dx, m.first) {
		panic("nn: Backward: dx has memory in common with dy or with the x of the forward pass, want memory of its own")
	}
	m.params.mustNotOverlap("Backward", "dx", dx)
	m.params.mustNotOverlap("Backward", "dy", dy)
	if !m.pending {
		panic("nn: Backward of a chain without a Forward before it, or with SetLengths between them: each Forward serves one Backward")
	}
	m.beginBack()
	if n := len(m.links); n > 0 {
		if last, ok := m.links[n-1].net.(*linear); ok {
			last.handed = as
		}
	}
	m.back(dx, dy, len(m.links))
}

// back goes back through the first n links, from dy, the gradient of the output of the last of
// them, and then through the embedding.
func (m *Model) back(dx, dy []float32, n int) {
	rows := m.rows.t * m.batch
	if m.emb != nil && m.symbols == nil {
		dx = m.emb.dy[:rows*m.emb.Dim]
	}
	for i := n - 1; i >= 0; i-- {
		l := m.links[i]
		d := dx
		if i > 0 {
			d = room(&m.links[i-1].dy, rows*l.in)
		}
		if i == 0 && m.symbols != nil {
			m.symbols.BackwardSymbols(m.emb.grad, dy, m.emb.padding-1)
		} else {
			l.net.Backward(d, dy)
		}
		dy = d
		if n := m.firsts[i]; m.tell != nil && m.sums == nil && n > 0 {
			m.tell(n)
		}
	}
	if m.emb != nil && m.symbols == nil {
		m.emb.backward(&m.team, dx, m.rows.pairs)
	}
	m.sums.Run(m.team.Workers())
	if m.tell != nil {
		m.tell(0)
	}
}

// ZeroGrads zeroes the gradients of all parameters.
func (m *Model) ZeroGrads() {
	if m.emb != nil {
		m.emb.zero.run(&m.team, m.isa, m.emb.grad)
	}
	m.group.ZeroGrads()
}

// EachShape calls f for each parameter whose shape a stage knows: its name and its shape.
// The weight of an Embedding is [Vocabulary][Dim], that of a Linear [Out][In].
func (m *Model) EachShape(f func(name string, shape ...int)) {
	if m.emb != nil {
		f(paramName(0, "weight"), m.emb.Vocabulary, m.emb.Dim)
	}
	m.group.EachShape(f)
}
