package bptt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// inTurn is a group of one process whose ranks make their Trainers one after another: the
// default tier is one for the process, so each rank has its own until it first tells something.
type inTurn struct {
	dist.Group
	once sync.Once
	done func()
}

func (g *inTurn) Gather(b []byte) ([][]byte, error) {
	g.once.Do(g.done)
	return g.Group.Gather(b)
}

// trainerOn is that of a rank whose default tier is isa.
func (s shardedRun) trainerOn(t testing.TB, turn *sync.Mutex, isa kernels.ISA, g dist.Group, more func(*bptt.Plan)) (*bptt.Trainer, nn.Net, error) {
	turn.Lock()
	back := use(isa)
	return s.trainer(t, &inTurn{Group: g, done: func() { back(); turn.Unlock() }}, more)
}

// TestTiersOfRanks: ranks of several tiers train to the bits of one process, all know which
// rank has which, and the first one writes it, once.
func TestTiersOfRanks(t *testing.T) {
	tiers := numtest.Several(t, "ranks of several tiers that tell them")
	low, high := tiers[0], tiers[len(tiers)-1]
	s := shardedRuns["windows that overlap, with masks and a clip"]
	want := s.alone(t)
	for _, of := range [][]kernels.ISA{{high, low, high, high}, {high, high, high}} {
		var turn sync.Mutex
		records, metrics := make([]bytes.Buffer, len(of)), make([]bytes.Buffer, len(of))
		var expected bptt.Tiers
		for _, isa := range of {
			expected = append(expected, bptt.RankTiers{ISA: isa, Available: kernels.Available()})
		}
		err := runRanks(len(of), func(g dist.Group) error {
			me := g.Rank()
			trainer, net, err := s.trainerOn(t, &turn, of[me], g, func(p *bptt.Plan) {
				p.Log = bptt.Log{Logger: slog.New(slog.NewTextHandler(&records[me], nil)), Metrics: &metrics[me]}
			})
			if err != nil {
				return err
			}
			for range 2 { // the second one has nothing left to do
				if _, err := trainer.Run(context.Background()); err != nil {
					return err
				}
			}
			if got := trainer.Tiers(); fmt.Sprint(got) != fmt.Sprint(expected) || got.Differ() != (of[1] == low) {
				return fmt.Errorf("the tiers are %v, want %v", got, expected)
			}
			if got := nn.Fingerprint(net); got != want.print {
				return errors.New("other bits")
			}
			return nil
		})
		require.NoError(t, err)
		for rank := range of {
			told := rank == 0 && of[1] == low
			require.Equal(t, told, strings.Contains(records[rank].String(), "msg=tiers"), "rank %d", rank)
			require.Equal(t, told, strings.Contains(metrics[rank].String(), `{"event":"tiers"`), "rank %d", rank)
		}
		if of[1] != low {
			continue
		}
		require.Equal(t, 1, strings.Count(records[0].String(), "msg=tiers"))
		require.Contains(t, records[0].String(), "level=WARN msg=tiers ranks=4")
		line, _, _ := strings.Cut(metrics[0].String(), "\n")
		var event struct {
			Event, Tiers string
			Ranks        int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		require.Equal(t, 4, event.Ranks)
		require.Equal(t, fmt.Sprintf("ranks 0, 2-3: %s of %v; rank 1: %s of %[2]v", high, kernels.Available(), low), event.Tiers)
	}
}

// TestSameTiers: a difference ends all ranks before the first update, and is named.
func TestSameTiers(t *testing.T) {
	tiers := numtest.Several(t, "ranks that may not have several tiers")
	low, high := tiers[0], tiers[len(tiers)-1]
	s := shardedRuns["windows that overlap, with masks and a clip"]
	for _, of := range [][]kernels.ISA{{low, low, high}, {high, high, high}} {
		var turn sync.Mutex
		errs := make([]error, len(of))
		err := runRanks(len(of), func(g dist.Group) error {
			var trainer *bptt.Trainer
			trainer, _, errs[g.Rank()] = s.trainerOn(t, &turn, of[g.Rank()], g, func(p *bptt.Plan) { p.SameTiers = true })
			if (trainer == nil) == (errs[g.Rank()] == nil) {
				return errors.New("a Trainer and an error, or none of them")
			}
			return g.Barrier()
		})
		require.NoError(t, err)
		for rank, err := range errs {
			if of[0] == high {
				require.NoError(t, err, "rank %d", rank)
				continue
			}
			var of *dist.RankError
			require.ErrorAs(t, err, &of)
			require.Equal(t, 2, of.Rank)
			require.EqualError(t, err, fmt.Sprintf("rank 2: bptt: its tier is %s of %v, that of rank 0 %s of %[2]v, and Plan.SameTiers asks for the same; start the ranks on machines of one kind, or all with SIMDRNN_ISA=%[1]s, or leave SameTiers out: the results have the same bits",
				high, kernels.Available(), low))
		}
	}
	// One process alone has nothing to compare with.
	_, _, err := s.trainer(t, nil, func(p *bptt.Plan) { p.SameTiers = true })
	require.NoError(t, err)
	// It is a setting, which all have.
	err = runRanks(2, func(g dist.Group) error {
		_, _, err := s.trainer(t, g, func(p *bptt.Plan) { p.SameTiers = g.Rank() == 1 })
		if err == nil || !strings.Contains(err.Error(), "rank 1: bptt: it has Plan.SameTiers = true, rank 0 has Plan.SameTiers = false") {
			return fmt.Errorf("an error of the settings was expected, got %v", err)
		}
		return nil
	})
	require.NoError(t, err)
}

// silent is a group in which rank 1 tells nothing of its tiers.
type silent struct{ dist.Group }

func (g silent) Gather(b []byte) ([][]byte, error) {
	const about = "the tiers of the ranks"
	if i := bytes.Index(b, []byte(about)); i >= 0 && g.Rank() == 1 {
		b = b[:i+len(about)]
	}
	return g.Group.Gather(b)
}

// TestRankThatTellsNoTiers is an error that names it.
func TestRankThatTellsNoTiers(t *testing.T) {
	tiers := numtest.Several(t, "a rank that tells no tiers")
	s := shardedRuns["windows that overlap, with masks and a clip"]
	var turn sync.Mutex
	errs := make([]error, 2)
	err := runRanks(2, func(g dist.Group) error {
		_, _, errs[g.Rank()] = s.trainerOn(t, &turn, tiers[g.Rank()], silent{g}, nil)
		return nil
	})
	require.NoError(t, err)
	for _, err := range errs {
		require.EqualError(t, err, "rank 1: bptt: it told no tiers; all ranks need the same program")
	}
}
