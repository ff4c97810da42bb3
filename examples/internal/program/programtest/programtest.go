// Package programtest has what the tests of the example programs have in common.
package programtest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// A Program is one under test.
type Program struct {
	Name string
	Run  program.Func
}

// A Result is what a call left.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Hash is what a run printed of its weights.
func (r Result) Hash() string {
	_, after, _ := strings.Cut(r.Stdout, "sha256 ")
	return after
}

// Command calls the program.
func (p Program) Command(args ...string) Result {
	return p.call(interrupt.Under(context.Background()), new(stopper), args)
}

// Do is Command for a call that has to end well.
func (p Program) Do(t testing.TB, args ...string) Result {
	t.Helper()
	r := p.Command(args...)
	require.Zero(t, r.Code, r.Stderr)
	return r
}

// Stopped calls the program, and ends it as Ctrl-C does when it writes a line to stderr that
// begins so for the nth time; with n = 0 before it begins.
func (p Program) Stopped(begin string, n int, args ...string) Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if n == 0 {
		cancel()
	}
	return p.call(interrupt.Under(ctx), &stopper{begin: []byte(begin), n: n, stop: cancel}, args)
}

func (p Program) call(guard *interrupt.Guard, stderr *stopper, args []string) Result {
	var stdout bytes.Buffer
	code := program.Status(p.Name, guard, p.Run, args, &stdout, stderr)
	return Result{stdout.String(), stderr.String(), code}
}

// A stopper calls stop at the nth line of that begin.
type stopper struct {
	bytes.Buffer
	begin []byte
	n     int
	stop  func()
}

func (w *stopper) Write(b []byte) (int, error) {
	if w.n > 0 && bytes.HasPrefix(b, w.begin) {
		if w.n--; w.n == 0 {
			w.stop()
		}
	}
	return w.Buffer.Write(b)
}

// InParts holds that a run that ends early and goes on is a run in one, in what it prints, its
// status, and the bytes of files, although the first part runs on the plainest tier and the
// second one with two workers. first and whole are the limits, such as "-steps 5". It returns
// the result and the folder.
func (p Program) InParts(t *testing.T, first, whole string, args []string, files ...string) (Result, string) {
	t.Helper()
	dir := t.TempDir()
	one, parts := filepath.Join(dir, "one"), filepath.Join(dir, "parts")
	args = append(args[:len(args):len(args)], "-quiet", "-out")
	want := p.Command(append(append(args, one), strings.Fields(whole)...)...)
	require.Contains(t, []int{0, 1}, want.Code, want.Stderr)
	isa := kernels.Current()
	defer kernels.Use(isa)
	require.NoError(t, kernels.Use(kernels.Available()[0]))
	early := p.Command(append(append(args, parts), strings.Fields(first)...)...)
	require.NoError(t, kernels.Use(isa))
	require.NotEqual(t, want.Hash(), early.Hash())
	got := p.Command(append(strings.Fields(whole), "-resume", "-quiet", "-workers", "2", "-out", parts)...)
	require.Equal(t, want, got)
	Same(t, one, parts, append(files, bptt.LastFile)...)
	return got, parts
}

// Refused holds that the program refuses arguments, of which the keys are the last ones, with
// status 2 and the text of the value, and that it makes no folder; and that -h is no error.
func (p Program) Refused(t *testing.T, cases map[string]string, first ...string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "none")
	for args, text := range cases {
		r := p.Command(append(append(first[:len(first):len(first)], "-out", out), strings.Fields(args)...)...)
		require.Equal(t, 2, r.Code, "%s: %s", args, r.Stderr)
		require.Contains(t, r.Stderr, text, args)
		require.Empty(t, r.Stdout, args)
		require.NoDirExists(t, out, args)
	}
	r := p.Command("-h")
	require.Zero(t, r.Code)
	require.Contains(t, r.Stderr, "usage: "+p.Name)
}

// Same holds that two folders have files of the same bytes.
func Same(t *testing.T, one, other string, names ...string) {
	t.Helper()
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(one, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(other, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), name)
	}
}

// Files holds that a folder has files.
func Files(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		require.FileExists(t, filepath.Join(dir, name))
	}
}

// Numbers are those that the groups of an expression find in a text.
func Numbers(t *testing.T, e *regexp.Regexp, text string) []float64 {
	t.Helper()
	found := e.FindStringSubmatch(text)
	require.NotNil(t, found, text)
	v := make([]float64, len(found)-1)
	for i := range v {
		var err error
		v[i], err = strconv.ParseFloat(found[i+1], 64)
		require.NoError(t, err)
	}
	return v
}

// Described holds that a checkpoint says what its stages are, so that a program that does not
// know the model can run it: of so many inputs symbols, and outputs. That model is returned.
func Described(t *testing.T, file string, symbols, outputs int) *nn.Model {
	t.Helper()
	c, err := bptt.ReadCheckpointFile(file)
	require.NoError(t, err)
	made, err := chain.LoadCheckpoint("", c)
	require.NoError(t, err)
	model, err := made.Infer(3, 2)
	require.NoError(t, err)
	_, _, in, out := model.Dims()
	require.Equal(t, []int{symbols, outputs}, []int{in, out})
	require.NoError(t, c.Params(model), "it has the parameters of the checkpoint, by their names")
	return model
}
