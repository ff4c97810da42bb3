package seq2seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// encoded is the memory that all attentions of a Predictor read, and which row reads
// which part of it.
type encoded struct {
	steps, batch int       // of m, as the encoder was unrolled
	m            []float32 // [steps][batch][width], flushed, +0 past the ends
	lengths      []int     // [batch]
	of           []int     // for each row of the predictor: its row of m
}

// attentionPredictor is a frozen Attention for one query of each row at a time.
type attentionPredictor struct {
	from  *AttentionNet
	cfg   AttentionConfig
	isa   kernels.ISA
	batch int
	src   *encoded // nil until a Predictor has set it

	key, query, out *kernels.Packed // weights; nil without
	vector          []float32

	keys    []float32         // [steps][src.batch][width] where they are not src.m
	packed  []*kernels.Packed // for Dot and General: the keys of each row of src
	weights []float32         // [batch][steps]: of the last step
	joined  []float32         // [batch][Memory+Query]
	mapped  []float32         // [batch][Width]
	work    []float32
}

// NewPredictor returns a frozen copy of the weights for a chain's predictor. Its memory
// comes from the Predictor of a seq2seq.Net: a step of any other panics.
func (u *AttentionNet) NewPredictor(batch int) (any, error) {
	if u == nil {
		return nil, nilcheck.Receiver("seq2seq", "AttentionNet", "NewPredictor")
	}
	c := u.cfg
	if batch < 0 || !bounded(batch, max(c.Memory+c.Query, c.out(), c.width(), u.most), 1) {
		return nil, fmt.Errorf("seq2seq: a predictor for %d rows", batch)
	}
	p := &attentionPredictor{from: u, cfg: c, isa: u.isa, batch: batch, weights: make([]float32, batch*u.most), joined: make([]float32, batch*(c.Memory+c.Query))}
	s, w := u.most, c.width()
	// See AttentionNet.scratchSize.
	p.work = make([]float32, u.isa.GemmWork(false, true, max(batch, 1), c.Memory, s)+s*w)
	if c.Score != Dot {
		p.key = u.isa.NewPacked(c.Memory, w)
		p.keys = make([]float32, s*u.batch*w)
	}
	if c.Score == Additive {
		p.query, p.vector, p.mapped = u.isa.NewPacked(c.Query, w), make([]float32, w), make([]float32, batch*w)
	} else {
		p.packed = make([]*kernels.Packed, u.batch)
		for b := range p.packed {
			p.packed[b] = u.isa.NewPacked(w, s)
		}
	}
	if c.Out > 0 {
		p.out = u.isa.NewPacked(c.Memory+c.Query, c.Out)
	}
	p.Refresh()
	u.made = p
	return p, nil
}

// Refresh copies the weights, and computes the keys of the memory by them.
func (p *attentionPredictor) Refresh() {
	p.from.mustBeUnchanged()
	a, c := &p.from.as, &p.cfg
	if p.key != nil {
		p.key.PackFlush(true, a.Key.Weight, c.Memory)
	}
	if p.query != nil {
		p.query.PackFlush(true, a.Query.Weight, c.Query)
		p.isa.CopyFlush(p.vector, a.Vector)
	}
	if p.out != nil {
		p.out.PackFlush(true, a.Out.Weight, c.Memory+c.Query)
	}
	if p.src != nil {
		p.remember()
	}
}

// remember computes the keys of the memory.
func (p *attentionPredictor) remember() {
	m, w := p.src, p.cfg.width()
	keys := m.m
	if p.key != nil {
		keys = p.keys
		p.key.Gemm(kernels.Set, m.steps*m.batch, m.m, p.cfg.Memory, keys, w)
	}
	for b, packed := range p.packed {
		if m.steps > 0 {
			packed.PackFlush(true, keys[b*w:], m.batch*w)
		}
	}
}

// Step sets y [batch][out] from the queries x [batch][Query].
func (p *attentionPredictor) Step(y, x []float32) {
	if p.src == nil {
		panic("seq2seq: a step of attention without a memory: use the Predictor of a seq2seq.Net")
	}
	c := &p.cfg
	n, w, s := c.Memory+c.Query, c.width(), p.src.steps
	for i := range p.batch {
		p.isa.CopyFlush(p.joined[i*n+c.Memory:][:c.Query], x[i*c.Query:][:c.Query])
	}
	if p.query != nil {
		p.query.Gemm(kernels.Set, p.batch, p.joined[min(c.Memory, len(p.joined)):], n, p.mapped, w)
	}
	for i, end := 0, 0; i < p.batch; i = end {
		// Rows that read the same memory, as the beams of a search, share its products.
		of := p.src.of[i]
		for end = i + 1; end < p.batch && p.src.of[end] == of; end++ {
		}
		rows, length := end-i, p.src.lengths[of]
		if length == 0 {
			for ; i < end; i++ {
				clear(p.joined[i*n:][:c.Memory])
				clear(p.weights[i*s:][:s])
			}
			continue
		}
		weights := p.weights[i*s : end*s]
		if c.Score == Additive {
			for r := range rows {
				h := hidden(p.isa, p.work[:length*w], p.mapped[(i+r)*w:][:w], p.keys[of*w:], p.src.batch*w)
				score(p.isa, weights[r*s:][:length], h, p.vector)
			}
		} else {
			p.packed[of].Gemm(kernels.Set, rows, p.joined[i*n+c.Memory:], n, weights, s)
		}
		for r := range rows {
			softmax(p.isa, weights[r*s:][:length])
			clear(weights[r*s+length : (r+1)*s])
		}
		p.isa.Gemm(kernels.SetFlush, false, false, rows, c.Memory, length, weights, s, p.src.m[of*c.Memory:], p.src.batch*c.Memory, p.joined[i*n:], n, p.work)
	}
	if p.out == nil {
		copy(y, p.joined)
		return
	}
	p.out.Gemm(kernels.Set, p.batch, p.joined, n, y, c.Out)
	p.isa.Tanh(y, y)
}

// The rest of an nn.Predictor: there is no state. Which row reads which memory is the
// Predictor's.

func (p *attentionPredictor) State() [][]float32           { return nil }
func (p *attentionPredictor) SetState(s [][]float32) error { return noState(s) }
func (p *attentionPredictor) Reset(...int)                 {}
func (p *attentionPredictor) Reorder([]int)                {}
