package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// A shardedRun is a run that several ranks can share.
type shardedRun struct {
	shards, rows int
	net          func(t testing.TB, rows int) nn.Net
	source       func(t testing.TB, rows int) data.Source
	plan         func() bptt.Plan
}

// width is the rows of the largest shard.
func (s shardedRun) width() int { return (s.rows + s.shards - 1) / s.shards }

// trainer is that of one rank.
func (s shardedRun) trainer(t testing.TB, g dist.Group, more func(*bptt.Plan)) (*bptt.Trainer, nn.Net, error) {
	plan := s.plan()
	plan.Shards, plan.Group = s.shards, g
	if more != nil {
		more(&plan)
	}
	net := s.net(t, s.width())
	trainer, err := bptt.NewTrainer(net, s.source(t, s.rows), plan)
	return trainer, net, err
}

// A trace is what is compared of a run: what Progress says of each update, all other
// events, and the checkpoint at the end.
type trace struct {
	steps []bptt.Progress
	end   []byte
	print [32]byte
}

// run runs s on so many ranks. All must come to the same.
func (s shardedRun) run(t *testing.T, ranks int) trace {
	t.Helper()
	got := make([]trace, ranks)
	err := runRanks(ranks, func(g dist.Group) error {
		mine := &got[g.Rank()]
		trainer, net, err := s.trainer(t, g, func(p *bptt.Plan) {
			p.OnStep = func(p bptt.Progress) error {
				p.Elapsed = 0
				mine.steps = append(mine.steps, p)
				return nil
			}
		})
		if err != nil {
			return err
		}
		if _, err := trainer.Run(context.Background()); err != nil {
			return err
		}
		var file bytes.Buffer
		if err := trainer.Save(&file); err != nil {
			return err
		}
		mine.end, mine.print = file.Bytes(), nn.Fingerprint(net)
		return nil
	})
	require.NoError(t, err, "%d ranks", ranks)
	for rank := range got {
		require.Equal(t, got[0].steps, got[rank].steps, "rank %d of %d", rank, ranks)
		require.Equal(t, got[0].print, got[rank].print, "rank %d of %d", rank, ranks)
	}
	return got[0]
}

func languageModel(t testing.TB, rows int, s traintest.Sizes) nn.Net {
	s.Batch = rows
	m := traintest.LanguageModel(t, 3, s)
	m.SetSeed(77)
	return m
}

// raggedData are sequences of 0 to 6 steps, some without anything that counts.
func raggedData(t testing.TB, n, rows int) data.Source {
	r := rand.New(rand.NewPCG(5, 5))
	seqs := make([]data.Sequence, n)
	for i := range seqs {
		for range r.IntN(7) {
			seqs[i].IDs = append(seqs[i].IDs, int32(r.IntN(13)))
			target := int32(r.IntN(13))
			if i%5 == 0 {
				target = -1
			}
			seqs[i].Targets = append(seqs[i].Targets, target)
		}
	}
	d, err := data.NewBuckets(seqs, rows, 2, rand.NewPCG(1, 9))
	traintest.NoError(t, err)
	return d
}

// series are inputs of width 2 for a net without ids, with a NaN in one row of one batch.
func series(t testing.TB, rows int) data.Source {
	r := rand.New(rand.NewPCG(6, 6))
	seqs := make([]data.Sequence, 3*rows)
	for i := range seqs {
		for range 4 {
			seqs[i].X = append(seqs[i].X, float32(r.NormFloat64()), float32(r.NormFloat64()))
			seqs[i].Y = append(seqs[i].Y, float32(r.NormFloat64()))
			seqs[i].Weights = append(seqs[i].Weights, float32(r.IntN(3)))
		}
		seqs[i].Steps = 4
	}
	seqs[rows+rows/2].X[2] = float32(math.NaN())
	d, err := data.NewSequences(seqs, rows, nil)
	traintest.NoError(t, err)
	return d
}

func regressionNet(t testing.TB, rows int) nn.Net {
	r := traintest.Rng(4)
	rnn, err := lstm.New(lstm.Config{Input: 2, Hidden: 5}, r)
	traintest.NoError(t, err)
	learned, err := nn.NewLearnedState(rnn.Unroll(4, rows))
	traintest.NoError(t, err)
	out, err := nn.NewLinear(5, 1, r)
	traintest.NoError(t, err)
	m, err := nn.Chain(nn.Dropout{P: 0.2}, learned, out)
	traintest.NoError(t, err)
	return m
}

// The runs have uneven cuts, so that some shards have a row without steps.
var shardedRuns = map[string]shardedRun{
	"windows that overlap, with masks and a clip": {
		shards: 8, rows: 11,
		net: func(t testing.TB, rows int) nn.Net {
			s := traintest.Small
			s.Masks, s.Layers = true, 2
			return languageModel(t, rows, s)
		},
		source: func(t testing.TB, rows int) data.Source {
			return traintest.TextData(t, 11*17+5, traintest.Sizes{Vocabulary: 13, Batch: rows})
		},
		plan: func() bptt.Plan {
			return bptt.Plan{Window: 6, Stride: 4, Steps: 9, ClipNorm: 0.05, ClipTensor: 0.04, Loss: loss.CrossEntropy{}, Optimizer: &optim.AdamW{LR: 1e-2, WeightDecay: 0.1},
				Schedule: optim.WarmupCosine{Warmup: 4, Total: 24, Floor: 0.1}}
		},
	},
	"documents, the readout over blocks": {
		shards: 10, rows: 12,
		net: func(t testing.TB, rows int) nn.Net {
			s := traintest.Small
			s.Masks, s.Layers = true, 2
			return languageModel(t, rows, s)
		},
		source: func(t testing.TB, rows int) data.Source {
			d, err := data.NewText(traintest.Text(12*17+5, 13), rows)
			traintest.NoError(t, err)
			traintest.NoError(t, d.SetSeparator(4))
			return d
		},
		plan: func() bptt.Plan {
			d, _ := data.NewText(traintest.Text(12*9+1, 13), 12)
			return bptt.Plan{Window: 6, Stride: 4, Accumulate: 2, Steps: 7, ReadoutRows: 256, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2},
				Validate: bptt.Validate{Data: d, EverySteps: 3}}
		},
	},
	"ragged sequences, updates of three windows": {
		shards: 9, rows: 9,
		net: func(t testing.TB, rows int) nn.Net {
			s := traintest.Small
			s.Twice, s.Embed = true, 8
			return languageModel(t, rows, s)
		},
		source: func(t testing.TB, rows int) data.Source { return raggedData(t, 60, rows) },
		plan: func() bptt.Plan {
			return bptt.Plan{Accumulate: 3, Epochs: 3, Reduction: loss.SumOverTime, ClipValue: 0.1, Loss: loss.CrossEntropy{Smoothing: 0.1}, Optimizer: &optim.SGD{LR: 0.1, Momentum: 0.9}}
		},
	},
	"updates left out, a learned state, weights": {
		shards: 8, rows: 13,
		net:    regressionNet,
		source: series,
		plan: func() bptt.Plan {
			return bptt.Plan{Window: 4, Stride: 2, Epochs: 2, SkipNonFinite: 3, Loss: loss.Huber{}, Optimizer: &optim.RMSProp{LR: 0.01}}
		},
	},
	"noise on the weights": {
		shards: 8, rows: 11,
		net:    func(t testing.TB, rows int) nn.Net { return languageModel(t, rows, traintest.Small) },
		source: func(t testing.TB, rows int) data.Source { return raggedData(t, 60, rows) },
		plan: func() bptt.Plan {
			return bptt.Plan{Accumulate: 2, Epochs: 2, Noise: bptt.WeightNoise{Std: 0.1, Params: []string{"*.weight*"}, Seed: 9}, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 0.02}}
		},
	},
	"validation, patience and the best weights": {
		shards: 8, rows: 8,
		net:    func(t testing.TB, rows int) nn.Net { return languageModel(t, rows, traintest.Small) },
		source: func(t testing.TB, rows int) data.Source { return raggedData(t, 30, rows) },
		plan: func() bptt.Plan {
			d, _ := data.NewText(traintest.Text(60, 13), 1)
			return bptt.Plan{Epochs: 12, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 0.1},
				Schedule: &optim.Plateau{Patience: 1, Factor: 0.5},
				Validate: bptt.Validate{Data: d, Patience: 3, RestoreBest: true}}
		},
	},
	"validation that the ranks share": {
		shards: 9, rows: 14,
		net: func(t testing.TB, rows int) nn.Net { return languageModel(t, rows, traintest.Small) },
		source: func(t testing.TB, rows int) data.Source {
			return traintest.TextData(t, 14*11, traintest.Sizes{Vocabulary: 13, Batch: rows})
		},
		plan: func() bptt.Plan {
			d, _ := data.NewText(traintest.Text(14*20+9, 13), 14)
			return bptt.Plan{Window: 4, Stride: 3, Epochs: 3, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 0.1},
				Schedule: &optim.Plateau{Patience: 1, Factor: 0.5}, Validate: bptt.Validate{Data: d, EverySteps: 2, Patience: 7, RestoreBest: true}}
		},
	},
}

var someRanks = []int{1, 2, 3, 4, 8}

// TestAnyNumberOfRanks: every update, and the file at the end, are those of one process
// with the same shards, on 1, 2, 3, 4 and 8 ranks, on every tier; and the weights have the
// committed fingerprint.
func TestAnyNumberOfRanks(t *testing.T) {
	golden := filepath.Join("testdata", "shards.txt")
	names := slices.Sorted(maps.Keys(shardedRuns))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		var prints strings.Builder
		for _, name := range names {
			s := shardedRuns[name]
			want := s.alone(t)
			fmt.Fprintf(&prints, "%x %s\n", want.print, name)
			require.NotEmpty(t, want.steps)
			if name == "updates left out, a learned state, weights" {
				require.Positive(t, want.steps[len(want.steps)-1].Skipped, "the test needs an update that is left out")
			}
			for _, ranks := range someRanks {
				require.Equal(t, want, s.run(t, ranks), "%s: %d ranks", name, ranks)
			}
		}
		if *update && isa == kernels.Scalar {
			require.NoError(t, os.WriteFile(golden, []byte(prints.String()), 0o666))
		}
		b, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(b), prints.String())
	})
}

// alone is the run without a group.
func (s shardedRun) alone(t *testing.T) (got trace) {
	t.Helper()
	trainer, net, err := s.trainer(t, nil, func(p *bptt.Plan) {
		p.OnStep = func(p bptt.Progress) error {
			p.Elapsed = 0
			got.steps = append(got.steps, p)
			return nil
		}
	})
	require.NoError(t, err)
	_, err = trainer.Run(context.Background())
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	got.end, got.print = file.Bytes(), nn.Fingerprint(net)
	return got
}

// TestShardsAreTheirRows: the gradient is what nets of their own give for the rows of each
// shard, added in the tree of five leaves, and divided by what counts in all.
func TestShardsAreTheirRows(t *testing.T) {
	const shards, rows = 5, 13
	s := traintest.Small
	s.Batch = 3
	var first data.Batch
	require.NoError(t, raggedData(t, 40, rows).Next(&first))
	var parts [][]float32 // the gradients of the shards
	var total loss.Total
	var names []string
	for i := range shards {
		lo, hi := i*rows/shards, (i+1)*rows/shards
		net := traintest.LanguageModel(t, 3, s)
		b := data.Batch{Steps: first.Steps, Rows: 3, Lengths: make([]int, 3)}
		for p := range first.Steps * 3 {
			step, r := p/3, p%3
			id, target := int32(0), int32(-1)
			if lo+r < hi {
				id, target = first.IDs[step*rows+lo+r], first.Targets[step*rows+lo+r]
				b.Lengths[r] = first.Lengths[lo+r]
			}
			b.IDs, b.Targets = append(b.IDs, id), append(b.Targets, target)
		}
		require.NoError(t, net.SetLengths(b.Lengths))
		y := make([]float32, b.Steps*3*s.Vocabulary)
		require.NoError(t, net.ForwardIDs(y, b.IDs))
		dy := make([]float32, len(y))
		of, err := loss.CrossEntropy{}.Loss(dy, y, &b, 1, &loss.Scratch{})
		require.NoError(t, err)
		total = total.Plus(of)
		net.Backward(nil, dy)
		parts = append(parts, traintest.Gradients(net))
		names = traintest.ParamNames(net)
	}
	require.NotEmpty(t, names)
	want := make([]float32, len(parts[0]))
	by := float32(1 / total.Weight)
	for k := range want {
		left := (parts[0][k] + parts[1][k]) + (parts[2][k] + parts[3][k])
		want[k] = (left + parts[4][k]) * by
	}

	var got []float32
	net := traintest.LanguageModel(t, 3, s)
	report, err := bptt.Train(context.Background(), net, raggedData(t, 40, rows), bptt.Plan{
		Shards: shards, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1},
		OnStep: func(bptt.Progress) error { got = traintest.Gradients(net); return nil },
	})
	require.NoError(t, err)
	traintest.Equal(t, "gradient", got, want)
	require.Equal(t, total.Mean(), report.Loss)
	require.Equal(t, total.Terms, report.Count)
}

// TestShardsTrainAsOneBatch: the numbers of a batch that is not cut, up to rounding, random
// masks too: these follow the rows of the batch.
func TestShardsTrainAsOneBatch(t *testing.T) {
	for _, reduction := range []loss.Reduction{loss.Mean, loss.SumOverTime, loss.Sum} {
		for _, accumulate := range []int{1, 3} {
			var runs [2][]bptt.Progress
			var ends [2][]bptt.EpochEnd // within updates of three windows too
			for i, shards := range []int{0, 4} {
				s := traintest.Small
				s.Masks, s.Layers, s.Batch = true, 2, 10
				if shards > 0 {
					s.Batch = 3
				}
				net := traintest.LanguageModel(t, 3, s)
				_, err := bptt.Train(context.Background(), net, raggedData(t, 40, 10), bptt.Plan{
					Shards: shards, Steps: 5, Accumulate: accumulate, Reduction: reduction, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.01},
					OnStep:  func(p bptt.Progress) error { runs[i] = append(runs[i], p); return nil },
					OnEpoch: func(e bptt.EpochEnd) error { ends[i] = append(ends[i], e); return nil },
				})
				require.NoError(t, err)
			}
			require.NotEmpty(t, ends[0])
			require.Len(t, ends[1], len(ends[0]))
			for k, want := range ends[0] {
				require.Equal(t, want.Count, ends[1][k].Count, "pass %d", k)
				require.InEpsilon(t, want.Loss, ends[1][k].Loss, 1e-6, "pass %d", k)
			}
			for step, want := range runs[0] {
				got := runs[1][step]
				require.Equal(t, want.Count, got.Count)
				require.InEpsilon(t, want.Loss, got.Loss, 1e-6, "%v, step %d", reduction, step)
				require.InEpsilon(t, want.Norm, got.Norm, 1e-5, "%v, step %d", reduction, step)
			}
		}
	}
}

// TestSharedValidation: what the ranks share is what one net of all rows gives, up to the
// order of the sum, and the data goes back to where it was.
func TestSharedValidation(t *testing.T) {
	s := shardedRuns["validation that the ranks share"]
	want := map[int64]float64{}
	net := s.net(t, s.rows)
	plan := s.plan()
	plan.Optimizer, plan.Validate.RestoreBest = traintest.Frozen{}, false
	plan.Validate.OnValidate = func(v bptt.Validation) error { want[v.Step] = v.Loss; return nil }
	_, err := bptt.Train(context.Background(), net, s.source(t, s.rows), plan)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	err = runRanks(4, func(g dist.Group) error {
		var position []byte
		trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) {
			d := p.Validate.Data.(*data.Text)
			traintest.NoError(t, d.Next(&data.Batch{Want: 2}))
			position, _ = d.MarshalBinary()
			p.Optimizer, p.Validate.RestoreBest = traintest.Frozen{}, false
			p.Validate.OnValidate = func(v bptt.Validation) error {
				if math.Abs(v.Loss-want[v.Step]) > 1e-9 {
					return fmt.Errorf("step %d: loss %v, want %v", v.Step, v.Loss, want[v.Step])
				}
				if now, _ := d.MarshalBinary(); !bytes.Equal(now, position) {
					return fmt.Errorf("the data has moved")
				}
				return nil
			}
		})
		if err == nil {
			_, err = trainer.Run(context.Background())
		}
		return err
	})
	require.NoError(t, err)
}

// TestRanksOfSeveralTiers: ranks whose nets are of different tiers.
func TestRanksOfSeveralTiers(t *testing.T) {
	tiers := numtest.Several(t, "ranks of several tiers")
	s := shardedRuns["windows that overlap, with masks and a clip"]
	want := s.alone(t)
	var nets sync.Mutex
	var got [4][32]byte
	err := runRanks(4, func(g dist.Group) error {
		r := s
		r.net = func(t testing.TB, rows int) nn.Net {
			nets.Lock()
			defer nets.Unlock()
			defer use(tiers[g.Rank()%len(tiers)])()
			return s.net(t, rows)
		}
		trainer, net, err := r.trainer(t, g, nil)
		if err != nil {
			return err
		}
		_, err = trainer.Run(context.Background())
		got[g.Rank()] = nn.Fingerprint(net)
		return err
	})
	require.NoError(t, err)
	for rank := range got {
		require.Equal(t, want.print, got[rank], "rank %d", rank)
	}
}
