package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// solved is the share of right answers from which on the task counts as solved.
const solved = 0.99

// shown is the date of the picture of attention.
const shown = "the twenty-third of march nineteen sixty-nine"

// attentionFile is the picture.
const attentionFile = "attention.png"

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	v, err := newVocabulary()
	if err != nil {
		return err
	}
	if o.read != "" {
		return o.onlyRead(guard.Context(), v, stdout)
	}
	p, err := newParts(o.examples, o.held, o.Seed)
	if err != nil {
		return err
	}
	net, err := newNet(o, v.Len(), o.batch)
	if err != nil {
		return err
	}
	training, err := o.training(net, v, p)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("%d dates for training, %d for validation, %d for testing; such as %q", len(p.train), len(p.valid), len(p.test), p.train[0].text)
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	return o.measure(session, net, v, p, result, stdout)
}

// training is how the network is trained.
func (o *options) training(net *seq2seq.Net, v *data.Vocabulary, p parts) (program.Run, error) {
	source, err := newSource(v, p.train, o.batch, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return program.Run{}, err
	}
	g, err := newGreedy(net, v)
	if err != nil {
		return program.Run{}, err
	}
	return program.Run{
		Net: net, Data: source, EpochSteps: int64((len(p.train) + o.batch - 1) / o.batch),
		Title:      fmt.Sprintf("GRU of %d units, attention, GRU of %d", o.hidden, 2*o.hidden),
		Scale:      program.Scale{Name: "cross-entropy of a character"},
		Validation: &program.Scale{Name: "wrong characters of an answer"},
		Counted:    "characters",
		Plan: bptt.Plan{
			Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Validate: bptt.Validate{
				Measure: func(ctx context.Context) (float64, error) {
					a, err := answers(ctx, g, v, o.batch, p.valid)
					if err != nil {
						return 0, err
					}
					return wrong(p.valid, a), nil
				},
				Patience: o.patience, RestoreBest: true,
			},
		},
	}, nil
}

// measure prints what the network reached, and draws the picture of its attention.
func (o *options) measure(session *program.Session, net *seq2seq.Net, v *data.Vocabulary, p parts, result program.Result, stdout io.Writer) error {
	g, err := newGreedy(net, v)
	if err != nil {
		return err
	}
	b, err := newBeam(net, v, o.beam)
	if err != nil {
		return err
	}
	ctx := session.Context()
	one, err := answers(ctx, g, v, o.batch, p.test)
	if err != nil {
		return err
	}
	wide, err := answers(ctx, b, v, o.batch, p.test)
	if err != nil {
		return err
	}
	library := make([]string, len(p.test))
	for i, e := range p.test {
		library[i] = parsed(e.text)
	}
	if err := o.picture(session, net, g, v); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%sexact answers of %d\ntime.Parse %7.1f %%\ngreedy     %7.1f %%\nbeam of %-2d %7.1f %%   after %d updates, %d passes, %v\n%s\n",
		mistakes(p.test, one), len(p.test), 100*right(p.test, library), 100*right(p.test, one), o.beam, 100*right(p.test, wide),
		result.Step, result.Epoch, kernels.Current(), program.Hash(net)); err != nil {
		return err
	}
	if share := right(p.test, one); share < solved {
		return fmt.Errorf("%w: %.1f %% of the greedy answers are right, want %.0f %%; -resume -epochs goes on for longer", program.ErrNotSolved, 100*share, 100*solved)
	}
	return nil
}

// mistakes are up to three wrong answers, a line for each.
func mistakes(examples []example, answers []string) string {
	var b strings.Builder
	n := 0
	for i, e := range examples {
		if answers[i] != e.iso && n < 3 {
			n++
			fmt.Fprintf(&b, "wrong: %q is %s, not %q\n", e.text, e.iso, answers[i])
		}
	}
	return b.String()
}

// picture draws what the network looks at.
func (o *options) picture(session *program.Session, net *seq2seq.Net, g *greedy, v *data.Vocabulary) error {
	a, err := answers(session.Context(), g, v, o.batch, []example{{text: shown}})
	if err != nil {
		return err
	}
	answer := a[0]
	if len(answer) == answerSteps {
		answer = answer[:answerSteps-1] // it did not end, and the decoder reads no further
	}
	if answer == "" {
		return nil // an untrained network may write nothing: there is nothing to draw
	}
	table, err := attention(net, v, shown, answer)
	if err != nil {
		return err
	}
	session.Draw(attentionFile, chart.Table{
		Title: "attention", X: shown, Y: answer,
		Columns: strings.Split(shown, ""), Rows: strings.Split(answer, ""), Values: table,
	})
	return nil
}

// onlyRead writes the date of -read with the best model in the folder.
func (o *options) onlyRead(ctx context.Context, v *data.Vocabulary, stdout io.Writer) error {
	text := lower(o.read)
	if len(text) > maxSource {
		return fmt.Errorf("-read has %d characters, want at most %d", len(text), maxSource)
	}
	if _, err := v.Encode(nil, data.Runes(text)); err != nil {
		return fmt.Errorf("-read is %q, want letters, digits, spaces and %q: %w", o.read, ",.-/", err)
	}
	c, err := o.Trained()
	if err != nil {
		return err
	}
	net, err := newNet(o, v.Len(), 1)
	if err != nil {
		return err
	}
	if err := c.Params(net); err != nil {
		return err
	}
	b, err := newBeam(net, v, o.beam)
	if err != nil {
		return err
	}
	a, err := answers(ctx, b, v, 1, []example{{text: text}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, a[0])
	return err
}
