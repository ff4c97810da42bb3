package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
)

var tested = programtest.Program{Name: "classify", Run: run}

// workplace is a folder with labelled lines of any lengths: what counts is whether
// b or c comes first. The pairs of neighbours of both classes are the same ones.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	rest := func() string {
		b := make([]byte, r.IntN(8))
		for i := range b {
			b[i] = "de"[r.IntN(2)]
		}
		return string(b)
	}
	var b strings.Builder
	for i := range 400 {
		label, key := []string{"first", "second"}[i%2], []string{"abaca", "acaba"}[i%2]
		fmt.Fprintf(&b, "%s\t%s%s%s\r\n", label, rest(), key, rest())
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lines"), []byte(b.String()), 0o666))
	return dir
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-data", filepath.Join(dir, "lines"), "-out", filepath.Join(dir, "out"),
		"-length", "20", "-embed", "6", "-hidden", "8", "-batch", "16", "-rate", "0.03", "-lines", "250"}, args...)
}

var table = regexp.MustCompile(`^testing +accuracy\nmost frequent +([0-9.]+) %\npairs, Bayes +([0-9.]+) %\nGRU 2x8 +([0-9.]+) % +after (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\n\nclass .*\nfirst +\d+ .*\nsecond +\d+ .*\nsha256 [0-9a-f]{64}\n$`)

// TestTrain: the network learns what counts of pairs cannot have, the files are there, and a
// text is classified from them alone; with each pool.
func TestTrain(t *testing.T) {
	for _, pool := range []string{"max", "mean", "attention"} {
		dir := workplace(t)
		r := tested.Do(t, tiny(dir, "-epochs", "6", "-decay", "0.9", "-pool", pool)...)
		v := programtest.Numbers(t, table, r.Stdout)
		require.Less(t, max(v[0], v[1]), 75.0, r.Stdout)
		require.Greater(t, v[2], 95.0, r.Stdout)
		padding := regexp.MustCompile(`padding is ([0-9.]+) % of a pass; it would be ([0-9.]+) %`).FindStringSubmatch(r.Stderr)
		require.NotNil(t, padding, r.Stderr)
		sorted, err := strconv.ParseFloat(padding[1], 64)
		require.NoError(t, err)
		plain, err := strconv.ParseFloat(padding[2], 64)
		require.NoError(t, err)
		require.Less(t, 2*sorted, plain)
		require.Contains(t, r.Stderr, "lines/s")
		programtest.Files(t, filepath.Join(dir, "out"), bptt.LastFile, bptt.BestFile, "curve.png", "confusion.png", "metrics.jsonl", "settings.json")
		for _, name := range []string{bptt.LastFile, bptt.BestFile} {
			c, err := bptt.ReadCheckpointFile(filepath.Join(dir, "out", name))
			require.NoError(t, err)
			kept, v, err := program.ReadMeta(c)
			require.NoError(t, err)
			require.Equal(t, pool == "attention", strings.Contains(string(c.Meta), `"attention_pool"`))
			programtest.Described(t, filepath.Join(dir, "out", name), v.Len(), len(kept.Classes))
		}
		require.NoError(t, os.Remove(filepath.Join(dir, "lines")))
		told := tested.Do(t, "-line", "deabacae", "-out", filepath.Join(dir, "out"))
		require.Empty(t, told.Stderr)
		require.Regexp(t, `^ *[0-9.]+ %  first\n`, told.Stdout)
		require.Regexp(t, `^ *[0-9.]+ %  second\n`, tested.Do(t, "-line", "deacabae", "-out", filepath.Join(dir, "out")).Stdout)
		require.Contains(t, tested.Command("-line", "x", "-resume", "-out", filepath.Join(dir, "out")).Stderr, "leave -resume out")
	}
}

// TestResume: a run in parts ends as a run in one, and on another tier.
func TestResume(t *testing.T) {
	tested.InParts(t, "-steps 40", "-epochs 3", tiny(workplace(t)), bptt.BestFile, "confusion.png")
}

// TestInterrupt: Ctrl-C ends the training, and the best model is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, tiny(workplace(t), "-epochs", "1000", "-patience", "0")...)
	require.Zero(t, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[4])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := workplace(t)
	one := ""
	for i := range 20 {
		one += fmt.Sprintf("a\tb%d\n", i)
	}
	for name, content := range map[string]string{"bad": "a\tb\nc", "one": one, "few": "a\tb\nc\td\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666))
	}
	tested.Refused(t, map[string]string{
		"-hidden 0":                              "-hidden is 0, want 1 to 1024",
		"-rate nan":                              "-rate is NaN",
		"-clip 0":                                "-clip is 0",
		"-decay 2":                               "-decay is 2",
		"-lines 0":                               "-lines is 0",
		"-pool last":                             `-pool is "last", want max, mean or attention`,
		"-data missing":                          "-data",
		"-data " + dir + "/bad":                  "line 2: want a label, a tab and a text",
		"-data " + dir + "/one":                  `one class, "a"`,
		"-data " + dir + "/few":                  "name a longer file with -data",
		"-batch 1024 -length 10000 -hidden 1024": "GB of memory",
		"-line x":                                "there is no run",
		"-line=":                                 "-line is empty",
		"-resume":                                "there is no run",
	})
	_, err := newCorpus("text", [][]example{{{"a", "x"}, {"b", "y"}}, {{"c", "z"}}, nil}, 5)
	require.ErrorContains(t, err, `the class "c" has no line in the part for training`)
}

// TestDraw: of each class at most so many lines, each once.
func TestDraw(t *testing.T) {
	o := &options{lines: 3}
	var all []example
	for i := range 20 {
		all = append(all, example{"many", fmt.Sprint(i)}, example{"few", fmt.Sprint(i % 2)})
	}
	count, seen := map[string]int{}, map[example]bool{}
	for _, e := range o.draw(all) {
		require.False(t, seen[e])
		seen[e] = true
		count[e.label]++
	}
	require.Equal(t, map[string]int{"many": 3, "few": 2}, count)
}

// TestBaseline: the probabilities are those of a count by hand.
func TestBaseline(t *testing.T) {
	seq := func(class int32, ids ...int32) data.Sequence {
		s, err := data.Labelled(data.Sequence{IDs: ids}, class)
		require.NoError(t, err)
		return s
	}
	c := count([]data.Sequence{seq(1, 0, 1), seq(1, 0), seq(0, 1, 0)}, 2, 2)
	require.Equal(t, 1, c.majority())
	require.Equal(t, []int{1, 2}, c.classes)
	require.Equal(t, []int{2, 3}, c.total)
	require.Equal(t, map[[2]int32]int{{start, 0}: 2, {0, 1}: 1}, c.pairs[1])
	require.Equal(t, 0, c.bayes([]int32{1}))
	require.Equal(t, 1, c.bayes([]int32{0}))
	majority, bayes := c.accuracies([]data.Sequence{seq(0, 1), seq(1, 0), seq(0, 0), seq(0, 1, 0)})
	require.Equal(t, []float64{0.25, 0.75}, []float64{majority, bayes})
}

// TestSource: the Go distribution has what the program is to read, and comments are apart.
func TestSource(t *testing.T) {
	name, err := program.GoFile("src/crypto/sha256")
	require.NoError(t, err)
	dir, err := program.GoFile("src/internal/runtime/atomic")
	require.NoError(t, err)
	seen := map[string]int{}
	for _, root := range []string{name, dir} {
		all, err := source(root)
		require.NoError(t, err)
		for _, e := range all {
			seen[e.label]++
			require.False(t, strings.HasPrefix(e.text, "//"), e)
		}
	}
	for _, label := range []string{"Go", "comment", "386", "amd64", "arm64", "s390x"} {
		require.Greater(t, seen[label], 20, label)
	}
}
