package bptt

import (
	"errors"
	"fmt"
	"runtime/debug"
)

var (
	errNoNet         = errors.New("bptt: no net; Chain makes one, and so does Unroll of a layer")
	errNoData        = errors.New("bptt: no data; NewText and NewSequences make some")
	errNoLoss        = errors.New("bptt: no Loss; CrossEntropy{} and MSE{} are losses")
	errNoOptimizer   = errors.New("bptt: the plan has no Optimizer")
	errOptimizer     = errors.New("bptt: the Optimizer of the plan has been given to another Trainer since, which reset its state; make one Optimizer for each Trainer")
	errNoContext     = errors.New("bptt: the context is nil; context.Background() is one that does not end")
	errNoTrainer     = errors.New("bptt: a Trainer that NewTrainer has not made")
	errNoCheckpoint  = errors.New("bptt: no checkpoint; ReadCheckpoint and ReadCheckpointFile read one")
	errNoBatches     = errors.New("the data has no batches")
	errNothingCounts = errors.New("nothing in it counts for the loss, so it has taught nothing: all targets are below 0, all rows are empty or all weights, of classes too, are 0; look at Targets, Lengths and Weights of the batches")
)

// A NonFiniteError says that an update was not made because the gradient or
// the loss was not finite. The weights are those before it.
type NonFiniteError struct {
	Step  int64   // the update that was not made, counted from 1
	Param string  // the first parameter whose gradient is not finite, "" if only the loss is not
	Loss  float64 // of the update

	Skipped int64 // updates that were left out right before it: see Plan.SkipNonFinite

	// Data is the place of an input, of a source too, or target in the last batch of the update that is not
	// finite either, and so the reason; "" if there is none, and in a run with Plan.Shards.
	Data string
}

// Error says which update was not made, and why.
func (e *NonFiniteError) Error() string {
	after := ""
	if e.Data != "" {
		after = ", and in the data " + e.Data
	}
	if e.Skipped > 0 {
		after += fmt.Sprintf(", as in the %d updates before, which were left out", e.Skipped)
	}
	if e.Param == "" {
		return fmt.Sprintf("bptt: step %d: the loss is %v%s; the weights are those before the step", e.Step, e.Loss, after)
	}
	return fmt.Sprintf("bptt: step %d: the gradient of %s is not finite (loss %v)%s; the weights are those before the step", e.Step, e.Param, e.Loss, after)
}

// A PanicError is a panic in code of the caller. Where says in which code:
// "Source." with the name of the method, "Loss", "Metric", or "Plan." with the name of the field. A
// panic in a Net or an Optimizer is not caught: it may have left half of its work
// done.
type PanicError struct {
	Where string
	Value any
	Stack []byte
}

// Error says where the panic was, and its value.
func (e *PanicError) Error() string { return fmt.Sprintf("bptt: panic in %s: %v", e.Where, e.Value) }

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// withError is err and what else went wrong, if anything did.
func withError(err, also error) error {
	switch {
	case also == nil:
		return err
	case err == nil:
		return also
	}
	return errors.Join(err, also)
}

// catch, deferred, turns a panic into a *PanicError.
func catch(where string, err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Where: where, Value: v, Stack: debug.Stack()}
	}
}
