package nn_test

import (
	"context"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// wrapped is a Net of a program that has all methods of a Model.
type wrapped struct{ *nn.Model }

// onlyIDs is a Net over ids that has no word about it but ForwardIDs.
type onlyIDs struct {
	*traintest.Leaky
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
	floats := func() nn.Net { return traintest.Must(nn.Chain(traintest.Unrolled(1, 1, 4, 1))) }
	ids := func() nn.Net { return traintest.LanguageModel(t, 1, traintest.Small) }
	train := func(net nn.Net, source data.Source, criterion loss.Loss, window int) (hash [32]byte, mean float64) {
		_, err := bptt.Train(ctx, net, source, bptt.Plan{Window: window, Steps: 3, Loss: criterion, Optimizer: &optim.SGD{LR: 0.1}})
		require.NoError(t, err)
		mean, _, err = bptt.Evaluate(ctx, net, source, criterion)
		require.NoError(t, err)
		return nn.Fingerprint(net), mean
	}
	check := func(build func() nn.Net, source func() data.Source, criterion loss.Loss, window int) {
		wantHash, wantMean := train(build(), source(), criterion, window)
		hash, mean := train(wrapped{build().(*nn.Model)}, source(), criterion, window)
		require.Equal(t, wantHash, hash)
		require.Equal(t, wantMean, mean)
	}
	check(floats, func() data.Source { return &traintest.Script{N: 20} }, loss.MSE{}, 4)
	check(ids, func() data.Source { return traintest.TextData(t, 100, traintest.Small) }, loss.CrossEntropy{}, 6)
	require.False(t, wrapped{floats().(*nn.Model)}.TakesIDs())
	require.True(t, wrapped{ids().(*nn.Model)}.TakesIDs())

	net := traintest.Must(nn.Chain(wrapped{floats().(*nn.Model)}, traintest.Unrolled(1, 2, 4, 1)))
	require.Equal(t, "0.0.weight_ih_l0", traintest.ParamNames(net)[0])
	for _, stage := range []nn.Stage{wrapped{ids().(*nn.Model)}, &onlyIDs{Leaky: traintest.NewLeaky(4, 1)}} {
		_, err := nn.Chain(stage)
		require.ErrorContains(t, err, "that takes ids; put its stages into this chain instead")
	}
	own := &onlyIDs{Leaky: traintest.NewLeaky(6, 3)}
	_, _, err := bptt.Evaluate(ctx, &wide{own}, traintest.TextData(t, 100, traintest.Small), loss.CrossEntropy{})
	require.NoError(t, err)
	require.NotZero(t, own.calls)
}

// wide is onlyIDs with 13 outputs.
type wide struct{ *onlyIDs }

func (n *wide) Dims() (steps, batch, in, out int) { return 6, 3, 13, 13 }

func (n *wide) ForwardIDs(y []float32, ids []int32) error {
	return n.onlyIDs.ForwardIDs(y[:len(ids)], ids)
}
