package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
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
	if o.mark != "" {
		return o.onlyMark(stdout)
	}
	if err := o.fits(); err != nil {
		return err
	}
	c, err := o.read()
	if err != nil {
		return err
	}
	m, err := newModel(o, c.vocabulary.Len())
	if err != nil {
		return err
	}
	training, source, err := o.training(c, m)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("%s: %d lines for training, %d for validation, %d for testing; %d characters; padding is %.1f %% of a pass",
		c.name, len(c.train), len(c.valid), len(c.test), c.vocabulary.Len(), 100*source.Padding())
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	test, err := data.NewBuckets(c.test, o.batch, bucket, nil)
	if err != nil {
		return err
	}
	baseRight, right := new(loss.Accuracy), new(loss.Accuracy)
	baseSpans, err := loss.NewSpans(tags)
	if err != nil {
		return err
	}
	spans, err := loss.NewSpans(tags)
	if err != nil {
		return err
	}
	if err := newBaseline(c.train, c.vocabulary.Len()).measure(c.test, baseRight, baseSpans); err != nil {
		return err
	}
	if err := program.Measure(session.Context(), training.Plan.Validate.Net, test, right, spans); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "testing          accuracy   F1 of spans\nmost frequent  %8.2f %% %11.2f %%\nLSTM 2x%-7d %8.2f %% %11.2f %%   after %d updates, %d passes, %v\n\n",
		100*baseRight.Value(), 100*baseSpans.Value(), o.hidden, 100*right.Value(), 100*spans.Value(), result.Step, result.Epoch, kernels.Current())
	fmt.Fprintf(stdout, "%-10s%8s%12s%10s%10s%20s\n", "kind", "spans", "precision", "recall", "F1", "most frequent's F1")
	for _, k := range kinds {
		s := spans.Kind(k)
		fmt.Fprintf(stdout, "%-10s%8d%10.2f %%%8.2f %%%8.2f %%%18.2f %%\n", k, s.Labelled, 100*s.Precision(), 100*s.Recall(), 100*s.F1(), 100*baseSpans.Kind(k).F1())
	}
	_, err = fmt.Fprintln(stdout, program.Hash(training.Net))
	return err
}

// bucket is how many batches are sorted by length together.
const bucket = 50

// training is how the model is trained.
func (o *options) training(c *corpus, m *model) (r program.Run, source *data.Sequences, err error) {
	source, err = data.NewBuckets(c.train, o.batch, bucket, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return r, nil, err
	}
	valid, err := data.NewBuckets(c.valid, o.batch, bucket, nil)
	if err != nil {
		return r, nil, err
	}
	net, err := m.train(o.length, o.batch)
	if err != nil {
		return r, nil, err
	}
	look, err := m.infer(o.length, o.batch)
	if err != nil {
		return r, nil, err
	}
	look.SetWorkers(o.Workers)
	kept, err := program.NewMeta(c.vocabulary, nil)
	if err != nil {
		return r, nil, err
	}
	meta, err := kept.Encode(net)
	if err != nil {
		return r, nil, err
	}
	return program.Run{
		Net: net, Data: source, EpochSteps: int64((len(c.train) + o.batch - 1) / o.batch),
		Title: fmt.Sprintf("LSTM of %d x 2 x %d units", o.layers, o.hidden),
		Scale: program.Scale{Name: "cross-entropy"}, Counted: "characters",
		Plan: bptt.Plan{
			Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Schedule:   optim.EpochDecay{Factor: o.decay},
			Validate:   bptt.Validate{Data: valid, Net: look, Patience: o.patience, RestoreBest: true},
			Checkpoint: bptt.Checkpoints{Meta: meta},
		},
	}, source, nil
}

// onlyMark labels a line with the best model in the folder. Its vocabulary is in the file.
func (o *options) onlyMark(stdout io.Writer) error {
	c, err := o.Trained()
	if err != nil {
		return err
	}
	_, v, err := program.ReadMeta(c)
	if err != nil {
		return err
	}
	ids, err := v.Encode(nil, data.Runes(o.mark))
	if err != nil {
		return err
	}
	m, err := newModel(o, v.Len())
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
	y := make([]float32, len(ids)*len(tags))
	if err := net.ForwardIDs(y, ids); err != nil {
		return err
	}
	found := make([]string, len(ids))
	for i := range found {
		found[i] = tags[largest(y[i*len(tags):(i+1)*len(tags)])]
	}
	for _, s := range spans(o.mark, found) {
		if _, err := fmt.Fprintf(stdout, "%-10s%s\n", s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

// largest is the place of the largest output.
func largest(y []float32) (best int) {
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}

// spans returns kind and text of the spans in a line whose runes have these tags, as
// loss.Spans finds them.
func spans(text string, found []string) (list [][2]string) {
	before, i := "", 0
	for r := range data.Runes(text) {
		place, kind, _ := strings.Cut(found[i], "-")
		i++
		switch {
		case kind == "":
		case place == "B" || kind != before:
			list = append(list, [2]string{kind, r})
		default:
			list[len(list)-1][1] += r
		}
		before = kind
	}
	return list
}
