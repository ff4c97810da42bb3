package convert_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
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
