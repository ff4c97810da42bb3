package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.write > 0 {
		return o.onlyWrite(guard.Context(), stdout)
	}
	c, err := o.read()
	if err != nil {
		return err
	}
	if err := o.fits(c.vocabulary.Len()); err != nil {
		return err
	}
	m, err := newModel(o, c.vocabulary.Len())
	if err != nil {
		return err
	}
	training, err := o.training(c, m)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("%s: %d words for training, %d for validation, %d for testing; vocabulary of %d, %.1f %% of the words for testing are %s",
		c.name, len(c.train), len(c.valid), len(c.test), c.vocabulary.Len(), 100*c.unknown(c.test), unknownWord)
	baseline := count(c.train, c.vocabulary.Len())
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	ctx := session.Context()
	valid, err := m.perplexity(ctx, c.valid)
	if err != nil {
		return err
	}
	test, err := m.perplexity(ctx, c.test)
	if err != nil {
		return err
	}
	p, err := training.Net.(*nn.Model).Predictor(1)
	if err != nil {
		return err
	}
	sample, err := o.sample(ctx, p, c.vocabulary, "", 50)
	if err != nil {
		return err
	}
	uniValid, biValid := baseline.perplexities(c.valid)
	uniTest, biTest := baseline.perplexities(c.test)
	_, err = fmt.Fprintf(stdout, "%s\n\nperplexity    validation   testing\nunigram     %12.1f %9.1f\nbigram      %12.1f %9.1f\nLSTM %-7s%12.1f %9.1f   after %d updates, %d passes, %v\n%s\n",
		sample, uniValid, uniTest, biValid, biTest, fmt.Sprintf("%dx%d", o.layers, o.hidden), valid, test, result.Step, result.Epoch, kernels.Current(), program.Hash(training.Net))
	return err
}

// training is how the model is trained.
func (o *options) training(c *corpus, m *model) (program.Run, error) {
	var r program.Run
	ids, updates, err := o.whole(c.train)
	if err != nil {
		return r, err
	}
	source, err := data.NewTokens(ids, o.batch)
	if err != nil {
		return r, err
	}
	valid, err := data.NewTokens(c.valid, 1)
	if err != nil {
		return r, err
	}
	net, err := m.train(o.window, o.batch)
	if err != nil {
		return r, err
	}
	look, err := m.infer(evaluated, 1)
	if err != nil {
		return r, err
	}
	look.SetWorkers(o.Workers)
	kept, err := program.NewMeta(c.vocabulary, nil)
	if err != nil {
		return r, err
	}
	meta, err := kept.Encode(net)
	if err != nil {
		return r, err
	}
	optimizer, clip := o.optimize()
	return program.Run{
		Net: net, Data: source, EpochSteps: updates,
		Title: fmt.Sprintf("LSTM of %d x %d units", o.layers, o.hidden),
		Scale: program.Scale{Name: "perplexity", Value: loss.Perplexity, Log: true}, Counted: "words",
		Plan: bptt.Plan{
			Window: o.window, ReadoutRows: o.readoutRows, Loss: loss.CrossEntropy{}, Optimizer: optimizer, ClipNorm: clip,
			Schedule:   optim.EpochDecay{After: o.hold, Factor: o.decay},
			Validate:   bptt.Validate{Data: valid, Net: look, Patience: o.patience, RestoreBest: true},
			Checkpoint: bptt.Checkpoints{Meta: meta},
		},
	}, nil
}

// evaluated is how many words are measured at once.
const evaluated = 128

// perplexity measures ids as one text: every word but the first counts.
func (m *model) perplexity(ctx context.Context, ids []int32) (float64, error) {
	source, err := data.NewTokens(ids, 1)
	if err != nil {
		return 0, err
	}
	net, err := m.infer(evaluated, 1)
	if err != nil {
		return 0, err
	}
	mean, _, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{})
	return loss.Perplexity(mean), err
}

// onlyWrite writes text with the best model in the folder. Its vocabulary is in the file.
func (o *options) onlyWrite(ctx context.Context, stdout io.Writer) error {
	c, err := o.Trained()
	if err != nil {
		return err
	}
	_, v, err := program.ReadMeta(c)
	if err != nil {
		return err
	}
	m, err := newModel(o, v.Len())
	if err != nil {
		return err
	}
	net, err := m.infer(1, 1)
	if err != nil {
		return err
	}
	if err := c.Params(net); err != nil {
		return err
	}
	p, err := net.Predictor(1)
	if err != nil {
		return err
	}
	words, err := o.sample(ctx, p, v, o.prompt, o.write)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, words)
	return err
}

// sample continues a prompt, which begins a sentence, by n words.
func (o *options) sample(ctx context.Context, p *nn.ModelPredictor, v *data.Vocabulary, prompt string, n int) (string, error) {
	given := tokens(nil, prompt)
	ids := []int32{v.End()}
	for _, w := range given {
		id, _ := v.Lookup(w)
		ids = append(ids, id)
	}
	if ctx.Err() != nil {
		return "", interrupt.Err
	}
	drawn := make([]int32, n)
	if _, err := decode.Sample(p, drawn, ids, decode.Sampling{Temperature: o.temperature}, rand.New(rand.NewPCG(o.Seed, 1))); err != nil {
		return "", err
	}
	words, err := v.Decode(append([]string(nil), given...), drawn)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(text(words)), nil
}
