package main

import (
	"context"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
)

var tested = programtest.Program{Name: "seq2seq", Run: run}

func tiny(out string, args ...string) []string {
	return append([]string{"-examples", "60", "-held", "9", "-embed", "5", "-hidden", "6", "-batch", "10", "-rate", "0.02", "-epochs", "2", "-out", out}, args...)
}

var table = regexp.MustCompile(`exact answers of 9\ntime\.Parse +[0-9.]+ %\ngreedy +[0-9.]+ %\nbeam of 4  +[0-9.]+ %   after (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`)

// TestTrain: the files are there, the bits are those of every tier, and -read writes.
func TestTrain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := tested.Command(tiny(out)...)
	require.Equal(t, 1, r.Code, "nobody learns that from 60 dates: %s", r.Stderr)
	require.Contains(t, r.Stderr, "not solved: ")
	require.Equal(t, []float64{12, 2}, programtest.Numbers(t, table, r.Stdout))
	programtest.Files(t, out, bptt.LastFile, bptt.BestFile, attentionFile, "curve.png", "metrics.jsonl", "settings.json")
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	require.Equal(t, r.Hash(), tested.Command(tiny(filepath.Join(out, "scalar"))...).Hash())
	read := tested.Command("-read", "5 March 2003", "-out", out)
	require.Zero(t, read.Code, read.Stderr)
	require.Equal(t, 1, strings.Count(read.Stdout, "\n"))
	require.Contains(t, tested.Command("-read", "5 March 2003", "-resume", "-out", out).Stderr, "leave -resume out")
}

// TestLearns: a few dates are learned by heart, which takes all of the network.
func TestLearns(t *testing.T) {
	o, err := parse(tiny("none", "-hidden", "16", "-batch", "8"), io.Discard)
	require.NoError(t, err)
	v, err := newVocabulary()
	require.NoError(t, err)
	net, err := newNet(o, v.Len(), 8)
	require.NoError(t, err)
	p, err := newParts(8, 8, 1)
	require.NoError(t, err)
	p.valid = p.train
	training, err := o.training(net, v, p)
	require.NoError(t, err)
	training.Plan.Epochs = 160
	training.Plan.Validate.EveryEpochs, training.Plan.Validate.Patience = 160, 0
	report, err := bptt.Train(context.Background(), net, training.Data, training.Plan)
	require.NoError(t, err)
	require.EqualValues(t, 160, report.Step)
	g, err := newGreedy(net, v)
	require.NoError(t, err)
	b, err := newBeam(net, v, 3)
	require.NoError(t, err)
	for _, w := range []writer{g, b} {
		a, err := answers(context.Background(), w, v, 8, p.train)
		require.NoError(t, err)
		require.Equal(t, 1.0, right(p.train, a), mistakes(p.train, a))
		require.Zero(t, wrong(p.train, a))
		a, err = answers(context.Background(), w, v, 8, p.train[:3])
		require.NoError(t, err)
		require.Equal(t, 1.0, right(p.train[:3], a), "rows of a batch may be empty")
	}
	weights, err := attention(net, v, p.train[0].text, p.train[0].iso)
	require.NoError(t, err)
	require.Len(t, weights, 10)
	for _, row := range weights {
		require.Len(t, row, len(p.train[0].text))
		sum := 0.0
		for _, w := range row {
			sum += w
		}
		require.InDelta(t, 1, sum, 1e-5)
	}
}

// TestResume: a run in parts ends as a run in one, with scheduled sampling too.
func TestResume(t *testing.T) {
	whole, _ := tested.InParts(t, "-steps 8", "-epochs 2", tiny("", "-sampling", "0.5"), bptt.BestFile)
	forced := tested.Command(tiny(t.TempDir(), "-quiet")...)
	require.NotEqual(t, whole.Hash(), forced.Hash(), "sampling changes the training")
}

// TestInterrupt: Ctrl-C ends the training, and what there is is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, tiny(t.TempDir(), "-epochs", "1000", "-patience", "0")...)
	require.Equal(t, 1, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[1])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	tested.Refused(t, map[string]string{
		"-hidden 0":     "-hidden is 0, want 1 to 512",
		"-examples 0":   "-examples is 0",
		"-batch 1000":   "-batch is 1000",
		"-rate nan":     "-rate is NaN",
		"-sampling 2":   "-sampling is 2, want 0 to 1",
		"-beam 0":       "-beam is 0",
		"-patience -1":  "-patience is -1",
		"-read=":        "-read is empty",
		"-resume":       "there is no run",
		"-read 5-mar-3": "no run in ",
		"march":         "unexpected argument \"march\"",
	})
	o := &options{read: "5 März 2003"}
	v, err := newVocabulary()
	require.NoError(t, err)
	require.ErrorContains(t, o.onlyRead(context.Background(), v, io.Discard), "-read is \"5 März 2003\", want letters")
	o.read = strings.Repeat("a", 81)
	require.ErrorContains(t, o.onlyRead(context.Background(), v, io.Discard), "81 characters, want at most 80")
}

// TestForms: what the forms make of some days, and that the longest text fits.
func TestForms(t *testing.T) {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	var texts []string
	for _, f := range forms {
		texts = append(texts, f(day(2003, 3, 5)))
	}
	require.Equal(t, []string{"3/5/2003", "03/05/2003", "5.3.2003", "05.03.2003", "march 5, 2003", "5 march 2003", "mar 5 2003", "05-mar-2003",
		"wednesday, march 5, 2003", "wed 5 mar 2003", "march 5th, 2003", "the 5th of march 2003", "march fifth two thousand and three",
		"the fifth of march two thousand and three", "wednesday, 5 march two thousand and three"}, texts)
	for i, text := range texts {
		want := "2003-03-05"
		if i >= 10 {
			want = "" // numbers in words, and "5th"
		}
		require.Equal(t, want, parsed(text), text)
	}
	require.Equal(t, "2099-12-31", firstDay.AddDate(0, 0, allDays-1).Format(isoLayout))
	for y, want := range map[int]string{1900: "nineteen hundred", 1907: "nineteen oh seven", 1913: "nineteen thirteen", 1940: "nineteen forty", 1999: "nineteen ninety-nine",
		2000: "two thousand", 2010: "twenty ten", 2099: "twenty ninety-nine"} {
		require.Equal(t, want, year(y))
	}
	for d, want := range map[int]string{1: "first st", 2: "second nd", 3: "third rd", 4: "fourth th", 11: "eleventh th", 12: "twelfth th", 13: "thirteenth th",
		20: "twentieth th", 21: "twenty-first st", 22: "twenty-second nd", 23: "twenty-third rd", 30: "thirtieth th", 31: "thirty-first st"} {
		require.Equal(t, want, ordinal(d)+" "+suffix(d))
	}
	longest := ""
	for _, y := range []int{1973, 1977, 1978} { // the longest words
		for d := range 365 {
			for _, f := range forms {
				if text := f(day(y, 1, 1+d)); len(text) > len(longest) {
					longest = text
				}
			}
		}
	}
	require.LessOrEqual(t, len(longest), maxSource, longest)
}

// TestParts: no day is in two parts, all can be encoded, and a seed draws the same.
func TestParts(t *testing.T) {
	p, err := newParts(3000, 300, 1)
	require.NoError(t, err)
	in := map[string]int{}
	v, err := newVocabulary()
	require.NoError(t, err)
	for i, part := range [][]example{p.train, p.valid, p.test} {
		_, err := pairs(v, part)
		require.NoError(t, err)
		for _, e := range part {
			was, seen := in[e.iso]
			require.True(t, !seen || was == i, e.iso)
			in[e.iso] = i
		}
	}
	again, err := newParts(3000, 300, 1)
	require.NoError(t, err)
	require.Equal(t, p, again)
	other, err := newParts(3000, 300, 2)
	require.NoError(t, err)
	require.NotEqual(t, p, other)
}
