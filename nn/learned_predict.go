package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/rowstate"
)

// NewPredictor implements Net: a predictor whose rows begin with a copy of the learned
// state.
func (l *LearnedState) NewPredictor(batch int) (any, error) {
	if l == nil {
		return nil, nilcheck.Receiver("nn", "LearnedState", "NewPredictor")
	}
	inner, err := l.net.NewPredictor(batch)
	if err != nil {
		return nil, err
	}
	p, ok := inner.(Predictor)
	if !ok {
		return nil, fmt.Errorf("nn: NewPredictor of a %T returns a %T, which is no Predictor", l.net, inner)
	}
	shapes := l.shapes
	if batch > 0 {
		if shapes, err = rowstate.Find(p, batch); err != nil {
			return nil, fmt.Errorf("nn: a learned state of a %T: %w", p, err)
		}
	}
	q := &learnedPredictor{Predictor: p, of: l, batch: batch, shapes: shapes}
	for k, param := range l.params {
		if len(shapes) != len(l.params) || shapes[k].Size() != len(param.W) {
			return nil, fmt.Errorf("nn: the predictor of a %T has a state of other numbers of each row than the net; want the same tensors, of one row or several", l.net)
		}
		q.w = append(q.w, append([]float32(nil), param.W...))
	}
	q.Reset()
	return q, nil
}

// learnedPredictor is the predictor of a LearnedState.
type learnedPredictor struct {
	Predictor
	of     *LearnedState
	batch  int
	shapes []rowstate.Block
	w      [][]float32
}

// CopyState is State into slices as State returns them.
func (p *learnedPredictor) CopyState(dst [][]float32) { copyState(p.Predictor, dst) }

// Reset implements Predictor.
func (p *learnedPredictor) Reset(rows ...int) {
	p.Predictor.Reset(rows...)
	s := p.State()
	for k, shape := range p.shapes {
		for b := range p.batch {
			if len(rows) == 0 {
				shape.Put(s[k], p.batch, b, p.w[k])
			}
		}
		for _, b := range rows {
			shape.Put(s[k], p.batch, b, p.w[k])
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
