// Simdrnn looks into files of recurrent networks, converts them, measures them on this
// machine, and verifies that this machine computes what every other one does.
//
//	go -C cmd install ./simdrnn       puts the program where go install does
//	simdrnn inspect FILE              what a file holds
//	simdrnn convert IN OUT            from one format to another
//	simdrnn bench FILE                latency and throughput on this CPU, by tier
//	simdrnn verify                    the committed fingerprints on this machine
//	simdrnn COMMAND -h                flags and exit codes of each
//
// The exit status is 0 when all is done, 1 when it failed or, of verify, when something
// differs, 2 when the command line is wrong, and 130 after Ctrl-C. Results go to standard
// output, progress and errors to standard error. A file that is written appears under its
// name when it is whole, and not before.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A command is one of the program's.
type command struct {
	name, args, about string // args as in the line of usage
	text              string // what -h says beside the flags
	run               func(ctx context.Context, c *call) error
}

// commands are all of them, in the order of the help.
func commands() []command {
	return []command{inspectCommand, convertCommand, benchCommand, verifyCommand}
}

// A call is one command line at work.
type call struct {
	*flag.FlagSet
	args           []string // of the command, flags included
	stdout, stderr io.Writer
	quiet          bool
}

// errDiffers is the end of a verify that found a difference.
var errDiffers = errors.New("this machine does not compute what others do: please report the output of simdrnn verify -v -full")

// A usageError says that the command line is wrong.
type usageError struct{ error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// Exit codes.
const (
	done        = 0
	failed      = 1
	wrongUse    = 2
	interrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return wrongUse
	}
	name := args[0]
	if name == "help" || name == "-h" || name == "-help" || name == "--help" {
		if len(args) < 2 || name != "help" {
			usage(stdout)
			return done
		}
		name, args = args[1], []string{args[1], "-h"}
	}
	for _, c := range commands() {
		if c.name == name {
			return c.start(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "simdrnn: there is no command %q; simdrnn -h lists those that there are\n", name)
	return wrongUse
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: simdrnn COMMAND [flags] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  simdrnn %-24s %s\n", c.name+" "+c.args, c.about)
	}
	fmt.Fprint(w, "\nsimdrnn COMMAND -h explains a command. Formats:\n\n")
	for _, f := range formats() {
		fmt.Fprintf(w, "  %-12s %s\n", f.name, f.about)
	}
	fmt.Fprint(w, "\nThe exit status is 0 when all is done, 1 when it failed or something differs,\n2 when the command line is wrong, 130 after Ctrl-C.\n")
}

// start runs a command and returns the exit status.
func (c command) start(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	one := &call{FlagSet: flag.NewFlagSet("simdrnn "+c.name, flag.ContinueOnError), args: args, stdout: stdout, stderr: stderr}
	one.SetOutput(io.Discard) // what Parse says is printed below, once
	one.BoolVar(&one.quiet, "quiet", false, "no progress on standard error")
	err := c.run(ctx, one)
	wrong := usageError{}
	switch {
	case err == nil:
		return done
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "usage: simdrnn %s [flags] %s\n\n%s\nflags:\n", c.name, c.args, c.text)
		one.SetOutput(stdout)
		one.PrintDefaults()
		return done
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "simdrnn: interrupted")
		return interrupted
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "simdrnn %s: %v\nusage: simdrnn %s [flags] %s; simdrnn %s -h explains\n", c.name, err, c.name, c.args, c.name)
		return wrongUse
	}
	fmt.Fprintf(stderr, "simdrnn %s: %v\n", c.name, err)
	return failed
}

// files parses the command line. Flags may stand before, between and after the names of
// files, of which there have to be n.
func (c *call) files(n int) (names []string, err error) {
	for args := c.args; ; {
		if err := c.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		if c.NArg() == 0 {
			break
		}
		names, args = append(names, c.Arg(0)), c.Args()[1:]
	}
	if len(names) != n {
		return nil, usagef("%d files given, want %d", len(names), n)
	}
	return names, nil
}
