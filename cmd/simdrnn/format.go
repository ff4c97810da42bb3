package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

// A format is a kind of file. One more is a file of this package with one more of these,
// in formats.
type format struct {
	name   string // as -to takes it
	suffix string // of names of files that are written so without -to; "" for none
	about  string
	is     func(head []byte, name string) bool // by the first 512 bytes; nil for one that is not read
	open   func(name string, o onnx.Options) (input, error)
	write  func(w io.Writer, out output) error // nil for one that is not written
}

// formats are all of them. The first one that is the file reads it.
func formats() []format {
	return []format{ownFormat, checkpointFormat, npzFormat, chainFormat, kerasFormat, safetensorsFormat, onnxFormat}
}

// An input is an open file.
type input interface {
	// format says what it is, in words.
	format() string
	// layers are the recurrent layers, also those that cannot be loaded.
	layers() ([]layer, error)
	// load makes the network of one of them; Keras' layers that follow each other come with
	// a comma between.
	load(name string, activation rnn.Activation) (net network, matched, missing []string, err error)
	// tellsActivation says whether the file has the activation of an RNN, so that load does
	// not need it.
	tellsActivation() bool
	// tensors are all that there are. One of no floating-point numbers has a type that says so.
	tensors() ([]tensor, error)
	// notes are further lines for inspect.
	notes() []string
	close() error
}

// A container is an input whose tensors may be copied by their names.
type container interface {
	input
	read(t tensor) (values, error)
	metadata() map[string]string
}

// A layer is a recurrent layer of a file.
type layer struct {
	name string
	line string // what there is to say
	err  error  // why it cannot be loaded
}

// A tensor is one of a file.
type tensor struct {
	name, typ string
	shape     []int
	elements  int
}

// values are the elements of a tensor: one of the two.
type values struct {
	floats []float32
	ints   []int32
}

// A network is a *lstm.Layer, *gru.Layer or *rnn.Layer.
type network interface {
	WriteTo(w io.Writer) (int64, error)
	EachParam(f func(name string, w []float32, shape ...int))
}

// An output is what a format writes: a whole chain, tensors under their names, or networks.
type output struct {
	chain    *nn.Model // beside its tensors, if any
	graph    onnx.ExportOptions
	tensors  []tensor
	values   []values // of the tensors
	metadata map[string]string
	networks []placed
}

// A placed is a network under a name, which is that of its layer with dots: "encoder.rnn".
type placed struct {
	name string
	network
}

// openFile opens a file by its first bytes. The options are those of a graph.
func openFile(name string, o onnx.Options) (in input, is format, err error) {
	head := make([]byte, 512)
	f, err := os.Open(name)
	if err != nil {
		return nil, is, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, is, err
	}
	n, err := io.ReadFull(f, head)
	if e := f.Close(); e != nil || err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, is, errors.Join(err, e)
	}
	for _, is := range formats() {
		if is.is == nil || !is.is(head[:n], name) {
			continue
		}
		in, err := is.open(name, o)
		if err != nil {
			return nil, is, fmt.Errorf("%s: %w", name, err)
		}
		return in, is, nil
	}
	return nil, is, fmt.Errorf("%s is of no format that is known here, which are %s; give a whole file of one of these", name, list(formats(), func(f format) string { return f.name }))
}

// outputFormat is the format of -to, or that of the name.
func outputFormat(name, to string) (format, error) {
	written := slices.DeleteFunc(formats(), func(f format) bool { return f.write == nil })
	for _, f := range written {
		if to == f.name || to == "" && f.suffix != "" && strings.HasSuffix(name, f.suffix) {
			return f, nil
		}
	}
	known := list(written, func(f format) string { return f.name })
	if to != "" {
		return format{}, usagef("-to is %q, want one of %s", to, known)
	}
	return format{}, usagef("the name %q does not say in which format: give -to with one of %s", filepath.Base(name), known)
}

func list[E any](all []E, name func(E) string) string {
	var names []string
	for _, e := range all {
		names = append(names, name(e))
	}
	return strings.Join(names, ", ")
}

// inferring is what nn.Fingerprint and bench take of a network.
func inferring(net network, steps, rows, workers int) nn.Net {
	switch l := net.(type) {
	case *lstm.Layer:
		u := l.Infer(steps, rows)
		u.SetWorkers(workers)
		return u
	case *gru.Layer:
		u := l.Infer(steps, rows)
		u.SetWorkers(workers)
		return u
	case *rnn.Layer:
		u := l.Infer(steps, rows)
		u.SetWorkers(workers)
		return u
	}
	panic(fmt.Sprintf("a %T is no network", net))
}

// describe is a line about a network, with what its Config has besides the sizes.
func describe(net network) string {
	var config string
	switch l := net.(type) {
	case *lstm.Layer:
		config = fmt.Sprintf("%+v", l.Config())
	case *gru.Layer:
		config = fmt.Sprintf("%+v", l.Config())
	case *rnn.Layer:
		config = fmt.Sprintf("%+v", l.Config())
	}
	var said []string
	for field := range strings.SplitSeq(strings.Trim(config, "{}"), " ") {
		name, value, ok := strings.Cut(field, ":")
		switch {
		case !ok: // the rest of an activation like HardSigmoid(0.2, 0.5)
			if len(said) > 0 {
				said[len(said)-1] += " " + field
			}
		case name == "Input" || name == "Hidden" || name == "Layers":
			said = append(said, strings.ToLower(name)+" "+value)
		case value == "0" || value == "false" || name == "Workers" || defaults[field]:
		case value == "true":
			said = append(said, name)
		default:
			said = append(said, name+" "+value)
		}
	}
	return fmt.Sprintf("%s, %s", kind(net), strings.Join(said, ", "))
}

// defaults are the fields of a Config that most networks have.
var defaults = map[string]bool{"Merge:Concat": true, "GateActivation:Sigmoid": true, "CandidateActivation:Tanh": true, "OutputActivation:Tanh": true}

func kind(net network) string {
	switch net.(type) {
	case *lstm.Layer:
		return "LSTM"
	case *gru.Layer:
		return "GRU"
	}
	return "RNN"
}
