package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
)

const distributed = "../../../docs/distributed.md"

// TestPage: the table of docs/distributed.md is what the model says for the numbers that the
// page names, and these are those of a measurement that is in the repository.
func TestPage(t *testing.T) {
	page, err := os.ReadFile(distributed)
	require.NoError(t, err)
	_, part, _, err := around(string(page))
	require.NoError(t, err)
	c, source, err := parse(part)
	require.NoError(t, err, part)
	require.Equal(t, c.block(source), part)
	measured, err := filepath.Glob("../../../bench/results/*ranks*/rounds.jsonl")
	require.NoError(t, err)
	var same []string
	for _, rounds := range measured {
		name := filepath.Join(t.TempDir(), "page.md")
		require.NoError(t, os.WriteFile(name, page, 0o666))
		require.NoError(t, fill(name, rounds))
		if filled, err := os.ReadFile(name); err == nil && string(filled) == string(page) {
			same = append(same, rounds)
		}
	}
	require.Len(t, same, 1, "of %v: those whose numbers the page has", measured)
	_, _, _, err = around("nothing")
	require.ErrorContains(t, err, "has no lines")
	_, _, err = parse("nothing")
	require.ErrorContains(t, err, "no line of numbers")
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

var tiny = size{Hidden: 8, Layers: 1, Window: 4, Rows: 4, Shards: 2, Updates: 2, Warm: 1}

// TestMeasure: small measurements run, and say of the net what it has.
func TestMeasure(t *testing.T) {
	var prints []string
	for _, ranks := range []int{1, 2} {
		require.NoError(t, dist.Run(context.Background(), ranks, func(g dist.Group) error {
			m, err := tiny.measure(g)
			if err == nil && g.Rank() == 0 {
				prints = append(prints, m.Fingerprint)
				weights := 96*64 + 4*8*(64+8) + 2*4*8 + 96*8 + 96
				require.Equal(t, weights, m.Parameters)
				require.InDelta(t, 1-float64(96*8+96)/float64(weights), m.Early, 1e-12)
				require.Equal(t, int64(ranks-1)*int64(4*weights), m.Bytes, "2 (n-1)/n 4P")
				require.Positive(t, m.Seconds)
			}
			return err
		}))
	}
	require.Equal(t, prints[0], prints[1])
	stack := tiny
	stack.Layers = 3
	m, err := stack.measure(dist.Alone())
	require.NoError(t, err)
	first := 96*64 + 4*8*(64+8) + 2*4*8
	weights := first + 2*(4*8*16+2*4*8) + 96*8 + 96
	require.Equal(t, weights, m.Parameters)
	require.InDelta(t, float64(first)/float64(weights), m.Early, 1e-12, "the embedding and the first layer")
	bad := tiny
	bad.Updates = 0
	_, err = bad.measure(dist.Alone())
	require.ErrorContains(t, err, "0 updates after 1")
	require.NoError(t, dist.Run(context.Background(), 2, func(g dist.Group) error {
		m, err := messages(g, 10)
		require.Positive(t, m.Message)
		return err
	}))
	_, err = messages(dist.Alone(), 1)
	require.ErrorContains(t, err, "want 2")
	require.ErrorContains(t, run(options{}), "want sums or messages")
}

// rounds are those of a comparison in which an update takes the given seconds.
func rounds(seconds map[string][]float64) []record {
	all := []record{{Machine: &machine{Date: "2026-01-02", CPU: "a CPU", CPUs: 2, Rounds: 3, Size: size{Hidden: 8, Layers: 1, Window: 4, Rows: 4, Shards: 2}}}}
	for _, c := range configurations {
		for i, s := range seconds[c.name] {
			m := measurement{Ranks: c.ranks, Parameters: 1000000, Seconds: s, PerSecond: 16 / s, Bytes: 4000000, Early: 0.75, Fingerprint: "ab", Library: "Open MPI v4, and more"}
			if c.beacon {
				m = measurement{Ranks: 2, Message: s}
			}
			all = append(all, record{Name: c.name, Round: i + 1, Measurement: &m})
		}
	}
	return all
}

// TestReport: medians, quartiles, ratios of rounds, and what the model takes of them.
func TestReport(t *testing.T) {
	all := rounds(map[string][]float64{
		"simdrnn-1": {0.3, 0.2, 0.5}, "simdrnn-2": {0.15, 0.2, 0.2}, "simdrnn-1-twice": {0.55, 0.5, 0.6},
		"ddp-1": {0.6, 0.6, 0.6}, "ddp-2": {0.3, 0.4, 0.6}, "messages-tcp": {20e-6, 10e-6, 30e-6},
	})
	var file bytes.Buffer
	for _, r := range all {
		require.NoError(t, json.NewEncoder(&file).Encode(r))
	}
	again, err := readRounds(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.Equal(t, all, again)

	var page strings.Builder
	require.NoError(t, report(&page, again))
	for _, want := range []string{
		"| 1 rank | 200.0 | 300.0 | 150.0 |", "| DDP, 2 ranks, the same batch | 300.0 | 400.0 | 150.0 |",
		"- strong: 2 ranks are 2.00 (1.00 to 2.50) times as fast as 1\n",
		"- 2 ranks: simdrnn is 2.00 (2.00 to 3.00) times as fast as DDP\n",
		"are the same: sha256 ab.", "4.00 | Open MPI v4 |",
		"P = 1000000, c = 0.125 s, r = 0.05 s, e = 0.75, L = 30 us and o = 2 us, one rank on a machine. ",
		"| 512 | 100 |",
	} {
		require.Contains(t, page.String(), want)
	}
	require.NotContains(t, page.String(), "weak:", "it was not measured")

	page.Reset()
	require.NoError(t, report(&page, rounds(map[string][]float64{"simdrnn-1": {0.3}, "simdrnn-1-twice": {0.3}})))
	require.Contains(t, page.String(), "Nothing: 1 rank took 300.0 ms")

	// Into a page, twice.
	dir := t.TempDir()
	name, lines := filepath.Join(dir, "page.md"), filepath.Join(dir, "rounds.jsonl")
	require.NoError(t, os.WriteFile(lines, file.Bytes(), 0o666))
	require.NoError(t, os.WriteFile(name, []byte("before\n"+partBegins+"old\n"+partEnds+"after\n"), 0o666))
	for range 2 {
		require.NoError(t, fill(name, lines))
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		before, part, after, err := around(string(b))
		require.NoError(t, err)
		require.Equal(t, "before\n", before)
		require.Equal(t, "after\n", after)
		c, source, err := parse(part)
		require.NoError(t, err)
		require.Equal(t, c.block(source), part)
		require.Contains(t, source, "a CPU (2026-01-02)")
	}

	for text, want := range map[string]string{
		"": "no measurement", "{": "unexpected", `{"name":"simdrnn-1","measurement":{}}`: "first line",
		`{"machine":{}}` + "\n" + `{"machine":{}}`: "first line", `{"machine":{}}` + "\n" + `{"name":"ddp-1"}`: "each other one",
		`{"machine":{}}` + "\n" + `{"name":"ddp-1","measurement":{}}`: "simdrnn-1-twice",
	} {
		require.NoError(t, os.WriteFile(lines, []byte(text), 0o666))
		require.ErrorContains(t, fill(name, lines), want, text)
	}
	_, _, err = costOf(rounds(map[string][]float64{"simdrnn-1": {0.3}, "simdrnn-1-twice": {0.3}}))
	require.ErrorContains(t, err, "the machine was busy")
	_, _, err = costOf(rounds(map[string][]float64{"simdrnn-1": {0.3}, "simdrnn-1-twice": {0.4}}))
	require.ErrorContains(t, err, "no round of messages")
}

// TestCompare runs the script with small numbers, and fills a copy of the page of it.
func TestCompare(t *testing.T) {
	if !mpi.Built {
		t.Skip("NOT EXERCISED: bench/run; it needs MPI: go -C dist/mpi test -tags mpi ./bench")
	}
	mpirun := ""
	for _, name := range starters {
		if _, err := exec.LookPath(name); err == nil && mpirun == "" {
			mpirun = name
		}
	}
	require.NotEmpty(t, mpirun, "built with MPI, and none of %v is on the PATH", starters)
	dir := t.TempDir()
	c := exec.Command("bash", "run", "-out", filepath.Join(dir, "out"), "-rounds", "1", "-hidden", "8", "-layers", "1", "-window", "4", "-rows", "16", "-updates", "2", "-warm", "1", "-mpirun", mpirun)
	c.Env = append(os.Environ(), "TAGS="+tags)
	said, err := c.CombinedOutput()
	require.NoError(t, err, string(said))
	if os.Getenv("SIMDRNN_PYTHON") == "" {
		t.Log("NOT EXERCISED: DistributedDataParallel; SIMDRNN_PYTHON names no Python")
		require.Contains(t, string(said), "NOT EXERCISED: DDP")
	} else {
		require.Contains(t, string(said), "round 1 of 1, ddp-2-weak")
	}
	page, err := os.ReadFile(filepath.Join(dir, "out", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "at the end are the same")
	f, err := os.Open(filepath.Join(dir, "out", "rounds.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	all, err := readRounds(f)
	require.NoError(t, err)
	require.Greater(t, len(all), 6)
	// Which of two numbers is larger is not known of so short a run.
	if c, source, err := costOf(all); err == nil {
		again, _, err := parse(c.block(source))
		require.NoError(t, err)
		require.Equal(t, c, again)
	}
}
