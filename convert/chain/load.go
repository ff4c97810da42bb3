package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/nn"
)

// Key is under which key a description stands: in the metadata of a safetensors file, and
// in the JSON object that is the Meta of a checkpoint.
const Key = "simdrnn.chain"

// A Chain is the stages of a file with their weights. The models that it makes share the
// weights, but for learned states to begin with, of which each has a copy.
type Chain struct{ nodes []*node }

// Infer returns a model of so many steps and rows for inference: see nn.Infer.
func (c *Chain) Infer(steps, batch int) (*nn.Model, error) { return c.model(steps, batch, true) }

// Unroll returns a model of so many steps and rows that can be trained: see nn.Unroll.
func (c *Chain) Unroll(steps, batch int) (*nn.Model, error) { return c.model(steps, batch, false) }

func (c *Chain) model(steps, batch int, infer bool) (*nn.Model, error) {
	if steps < 0 || batch < 0 {
		return nil, refuse("", "a model of %d steps and %d rows, want 0 or more of each", steps, batch)
	}
	stages, err := stagesOf(c.nodes, steps, batch, infer)
	if err != nil {
		return nil, err
	}
	if infer {
		return nn.Infer(steps, batch, stages...)
	}
	return nn.Unroll(steps, batch, stages...)
}

// Open reads the file of that name: see Load.
func Open(name string) (*Chain, error) {
	f, err := safetensors.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := Load(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// Load reads the chain of a file that Write has written. The file may have been written
// anew by another program, with other types of floating-point numbers, as long as the
// metadata stays. It returns an *Error if the description is none, if a tensor is not there,
// has another shape or belongs to no stage, and the errors of safetensors. Memory is taken
// for tensors that are there, whatever a description declares.
func Load(f *safetensors.File) (*Chain, error) {
	d, ok := f.Metadata()[Key]
	if !ok {
		return nil, refuse("", "the file has no %q in its metadata, so it does not say what its stages are: give LoadTensors a description that Describe has written", Key)
	}
	return LoadTensors(d, f)
}

// Tensors are what LoadTensors takes weights from: a *safetensors.File, an *npy.Archive, or
// what finetune.FromNet returns.
type Tensors interface {
	// Names are those of all tensors.
	Names() iter.Seq[string]
	// Shape returns the shape of a tensor, whether there is one of that name, and what
	// keeps the shape from being known.
	Shape(name string) (shape []int, found bool, err error)
	// Read sets dst, which has as many elements as the shape says, to those of the tensor.
	Read(dst []float32, name string) error
}

// LoadTensors makes the chain of a description, with weights from tensors of the names of
// its parameters. The errors are those of Load.
func LoadTensors(description string, from Tensors) (*Chain, error) {
	return load(description, source{Tensors: from})
}

// LoadCheckpoint makes the chain of a description with the parameters of a checkpoint, which
// says of each how many elements it has, not its shape. "" stands for the description in
// c.Meta: see DescriptionOf. The errors are those of Load.
func LoadCheckpoint(description string, c *bptt.Checkpoint) (*Chain, error) {
	if description == "" {
		var ok bool
		if description, ok = DescriptionOf(c.Meta); !ok {
			return nil, refuse("", "the Meta of the checkpoint is no JSON object with %q, so it does not say what its stages are: give a description that Describe has written", Key)
		}
	}
	values := map[string][]float32{}
	var names []string
	c.EachParam(func(name string, w []float32) { values[name], names = w, append(names, name) })
	return load(description, source{checkpoint{names, values}, true})
}

// DescriptionOf returns what stands under Key in a JSON object, the Meta of a checkpoint;
// ok is false if there is none.
func DescriptionOf(meta []byte) (description string, ok bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(meta, &object) != nil || object[Key] == nil {
		return "", false
	}
	if err := json.Unmarshal(object[Key], &description); err != nil {
		return string(object[Key]), true // the object itself, not its text
	}
	return description, true
}

type checkpoint struct {
	names  []string
	values map[string][]float32
}

func (c checkpoint) Names() iter.Seq[string] { return slices.Values(c.names) }

func (c checkpoint) Shape(name string) (shape []int, found bool, err error) {
	w, ok := c.values[name]
	return []int{len(w)}, ok, nil
}

func (c checkpoint) Read(dst []float32, name string) error {
	copy(dst, c.values[name])
	return nil
}

// A source has tensors; flat says that their shapes are not known beside their elements.
type source struct {
	Tensors
	flat bool
}

func load(description string, from source) (*Chain, error) {
	var t text
	if err := strictly([]byte(description), &t); err != nil {
		return nil, &Error{"", "the description is no JSON object of a chain", err}
	}
	if t.Version != version {
		return nil, refuse("", "the description has version %d, want %d; a later version of the package may read it", t.Version, version)
	}
	m := &maker{from: from, weights: map[string][]float32{}, layers: map[string]layer{}, tables: map[string]*nn.Embedding{}, taken: map[string]bool{}}
	nodes, err := m.nodes("", t.Stages)
	if err != nil {
		return nil, err
	}
	for name := range from.Names() {
		if !m.taken[name] {
			return nil, refuse("", "the tensor %s belongs to no stage of the description", short(name))
		}
	}
	c := &Chain{nodes}
	if _, err := c.Infer(1, 1); err != nil {
		if e := new(Error); !errors.As(err, &e) {
			err = &Error{"", "", err}
		}
		return nil, err
	}
	return c, nil
}

// elements is how many a shape has.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 1 || n > math.MaxInt32/d {
			return 0, fmt.Errorf("a tensor of shape %v, want sizes of 1 and more, and at most %d elements", shape, math.MaxInt32)
		}
		n *= d
	}
	return n, nil
}

// elements is how many a tensor of a stage has.
func (m *maker) elements(at, name string) (int, error) {
	full := at + "." + name
	shape, found, err := m.from.Shape(full)
	if err != nil {
		return 0, &Error{at, short(full), err}
	}
	if !found {
		return 0, refuse(at, "there is no tensor %s", short(full))
	}
	n := 1
	for _, d := range shape {
		if d == 0 {
			return 0, nil
		}
		if n > math.MaxInt/d {
			return 0, refuse(at, "the tensor %s has the shape %v", short(full), shape)
		}
		n *= d
	}
	return n, nil
}

// take reads a tensor of a stage into memory of its own.
func (m *maker) take(at, name string, shape ...int) ([]float32, error) {
	n, err := elements(shape)
	if err != nil {
		return nil, err
	}
	have, err := m.elements(at, name)
	if err != nil {
		return nil, err
	}
	if have != n {
		return nil, refuse(at, "the tensor %s has %d elements, want the shape %v", short(at+"."+name), have, shape)
	}
	w := make([]float32, n)
	return w, m.read(at, name, w, shape...)
}

// read sets w to a tensor of a stage.
func (m *maker) read(at, name string, w []float32, shape ...int) error {
	full := at + "." + name
	have, found, err := m.from.Shape(full)
	switch {
	case err != nil:
		return &Error{at, short(full), err}
	case !found:
		return refuse(at, "there is no tensor %s", short(full))
	case m.from.flat && (len(have) != 1 || have[0] != len(w)):
		return refuse(at, "the parameter %s has %v elements, want %d for the shape %v", short(full), have, len(w), shape)
	case !m.from.flat && !slices.Equal(have, shape):
		return refuse(at, "the tensor %s has the shape %v, want %v", short(full), have, shape)
	}
	if err := m.from.Read(w, full); err != nil {
		return &Error{at, short(full), err}
	}
	m.weights[full], m.taken[full] = w, true
	return nil
}
