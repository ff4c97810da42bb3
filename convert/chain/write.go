package chain

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// Describe returns the description of a chain: what its stages are, without the weights. A
// program that puts it under Key in the Meta of its checkpoints, which then is a JSON object,
// makes files that LoadCheckpoint and the command simdrnn can use. The stages are those of
// Write, and so are the errors.
func Describe(stages ...nn.Stage) (string, error) {
	w := &writer{}
	return w.describe(stages)
}

// Write writes a chain of stages with their weights of now. A single *nn.Model stands for
// its stages. Of an Unrolled of lstm, gru or rnn its layer counts. metadata may be nil, and
// is written too; it may not have the key Key.
//
// It returns an *Error that names the stage for what a file cannot say: stages of a program's
// own and of other packages, nil, and weights of which two stages share only a part. Nothing
// is written then.
func Write(w io.Writer, metadata map[string]string, stages ...nn.Stage) error {
	metadata, tensors, err := collect(metadata, stages)
	if err != nil {
		return err
	}
	return safetensors.Write(w, metadata, tensors...)
}

// WriteFile is Write to the file of that name, which it replaces in one step.
func WriteFile(name string, metadata map[string]string, stages ...nn.Stage) error {
	metadata, tensors, err := collect(metadata, stages)
	if err != nil {
		return err
	}
	return safetensors.WriteFile(name, metadata, tensors...)
}

func collect(metadata map[string]string, stages []nn.Stage) (map[string]string, []safetensors.Tensor, error) {
	if _, ok := metadata[Key]; ok {
		return nil, nil, refuse("", "the metadata given has the key %q, which Write sets: leave it out", Key)
	}
	w := &writer{}
	d, err := w.describe(stages)
	if err != nil {
		return nil, nil, err
	}
	all := maps.Clone(metadata)
	if all == nil {
		all = map[string]string{}
	}
	all[Key] = d
	return all, w.tensors, nil
}

// A writer goes through the stages of a chain.
type writer struct {
	tensors []safetensors.Tensor
	layers  []placedLayer
}

type placedLayer struct {
	layer layer
	at    string
}

func (w *writer) describe(stages []nn.Stage) (string, error) {
	if len(stages) == 1 {
		if m, ok := stages[0].(*nn.Model); ok && m != nil {
			stages = m.Stages()
		}
	}
	if len(stages) == 0 {
		return "", refuse("", "no stages are given, want one and more")
	}
	list, err := w.stages("", stages)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(text{version, list})
	if err != nil {
		return "", &Error{"", "", err}
	}
	return string(b), nil
}

func (w *writer) stages(prefix string, stages []nn.Stage) (list []json.RawMessage, err error) {
	for i, s := range stages {
		at := prefix + strconv.Itoa(i)
		name, k, err := w.stage(at, s)
		if err != nil {
			return nil, err
		}
		b, err := object(name, k)
		if err != nil {
			return nil, &Error{at, "", err}
		}
		list = append(list, b)
	}
	return list, nil
}

// stage returns the kind of a stage and what a description has of it, and notes its weights.
func (w *writer) stage(at string, s nn.Stage) (name string, k any, err error) {
	defer func() {
		// A stage whose pointer is nil has methods that panic.
		if v := recover(); v != nil {
			name, k, err = "", nil, refuse(at, "the methods of this %T panic: %v", s, v)
		}
	}()
	switch s := s.(type) {
	case nil:
		return "", nil, refuse(at, "it is nil")
	case *nn.Embedding:
		e := embedding{Vocabulary: s.Vocabulary, Dim: s.Dim}
		if id, ok := s.PaddingID(); ok {
			e.Padding = &id
		}
		_, err := w.add(at, "weight", s.Weight, s.Vocabulary, s.Dim)
		return kindEmbedding, e, err
	case *nn.Linear:
		same, err := w.pair(at, s.Weight, s.Bias, []int{s.Out, s.In}, s.Out)
		return kindLinear, linear{s.In, s.Out, s.Bias != nil, same}, err
	case *nn.LayerNorm:
		same, err := w.pair(at, s.Weight, s.Bias, []int{s.Width}, s.Width)
		return kindLayerNorm, layerNorm{s.Width, s.Bias != nil, s.Eps, same}, err
	case nn.Activation:
		for name, f := range functions {
			if s == f {
				return kindActivation, function{Function: name}, nil
			}
		}
		name, p := s.ONNX()
		if name == "" {
			return "", nil, refuse(at, "its activation is the zero Activation")
		}
		return kindActivation, function{name, p}, nil
	case nn.Dropout:
		return kindDropout, dropout(s), nil
	case nn.PoolMean:
		return kindPoolMean, struct{}{}, nil
	case nn.PoolMax:
		return kindPoolMax, struct{}{}, nil
	case nn.Sequential:
		return w.composite(at, kindSequential, s)
	case nn.Residual:
		return w.composite(at, kindResidual, s)
	case nn.Parallel:
		return w.composite(at, kindParallel, s)
	case nn.AttentionPool:
		return w.composite(at, kindAttention, s)
	case *nn.Model:
		return w.composite(at, kindSequential, s.Stages())
	case *nn.LearnedState:
		name, k, err := w.stage(at, s.Net())
		r, ok := k.(recurrent)
		if err != nil || !ok {
			return name, k, orRefuse(err, at, "a LearnedState of a %T, want one of an Unrolled of lstm, gru or rnn", s.Net())
		}
		r.Learned = true
		for _, p := range statesOf(s) {
			if _, err := w.add(at, p.Name, p.W, len(p.W)); err != nil {
				return "", nil, err
			}
		}
		return name, r, nil
	case *lstm.Unrolled:
		return w.recurrent(at, s.Layer(), s.Layer().Config())
	case *gru.Unrolled:
		return w.recurrent(at, s.Layer(), s.Layer().Config())
	case *rnn.Unrolled:
		return w.recurrent(at, s.Layer(), s.Layer().Config())
	}
	return "", nil, refuse(at, "a file has no kind for a %T: it has those of nn and the layers of lstm, gru and rnn; save the parameters of the net by finetune.SaveFile, and let the program make the net", s)
}

func orRefuse(err error, at, format string, a ...any) error {
	if err != nil {
		return err
	}
	return refuse(at, format, a...)
}

func (w *writer) composite(at, name string, stages []nn.Stage) (string, any, error) {
	list, err := w.stages(at+".", stages)
	return name, composite{Stages: list}, err
}

func (w *writer) recurrent(at string, l layer, config any) (string, any, error) {
	name := kindOfLayer(l)
	for _, p := range w.layers {
		if p.layer == l {
			return name, recurrent{Layer: p.at}, nil
		}
	}
	w.layers = append(w.layers, placedLayer{l, at})
	c, err := configText(config)
	if err != nil {
		return "", nil, &Error{at, "its Config", err}
	}
	l.EachParam(func(name string, v []float32, shape ...int) {
		same, e := w.add(at, name, v, shape...)
		if e == nil && same != "" {
			e = refuse(at, "its %s is the memory of %s, which a file can say of Linear and LayerNorm alone", name, same)
		}
		if err == nil {
			err = e
		}
	})
	return name, recurrent{Config: c}, err
}

// pair notes a weight and a bias, and returns those that earlier stages have.
func (w *writer) pair(at string, weight, bias []float32, shape []int, n int) (same shared, err error) {
	of, err := w.add(at, "weight", weight, shape...)
	if err != nil {
		return nil, err
	}
	same = shared{}
	if of != "" {
		same["weight"] = of
	}
	if bias != nil {
		if of, err = w.add(at, "bias", bias, n); err != nil {
			return nil, err
		}
		if of != "" {
			same["bias"] = of
		}
	}
	return same, nil
}

// add notes a tensor, unless an earlier one is the same memory, whose name it returns.
func (w *writer) add(at, name string, v []float32, shape ...int) (same string, err error) {
	if n, err := elements(shape); err != nil || n != len(v) {
		return "", refuse(at, "its %s has %d elements, want those of %v", name, len(v), shape)
	}
	full := at + "." + name
	for _, t := range w.tensors {
		switch {
		case kernels.Same(t.Data, v):
			return t.Name, nil
		case kernels.Overlap(t.Data, v):
			return "", refuse(at, "its %s and %s share a part of their memory, want all of it or none", name, t.Name)
		}
	}
	w.tensors = append(w.tensors, safetensors.Tensor{Name: full, Shape: slices.Clone(shape), Data: v})
	return "", nil
}

// String says what a description has, in one line.
func (c *Chain) String() string { return fmt.Sprintf("a chain of %d stages", len(c.nodes)) }
