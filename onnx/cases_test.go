package onnx

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// conforms is the relative difference from other libraries that the project promises:
// docs/proofs.md.
const conforms = 1e-5

// A peerCase is a model of another library, with what ONNX Runtime makes of its inputs.
type peerCase struct {
	Model, Refused  string
	Inputs, Outputs map[string]Tensor
}

// peerCases reads the cases that a script of testdata wrote to a folder.
func peerCases(t *testing.T, folder string, least int) []peerCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string
		Cases []peerCase
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < least {
		t.Fatalf("%d cases, want %d", len(file.Cases), least)
	}
	t.Log(file.About)
	return file.Cases
}

// comparePeer imports the models of a folder and holds what Run gives against the cases.
func comparePeer(t *testing.T, folder string, least int) {
	t.Helper()
	worst := 0.0
	for _, c := range peerCases(t, folder, least) {
		n, err := Open(filepath.Join(folder, c.Model+".onnx"), Options{})
		if c.Refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.Refused) {
				t.Errorf("%s: %v, want an error that contains %q", c.Model, err, c.Refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Model, err)
			continue
		}
		got, err := n.Run(c.Inputs)
		if err != nil {
			t.Errorf("%s: %v", c.Model, err)
			continue
		}
		worst = max(worst, compareOutputs(t, c.Model, got, c.Outputs))
	}
	t.Logf("at most %.2g relative", worst)
}

func compareOutputs(t *testing.T, name string, got, want map[string]Tensor) (worst float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d outputs, want %d", name, len(got), len(want))
	}
	for o, w := range want {
		g, ok := got[o]
		if !ok || !slices.Equal(g.Shape, w.Shape) || len(g.Floats) != len(w.Floats) {
			t.Errorf("%s: the output %s is %v, want %v", name, o, g, w)
			continue
		}
		d, at := apart(g.Floats, w.Floats)
		if !(d <= conforms) {
			t.Errorf("%s: the output %s differs by %.2g at element %d: %v, want %v", name, o, d, at, g.Floats[at], w.Floats[at])
		}
		worst = max(worst, d)
	}
	return worst
}

// apart is the largest relative difference: of the tensor in the Euclidean norm, of an
// element relative to it, or to the root mean square where that is larger.
func apart(got, want []float32) (worst float64, at int) {
	var norm, distance float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		norm += float64(w) * float64(w)
		distance += d * d
	}
	if norm == 0 {
		return distance, 0
	}
	worst = math.Sqrt(distance / norm)
	rms := math.Sqrt(norm / float64(len(want)))
	for i, w := range want {
		d := math.Abs(float64(got[i])-float64(w)) / max(math.Abs(float64(w)), rms)
		if !(d <= worst) {
			worst, at = d, i
		}
	}
	return worst, at
}
