package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// The metadata of a file of a Keras model, which keras_safetensors.py and ToKerasFile
// write: under the key kerasKey the JSON of
//
//	{"version": 1, "layers": [{"name": "lstm", "class": "LSTM", "units": 8, ...}, ...]}
//
// with a kerasSpec for each recurrent layer. Another meaning of a field is another
// version, so a field that nobody knows is an error.
const (
	kerasKey     = "simdrnn.keras"
	kerasVersion = 1

	// maxKerasText is the length of the JSON, some 400 bytes for each of the layers
	// that there may be.
	maxKerasText = 256 << 10
)

// A KerasError says that what a file says of its Keras layers is malformed, does not fit
// its tensors, or is nothing that a network here can be.
type KerasError struct {
	Layer  string // the layer at fault, "" if it is the file
	Reason string // what was wanted and what was found
	Err    error  // of the JSON or of a tensor, or nil
}

// Error says what was found, what was wanted and, where there is a choice, what to do.
func (e *KerasError) Error() string {
	s := e.Reason
	if e.Layer != "" {
		s = fmt.Sprintf("layer %.100q: %s", e.Layer, e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *KerasError) Unwrap() error { return e.Err }

// A kerasSpec is one recurrent layer, as the JSON has it.
type kerasSpec struct {
	Name        string `json:"name"`
	Class       string `json:"class"`                 // LSTM, GRU or SimpleRNN
	Unsupported string `json:"unsupported,omitempty"` // why the layer is none of them

	Cells               int             `json:"cells,omitempty"` // of StackedRNNCells; 0 for a layer of its own
	Units               int             `json:"units,omitempty"`
	UseBias             bool            `json:"use_bias,omitempty"`
	ResetAfter          bool            `json:"reset_after,omitempty"`
	GoBackwards         bool            `json:"go_backwards,omitempty"`
	ReturnSequences     bool            `json:"return_sequences,omitempty"`
	MergeMode           string          `json:"merge_mode,omitempty"` // of Bidirectional; "" for one direction
	Activation          kerasActivation `json:"activation,omitzero"`
	RecurrentActivation kerasActivation `json:"recurrent_activation,omitzero"`
}

// A kerasActivation is a function by Keras' name, with the parameters that it has.
type kerasActivation struct {
	Name  string   `json:"name"`
	Alpha *float64 `json:"alpha,omitempty"` // negative_slope of leaky_relu, alpha of elu, the slope of hard_sigmoid
	Beta  *float64 `json:"beta,omitempty"`  // of hard_sigmoid: its value at 0
}

var kerasMerges = map[string]lstm.Merge{"concat": lstm.Concat, "sum": lstm.Sum, "ave": lstm.Average, "mul": lstm.Multiply}

// plainKeras are Keras' activations without parameters.
var plainKeras = []struct {
	name     string
	function rnn.Activation
}{
	{"tanh", rnn.Tanh}, {"relu", rnn.ReLU}, {"sigmoid", rnn.Sigmoid}, {"softsign", rnn.Softsign}, {"softplus", rnn.Softplus}, {"linear", rnn.Affine(1, 0)},
}

// function returns the activation here, or why there is none.
func (a kerasActivation) function() (f rnn.Activation, err error) {
	parameters := 0
	make := func(alpha, beta float32) rnn.Activation { return f }
	switch a.Name {
	case "leaky_relu":
		parameters, make = 1, func(alpha, _ float32) rnn.Activation { return rnn.LeakyReLU(alpha) }
	case "elu":
		parameters, make = 1, func(alpha, _ float32) rnn.Activation { return rnn.ELU(alpha) }
	case "hard_sigmoid":
		parameters, make = 2, rnn.HardSigmoid
	default:
		for _, p := range plainKeras {
			if p.name == a.Name {
				f = p.function
			}
		}
		if f == (rnn.Activation{}) {
			return f, fmt.Errorf("the activation %.100q is none that this module has", a.Name)
		}
	}
	has := 0
	for _, p := range []*float64{a.Alpha, a.Beta} {
		if p != nil {
			has++
		}
	}
	if has != parameters || parameters == 1 && a.Alpha == nil {
		return f, fmt.Errorf("the activation %q has %d of alpha and beta, want the first %d of them", a.Name, has, parameters)
	}
	if parameters == 0 {
		return f, nil
	}
	var v [2]float32
	for i, p := range []*float64{a.Alpha, a.Beta}[:parameters] {
		if v[i] = float32(*p); math.IsInf(float64(v[i]), 0) {
			return f, fmt.Errorf("a parameter of the activation %q is %v, which no float32 is", a.Name, *p)
		}
	}
	return make(v[0], v[1]), nil
}

// kerasFunction is the inverse of function.
func kerasFunction(f rnn.Activation) (a kerasActivation, err error) {
	for _, p := range plainKeras {
		if p.function == f {
			return kerasActivation{Name: p.name}, nil
		}
	}
	name, parameters := f.ONNX()
	var v [2]float64
	for i, p := range parameters {
		v[i] = float64(p)
	}
	switch {
	case name == "LeakyRelu":
		return kerasActivation{Name: "leaky_relu", Alpha: &v[0]}, nil
	case name == "Elu":
		return kerasActivation{Name: "elu", Alpha: &v[0]}, nil
	case f == rnn.HardSigmoid(1./6, 0.5): // the only one that it has
		return kerasActivation{Name: "hard_sigmoid", Alpha: &v[0], Beta: &v[1]}, nil
	}
	return a, fmt.Errorf("it has no activation %v", f)
}

// kerasSpecs reads the metadata. Layers are read one by one, so that those beyond the
// limit take no memory.
func kerasSpecs(metadata map[string]string) (specs []kerasSpec, err error) {
	text, ok := metadata[kerasKey]
	if !ok {
		return nil, &KerasError{Reason: fmt.Sprintf("the metadata of the file has no %q: it was not written by keras_safetensors.py; Inspect is for files with PyTorch's names", kerasKey)}
	}
	if len(text) > maxKerasText {
		return nil, &safetensors.LimitError{What: fmt.Sprintf("bytes of the metadata %q", kerasKey), Got: uint64(len(text)), Max: maxKerasText}
	}
	bad := func(err error) error {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return &KerasError{Reason: fmt.Sprintf("the metadata %q is not what keras_safetensors.py writes", kerasKey), Err: err}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	delimiter := func(want json.Delim) error {
		got, err := d.Token()
		if err == nil && got != want {
			err = fmt.Errorf("%.100q where %q is expected", fmt.Sprint(got), want)
		}
		return err
	}
	if err := delimiter('{'); err != nil {
		return nil, bad(err)
	}
	version, cells := 0, 0
	names := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		switch {
		case err != nil:
			return nil, bad(err)
		case key == "version" && version == 0:
			if err := d.Decode(&version); err != nil {
				return nil, bad(err)
			}
			if version != kerasVersion {
				return nil, &KerasError{Reason: fmt.Sprintf("its metadata has the version %d, this program reads %d: write it by the keras_safetensors.py of this release", version, kerasVersion)}
			}
			continue
		case version == 0 || key != "layers" || specs != nil:
			return nil, bad(fmt.Errorf("the field %.100q, want a version and then layers, each once", fmt.Sprint(key)))
		}
		if err := delimiter('['); err != nil {
			return nil, bad(err)
		}
		specs = []kerasSpec{}
		for d.More() {
			var s kerasSpec
			if err := d.Decode(&s); err != nil {
				return nil, bad(err)
			}
			if names[s.Name] || s.Name == "" {
				return nil, bad(fmt.Errorf("two layers have the name %.100q, or one has none", s.Name))
			}
			const longest = 1000
			if len(s.Name) > longest || strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
				return nil, bad(fmt.Errorf("the name %.100q of a layer has more than %d bytes, or characters that cannot be printed", s.Name, longest))
			}
			names[s.Name] = true
			if cells += max(1, min(s.Cells, maxFound+1)); cells > maxFound {
				return nil, &safetensors.LimitError{What: "layers and cells", Got: uint64(cells), Max: maxFound}
			}
			specs = append(specs, s)
		}
		if err := delimiter(']'); err != nil {
			return nil, bad(err)
		}
	}
	if err := delimiter('}'); err != nil {
		return nil, bad(err)
	}
	if specs == nil {
		return nil, bad(errors.New("there are no layers"))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, bad(errors.New("text follows the end"))
	}
	return specs, nil
}

// found returns what the spec says.
func (s kerasSpec) found() KerasFound {
	k := KerasFound{
		Name: s.Name, Kind: map[string]string{"LSTM": string(isLSTM), "GRU": string(isGRU), "SimpleRNN": string(isRNN)}[s.Class],
		Hidden: s.Units, Layers: max(s.Cells, 1), Bidirectional: s.MergeMode != "", Reverse: s.GoBackwards,
		NoBias: !s.UseBias, ResetBefore: s.Class == "GRU" && !s.ResetAfter, Sequences: s.ReturnSequences,
	}
	fail := func(err error, format string, a ...any) KerasFound {
		k.Kind, k.Err = "", &KerasError{Layer: s.Name, Reason: fmt.Sprintf(format, a...), Err: err}
		return k
	}
	merge, known := kerasMerges[s.MergeMode]
	var err error
	switch k.Merge = merge; {
	case s.Unsupported != "":
		return fail(nil, "it is none that this module has: %.200s", s.Unsupported)
	case k.Kind == "":
		return fail(nil, "its class is %.100q, want LSTM, GRU or SimpleRNN", s.Class)
	case s.Units < 1 || s.Units > math.MaxInt32/8:
		return fail(nil, "it has %d units, want 1 to %d", s.Units, math.MaxInt32/8)
	case s.Cells < 0:
		return fail(nil, "it has %d cells, want 1 or more", s.Cells)
	case k.Bidirectional && !known:
		return fail(nil, "its merge_mode is %.100q, want concat, sum, ave or mul", s.MergeMode)
	case k.Bidirectional && s.GoBackwards:
		return fail(nil, "it is a Bidirectional with go_backwards, which no network here is")
	case k.Bidirectional && s.Cells > 1:
		return fail(nil, "it is a Bidirectional of %d cells, each direction a stack of its own, which no network here is", s.Cells)
	case s.ResetAfter && s.Class != "GRU":
		return fail(nil, "reset_after belongs to a GRU, not to a %s", s.Class)
	case (s.RecurrentActivation == kerasActivation{}) != (s.Class == "SimpleRNN"):
		return fail(nil, "recurrent_activation belongs to an LSTM and a GRU, and to no SimpleRNN")
	}
	if k.Activation, err = s.Activation.function(); err != nil {
		return fail(err, "activation")
	}
	if s.Class != "SimpleRNN" {
		if k.GateActivation, err = s.RecurrentActivation.function(); err != nil {
			return fail(err, "recurrent_activation")
		}
	}
	k.places = s.places()
	return k
}

// places are the prefixes of the tensors of each cell and direction.
func (s kerasSpec) places() (list []string) {
	for c := range max(s.Cells, 1) {
		place := s.Name + "/"
		if s.Cells > 0 {
			place += fmt.Sprintf("cell_%d/", c)
		}
		if s.MergeMode != "" {
			list = append(list, place+"forward/", place+"backward/")
		} else {
			list = append(list, place)
		}
	}
	return list
}

// A KerasLayer is a recurrent layer for a file that keras_safetensors.py reads.
type KerasLayer struct {
	Name    string
	Tensors []safetensors.Tensor // its weights in Keras' layout, copies

	spec kerasSpec
}

// ToKerasLayers returns the layers of a Keras model that compute what net does. There is
// one name for each layer of net. For a network of several layers in one direction one
// name will do: it becomes an RNN of StackedRNNCells, which is the only form for
// several layers with Config.Reverse. A name is that of the layer in the model, behind
// the names of the models around it: "lstm", "encoder/lstm".
//
// It returns an error where ToKeras does, for another number of names, for names that
// come twice or are no names of layers, and for activations that Keras has not.
func ToKerasLayers[N Network](net N, names ...string) ([]KerasLayer, error) {
	n := view(net)
	weights, err := ToKeras(net)
	if err != nil {
		return nil, err
	}
	spec := kerasSpec{
		Class: map[cell]string{isLSTM: "LSTM", isGRU: "GRU", isRNN: "SimpleRNN"}[n.cell], Units: n.hidden, UseBias: n.bias,
		ResetAfter: n.resetAfter(), GoBackwards: n.reverse, ReturnSequences: true,
	}
	if n.bidirectional {
		for mode, merge := range kerasMerges {
			if merge == n.merge {
				spec.MergeMode = mode
			}
		}
	}
	if spec.Activation, err = kerasFunction(n.functions[len(n.functions)-1]); err == nil && n.cell != isRNN {
		spec.RecurrentActivation, err = kerasFunction(n.functions[0])
	}
	if err != nil {
		return nil, wrap("Keras", err)
	}
	switch {
	case len(names) == 1 && n.layers() > 1 && !n.bidirectional:
		spec.Cells = n.layers()
	case len(names) != n.layers():
		return nil, wrap("Keras file", fmt.Errorf("%d names given, want %d: one for each layer, or one for all where there is one direction", len(names), n.layers()))
	case n.reverse && n.layers() > 1:
		return nil, wrap("Keras file", errors.New("its layers with go_backwards hand their outputs to the next one last step first, so that several with Config.Reverse are one RNN of StackedRNNCells: give one name for all"))
	}
	var layers []KerasLayer
	for _, name := range names {
		for part := range strings.SplitSeq(name, "/") {
			if part == "" {
				return nil, wrap("Keras file", fmt.Errorf("the name %.100q, want names of models and a layer with one / between them, like encoder/lstm", name))
			}
		}
		spec.Name = name
		layer := KerasLayer{Name: name, spec: spec}
		for _, place := range spec.places() {
			k := weights[0]
			weights = weights[1:]
			for _, t := range []struct {
				name string
				Tensor
			}{{"kernel", k.Kernel}, {"recurrent_kernel", k.RecurrentKernel}, {"bias", k.Bias}} {
				if !t.absent() {
					layer.Tensors = append(layer.Tensors, safetensors.Tensor{Name: place + t.name, Shape: t.Shape, Data: t.Data})
				}
			}
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// ToKerasFile returns what a file of these layers holds, for safetensors.Write and
// WriteFile. Tensors of other layers, like "dense/kernel", may be appended to the
// tensors. In Python, where keras_safetensors.py lies beside the program:
//
//	keras_safetensors.load(model, "model.safetensors")     # into a model that is there
//	keras_safetensors.layers("model.safetensors")["lstm"]  # as a new layer
//
// It returns an error for two layers of one name and for more layers than
// InspectKeras takes.
func ToKerasFile(layers ...KerasLayer) (metadata map[string]string, tensors []safetensors.Tensor, err error) {
	specs := []kerasSpec{}
	for _, l := range layers {
		specs = append(specs, l.spec)
		tensors = append(tensors, l.Tensors...)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(struct {
		Version int         `json:"version"`
		Layers  []kerasSpec `json:"layers"`
	}{kerasVersion, specs})
	if err != nil {
		return nil, nil, wrap("Keras file", err)
	}
	metadata = map[string]string{kerasKey: strings.TrimSpace(b.String())}
	if _, err := kerasSpecs(metadata); err != nil {
		return nil, nil, wrap("Keras file", err)
	}
	return metadata, tensors, nil
}
