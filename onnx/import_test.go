package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/python"
)

// The node tests of the ONNX project for the three operators: all of them.
func TestNodesOfTheONNXBackend(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "nodes"), 18) })
}

// Models by both exporters of PyTorch.
func TestPyTorch(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		comparePeer(t, filepath.Join("testdata", "pytorch"), 33)
		comparePeer(t, filepath.Join("testdata", "packed"), 3)
	})
}

// Models that take some steps of what layers give, steps by lengths, or weights of all: by both
// exporters of PyTorch.
func TestStepsOfModels(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		comparePeer(t, filepath.Join("testdata", "steps"), 46)
		comparePeer(t, filepath.Join("testdata", "queries"), 14)
		comparePeer(t, filepath.Join("testdata", "pools"), 18)
	})
}

// Models by tf2onnx, which writes most recurrent layers as a Loop.
func TestTensorFlow(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "tensorflow"), 14) })
}

// The operators in the operator sets 7 to 22, whose oldest no exporter of today writes, two
// layers that are the directions of one, and branches that are added and multiplied.
func TestOperatorSets(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "opsets"), 51) })
}

// Models whose layers are their steps: by both exporters of PyTorch, and by Keras with
// PyTorch as its backend.
func TestUnrolledModels(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "unrolled"), 9) })
}

// The same with the libraries of the day and other weights, sizes and operator sets. It takes
// minutes: PyTorch's exporters are slow.
func TestModelsOfToday(t *testing.T) {
	for _, c := range []struct {
		name, script string
		packages     []string
		least        int
	}{
		{"nodes", "nodes.py", []string{"onnx"}, 18},
		{"opsets", "opsets.py", []string{"onnx", "onnxruntime"}, 51},
		{"public", "public.py", []string{"onnx", "onnxruntime"}, 85},
		{"pytorch", "pytorch.py", []string{"onnx", "onnxruntime", "onnxscript", "torch"}, 52},
		{"steps", "steps.py", []string{"onnx", "onnxruntime", "onnxscript", "torch"}, 78},
		{"drawn", "drawn.py", []string{"onnx", "onnxruntime", "onnxscript", "torch"}, 20},
		{"unrolled", "unrolled.py", []string{"onnx", "onnxruntime", "onnxscript", "torch"}, 17},
		{"seq2seq", "seq2seq.py", []string{"onnx", "onnxruntime", "onnxscript", "torch"}, 24},
		{"keras2onnx", "keras2onnx_models.py", []string{"onnxruntime", "tensorflow", "keras2onnx"}, 26},
		{"tensorflow", "tensorflow_models.py", []string{"onnxruntime", "tensorflow", "tf2onnx", "keras"}, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.name != "nodes" {
				t.Skip("NOT EXERCISED in the short run, since it takes minutes")
			}
			if c.name != "nodes" && os.Getenv("SIMDRNN_ONNX_MODELS") == "" {
				t.Skipf("NOT EXERCISED: set SIMDRNN_ONNX_MODELS to a seed, and SIMDRNN_PYTHON to a Python that has %v, for minutes of exports", c.packages)
			}
			py, dir := peer(t, c.packages...), t.TempDir()
			args := []string{c.script, dir}
			if c.name != "nodes" {
				args = append(args, os.Getenv("SIMDRNN_ONNX_MODELS"))
			}
			if c.name == "drawn" {
				args = append(args, fmt.Sprint(python.Count(t, 30)))
			}
			py.Run(t, "testdata", args...)
			comparePeer(t, dir, c.least)
		})
	}
}

// Models by keras2onnx, whose last version is of 2020.
func TestKeras2ONNX(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "keras2onnx"), 10) })
}

// Graphs of the shapes that public files have: see bench/results/public-onnx.md.
func TestShapesOfPublicFiles(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "public"), 85) })
}
