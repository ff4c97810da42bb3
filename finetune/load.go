package finetune

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// Tensors are what Load takes parameters from: a *safetensors.File, an *npy.Archive, or
// the parameters of another net, which FromNet returns.
type Tensors interface {
	// Names are those of all tensors.
	Names() iter.Seq[string]
	// Shape returns the shape of a tensor, whether there is one of that name, and what
	// keeps the shape from being known.
	Shape(name string) (shape []int, found bool, err error)
	// Read sets dst, which has as many elements as the shape says, to those of the tensor.
	Read(dst []float32, name string) error
}

// Options say how Load finds parameters. The zero value takes each by its own name, and
// wants all of them.
type Options struct {
	// Rename, if set, returns the name of the tensor for a parameter, "" for none.
	Rename func(parameter string) string

	// Partial leaves parameters as they are that are not there or have another shape. They
	// are in the report; without Partial they are an error.
	Partial bool
}

// A Report says what became of the parameters of a net and of the tensors.
type Report struct {
	Matched []string // parameters that were set
	Missing []string // parameters for which there is no tensor
	Misfit  []string // parameters whose tensor has another shape
	Left    []string // tensors that no parameter took
}

// String is one line for each list that is not empty, without a newline at the end.
func (r Report) String() string {
	var lines []string
	for _, l := range []struct {
		what string
		list []string
	}{{"matched", r.Matched}, {"missing", r.Missing}, {"of another shape", r.Misfit}, {"left", r.Left}} {
		if len(l.list) > 0 {
			lines = append(lines, l.what+": "+strings.Join(l.list, ", "))
		}
	}
	return strings.Join(lines, "\n")
}

// Load sets the parameters of net to the tensors of the same names. A tensor has to have
// the shape of its parameter (see nn.Shapes). On an error net is as it was; the report says
// what was found until then.
func Load(net nn.Net, from Tensors, o Options) (Report, error) {
	var r Report
	if nilcheck.IsNil(from) {
		return r, errors.New("finetune: Load from nil; safetensors.Open and FromNet give tensors")
	}
	params, err := nn.Params(net)
	if err != nil {
		return r, err
	}
	shapes := nn.Shapes(net)
	taken := map[string]bool{}
	values := make([][]float32, len(params))
	for i, p := range params {
		name := p.Name
		if o.Rename != nil {
			name = o.Rename(name)
		}
		shape, found, err := from.Shape(name)
		switch {
		case name == "" || err == nil && !found:
			r.Missing = append(r.Missing, p.Name)
			continue
		case err != nil:
			return r, fmt.Errorf("finetune: tensor %q for parameter %s: %w", name, p.Name, err)
		}
		taken[name] = true
		if !slices.Equal(shape, shapes[p.Name]) {
			r.Misfit = append(r.Misfit, p.Name)
			if !o.Partial {
				return r, fmt.Errorf("finetune: tensor %q has shape %v, parameter %s wants %v; give a Rename to take another tensor, or set Options.Partial to leave the parameter as it is", name, shape, p.Name, shapes[p.Name])
			}
			continue
		}
		values[i] = make([]float32, len(p.W))
		if err := from.Read(values[i], name); err != nil {
			return r, fmt.Errorf("finetune: tensor %q for parameter %s: %w", name, p.Name, err)
		}
		r.Matched = append(r.Matched, p.Name)
	}
	for name := range from.Names() {
		if !taken[name] {
			r.Left = append(r.Left, name)
		}
	}
	if len(r.Missing) > 0 && !o.Partial {
		return r, fmt.Errorf("finetune: no tensor for %d of %d parameters, the first is %s; give a Rename if tensors have other names, or set Options.Partial to leave parameters as they are. Tensors that no parameter takes: %s", len(r.Missing), len(params), r.Missing[0], few(r.Left))
	}
	if len(r.Matched) == 0 && len(params) > 0 {
		return r, fmt.Errorf("finetune: none of %d parameters has a tensor of its shape, the first is %s; tensors that no parameter takes: %s", len(params), params[0].Name, few(r.Left))
	}
	for i, v := range values {
		if v != nil {
			copy(params[i].W, v)
		}
	}
	return r, nil
}

// few is the first names of a list as text.
func few(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// FromNet returns the parameters of net as Tensors. They are read when Load asks for
// them: net must not change meanwhile.
func FromNet(net nn.Net) (Tensors, error) {
	params, err := nn.Params(net)
	if err != nil {
		return nil, err
	}
	return &ofNet{params, nn.Shapes(net)}, nil
}

type ofNet struct {
	params []nn.Param
	shapes map[string][]int
}

func (n *ofNet) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range n.params {
			if !yield(p.Name) {
				return
			}
		}
	}
}

func (n *ofNet) Shape(name string) (shape []int, found bool, err error) {
	shape, found = n.shapes[name]
	return shape, found, nil
}

func (n *ofNet) Read(dst []float32, name string) error {
	for _, p := range n.params {
		if p.Name == name {
			copy(dst, p.W)
		}
	}
	return nil
}

// SaveFile writes the parameters of net, with their shapes, to a safetensors file of that
// name, which Load reads again. It replaces the file in one step. metadata may be nil.
func SaveFile(name string, net nn.Net, metadata map[string]string) error {
	params, err := nn.Params(net)
	if err != nil {
		return err
	}
	return safetensors.WriteFile(name, metadata, tensorsOf(params, nn.Shapes(net))...)
}

func tensorsOf(params []nn.Param, shapes map[string][]int) []safetensors.Tensor {
	tensors := make([]safetensors.Tensor, len(params))
	for i, p := range params {
		tensors[i] = safetensors.Tensor{Name: p.Name, Shape: shapes[p.Name], Data: p.W}
	}
	return tensors
}
