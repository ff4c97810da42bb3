// Package facade writes what the packages lstm, gru and rnn have in common: the
// types Layer, Unrolled, Predictor, Activation, Merge, Scheme and Param with their
// methods, each of which calls package internal/seq, and their documentation. Go has
// no way to share them: embedded types of an internal package work, but go doc does
// not show their methods.
//
// Each file is a text/template for all three packages. What differs is the data in
// Cells.
package facade

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templates embed.FS

// A Cell is what a package has of its own.
type Cell struct {
	Package string // its name
	Name    string // of the cell in sentences

	// What the documentation says of the cell. Lines that Doc prints stand as they
	// are; the rest is part of a sentence.
	Memory        string // floats for each step, row and direction of each layer
	MemoryOptions string // Doc: what Config adds to these
	Gains         string // Doc: what New sets the parameters of layer normalisation to
	NormInit      string // what the Scheme PyTorch does with them
	KerasInit     string // Doc: what the Scheme Keras does
	PerGate       string // Doc: what differs between PerGate and Keras, if not its first sentence
	Gates         string // Doc: the order of the gates of a Param, if there are several
	Bias          string // Doc: what Param.Bias reports
	TinyBiases    string // Doc: what counts as +0 of two biases

	CellState  bool // the state has c after h
	Projection bool // Config has Projection
	Peephole   bool // Config has Peephole
	// FileTanh says that files count activations from tanh on, which is 0.
	FileTanh bool
}

// Cells are the packages.
var Cells = []Cell{
	{
		Package: "lstm", Name: "LSTM",
		Memory: "6*Hidden",
		MemoryOptions: `What Config adds keeps more. Dropout, InputDropout and WeightDropout take
nothing for each step and row, WeightDropout a copy of W_hh for each worker, at
most two for each direction of each layer. With any other field the 6*Hidden are
10*Hidden (9 if Coupled is set), and these come on top, in floats for each hidden
unit:

	Peephole       3 (2 if Coupled)
	Projection     1 + Projection/Hidden, but h takes only Projection/Hidden in place of 1
	CellClip       1
	ZoneoutCell    1
	HiddenDropout  1 (Projection/Hidden)
	LayerNorm      18 (14 if Coupled), and 3 for each step and row`,
		TinyBiases: `Of the two biases of a gate it is the sum that is +0 if it is below that.`,
		Gains:      `Layer normalisation begins with gains 1 and bias_c +0.`,
		NormInit:   "layer normalisation, which begins with gains 1 and bias_c +0",
		KerasInit: `Keras is a Scheme: W_ih and W_hr uniform by Glorot, W_hh with orthonormal columns,
each drawn as a whole matrix, biases and peepholes +0, gains 1. Keras sets the bias
of the forget gate to 1 besides: SetForgetBias does that.`,
		Gates: `Gates are in the order i, f, g, o, those of peepholes i, f, o; with Config.Coupled
there is no f.`,
		Bias:       `Bias reports whether p is a b_ih, a b_hh or the bias_c of layer normalisation.`,
		CellState:  true,
		Projection: true,
		Peephole:   true,
	},
	{
		Package: "gru", Name: "GRU",
		Memory: "5*Hidden",
		MemoryOptions: `What Config adds keeps more. ResetBefore and Textbook, Dropout, InputDropout and
WeightDropout take nothing for each step and row. With any other field the
5*Hidden are 8*Hidden; HiddenDropout takes Hidden more, LayerNorm 12*Hidden + 2.
WeightDropout has a copy of W_hh for each worker, at most two for each direction
of each layer.`,
		TinyBiases: `Of the two biases of a gate it is the sum that is +0 if it is below that. Those of n
count by themselves, b_hn inside the reset product, unless ResetBefore is set.`,
		Gains:    `The gains of layer normalisation begin as 1.`,
		NormInit: "the gains of layer normalisation, which are 1",
		KerasInit: `Keras is a Scheme: W_ih uniform by Glorot, W_hh with orthonormal columns, each
drawn as a whole matrix, biases +0 and gains 1.`,
		Gates: `Gates are in the order r, z, n.`,
		Bias:  `Bias reports whether p is a b_ih or a b_hh.`,
	},
	{
		Package: "rnn", Name: "plain recurrent",
		Memory: "2*Hidden",
		MemoryOptions: `Of what Config adds, Zoneout and HiddenDropout keep Hidden floats more each,
LayerNorm 4*Hidden + 2. WeightDropout has a copy of W_hh for each worker, at most
two for each direction of each layer.`,
		TinyBiases: `Of the two biases of a gate it is the sum that is +0 if it is below that.`,
		Gains:      `The gains of layer normalisation begin as 1.`,
		NormInit:   "the gains of layer normalisation, which are 1",
		KerasInit: `Keras is a Scheme: W_ih uniform by Glorot, W_hh with orthonormal columns, each
drawn as a whole matrix, biases +0 and gains 1.`,
		PerGate:  `A plain layer has one gate, so that the two schemes do the same.`,
		Bias:     `Bias reports whether p is a b_ih or a b_hh.`,
		FileTanh: true,
	},
}

// Dirs are the folders that Files writes to.
func Dirs() (dirs []string) {
	for _, c := range Cells {
		dirs = append(dirs, c.Package)
	}
	return dirs
}

// Files returns the contents of the files, still unformatted, by their path below
// the root of the module. generator is the command that their first lines name.
func Files(generator string) (map[string][]byte, error) {
	parsed, err := template.New("").Funcs(template.FuncMap{"doc": docText}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, c := range Cells {
		for _, t := range parsed.Templates() {
			stem, ok := strings.CutSuffix(t.Name(), ".go.tmpl")
			if !ok {
				continue
			}
			var text bytes.Buffer
			fmt.Fprintf(&text, "// Code generated by %s from asm/facade/%s. DO NOT EDIT.\n\npackage %s\n", generator, t.Name(), c.Package)
			if err := t.Execute(&text, c); err != nil {
				return nil, err
			}
			files[c.Package+"/z"+stem+".go"] = text.Bytes()
		}
	}
	return files, nil
}

// docText makes a comment of a text, line by line.
func docText(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight("// "+line, " "))
	}
	return strings.ReplaceAll(b.String(), "// \t", "//\t")
}
