package convert_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// FuzzInspect looks for layers in any file and loads what it finds. What Inspect
// calls whole is loaded, and nothing else; what is loaded comes back from a file of
// its own.
func FuzzInspect(f *testing.F) {
	b, err := os.ReadFile("testdata/pytorch.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	header := 8 + int(binary.LittleEndian.Uint64(b))
	f.Add(string(b[8:header]), b[header:])
	for _, gates := range []string{"4", "3", "1"} {
		n := map[string]int{"4": 4, "3": 3, "1": 1}[gates]
		f.Add(`{"a.weight_hh_l0":{"dtype":"F16","shape":[`+gates+`,1],"data_offsets":[0,`+string('0'+rune(2*n))+`]},"a.weight_ih_l0":{"dtype":"BF16","shape":[`+gates+`,0],"data_offsets":[0,0]}}`, make([]byte, 2*n))
	}
	f.Add(`{"weight_hh_l0":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},"weight_ih_l0":{"dtype":"BF16","shape":[1,1],"data_offsets":[2,4]}}`, make([]byte, 4))
	f.Fuzz(func(t *testing.T, header string, data []byte) {
		b := append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
		f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		all, err := convert.Inspect(f)
		if limit := new(safetensors.LimitError); errors.As(err, &limit) {
			return // more layers than Inspect takes, the one thing that it refuses
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range all {
			var tensors []safetensors.Tensor
			var report convert.Report
			var err error
			switch found.Kind {
			case "LSTM":
				tensors, report, err = reload(convert.LoadLSTM(f, found.Prefix))
			case "GRU":
				tensors, report, err = reload(convert.LoadGRU(f, found.Prefix))
			case "RNN":
				tensors, report, err = reload(convert.LoadRNN(f, found.Prefix, rnn.Tanh))
			default:
				if found.Err == nil {
					t.Fatalf("%v is of no kind and has no error", found)
				}
				continue
			}
			if found.Err != nil {
				if err == nil {
					t.Fatalf("%v is loaded", found)
				}
				continue
			}
			if err != nil { // of reading alone, with a tensor's name
				for _, name := range report.Matched {
					if _, readErr := f.Float32(found.Prefix + name); readErr != nil {
						return
					}
				}
				t.Fatalf("%v: %v", found, err)
			}
			if len(tensors) != len(report.Matched) || len(report.Missing) > 0 {
				t.Fatalf("%d tensors, %+v", len(tensors), report)
			}
			for i, w := range tensors {
				got, err := f.Float32(found.Prefix + w.Name)
				if err != nil || !slices.Equal(bits(got), bits(w.Data)) || report.Matched[i] != w.Name {
					t.Fatalf("%s: %v, %v, want %v", w.Name, w.Data, err, got)
				}
			}
		}
	})
}

func reload[N convert.Network](net N, report convert.Report, err error) ([]safetensors.Tensor, convert.Report, error) {
	if err != nil {
		return nil, report, err
	}
	tensors, err := convert.ToSafetensors(net, "")
	return tensors, report, err
}

// FuzzKerasMetadata loads whatever the metadata says that there is: what InspectKeras
// finds no fault with is loaded, nothing else is, and what is loaded can be written.
func FuzzKerasMetadata(f *testing.F) {
	file, err := safetensors.Open("testdata/keras.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	var tensors []safetensors.Tensor
	for info := range file.All() {
		tensors = append(tensors, safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: must(file.Float32(info.Name))})
	}
	f.Add(file.Metadata()[kerasKey])
	file.Close()
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		if safetensors.Write(&b, map[string]string{kerasKey: text}, tensors...) != nil {
			return // no UTF-8
		}
		file := bytesFile(t, b.Bytes())
		all, err := convert.InspectKeras(file)
		limit, bad := new(safetensors.LimitError), new(convert.KerasError)
		if err != nil && !errors.As(err, &limit) && !errors.As(err, &bad) {
			t.Fatalf("%T: %v", err, err)
		}
		for _, found := range all {
			var err error
			var layers []convert.KerasLayer
			switch found.Kind {
			case "LSTM":
				var net *lstm.Layer
				if net, _, err = convert.LoadKerasLSTM(file, found.Name); err == nil {
					layers, err = convert.ToKerasLayers(net, found.Name)
				}
			case "GRU":
				var net *gru.Layer
				if net, _, err = convert.LoadKerasGRU(file, found.Name); err == nil {
					layers, err = convert.ToKerasLayers(net, found.Name)
				}
			case "RNN":
				var net *rnn.Layer
				if net, _, err = convert.LoadKerasRNN(file, found.Name); err == nil {
					layers, err = convert.ToKerasLayers(net, found.Name)
				}
			default:
				if found.Err == nil {
					t.Fatalf("%v is of no kind and has no error", found)
				}
				continue
			}
			if found.Err != nil {
				if err == nil {
					t.Fatalf("%v was loaded", found)
				}
				continue
			}
			if err != nil && !errors.As(err, &bad) && !strings.Contains(err.Error(), "no activation") && !strings.Contains(err.Error(), "the name") {
				t.Fatalf("%v: %v", found, err)
			}
			if err == nil {
				if _, _, err := convert.ToKerasFile(layers...); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
