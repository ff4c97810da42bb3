package bptt

import (
	"context"
	"fmt"
	"io"
)

// Evaluate returns the mean loss of net over one epoch of data and the number
// of terms it is the mean of, without training: dropout and the like are off,
// and the carried state is as before when it returns. Batches of any number of
// steps up to the net's are asked for; the state is carried between them but
// where their Reset says otherwise. The net is in training mode afterwards.
func Evaluate(ctx context.Context, net Net, data Data, loss Loss) (mean float64, n int, err error) {
	steps, batch, in, out := net.Dims()
	var ids idNet
	if m, ok := net.(*Model); !ok || m.emb != nil {
		ids, _ = net.(idNet)
	}
	saved, masked := net.State(), masks(net)
	var clock []uint64
	if masked != nil {
		clock = masked.Clock()
	}
	net.SetTraining(false)
	net.Reset()
	defer func() {
		if masked != nil {
			if e := masked.SetClock(clock); err == nil {
				err = e
			}
		}
		net.SetTraining(true)
		if e := net.SetLengths(nil); err == nil {
			err = e
		}
		if e := net.SetState(saved); err == nil {
			err = e
		}
	}()
	y := make([]float32, steps*batch*out)
	var scratch Scratch
	rows := make([]int, 0, batch)
	sum := 0.0
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		b := Batch{Want: steps}
		if err := data.Next(&b); err == io.EOF {
			break
		} else if err != nil {
			return 0, 0, err
		}
		if err := b.check(steps, batch, in, out, ids != nil); err != nil {
			return 0, 0, err
		}
		rows = rows[:0]
		for r, reset := range b.Reset {
			if reset {
				rows = append(rows, r)
			}
		}
		if len(rows) > 0 {
			net.Reset(rows...)
		}
		if err := net.SetLengths(b.Lengths); err != nil {
			return 0, 0, err
		}
		y := y[:b.Steps*batch*out]
		if ids != nil {
			if err := ids.ForwardIDs(y, b.IDs); err != nil {
				return 0, 0, err
			}
		} else {
			net.Forward(y, b.X)
		}
		s, m, err := loss.Loss(nil, y, &b, 0, &scratch)
		if err != nil {
			return 0, 0, err
		}
		sum, n = sum+s, n+m
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("bptt: the data has nothing to evaluate")
	}
	return sum / float64(n), n, nil
}
