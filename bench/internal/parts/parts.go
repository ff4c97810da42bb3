// Package parts measures which parts of a training step take how long: the recurrent layers,
// the readout, the loss, the optimizer, and what is left, which is the embedding, the zeroing of
// gradients, their norm and the data. Each part is wrapped in one that looks at the clock, in a
// model that bptt.Train trains.
package parts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// A Model is an Embedding, L recurrent layers and a readout, trained by Adam, or by SGD.
type Model struct {
	Kind             cell.Kind
	T, B, E, H, L, V int
	Adam             bool
	Workers          int
}

func (m Model) String() string {
	name := "SGD"
	if m.Adam {
		name = "Adam"
	}
	return fmt.Sprintf("%s T=%d B=%d E=%d H=%d L=%d V=%d %s", m.Kind, m.T, m.B, m.E, m.H, m.L, m.V, name)
}

// Family is m and, where E, H and V are equal, the models of the other kinds of cells and of one
// layer more.
func (m Model) Family() []Model {
	if m.E != m.H || m.H != m.V {
		return []Model{m}
	}
	var all []Model
	for _, kind := range []cell.Kind{cell.LSTM, cell.GRU, cell.RNN} {
		for more := range 2 {
			one := m
			one.Kind, one.L = kind, m.L+more
			all = append(all, one)
		}
	}
	return all
}

// Times are how long the parts of one step take, on average.
type Times struct{ Step, Layers, Readout, Loss, Optimizer time.Duration }

// Rest is what is left.
func (t Times) Rest() time.Duration { return t.Step - t.Layers - t.Readout - t.Loss - t.Optimizer }

// Outside is the share of the step outside the recurrent layers.
func (t Times) Outside() float64 { return 1 - share(t.Layers, t.Step) }

// OutsideReadout is the share of the step outside the recurrent layers and the readout.
func (t Times) OutsideReadout() float64 { return 1 - share(t.Layers+t.Readout, t.Step) }

func share(part, of time.Duration) float64 { return float64(part) / float64(of) }

// A clock adds up the time of calls.
type clock struct{ total time.Duration }

func (c *clock) since(begin time.Time) { c.total += time.Since(begin) }

type layers struct {
	nn.Net
	*clock
}

func (l layers) Forward(y, x []float32) {
	defer l.since(time.Now())
	l.Net.Forward(y, x)
}

func (l layers) Backward(dx, dy []float32) {
	defer l.since(time.Now())
	l.Net.Backward(dx, dy)
}

// bySymbol is a layer that a chain over few symbols calls in place of its Forward and Backward.
type bySymbol interface {
	TakesSymbols(net any) bool
	ReserveSymbols(vocabulary int)
	ForwardSymbols(y, table []float32, ids []int32)
	BackwardSymbols(dTable, dy []float32, padding int32)
}

// layersBySymbol is layers that have these methods too.
type layersBySymbol struct {
	layers
	by bySymbol
}

func (l layersBySymbol) TakesSymbols(any) bool         { return l.by.TakesSymbols(l.Net) }
func (l layersBySymbol) ReserveSymbols(vocabulary int) { l.by.ReserveSymbols(vocabulary) }

func (l layersBySymbol) ForwardSymbols(y, table []float32, ids []int32) {
	defer l.since(time.Now())
	l.by.ForwardSymbols(y, table, ids)
}

func (l layersBySymbol) BackwardSymbols(dTable, dy []float32, padding int32) {
	defer l.since(time.Now())
	l.by.BackwardSymbols(dTable, dy, padding)
}

// timed returns net with a clock.
func timed(net nn.Net, c *clock) nn.Net {
	l := layers{net, c}
	if by, ok := net.(bySymbol); ok {
		return layersBySymbol{l, by}
	}
	return l
}

type readout struct {
	*nn.Linear
	*clock
}

func (r readout) Bind(b *nn.Binding) (nn.Net, error) {
	net, err := r.Linear.Bind(b)
	return boundReadout{net, r.clock}, err
}

type boundReadout struct {
	nn.Net
	*clock
}

func (r boundReadout) Forward(y, x []float32) {
	defer r.since(time.Now())
	r.Net.Forward(y, x)
}

func (r boundReadout) Backward(dx, dy []float32) {
	defer r.since(time.Now())
	r.Net.Backward(dx, dy)
}

type criterion struct {
	of loss.Loss
	*clock
}

func (c criterion) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	defer c.since(time.Now())
	return c.of.Loss(dy, y, b, by, s)
}

type optimizer struct {
	optim.Optimizer
	*clock
}

func (o optimizer) Update(rate float64) error {
	defer o.since(time.Now())
	return o.Optimizer.Update(rate)
}

// Measure trains m for about that long, after a few steps that do not count.
func Measure(m Model, slice time.Duration) (Times, error) {
	r := rand.New(rand.NewPCG(1, 2))
	emb, err := nn.NewEmbedding(m.V, m.E, r)
	if err != nil {
		return Times{}, err
	}
	rnn, err := cell.New(m.Kind, cell.Config{Input: m.E, Hidden: m.H, Layers: m.L, Workers: m.Workers}, r)
	if err != nil {
		return Times{}, err
	}
	out, err := nn.NewLinear(m.H, m.V, r)
	if err != nil {
		return Times{}, err
	}
	var c [4]clock
	net, err := nn.Chain(emb, timed(rnn.Unroll(m.T, m.B), &c[0]), readout{out, &c[1]})
	if err != nil {
		return Times{}, err
	}
	ids := make([]int32, 50*m.T*m.B+m.B)
	for i := range ids {
		ids[i] = int32(r.IntN(m.V))
	}
	source, err := data.NewTokens(ids, m.B)
	if err != nil {
		return Times{}, err
	}
	var update optim.Optimizer = &optim.SGD{LR: 1}
	if m.Adam {
		update = &optim.Adam{LR: 1e-3}
	}
	trainer, err := bptt.NewTrainer(net, source, bptt.Plan{
		Window: m.T, ClipNorm: 5, Workers: m.Workers, Loss: criterion{loss.CrossEntropy{}, &c[2]}, Optimizer: optimizer{update, &c[3]},
		OnStep: func(bptt.Progress) error { return bptt.ErrStop }, // Run makes one step and returns
	})
	if err != nil {
		return Times{}, err
	}
	ctx := context.Background()
	const warm = 3
	var begin time.Time
	for n := 1 - warm; ; n++ {
		if n == 1 {
			c = [4]clock{}
			begin = time.Now()
		}
		if _, err := trainer.Run(ctx); err != nil {
			return Times{}, err
		}
		if n > 0 && time.Since(begin) >= slice {
			each := func(d time.Duration) time.Duration { return d / time.Duration(n) }
			return Times{each(time.Since(begin)), each(c[0].total), each(c[1].total), each(c[2].total), each(c[3].total)}, nil
		}
	}
}

// Table is the report of models that were measured.
func Table(models []Model, times []Times) string {
	var b strings.Builder
	b.WriteString("## Parts of a training step\n\nLayers are the recurrent ones. The rest is the embedding, the zeroing and the norm of gradients, and the data.\n\n" +
		"| model | workers | step | layers | readout | loss | optimizer | rest | outside layers | outside layers and readout |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for i, m := range models {
		t := times[i]
		fmt.Fprintf(&b, "| %v | %d | %v |", m, m.Workers, t.Step.Round(time.Microsecond))
		for _, part := range []time.Duration{t.Layers, t.Readout, t.Loss, t.Optimizer, t.Rest()} {
			fmt.Fprintf(&b, " %.1f %% |", 100*share(part, t.Step))
		}
		fmt.Fprintf(&b, " %.1f %% | %.1f %% |\n", 100*t.Outside(), 100*t.OutsideReadout())
	}
	return b.String()
}
