package bptt

import (
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// What t trains on and by, for tests.
func (t *Trainer) Data() data.Source { return t.data }
func (t *Trainer) Loss() loss.Loss   { return t.plan.Loss }

// OnDisk makes t write its files by other calls of the operating system.
func (t *Trainer) OnDisk(disk wire.Files) { t.files.disk = disk }
