package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/kernels"
)

// The tests run the built program as a user does.

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "charlm")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "charlm.exe")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building charlm: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// result is what a run left.
type result struct {
	stdout, stderr string
	code           int
}

// lines are those of stdout.
func (r result) lines() []string { return strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n") }

// command prepares a run in dir, with the environment changed.
func command(dir string, env []string, args ...string) *exec.Cmd {
	c := exec.Command(binary, args...)
	c.Dir = dir
	c.Env = append(append(os.Environ(), "PWD="+dir), env...)
	return c
}

func charlm(t *testing.T, dir string, env []string, args ...string) result {
	t.Helper()
	c := command(dir, env, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// workplace is a folder with a text that takes moments to train on.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	words := []string{"light ", "of ", "the ", "sun ", "and ", "colours ", "prism, ", "rays\n"}
	var b bytes.Buffer
	for b.Len() < 6000 {
		b.WriteString(words[r.Uint64()%8])
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), b.Bytes(), 0o666))
	return dir
}

// tiny makes a step take a moment even in plain Go.
var tiny = []string{"-text", "text", "-hidden", "13", "-embed", "7", "-batch", "4", "-window", "9"}

func with(args ...string) []string { return append(append([]string(nil), tiny...), args...) }

var (
	lastLine = regexp.MustCompile(`^held-out \d+\.\d{3} bits/char after \d+ steps, \d+ chars/s, (scalar|avx2|avx512|neon); by counts of characters \d\.\d{3}, of pairs \d\.\d{3}$`)
	// The last line of a run that made no step.
	noSteps  = regexp.MustCompile(`^held-out \d+\.\d{3} bits/char after \d+ steps, (scalar|avx2|avx512|neon); by counts of characters \d\.\d{3}, of pairs \d\.\d{3}$`)
	hashLine = regexp.MustCompile(`^sha256 [0-9a-f]{64}$`)
)

// files reads a folder, for comparing before and after.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = string(b)
		return err
	}))
	return out
}

func TestTrain(t *testing.T) {
	dir := workplace(t)
	r := charlm(t, dir, nil, with("-steps", "12", "-layers", "2", "-fingerprint")...)
	require.Zero(t, r.code, r.stderr)
	require.Len(t, r.lines(), 2)
	require.Regexp(t, hashLine, r.lines()[0])
	require.Regexp(t, lastLine, r.lines()[1])
	require.Contains(t, r.lines()[1], "after 12 steps")
	require.Contains(t, r.stderr, "bits/char", "progress goes to standard error")
	text, err := os.ReadFile(filepath.Join(dir, "text"))
	require.NoError(t, err)
	at := len(text) - len(text)/20
	single, pairs := baselines(text[:at], text[at:])
	require.Contains(t, r.lines()[1], fmt.Sprintf("; by counts of characters %.3f, of pairs %.3f", single, pairs))
	require.Contains(t, r.stderr, fmt.Sprintf("by counts of characters the held-out text takes %.3f bits/char, of pairs %.3f", single, pairs))
	picture, err := os.ReadFile(filepath.Join(dir, "charlm-out", "loss.png"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(picture, []byte("\x89PNG")))
	table, err := os.ReadFile(filepath.Join(dir, "charlm-out", "loss.csv"))
	require.NoError(t, err)
	require.Equal(t, 1+12+1, strings.Count(string(table), "\n"))

	// A new run keeps the model of the one before.
	first, err := os.ReadFile(filepath.Join(dir, "charlm-out", "model.ckpt"))
	require.NoError(t, err)
	r = charlm(t, dir, nil, with("-steps", "2", "-quiet")...)
	require.Zero(t, r.code, r.stderr)
	kept, err := os.ReadFile(filepath.Join(dir, "charlm-out", "model.previous.ckpt"))
	require.NoError(t, err)
	require.Equal(t, first, kept)
	require.Len(t, files(t, filepath.Join(dir, "charlm-out")), 4, "and leaves nothing else behind")

	// Without -fingerprint one line, with -quiet nothing else; -for ends the
	// training, and -out names the folder.
	r = charlm(t, dir, nil, with("-for", "300ms", "-quiet", "-out", "sub/other")...)
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, r.stderr)
	require.Len(t, r.lines(), 1)
	require.Regexp(t, lastLine, r.lines()[0])
	require.FileExists(t, filepath.Join(dir, "sub", "other", "model.ckpt"))
}

// TestFingerprint: one hash on every tier and any number of workers.
func TestFingerprint(t *testing.T) {
	dir := workplace(t)
	want := ""
	for _, isa := range kernels.Available() {
		for _, workers := range []string{"0", "1", "2", "3", "8"} {
			r := charlm(t, dir, []string{"SIMDRNN_ISA=" + isa.String()}, with("-steps", "6", "-quiet", "-fingerprint", "-workers", workers)...)
			require.Zero(t, r.code, r.stderr)
			require.Contains(t, r.lines()[1], isa.String())
			if want == "" {
				want = r.lines()[0]
			}
			require.Equal(t, want, r.lines()[0], "%v, %s workers", isa, workers)
		}
	}
	other := charlm(t, dir, nil, with("-steps", "6", "-quiet", "-fingerprint", "-seed", "2")...)
	require.NotEqual(t, want, other.lines()[0])
}

// TestResume: a run in two parts ends in the same bytes as a run in one.
func TestResume(t *testing.T) {
	dir := workplace(t)
	train := func(args ...string) result {
		r := charlm(t, dir, nil, append(args, "-quiet", "-fingerprint")...)
		require.Zero(t, r.code, r.stderr)
		return r
	}
	upToSpeed := regexp.MustCompile(`,.*`)
	// 158 steps of text in 9s: an epoch is 18 windows, the last one short.
	whole := train(with("-steps", "43", "-out", "whole")...)
	for _, stop := range []string{"1", "18", "40"} {
		train(with("-steps", stop, "-out", "parts")...)
		parts := train("-resume", "-steps", "43", "-out", "parts", "-workers", "2")
		require.Equal(t, whole.lines()[0], parts.lines()[0])
		require.Equal(t, upToSpeed.ReplaceAllString(whole.lines()[1], ""), upToSpeed.ReplaceAllString(parts.lines()[1], ""))
		a, b := files(t, filepath.Join(dir, "whole")), files(t, filepath.Join(dir, "parts"))
		require.Equal(t, a[filepath.Join(dir, "whole", "model.ckpt")], b[filepath.Join(dir, "parts", "model.ckpt")])
	}
	for args, text := range map[string]string{
		"-resume -hidden 14":             "-hidden differs",
		"-resume -seed 7":                "-seed differs",
		"-resume -text other":            "another text",
		"-resume -out nowhere":           "no checkpoint",
		"-resume -steps 44 -text nofile": "nofile",
	} {
		before := files(t, dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), bytes.Repeat([]byte("other "), 1000), 0o666))
		before[filepath.Join(dir, "other")] = strings.Repeat("other ", 1000)
		r := charlm(t, dir, nil, append([]string{"-out", "parts"}, strings.Fields(args)...)...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, text, args)
		require.Empty(t, r.stdout)
		require.Equal(t, before, files(t, dir), args)
	}
}

// TestResumeOfFinishedRun: a run that has all its steps, killed say before its last
// line, ends well when it is resumed: a script that resumes until the status is 0
// comes to an end. The model stays, and the curve gains nothing by every attempt.
func TestResumeOfFinishedRun(t *testing.T) {
	dir := workplace(t)
	first := charlm(t, dir, nil, with("-steps", "7", "-fingerprint", "-quiet")...)
	require.Zero(t, first.code, first.stderr)
	out := filepath.Join(dir, "charlm-out")
	before := files(t, out)
	saved, err := os.Stat(filepath.Join(out, "model.ckpt"))
	require.NoError(t, err)
	for _, steps := range []string{"7", "5"} {
		r := charlm(t, dir, nil, "-resume", "-steps", steps, "-fingerprint")
		require.Zero(t, r.code, r.stderr)
		require.Contains(t, r.stderr, "the model has 7 steps, and -steps "+steps+" counts them all")
		require.Equal(t, first.lines()[0], r.lines()[0])
		require.Contains(t, r.lines()[1], "after 7 steps")
		require.Regexp(t, noSteps, r.lines()[1])
		require.NotContains(t, r.stderr, "chars/s", "no step, no speed")
		require.NotContains(t, r.stderr, "loss 0.000")
		require.Equal(t, strings.SplitAfter(first.lines()[1], "steps")[0], strings.SplitAfter(r.lines()[1], "steps")[0])
		after := files(t, out)
		require.Len(t, after, 3)
		for _, name := range []string{"model.ckpt", "loss.csv"} {
			require.Equal(t, before[filepath.Join(out, name)], after[filepath.Join(out, name)], name)
		}
		again, err := os.Stat(filepath.Join(out, "model.ckpt"))
		require.NoError(t, err)
		require.True(t, os.SameFile(saved, again), "what is saved is not saved again")
	}
	// The curve comes after the model, so a kill may have left none.
	require.NoError(t, os.Remove(filepath.Join(out, "loss.csv")))
	r := charlm(t, dir, nil, "-resume", "-steps", "7", "-quiet", "-sample", "5")
	require.Zero(t, r.code, r.stderr)
	require.Regexp(t, noSteps, r.lines()[len(r.lines())-1])
	require.FileExists(t, filepath.Join(out, "loss.csv"))
}

// TestCells: each kind of layer trains, goes on to the bit as what it is, writes text, and has
// its line on the picture of all.
func TestCells(t *testing.T) {
	dir := workplace(t)
	hashes := map[string]bool{}
	for _, cell := range []string{"rnn", "gru", "lstm"} {
		whole := charlm(t, dir, nil, with("-cell", cell, "-steps", "9", "-out", cell, "-quiet", "-fingerprint")...)
		require.Zero(t, whole.code, whole.stderr)
		hashes[whole.lines()[0]] = true
		require.Zero(t, charlm(t, dir, nil, with("-cell", cell, "-steps", "4", "-out", "part-"+cell, "-quiet")...).code)
		rest := charlm(t, dir, nil, "-resume", "-steps", "9", "-out", "part-"+cell, "-fingerprint")
		require.Zero(t, rest.code, rest.stderr)
		require.Equal(t, whole.lines()[0], rest.lines()[0])
		require.Contains(t, rest.stderr, strings.ToUpper(cell)+" 1 x 13")
		require.Len(t, charlm(t, dir, nil, "-sample", "20", "-out", cell).stdout, 21)
	}
	require.Len(t, hashes, 3)
	r := charlm(t, dir, nil, "-resume", "-cell", "gru", "-out", "lstm")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "-cell differs")

	r = charlm(t, dir, nil, "-compare", "rnn,gru,lstm", "-out", "all")
	require.Zero(t, r.code, r.stderr)
	require.Len(t, r.lines(), 4)
	for i, cell := range []string{"rnn", "gru", "lstm"} {
		require.Regexp(t, "^"+strings.ToUpper(cell)+" 1 x 13, "+cell+`: held-out \d\.\d{3} bits/char after 9 steps$`, r.lines()[i])
	}
	require.FileExists(t, filepath.Join(dir, "all", "compare.png"))
	r = charlm(t, dir, nil, "-compare", "rnn,none")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "-compare")
	require.NoError(t, os.Remove(filepath.Join(dir, "gru", "loss.csv")))
	r = charlm(t, dir, nil, "-compare", "rnn,gru")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "has no curve")
}

func TestSample(t *testing.T) {
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "30", "-quiet")...).code)
	before := files(t, dir)
	one := charlm(t, dir, nil, "-sample", "100")
	require.Zero(t, one.code, one.stderr)
	require.Len(t, one.stdout, 101, "100 characters and a line end")
	require.Empty(t, one.stderr)
	require.Equal(t, one.stdout, charlm(t, dir, []string{"SIMDRNN_ISA=scalar"}, "-sample", "100").stdout)
	require.NotEqual(t, one.stdout, charlm(t, dir, nil, "-sample", "100", "-seed", "2").stdout)
	require.NotEqual(t, one.stdout, charlm(t, dir, nil, "-sample", "100", "-prompt", "sun").stdout)
	greedy := charlm(t, dir, nil, "-sample", "100", "-temperature", "0")
	require.Equal(t, greedy.stdout, charlm(t, dir, nil, "-sample", "100", "-temperature", "0", "-seed", "9").stdout)
	require.Equal(t, before, files(t, dir), "sampling writes nothing")

	// With training the text comes first.
	r := charlm(t, dir, nil, "-resume", "-steps", "31", "-sample", "50", "-temperature", "0", "-quiet")
	require.Zero(t, r.code, r.stderr)
	require.Regexp(t, lastLine, r.lines()[len(r.lines())-1])
	require.Equal(t, 51, len(r.stdout)-len(r.lines()[len(r.lines())-1])-1)
}

// TestMistakes: what is wrong and what to do, status 2, and not a file touched.
func TestMistakes(t *testing.T) {
	dir := workplace(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "short"), []byte(strings.Repeat("a", 39)), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o666))
	for args, texts := range map[string][]string{
		"-nonsense":                   {"-nonsense", "usage"},
		"-steps x":                    {"-steps"},
		"-steps 0":                    {"-steps is 0"},
		"-for 0s":                     {"-for is 0s"},
		"-for 5":                      {"-for"},
		"-hidden 0":                   {"-hidden is 0"},
		"-layers -1":                  {"-layers is -1"},
		"-batch 0":                    {"-batch"},
		"-window 99999":               {"-window"},
		"-hidden 65536":               {"-hidden 65536", "GB", "smaller"},
		"-layers 65536":               {"-layers 65536", "GB"},
		"-workers -1":                 {"-workers is -1"},
		"-workers 100000000":          {"-workers is 100000000", "1 to 256"},
		"-rate 0":                     {"-rate is 0", "1e-12 to 10"},
		"-rate nan":                   {"-rate is NaN"},
		"-rate 1e-320":                {"-rate is 1e-320"},
		"-clip nan":                   {"-clip is NaN"},
		"-clip inf":                   {"-clip is +Inf", "1e30 never clips"},
		"-clip 0":                     {"-clip is 0"},
		"-clip 1e-320":                {"-clip is 1e-320"},
		"-steps -5":                   {"-steps is -5"},
		"-steps 1e3":                  {"-steps"},
		"-steps 99999999999999999999": {"-steps"},
		"-seed -1":                    {"-seed"},
		"-hidden 16384 -layers 16384 -batch 65536 -window 65536": {"GB", "smaller"},
		"-prompt x":                  {"-prompt", "-sample"},
		"-cell elman":                {`-cell is "elman"`, "lstm, gru or rnn"},
		"-compare a -sample 3":       {"-compare", "-sample"},
		"-temperature 1":             {"-temperature", "-sample"},
		"-sample 9 -text text":       {"-text", "-resume"},
		"-sample 9 -temperature nan": {"-temperature is NaN"},
		"-sample 9 -out text":        {"text is no folder"},
		"-resume -out text":          {"-out"},
		"-text= -steps 1":            {"-text is empty"},
		"-out= -text text":           {"-out is empty"},
		"-text empty":                {"0 characters", "too few"},
		"-sample 0":                  {"-sample"},
		"-sample 9 -temperature -1":  {"-temperature"},
		"-sample 9 -fingerprint":     {"-fingerprint"},
		"-sample 9":                  {"no checkpoint", "train"},
		"text":                       {`"text"`, "-text"},
		"-text missing":              {filepath.Join(dir, "missing"), "working folder", "-text"},
		"-text .":                    {"is a folder", "-text"},
		"-text short":                {"39 characters", "too few", "longer"},
		"-text text -out text":       {"-out"},
	} {
		before := files(t, dir)
		words := strings.Fields(args)
		if !strings.Contains(args, "-for") && !strings.Contains(args, "-sample") {
			words = append(words, "-for", "1s") // what is not refused does not train for long
		}
		r := charlm(t, dir, nil, words...)
		require.Equal(t, 2, r.code, args)
		require.Empty(t, r.stdout, args)
		for _, text := range texts {
			require.Contains(t, r.stderr, text, args)
		}
		require.Equal(t, before, files(t, dir), args)
		require.NoDirExists(t, filepath.Join(dir, "charlm-out"), args)
	}
	// What the message says is needed is enough.
	need := regexp.MustCompile(`need (\d+)`)
	r := charlm(t, dir, nil, "-text", "short", "-batch", "20", "-window", "30")
	m := need.FindStringSubmatch(r.stderr)
	require.NotNil(t, m, r.stderr)
	n := 0
	fmt.Sscan(m[1], &n)
	for _, c := range []struct{ size, code int }{{n, 0}, {n - 10, 2}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "short"), []byte(strings.Repeat("a", c.size)), 0o666))
		r := charlm(t, dir, nil, "-text", "short", "-batch", "20", "-window", "30", "-hidden", "4", "-steps", "1")
		require.Equal(t, c.code, r.code, r.stderr)
	}

	r = charlm(t, dir, []string{"PATH=" + dir, "GOROOT=" + dir}, "-out", "new")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "Opticks")
	require.Contains(t, r.stderr, "-text")
	r = charlm(t, dir, []string{"SIMDRNN_ISA=bogus"}, with("-steps", "1", "-out", "new")...)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "bogus")
	require.NoDirExists(t, filepath.Join(dir, "new"))
	r = charlm(t, dir, nil, "-help")
	require.Zero(t, r.code)
	require.Contains(t, r.stderr, "-fingerprint")
}

// TestDamagedCheckpoint is refused and left as it is.
func TestDamagedCheckpoint(t *testing.T) {
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "3", "-quiet")...).code)
	name := filepath.Join(dir, "charlm-out", "model.ckpt")
	good, err := os.ReadFile(name)
	require.NoError(t, err)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	for damage, bad := range map[string][]byte{
		"cut": good[:len(good)-1], "empty": nil, "text": []byte("hello"), "longer": append(bytes.Clone(good), 0), "flipped": flipped,
	} {
		require.NoError(t, os.WriteFile(name, bad, 0o666))
		before := files(t, dir)
		for _, args := range [][]string{{"-resume", "-steps", "5"}, {"-sample", "10"}} {
			r := charlm(t, dir, nil, args...)
			require.Equal(t, 2, r.code, damage)
			require.Contains(t, r.stderr, "model.ckpt cannot be used", damage)
			require.Contains(t, r.stderr, "train anew", damage)
			require.Empty(t, r.stdout)
			require.Equal(t, before, files(t, dir), damage)
		}
	}
}

func TestDefaultText(t *testing.T) {
	path, text, err := readText("")
	require.NoError(t, err)
	require.Contains(t, path, "Opticks")
	require.Greater(t, len(text), 500000)
	train, held, err := split(path, text, 32, 64)
	require.NoError(t, err)
	require.Equal(t, len(text)/20, len(held))
	require.Equal(t, len(text), len(train)+len(held))
}

// TestCurve: however long a run, the table stays small, and a resumed run goes
// on with the points that its checkpoint knew of.
func TestCurve(t *testing.T) {
	var c curve
	for step := int64(1); step <= 10*maxPoints; step++ {
		c.add(step, float64(step))
	}
	c.look(5000, 2)
	c.look(10*maxPoints, 1)
	require.Less(t, len(c.train), maxPoints)
	for i, p := range c.train[1:] {
		require.Equal(t, float64(c.stretch), p.X-c.train[i].X)
		require.InDelta(t, p.X-float64(c.stretch-1)/2, p.Y, 1e-6, "the mean of its steps")
	}
	dir := t.TempDir()
	table := filepath.Join(dir, "t.csv")
	require.NoError(t, c.write(table, filepath.Join(dir, "p.png")))
	again := readCurve(table, 10*maxPoints)
	require.Equal(t, c.stretch, again.stretch)
	require.Len(t, again.train, len(c.train))
	require.Len(t, again.held, 2)
	require.Len(t, readCurve(table, 6000).held, 1)
	require.Empty(t, readCurve(filepath.Join(dir, "none"), 5).train)
	require.NoError(t, os.WriteFile(table, []byte("a,b\n\"c"), 0o666))
	require.Empty(t, readCurve(table, 5).train)
	require.NoError(t, (&curve{}).write(table, filepath.Join(dir, "empty.png")))
}
