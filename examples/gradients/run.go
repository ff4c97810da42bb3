package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// trainLength is the longest sequence of the trainings: one along which the gradient
// explodes and is still a number at first.
const trainLength = 40

// gain is what W_hh of the trained units begins with on its diagonal: they hold a little more
// than what they had, so that gradients explode.
const gain = 1.03

// The held-out sequences are so many batches, looked at after so many updates.
const heldBatches, lookEvery = 10, 100

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	norms, err := o.flows(guard.Context(), session)
	if err != nil {
		return err
	}
	if err := o.printFlows(session, norms, stdout); err != nil {
		return err
	}
	var t trainings
	for _, clip := range []float64{0, o.clip} {
		interrupted, err := t.add(o, session, clip)
		if program.Interrupted(err) && len(t.rows) > 0 {
			session.Say("stopped before the training with clipping; the same command with -resume goes on")
			break
		}
		if err != nil {
			return err
		}
		if interrupted {
			break
		}
	}
	return t.print(o, session, stdout)
}

// flowFile keeps the norms of the layers that are measured.
const flowFile = "flow.json"

// flows returns the norms of all layers. A run that goes on measures those that it has not.
// It ends with ctx.
func (o *options) flows(ctx context.Context, session *program.Session) (map[string][]float64, error) {
	norms := map[string][]float64{}
	if o.Resume {
		var err error
		if norms, err = readFlows(o.Path(flowFile)); err != nil {
			return nil, fmt.Errorf("%s cannot be used: %w; start anew without -resume", o.Path(flowFile), err)
		}
	}
	left := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return len(norms[c.name]) == o.length+1 })
	if len(left) == 0 {
		return norms, nil
	}
	done, end := session.Work(fmt.Sprintf("measuring the gradients of %d layers over %d steps", len(left), o.length), len(left)*o.length)
	defer end()
	for _, c := range left {
		v, err := flow(ctx, c, o, done)
		if program.Interrupted(err) {
			end()
			session.Say("stopped before %s was measured; the same command with -resume goes on", c.name)
		}
		if err != nil {
			return nil, err
		}
		norms[c.name] = v
		kept, err := json.MarshalIndent(texts(norms), "", "\t")
		if err == nil {
			err = session.Keep(flowFile, kept)
		}
		if err != nil {
			return nil, err
		}
	}
	return norms, nil
}

// texts are the norms as the file has them, since JSON has no infinite numbers.
func texts(norms map[string][]float64) map[string]string {
	t := map[string]string{}
	for name, v := range norms {
		t[name] = strings.Trim(fmt.Sprint(v), "[]")
	}
	return t
}

// readFlows reads what texts made; where there is no file, nothing is measured yet.
func readFlows(file string) (map[string][]float64, error) {
	norms := map[string][]float64{}
	kept, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return norms, nil
	}
	var t map[string]string
	if err == nil {
		err = json.Unmarshal(kept, &t)
	}
	if err != nil {
		return nil, err
	}
	for name, v := range t {
		for _, number := range strings.Fields(v) {
			norm, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return nil, err
			}
			norms[name] = append(norms[name], norm)
		}
	}
	return norms, nil
}

// printFlows writes some of the norms, and draws all.
func (o *options) printFlows(session *program.Session, norms map[string][]float64, stdout io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "norm of the gradient by the state k steps earlier\n%-22s", "k")
	ks := []int{0, o.length / 4, o.length / 2, o.length}
	for _, k := range ks {
		fmt.Fprintf(&b, " %9d", k)
	}
	b.WriteByte('\n')
	var lines []chart.Curve
	for _, c := range cells {
		lines = append(lines, chart.Curve{Name: c.name, Y: norms[c.name]})
		fmt.Fprintf(&b, "%-22s", c.name)
		for _, k := range ks {
			fmt.Fprintf(&b, " %9.2g", norms[c.name][k])
		}
		b.WriteByte('\n')
	}
	session.Draw("flow.png", chart.Panel{Title: "How a gradient flows back through time", X: "k, steps back", Y: "norm of dL/dh", Log: true, Curves: lines})
	_, err := fmt.Fprintln(stdout, b.String())
	return err
}

// trainings are what those without and with a limit have come to.
type trainings struct {
	rows          []string
	norms, losses []chart.Curve
	last          float64 // the mean squared error of the last one
	hash          string  // of its weights
}

// add trains plain units with a limit for the norm of the gradient, 0 for none.
func (t *trainings) add(o *options, session *program.Session, clip float64) (interrupted bool, err error) {
	net, r, err := o.training(clip)
	if err != nil {
		return false, err
	}
	result, err := session.Train(r)
	if err != nil {
		return false, err
	}
	if t.last, _, err = bptt.Evaluate(session.Context(), net, o.held(), loss.MSE{}); err != nil {
		return false, err
	}
	end := ""
	if result.Diverged != nil {
		end = fmt.Sprintf(", and then %v", result.Diverged)
	}
	t.rows = append(t.rows, fmt.Sprintf("%-22s %18.3g   after %d updates%s", r.Title, t.last, result.Step, end))
	t.hash = program.Hash(net)
	norms, err := program.Norms(o.Path(r.Dir))
	if err != nil {
		return false, err
	}
	losses, _, err := program.Curves(o.Path(r.Dir), r.Scale, r.Scale)
	if err != nil {
		return false, err
	}
	norms.Name, losses.Name = r.Title, r.Title
	t.norms, t.losses = append(t.norms, norms), append(t.losses, losses)
	return result.Interrupted, nil
}

// training is how a net is trained.
func (o *options) training(clip float64) (*nn.Model, program.Run, error) {
	s := *o
	s.length = min(s.length, trainLength)
	r := rand.New(rand.NewPCG(o.Seed, 2))
	units, err := holding(gain).unroll(&s, s.length, r)
	if err != nil {
		return nil, program.Run{}, err
	}
	readout, err := nn.NewLinear(o.hidden, 1, r)
	if err != nil {
		return nil, program.Run{}, err
	}
	net, err := nn.Chain(units, readout)
	if err != nil {
		return nil, program.Run{}, err
	}
	dir, title := "not-clipped", "not clipped"
	if clip > 0 {
		dir, title = "clipped", fmt.Sprintf("clipped at %v", clip)
	}
	return net, program.Run{
		Dir: dir, Net: net, Data: newProblem(s.length, o.batch, 0, o.Seed, 3), Title: title,
		Scale: program.Scale{Name: "mean squared error", Log: true}, Counted: "sequences", Diverges: true,
		Plan: bptt.Plan{
			Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.003}, ClipNorm: clip,
			Validate: bptt.Validate{Data: o.held(), EverySteps: lookEvery},
		},
	}, nil
}

// held returns the held-out sequences.
func (o *options) held() data.Source {
	return newProblem(min(o.length, trainLength), o.batch, heldBatches, o.Seed, 4)
}

// print writes the table and draws the picture.
func (t *trainings) print(o *options, session *program.Session, stdout io.Writer) error {
	session.Draw("clipping.png",
		chart.Panel{Title: "Norm of the gradient of an update", X: "updates", Y: "norm", Log: true, Curves: t.norms},
		chart.Panel{Title: "Loss of an update", X: "updates", Y: "mean squared error", Log: true, Curves: t.losses})
	if _, err := fmt.Fprintf(stdout, "%-22s %18s\n%-22s %18.3g\n%s\n%v, %s\n", "training", "mean squared error", "always saying 0", always0,
		strings.Join(t.rows, "\n"), kernels.Current(), t.hash); err != nil {
		return err
	}
	switch {
	case len(t.rows) < 2:
		return fmt.Errorf("%w: the training with clipping is missing; -resume goes on", program.ErrNotSolved)
	case !(t.last < always0): // or it is no number
		return fmt.Errorf("%w: with clipping the error is not below that of always saying 0; go on with -resume and more -steps, or try another -clip", program.ErrNotSolved)
	}
	return nil
}
