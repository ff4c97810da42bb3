package optim

import (
	"cmp"
	"fmt"
)

// A RateKeeper is an Optimizer whose learning rates are part of checkpoints: a program
// that changes the field LR between updates finds it changed when the run is resumed.
type RateKeeper interface {
	// Rates returns the learning rates, before any Schedule: that of the field LR, or
	// those of all parts of an optimizer that has several.
	Rates() []float64

	// SetRates sets what Rates returned. Nothing is changed on an error.
	SetRates(rates []float64) error
}

// setRate sets the field LR of an optimizer of that name.
func setRate(lr *float64, optimizer string, rates []float64) error {
	if len(rates) != 1 {
		return fmt.Errorf("optim: %s with %d learning rates, want 1", optimizer, len(rates))
	}
	if err := cmp.Or(positive(optimizer, "learning rate", rates[0]), normal(optimizer, "learning rate", rates[0])); err != nil {
		return err
	}
	*lr = rates[0]
	return nil
}

// Rates implements RateKeeper.
func (o *SGD) Rates() []float64 { return []float64{o.LR} }

// SetRates implements RateKeeper.
func (o *SGD) SetRates(rates []float64) error { return setRate(&o.LR, "SGD", rates) }

// Rates implements RateKeeper.
func (o *Adam) Rates() []float64 { return []float64{o.LR} }

// SetRates implements RateKeeper.
func (o *Adam) SetRates(rates []float64) error { return setRate(&o.LR, "Adam", rates) }

// Rates implements RateKeeper.
func (o *AdamW) Rates() []float64 { return []float64{o.LR} }

// SetRates implements RateKeeper.
func (o *AdamW) SetRates(rates []float64) error { return setRate(&o.LR, "AdamW", rates) }
