package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
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
		if out.chain != nil {
			err := onnx.Export(w, out.graph, out.chain)
			if e := (*onnx.ExportError)(nil); errors.As(err, &e) && strings.Contains(e.Reason, "ExportOptions.LastStep") {
				return fmt.Errorf("%w; that is the flag -last-step", err)
			}
			return err
		}
		if len(out.networks) != 1 {
			return usagef("a graph has one chain, and %d layers are converted: name one with -layer (%s), or say with -chain in which order the parts of a network run", len(out.networks), list(out.networks, func(p placed) string { return fmt.Sprintf("%q", p.name) }))
		}
		return onnx.Export(w, out.graph, onnx.Recurrent{Layer: out.networks[0].network})
	},
}

// An onnxFile is a graph as a chain.
type onnxFile struct {
	*whole
	net *onnx.Network
}

// graphOptions are the flags of a command for graphs.
func (c *call) graphOptions() *onnx.Options {
	o := new(onnx.Options)
	c.BoolVar(&o.ExternalData, "external-data", false, "of an ONNX graph: read weights that lie in other files of its folder too")
	c.StringVar(&o.Output, "output", "", "of an ONNX graph with several: the `name` of the output that is wanted")
	return o
}

func openONNX(name string, o onnx.Options) (input, error) {
	net, err := onnx.Open(name, o)
	if err != nil && !o.ExternalData && strings.Contains(err.Error(), "ExternalData") {
		return nil, fmt.Errorf("%w; give -external-data", err)
	}
	if err != nil {
		return nil, err
	}
	w, err := newWhole(func(steps, rows int) (*nn.Model, error) { return nn.Infer(steps, rows, net.Stages...) })
	if err != nil {
		return nil, err
	}
	return &onnxFile{w, net}, nil
}

func (o *onnxFile) format() string      { return "an ONNX graph" }
func (o *onnxFile) ofLastStep() bool    { return o.net.LastStep }
func (o *onnxFile) window() onnx.Window { return o.net.Window }

// alone: layers that begin with the state of an encoder are no layers for themselves.
func (o *onnxFile) alone() bool {
	return o.net.Encoder == nil && !o.net.Reversed && o.net.Window == (onnx.Window{}) && o.whole.alone()
}

// isChain returns an error for an encoder with a decoder, whose chain alone would begin at zero.
func isChain(in input) error {
	if o, ok := in.(*onnxFile); ok && o.net.Encoder != nil {
		return usagef("the graph is an encoder and a decoder that begins with its state, which no chain is: name one of its layers with -layer, or take both chains in a program (onnx.Network.Encoder)")
	}
	return nil
}

// beside is what the graph says beside its stages, which a chain and a layer are told otherwise.
func (o *onnxFile) beside() (parts []string) {
	if o.net.Reversed {
		parts = append(parts, "the graph gives the outputs from the last step to the first; the chain gives them in their order")
	}
	for n := o.net; n != nil; n = n.Encoder {
		of := ""
		if n != o.net {
			of = " of the encoder"
		}
		if n.MaskZero {
			parts = append(parts, fmt.Sprintf("the graph takes for the steps of a row%s how many ids of it are not 0 (mask_zero); the chain is given lengths (ForwardLengths, Batch.Lengths)", of))
		}
		if n.Lengths != nil {
			parts = append(parts, fmt.Sprintf("the graph has rows%s of %v steps; the chain is given lengths (ForwardLengths, Batch.Lengths)", of, n.Lengths))
		}
	}
	for _, p := range o.net.Inputs {
		if p.Use == onnx.LengthsOf {
			parts = append(parts, fmt.Sprintf("the graph has the input %q, the steps of each row; the chain is given lengths (ForwardLengths, Batch.Lengths)", p.Name))
		}
	}
	return parts
}

func (o *onnxFile) notes() (notes []string) {
	for i, ports := range [][]onnx.Port{o.net.Inputs, o.net.Outputs} {
		for _, p := range ports {
			notes = append(notes, fmt.Sprintf("%s %q: %s, [%s]", []string{"input", "output"}[i], p.Name, p.Use, strings.Join(p.Shape, ", ")))
		}
	}
	if w := o.net.Window; w != (onnx.Window{}) {
		notes = append(notes, fmt.Sprintf("the graph gives the output of the steps %v alone; the chain gives that of each step", w))
	}
	notes = append(notes, o.beside()...)
	for e := o.net.Encoder; e != nil; e = e.Encoder {
		notes = append(notes, fmt.Sprintf("an encoder, whose final states layers begin with: it reads %q, and its stages are %s", e.Inputs[0].Name, strings.Join(stageNames(e.Stages), ", ")))
	}
	return append(notes, o.whole.notes()...)
}
