package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// GrowEmbedding returns a table for a vocabulary that got more symbols (see
// data.Vocabulary.Grow): the rows of e bit for bit, and new ones behind them. With r these
// are drawn as those of NewEmbedding; where r is nil each is the mean of the rows of e,
// which a trained net takes for a symbol like any other: for each column the float32 sum
// over ascending rows, times fl(1/rows).
//
// e is not changed, and the memory is new. Make the chain anew with the result, and a
// Trainer with an optimizer of its own for that: the moments of the old weights do not fit.
// GrowReadout is for the readout of e that has its table. It is an error if e does not fit
// its sizes, and if vocabulary is smaller than that of e or too large for a tensor.
func GrowEmbedding(e *Embedding, vocabulary int, r *rand.Rand) (*Embedding, error) {
	if e == nil {
		return nil, errors.New("nn: GrowEmbedding of a nil *Embedding")
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("nn: GrowEmbedding of %w", err)
	}
	if vocabulary < e.Vocabulary {
		return nil, fmt.Errorf("nn: GrowEmbedding of %d symbols to %d, want as many or more", e.Vocabulary, vocabulary)
	}
	if err := embeddingSizes(vocabulary, e.Dim); err != nil {
		return nil, fmt.Errorf("nn: GrowEmbedding: %w", err)
	}
	grown := *e
	grown.Vocabulary = vocabulary
	grown.Weight = growRows(e.Weight, e.Dim, vocabulary, r == nil)
	if r != nil {
		draw.Normal(grown.Weight[len(e.Weight):], r)
	}
	return &grown, nil
}

// GrowLinear returns a layer with more outputs, the readout for more symbols or classes:
// the rows of l.Weight and the elements of l.Bias bit for bit, and new ones behind them.
// With r these are drawn as those of NewLinear; where r is nil they are the means of those
// of l, as in GrowEmbedding, so that a new symbol begins with the mean of all logits.
//
// l is not changed, and the memory is new: what was said of the chain and of the optimizer
// at GrowEmbedding holds here too. It is an error if l does not fit its sizes, if out is
// smaller than l.Out or too large for a tensor, and if l is the Readout of an Embedding.
func GrowLinear(l *Linear, out int, r *rand.Rand) (*Linear, error) {
	if l == nil {
		return nil, errors.New("nn: GrowLinear of a nil *Linear")
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("nn: GrowLinear of %w", err)
	}
	if l.tied != nil {
		return nil, errors.New("nn: GrowLinear of the Readout of an Embedding, which has the table of that; call GrowEmbedding and then GrowReadout")
	}
	if out < l.Out {
		return nil, fmt.Errorf("nn: GrowLinear of %d outputs to %d, want as many or more", l.Out, out)
	}
	if err := linearSizes(l.In, out); err != nil {
		return nil, fmt.Errorf("nn: GrowLinear: %w", err)
	}
	grown := *l
	grown.Out = out
	grown.Weight = growRows(l.Weight, l.In, out, r == nil)
	if l.Bias != nil {
		grown.Bias = growRows(l.Bias, 1, out, r == nil)
	}
	if r != nil {
		bound := 1 / math.Sqrt(float64(l.In))
		draw.Uniform(grown.Weight[len(l.Weight):], bound, r)
		if l.Bias != nil {
			draw.Uniform(grown.Bias[l.Out:], bound, r)
		}
	}
	return &grown, nil
}

// GrowReadout returns the Readout of grown, a table that GrowEmbedding made of the one that
// l has as its Weight. Its Bias begins with that of l, bit for bit, and goes on with the mean
// of it; it is nil if that of l is. l is not changed. It is an error if l or grown does not
// fit its sizes, and if the first rows of grown are not the Weight of l.
func GrowReadout(l *Linear, grown *Embedding) (*Linear, error) {
	if l == nil || grown == nil {
		return nil, errors.New("nn: GrowReadout of a nil *Linear or *Embedding")
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("nn: GrowReadout of %w", err)
	}
	if err := grown.check(); err != nil {
		return nil, fmt.Errorf("nn: GrowReadout for %w", err)
	}
	if l.In != grown.Dim || l.Out > grown.Vocabulary {
		return nil, fmt.Errorf("nn: GrowReadout of %d outputs over width %d for an embedding of %d symbols of width %d, want as many symbols or more and one width", l.Out, l.In, grown.Vocabulary, grown.Dim)
	}
	for i, w := range l.Weight {
		if math.Float32bits(w) != math.Float32bits(grown.Weight[i]) {
			return nil, fmt.Errorf("nn: GrowReadout: element %d of the Weight is %v, in the grown table %v; grow the embedding whose table the readout has", i, w, grown.Weight[i])
		}
	}
	out := grown.Readout()
	out.Bias = nil
	if l.Bias != nil {
		out.Bias = growRows(l.Bias, 1, grown.Vocabulary, true)
	}
	return out, nil
}

// growRows returns w [n][width] with rows behind it, up to that many: of +0, or of the mean
// of those of w.
func growRows(w []float32, width, rows int, mean bool) []float32 {
	grown := pages.Floats(rows * width)
	copy(grown, w)
	if rows*width == len(w) || !mean {
		return grown
	}
	isa := kernels.Current()
	first := grown[len(w):][:width]
	for i := 0; i < len(w); i += width {
		isa.Add(first, first, w[i:i+width])
	}
	isa.Scale(first, first, 1/float32(len(w)/width))
	for i := len(w) + width; i < len(grown); i += width {
		copy(grown[i:], first)
	}
	return grown
}
