package onnx

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// A Network is what a graph computes, as stages of a chain:
//
//	net, err := onnx.Open("model.onnx", onnx.Options{})
//	model, err := nn.Infer(steps, batch, net.Stages...)   // or nn.Unroll, to train it
//
// The chain has tensors as this module has them, [T][B][width], whatever their axes in the
// file are, and the outputs of all steps. Run has those of the file.
type Network struct {
	// Stages are those of the chain, in order: *nn.Embedding, Recurrent, *nn.Linear,
	// *nn.LayerNorm, nn.Activation, pools, nn.AttentionPool, *Pick, *Scale, *Combine, Softmax, LogSoftmax, and nn.Residual and
	// nn.Parallel of such. Chains that are made of them share the weights.
	Stages []nn.Stage

	// LastStep says that the graph has the output of the last step of each row alone.
	LastStep bool

	// Window says which steps of each row the graph has the output of, where it has those of some
	// alone, as x[:, -30:] gives the last 30; all, where it has several outputs of different ones. A
	// chain has the outputs of all.
	Window Window

	// Reversed says that the graph has the outputs of the steps from the last to the first. A
	// chain has them in their order.
	Reversed bool

	// Encoder is the network whose final states layers of this one begin with, nil if there is
	// none: the encoder of an encoder and a decoder, or a layer that passes its state on. It
	// has no Outputs. Run runs it first. For chains see Begin, or package seq2seq, whose
	// Bridge copies states where both chains have the same.
	Encoder *Network

	// Inputs are those of the graph that the network has a use for, the data first, and those of
	// the Encoder last.
	// Outputs are those of the graph, the output of the chain first, if it is one of
	// them, then final states.
	Inputs, Outputs []Port

	// Lengths are the steps of each row, if the file itself says them.
	Lengths []int

	// MaskZero says that a row has as many steps as it has ids other than 0, as keras2onnx
	// writes mask_zero of Keras. Run counts them; for a chain they are the lengths.
	MaskZero bool

	data    Port
	roles   [2]role
	lengths string
	states  []statePlan
	begins  []beginPlan
	places  map[*recurrent]*[2][2]place
	outputs []outputPlan
	sizes   []string
	tensors int
}

// A Port is an input or an output of a graph.
type Port struct {
	Name     string
	Use      Use
	Integers bool     // ids or lengths; else floats
	Shape    []string // of each axis its size, or a name for one that the graph leaves open

	fixed []int // the sizes, 0 for those that are open
	cast  bool  // floats that the graph takes as ids: Keras' models have such
}

// ids says whether the values are ids or other integers, maybe written as floats.
func (p *Port) ids() bool { return p.Integers || p.cast }

// Use is what a Port is for.
type Use string

const (
	Data      Use = "data"    // the sequences: the input and the output of the chain
	SourceOf  Use = "source"  // the sequences that the Encoder reads
	StateOf   Use = "state"   // states of recurrent layers before the first or after the last step
	LengthsOf Use = "lengths" // the steps of each row
)

// statePlan says from which input a state begins.
type statePlan struct {
	initial
	places []place // of its directions
	width  int
	name   string
}

// outputPlan says where an output is.
type outputPlan struct {
	name string
	view *view
}

// plan fills in what Run needs.
func (im *importer) plan(n *Network, b *builder) error {
	n.tensors = b.tensors
	n.data = *b.root.port
	n.data.Use = Data
	n.roles = b.root.roles
	for i, r := range []role{timeRole, batchRole} {
		if !slices.Contains(n.roles[:], r) && n.roles[i] == noRole {
			n.roles[i] = r
		} else if !slices.Contains(n.roles[:], r) {
			n.roles[1-i] = r
		}
	}
	n.Inputs = []Port{n.data}
	add := func(p *Port, use Use) error {
		if slices.ContainsFunc(n.Inputs, func(q Port) bool { return q.Name == p.Name && q.Use != use }) {
			return malformed(textOf("input", p.Name), "it is used as %s and as something else", use)
		}
		if !slices.ContainsFunc(n.Inputs, func(q Port) bool { return q.Name == p.Name }) {
			q := *p
			q.Use = use
			n.Inputs = append(n.Inputs, q)
		}
		return nil
	}
	for _, r := range b.recs {
		for k, s := range []initial{r.h, r.c} { // those of an encoder come with it
			if s.from == nil {
				continue
			}
			if err := add(s.from.port, StateOf); err != nil {
				return err
			}
			n.states = append(n.states, statePlan{s, b.places[r][k][:r.directions], r.hidden, r.name})
		}
	}
	if len(b.recs) > 0 {
		n.lengths, n.Lengths, n.MaskZero = b.recs[0].lens, b.recs[0].fixed, b.recs[0].counts
	}
	if b.rows.counts {
		n.MaskZero = true
	} else if b.rows.port != "" {
		n.lengths = b.rows.port
	}
	for _, p := range im.ports {
		if p.Name == n.lengths && n.lengths != "" {
			if err := add(p, LengthsOf); err != nil {
				return err
			}
		}
	}
	if n.Encoder != nil {
		for _, q := range n.Encoder.Inputs {
			use := q.Use
			if use == Data {
				use = SourceOf
			}
			if q.Name == n.data.Name && use == SourceOf {
				continue // both read it
			}
			if err := add(&q, use); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(n.outputs, func(a, b outputPlan) int { return order(a) - order(b) })
	for _, o := range n.outputs {
		p := Port{Name: o.name, Use: Data}
		if o.view.list != nil {
			p.Use = StateOf
		}
		sizes, err := o.view.sizes()
		if err != nil {
			return malformed(textOf("output", o.name), "%v", err)
		}
		for _, s := range sizes {
			p.Shape = append(p.Shape, im.sizeName(s))
		}
		n.Outputs = append(n.Outputs, p)
	}
	return nil
}

func order(o outputPlan) int {
	if o.view.list == nil {
		return 0
	}
	return 1
}

// sizeName is a size as a Port has it.
func (im *importer) sizeName(s sym) string {
	for i, name := range im.sizes {
		if s == unknown(i) {
			return name
		}
	}
	return s.String()
}

// A Tensor is the value of a Port for Run: row-major, one of Floats and Integers, as the
// Port says.
type Tensor struct {
	Shape    []int
	Floats   []float32
	Integers []int64
}

// String gives the shape.
func (t Tensor) String() string { return fmt.Sprintf("a tensor of shape %v", t.Shape) }
