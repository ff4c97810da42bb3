package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
)

// The ranks of a run are the processes that mpirun starts, of a program that was built with
// -tags mpi, or with -ranks goroutines of one process. All of them train. The first one
// alone prints, measures the held-out text, and reads and writes the folder.

// errNotBuilt is that of a program which mpirun starts several times for nothing.
var errNotBuilt = errors.New("mpirun has started this program as a rank, and it was built without MPI: build it with -tags mpi; or leave mpirun out, and use -ranks for goroutines")

// closing is how long a rank that ends with an error waits for the others, which end with it
// too. After that it leaves, and mpirun ends them.
const closing = 5 * time.Second

// processes is the program where it was built with MPI: one rank of those that mpirun starts,
// or of one.
func processes(args []string, stdout, stderr io.Writer) int {
	world, err := mpi.Init()
	if err != nil {
		fmt.Fprintln(stderr, "charlm:", err)
		return 2
	}
	out, say := outputs(world, stdout, stderr)
	code, err := perform(world, args, out, say)
	return leave(world, code, err, closing, stderr)
}

// leave ends the part of this rank, which has come to code and err, and returns the code of the
// program. A rank without an error waits for the others as long as they take. One with an error
// that does not see them end within wait leaves them, so that mpirun ends them.
func leave(g dist.Group, code int, err error, wait time.Duration, stderr io.Writer) int {
	closed := make(chan error, 1)
	go func() { closed <- g.Close() }()
	var late <-chan time.Time
	if code != 0 {
		late = time.After(wait)
	}
	select {
	case wrong := <-closed:
		if wrong != nil {
			fmt.Fprintln(stderr, "charlm:", wrong)
			code = max(code, 2)
		}
	case <-late:
		fmt.Fprintf(stderr, "charlm: rank %d ends without the others: %v\n", g.Rank(), err)
	}
	return code
}

// outputs are those of a rank: the first one prints.
func outputs(g dist.Group, stdout, stderr io.Writer) (out, say io.Writer) {
	if g.Rank() > 0 {
		return io.Discard, io.Discard
	}
	return stdout, stderr
}

// goroutines runs so many ranks in this process.
func goroutines(guard *interrupt.Guard, o *options, stdout, stderr io.Writer) error {
	var first error
	err := dist.Run(context.Background(), o.ranks, func(g dist.Group) error {
		mine := *o
		out, say := outputs(g, stdout, stderr)
		err := run(guard, &mine, g, out, say)
		if g.Rank() == 0 {
			first = err
		}
		return err
	})
	return cmp.Or(first, err)
}

// either tells the other ranks whether this one wants something, and says whether one of
// them does.
func either(g dist.Group, about string, wants bool, err error) (bool, error) {
	b := []byte{0}
	if wants {
		b[0] = 1
	}
	all, err := dist.Ask(g, about, b, err)
	return slices.ContainsFunc(all, func(b []byte) bool { return len(b) == 1 && b[0] == 1 }), err
}

// trainInOrder trains where no signal has come to any rank before, and else returns
// interrupt.Err on all of them.
func trainInOrder(guard *interrupt.Guard, j *job) error {
	began := false
	err := guard.InOrder(func(ctx context.Context) error {
		began = true
		if err := dist.Agree(j.group, "the beginning of the training", nil); err != nil {
			return err
		}
		// All ranks come back together: a signal that comes before ends none of them.
		return dist.Agree(j.group, "the end of the training", j.train(ctx))
	})
	if !began {
		err = dist.Agree(j.group, "the beginning of the training", context.Canceled)
	}
	if errors.Is(err, context.Canceled) {
		return interrupt.Err
	}
	return err
}
