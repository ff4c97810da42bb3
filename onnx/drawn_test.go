package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A drawing draws the stages of one chain, all of which ONNX can express.
type drawing struct {
	r     *rand.Rand
	o     ExportOptions
	width int // of what the stages so far give
}

// drawnCases draws chains with the seeds from the first one on.
func drawnCases(seed, count int) (list []exportCase) {
	for i := range count {
		d := &drawing{r: rand.New(rand.NewPCG(uint64(seed+i), 3))}
		d.o = ExportOptions{BatchFirst: d.yes(0.5), NoStates: d.yes(0.5), Lengths: d.yes(0.25)}
		if d.o.LastStep = d.yes(0.4); !d.o.LastStep && !d.o.Lengths && d.yes(0.2) { // of sequences of at least 4 steps
			d.o.Window = []Window{{-3, 0}, {0, 2}, {1, -1}, {1, 0}, {0, -2}, {-3, -1}, {1, 3}}[d.r.IntN(7)]
		}
		d.width = d.size()
		first := nn.Stage(d.linear(d.size()))
		if d.yes(0.3) { // inputsOf gives ids below 7
			first = must(nn.NewEmbedding(7+d.r.IntN(4), d.width, d.r))
		}
		stages := []nn.Stage{first, d.recurrent()}
		for range d.r.IntN(4) {
			stages = append(stages, d.stage(0))
		}
		if d.o.LastStep && d.yes(0.5) {
			stages = append(stages, d.end())
		}
		stages = append(stages, d.linear(d.size()))
		if d.yes(0.3) {
			stages = append(stages, []nn.Stage{Softmax{}, LogSoftmax{}}[d.r.IntN(2)])
		}
		list = append(list, exportCase{fmt.Sprintf("seed%d", seed+i), d.o, stages})
	}
	return list
}

func (d *drawing) yes(share float32) bool { return d.r.Float32() < share }

func (d *drawing) size() int { return 1 + d.r.IntN(9) }

func (d *drawing) between(from, to float32) float32 { return from + (to-from)*d.r.Float32() }

func (d *drawing) vector(n int, from, to float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = d.between(from, to)
	}
	return v
}

func (d *drawing) linear(out int) *nn.Linear {
	l := must(nn.NewLinear(d.width, out, d.r))
	if d.yes(0.2) {
		l.Bias = nil
	}
	d.width = out
	return l
}

// function draws an activation of layers. Those of gates do not grow.
func (d *drawing) function(gate bool) lstm.Activation {
	list := []lstm.Activation{lstm.Sigmoid, lstm.HardSigmoid(d.between(0.1, 0.4), d.between(0.3, 0.6)), lstm.Softsign, lstm.Tanh, lstm.ScaledTanh(d.between(0.5, 1), d.between(0.5, 1))}
	if !gate {
		list = append(list, lstm.ReLU, lstm.LeakyReLU(d.between(0.01, 0.3)), lstm.ELU(d.between(0.3, 1)), lstm.Softplus, lstm.Affine(d.between(0.2, 0.8), d.between(-0.2, 0.2)), lstm.ThresholdedReLU(d.between(0.01, 0.2)))
	}
	return list[d.r.IntN(len(list))]
}

// recurrent draws a layer of any kind with what its operator can do.
func (d *drawing) recurrent() nn.Stage {
	in, hidden, layers := d.width, d.size(), 1+d.r.IntN(3)
	both, noBias, merge := d.yes(0.4), d.yes(0.2), lstm.Concat
	reverse := !both && d.yes(0.3)
	if d.width = hidden; both {
		if merge = []lstm.Merge{lstm.Concat, lstm.Sum, lstm.Average, lstm.Multiply}[d.r.IntN(4)]; merge == lstm.Concat {
			d.width *= 2
		}
	}
	clip := float32(0)
	if d.yes(0.2) {
		clip = d.between(0.2, 2)
	}
	var gate, candidate, output lstm.Activation // zero: those of the textbook
	if d.yes(0.4) {
		gate, candidate, output = d.function(true), d.function(false), d.function(false)
	}
	var dropout float32 // acts in training alone
	if layers > 1 && d.yes(0.3) {
		dropout = 0.3
	}
	s, directions, states := Recurrent{}, 1, 1
	if both {
		directions = 2
	}
	switch d.r.IntN(3) {
	case 0:
		s.Layer = must(lstm.New(lstm.Config{Input: in, Hidden: hidden, Layers: layers, Bidirectional: both, Reverse: reverse, Merge: merge, NoBias: noBias, Peephole: d.yes(0.3), Coupled: d.yes(0.2),
			Clip: clip, GateActivation: gate, CandidateActivation: candidate, OutputActivation: output, Dropout: dropout}, d.r))
		states = 2
	case 1:
		textbook := gate == (lstm.Activation{}) && d.yes(0.5) // elsewhere 1-z needs weights that there are not
		s.Layer = must(gru.New(gru.Config{Input: in, Hidden: hidden, Layers: layers, Bidirectional: both, Reverse: reverse, Merge: gru.Merge(merge), NoBias: noBias, ResetBefore: d.yes(0.5), Textbook: textbook,
			Clip: clip, GateActivation: gru.Activation(gate), CandidateActivation: gru.Activation(candidate), Dropout: dropout}, d.r))
	default:
		s.Layer = must(rnn.New(rnn.Config{Input: in, Hidden: hidden, Layers: layers, Bidirectional: both, Reverse: reverse, Merge: rnn.Merge(merge), NoBias: noBias,
			Clip: clip, Activation: rnn.Activation(candidate), Dropout: dropout}, d.r))
	}
	if d.yes(0.2) {
		for range states {
			s.Initial = append(s.Initial, d.vector(layers*directions*hidden, -1, 1))
		}
	}
	return s
}

// stage draws any stage over time. depth is how many it is inside of.
func (d *drawing) stage(depth int) nn.Stage {
	switch n := d.r.IntN(16); {
	case n < 5:
		return d.recurrent()
	case n < 7:
		return d.linear(d.size())
	case n < 8:
		l := must(nn.NewLayerNorm(d.width))
		l.Weight, l.Bias = d.vector(d.width, 0.5, 1.5), d.vector(d.width, -0.5, 0.5)
		return l
	case n < 10:
		return []nn.Stage{nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softsign, nn.Softplus, nn.GELU, nn.GELUTanh, nn.LeakyReLU(0.1), nn.ELU(0.7), nn.HardSigmoid(0.2, 0.5)}[d.r.IntN(10)]
	case n < 11:
		if width := d.width; d.yes(0.7) {
			half := d.size()
			d.width = half
			both := must(nn.NewLinear(width, 2*half, d.r))
			return nn.Sequential{both, &Combine{Width: half, Product: d.yes(0.5)}}
		}
		return nn.Dropout{P: 0.3}
	case n < 12:
		return &Scale{Factor: d.vector(d.width, 0.5, 1.5), Shift: d.vector(d.width, -0.5, 0.5)}
	case n < 13 && depth == 0: // inside of a residual, a choice among chosen elements is refused by name
		p := &Pick{Width: d.width, From: make([]int, d.size()), Last: !d.o.Lengths && d.yes(0.2)}
		for i := range p.From {
			p.From[i] = d.r.IntN(d.width)
		}
		d.width = len(p.From)
		return p
	case depth > 1 || n < 13:
		return d.linear(d.size())
	case n < 15:
		width := d.width
		inside := []nn.Stage{d.stage(depth + 1), d.linear(width)}
		return nn.Residual(inside)
	}
	width, total := d.width, 0
	var beside nn.Parallel
	for range 1 + d.r.IntN(2) {
		d.width = width
		beside = append(beside, d.stage(depth+1))
		total += d.width
	}
	d.width = width // of one that says it
	beside = append(beside, d.linear(d.size()))
	d.width += total
	return beside
}

// end draws what makes one step of all.
func (d *drawing) end() nn.Stage {
	switch n := d.r.IntN(5); {
	case n == 0:
		return nn.PoolMean{}
	case n == 1:
		return nn.PoolMax{}
	case n < 4:
		width := d.width
		var score nn.AttentionPool
		for range d.r.IntN(3) {
			score = append(score, d.stage(1))
		}
		score = append(score, d.linear(1))
		d.width = width
		return score
	}
	p := whole(d.width)
	p.First = make([]bool, d.width)
	for i := range p.First {
		p.First[i] = d.yes(0.5)
	}
	return p
}

// What ONNX Runtime of today computes of drawn chains is what these compute.
func TestDrawnExportsAgreeWithONNXRuntimeOfToday(t *testing.T) {
	py := peer(t, "onnx", "onnxruntime")
	cases := drawnCases(python.Seed(t, 1), python.Count(t, 60))
	compareExports(t, cases, withRuntime(t, t.TempDir(), cases, py))
}

// Drawn chains are written, and become the same again: the same weights and, bit for bit, the
// same outputs.
func TestDrawnExportAndImport(t *testing.T) {
	exportAndImport(t, drawnCases(python.Seed(t, 1000), python.Count(t, 200)))
}

// What drawn chains found: each of these was refused, by Export or when it came back, or came
// back as stages that do not fit.
func TestChainsThatWereRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	linear := func(in, out int) *nn.Linear { return must(nn.NewLinear(in, out, r)) }
	exportAndImport(t, []exportCase{
		{"dropout between merged layers of lstm", ExportOptions{}, []nn.Stage{Recurrent{Layer: must(lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Merge: lstm.Sum, Dropout: 0.3}, r))}}},
		{"dropout between merged layers of gru", ExportOptions{}, []nn.Stage{Recurrent{Layer: must(gru.New(gru.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Merge: gru.Sum, Dropout: 0.3}, r))}}},
		{"dropout between merged layers of rnn", ExportOptions{}, []nn.Stage{Recurrent{Layer: must(rnn.New(rnn.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Merge: rnn.Sum, Dropout: 0.3}, r))}}},
		{"a mean of two directions of one unit", ExportOptions{}, []nn.Stage{Recurrent{Layer: must(gru.New(gru.Config{Input: 3, Hidden: 1, Layers: 2, Bidirectional: true, Merge: gru.Average}, r))}, linear(1, 2)}},
		{"a residual over one element", ExportOptions{}, []nn.Stage{linear(3, 4), &Pick{Width: 4, From: []int{2}}, nn.Residual{linear(1, 1)}}},
		{"a scale of each element of a part", ExportOptions{}, []nn.Stage{linear(3, 4), nn.Parallel{nn.Sequential{&Pick{Width: 4, From: []int{1, 2}}, &Scale{Factor: []float32{2, -3}, Shift: []float32{0.5, 1}}}, &Pick{Width: 4, From: []int{0, 1}}}, &Combine{Width: 2}}},
		{"a scale of one element", ExportOptions{}, []nn.Stage{Recurrent{Layer: must(gru.New(gru.Config{Input: 3, Hidden: 4}, r))}, &Pick{Width: 4, From: []int{2}}, &Scale{Factor: []float32{2}, Shift: []float32{0.5}}, linear(1, 2)}},
	})
}

// past clears, in an output of a file with lengths, what is past the ends of rows: there
// ONNX's stages make something of zeros, and ours give zeros.
func past(o ExportOptions, in, out map[string]Tensor) {
	y := out["y"]
	if !o.Lengths || len(y.Shape) != 3 {
		return
	}
	y.Floats = slices.Clone(y.Floats)
	for i := range y.Floats {
		step, row := i/y.Shape[2]/y.Shape[1], i/y.Shape[2]%y.Shape[1]
		if o.BatchFirst {
			step, row = row, step
		}
		if int64(step) >= in["lengths"].Integers[row] {
			y.Floats[i] = 0
		}
	}
	out["y"] = y
}
