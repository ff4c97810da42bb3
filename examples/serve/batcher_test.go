package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// ignore is an observer.
type ignore struct{}

func (ignore) batch(int, time.Duration) {}
func (ignore) step(time.Duration)       {}

// counted is an observer that counts batches by their rows. The batcher alone calls it.
type counted struct {
	ignore
	rows []int
}

func (c *counted) batch(rows int, _ time.Duration) { c.rows = append(c.rows, rows) }

// made is a model with random weights.
func made(t testing.TB, s shape) *model {
	t.Helper()
	m, err := train(t.Context(), s, 0, 0, nil)
	require.NoError(t, err)
	return m
}

var small = shape{"lstm", 12, 2, 5}

// logits are those of a model used alone after each of ids.
func logits(t testing.TB, m *model, ids []int32) [][]float32 {
	t.Helper()
	p, err := m.net.Predictor(1)
	require.NoError(t, err)
	all := make([][]float32, len(ids))
	for i := range ids {
		all[i] = make([]float32, m.symbols)
		require.NoError(t, p.StepIDs(all[i], ids[i:i+1]))
	}
	return all
}

// same says whether two slices have the same bits; the logits of these tests are no NaN.
func same(a, b []float32) bool { return slices.Equal(bytesOf(a), bytesOf(b)) }

// TestBatchesHaveTheBitsOfOneClient: of clients who come and go, each with symbols of its
// own, every step gives the logits of the model used alone.
func TestBatchesHaveTheBitsOfOneClient(t *testing.T) {
	for _, s := range []shape{small, {"gru", 9, 1, 4}, {"rnn", 17, 3, 6}} {
		m := made(t, s)
		for _, most := range []int{1, 2, 5, 8} {
			t.Run(fmt.Sprint(s, most), func(t *testing.T) {
				seen := &counted{}
				const clients, steps = 11, 40
				b, err := newBatcher(m, most, clients, 20*time.Millisecond, seen)
				require.NoError(t, err)
				var wg, ready sync.WaitGroup
				ready.Add(clients)
				for c := range clients {
					wg.Go(func() {
						r := rand.New(rand.NewPCG(uint64(c), 1))
						ids := make([]int32, steps-c)
						for i := range ids {
							ids[i] = int32(r.IntN(m.symbols))
						}
						want := logits(t, m, ids)
						l := b.newLane()
						b.enter()
						defer b.leave()
						ready.Done()
						ready.Wait()
						for i, id := range ids {
							if err := b.step(l, id); err != nil || !same(l.logits, want[i]) {
								t.Errorf("client %d, step %d: other logits than alone, %v", c, i, err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.stop()
				require.Equal(t, most, slices.Max(seen.rows), "batches that are full")
				sum := 0
				for _, n := range seen.rows {
					sum += n
				}
				require.Equal(t, clients*(2*steps-clients+1)/2, sum)
			})
		}
	}
}

// TestBadSymbolInABatch: it is an error of one client, and not of those in the same batch.
func TestBadSymbolInABatch(t *testing.T) {
	m := made(t, small)
	b, err := newBatcher(m, 2, 2, time.Second, ignore{})
	require.NoError(t, err)
	l := b.newLane()
	for _, id := range []int32{-1, 256} {
		require.ErrorAs(t, b.step(l, id), new(*data.IDError))
	}
	require.Equal(t, make([]float32, 256), l.logits)
	require.NoError(t, b.step(l, 255))
	require.True(t, same(l.logits, logits(t, m, []int32{255})[0]))
	b.stop()
	require.ErrorIs(t, b.step(l, 1), errStopped)
}

// TestBatchWaitsForWhoComputes: a batch waits for the clients that will soon ask, and for no
// others.
func TestBatchWaitsForWhoComputes(t *testing.T) {
	seen := &counted{}
	b, err := newBatcher(made(t, small), 4, 4, 10*time.Second, seen)
	require.NoError(t, err)
	one, two := b.newLane(), b.newLane()
	began := time.Now()
	b.enter()
	require.NoError(t, b.step(one, 1), "alone at once")
	b.enter()
	done := make(chan error)
	go func() { done <- b.step(one, 2) }()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, b.step(two, 2))
	require.NoError(t, <-done)
	b.leave()
	require.NoError(t, b.step(two, 3), "alone again")
	require.Less(t, time.Since(began), 5*time.Second)
	b.stop()
	require.Equal(t, []int{1, 2, 1}, seen.rows)
}

// TestBatchesAllocateNothing: neither a step of lanes nor the way there and back.
func TestBatchesAllocateNothing(t *testing.T) {
	b, err := newBatcher(made(t, small), 4, 4, time.Microsecond, newMetrics())
	require.NoError(t, err)
	lanes := []*lane{b.newLane(), b.newLane(), b.newLane()}
	for i := range lanes {
		require.NoError(t, b.step(lanes[0], int32(i)))
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if b.step(lanes[0], 7) != nil {
			t.Error("a step is refused")
		}
	}))
	b.stop()
	b.make(lanes) // makes the memory of SetState
	require.Zero(t, testing.AllocsPerRun(100, func() { b.make(lanes) }))
}
