package drawn

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

func source(steps, rows, batches int, seed, stream uint64) *Source {
	return New(data.Batch{Steps: steps, Rows: rows, X: make([]float32, 1)}, batches, seed, stream, func(b *data.Batch, from *rand.PCG) {
		b.X[0] = float32(from.Uint64() >> 40)
	})
}

// TestSource: an epoch is the one before; sequences come whole.
func TestSource(t *testing.T) {
	s := source(5, 2, 3, 1, 2)
	var b data.Batch
	var first, again []float32
	for _, list := range []*[]float32{&first, &again} {
		for range 3 {
			require.NoError(t, s.Next(&b))
			*list = append(*list, b.X[0])
			require.Equal(t, []any{5, 2, []bool{true, true}}, []any{b.Steps, b.Rows, b.Reset})
		}
		require.Equal(t, io.EOF, s.Next(&b))
	}
	require.Equal(t, first, again)
	slices.Sort(first)
	require.Len(t, slices.Compact(first), 3, "no two are alike")
	b.Want = 4
	require.ErrorContains(t, s.Next(&b), "sequences of 5 steps are asked for in parts of 4")
	b.Want = 5
	require.NoError(t, s.Next(&b))
	require.Equal(t, 5, b.Want)
	var c data.Batch
	require.NoError(t, source(5, 2, 0, 1, 3).Next(&c))
	require.NotEqual(t, again[0], c.X[0], "another stream is another")
}

// TestPositions: a position leads to what would have come, in another source of that form.
func TestPositions(t *testing.T) {
	p := source(6, 2, 5, 1, 2)
	var b, c data.Batch
	for range 3 {
		require.NoError(t, p.Next(&b))
	}
	at, err := p.MarshalBinary()
	require.NoError(t, err)
	q := source(6, 2, 5, 9, 9)
	require.NoError(t, q.UnmarshalBinary(at))
	require.NoError(t, p.Next(&b))
	require.NoError(t, q.Next(&c))
	require.Equal(t, b.X, c.X)
	require.NoError(t, q.Next(&c))
	require.Equal(t, io.EOF, q.Next(&c), "the fifth was the last")
	for name, other := range map[string]*Source{
		"length": source(7, 2, 5, 1, 2), "rows": source(6, 3, 5, 1, 2), "batches": source(6, 2, 0, 1, 2),
	} {
		require.ErrorContains(t, other.UnmarshalBinary(at), "another length", name)
	}
	require.ErrorContains(t, q.UnmarshalBinary(at[:10]), "10 bytes, want at least 32")
	require.ErrorContains(t, q.UnmarshalBinary(at[:len(at)-1]), "no state of the generator")
	late := slices.Clone(at)
	late[24] = 6
	require.ErrorContains(t, q.UnmarshalBinary(late), "batch 6, an epoch has 5")
}
