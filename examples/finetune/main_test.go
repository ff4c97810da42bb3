package main

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

var tested = programtest.Program{Name: "finetune", Run: run}

// workplace is a folder with two texts of the same words, but in the second one they stand
// in other company.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	words := []string{"apple", "cherry", "lemon", "grape"}
	for name, between := range map[string]string{"from": " ", "to": ", "} {
		r := rand.New(rand.NewPCG(1, uint64(len(between))))
		var b strings.Builder
		for range 600 {
			b.WriteString(words[r.Uint64()%4] + between)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o666))
	}
	return dir
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-from", filepath.Join(dir, "from"), "-to", filepath.Join(dir, "to"), "-out", filepath.Join(dir, "out"),
		"-little", "150", "-embed", "6", "-hidden", "10", "-batch", "4", "-window", "12", "-rate", "0.02", "-rank", "2",
		"-adapt-rate", "0.01", "-adapter-rate", "0.02",
		"-pretrain", "80", "-steps", "10", "-look", "5", "-quiet"}, args...)
}

var table = regexp.MustCompile(`^way         numbers trained         file bits per character  updates
as it is +0 +([0-9.]+) +0
scratch +5952 +([0-9.]+) kB +([0-9.]+) +10
all +5952 +([0-9.]+) kB +([0-9.]+) +10
frozen +3696 +([0-9.]+) kB +([0-9.]+) +10
adapters +1704 +([0-9.]+) kB +([0-9.]+) +10
(?:scalar|avx2|avx512|neon), sha256 [0-9a-f]{64}
$`)

// TestShortWays: a run that ends before its first look at the second text goes on to what a
// run in one comes to.
func TestShortWays(t *testing.T) {
	dir := workplace(t)
	whole := tested.Command(tiny(dir)...)
	out := filepath.Join(dir, "short")
	short := tested.Do(t, tiny(dir, "-out", out, "-steps", "3")...)
	require.Equal(t, 4, strings.Count(short.Stdout, " 3\n"), short.Stdout)
	require.Equal(t, whole, tested.Command("-resume", "-quiet", "-steps", "10", "-out", out))
}

// TestWays: all ways are tried, and trained weights help; the frozen ones are as they were;
// the files are there, those of adapters smaller. And the same bits on the plainest tier.
func TestWays(t *testing.T) {
	dir := workplace(t)
	r := tested.Do(t, tiny(dir)...)
	m := programtest.Numbers(t, table, r.Stdout)
	require.Less(t, m[4], m[0], "adapting helps")
	require.Less(t, m[4], m[2], "trained weights help")
	require.Less(t, m[8], m[0], "adapters learn")
	require.Less(t, m[7], m[3]/2, "adapters are small")
	out := filepath.Join(dir, "out")
	programtest.Files(t, out, "settings.json", "curve.png", "pretrained/best.ckpt", "adapters/adapters.safetensors")
	pretrained, frozen, all := params(t, out, "pretrained"), params(t, out, "frozen"), params(t, out, "all")
	for name, w := range pretrained {
		require.Equal(t, name == "0.weight" || strings.HasSuffix(name, "_l0"), same(w, frozen[name]), name)
		require.False(t, same(w, all[name]), name)
	}
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	require.Contains(t, tested.Do(t, tiny(dir, "-out", filepath.Join(dir, "plain"), "-workers", "2")...).Stdout, r.Hash())
}

func same(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// params are those that a way has best.
func params(t *testing.T, out, way string) map[string][]float32 {
	t.Helper()
	o, err := parse([]string{"-resume", "-out", out}, io.Discard)
	require.NoError(t, err)
	m, err := newModel(o)
	require.NoError(t, err)
	c, err := bptt.ReadCheckpointFile(filepath.Join(out, way, bptt.LastFile))
	require.NoError(t, err)
	require.NoError(t, c.BestParams(m.net))
	all := map[string][]float32{}
	m.net.EachParam(func(name string, w, _ []float32) { all[name] = w })
	return all
}

// TestResume: a run that Ctrl-C ended in the second way goes on to what a run in one comes to,
// and until then the table has what is known.
func TestResume(t *testing.T) {
	dir := workplace(t)
	short := func(args ...string) []string { return tiny(dir, append(args, "-pretrain", "10")...) }
	whole := tested.Do(t, short("-out", filepath.Join(dir, "whole"))...)
	// In the midst of a way: the third update 5 is that of the second way. And before it.
	for out, stop := range map[string]struct {
		begin string
		n     int
	}{"out": {"update 5,", 3}, "before": {"all: training", 1}} {
		r := tested.Stopped(stop.begin, stop.n, short("-quiet=false", "-out", filepath.Join(dir, out))...)
		require.Zero(t, r.Code, r.Stderr)
		require.Contains(t, r.Stdout, "\nscratch")
		require.NotContains(t, r.Stdout, "\nall")
		require.Contains(t, r.Stderr, "-resume goes on")
	}
	rest := tested.Do(t, "-resume", "-quiet", "-out", filepath.Join(dir, "out"))
	require.Equal(t, whole.Stdout, rest.Stdout)
	for _, way := range []string{"pretrained", "scratch", "all", "frozen", "adapters"} {
		programtest.Same(t, filepath.Join(dir, "whole", way), filepath.Join(dir, "out", way), bptt.LastFile)
	}
	longer := tested.Do(t, "-resume", "-quiet", "-steps", "12", "-out", filepath.Join(dir, "out"))
	require.Regexp(t, `(?m)^adapters .* 12$`, longer.Stdout)
}

// TestInterrupt: in the first text there is nothing to compare.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("first text: training", 1, tiny(workplace(t), "-quiet=false")...)
	require.Equal(t, 130, r.Code, r.Stderr)
	require.Empty(t, r.Stdout)
}

// TestAdapters: a validation sees the weights after the last update.
func TestAdapters(t *testing.T) {
	dir := workplace(t)
	o, err := parse(tiny(dir), io.Discard)
	require.NoError(t, err)
	_, to, err := o.read()
	require.NoError(t, err)
	first, err := newModel(o)
	require.NoError(t, err)
	m, err := newModel(o)
	require.NoError(t, err)
	require.NoError(t, adapt(o, m, first.net))
	before, err := m.bits(context.Background(), to.test)
	require.NoError(t, err)
	plain, err := first.bits(context.Background(), to.test)
	require.NoError(t, err)
	require.Equal(t, plain, before, "new adapters change nothing")
	m.adapted.EachParam(func(name string, w, _ []float32) {
		if strings.HasSuffix(name, "_B") {
			w[0] = 1
		}
	})
	after, err := m.bits(context.Background(), to.test)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	name := filepath.Join(dir, "file")
	require.NoError(t, m.save(name))
	again, err := newModel(o)
	require.NoError(t, err)
	require.NoError(t, adapt(o, again, first.net))
	require.NoError(t, again.adapted.LoadFile(name))
	require.Equal(t, nn.Fingerprint(m.adapted), nn.Fingerprint(again.adapted))
}

// TestTexts: the Go distribution has what the program is to read, and the parts do not meet.
func TestTexts(t *testing.T) {
	o, err := parse([]string{"-much", "60000", "-little", "1000", "-out", t.TempDir()}, io.Discard)
	require.NoError(t, err)
	from, to, err := o.read()
	require.NoError(t, err)
	require.Len(t, from.train, 57000)
	require.Len(t, from.valid, 3000)
	require.Contains(t, string(from.train), "\npackage ")
	book, err := os.ReadFile(to.name)
	require.NoError(t, err)
	require.Equal(t, string(book[:3000]), string(to.train)+string(to.valid)+string(to.test))
	require.Len(t, to.train, 1000)
	require.Len(t, to.test, 1000)
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := workplace(t)
	tested.Refused(t, map[string]string{
		"-rank 0":                               "-rank is 0, want 1 to 8192",
		"-rate nan":                             "-rate is NaN",
		"-adapt-rate 0":                         "-adapt-rate is 0",
		"-alpha 0":                              "-alpha is 0",
		"-pretrain 0":                           "-pretrain is 0",
		"-little 99":                            "-little is 99",
		"-little 90000":                         "too few for -little 90000",
		"-batch 99":                             "too few for -batch 99 -window 12",
		"-batch 5 -window 31":                   "-little 150 is too few for -batch 5 -window 31",
		"-from missing":                         "-from",
		"-to " + dir:                            "is a folder; name a readable file with -to",
		"-resume":                               "there is no run",
		"-hidden 8192 -batch 8192 -window 8192": "GB of memory",
	}, tiny(dir)...)
}
