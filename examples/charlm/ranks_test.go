package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
)

var speed = regexp.MustCompile(`, \d+ chars/s`)

// TestRanks: with as many shards the model, the curve and what is printed are the same for
// any number of ranks, also where the run is made in parts on several numbers of them.
func TestRanks(t *testing.T) {
	dir := workplace(t)
	shared := func(args ...string) []string { return with(append(args, "-batch", "6", "-shards", "4")...) }
	left := func(out string) (model, curve string) {
		all := files(t, filepath.Join(dir, out))
		require.Len(t, all, 3, "%s: the model, the table and the picture", out)
		return all[filepath.Join(dir, out, "model.ckpt")], all[filepath.Join(dir, out, "loss.csv")]
	}
	want := charlm(t, dir, nil, shared("-steps", "25", "-fingerprint", "-sample", "20", "-out", "one")...)
	require.Zero(t, want.code, want.stderr)
	require.Contains(t, want.stderr, "4 shards on 1 ranks")
	model, curve := left("one")
	for _, ranks := range []string{"2", "4"} {
		r := charlm(t, dir, nil, shared("-steps", "25", "-fingerprint", "-sample", "20", "-ranks", ranks, "-out", ranks)...)
		require.Zero(t, r.code, r.stderr)
		require.Equal(t, speed.ReplaceAllString(want.stdout, ""), speed.ReplaceAllString(r.stdout, ""), "%s ranks", ranks)
		require.Equal(t, strings.Count(want.stderr, "\n"), strings.Count(r.stderr, "\n"), "one rank alone tells: %s", r.stderr)
		require.Contains(t, r.stderr, "4 shards on "+ranks+" ranks")
		gotModel, gotCurve := left(ranks)
		require.Equal(t, []byte(model), []byte(gotModel), "%s ranks", ranks)
		require.Equal(t, curve, gotCurve, "%s ranks", ranks)
	}
	require.Zero(t, charlm(t, dir, nil, shared("-steps", "7", "-ranks", "3", "-out", "parts", "-quiet")...).code)
	require.Zero(t, charlm(t, dir, nil, "-resume", "-steps", "19", "-ranks", "2", "-out", "parts", "-quiet").code)
	require.Zero(t, charlm(t, dir, nil, "-resume", "-steps", "25", "-out", "parts", "-quiet").code)
	gotModel, _ := left("parts")
	require.Equal(t, []byte(model), []byte(gotModel), "in parts")

	// Another model than without shards, and the run before is kept.
	whole := charlm(t, dir, nil, with("-batch", "6", "-steps", "25", "-fingerprint", "-quiet", "-out", "one")...)
	require.NotEqual(t, want.lines()[len(want.lines())-2], whole.lines()[0])
	require.Equal(t, model, files(t, filepath.Join(dir, "one"))[filepath.Join(dir, "one", "model.previous.ckpt")])
}

// TestRanksEndTogether: by Ctrl-C and by -for, with a model that goes on, on another number
// of ranks.
func TestRanksEndTogether(t *testing.T) {
	signals(t)
	dir := workplace(t)
	c := command(dir, nil, with("-for", "10m", "-shards", "3", "-ranks", "3")...)
	var stdout bytes.Buffer
	c.Stdout = &stdout
	lines := begin(t, c)
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	told := 0
	for lines.Scan() {
		told += strings.Count(lines.Text(), "stopping after this step")
	}
	require.NoError(t, c.Wait(), "it ends in order")
	require.Equal(t, 1, told)
	require.Equal(t, 1, strings.Count(stdout.String(), "\n"))
	var steps int
	_, err := fmt.Sscanf(strings.SplitN(stdout.String(), "after ", 2)[1], "%d", &steps)
	require.NoError(t, err)
	more := charlm(t, dir, nil, "-resume", "-steps", fmt.Sprint(steps+2), "-ranks", "2", "-quiet")
	require.Zero(t, more.code, more.stderr)
	require.Contains(t, more.stdout, fmt.Sprintf("after %d steps", steps+2))
	more = charlm(t, dir, nil, "-resume", "-for", "200ms", "-ranks", "2")
	require.Zero(t, more.code, more.stderr)
}

// TestRanksMistakes: what is wrong ends all ranks with one message, and no file is touched.
func TestRanksMistakes(t *testing.T) {
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "3", "-shards", "2", "-quiet")...).code)
	bad := filepath.Join(dir, "bad")
	require.NoError(t, os.Mkdir(bad, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(bad, "model.ckpt"), []byte("no model"), 0o666))
	before := files(t, dir)
	for args, want := range map[string]string{
		"-ranks 0":                                       "-ranks is 0",
		"-shards -1":                                     "-shards is -1",
		"-text text -batch 4 -shards 5":                  "-shards is 5, want 1 to the 4 of -batch",
		"-text text -ranks 2":                            "2 ranks share the shards of a batch, and there are 0; begin a run with -shards 2",
		"-text text -shards 2 -ranks 3":                  "and there are 2; begin a run with -shards 3",
		"-sample 9 -ranks 2":                             "-ranks goes with training",
		"-resume -steps 9 -ranks 3":                      "and there are 2",
		"-resume -steps 9 -shards 3":                     "-shards differs from the run in the checkpoint",
		"-resume -steps 9 -ranks 2 -out bad":             "model.ckpt cannot be used",
		"-resume -steps 9 -ranks 2 -out none":            "there is no checkpoint",
		"-resume -steps 9 -ranks 2 -out text":            "not a directory",
		"-text missing -shards 2 -ranks 2":               "no such file",
		"-text text -shards 2 -ranks 2 -out text":        "text",
		"-resume -steps 9 -ranks 2 -text bad/model.ckpt": "too few",
	} {
		words := strings.Fields(args)
		if !strings.Contains(args, "-steps") && !strings.Contains(args, "-sample") {
			words = append(words, "-steps", "1")
		}
		r := charlm(t, dir, nil, words...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, want, args)
		require.Equal(t, 1, strings.Count(r.stderr, "charlm: "), "%s: one message: %s", args, r.stderr)
		require.Empty(t, r.stdout, args)
		require.Equal(t, before, files(t, dir), args)
	}
	if mpi.Built {
		t.Skip("NOT EXERCISED: what is said of mpirun without MPI; this test was built with it")
	}
	// A program without MPI does not run as often as there are ranks.
	for _, name := range []string{"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"} {
		r := charlm(t, dir, []string{name + "=1"}, with("-steps", "1")...)
		require.Equal(t, 2, r.code)
		require.Contains(t, r.stderr, "was built without MPI: build it with -tags mpi")
	}
	require.Equal(t, before, files(t, dir))
}

// TestRanksOfFolderGone: the model of several ranks is not lost either with its folder.
func TestRanksOfFolderGone(t *testing.T) {
	signals(t)
	for _, resume := range []bool{false, true} { // the first file of a run, and another
		dir, temp := workplace(t), t.TempDir()
		args := with("-shards", "2")
		if resume {
			require.Zero(t, charlm(t, dir, nil, append(args, "-steps", "2", "-quiet")...).code)
			args = []string{"-resume"}
		}
		c := command(dir, []string{"TMPDIR=" + temp}, append(args, "-for", "10m", "-ranks", "2")...)
		stderr := begin(t, c)
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "charlm-out")))
		require.NoError(t, c.Process.Signal(os.Interrupt))
		last := ""
		for stderr.Scan() {
			last = stderr.Text()
		}
		c.Wait()
		require.Equal(t, 2, c.ProcessState.ExitCode())
		require.Contains(t, last, "no such file")
		r := charlm(t, dir, nil, "-resume", "-steps", "1", "-out", rescued(t, last))
		require.Zero(t, r.code, r.stderr)
	}
}

// closingGroup ends as a test wants it.
type closingGroup struct {
	dist.Group
	close func() error
}

func (g closingGroup) Close() error { return g.close() }

// TestLeave: a rank with an error leaves others that do not end, and says so; one without waits
// for them; what Close returns is told.
func TestLeave(t *testing.T) {
	at := func(close func() error) dist.Group { return closingGroup{dist.Alone(), close} }
	never := make(chan struct{})
	defer close(never)
	broken := errors.New("a broken pipe")
	soon := func() error { time.Sleep(50 * time.Millisecond); return nil }
	for name, c := range map[string]struct {
		close  func() error
		code   int
		err    error
		wait   time.Duration
		status int
		says   string
	}{
		"all have ended":                    {func() error { return nil }, 0, nil, time.Minute, 0, ""},
		"all have ended with the error":     {func() error { return nil }, 2, broken, time.Minute, 2, ""},
		"a signal to all":                   {soon, 130, broken, time.Minute, 130, ""},
		"Close fails":                       {func() error { return broken }, 0, nil, time.Minute, 2, "charlm: a broken pipe\n"},
		"Close fails too":                   {func() error { return broken }, 130, nil, time.Minute, 130, "charlm: a broken pipe\n"},
		"the others go on, this one waits":  {soon, 0, nil, time.Nanosecond, 0, ""},
		"the others go on, this one leaves": {func() error { <-never; return nil }, 2, broken, time.Millisecond, 2, "charlm: rank 0 ends without the others: a broken pipe\n"},
	} {
		var said bytes.Buffer
		left := make(chan int, 1)
		go func() { left <- leave(at(c.close), c.code, c.err, c.wait, &said) }()
		select {
		case status := <-left:
			require.Equal(t, c.status, status, name)
			require.Equal(t, c.says, said.String(), name)
		case <-time.After(20 * time.Second):
			t.Fatal(name + ": it has not left")
		}
	}
}
