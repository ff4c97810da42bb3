package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/optim"
)

var tested = programtest.Program{Name: "wordlm", Run: run}

// workplace is a folder with a text whose words follow one another by a rule.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for range 300 {
		b.WriteString([]string{"The cat sees", "A dog (brown) hears", "No bird\nknows"}[r.Uint64()%3] + " " + []string{"it.", "her!"}[r.Uint64()%2] + "\n\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte(b.String()), 0o666))
	for name, n := range map[string]int{"train": 200, "valid": 30, "test": 30} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(" no it was n't <unk> monday \n", n)), 0o666))
	}
	return dir
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-text", filepath.Join(dir, "text"), "-out", filepath.Join(dir, "out"),
		"-embed", "5", "-hidden", "7", "-batch", "4", "-window", "6", "-rate", "0.02"}, args...)
}

var table = regexp.MustCompile(`(?s)perplexity +validation +testing\nunigram +([0-9.]+) +([0-9.]+)\nbigram +([0-9.]+) +([0-9.]+)\nLSTM 1x7 +([0-9.]+) +([0-9.]+) +after (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`)

// TestTrain: the model is near the perplexity that the rule has, and the files are there.
func TestTrain(t *testing.T) {
	dir := workplace(t)
	r := tested.Do(t, tiny(dir, "-epochs", "6")...)
	ppl := programtest.Numbers(t, table, r.Stdout)
	require.Contains(t, r.Stderr, "vocabulary of 18, 0.0 % of the words for testing are <unk>")
	require.Contains(t, r.Stderr, "words/s")
	programtest.Files(t, filepath.Join(dir, "out"), bptt.LastFile, bptt.BestFile, "curve.png", "metrics.jsonl", "settings.json")
	for _, name := range []string{bptt.LastFile, bptt.BestFile} {
		c, err := bptt.ReadCheckpointFile(filepath.Join(dir, "out", name))
		require.NoError(t, err)
		_, v, err := program.ReadMeta(c)
		require.NoError(t, err)
		programtest.Described(t, filepath.Join(dir, "out", name), v.Len(), v.Len())
	}
	require.Less(t, ppl[3], ppl[1], "pairs say more than words")
	require.Less(t, ppl[5], 2.0, "two of some six words can be foretold only by chance")

	// The same bits on every tier; and text from the files alone.
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	require.Contains(t, tested.Do(t, tiny(dir, "-epochs", "6", "-quiet", "-out", filepath.Join(dir, "scalar"))...).Stdout, r.Hash())
	require.NoError(t, kernels.Use(isa))
	require.NoError(t, os.Remove(filepath.Join(dir, "text")))
	one := tested.Do(t, "-write", "20", "-out", filepath.Join(dir, "out"))
	require.Empty(t, one.Stderr)
	require.Equal(t, one.Stdout, tested.Do(t, "-write", "20", "-out", filepath.Join(dir, "out")).Stdout)
	require.NotEqual(t, one.Stdout, tested.Do(t, "-write", "20", "-seed", "9", "-temperature", "2", "-out", filepath.Join(dir, "out")).Stdout)
	require.Regexp(t, `^a dog \(brown\) hears (it\.|her!)\n`, tested.Do(t, "-write", "10", "-prompt", "A dog", "-temperature", "0.1", "-out", filepath.Join(dir, "out")).Stdout)
}

// TestResume: a run in parts ends as a run in one.
func TestResume(t *testing.T) {
	whole, out := tested.InParts(t, "-steps 50", "-epochs 3", tiny(workplace(t)), bptt.BestFile)
	again := tested.Do(t, "-resume", "-quiet", "-out", out)
	require.Equal(t, whole.Stdout, again.Stdout, "nothing is left to train")
}

// TestInterrupt: Ctrl-C ends the training, and the best model is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, tiny(workplace(t), "-epochs", "1000", "-patience", "0")...)
	require.Zero(t, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[7])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestZaremba: the preset is what the paper has, in the terms of the library: a rate of 1 and
// a limit of 5 for the sum over 20 steps are 20 and 1/4 for the mean; the rate is halved in
// each epoch after the fourth; all weights begin in ±0.1.
func TestZaremba(t *testing.T) {
	dir := workplace(t)
	files := []string{"-train", filepath.Join(dir, "train"), "-valid", filepath.Join(dir, "valid"), "-test", filepath.Join(dir, "test")}
	o, err := parse(append([]string{"-preset", "zaremba-small"}, files...), os.Stderr)
	require.NoError(t, err)
	require.EqualValues(t, 13, o.Epochs)
	require.Equal(t, []int{200, 200, 2, 20, 20}, []int{o.embed, o.hidden, o.layers, o.batch, o.window})
	optimizer, clip := o.optimize()
	require.Equal(t, 0.25, clip)
	require.Equal(t, 20.0, optimizer.(*optim.SGD).LR)
	c, err := o.read()
	require.NoError(t, err)
	require.Equal(t, 7, c.vocabulary.Len(), "seven words with <eos>, whose symbols count once")
	require.Len(t, c.train, 200*7)
	m, err := newModel(o, c.vocabulary.Len())
	require.NoError(t, err)
	net, err := m.infer(1, 1)
	require.NoError(t, err)
	net.EachParam(func(name string, w, _ []float32) {
		least, most := w[0], w[0]
		for _, v := range w {
			least, most = min(least, v), max(most, v)
		}
		require.True(t, least >= -0.1 && most <= 0.1, name)
		require.True(t, least < 0 && most > 0, name)
		if len(w) > 1000 {
			require.True(t, least < -0.098 && most > 0.098, name)
		}
	})
	training, err := o.training(c, m)
	require.NoError(t, err)
	require.Equal(t, 60, training.Data.(*data.Tokens).Steps(), "of 69, so that all windows are of 20")
	schedule := training.Plan.Schedule.(optim.EpochDecay)
	require.Equal(t, optim.EpochDecay{After: 4, Factor: 0.5}, schedule)
	for epoch, want := range []float64{1, 1, 1, 1, 0.5, 0.25} {
		require.Equal(t, want, schedule.RateAt(0, int64(epoch)), epoch)
	}
	// A flag that is given is as given, and -resume has it all.
	r := tested.Do(t, append(files, "-preset", "zaremba-small", "-embed", "3", "-hidden", "7", "-layers", "1", "-steps", "2", "-out", filepath.Join(dir, "out"))...)
	require.Regexp(t, table, r.Stdout)
	o, err = parse([]string{"-resume", "-steps", "3", "-out", filepath.Join(dir, "out")}, os.Stderr)
	require.NoError(t, err)
	require.Equal(t, []any{7, 0.1, "sgd", true, int64(3)}, []any{o.hidden, o.init, o.optimizer, o.sum, o.Steps})
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := workplace(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "short"), []byte("one\n\ntwo\n\nthree"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "binary"), []byte("one\n\xff"), 0o666))
	tested.Refused(t, map[string]string{
		"-preset large":            `-preset is "large", want quick or zaremba-small`,
		"-train train":             "-train, -valid and -test go together",
		"-optimizer lion":          `-optimizer is "lion"`,
		"-hidden 0":                "-hidden is 0, want 1 to 8192",
		"-rate nan":                "-rate is NaN",
		"-clip 0":                  "-clip is 0",
		"-decay 2":                 "-decay is 2",
		"-hold 0":                  "-hold is 0, want 1 to",
		"-temperature -1":          "-temperature is -1",
		"-prompt a":                "-prompt belongs to -write",
		"-text missing":            "-text",
		"-text " + dir + "/short":  "too short",
		"-text " + dir + "/binary": "is no text in UTF-8: line 2 has the byte 0xff; name a text with -text",
		"-text " + dir:             "is a folder; name a readable file with -text",
		"-text " + dir + "/text -batch 100 -window 100":                           "too few for -batch 100 -window 100",
		"-text " + dir + "/text -hidden 8192 -layers 16 -batch 8192 -window 8192": "GB of memory",
		"-write 5":                                 "there is no run",
		"-write 5 -resume":                         "there is no run",
		"-resume":                                  "there is no run",
		"-train a -valid b -test d":                "name a readable file with -train",
		"-train a -valid b -test c -text d":        "name one text",
		"-text " + dir + "/text -rate 1e-13":       "-rate is 1e-13",
		"-text " + dir + "/text -min-count 100000": "no word of",
	})
}

// TestTokens: marks are words, and text puts them back.
func TestTokens(t *testing.T) {
	words := tokens(nil, `The (io.EOF) "is" read_all's... é, - --x`)
	require.Equal(t, strings.Fields(`the ( io.eof ) " is " read_all's . . . é , - - - x`), words)
	require.Equal(t, "the (io.eof) a, b.\nc", text([]string{"the", "(", "io.eof", ")", "a", ",", "b", ".", endWord, "c"}))
	require.Equal(t, []string{"a b", "c"}, paragraphs("\n a\nb \n\n \nc"))
}

// TestBaseline: the probabilities of all words after any other are a distribution, and the
// perplexities are those of a count by hand.
func TestBaseline(t *testing.T) {
	c := count([]int32{0, 1, 0, 2, 0, 1}, 4)
	for before := range int32(4) {
		uni, bi := 0.0, 0.0
		for w := range int32(4) {
			uni += c.unigram(w)
			bi += c.bigram(before, w)
		}
		require.InDelta(t, 1, uni, 1e-12)
		if before == 1 { // the text ends with it, where nothing follows
			continue
		}
		require.InDelta(t, 1, bi, 1e-12, before)
	}
	require.InDelta(t, 3.0/10, c.unigram(1), 1e-12)
	require.InDelta(t, (2+2*0.3)/5, c.bigram(0, 1), 1e-12)
	uni, bi := c.perplexities([]int32{0, 1})
	require.InDelta(t, 10.0/3, uni, 1e-9)
	require.InDelta(t, 5/2.6, bi, 1e-9)
}

// TestDefault: the Go distribution has what the program is to read.
func TestDefault(t *testing.T) {
	name, err := program.GoFile("src/strings")
	require.NoError(t, err)
	documents, err := docComments(name)
	require.NoError(t, err)
	require.Greater(t, len(documents), 50)
	require.True(t, strings.Contains(strings.Join(documents, "\n"), "Package strings implements simple functions"))
}
