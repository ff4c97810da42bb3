package mpi_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// TestErrorsBeforeTheStart: what fails on one rank alone, in the order loading, NewTrainer,
// reading a checkpoint, comes back on all of them. No process ends by it: all close the
// group, which they could not if one still waited.
func TestErrorsBeforeTheStart(t *testing.T) {
	needMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "begins")
	out, err := start(t, "-n", "3", self)
	require.NoError(t, err, out)
}

func beginsOfRank() error {
	w, err := mpi.Init()
	if err != nil {
		return err
	}
	for bad := range w.Size() {
		for place, want := range []string{"the text is lost", "no Loss", "the first bytes are", "not exist"} {
			err := beginOf(w, bad, place)
			switch {
			case err == nil || !strings.Contains(err.Error(), want):
				return fmt.Errorf("place %d of rank %d: %v, want an error with %q", place, bad, err, want)
			case place < 2 && w.Rank() != bad && !strings.Contains(err.Error(), fmt.Sprintf("rank %d: ", bad)):
				return fmt.Errorf("place %d of rank %d: %v, want one that names the rank", place, bad, err)
			}
		}
	}
	return w.Close()
}

// beginOf begins a run, which fails at a place on rank bad.
func beginOf(w *mpi.World, bad, place int) error {
	fails := func(at int) bool { return at == place && w.Rank() == bad }
	var err error
	if fails(0) {
		err = fmt.Errorf("the text is lost")
	}
	if err := dist.Agree(w, "the text", err); err != nil {
		return err
	}
	seqs := make([]data.Sequence, 6)
	for i := range seqs {
		seqs[i] = data.Sequence{Steps: 1, X: []float32{1}, Y: []float32{float32(i)}}
	}
	source, err := data.NewSequences(seqs, 6, nil)
	if err != nil {
		return err
	}
	net, err := nn.Unroll(1, 1, &nn.Linear{Weight: []float32{1}, Bias: []float32{1}, In: 1, Out: 1})
	if err != nil {
		return err
	}
	plan := bptt.Plan{Shards: 6, Group: w, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}, Steps: 1}
	if fails(1) {
		plan.Loss = nil
	}
	trainer, err := bptt.NewTrainer(net, source, plan)
	if err != nil {
		return err
	}
	name := "none"
	if place == 2 {
		name = os.Args[0] // a program is no checkpoint
	}
	c, err := bptt.ReadCheckpointOn(w, name)
	if err != nil {
		return err
	}
	if err := trainer.Resume(c); err != nil {
		return err
	}
	_, err = trainer.Run(context.Background())
	return err
}

// TestNotANumberOfOneRank: a NaN in the rows of one rank, at one update, ends all of them, and
// each names the update and the parameter.
func TestNotANumberOfOneRank(t *testing.T) {
	needMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "poisoned")
	out, err := start(t, "-n", "3", self)
	require.NoError(t, err, out)
}

func poisonedOfRank() error {
	w, err := mpi.Init()
	if err != nil {
		return err
	}
	seqs := make([]data.Sequence, 6*3)
	for i := range seqs {
		seqs[i] = data.Sequence{Steps: 1, X: []float32{1}, Y: []float32{float32(i)}}
	}
	seqs[6+3].X[0] = float32(math.NaN()) // of the second update, in the rows of rank 1
	source, err := data.NewSequences(seqs, 6, nil)
	if err != nil {
		return err
	}
	net, err := nn.Unroll(1, 1, &nn.Linear{Weight: []float32{1}, Bias: []float32{1}, In: 1, Out: 1})
	if err != nil {
		return err
	}
	plan := bptt.Plan{Shards: 6, Group: w, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.01}, Steps: 3}
	report, err := bptt.Train(context.Background(), net, source, plan)
	var bad *bptt.NonFiniteError
	if !errors.As(err, &bad) || bad.Step != 2 || bad.Param != "0.weight" || report.Step != 1 {
		return fmt.Errorf("after %d updates: %v, want one, and an error of update 2 that names 0.weight", report.Step, err)
	}
	return w.Close()
}
