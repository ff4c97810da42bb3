package main

import (
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// A baseline has for each character the label that it has most often in training.
type baseline []int32

func newBaseline(train []data.Sequence, vocabulary int) baseline {
	counts := make([]int, vocabulary*len(tags))
	for _, s := range train {
		for i, id := range s.IDs {
			counts[int(id)*len(tags)+int(s.Targets[i])]++
		}
	}
	best := make(baseline, vocabulary)
	for id := range best {
		n := counts[id*len(tags) : (id+1)*len(tags)]
		for tag, count := range n {
			if count > n[best[id]] {
				best[id] = int32(tag)
			}
		}
	}
	return best
}

// measure adds the labels of all sequences to the metrics.
func (l baseline) measure(seqs []data.Sequence, metrics ...loss.Metric) error {
	for _, s := range seqs {
		y := make([]float32, len(s.IDs)*len(tags))
		for i, id := range s.IDs {
			y[i*len(tags)+int(l[id])] = 1
		}
		b := &data.Batch{Steps: len(s.IDs), Rows: 1, Targets: s.Targets, Reset: []bool{true}}
		for _, m := range metrics {
			if err := m.Add(y, b); err != nil {
				return err
			}
		}
	}
	return nil
}
