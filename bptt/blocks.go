package bptt

import (
	"context"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// blocks runs the readout of a net and the loss over blocks of steps.
type blocks struct {
	net  nn.ReadoutBlocks
	step int // outputs of a step
	out  int
	loss loss.Loss
	sums loss.Blocks

	// Of the call under way, and the part of it that works on a block, made once.
	y       []float32
	scratch *loss.Scratch
	block   func(first, steps int) error
}

// newBlocks returns net and criterion for at most so many rows of outputs.
func newBlocks(net nn.Net, rows int, criterion loss.Loss) (*blocks, error) {
	k, err := nn.OverBlocks(net, rows)
	if err != nil {
		return nil, err
	}
	_, batch, _, out := net.Dims()
	if err := loss.CheckBlocks(criterion, out); err != nil {
		return nil, err
	}
	b := &blocks{net: k, step: batch * out, out: out, loss: criterion}
	b.block = b.trainBlock
	return b, nil
}

// forward runs all stages but the readout over b.
func (k *blocks) forward(b *data.Batch) error { return k.net.ForwardBatch(b) }

// there runs the net forward over b, the loss, and the readout back, y being memory for a
// block.
func (k *blocks) there(y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if err := k.forward(b); err != nil {
		return loss.Total{}, err
	}
	if err := k.begin(b, by, s); err != nil {
		return loss.Total{}, err
	}
	k.y, k.scratch = y, s
	if err := k.net.Each(k.block); err != nil {
		return loss.Total{}, err
	}
	return k.sums.End(), nil
}

func (k *blocks) begin(b *data.Batch, by float64, s *loss.Scratch) (err error) {
	defer catch("Loss", &err)
	_, err = k.sums.Begin(k.loss, b, k.out, by, s)
	return err
}

func (k *blocks) trainBlock(first, steps int) error {
	y := k.y[:steps*k.step]
	k.net.Readout(y, first)
	if err := k.measure(y, y, first); err != nil {
		return err
	}
	k.net.ReadoutGrad(y, first)
	return nil
}

// measure is that of the loss for a block.
func (k *blocks) measure(dy, y []float32, first int) (err error) {
	defer catch("Loss", &err)
	return k.sums.Block(dy, y, first)
}

// evaluate runs the net forward over b and gives the metrics the outputs block by block.
func (k *blocks) evaluate(y []float32, b *data.Batch, s *loss.Scratch, metrics []loss.Metric) (loss.Total, error) {
	if err := k.forward(b); err != nil {
		return loss.Total{}, err
	}
	if err := k.begin(b, 0, s); err != nil {
		return loss.Total{}, err
	}
	lengths := make([]int, b.Rows)
	for first := 0; first < b.Steps; first += k.net.Steps() {
		steps := min(k.net.Steps(), b.Steps-first)
		y := y[:steps*k.step]
		k.net.Readout(y, first)
		part := b.Part(first, steps, lengths)
		for _, m := range metrics {
			if err := add(m, y, &part); err != nil {
				return loss.Total{}, err
			}
		}
		if err := k.measure(nil, y, first); err != nil {
			return loss.Total{}, err
		}
	}
	return k.sums.End(), nil
}

// EvaluateWithin is Evaluate with at most that many rows of outputs in memory: see
// Plan.ReadoutRows. It returns the same bits, and an error if the net or the loss cannot be run so.
// Metrics are given the outputs in blocks of steps, in ascending order: loss.Accuracy and
// *loss.Confusion may be, others if they have a method InBlocks() bool that returns true.
func EvaluateWithin(ctx context.Context, net nn.Net, source data.Source, criterion loss.Loss, rows int, metrics ...loss.Metric) (mean float64, n int, err error) {
	if rows < 1 {
		return 0, 0, fmt.Errorf("bptt: an evaluation within %d rows of outputs, want at least 1; Evaluate has no limit", rows)
	}
	return meanOf(evaluate(ctx, net, source, criterion, rows, metrics))
}

// checkMetrics returns an error if a metric cannot be given outputs in blocks.
func checkMetrics(metrics []loss.Metric) error {
	for i, m := range metrics {
		if k, ok := m.(interface{ InBlocks() bool }); !ok || !k.InBlocks() {
			return fmt.Errorf("metric %d, a %T, needs the outputs of whole batches; leave it out, or the limit of rows", i, m)
		}
	}
	return nil
}
