package seq2seq

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// A Predictor decodes step by step: a frozen copy of the decoder, and what the encoder
// made of the sources of one batch. Its rows are those of a search, one or several for
// each source. Its outputs have the bits that ForwardBatch gives for the same sources and
// ids. It is used by the goroutine that uses the Net.
type Predictor struct {
	net        *Net
	decoder    *nn.ModelPredictor
	attentions []*attentionPredictor
	rows       int
	mem        encoded
	now        int // steps of the sources
	ready      bool
	moves      uint64

	shapes []block     // of the decoder's state
	begin  [][]float32 // where the decoder starts with each source, by Bridge
	start  [][]float32 // room for a state
	next   []int       // room for Reorder
}

// Predictor returns a Predictor of that many rows. Encode comes next.
func (n *Net) Predictor(rows int) (*Predictor, error) {
	if n == nil {
		return nil, nilcheck.Receiver("seq2seq", "Net", "Predictor")
	}
	if rows < 1 || rows > maxElements {
		return nil, fmt.Errorf("seq2seq: a predictor for %d rows, want at least 1", rows)
	}
	decoder, err := n.decoder.Predictor(rows)
	if err != nil {
		return nil, err
	}
	p := &Predictor{net: n, decoder: decoder, rows: rows, shapes: n.to, next: make([]int, rows)}
	if n.batch == 1 {
		// The net's own state does not show its shape: see layout.
		if p.shapes, err = layout("decoder", decoder, rows); err != nil {
			return nil, err
		}
	}
	p.begin, p.start = tensors(p.shapes, n.batch), tensors(p.shapes, rows)
	p.mem = encoded{steps: n.most, batch: n.batch, m: make([]float32, len(n.memory)), lengths: make([]int, n.batch), of: make([]int, rows)}
	for _, a := range n.attentions {
		// The chain has just made one of each and does not give it away.
		q := a.made
		a.made, q.src = nil, &p.mem
		p.attentions = append(p.attentions, q)
	}
	return p, nil
}

// NewPredictor is Predictor for code that has n as an nn.Net.
func (n *Net) NewPredictor(batch int) (any, error) {
	if n == nil {
		return nil, nilcheck.Receiver("seq2seq", "Net", "NewPredictor")
	}
	p, err := n.Predictor(batch)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Encode runs the encoder over the sources in, one for each row of the net, with masks off,
// and sets each row of the predictor to the begin of a decoding: row i reads source of[i].
// A nil of gives the same number of rows to each source: row i reads source i*batch/rows,
// of a number of rows that is a multiple of the net's. For fewer sources than the net has
// rows, leave rows empty by in.Lengths.
//
// Encode uses the weights as they are now, in the encoder and, like Refresh, in the
// decoder. It runs the net's own encoder, so that Backward of the net needs a new
// ForwardBatch. On an error about in or of nothing is changed but that; the predictor needs
// another Encode after a bad id.
func (p *Predictor) Encode(in *data.Input, of []int) error {
	if p == nil {
		return nilcheck.Receiver("seq2seq", "Predictor", "Encode")
	}
	n := p.net
	switch {
	case in == nil:
		return errors.New("seq2seq: Encode without a source")
	case of == nil && p.rows%n.batch != 0:
		return fmt.Errorf("seq2seq: Encode of %d sources for %d rows, want a multiple, or which row reads which", n.batch, p.rows)
	case of != nil && len(of) != p.rows:
		return fmt.Errorf("seq2seq: Encode with the sources of %d rows, want %d", len(of), p.rows)
	}
	for i, s := range of {
		if s < 0 || s >= n.batch {
			return fmt.Errorf("seq2seq: Encode: row %d reads source %d, want 0 to %d", i, s, n.batch-1)
		}
	}
	if err := n.checkSource(in); err != nil {
		return err
	}
	n.pending, p.ready = false, false
	p.moves++
	n.encoder.SetTraining(false)
	err := n.encode(in)
	n.encoder.SetTraining(n.training)
	if err != nil {
		return err
	}
	for i := range p.mem.of {
		if of != nil {
			p.mem.of[i] = of[i]
		} else {
			p.mem.of[i] = i * n.batch / p.rows
		}
	}
	for b := range p.mem.lengths {
		p.mem.lengths[b] = in.Steps
		if in.Lengths != nil {
			p.mem.lengths[b] = in.Lengths[b]
		}
	}
	p.now = in.Steps
	used := in.Steps * n.batch * n.width
	n.isa.CopyFlush(p.mem.m[:used], n.memory[:used])
	clear(p.mem.m[used:])
	clearPadding(p.mem.m[:used], p.mem.lengths, n.batch, n.width)
	p.decoder.Refresh()
	p.decoder.Reset()
	if n.bridge != nil {
		nn.CopyState(n.encoder, n.state)
		n.bridge.forward(p.begin, n.state)
		if err := p.restart(nil); err != nil {
			return err
		}
	}
	p.ready = true
	return nil
}

// restart sets the state of the given rows, of all when there are none, to where their
// sources start.
func (p *Predictor) restart(rows []int) error {
	spread(p.start, p.begin, p.shapes, p.net.batch, p.mem.of)
	if len(rows) > 0 {
		begin := p.start
		p.start = p.decoder.State()
		for k, b := range p.shapes {
			for i := range b.Count {
				for _, r := range rows {
					copy(b.Part(p.start[k], p.rows, i, r), b.Part(begin[k], p.rows, i, r))
				}
			}
		}
	}
	return p.decoder.SetState(p.start)
}

// Dims returns the number of rows, of symbols, and the width of the outputs.
func (p *Predictor) Dims() (batch, in, out int) { return p.decoder.Dims() }

// SourceSteps returns the steps of the sources of the last Encode.
func (p *Predictor) SourceSteps() int { return p.now }

// StepIDs sets y, [rows][out], from ids, [rows], and advances the state. A bad id is a
// *data.IDError, and changes nothing. It is an error before the first Encode.
func (p *Predictor) StepIDs(y []float32, ids []int32) error {
	if p == nil {
		return nilcheck.Receiver("seq2seq", "Predictor", "StepIDs")
	}
	if !p.ready {
		return errors.New("seq2seq: StepIDs before Encode: there is no source to decode")
	}
	err := p.decoder.StepIDs(y, ids)
	if err == nil {
		p.moves++
	}
	return err
}

// Step panics: the decoder reads ids. Call StepIDs.
func (p *Predictor) Step(y, x []float32) { panic("seq2seq: Step of a decoder over ids, want StepIDs") }

// Weights sets dst, [rows][SourceSteps()], to the weights by which the rows attended to
// their sources in the last step, in attention i of the decoder, counted from 0. After
// Reorder they are still those of the rows before. It panics if there is no such attention,
// and if len(dst) does not fit.
func (p *Predictor) Weights(i int, dst []float32) {
	if i < 0 || i >= len(p.attentions) {
		panic(fmt.Sprintf("seq2seq: Weights of attention %d of %d", i, len(p.attentions)))
	}
	mustHave("Weights: dst", len(dst), p.rows*p.now)
	for r := range p.rows {
		copy(dst[r*p.now:][:p.now], p.attentions[i].weights[r*p.mem.steps:])
	}
}

// State returns copies of the state of the decoder's nets, and as the last tensor which
// source each row reads.
func (p *Predictor) State() [][]float32 {
	of := make([]float32, p.rows)
	for i, s := range p.mem.of {
		of[i] = float32(s)
	}
	return append(p.decoder.State(), of)
}

// SetState puts back what State returned. On an error nothing is changed.
func (p *Predictor) SetState(s [][]float32) error {
	if p == nil {
		return nilcheck.Receiver("seq2seq", "Predictor", "SetState")
	}
	if len(s) == 0 || len(s[len(s)-1]) != p.rows {
		return fmt.Errorf("seq2seq: a state of %d tensors, want those of the decoder and then one of %d rows, as State returns them", len(s), p.rows)
	}
	of := s[len(s)-1]
	for i, v := range of {
		if !(v >= 0 && v < float32(p.net.batch)) || v != float32(int(v)) {
			return fmt.Errorf("seq2seq: the state has source %v in row %d, want a whole number of 0 to %d", v, i, p.net.batch-1)
		}
	}
	if err := p.decoder.SetState(s[:len(s)-1]); err != nil {
		return err
	}
	for i, v := range of {
		p.mem.of[i] = int(v)
	}
	p.moves++
	return nil
}

// Reset sets the state of the given rows, of all when there are none, to what Encode has
// set: the begin of a decoding of the sources that the rows read now. Before the first
// Encode it does nothing.
func (p *Predictor) Reset(rows ...int) {
	p.decoder.Reset(rows...)
	p.moves++
	if p.net.bridge == nil || !p.ready {
		return
	}
	if err := p.restart(rows); err != nil {
		panic("seq2seq: the decoder refused a state that it had: " + err.Error())
	}
}

// Reorder gives row i the state that row src[i] had, and its source.
func (p *Predictor) Reorder(src []int) {
	p.decoder.Reorder(src)
	p.moves++
	copy(p.next, p.mem.of)
	for i, r := range src {
		p.mem.of[i] = p.next[r]
	}
}

// Moves returns another number after each call that changed the state: by it who holds
// the outputs of a step sees whether they still belong to the state.
func (p *Predictor) Moves() uint64 { return p.moves }

// Refresh copies the weights of the decoder again, and computes by them what attention
// needs of the sources. The outputs of the encoder stay.
func (p *Predictor) Refresh() { p.decoder.Refresh() }
