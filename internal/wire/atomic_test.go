package wire

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

func put(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func only(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		got[e.Name()] = string(b)
	}
	require.Equal(t, want, got)
}

func TestWriteFileAtomic(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model")
	require.NoError(t, WriteFileAtomic(name, put("one")))
	only(t, dir, map[string]string{"model": "one"})
	require.NoError(t, WriteFileAtomic(name, put("two")))
	only(t, dir, map[string]string{"model": "two"})

	bad := errors.New("bad")
	require.ErrorIs(t, WriteFileAtomic(name, func(w io.Writer) error { io.WriteString(w, "half"); return bad }), bad)
	only(t, dir, map[string]string{"model": "two"})
	require.Panics(t, func() { WriteFileAtomic(name, func(io.Writer) error { panic("user") }) })
	only(t, dir, map[string]string{"model": "two"})
	require.Error(t, WriteFileAtomic(filepath.Join(dir, "no", "such", "folder"), put("x")))
	only(t, dir, map[string]string{"model": "two"})
}

func TestRelativeName(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, WriteFileAtomic("model", put("one")))
	only(t, ".", map[string]string{"model": "one"})
}

func TestStaleTemps(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * staleAfter)
	for _, n := range []string{".model.1-2-3.tmp", ".model.9-9-9.tmp", ".other.1-2-3.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), []byte(n), 0o666))
		if n != ".model.9-9-9.tmp" {
			require.NoError(t, os.Chtimes(filepath.Join(dir, n), old, old))
		}
	}
	require.NoError(t, WriteFileAtomic(filepath.Join(dir, "model"), put("new")))
	only(t, dir, map[string]string{
		"model":            "new",
		".model.9-9-9.tmp": ".model.9-9-9.tmp", // young: a writer may hold it
		".other.1-2-3.tmp": ".other.1-2-3.tmp",
	})
}

// faulty fails one call: write, sync, close, rename or syncdir.
type faulty struct {
	osFiles
	fail string
}

type faultyFile struct {
	WritableFile
	fail string
}

func (f faulty) Create(name string) (WritableFile, error) {
	if f.fail == "create" {
		return nil, errDisk
	}
	r, err := f.osFiles.Create(name)
	return faultyFile{r, f.fail}, err
}

func (f faulty) Rename(from, to string) error {
	if f.fail == "rename" {
		return errDisk
	}
	return f.osFiles.Rename(from, to)
}

func (f faulty) SyncDir(dir string) error {
	if f.fail == "syncdir" {
		return errDisk
	}
	return f.osFiles.SyncDir(dir)
}

func (f faultyFile) Write(b []byte) (int, error) {
	if f.fail == "write" {
		n, _ := f.WritableFile.Write(b[:len(b)/2])
		return n, errDisk
	}
	return f.WritableFile.Write(b)
}

func (f faultyFile) Sync() error {
	if f.fail == "sync" {
		return errDisk
	}
	return f.WritableFile.Sync()
}

func (f faultyFile) Close() error {
	err := f.WritableFile.Close()
	if f.fail == "close" {
		return errDisk
	}
	return err
}

func TestFaults(t *testing.T) {
	for _, fail := range []string{"create", "write", "sync", "close", "rename", "syncdir"} {
		dir := t.TempDir()
		name := filepath.Join(dir, "model")
		require.NoError(t, WriteFileAtomic(name, put("old")))
		require.ErrorIs(t, WriteFileAtomicOn(faulty{fail: fail}, name, put("new")), errDisk, fail)
		want := "old"
		if fail == "syncdir" {
			want = "new" // renamed already; only its durability is unknown
		}
		only(t, dir, map[string]string{"model": want})
	}
}

// versions writes files of many sizes over one name until it is killed.
func versions(name string) {
	for i := 0; ; i++ {
		err := WriteFileAtomic(name, func(w io.Writer) error {
			f := NewWriter(w, "test", 1)
			f.Float32("w", make([]float32, 1000*(1+i%200)))
			return f.Close()
		})
		if err != nil {
			panic(err)
		}
	}
}

const versionsOf = "SIMDRNN_TEST_VERSIONS_OF"

func TestMain(m *testing.M) {
	if name := os.Getenv(versionsOf); name != "" {
		versions(name)
	}
	os.Exit(m.Run())
}

// TestKilledWriter: whenever a writer is killed, the name holds a whole file.
func TestKilledWriter(t *testing.T) {
	numtest.NeedsProcesses(t)
	name := filepath.Join(t.TempDir(), "model")
	for i := range 20 {
		c := numtest.Self()
		c.Env = append(os.Environ(), versionsOf+"="+name)
		require.NoError(t, c.Start())
		for i == 0 {
			if _, err := os.Stat(name); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(5+3*i) * time.Millisecond)
		require.NoError(t, c.Process.Kill())
		c.Wait()
		_, err := ReadFile(name, "test", 1)
		require.NoError(t, err)
	}
}

// TestTwoProcesses write one file: at every moment it is a whole one, of one of them.
func TestTwoProcesses(t *testing.T) {
	numtest.NeedsProcesses(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "model")
	require.NoError(t, WriteFileAtomic(name, func(w io.Writer) error { return NewWriter(w, "test", 1).Close() }))
	for range 2 {
		c := numtest.Self()
		c.Env = append(os.Environ(), versionsOf+"="+name)
		c.Stderr = os.Stderr
		require.NoError(t, c.Start())
		defer func() {
			c.Process.Kill()
			c.Wait()
		}()
	}
	sizes := map[int64]bool{}
	for begin := time.Now(); len(sizes) < 10; {
		require.Less(t, time.Since(begin), time.Minute, "the writers are at work")
		_, err := ReadFile(name, "test", 1)
		require.NoError(t, err)
		info, err := os.Stat(name)
		require.NoError(t, err)
		sizes[info.Size()] = true
	}
}

// TestTwoWriters at once: one of their files stands in the end, and nothing else.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model")
	var wg sync.WaitGroup
	for _, s := range []string{"one", "two"} {
		wg.Go(func() {
			for range 50 {
				if err := WriteFileAtomic(name, put(s)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	only(t, dir, map[string]string{"model": string(b)})
	require.Contains(t, []string{"one", "two"}, string(b))
}
