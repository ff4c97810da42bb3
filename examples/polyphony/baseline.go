package main

import (
	"math"

	"github.com/simdrnn/simdrnn/data"
)

// A baseline is the logarithms of the probabilities that a note sounds, or does not, at a
// step, by whether it sounded at the step before: [note][before][now].
type baseline [notes][2][2]float64

// newBaselines counts the notes of the pieces for training: frequency has the share of the steps
// at which a note sounds, whatever was before; before has that share after steps at which it
// sounded, and after the others. Each answer counts once more than it came.
func newBaselines(train []data.Sequence) (frequency, before *baseline) {
	var counts [notes][2][2]float64
	for _, s := range train {
		for i, y := range s.Y {
			counts[i%notes][int(s.X[i])][int(y)]++
		}
	}
	frequency, before = new(baseline), new(baseline)
	for n, c := range counts {
		no, yes := 1+c[0][0]+c[1][0], 1+c[0][1]+c[1][1]
		for was := range 2 {
			frequency[n][was] = [2]float64{math.Log(no / (no + yes)), math.Log(yes / (no + yes))}
			before[n][was] = [2]float64{math.Log((1 + c[was][0]) / (2 + c[was][0] + c[was][1])), math.Log((1 + c[was][1]) / (2 + c[was][0] + c[was][1]))}
		}
	}
	return frequency, before
}

// nats is the negative log-likelihood of a step of pieces.
func (l *baseline) nats(seqs []data.Sequence) float64 {
	sum, steps := 0.0, 0
	for _, s := range seqs {
		for i, y := range s.Y {
			sum -= l[i%notes][int(s.X[i])][int(y)]
		}
		steps += s.Steps
	}
	return sum / float64(steps)
}
