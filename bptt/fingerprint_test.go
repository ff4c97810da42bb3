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
	data, err := os.ReadFile(golden)
	if !*update {
		require.NoError(t, err)
	}
	want := strings.TrimSpace(string(data))
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
	net := languageModel(t, 42, sizes{vocabulary: 61, embed: 19, hidden: 37, layers: 2, steps: 12, batch: 5})
	data, err := bptt.NewText(text(600, 61), 5)
	require.NoError(t, err)
	report, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 12, Stride: 8, Steps: 20, ClipNorm: 0.5, Workers: workers,
		Loss: bptt.CrossEntropy{}, Optimizer: &bptt.AdamW{LR: 1e-2, WeightDecay: 0.1},
		Schedule: bptt.WarmupCosine{Warmup: 4, Total: 24, Floor: 0.1},
	})
	require.NoError(t, err)
	require.Equal(t, int64(20), report.Step)
	require.Greater(t, report.Norm, 0.5, "the clip must have had work")
	sum := bptt.Fingerprint(net)
	return hex.EncodeToString(sum[:])
}

func TestFingerprintSeesEverything(t *testing.T) {
	net := newLeaky(1, 1)
	sum := bptt.Fingerprint(net)
	net.w[0] = math.Float32frombits(math.Float32bits(1) + 1)
	require.NotEqual(t, sum, bptt.Fingerprint(net))
	net.w[0] = float32(math.NaN())
	sum = bptt.Fingerprint(net)
	net.w[0] = math.Float32frombits(0xffc12345)
	require.Equal(t, sum, bptt.Fingerprint(net), "one NaN is as good as another")
}
