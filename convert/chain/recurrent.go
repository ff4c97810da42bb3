package chain

import (
	"fmt"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// sizes are what a Config says of how much memory a layer takes.
type sizes struct {
	input, hidden, width, layers, directions int
	both                                     bool   // outputs of both directions go on
	suffix                                   string // of the names of the first direction
}

func (k *recurrent) make(m *maker, at string) (*node, error) {
	n := &node{learned: k.Learned}
	if k.Layer != "" {
		if len(k.Config) > 0 {
			return nil, refuse(at, `it has "layer_of" and "config", want one of them`)
		}
		if n.layer = m.layers[k.Layer]; n.layer == nil || kindOfLayer(n.layer) != k.kind {
			return nil, refuse(at, "its layer is that of stage %s, which is no %s before it", short(k.Layer), k.kind)
		}
	} else if err := k.read(m, at, n); err != nil {
		return nil, err
	}
	m.layers[at] = n.layer
	if !k.Learned {
		return n, nil
	}
	s := sizesOf(n.layer)
	for _, state := range statesOfKind[k.kind] {
		width := s.width
		if state == "c0" {
			width = s.hidden
		}
		w, err := m.take(at, state, s.layers*s.directions*width)
		if err != nil {
			return nil, err
		}
		n.initial = append(n.initial, w)
	}
	return n, nil
}

var statesOfKind = map[string][]string{kindLSTM: {"h0", "c0"}, kindGRU: {"h0"}, kindRNN: {"h0"}}

// read makes the layer of a Config and sets its weights.
func (k *recurrent) read(m *maker, at string, n *node) (err error) {
	if len(k.Config) == 0 {
		return refuse(at, `it has neither "config" nor "layer_of"`)
	}
	// Memory is taken for what the file has the matrices of, whatever it declares.
	make := func() (layer, error) { return nil, nil }
	var s sizes
	switch k.kind {
	case kindLSTM:
		var c lstm.Config
		err = readConfig(at, k.Config, &c)
		s = sizesOfLSTM(c)
		make = func() (layer, error) { return lstm.NewZero(c) }
	case kindGRU:
		var c gru.Config
		err = readConfig(at, k.Config, &c)
		s = sizesOfGRU(c)
		make = func() (layer, error) { return gru.NewZero(c) }
	default:
		var c rnn.Config
		err = readConfig(at, k.Config, &c)
		s = sizesOfRNN(c)
		make = func() (layer, error) { return rnn.NewZero(c) }
	}
	if err != nil {
		return err
	}
	if err := m.has(at, s); err != nil {
		return err
	}
	if n.layer, err = make(); err != nil {
		return err
	}
	n.layer.EachParam(func(name string, w []float32, shape ...int) {
		if err == nil {
			err = m.read(at, name, w, shape...)
		}
	})
	return err
}

// has returns an error unless there are matrices as large as the sizes say.
func (m *maker) has(at string, s sizes) error {
	if s.input < 1 || s.hidden < 1 || s.layers < 1 || s.width < 1 {
		return refuse(at, `its "config" has the sizes Input %d, Hidden %d, Layers %d, want at least 1 of each`, s.input, s.hidden, s.layers)
	}
	in := s.input
	for l := range s.layers {
		for name, columns := range map[string]int{"weight_ih": in, "weight_hh": s.width} {
			name = fmt.Sprintf("%s_l%d%s", name, l, s.suffix)
			have, err := m.elements(at, name)
			if err != nil {
				return err
			}
			if columns > have/s.hidden {
				return refuse(at, "its %s has %d elements, too few for Hidden %d over a width of %d", name, have, s.hidden, columns)
			}
		}
		if in = s.width; s.both {
			in *= 2
		}
	}
	return nil
}

func sizesOf(l layer) sizes {
	switch l := l.(type) {
	case *lstm.Layer:
		return sizesOfLSTM(l.Config())
	case *gru.Layer:
		return sizesOfGRU(l.Config())
	case *rnn.Layer:
		return sizesOfRNN(l.Config())
	}
	panic(fmt.Sprintf("chain: a %T is no layer", l))
}

func sizesOfLSTM(c lstm.Config) sizes {
	s := newSizes(c.Input, c.Hidden, c.Layers, c.Bidirectional, c.Reverse, c.Merge == lstm.Concat)
	if c.Projection > 0 {
		s.width = c.Projection
	}
	return s
}

func sizesOfGRU(c gru.Config) sizes {
	return newSizes(c.Input, c.Hidden, c.Layers, c.Bidirectional, c.Reverse, c.Merge == gru.Concat)
}

func sizesOfRNN(c rnn.Config) sizes {
	return newSizes(c.Input, c.Hidden, c.Layers, c.Bidirectional, c.Reverse, c.Merge == rnn.Concat)
}

func newSizes(input, hidden, layers int, bidirectional, reverse, concat bool) sizes {
	s := sizes{input, hidden, hidden, max(1, layers), 1, bidirectional && concat, ""}
	if reverse && !bidirectional {
		s.suffix = "_reverse"
	}
	if layers < 0 {
		s.layers = layers
	}
	if bidirectional {
		s.directions = 2
	}
	return s
}

func kindOfLayer(l layer) string {
	switch l.(type) {
	case *lstm.Layer:
		return kindLSTM
	case *gru.Layer:
		return kindGRU
	}
	return kindRNN
}
