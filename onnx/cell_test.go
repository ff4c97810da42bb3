package onnx

import (
	"bytes"

	"math/rand/v2"

	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

func (w *written) input(r *rand.Rand) Tensor {
	x := Tensor{Shape: []int{w.steps, w.batch, w.in}}
	for range w.steps * w.batch * w.in {
		x.Floats = append(x.Floats, float32(r.NormFloat64()))
	}
	return x
}

// reference is what the graph computes, nil if it is none.
func reference(m *pb.ModelProto, x Tensor) []float32 {
	a := array{dims: x.Shape}
	for _, v := range x.Floats {
		a.v = append(a.v, float64(v))
	}
	out, err := evaluate(m.Graph, map[string]array{"x": a})
	if err != nil {
		return nil
	}
	var y []float32
	for _, v := range out[0].v {
		y = append(y, float32(v))
	}
	return y
}

func loadModel(m *pb.ModelProto) (*Network, error) {
	return Load(bytes.NewReader(must(proto.Marshal(m))), Options{})
}

// Layers that a graph has as a loop or as their steps, written in many ways, become layers
// that compute the same.
func TestWrittenLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	worst, forms := 0.0, map[string]int{}
	for range count(t, 600, 150) {
		w := randomWritten(r)
		m, x := w.graph(), w.input(r)
		n, err := loadModel(m)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		want := reference(m, x)
		got, err := n.Run(map[string]Tensor{"x": x})
		if err != nil || want == nil {
			t.Fatalf("%v: %v", w, err)
		}
		d, _ := apart(got["y"].Floats, want)
		if !(d <= conforms) {
			t.Fatalf("%v: it differs by %v: %v, want %v", w, d, got["y"].Floats, want)
		}
		worst = max(worst, d)
		rec, ok := n.Stages[0].(Recurrent)
		if !ok || len(n.Stages) > 2 {
			t.Fatalf("%v: the stages are %T", w, n.Stages)
		}
		if got := kindOf(rec); got != w.kind {
			t.Fatalf("%v: it became %v", w, got)
		}
		forms[w.kind+" "+w.form]++
	}
	t.Logf("at most %.2g relative, %v", worst, forms)
}

func count(t *testing.T, long, short int) int {
	if testing.Short() {
		return short
	}
	t.Helper()
	return long
}

func kindOf(r Recurrent) string {
	switch r.Layer.(type) {
	case *lstm.Layer:
		return "LSTM"
	case *gru.Layer:
		return "GRU"
	}
	return "RNN"
}
