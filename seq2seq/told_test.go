package seq2seq_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// around is a net with a Backward of its own around that of another.
type around struct {
	*seq2seq.Net
	calls int
}

func (n *around) Backward(dx, dy []float32) { n.calls++; n.Net.Backward(dx, dy) }

// TestBackwardFlushed: the gradients are the same by it, and a net around another goes back by its
// own Backward.
func TestBackwardFlushed(t *testing.T) {
	b := batch(tiny, 4)
	dy, grads := traintest.NumbersLike(b.Steps*tiny.batch*symbols, 6), [3][][]float32{}
	for i := range grads {
		net := build(t, tiny, 3)
		outer := &around{Net: net}
		require.NoError(t, net.ForwardBatch(make([]float32, len(dy)), b))
		switch i {
		case 0:
			net.Backward(nil, dy)
		case 1:
			nn.BackwardFlushed(net, nil, dy)
		default:
			nn.BackwardFlushed(outer, nil, dy)
			require.Equal(t, 1, outer.calls)
		}
		net.EachParam(func(_ string, _, g []float32) { grads[i] = append(grads[i], g) })
	}
	require.Equal(t, grads[0], grads[1])
	require.Equal(t, grads[0], grads[2])
}

// TestOnGradients: what is told is complete, is not touched any more by the pass, and comes as
// soon as stages, bridge and encoder are done; with the bits of a pass that tells nothing, and
// with the readout over blocks too.
func TestOnGradients(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *sizes)
		want   []int
	}{
		// Encoder: an embedding, and 8 parameters of two directions. Bridge: 4. Decoder: an
		// embedding, 4 of an LSTM, those of the attention, 2 of the readout.
		"a bridge":               {func(s *sizes) {}, []int{20, 18, 14, 13, 9, 1, 0}},
		"masks":                  {func(s *sizes) { s.dropout = 0.2 }, []int{20, 18, 14, 13, 9, 1, 0}},
		"numbers":                {func(s *sizes) { s.floats = 3 }, []int{19, 17, 13, 12, 8, 0}},
		"no bridge":              {func(s *sizes) { s.noBridge = true }, []int{16, 14, 10, 9, 1, 0}},
		"a state that is copied": {func(s *sizes) { s.copied = true }, []int{12, 10, 6, 5, 5, 1, 0}},
		"an embedding for both":  {func(s *sizes) { s.tied = true }, []int{20, 18, 14, 13, 9, 1, 0}},
	} {
		for _, blocks := range []bool{false, true} {
			s := tiny
			c.change(&s)
			b := batch(s, 4)
			dy := traintest.NumbersLike(b.Steps*s.batch*symbols, 6)
			pass := func(hear func(grads [][]float32, n int)) [][]float32 {
				net := build(t, s, 3)
				var grads [][]float32
				net.EachParam(func(_ string, _, g []float32) { grads = append(grads, g) })
				if hear != nil {
					require.True(t, nn.OnGradients(net, func(n int) { hear(grads, n) }))
				}
				if !blocks {
					require.NoError(t, net.ForwardBatch(make([]float32, len(dy)), b))
					net.Backward(nil, slices.Clone(dy))
					return grads
				}
				k := traintest.Must(nn.OverBlocks(net, 256))
				require.NoError(t, k.ForwardBatch(b))
				require.NoError(t, k.Each(func(first, steps int) error {
					n := steps * s.batch * symbols
					k.Readout(make([]float32, n), first)
					k.ReadoutGrad(slices.Clone(dy[first*s.batch*symbols:][:n]), first)
					return nil
				}))
				k.Backward()
				return grads
			}
			want := pass(nil)
			var said []int
			seen := make([][]float32, len(want))
			after := pass(func(grads [][]float32, n int) {
				said = append(said, n)
				for i := n; i < len(grads); i++ {
					if seen[i] == nil {
						seen[i] = slices.Clone(grads[i])
						clear(grads[i])
					}
				}
			})
			require.Equal(t, want, seen, "%s: the gradients when they were told", name)
			for i, g := range after {
				require.Equal(t, make([]float32, len(g)), g, "%s: parameter %d has changed after it was told", name, i)
			}
			order := c.want
			if blocks { // the readout is done before
				order = order[1:]
			}
			require.Equal(t, order, said, name)
		}
	}
}
