package bptt

import "strings"

// EachParam calls f for each parameter that the checkpoint has, in the order of the net
// that was trained. w is the checkpoint's own memory. Shapes are not in the file.
func (c *Checkpoint) EachParam(f func(name string, w []float32)) {
	for _, section := range c.file.Names() {
		name, ok := strings.CutPrefix(section, "param/")
		if !ok {
			continue
		}
		if w, err := c.file.Float32(section); err == nil { // else it is no parameter, and Params refuses the file
			f(name, w)
		}
	}
}

// Optimizer is the kind of the optimizer of the run, as optim.State has it; "" if the file
// does not say.
func (c *Checkpoint) Optimizer() string {
	kind, err := c.file.Bytes("optimizer")
	if err != nil {
		return ""
	}
	return string(kind)
}

// HasBest says whether BestParams has something to copy.
func (c *Checkpoint) HasBest() bool {
	for _, section := range c.file.Names() {
		if strings.HasPrefix(section, "best/") {
			return true
		}
	}
	return false
}
