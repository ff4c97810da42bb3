package main

// unusedFaults are about settings that do nothing, because what they need is left out.
var unusedFaults = []fault{
	{"settings: a schedule that follows validations has none", "bptt/unused.go",
		"case follows && !v.on():", "case follows && !v.on() && p.Steps < 0:", []string{"./bptt WouldDoNothing"}},
	{"settings: a run ends before its first validation", "bptt/unused.go",
		"case v.never(p.Steps, p.Epochs) &&", "case v.never(0, 0) &&", []string{"./bptt WouldDoNothing"}},
	{"settings: passes do not count as validations", "bptt/unused.go",
		"!within(v.EverySteps, steps) && !within(each, epochs)", "!within(v.EverySteps, steps)", []string{"./bptt WouldDoNothing"}},
	{"settings: files that are kept are never due", "bptt/files.go",
		"case c.Keep > 0 && c.EverySteps == 0 && c.Every == 0:", "case c.Keep > 0 && c.EverySteps < 0 && c.Every == 0:", []string{"./bptt Folders"}},
	{"settings: a net of validations is not measured", "bptt/validate.go",
		"case v.Measure != nil && (v.Net != nil || v.Loss != nil):", "case v.Measure != nil && v.Loss != nil:", []string{"./bptt ValidateErrors"}},
	{"settings: a level of no logger", "bptt/log.go",
		" || l.Level != 0) {", ") {", []string{"./bptt LogWithoutTarget"}},
	{"settings: dampening without a momentum", "optim/sgd.go",
		"if o.Momentum == 0 && o.Dampening != 0 {", "if o.Momentum < 0 && o.Dampening != 0 {", []string{"./optim WithoutTheirPart"}},
	{"settings: Alpha without a Lambda", "optim/asgd.go",
		"if o.Lambda == 0 && o.Alpha != 0 {", "if o.Lambda < 0 && o.Alpha != 0 {", []string{"./optim WithoutTheirPart"}},
	{"settings: a plateau at the rate of the beginning", "optim/plateau.go",
		"s.Floor < 1):", "s.Floor <= 1):", []string{"./optim Schedule"}},
	{"settings: sequences of one batch are sorted", "data/sequences.go",
		"if batches < 2 {", "if batches < 1 {", []string{"./data SortingOneBatch"}},
	{"settings: pairs of one batch are sorted", "data/pairs.go",
		" || cfg.Buckets == 1:", ":", []string{"./data SortingOneBatch"}},
	{"settings: a pool of one batch is sorted", "data/feed.go",
		"if cfg.ByLength && cfg.Pool < 2 {", "if cfg.ByLength && cfg.Pool < 0 {", []string{"./data SortingOneBatch"}},
}
