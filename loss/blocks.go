package loss

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// Blocks measures a batch whose outputs come in blocks of steps, so that not all of them
// have to be in memory at a time: Begin, then Block for blocks in any order that are all of
// the steps, then End. The gradients and the total have the bits of one call of Loss for the
// whole batch. The zero value is ready; nothing is allocated for batches that are no larger than
// an earlier one. It is used by one goroutine at a time.
//
// CrossEntropy can be measured so, and MSE, MAE, Huber, BCE and Quantile for outputs of more than 2048
// elements: their sums over narrower outputs go over several steps at a time.
type Blocks struct {
	of      Loss
	b       *data.Batch // of the call under way
	width   int
	by      float64
	total   Total
	scratch *Scratch
	sums    []float64 // of each pair
	part    data.Batch
	lengths []int
}

// CheckBlocks returns an error if Blocks cannot measure l for outputs of that width.
func CheckBlocks(l Loss, width int) error {
	switch l := l.(type) {
	case nil:
		return errors.New("loss: no loss to measure in blocks of steps")
	case CrossEntropy, *CrossEntropy:
		return nil
	case MSE, *MSE, MAE, *MAE, Huber, *Huber, BCE, *BCE, Quantile, *Quantile:
		if blockElements/width > 1 {
			return fmt.Errorf("loss: %T over outputs of width %d in blocks of steps, want a width of more than %d: its sum goes over blocks of %d elements, which have several steps here; leave the limit of rows out", l, width, blockElements/2, blockElements)
		}
		return nil
	}
	return fmt.Errorf("loss: a %T cannot be measured in blocks of steps, want CrossEntropy, MSE, MAE, Huber, BCE or Quantile; others, as those over whole sequences, need all outputs at a time: leave the limit of rows out", l)
}

// weigh returns the weight and the number of the terms of b with l, a loss that CheckBlocks
// has accepted.
func (s *Scratch) weigh(l Loss, b *data.Batch, width int) (Total, error) {
	switch l := l.(type) {
	case CrossEntropy:
		return l.weigh(b, width)
	case *CrossEntropy:
		return l.weigh(b, width)
	case MSE:
		return s.weighBatch(b, width, l.call())
	case *MSE:
		return s.weighBatch(b, width, l.call())
	case MAE:
		return s.weighBatch(b, width, l.call())
	case *MAE:
		return s.weighBatch(b, width, l.call())
	case Huber:
		return s.weighBatch(b, width, l.call())
	case *Huber:
		return s.weighBatch(b, width, l.call())
	case BCE:
		return s.weighBatch(b, width, l.call())
	case Quantile:
		return s.weighBatch(b, width, l.call())
	case *Quantile:
		return s.weighBatch(b, width, l.call())
	case *BCE:
		return s.weighBatch(b, width, l.call())
	}
	panic(fmt.Sprintf("loss: the weight of a %T", l))
}

// Begin begins the batch b, whose outputs have the given width, and returns its total
// but for Sum. by is that of Loss. The errors are those of Loss and of CheckBlocks.
// b and s are kept until End.
func (k *Blocks) Begin(l Loss, b *data.Batch, width int, by float64, s *Scratch) (Total, error) {
	k.End()
	if width < 1 {
		return Total{}, fmt.Errorf("loss: outputs of width %d in blocks of steps, want at least 1", width)
	}
	if err := CheckBlocks(l, width); err != nil {
		return Total{}, err
	}
	if s == nil {
		return Total{}, errNoScratch
	}
	if err := checkBatch(b, by); err != nil {
		return Total{}, err
	}
	if _, err := checkSizes(b, b.Steps*b.Rows*width); err != nil {
		return Total{}, err
	}
	t, err := s.weigh(l, b, width)
	if err != nil {
		return Total{}, err
	}
	k.of, k.b, k.width, k.by, k.total, k.scratch = l, b, width, by, t, s
	if by == 0 {
		k.by = t.Weight
	}
	clear(grown(&k.sums, b.Steps*b.Rows))
	grown(&k.lengths, b.Rows)
	return t, nil
}

// Block measures the steps from first on whose outputs are y [n][rows][width], and sets dy,
// if not nil, to their gradient; dy may be y. It panics if y is not that of whole steps of
// the batch.
func (k *Blocks) Block(dy, y []float32, first int) error {
	if k.b == nil {
		panic("loss: Block of Blocks before Begin")
	}
	step := k.b.Rows * k.width
	if step == 0 || len(y)%step != 0 || first < 0 || first > k.b.Steps-len(y)/step {
		panic(fmt.Sprintf("loss: a block of %d outputs from step %d on, want a multiple of %d, and at most those of the %d steps of the batch", len(y), first, step, k.b.Steps))
	}
	n := len(y) / step
	k.part = k.b.Part(first, n, k.lengths)
	s := k.scratch
	// Where nothing of a block counts its loss writes no sums.
	clear(grown(&s.parts, n*k.b.Rows))
	if _, err := k.of.Loss(dy, y, &k.part, k.by, s); err != nil {
		return err
	}
	copy(k.sums[first*k.b.Rows:][:n*k.b.Rows], s.parts)
	return nil
}

// End returns the total of the batch, its sum being that of the pairs in ascending order,
// and lets go of the batch.
func (k *Blocks) End() Total {
	t := k.total
	if k.b != nil && t.Terms > 0 {
		for _, v := range k.sums {
			t.Sum += v
		}
	}
	k.of, k.b, k.scratch, k.part, k.total = nil, nil, nil, data.Batch{}, Total{}
	return t
}
