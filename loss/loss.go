package loss

import (
	"errors"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Loss turns the outputs of a net into a number and its gradient.
type Loss interface {
	// Loss returns the sum of the loss over what b counts and how many terms n
	// it has, and sets dy, if not nil, to the gradient of sum/by, with n in
	// place of a by of 0: the gradient of the mean. Where several batches make
	// one update the Trainer asks for by = 1, the gradient of the sum, and
	// divides when it knows the terms of all. y and dy are [T][rows][width]
	// and have no memory in common. s is scratch that the caller keeps between
	// calls.
	Loss(dy, y []float32, b *data.Batch, by int, s *Scratch) (sum float64, n int, err error)
}

// Scratch is memory and workers for a Loss. The zero value is ready.
type Scratch struct {
	team  crew.Crew
	isa   kernels.ISA
	parts []float64

	// The arguments of the call under way, for the parts.
	dy, y   []float32
	b       *data.Batch
	width   int
	scale   float32
	rowPart func(w, n int)
	probs   []float32
}

// SetWorkers sets on how many workers a loss may be split; 0, the default, leaves it
// to the size of the work; more than 256 is 256. The number changes no bit. It panics if
// n is negative.
func (s *Scratch) SetWorkers(n int) { s.team.Set(n) }

func (s *Scratch) floats(n int) []float64 {
	if cap(s.parts) < n {
		s.parts = make([]float64, n)
	}
	return s.parts[:n]
}

// CrossEntropy is the negative log-likelihood, in nats, of the targets under
// the softmax of the outputs. A target below 0 is ignored.
//
//	p = softmax(y)   loss = -sum ln p[target] / N   dy = (p - onehot(target)) / N
//
// N is the number of targets counted, or for dy the by of Loss if that is not 0;
// where nothing is counted loss and gradient are zero.
// For each row of logits the maximum is subtracted and the exponentials divided
// by their sum; the losses are added in float64, t then b ascending; dy is
// rounded after p-1 and after the product with 1/N, and stored as +0 below
// 2^-100.
type CrossEntropy struct{}

// Loss implements Loss. A target that is no class is an *IDError.
func (CrossEntropy) Loss(dy, y []float32, b *data.Batch, by int, s *Scratch) (float64, int, error) {
	rows := b.Steps * b.Rows
	width, err := width(b, len(b.Targets), rows, y, dy, by)
	if err != nil || width == 0 {
		return 0, 0, err
	}
	n := 0
	for p, id := range b.Targets {
		if !b.Counts(p) || id < 0 {
			continue
		}
		if int(id) >= width {
			return 0, 0, &data.IDError{What: "target", ID: id, Step: p / b.Rows, Row: p % b.Rows, Limit: width}
		}
		n++
	}
	if n == 0 {
		clear(dy)
		return 0, 0, nil
	}
	if s.rowPart == nil {
		s.rowPart = s.crossEntropyRows
	}
	s.isa = kernels.Current()
	s.dy, s.y, s.b, s.width, s.scale = dy, y, b, width, 1/float32(divisor(by, n))
	losses := s.floats(rows)
	parts := min(s.team.Parts(s.isa, 16*len(y)), rows)
	if dy == nil && len(s.probs) < parts*width {
		s.probs = make([]float32, parts*width)
	}
	team.Run(parts, s.rowPart)
	sum := 0.0
	for p := range losses {
		if b.Counts(p) && b.Targets[p] >= 0 {
			sum += losses[p]
		}
	}
	return sum, n, nil
}

func (s *Scratch) crossEntropyRows(w, n int) {
	lo, hi := split.Share(s.b.Steps*s.b.Rows, 1, w, n)
	for p := lo; p < hi; p++ {
		y := s.y[p*s.width:][:s.width]
		id := s.b.Targets[p]
		if id < 0 || !s.b.Counts(p) {
			if s.dy != nil {
				clear(s.dy[p*s.width:][:s.width])
			}
			continue
		}
		var probs []float32
		if s.dy != nil {
			probs = s.dy[p*s.width:][:s.width]
		} else {
			probs = s.probs[w*s.width:][:s.width]
		}
		of := y[id]
		top, sum := s.isa.Softmax(probs, y)
		s.parts[p] = kernels.Log(float64(sum)) - (float64(of) - float64(top))
		if s.dy != nil {
			probs[id]--
			s.isa.ScaleFlush(probs, probs, s.scale)
		}
	}
}

// MSE is the mean squared error against Batch.Y over every counted element,
// the (t, b) pairs that exist times the width. If the batch has Targets too, a
// pair whose target is below 0 is ignored, as CrossEntropy does: that is how a
// sequence is asked for its last output alone.
//
//	loss = sum (y - target)^2 / N   dy = (y - target) * 2/N
//
// N is the number of these elements, or for dy the by of Loss if that is not 0.
type MSE struct{}

// Loss implements Loss. The squares are exact in float64 and added in the order
// of memory.
func (MSE) Loss(dy, y []float32, b *data.Batch, by int, s *Scratch) (float64, int, error) {
	rows := b.Steps * b.Rows
	if len(b.Y) != len(y) {
		return 0, 0, fmt.Errorf("loss: MSE: %d targets for %d outputs", len(b.Y), len(y))
	}
	have := rows
	if len(b.Targets) > 0 {
		have = len(b.Targets)
	}
	width, err := width(b, have, rows, y, dy, by)
	if err != nil || width == 0 {
		return 0, 0, err
	}
	counts := func(p int) bool { return b.Counts(p) && (len(b.Targets) == 0 || b.Targets[p] >= 0) }
	n := 0
	for p := range rows {
		if counts(p) {
			n += width
		}
	}
	clear(dy)
	if n == 0 {
		return 0, 0, nil
	}
	isa := kernels.Current()
	scale := 2 / float32(divisor(by, n))
	sum := 0.0
	for p := range rows {
		if !counts(p) {
			continue
		}
		for i := p * width; i < (p+1)*width; i++ {
			d := y[i] - b.Y[i]
			sum += float64(float64(d) * float64(d))
			if dy != nil {
				dy[i] = d
			}
		}
		if dy != nil {
			d := dy[p*width:][:width]
			isa.ScaleFlush(d, d, scale)
		}
	}
	return sum, n, nil
}

// width is the width of a row of outputs y, after checking everything a loss
// relies on.
func width(b *data.Batch, targets, rows int, y, dy []float32, by int) (int, error) {
	n := len(y)
	switch {
	case by < 0:
		return 0, fmt.Errorf("loss: a gradient of the loss divided by %d, want the number of terms, or 0 for those of the batch", by)
	case targets != rows:
		return 0, fmt.Errorf("loss: a batch has %d targets, want %d for %d steps of %d rows", targets, rows, b.Steps, b.Rows)
	case dy != nil && len(dy) != n:
		return 0, fmt.Errorf("loss: dy has %d elements, want %d, those of y", len(dy), n)
	case kernels.Overlap(dy, y) || kernels.Overlap(dy, b.Y):
		return 0, errors.New("loss: dy overlaps y, or Y of the batch, in memory; give it memory of its own")
	case rows == 0 && n == 0:
		return 0, nil
	case rows == 0 || n%rows != 0:
		return 0, fmt.Errorf("loss: y has %d elements, which is no multiple of the %d rows of the batch", n, rows)
	}
	return n / rows, nil
}

// divisor is what the gradient of a sum of n terms is divided by.
func divisor(by, n int) int {
	if by == 0 {
		return n
	}
	return by
}

// BitsPerSymbol converts a mean loss in nats to bits.
func BitsPerSymbol(loss float64) float64 { return loss / math.Ln2 }

// Perplexity is e to the mean loss in nats.
func Perplexity(loss float64) float64 { return kernels.Exp64(loss) }
