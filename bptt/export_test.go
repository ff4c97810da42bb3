package bptt

import (
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// What t trains on and by, for tests.
func (t *Trainer) Data() data.Source { return t.data }
func (t *Trainer) Loss() loss.Loss   { return t.plan.Loss }
