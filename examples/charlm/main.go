// Charlm trains a character model on a text and writes text like it.
//
//	go -C examples run ./charlm                     train two minutes on Newton's Opticks
//	go -C examples run ./charlm -text FILE -for 1h  on a text of your own
//	go -C examples run ./charlm -resume             go on where the last run stopped
//	go -C examples run ./charlm -sample 500         write 500 characters with the trained model
//
// With -cell the model is of LSTM (the default), GRU or plain RNN layers, and -compare draws
// the curves of several models on one picture:
//
//	go -C examples run ./charlm -steps 1500 -cell rnn  -out rnn
//	go -C examples run ./charlm -steps 1500 -cell gru  -out gru
//	go -C examples run ./charlm -steps 1500 -cell lstm -out lstm
//	go -C examples run ./charlm -compare rnn,gru,lstm -out .
//
// With -shards several ranks can train one model, to the same bits for any number of them:
// processes of MPI on one machine or many, of a program that was built with -tags mpi (see
// dist/mpi), or with -ranks goroutines of one process, to see how it works:
//
//	go -C examples install -tags mpi ./charlm
//	mpirun -n 4 charlm -shards 8 -text FILE
//	go -C examples run ./charlm -shards 8 -ranks 4
//
// A character is a byte. The last 5 % of the text is held out: the model never
// trains on it, and how many bits it needs for each of its characters is the
// measure of the model. Beside it stands what counting characters, and pairs of
// characters, needs; the model has to be well below both.
//
// The model and the loss curve, as a table and as a picture, go to the folder that
// -out names; only one run at a time writes there. Relative paths start in the working
// folder of the program, which "go -C examples" makes the folder examples.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
)

func main() { os.Exit(program(os.Args[1:], os.Stdout, os.Stderr)) }

// program does all of it and returns the exit status: 2 if something is wrong, 128
// and the number of the signal if one ended it in another way than in order.
func program(args []string, stdout, stderr io.Writer) int {
	if mpi.Built {
		return processes(args, stdout, stderr)
	}
	code, _ := perform(dist.Alone(), args, stdout, stderr)
	return code
}

// perform is the program of one rank. It prints the error that it returns.
func perform(g dist.Group, args []string, stdout, stderr io.Writer) (code int, err error) {
	o, err := parse(args, stderr)
	switch {
	case err != nil:
	case !mpi.Built && mpi.Launched():
		err = errNotBuilt
	case o.ranks > 1 && g.Size() > 1:
		err = fmt.Errorf("-ranks %d is for goroutines of one process, and this one is of %d that mpirun has started: leave it out", o.ranks, g.Size())
	}
	err = dist.Agree(g, "the flags", err)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	var guard *interrupt.Guard
	if err == nil {
		guard = interrupt.Watch("charlm", func() {
			if !o.quiet {
				fmt.Fprintln(stderr, "\ncharlm: stopping after this step; another Ctrl-C ends the program at once")
			}
		}, stderr)
		if o.ranks > 1 && o.train() {
			err = goroutines(guard, o, stdout, stderr)
		} else {
			err = run(guard, o, g, stdout, stderr)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "charlm:", err)
	}
	switch {
	case err == nil:
		return 0, nil
	case errors.Is(err, interrupt.Err):
		return guard.Status(), err
	default:
		return 2, err
	}
}
