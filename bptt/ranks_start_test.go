package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// brokenSource is data that cannot go to its beginning.
type brokenSource struct{ data.Source }

func (brokenSource) Rows() int     { return 11 }
func (brokenSource) Rewind() error { return errors.New("a bad sector") }

// TestOneRankFailsBeforeTheStart: what NewTrainer refuses on one rank before it compares ends
// it on all of them. The barrier comes only after all have come back, so nothing else than
// what the rank tells can end the others.
func TestOneRankFailsBeforeTheStart(t *testing.T) {
	s := shardedRuns["windows that overlap, with masks and a clip"]
	for want, c := range map[string]struct {
		plan func(p *bptt.Plan)
		run  func(r *shardedRun)
	}{
		"bptt: no Loss":      {plan: func(p *bptt.Plan) { p.Loss = nil }},
		"a window of 700":    {plan: func(p *bptt.Plan) { p.Window = 700 }},
		"too few for the 12": {plan: func(p *bptt.Plan) { p.Shards = 12 }},
		"learning rate":      {plan: func(p *bptt.Plan) { p.Optimizer = &optim.Adam{LR: -1} }},
		"the data has batches of 17 rows": {run: func(r *shardedRun) {
			source := r.source
			r.source = func(t testing.TB, rows int) data.Source { return source(t, rows+6) }
		}},
		"a bad sector": {run: func(r *shardedRun) {
			source := r.source
			r.source = func(t testing.TB, rows int) data.Source { return brokenSource{source(t, rows)} }
		}},
		"net": {run: func(r *shardedRun) { r.net = func(testing.TB, int) nn.Net { return nil } }},
	} {
		for bad := range 3 {
			var errs [3]error
			err := runRanks(3, func(g dist.Group) error {
				r := s
				if g.Rank() == bad && c.run != nil {
					c.run(&r)
				}
				var trainer *bptt.Trainer
				trainer, _, errs[g.Rank()] = r.trainer(t, g, func(p *bptt.Plan) {
					if g.Rank() == bad && c.plan != nil {
						c.plan(p)
					}
				})
				if trainer != nil {
					return errors.New("a Trainer in spite of the error")
				}
				return g.Barrier()
			})
			require.NoError(t, err, want)
			for rank, err := range errs {
				require.ErrorContains(t, err, want, "rank %d", rank)
				if rank != bad {
					require.ErrorContains(t, err, fmt.Sprintf("rank %d: ", bad))
				}
			}
		}
	}
	_, _, err := s.trainer(t, (*meddling)(nil), nil)
	require.EqualError(t, err, "bptt: Plan.Group is a nil *bptt_test.meddling; leave the field out for one process")
}

// TestCheckpointThatOneRankReads: the first rank alone reads the file, and a file that is not
// there, that cannot be read, or that is damaged is the error of all.
func TestCheckpointThatOneRankReads(t *testing.T) {
	s := shardedRuns["validation, patience and the best weights"]
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	trainer, _, err := s.trainer(t, nil, nil)
	require.NoError(t, err)
	require.NoError(t, trainer.SaveFile(good))
	b, err := os.ReadFile(good)
	require.NoError(t, err)
	damaged := filepath.Join(dir, "damaged")
	require.NoError(t, os.WriteFile(damaged, append(bytes.Clone(b[:len(b)-9]), "nonsense!"...), 0o666))
	for name, c := range map[string]struct {
		want string
		is   error
	}{
		good:                       {},
		damaged:                    {want: "bptt"},
		dir:                        {want: "is a directory"},
		filepath.Join(dir, "none"): {want: "none", is: fs.ErrNotExist},
	} {
		for _, ranks := range []int{1, 3} {
			var errs [3]error
			err := runRanks(ranks, func(g dist.Group) error {
				name := name
				if g.Rank() > 0 {
					name = "a file that the others do not see"
				}
				c, err := bptt.ReadCheckpointOn(g, name)
				if errs[g.Rank()] = err; err == nil {
					trainer, _, err := s.trainer(t, g, nil)
					if err != nil {
						return err
					}
					return trainer.Resume(c)
				}
				return g.Barrier()
			})
			require.NoError(t, err)
			for rank, err := range errs[:ranks] {
				switch {
				case c.is != nil:
					require.ErrorIs(t, err, c.is, "rank %d of %d", rank, ranks)
				case c.want == "":
					require.NoError(t, err)
				case c.want == "bptt":
					require.Error(t, err)
				default:
					require.ErrorContains(t, err, c.want)
					if rank > 0 {
						require.ErrorContains(t, err, "rank 0: ")
					}
				}
			}
		}
	}
}

// TestDataThatOneRankCannotLoad, before NewTrainer: a rank that has an error and tells it by
// dist.Agree ends the others in NewTrainer, Resume and Run, where they wait for it.
func TestDataThatOneRankCannotLoad(t *testing.T) {
	s := shardedRuns["validation that the ranks share"]
	lost := errors.New("the text is lost")
	for where := range 3 {
		var errs [3]error
		err := runRanks(3, func(g dist.Group) error {
			errs[g.Rank()] = func() error {
				gone := func(at int) bool { return g.Rank() == 1 && at == where }
				if gone(0) {
					return dist.Agree(g, "loading", lost)
				}
				trainer, _, err := s.trainer(t, g, nil)
				if err != nil {
					return err
				}
				if gone(1) {
					return dist.Agree(g, "loading", lost)
				}
				var file bytes.Buffer
				if err := trainer.Save(&file); err != nil {
					return err
				}
				if gone(2) {
					return dist.Agree(g, "loading", lost)
				}
				_, err = trainer.Run(context.Background())
				return err
			}()
			return g.Barrier()
		})
		require.NoError(t, err)
		for rank, err := range errs {
			if rank == 1 {
				require.ErrorIs(t, err, lost)
			} else {
				require.ErrorContains(t, err, "rank 1: the text is lost", "place %d", where)
			}
		}
	}
}
