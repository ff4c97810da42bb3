package nn

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// A LearnedState is a Net whose sequences begin with a state that is learned, in place of
// zero: for each state tensor there is one parameter, which Reset copies to every row
// that begins anew, and which gets the sum of these rows' gradients of the state. The
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
	places []rowPlaces // of each state tensor

	state [][]float32 // room for the state of the net
	begun []float32   // of each row: its state is the one that it began with
	first []bool      // of each row: begun before the last Forward
	lens  []int       // nil: all steps
}

// rowPlaces says where a state tensor has the elements of each row: runs of them, as many
// and as long for every row, in the order of the parameter.
type rowPlaces [][]run

type run struct{ at, n int }

// NewLearnedState makes a LearnedState of net, whose state is reset. It returns an error if
// the net has no state, or rows of different shapes.
func NewLearnedState(net Net) (*LearnedState, error) {
	_, batch, _, _ := net.Dims()
	l := &LearnedState{net: net, isa: kernels.Current(), batch: batch, state: net.State()}
	if batch < 1 || len(l.state) == 0 {
		return nil, fmt.Errorf("nn: a learned state of a net of %d rows and %d state tensors, want at least 1 of each", batch, len(l.state))
	}
	var err error
	if l.places, err = findRows(net.State, net.SetState, net.Reset, batch); err != nil {
		return nil, err
	}
	_, infer := noGradient(net)
	for k, p := range l.places {
		n := 0
		for _, r := range p[0] {
			n += r.n
		}
		q := Param{Name: learnedName(k, len(l.places)), W: make([]float32, n)}
		if !infer {
			q.G = make([]float32, n)
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

// findRows sets a state of ones and looks where Reset of each row leaves zeros. The state is
// zero afterwards.
func findRows(get func() [][]float32, set func([][]float32) error, reset func(rows ...int), batch int) ([]rowPlaces, error) {
	ones := get()
	for _, t := range ones {
		for i := range t {
			t[i] = 1
		}
	}
	places := make([]rowPlaces, len(ones))
	for b := range batch {
		if err := set(ones); err != nil {
			return nil, err
		}
		reset(b)
		for k, t := range get() {
			places[k] = append(places[k], zeros(t))
			if !sameRuns(places[k][0], places[k][b]) {
				return nil, fmt.Errorf("nn: a learned state of a net whose state tensor %d has other elements in row %d than in row 0", k, b)
			}
		}
	}
	reset()
	return places, nil
}

// zeros lists the runs of zeros in t.
func zeros(t []float32) (runs []run) {
	for i := 0; i < len(t); i++ {
		from := i
		for i < len(t) && t[i] == 0 {
			i++
		}
		if i > from {
			runs = append(runs, run{from, i - from})
		}
	}
	return runs
}

func sameRuns(a, b []run) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].n != b[i].n {
			return false
		}
	}
	return true
}

// put copies w to the places of row b in t.
func (p rowPlaces) put(t []float32, b int, w []float32) {
	for _, r := range p[b] {
		copy(t[r.at:r.at+r.n], w[:r.n])
		w = w[r.n:]
	}
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
	for k, p := range l.places {
		p.put(l.state[k], b, l.params[k].W)
	}
}

// starts notes the rows that a Forward of t steps begins with.
func (l *LearnedState) starts(t int) {
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
	if err := l.net.(IDNet).ForwardIDs(y, ids); err != nil {
		return err
	}
	l.starts(len(ids) / l.batch)
	return nil
}

// TakesIDs says whether the net takes ids.
func (l *LearnedState) TakesIDs() bool { return OverIDs(l.net) != nil }

// Backward implements Net. It adds the gradients of the state of the rows that began with
// the last Forward to those of the learned state, row after row.
func (l *LearnedState) Backward(dx, dy []float32) {
	l.net.Backward(dx, dy)
	var grad [][]float32
	for b, first := range l.first {
		if !first {
			continue
		}
		if grad == nil {
			grad = l.net.StateGrad()
		}
		for k, p := range l.places {
			g := l.params[k].G
			for _, r := range p[b] {
				l.isa.Add(g[:r.n], g[:r.n], grad[k][r.at:r.at+r.n])
				g = g[r.n:]
			}
		}
	}
}

// Dims implements Net.
func (l *LearnedState) Dims() (steps, batch, in, out int) { return l.net.Dims() }

// SetLengths implements Net.
func (l *LearnedState) SetLengths(lengths []int) error {
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

// SetState implements Net.
func (l *LearnedState) SetState(s [][]float32) error {
	net, begun, err := l.split("state", s)
	if err != nil {
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
	if m := MasksOf(l.net); m != nil {
		return m.SetClock(c)
	}
	return errNoMasks
}

// NewPredictor implements Net: a predictor whose rows begin with a copy of the learned
// state.
func (l *LearnedState) NewPredictor(batch int) (any, error) {
	inner, err := l.net.NewPredictor(batch)
	if err != nil {
		return nil, err
	}
	p, ok := inner.(Predictor)
	if !ok {
		return nil, fmt.Errorf("nn: NewPredictor of a %T returns a %T, which is no Predictor", l.net, inner)
	}
	places, err := findRows(p.State, p.SetState, p.Reset, batch)
	if err != nil {
		return nil, err
	}
	q := &learnedPredictor{Predictor: p, of: l, batch: batch, places: places}
	for k := range l.params {
		n := 0
		if batch > 0 && k < len(places) {
			for _, r := range places[k][0] {
				n += r.n
			}
		}
		if batch > 0 && n != len(l.params[k].W) {
			return nil, fmt.Errorf("nn: the predictor of a %T has %d elements of state tensor %d in a row, the net %d", l.net, n, k, len(l.params[k].W))
		}
		q.w = append(q.w, append([]float32(nil), l.params[k].W...))
	}
	q.Reset()
	return q, nil
}

// learnedPredictor is the predictor of a LearnedState.
type learnedPredictor struct {
	Predictor
	of     *LearnedState
	batch  int
	places []rowPlaces
	w      [][]float32
}

// Reset implements Predictor.
func (p *learnedPredictor) Reset(rows ...int) {
	p.Predictor.Reset(rows...)
	s := p.State()
	for k, places := range p.places {
		for b := range p.batch {
			if len(rows) == 0 {
				places.put(s[k], b, p.w[k])
			}
		}
		for _, b := range rows {
			places.put(s[k], b, p.w[k])
		}
	}
	if err := p.SetState(s); err != nil {
		panic("nn: a predictor refuses the state that it had: " + err.Error())
	}
}

// Refresh implements Predictor: rows that begin after it begin with the state as it is now.
func (p *learnedPredictor) Refresh() {
	p.Predictor.Refresh()
	for k := range p.w {
		copy(p.w[k], p.of.params[k].W)
	}
}
