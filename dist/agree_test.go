package dist_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
)

// TestAgree: what one rank has ends all of them, and none waits.
func TestAgree(t *testing.T) {
	broken := errors.New("a bad sector")
	for name, c := range map[string]struct {
		errs [3]error
		rank int
		want string
		is   error
	}{
		"none":                       {},
		"an error":                   {[3]error{1: broken}, 1, "rank 1: a bad sector", nil},
		"two errors":                 {[3]error{0: errors.New("first"), 2: broken}, 0, "rank 0: first", nil},
		"an interruption":            {[3]error{2: context.DeadlineExceeded}, 2, "rank 2: context canceled", context.Canceled},
		"an error and interruptions": {[3]error{0: context.Canceled, 1: context.Canceled, 2: broken}, 2, "rank 2: a bad sector", nil},
		"a long text":                {[3]error{1: errors.New(strings.Repeat("x", 1<<17))}, 1, "rank 1: " + strings.Repeat("x", 1<<16-1), nil},
	} {
		var got [3]error
		err := dist.Run(context.Background(), 3, func(g dist.Group) error {
			got[g.Rank()] = dist.Agree(g, "a test", c.errs[g.Rank()])
			return g.Barrier() // all have come back
		})
		require.NoError(t, err, name)
		for rank, err := range got {
			own := c.errs[rank]
			switch {
			case c.want == "":
				require.NoError(t, err, name)
			case own != nil && (c.is != nil || !errors.Is(own, context.Canceled)):
				require.Equal(t, own, err, "%s: rank %d has an error of its own", name, rank)
			default:
				require.EqualError(t, err, c.want, "%s: rank %d", name, rank)
				var of *dist.RankError
				require.ErrorAs(t, err, &of)
				require.Equal(t, c.rank, of.Rank)
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				}
			}
		}
	}
	require.Equal(t, broken, dist.Agree(dist.Alone(), "a test", broken))
}

// TestAsk: parts of any length, and ranks that are at different places.
func TestAsk(t *testing.T) {
	for n := 1; n < 4; n++ {
		require.NoError(t, dist.Run(context.Background(), n, func(g dist.Group) error {
			all, err := dist.Ask(g, "how many", make([]byte, g.Rank()), nil)
			if err != nil {
				return err
			}
			for rank, b := range all {
				if len(b) != rank {
					return fmt.Errorf("rank %d told %d bytes", rank, len(b))
				}
			}
			return nil
		}))
	}
	var got [2]error
	require.NoError(t, dist.Run(context.Background(), 2, func(g dist.Group) error {
		got[g.Rank()] = dist.Agree(g, []string{"reading", "writing"}[g.Rank()], nil)
		return nil
	}))
	require.EqualError(t, got[0], `rank 1: dist: it is at "writing", another at "reading"; all ranks need the same plan, the same data and the same calls`)
	require.ErrorContains(t, got[1], `rank 0: dist: it is at "reading", another at "writing"`)

	// A rank that only gathers, or is of another program.
	for _, b := range [][]byte{nil, {0}, {0, 9, 0}, []byte("\x00\x09\x00reading"), {3, 0, 0}} {
		require.NoError(t, dist.Run(context.Background(), 2, func(g dist.Group) error {
			if g.Rank() == 1 {
				_, err := g.Gather(b)
				return err
			}
			got[0] = dist.Agree(g, "reading", nil)
			return nil
		}))
		require.ErrorContains(t, got[0], "rank 1: ")
	}

	// A group that is broken: its error, and that of the rank.
	broken := errors.New("a full disk")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = dist.Run(ctx, 2, func(g dist.Group) error {
		for got[g.Rank()] = g.Barrier(); got[g.Rank()] == nil; got[g.Rank()] = g.Barrier() {
		}
		got[g.Rank()] = dist.Agree(g, "reading", broken)
		return nil
	})
	for _, err := range got {
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// A file that one rank cannot read ends all of them.
func ExampleAgree() {
	read := func(g dist.Group) error {
		if g.Rank() == 1 {
			return errors.New("no such file")
		}
		return nil
	}
	_ = dist.Run(context.Background(), 2, func(g dist.Group) error {
		err := dist.Agree(g, "the text is read", read(g))
		if g.Rank() == 0 {
			fmt.Println(err)
		}
		return g.Barrier()
	})
	// Output: rank 1: no such file
}

// told is a group of two ranks of which the other one tells given bytes.
type told struct {
	dist.Group
	b []byte
}

func (t told) Size() int                         { return 2 }
func (t told) Gather(b []byte) ([][]byte, error) { return [][]byte{b, t.b}, nil }

// FuzzAsk: whatever another rank tells is its part, or an error that names it.
func FuzzAsk(f *testing.F) {
	for _, s := range []string{"", "\x00\x04\x00readpart", "\x00\x05\x00write", "\x02\x03\x00bad", "\x01\x00\x00", "\xff\xff\xff", "\x00\x09\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := dist.Ask(told{dist.Alone(), b}, "read", []byte("mine"), nil)
		if err != nil {
			var of *dist.RankError
			require.ErrorAs(t, err, &of)
			require.Equal(t, 1, of.Rank)
			return
		}
		require.Len(t, all, 2)
		require.Equal(t, "mine", string(all[0]))
		require.Equal(t, "\x00\x04\x00read"+string(all[1]), string(b))
	})
}
