package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/program/programtest"
	"github.com/simdrnn/simdrnn/kernels"
)

var tested = programtest.Program{Name: "forecast", Run: run}

func tiny(out string, args ...string) []string {
	return append([]string{"-season", "6", "-context", "12", "-horizon", "4", "-hidden", "8", "-batch", "8", "-stride", "3", "-rate", "0.01",
		"-epochs", "3", "-out", out}, args...)
}

func made(out string, args ...string) []string {
	return tiny(out, append([]string{"-series", "2", "-length", "300"}, args...)...)
}

var table = regexp.MustCompile(`^MASE +validation +testing\nnaive +[0-9.]+ +([0-9.]+)\nseasonal naive +[0-9.]+ +([0-9.]+)\nlinear +[0-9.]+ +([0-9.]+)\nLSTM 1x8 +[0-9.]+ +([0-9.]+)\nafter (\d+) updates, (\d+) passes, (?:scalar|avx2|avx512|neon)\nsha256 [0-9a-f]{64}\n$`)

// tents are two series in a file, with a column of dates: seasons of six steps whose
// strength follows from the one before by a rule that is not linear, and no disturbance.
func tents(t *testing.T, seasons int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("date, shop, mill\n")
	s := [2]float64{0.31, -0.57}
	for i := range 6 * seasons {
		if i%6 == 0 {
			for j := range s {
				s[j] = 1 - 1.9*math.Abs(s[j])
			}
		}
		day := []float64{-1, -1, 0, 1, 2, -1}[i%6]
		fmt.Fprintf(&b, "day %d, %.5f, %.5f\n", i, 10+(1+s[0])*day+0.01*float64(i), 500+100*(1+s[1])*day)
	}
	name := filepath.Join(t.TempDir(), "tents.csv")
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o666))
	return name
}

// TestTrain: the network learns the rule, which the others cannot; the files are there.
func TestTrain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := tested.Command(tiny(out, "-csv", tents(t, 150), "-epochs", "10", "-dropout", "0")...)
	require.Zero(t, r.Code, "%s\n%s", r.Stdout, r.Stderr)
	m := programtest.Numbers(t, table, r.Stdout)
	require.Less(t, m[3], 0.9*min(m[0], m[1], m[2]), r.Stdout)
	programtest.Files(t, out, bptt.LastFile, bptt.BestFile, pictureFile, forecastFile, "curve.png", "metrics.jsonl", "settings.json")
	f, err := os.Open(filepath.Join(out, forecastFile))
	require.NoError(t, err)
	defer f.Close()
	ahead, err := readCSV(f)
	require.NoError(t, err)
	require.Len(t, ahead, 2)
	require.Equal(t, "mill", ahead[1].name)
	require.Len(t, ahead[0].values, 4)
	for h := range 4 { // the first is a season's beginning, near 10 + 9 - (1+s)
		require.InDelta(t, 19, ahead[0].values[h], 5)
		require.InDelta(t, 500, ahead[1].values[h], 500)
	}
	require.Greater(t, ahead[1].values[3], ahead[1].values[0], "each season goes up")
}

var quantiles = regexp.MustCompile(`pinball +validation +testing +inside\nnaive +[0-9.]+ +([0-9.]+) +[0-9.]+%\nseasonal naive +[0-9.]+ +([0-9.]+) +[0-9.]+%\nlinear +[0-9.]+ +([0-9.]+) +[0-9.]+%\nLSTM 1x8 +[0-9.]+ +([0-9.]+) +([0-9.]+)%\n`)

// TestQuantiles: the network tells quantiles that are better than those of the other methods, and
// most of what comes lies between the outer ones.
func TestQuantiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := tested.Command(tiny(out, "-csv", tents(t, 150), "-epochs", "10", "-dropout", "0", "-quantiles", "0.1,0.5,0.9")...)
	require.Zero(t, r.Code, "%s\n%s", r.Stdout, r.Stderr)
	m := programtest.Numbers(t, quantiles, r.Stdout)
	require.Less(t, m[3], 0.9*min(m[0], m[1], m[2]), r.Stdout)
	require.Greater(t, m[4], 50.0, r.Stdout)
	require.Less(t, m[4], 100.0, r.Stdout)
	f, err := os.Open(filepath.Join(out, forecastFile))
	require.NoError(t, err)
	defer f.Close()
	ahead, err := readCSV(f)
	require.NoError(t, err)
	require.Len(t, ahead, 6)
	require.Equal(t, "mill 0.9", ahead[5].name)
	for h := range 4 {
		require.LessOrEqual(t, ahead[3].values[h], ahead[4].values[h])
		require.LessOrEqual(t, ahead[4].values[h], ahead[5].values[h])
	}
	for args, want := range map[string]string{
		"0.1,0.9": "no 0.5", "0.5,0.1": "ascending", "0,0.5": "above 0 and below 1", "0.5,x": `has "x"`,
	} {
		r := tested.Command(tiny(filepath.Join(t.TempDir(), "out"), "-quantiles", args)...)
		require.NotZero(t, r.Code)
		require.Contains(t, r.Stderr, want)
	}
	r = tested.Command(tiny(filepath.Join(t.TempDir(), "out"), "-quantiles", "0.5", "-loss", "mse")...)
	require.Contains(t, r.Stderr, "leave it or -loss out")
}

// TestPinball: of a level of 0.5 alone it is MASE, and methods that tell one value have the errors
// that they had in training around it.
func TestPinball(t *testing.T) {
	k := &task{horizon: 2, levels: 1, season: 1, all: []scaled{{v: []float32{0, 1, 3, 2, 6, 4}, yard: 2}}}
	o := &options{levels: []float32{0.5}}
	g := []origin{{0, 1}, {0, 3}}
	f := []float32{2, 2, 5, 5}
	mean, _ := o.pinball(k, g, f)
	require.InDelta(t, k.mase(g, f), mean, 1e-12)
	errs := k.errorsIn(g, f) // 1, 1 one step ahead, 0, -1 two ahead
	o.levels, k.levels = []float32{0.5, 0.9}, 2
	require.Equal(t, []float32{3, 1, 3, 2}, o.around(k, g[:1], f[:2], errs))
	mean, inside := o.pinball(k, g[:1], []float32{3, 1, 3, 2})
	require.InDelta(t, (0+0+1+0)/4.0/2, mean, 1e-7)
	require.Equal(t, 1.0, inside)
	mean, _ = o.pinball(k, g[:1], []float32{3, 2, 4, 2}) // 1 above the level 0.9
	require.InDelta(t, 2*0.1/4/2, mean, 1e-7)
	require.Equal(t, []float32{1, 2, 4, 3}, k.ascending([]float32{4, 2, 1, 3}))
}

// TestBits: the same on every tier; and a network that is hardly trained is not better.
func TestBits(t *testing.T) {
	dir := t.TempDir()
	isa := kernels.Current()
	defer kernels.Use(isa)
	var hashes []string
	for _, tier := range kernels.Available() {
		require.NoError(t, kernels.Use(tier))
		r := tested.Command(made(filepath.Join(dir, tier.String()), "-steps", "2", "-loss", "huber", "-quiet")...)
		require.Equal(t, 1, r.Code, r.Stderr)
		require.Equal(t, "forecast: not solved: the network is not better in testing than all of the others\n", r.Stderr)
		require.Regexp(t, table, r.Stdout)
		hashes = append(hashes, r.Hash())
	}
	require.Len(t, slices.Compact(hashes), 1)
}

// TestResume: a run in parts ends as a run in one.
func TestResume(t *testing.T) {
	tested.InParts(t, "-steps 25", "-epochs 3", made(""), bptt.BestFile, forecastFile)
}

// TestInterrupt: Ctrl-C ends the training, and what there is is measured.
func TestInterrupt(t *testing.T) {
	r := tested.Stopped("update ", 1, made(t.TempDir(), "-epochs", "1000", "-patience", "0")...)
	require.Contains(t, []int{0, 1}, r.Code, r.Stderr)
	require.EqualValues(t, 1, programtest.Numbers(t, table, r.Stdout)[5])
	require.Contains(t, r.Stderr, "-resume goes on")
}

// TestMistakes: status 2, what is wrong, and no folder made.
func TestMistakes(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
		return name
	}
	tested.Refused(t, map[string]string{
		"-loss ctc":                                 `-loss is "ctc", want mae, mse or huber`,
		"-horizon 25":                               "-horizon is 25, want 1 to 24",
		"-series 0":                                 "-series is 0",
		"-series 1000 -length 100000":               "-series times -length is 100000000, want 1 to 1000000",
		"-hidden 0":                                 "-hidden is 0",
		"-rate nan":                                 "-rate is NaN",
		"-dropout 1":                                "-dropout is 1",
		"-length 100":                               "too short: the part for training has 80",
		"-csv none":                                 "name a readable file with -csv",
		"-csv x -length 9":                          "-series and -length are for series",
		"-csv " + file(""):                          "no line of numbers",
		"-csv " + file("a,b\nc,d\n"):                "lines 1 and 2 have no number",
		"-csv " + file("a\n1\nx\n"):                 `line 3 has "x" for a`,
		"-csv " + file("a,b\n1,2\n3,\n"):            `line 3 has "" for b`,
		"-csv " + file("1\ninf\n"):                  `line 2 has "inf" for series1`,
		"-csv " + file("1,2\n3\n"):                  "wrong number of fields",
		"-csv " + file("1\n2\n"):                    "part 1 has none",
		"-csv " + file(strings.Repeat("1\n", 2000)): "repeats itself",
		"-csv " + file(strings.Repeat("1,2\n3,5\n", 200000)) + " -season 1000 -horizon 1000": "need about 2 GB of memory, more than 1",
		"-resume": "there is no run",
	})
}

// TestTask: windows, baselines and the measure, on a series that can be followed by hand.
func TestTask(t *testing.T) {
	const n = 60
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i) + []float32{0, 3}[i%2] // a line and a season
	}
	k, err := newTask(&options{season: 2, context: 3, horizon: 2}, []series{{"a", values}})
	require.NoError(t, err)
	require.Equal(t, []int{48, 54}, []int{k.train, k.valid})
	test := k.origins(k.valid, n, 1)
	require.Equal(t, []origin{{0, 53}, {0, 54}, {0, 55}, {0, 56}, {0, 57}}, test)
	require.Equal(t, origin{0, k.first()}, k.origins(0, k.train, 1)[0])
	last := k.origins(0, k.train, 1)
	require.Equal(t, origin{0, 45}, last[len(last)-1], "what follows is of another part")
	require.InDelta(t, 1, k.mase(test, k.seasonalNaive(test)), 1e-5, "the line goes on as before")
	// Steps of 4 and -2 by turns: 4 and 2 off, or -2 and 2, in terms of 2.
	require.InDelta(t, (3*(2+2)+2*(4+2))/20.0, k.mase(test, k.naive(test)), 1e-5)
	require.InDelta(t, 0, k.mase(test, k.fit().forecasts(k, test)), 1e-4, "a linear series")
	two := 2 / k.all[0].scale.Deviation[0]
	s := k.sequences(test[:1], true)[0]
	require.Equal(t, []int32{-1, 0, 0}, s.Targets)
	require.Len(t, s.X, 3*inputs)
	for i := range s.Steps {
		require.InDelta(t, two, s.X[i*inputs], 1e-5)
		require.InDelta(t, two, s.Y[i*2], 1e-5)
		require.InDelta(t, two, s.Y[i*2+1], 1e-5)
	}
	// The origin is odd: it is 4 above the value before it, and 2 above their mean.
	require.InDelta(t, two, s.X[2*inputs+1], 1e-5)
	require.Equal(t, []int32{-1, -1, 0}, k.sequences(test[:1], false)[0].Targets)
}

// TestSolve: against a system whose solution is known.
func TestSolve(t *testing.T) {
	a := [][]float64{{4, 0, 0}, {2, 5, 0}, {1, 3, 6}} // the lower triangle of a symmetric matrix
	b := [][]float64{{4 + 4 + 3, 8}, {2 + 10 + 9, 4}, {1 + 6 + 18, 2}}
	solve(a, b)
	for i, want := range [][]float64{{1, 2}, {2, 0}, {3, 0}} {
		require.InDeltaSlice(t, want, b[i], 1e-12)
	}
}

// TestGenerate: a seed gives the same series, and one more series changes none of the others.
func TestGenerate(t *testing.T) {
	a, b := generate(2, 100, 24, 1), generate(3, 100, 24, 1)
	require.Equal(t, a, b[:2])
	require.NotEqual(t, a, generate(2, 100, 24, 2))
	require.Equal(t, "series2", a[1].name)
}
