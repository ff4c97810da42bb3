package bptt

// What t trains on and by, for tests.
func (t *Trainer) Data() Data { return t.data }
func (t *Trainer) Loss() Loss { return t.plan.Loss }
