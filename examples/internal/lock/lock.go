// Package lock keeps two runs of an example program out of one folder.
package lock

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// names are the two files in the folder which say that a run of the program writes there:
// one is locked as long as the run lives, the other holds its process id. The lock is one
// of the operating system, which also frees it when the run is killed: files that such a
// run leaves behind lock nobody out.
func names(dir, program string) (file, holder string) {
	return filepath.Join(dir, "."+program+".lock"), filepath.Join(dir, "."+program+".pid")
}

// Folder locks an existing folder for this run of the program. Unlocking removes what it
// wrote. If another run has the folder the error is an *InUseError. Where the file system
// knows no locks the folder is not locked, and the error is errors.ErrUnsupported.
func Folder(dir, program string) (unlock func(), err error) {
	name, holder := names(dir, program)
	for {
		lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		locked, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !locked {
			return nil, inUse(dir, program, holder)
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

// An InUseError is the answer to a run that finds the folder locked.
type InUseError struct{ dir, who string }

func (e *InUseError) Error() string {
	return fmt.Sprintf("the folder %s is in use by %s; wait for its end, or name another folder with -out", e.dir, e.who)
}

func inUse(dir, program, holder string) error {
	who := "another run of " + program
	if text, err := os.ReadFile(holder); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			who += fmt.Sprintf(", process %d", pid)
		}
	}
	return &InUseError{dir, who}
}
