package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// Two files in the folder say that a run writes there: one is locked as long as
// the run lives, the other holds its process id. The lock is one of the operating
// system, which also frees it when the run is killed: files that such a run leaves
// behind lock nobody out.
const (
	lockName   = ".charlm.lock"
	holderName = ".charlm.pid"
)

// lockFolder locks an existing folder for this run. Unlocking removes both files.
// Where the file system knows no locks the folder is not locked, and the error is
// errors.ErrUnsupported.
func lockFolder(dir string) (unlock func(), err error) {
	name, holder := filepath.Join(dir, lockName), filepath.Join(dir, holderName)
	for {
		lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		locked, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !locked {
			return nil, inUse(dir, holder)
		}
		if !current(lock) {
			// The run before removed the file after this one had opened it.
			lock.Close()
			continue
		}
		if err := os.WriteFile(holder, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o666); err != nil {
			release(lock, holder)
			return nil, err
		}
		return func() { release(lock, holder) }, nil
	}
}

// current says whether the locked file is still the one of that name.
func current(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, named)
}

func release(lock *flock.Flock, holder string) {
	os.Remove(holder)
	if runtime.GOOS == "windows" {
		// An open file cannot be removed there, neither by this run, which
		// therefore closes it first, nor by this run once another has it open.
		lock.Close()
		os.Remove(lock.Path())
		return
	}
	os.Remove(lock.Path())
	lock.Close()
}

// An inUseError is the answer to a run that finds the folder locked.
type inUseError struct{ dir, who string }

func (e *inUseError) Error() string {
	return fmt.Sprintf("the folder %s is in use by %s; wait for its end, or name another folder with -out", e.dir, e.who)
}

func inUse(dir, holder string) error {
	who := "another run of charlm"
	if text, err := os.ReadFile(holder); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			who += fmt.Sprintf(", process %d", pid)
		}
	}
	return &inUseError{dir, who}
}

// lock locks the folder of the run as soon as that exists. It tells about a file
// system without locks, and goes on there: two runs would take turns in replacing
// each other's model, but none is damaged.
func (o *options) lock(warn func(string)) error {
	if o.unlock != nil {
		return nil
	}
	unlock, err := lockFolder(o.out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		warn(fmt.Sprintf("the file system of %s has no locks: do not let two runs write there at the same time", o.out))
		unlock = func() {}
	case err != nil:
		return err
	default:
		removeLeftovers(o.out)
	}
	o.unlock = unlock
	return nil
}
