package seq2seq_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// pass is one forward and backward pass.
type pass struct {
	y, weights []float32
	grads      [][]float32
}

func run(t testing.TB, net *seq2seq.Net, b *data.Batch, dy []float32) (p pass) {
	t.Helper()
	net.ZeroGrads()
	p.y = make([]float32, len(dy))
	traintest.NoError(t, net.ForwardBatch(p.y, b))
	for _, a := range net.Attentions() {
		p.weights = make([]float32, b.Steps*b.Rows*b.Source.Steps)
		a.Weights(p.weights)
	}
	net.Backward(nil, dy)
	net.EachParam(func(_ string, _, g []float32) { p.grads = append(p.grads, slices.Clone(g)) })
	return p
}

func (p pass) same(t testing.TB, want pass, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	numtest.Equal(t, p.y, want.y, "%s: y", what)
	numtest.Equal(t, p.weights, want.weights, "%s: weights", what)
	for i := range want.grads {
		numtest.Equal(t, p.grads[i], want.grads[i], "%s: gradient %d", what, i)
	}
}

// scores are models with each score, wide enough for whole vectors and for what is left.
func scores() (list []sizes) {
	for _, score := range []seq2seq.Score{seq2seq.Dot, seq2seq.General, seq2seq.Additive} {
		s := sizes{steps: 9, source: 19, batch: 5, score: score, out: 17, hidden: 18}
		list = append(list, s)
		s.out, s.noBridge = 0, true
		list = append(list, s)
	}
	return list
}

// TestSameBits: on every tier, on every number of workers, with anything in the padding, and
// in a pass after others.
func TestSameBits(t *testing.T) {
	for _, s := range scores() {
		b, dy := batch(s, 4), traintest.NumbersLike(s.steps*s.batch*symbols, 6)
		clean := run(t, build(t, s, 3), b, dy)
		other := batch(s, 8) // its rows 1 and 2 leave something where b has nothing
		other.Source.Lengths[1], other.Lengths[2] = s.source, s.steps
		padded := pad(b, dy)
		numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
			net := build(t, s, 3)
			numbers := []int{0, 1, 2, 3, 7}
			if testing.Short() {
				numbers = []int{1, 3}
			}
			for _, workers := range numbers {
				net.SetWorkers(workers)
				run(t, net, other, dy)
				run(t, net, b, padded).same(t, clean, "%v on %v, %d workers", s.score, isa, workers)
			}
		})
	}
}

// TestPartsOfRows: where there are fewer rows than workers, and these are long, a row is cut
// among workers, with the bits of one; a row of a batch has those that it has by itself too.
func TestPartsOfRows(t *testing.T) {
	for _, score := range []seq2seq.Score{seq2seq.Dot, seq2seq.General, seq2seq.Additive} {
		for _, rows := range []int{1, 2, 3} {
			s := sizes{steps: 53, source: 70, batch: rows, score: score, out: 7, hidden: 10, units: 53} // parts of 16 units and more, and a rest
			b, dy := batch(s, 4), traintest.NumbersLike(s.steps*rows*symbols, 6)
			other := batch(s, 9)
			net := build(t, s, 3)
			net.SetWorkers(1)
			want := run(t, net, b, dy)
			numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
				net := build(t, s, 3)
				for _, workers := range []int{2, 3, 8, 0} {
					net.SetWorkers(workers)
					run(t, net, other, dy)
					run(t, net, b, dy).same(t, want, "%v on %v, %d rows, %d workers", score, isa, rows, workers)
				}
			})
		}
	}
}

// TestRowsDoNotMeet: the outputs of a row are those that it has alone in a batch of empty
// rows, at another place and with less padding.
func TestRowsDoNotMeet(t *testing.T) {
	for _, s := range scores() {
		net := build(t, s, 3)
		b := batch(s, 4)
		n := s.batch
		y := make([]float32, s.steps*n*symbols)
		traintest.NoError(t, net.ForwardBatch(y, b))
		for r := range n {
			to, steps, source := (r+2)%n, b.Lengths[r], b.Source.Lengths[r]
			c := &data.Batch{Steps: steps, Rows: n, IDs: make([]int32, steps*n), Lengths: make([]int, n), Source: &data.Input{Steps: source, IDs: make([]int32, source*n), Lengths: make([]int, n)}}
			c.Lengths[to], c.Source.Lengths[to] = steps, source
			for p := range steps {
				c.IDs[p*n+to] = b.IDs[p*n+r]
			}
			for p := range source {
				c.Source.IDs[p*n+to] = b.Source.IDs[p*n+r]
			}
			alone := make([]float32, steps*n*symbols)
			traintest.NoError(t, net.ForwardBatch(alone, c))
			for p := range steps {
				numtest.Equal(t, alone[(p*n+to)*symbols:][:symbols], y[(p*n+r)*symbols:][:symbols], "%v: row %d, step %d", s.score, r, p)
			}
		}
	}
}

// TestTinyValues: what is below 2^-100 counts as +0, and is not changed where it lies.
func TestTinyValues(t *testing.T) {
	for _, s := range scores() {
		b, dy := batch(s, 4), traintest.NumbersLike(s.steps*s.batch*symbols, 6)
		for i := range dy {
			dy[i] *= 0x1p40 // so that products with tiny values are not
		}
		passes := [2]pass{}
		for k, tiny := range []float32{0, 0x1p-101} {
			net := build(t, s, 3)
			net.EachParam(func(_ string, w, _ []float32) {
				for i := 0; i < len(w); i += 7 {
					w[i] = tiny
				}
			})
			passes[k] = run(t, net, b, dy)
			net.EachParam(func(name string, w, _ []float32) {
				if w[0] != tiny {
					t.Errorf("%s has been changed to %v", name, w[0])
				}
			})
		}
		passes[1].same(t, passes[0], "%v", s.score)
	}
}

// TestPredictor: each step has the bits of the whole window, for one row of each source and
// for several in any order, in a batch of one row too, and so have its weights.
func TestPredictor(t *testing.T) {
	list := scores()
	one := list[1]
	one.batch, one.copied, one.noBridge = 1, true, false
	one.score, one.out = seq2seq.General, 5
	bridged := list[0]
	bridged.noScores = true
	if testing.Short() {
		list = list[2:5] // one of each score
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, s := range append(list, one, bridged) {
			net := build(t, s, 3)
			b := batch(s, 4)
			want := run(t, net, b, make([]float32, s.steps*s.batch*symbols))
			if s.noScores {
				want.weights = nil
			}
			same := make([]int, s.batch)
			for i := range same {
				same[i] = i
			}
			beams := make([]int, 3*s.batch)
			mixed := make([]int, 3*s.batch)
			for i := range beams {
				beams[i], mixed[i] = i/3, (i*i+1)%s.batch
			}
			for k, of := range [][]int{same, beams, mixed} {
				if k == 1 && testing.Short() {
					continue // mixed has rows of one source side by side too
				}
				given := of
				if k < 2 {
					given = nil
				}
				p := traintest.Must(net.Predictor(len(of)))
				for range 2 { // again: Encode begins anew
					traintest.NoError(t, p.Encode(b.Source, given))
					decodeAll(t, p, b, want, of, s)
				}
				// From the middle, after an excursion.
				traintest.NoError(t, p.Encode(b.Source, given))
				state := p.State()
				p.Reorder(make([]int, len(of)))
				decodeAll(t, p, b, want, slices.Repeat(of[:1], len(of)), s)
				traintest.NoError(t, p.SetState(state))
				decodeAll(t, p, b, want, of, s)
				p.Reset()
				decodeAll(t, p, b, want, of, s)
				// Some rows begin again, and the others go on.
				p.Reset()
				y, ids := make([]float32, len(of)*symbols), make([]int32, len(of))
				for i := range ids {
					ids[i] = max(0, b.IDs[of[i]])
				}
				traintest.NoError(t, p.StepIDs(y, ids))
				after := p.State()
				p.Reset()
				begin := p.State()
				traintest.NoError(t, p.SetState(after))
				p.Reset(0)
				for j, now := range p.State() {
					// The first numbers are of row 0 in the first layer, the last of the
					// last row in the last.
					numtest.Equal(t, now[:1], begin[j][:1], "%v, tensor %d: the begin", s.score, j)
					if len(of) > 1 {
						last := len(now) - 1
						numtest.Equal(t, now[last:], after[j][last:], "%v, tensor %d: the end", s.score, j)
					}
				}
			}
		}
	})
}

func decodeAll(t *testing.T, p *seq2seq.Predictor, b *data.Batch, want pass, of []int, s sizes) {
	t.Helper()
	y, ids := make([]float32, len(of)*symbols), make([]int32, len(of))
	weights := make([]float32, len(of)*p.SourceSteps())
	for step := range b.Steps {
		for i, r := range of {
			ids[i] = max(0, b.IDs[step*b.Rows+r])
		}
		traintest.NoError(t, p.StepIDs(y, ids))
		if want.weights != nil {
			p.Weights(0, weights)
		}
		for i, r := range of {
			if step >= b.Lengths[r] {
				continue
			}
			at := step*b.Rows + r
			numtest.Equal(t, y[i*symbols:][:symbols], want.y[at*symbols:][:symbols], "%+v: row %d of source %d, step %d", s, i, r, step)
			if want.weights != nil {
				n := p.SourceSteps()
				numtest.Equal(t, weights[i*n:][:n], want.weights[at*n:][:n], "%+v: weights of row %d of source %d, step %d", s, i, r, step)
			}
		}
	}
}

// TestPredictorFollowsTheWeights: after a change of weights Encode takes the new ones, and
// so does Refresh, the sources staying.
func TestPredictorFollowsTheWeights(t *testing.T) {
	for _, s := range scores() {
		net := build(t, s, 3)
		b := batch(s, 4)
		p := traintest.Must(net.Predictor(s.batch))
		step := func() []float32 {
			y := make([]float32, s.batch*symbols)
			traintest.NoError(t, p.StepIDs(y, b.IDs[:s.batch]))
			return y
		}
		traintest.NoError(t, p.Encode(b.Source, nil))
		before := step()
		net.EachParam(func(name string, w, _ []float32) {
			if len(name) > 9 && name[:9] == "decoder.2" {
				for i := range w {
					w[i] = -w[i] / 2
				}
			}
		})
		p.Reset()
		numtest.Equal(t, step(), before, "%v: frozen", s.score)
		p.Reset()
		p.Refresh()
		after := step()
		if slices.Equal(after, before) && !(s.score == seq2seq.Dot && s.out == 0) {
			t.Errorf("%v: Refresh did nothing", s.score)
		}
		traintest.NoError(t, p.Encode(b.Source, nil))
		numtest.Equal(t, step(), after, "%v: Encode", s.score)
		y := make([]float32, s.steps*s.batch*symbols)
		traintest.NoError(t, net.ForwardBatch(y, b))
		for r := range s.batch {
			if b.Lengths[r] > 0 {
				numtest.Equal(t, after[r*symbols:][:symbols], y[r*symbols:][:symbols], "%v: row %d", s.score, r)
			}
		}
	}
}
