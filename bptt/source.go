package bptt

import (
	"encoding"
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// next calls source.Next; a panic in it is an error.
func next(source data.Source, b *data.Batch) (err error) {
	defer catch("Source.Next", &err)
	return source.Next(b)
}

// rewind calls data.Rewind; a panic in it is an error.
func rewind(source data.Source) (err error) {
	defer catch("Source.Rewind", &err)
	return source.Rewind()
}

// checkRows returns an error if data has the method Rows and its number is not that of
// the net.
func checkRows(source data.Source, rows int) (err error) {
	defer catch("Source.Rows", &err)
	if d, ok := source.(interface{ Rows() int }); ok {
		if n := d.Rows(); n != rows {
			return fmt.Errorf("bptt: the data has batches of %d rows, the net has %d; make one of them with the rows of the other", n, rows)
		}
	}
	return nil
}

// checkBatch returns an error if a batch does not fit net, whose widths are in and out, with
// so many steps and rows.
func checkBatch(net nn.Net, b *data.Batch, steps, rows, in, out int) error {
	if err := b.Check(steps, rows, in, out, nn.OverIDs(net) != nil); err != nil {
		return err
	}
	if b.Source != nil && nn.OverBatches(net) == nil {
		return fmt.Errorf("bptt: a batch with a Source, which a %T does not read; a seq2seq.Net has an encoder for it", net)
	}
	return nil
}

// positionOf calls data.MarshalBinary; a panic in it is an error.
func positionOf(source encoding.BinaryMarshaler) (position []byte, err error) {
	defer catch("Source.MarshalBinary", &err)
	if position, err = source.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("bptt: the position in the data: %w", err)
	}
	return position, nil
}

// moveTo calls data.UnmarshalBinary; a panic in it is an error.
func moveTo(source encoding.BinaryUnmarshaler, position []byte) (err error) {
	defer catch("Source.UnmarshalBinary", &err)
	if err := source.UnmarshalBinary(position); err != nil {
		return fmt.Errorf("bptt: the position in the data: %w", err)
	}
	return nil
}

// measure calls the Loss; a panic in it is an error.
func measure(criterion loss.Loss, dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (total loss.Total, err error) {
	defer catch("Loss", &err)
	return criterion.Loss(dy, y, b, by, s)
}
