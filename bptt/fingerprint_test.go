package bptt_test

import (
	"context"
	"encoding/hex"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFingerprint trains a small language model for a few steps on every tier
// and on 1, 2, 3 and 8 workers. The parameters must have the SHA-256 that is
// committed, here and on every other machine: a difference is a broken promise,
// not a golden number to renew.
func TestFingerprint(t *testing.T) {
	golden := filepath.Join("testdata", "fingerprint.txt")
	source, err := os.ReadFile(golden)
	if !*update {
		require.NoError(t, err)
	}
	want := strings.TrimSpace(string(source))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, workers := range []int{1, 2, 3, 8} {
			sum := fingerprint(t, workers)
			if *update && want == "" || *update && isa == kernels.Scalar && workers == 1 {
				want = sum
				require.NoError(t, os.WriteFile(golden, []byte(sum+"\n"), 0o666))
			}
			require.Equal(t, want, sum, "%d workers", workers)
		}
	})
}

// fingerprint covers what the numbers pass through: embedding, two layers with
// odd widths, readout, cross-entropy, overlapping windows, clipping, a schedule
// and AdamW.
func fingerprint(t *testing.T, workers int) string {
	net := traintest.LanguageModel(t, 42, traintest.Sizes{Vocabulary: 61, Embed: 19, Hidden: 37, Layers: 2, Steps: 12, Batch: 5})
	source, err := data.NewText(traintest.Text(600, 61), 5)
	require.NoError(t, err)
	report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 12, Stride: 8, Steps: 20, ClipNorm: 0.5, Workers: workers,
		Loss: loss.CrossEntropy{}, Optimizer: &optim.AdamW{LR: 1e-2, WeightDecay: 0.1},
		Schedule: optim.WarmupCosine{Warmup: 4, Total: 24, Floor: 0.1},
	})
	require.NoError(t, err)
	require.Equal(t, int64(20), report.Step)
	require.Greater(t, report.Norm, 0.5, "the clip must have had work")
	sum := nn.Fingerprint(net)
	return hex.EncodeToString(sum[:])
}

func TestFingerprintSeesEverything(t *testing.T) {
	net := traintest.NewLeaky(1, 1)
	sum := nn.Fingerprint(net)
	net.W[0] = math.Float32frombits(math.Float32bits(1) + 1)
	require.NotEqual(t, sum, nn.Fingerprint(net))
	net.W[0] = float32(math.NaN())
	sum = nn.Fingerprint(net)
	net.W[0] = math.Float32frombits(0xffc12345)
	require.Equal(t, sum, nn.Fingerprint(net), "one NaN is as good as another")
}
