package lstm

import (
	"fmt"
	"math"
)

// Config describes a stack of LSTM layers. Its zero optional fields are the
// textbook choice.
type Config struct {
	Input  int // width of an input row, at least 1
	Hidden int // units of each direction of each layer, at least 1
	Layers int // layers on top of each other; 0 means 1

	// Bidirectional gives every layer a second set of weights that reads the
	// sequence from its end; the outputs of both stand side by side. Reverse
	// makes a layer read from the end only. With lengths the end is each row's
	// own.
	Bidirectional bool
	Reverse       bool

	NoBias bool // no b_ih and b_hh

	// Workers is the number of goroutines that share the work: 0 means as many
	// as GOMAXPROCS allows and the work is worth. It changes no bit of any
	// result. It belongs to the run, not to the network: files do not keep it.
	Workers int
}

// check returns c with its defaults filled in, or what is wrong with it.
func (c Config) check() (Config, error) {
	if c.Layers == 0 {
		c.Layers = 1
	}
	switch {
	case c.Input < 1:
		return c, fmt.Errorf("lstm: Config.Input is %d, want the width of an input row, at least 1", c.Input)
	case c.Hidden < 1:
		return c, fmt.Errorf("lstm: Config.Hidden is %d, want at least 1 unit", c.Hidden)
	case c.Hidden > math.MaxInt32/8:
		return c, fmt.Errorf("lstm: Config.Hidden is %d, want at most %d units", c.Hidden, math.MaxInt32/8)
	case c.Layers < 0:
		return c, fmt.Errorf("lstm: Config.Layers is %d, want at least 1, or 0 for 1", c.Layers)
	case c.Bidirectional && c.Reverse:
		return c, fmt.Errorf("lstm: Config.Bidirectional and Config.Reverse are both set; a bidirectional layer has the reverse direction already, so leave Reverse out")
	case c.Workers < 0:
		return c, fmt.Errorf("lstm: Config.Workers is %d, want a number of goroutines, or 0 for automatic", c.Workers)
	}
	return c, nil
}

// directions says for each direction of a layer whether it reads from the end.
func (c Config) directions() []bool {
	switch {
	case c.Bidirectional:
		return []bool{false, true}
	case c.Reverse:
		return []bool{true}
	}
	return []bool{false}
}
