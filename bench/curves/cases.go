package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/simdrnn/simdrnn/optim"
)

// curveCases are models of characters of each cell, with SGD and with Adam.
func curveCases(updates int) (cases []*trial, err error) {
	text, err := os.ReadFile(filepath.Join("..", "LICENSE"))
	if err != nil {
		return nil, fmt.Errorf("%w; run it with go -C bench run ./curves", err)
	}
	symbols := map[byte]int32{}
	ids := make([]int32, len(text))
	for i, b := range text {
		if _, seen := symbols[b]; !seen {
			symbols[b] = int32(len(symbols))
		}
		ids[i] = symbols[b]
	}
	const steps, rows = 32, 8
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		for _, adam := range []bool{false, true} {
			c := &trial{Cell: cell, Vocabulary: len(symbols), Embed: 32, Hidden: 64, Layers: 1, Steps: steps, Rows: rows, Updates: cmp.Or(updates, 500)}
			c.Name, c.Kind, c.Options, c.Clip, c.ours = cell+", SGD, clipped", "SGD", map[string]any{"lr": 0.2}, 1, &optim.SGD{LR: 0.2}
			if adam {
				c.Name, c.Kind, c.Options, c.Clip, c.ours = cell+", Adam", "Adam", map[string]any{"lr": 1e-3}, 0, &optim.Adam{LR: 1e-3}
			}
			length := (len(ids) - 1) / rows
			for at := 0; at+steps <= length; at += steps {
				w := window{Reset: at == 0}
				for t := range steps {
					for r := range rows {
						w.IDs = append(w.IDs, ids[r*length+at+t])
						w.Targets = append(w.Targets, ids[r*length+at+t+1])
					}
				}
				c.Windows = append(c.Windows, w)
			}
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// adaptiveCases are a small model on three windows of noise, which it learns by heart, under optimizers that divide by the
// size of gradients, and under some that do not.
func adaptiveCases(updates int) (cases []*trial, err error) {
	for _, o := range []struct {
		name, kind string
		options    map[string]any
		ours       optim.Optimizer
	}{
		{"SGD", "SGD", map[string]any{"lr": 0.5}, &optim.SGD{LR: 0.5}},
		{"SGD, momentum", "SGD", map[string]any{"lr": 0.1, "momentum": 0.9}, &optim.SGD{LR: 0.1, Momentum: 0.9}},
		{"Adam", "Adam", map[string]any{"lr": 0.01}, &optim.Adam{LR: 0.01}},
		{"AdamW", "AdamW", map[string]any{"lr": 0.01, "weight_decay": 0.1}, &optim.AdamW{LR: 0.01, WeightDecay: 0.1}},
		{"AMSGrad", "Adam", map[string]any{"lr": 0.01, "amsgrad": true}, &optim.Adam{LR: 0.01, AMSGrad: true}},
		{"RMSProp", "RMSprop", map[string]any{"lr": 0.01}, &optim.RMSProp{LR: 0.01}},
		{"RMSProp, centred", "RMSprop", map[string]any{"lr": 0.01, "centered": true}, &optim.RMSProp{LR: 0.01, Centred: true}},
		{"Adagrad", "Adagrad", map[string]any{"lr": 0.1}, &optim.Adagrad{LR: 0.1}},
	} {
		c := &trial{Name: o.name, Cell: "lstm", Vocabulary: 11, Embed: 4, Hidden: 6, Layers: 2, Steps: 5, Rows: 3,
			Updates: cmp.Or(updates, 200), Kind: o.kind, Options: o.options, Clip: 0.4, ours: o.ours}
		r := rand.New(rand.NewPCG(3, 4))
		for range 3 {
			w := window{Reset: true}
			for range c.Steps * c.Rows {
				w.IDs, w.Targets = append(w.IDs, int32(r.IntN(11))), append(w.Targets, int32(r.IntN(11)))
			}
			c.Windows = append(c.Windows, w)
		}
		cases = append(cases, c)
	}
	return cases, nil
}
