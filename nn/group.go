package nn

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// A group is what a net made of several has whichever way they are connected: it hands
// on to each what the whole is told, and puts together what they return.
type group struct {
	steps, batch int

	isa     kernels.ISA
	team    crew.Crew
	links   []*link
	params  params
	sums    *Sums
	infer   bool        // no gradients
	frozen  string      // the parameter without a gradient that makes it so, "" for none
	state   []int       // lengths of the tensors of State
	before  [][]float32 // the state that SetState goes back to on an error; nil before the first call
	rows    rows
	pending bool   // no Backward has used the last forward pass
	passes  uint64 // counts forward passes and new lengths
}

// link is a net of a group.
type link struct {
	net     Net
	from    Unsized // what was bound; nil for a stage that is a Net
	place   int     // index of the stage
	in, out int
	y, dy   []float32 // [steps][batch][out]; nil where the caller's are used
	tensors int       // of the net's state

	begins []int       // of each parameter of the net, how many of the group come before it
	told   func(n int) // what it calls where it tells its gradients: see OnGradients
}

func newGroup(steps, batch int, infer bool, frozen string) group {
	return group{isa: kernels.Current(), steps: steps, batch: batch, infer: infer, frozen: frozen, rows: newRows(steps, batch)}
}

// add makes stage i the next link. width is that of its input, which owned says is memory
// of the group. It sets the memory for y and dy if own is true.
func (m *group) add(i int, s Stage, width int, emb *Embedding, owned, own bool) error {
	b := &Binding{Steps: m.steps, Batch: m.batch, Width: width, Infer: m.infer, group: m, emb: emb, place: i, owned: owned}
	net, err := b.net(s)
	if err != nil {
		return err
	}
	_, _, in, out := net.Dims()
	l := &link{net: net, place: i, in: in, out: out}
	if _, ok := s.(Net); !ok {
		l.from = s.(Unsized)
	}
	m.links = append(m.links, l)
	if own {
		l.y = pages.Floats(m.steps * m.batch * out)
		if !m.infer {
			l.dy = pages.Floats(len(l.y))
		}
		if s, ok := net.(*linear); ok {
			s.handed = dyOwned // nothing else reads this dy
		}
	}
	m.state, l.tensors = addLengths(m.state, net.State())
	net.EachParam(func(name string, w, grad []float32) {
		if err != nil {
			return
		}
		l.begins = append(l.begins, len(m.params.list))
		of := i
		if b.gave(grad) {
			of = inChain
		}
		err = m.addParam(i, name, w, grad, of)
	})
	return err
}

// net returns s as a Net of the sizes of the chain.
func (b *Binding) net(s Stage) (Net, error) {
	if net, ok := s.(Net); ok {
		return net, nil
	}
	net, err := s.(Unsized).Bind(b)
	if err != nil {
		return nil, fmt.Errorf("nn: stage %d of the chain: %w", b.place, err)
	}
	if err := checkStage(net); err != nil {
		return nil, fmt.Errorf("nn: what Bind of stage %d of the chain, a %T, returned %w", b.place, s, err)
	}
	steps, batch, in, out := net.Dims()
	if _, _, _, want := dimsFor(s, b.Width); steps != b.Steps || batch != b.Batch || in != b.Width || out != want {
		return nil, fmt.Errorf("nn: Bind of stage %d of the chain, a %T, returned a net of %d steps and %d rows from width %d to %d, want %d, %d, %d and %d", b.place, s, steps, batch, in, out, b.Steps, b.Batch, b.Width, want)
	}
	return net, nil
}

// dimsFor is Dims of a stage whose input has the given width.
func dimsFor(s Stage, width int) (steps, batch, in, out int) {
	steps, batch, in, out = s.Dims()
	if in == 0 && out == 0 {
		in, out = width, width
	}
	return steps, batch, in, out
}

// gave says whether Gradient returned g.
func (b *Binding) gave(g []float32) bool {
	for _, h := range b.handed {
		if kernels.Same(h, g) {
			return true
		}
	}
	return false
}

// addParam adds a parameter of stage i. In a group for inference no parameter has a
// gradient.
func (m *group) addParam(i int, name string, w, grad []float32, net int) error {
	p := Param{Name: paramName(i, name), W: w, G: grad}
	if m.infer {
		p.G = nil
		_, err := m.params.addValues(p)
		return err
	}
	return m.params.add(p, net)
}

// complete follows the last add.
func (m *group) complete() {
	m.sums = m.params.sums()
	if m.infer && m.frozen == "" && len(m.params.list) > 0 {
		m.frozen = m.params.list[0].Name
	}
	m.setDifferentSeeds()
}

// begin notes the steps of a forward pass.
func (m *group) begin(t int) {
	m.rows.begin(t)
	m.pending = true
	m.passes++
}

// beginBack sets the order of sums, and ends the time in which a backward pass may go over
// the last forward pass.
func (m *group) beginBack() {
	m.pending = false
	m.rows.order()
}

// mustTrain panics if the group is one for inference.
func (m *group) mustTrain(method string) {
	if m.infer {
		panic(errNoGradient("nn: "+method+" of a chain for inference: ", m.frozen).Error())
	}
}

// mustBeUnchanged panics if the slices of a stage were replaced after the chain was made.
func (m *group) mustBeUnchanged() {
	for _, l := range m.links {
		if n, ok := l.net.(interface{ mustBeUnchanged() }); ok {
			n.mustBeUnchanged()
		}
	}
}

// SetTraining is SetTraining of every Net in the chain.
func (m *group) SetTraining(on bool) {
	for _, l := range m.links {
		l.net.SetTraining(on)
	}
}

// SetWorkers sets on how many workers a pass may be split at most; 0, the default, sets no such
// limit. Each piece of work has as many as it is worth, at most GOMAXPROCS and 256. The number
// changes no bit. It panics if n is negative.
func (m *group) SetWorkers(n int) {
	m.team.Set(n)
	for _, l := range m.links {
		if w, ok := l.net.(interface{ SetWorkers(n int) }); ok {
			w.SetWorkers(n)
		}
	}
}

// ZeroGrads zeroes the gradients of all parameters.
func (m *group) ZeroGrads() {
	for _, l := range m.links {
		l.net.ZeroGrads()
	}
}

// EachParam calls f for every parameter, stage after stage. A parameter of several
// stages comes once, with the name of the first of them and the sum of the gradients.
// So the weight of a Readout comes as that of the embedding. A chain for inference
// has no gradients: g is nil.
func (m *group) EachParam(f func(name string, w, g []float32)) {
	for _, p := range m.params.list {
		f(p.Name, p.W, p.G)
	}
}

// EachShape calls f for each parameter whose shape a stage knows: its name and its shape.
// The weight of an Embedding is [Vocabulary][Dim], that of a Linear [Out][In].
func (m *group) EachShape(f func(name string, shape ...int)) {
	for _, l := range m.links {
		if s, ok := l.net.(shaped); ok {
			s.EachShape(func(name string, shape ...int) { f(paramName(l.place, name), shape...) })
		}
	}
}

// SetLengths gives the number of steps of each row that exist, 0 to the steps of
// the chain; nil: all do. They hold until the next call, and are copied. After
// SetLengths, Backward needs a new Forward. Lengths that differ with each call are
// easier given to ForwardLengths and ForwardIDsLengths.
//
// On an error the lengths are as before. If the error comes from a Net that is not the
// first of the chain, Backward needs a new Forward too.
func (m *group) SetLengths(lengths []int) error {
	if err := m.rows.check(lengths, m.steps, "steps of the chain; cut the sequence or unroll more steps"); err != nil {
		return err
	}
	return m.setLengths(lengths)
}

// setLengths sets lengths, which rows.check has accepted, in all Nets. If one Net
// returns an error, the Nets before it get their old lengths back.
func (m *group) setLengths(lengths []int) error {
	m.passes++
	for i, l := range m.links {
		if err := l.net.SetLengths(lengths); err != nil {
			for _, earlier := range m.links[:i] {
				err = errors.Join(err, earlier.net.SetLengths(m.rows.lengths))
			}
			return err
		}
		m.pending = false
	}
	m.rows.set(lengths)
	return nil
}
