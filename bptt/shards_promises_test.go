package bptt_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// seen counts the examples that a loss is computed of, by their Y.
type seen struct {
	loss.MSE
	mutex *sync.Mutex
	times map[float32]int
}

func (s seen) Loss(dy, y []float32, b *data.Batch, by float64, scratch *loss.Scratch) (loss.Total, error) {
	s.mutex.Lock()
	for r, n := range b.Lengths {
		for step := range n {
			s.times[b.Y[step*b.Rows+r]]++
		}
	}
	s.mutex.Unlock()
	return s.MSE.Loss(dy, y, b, by, scratch)
}

// TestEveryExampleOnce: in each pass over the data each example is one of one shard of one
// rank, whatever their numbers, in shuffled order, with a last batch that is not full.
func TestEveryExampleOnce(t *testing.T) {
	const examples, passes = 41, 2
	for _, shards := range []int{1, 3, 7} {
		for ranks := 1; ranks <= shards; ranks++ {
			all := seen{mutex: new(sync.Mutex), times: map[float32]int{}}
			err := runRanks(ranks, func(g dist.Group) error {
				seqs := make([]data.Sequence, examples)
				for i := range seqs {
					seqs[i] = data.Sequence{Steps: 1, X: []float32{1}, Y: []float32{float32(i)}}
				}
				source, err := data.NewSequences(seqs, 8, rand.NewPCG(3, 4))
				if err != nil {
					return err
				}
				out, err := nn.NewLinear(1, 1, traintest.Rng(1))
				if err != nil {
					return err
				}
				net, err := nn.Unroll(1, (8+shards-1)/shards, out)
				if err != nil {
					return err
				}
				_, err = bptt.Train(context.Background(), net, source, bptt.Plan{Shards: shards, Group: g, Epochs: passes, Loss: all, Optimizer: &optim.SGD{LR: 1e-6}})
				return err
			})
			require.NoError(t, err)
			require.Len(t, all.times, examples, "%d shards on %d ranks", shards, ranks)
			for example, n := range all.times {
				require.Equal(t, passes, n, "example %v, %d shards on %d ranks", example, shards, ranks)
			}
		}
	}
}

// watched is a group that tells when the first exchange of gradients begins.
type watched struct {
	dist.Group
	once  sync.Once
	began chan struct{}
}

func (w *watched) Exchange(recv []float32, recvCounts []int, send []float32, sendCounts []int) error {
	w.once.Do(func() { close(w.began) })
	return w.Group.Exchange(recv, recvCounts, send, sendCounts)
}

// A gate is a stage that goes no further back before the exchange of what comes after it has
// begun.
type gate struct {
	began chan struct{}
	late  *bool
}

func (g *gate) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }
func (g *gate) Bind(b *nn.Binding) (nn.Net, error) {
	return &boundGate{b.Stateless(b.Width), g}, nil
}

type boundGate struct {
	nn.Stateless
	of *gate
}

func (g *boundGate) Forward(y, x []float32) { copy(y, x) }
func (g *boundGate) Backward(dx, dy []float32) {
	select {
	case <-g.of.began:
	case <-time.After(10 * time.Second):
		*g.of.late = true
	}
	copy(dx, dy)
}

// TestExchangeWhileGoingBack: the gradients of later stages are on their way while earlier
// ones are still at work.
func TestExchangeWhileGoingBack(t *testing.T) {
	const wide = 1024 // so that the gradient of the last stage is more than a bucket
	var late [2]bool
	err := runRanks(2, func(g dist.Group) error {
		w := &watched{Group: g, began: make(chan struct{})}
		r := traintest.Rng(1)
		first, err := nn.NewLinear(2, wide, r)
		if err != nil {
			return err
		}
		last, err := nn.NewLinear(wide, wide, r)
		if err != nil {
			return err
		}
		net, err := nn.Unroll(1, 1, first, &gate{began: w.began, late: &late[g.Rank()]}, last)
		if err != nil {
			return err
		}
		seqs := []data.Sequence{{Steps: 1, X: make([]float32, 2), Y: make([]float32, wide)}, {Steps: 1, X: make([]float32, 2), Y: make([]float32, wide)}}
		source, err := data.NewSequences(seqs, 2, nil)
		if err != nil {
			return err
		}
		_, err = bptt.Train(context.Background(), net, source, bptt.Plan{Shards: 2, Group: w, Steps: 1, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}})
		return err
	})
	require.NoError(t, err)
	require.Equal(t, [2]bool{}, late, "nothing was exchanged while the way back went on")
}
