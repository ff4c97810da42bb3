package main

import (
	"fmt"
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
	"github.com/simdrnn/simdrnn/loss"
)

var tested = programtest.Program{Name: "tagger", Run: run}

// workplace is a folder with Go code of few forms.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for i := range 20 {
		var b strings.Builder
		b.WriteString("package a\n\n")
		for range 15 {
			fmt.Fprintf(&b, "var %s = %s // %s\n", pick("va", "rav", "a"), pick("1", "12", `"var 1"`), pick("a var", "1"))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.go", i)), []byte(b.String()), 0o666))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "testdata"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "testdata", "bad.go"), []byte("'"), 0o666))
	return dir
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-source", dir, "-out", filepath.Join(dir, "out"),
		"-lines", "10", "-length", "30", "-embed", "6", "-hidden", "8", "-batch", "8", "-rate", "0.03"}, args...)
}

var table = regexp.MustCompile(`^testing +accuracy +F1 of spans\nmost frequent +([0-9.]+) % +([0-9.]+) %\nLSTM 2x8 +([0-9.]+) % +([0-9.]+) % +after (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\n\nkind .*\n(?:(?:keyword|name|number|string|operator|comment) .*\n){6}sha256 [0-9a-f]{64}\n$`)

// TestTrain: the network learns what needs both sides, the files are there, and a line is
// labelled from them alone.
func TestTrain(t *testing.T) {
	dir := workplace(t)
	r := tested.Do(t, tiny(dir, "-epochs", "12", "-decay", "0.9")...)
	v := programtest.Numbers(t, table, r.Stdout)
	require.Less(t, v[1], 80.0, r.Stdout)
	require.Greater(t, v[2], v[0], r.Stdout)
	require.Greater(t, v[3], 97.0, r.Stdout)
	require.Contains(t, r.Stderr, "lines for training")
	require.Contains(t, r.Stderr, "characters/s")
	programtest.Files(t, filepath.Join(dir, "out"), bptt.LastFile, bptt.BestFile, "curve.png", "metrics.jsonl", "settings.json")
	for _, name := range []string{bptt.LastFile, bptt.BestFile} {
		c, err := bptt.ReadCheckpointFile(filepath.Join(dir, "out", name))
		require.NoError(t, err)
		_, v, err := program.ReadMeta(c)
		require.NoError(t, err)
		programtest.Described(t, filepath.Join(dir, "out", name), v.Len(), len(tags))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "1.go")))
	marked := tested.Do(t, "-mark", `var va = "var 1" // a var`, "-out", filepath.Join(dir, "out"))
	require.Empty(t, marked.Stderr)
	require.Contains(t, tested.Command("-mark", "x", "-resume", "-out", filepath.Join(dir, "out")).Stderr, "leave -resume out")
	require.Equal(t, "keyword   var\nname      va\noperator  =\nstring    \"var 1\"\ncomment   // a var\n", marked.Stdout)
}

// TestResume: a run in parts ends as a run in one, and on another tier.
func TestResume(t *testing.T) {
	tested.InParts(t, "-steps 30", "-epochs 3", tiny(workplace(t)), bptt.BestFile)
}

// TestInterrupt: Ctrl-C ends the training, and the best model is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, tiny(workplace(t), "-epochs", "1000", "-patience", "0")...)
	require.Zero(t, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[5])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := workplace(t)
	bad := t.TempDir()
	for i := range 10 {
		require.NoError(t, os.WriteFile(filepath.Join(bad, fmt.Sprintf("%d.go", i)), []byte("package a\nvar a = 'x\n"), 0o666))
	}
	tested.Refused(t, map[string]string{
		"-hidden 0":                              "-hidden is 0, want 1 to 1024",
		"-rate nan":                              "-rate is NaN",
		"-clip 0":                                "-clip is 0",
		"-decay 2":                               "-decay is 2",
		"-lines 0":                               "-lines is 0",
		"-source run.go":                         "run.go is no folder; name a readable folder with -source",
		"-source missing":                        "-source",
		"-source " + bad:                         "line 2: ",
		"-source " + dir + "/testdata":           "name a folder with more of them with -source",
		"-batch 1024 -length 10000 -hidden 1024": "GB of memory",
		"-mark x":                                "there is no run",
		"-mark x -resume":                        "there is no run",
		"-mark=":                                 "-mark is empty",
		"-resume":                                "there is no run",
	})
}

// TestLines: labels are those of go/scanner, in lines and parts of them; what spans several
// lines begins anew in each.
func TestLines(t *testing.T) {
	all, err := lines([]byte("package é\r\n\n\tif x<-1.5 { /* a\n b */ f(\"cccc\", `d\ne`); }\n"), 12)
	require.NoError(t, err)
	var got []string
	for _, l := range all {
		names := make([]string, len(l.tags))
		for i, tag := range l.tags {
			names[i] = tags[tag]
		}
		text := []string{}
		for _, s := range spans(l.text, names) {
			text = append(text, s[0]+" "+s[1])
		}
		got = append(got, strings.Join(text, "|"))
	}
	require.Equal(t, []string{
		"keyword package|name é",
		"keyword if|name x|operator <-|number 1.5|operator {", "comment /* a",
		"comment b */|name f|operator (|string \"cccc", "string \"|operator ,|string `d",
		"string e`|operator )|operator ;|operator }",
	}, got)
	require.Equal(t, "B-comment", tags[all[3].tags[0]])
	_, err = lines([]byte("package a\nvar a = `"), 12)
	require.ErrorContains(t, err, "line 2")
}

// TestBaseline: each character has the label that it has most often.
func TestBaseline(t *testing.T) {
	train := []data.Sequence{{IDs: []int32{0, 1, 0}, Targets: []int32{3, 4, 0}}, {IDs: []int32{0, 1}, Targets: []int32{3, 0}}}
	b := newBaseline(train, 3)
	require.Equal(t, baseline{3, 0, 0}, b)
	accuracy := new(loss.Accuracy)
	s, err := loss.NewSpans(tags)
	require.NoError(t, err)
	require.NoError(t, b.measure(train, accuracy, s))
	require.Equal(t, loss.Accuracy{Right: 3, Counted: 5}, *accuracy)
	require.Equal(t, loss.Scores{Labelled: 2, Found: 3, Right: 1}, s.Scores())
}

// TestDefault: the Go distribution has what the program is to read.
func TestDefault(t *testing.T) {
	name, err := program.GoFile("src/strings")
	require.NoError(t, err)
	o, err := parse([]string{"-source", name}, os.Stderr)
	require.NoError(t, err)
	c, err := o.read()
	require.NoError(t, err)
	require.Greater(t, len(c.train), 100)
}
