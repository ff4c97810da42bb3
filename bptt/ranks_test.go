package bptt_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
)

// meddling is a group in which rank 1 tells what change makes of what it has to tell, after
// so many times.
type meddling struct {
	dist.Group
	after  int
	change func(b []byte) []byte
}

func (m *meddling) Gather(b []byte) ([][]byte, error) {
	if m.after--; m.after < 0 && m.Rank() == 1 {
		b = m.change(b)
	}
	return m.Group.Gather(b)
}

// TestRanksThatTellNonsense: bytes that are cut off or too many are an error of all ranks,
// which names the one that told them.
func TestRanksThatTellNonsense(t *testing.T) {
	for _, name := range []string{"ragged sequences, updates of three windows", "validation that the ranks share"} {
		s := shardedRuns[name]
		for after := range 12 {
			for _, change := range []func(b []byte) []byte{
				func([]byte) []byte { return nil },
				func(b []byte) []byte { return b[:2] },
				func(b []byte) []byte { return append([]byte{0, 200, 0}, b...) },
			} {
				var errs [2]error
				err := runRanks(2, func(g dist.Group) error {
					trainer, _, err := s.trainer(t, &meddling{g, after, change}, nil)
					if err == nil {
						_, err = trainer.Run(context.Background())
					}
					errs[g.Rank()] = err
					return nil
				})
				require.NoError(t, err)
				for _, err := range errs {
					require.ErrorContains(t, err, "rank 1: ", "%s: %d", name, after)
				}
			}
		}
	}
}
