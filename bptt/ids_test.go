package bptt_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// wrapped is a Net of a program that has all methods of a Model.
type wrapped struct{ *bptt.Model }

// onlyIDs is a Net over ids that has no word about it but ForwardIDs.
type onlyIDs struct {
	*leaky
	calls int
}

func (n *onlyIDs) ForwardIDs(y []float32, ids []int32) error {
	n.calls++
	x := make([]float32, len(ids))
	for i, id := range ids {
		x[i] = float32(id)
	}
	n.Forward(y, x)
	return nil
}

// TestNetsOverIDs: a Model that a program wraps is over what the Model is over, in
// training, in evaluation and as a stage.
func TestNetsOverIDs(t *testing.T) {
	ctx := context.Background()
	floats := func() bptt.Net { return must(bptt.Chain(unrolled(1, 1, 4, 1))) }
	ids := func() bptt.Net { return languageModel(t, 1, small) }
	train := func(net bptt.Net, data bptt.Data, loss bptt.Loss, window int) (hash [32]byte, mean float64) {
		_, err := bptt.Train(ctx, net, data, bptt.Plan{Window: window, Steps: 3, Loss: loss, Optimizer: &bptt.SGD{LR: 0.1}})
		require.NoError(t, err)
		mean, _, err = bptt.Evaluate(ctx, net, data, loss)
		require.NoError(t, err)
		return bptt.Fingerprint(net), mean
	}
	check := func(build func() bptt.Net, data func() bptt.Data, loss bptt.Loss, window int) {
		wantHash, wantMean := train(build(), data(), loss, window)
		hash, mean := train(wrapped{build().(*bptt.Model)}, data(), loss, window)
		require.Equal(t, wantHash, hash)
		require.Equal(t, wantMean, mean)
	}
	check(floats, func() bptt.Data { return &script{n: 20} }, bptt.MSE{}, 4)
	check(ids, func() bptt.Data { return textData(t, 100, small) }, bptt.CrossEntropy{}, 6)
	require.False(t, wrapped{floats().(*bptt.Model)}.TakesIDs())
	require.True(t, wrapped{ids().(*bptt.Model)}.TakesIDs())

	net := must(bptt.Chain(wrapped{floats().(*bptt.Model)}, unrolled(1, 2, 4, 1)))
	require.Equal(t, "0.0.weight_ih_l0", paramNames(net)[0])
	for _, stage := range []bptt.Stage{wrapped{ids().(*bptt.Model)}, &onlyIDs{leaky: newLeaky(4, 1)}} {
		_, err := bptt.Chain(stage)
		require.ErrorContains(t, err, "that takes ids; put its stages into this chain instead")
	}
	own := &onlyIDs{leaky: newLeaky(6, 3)}
	_, _, err := bptt.Evaluate(ctx, &wide{own}, textData(t, 100, small), bptt.CrossEntropy{})
	require.NoError(t, err)
	require.NotZero(t, own.calls)
}

// wide is onlyIDs with 13 outputs.
type wide struct{ *onlyIDs }

func (n *wide) Dims() (steps, batch, in, out int) { return 6, 3, 13, 13 }

func (n *wide) ForwardIDs(y []float32, ids []int32) error {
	return n.onlyIDs.ForwardIDs(y[:len(ids)], ids)
}
