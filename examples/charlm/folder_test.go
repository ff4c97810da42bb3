package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFolder: relative paths start in the working folder of the program. What PWD
// says does not matter: it may be left over from another folder.
func TestFolder(t *testing.T) {
	dir, elsewhere := workplace(t), t.TempDir()
	r := charlm(t, dir, []string{"PWD=" + elsewhere}, with("-steps", "1")...)
	require.Zero(t, r.code, r.stderr)
	require.FileExists(t, filepath.Join(dir, "charlm-out", "model.ckpt"))
	require.Empty(t, files(t, elsewhere))
	// What was written is named in full.
	for _, name := range []string{"model.ckpt", "loss.csv", "loss.png"} {
		require.Contains(t, r.stderr, filepath.Join("charlm-out", name)+"\n")
	}
	require.Regexp(t, regexp.MustCompile(`files go to `+regexp.QuoteMeta(string(filepath.Separator))+`|files go to [A-Z]:`), r.stderr)
	help := charlm(t, dir, nil, "-h")
	require.Contains(t, help.stderr, "Relative paths start in the working folder")
}

// TestFolderInUse: while one run writes to a folder another one is told so at once,
// and who it is. A run that was killed locks nobody out.
func TestFolderInUse(t *testing.T) {
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "3", "-quiet")...).code)
	out := filepath.Join(dir, "charlm-out")
	c := command(dir, nil, with("-for", "10m")...)
	begin(t, c)
	want := fmt.Sprintf("charlm-out is in use by another run of charlm, process %d; ", c.Process.Pid)
	model, err := os.ReadFile(filepath.Join(out, "model.ckpt"))
	require.NoError(t, err)
	for _, args := range [][]string{with("-steps", "3"), {"-resume", "-steps", "5"}, {"-resume", "-sample", "3"}, {"-text", "missing"}} {
		r := charlm(t, dir, nil, args...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, want, args)
		require.Contains(t, r.stderr, "-out", args)
		require.Empty(t, r.stdout, args)
	}
	require.Zero(t, charlm(t, dir, nil, "-sample", "5").code, "reading disturbs nobody")
	require.Zero(t, charlm(t, dir, nil, with("-steps", "1", "-quiet", "-out", "other")...).code)
	after, err := os.ReadFile(filepath.Join(out, "model.ckpt"))
	require.NoError(t, err)
	require.Equal(t, model, after)

	require.NoError(t, c.Process.Kill())
	c.Wait()
	require.FileExists(t, filepath.Join(out, ".charlm.lock"), "what a killed run leaves")
	leftover := tempName(filepath.Join(out, "model.ckpt"))
	require.NoError(t, os.WriteFile(leftover, []byte("half a model"), 0o666))
	r := charlm(t, dir, nil, "-resume", "-steps", "4", "-quiet")
	require.Zero(t, r.code, r.stderr)
	require.Len(t, files(t, out), 3, "the model and the curve, and nothing of the killed run")
}

// TestManyRunsOfOneFolder: of runs that begin together each succeeds or is told
// that the folder is in use, and in the end there is a whole model.
func TestManyRunsOfOneFolder(t *testing.T) {
	dir := workplace(t)
	var wg sync.WaitGroup
	results := make([]result, 6)
	for i := range results {
		wg.Go(func() {
			c := command(dir, nil, with("-steps", "2", "-quiet", "-seed", fmt.Sprint(i))...)
			var stdout, stderr bytes.Buffer
			c.Stdout, c.Stderr = &stdout, &stderr
			c.Run()
			results[i] = result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
		})
	}
	wg.Wait()
	succeeded := 0
	for _, r := range results {
		if r.code == 0 {
			succeeded++
		} else {
			require.Contains(t, r.stderr, "in use")
		}
	}
	require.Positive(t, succeeded)
	require.Zero(t, charlm(t, dir, nil, "-sample", "5").code)
	for name := range files(t, filepath.Join(dir, "charlm-out")) {
		require.NotContains(t, name, ".charlm", "nothing is left over")
	}
}

// TestReplace: writers of one file that nothing keeps apart leave a whole one.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name, kept := filepath.Join(dir, "model"), filepath.Join(dir, "previous")
	whole := func(i int) string { return strings.Repeat(fmt.Sprint(i), 100000) }
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				write := func(w io.Writer) error {
					for s := whole(i); s != ""; s = s[1000:] {
						if _, err := io.WriteString(w, s[:1000]); err != nil {
							return err
						}
					}
					return nil
				}
				if err := replace(name, write); err != nil {
					t.Error(err)
				}
				if err := keep(name, kept); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	left := files(t, dir)
	require.Len(t, left, 2)
	for _, text := range left {
		require.Len(t, text, 100000)
		require.Equal(t, strings.Repeat(text[:1], 100000), text)
	}
	require.Error(t, replace(name, func(w io.Writer) error { io.WriteString(w, "half"); return io.ErrShortWrite }))
	require.Equal(t, left, files(t, dir))
	require.NoError(t, keep(filepath.Join(dir, "none"), kept), "nothing to keep")
	require.Equal(t, left, files(t, dir))
}

// rescued is the folder that the last line of stderr names in place of -out.
func rescued(t *testing.T, stderr string) string {
	t.Helper()
	m := regexp.MustCompile(`it is in (.*) instead`).FindStringSubmatch(stderr)
	require.NotNil(t, m, stderr)
	return m[1]
}

// TestFolderGone: what was trained is not lost with the folder that was to take it.
func TestFolderGone(t *testing.T) {
	signals(t)
	dir, temp := workplace(t), t.TempDir()
	c := command(dir, []string{"TMPDIR=" + temp}, with("-for", "10m")...)
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
	require.Contains(t, last, "charlm-out: ")
	require.Contains(t, last, "no such file")
	r := charlm(t, dir, nil, "-sample", "9", "-out", rescued(t, last))
	require.Zero(t, r.code, r.stderr)
}

// TestFullDisk: a full disk takes nothing away, neither the model of the run before
// nor that of this one.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("NOT EXERCISED: a small file system can be mounted only by root on Linux")
	}
	dir, temp, out := workplace(t), t.TempDir(), t.TempDir()
	if said, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "none", out).CombinedOutput(); err != nil {
		t.Skipf("NOT EXERCISED: no small file system can be mounted: %s", said)
	}
	defer exec.Command("umount", out).Run()
	r := charlm(t, dir, nil, with("-steps", "2", "-out", out, "-quiet")...)
	require.Zero(t, r.code, r.stderr)
	require.NoError(t, os.WriteFile(filepath.Join(out, "filler"), nil, 0o666))
	filler, err := os.OpenFile(filepath.Join(out, "filler"), os.O_WRONLY, 0)
	require.NoError(t, err)
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	info, err := filler.Stat()
	require.NoError(t, err)
	filler.Close()
	require.NoError(t, os.Truncate(filler.Name(), info.Size()-16384), "room for a lock, not for a model")
	before, err := os.ReadFile(filepath.Join(out, "model.ckpt"))
	require.NoError(t, err)
	for _, args := range [][]string{with("-steps", "3"), {"-resume", "-steps", "4"}} {
		r = charlm(t, dir, []string{"TMPDIR=" + temp}, append(args, "-out", out)...)
		require.Equal(t, 2, r.code, r.stderr)
		require.Contains(t, r.stderr, "no space left")
		after, err := os.ReadFile(filepath.Join(out, "model.ckpt"))
		require.NoError(t, err)
		require.Equal(t, before, after)
		more := charlm(t, dir, nil, "-resume", "-steps", "6", "-out", rescued(t, r.stderr), "-quiet")
		require.Zero(t, more.code, more.stderr)
	}
}

// TestOutputFull: a result that cannot be printed is an error, and the model is saved.
func TestOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("NOT EXERCISED: no /dev/full on " + runtime.GOOS)
	}
	defer full.Close()
	dir := workplace(t)
	for _, args := range [][]string{with("-steps", "2", "-quiet"), {"-sample", "5"}} {
		c := command(dir, nil, args...)
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = full, &stderr
		require.Error(t, c.Run())
		require.Equal(t, 2, c.ProcessState.ExitCode())
		require.Contains(t, stderr.String(), "no space left")
	}
	require.FileExists(t, filepath.Join(dir, "charlm-out", "model.ckpt"))
}

// TestRights: what a user may not read or write is said by name.
func TestRights(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT EXERCISED: the rights of Windows are others")
	}
	dir := workplace(t)
	require.Zero(t, charlm(t, dir, nil, with("-steps", "2", "-quiet")...).code)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), nil, 0))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "hers"), 0o555))
	// The program and its folder are for everybody; TempDir is not.
	for up := dir; up != os.TempDir() && len(up) > 1; up = filepath.Dir(up) {
		require.NoError(t, os.Chmod(up, 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Dir(binary), 0o755))
	model := filepath.Join(dir, "charlm-out", "model.ckpt")
	for _, c := range []struct {
		args  []string
		texts []string
	}{
		{with("-steps", "2", "-out", "hers"), []string{filepath.Join(dir, "hers"), "permission denied", "-out"}},
		{with("-steps", "2", "-out", "hers/new"), []string{filepath.Join("hers", "new"), "permission denied", "-out"}},
		{[]string{"-text", "secret", "-out", "hers/new"}, []string{filepath.Join(dir, "secret"), "permission denied", "-text"}},
		{[]string{"-sample", "3"}, []string{model, "permission denied", "readable"}},
	} {
		require.NoError(t, os.Chmod(model, 0))
		p := command(dir, nil, c.args...)
		if os.Getuid() == 0 {
			as(p)
		}
		var stderr bytes.Buffer
		p.Stderr = &stderr
		p.Run()
		require.Equal(t, 2, p.ProcessState.ExitCode(), stderr.String())
		for _, text := range c.texts {
			require.Contains(t, stderr.String(), text)
		}
	}
	require.NoError(t, os.Chmod(model, 0o644))
	require.Empty(t, files(t, filepath.Join(dir, "hers")))

	// A device has no end, a pipe cannot be read again.
	r := charlm(t, dir, nil, "-text", "/dev/null")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "/dev/null is no regular file")
}
