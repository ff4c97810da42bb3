package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
)

// TestPage: the table of docs/distributed.md is what -predict prints for the numbers that the
// page names.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/distributed.md")
	require.NoError(t, err)
	var table strings.Builder
	cost{parameters: 10_000_000, shard: 0.1, rest: 0.02, early: 0.5, latency: 20e-6, message: 2e-6}.print(&table, 512)
	require.Contains(t, string(page), "\n\n"+table.String()+"\n", "the page has to have\n%s", table.String())
}

func TestModel(t *testing.T) {
	c := cost{parameters: 1_000_000, shard: 0.1, rest: 0.01, early: 1, gbits: 8}
	require.InDelta(t, 0.004, c.exchange(2), 1e-12, "4 MB each way at 1 GB/s, half of it twice")
	all, waiting := c.update(1, 4)
	require.InDelta(t, 0.41, all, 1e-12)
	require.Zero(t, waiting)
	c.early = 0
	_, waiting = c.update(2, 4)
	require.Zero(t, waiting, "the way back hides all of it")
}

// TestMeasure: a small measurement runs.
func TestMeasure(t *testing.T) {
	require.NoError(t, measure(dist.Alone(), options{hidden: 8, layers: 1, window: 4, rows: 4, shards: 2, updates: 2, warm: 1}))
	require.Error(t, measure(dist.Alone(), options{hidden: 8, layers: 1, window: 4, rows: 4, shards: 2, updates: 0, warm: 1}))
}
