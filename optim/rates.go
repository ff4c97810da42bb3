package optim

import (
	"cmp"
	"fmt"
	"math"
)

// A RateKeeper is an Optimizer whose learning rates are part of checkpoints: a program
// that changes the field LR between updates finds it changed when the run is resumed.
// All optimizers of this package are such. With LR go the other fields that may be
// changed between updates: T0 of ASGD, Rate and From of a Group.
type RateKeeper interface {
	// Rates returns these fields, before any Schedule: LR first or, of an optimizer made
	// of others, those of all its parts.
	Rates() []float64

	// SetRates sets what Rates returned. Nothing is changed on an error.
	SetRates(rates []float64) error
}

// changeable are the fields of an optimizer that may be changed between updates.
type changeable struct {
	optimizer string
	lr        *float64
	t0        *int64 // nil: there is none
}

func (c changeable) rates() []float64 {
	if c.t0 == nil {
		return []float64{*c.lr}
	}
	return []float64{*c.lr, fromUpdates(*c.t0)}
}

// check returns the error of SetRates.
func (c changeable) check(rates []float64) error {
	if want := len(c.rates()); len(rates) != want {
		return fmt.Errorf("optim: %s with %d learning rates, want %d", c.optimizer, len(rates), want)
	}
	if c.t0 != nil && !isCount(rates[1]) {
		return fmt.Errorf("optim: %s with T0 %v beside its learning rate, want a whole number from 0 to 2^53", c.optimizer, rates[1])
	}
	return cmp.Or(positive(c.optimizer, "learning rate", rates[0]), normal(c.optimizer, "learning rate", rates[0]))
}

// set sets what check has seen.
func (c changeable) set(rates []float64) {
	*c.lr = rates[0]
	if c.t0 != nil {
		*c.t0 = int64(rates[1])
	}
}

func (c changeable) setRates(rates []float64) error {
	if err := c.check(rates); err != nil {
		return err
	}
	c.set(rates)
	return nil
}

// fromUpdates is a number of updates from which on something happens, as a float64. What
// is beyond the largest step count never happens.
func fromUpdates(n int64) float64 { return float64(min(n, maxSteps)) }

func (o *SGD) changeable() changeable     { return changeable{"SGD", &o.LR, nil} }
func (o *Adam) changeable() changeable    { return changeable{"Adam", &o.LR, nil} }
func (o *AdamW) changeable() changeable   { return changeable{"AdamW", &o.LR, nil} }
func (o *RMSProp) changeable() changeable { return changeable{"RMSProp", &o.LR, nil} }
func (o *Adagrad) changeable() changeable { return changeable{"Adagrad", &o.LR, nil} }
func (o *ASGD) changeable() changeable    { return changeable{"ASGD", &o.LR, &o.T0} }

// Rates implements RateKeeper.
func (o *SGD) Rates() []float64 { return o.changeable().rates() }

// Rates implements RateKeeper.
func (o *Adam) Rates() []float64 { return o.changeable().rates() }

// Rates implements RateKeeper.
func (o *AdamW) Rates() []float64 { return o.changeable().rates() }

// Rates implements RateKeeper.
func (o *RMSProp) Rates() []float64 { return o.changeable().rates() }

// Rates implements RateKeeper.
func (o *Adagrad) Rates() []float64 { return o.changeable().rates() }

// Rates implements RateKeeper: it returns LR and T0.
func (o *ASGD) Rates() []float64 { return o.changeable().rates() }

// SetRates implements RateKeeper.
func (o *SGD) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// SetRates implements RateKeeper.
func (o *Adam) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// SetRates implements RateKeeper.
func (o *AdamW) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// SetRates implements RateKeeper.
func (o *RMSProp) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// SetRates implements RateKeeper.
func (o *Adagrad) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// SetRates implements RateKeeper.
func (o *ASGD) SetRates(rates []float64) error { return o.changeable().setRates(rates) }

// Rates implements RateKeeper: for each group that is not frozen it returns Rate, From and
// the rates of its optimizer.
func (o *Groups) Rates() []float64 {
	var rates []float64
	for _, g := range o.List {
		if m, ok := g.Optimizer.(member); ok && !g.Frozen {
			rates = append(append(rates, g.Rate, fromUpdates(g.From)), m.changeable().rates()...)
		}
	}
	return rates
}

// SetRates implements RateKeeper.
func (o *Groups) SetRates(rates []float64) error {
	if have := o.Rates(); len(rates) != len(have) {
		return fmt.Errorf("optim: Groups with %d learning rates and what goes with them, want %d", len(rates), len(have))
	}
	for _, set := range []bool{false, true} {
		rest := rates
		for i := range o.List {
			g := &o.List[i]
			m, ok := g.Optimizer.(member)
			if !ok || g.Frozen {
				continue
			}
			c := m.changeable()
			of := rest[2:][:len(c.rates())]
			if set {
				g.Rate, g.From = rest[0], int64(rest[1])
				c.set(of)
			} else if err := checkGroup(rest[0], rest[1], c, of); err != nil {
				return fmt.Errorf("optim: %s: %w", o.name(i), err)
			}
			rest = rest[2+len(of):]
		}
	}
	return nil
}

// checkGroup returns the error of Groups.SetRates about a group.
func checkGroup(rate, from float64, c changeable, rates []float64) error {
	if !(rate >= 0) || math.IsInf(rate, 1) || !isCount(from) {
		return fmt.Errorf("optim: a Rate of %v, which multiplies its learning rate, from %v updates on, want 0 or more and finite, and a whole number from 0 to 2^53", rate, from)
	}
	return c.check(rates)
}
