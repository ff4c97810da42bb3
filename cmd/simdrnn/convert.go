package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

var convertCommand = command{
	name: "convert", args: "IN OUT", about: "from one format to another",
	text: `Converts a file. The format of IN comes from what is in it, that of OUT from its name
(.safetensors, .npz, .onnx, .simdrnn) or from -to.

A file that says what the stages of a network are is converted as a whole: an ONNX graph, a file
of a chain, a checkpoint whose program put the description into its Meta. OUT may be .onnx,
.safetensors, which gets the description too, and .npz, which has the parameters alone. For other
files the order of the parts is given:

  -chain embed,encoder.rnn,relu,head    the parts of safetensors or npz by their names, and functions
  -like FILE                            the stages of FILE with the parameters of IN, also of a checkpoint

In a -chain NAME is what the shapes say: a recurrent layer; a matrix without a bias at the beginning
is an embedding, else a linear layer; a vector a layer norm, with the epsilon that is the default of
PyTorch or Keras. KIND:NAME says it: embedding, linear, layer_norm, rnn, and tied, a linear layer
with the table of the embedding. "." is a part without a name.

Between safetensors and npz with PyTorch's names all tensors are copied, as float32; integers of
npz stay integers in npz. In every other case, and with -layer or -as, recurrent layers are
converted: the one that -layer names, which for Keras may be several that follow each other
(-layer lstm,lstm_1), else all of the file. Names change with the format: Keras' encoder/lstm is
encoder.lstm, with weight_ih_l0 behind it. A layer of a chain has its place there for a name. A
.simdrnn file has one layer, one with Keras' names recurrent layers: what else a chain has is
refused, unless -layer names the layer that is wanted.

What became of the tensors of IN is printed: those that matched parameters of a layer, those
that a layer lacks, those that are left over. A layer is refused where OUT cannot say what it
computes.

OUT appears when it is whole. It is not replaced without -force, and is never IN.
The exit status is 0 when OUT is written, 1 when it is not, 2 when the command line is wrong.
`,
	run: convertFile,
}

func convertFile(ctx context.Context, c *call) error {
	to := c.String("to", "", "`format` of OUT: safetensors, npz, keras, onnx or simdrnn")
	from := c.String("layer", "", "convert this `layer` of IN alone, by the name that inspect prints")
	as := c.String("as", "", "`name` of the layer in OUT (default: its name in IN)")
	activation := c.String("activation", "", "`function` of an RNN with PyTorch's names, tanh or relu: no file of them says which")
	parts := c.String("chain", "", "`names` of the parts of IN in the order in which they run, with commas between them")
	model := c.String("like", "", "`file` of a chain that has the stages to which the parameters of IN belong")
	logits := c.Bool("logits", false, "leave out a softmax or log-softmax at the end of a chain, which a file of a chain has no place for; packages loss and decode take logits")
	lastStep := c.Bool("last-step", false, "of ONNX: y is that of the last step alone, as pools need it")
	batchFirst := c.Bool("batch-first", false, "of ONNX: x and y are [batch][time][width]")
	force := c.Bool("force", false, "replace OUT if it exists")
	graph := c.graphOptions()
	names, err := c.files(2)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	c.Visit(func(f *flag.Flag) { given[f.Name] = true })
	target, err := outputFormat(names[1], *to)
	if err != nil {
		return err
	}
	switch {
	case *parts != "" && *model != "":
		return usagef("-chain and -like are given, want one of them")
	case (*parts != "" || *model != "") && (given["layer"] || given["as"]):
		return usagef("-layer and -as are for single layers, -chain and -like for a whole network: leave one of them out")
	case *logits && (given["layer"] || given["as"]):
		return usagef("-logits is for a whole chain, -layer and -as are for single layers: leave one of them out")
	case (*lastStep || *batchFirst) && target.name != "onnx":
		return usagef("-last-step and -batch-first are for ONNX, and OUT is %s", target.name)
	}
	f, ok := map[string]rnn.Activation{"": rnn.Tanh, "tanh": rnn.Tanh, "relu": rnn.ReLU}[*activation]
	if !ok {
		return usagef("-activation is %q, want tanh or relu", *activation)
	}
	if err := writable(names[1], names[0], *force); err != nil {
		return err
	}
	in, is, err := openFile(names[0], *graph)
	if err != nil {
		return err
	}
	defer in.close()
	if *parts != "" || *model != "" {
		if in, err = c.given(in, *parts, *model, *logits, onnx.Options{ExternalData: graph.ExternalData}, f, *activation == ""); err != nil {
			return err
		}
		*logits = *logits && *model == "" // else they are left out already
	}
	var out output
	whole, isWhole := in.(chained)
	tensorFile, copies := in.(container)
	_, isKeras := in.(*kerasFile)
	if isWhole && !given["layer"] && !given["as"] && !(layersAlone(in) && (target.name == "simdrnn" || target.name == "keras")) {
		out, err = c.takeChain(whole, target, *logits)
	} else if copies && !isKeras && (target.name == "safetensors" || target.name == "npz") && !given["layer"] && !given["as"] {
		out, err = c.copyTensors(ctx, tensorFile, target)
	} else {
		out, err = c.takeLayers(ctx, in, *from, given["layer"], f, *activation == "")
		if err == nil && given["as"] {
			if len(out.networks) != 1 {
				return usagef("-as names one layer, and %d are converted: name one with -layer", len(out.networks))
			}
			out.networks[0].name = *as
		}
	}
	if err != nil {
		return err
	}
	if o, ok := in.(*onnxFile); ok && !given["layer"] {
		for _, part := range o.beside() {
			fmt.Fprintf(c.stdout, "left over: %s\n", part)
		}
	}
	out.graph.LastStep, out.graph.BatchFirst = out.graph.LastStep || *lastStep, *batchFirst
	if *lastStep && out.graph.Window.To == 0 { // of which the last step is that of all
		out.graph.Window = onnx.Window{}
	}
	p := c.progress("writing", -1)
	err = replace(ctx, names[1], *force, p, func(w io.Writer) error { return target.write(w, out) })
	p.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s (%s) is written to %s (%s)\n", names[0], is.name, names[1], target.name)
	return nil
}

// given is IN as -chain or -like says.
func (c *call) given(in input, parts, model string, logits bool, graph onnx.Options, activation rnn.Activation, assumed bool) (input, error) {
	if parts != "" {
		made, left, err := assemble(in, parts, activation)
		if err != nil {
			return nil, err
		}
		if layers, _ := made.layers(); assumed && !in.tellsActivation() && slices.ContainsFunc(layers, func(l layer) bool { return strings.HasPrefix(l.line, "RNN") }) {
			fmt.Fprintln(c.stdout, "the activation of RNN layers is taken to be tanh; a file with PyTorch's names does not say, -activation relu is the other one")
		}
		c.names("left over", left)
		return made, nil
	}
	of, _, err := openFile(model, graph)
	if err != nil {
		return nil, err
	}
	defer of.close()
	return like(of, in, model, logits)
}

// layersAlone says whether a chain is nothing but recurrent layers.
func layersAlone(in input) bool {
	w, ok := in.(interface{ alone() bool })
	return ok && w.alone()
}

// takeChain takes a network as a whole.
func (c *call) takeChain(in chained, target format, logits bool) (out output, err error) {
	if err := isChain(in); err != nil {
		return out, err
	}
	m, err := in.network(1, 1)
	if err != nil {
		return out, err
	}
	if stages := m.Stages(); logits {
		last := len(stages) - 1
		if !isSoftmax(stages[last]) {
			return out, usagef("-logits is for a chain with a softmax at its end, and this one ends with %s", stageNames(stages[last:])[0])
		}
		if m, err = nn.Infer(1, 1, stages[:last]...); err != nil {
			return out, err
		}
		fmt.Fprintf(c.stdout, "left over: %s, the last stage\n", stageNames(stages[last:])[0])
	} else if target.name == "safetensors" && isSoftmax(stages[len(stages)-1]) {
		return out, usagef("the chain ends with %s, for which a file of a chain has no place: leave it out with -logits, or write .onnx or .npz", stageNames(stages[len(stages)-1:])[0])
	}
	names := stageNames(m.Stages())
	switch target.name {
	case "onnx":
		out.chain, out.graph.LastStep, out.graph.Window = m, in.ofLastStep(), in.window()
	case "safetensors":
		out.chain = m
	case "npz":
		if slices.ContainsFunc(m.Stages(), scales) {
			return out, usagef("the chain (%s) has an onnx.Scale, whose numbers are no parameters, and npz would lose them: write .onnx", strings.Join(names, ", "))
		}
		if out, err = chainTensors(m); err != nil {
			return out, err
		}
		fmt.Fprintln(c.stdout, "left over: what the stages are, which npz has no place for; -like names a file that says it when this one is read")
	default:
		return out, usagef("the file has a chain of %d stages (%s), and %s has recurrent layers alone: write .safetensors or .onnx, or name a layer with -layer", len(names), strings.Join(names, ", "), target.name)
	}
	fmt.Fprintf(c.stdout, "a chain of %d stages: %s\n", len(names), strings.Join(names, ", "))
	if in.ofLastStep() && target.name != "onnx" {
		fmt.Fprintln(c.stdout, "left over: the graph gives the output of the last step alone; the chain gives that of each step")
	}
	if w := in.window(); w != (onnx.Window{}) && target.name != "onnx" {
		fmt.Fprintf(c.stdout, "left over: the graph gives the output of the steps %v alone; the chain gives that of each step\n", w)
	}
	return out, nil
}

// scales says whether a stage has numbers that are no parameters, in it or in its parts.
func scales(s nn.Stage) bool {
	_, ok := s.(*onnx.Scale)
	return ok || slices.ContainsFunc(partsOf(s), scales)
}

// isSoftmax says whether a stage makes probabilities of logits.
func isSoftmax(s nn.Stage) bool {
	switch s.(type) {
	case onnx.Softmax, onnx.LogSoftmax:
		return true
	}
	return false
}

// copyTensors reads all tensors that can be written to target.
func (c *call) copyTensors(ctx context.Context, in container, target format) (out output, err error) {
	tensors, err := in.tensors()
	if err != nil {
		return out, err
	}
	p := c.progress("reading", int64(len(tensors)))
	defer p.end()
	var left, changed []string
	for _, t := range tensors {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		p.add(1)
		v, err := in.read(t)
		if err != nil {
			if isType(err) {
				left = append(left, fmt.Sprintf("%s (%s)", t.name, t.typ))
				continue
			}
			return out, err
		}
		if isSingle := t.typ == "F32" || t.typ == "float32"; !isSingle && (v.ints == nil || target.name != "npz") {
			changed = append(changed, fmt.Sprintf("%s (%s)", t.name, t.typ))
		}
		out.tensors, out.values = append(out.tensors, t), append(out.values, v)
	}
	out.metadata = in.metadata()
	if target.name != "safetensors" && len(out.metadata) > 0 {
		fmt.Fprintf(c.stdout, "left over: the metadata of the file, %d entries\n", len(out.metadata))
	}
	fmt.Fprintf(c.stdout, "copied: %d tensors\n", len(out.tensors))
	c.names("now float32", changed)
	c.names("left over, since no float32", left)
	return out, nil
}

// takeLayers loads the layer of the name, or all.
func (c *call) takeLayers(ctx context.Context, in input, name string, named bool, activation rnn.Activation, assumed bool) (out output, err error) {
	names := []string{name}
	if !named {
		layers, err := in.layers()
		if err != nil {
			return out, err
		}
		if names = nil; len(layers) == 0 {
			_, _, _, err := in.load("", activation) // which says why, of a file without layers
			if err == nil {
				err = fmt.Errorf("the file has no recurrent layers")
			}
			return out, err
		}
		for _, l := range layers {
			if l.err != nil {
				return out, fmt.Errorf("layer %q: %w; name another one with -layer", l.name, l.err)
			}
			names = append(names, l.name)
		}
	}
	taken := map[string]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		net, matched, missing, err := in.load(name, activation)
		c.names(fmt.Sprintf("layer %q, matched", name), matched)
		c.names(fmt.Sprintf("layer %q, missing", name), missing)
		if err != nil {
			return out, err
		}
		if kind(net) == "RNN" && assumed && !in.tellsActivation() {
			fmt.Fprintf(c.stdout, "layer %q: its activation is taken to be tanh; a file with PyTorch's names does not say, -activation relu is the other one\n", name)
		}
		for _, m := range matched {
			taken[m] = true
		}
		first, _, _ := strings.Cut(name, ",")
		out.networks = append(out.networks, placed{strings.ReplaceAll(first, "/", "."), net})
	}
	tensors, err := in.tensors()
	if err != nil {
		return out, err
	}
	var left []string
	for _, t := range tensors {
		if !taken[t.name] {
			left = append(left, t.name)
		}
	}
	c.names("left over", left)
	return out, nil
}

// names prints a list of names, if there are any.
func (c *call) names(what string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(c.stdout, "%s, %d:", what, len(names))
	for _, name := range names {
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			name = strconv.Quote(name) // which no terminal obeys
		}
		fmt.Fprintf(c.stdout, " %s", name)
	}
	fmt.Fprintln(c.stdout)
}
