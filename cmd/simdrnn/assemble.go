package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

// functions are the stages without weights that -chain may name.
var functions = map[string]nn.Stage{
	"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "softsign": nn.Softsign, "softplus": nn.Softplus,
	"gelu": nn.GELU, "gelu_tanh": nn.GELUTanh, "softmax": onnx.Softmax{}, "log_softmax": onnx.LogSoftmax{},
	"pool_mean": nn.PoolMean{}, "pool_max": nn.PoolMax{},
}

// An assembly makes a chain of the parts of a file of tensors, in the order that -chain has.
type assembly struct {
	in         container
	keras      bool
	activation rnn.Activation
	have       map[string]tensor
	table      *nn.Embedding
	taken      map[string]bool // tensors
	named      map[string]bool // parts
	stages     []nn.Stage
}

// assemble returns the chain, and the tensors that it does not have.
func assemble(in input, parts string, activation rnn.Activation) (c chained, left []string, err error) {
	from, ok := in.(container)
	if !ok {
		return nil, nil, usagef("-chain is for safetensors and npz with the names of PyTorch or Keras, and IN is %s", in.format())
	}
	tensors, err := in.tensors()
	if err != nil {
		return nil, nil, err
	}
	a := &assembly{in: from, activation: activation, have: map[string]tensor{}, taken: map[string]bool{}, named: map[string]bool{}}
	_, a.keras = in.(*kerasFile)
	for _, t := range tensors {
		a.have[t.name] = t
	}
	for _, part := range strings.Split(parts, ",") {
		stage, err := a.part(strings.TrimSpace(part))
		if err != nil {
			return nil, nil, fmt.Errorf("-chain, %q: %w", part, err)
		}
		a.stages = append(a.stages, stage)
	}
	for _, t := range tensors {
		if !a.taken[t.name] {
			left = append(left, t.name)
		}
	}
	w, err := newWhole(func(steps, rows int) (*nn.Model, error) { return nn.Infer(steps, rows, a.stages...) })
	if err != nil {
		return nil, nil, fmt.Errorf("-chain: %w", err)
	}
	return &assembled{w, in.format()}, left, nil
}

// An assembled is a file whose parts were put in an order.
type assembled struct {
	*whole
	of string
}

func (a *assembled) format() string { return a.of }

// full is the name of a tensor of a part.
func (a *assembly) full(name, of string) string {
	switch {
	case name == ".":
		return of
	case a.keras:
		return name + "/" + of
	}
	return name + "." + of
}

// read reads a tensor of a part that is there.
func (a *assembly) read(name, of string, dims int) (shape []int, v []float32, err error) {
	full := a.full(name, of)
	t, ok := a.have[full]
	if !ok {
		return nil, nil, fmt.Errorf("there is no tensor %s", short(full))
	}
	if len(t.shape) != dims {
		return nil, nil, fmt.Errorf("%s has the shape %v, want %d dimensions", short(full), t.shape, dims)
	}
	r, err := a.in.read(t)
	if err != nil {
		return nil, nil, err
	}
	if r.floats == nil {
		return nil, nil, fmt.Errorf("%s has elements of the type %s, want floating-point numbers", short(full), t.typ)
	}
	a.taken[full] = true
	return t.shape, r.floats, nil
}

func (a *assembly) has(name, of string) bool { _, ok := a.have[a.full(name, of)]; return ok }

// kinds of parts that -chain may name, KIND:NAME.
var kinds = []string{"embedding", "linear", "layer_norm", "rnn", "tied"}

// part makes the stage of one item of -chain: a function, NAME or KIND:NAME.
func (a *assembly) part(item string) (nn.Stage, error) {
	is, name, said := strings.Cut(item, ":")
	if !said {
		is, name = "", item
	}
	if f, ok := functions[name]; ok && !said && !a.anything(name) {
		return f, nil
	}
	if a.named[name] {
		return nil, fmt.Errorf("it is in the list before; a part that runs twice is for a program, by package convert/chain")
	}
	a.named[name] = true
	if said && !slices.Contains(kinds, is) {
		return nil, fmt.Errorf("the kind is %q, want one of %s", is, strings.Join(kinds, ", "))
	}
	weight, bias, table, gamma := "weight", "bias", "weight", "weight"
	if a.keras {
		weight, table, gamma = "kernel", "embeddings", "gamma"
	}
	dims := func(of string) int { return len(a.have[a.full(name, of)].shape) }
	switch {
	case is == "embedding", is == "" && len(a.stages) == 0 && a.has(name, table) && dims(table) == 2 && (a.keras || !a.has(name, bias)):
		shape, w, err := a.read(name, table, 2)
		if err != nil {
			return nil, err
		}
		a.table = &nn.Embedding{Weight: w, Vocabulary: shape[0], Dim: shape[1]}
		return a.table, a.nothingElse(name)
	case is == "layer_norm", is == "" && a.has(name, gamma) && dims(gamma) == 1:
		return a.layerNorm(name, gamma)
	case is == "linear", is == "" && a.has(name, weight) && dims(weight) == 2 && !a.has(name, "recurrent_kernel"):
		return a.linear(name, weight, bias)
	case is == "tied":
		if a.table == nil {
			return nil, fmt.Errorf("a linear layer tied to the embedding, and there is no embedding before it")
		}
		l := a.table.Readout()
		l.Bias = nil
		if a.has(name, bias) {
			_, b, err := a.read(name, bias, 1)
			if err != nil {
				return nil, err
			}
			l.Bias = b
		}
		if full := a.full(name, weight); a.has(name, weight) {
			a.taken[full] = true // PyTorch saves what is shared twice, unless it is told
			_, w, err := a.read(name, weight, 2)
			if err != nil {
				return nil, err
			}
			if !slices.Equal(w, a.table.Weight) {
				return nil, fmt.Errorf("%s is not the table of the embedding: leave \"tied:\" out", short(full))
			}
		}
		return l, a.nothingElse(name)
	}
	if name == "." {
		name = ""
	}
	net, matched, _, err := a.in.load(name, a.activation)
	if err != nil {
		return nil, fmt.Errorf("it is none of an embedding, a linear layer, a layer norm and a function (%s), and no recurrent layer: %w", strings.Join(slices.Sorted(maps.Keys(functions)), ", "), err)
	}
	for _, m := range matched {
		a.taken[m] = true
	}
	return onnx.Recurrent{Layer: net}, nil
}

func (a *assembly) linear(name, weight, bias string) (nn.Stage, error) {
	shape, w, err := a.read(name, weight, 2)
	if err != nil {
		return nil, err
	}
	l := &nn.Linear{Weight: w, Out: shape[0], In: shape[1]}
	if a.keras { // which has [in][out]
		l.In, l.Out = shape[0], shape[1]
		l.Weight = make([]float32, len(w))
		for i := range l.In {
			for o := range l.Out {
				l.Weight[o*l.In+i] = w[i*l.Out+o]
			}
		}
	}
	if a.has(name, bias) {
		if _, l.Bias, err = a.read(name, bias, 1); err != nil {
			return nil, err
		}
	}
	return l, a.nothingElse(name)
}

func (a *assembly) layerNorm(name, gamma string) (nn.Stage, error) {
	shape, w, err := a.read(name, gamma, 1)
	if err != nil {
		return nil, err
	}
	l, beta := &nn.LayerNorm{Weight: w, Width: shape[0]}, "bias"
	if a.keras { // whose default it is; no file says it
		l.Eps, beta = 1e-3, "beta"
	}
	if a.has(name, beta) {
		if _, l.Bias, err = a.read(name, beta, 1); err != nil {
			return nil, err
		}
	}
	return l, a.nothingElse(name)
}

// anything says whether there is a tensor of a part of that name.
func (a *assembly) anything(name string) bool {
	for t := range a.have {
		if strings.HasPrefix(t, a.full(name, "")) {
			return true
		}
	}
	return false
}

// nothingElse returns an error if a part has a tensor that its stage does not: then it is
// something else, a batch norm perhaps.
func (a *assembly) nothingElse(name string) error {
	if name == "." {
		return nil
	}
	for t := range a.have {
		if strings.HasPrefix(t, a.full(name, "")) && !a.taken[t] {
			return fmt.Errorf("it has the tensor %s too, so it is no embedding, linear layer or layer norm", short(t))
		}
	}
	return nil
}
