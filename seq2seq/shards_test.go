package seq2seq_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// TestRowIDs: what is drawn for a row follows from its id, in masks and in sampling.
func TestRowIDs(t *testing.T) {
	s := tiny
	s.steps, s.batch, s.dropout, s.sampling = 12, 70, 0.3, always(0.5)
	b := batch(s, 4)
	net := build(t, s, 3)
	whole := run(t, net, b, traintest.NumbersLike(s.steps*s.batch*symbols, 6))

	few := s
	few.batch = 3
	for _, lo := range []int{0, 62, 67} {
		part := &data.Batch{}
		require.NoError(t, b.CutRows(part, lo, lo+3, 3))
		net := build(t, few, 3)
		require.NoError(t, net.SetRowIDs([]uint32{uint32(lo), uint32(lo + 1), uint32(lo + 2)}))
		got := run(t, net, part, make([]float32, s.steps*3*symbols))
		for p := range s.steps * 3 {
			from := p/3*s.batch + lo + p%3
			require.Equal(t, whole.y[from*symbols:][:symbols], got.y[p*symbols:][:symbols], "row %d, step %d", lo+p%3, p/3)
		}
	}

	net = build(t, few, 3)
	require.ErrorContains(t, net.SetRowIDs([]uint32{1}), "1 row ids for a batch of 3 rows")
	require.ErrorContains(t, net.SetRowIDs([]uint32{1, 1 << 22, 3}), "the id of row 1 is 4194304, want less than 2^22")
}

// TestRanks: an encoder and a decoder on 1 to 3 ranks.
func TestRanks(t *testing.T) {
	const rows, shards = 7, 4
	s := tiny
	s.dropout, s.sampling, s.batch = 0.2, always(0.7), 2
	r := rand.New(rand.NewPCG(8, 8))
	pairs := make([]data.Pair, 25)
	for i := range pairs {
		for range r.IntN(s.source + 1) {
			pairs[i].IDs = append(pairs[i].IDs, int32(r.IntN(symbols)))
		}
		for range r.IntN(s.steps) {
			pairs[i].Target = append(pairs[i].Target, int32(r.IntN(symbols)))
		}
	}
	var want [32]byte
	var file []byte
	for _, n := range []int{1, 2, 3} {
		err := dist.Run(context.Background(), n, func(g dist.Group) error {
			source, err := data.NewPairs(pairs, data.PairsConfig{Rows: rows, Shuffle: rand.NewPCG(3, 3)})
			if err != nil {
				return err
			}
			net := build(t, s, 3)
			trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Shards: shards, Group: g, Epochs: 2, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 0.01}})
			if err != nil {
				return err
			}
			if _, err := trainer.Run(context.Background()); err != nil {
				return err
			}
			var b bytes.Buffer
			if err := trainer.Save(&b); err != nil {
				return err
			}
			print := nn.Fingerprint(net)
			if n == 1 {
				want, file = print, b.Bytes()
			}
			if print != want || g.Rank() == 0 && !bytes.Equal(b.Bytes(), file) {
				return fmt.Errorf("the run has other bits")
			}
			return nil
		})
		require.NoError(t, err, "%d ranks", n)
	}
}

var _ interface{ SetRowIDs([]uint32) error } = (*seq2seq.Net)(nil)
