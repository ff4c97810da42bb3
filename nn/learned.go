package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/rowstate"
	"github.com/simdrnn/simdrnn/kernels"
)

// A LearnedState is a Net whose sequences begin with a state that is learned, in place of
// zero: for each state tensor there is one parameter, which Reset copies to every row
// that begins anew, and which gets the sum of these rows' gradients of the state. Rows may
// begin anew inside a window too (SetResets), if the net is a layer of this module or a chain of them. The
// parameters of a net with two state tensors, an LSTM, are named h0 and c0, of one with one
// h0, and of others state0, state1 and so on; they have the layout of a row of the tensor,
// [Layers*Directions][width] for the layers of this module, and begin at zero. They come
// after those of the net.
//
// It is a stage of a Chain like the net itself. The state that it carries has one tensor
// more than that of the net: for each row 1 while the state is still the one that it began
// with, else 0.
type LearnedState struct {
	net    Net
	isa    kernels.ISA
	batch  int
	params []Param
	shapes []rowstate.Block // of each state tensor

	state [][]float32 // room for the state of the net
	grad  [][]float32 // and for its gradient; nil in a net for inference
	begun []float32   // of each row: its state is the one that it began with
	first []bool      // of each row: begun before the last Forward
	lens  []int       // nil: all steps

	begins learnedResets
}

// learnedResets are the rows of a LearnedState that begin anew inside a window.
type learnedResets struct {
	state, grad [][]float32 // that with which they begin, and its gradient; nil before the first ones
	next, last  []bool      // rows that do in the next and in the last Forward
}

// NewLearnedState makes a LearnedState of net, whose state is reset. It returns an error if
// the net has no state, or rows of different shapes.
func NewLearnedState(net Net) (*LearnedState, error) {
	if nilcheck.IsNil(net) {
		return nil, errNoNet
	}
	_, batch, _, _ := net.Dims()
	l := &LearnedState{net: net, isa: kernels.Current(), batch: batch, state: net.State()}
	if batch < 1 || len(l.state) == 0 {
		return nil, fmt.Errorf("nn: a learned state of a net of %d rows and %d state tensors, want at least 1 of each", batch, len(l.state))
	}
	var err error
	if l.shapes, err = rowstate.Find(net, batch); err != nil {
		return nil, fmt.Errorf("nn: a learned state of a %T: %w", net, err)
	}
	_, infer := noGradient(net)
	for k, b := range l.shapes {
		q := Param{Name: learnedName(k, len(l.shapes)), W: make([]float32, b.Size())}
		if !infer {
			q.G = make([]float32, b.Size())
			l.grad = append(l.grad, make([]float32, len(l.state[k])))
		}
		l.params = append(l.params, q)
	}
	l.begun, l.first = make([]float32, batch), make([]bool, batch)
	l.Reset()
	return l, nil
}

func learnedName(k, of int) string {
	switch {
	case of == 1:
		return "h0"
	case of == 2:
		return []string{"h0", "c0"}[k]
	}
	return fmt.Sprintf("state%d", k)
}

// Reset begins the given rows anew, all if there are none, with the learned state.
func (l *LearnedState) Reset(rows ...int) {
	l.net.Reset(rows...)
	CopyState(l.net, l.state)
	for b := range l.batch {
		if len(rows) == 0 {
			l.begin(b)
		}
	}
	for _, b := range rows {
		l.begin(b)
	}
	if err := l.net.SetState(l.state); err != nil {
		panic("nn: a net refuses the state that it had: " + err.Error())
	}
}

func (l *LearnedState) begin(b int) {
	l.begun[b] = 1
	for k, p := range l.params {
		l.shapes[k].Put(l.state[k], l.batch, b, p.W)
	}
}

// SetResets implements Net: inside the next window rows begin anew with the learned state as
// it is now. It returns an error if the net has a stage with a state that cannot: see
// Model.SetResetState.
func (l *LearnedState) SetResets(resets [][]int) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetResets")
	}
	some := slices.ContainsFunc(resets, func(list []int) bool { return len(list) > 0 })
	if some {
		if err := l.canReset(); err != nil {
			return fmt.Errorf("nn: the net, %w", err)
		}
	}
	if err := SetResets(l.net, resets); err != nil {
		return err
	}
	r := &l.begins
	if !some {
		clear(r.next)
		return nil
	}
	if r.state == nil {
		r.state = l.net.State()
		r.next, r.last = make([]bool, l.batch), make([]bool, l.batch)
		for _, g := range l.grad {
			r.grad = append(r.grad, make([]float32, len(g)))
		}
	}
	for b, list := range resets {
		r.next[b] = len(list) > 0
		for k, p := range l.params {
			l.shapes[k].Put(r.state[k], l.batch, b, p.W)
		}
	}
	return l.net.(restarter).SetResetState(r.state)
}

// canReset returns an error if rows of the net cannot begin anew with a state.
func (l *LearnedState) canReset() error {
	if err := canRestart(l.net); err != nil {
		return fmt.Errorf("a *nn.LearnedState of %w", err)
	}
	return nil
}

// starts notes the rows that a Forward of t steps begins with, and those that begin anew in it.
func (l *LearnedState) starts(t int) {
	copy(l.begins.last, l.begins.next)
	clear(l.begins.next)
	for b, begun := range l.begun {
		l.first[b] = begun != 0
		if t > 0 && (l.lens == nil || l.lens[b] > 0) {
			l.begun[b] = 0
		}
	}
}

// Forward implements Net.
func (l *LearnedState) Forward(y, x []float32) {
	l.net.Forward(y, x)
	_, _, _, out := l.net.Dims()
	l.starts(len(y) / max(1, l.batch*out))
}

// ForwardIDs implements IDNet, for a net that does.
func (l *LearnedState) ForwardIDs(y []float32, ids []int32) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "ForwardIDs")
	}
	if err := l.net.(IDNet).ForwardIDs(y, ids); err != nil {
		return err
	}
	l.starts(len(ids) / l.batch)
	return nil
}

// TakesIDs says whether the net takes ids.
func (l *LearnedState) TakesIDs() bool { return OverIDs(l.net) != nil }

// Backward implements Net. It adds the gradients of the state of the rows that began with
// the last Forward to those of the learned state, row after row, and to each of them those of
// the steps at which the row began anew inside the window.
func (l *LearnedState) Backward(dx, dy []float32) {
	l.net.Backward(dx, dy)
	if slices.Contains(l.first, true) {
		CopyStateGrad(l.net, l.grad)
	}
	r := &l.begins
	inside := slices.Contains(r.last, true)
	if inside {
		l.net.(restarter).CopyResetGrad(r.grad)
	}
	for b, first := range l.first {
		if first {
			l.addGrad(l.grad, b)
		}
		if inside && r.last[b] {
			l.addGrad(r.grad, b)
		}
	}
}

// addGrad adds row b of a gradient of the state to that of the learned state.
func (l *LearnedState) addGrad(state [][]float32, b int) {
	for k, shape := range l.shapes {
		g := l.params[k].G
		for i := range shape.Count {
			part := g[i*shape.Width:][:shape.Width]
			l.isa.Add(part, part, shape.Part(state[k], l.batch, i, b))
		}
	}
}

// Net returns the net whose sequences begin with the learned state.
func (l *LearnedState) Net() Net { return l.net }

// Dims implements Net.
func (l *LearnedState) Dims() (steps, batch, in, out int) { return l.net.Dims() }

// SetLengths implements Net.
func (l *LearnedState) SetLengths(lengths []int) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetLengths")
	}
	if err := l.net.SetLengths(lengths); err != nil {
		return err
	}
	if l.lens = nil; lengths != nil {
		l.lens = append(make([]int, 0, l.batch), lengths...)
	}
	return nil
}

// SetTraining implements Net.
func (l *LearnedState) SetTraining(on bool) { l.net.SetTraining(on) }

// State implements Net.
func (l *LearnedState) State() [][]float32 {
	return append(l.net.State(), append([]float32(nil), l.begun...))
}

// CopyState is State into slices as State returns them.
func (l *LearnedState) CopyState(dst [][]float32) {
	CopyState(l.net, dst[:len(dst)-1])
	copy(dst[len(dst)-1], l.begun)
}

// split checks that s has the tensors of State, and returns those of the net.
func (l *LearnedState) split(what string, s [][]float32) (net [][]float32, begun []float32, err error) {
	if len(s) != len(l.state)+1 || len(s[len(s)-1]) != l.batch {
		return nil, nil, fmt.Errorf("nn: the %s of a LearnedState has %d tensors, want %d, of which the last has the %d rows", what, len(s), len(l.state)+1, l.batch)
	}
	return s[:len(s)-1], s[len(s)-1], nil
}

// checkMarks returns an error if the mark of a row is neither 0 nor 1.
func checkMarks(begun []float32) error {
	for b, mark := range begun {
		if mark != 0 && mark != 1 {
			return fmt.Errorf("nn: the last tensor of a state for a LearnedState has %v for row %d, want 1 while the state is the one that the row began with, else 0", mark, b)
		}
	}
	return nil
}

// SetState implements Net.
func (l *LearnedState) SetState(s [][]float32) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetState")
	}
	net, begun, err := l.split("state", s)
	if err != nil {
		return err
	}
	if err := checkMarks(begun); err != nil {
		return err
	}
	if err := l.net.SetState(net); err != nil {
		return err
	}
	copy(l.begun, begun)
	return nil
}

// SetStateGrad implements Net. What it has for the tensor that the net has not is not read.
func (l *LearnedState) SetStateGrad(g [][]float32) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetStateGrad")
	}
	if g == nil {
		return l.net.SetStateGrad(nil)
	}
	net, _, err := l.split("state gradient", g)
	if err != nil {
		return err
	}
	return l.net.SetStateGrad(net)
}

// StateGrad implements Net. A row that began with the last Forward has a gradient here and
// in the learned state.
func (l *LearnedState) StateGrad() [][]float32 {
	return append(l.net.StateGrad(), make([]float32, l.batch))
}

// CopyStateGrad is StateGrad into slices as StateGrad returns them.
func (l *LearnedState) CopyStateGrad(dst [][]float32) {
	CopyStateGrad(l.net, dst[:len(dst)-1])
	clear(dst[len(dst)-1])
}

// ZeroGrads implements Net.
func (l *LearnedState) ZeroGrads() {
	l.net.ZeroGrads()
	for _, p := range l.params {
		clear(p.G)
	}
}

// EachParam implements Net.
func (l *LearnedState) EachParam(f func(name string, w, g []float32)) {
	l.net.EachParam(f)
	for _, p := range l.params {
		f(p.Name, p.W, p.G)
	}
}

// EachShape is that of the net, if it has one.
func (l *LearnedState) EachShape(f func(name string, shape ...int)) {
	if s, ok := l.net.(shaped); ok {
		s.EachShape(f)
	}
}

// SetWorkers is that of the net, if it has one.
func (l *LearnedState) SetWorkers(n int) {
	if w, ok := l.net.(interface{ SetWorkers(n int) }); ok {
		w.SetWorkers(n)
	}
}

// SetSeed is that of the net, if it has one.
func (l *LearnedState) SetSeed(seed uint64) {
	if s, ok := l.net.(interface{ SetSeed(seed uint64) }); ok {
		s.SetSeed(seed)
	}
}

// SetRowIDs is that of the net, if it has one.
func (l *LearnedState) SetRowIDs(ids []uint32) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetRowIDs")
	}
	if s, ok := l.net.(interface{ SetRowIDs(ids []uint32) error }); ok {
		return s.SetRowIDs(ids)
	}
	return nil
}

// nets and singleMasks are those of a group, whose only net is that of l.
func (l *LearnedState) nets() []*link              { return []*link{{net: l.net}} }
func (l *LearnedState) singleMasks(f func(Masked)) { singleMasks(l.net, f) }

var errNoMasks = errors.New("nn: the net of a LearnedState has no random masks")

// MaskState is that of the net, nil if it has no random masks.
func (l *LearnedState) MaskState() []uint64 {
	if m := MasksOf(l.net); m != nil {
		return m.MaskState()
	}
	return nil
}

// SetMaskState is that of a net with random masks.
func (l *LearnedState) SetMaskState(s []uint64) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetMaskState")
	}
	if m := MasksOf(l.net); m != nil {
		return m.SetMaskState(s)
	}
	return errNoMasks
}

// Clock is that of the net, nil if it has no random masks.
func (l *LearnedState) Clock() []uint64 {
	if m := MasksOf(l.net); m != nil {
		return m.Clock()
	}
	return nil
}

// SetClock is that of a net with random masks.
func (l *LearnedState) SetClock(c []uint64) error {
	if l == nil {
		return nilcheck.Receiver("nn", "LearnedState", "SetClock")
	}
	if m := MasksOf(l.net); m != nil {
		return m.SetClock(c)
	}
	return errNoMasks
}
