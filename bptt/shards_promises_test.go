package bptt_test

import (
	"context"
	"fmt"
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
	"github.com/simdrnn/simdrnn/lstm"
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

// A held stack does not go back through its first layer before the exchange of the others'
// gradients has begun.
type held struct {
	*lstm.Unrolled
	began chan struct{}
	heard *bool // the exchange has begun while the stack was at work
}

func (h *held) OnGradients(f func(n int)) any {
	if f == nil {
		h.Unrolled.OnGradients(nil)
		return h
	}
	h.Unrolled.OnGradients(func(n int) {
		f(n)
		if n != 4 { // all but the first layer
			return
		}
		select {
		case <-h.began:
			*h.heard = true
		case <-time.After(10 * time.Second):
		}
	})
	return h
}

// TestExchangeBetweenLayers: the gradients of the last layers of a stack are on their way while
// its first ones are still at work, in a chain and in a net that is no chain, over several
// windows, in segments of steps; with the bits of one process that exchanges nothing.
func TestExchangeBetweenLayers(t *testing.T) {
	const layers, hidden, steps, rows = 3, 256, 6, 64 // the gradient of two layers is more than a bucket
	for name, c := range map[string]struct {
		net        func(u nn.Net) (nn.Net, error)
		cut        bool
		accumulate int
		shards     int
	}{
		"a chain":        {func(u nn.Net) (nn.Net, error) { return nn.Chain(u) }, false, 1, 3},
		"a net":          {func(u nn.Net) (nn.Net, error) { return u, nil }, false, 2, 2},
		"a cut sequence": {func(u nn.Net) (nn.Net, error) { return nn.Chain(nn.Dropout{P: 0.1}, u) }, true, 1, 2},
	} {
		train := func(g dist.Group, wrap func(u *lstm.Unrolled) nn.Net, shards int) (print [32]byte, err error) {
			layer, err := lstm.New(lstm.Config{Input: 2, Hidden: hidden, Layers: layers}, traintest.Rng(2))
			if err != nil {
				return print, err
			}
			u := layer.Unroll(steps, rows)
			if c.cut { // a chunk of weight gradients has 4 steps
				if u, err = layer.UnrollWithin(steps, rows, u.Bytes()-1); err != nil {
					return print, err
				}
			}
			net, err := c.net(wrap(u))
			if err != nil {
				return print, err
			}
			source, err := data.NewSequences(longSequences(rows*shards, steps, hidden), rows*shards, nil)
			if err != nil {
				return print, err
			}
			plan := bptt.Plan{Shards: shards, Group: g, Steps: 2, Accumulate: c.accumulate, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}}
			_, err = bptt.Train(context.Background(), net, source, plan)
			return nn.Fingerprint(net), err
		}
		alone, err := train(nil, func(u *lstm.Unrolled) nn.Net { return u }, c.shards)
		require.NoError(t, err)
		heard := make([]bool, c.shards)
		err = runRanks(c.shards, func(g dist.Group) error {
			w := &watched{Group: g, began: make(chan struct{})}
			got, err := train(w, func(u *lstm.Unrolled) nn.Net { return &held{u, w.began, &heard[g.Rank()]} }, c.shards)
			if err == nil && got != alone {
				err = fmt.Errorf("the fingerprint %x, want %x", got, alone)
			}
			return err
		})
		require.NoError(t, err, "%s", name)
		require.NotContains(t, heard, false, "%s: nothing was exchanged while the way back went on", name)
	}
}

// twofold reports its first weights twice, with a gradient of each place, as an encoder and a
// decoder that share an embedding do.
type twofold struct {
	*lstm.Unrolled
	more  []float32
	tell  func(n int)
	began chan struct{}
}

func (n *twofold) OnGradients(f func(n int)) any { n.tell = f; return n }
func (n *twofold) ZeroGrads()                    { n.Unrolled.ZeroGrads(); clear(n.more) }

func (n *twofold) EachParam(f func(name string, w, g []float32)) {
	var first []float32
	n.Unrolled.EachParam(func(name string, w, g []float32) {
		if first == nil {
			first = w
		}
		f(name, w, g)
	})
	f("again", first, n.more)
}

func (n *twofold) Backward(dx, dy []float32) {
	n.Unrolled.Backward(dx, dy)
	for i := range n.more {
		n.more[i] += float32(i)
	}
	if n.tell != nil {
		n.tell(0)
		select {
		case <-n.began: // what has been told is on its way
		case <-time.After(10 * time.Second):
		}
	}
}

// TestSharedInANet: of a net that reports a parameter twice the gradients are added up after
// its way back, and exchanged after that, whatever the net tells.
func TestSharedInANet(t *testing.T) {
	train := func(g dist.Group) (print [32]byte, err error) {
		w := &watched{Group: g, began: make(chan struct{})}
		u := traintest.Unrolled(2, 3, 4, 1)
		net := &twofold{Unrolled: u, more: make([]float32, 4*3*2), began: w.began}
		source, err := data.NewSequences(longSequences(4, 4, 3), 4, nil)
		if err != nil {
			return print, err
		}
		plan := bptt.Plan{Shards: 4, Steps: 2, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1}}
		if g != nil {
			plan.Group = w
		}
		_, err = bptt.Train(context.Background(), net, source, plan)
		return nn.Fingerprint(net), err
	}
	want, err := train(nil)
	require.NoError(t, err)
	require.NoError(t, runRanks(2, func(g dist.Group) error {
		got, err := train(g)
		if err == nil && got != want {
			err = fmt.Errorf("the fingerprint %x, want %x", got, want)
		}
		return err
	}))
}

// beyond tells of parameters that it does not have.
type beyond struct {
	*lstm.Unrolled
	tell func(n int)
}

func (n *beyond) OnGradients(f func(n int)) any { n.tell = f; return n }

func (n *beyond) Backward(dx, dy []float32) {
	n.Unrolled.Backward(dx, dy)
	if n.tell != nil {
		n.tell(99)
	}
}

// TestToldBeyond: a net that tells of parameters that it does not have is named.
func TestToldBeyond(t *testing.T) {
	err := runRanks(2, func(g dist.Group) error {
		source, err := data.NewSequences(longSequences(4, 4, 3), 4, nil)
		if err != nil {
			return err
		}
		plan := bptt.Plan{Shards: 2, Group: g, Steps: 2, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1}}
		_, err = bptt.Train(context.Background(), &beyond{Unrolled: traintest.Unrolled(2, 3, 4, 2)}, source, plan)
		return err
	})
	require.ErrorContains(t, err, "a *bptt_test.beyond told that the gradients from parameter 99 on are complete, want 0 to 4")
}

// longSequences are sequences of steps steps, inputs of width 2 and outputs of width out.
func longSequences(n, steps, out int) []data.Sequence {
	seqs := make([]data.Sequence, n)
	for i := range seqs {
		seqs[i] = data.Sequence{Steps: steps, X: traintest.NumbersLike(steps*2, uint64(i)), Y: make([]float32, steps*out)}
	}
	return seqs
}
