// Package program has what the example programs that train have in common: flags, a folder
// with the settings and the checkpoints of a run, the training loop's progress bar and
// picture, and how a program ends.
//
// A program is a Func, and these are its steps, wordlm being one to look at:
//
//	func main() { program.Main("wordlm", run) }
//
//	func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
//		f := program.NewFlags("wordlm", about, stderr, program.Limits{Epochs: 13})
//		hidden := f.Int("hidden", 200, "`units` of each layer")  // its own flags
//		if err := f.Parse(args); err != nil { return err }      // with -resume: those of the run that goes on
//		...                                                     // check the values, read the data, make the net
//		s, err := program.Open(f, guard, stderr)                // lock the folder, write the settings
//		if err != nil { return err }
//		defer s.Close()
//		result, err := s.Train(program.Run{Net: net, Data: source, Plan: bptt.Plan{...}})
//		...                                                     // measure, print
//	}
//
// In the folder are settings.json, for each training last.ckpt and best.ckpt (package
// bptt), metrics.jsonl (bptt.Log) and curve.png, what the program writes by Session.Draw,
// WriteFile and File, and, in the folder previous, all of the run before it, which goes on
// with -resume -out FOLDER/previous.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
)

// A Func is all of a program. Its errors are those of Status.
type Func func(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error

// ErrNotSolved, in the chain of the error of a Func, is an end without the result that the
// program is for.
var ErrNotSolved = errors.New("not solved")

// Main runs the program of that name, and ends it with its Status.
func Main(name string, run Func) {
	guard := interrupt.Watch(name, func() {
		fmt.Fprintf(os.Stderr, "\n%s: stopping after this update; another Ctrl-C ends the program at once\n", name)
	}, os.Stderr)
	os.Exit(Status(name, guard, run, os.Args[1:], os.Stdout, os.Stderr))
}

// Status runs a program and returns its exit status: 0, also after -h; 1 for ErrNotSolved;
// 128 and the number of the signal for interrupt.Err, and for an error of a context that a
// signal ended; 2 for any other error. Errors are printed on stderr.
func Status(name string, guard *interrupt.Guard, run Func, args []string, stdout, stderr io.Writer) int {
	err := run(guard, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if Interrupted(err) {
		err = interrupt.Err
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	switch {
	case errors.Is(err, ErrNotSolved):
		return 1
	case errors.Is(err, interrupt.Err):
		return guard.Status()
	}
	return 2
}

// Interrupted says whether an error comes from a signal: interrupt.Err, or what ended with
// the context of the guard, such as a measurement. Where something else went wrong besides, a
// file that could not be written say, it is an error.
func Interrupted(err error) bool {
	return errors.Is(err, interrupt.Err) || only(err, context.Canceled)
}

// only says whether an error comes from cause and from nothing else, which errors.Is does not
// ask.
func only(err, cause error) bool {
	for err != nil && err != cause {
		err = errors.Unwrap(err) // nil where err is of two
	}
	return err != nil
}
