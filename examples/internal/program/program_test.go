package program

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/lock"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// onStep is what the program under test does after an update.
var onStep func(bptt.Progress) error

// try is a program of two trainings.
func try(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	f := NewFlags("try", "usage: try [flags]\n", stderr, Limits{Epochs: 2})
	hidden := f.Int("hidden", 5, "`units`")
	rate := f.Float64("rate", 0.01, "`rate`")
	more := f.Bool("more", false, "print more")
	use := f.String("use", "", "`text` to use a trained model for")
	f.NotStored("more", "use")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.Use("use", "a text"); err != nil {
		return err
	}
	if *use != "" {
		_, err := fmt.Fprintf(stdout, "%s with %d\n", *use, *hidden)
		return err
	}
	if err := Between("hidden", *hidden, 1, 9); err != nil {
		return err
	}
	s, err := Open(f, guard, stderr)
	if err != nil {
		return err
	}
	defer s.Close()
	s.Draw("picture.png", chart.Panel{Curves: []chart.Curve{{Name: "seed", Y: []float64{0, float64(f.Seed)}}}})
	if err := s.WriteFile("text", []byte(fmt.Sprint(f.Seed))); err != nil {
		return err
	}
	for _, dir := range []string{"", "second"} {
		r := rand.New(rand.NewPCG(f.Seed, 0))
		emb, err := nn.NewEmbedding(256, 3, r)
		if err != nil {
			return err
		}
		cell, err := gru.New(gru.Config{Input: 3, Hidden: *hidden}, r)
		if err != nil {
			return err
		}
		out, err := nn.NewLinear(*hidden, 256, r)
		if err != nil {
			return err
		}
		net, err := nn.Chain(emb, cell.Unroll(4, 2), out)
		if err != nil {
			return err
		}
		source, err := data.NewText([]byte(strings.Repeat("to be or not ", 5)), 2)
		if err != nil {
			return err
		}
		held, err := data.NewText([]byte("not to be to be or not to be"), 2)
		if err != nil {
			return err
		}
		result, err := s.Train(Run{
			Dir: dir, Net: net, Data: source, Title: "a " + dir, Scale: Scale{Name: "perplexity", Value: loss.Perplexity}, Counted: "characters",
			Plan: bptt.Plan{
				Window: 4, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: *rate}, OnStep: onStep,
				Validate: bptt.Validate{Data: held, EverySteps: 3},
			},
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%d updates, %v\n", result.Step, *more)
		if s.Context().Err() != nil {
			return fmt.Errorf("the context for measuring has ended")
		}
		if result.Interrupted {
			return nil
		}
	}
	return nil
}

// result is what a call left.
type result struct {
	stdout, stderr string
	code           int
}

func command(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := Status("try", interrupt.Under(ctx), try, args, &stdout, &stderr)
	return result{stdout.String(), stderr.String(), code}
}

func do(t *testing.T, args ...string) result {
	t.Helper()
	r := command(context.Background(), args...)
	require.Zero(t, r.code, r.stderr)
	return r
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	return string(b)
}

// TestResume: a run in parts ends in the files of a run in one, after an end in order,
// after Ctrl-C in either training, and after a kill that left more metrics than checkpoints.
func TestResume(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	r := do(t, "-out", whole, "-hidden", "7", "-steps", "17", "-more")
	require.Equal(t, "17 updates, true\n17 updates, true\n", r.stdout)
	require.Contains(t, r.stderr, "update 3, perplexity ")
	require.Contains(t, r.stderr, "characters/s")
	require.True(t, strings.HasPrefix(read(t, whole, "second", curveFile), "\x89PNG"))

	do(t, "-out", parts, "-hidden", "7", "-steps", "5", "-quiet")
	for _, stop := range []struct {
		file string
		step int64
	}{{"", 11}, {"second", 12}} {
		ctx, cancel := context.WithCancel(context.Background())
		onStep = func(p bptt.Progress) error {
			if _, err := os.Stat(filepath.Join(parts, "second", "begun")); p.Step == stop.step && (stop.file == "") == (err != nil) {
				cancel()
			}
			if p.Step == 17 {
				return os.WriteFile(filepath.Join(parts, "second", "begun"), nil, 0o666)
			}
			return nil
		}
		r := command(ctx, "-out", parts, "-resume", "-steps", "17")
		onStep = nil
		require.Zero(t, r.code, r.stderr)
		require.Contains(t, r.stdout, fmt.Sprintf("%d updates, false\n", stop.step))
		require.Contains(t, r.stderr, "stopped after")
		require.Contains(t, r.stderr, "going on at update")
	}
	metrics := filepath.Join(parts, "second", metricsFile)
	f, err := os.OpenFile(metrics, os.O_WRONLY|os.O_APPEND, 0o666)
	require.NoError(t, err)
	_, err = f.WriteString("{\"event\":\"step\",\"step\":13,\"loss\":9}\n{\"event\":\"st")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r = do(t, "-out", parts, "-resume", "-steps", "17")
	require.Equal(t, "17 updates, false\n17 updates, false\n", r.stdout)
	for _, dir := range []string{"", "second"} {
		for _, name := range []string{bptt.LastFile, bptt.BestFile} {
			require.Equal(t, read(t, whole, dir, name), read(t, parts, dir, name), "%s %s", dir, name)
		}
		one, oneHeld, err := Curves(filepath.Join(whole, dir), Scale{}, Scale{})
		require.NoError(t, err)
		two, twoHeld, err := Curves(filepath.Join(parts, dir), Scale{}, Scale{})
		require.NoError(t, err)
		require.Len(t, one.X, 17)
		require.Len(t, oneHeld.X, 5)
		require.Equal(t, one, two)
		require.Equal(t, oneHeld, twoHeld)
	}
}

// TestSettings: a resumed run has the settings of the run; what contradicts them is refused.
func TestSettings(t *testing.T) {
	dir := t.TempDir()
	r := command(context.Background(), "-out", dir, "-resume")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "there is no run in "+dir)
	do(t, "-out", dir, "-hidden", "4", "-epochs", "1", "-quiet")
	before := read(t, dir, settingsFile)
	require.Contains(t, before, `"hidden": "4"`)
	require.NotContains(t, before, "quiet")
	require.Contains(t, do(t, "-out", dir, "-resume").stdout, "8 updates", "-epochs 1 holds")
	require.Contains(t, do(t, "-out", dir, "-resume", "-steps", "9", "-hidden", "4").stdout, "9 updates")
	for args, text := range map[string]string{
		"-hidden 5": "-hidden is 5, and the run in " + dir + " has 4: leave it out",
		"-seed 2":   "-seed is 2",
		"-rate 0.1": "-rate is 0.1",
	} {
		r := command(context.Background(), append(strings.Fields(args), "-out", dir, "-resume")...)
		require.Equal(t, 2, r.code)
		require.Contains(t, r.stderr, text)
	}
	for content, text := range map[string]string{
		"{":                                      "cannot be used",
		`{"Program": "other"}`:                   "is one of other",
		strings.ReplaceAll(before, `"4"`, `"x"`): "cannot be used",
		strings.ReplaceAll(before, "hidden", "units"): `the setting "units"`,
		strings.ReplaceAll(before, "hidden", "out"):   `the setting "out"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, settingsFile), []byte(content), 0o666))
		r := command(context.Background(), "-out", dir, "-resume")
		require.Equal(t, 2, r.code, content)
		require.Contains(t, r.stderr, text)
	}
}

// TestPrevious: a run that begins anew keeps the one before, which can go on.
func TestPrevious(t *testing.T) {
	dir := t.TempDir()
	do(t, "-out", dir, "-steps", "3", "-quiet")
	do(t, "-out", filepath.Join(dir, "own"), "-steps", "1", "-quiet")
	first, own, picture := read(t, dir, "second", bptt.LastFile), read(t, dir, "own", bptt.LastFile), read(t, dir, "picture.png")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), nil, 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, tempPrefix+"1"), nil, 0o666))
	do(t, "-out", dir, "-steps", "4", "-seed", "2", "-quiet")
	require.NoFileExists(t, filepath.Join(dir, tempPrefix+"1"))
	require.Equal(t, first, read(t, dir, "previous", "second", bptt.LastFile))
	require.Equal(t, picture, read(t, dir, "previous", "picture.png"))
	require.Equal(t, "1", read(t, dir, "previous", "text"))
	require.NotEqual(t, picture, read(t, dir, "picture.png"))
	require.Equal(t, own, read(t, dir, "own", bptt.LastFile), "another run is left alone")
	require.FileExists(t, filepath.Join(dir, "notes"), "what the run has not written is left alone")
	require.Contains(t, do(t, "-out", filepath.Join(dir, "previous"), "-resume", "-steps", "5").stderr, "going on at update 3")

	// A call that was killed on the way has left a part of a run.
	second := read(t, dir, bptt.LastFile)
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".previous"), 0o777))
	require.NoError(t, os.Rename(filepath.Join(dir, settingsFile), filepath.Join(dir, ".previous", settingsFile)))
	require.Equal(t, 2, command(context.Background(), "-out", dir, "-resume").code)
	do(t, "-out", dir, "-steps", "1", "-quiet")
	require.Equal(t, second, read(t, dir, "previous", bptt.LastFile))
	require.Equal(t, "2", read(t, dir, "previous", "text"))
	require.FileExists(t, filepath.Join(dir, "previous", settingsFile))
	require.NoDirExists(t, filepath.Join(dir, ".previous"))
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	for args, text := range map[string]string{
		"-nonsense":               "usage: try",
		"-steps -1":               "-steps is -1",
		"-steps 0":                "which never ends",
		"-epochs 0":               "which never ends",
		"-workers 257":            "-workers is 257, want 1 to 256",
		"steps":                   `unexpected argument "steps"`,
		"-hidden 10":              "-hidden is 10, want 1 to 9",
		"-out=":                   "-out is empty",
		"-out program_test.go/no": "program_test.go",
	} {
		r := command(context.Background(), append([]string{"-out", dir}, strings.Fields(args)...)...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, text)
		require.Empty(t, r.stdout)
		require.NoDirExists(t, dir)
	}
	require.Zero(t, command(context.Background(), "-h").code)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	require.Equal(t, 130, command(gone, "-out", dir).code)
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock.Folder(dir, "try")
	require.NoError(t, err)
	r := command(context.Background(), "-out", dir)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "in use by another run of try")
	unlock()
	do(t, "-out", dir, "-steps", "1")
}

// TestRescue: what was trained is not lost with the folder that was to take it.
func TestRescue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	t.Setenv("TMPDIR", t.TempDir())
	onStep = func(p bptt.Progress) error {
		if p.Step == 2 {
			return os.RemoveAll(dir)
		}
		return nil
	}
	r := command(context.Background(), "-out", dir, "-steps", "2", "-quiet")
	onStep = nil
	require.Equal(t, 2, r.code)
	_, after, found := strings.Cut(r.stderr, "it is in ")
	require.True(t, found, r.stderr)
	name, _, _ := strings.Cut(after, " instead")
	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Step)
}

// TestRescueAfterSignal: a run that a signal has ended, and that cannot write its last
// checkpoint, is not said to be saved.
func TestRescueAfterSignal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	onStep = func(p bptt.Progress) error {
		if p.Step == 2 {
			cancel()
			return os.RemoveAll(dir)
		}
		return nil
	}
	r := command(ctx, "-out", dir, "-steps", "9", "-quiet")
	onStep = nil
	require.Equal(t, 2, r.code, r.stderr)
	require.NotContains(t, r.stderr, "and saved")
	require.Contains(t, r.stderr, "the model is not saved: context canceled\n")
	_, after, found := strings.Cut(r.stderr, "it is in ")
	require.True(t, found, r.stderr)
	name, _, _ := strings.Cut(after, " instead")
	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Step)
}

func TestStatus(t *testing.T) {
	var stderr bytes.Buffer
	fail := func(*interrupt.Guard, []string, io.Writer, io.Writer) error {
		return fmt.Errorf("%w: %d of 9", ErrNotSolved, 3)
	}
	require.Equal(t, 1, Status("try", interrupt.Under(context.Background()), fail, nil, nil, &stderr))
	require.Equal(t, "try: not solved: 3 of 9\n", stderr.String())

	// Who measures is told of a signal by the context.
	ctx, cancel := context.WithCancel(context.Background())
	measure := func(g *interrupt.Guard, _ []string, _, _ io.Writer) error {
		return fmt.Errorf("measuring: %w", g.Context().Err())
	}
	cancel()
	stderr.Reset()
	require.Equal(t, 130, Status("try", interrupt.Under(ctx), measure, nil, nil, &stderr))
	require.Equal(t, "try: interrupted\n", stderr.String())
}

// TestUse: a flag that uses a trained model has the settings of its run, and does not train.
func TestUse(t *testing.T) {
	dir := t.TempDir()
	do(t, "-out", dir, "-hidden", "4", "-steps", "1", "-quiet")
	require.Equal(t, "it with 4\n", do(t, "-out", dir, "-use", "it").stdout)
	for args, text := range map[string]string{"-use=": "-use is empty, want a text", "-use it -resume": "-use does not train: leave -resume out", "-use it -hidden 5": "-hidden is 5"} {
		r := command(context.Background(), append([]string{"-out", dir}, strings.Fields(args)...)...)
		require.Equal(t, 2, r.code)
		require.Contains(t, r.stderr, text)
	}
}

// TestDraw: a picture that cannot be drawn costs a warning, a file that cannot be written the run.
func TestDraw(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "picture.png"), 0o777))
	r := do(t, "-out", dir, "-steps", "1", "-quiet")
	require.Contains(t, r.stderr, "try: picture.png is not drawn: ")
	require.Contains(t, r.stdout, "1 updates")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "text")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "text", "in"), 0o777))
	r = command(context.Background(), "-out", dir, "-resume", "-quiet")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "text is not written: ")
}

func TestFits(t *testing.T) {
	require.NoError(t, Fits(4<<30, "-a 1"))
	require.EqualError(t, Fits(5<<30, "-a %d", 1), "-a 1 need about 20 GB of memory, more than 16; use smaller numbers")
}

// TestMeta: what Encode writes comes back, and so does the vocabulary alone, which checkpoints
// of wordlm and tagger had before.
func TestMeta(t *testing.T) {
	v, err := data.NewVocabulary(slices.Values([]string{"one", "two"}), data.VocabularyConfig{})
	require.NoError(t, err)
	kept, err := NewMeta(v, []string{"a", "b"})
	require.NoError(t, err)
	net, err := nn.Infer(1, 1, nn.PoolMax{}, &nn.Linear{Weight: make([]float32, 6), In: 3, Out: 2})
	require.NoError(t, err)
	text, err := kept.Encode(net)
	require.NoError(t, err)
	for _, meta := range [][]byte{text, []byte(kept.Vocabulary)} {
		m, again, err := ReadMeta(&bptt.Checkpoint{Meta: meta})
		require.NoError(t, err)
		require.Equal(t, v, again)
		require.Equal(t, kept.Vocabulary, m.Vocabulary)
		_, described := chain.DescriptionOf(meta)
		require.Equal(t, described, len(m.Classes) == 2)
	}
	_, _, err = ReadMeta(&bptt.Checkpoint{Meta: []byte(`{"Vocabulary": 3}`)})
	require.ErrorContains(t, err, "meta data of the checkpoint")
}
