package bptt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// totalled is a Metric that is a loss.
type totalled struct {
	total           loss.Total
	scratch         loss.Scratch
	batches, resets int
	err             error // of the third batch
}

func (m *totalled) Add(y []float32, b *data.Batch) error {
	if m.err != nil && m.batches == 2 {
		return m.err
	}
	of, err := loss.CrossEntropy{}.Loss(nil, y, b, 0, &m.scratch)
	m.total, m.batches = m.total.Plus(of), m.batches+1
	return err
}

func (m *totalled) Value() float64 { return m.total.Mean() }

func (m *totalled) Reset() { m.total, m.batches, m.resets = loss.Total{}, 0, m.resets+1 }

// panicky is a Metric that panics.
type panicky struct{ totalled }

func (m *panicky) Add([]float32, *data.Batch) error { panic(errors.New("bad")) }

// TestEvaluateWithMetrics: metrics are given what the loss is, from the beginning of the
// epoch, and have one epoch afterwards; the loss is that without them.
func TestEvaluateWithMetrics(t *testing.T) {
	ctx := context.Background()
	net := traintest.LanguageModel(t, 1, evaluated)
	source := traintest.TextData(t, 41, evaluated) // 20 steps of 2 rows in batches of 6
	want, n, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{})
	require.NoError(t, err)
	right, all := new(loss.Accuracy), new(totalled)
	for range 2 {
		traintest.Next(t, source, 3)
		mean, terms, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{}, right, all)
		require.NoError(t, err)
		require.Equal(t, []any{want, n}, []any{mean, terms})
		require.EqualValues(t, 40, right.Counted)
		require.Equal(t, want, all.Value())
		require.Equal(t, 4, all.batches)
	}
	require.Equal(t, 2, all.resets)
}

// TestMetricsThatFail: the error of a metric ends an evaluation, and so does its panic; nil
// is refused before anything moves.
func TestMetricsThatFail(t *testing.T) {
	ctx, bad := context.Background(), errors.New("bad")
	net := traintest.LanguageModel(t, 1, evaluated)
	source := traintest.TextData(t, 41, evaluated)
	m := &totalled{err: bad}
	mean, n, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{}, m)
	require.ErrorIs(t, err, bad)
	require.Equal(t, []any{0.0, 0}, []any{mean, n})
	require.Equal(t, 2, m.batches)

	var pe *bptt.PanicError
	_, _, err = bptt.Evaluate(ctx, net, source, loss.CrossEntropy{}, new(panicky))
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "Metric", pe.Where)

	m = new(totalled)
	_, _, err = bptt.Evaluate(ctx, net, source, loss.CrossEntropy{}, m, (*loss.Accuracy)(nil))
	require.EqualError(t, err, "bptt: metric 1 of 2 is nil; &loss.Accuracy{} is a metric")
	require.Zero(t, m.resets)
}

// Metrics are counted in the same pass as the loss.
func ExampleEvaluate() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(2, 4, r)
	out, _ := nn.NewLinear(4, 2, r)
	net, _ := nn.Unroll(6, 1, emb, out)
	source, _ := data.NewTokens([]int32{0, 1, 0, 1, 0, 1, 0}, 1)
	var right loss.Accuracy
	_, n, err := bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{}, &right)
	fmt.Println(n, right.Counted, err)
	// Output: 6 6 <nil>
}
