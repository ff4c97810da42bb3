package onnx

import (
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// Options say how a file is read. The zero value is the usual choice.
type Options struct {
	// Output names the output of the graph that the network has, if there are several
	// beside final states.
	Output string

	// ExternalData lets Open read tensors that lie in other files of the folder of the
	// model. Names that lead out of that folder are errors, symbolic links too.
	ExternalData bool
}

// Open reads a file: see Load.
func Open(path string, o Options) (*Network, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	defer file.Close()
	var from *folder
	if o.ExternalData {
		if from, err = openFolder(path); err != nil {
			return nil, err
		}
		defer from.close()
	}
	return load(file, o, from)
}

// Load reads a model to the end of r and returns the network that its graph computes.
//
// It returns a *FormatError if the bytes are no ONNX file, or one that contradicts itself,
// and a *NodeError that names the node, its operator and the reason if the graph has one
// that no network here has, or if its nodes make more constants of others than 4 elements for
// each byte. Memory grows with the bytes that are there, whatever they declare.
func Load(r io.Reader, o Options) (*Network, error) {
	if o.ExternalData {
		return nil, fmt.Errorf("onnx: Load with Options.ExternalData: a Reader has no folder; use Open")
	}
	return load(r, o, nil)
}

func load(r io.Reader, o Options, from *folder) (*Network, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	var model pb.ModelProto
	if err := proto.Unmarshal(text, &model); err != nil {
		return nil, malformed("the file", "it is no ONNX file, or damaged: %v", err)
	}
	return imported(&model, len(text), from, o.Output)
}
