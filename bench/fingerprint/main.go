// Fingerprint checks the promise of docs/numerics.md on the machine it runs on, by
// package fingerprint: it trains small models of every family for 20 steps on each tier
// of kernels that the machine has and on 1 to 8 workers, and compares the SHA-256 of
// parameters, gradients and outputs with those that are committed.
//
//	go -C bench run ./fingerprint          every worker count
//	go -C bench run ./fingerprint -short   1 and 3 workers
//	go -C bench run ./fingerprint -full    hashes in full, not their first 16 digits
//
// The exit status is 0 when all are equal, 1 when one is not, 2 when the program
// could not run. It needs nothing that a browser's machine or an emulator lacks; simdrnn
// verify, of the module in cmd, is the same check for users.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/simdrnn/simdrnn/fingerprint"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fingerprint", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("short", false, "1 and 3 workers only")
	full := flags.Bool("full", false, "print hashes in full")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		flags.Usage()
		return 2
	}
	workers, digits := []int{1, 2, 3, 4, 5, 6, 7, 8}, 16
	if *short {
		workers = []int{1, 3}
	}
	if *full {
		digits = 64
	}
	fmt.Fprintln(stdout, fingerprint.Machine())
	fmt.Fprintln(stdout, fingerprint.Head(digits))
	different, err := fingerprint.Check(context.Background(), workers, func(r fingerprint.Row) error {
		_, err := fmt.Fprintln(stdout, r.Line(digits))
		return err
	})
	switch rows := fingerprint.Rows(workers); {
	case err != nil:
		fmt.Fprintln(stdout, err)
		return 2
	case different > 0:
		fmt.Fprintf(stdout, "\nFAILED: %d of %d rows differ from the committed values. This machine does not compute what others do:\n"+
			"please report the output of this command, with -full.\n", different, rows)
		return 1
	default:
		fmt.Fprintf(stdout, "\nok: all %d rows are equal to the committed values\n", rows)
		return 0
	}
}
