package dist

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// vector is that of a shard: numbers of many magnitudes, whose sum shows its order.
func vector(shard, n int) []float32 {
	r := rand.New(rand.NewPCG(7, uint64(shard)))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * math.Pow(2, float64(r.IntN(24))))
	}
	return v
}

// treeSum is the sum of the shards from lo to hi as the package comment says it.
func treeSum(lo, hi, n int) []float32 {
	if hi-lo == 1 {
		return vector(lo, n)
	}
	half := 1
	for half*2 < hi-lo {
		half *= 2
	}
	left, right := treeSum(lo, lo+half, n), treeSum(lo+half, hi, n)
	for i := range left {
		left[i] += right[i]
	}
	return left
}

// cut cuts v into slices of the given lengths.
func cut(v []float32, lengths []int) (all [][]float32) {
	for _, n := range lengths {
		all = append(all, v[:n:n])
		v = v[n:]
	}
	return all
}

// TestSumsOfAnyNumberOfRanks: all numbers of shards up to 9, and some larger ones, on all
// numbers of ranks, in buckets that end within slices, are the sum of the tree.
func TestSumsOfAnyNumberOfRanks(t *testing.T) {
	lengths := []int{5, 0, 1, 30, 7}
	const n = 43
	for _, shards := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 21} {
		want := treeSum(0, shards, n)
		for ranks := 1; ranks <= min(shards, 9); ranks++ {
			seen := make([]int, shards)
			err := Run(context.Background(), ranks, func(g Group) error {
				s, err := newSum(g, shards, lengths, 16)
				if err != nil {
					return err
				}
				for again := range 2 { // the memory is used again
					first, end := s.Shards()
					for shard := first; shard < end-1; shard++ {
						s.Add(cut(vector(shard, n), lengths))
					}
					v := vector(end-1, n)
					late := append([]float32(nil), v[:20]...)
					clear(v[:20]) // not complete yet
					s.Start(cut(v, lengths))
					s.Complete(40)
					s.Complete(20)
					copy(v, late)
					s.Complete(0)
					if err := s.Wait(); err != nil {
						return err
					}
					for i := range v {
						if math.Float32bits(v[i]) != math.Float32bits(want[i]) {
							return fmt.Errorf("sum %d: element %d is %v, want %v", again, i, v[i], want[i])
						}
					}
				}
				if first, end := s.Shards(); true {
					for shard := first; shard < end; shard++ {
						seen[shard]++
					}
				}
				return nil
			})
			require.NoError(t, err, "%d shards on %d ranks", shards, ranks)
			for shard, times := range seen {
				require.Equal(t, 1, times, "shard %d of %d on %d ranks", shard, shards, ranks)
			}
		}
	}
}

// TestOrderShows: the numbers of these tests tell a chain from the tree.
func TestOrderShows(t *testing.T) {
	tree := treeSum(0, 5, 43)
	chain := vector(0, 43)
	for shard := 1; shard < 5; shard++ {
		for i, v := range vector(shard, 43) {
			chain[i] += v
		}
	}
	require.NotEqual(t, tree, chain)
}

// TestBytesOnTheWire: whole sub-trees move as much as a ring does.
func TestBytesOnTheWire(t *testing.T) {
	for _, c := range []struct{ ranks, shards, parts int }{{2, 2, 1}, {4, 8, 1}, {8, 8, 1}, {3, 3, 1}, {3, 8, 2}} {
		const n = 24 * 100
		err := Run(context.Background(), c.ranks, func(g Group) error {
			s, err := NewSum(g, c.shards, []int{n})
			if err != nil {
				return err
			}
			first, end := s.Shards()
			for range end - first - 1 {
				s.Add([][]float32{make([]float32, n)})
			}
			s.Start([][]float32{make([]float32, n)})
			s.Complete(0)
			if err := s.Wait(); err != nil {
				return err
			}
			got, ring := s.Cost().Bytes, int64(4*2*n*(c.ranks-1)/c.ranks)
			if most := ring/2 + ring/2*int64(c.parts); got < ring || got > most {
				return fmt.Errorf("%d bytes, want %d to %d", got, ring, most)
			}
			return nil
		})
		require.NoError(t, err, "%+v", c)
	}
}

func TestAllReduce(t *testing.T) {
	for ranks := 1; ranks <= 5; ranks++ {
		want := treeSum(0, ranks, 11)
		require.NoError(t, Run(context.Background(), ranks, func(g Group) error {
			v := vector(g.Rank(), 11)
			if err := AllReduce(g, v); err != nil {
				return err
			}
			for i := range v {
				if v[i] != want[i] {
					return fmt.Errorf("element %d is %v, want %v", i, v[i], want[i])
				}
			}
			return nil
		}))
	}
}

func TestPart(t *testing.T) {
	for n := range 20 {
		for parts := 1; parts < 9; parts++ {
			end := 0
			for i := range parts {
				lo, hi := Part(n, parts, i)
				require.Equal(t, end, lo)
				require.Contains(t, []int{n / parts, (n + parts - 1) / parts}, hi-lo)
				end = hi
			}
			require.Equal(t, n, end)
		}
	}
}

// TestSumRefuses calls in a wrong order, and vectors of other lengths, before anything is
// written.
func TestSumRefuses(t *testing.T) {
	_, err := NewSum(fake{size: 3}, 2, []int{1})
	require.EqualError(t, err, "dist: 2 shards for 3 ranks, want at least one for each; use more shards, or fewer ranks")
	_, err = NewSum(Alone(), 2, []int{1, -1})
	require.ErrorContains(t, err, "slices of the lengths [1 -1]")

	s, err := NewSum(Alone(), 2, []int{2, 3})
	require.NoError(t, err)
	v := [][]float32{make([]float32, 2), make([]float32, 3)}
	require.PanicsWithValue(t, "dist: Start after 0 shards, want it with the last of the 2 of this rank", func() { s.Start(v) })
	require.PanicsWithValue(t, "dist: Add: a vector of 1 slices, want 2", func() { s.Add(v[:1]) })
	require.PanicsWithValue(t, "dist: Add: slice 1 of the vector has 2 elements, want 3", func() { s.Add([][]float32{v[0], v[0]}) })
	require.PanicsWithValue(t, "dist: Complete before Start", func() { s.Complete(0) })
	require.PanicsWithValue(t, "dist: Wait before Start", func() { _ = s.Wait() })
	s.Add(v)
	require.PanicsWithValue(t, "dist: Add of shard 1 of the 2 of this rank; the last is given to Start", func() { s.Add(v) })
	s.Start(v)
	require.PanicsWithValue(t, "dist: Add before Wait", func() { s.Add(v) })
	require.PanicsWithValue(t, "dist: Complete from element 6 of 5", func() { s.Complete(6) })
	require.PanicsWithValue(t, "dist: Wait with 5 elements that no Complete has named", func() { _ = s.Wait() })
	s.Complete(0)
	require.NoError(t, s.Wait())
}

// fake is a group of so many ranks that nobody calls.
type fake struct {
	Group
	size int
}

func (f fake) Size() int { return f.size }
func (f fake) Rank() int { return 0 }
