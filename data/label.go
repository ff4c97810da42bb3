package data

import "fmt"

// Labelled returns s, which has IDs or X, with one class for all of it: Targets has label
// at the last step and -1, which does not count, before. The network has to read all of s
// before it is asked. Where s has X alone its Steps have to be set.
func Labelled(s Sequence, label int32) (Sequence, error) {
	steps := max(s.Steps, len(s.IDs))
	switch {
	case steps < 1:
		return Sequence{}, fmt.Errorf("data: a labelled sequence of %d steps with %d inputs, want at least 1 step; set Steps where there are no IDs", steps, len(s.X))
	case label < 0:
		return Sequence{}, fmt.Errorf("data: label %d, want 0 or more", label)
	}
	s.Steps, s.Targets = steps, make([]int32, steps)
	for t := range steps - 1 {
		s.Targets[t] = -1
	}
	s.Targets[steps-1] = label
	return s, nil
}

// Tagged returns the sequence of ids with a tag for each; a tag below 0 does not count.
// Memory is not copied.
func Tagged(ids, tags []int32) (Sequence, error) {
	if len(ids) != len(tags) {
		return Sequence{}, fmt.Errorf("data: %d ids with %d tags, want one for each", len(ids), len(tags))
	}
	return Sequence{Steps: len(ids), IDs: ids, Targets: tags}, nil
}

// Following returns the sequence in which each of ids is to be followed by the next: a
// language model of separate sentences. Put Begin and End of a Vocabulary around a sentence
// that the model is to begin and to end. It has a step less than ids; below two ids there
// are none. Memory is not copied.
func Following(ids []int32) Sequence {
	n := max(0, len(ids)-1)
	return Sequence{Steps: n, IDs: ids[:n], Targets: ids[len(ids)-n:]}
}

// A ForecastConfig says how Forecasts cuts a series.
type ForecastConfig struct {
	Width   int // values of a step
	Steps   int // steps of a sequence
	Horizon int // how many steps ahead the targets are; 0 for 1
	Stride  int // steps from one sequence to the next; 0 for Steps, so that none overlap
	// Columns are the values of a step that are to be forecast; nil for all of them.
	Columns []int
	// Last counts the last step of a sequence alone; else all steps count.
	Last bool
}

// Forecasts cuts series [steps][Width] into sequences: X is Steps of it, and Y at each
// step the Columns of the series Horizon steps later, so that the targets of a sequence end
// Horizon steps after its inputs. What does not fill a sequence is left out at the end. The
// memory of series is not copied, but for Y where Columns are given.
//
// Cut a series into parts for training and testing before (SplitSeries): sequences that
// overlap share values.
func Forecasts(series []float32, cfg ForecastConfig) ([]Sequence, error) {
	horizon, stride := cfg.Horizon, cfg.Stride
	if horizon == 0 {
		horizon = 1
	}
	if stride == 0 {
		stride = cfg.Steps
	}
	if cfg.Width < 1 || cfg.Steps < 1 || horizon < 1 || stride < 1 {
		return nil, fmt.Errorf("data: sequences of %d steps of width %d, horizon %d, stride %d, want at least 1 of each", cfg.Steps, cfg.Width, cfg.Horizon, cfg.Stride)
	}
	if len(series)%cfg.Width != 0 {
		return nil, fmt.Errorf("data: a series of %d values, want a multiple of its width %d", len(series), cfg.Width)
	}
	for _, c := range cfg.Columns {
		if c < 0 || c >= cfg.Width {
			return nil, fmt.Errorf("data: column %d of a series of width %d, want 0 to %d", c, cfg.Width, cfg.Width-1)
		}
	}
	if cfg.Columns != nil && len(cfg.Columns) == 0 {
		return nil, fmt.Errorf("data: no column is to be forecast, want at least 1, or nil for all %d", cfg.Width)
	}
	n := len(series) / cfg.Width
	if cfg.Steps > n || horizon > n-cfg.Steps {
		return nil, fmt.Errorf("data: a series of %d steps, want at least %d and %d, for a sequence and its horizon", n, cfg.Steps, horizon)
	}
	y, width := series, cfg.Width
	if cfg.Columns != nil {
		width = len(cfg.Columns)
		y = make([]float32, 0, n*width)
		for t := range n {
			for _, c := range cfg.Columns {
				y = append(y, series[t*cfg.Width+c])
			}
		}
	}
	var counts []int32
	if cfg.Last {
		counts = make([]int32, cfg.Steps)
		for t := range cfg.Steps - 1 {
			counts[t] = -1
		}
	}
	var seqs []Sequence
	for t := 0; ; t += stride {
		to := t + horizon
		seqs = append(seqs, Sequence{
			Steps:   cfg.Steps,
			X:       series[t*cfg.Width : (t+cfg.Steps)*cfg.Width : (t+cfg.Steps)*cfg.Width],
			Y:       y[to*width : (to+cfg.Steps)*width : (to+cfg.Steps)*width],
			Targets: counts,
		})
		if stride > n-cfg.Steps-horizon-t {
			return seqs, nil
		}
	}
}

// CheckIDs returns an error if a sequence has an id that is not 0 to vocabulary-1 or a
// target that is not below classes, which names the sequence and has an *IDError. It tells
// of bad data before a run rather than in the midst of it.
func CheckIDs(seqs []Sequence, vocabulary, classes int) error {
	for i := range seqs {
		for t, id := range seqs[i].IDs {
			if id < 0 || int(id) >= vocabulary {
				return fmt.Errorf("data: sequence %d: %w", i, &IDError{What: "id", ID: id, Step: t, Row: -1, Limit: vocabulary})
			}
		}
		for t, id := range seqs[i].Targets {
			if int(id) >= classes {
				return fmt.Errorf("data: sequence %d: %w", i, &IDError{What: "target", ID: id, Step: t, Row: -1, Limit: classes})
			}
		}
	}
	return nil
}
