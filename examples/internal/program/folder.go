package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
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

// File returns the path of a file that the program is going to write in the folder, and
// notes it in the settings: a run that begins anew moves what is noted to previous.
func (s *Session) File(elem ...string) (string, error) {
	return s.flags.Path(elem...), s.note(path.Join(elem...))
}

func (s *Session) note(names ...string) error {
	before := len(s.flags.files)
	for _, name := range names {
		if !slices.Contains(s.flags.files, name) {
			s.flags.files = append(s.flags.files, name)
		}
	}
	if len(s.flags.files) == before {
		return nil
	}
	return s.flags.write()
}

// WriteFile writes a file in the folder anew, in one step, and says so.
func (s *Session) WriteFile(name string, content []byte) error {
	if err := s.Keep(name, content); err != nil {
		return err
	}
	s.Say("in %s: %s", s.flags.Out, name)
	return nil
}

// Keep writes a file as WriteFile does, but says nothing: for what a run that goes on reads.
func (s *Session) Keep(name string, content []byte) error {
	full, err := s.File(name)
	if err == nil {
		err = replace(full, content)
	}
	if err != nil {
		return fmt.Errorf("%s is not written: %w", name, err)
	}
	return nil
}

// Draw draws a picture in the folder, and says so. One that cannot be drawn is worth a
// warning, not the result of the run.
func (s *Session) Draw(name string, pictures ...chart.Picture) {
	full, err := s.File(name)
	if err == nil {
		err = chart.Write(full, pictures...)
	}
	if err != nil {
		s.warn(fmt.Sprintf("%s is not drawn: %v", name, err))
		return
	}
	s.Say("in %s: %s", s.flags.Out, name)
}

// moveAway moves all files that a run has written to previous, in the place of those of the
// run before. They go by way of another folder, where a call that was killed has left some,
// and the settings go first: without them a folder is none that -resume goes on with.
func moveAway(out string) error {
	const previous, moving = "previous", ".previous"
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			os.Remove(filepath.Join(out, e.Name())) // of a run that was killed
		}
	}
	files := append([]string{settingsFile}, trainingFiles("")...) // also where the settings are damaged
	for _, dir := range []string{out, filepath.Join(out, moving)} {
		if s, err := readSettings(filepath.Join(dir, settingsFile)); err == nil {
			files = append(files, s.Files...)
		}
	}
	for _, name := range files {
		name = filepath.FromSlash(name)
		from, to := filepath.Join(out, name), filepath.Join(out, moving, name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) || !filepath.IsLocal(name) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.Rename(from, to); err != nil {
			return err
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

// trainingFiles are those that a training in a folder of the run writes.
func trainingFiles(dir string) []string {
	names := []string{bptt.LastFile, bptt.BestFile, metricsFile, curveFile}
	for i, name := range names {
		names[i] = path.Join(dir, name)
	}
	return names
}
