package seq2seq_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

func reversed(ids []int32) []int32 {
	r := slices.Clone(ids)
	slices.Reverse(r)
	return r
}

// TestLearnsToReverse: three hundred updates teach a small net to write sequences
// backwards, without an error.
func TestLearnsToReverse(t *testing.T) {
	list := []seq2seq.Score{seq2seq.General, seq2seq.Additive, seq2seq.Dot}
	if testing.Short() {
		list = list[:1]
	}
	for _, score := range list {
		s := sizes{steps: 6, source: 5, batch: 16, score: score, out: 24, hidden: 24}
		net := build(t, s, 1)
		all := pairs(256, 5, reversed)
		source := traintest.Must(data.NewPairs(all, data.PairsConfig{Rows: s.batch, Begin: beginning, End: end, Shuffle: rand.NewPCG(1, 2)}))
		report, err := bptt.Train(context.Background(), net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, ClipNorm: 5, Steps: 300})
		traintest.NoError(t, err)
		wrong := 0
		p := traintest.Must(net.Predictor(s.batch))
		for k := 0; k < len(all); k += s.batch {
			for i, got := range greedy(t, p, all[k:k+s.batch], 7) {
				if !slices.Equal(got, all[k+i].Target) {
					wrong++
				}
			}
		}
		t.Logf("%v: loss %.2g, %d of %d are wrong", score, report.Loss, wrong, len(all))
		if wrong > 0 {
			t.Errorf("%v: %d of %d are wrong", score, wrong, len(all))
		}
	}
}

// greedy decodes the sources of pairs, one for each row of p.
func greedy(t testing.TB, p *seq2seq.Predictor, pairs []data.Pair, most int) [][]int32 {
	t.Helper()
	in := inputOf(pairs)
	traintest.NoError(t, p.Encode(in, nil))
	rows, _, out := p.Dims()
	y, ids := make([]float32, rows*out), make([]int32, rows)
	for i := range ids {
		ids[i] = beginning
	}
	done, got := make([]bool, rows), make([][]int32, rows)
	for range most {
		traintest.NoError(t, p.StepIDs(y, ids))
		for i := range ids {
			row := y[i*out:][:out]
			ids[i] = int32(slices.Index(row, slices.Max(row)))
			if done[i] = done[i] || ids[i] == end; !done[i] {
				got[i] = append(got[i], ids[i])
			}
		}
	}
	return got
}

// inputOf lays the sources of pairs side by side.
func inputOf(pairs []data.Pair) *data.Input {
	in := &data.Input{Lengths: make([]int, len(pairs))}
	for i, p := range pairs {
		in.Lengths[i] = len(p.IDs)
		in.Steps = max(in.Steps, len(p.IDs))
	}
	in.IDs = make([]int32, in.Steps*len(pairs))
	for i, p := range pairs {
		for s, id := range p.IDs {
			in.IDs[s*len(pairs)+i] = id
		}
	}
	return in
}

// trainer begins a run with all that a checkpoint has to hold.
func trainer(t testing.TB, steps int64, seed uint64) (*seq2seq.Net, *bptt.Trainer) {
	t.Helper()
	s := sizes{steps: 5, source: 4, batch: 3, score: seq2seq.Additive, out: 6, hidden: 6, dropout: 0.2, sampling: seq2seq.LinearDecay{Start: 0.8, Slope: 0.01}}
	net := build(t, s, seed)
	source := traintest.Must(data.NewPairs(pairs(10, 4, reversed), data.PairsConfig{Rows: s.batch, Begin: beginning, End: end, Shuffle: rand.NewPCG(seed, 2)}))
	return net, traintest.Must(bptt.NewTrainer(net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, ClipNorm: 5, Steps: steps}))
}

// TestResume: a run of 7 updates that is saved and goes on in another process to 20 is the
// run of 20 updates, with dropout, scheduled sampling and shuffled pairs.
func TestResume(t *testing.T) {
	whole, run := trainer(t, 20, 1)
	_, err := run.Run(context.Background())
	traintest.NoError(t, err)

	_, run = trainer(t, 7, 1)
	_, err = run.Run(context.Background())
	traintest.NoError(t, err)
	var file bytes.Buffer
	traintest.NoError(t, run.Save(&file))
	net, run := trainer(t, 20, 8)
	traintest.NoError(t, run.Resume(traintest.Must(bptt.ReadCheckpoint(&file))))
	_, err = run.Run(context.Background())
	traintest.NoError(t, err)
	if nn.Fingerprint(net) != nn.Fingerprint(whole) {
		t.Error("the resumed run ended with other weights")
	}
}

// TestNaNOfASource: an update and an evaluation that a source has spoiled tell where; what is past
// the end of a source has no part in it.
func TestNaNOfASource(t *testing.T) {
	s := tiny
	s.floats, s.batch = 2, 2
	nan := float32(math.NaN())
	list := []data.Pair{{X: make([]float32, 8), Target: []int32{1}}, {X: []float32{1, 1, 1, nan}, Target: []int32{2}}}
	source := func() data.Source {
		return traintest.Must(data.NewPairs(list, data.PairsConfig{Rows: s.batch, Begin: beginning, End: end, Width: s.floats}))
	}
	_, _, err := bptt.Evaluate(context.Background(), build(t, s, 1), source(), loss.CrossEntropy{})
	require.ErrorContains(t, err, "batch 0 of the data has the loss NaN: source input 1 at step 1, row 1 is NaN; mend it")
	_, err = bptt.Train(context.Background(), build(t, s, 1), source(), bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1}, Steps: 1})
	var bad *bptt.NonFiniteError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "source input 1 at step 1, row 1 is NaN", bad.Data)
}

// TestEvaluate: the loss that Evaluate gives is that of batches in evaluation, and the run
// goes on as one that was not evaluated.
func TestEvaluate(t *testing.T) {
	whole, run := trainer(t, 6, 1)
	_, err := run.Run(context.Background())
	traintest.NoError(t, err)
	net, run := trainer(t, 6, 1)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, err = run.Run(ctx) // nothing yet
	require.ErrorIs(t, err, context.Canceled)
	all := traintest.Must(data.NewPairs(pairs(10, 4, reversed), data.PairsConfig{Rows: 3, Begin: beginning, End: end}))
	mean, n, err := bptt.Evaluate(context.Background(), net, all, loss.CrossEntropy{})
	traintest.NoError(t, err)

	net.SetTraining(false)
	sum, count := 0.0, 0
	for {
		var b data.Batch
		if all.Next(&b) == io.EOF {
			break
		}
		y := make([]float32, b.Steps*b.Rows*symbols)
		traintest.NoError(t, net.ForwardBatch(y, &b))
		total, err := loss.CrossEntropy{}.Loss(nil, y, &b, 0, new(loss.Scratch))
		traintest.NoError(t, err)
		sum, count = sum+total.Sum, count+total.Terms
	}
	net.SetTraining(true)
	if n != count || mean != sum/float64(count) {
		t.Errorf("Evaluate: %v over %d, want %v over %d", mean, n, sum/float64(count), count)
	}
	_, err = run.Run(context.Background())
	traintest.NoError(t, err)
	if nn.Fingerprint(net) != nn.Fingerprint(whole) {
		t.Error("evaluation has changed the run")
	}
}

// TestWindowsAreRefused: a net with an encoder is trained on whole sequences.
func TestWindowsAreRefused(t *testing.T) {
	net := build(t, tiny, 1)
	source := traintest.Must(data.NewPairs(pairs(10, 4, reversed), data.PairsConfig{Rows: tiny.batch, Begin: beginning, End: end}))
	_, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 4, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
	require.ErrorContains(t, err, "Plan.Window is 4, but a *seq2seq.Net takes whole sequences")
}

// TestNoAllocations: an update, and a step of decoding, allocate nothing.
func TestNoAllocations(t *testing.T) {
	for _, s := range scores() {
		s.sampling = always(0.5)
		net := build(t, s, 3)
		net.SetWorkers(1)
		b, dy := batch(s, 4), make([]float32, s.steps*s.batch*symbols)
		y := make([]float32, len(dy))
		update := func() {
			net.ZeroGrads()
			if err := net.ForwardBatch(y, b); err != nil {
				t.Error(err)
			}
			net.Backward(nil, dy)
		}
		update()
		if n := testing.AllocsPerRun(5, update); n != 0 {
			t.Errorf("%v: %v allocations in an update", s.score, n)
		}
		p := traintest.Must(net.Predictor(2 * s.batch))
		traintest.NoError(t, p.Encode(b.Source, nil))
		out, ids, src := make([]float32, 2*s.batch*symbols), make([]int32, 2*s.batch), make([]int, 2*s.batch)
		weights := make([]float32, 2*s.batch*p.SourceSteps())
		if n := testing.AllocsPerRun(5, func() {
			if err := p.StepIDs(out, ids); err != nil {
				t.Error(err)
			}
			p.Weights(0, weights)
			p.Reorder(src)
		}); n != 0 {
			t.Errorf("%v: %v allocations in a step", s.score, n)
		}
	}
}
