package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
)

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.line != "" {
		return o.onlyLine(stdout)
	}
	if err := o.fits(); err != nil {
		return err
	}
	c, err := o.read()
	if err != nil {
		return err
	}
	m, err := newModel(o, c.vocabulary.Len(), len(c.classes))
	if err != nil {
		return err
	}
	training, padding, err := o.training(c, m)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("%s: %d lines for training, %d for validation, %d for testing; %d classes, %d characters", c.name, len(c.train), len(c.valid), len(c.test), len(c.classes), c.vocabulary.Len())
	session.Say("padding is %.1f %% of a pass; it would be %.1f %% if lines of any lengths shared a batch", 100*padding[0], 100*padding[1])
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	test, err := data.NewBuckets(c.test, o.batch, bucket, nil)
	if err != nil {
		return err
	}
	matrix, err := loss.NewConfusion(len(c.classes))
	if err != nil {
		return err
	}
	if err := program.Measure(session.Context(), training.Plan.Validate.Net, test, matrix); err != nil {
		return err
	}
	session.Draw("confusion.png", c.shares(matrix))
	majority, bayes := count(c.train, len(c.classes), c.vocabulary.Len()).accuracies(c.test)
	fmt.Fprintf(stdout, "testing           accuracy\nmost frequent   %8.2f %%\npairs, Bayes    %8.2f %%\nGRU 2x%-7d   %8.2f %%   after %d updates, %d passes, %v\n\n",
		100*majority, 100*bayes, o.hidden, 100*matrix.Value(), result.Step, result.Epoch, kernels.Current())
	width := len("class")
	for _, class := range c.classes {
		width = max(width, len(class))
	}
	fmt.Fprintf(stdout, "%-*s%8s%12s%10s   most often taken for\n", width, "class", "lines", "precision", "recall")
	for i, class := range c.classes {
		s := matrix.Class(i)
		fmt.Fprintf(stdout, "%-*s%8d%10.1f %%%8.1f %%   %s\n", width, class, s.Labelled, 100*s.Precision(), 100*s.Recall(), c.mistake(matrix, i))
	}
	_, err = fmt.Fprintln(stdout, program.Hash(training.Net))
	return err
}

// mistake says which other class the lines of a class are taken for most often.
func (c *corpus) mistake(m *loss.Confusion, class int) string {
	best, most := "-", int64(0)
	for other, name := range c.classes {
		if n := m.Count(class, other); other != class && n > most {
			best, most = fmt.Sprintf("%s (%d)", name, n), n
		}
	}
	return best
}

// shares is a picture of which share of each class is taken for which.
func (c *corpus) shares(m *loss.Confusion) chart.Table {
	shares := make([][]float64, len(c.classes))
	for i := range shares {
		shares[i] = make([]float64, len(c.classes))
		for j := range shares[i] {
			shares[i][j] = float64(m.Count(i, j)) / float64(max(1, m.Class(i).Labelled))
		}
	}
	return chart.Table{Title: "shares of each class", X: "taken for", Y: "class", Columns: c.classes, Rows: c.classes, Values: shares}
}

// bucket is how many batches are sorted by length together.
const bucket = 50

// training is how the model is trained, and the padding with buckets and without.
func (o *options) training(c *corpus, m *model) (r program.Run, padding [2]float64, err error) {
	plain, err := data.NewSequences(c.train, o.batch, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return r, padding, err
	}
	source, err := data.NewBuckets(c.train, o.batch, bucket, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return r, padding, err
	}
	padding = [2]float64{source.Padding(), plain.Padding()}
	valid, err := data.NewBuckets(c.valid, o.batch, bucket, nil)
	if err != nil {
		return r, padding, err
	}
	net, err := m.train(o.length, o.batch)
	if err != nil {
		return r, padding, err
	}
	look, err := m.infer(o.length, o.batch)
	if err != nil {
		return r, padding, err
	}
	look.SetWorkers(o.Workers)
	kept, err := program.NewMeta(c.vocabulary, c.classes)
	if err != nil {
		return r, padding, err
	}
	meta, err := kept.Encode(net)
	if err != nil {
		return r, padding, err
	}
	return program.Run{
		Net: net, Data: source, EpochSteps: int64((len(c.train) + o.batch - 1) / o.batch),
		Title: fmt.Sprintf("GRU of %d x 2 x %d units", o.layers, o.hidden),
		Scale: program.Scale{Name: "cross-entropy"}, Counted: "lines",
		Plan: bptt.Plan{
			Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Schedule:   optim.EpochDecay{Factor: o.decay},
			Validate:   bptt.Validate{Data: valid, Net: look, Patience: o.patience, RestoreBest: true},
			Checkpoint: bptt.Checkpoints{Meta: meta},
		},
	}, padding, nil
}

// onlyLine classifies a text with the best model in the folder, whose classes and vocabulary
// are in the file. Classes below one in a hundred are left out.
func (o *options) onlyLine(stdout io.Writer) error {
	c, err := o.Trained()
	if err != nil {
		return err
	}
	kept, v, err := program.ReadMeta(c)
	if err != nil {
		return err
	}
	ids, err := encode(v, o.line, o.length)
	if err != nil {
		return err
	}
	m, err := newModel(o, v.Len(), len(kept.Classes))
	if err != nil {
		return err
	}
	net, err := m.infer(len(ids), 1)
	if err != nil {
		return err
	}
	if err := c.Params(net); err != nil {
		return err
	}
	y := make([]float32, len(ids)*len(kept.Classes))
	if err := net.ForwardIDs(y, ids); err != nil {
		return err
	}
	p := probabilities(y[len(y)-len(kept.Classes):])
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[j], p[i]) })
	var b bytes.Buffer
	for _, i := range order {
		if p[i] >= 0.01 {
			fmt.Fprintf(&b, "%5.1f %%  %s\n", 100*p[i], kept.Classes[i])
		}
	}
	_, err = stdout.Write(b.Bytes())
	return err
}

// probabilities is the softmax of outputs.
func probabilities(y []float32) []float64 {
	p, sum, most := make([]float64, len(y)), 0.0, slices.Max(y)
	for i, v := range y {
		p[i] = math.Exp(float64(v - most))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
