package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// The files beside those of the training.
const (
	pictureFile  = "forecast.png"
	forecastFile = "forecast.csv"
)

// validStride is the distance between the windows for validation. It is prime, so that
// they begin at all times of most seasons.
const validStride = 7

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	all, err := o.read()
	if err != nil {
		return err
	}
	k, err := newTask(o, all)
	if err != nil {
		return err
	}
	m, err := newModel(o)
	if err != nil {
		return err
	}
	training, err := o.training(k, m)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("%d series of %d steps: %d for training, %d for validation, %d for testing", len(k.all), k.length, k.train, k.valid-k.train, k.length-k.valid)
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	return o.measure(session, k, m, training.Net, result, stdout)
}

// model is the stages of the network. The chains built over them share the weights.
type model struct {
	rnn *lstm.Layer
	out *nn.Linear
	o   *options
}

func newModel(o *options) (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	layer, err := lstm.New(lstm.Config{Input: inputs, Hidden: o.hidden, Layers: o.layers, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, o.horizon*o.values(), r)
	return &model{layer, out, o}, err
}

// train returns the chain that is trained.
func (m *model) train() (*nn.Model, error) {
	stages := []nn.Stage{m.rnn.Unroll(m.o.context, m.o.batch)}
	if m.o.dropout > 0 {
		stages = append(stages, nn.Dropout{P: float32(m.o.dropout)})
	}
	net, err := nn.Chain(append(stages, m.out)...)
	if err == nil {
		net.SetSeed(m.o.Seed)
	}
	return net, err
}

// infer returns a chain over the same weights that only runs forward.
func (m *model) infer() (*nn.Model, error) {
	net, err := nn.Chain(m.rnn.Infer(m.o.context, m.o.batch), m.out)
	if err == nil {
		net.SetWorkers(m.o.Workers)
	}
	return net, err
}

// training is how the network is trained.
func (o *options) training(k *task, m *model) (program.Run, error) {
	var r program.Run
	seqs := k.sequences(k.origins(0, k.train, o.stride), true)
	source, err := data.NewSequences(seqs, o.batch, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return r, err
	}
	net, err := m.train()
	if err != nil {
		return r, err
	}
	look, err := m.infer()
	if err != nil {
		return r, err
	}
	valid := k.origins(k.train, k.valid, validStride)
	name, measure := o.loss, "MASE"
	if o.levels != nil {
		name, measure = "pinball loss", "pinball"
	}
	updates := int64((len(seqs) + o.batch - 1) / o.batch)
	return program.Run{
		Net: net, Data: source, EpochSteps: updates,
		Title:      fmt.Sprintf("LSTM of %d x %d units", o.layers, o.hidden),
		Scale:      program.Scale{Name: name + " of scaled series"},
		Validation: &program.Scale{Name: measure},
		Counted:    "values",
		Plan: bptt.Plan{
			Loss: o.criterion(), Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Schedule: optim.StepDecay{Every: 8 * updates, Factor: 0.5},
			Validate: bptt.Validate{
				Measure: func(ctx context.Context) (float64, error) {
					forecasts, err := forecasts(ctx, k, look, valid)
					if o.levels != nil {
						mean, _ := o.pinball(k, valid, forecasts)
						return mean, err
					}
					return k.mase(valid, forecasts), err
				},
				Patience: o.patience, RestoreBest: true,
			},
		},
	}, nil
}

// A recorder keeps the outputs at the steps that count. As a loss it is that of the network
// in evaluation.
type recorder struct {
	loss.MAE
	outputs []float32
}

func (c *recorder) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	width := len(y) / (b.Steps * b.Rows)
	for p, target := range b.Targets {
		if target >= 0 && b.Counts(p) {
			c.outputs = append(c.outputs, y[p*width:(p+1)*width]...)
		}
	}
	return c.MAE.Loss(dy, y, b, by, s)
}

// forecasts are those of the network, [origin][level][horizon].
func forecasts(ctx context.Context, k *task, net *nn.Model, origins []origin) ([]float32, error) {
	_, rows, _, _ := net.Dims()
	source, err := data.NewSequences(k.sequences(origins, false), rows, nil)
	if err != nil {
		return nil, err
	}
	c := &recorder{outputs: make([]float32, 0, len(origins)*k.levels*k.horizon)}
	if _, _, err := bptt.Evaluate(ctx, net, source, c); err != nil {
		return make([]float32, len(origins)*k.levels*k.horizon), err
	}
	return k.ascending(k.values(origins, c.outputs)), nil
}

// measure prints what all methods reach, and writes the forecasts.
func (o *options) measure(session *program.Session, k *task, m *model, trained nn.Net, result program.Result, stdout io.Writer) error {
	ctx := session.Context()
	net, err := m.infer()
	if err != nil {
		return err
	}
	line := k.fit()
	valid, test := k.origins(k.train, k.valid, 1), k.origins(k.valid, k.length, 1)
	own, err := forecasts(ctx, k, net, valid)
	if err != nil {
		return err
	}
	ownTest, err := forecasts(ctx, k, net, test)
	if err != nil {
		return err
	}
	text := "MASE            validation   testing\n"
	row := func(name string, onValid, onTest []float32) float64 {
		mase := k.mase(test, onTest)
		text += fmt.Sprintf("%-14s %11.3f %9.3f\n", name, k.mase(valid, onValid), mase)
		return mase
	}
	least := row("naive", k.naive(valid), k.naive(test))
	least = min(least, row("seasonal naive", k.seasonalNaive(valid), k.seasonalNaive(test)))
	least = min(least, row("linear", line.forecasts(k, valid), line.forecasts(k, test)))
	name := fmt.Sprintf("LSTM %dx%d", o.layers, o.hidden)
	solved := row(name, o.point(k, own), o.point(k, ownTest)) < least
	if o.levels != nil {
		var table string
		table, solved = o.quantileTable(k, line, name, own, ownTest)
		text += table
	}
	if _, err := fmt.Fprintf(stdout, "%safter %d updates, %d passes, %v\n%s\n",
		text, result.Step, result.Epoch, kernels.Current(), program.Hash(trained)); err != nil {
		return err
	}
	if err := o.picture(session, k, net, line); err != nil {
		return err
	}
	if err := o.ahead(session, k, net); err != nil {
		return err
	}
	if !solved {
		return fmt.Errorf("%w: the network is not better in testing than all of the others", program.ErrNotSolved)
	}
	return nil
}

// picture draws forecasts of the first and of the last series in the part for testing.
func (o *options) picture(session *program.Session, k *task, net *nn.Model, line linear) error {
	var panels []chart.Picture
	for _, s := range []int{0, len(k.all) - 1} {
		if s == 0 && len(panels) > 0 {
			break // there is one series
		}
		g := []origin{{s, k.valid - 1}}
		own, err := forecasts(session.Context(), k, net, g)
		if err != nil {
			return err
		}
		from := max(0, k.valid-2*k.season)
		c := k.all[s]
		curves := []chart.Curve{
			c.curve("series", from, slices.Clone(c.v[from:k.valid+k.horizon])),
			c.curve("seasonal naive", k.valid, k.seasonalNaive(g)),
			c.curve("linear", k.valid, line.forecasts(k, g)),
			c.curve("LSTM", k.valid, o.point(k, slices.Clone(own))),
		}
		if n := len(o.levels); n > 1 {
			for _, i := range []int{0, n - 1} {
				curves = append(curves, c.curve(fmt.Sprintf("LSTM, %g", o.levels[i]), k.valid, k.level(own, i)))
			}
		}
		panels = append(panels, chart.Panel{Title: c.name, X: "step", Y: "value", Curves: curves})
	}
	session.Draw(pictureFile, panels...)
	return nil
}

// curve is a line of scaled values, which it overwrites, in the units of the series.
func (c *scaled) curve(name string, from int, v []float32) chart.Curve {
	c.scale.Undo(v, v)
	line := chart.Curve{Name: name}
	for i, y := range v {
		line.X, line.Y = append(line.X, float64(from+i)), append(line.Y, float64(y))
	}
	return line
}

// ahead writes what follows the end of the series: a column for each, as -csv reads them.
func (o *options) ahead(session *program.Session, k *task, net *nn.Model) error {
	records := make([][]string, k.horizon+1)
	for s := range k.all {
		v, err := forecasts(session.Context(), k, net, []origin{{s, k.length - 1}})
		if err != nil {
			return err
		}
		k.all[s].scale.Undo(v, v)
		for i := range k.levels {
			name := k.all[s].name
			if o.levels != nil {
				name += fmt.Sprintf(" %g", o.levels[i])
			}
			records[0] = append(records[0], name)
			for h, f := range k.level(v, i) {
				records[h+1] = append(records[h+1], strconv.FormatFloat(float64(f), 'g', -1, 32))
			}
		}
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(records); err != nil {
		return err
	}
	return session.WriteFile(forecastFile, b.Bytes())
}
