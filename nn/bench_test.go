package nn_test

import (
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// BenchmarkStage is the pass forward and back of one stage, behind a layer norm which makes its
// Backward need a dx, over T=64 B=32, of width 256, and of
// the readouts of a character and of a word model. Speed is in outputs.
func BenchmarkStage(b *testing.B) {
	r := traintest.Rng(1)
	stages := map[string]nn.Stage{
		"Tanh": nn.Tanh, "GELU": nn.GELU, "Dropout": nn.Dropout{P: 0.3}, "LayerNorm": traintest.Must(nn.NewLayerNorm(256)),
		"PoolMean": nn.PoolMean{}, "PoolMax": nn.PoolMax{}, "AttentionPool": nn.AttentionPool{traintest.Must(nn.NewLinear(256, 1, r))}, "Residual": nn.Residual{nn.Tanh}, "Parallel": nn.Parallel{traintest.Must(nn.NewLinear(256, 64, r)), traintest.Must(nn.NewLinear(256, 64, r))},
		"Linear65": traintest.Must(nn.NewLinear(256, 65, r)), "Linear256": traintest.Must(nn.NewLinear(256, 256, r)),
		"Linear10000": traintest.Must(nn.NewLinear(256, 10000, r)),
	}
	for name, s := range stages {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) {
				steps, rows := 64, 32
				if name == "Linear10000" {
					steps, rows = 20, 20
				}
				m := traintest.Must(nn.Unroll(steps, rows, traintest.Must(nn.NewLayerNorm(256)), s))
				m.SetWorkers(workers)
				_, _, in, out := m.Dims()
				x, y := traintest.NumbersLike(steps*rows*in, 2), make([]float32, steps*rows*out)
				dy := traintest.NumbersLike(len(y), 3)
				b.SetBytes(int64(4 * len(y)))
				for b.Loop() {
					m.Forward(y, x)
					m.Backward(nil, dy)
				}
			})
		}
	}
	// An embedding alone has no way to be run: the chain behind it adds its gradient.
	for _, width := range []int{64, 200} {
		b.Run(fmt.Sprintf("Embedding/width=%d", width), func(b *testing.B) {
			emb := traintest.Must(nn.NewEmbedding(10000, width, r))
			m := traintest.Must(nn.Unroll(64, 32, emb, nn.ReLU))
			ids := traintest.DrawIDs(r, 64*32, 10000)
			y := make([]float32, 64*32*width)
			b.SetBytes(int64(4 * len(y)))
			for b.Loop() {
				if err := m.ForwardIDs(y, ids); err != nil {
					b.Fatal(err)
				}
				m.Backward(nil, y)
			}
		})
	}
}
