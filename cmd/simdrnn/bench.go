package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

var benchCommand = command{
	name: "bench", args: "FILE", about: "latency and throughput on this CPU, by tier",
	text: `Measures the network of a file that says what its stages are, like an ONNX graph, or a recurrent
layer of a file of any format that inspect knows, on each tier of kernels that this machine has:

  step      the time of one step of -batch rows, by a Predictor, whose weights are packed
  window    the time of a window of -steps steps of -rows rows, by Infer, which packs the weights
            itself, and how many steps of one row that is in a second

Inputs, or ids, are drawn at random. All are measured in turns, -rounds times each. The figure is the median;
the spread is the distance between the quartiles over the median: what the noise of the machine was.
The figures count on a machine that does nothing else. A step runs on as many goroutines as help, as
in a program, a window on -workers.

The exit status is 0, or 1 when the layer cannot be loaded.
`,
	run: bench,
}

// noisy is a spread from which on figures say little.
const noisy = 0.1

// A measure is what is measured on one tier: calls of a function, in rounds.
type measure struct {
	call    func()
	seconds []float64 // of one call, a figure for each round
}

// round calls for about so long and adds the mean time of a call.
func (m *measure) round(slice time.Duration) {
	m.call() // what the turn before has left in the caches is not counted
	calls, begin := 0, time.Now()
	for n := 1; ; n = min(2*n, 1<<20) {
		for range n {
			m.call()
		}
		calls += n
		if took := time.Since(begin); took >= slice {
			m.seconds = append(m.seconds, took.Seconds()/float64(calls))
			return
		}
	}
}

// median and spread are those of the rounds.
func (m *measure) median() (median, spread float64) {
	s := slices.Sorted(slices.Values(m.seconds))
	at := func(q float64) float64 {
		place := q * float64(len(s)-1)
		i := int(place)
		j := min(i+1, len(s)-1)
		return s[i] + (place-float64(i))*(s[j]-s[i])
	}
	median = at(0.5)
	return median, (at(0.75) - at(0.25)) / median
}

// A tier is what is measured on one.
type tier struct {
	isa          kernels.ISA
	step, window *measure // step is nil for a layer that reads from the end
}

func bench(ctx context.Context, c *call) error {
	from := c.String("layer", "", "measure this `layer`, by the name that inspect prints (default: the only one)")
	batch := c.Int("batch", 1, "`rows` of a step")
	steps := c.Int("steps", 64, "`steps` of a window")
	rows := c.Int("rows", 32, "`rows` of a window")
	workers := c.Int("workers", 1, "the most `goroutines` that share a window; 0: as many as help")
	rounds := c.Int("rounds", 11, "`times` that each is measured")
	slice := c.Duration("time", 50*time.Millisecond, "`duration` of each of these times")
	graph := c.graphOptions()
	names, err := c.files(1)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name             string
		value, low, high int
	}{{"batch", *batch, 1, 4096}, {"steps", *steps, 1, 65536}, {"rows", *rows, 1, 4096}, {"workers", *workers, 0, 256}, {"rounds", *rounds, 3, 10000}, {"time", int(*slice / time.Microsecond), 1, 60e6}} {
		if f.value < f.low || f.value > f.high {
			if f.name == "time" {
				return usagef("-time is %v, want 1us to 1m", *slice)
			}
			return usagef("-%s is %d, want %d to %d", f.name, f.value, f.low, f.high)
		}
	}
	in, _, err := openFile(names[0], *graph)
	if err != nil {
		return err
	}
	defer in.close()
	s := sizes{*batch, *steps, *rows, *workers, *rounds, *slice}
	if w, ok := in.(chained); ok && *from == "" {
		return c.measure(ctx, ofChain(w), s)
	}
	name := *from
	if name == "" {
		layers, err := in.layers()
		if err != nil {
			return err
		}
		if len(layers) > 1 {
			return usagef("the file has %d recurrent layers: name one with -layer (%s)", len(layers), list(layers, func(l layer) string { return fmt.Sprintf("%q", l.name) }))
		}
		if len(layers) == 1 {
			name = layers[0].name
		}
	}
	net, _, _, err := in.load(name, rnn.Tanh)
	if err != nil {
		return err
	}
	return c.measure(ctx, ofLayer(net), s)
}

// sizes are what the flags say.
type sizes struct {
	batch, steps, rows, workers, rounds int
	slice                               time.Duration
}

func (c *call) measure(ctx context.Context, of subject, s sizes) error {
	info, before := kernels.Info(), kernels.Current()
	if info.Err != nil {
		return info.Err
	}
	defer kernels.Use(before)
	var tiers []tier
	var oneWay error
	for _, isa := range info.Available {
		if err := kernels.Use(isa); err != nil {
			return err
		}
		t := tier{isa: isa}
		var err error
		if t.step, err = of.step(s.batch); err != nil {
			oneWay = err
		}
		if t.window, err = of.window(s); err != nil {
			return err
		}
		tiers = append(tiers, t)
	}
	p := c.progress("measuring", int64(s.rounds*len(tiers)))
	for range s.rounds {
		for _, t := range tiers {
			for _, m := range []*measure{t.step, t.window} {
				if err := ctx.Err(); err != nil {
					p.end()
					return err
				}
				if m != nil {
					m.round(s.slice)
				}
			}
			p.add(1)
		}
	}
	p.end()
	fmt.Fprintf(c.stdout, "%s\n%s, %d processors; figures count on an idle machine only\n\n", of.about, info.CPU, runtime.GOMAXPROCS(0))
	return report(c.stdout, tiers, s, oneWay)
}

// report prints the table.
func report(w io.Writer, tiers []tier, s sizes, oneWay error) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "tier\tstep of %d\tspread\twindow of %d x %d\tspread\tsteps of a row a second\t\n", s.batch, s.steps, s.rows)
	most := 0.0
	for _, t := range tiers {
		step, stepSpread := "-", "-"
		if t.step != nil {
			m, spread := t.step.median()
			step, stepSpread = clock(m), fmt.Sprintf("%.1f %%", 100*spread)
			most = max(most, spread)
		}
		m, spread := t.window.median()
		most = max(most, spread)
		fmt.Fprintf(table, "%v\t%s\t%s\t%s\t%.1f %%\t%.0f\t\n", t.isa, step, stepSpread, clock(m), 100*spread, float64(s.steps*s.rows)/m)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if oneWay != nil {
		fmt.Fprintf(w, "\nno single steps: %s\n", strings.TrimSpace(oneWay.Error()))
	}
	if most > noisy {
		fmt.Fprintf(w, "\na spread of %.0f %% says that the machine did something else meanwhile: measure again when it is idle\n", 100*most)
	}
	return nil
}

// clock is a time with three digits.
func clock(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return fmt.Sprintf("%.3g us", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	}
	return fmt.Sprintf("%.3g s", seconds)
}

// A subject is what is measured, made anew on each tier.
type subject struct {
	about  string
	step   func(batch int) (*measure, error)
	window func(s sizes) (*measure, error)
}

func ofLayer(net network) subject {
	return subject{
		about: describe(net),
		step:  func(batch int) (*measure, error) { return stepper(net, batch) },
		window: func(s sizes) (*measure, error) {
			u := inferring(net, s.steps, s.rows, s.workers)
			_, _, wide, out := u.Dims()
			x, y := drawn(s.steps*s.rows*wide), make([]float32, s.steps*s.rows*out)
			return &measure{call: func() { u.Forward(y, x) }}, nil
		},
	}
}

func ofChain(c chained) subject {
	about := c.format()
	if m, err := c.network(1, 1); err == nil {
		about = "a chain of " + strings.Join(stageNames(m.Stages()), ", ")
	}
	if o, ok := c.(*onnxFile); ok && o.net.Encoder != nil {
		about = "the decoder alone, without the encoder whose states it begins with: " + about
	}
	return subject{
		about: about,
		step: func(batch int) (*measure, error) {
			m, err := c.network(1, batch)
			if err != nil {
				return nil, err
			}
			p, err := m.Predictor(batch)
			if err != nil {
				return nil, err
			}
			_, in, out := p.Dims()
			y := make([]float32, batch*out)
			if ids := drawnIDs(batch, in); p.TakesIDs() {
				return &measure{call: func() { mustNot(p.StepIDs(y, ids)) }}, nil
			}
			x := drawn(batch * in)
			return &measure{call: func() { p.Step(y, x) }}, nil
		},
		window: func(s sizes) (*measure, error) {
			m, err := c.network(s.steps, s.rows)
			if err != nil {
				return nil, err
			}
			m.SetWorkers(s.workers)
			_, _, in, out := m.Dims()
			y := make([]float32, s.steps*s.rows*out)
			if ids := drawnIDs(s.steps*s.rows, in); m.TakesIDs() {
				return &measure{call: func() { mustNot(m.ForwardIDs(y, ids)) }}, nil
			}
			x := drawn(s.steps * s.rows * in)
			return &measure{call: func() { m.Forward(y, x) }}, nil
		},
	}
}

// mustNot panics with an error that valid ids do not have.
func mustNot(err error) {
	if err != nil {
		panic(err)
	}
}

// drawnIDs are ids of a vocabulary, always the same.
func drawnIDs(n, vocabulary int) []int32 {
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(r.IntN(vocabulary))
	}
	return v
}

// stepper is a Predictor's Step, or the error of a layer that has none.
func stepper(net network, batch int) (*measure, error) {
	var p interface {
		Dims() (batch, in, out int)
		Step(y, x []float32)
	}
	var err error
	switch l := net.(type) {
	case *lstm.Layer:
		p, err = l.Predictor(batch)
	case *gru.Layer:
		p, err = l.Predictor(batch)
	case *rnn.Layer:
		p, err = l.Predictor(batch)
	}
	if err != nil {
		return nil, err
	}
	_, in, out := p.Dims()
	x, y := drawn(batch*in), make([]float32, batch*out)
	return &measure{call: func() { p.Step(y, x) }}, nil
}

// drawn are numbers of -1 to 1, always the same.
func drawn(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}
