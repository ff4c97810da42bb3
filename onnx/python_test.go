package onnx

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/python"
)

// peer returns a Python that has the packages.
func peer(t *testing.T, packages ...string) *python.Python {
	t.Helper()
	return python.Find(t, "what these computed is in testdata", packages...)
}
