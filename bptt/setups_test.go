package bptt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/lstm"
)

// setups are runs of every kind, each built from nothing so that a resumed run
// shares no memory with the first.
var setups = map[string]func(t *testing.T, plan bptt.Plan) (nn.Net, *bptt.Trainer){
	"stream":       func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onText(t, p, 6, 6, false) },
	"overlapping":  func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onText(t, p, 6, 2, false) },
	"short stride": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onText(t, p, 5, 1, false) },
	"tied":         func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onText(t, p, 6, 6, true) },
	"accumulated": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Accumulate = 3
		return onText(t, p, 6, 4, false)
	},
	"sgd": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Optimizer = &optim.SGD{LR: 0.1, Momentum: 0.9, Dampening: 0.1}
		return onText(t, p, 6, 6, false)
	},
	"plain sgd": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Optimizer = &optim.SGD{LR: 0.1}
		return onText(t, p, 6, 6, false)
	},
	"adamw": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Optimizer = &optim.AdamW{LR: 1e-2, WeightDecay: 0.1}
		return onText(t, p, 6, 6, false)
	},
	"masks":              func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onMaskedText(t, p, 6, 6) },
	"masks, overlapping": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onMaskedText(t, p, 6, 2) },
	"shared":             func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onSharedText(t, p, 6, 6, false) },
	"shared, masks, overlapping": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Accumulate = 2
		return onSharedText(t, p, 6, 2, true)
	},
	"reported twice": onReportedTwice,
	"validated":      func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onValidatedText(t, p, 6, 2) },
	"validated, windows of two passes": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Accumulate = 4
		return onValidatedText(t, p, 6, 6)
	},
	"learned state": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onLearnedState(t, p, false) },
	"learned state, rows that begin anew inside": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		return onLearnedState(t, p, true)
	},
	"weights, overlapping": onWeights,
	"noise": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
		p.Accumulate, p.Noise = 2, bptt.WeightNoise{Std: 0.1, Seed: 8}
		return onMaskedText(t, p, 6, 2)
	},
	"sequences":            func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onSequences(t, p, 0, 0) },
	"sequences in windows": func(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) { return onSequences(t, p, 5, 3) },
}

func onText(t *testing.T, p bptt.Plan, window, stride int, tied bool) (nn.Net, *bptt.Trainer) {
	s := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Tied: tied}
	if tied {
		s.Embed = s.Hidden
	}
	return onTextOf(t, p, window, stride, s)
}

func onMaskedText(t *testing.T, p bptt.Plan, window, stride int) (nn.Net, *bptt.Trainer) {
	return onTextOf(t, p, window, stride, traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: true})
}

func onSharedText(t *testing.T, p bptt.Plan, window, stride int, masks bool) (nn.Net, *bptt.Trainer) {
	return onTextOf(t, p, window, stride, traintest.Sizes{Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: masks, Twice: true})
}

func onTextOf(t *testing.T, p bptt.Plan, window, stride int, s traintest.Sizes) (nn.Net, *bptt.Trainer) {
	net := traintest.LanguageModel(t, 1, s)
	p.Window, p.Stride, p.Loss = window, stride, loss.CrossEntropy{}
	if p.Optimizer == nil {
		p.Optimizer = &optim.Adam{LR: 1e-2}
	}
	trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 100, s), p)
	require.NoError(t, err)
	return net, trainer
}

// weighted is a Script whose steps have weights.
type weighted struct{ traintest.Script }

func (s *weighted) Next(b *data.Batch) error {
	if err := s.Script.Next(b); err != nil {
		return err
	}
	b.Weights = nil
	for i := range b.Steps {
		b.Weights = append(b.Weights, 1/float32(1+(s.Pos-b.Steps+i)%3))
	}
	return nil
}

func onWeights(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
	p.Window, p.Stride, p.Loss, p.Optimizer = 5, 2, loss.MSE{}, &optim.Adam{LR: 1e-2}
	net := traintest.NewLeaky(5, 1)
	trainer, err := bptt.NewTrainer(net, &weighted{traintest.Script{N: 17}}, p)
	require.NoError(t, err)
	return net, trainer
}

// onLearnedState trains the state that sequences begin with, which windows that overlap
// carry along.
func onLearnedState(t *testing.T, p bptt.Plan, separator bool) (nn.Net, *bptt.Trainer) {
	r := rand.New(rand.NewPCG(3, 3))
	emb, err := nn.NewEmbedding(13, 5, r)
	require.NoError(t, err)
	rnn, err := lstm.New(lstm.Config{Input: 5, Hidden: 8}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(8, 13, r)
	require.NoError(t, err)
	learned, err := nn.NewLearnedState(rnn.Unroll(6, 3))
	require.NoError(t, err)
	net, err := nn.Chain(emb, learned, out)
	require.NoError(t, err)
	p.Window, p.Stride, p.Loss = 6, 2, loss.CrossEntropy{}
	p.Optimizer = &optim.Adam{LR: 1e-2}
	source := traintest.TextData(t, 40, traintest.Small)
	if separator {
		require.NoError(t, source.SetSeparator(int32(traintest.Text(40, traintest.Small.Vocabulary)[20])))
	}
	trainer, err := bptt.NewTrainer(net, source, p)
	require.NoError(t, err)
	return net, trainer
}

// onValidatedText has all that validations and passes leave in a checkpoint.
func onValidatedText(t *testing.T, p bptt.Plan, window, stride int) (nn.Net, *bptt.Trainer) {
	p.Schedule = &falling{rate: 1}
	p.Validate = bptt.Validate{
		Data:       traintest.TextData(t, 60, traintest.Sizes{Vocabulary: 13, Batch: 3}),
		EverySteps: 3, EveryEpochs: 1, RestoreBest: true, Patience: 50,
	}
	return onMaskedText(t, p, window, stride)
}

// onSequences trains a net of floats on shuffled sequences of many lengths.
func onSequences(t *testing.T, p bptt.Plan, window, stride int) (nn.Net, *bptt.Trainer) {
	r := rand.New(rand.NewPCG(3, 3))
	var seqs []data.Sequence
	for i := range 11 {
		s := data.Sequence{Steps: i}
		for range i {
			s.X = append(s.X, float32(r.Uint64()%100)/50, 1)
			s.Y = append(s.Y, float32(r.Uint64()%100)/50)
		}
		seqs = append(seqs, s)
	}
	source, err := data.NewSequences(seqs, 3, rand.NewPCG(5, 6))
	require.NoError(t, err)
	rnn, err := lstm.New(lstm.Config{Input: 2, Hidden: 7}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(7, 1, r)
	require.NoError(t, err)
	net, err := nn.Chain(rnn.Unroll(12, 3), out)
	require.NoError(t, err)
	p.Window, p.Stride, p.Loss = window, stride, loss.MSE{}
	if p.Optimizer == nil {
		p.Optimizer = &optim.Adam{LR: 1e-2}
	}
	trainer, err := bptt.NewTrainer(net, source, p)
	require.NoError(t, err)
	return net, trainer
}
