package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// staleAfter is the age at which a temporary file left by a killed writer is
// taken for dead. A younger one may belong to a writer at work.
const staleAfter = time.Hour

var tempCount atomic.Uint64

// WriteFileAtomic replaces the file of that name by what write writes: at any
// moment, after a crash too, the name holds either the old bytes or the new.
// It writes a temporary file in the same folder, syncs it, renames it over the
// name and syncs the folder; on an error the old file stays and the temporary
// one is removed. Temporary files that a killed writer left behind more than an
// hour ago are removed first.
//
// An error says whether the file of that name is still the old one.
func WriteFileAtomic(name string, write func(io.Writer) error) error {
	return WriteFileAtomicOn(Disk, name, write)
}

// Files is the part of the operating system that WriteFileAtomic uses; tests
// put faults in.
type Files interface {
	Create(name string) (WritableFile, error)
	Rename(from, to string) error
	SyncDir(dir string) error
}

// A WritableFile is a file of Files.
type WritableFile interface {
	io.Writer
	Sync() error
	Close() error
}

// Disk is the operating system's Files.
var Disk Files = osFiles{}

// WriteFileAtomicOn is WriteFileAtomic on fs.
func WriteFileAtomicOn(fs Files, name string, write func(io.Writer) error) (err error) {
	if name == "" {
		return errors.New("a file without a name cannot be written; give it one")
	}
	replaced := false
	defer func() {
		switch {
		case err == nil:
		case replaced:
			err = fmt.Errorf("%s is the new file, but may be lost when the power fails: %w", name, err)
		default:
			err = fmt.Errorf("%s was not written, and is what it was before: %w", name, err)
		}
	}()
	dir, base := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	removeStale(dir, base)
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%d-%d-%d.tmp", base, os.Getpid(), time.Now().UnixNano(), tempCount.Add(1)))
	f, err := fs.Create(temp)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		// Runs also when write panics: nothing is left behind.
		if open {
			f.Close()
		}
		if temp != "" {
			os.Remove(temp)
		}
	}()
	buf := bufio.NewWriterSize(f, chunkBytes)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	open = false
	if err := f.Close(); err != nil {
		return err
	}
	if err := fs.Rename(temp, name); err != nil {
		return err
	}
	temp, replaced = "", true
	return fs.SyncDir(dir)
}

// removeStale removes temporary files of base that no writer can still hold.
// It is housekeeping: its own failures do not matter.
func removeStale(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+base+".") || !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > staleAfter {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

type osFiles struct{}

func (osFiles) Create(name string) (WritableFile, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir makes the rename itself durable. Where a folder cannot be synced
// (Windows has no such call, some network file systems refuse it) the rename is
// as durable as the system makes it.
func (osFiles) SyncDir(dir string) error {
	switch runtime.GOOS {
	case "windows", "plan9", "js", "wasip1":
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
