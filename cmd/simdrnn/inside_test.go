package main

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
)

// zipped is a zip archive with one member.
func zipped(t *testing.T, member string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(member)
	if err == nil {
		_, err = w.Write([]byte("x"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytesTo(t, "model", b.Bytes())
}

// Layers inside of other stages have their places there for names.
func TestLayersInsideOfStages(t *testing.T) {
	var o whole
	one := onnx.Recurrent{}
	o.walk("", []nn.Stage{one, nn.Sequential{nn.Tanh, one}, nn.Residual{nn.Parallel{one, nn.Sequential{one}}}})
	if got, want := list(o.recurrent, func(r placedRecurrent) string { return r.place }), "0, 1.1, 2.0.0, 2.0.1.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
