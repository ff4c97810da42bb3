package onnx

import (
	"fmt"
	"regexp"
)

// A NodeError says which node of a graph cannot become part of a network, and why.
type NodeError struct {
	Node   string // its name; that of its first output where it has none
	Op     string // its operator, like "LSTM"; empty where several operators make such a node
	Reason string
}

// Error says which node it is, why, and what to do.
func (e *NodeError) Error() string {
	of := ""
	if e.Op != "" {
		of = ", operator " + e.Op
	}
	return fmt.Sprintf("onnx: node %q%s: %s", e.Node, of, advised(e.Reason, "export the graph without it, or name an output that does not need it by Options.Output"))
}

// A FormatError says that bytes are no ONNX file, or that a part of one contradicts another
// or is none that this package reads.
type FormatError struct {
	Part   string // of the file, like `initializer "W"`
	Reason string
}

// Error says which part of the file it is, why, and what to do.
func (e *FormatError) Error() string {
	return fmt.Sprintf("onnx: %s: %s", e.Part, advised(e.Reason, "copy the file again, or export it again"))
}

// advice is what a reason has that says itself what to do.
var advice = regexp.MustCompile(`[;:,] (or |and )?(export|take|leave|give|set|name|read) `)

// advised is a reason with what to do.
func advised(reason, do string) string {
	if advice.MatchString(reason) {
		return reason
	}
	return reason + "; " + do
}

// An ExportError says which stage ONNX's operators cannot express, and which field or type
// of it asks for that.
type ExportError struct {
	Stage  string // its place in the chain, like "2" or "1.0" for the first of a Sequential
	Field  string // like "lstm.Config.Zoneout", or the type of the stage
	Reason string
}

// Error names the stage and the field, and says why.
func (e *ExportError) Error() string {
	return fmt.Sprintf("onnx: stage %s: %s: %s", e.Stage, e.Field, e.Reason)
}

// A refusal is the reason of a NodeError, before the node is known.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, values ...any) error { return refusal(fmt.Sprintf(format, values...)) }

func malformed(part, format string, values ...any) error {
	return &FormatError{part, fmt.Sprintf(format, values...)}
}
