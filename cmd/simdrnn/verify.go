package main

import (
	"context"
	"fmt"

	"github.com/simdrnn/simdrnn/fingerprint"
)

var verifyCommand = command{
	name: "verify", about: "the committed fingerprints on this machine",
	text: `Trains small models of every family for 20 steps on each tier of kernels that this
machine has, with 1 to 8 workers, and compares the SHA-256 of parameters, gradients and
outputs with those that every other machine has. These are part of the program.

The exit status is 0 when all are equal and 1 when one is not.
`,
	run: verify,
}

func verify(ctx context.Context, c *call) error {
	short := c.Bool("short", false, "1 and 3 workers only")
	full := c.Bool("full", false, "print hashes in full, not their first 16 digits")
	verbose := c.Bool("v", false, "print every row, not those alone that differ")
	if _, err := c.files(0); err != nil {
		return err
	}
	workers, digits := []int{1, 2, 3, 4, 5, 6, 7, 8}, 16
	if *short {
		workers = []int{1, 3}
	}
	if *full {
		digits = 64
	}
	fmt.Fprintln(c.stdout, fingerprint.Machine())
	if *verbose {
		fmt.Fprintln(c.stdout, fingerprint.Head(digits))
	}
	rows := fingerprint.Rows(workers)
	p := c.progress("training", int64(rows))
	different, err := fingerprint.Check(ctx, workers, func(r fingerprint.Row) error {
		p.add(1)
		if !*verbose && r.Got == r.Want {
			return nil
		}
		_, err := fmt.Fprintln(c.stdout, r.Line(digits))
		return err
	})
	p.end()
	if err != nil {
		return err
	}
	if different > 0 {
		fmt.Fprintf(c.stdout, "FAILED: %d of %d rows differ from the committed values\n", different, rows)
		return errDiffers
	}
	fmt.Fprintf(c.stdout, "ok: all %d rows are equal to the committed values\n", rows)
	return nil
}
