package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

var onnxFormat = format{
	name: "onnx", suffix: ".onnx", about: "a graph of LSTM, GRU and RNN with what is around them (.onnx)",
	// A model begins with its version, a small number, and goes on with a text, the graph or
	// the operator sets.
	is: func(head []byte, _ string) bool {
		return len(head) > 3 && head[0] == 0x08 && head[1] >= 1 && head[1] < 0x40 && bytes.IndexByte([]byte{0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42}, head[2]) >= 0
	},
	open: openONNX,
	write: func(w io.Writer, out output) error {
		if len(out.networks) != 1 {
			return usagef("a graph has one layer, not %d: name one with -layer (%s)", len(out.networks), list(out.networks, func(p placed) string { return fmt.Sprintf("%q", p.name) }))
		}
		return onnx.Export(w, onnx.ExportOptions{}, onnx.Recurrent{Layer: out.networks[0].network})
	},
}

// An onnxFile is a graph as a chain. Its layers have the places of their stages for names,
// like "1" or, inside of another stage, "2.0".
type onnxFile struct {
	net       *onnx.Network
	recurrent []placedRecurrent
}

type placedRecurrent struct {
	place string
	onnx.Recurrent
}

func openONNX(name string) (input, error) {
	net, err := onnx.Open(name, onnx.Options{})
	if err != nil {
		return nil, err
	}
	o := &onnxFile{net: net}
	o.walk("", net.Stages)
	return o, nil
}

// walk finds the recurrent layers among stages.
func (o *onnxFile) walk(prefix string, stages []nn.Stage) {
	for i, s := range stages {
		place := fmt.Sprint(prefix, i)
		switch s := s.(type) {
		case onnx.Recurrent:
			o.recurrent = append(o.recurrent, placedRecurrent{place, s})
		case nn.Sequential:
			o.walk(place+".", s)
		case nn.Residual:
			o.walk(place+".", s)
		case nn.Parallel:
			o.walk(place+".", s)
		}
	}
}

func (o *onnxFile) format() string        { return "an ONNX graph" }
func (o *onnxFile) close() error          { return nil }
func (o *onnxFile) tellsActivation() bool { return true }

func (o *onnxFile) layers() (all []layer, err error) {
	for _, r := range o.recurrent {
		all = append(all, layer{name: r.place, line: describe(r.Layer.(network))})
	}
	return all, nil
}

func (o *onnxFile) notes() (notes []string) {
	for i, ports := range [][]onnx.Port{o.net.Inputs, o.net.Outputs} {
		for _, p := range ports {
			notes = append(notes, fmt.Sprintf("%s %q: %s, [%s]", []string{"input", "output"}[i], p.Name, p.Use, strings.Join(p.Shape, ", ")))
		}
	}
	var stages []string
	for _, s := range o.net.Stages {
		stages = append(stages, strings.TrimPrefix(fmt.Sprintf("%T", s), "*"))
	}
	notes = append(notes, "stages of the chain: "+strings.Join(stages, ", "))
	for _, r := range o.recurrent {
		if r.Initial != nil {
			notes = append(notes, fmt.Sprintf("layer %q begins with a state of the file, which convert does not carry over", r.place))
		}
	}
	return notes
}

func (o *onnxFile) load(name string, _ rnn.Activation) (net network, matched, missing []string, err error) {
	at := slices.IndexFunc(o.recurrent, func(r placedRecurrent) bool { return r.place == name })
	if at < 0 {
		if len(o.recurrent) == 0 {
			return nil, nil, nil, errors.New("the graph has no recurrent layer")
		}
		return nil, nil, nil, fmt.Errorf("there is no layer %q; the graph has %s", name, list(o.recurrent, func(r placedRecurrent) string { return fmt.Sprintf("%q", r.place) }))
	}
	net = o.recurrent[at].Layer.(network)
	net.EachParam(func(p string, _ []float32, _ ...int) { matched = append(matched, name+"."+p) })
	return net, matched, nil, nil
}

func (o *onnxFile) tensors() (all []tensor, err error) {
	chain, err := nn.Infer(1, 1, o.net.Stages...)
	if err != nil {
		return nil, err
	}
	chain.EachShape(func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		all = append(all, tensor{name, "F32", slices.Clone(shape), n})
	})
	return all, nil
}
