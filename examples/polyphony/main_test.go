package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/optim"
)

var tested = programtest.Program{Name: "polyphony", Run: run}

// workplace is a folder with a file of music: two chords, twice the one and once the other, so
// that what was before the step before tells what comes. Some pieces are longer than what is
// measured at once.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := map[string][]piece{}
	for i, name := range partNames {
		for n := range 24 >> i {
			var p piece
			for at := range 5 + n%3 + n%5/4*200 {
				p = append(p, [][]int{{60, 21, 67}, {60, 67, 21}, {108, 61}}[(at+n)%3])
			}
			file[name] = append(file[name], p)
		}
	}
	b, err := json.Marshal(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "music.json"), b, 0o666))
	return dir
}

func tiny(dir string, args ...string) []string {
	return append([]string{"-data", filepath.Join(dir, "music.json"), "-out", filepath.Join(dir, "out"),
		"-hidden", "9", "-batch", "4", "-window", "30", "-rate", "0.03"}, args...)
}

var table = regexp.MustCompile(`^negative log-likelihood +training +validation +testing\nfrequency of notes +([0-9.]+) +([0-9.]+) +([0-9.]+)\nthe step before +([0-9.]+) +([0-9.]+) +([0-9.]+)\n(?:LSTM|GRU|RNN) of 9 units +([0-9.]+) +([0-9.]+) +([0-9.]+)\nafter (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`)

// TestTrain: the network learns what the step before does not tell, the files are there, and
// the bits are those of the plainest tier.
func TestTrain(t *testing.T) {
	dir := workplace(t)
	r := tested.Do(t, tiny(dir, "-epochs", "20")...)
	v := programtest.Numbers(t, table, r.Stdout)
	require.Less(t, v[5], v[2], "what was before tells more than shares")
	require.Less(t, v[8], v[5]/2, r.Stdout)
	require.Contains(t, r.Stderr, "music.json, train: 24 pieces of ")
	require.Contains(t, r.Stderr, "LSTM of 9 units, 4444 weights")
	require.Contains(t, r.Stderr, "steps/s")
	programtest.Files(t, filepath.Join(dir, "out"), bptt.LastFile, bptt.BestFile, "curve.png", "roll.png", "metrics.jsonl", "settings.json")
	programtest.Described(t, filepath.Join(dir, "out", bptt.BestFile), notes, notes)
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	require.Contains(t, tested.Do(t, tiny(dir, "-epochs", "20", "-quiet", "-out", filepath.Join(dir, "scalar"))...).Stdout, r.Hash())
}

// TestCells: each kind, several layers, dropout, noise, both optimizers, the sum over steps, and
// pieces that the program makes, beside what their rule reaches.
func TestCells(t *testing.T) {
	last := map[string]bool{}
	for _, args := range []string{"-cell lstm", "-cell gru", "-cell rnn", "-layers 2", "-dropout 0.3", "-noise 0.05", "-optimizer rmsprop", "-sum"} {
		dir := t.TempDir()
		r := tested.Do(t, append(strings.Fields(args), "-pieces", "20", "-hidden", "5", "-steps", "3", "-quiet", "-out", dir)...)
		require.Contains(t, r.Stdout, "\nthe rule  ")
		last[r.Hash()] = true
		programtest.Described(t, filepath.Join(dir, bptt.LastFile), notes, notes)
	}
	require.Len(t, last, 8)
}

// TestResume: a run in parts ends as a run in one, and on another tier, with dropout and noise too.
func TestResume(t *testing.T) {
	tested.InParts(t, "-steps 9", "-epochs 3", tiny(workplace(t), "-dropout", "0.2", "-noise", "0.05", "-optimizer", "rmsprop", "-sum"), bptt.BestFile)
}

// TestSum: with -sum the gradient of the first update is that of the mean times the steps that
// count in it, and what is reported stays a mean over steps.
func TestSum(t *testing.T) {
	dir := workplace(t)
	first := func(args ...string) (step struct {
		Norm, Loss float64
		Count      int
	}) {
		out := filepath.Join(dir, strings.Join(args, ""))
		tested.Do(t, tiny(dir, append(args, "-out", out, "-steps", "1", "-quiet")...)...)
		b, err := os.ReadFile(filepath.Join(out, "metrics.jsonl"))
		require.NoError(t, err)
		line, _, _ := strings.Cut(string(b), "\n")
		require.NoError(t, json.Unmarshal([]byte(line), &step))
		return step
	}
	mean, sum := first("-sum=false"), first("-sum")
	require.Greater(t, mean.Count, 4)
	require.Equal(t, mean.Loss, sum.Loss)
	require.InEpsilon(t, mean.Norm*float64(mean.Count), sum.Norm, 1e-5)
}

// TestOptimizer: the flags choose the method and its rate.
func TestOptimizer(t *testing.T) {
	for name, want := range map[string]optim.Optimizer{"adam": &optim.Adam{LR: 0.25}, "rmsprop": &optim.RMSProp{LR: 0.25, Centred: true, Momentum: 0.9, Alpha: 0.95, Eps: 0.01}} {
		o, err := parse([]string{"-optimizer", name, "-rate", "0.25"}, io.Discard)
		require.NoError(t, err)
		require.Equal(t, want, o.method())
	}
}

// TestInterrupt: Ctrl-C ends the training, and the best model is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, tiny(workplace(t), "-epochs", "1000", "-patience", "0")...)
	require.Zero(t, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[10])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]string{
		"-cell cnn":          `-cell: `,
		"-pieces 9":          "-pieces is 9, want 10",
		"-hidden 0":          "-hidden is 0",
		"-layers 17":         "-layers is 17",
		"-batch 0":           "-batch is 0",
		"-window 0":          "-window is 0",
		"-rate nan":          "-rate is NaN",
		"-optimizer sgd":     `-optimizer is "sgd", want adam or rmsprop`,
		"-clip 0":            "-clip is 0",
		"-decay 1":           "-decay is 1",
		"-dropout 1":         "-dropout is 1",
		"-noise -1":          "-noise is -1",
		"-wait -1":           "-wait is -1",
		"-patience -1":       "-patience is -1",
		"-data missing":      "name a readable file with -data",
		"-data " + dir:       "is a folder",
		"-resume":            "there is no run",
		"-data a -pieces 20": "-pieces is for pieces that the program makes",
		"-hidden 4096 -layers 16 -batch 1024 -window 10000 -pieces 2000": "GB of memory",
	}
	for i, c := range [][2]string{
		{`{"train": [[[60]]`, "no JSON at byte 17"},
		{`{"train": [[60]]}`, "no lists of pieces"},
		{`{"train": [[[60.5]]]}`, "no lists of pieces"},
		{`{"train": [[[60]]], "valid": [[[60]]]}`, `"test" has no pieces`},
		{`{"train": [[[60]]], "valid": [[[60], [20]]], "test": [[[60]]]}`, `piece 0 of "valid": step 1 has the note 20, want MIDI numbers from 21 to 108`},
		{`{"train": [[[60]], [[109]]], "valid": [[[60]]], "test": [[[60]]]}`, `piece 1 of "train": step 0 has the note 109`},
		{`{"train": [[[60]]], "valid": [[[60]]], "test": [[]]}`, `piece 0 of "test": it has no steps`},
	} {
		name := filepath.Join(dir, fmt.Sprint(i))
		require.NoError(t, os.WriteFile(name, []byte(c[0]), 0o666))
		cases["-data "+name] = c[1]
	}
	tested.Refused(t, cases)
}

// TestSequence: the notes of a step are told from those of the step before, of the first from
// silence; a note that is listed twice sounds once.
func TestSequence(t *testing.T) {
	c, err := decode([]byte(`{"train": [[[60, 21, 60], [], [108]]], "valid": [[[60]]], "test": [[[60]]]}`))
	require.NoError(t, err)
	s := c.train[0]
	require.Equal(t, 3, s.Steps)
	require.Len(t, s.X, 3*notes)
	require.Len(t, s.Y, 3*notes)
	for i := range s.X {
		one := i == 60-21 || i == 0 || i == 2*notes+notes-1
		require.Equal(t, one, s.Y[i] == 1, i)
		require.Equal(t, i >= notes && s.Y[i-notes] == 1, s.X[i] == 1, i)
	}
}

// TestBaselines: the probabilities are those of a count by hand.
func TestBaselines(t *testing.T) {
	seq := func(steps ...[]int) data.Sequence {
		s, err := piece(steps).sequence()
		require.NoError(t, err)
		return s
	}
	train := []data.Sequence{seq([]int{60}, []int{60}, nil, []int{60}), seq(nil)}
	frequency, before := newBaselines(train)
	// Note 60 sounds at 3 of 5 steps; after a step with it at 1 of 2, after others at 2 of 3.
	// The 87 others never do.
	never := 87 * math.Log(6.0/7)
	require.InDelta(t, -(math.Log(4.0/7)+math.Log(3.0/7)+2*never)/2, frequency.nats([]data.Sequence{seq([]int{60}, nil)}), 1e-12)
	require.InDelta(t, -(math.Log(3.0/5)+math.Log(2.0/4)+2*never)/2, before.nats([]data.Sequence{seq([]int{60}, nil)}), 1e-12)
	require.InDelta(t, -(math.Log(2.0/5)+never+math.Log(3.0/5)+math.Log(2.0/4)+2*never)/3, before.nats([]data.Sequence{seq(nil), seq([]int{60}, []int{60})}), 1e-12)
}

// TestRule: pieces have the form that the program says, and what the rule reaches is the sum over
// the notes of each step, each by the share of the ways in which it sounds.
func TestRule(t *testing.T) {
	all, err := made(60)
	require.NoError(t, err)
	again, err := made(60)
	require.NoError(t, err)
	require.Equal(t, all, again, "no chance")
	lengths := map[int]bool{}
	for i, part := range all.parts() {
		nats, steps := 0.0, 0
		for _, s := range part {
			lengths[s.Steps] = true
			p := position{top: topFrom}
			for at := range s.Steps {
				sound := s.Y[at*notes : (at+1)*notes]
				var share [notes]float64
				ways, weight := p.ways(), 0
				var next *position
				for _, w := range ways {
					weight += w.weight
					chord := w.chord()
					require.Len(t, chord, 4)
					same := true
					for j, n := range chord {
						require.True(t, j == 0 || n > chord[j-1], "upwards")
						share[n-lowest] += float64(w.weight)
						same = same && sound[n-lowest] == 1
					}
					if same {
						next = &w.position
					}
				}
				require.NotNil(t, next, "one of the ways")
				switch at % phrase {
				case 0, phrase - 1:
					require.Zero(t, next.degree)
				case phrase - 2:
					require.Equal(t, dominant, next.degree)
				}
				require.True(t, at == 0 || next.key == p.key)
				for n, y := range sound {
					q := share[n] / float64(weight)
					if y == 0 {
						q = 1 - q
					}
					nats -= math.Log(q)
				}
				p = *next
			}
			steps += s.Steps
		}
		require.InDelta(t, nats/float64(steps), all.least[i], 1e-9)
	}
	require.Equal(t, map[int]bool{32: true, 40: true, 48: true, 56: true, 64: true}, lengths)
	frequency, before := newBaselines(all.train)
	require.Less(t, all.least[2], before.nats(all.test)/2, "there is much to learn")
	require.Less(t, before.nats(all.test), frequency.nats(all.test))
	// The tonic chord of C with e on top, its notes as MIDI numbers.
	require.Equal(t, []int{48, 67, 72, 76}, position{degree: tonic, top: 76}.chord())
}

// TestMeasure: the table has the mean over all steps of the sum over all notes, however the
// pieces are put into batches and cut.
func TestMeasure(t *testing.T) {
	dir := workplace(t)
	o, err := parse(tiny(dir), io.Discard)
	require.NoError(t, err)
	c, err := o.read()
	require.NoError(t, err)
	m, err := newModel(o)
	require.NoError(t, err)
	text, err := o.measure(context.Background(), c, m)
	require.NoError(t, err)
	sum, steps := 0.0, 0
	for _, s := range c.test {
		net, err := m.infer(s.Steps, 1)
		require.NoError(t, err)
		y := make([]float32, len(s.Y))
		net.Forward(y, s.X)
		for i, logit := range y {
			sum += math.Log1p(math.Exp(float64(logit))) - float64(logit)*float64(s.Y[i])
		}
		steps += s.Steps
	}
	_, longest := length(c.test)
	require.Greater(t, longest, evaluated)
	require.Regexp(t, fmt.Sprintf(`LSTM of 9 units .* %.3f\n$`, sum/float64(steps)), text)
}

// TestPicture: the range of notes that sound, the highest on top.
func TestPicture(t *testing.T) {
	s, err := piece{{62, 60}, {}, {60}}.sequence()
	require.NoError(t, err)
	from, to := sounding(s.Y)
	require.Equal(t, []int{60 - lowest, 62 - lowest}, []int{from, to})
	require.Equal(t, [][]float64{{1, 0, 0}, {0, 0, 0}, {1, 0, 1}}, rows(s.Y, from, to))
	from, to = sounding(make([]float32, notes))
	require.Equal(t, []int{0, notes - 1}, []int{from, to})
}
