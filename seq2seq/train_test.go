package seq2seq_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

func reversed(ids []int32) []int32 {
	r := slices.Clone(ids)
	slices.Reverse(r)
	return r
}

func TestLearnsToReverse(t *testing.T) {
	for _, score := range []seq2seq.Score{seq2seq.Dot, seq2seq.General, seq2seq.Additive} {
		s := sizes{steps: 7, source: 6, batch: 16, score: score, out: 24, hidden: 24}
		net := build(t, s, 1)
		all := pairs(256, 6, reversed)
		source := traintest.Must(data.NewPairs(all, data.PairsConfig{Rows: s.batch, Begin: beginning, End: end, Shuffle: rand.NewPCG(1, 2)}))
		report, err := bptt.Train(context.Background(), net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 2e-2}, ClipNorm: 5, Steps: 300})
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
