package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

// The formats of tensors under names: safetensors and .npz with PyTorch's names.

var safetensorsFormat = format{
	name: "safetensors", suffix: ".safetensors", about: "tensors under PyTorch's names (.safetensors)",
	is:   isSafetensors,
	open: func(name string, _ onnx.Options) (input, error) { return openSafetensors(name) },
	write: func(w io.Writer, out output) error {
		if out.chain != nil {
			return writeChain(w, out.chain)
		}
		var list []safetensors.Tensor
		for i, t := range out.tensors {
			floats := out.values[i].floats
			for _, v := range out.values[i].ints {
				floats = append(floats, float32(v))
			}
			list = append(list, safetensors.Tensor{Name: t.name, Shape: t.shape, Data: floats})
		}
		for _, p := range out.networks {
			tensors, err := toSafetensors(p)
			if err != nil {
				return err
			}
			list = append(list, tensors...)
		}
		metadata := out.metadata
		if metadata == nil {
			metadata = map[string]string{"format": "pt"}
		}
		return safetensors.Write(w, metadata, list...)
	},
}

var npzFormat = format{
	name: "npz", suffix: ".npz", about: "NumPy arrays under PyTorch's names (.npz)",
	is: func(head []byte, _ string) bool {
		return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
	},
	open: openNPZ,
	write: func(w io.Writer, out output) error {
		var list []npy.Array
		for i, t := range out.tensors {
			list = append(list, npy.Array{Name: t.name, Shape: t.shape, Float32: out.values[i].floats, Int32: out.values[i].ints})
		}
		for _, p := range out.networks {
			tensors, err := toSafetensors(p)
			if err != nil {
				return err
			}
			for _, t := range tensors {
				list = append(list, npy.Array{Name: t.Name, Shape: t.Shape, Float32: t.Data})
			}
		}
		return npy.WriteArchive(w, false, list...)
	},
}

// toSafetensors returns the parameters of a network under PyTorch's names.
func toSafetensors(p placed) ([]safetensors.Tensor, error) {
	prefix := p.name
	if prefix != "" {
		prefix += "."
	}
	switch l := p.network.(type) {
	case *lstm.Layer:
		return convert.ToSafetensors(l, prefix)
	case *gru.Layer:
		return convert.ToSafetensors(l, prefix)
	case *rnn.Layer:
		return convert.ToSafetensors(l, prefix)
	}
	panic(fmt.Sprintf("a %T is no network", p.network))
}

func isSafetensors(head []byte, _ string) bool {
	// Of the length of the header the upper half is zero; ONNX files have text there.
	return len(head) > 8 && head[8] == '{' && bytes.Equal(head[4:8], make([]byte, 4))
}

// A namedFile is a file of tensors under PyTorch's names.
type namedFile struct{ convert.File }

func (n namedFile) tellsActivation() bool { return false }

func (n namedFile) layers() (all []layer, err error) {
	found, err := convert.Inspect(n.File)
	for _, f := range found {
		all = append(all, layer{strings.TrimSuffix(f.Prefix, "."), strings.TrimPrefix(f.String(), fmt.Sprintf("%.100q: ", f.Prefix)), f.Err})
	}
	return all, err
}

func (n namedFile) load(name string, activation rnn.Activation) (net network, matched, missing []string, err error) {
	prefix := name
	if prefix != "" && !strings.HasSuffix(prefix, ".") {
		prefix += "."
	}
	found, err := convert.Inspect(n.File)
	if err != nil {
		return nil, nil, nil, err
	}
	var report convert.Report
	at := slices.IndexFunc(found, func(f convert.Found) bool { return f.Prefix == prefix })
	switch {
	case at >= 0 && found[at].Kind == "GRU":
		var l *gru.Layer
		l, report, err = convert.LoadGRU(n.File, prefix)
		net = l
	case at >= 0 && found[at].Kind == "RNN":
		var l *rnn.Layer
		l, report, err = convert.LoadRNN(n.File, prefix, activation)
		net = l
	default:
		var l *lstm.Layer // whose error says what there is
		l, report, err = convert.LoadLSTM(n.File, prefix)
		net = l
	}
	full := func(names []string) (all []string) {
		for _, name := range names {
			all = append(all, prefix+name)
		}
		return all
	}
	return net, full(report.Matched), full(report.Missing), err
}

// A safetensorsFile is one with PyTorch's names, or with any.
type safetensorsFile struct {
	namedFile
	f *safetensors.File
}

func openSafetensors(name string) (*safetensorsFile, error) {
	f, err := safetensors.Limits{Header: 100_000_000}.Open(name)
	if err != nil {
		return nil, err
	}
	return &safetensorsFile{namedFile{f}, f}, nil
}

func (s *safetensorsFile) format() string              { return "safetensors" }
func (s *safetensorsFile) close() error                { return s.f.Close() }
func (s *safetensorsFile) metadata() map[string]string { return s.f.Metadata() }

func (s *safetensorsFile) notes() (notes []string) {
	m := s.f.Metadata()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		notes = append(notes, fmt.Sprintf("metadata %s: %s", short(key), short(m[key])))
	}
	return notes
}

func (s *safetensorsFile) tensors() (all []tensor, err error) {
	for info := range s.f.All() {
		all = append(all, tensor{info.Name, string(info.Type), info.Shape, info.Elements()})
	}
	return all, nil
}

func (s *safetensorsFile) read(t tensor) (v values, err error) {
	v.floats, err = s.f.Float32(t.name)
	return v, err
}

// An npzFile is an archive of arrays.
type npzFile struct {
	namedFile
	f *npy.Archive
}

func openNPZ(name string, _ onnx.Options) (input, error) {
	// PyTorch's and Keras' own files are zip archives too.
	if z, err := zip.OpenReader(name); err == nil {
		defer z.Close()
		for _, member := range z.File {
			switch {
			case strings.HasSuffix(member.Name, "/data.pkl"):
				return nil, errors.New("it is a pickle of torch.save, which runs code when it is read: in Python, safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")")
			case member.Name == "model.weights.h5":
				return nil, errors.New("it is a file of keras.Model.save: in Python, python convert/keras_safetensors.py save MODEL.keras OUT.safetensors")
			}
		}
	}
	f, err := npy.OpenArchive(name)
	if err != nil {
		return nil, err
	}
	return &npzFile{namedFile{f}, f}, nil
}

func (n *npzFile) format() string              { return "NumPy's npz" }
func (n *npzFile) close() error                { return n.f.Close() }
func (n *npzFile) metadata() map[string]string { return nil }
func (n *npzFile) notes() []string             { return nil }

func (n *npzFile) tensors() (all []tensor, err error) {
	for name := range n.f.Names() {
		info, err := n.f.Info(name)
		if err != nil {
			return nil, err
		}
		all = append(all, tensor{name, string(info.Type), info.Shape, info.Elements()})
	}
	return all, nil
}

func (n *npzFile) read(t tensor) (v values, err error) {
	if v.ints, err = n.f.Int32(t.name); err == nil {
		return v, nil
	}
	if bad := new(npy.TypeError); errors.As(err, &bad) {
		v.floats, err = n.f.Float32(t.name)
	}
	return v, err
}

// isType says that an error is about the type of a tensor's elements.
func isType(err error) bool {
	a, b := new(safetensors.TypeError), new(npy.TypeError)
	return errors.As(err, &a) || errors.As(err, &b)
}
