package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx"
	"github.com/simdrnn/simdrnn/rnn"
)

var kerasFormat = format{
	name: "keras", about: "safetensors with Keras' names, for and from convert/keras_safetensors.py",
	is: func(head []byte, name string) bool { return hasMetadata(head, name, "simdrnn.keras") },
	open: func(name string, _ onnx.Options) (input, error) {
		f, err := openSafetensors(name)
		if err != nil {
			return nil, err
		}
		return &kerasFile{f}, nil
	},
	write: func(w io.Writer, out output) error {
		var all []convert.KerasLayer
		for _, p := range out.networks {
			layers, err := toKeras(p)
			if err != nil {
				return err
			}
			all = append(all, layers...)
		}
		metadata, tensors, err := convert.ToKerasFile(all...)
		if err != nil {
			return err
		}
		return safetensors.Write(w, metadata, tensors...)
	},
}

// toKeras returns the layers of a network under a name and, where they are several, that
// name with _1 and so on, as Keras names them.
func toKeras(p placed) ([]convert.KerasLayer, error) {
	var layers int
	var reverse bool
	switch l := p.network.(type) {
	case *lstm.Layer:
		layers, reverse = l.Config().Layers, l.Config().Reverse
	case *gru.Layer:
		layers, reverse = l.Config().Layers, l.Config().Reverse
	case *rnn.Layer:
		layers, reverse = l.Config().Layers, l.Config().Reverse
	}
	name := strings.ReplaceAll(p.name, ".", "/")
	if name == "" {
		name = strings.ToLower(kind(p.network))
	}
	names := []string{name}
	for i := 1; i < layers && !reverse; i++ {
		names = append(names, fmt.Sprintf("%s_%d", name, i))
	}
	switch l := p.network.(type) {
	case *lstm.Layer:
		return convert.ToKerasLayers(l, names...)
	case *gru.Layer:
		return convert.ToKerasLayers(l, names...)
	case *rnn.Layer:
		return convert.ToKerasLayers(l, names...)
	}
	panic(fmt.Sprintf("a %T is no network", p.network))
}

// A kerasFile is a safetensors file with Keras' names.
type kerasFile struct{ *safetensorsFile }

func (k *kerasFile) format() string { return "safetensors of a Keras model" }

func (k *kerasFile) tellsActivation() bool { return true }

func (k *kerasFile) layers() (all []layer, err error) {
	found, err := convert.InspectKeras(k.f)
	for _, f := range found {
		all = append(all, layer{f.Name, strings.TrimPrefix(f.String(), fmt.Sprintf("%.100q: ", f.Name)), f.Err})
	}
	return all, err
}

func (k *kerasFile) notes() []string {
	return slices.DeleteFunc(k.safetensorsFile.notes(), func(s string) bool { return bytes.Contains([]byte(s), []byte(`"simdrnn.keras"`)) })
}

func (k *kerasFile) load(name string, _ rnn.Activation) (net network, matched, missing []string, err error) {
	names := strings.Split(name, ",")
	found, err := convert.InspectKeras(k.f)
	if err != nil {
		return nil, nil, nil, err
	}
	var report convert.Report
	at := slices.IndexFunc(found, func(f convert.KerasFound) bool { return f.Name == names[0] })
	switch {
	case at >= 0 && found[at].Kind == "GRU":
		var l *gru.Layer
		l, report, err = convert.LoadKerasGRU(k.f, names...)
		net = l
	case at >= 0 && found[at].Kind == "RNN":
		var l *rnn.Layer
		l, report, err = convert.LoadKerasRNN(k.f, names...)
		net = l
	default:
		var l *lstm.Layer // whose error says what there is
		l, report, err = convert.LoadKerasLSTM(k.f, names...)
		net = l
	}
	return net, report.Matched, report.Missing, err
}
