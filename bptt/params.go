package bptt

import "strconv"

// A Param is one parameter of a net: its name, values and gradient.
type Param struct {
	Name string
	W, G []float32
}

func (m *Model) addParam(stage int, name string, w, g []float32) {
	m.params = append(m.params, Param{Name: strconv.Itoa(stage) + "." + name, W: w, G: g})
}

// ZeroGrads zeroes the gradients of all parameters.
func (m *Model) ZeroGrads() {
	for i := range m.params {
		clear(m.params[i].G)
	}
}

// EachParam calls f for every parameter, stage after stage. The weight of a
// Readout is the embedding's and comes once.
func (m *Model) EachParam(f func(name string, w, g []float32)) {
	for _, p := range m.params {
		f(p.Name, p.W, p.G)
	}
}
