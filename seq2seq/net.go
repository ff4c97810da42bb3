package seq2seq

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// A Config says what a Net is made of.
type Config struct {
	// Encoder reads the sources: any Net, over ids or numbers, with layers of any
	// direction.
	Encoder nn.Net

	// Decoder is the stages of a chain over ids: an Embedding first, then nets, among
	// them an *AttentionNet or several, and at last a readout. Each AttentionNet
	// attends to the outputs of Encoder. It may be a part of a Sequential, Residual or
	// Parallel, but not a stage of a chain that is itself a stage.
	Decoder []nn.Stage

	// Bridge is how the decoder's state begins; nil: at zero.
	Bridge *Bridge

	// Sampling is the schedule of scheduled sampling; nil is teacher forcing, which
	// feeds the symbols of the data alone.
	Sampling Decay
}

// A Net is an encoder, and a decoder that attends to its outputs or starts from its
// state, or both. It is an nn.Net with the method ForwardBatch, which bptt.Train calls. It
// carries no state from one batch to the next: each begins at zero, or where Bridge says.
// It is used by one goroutine at a time, the Predictors made of it included.
type Net struct {
	encoder    nn.Net
	ids        nn.IDNet // encoder, if it takes ids
	decoder    *nn.Model
	attentions []*AttentionNet
	bridge     *bridge
	sampler    *sampler // nil without
	tells      telling
	isa        kernels.ISA

	steps, most, batch       int
	vocabulary, width, inner int // inner: of the encoder's input
	out                      int

	memory, dmemory []float32 // [most][batch][width]
	from, to        []block   // shapes of the states
	state, start    [][]float32
	training        bool
	pending         bool
	source          int // steps of the last batch
	y               int // len(y) of the last batch
}

// New makes a Net. All parts must be unrolled for the same number of rows, at least 1. It
// returns an error if parts do not fit, and if the decoder learns nothing of the source:
// without an AttentionNet and without a Bridge. The states of encoder and decoder are zero
// afterwards.
//
// If the Layer of an Embedding or another stage stands in encoder and decoder, both share
// its weights as one parameter: see nn.Chain. Parameters have the names that they have in
// their chains, after "encoder." and "decoder."; those of the Bridge are "bridge.0.weight",
// "bridge.0.bias" and so on.
func New(c Config) (*Net, error) {
	if err := missing("Config.Encoder", c.Encoder); err != nil {
		return nil, err
	}
	n := &Net{encoder: c.Encoder, ids: nn.OverIDs(c.Encoder), isa: kernels.Current(), training: true}
	var err error
	if n.decoder, err = nn.Chain(c.Decoder...); err != nil {
		return nil, fmt.Errorf("seq2seq: the decoder: %w", err)
	}
	if !n.decoder.TakesIDs() {
		return nil, errors.New("seq2seq: the decoder has no Embedding as its first stage, want one: it reads ids")
	}
	n.most, n.batch, n.inner, n.width = n.encoder.Dims()
	var rows int
	n.steps, rows, n.vocabulary, n.out = n.decoder.Dims()
	if n.batch < 1 || rows != n.batch {
		return nil, fmt.Errorf("seq2seq: an encoder of %d rows and a decoder of %d, want one number, at least 1", n.batch, rows)
	}
	if !bounded(n.most, n.batch, n.width) {
		return nil, fmt.Errorf("seq2seq: outputs of the encoder of %d steps, %d rows and width %d are more than %d elements", n.most, n.batch, n.width, maxElements)
	}
	err = eachStage("stage", c.Decoder, func(place string, s nn.Stage) error {
		a, ok := s.(*AttentionNet)
		if !ok {
			return nil
		}
		if a.cfg.Memory != n.width || a.most != n.most {
			return fmt.Errorf("seq2seq: %s of the decoder attends to a memory of %d steps of width %d, the encoder has %d of width %d", place, a.most, a.cfg.Memory, n.most, n.width)
		}
		n.attentions = append(n.attentions, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(n.attentions) == 0 && c.Bridge == nil {
		return nil, errors.New("seq2seq: the decoder has no AttentionNet and Config no Bridge: nothing of the source would reach it")
	}
	if err := n.link(c.Bridge); err != nil {
		return nil, err
	}
	if c.Sampling != nil {
		if err := n.sample(c.Sampling); err != nil {
			return nil, err
		}
	}
	n.memory, n.dmemory = make([]float32, n.most*n.batch*n.width), make([]float32, n.most*n.batch*n.width)
	n.separateMasks()
	n.tells.init(n)
	return n, nil
}

// eachStage calls f for each of the stages, with a name by its place, and in place of one
// that is made of others for these, until f returns an error.
func eachStage(name string, stages []nn.Stage, f func(name string, s nn.Stage) error) error {
	for i, s := range stages {
		name, err := fmt.Sprintf("%s %d", name, i), error(nil)
		switch s := s.(type) {
		case nn.Sequential:
			err = eachStage(name+", part", s, f)
		case nn.Residual:
			err = eachStage(name+", part", s, f)
		case nn.Parallel:
			err = eachStage(name+", part", s, f)
		case nn.AttentionPool:
			err = eachStage(name+", part", s, f)
		default:
			err = f(name, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link makes the bridge.
func (n *Net) link(b *Bridge) (err error) {
	if n.from, err = layout("encoder", n.encoder, n.batch); err != nil {
		return err
	}
	if n.to, err = layout("decoder", n.decoder, n.batch); err != nil {
		return err
	}
	n.state, n.start = tensors(n.from, n.batch), tensors(n.to, n.batch)
	if b != nil {
		n.bridge, err = newBridge(b, n.from, n.to, n.batch)
	}
	return err
}

// sample prepares scheduled sampling.
func (n *Net) sample(d Decay) error {
	if nilcheck.IsNil(d) {
		return fmt.Errorf("seq2seq: Config.Sampling is a nil %T; leave the field out for teacher forcing", d)
	}
	if n.out != n.vocabulary {
		return fmt.Errorf("seq2seq: Config.Sampling with %d outputs for %d symbols: what is predicted must be what can be fed", n.out, n.vocabulary)
	}
	if c, ok := d.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return err
		}
	}
	n.sampler = &sampler{decay: d, isa: n.isa, batch: n.batch, out: n.out,
		ids: make([]int32, 0, n.steps*n.batch), best: make([]int32, n.steps*n.batch), u: make([]float32, 64)}
	n.sampler.part = n.sampler.choose
	return nil
}

// Dims returns the most steps of the decoder, the rows, the number of symbols that it
// reads, and the width of its outputs.
func (n *Net) Dims() (steps, batch, in, out int) { return n.steps, n.batch, n.vocabulary, n.out }

// SourceDims returns the most steps of a source, the rows, and the width of its inputs:
// the number of symbols for an encoder over ids.
func (n *Net) SourceDims() (steps, batch, in int) { return n.most, n.batch, n.inner }

// ForwardBatch sets y, [b.Steps][batch][out], to the outputs for the ids of b, which
// the decoder reads, and for b.Source, which the encoder does. b.Lengths and
// b.Source.Lengths say how many steps of each row exist.
//
// With Config.Sampling, in training, it is two passes of the decoder ("parallel" scheduled
// sampling: Mihaylova and Martins 2019, "Scheduled sampling for Transformers"), since the
// recurrence runs over whole windows: the first is fed by the symbols of the data, and in
// the second each symbol but the first is, with a probability that the schedule gives, the
// most likely one by the first pass. Bengio, Vinyals, Jaitly and Shazeer (2015,
// "Scheduled sampling for sequence prediction with recurrent neural networks") feed
// predictions of the same pass.
//
// A bad id is a *data.IDError; other things in b that do not fit are errors too. After an
// error Backward needs a new ForwardBatch. It panics if len(y) does not fit b.
func (n *Net) ForwardBatch(y []float32, b *data.Batch) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "ForwardBatch")
	}
	mustHave("ForwardBatch: y", len(y), b.Steps*n.batch*n.out)
	if err := n.begin(b); err != nil {
		return err
	}
	ids, err := n.inputs(b, func() error {
		if err := n.decode(y, b.IDs, b.Lengths); err != nil {
			return err
		}
		n.sampler.predict(y, 0)
		return nil
	})
	if err != nil {
		return err
	}
	if err := n.decode(y, ids, b.Lengths); err != nil {
		return err
	}
	n.pending, n.source, n.y = true, b.Source.Steps, len(y)
	return nil
}

// begin checks b, runs the encoder and takes what it gives to where the decoder begins.
func (n *Net) begin(b *data.Batch) error {
	n.pending = false
	switch {
	case b.Source == nil:
		return errors.New("seq2seq: a batch without a Source, want one as data.Pairs gives it")
	case b.Rows != n.batch:
		return fmt.Errorf("seq2seq: a batch of %d rows, the net has %d", b.Rows, n.batch)
	case len(b.IDs) != b.Steps*n.batch:
		return fmt.Errorf("seq2seq: a batch with %d ids, want %d for %d steps of %d rows", len(b.IDs), b.Steps*n.batch, b.Steps, n.batch)
	}
	if err := checkSteps("batch", b.Steps, n.steps, n.batch, b.Lengths); err != nil {
		return err
	}
	if err := n.checkSource(b.Source); err != nil {
		return err
	}
	if err := n.encode(b.Source); err != nil {
		return err
	}
	for _, a := range n.attentions {
		if err := a.SetMemory(n.memory[:b.Source.Steps*n.batch*n.width], b.Source.Lengths); err != nil {
			return err
		}
	}
	if n.bridge != nil {
		nn.CopyState(n.encoder, n.state)
		n.bridge.forward(n.start, n.state)
	}
	return nil
}

// inputs returns what the decoder reads: the ids of b, or with scheduled sampling others, for
// which first runs the first pass up to the predictions.
func (n *Net) inputs(b *data.Batch, first func() error) ([]int32, error) {
	if n.sampler == nil || !n.training {
		return b.IDs, nil
	}
	p, err := n.sampler.rate()
	if err != nil || p == 0 {
		return b.IDs, err
	}
	if err := first(); err != nil {
		return nil, err
	}
	return n.sampler.mix(b.IDs, p), nil
}

// checkSource returns an error if the encoder cannot read in.
func (n *Net) checkSource(in *data.Input) error {
	pairs := in.Steps * n.batch
	switch {
	case in.Steps < 0 || in.Steps > n.most:
		return fmt.Errorf("seq2seq: a source of %d steps, want 0 to %d; unroll more steps or leave the sequence out", in.Steps, n.most)
	case n.ids != nil && len(in.IDs) != pairs:
		return fmt.Errorf("seq2seq: a source with %d ids, want %d for %d steps of %d rows", len(in.IDs), pairs, in.Steps, n.batch)
	case n.ids == nil && len(in.X) != pairs*n.inner:
		return fmt.Errorf("seq2seq: a source with %d inputs, want %d for %d steps of %d rows of width %d", len(in.X), pairs*n.inner, in.Steps, n.batch, n.inner)
	}
	return checkSteps("source", in.Steps, n.most, n.batch, in.Lengths)
}

// encode runs the encoder over in, which checkSource has accepted, from a zero state.
func (n *Net) encode(in *data.Input) error {
	n.encoder.Reset()
	if err := n.encoder.SetLengths(in.Lengths); err != nil {
		return fmt.Errorf("seq2seq: the source: %w", err)
	}
	m := n.memory[:in.Steps*n.batch*n.width]
	if n.ids == nil {
		n.encoder.Forward(m, in.X)
		return nil
	}
	if err := n.ids.ForwardIDs(m, in.IDs); err != nil {
		return fmt.Errorf("seq2seq: the source: %w", err)
	}
	return nil
}

// decode runs the decoder from its first state.
func (n *Net) decode(y []float32, ids []int32, lengths []int) error {
	if err := n.resetDecoder(); err != nil {
		return err
	}
	return n.decoder.ForwardIDsLengths(y, ids, lengths)
}

// resetDecoder gives the decoder its first state.
func (n *Net) resetDecoder() error {
	n.decoder.Reset()
	if n.bridge == nil {
		return nil
	}
	return n.decoder.SetState(n.start)
}

// Backward propagates dy, [T][batch][out], back through the decoder, the attention, the
// bridge and the encoder, and adds to the gradients of all. dx is nil. Symbols that
// scheduled sampling has fed are constants. It panics if dx is not nil, if len(dy) is not
// that of the last ForwardBatch, and without one: each ForwardBatch serves one Backward.
func (n *Net) Backward(dx, dy []float32) {
	n.backward(dx, dy, nn.Net.Backward)
}

// BackwardFlushed is Backward with [nn.BackwardFlushed] of the decoder. Of a net that embeds n
// it is Backward of that.
func (n *Net) BackwardFlushed(of nn.Net, dx, dy []float32) {
	if of != nn.Net(n) {
		of.Backward(dx, dy)
		return
	}
	n.backward(dx, dy, nn.BackwardFlushed)
}

// backward goes back through the net, through the decoder by the function given.
func (n *Net) backward(dx, dy []float32, through func(net nn.Net, dx, dy []float32)) {
	if dx != nil {
		panic("seq2seq: Backward of a net over ids has no dx, want nil")
	}
	if !n.pending {
		panic("seq2seq: Backward without a ForwardBatch before it: each ForwardBatch serves one Backward")
	}
	mustHave("Backward: dy", len(dy), n.y)
	n.pending = false
	through(n.decoder, nil, dy)
	n.encoderBackward()
}

// encoderBackward goes back through attention, bridge and encoder, after the decoder.
func (n *Net) encoderBackward() {
	d := n.dmemory[:n.source*n.batch*n.width]
	clear(d)
	for _, a := range n.attentions {
		n.isa.Add(d, d, a.MemoryGrad())
	}
	if n.bridge != nil {
		nn.CopyStateGrad(n.decoder, n.start)
		n.bridge.backward(n.state, n.start)
		if err := n.encoder.SetStateGrad(n.state); err != nil {
			panic(fmt.Sprintf("seq2seq: a gradient of the state that %T gave was refused: %v", n.encoder, err))
		}
		n.tells.say(n.tells.bridge)
	}
	n.encoder.Backward(nil, d)
	n.tells.say(0)
	if n.sampler != nil && n.training {
		n.sampler.step++
	}
}

// ZeroGrads zeroes the gradients of all parameters.
func (n *Net) ZeroGrads() {
	n.encoder.ZeroGrads()
	if n.bridge != nil {
		for _, m := range n.bridge.maps {
			m.ZeroGrads()
		}
	}
	n.decoder.ZeroGrads()
}

// EachParam calls f for each parameter: of the encoder, the bridge, the decoder. A
// parameter that encoder and decoder share comes twice, each time with its own part of the
// gradient, which a Trainer adds up.
func (n *Net) EachParam(f func(name string, w, g []float32)) {
	n.encoder.EachParam(func(name string, w, g []float32) { f("encoder."+name, w, g) })
	if n.bridge != nil {
		for i, m := range n.bridge.maps {
			m.EachParam(func(name string, w, g []float32) {
				f(bridgeName(i, name), w, g)
			})
		}
	}
	n.decoder.EachParam(func(name string, w, g []float32) { f("decoder."+name, w, g) })
}

// bridgeName is the name of a parameter of map i, without the place that it has in the chain
// of the map alone.
func bridgeName(i int, name string) string { return fmt.Sprintf("bridge.%d%s", i, name[1:]) }

// EachShape calls f for each parameter whose shape a part knows: its name and its shape.
func (n *Net) EachShape(f func(name string, shape ...int)) {
	if s, ok := n.encoder.(interface {
		EachShape(f func(name string, shape ...int))
	}); ok {
		s.EachShape(func(name string, shape ...int) { f("encoder."+name, shape...) })
	}
	if n.bridge != nil {
		for i, m := range n.bridge.maps {
			m.EachShape(func(name string, shape ...int) { f(bridgeName(i, name), shape...) })
		}
	}
	n.decoder.EachShape(func(name string, shape ...int) { f("decoder."+name, shape...) })
}

// Attentions returns the AttentionNets among the decoder's stages, whose Weights can be
// read after ForwardBatch.
func (n *Net) Attentions() []*AttentionNet { return slices.Clone(n.attentions) }
