package loss_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// golden is how far the losses may be from PyTorch's in float64, relative to the largest
// element of a tensor: what the project promises of layers.
const golden = 1e-5

type pytorchLoss struct {
	Name, Kind           string
	Steps, Batch, Width  int
	Y, Weights, Elements []float32
	Targets              []int32
	Target               []float32
	Smoothing, Delta     float64
	Blank                int
	Labels               [][]int32
	Lengths              []int
	ZeroInfinity         bool `json:"zero_infinity"`
	Want                 struct {
		Mean, Sum float64
		MeanDy    []float64 `json:"mean_dy"`
		SumDy     []float64 `json:"sum_dy"`
	}
}

// ours is the loss of the case, its batch, and by what PyTorch's numbers are multiplied.
func (c *pytorchLoss) ours() (l loss.Loss, b *data.Batch, factor float64) {
	b = &data.Batch{Steps: c.Steps, Rows: c.Batch, Targets: c.Targets, Y: c.Target, Weights: c.Elements, Labels: c.Labels, Lengths: c.Lengths}
	switch c.Kind {
	case "CrossEntropyLoss":
		return loss.CrossEntropy{Weights: c.Weights, Smoothing: c.Smoothing}, b, 1
	case "BCEWithLogitsLoss":
		return loss.BCE{OnesWeight: c.Weights}, b, 1
	case "MSELoss":
		return loss.MSE{}, b, 1
	case "L1Loss":
		return loss.MAE{}, b, 1
	case "HuberLoss":
		return loss.Huber{Delta: c.Delta}, b, 1
	case "SmoothL1Loss":
		return loss.Huber{Delta: c.Delta}, b, c.Delta
	case "CTCLoss":
		return loss.CTC{Blank: c.Blank, ZeroInfinity: c.ZeroInfinity}, b, 1
	}
	return nil, nil, 0
}

// TestPyTorch: losses and gradients of both of PyTorch's reductions, with dy in memory of
// its own and in place.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/pytorch_losses.json")
	require.NoError(t, err)
	var file struct{ Cases []pytorchLoss }
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Cases, 24)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		var s loss.Scratch
		for _, c := range file.Cases {
			l, b, factor := c.ours()
			require.NotNil(t, l, c.Name)
			near := func(what string, got, want float64) {
				if math.Abs(got-want*factor) > golden*math.Abs(want*factor) {
					t.Errorf("%s: %s %v, want %v", c.Name, what, got, want*factor)
				}
			}
			hold := func(what string, got []float32, want []float64) {
				largest := 0.0
				for _, v := range want {
					largest = max(largest, math.Abs(v))
				}
				for i, v := range want {
					if math.Abs(float64(got[i])-v*factor) > golden*largest*factor {
						t.Errorf("%s: %s [%d] is %v, want %v", c.Name, what, i, got[i], v*factor)
					}
				}
			}
			dy := make([]float32, len(c.Y))
			total, err := l.Loss(dy, c.Y, b, 1, &s)
			require.NoError(t, err, c.Name)
			near("sum", total.Sum, c.Want.Sum)
			hold("gradient of the sum", dy, c.Want.SumDy)

			place := append([]float32(nil), c.Y...)
			same, err := l.Loss(place, place, b, 1, &s)
			require.NoError(t, err, c.Name)
			require.Equal(t, total, same, c.Name)
			numtest.Equal(t, place, dy, "%s in place", c.Name)

			by := 0.0
			if c.Elements != nil { // PyTorch divides by the number of elements
				by = float64(len(c.Y))
				near("mean", total.Sum/by, c.Want.Mean)
			}
			if ctc, ok := l.(loss.CTC); ok {
				ctc.PerLabel = true
				l = ctc
			}
			total, err = l.Loss(dy, c.Y, b, by, &s)
			require.NoError(t, err, c.Name)
			if by == 0 {
				near("mean", total.Mean(), c.Want.Mean)
			}
			hold("gradient of the mean", dy, c.Want.MeanDy)
		}
	})
}
