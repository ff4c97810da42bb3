package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// The most characters of a source, and the steps of an answer: ten characters and the end.
const maxSource, answerSteps = 80, 11

// newNet returns the network for so many sources at a time.
func newNet(o *options, vocabulary, rows int) (*seq2seq.Net, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	wide := 2 * o.hidden
	emb, err := nn.NewEmbedding(vocabulary, o.embed, r)
	if err != nil {
		return nil, err
	}
	reader, err := gru.New(gru.Config{Input: o.embed, Hidden: o.hidden, Bidirectional: true, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	writer, err := gru.New(gru.Config{Input: o.embed, Hidden: wide, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	attention, err := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: wide, Memory: wide, Score: seq2seq.General, Out: wide}, r)
	if err != nil {
		return nil, err
	}
	readout, err := nn.NewLinear(wide, vocabulary, r)
	if err != nil {
		return nil, err
	}
	encoder, err := nn.Chain(emb, reader.Unroll(maxSource, rows))
	if err != nil {
		return nil, err
	}
	attending, err := attention.Unroll(answerSteps, maxSource, rows)
	if err != nil {
		return nil, err
	}
	decoder := []nn.Stage{emb, writer.Unroll(answerSteps, rows), attending, readout}
	bridge, err := seq2seq.NewBridge(encoder, decoder, r)
	if err != nil {
		return nil, err
	}
	cfg := seq2seq.Config{Encoder: encoder, Decoder: decoder, Bridge: bridge}
	if o.sampling > 0 {
		cfg.Sampling = seq2seq.LinearDecay{Start: 1, Slope: o.sampling / 1000, Floor: 1 - o.sampling}
	}
	net, err := seq2seq.New(cfg)
	if err == nil {
		net.SetSeed(o.Seed)
	}
	return net, err
}

// A writer writes the answers to the sources of a batch.
type writer interface {
	write(in *data.Input) (answers [][]int32, err error)
}

// A greedy writer takes the most likely character each time.
type greedy struct {
	p       *seq2seq.Predictor
	s       *decode.Sampler
	prompts [][]int32
}

func newGreedy(net *seq2seq.Net, v *data.Vocabulary) (*greedy, error) {
	_, rows, _, _ := net.Dims()
	p, err := net.Predictor(rows)
	if err != nil {
		return nil, err
	}
	s, err := decode.NewSampler(p, decode.Sampling{Stop: []int32{v.End()}, Forbid: []int32{v.Begin()}})
	return &greedy{p, s, prompts(rows, v)}, err
}

// prompts are what the decoder reads first: the symbol for the begin, on each row.
func prompts(rows int, v *data.Vocabulary) [][]int32 {
	return slices.Repeat([][]int32{{v.Begin()}}, rows)
}

func (g *greedy) write(in *data.Input) ([][]int32, error) {
	if err := g.p.Encode(in, nil); err != nil {
		return nil, err
	}
	answers := make([][]int32, len(g.prompts))
	err := g.s.Generate(g.prompts, answerSteps, func(row int, id int32) error {
		answers[row] = append(answers[row], id)
		return nil
	})
	return answers, err
}

// A beam writer searches for the most likely answer.
type beam struct {
	p       *seq2seq.Predictor
	s       *decode.Searcher
	prompts [][]int32
}

func newBeam(net *seq2seq.Net, v *data.Vocabulary, width int) (*beam, error) {
	_, rows, _, _ := net.Dims()
	p, err := net.Predictor(rows * width)
	if err != nil {
		return nil, err
	}
	s, err := decode.NewSearcher(p, decode.Beam{Width: width, Most: answerSteps, Stop: []int32{v.End()}, Forbid: []int32{v.Begin()}})
	return &beam{p, s, prompts(rows, v)}, err
}

func (b *beam) write(in *data.Input) ([][]int32, error) {
	if err := b.p.Encode(in, nil); err != nil {
		return nil, err
	}
	found, err := b.s.Search(b.prompts...)
	if err != nil {
		return nil, err
	}
	answers := make([][]int32, len(found))
	for i, f := range found {
		answers[i] = f[0].IDs
	}
	return answers, nil
}

// answers writes the answers to all examples.
func answers(ctx context.Context, w writer, v *data.Vocabulary, rows int, examples []example) ([]string, error) {
	source, err := newSource(v, examples, rows, nil)
	if err != nil {
		return nil, err
	}
	var texts []string
	for {
		var b data.Batch
		if err := source.Next(&b); errors.Is(err, io.EOF) {
			return texts[:len(examples)], nil // the last batch may have empty rows
		} else if err != nil {
			return nil, err
		}
		ids, err := w.write(b.Source)
		if err != nil {
			return nil, err
		}
		for _, a := range ids {
			words, err := v.Decode(nil, a)
			if err != nil {
				return nil, err
			}
			texts = append(texts, strings.TrimSuffix(strings.Join(words, ""), v.Word(v.End())))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// newSource returns examples as the network reads them, shuffled or in their order.
func newSource(v *data.Vocabulary, examples []example, rows int, shuffle *rand.PCG) (*data.Pairs, error) {
	p, err := pairs(v, examples)
	if err != nil {
		return nil, err
	}
	return data.NewPairs(p, data.PairsConfig{Rows: rows, Begin: v.Begin(), End: v.End(), Shuffle: shuffle})
}

// right is the share of answers that are those of the examples.
func right(examples []example, answers []string) float64 {
	n := 0
	for i, e := range examples {
		if answers[i] == e.iso {
			n++
		}
	}
	return float64(n) / float64(len(examples))
}

// wrong is how many characters of an answer are to be changed, put in or taken out, as a
// mean. It tells of progress before the first answer is right.
func wrong(examples []example, answers []string) float64 {
	n := 0
	for i, e := range examples {
		n += loss.EditDistance([]byte(e.iso), []byte(answers[i]))
	}
	return float64(n) / float64(len(examples))
}

// attention returns how much of each character of a text the network looks at for each
// character of its answer, [answer][text].
func attention(net *seq2seq.Net, v *data.Vocabulary, text, answer string) ([][]float64, error) {
	_, rows, _, out := net.Dims()
	source, err := newSource(v, []example{{text, answer}}, rows, nil)
	if err != nil {
		return nil, err
	}
	var b data.Batch
	if err := source.Next(&b); err != nil {
		return nil, err
	}
	net.SetTraining(false)
	if err := net.ForwardBatch(make([]float32, b.Steps*rows*out), &b); err != nil {
		return nil, err
	}
	weights := make([]float32, b.Steps*rows*b.Source.Steps)
	net.Attentions()[0].Weights(weights)
	table := make([][]float64, len(answer))
	for t := range table {
		row := weights[t*rows*b.Source.Steps:][:b.Source.Steps]
		for _, w := range row {
			table[t] = append(table[t], float64(w))
		}
	}
	return table, nil
}
