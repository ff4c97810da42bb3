package seq2seq_test

import (
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// BenchmarkAttention is the pass forward and back of attention of a decoder of 40 steps over an
// encoder's 40, of width 256, for batches and for one row, which is cut among the workers.
func BenchmarkAttention(b *testing.B) {
	const steps, width = 40, 256
	for _, score := range []seq2seq.Score{seq2seq.Dot, seq2seq.General, seq2seq.Additive} {
		for _, rows := range []int{1, 2, 32} {
			for _, workers := range []int{1, 2} {
				b.Run(fmt.Sprintf("%v/B=%d/workers=%d", score, rows, workers), func(b *testing.B) {
					cfg := seq2seq.AttentionConfig{Query: width, Memory: width, Score: score, Out: width}
					if score == seq2seq.Additive {
						cfg.Width = width
					}
					a := traintest.Must(seq2seq.NewAttention(cfg, traintest.Rng(1)))
					u := traintest.Must(a.Unroll(steps, steps, rows))
					u.SetWorkers(workers)
					n := steps * rows * width
					m, x, dy := traintest.NumbersLike(n, 1), traintest.NumbersLike(n, 2), traintest.NumbersLike(n, 3)
					y, dx := make([]float32, n), make([]float32, n)
					for b.Loop() {
						traintest.NoError(b, u.SetMemory(m, nil))
						u.Forward(y, x)
						u.Backward(dx, dy)
					}
				})
			}
		}
	}
}
