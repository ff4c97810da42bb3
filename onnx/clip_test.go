package onnx

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A Clip from 0 on is a stage, by attributes in old operator sets and by inputs in new ones.
func TestClips(t *testing.T) {
	low, high := false, false
	for _, limit := range []float32{0.125, 1, 6} {
		for _, opset := range []int64{7, 12, 13, 14} {
			g := simple()
			g.tensor("B").RawData = nil
			for i := range 24 {
				g.tensor("B").FloatData = append(g.tensor("B").FloatData, float32(i%5)-2+1.5*float32(opset%2))
			}
			x := Tensor{Shape: []int{2, 1, 2}, Floats: []float32{1, -2, 3, 0.5}}
			plain, err := must(g.load()).Run(map[string]Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			g.m.OpsetImport[0].Version = proto.Int64(opset)
			if opset < 11 {
				g.after("Clip", nil, float("min", 0), float("max", limit))
			} else {
				for name, v := range map[string]float32{"lo": 0, "hi": limit} {
					g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(1), FloatData: []float32{v}})
				}
				g.after("Clip", []string{"lo", "hi"})
			}
			got, err := must(g.load()).Run(map[string]Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			var want []float32
			for _, v := range plain["y"].Floats {
				low, high = low || v < 0, high || v > limit
				want = append(want, max(0, min(limit, v)))
			}
			if d, _ := apart(got["y"].Floats, want); !(d < 1e-6) {
				t.Errorf("limit %v, operator set %d: %v, want %v", limit, opset, got["y"].Floats, want)
			}
		}
	}
	if !low || !high {
		t.Errorf("values below 0: %v, above a limit: %v, want both", low, high)
	}
}

// A limit that has more elements than what it limits is no number for each.
func TestLimitsThatWiden(t *testing.T) {
	for _, c := range []struct {
		dims []int64
		ok   bool
	}{{nil, true}, {[]int64{1}, true}, {[]int64{1, 1}, true}, {[]int64{3}, false}, {[]int64{1, 3}, false}, {[]int64{2, 1}, false}, {[]int64{1, 1, 1}, false}} {
		limit := &constant{float: true, f: []float32{6}}
		for _, d := range c.dims {
			limit.dims, limit.have = append(limit.dims, known(d)), append(limit.have, 1) // one number, repeated
		}
		f := &formula{sizes: []sym{known(1), known(1)}, e: &expr{op: ofPast, width: 1}}
		got, x, err := (&call{im: &importer{}, in: []value{{e: f}, {k: limit}}}).limited()
		if (err == nil) != c.ok || c.ok && (got != f || x != 6) {
			t.Errorf("a limit of the dimensions %v: %v, %v", c.dims, x, err)
		}
	}
}
