package program

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Limits are how long a program trains when it is not told.
type Limits struct{ Steps, Epochs int64 }

// Flags are the flags of a program: those that all have, and its own, which are added to
// the FlagSet before Parse.
//
// Every flag is a setting of the run, which a resumed run has too, but -out, -resume,
// -quiet, -workers, and those that NotStored names.
type Flags struct {
	*flag.FlagSet
	Out           string // an absolute path after Parse
	Seed          uint64
	Workers       int
	Steps, Epochs int64 // 0: no limit
	Resume, Quiet bool

	given     map[string]bool
	notStored []string
	files     []string // that the run has written beside those of its trainings
}

// usage is what -h and a wrong flag print above the list of flags.
const usage = `usage: %s [flags]
%sRelative paths start in the working folder of the program.
The first Ctrl-C ends the training and saves; the second one ends the program at once.
`

// NewFlags returns the flags that all programs have. about says what the program does, in
// lines that -h and a wrong flag print above the list of flags, on stderr. Of limits, Steps
// are the default of -steps and Epochs that of -epochs; who gives one of the two flags is
// not limited by the default of the other.
func NewFlags(name, about string, stderr io.Writer, limits Limits) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), given: map[string]bool{}}
	f.notStored = []string{"out", "resume", "quiet", "workers"}
	f.SetOutput(stderr)
	f.Usage = func() { fmt.Fprintf(stderr, usage, name, about); f.PrintDefaults() }
	f.StringVar(&f.Out, "out", name+"-out", "`folder` for the model, its settings and the pictures")
	f.Uint64Var(&f.Seed, "seed", 1, "`seed` of all that is drawn at random")
	f.IntVar(&f.Workers, "workers", 0, "the most `goroutines` that share the work; 0: as many as help. The result is the same")
	f.Int64Var(&f.Steps, "steps", limits.Steps, "stop after `n` updates, those of a resumed run included; 0: no limit")
	f.Int64Var(&f.Epochs, "epochs", limits.Epochs, "stop after `n` passes over the data, those of a resumed run included; 0: no limit")
	f.BoolVar(&f.Resume, "resume", false, "go on with the run in -out, with its settings")
	f.BoolVar(&f.Quiet, "quiet", false, "no progress on standard error")
	return f
}

// NotStored says that flags belong to one call of the program and not to the run: what
// they say goes neither to the folder nor to a resumed run.
func (f *Flags) NotStored(names ...string) { f.notStored = append(f.notStored, names...) }

// Given says whether the flag was on the command line.
func (f *Flags) Given(name string) bool { return f.given[name] }

// Path is the path of a file in the folder of the run.
func (f *Flags) Path(elem ...string) string {
	return filepath.Join(append([]string{f.Out}, elem...)...)
}

// Parse reads the command line, and checks the flags that all programs have. With -resume
// the settings are then those of the run in the folder. A setting that is on the command
// line too has to be the same, but for -steps and -epochs, which may be longer or shorter.
func (f *Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return err
	}
	f.Visit(func(g *flag.Flag) { f.given[g.Name] = true })
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: every option begins with a dash, as in -steps 100", f.Arg(0))
	case f.Out == "":
		return errors.New("-out is empty, want the name of a folder")
	case f.Workers < 0 || f.Workers > maxWorkers:
		return fmt.Errorf("-workers is %d, want 1 to %d, or 0 for as many as help", f.Workers, maxWorkers)
	case f.Steps < 0 || f.Epochs < 0:
		return fmt.Errorf("-steps is %d and -epochs %d, want 1 or more, or 0 for no limit", f.Steps, f.Epochs)
	}
	if f.given["steps"] && !f.given["epochs"] {
		f.Epochs = 0
	}
	if f.given["epochs"] && !f.given["steps"] {
		f.Steps = 0
	}
	var err error
	if f.Out, err = filepath.Abs(f.Out); err != nil {
		return err
	}
	if f.Resume {
		err = f.Load()
	}
	if err == nil && f.Steps == 0 && f.Epochs == 0 {
		err = errors.New("-steps and -epochs are 0, which never ends; want 1 or more for one of them")
	}
	return err
}

// Use takes over the settings of the run in the folder, as Load does, for a flag that uses
// a trained model without training, if it is on the command line. want says what its value
// is, for an error.
func (f *Flags) Use(name, want string, free ...string) error {
	switch {
	case !f.given[name]:
		return nil
	case f.Lookup(name).Value.String() == "":
		return fmt.Errorf("-%s is empty, want %s", name, want)
	case f.Resume:
		return fmt.Errorf("-%s does not train: leave -resume out", name)
	}
	return f.Load(free...)
}

// maxWorkers is how many the library uses at most.
const maxWorkers = 256

// settingsFile is the file in the folder that has the flags of the run.
const settingsFile = "settings.json"

// stored is what the file has.
type stored struct {
	Program  string
	Settings map[string]string // of each flag
	Files    []string          `json:",omitempty"` // that were written, from the folder on
}

// Load takes over the settings of the run in the folder, as Parse does with -resume. It is
// for a program that uses a trained model without training. The flags that free names may
// differ from the run's where they are given.
func (f *Flags) Load(free ...string) error {
	s, err := f.read()
	if err != nil {
		return err
	}
	if s.Program != f.Name() {
		return fmt.Errorf("the run in %s is one of %s; name a folder of %s with -out", f.Out, s.Program, f.Name())
	}
	f.files = s.Files
	limited := f.given["steps"] || f.given["epochs"]
	var names []string
	for name := range s.Settings {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same one of several errors comes
	for _, name := range names {
		was := s.Settings[name]
		g := f.Lookup(name)
		limit := name == "steps" || name == "epochs"
		if f.given[name] && slices.Contains(free, name) {
			continue
		}
		switch {
		case g == nil || slices.Contains(f.notStored, name):
			err = fmt.Errorf("it has the setting %q, which the program does not know", name)
		case limit && limited:
		case limit || !f.given[name]:
			err = f.Set(name, was)
		case g.Value.String() != was:
			return fmt.Errorf("-%s is %s, and the run in %s has %s: leave it out to go on as it was, or start anew without -resume", name, g.Value, f.Out, was)
		}
		if err != nil {
			return fmt.Errorf("%s cannot be used: %w; train anew without -resume", f.Path(settingsFile), err)
		}
	}
	return nil
}

func (f *Flags) read() (stored, error) {
	s, err := readSettings(f.Path(settingsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no run in %s; train first, without -resume, or name its folder with -out", f.Out)
	case errors.As(err, new(*fs.PathError)):
		err = fmt.Errorf("%w; name the folder of a run with -out", err)
	case err != nil:
		err = fmt.Errorf("%s cannot be used: %w; train anew without -resume", f.Path(settingsFile), err)
	}
	return s, err
}

func readSettings(name string) (s stored, err error) {
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// write writes the settings.
func (f *Flags) write() error {
	s := stored{f.Name(), map[string]string{}, f.files}
	f.VisitAll(func(g *flag.Flag) {
		if !slices.Contains(f.notStored, g.Name) {
			s.Settings[g.Name] = g.Value.String()
		}
	})
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "\t")
	if err := e.Encode(s); err != nil {
		return err
	}
	return replace(f.Path(settingsFile), []byte(b.String()))
}

// replace writes a file anew, in one step.
func replace(name string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(name), tempPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // nothing is left to remove after the rename
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}

// tempPrefix begins the names of temporary files.
const tempPrefix = ".program-"

// Between returns an error that names the flag if its value is not from..to.
func Between[N int | int64 | float64](name string, value, from, to N) error {
	if value >= from && value <= to {
		return nil
	}
	return fmt.Errorf("-%s is %v, want %v to %v", name, value, from, to)
}

// maxMemory is what a run may ask for, in float32.
const maxMemory = 4 << 30

// Fits returns an error if about so many float32 are more than a run may ask for. The rest
// is the flags that they come from, as for fmt.Sprintf.
func Fits(floats float64, format string, args ...any) error {
	if floats <= maxMemory {
		return nil
	}
	return fmt.Errorf("%s need about %.0f GB of memory, more than %d; use smaller numbers", fmt.Sprintf(format, args...), floats/(1<<28), maxMemory>>28)
}
