package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// pytorchStages is what bench/pytorch/stages.py wrote.
type pytorchStages struct {
	Steps, Batch int
	Cases        []struct {
		Name    string
		Weights map[string][]float32
		X, DY   []float32
		IDs     []int32
		Lengths []int
		Want    struct {
			Y, DX []float64
			Grads map[string][]float64
		}
	}
}

// TestStagesAgreeWithPyTorch: outputs and all gradients, to 1e-5 (docs/proofs.md).
func TestStagesAgreeWithPyTorch(t *testing.T) {
	var file pytorchStages
	require.NoError(t, json.Unmarshal(traintest.Must(os.ReadFile("testdata/pytorch_stages.json")), &file))
	steps, batch := file.Steps, file.Batch
	lin := func(in, out int) nn.Stage { return traintest.Must(nn.NewZeroLinear(in, out)) }
	norm := func(width int) *nn.LayerNorm { return traintest.Must(nn.NewLayerNorm(width)) }
	net := func(in, hidden int, reverse bool) nn.Stage {
		return traintest.Must(lstm.NewZero(lstm.Config{Input: in, Hidden: hidden, Reverse: reverse})).Unroll(steps, batch)
	}
	emb := traintest.Must(nn.NewZeroEmbedding(9, 4))
	require.NoError(t, emb.SetPaddingID(0))
	bare := &nn.LayerNorm{Weight: make([]float32, 6), Width: 6, Eps: 0.5}
	chains := func() map[string][]nn.Stage {
		return map[string][]nn.Stage{
			"LayerNorm": {norm(7)}, "LayerNorm without bias": {bare},
			"ReLU": {lin(4, 6), nn.ReLU}, "Tanh": {lin(4, 6), nn.Tanh}, "Sigmoid": {lin(4, 6), nn.Sigmoid},
			"Softsign": {lin(4, 6), nn.Softsign}, "Softplus": {lin(4, 6), nn.Softplus}, "GELU": {lin(4, 6), nn.GELU}, "GELUTanh": {lin(4, 6), nn.GELUTanh}, "LeakyReLU": {lin(4, 6), nn.LeakyReLU(0.01)},
			"ELU": {lin(4, 6), nn.ELU(1)}, "HardSigmoid": {lin(4, 6), nn.HardSigmoid(1./6, 0.5)},
			"PoolMean": {lin(4, 6), nn.PoolMean{}}, "PoolMax": {lin(4, 6), nn.PoolMax{}}, "AttentionPool": {lin(4, 6), nn.AttentionPool{lin(6, 5), nn.Tanh, &nn.Linear{Weight: make([]float32, 5), In: 5, Out: 1}}},
			"Residual": {lin(4, 6), nn.Residual{norm(6), lin(6, 9), nn.Tanh, lin(9, 6)}},
			"encoder": {emb, nn.Parallel{net(4, 3, false), net(4, 2, true)}, norm(5), nn.Residual{net(5, 5, false)},
				nn.PoolMax{}, lin(5, 2)},
		}
	}
	require.Len(t, file.Cases, len(chains()))
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		all := chains()
		worst := 0.0
		agree := func(name string, got []float32, want []float64) {
			t.Helper()
			d, err := apart(got, want)
			require.NoError(t, err, name)
			require.LessOrEqual(t, d, 1e-5, name)
			worst = max(worst, d)
		}
		for _, c := range file.Cases {
			net := traintest.Must(nn.Unroll(steps, batch, all[c.Name]...))
			seen := 0
			net.EachParam(func(name string, w, _ []float32) {
				require.Len(t, c.Weights[theirs(name)], len(w), "%s, %s", c.Name, name)
				copy(w, c.Weights[theirs(name)])
				seen++
			})
			require.Len(t, c.Weights, seen)
			y, dx := make([]float32, len(c.DY)), make([]float32, len(c.X))
			if c.IDs != nil {
				require.NoError(t, net.ForwardIDsLengths(y, c.IDs, c.Lengths))
				net.Backward(nil, c.DY)
			} else {
				net.Forward(y, c.X)
				net.Backward(dx, c.DY)
			}
			agree(c.Name+": y", y, c.Want.Y)
			agree(c.Name+": dx", dx, c.Want.DX)
			net.EachParam(func(name string, _, g []float32) { agree(c.Name+": "+name, g, c.Want.Grads[theirs(name)]) })
		}
		t.Logf("%d chains, at most %.2g relative from PyTorch", len(file.Cases), worst)
	})
}

// theirs is the name of a parameter of a net that reads from the end, where the program in
// Python turns the steps around instead.
func theirs(name string) string { return strings.TrimSuffix(name, "_reverse") }

// apart is the relative distance of two tensors, in the Euclidean norm and of the element
// that is off the most, relative to it or to the root mean square of the tensor.
func apart(got []float32, want []float64) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	diff, square := 0.0, 0.0
	for i, w := range want {
		diff += (float64(got[i]) - w) * (float64(got[i]) - w)
		square += w * w
	}
	if diff == 0 {
		return 0, nil
	}
	worst := math.Sqrt(diff / square)
	for i, w := range want {
		worst = max(worst, math.Abs(float64(got[i])-w)/max(math.Abs(w), math.Sqrt(square/float64(len(want)))))
	}
	if math.IsNaN(worst) {
		return 0, fmt.Errorf("NaN")
	}
	return worst, nil
}
