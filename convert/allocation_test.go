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
