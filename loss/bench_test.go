package loss_test

import (
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
)

// BenchmarkLoss is the gradient of a window of outputs, T=64 B=32 for the widths of character
// models and T=20 B=20 for that of a word model. Speed is in outputs.
func BenchmarkLoss(b *testing.B) {
	for _, s := range []struct{ steps, rows, width int }{{64, 32, 65}, {64, 32, 88}, {64, 32, 256}, {20, 20, 10000}} {
		n := s.steps * s.rows
		batch := &data.Batch{Steps: s.steps, Rows: s.rows, Targets: traintest.DrawIDs(traintest.Rng(1), n, s.width), Y: make([]float32, n*s.width)}
		y := traintest.NumbersLike(n*s.width, 2)
		dy := make([]float32, len(y))
		for i := range batch.Y {
			batch.Y[i] = float32(i % 2)
		}
		for _, c := range []struct {
			name string
			of   loss.Loss
		}{{"CrossEntropy", loss.CrossEntropy{}}, {"smoothed", loss.CrossEntropy{Smoothing: 0.1}}, {"BCE", loss.BCE{PerStep: true}}, {"MSE", loss.MSE{}}, {"Huber", loss.Huber{Delta: 1}}, {"Quantile", loss.Quantile{Levels: []float32{0.5}}}} {
			b.Run(fmt.Sprintf("%s/T=%d/B=%d/V=%d", c.name, s.steps, s.rows, s.width), func(b *testing.B) {
				var scratch loss.Scratch
				b.SetBytes(int64(4 * len(y)))
				for b.Loop() {
					if _, err := c.of.Loss(dy, y, batch, 0, &scratch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
