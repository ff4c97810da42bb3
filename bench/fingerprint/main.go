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
	"flag"
	"fmt"
	"os"

	"github.com/simdrnn/simdrnn/fingerprint"
)

func main() {
	short := flag.Bool("short", false, "1 and 3 workers only")
	full := flag.Bool("full", false, "print hashes in full")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	workers, digits := []int{1, 2, 3, 4, 5, 6, 7, 8}, 16
	if *short {
		workers = []int{1, 3}
	}
	if *full {
		digits = 64
	}
	fmt.Println(fingerprint.Machine())
	fmt.Println(fingerprint.Head(digits))
	different, err := fingerprint.Check(context.Background(), workers, func(r fingerprint.Row) error {
		_, err := fmt.Println(r.Line(digits))
		return err
	})
	switch rows := fingerprint.Rows(workers); {
	case err != nil:
		fmt.Println(err)
		os.Exit(2)
	case different > 0:
		fmt.Printf("\nFAILED: %d of %d rows differ from the committed values. This machine does not compute what others do:\n"+
			"please report the output of this command, with -full.\n", different, rows)
		os.Exit(1)
	default:
		fmt.Printf("\nok: all %d rows are equal to the committed values\n", rows)
	}
}
