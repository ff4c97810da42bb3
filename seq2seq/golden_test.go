package seq2seq_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// golden is the relative difference from PyTorch that the project promises.
const golden = 1e-5

// TestAgreesWithPyTorch: attention with each score, with lengths of queries and of
// memories, as bench/pytorch/attention.py wrote it.
func TestAgreesWithPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch_attention.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Score                     string
			Query, Memory, Width, Out int
			Steps, Source, Batch      int
			Lengths, Sources          []int
			X, M, Dy                  []float32
			Params                    map[string][]float32
			Want                      struct {
				Y, Weights, Dx, Dm []float64
				Grads              map[string][]float64
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Cases, 6)
	scores := map[string]seq2seq.Score{"dot": seq2seq.Dot, "general": seq2seq.General, "additive": seq2seq.Additive}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		agree := func(name string, got []float32, want []float64) {
			t.Helper()
			require.Len(t, got, len(want), name)
			square := 0.0
			for _, v := range want {
				square += v * v / float64(len(want))
			}
			for i, v := range want {
				d := math.Abs(float64(got[i])-v) / max(math.Abs(v), math.Sqrt(square))
				if worst = max(worst, d); !(d <= golden) {
					t.Fatalf("%s[%d] is %v, PyTorch has %v", name, i, got[i], v)
				}
			}
		}
		for _, c := range file.Cases {
			a := traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: c.Query, Memory: c.Memory, Score: scores[c.Score], Width: c.Width, Out: c.Out}, traintest.Rng(1)))
			a.EachParam(func(name string, w []float32, shape ...int) {
				require.Len(t, c.Params[name], len(w), name)
				size := 1
				for _, n := range shape {
					size *= n
				}
				require.Equal(t, len(w), size, name)
				copy(w, c.Params[name])
			})
			u := traintest.Must(a.Unroll(c.Steps, c.Source, c.Batch))
			// A pass over whole rows leaves something in the memory of the net.
			require.NoError(t, u.SetMemory(c.M, nil))
			u.Forward(make([]float32, len(c.Dy)), c.X)
			u.Backward(nil, c.Dy)
			u.ZeroGrads()
			require.NoError(t, u.SetMemory(c.M, c.Sources))
			require.NoError(t, u.SetLengths(c.Lengths))
			y, dx, weights := make([]float32, len(c.Dy)), make([]float32, len(c.X)), make([]float32, c.Steps*c.Batch*c.Source)
			u.Forward(y, c.X)
			u.Weights(weights)
			u.Backward(dx, c.Dy)
			agree("y", y, c.Want.Y)
			agree("weights", weights, c.Want.Weights)
			agree("dx", dx, c.Want.Dx)
			agree("dm", u.MemoryGrad(), c.Want.Dm)
			n := 0
			u.EachParam(func(name string, _, g []float32) {
				agree(c.Score+": gradient of "+name, g, c.Want.Grads[name])
				n++
			})
			require.Equal(t, len(c.Params), n)
		}
		t.Logf("%d cases, differences of at most %.2g", len(file.Cases), worst)
	})
}
