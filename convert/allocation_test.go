// Under the race detector strings and maps take more memory.
//go:build !race

package convert_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// To look into a file and to load it take less than twice its size and 1 MiB, with
// the network.
func TestAllocationOfLoads(t *testing.T) {
	big, err := lstm.NewZero(lstm.Config{Input: 300, Hidden: 400, Layers: 2})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var b bytes.Buffer
	if err := safetensors.Write(&b, nil, must(convert.ToSafetensors(big, ""))...); err != nil {
		t.Fatal(err)
	}
	files["floats"] = b.Bytes()
	header, data := "", 0
	for _, w := range must(convert.ToSafetensors(big, "")) {
		header += fmt.Sprintf(`,%q:{"dtype":"BF16","shape":%s,"data_offsets":[%d,%d]}`, w.Name, strings.ReplaceAll(fmt.Sprint(w.Shape), " ", ","), data, data+2*len(w.Data))
		data += 2 * len(w.Data)
	}
	file := func(header string, data int) []byte {
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header)+1)), "{"+header[1:]+"}"...), make([]byte, data)...)
	}
	files["halves"] = file(header, data)
	// Names that end like a parameter, in layers, and others that are left over.
	for name, format := range map[string]string{"layers": `,"weight_ih_l%d":{"dtype":"F16","shape":[1],"data_offsets":[%d,%d]}`, "prefixes": `,"%d.bias_hh_l0":{"dtype":"F16","shape":[1],"data_offsets":[%d,%d]}`, "others": `,"x%d\"":{"dtype":"F16","shape":[1],"data_offsets":[%d,%d]}`} {
		small := `,"weight_ih_l0":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},"weight_hh_l0":{"dtype":"F16","shape":[1,1],"data_offsets":[2,4]}`
		var h strings.Builder
		h.WriteString(small)
		n := 2
		for h.Len() < 4<<20-100 {
			fmt.Fprintf(&h, format, n, 2*n, 2*n+2)
			n++
		}
		files[name] = file(h.String(), 2*n)
	}
	// A stack whose second layer is huge and has no data.
	files["a shape alone"] = file(`,"weight_ih_l0":{"dtype":"F16","shape":[1000,1],"data_offsets":[0,2000]},"weight_hh_l0":{"dtype":"F16","shape":[1000,1000],"data_offsets":[2000,2002000]},"weight_ih_l1":{"dtype":"F16","shape":[0,1000],"data_offsets":[2002000,2002000]},"weight_ih_l2":{"dtype":"F16","shape":[0,1000],"data_offsets":[2002000,2002000]},"weight_ih_l3":{"dtype":"F16","shape":[0,1000],"data_offsets":[2002000,2002000]}`, 2002000)
	for name, b := range files {
		t.Run(name, func(t *testing.T) {
			limit := 2*len(b) + 1<<20
			var f *safetensors.File
			open := int(numtest.Allocated(func() { f = bytesFile(t, b) }))
			for what, do := range map[string]func(){
				"Inspect":  func() { convert.Inspect(f) },
				"LoadLSTM": func() { convert.LoadLSTM(f, "") },
				"LoadRNN":  func() { convert.LoadRNN(f, "", rnn.Tanh) },
				"FromSafetensors": func() {
					if name == "floats" || name == "halves" {
						if _, err := convert.FromSafetensors(big, f, ""); err != nil {
							t.Error(err)
						}
					}
				},
			} {
				got := open + int(numtest.Allocated(do))
				if what == "LoadLSTM" && name == "floats" && got > len(b)+1<<20 {
					t.Errorf("%d bytes allocated for a network of %d: its weights are there more than once", got, len(b))
				}
				if got > limit {
					t.Errorf("%s: %d bytes allocated for a file of %d, want at most %d", what, got, len(b), limit)
				}
			}
		})
	}
}

// A Keras file takes, with the network, less than twice its size and 1 MiB, and so does
// one whose description is large or lies.
func TestAllocationOfKerasFiles(t *testing.T) {
	big, err := lstm.NewZero(lstm.Config{Input: 300, Hidden: 400, Layers: 2})
	if err != nil {
		t.Fatal(err)
	}
	metadata, tensors, err := convert.ToKerasFile(must(convert.ToKerasLayers(big, "a", "b"))...)
	if err != nil {
		t.Fatal(err)
	}
	var layers strings.Builder
	for layers.Len() < 240<<10 {
		fmt.Fprintf(&layers, `{"name":"%d"},`, layers.Len())
	}
	for name, file := range map[string]struct {
		text    string
		tensors []safetensors.Tensor
	}{
		"floats":           {metadata[kerasKey], tensors},
		"layers":           {`{"version":1,"layers":[` + layers.String(), nil},
		"too many layers":  {`{"version":1,"layers":[` + strings.Repeat(layers.String(), 10), nil},
		"a great number":   {strings.Replace(metadata[kerasKey], `"units":400`, `"units":200000000`, 2), tensors},
		"a great many":     {strings.Replace(metadata[kerasKey], `"units":400`, `"cells":512,"units":400`, 2), tensors},
		"no end of a name": {`{"version":1,"layers":[{"name":"` + strings.Repeat("x", 250<<10), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := safetensors.Write(&b, map[string]string{kerasKey: file.text}, file.tensors...); err != nil {
				t.Fatal(err)
			}
			var f *safetensors.File
			open := int(numtest.Allocated(func() { f = bytesFile(t, b.Bytes()) }))
			for what, do := range map[string]func(){
				"InspectKeras": func() { convert.InspectKeras(f) },
				"LoadKerasLSTM": func() {
					if _, _, err := convert.LoadKerasLSTM(f, "a", "b"); (err == nil) != (name == "floats") {
						t.Error(err)
					}
				},
			} {
				if got, limit := open+int(numtest.Allocated(do)), 2*b.Len()+1<<20; got > limit {
					t.Errorf("%s: %d bytes allocated for a file of %d, want at most %d", what, got, b.Len(), limit)
				}
			}
		})
	}
}
