package convert

import (
	"fmt"
	"strings"

	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A Found is a recurrent layer, or a stack of them, that a file holds under PyTorch's
// names.
type Found struct {
	Prefix string // of its tensors, with the dot at its end; "" if there is none
	Kind   string // "LSTM", "GRU" or "RNN"; "" if the shapes are of none of them

	Input, Hidden, Layers int
	Projection            int // 0 for none
	Bidirectional, NoBias bool

	Err error // what keeps it from being loaded: what is missing, too many or of a wrong shape or type
}

// String is a line that says it all.
func (f Found) String() string {
	kind := f.Kind
	if kind == "" {
		kind = "unknown"
	}
	s := fmt.Sprintf("%.100q: %s, input %d, hidden %d, layers %d", f.Prefix, kind, f.Input, f.Hidden, f.Layers)
	if f.Projection > 0 {
		s += fmt.Sprintf(", projection %d", f.Projection)
	}
	if f.Bidirectional {
		s += ", bidirectional"
	}
	if f.NoBias {
		s += ", no bias"
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// LSTM is the Config of one whose Kind is "LSTM".
func (f Found) LSTM() lstm.Config {
	return lstm.Config{Input: f.Input, Hidden: f.Hidden, Layers: f.Layers, Projection: f.Projection, Bidirectional: f.Bidirectional, NoBias: f.NoBias}
}

// GRU is the Config of one whose Kind is "GRU".
func (f Found) GRU() gru.Config {
	return gru.Config{Input: f.Input, Hidden: f.Hidden, Layers: f.Layers, Bidirectional: f.Bidirectional, NoBias: f.NoBias}
}

// RNN is the Config of one whose Kind is "RNN". Its Activation is tanh; no file says
// whether it is.
func (f Found) RNN() rnn.Config {
	return rnn.Config{Input: f.Input, Hidden: f.Hidden, Layers: f.Layers, Bidirectional: f.Bidirectional, NoBias: f.NoBias}
}

// maxFound is the number of layers and directions, weight_ih tensors, that Inspect
// takes.
const maxFound = 512

// Inspect returns the recurrent layers that f holds, in the order of the file: for each
// prefix with tensors called as those of torch.nn.LSTM, GRU and RNN are
// ("encoder.rnn." for encoder.rnn.weight_ih_l0) what the shapes say:
//
//   - the kind, by weight_hh_l0: of H columns and 4*H rows it is an LSTM, of 3*H a
//     GRU, of H a plain RNN. With a projection, weight_hr_l0 of [P][H], only an LSTM
//     has it;
//   - Input by weight_ih_l0, the others by which names there are: a second layer is
//     _l1, a second direction _reverse.
//
// The shapes do not say whether an RNN has tanh or ReLU, nor what acts in training
// alone, like dropout, nor the order of axes of the input. They do not say either
// that gates are PyTorch's: a program that uses its names for another order or
// another form of the GRU cannot be told from it.
//
// Single steps (torch.nn.LSTMCell and the like), whose names have no _l0, are not
// among them.
//
// It returns a *safetensors.LimitError for more than 512 layers and directions, of an
// .npz file an *npy.LimitError.
func Inspect(f File) ([]Found, error) {
	var all []Found
	seen, inputs := map[string]bool{}, 0
	for name := range f.Names() {
		prefix, base, ok := parameter(name)
		if !ok {
			continue
		}
		if base == "weight_ih" {
			inputs++
		}
		if seen[prefix] = true; len(seen) > maxFound || inputs > maxFound {
			return nil, wrap(format(f), tooMany(f))
		}
	}
	for name := range f.Names() { // only now is it known that there are not too many
		prefix, _, ok := parameter(name)
		if ok && seen[prefix] {
			seen[prefix] = false
			found, _ := describe(f, prefix)
			all = append(all, found)
		}
	}
	return all, nil
}

func tooMany(f File) error {
	if _, ok := f.(*npy.Archive); ok {
		return &npy.LimitError{What: "layers and directions", Got: maxFound + 1, Max: maxFound}
	}
	return &safetensors.LimitError{What: "layers and directions", Got: maxFound + 1, Max: maxFound}
}

// describe returns the layer whose tensors have the prefix, and what became of them.
func describe(f File, prefix string) (found Found, report Report) {
	found.Prefix = prefix
	has := func(name string, a ...any) bool {
		_, ok, _ := f.Shape(prefix + fmt.Sprintf(name, a...))
		return ok
	}
	matrix := func(name string) (rows, columns int) {
		shape, ok, err := f.Shape(prefix + name)
		switch {
		case found.Err != nil:
		case err != nil:
			found.Err = err
		case !ok:
			found.Err = fmt.Errorf("%s is missing", name)
		case len(shape) != 2 || shape[0] < 1 || shape[1] < 1:
			found.Err = fmt.Errorf("%s has the shape %v, want rows and columns", name, shape)
		default:
			return shape[0], shape[1]
		}
		return 0, 0
	}
	for has("weight_ih_l%d", found.Layers) {
		if found.Layers++; found.Layers > maxFound {
			found.Err = tooMany(f)
			return found, report
		}
	}
	found.Bidirectional, found.NoBias = has("weight_ih_l0_reverse"), !has("bias_ih_l0")
	_, found.Input = matrix("weight_ih_l0")
	rows, width := matrix("weight_hh_l0")
	found.Hidden = width
	if has("weight_hr_l0") {
		found.Projection, found.Hidden = matrix("weight_hr_l0")
	}
	if found.Err != nil {
		return found, report
	}
	if n := found.layout(rows); n != nil {
		found.Kind = string(n.cell)
		report, found.Err = n.match(&under{f, prefix})
		return found, report
	}
	found.Err = fmt.Errorf("weight_hh_l0 has %d rows of gates for a width of %d, want 4 times that for an LSTM, 3 times for a GRU, as many for an RNN", rows, found.Hidden)
	if found.Projection > 0 {
		found.Err = fmt.Errorf("weight_hh_l0 has %d rows for a weight_hr_l0 of shape [%d %d], want 4 times the columns, and fewer rows of weight_hr_l0 than columns", rows, found.Projection, found.Hidden)
	}
	return found, report
}

// layout is a network without memory that has the names and shapes of f, nil if no
// kind has so many rows.
func (f Found) layout(rows int) *network {
	n := &network{hidden: f.Hidden, width: f.Hidden, bidirectional: f.Bidirectional, bias: !f.NoBias}
	switch gates := rows / f.Hidden; {
	case rows%f.Hidden != 0 || f.Projection > 0 && (gates != 4 || f.Projection >= f.Hidden):
		return nil
	case gates == 4:
		n.cell, n.gates = isLSTM, 4
	case gates == 3:
		n.cell, n.gates = isGRU, 3
	case gates == 1:
		n.cell, n.gates = isRNN, 1
	default:
		return nil
	}
	var projection []float32
	if f.Projection > 0 {
		n.width, projection = f.Projection, []float32{}
	}
	in := f.Input
	for l := range f.Layers {
		for d := range n.directions() {
			n.dirs = append(n.dirs, params{suffix: fmt.Sprintf("_l%d%s", l, []string{"", "_reverse"}[d]), in: in, hr: projection})
		}
		in = n.directions() * n.width
	}
	return n
}

// parameter takes a name apart that ends as those of PyTorch's recurrent layers do:
// "encoder.rnn.weight_ih_l0_reverse" into "encoder.rnn." and "weight_ih".
func parameter(name string) (prefix, base string, ok bool) {
	at := strings.LastIndexByte(name, '.') + 1
	prefix, name = name[:at], strings.TrimSuffix(name[at:], "_reverse")
	base, layer, ok := strings.Cut(name, "_l")
	if !ok || layer == "" || strings.Trim(layer, "0123456789") != "" || len(layer) > 1 && layer[0] == '0' {
		return "", "", false
	}
	switch base {
	case "weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh":
		return prefix, base, true
	}
	return "", "", false
}
