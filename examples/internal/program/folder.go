package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/lock"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Session is a program at work in its folder.
type Session struct {
	flags  *Flags
	guard  *interrupt.Guard
	stderr io.Writer
	unlock func()
}

// Open makes the folder of the run, locks it, and writes the settings. A run that begins
// anew moves what a run before it has left there to the folder previous. Call it when all
// that can be wrong with flags and data has been found: before it nothing is written.
func Open(f *Flags, guard *interrupt.Guard, stderr io.Writer) (*Session, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	s := &Session{flags: f, guard: guard, stderr: stderr, unlock: func() {}}
	if err := os.MkdirAll(f.Out, 0o777); err != nil {
		return nil, fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	unlock, err := lock.Folder(f.Out, f.Name())
	switch {
	case err == nil:
		s.unlock = unlock
	case errors.Is(err, errors.ErrUnsupported):
		s.warn(fmt.Sprintf("the file system of %s has no locks: do not let two runs write there at the same time", f.Out))
	case errors.As(err, new(*lock.InUseError)):
		return nil, err
	default:
		return nil, fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	if !f.Resume {
		err = moveAway(f.Out)
	}
	if err == nil {
		err = f.write()
	}
	if err != nil {
		s.unlock()
		return nil, fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	return s, nil
}

// Close frees the folder.
func (s *Session) Close() { s.unlock() }

// Context is for what comes after training: it ends with a signal, but not with one that
// has ended the training before, so that an interrupted run measures what it has.
func (s *Session) Context() context.Context {
	if ctx := s.guard.Context(); ctx.Err() == nil {
		return ctx
	}
	return context.WithoutCancel(s.guard.Context())
}

// Say writes a line to stderr, unless -quiet is given.
func (s *Session) Say(format string, args ...any) {
	if !s.flags.Quiet {
		fmt.Fprintf(s.stderr, format+"\n", args...)
	}
}

// warn says what went wrong without ending the run, with -quiet too.
func (s *Session) warn(text string) { fmt.Fprintf(s.stderr, "%s: %s\n", s.flags.Name(), text) }

// The files of a training in its folder, beside those of package bptt.
const (
	metricsFile = "metrics.jsonl"
	curveFile   = "curve.png"
)

// moveAway moves the files of a run, and of the trainings in folders of its folder, to
// previous, in the place of those of the run before. They go by way of another folder,
// where a call that was killed has left some, and the settings go first: without them a
// folder is none that -resume goes on with.
func moveAway(out string) error {
	const previous, moving = "previous", ".previous"
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	dirs := []string{"."}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			os.Remove(filepath.Join(out, e.Name())) // of a run that was killed
		}
		if !e.IsDir() || e.Name() == previous || e.Name() == moving {
			continue
		}
		if _, err := os.Lstat(filepath.Join(out, e.Name(), settingsFile)); errors.Is(err, fs.ErrNotExist) {
			dirs = append(dirs, e.Name()) // and not the folder of another run
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{settingsFile, bptt.LastFile, bptt.BestFile, metricsFile, curveFile} {
			from, to := filepath.Join(out, dir, name), filepath.Join(out, moving, dir)
			if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := os.MkdirAll(to, 0o777); err != nil {
				return err
			}
			if err := os.Rename(from, filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(out, moving)); errors.Is(err, fs.ErrNotExist) {
		return nil // the folder had no run
	}
	if err := os.RemoveAll(filepath.Join(out, previous)); err != nil {
		return err
	}
	return os.Rename(filepath.Join(out, moving), filepath.Join(out, previous))
}
