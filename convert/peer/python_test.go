package peer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/python"
)

// backend is the one that Keras has in tests: that of KERAS_BACKEND, else PyTorch.
func backend() string {
	if name := os.Getenv("KERAS_BACKEND"); name != "" {
		return name
	}
	return "torch"
}

// find returns a Python that has the packages, with keras_safetensors.py on the path.
func find(t *testing.T, packages ...string) *python.Python {
	t.Helper()
	py := python.Find(t, "what they wrote is in testdata", packages...)
	folder, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	py.Set("KERAS_BACKEND", backend())
	py.Add("PYTHONPATH", folder)
	return py
}
