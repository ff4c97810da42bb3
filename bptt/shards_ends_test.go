package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// TestOneRankStopsAll: what a callback of one rank returns ends the run on all of them, at
// the same update.
func TestOneRankStopsAll(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	broken := fmt.Errorf("a full disk")
	for name, c := range map[string]struct {
		set  func(p *bptt.Plan, cancel func())
		want string
	}{
		"ErrStop of OnStep": {func(p *bptt.Plan, _ func()) {
			p.OnStep = func(p bptt.Progress) error { return stopAt(p.Step, bptt.ErrStop) }
		}, ""},
		"an error of OnStep": {func(p *bptt.Plan, _ func()) {
			p.OnStep = func(p bptt.Progress) error { return stopAt(p.Step, broken) }
		}, "a full disk"},
		"a panic of OnStep": {func(p *bptt.Plan, _ func()) {
			p.OnStep = func(p bptt.Progress) error {
				if p.Step == 3 {
					panic(broken)
				}
				return nil
			}
		}, "a full disk"},
		"ErrStop of OnEpoch": {func(p *bptt.Plan, _ func()) {
			p.OnEpoch = func(bptt.EpochEnd) error { return bptt.ErrStop }
		}, ""},
		"an error of OnEpoch": {func(p *bptt.Plan, _ func()) {
			p.OnEpoch = func(bptt.EpochEnd) error { return broken }
		}, "a full disk"},
		"metrics that cannot be written": {func(p *bptt.Plan, _ func()) {
			p.Log.Metrics = failingWriter{broken}
		}, "a full disk"},
		"an optimizer that it has lost": {func(p *bptt.Plan, _ func()) {
			p.OnStep = func(q bptt.Progress) error {
				if q.Step == 3 {
					return p.Optimizer.Init(traintest.OneParam(1, 1))
				}
				return nil
			}
		}, "has been given to another Trainer"},
		"its context": {func(p *bptt.Plan, cancel func()) {
			p.OnStep = func(p bptt.Progress) error {
				if p.Step == 3 {
					cancel()
				}
				return nil
			}
		}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			var steps [3]int64
			var errs [3]error
			err := runRanks(3, func(g dist.Group) error {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) {
					if g.Rank() == 1 {
						c.set(p, cancel)
					}
				})
				if err != nil {
					return err
				}
				report, err := trainer.Run(ctx)
				steps[g.Rank()], errs[g.Rank()] = report.Step, err
				return g.Barrier() // all have come back
			})
			require.NoError(t, err)
			for rank := range steps {
				require.Equal(t, steps[1], steps[rank], "rank %d", rank)
				if c.want == "" {
					require.NoError(t, errs[rank])
					continue
				}
				require.ErrorContains(t, errs[rank], c.want, "rank %d", rank)
				if rank != 1 {
					require.ErrorContains(t, errs[rank], "rank 1: ")
				}
			}
			if strings.Contains(name, "Epoch") {
				require.Equal(t, int64(5), steps[0])
			} else if !strings.Contains(name, "metrics") {
				require.Equal(t, int64(3), steps[0])
			}
			require.Less(t, steps[0], int64(9))
		})
	}
}

func stopAt(step int64, err error) error {
	if step == 3 {
		return err
	}
	return nil
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// failingSource is data whose batches cannot be read from the nth on, or have an id too
// large.
type failingSource struct {
	data.Source
	rows, at int
	err      error
}

func (s *failingSource) Rows() int { return s.rows }

func (s *failingSource) Next(b *data.Batch) error {
	if s.at--; s.at == 0 {
		return s.err
	}
	return s.Source.Next(b)
}

// TestDataOfOneRankFails: all ranks end with the error, which names the rank, and none
// waits for another.
func TestDataOfOneRankFails(t *testing.T) {
	s := shardedRuns["ragged sequences, updates of three windows"]
	for at := 2; at < 6; at++ {
		var errs [3]error
		err := runRanks(3, func(g dist.Group) error {
			r := s
			r.source = func(t testing.TB, rows int) data.Source {
				f := &failingSource{Source: s.source(t, rows), rows: rows}
				if g.Rank() == 2 {
					f.at, f.err = at, fmt.Errorf("a bad sector")
				}
				return f
			}
			trainer, _, err := r.trainer(t, g, nil)
			if err != nil {
				return err
			}
			_, errs[g.Rank()] = trainer.Run(context.Background())
			return g.Barrier()
		})
		require.NoError(t, err)
		for rank, err := range errs {
			require.ErrorContains(t, err, "a bad sector", "rank %d", rank)
			if rank != 2 {
				require.ErrorContains(t, err, "rank 2: ")
			}
		}
	}
}

// TestNonFiniteOnAllRanks: a NaN in the rows of one rank ends the run on all of them, with
// the same update and parameter.
func TestNonFiniteOnAllRanks(t *testing.T) {
	s := shardedRuns["updates left out, a learned state, weights"]
	var errs [4]*bptt.NonFiniteError
	err := runRanks(4, func(g dist.Group) error {
		trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) { p.SkipNonFinite = 0 })
		if err != nil {
			return err
		}
		_, err = trainer.Run(context.Background())
		require.ErrorAs(t, err, &errs[g.Rank()])
		return g.Barrier()
	})
	require.NoError(t, err)
	for rank, err := range errs {
		require.Equal(t, int64(3), err.Step)
		require.Equal(t, errs[0].Param, err.Param, "rank %d", rank)
		require.NotEmpty(t, err.Param)
	}
}

// TestRanksThatDiffer: what is not the same at the beginning is named, with its rank.
func TestRanksThatDiffer(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	for want, c := range map[string]struct {
		plan   func(p *bptt.Plan)
		net    func(net nn.Net)
		source func(rows int) data.Source
	}{
		"weights with the fingerprint": {net: func(net nn.Net) {
			net.EachParam(func(_ string, w, _ []float32) { w[0] = 0.5 })
		}},
		"the net.stages[0].padding = 2, rank 0 has the net.stages[0].padding = 0": {net: func(net nn.Net) {
			for _, s := range net.(*nn.Model).Stages() {
				if e, ok := s.(*nn.Embedding); ok {
					require.NoError(t, e.SetPaddingID(1))
				}
			}
		}},
		"random masks in the state":                                 {net: func(net nn.Net) { net.(*nn.Model).SetSeed(1) }},
		"Plan.Noise.Std = 0.1, rank 0 has Plan.Noise.Std = 0":       {plan: func(p *bptt.Plan) { p.Noise = bptt.WeightNoise{Std: 0.1} }},
		"Plan.ClipNorm = 0.06, rank 0 has Plan.ClipNorm = 0.05":     {plan: func(p *bptt.Plan) { p.ClipNorm = 0.06 }},
		"Plan.Accumulate = 2, rank 0 has Plan.Accumulate = 1":       {plan: func(p *bptt.Plan) { p.Accumulate = 2 }},
		"Plan.Schedule.Warmup = 5, rank 0 has Plan.Schedule.Warmup": {plan: func(p *bptt.Plan) { p.Schedule = optim.WarmupCosine{Warmup: 5, Total: 24, Floor: 0.1} }},
		"Plan.Loss.Smoothing = 0.5":                                 {plan: func(p *bptt.Plan) { p.Loss = loss.CrossEntropy{Smoothing: 0.5} }},
		"Plan.Loss is a *loss.CrossEntropy":                         {plan: func(p *bptt.Plan) { p.Loss = &loss.CrossEntropy{} }},
		"Plan.Optimizer.LR = 0.5, rank 0 has Plan.Optimizer.LR":     {plan: func(p *bptt.Plan) { p.Optimizer = &optim.AdamW{LR: 0.5, WeightDecay: 0.1} }},
		"Plan.Optimizer is a *optim.SGD":                            {plan: func(p *bptt.Plan) { p.Optimizer = &optim.SGD{LR: 0.5} }},
		"Plan.Checkpoint.Meta of 1 elements":                        {plan: func(p *bptt.Plan) { p.Checkpoint.Meta = []byte{1} }},
		"files: true, rank 0 has files: false":                      {plan: func(p *bptt.Plan) { p.Checkpoint.Dir = t.TempDir() }},
		"data, a *data.Text, with the position": {source: func(rows int) data.Source {
			return traintest.TextData(t, 11*17+6, traintest.Sizes{Vocabulary: 13, Batch: rows})
		}},
		"Plan.Validate.EverySteps = 3, rank 0 has Plan.Validate.Eve": {plan: func(p *bptt.Plan) {
			p.Validate.Measure, p.Validate.EverySteps = func(context.Context) (float64, error) { return 0, nil }, 3
		}},
	} {
		var errs [3]error
		err := runRanks(3, func(g dist.Group) error {
			r := s
			if g.Rank() == 2 {
				r.net = func(t testing.TB, rows int) nn.Net {
					net := s.net(t, rows)
					if c.net != nil {
						c.net(net)
					}
					return net
				}
				if c.source != nil {
					r.source = func(_ testing.TB, rows int) data.Source { return c.source(rows) }
				}
			}
			_, _, errs[g.Rank()] = r.trainer(t, g, func(p *bptt.Plan) {
				if g.Rank() == 2 && c.plan != nil {
					c.plan(p)
				}
			})
			return g.Barrier()
		})
		require.NoError(t, err, want)
		for rank, err := range errs {
			var of *dist.RankError
			require.ErrorAs(t, err, &of, "rank %d: %s", rank, want)
			require.Equal(t, 2, of.Rank, want)
			require.ErrorContains(t, err, want)
		}
	}
}

// TestRanksCompareNetsForValidations: as the net that is trained. Ranks each evaluate all of the
// data, and the number of the first counts: another net of another one would go unseen.
func TestRanksCompareNetsForValidations(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	for want, other := range map[string]func(net nn.Net) nn.Net{
		"": func(net nn.Net) nn.Net { return net },
		"weights for validations with the fingerprint": func(net nn.Net) nn.Net {
			net.EachParam(func(_ string, w, _ []float32) { w[0] = 0.5 })
			return net
		},
		"the net for validations.stages[0].padding = 2, rank 0 has the net for validations.stages[0].padding = 0": func(net nn.Net) nn.Net {
			for _, s := range net.(*nn.Model).Stages() {
				if e, ok := s.(*nn.Embedding); ok {
					require.NoError(t, e.SetPaddingID(1))
				}
			}
			return net
		},
		"a net for validations of": func(nn.Net) nn.Net { return s.net(t, 3) },
		"no net for validations alone, rank 0 has a net for validations of": func(nn.Net) nn.Net { return nil },
	} {
		var errs [3]error
		err := runRanks(3, func(g dist.Group) error {
			_, _, errs[g.Rank()] = s.trainer(t, g, func(p *bptt.Plan) {
				net := s.net(t, 2)
				if g.Rank() == 2 {
					net = other(net)
				}
				_, rows, _, _ := s.net(t, 2).Dims()
				if net != nil {
					_, rows, _, _ = net.Dims()
				}
				if net == nil {
					rows = 11
				}
				p.Validate = bptt.Validate{EverySteps: 3, Net: net, Data: traintest.TextData(t, 11*17+6, traintest.Sizes{Vocabulary: 13, Batch: rows})}
			})
			return g.Barrier()
		})
		require.NoError(t, err, want)
		for rank, err := range errs {
			if want == "" {
				require.NoError(t, err, "rank %d", rank)
				continue
			}
			require.ErrorContains(t, err, want, "rank %d", rank)
		}
	}
}

// What may differ: where files go, what is written, callbacks, workers.
func TestRanksThatMayDiffer(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	dirs := []string{t.TempDir(), t.TempDir()}
	var log bytes.Buffer
	err := runRanks(2, func(g dist.Group) error {
		trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) {
			p.Checkpoint.Dir, p.Workers = dirs[g.Rank()], 1+g.Rank()
			if g.Rank() == 0 {
				p.Log.Metrics, p.OnEpoch = &log, func(bptt.EpochEnd) error { return nil }
			}
		})
		if err != nil {
			return err
		}
		_, err = trainer.Run(context.Background())
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, log.String())
	require.Len(t, filesIn(t, dirs[0]), 1)
	require.Empty(t, filesIn(t, dirs[1]), "the first rank writes files")
}

// TestDiskOfTheFirstRankIsFull: whichever call fails while the first rank writes a checkpoint,
// all ranks end with the error at the same update, the file before is whole, and the run goes
// on from it on another number of ranks to the same end.
func TestDiskOfTheFirstRankIsFull(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	want := s.alone(t)
	run := func(dir string, ranks int, disk *faultyDisk) (steps []int64, errs []error) {
		steps, errs = make([]int64, ranks), make([]error, ranks)
		err := runRanks(ranks, func(g dist.Group) error {
			trainer, net, err := s.trainer(t, g, func(p *bptt.Plan) {
				p.Checkpoint = bptt.Checkpoints{Dir: dir, EverySteps: 2}
			})
			if err != nil {
				return err
			}
			if disk != nil && g.Rank() == 0 {
				trainer.OnDisk(*disk)
			}
			if _, err := trainer.ResumeLast(); err != nil {
				return err
			}
			report, err := trainer.Run(context.Background())
			steps[g.Rank()], errs[g.Rank()] = report.Step, err
			if err == nil && nn.Fingerprint(net) != want.print {
				return fmt.Errorf("the fingerprint is another")
			}
			return g.Barrier() // all have come back
		})
		require.NoError(t, err)
		return steps, errs
	}
	var calls []string
	run(t.TempDir(), 3, &faultyDisk{calls: &calls})
	require.Greater(t, len(calls), 20)
	by := 1
	if testing.Short() {
		by = 5
	}
	for n := 1; n <= len(calls); n += by {
		dir, seen := t.TempDir(), []string{}
		steps, errs := run(dir, 3, &faultyDisk{&seen, n, syscall.ENOSPC})
		require.ErrorIs(t, errs[0], syscall.ENOSPC, "call %d", n)
		for rank := range errs {
			require.Equal(t, steps[0], steps[rank], "call %d, rank %d", n, rank)
			require.ErrorContains(t, errs[rank], "no space left on device", "call %d, rank %d", n, rank)
			if rank > 0 {
				require.ErrorContains(t, errs[rank], "rank 0: ")
			}
		}
		_, errs = run(dir, 2, nil)
		require.Equal(t, make([]error, 2), errs, "call %d", n)
	}
}
