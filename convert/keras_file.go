package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A KerasFound is a recurrent layer of a Keras model, as a file that
// keras_safetensors.py wrote describes it.
type KerasFound struct {
	Name string // the names of the models around it, if any, and its own, like "encoder/lstm"
	Kind string // "LSTM", "GRU" or "RNN", which is a SimpleRNN; "" if it is none of them

	Input, Hidden          int
	Layers                 int // above 1 for an RNN of StackedRNNCells
	Bidirectional, Reverse bool
	Merge                  lstm.Merge // of both directions
	NoBias                 bool
	ResetBefore            bool           // of a GRU: reset_after=False
	Activation             rnn.Activation // Keras' activation
	GateActivation         rnn.Activation // recurrent_activation; the zero Activation for an RNN
	Sequences              bool           // return_sequences: its output is that of all steps

	Err error // what keeps it from being loaded

	places []string // prefixes of the tensors of each layer and direction
}

// String is a line that says it all.
func (k KerasFound) String() string {
	kind := k.Kind
	if kind == "" {
		kind = "unknown"
	}
	s := fmt.Sprintf("%.100q: %s, input %d, hidden %d, layers %d", k.Name, kind, k.Input, k.Hidden, max(k.Layers, 1))
	if k.Bidirectional {
		s += fmt.Sprintf(", bidirectional (%v)", k.Merge)
	}
	for _, option := range []struct {
		is   bool
		name string
	}{{k.Reverse, "reverse"}, {k.NoBias, "no bias"}, {k.ResetBefore, "reset before the product"}} {
		if option.is && k.Kind != "" {
			s += ", " + option.name
		}
	}
	if k.Kind != "" && (k.Activation != rnn.Tanh || k.GateActivation != rnn.Sigmoid && k.Kind != string(isRNN)) {
		s += fmt.Sprintf(", activation %v", k.Activation)
		if k.Kind != string(isRNN) {
			s += fmt.Sprintf(", of gates %v", k.GateActivation)
		}
	}
	if k.Err != nil {
		s += ": " + k.Err.Error()
	}
	return s
}

// LSTM is the Config of one whose Kind is "LSTM".
func (k KerasFound) LSTM() lstm.Config {
	return lstm.Config{Input: k.Input, Hidden: k.Hidden, Layers: k.Layers, Bidirectional: k.Bidirectional, Reverse: k.Reverse, Merge: k.Merge, NoBias: k.NoBias,
		GateActivation: lstm.Activation(k.GateActivation), CandidateActivation: lstm.Activation(k.Activation), OutputActivation: lstm.Activation(k.Activation)}
}

// GRU is the Config of one whose Kind is "GRU".
func (k KerasFound) GRU() gru.Config {
	return gru.Config{Input: k.Input, Hidden: k.Hidden, Layers: k.Layers, Bidirectional: k.Bidirectional, Reverse: k.Reverse, Merge: gru.Merge(k.Merge), NoBias: k.NoBias,
		ResetBefore: k.ResetBefore, GateActivation: gru.Activation(k.GateActivation), CandidateActivation: gru.Activation(k.Activation)}
}

// RNN is the Config of one whose Kind is "RNN".
func (k KerasFound) RNN() rnn.Config {
	return rnn.Config{Input: k.Input, Hidden: k.Hidden, Layers: k.Layers, Bidirectional: k.Bidirectional, Reverse: k.Reverse, Merge: rnn.Merge(k.Merge), NoBias: k.NoBias, Activation: k.Activation}
}

// InspectKeras returns the recurrent layers of a Keras model in a file that
// keras_safetensors.py, which stands in the folder of this package, or ToKerasFile made,
// in the order of the model. The metadata of the file says what the layers are; what
// it says is held against the shapes of the tensors, and what does not fit is the
// layer's Err.
//
// It returns a *KerasError if the file has no such metadata or if that is malformed,
// and a *safetensors.LimitError for more than 512 layers and cells, or 256 KiB about them.
func InspectKeras(f *safetensors.File) ([]KerasFound, error) {
	specs, err := kerasSpecs(f.Metadata())
	if err != nil {
		return nil, wrap("Keras file", err)
	}
	all := make([]KerasFound, 0, len(specs))
	for _, spec := range specs {
		found := spec.found()
		if found.Err == nil {
			_, found.Err = found.match(f)
		}
		all = append(all, found)
	}
	return all, nil
}

// LoadKerasLSTM makes the network that layers of a Keras model are: the one of the
// name, or several that follow each other in the model, as a network of as many
// layers. These have to be alike: units, activations, biases, direction, merge_mode.
// All but the last need return_sequences, and none of several may have go_backwards,
// since in Keras such a layer hands its outputs to the next one last step first.
//
// Names are those of InspectKeras. The Config comes from the file, but for what acts
// in training alone. Weights are read one tensor at a time, so that they are in
// memory once, beside the largest tensor. The Report has whole names. Its Left are the
// tensors under the names of the layers that are no weights of theirs.
//
// It returns a *KerasError for what is wrong with the metadata and for a layer that is
// not there, of another kind, or of a shape that does not fit. A layer that reads from
// the end puts its outputs, here, where the steps are, not in the order in which they
// were computed.
func LoadKerasLSTM(f *safetensors.File, names ...string) (*lstm.Layer, Report, error) {
	return loadKeras(f, names, isLSTM, func(k KerasFound) (*lstm.Layer, error) { return lstm.NewZero(k.LSTM()) })
}

// LoadKerasGRU is LoadKerasLSTM for keras.layers.GRU.
func LoadKerasGRU(f *safetensors.File, names ...string) (*gru.Layer, Report, error) {
	return loadKeras(f, names, isGRU, func(k KerasFound) (*gru.Layer, error) { return gru.NewZero(k.GRU()) })
}

// LoadKerasRNN is LoadKerasLSTM for keras.layers.SimpleRNN.
func LoadKerasRNN(f *safetensors.File, names ...string) (*rnn.Layer, Report, error) {
	return loadKeras(f, names, isRNN, func(k KerasFound) (*rnn.Layer, error) { return rnn.NewZero(k.RNN()) })
}

// FromKerasFile sets the weights of net to those of layers of a Keras model, as
// LoadKerasLSTM does. It is for a network of a Config with what no file says, such as a
// dropout for further training. Besides what LoadKerasLSTM refuses, it returns an error
// if Config says something else than the file, and then net is as it was.
func FromKerasFile[N Network](net N, f *safetensors.File, names ...string) (Report, error) {
	n := viewForImport(net)
	found, report, err := kerasStack(f, names, n.cell)
	if err == nil {
		err = n.isFound(found)
	}
	if err != nil {
		return report, wrap("Keras file", err)
	}
	var in []params
	for i := range n.dirs {
		in = append(in, n.blank(i))
	}
	if err := n.readKeras(f, found, in); err != nil {
		return report, wrap("Keras file", err)
	}
	return report, wrap("Keras file", n.fill(in))
}

func loadKeras[N Network](f *safetensors.File, names []string, kind cell, create func(KerasFound) (N, error)) (N, Report, error) {
	found, report, err := kerasStack(f, names, kind)
	if err != nil {
		return nil, report, wrap("Keras file", err)
	}
	net, err := create(found)
	if err != nil {
		return nil, report, wrap("Keras file", &KerasError{Layer: found.Name, Reason: "no network can be made of it", Err: err})
	}
	n := view(net)
	if err := n.readKeras(f, found, n.dirs); err != nil {
		return nil, report, wrap("Keras file", err)
	}
	return net, report, nil
}

// isFound returns an error unless n is a network that the layers of the file are.
func (n *network) isFound(k KerasFound) error {
	if err := n.isKeras(); err != nil {
		return err
	}
	differs := func(field string, has, want any) error {
		return &KerasError{Layer: k.Name, Reason: fmt.Sprintf("Config.%s is %v, the file has %v", field, has, want)}
	}
	activation := n.functions[len(n.functions)-1]
	switch {
	case n.dirs[0].in != k.Input:
		return differs("Input", n.dirs[0].in, k.Input)
	case n.hidden != k.Hidden:
		return differs("Hidden", n.hidden, k.Hidden)
	case n.layers() != k.Layers:
		return differs("Layers", n.layers(), k.Layers)
	case n.bidirectional != k.Bidirectional:
		return differs("Bidirectional", n.bidirectional, k.Bidirectional)
	case n.reverse != k.Reverse:
		return differs("Reverse", n.reverse, k.Reverse)
	case n.bidirectional && n.merge != k.Merge:
		return differs("Merge", n.merge, k.Merge)
	case !n.bias != k.NoBias:
		return differs("NoBias", !n.bias, k.NoBias)
	case n.resetBefore != k.ResetBefore:
		return differs("ResetBefore", n.resetBefore, k.ResetBefore)
	case n.cell == isRNN && activation != k.Activation:
		return differs("Activation", activation, k.Activation)
	case n.cell != isRNN && activation != k.Activation:
		return differs("CandidateActivation", activation, k.Activation)
	case n.cell != isRNN && n.functions[0] != k.GateActivation:
		return differs("GateActivation", n.functions[0], k.GateActivation)
	}
	return nil
}

// kerasStack returns the layers of the names as one.
func kerasStack(f *safetensors.File, names []string, kind cell) (stack KerasFound, report Report, err error) {
	specs, err := kerasSpecs(f.Metadata())
	if err != nil {
		return stack, report, err
	}
	if len(names) == 0 {
		return stack, report, &KerasError{Reason: "no name of a layer was given; " + listSpecs(specs)}
	}
	for i, name := range names {
		at := slices.IndexFunc(specs, func(s kerasSpec) bool { return s.Name == name })
		if at < 0 {
			return stack, report, &KerasError{Layer: name, Reason: "there is no such layer; " + listSpecs(specs)}
		}
		found := specs[at].found()
		if found.Err == nil && found.Kind != string(kind) {
			found.Err = &KerasError{Layer: name, Reason: fmt.Sprintf("it is of the kind %s, want %s", found.Kind, kind)}
		}
		if found.Err != nil {
			return stack, report, found.Err
		}
		one, err := found.match(f)
		report.Matched = append(report.Matched, one.Matched...)
		report.Missing = append(report.Missing, one.Missing...)
		report.Left = append(report.Left, one.Left...)
		if err != nil {
			return stack, report, err
		}
		if i == 0 {
			stack = found
			continue
		}
		if err := stack.add(found); err != nil {
			return stack, report, err
		}
	}
	return stack, report, nil
}

func listSpecs(specs []kerasSpec) string {
	if len(specs) == 0 {
		return "the file has no recurrent layers"
	}
	const most = 5
	has := "the recurrent layers of the file: "
	for i, s := range specs[:min(len(specs), most)] {
		has += fmt.Sprintf("%s%.100q %.20s", []string{"", ", "}[min(i, 1)], s.Name, s.Class)
	}
	if len(specs) > most {
		has += fmt.Sprintf(" and %d more", len(specs)-most)
	}
	return has
}

// add puts another layer on top.
func (k *KerasFound) add(top KerasFound) error {
	width := k.Hidden
	if k.Bidirectional && k.Merge == lstm.Concat {
		width *= 2
	}
	like := top
	like.Input, like.Layers = k.Input, k.Layers
	why := ""
	switch {
	case k.Reverse || top.Reverse:
		why = "it or the one before has go_backwards, after which the steps are in the opposite order: load them one by one"
	case !k.Sequences:
		why = "the layer before has return_sequences=False, and gives it the last step alone: load them one by one"
	case like.LSTM() != k.LSTM() || like.ResetBefore != k.ResetBefore: // these are all fields of all kinds
		why = fmt.Sprintf("it is no second layer of the network, since it differs from the one before: load them one by one (%v; %v)", *k, top)
	case top.Input != width:
		why = fmt.Sprintf("it has an input of the width %d, the layer before an output of %d: they do not follow each other", top.Input, width)
	}
	if why != "" {
		return &KerasError{Layer: top.Name, Reason: why}
	}
	k.Layers += top.Layers
	k.Sequences = top.Sequences
	k.places = append(slices.Clip(k.places), top.places...)
	return nil
}

// gates are the blocks of columns of the kernels.
func (k *KerasFound) gates() int {
	return map[string]int{string(isLSTM): 4, string(isGRU): 3, string(isRNN): 1}[k.Kind]
}

// match sets Input by the first kernel and holds the tensors of f against the layer.
func (k *KerasFound) match(f *safetensors.File) (report Report, err error) {
	bad := func(name, format string, a ...any) {
		if err == nil {
			err = &KerasError{Layer: k.Name, Reason: name + " " + fmt.Sprintf(format, a...)}
		}
	}
	wide := k.gates() * k.Hidden
	in := -1 // of the first layer it is what the file says
	known := map[string]bool{}
	for i, place := range k.places {
		layer := i
		if k.Bidirectional {
			layer /= 2
		}
		if layer == 1 && in > 0 {
			in = k.Hidden // of StackedRNNCells: a bidirectional layer is one
		}
		for _, t := range []struct {
			name  string
			shape []int
		}{{"kernel", []int{in, wide}}, {"recurrent_kernel", []int{k.Hidden, wide}}, {"bias", k.biasShape()}} {
			name := place + t.name
			known[name] = true
			shape, ok, _ := f.Shape(name)
			if t.shape == nil {
				if ok {
					bad(name, "is there for a layer with use_bias false")
				}
				continue
			}
			if !ok {
				report.Missing = append(report.Missing, name)
				bad(name, "is missing")
				continue
			}
			report.Matched = append(report.Matched, name)
			if t.shape[0] < 0 && len(shape) == 2 && shape[0] > 0 {
				in, k.Input = shape[0], shape[0]
				t.shape[0] = in
			}
			if !slices.Equal(shape, t.shape) {
				bad(name, "has the shape %v, want %s", shape, strings.Replace(fmt.Sprint(t.shape), "-1", "inputs", 1))
			} else if e := f.Check(name); e != nil && err == nil {
				err = &KerasError{Layer: k.Name, Reason: name + " cannot be read", Err: e}
			}
		}
	}
	for name := range f.Names() {
		if strings.HasPrefix(name, k.Name+"/") && !known[name] {
			report.Left = append(report.Left, name)
		}
	}
	return report, err
}

// biasShape is the shape of a bias, nil if there is none.
func (k *KerasFound) biasShape() []int {
	switch wide := k.gates() * k.Hidden; {
	case k.NoBias:
		return nil
	case k.Kind == string(isGRU) && !k.ResetBefore:
		return []int{2, wide}
	default:
		return []int{wide}
	}
}

// readKeras sets in, which is like n.dirs, to the tensors of f, whose shapes match has
// found to be right. It holds one tensor of the file at a time.
func (n *network) readKeras(f *safetensors.File, k KerasFound, in []params) error {
	o := orderKeras[n.cell]
	var scratch []float32
	read := func(name string, size int, take func(src []float32)) error {
		if cap(scratch) < size {
			scratch = make([]float32, size)
		}
		if err := f.Read(scratch[:size], name); err != nil {
			return &KerasError{Layer: k.Name, Reason: name + " cannot be read", Err: err}
		}
		take(scratch[:size])
		return nil
	}
	for i, p := range in {
		err := errors.Join(
			read(k.places[i]+"kernel", len(p.ih), func(src []float32) { o.fromColumns(p.ih, src, n.hidden) }),
			read(k.places[i]+"recurrent_kernel", len(p.hh), func(src []float32) { o.fromColumns(p.hh, src, n.hidden) }))
		if err == nil && n.bias {
			rows := n.rows()
			size := rows
			if n.resetAfter() {
				size *= 2
			}
			err = read(k.places[i]+"bias", size, func(src []float32) {
				o.fromRows(p.bih, src[:rows], n.hidden)
				if n.resetAfter() {
					o.fromRows(p.bhh, src[rows:], n.hidden)
				}
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
