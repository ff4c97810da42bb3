package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// A size is what is trained. Rows and Shards are those of a batch, over all ranks. ddp.py
// takes it as JSON.
type size struct {
	Hidden  int `json:"hidden"`
	Layers  int `json:"layers"`
	Window  int `json:"window"`
	Rows    int `json:"rows"`
	Shards  int `json:"shards"`
	Updates int `json:"updates"`
	Warm    int `json:"warm"`
}

// symbols and embedded are those of the model, here and in ddp.py.
const symbols, embedded = 96, 64

// A measurement is what one job prints, ours or ddp.py. Shares are of the time of an update.
type measurement struct {
	Ranks       int     `json:"ranks"`
	Parameters  int     `json:"parameters,omitempty"`
	Seconds     float64 `json:"seconds_per_update,omitempty"`
	PerSecond   float64 `json:"symbols_per_second,omitempty"`
	Exchange    float64 `json:"exchange_share"`    // in calls of MPI for the sum of gradients
	Waiting     float64 `json:"waiting_share"`     // that nothing hides
	Bytes       int64   `json:"bytes_per_update"`  // that each rank sends
	Early       float64 `json:"early,omitempty"`   // share of the gradients that are complete only at the end
	Message     float64 `json:"message,omitempty"` // seconds of a barrier of two ranks
	Fingerprint string  `json:"fingerprint,omitempty"`
	Tier        string  `json:"tier,omitempty"`
	Library     string  `json:"library"`
	Procs       int     `json:"procs,omitempty"` // GOMAXPROCS of a rank
}

// measure trains, and returns what rank 0 has seen.
func (s size) measure(g dist.Group) (m measurement, err error) {
	if s.Updates < 1 || s.Warm < 1 {
		return m, fmt.Errorf("%d updates after %d, want at least 1 of each", s.Updates, s.Warm)
	}
	r := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 1+s.Rows*s.Window*(s.Updates+s.Warm))
	for i := range text {
		text[i] = byte(r.IntN(symbols))
	}
	source, err := data.NewText(text, s.Rows)
	if err != nil {
		return m, err
	}
	emb, err := nn.NewEmbedding(symbols, embedded, r)
	if err != nil {
		return m, err
	}
	rnn, err := lstm.New(lstm.Config{Input: embedded, Hidden: s.Hidden, Layers: s.Layers}, r)
	if err != nil {
		return m, err
	}
	out, err := nn.NewLinear(s.Hidden, symbols, r)
	if err != nil {
		return m, err
	}
	net, err := nn.Chain(emb, rnn.Unroll(s.Window, (s.Rows+s.Shards-1)/s.Shards), out)
	if err != nil {
		return m, err
	}
	if m.Early, err = early(net); err != nil {
		return m, err
	}
	var trainer *bptt.Trainer
	var begin time.Time
	var before dist.Cost
	trainer, err = bptt.NewTrainer(net, source, bptt.Plan{
		Window: s.Window, Shards: s.Shards, Group: g, Workers: 1, ClipNorm: 1,
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, Steps: int64(s.Warm + s.Updates),
		OnStep: func(p bptt.Progress) error {
			if p.Step == int64(s.Warm) {
				begin, before = time.Now(), trainer.Cost()
			}
			return nil
		},
	})
	if err != nil {
		return m, err
	}
	if _, err := trainer.Run(context.Background()); err != nil {
		return m, err
	}
	seconds := time.Since(begin).Seconds()
	c := trainer.Cost()
	net.EachParam(func(_ string, w, _ []float32) { m.Parameters += len(w) })
	m.Ranks, m.Seconds, m.PerSecond = g.Size(), seconds/float64(s.Updates), float64(s.Rows*s.Window*s.Updates)/seconds
	m.Exchange, m.Waiting = (c.Busy-before.Busy).Seconds()/seconds, (c.Wait-before.Wait).Seconds()/seconds
	m.Bytes = (c.Bytes - before.Bytes) / int64(s.Updates)
	m.Fingerprint, m.Tier, m.Procs = fmt.Sprintf("%x", nn.Fingerprint(net)), kernels.Current().String(), runtime.GOMAXPROCS(0)
	return m, nil
}

// early is the share of the gradients that are complete only at the end of the way back, as the
// net tells it.
func early(net *nn.Model) (float64, error) {
	steps, rows, _, out := net.Dims()
	y := make([]float32, steps*rows*out)
	if err := net.ForwardIDs(y, make([]int32, steps*rows)); err != nil {
		return 0, err
	}
	first := 0 // the parameters before those that are told early
	net.OnGradients(func(n int) {
		if n > 1 { // with the embedding alone left the end has come
			first = n
		}
	})
	net.Backward(nil, y)
	net.OnGradients(nil)
	late, all, i := 0, 0, 0
	net.EachParam(func(_ string, w, _ []float32) {
		if all += len(w); i < first || first == 0 {
			late += len(w)
		}
		i++
	})
	return float64(late) / float64(all), nil
}

// messages measures a barrier, which of two ranks is one message each way.
func messages(g dist.Group, n int) (m measurement, err error) {
	if g.Size() != 2 {
		return m, fmt.Errorf("messages among %d ranks, want 2", g.Size())
	}
	times := make([]float64, n)
	for i := range times {
		begin := time.Now()
		if err := g.Barrier(); err != nil {
			return m, err
		}
		times[i] = time.Since(begin).Seconds()
	}
	slices.Sort(times)
	m.Ranks, m.Message = 2, quantile(times, 0.5)
	return m, nil
}

// quantile is that of sorted numbers, between neighbours where it lies there.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	next := sorted[min(i+1, len(sorted)-1)]
	return sorted[i] + (at-float64(i))*(next-sorted[i])
}
