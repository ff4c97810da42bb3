package nn

import (
	"errors"
	"fmt"
)

// predictors are the predictors of a group's nets: what a group is to nets.
type predictors struct {
	links  []*predictLink
	state  []int       // lengths of the tensors of State
	before [][]float32 // SetState's memory: the state to go back to; nil before the first one
}

type predictLink struct {
	net     Predictor
	in, out int
	tensors int
	y       []float32 // [batch][out]; nil where the caller's is used
}

// predictors makes the predictors of all nets for batch rows, and the memory for y of
// those that own says.
func (m *group) predictors(batch int, own func(i int) bool) (p predictors, err error) {
	for i, l := range m.links {
		q := &predictLink{in: l.in, out: l.out}
		if q.net, err = m.predictor(l, batch); err != nil {
			return p, err
		}
		p.state, q.tensors = addLengths(p.state, q.net.State())
		if own(i) {
			q.y = make([]float32, batch*l.out)
		}
		p.links = append(p.links, q)
	}
	return p, nil
}

// widest returns the largest width of a net's input or output.
func (m *group) widest() (width int) {
	for _, l := range m.links {
		width = max(width, l.in, l.out)
	}
	return width
}

// predictor makes the predictor of one net.
func (m *group) predictor(l *link, batch int) (Predictor, error) {
	v, err := l.net.NewPredictor(batch)
	if errors.Is(err, errBindAnew) && l.from != nil {
		return m.bindAnew(l, batch)
	}
	if err != nil {
		return nil, err
	}
	p, ok := v.(Predictor)
	if !ok {
		return nil, fmt.Errorf("nn: NewPredictor of %T returned a %T, which is no nn.Predictor", l.net, v)
	}
	return p, nil
}

// bindAnew makes a predictor of a stage by binding it to one step.
func (m *group) bindAnew(l *link, batch int) (Predictor, error) {
	g := newGroup(1, batch, true, "")
	g.isa = m.isa
	b := &Binding{Steps: 1, Batch: batch, Width: l.in, Infer: true, group: &g, place: l.place}
	net, err := b.net(l.from)
	if err != nil {
		return nil, err
	}
	g.begin(1)
	return &stepper{net}, nil
}

// A stepper is a net of one step as a predictor. A net with a state has Reorder.
type stepper struct{ Net }

func (s *stepper) Step(y, x []float32) { s.Forward(y, x) }
func (s *stepper) Refresh()            {}

func (s *stepper) CopyState(dst [][]float32) { copyState(s.Net, dst) }

func (s *stepper) Reorder(src []int) {
	if r, ok := s.Net.(interface{ Reorder(src []int) }); ok {
		r.Reorder(src)
	}
}

// mustBeUnchanged panics if the slices of a stage were replaced after the chain was made.
func (p *predictors) mustBeUnchanged() {
	for _, l := range p.links {
		if n, ok := l.net.(interface{ mustBeUnchanged() }); ok {
			n.mustBeUnchanged()
		}
	}
}

// Refresh copies the weights of the net again; the state stays. It panics, before it
// copies any, if a slice of a stage was replaced.
func (p *predictors) Refresh() {
	p.mustBeUnchanged()
	for _, l := range p.links {
		l.net.Refresh()
	}
}

// State returns copies of the states of the stages, one after another.
func (p *predictors) State() [][]float32 {
	var s [][]float32
	for _, l := range p.links {
		s = append(s, l.net.State()...)
	}
	return s
}

// CopyState is State into slices of the same lengths. It panics, before it changes
// anything, if dst has others.
func (p *predictors) CopyState(dst [][]float32) {
	if err := checkLengths("state", dst, p.state); err != nil {
		panic(err.Error())
	}
	for _, l := range p.links {
		copyState(l.net, dst[:l.tensors])
		dst = dst[l.tensors:]
	}
}

// SetState puts back what State returned, of this predictor or of a Net of the
// same rows. Nothing is changed if it returns an error.
func (p *predictors) SetState(s [][]float32) error {
	if err := checkLengths("state", s, p.state); err != nil {
		return err
	}
	if len(p.links) == 1 {
		return p.setState(s)
	}
	// To go back to, if a net refuses what those before it accepted.
	if p.before == nil {
		p.before = p.State()
	} else {
		p.CopyState(p.before)
	}
	if err := p.setState(s); err != nil {
		return errors.Join(err, p.setState(p.before))
	}
	return nil
}

// setState sets the state of each net to its tensors of s.
func (p *predictors) setState(s [][]float32) error {
	for _, l := range p.links {
		if err := l.net.SetState(s[:l.tensors]); err != nil {
			return err
		}
		s = s[l.tensors:]
	}
	return nil
}

// Reset zeroes the state of the given rows, of all when there are none.
func (p *predictors) Reset(rows ...int) {
	for _, l := range p.links {
		l.net.Reset(rows...)
	}
}

// Reorder gives row i the state that row src[i] had.
func (p *predictors) Reorder(src []int) {
	for _, l := range p.links {
		l.net.Reorder(src)
	}
}
