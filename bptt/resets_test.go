package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// anew is a Leaky whose rows can begin anew inside a window.
type anew struct {
	*traintest.Leaky
	next [][]int
}

func (n *anew) SetResets(resets [][]int) error {
	n.next = resets
	return nil
}

func (n *anew) Forward(y, x []float32) {
	n.X = x
	for p := range y {
		b, t := p%n.Batch, p/n.Batch
		if n.Lengths != nil && t >= n.Lengths[b] {
			continue
		}
		if n.next != nil {
			for _, at := range n.next[b] {
				if at == t {
					n.H[b] = 0
				}
			}
		}
		n.H[b] = float32(n.H[b]/2) + x[p]
		y[p] = n.H[b]
	}
	n.next = nil
}

// starting is x of 1, 2, 3, ... in two rows, which begin anew at the steps given, counted from the
// beginning of the epoch.
type starting struct {
	steps, pos int
	at         [2][]int
}

func (s *starting) Next(b *data.Batch) error {
	if s.pos == s.steps {
		s.pos = 0
		return io.EOF
	}
	n := min(b.Want, s.steps-s.pos)
	*b = data.Batch{Steps: n, Rows: 2, X: make([]float32, 2*n), Y: make([]float32, 2*n), Resets: make([][]int, 2)}
	for p := range b.X {
		b.X[p] = float32(2*s.pos + p + 1)
	}
	for r, list := range s.at {
		for _, t := range list {
			if t >= s.pos && t < s.pos+n {
				b.Resets[r] = append(b.Resets[r], t-s.pos)
			}
		}
	}
	if s.pos == 0 {
		b.Reset = []bool{true, true}
	}
	s.pos += n
	return nil
}

func (s *starting) Rewind() error                  { s.pos = 0; return nil }
func (s *starting) MarshalBinary() ([]byte, error) { return []byte{byte(s.pos)}, nil }
func (s *starting) UnmarshalBinary(b []byte) error { s.pos = int(b[0]); return nil }

// outputs is a Loss that notes what counts.
type outputs struct{ seen map[int]float32 }

func (o outputs) Loss(dy, y []float32, b *data.Batch, _ float64, _ *loss.Scratch) (loss.Total, error) {
	for p := range y {
		if b.Counts(p) {
			o.seen[int(b.X[p])] = y[p]
		}
	}
	clear(dy)
	return loss.Total{Terms: 1, Weight: 1}, nil
}

// TestResetsInWindows: whatever the window and stride, a row's outputs after it began anew in a
// window know nothing of what was before, also when the run is resumed at any update, and in
// Evaluate.
func TestResetsInWindows(t *testing.T) {
	source := func() *starting { return &starting{steps: 23, at: [2][]int{{3, 4, 12, 20}, {0, 8}}} }
	want := map[int]float32{}
	for r, list := range source().at {
		h := float32(0)
		for t := range 23 {
			for _, at := range list {
				if at == t {
					h = 0
				}
			}
			h = float32(h/2) + float32(2*t+r+1)
			want[2*t+r+1] = h
		}
	}
	ctx := context.Background()
	for _, c := range [][2]int{{8, 8}, {8, 4}, {8, 3}, {7, 1}, {5, 2}, {23, 23}, {0, 0}} {
		window, stride := c[0], c[1]
		where := fmt.Sprintf("window %d, stride %d", window, stride)
		seen := map[int]float32{}
		trainer := func() *bptt.Trainer {
			in := source()
			net := &anew{Leaky: traintest.NewLeaky(max(window, 23), 2)}
			plan := bptt.Plan{Window: window, Stride: stride, Epochs: 1, Loss: outputs{seen}, Optimizer: &optim.SGD{LR: 1},
				OnStep: func(bptt.Progress) error { return bptt.ErrStop }}
			if window == 0 {
				in.steps = 23
				return traintest.Must(bptt.NewTrainer(net, &entire{in}, plan))
			}
			return traintest.Must(bptt.NewTrainer(net, in, plan))
		}
		a := trainer()
		for {
			p, err := a.Run(ctx)
			require.NoError(t, err)
			if p.Epoch == 1 {
				break
			}
			var file bytes.Buffer
			require.NoError(t, a.Save(&file))
			a = trainer()
			require.NoError(t, a.Resume(traintest.Must(bptt.ReadCheckpoint(&file))))
		}
		require.Equal(t, want, seen, where)
	}
	seen := map[int]float32{}
	_, _, err := bptt.Evaluate(ctx, &anew{Leaky: traintest.NewLeaky(5, 2)}, source(), outputs{seen})
	require.NoError(t, err)
	require.Equal(t, want, seen)
}

// entire asks for all steps at once.
type entire struct{ *starting }

func (s *entire) Next(b *data.Batch) error {
	b.Want = s.steps
	return s.starting.Next(b)
}

// TestSeparators: a text of documents is evaluated as the documents one by one, and one
// update over it has their gradients.
func TestSeparators(t *testing.T) {
	t.Run("from zero", func(t *testing.T) {
		separators(t, func(s traintest.Sizes) *nn.Model { return traintest.LanguageModel(t, 1, s) })
	})
	t.Run("from a learned state", func(t *testing.T) {
		separators(t, func(s traintest.Sizes) *nn.Model { return learnedModel(t, s) })
	})
}

// learnedModel is a language model whose layer begins with a learned state.
func learnedModel(t *testing.T, s traintest.Sizes) *nn.Model {
	r := traintest.Rng(1)
	emb := traintest.Must(nn.NewEmbedding(s.Vocabulary, s.Embed, r))
	rnn := traintest.Must(lstm.New(lstm.Config{Input: s.Embed, Hidden: s.Hidden}, r))
	out := traintest.Must(nn.NewLinear(s.Hidden, s.Vocabulary, r))
	learned := traintest.Must(nn.NewLearnedState(rnn.Unroll(s.Steps, s.Batch)))
	learned.EachParam(func(name string, w, _ []float32) {
		if name == "h0" || name == "c0" {
			copy(w, traintest.NumbersLike(len(w), 7))
		}
	})
	return traintest.Must(nn.Chain(emb, learned, out))
}

func separators(t *testing.T, model func(traintest.Sizes) *nn.Model) {
	const separator = 9
	var ids []int32
	var documents []data.Sequence
	r := traintest.Rng(1)
	for _, n := range []int{4, 1, 7, 3, 0, 12, 5} {
		words := traintest.DrawIDs(r, n, separator)
		read := append([]int32{separator}, words...)
		documents = append(documents, data.Sequence{IDs: read, Targets: append(append([]int32(nil), words...), separator)})
		ids = append(ids, read...)
	}
	ids = append(ids, separator)
	steps := len(ids) - 1
	sizes := traintest.Sizes{Vocabulary: 10, Embed: 4, Hidden: 5, Layers: 2, Steps: steps, Batch: 1, Tied: false}
	packed := traintest.Must(data.NewTokens(ids, 1))
	require.NoError(t, packed.SetSeparator(separator))
	single := traintest.Must(data.NewSequences(documents, 1, nil))
	ctx := context.Background()
	for _, window := range []int{steps, 5, 3} {
		sizes.Steps = window
		mean, n, err := bptt.Evaluate(ctx, model(sizes), packed, loss.CrossEntropy{})
		require.NoError(t, err)
		sizes.Steps = steps
		want, count, err := bptt.Evaluate(ctx, model(sizes), single, loss.CrossEntropy{})
		require.NoError(t, err)
		require.Equal(t, count, n)
		require.InDelta(t, want, mean, 1e-13, "sums of float64 in another order")
	}
	grads := func(source data.Source, plan bptt.Plan) updateSeen {
		plan.Loss, plan.Epochs = loss.CrossEntropy{}, 1
		seen := updates(t, model(sizes), source, plan)
		require.Len(t, seen, 1)
		return seen[0]
	}
	together := grads(packed, bptt.Plan{Window: steps})
	alone := grads(single, bptt.Plan{Accumulate: len(documents)})
	require.Equal(t, alone.Count, together.Count)
	require.InDelta(t, alone.Norm, together.Norm, 1e-5*alone.Norm)
	for i, g := range alone.grads {
		for j := range g {
			require.InDelta(t, g[j], together.grads[i][j], 2e-6, "parameter %d, %d", i, j) // 39 terms below 1, divided by 39
		}
	}
}

// TestResetsOfSkippedUpdates: after an update that was left out a row that began anew inside it
// has the state 0, since what it had was of another sequence.
func TestResetsOfSkippedUpdates(t *testing.T) {
	net := &anew{Leaky: traintest.NewLeaky(4, 2)}
	bad := loss.Loss(outputs{map[int]float32{}})
	calls := 0
	plan := bptt.Plan{Window: 4, Steps: 1, SkipNonFinite: 1, Optimizer: &optim.SGD{LR: 1},
		Loss: lossFunc(func(dy, y []float32, b *data.Batch) loss.Total {
			if calls++; calls == 2 {
				return loss.Total{Sum: math.NaN(), Weight: 1, Terms: 1}
			}
			_, _ = bad.Loss(dy, y, b, 0, nil)
			return loss.Total{Terms: 1, Weight: 1}
		})}
	plan.Steps = 2
	var states [][]float32
	plan.OnStep = func(bptt.Progress) error { states = append(states, append([]float32(nil), net.H...)); return nil }
	_, err := bptt.Train(context.Background(), net, &starting{steps: 12, at: [2][]int{{6}, nil}}, plan)
	require.NoError(t, err)
	row := func(h float32, r, from int) float32 {
		for t := from; t < from+4; t++ {
			h = float32(h/2) + float32(2*t+r+1)
		}
		return h
	}
	require.Equal(t, [][]float32{{row(0, 0, 0), row(0, 1, 0)}, {row(0, 0, 8), row(row(0, 1, 0), 1, 8)}}, states)
}

type lossFunc func(dy, y []float32, b *data.Batch) loss.Total

func (f lossFunc) Loss(dy, y []float32, b *data.Batch, _ float64, _ *loss.Scratch) (loss.Total, error) {
	return f(dy, y, b), nil
}

// TestResetsAreRefused by a net that cannot, with the place of the update.
func TestResetsAreRefused(t *testing.T) {
	_, err := bptt.Train(context.Background(), traintest.NewLeaky(4, 2), &starting{steps: 12, at: [2][]int{{6}, nil}},
		bptt.Plan{Window: 4, Epochs: 1, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-6}})
	require.ErrorContains(t, err, "bptt: step 2, in pass 1 over the data: nn: the net, a *traintest.Leaky, has a state")
	var _ nn.Net = &anew{}
}
