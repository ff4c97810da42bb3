package main

import (
	"bytes"
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
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// result is what a run left.
type result struct {
	stdout, stderr string
	code           int
}

func command(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := program.Status("finetune", interrupt.Under(ctx), run, args, &stdout, &stderr)
	return result{stdout.String(), stderr.String(), code}
}

func do(t *testing.T, args ...string) result {
	t.Helper()
	r := command(context.Background(), args...)
	require.Zero(t, r.code, r.stderr)
	return r
}

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
(scalar|avx2|avx512|neon), sha256 [0-9a-f]{64}
$`)

// TestWays: all ways are tried, and trained weights help; the frozen ones are as they were;
// the files are there, those of adapters smaller. And the same bits on the plainest tier.
func TestWays(t *testing.T) {
	dir := workplace(t)
	r := do(t, tiny(dir)...)
	m := table.FindStringSubmatch(r.stdout)
	require.NotNil(t, m, r.stdout)
	require.Less(t, number(t, m[5]), number(t, m[1]), "adapting helps")
	require.Less(t, number(t, m[5]), number(t, m[3]), "trained weights help")
	require.Less(t, number(t, m[9]), number(t, m[1]), "adapters learn")
	require.Less(t, number(t, m[8]), number(t, m[4])/2, "adapters are small")
	out := filepath.Join(dir, "out")
	for _, name := range []string{"settings.json", "curve.png", "pretrained/best.ckpt", "adapters/adapters.safetensors"} {
		require.FileExists(t, filepath.Join(out, name))
	}
	pretrained, frozen, all := params(t, out, "pretrained"), params(t, out, "frozen"), params(t, out, "all")
	for name, w := range pretrained {
		require.Equal(t, name == "0.weight" || strings.HasSuffix(name, "_l0"), same(w, frozen[name]), name)
		require.False(t, same(w, all[name]), name)
	}
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	_, hash, _ := strings.Cut(r.stdout, "sha256")
	require.Contains(t, do(t, tiny(dir, "-out", filepath.Join(dir, "plain"), "-workers", "2")...).stdout, hash)
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

func number(t *testing.T, s string) (v float64) {
	t.Helper()
	before, after, found := strings.Cut(s, ".")
	require.True(t, found, s)
	for _, c := range before + after {
		v = v*10 + float64(c-'0')
	}
	for range after {
		v /= 10
	}
	return v
}

// cancelWriter ends a run when it says something for the nth time.
type cancelWriter struct {
	bytes.Buffer
	at     string
	n      int
	cancel context.CancelFunc
}

func (w *cancelWriter) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte(w.at)) {
		if w.n--; w.n == 0 {
			w.cancel()
		}
	}
	return w.Buffer.Write(b)
}

// TestResume: a run that Ctrl-C ended in the second way goes on to what a run in one comes to,
// and until then the table has what is known.
func TestResume(t *testing.T) {
	dir := workplace(t)
	short := func(args ...string) []string { return tiny(dir, append(args, "-pretrain", "10")...) }
	whole := do(t, short("-out", filepath.Join(dir, "whole"))...)
	// In the midst of a way: the third update 5 is that of the second way. And before it.
	for out, w := range map[string]*cancelWriter{"out": {at: "update 5,", n: 3}, "before": {at: "all: training", n: 1}} {
		ctx, cancel := context.WithCancel(context.Background())
		w.cancel = cancel
		var stdout bytes.Buffer
		require.Zero(t, program.Status("finetune", interrupt.Under(ctx), run, short("-quiet=false", "-out", filepath.Join(dir, out)), &stdout, w), w.String())
		require.Contains(t, stdout.String(), "\nscratch")
		require.NotContains(t, stdout.String(), "\nall")
		require.Contains(t, w.String(), "-resume goes on")
	}
	rest := do(t, "-resume", "-quiet", "-out", filepath.Join(dir, "out"))
	require.Equal(t, whole.stdout, rest.stdout)
	for _, way := range []string{"pretrained", "scratch", "all", "frozen", "adapters"} {
		a, err := os.ReadFile(filepath.Join(dir, "whole", way, bptt.LastFile))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(dir, "out", way, bptt.LastFile))
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), way)
	}
	longer := do(t, "-resume", "-quiet", "-steps", "12", "-out", filepath.Join(dir, "out"))
	require.Regexp(t, `(?m)^adapters .* 12$`, longer.stdout)
}

// TestInterrupt: in the first text there is nothing to compare.
func TestInterrupt(t *testing.T) {
	dir := workplace(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stderr := &cancelWriter{at: "first text: training", n: 1, cancel: cancel}
	var stdout bytes.Buffer
	require.Equal(t, 130, program.Status("finetune", interrupt.Under(ctx), run, tiny(dir, "-quiet=false"), &stdout, stderr))
	require.Empty(t, stdout.String())
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
	for args, text := range map[string]string{
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
		"-to " + dir:                            "is no regular file; name a readable file with -to",
		"-resume":                               "there is no run",
		"-hidden 8192 -batch 8192 -window 8192": "GB of memory",
	} {
		r := command(context.Background(), tiny(dir, append(strings.Fields(args), "-out", filepath.Join(dir, "none"))...)...)
		require.Equal(t, 2, r.code, "%s: %s", args, r.stderr)
		require.Contains(t, r.stderr, text, args)
		require.Empty(t, r.stdout)
		require.NoDirExists(t, filepath.Join(dir, "none"))
	}
	require.Zero(t, command(context.Background(), "-h").code)
}
