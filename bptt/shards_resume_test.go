package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// TestResumeOnOtherRanks: a run that is cut at each of its updates, and goes on with
// another number of ranks each time, ends as the one that was not.
func TestResumeOnOtherRanks(t *testing.T) {
	for name, s := range shardedRuns {
		t.Run(name, func(t *testing.T) {
			want := s.alone(t)
			var file []byte
			var all []bptt.Progress
			for part := 0; ; part++ {
				ranks := someRanks[(part*3+1)%len(someRanks)]
				var next []byte
				steps := int64(0)
				err := runRanks(ranks, func(g dist.Group) error {
					ran := 0
					trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) {
						p.OnStep = func(p bptt.Progress) error {
							p.Elapsed = 0
							if g.Rank() == ranks-1 {
								all, steps = append(all, p), p.Step
								if ran++; ran == 2 {
									return bptt.ErrStop
								}
							}
							return nil
						}
					})
					if err != nil {
						return err
					}
					if file != nil {
						c, err := bptt.ReadCheckpoint(bytes.NewReader(file))
						if err == nil {
							err = trainer.Resume(c)
						}
						if err != nil {
							return err
						}
					}
					if _, err := trainer.Run(context.Background()); err != nil {
						return err
					}
					var b bytes.Buffer
					if err := trainer.Save(&b); err != nil {
						return err
					}
					if g.Rank() == 0 {
						next = b.Bytes()
					} else if b.Len() > 0 {
						return fmt.Errorf("rank %d has written a checkpoint", g.Rank())
					}
					return nil
				})
				require.NoError(t, err, "part %d on %d ranks", part, ranks)
				if steps == 0 {
					require.Equal(t, want.end, next)
					break
				}
				file = next
			}
			require.Equal(t, want.steps, all)
		})
	}
}

// TestFilesOfRanks: the files that the first rank writes while the others wait are those of
// one process, and ResumeLast goes on from them where the others see no files at all.
func TestFilesOfRanks(t *testing.T) {
	s := shardedRuns["validation, patience and the best weights"]
	want := map[string][]byte{}
	for _, ranks := range []int{1, 3, 2} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		for _, stop := range []int64{5, 1000} {
			err := runRanks(ranks, func(g dist.Group) error {
				trainer, _, err := s.trainer(t, g, func(p *bptt.Plan) {
					p.Checkpoint = bptt.Checkpoints{Dir: dir, EverySteps: 3, Keep: 2, Every: time.Hour}
					if g.Rank() > 0 {
						p.Checkpoint.Dir = elsewhere
					}
					p.OnStep = func(p bptt.Progress) error {
						if p.Step == stop && g.Rank() == 0 {
							return bptt.ErrStop
						}
						return nil
					}
				})
				if err != nil {
					return err
				}
				found, err := trainer.ResumeLast()
				if err != nil || found != (stop == 1000) {
					return fmt.Errorf("found %v, %v", found, err)
				}
				_, err = trainer.Run(context.Background())
				return err
			})
			require.NoError(t, err, "%d ranks", ranks)
		}
		require.Empty(t, filesIn(t, elsewhere))
		got := filesIn(t, dir)
		if ranks == 1 {
			want = got
			require.Len(t, want, 4)
		}
		require.Equal(t, want, got, "%d ranks", ranks)
	}
}

// TestShardsAreRefused where they cannot be what the plan says.
func TestShardsAreRefused(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	for want, change := range map[string]func(r *shardedRun, p *bptt.Plan){
		"Plan.Shards is -1":               func(_ *shardedRun, p *bptt.Plan) { p.Shards = -1 },
		"too few for the 12":              func(_ *shardedRun, p *bptt.Plan) { p.Shards = 12 },
		"make a net of 4 rows":            func(_ *shardedRun, p *bptt.Plan) { p.Shards = 3 },
		"Plan.Group is a nil *bptt_test.": func(_ *shardedRun, p *bptt.Plan) { p.Group = (*noGroup)(nil) },
		"has no method Rows": func(r *shardedRun, _ *bptt.Plan) {
			r.source = func(testing.TB, int) data.Source { return traintest.Never{} }
		},
	} {
		r := s
		plan := r.plan()
		plan.Shards = r.shards
		change(&r, &plan)
		_, err := bptt.NewTrainer(s.net(t, s.width()), r.source(t, r.rows), plan)
		require.ErrorContains(t, err, want)
	}
	err := runRanks(2, func(g dist.Group) error {
		plan := s.plan()
		plan.Group = g
		_, err := bptt.NewTrainer(s.net(t, 11), s.source(t, 11), plan)
		return err
	})
	require.ErrorContains(t, err, "a Plan.Group of 2 ranks without Plan.Shards")
	err = runRanks(9, func(g dist.Group) error {
		_, _, err := s.trainer(t, g, nil)
		return err
	})
	require.ErrorContains(t, err, "8 shards for 9 ranks")
}

type noGroup struct{ dist.Group }

// TestCheckpointsOfOtherShards: shards are part of a run.
func TestCheckpointsOfOtherShards(t *testing.T) {
	s := shardedRuns["ragged sequences, updates of three windows"]
	file := s.alone(t).end
	for want, change := range map[string]func(r *shardedRun){
		"of a run with Plan.Shards 9, this plan has 3": func(r *shardedRun) { r.shards = 3 },
		"of a run with Plan.Shards 9, this plan has 0": func(r *shardedRun) { r.shards = 0 },
		"of batches of 9 rows, this data has 17": func(r *shardedRun) {
			r.rows = 17
		},
	} {
		r := s
		change(&r)
		net := r.net(t, r.rows)
		if r.shards > 0 {
			net = r.net(t, r.width())
		}
		plan := r.plan()
		plan.Shards = r.shards
		trainer, err := bptt.NewTrainer(net, r.source(t, r.rows), plan)
		require.NoError(t, err)
		c, err := bptt.ReadCheckpoint(bytes.NewReader(file))
		require.NoError(t, err)
		before := nn.Fingerprint(net)
		require.ErrorContains(t, trainer.Resume(c), want)
		require.Equal(t, before, nn.Fingerprint(net))
	}

	// The parameters can be had without shards.
	c, err := bptt.ReadCheckpoint(bytes.NewReader(file))
	require.NoError(t, err)
	net := s.net(t, 1)
	require.NoError(t, c.Params(net))
	require.Equal(t, s.alone(t).print, nn.Fingerprint(net))
}

// TestResumeOfAllOrNone: where one rank cannot resume, or has another checkpoint, none does: all
// Trainers are as they were, and a run goes on from there as if nobody had tried.
func TestResumeOfAllOrNone(t *testing.T) {
	const ranks = 3
	for _, run := range []string{"windows that overlap, with masks and a clip", "validation that the ranks share"} {
		s := shardedRuns[run]
		want := s.alone(t)
		whole, err := bptt.ReadCheckpoint(bytes.NewReader(want.end))
		require.NoError(t, err)
		read := func(edit func(x *wire.Section)) *bptt.Checkpoint {
			c, err := bptt.ReadCheckpoint(bytes.NewReader(forge(t, want.end, edit)))
			require.NoError(t, err)
			return c
		}
		for wrong, c := range map[string]*bptt.Checkpoint{
			"position": read(func(x *wire.Section) {
				if x.Name == "data" {
					x.Bytes = x.Bytes[:len(x.Bytes)-1]
				}
			}),
			"it resumes from another checkpoint than rank": read(func(x *wire.Section) {
				if x.Name == "optimizer/0" {
					x.Float32 = slices.Clone(x.Float32)
					x.Float32[0]++
				}
			}),
			"resuming from update": read(func(x *wire.Section) {
				if x.Name == "progress" {
					x.Int64 = append([]int64{x.Int64[0] - 1}, x.Int64[1:]...)
				}
			}),
		} {
			for bad := range ranks {
				var errs [ranks]error
				err := runRanks(ranks, func(g dist.Group) error {
					trainer, net, err := s.trainer(t, g, func(p *bptt.Plan) {
						p.OnStep = func(p bptt.Progress) error {
							if p.Step == 2 {
								return bptt.ErrStop
							}
							return nil
						}
					})
					if err != nil {
						return err
					}
					if _, err := trainer.Run(context.Background()); err != nil {
						return err
					}
					save := func() ([]byte, error) {
						var b bytes.Buffer
						err := trainer.Save(&b)
						return b.Bytes(), err
					}
					before, err := save()
					if err != nil {
						return err
					}
					print := nn.Fingerprint(net)
					mine := whole
					if g.Rank() == bad {
						mine = c
					}
					errs[g.Rank()] = trainer.Resume(mine)
					after, err := save()
					switch {
					case err != nil:
						return err
					case nn.Fingerprint(net) != print:
						return fmt.Errorf("the weights have changed")
					case !bytes.Equal(before, after):
						return fmt.Errorf("the Trainer has changed")
					}
					if _, err = trainer.Run(context.Background()); err != nil {
						return err
					}
					if end, err := save(); err != nil || g.Rank() == 0 && !bytes.Equal(end, want.end) {
						return fmt.Errorf("the run did not go on as it was: %v", err)
					}
					return trainer.Resume(whole) // it can be used
				})
				require.NoError(t, err, "%s: %s, rank %d", run, wrong, bad)
				for rank, err := range errs {
					require.ErrorContains(t, err, wrong, "rank %d", rank)
				}
			}
		}
	}
}

// TestDamagedShards: each byte of a shard's part is covered, and a part that is missing is
// named.
func TestDamagedShards(t *testing.T) {
	s := shardedRuns["updates left out, a learned state, weights"]
	file := s.alone(t).end
	trainer, net, err := s.trainer(t, nil, nil)
	require.NoError(t, err)
	before := nn.Fingerprint(net)
	for at := 0; at < len(file); at += 17 {
		b := slices.Clone(file)
		b[at] ^= 0x10
		c, err := bptt.ReadCheckpoint(bytes.NewReader(b))
		if err == nil {
			err = trainer.Resume(c)
		}
		require.Error(t, err, "byte %d", at)
		require.Equal(t, before, nn.Fingerprint(net))
	}
}

// runRanks is dist.Run with a limit of time, so that a rank that waits for ever is an error.
func runRanks(n int, f func(g dist.Group) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return dist.Run(ctx, n, f)
}

// use makes isa the current tier, and returns what goes back.
func use(isa kernels.ISA) (back func()) {
	before := kernels.Current()
	if err := kernels.Use(isa); err != nil {
		panic(err)
	}
	return func() { _ = kernels.Use(before) }
}

// filesIn returns the files of a folder.
func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = b
	}
	return files
}
