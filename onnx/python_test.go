package onnx

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// python returns the Python that SIMDRNN_PYTHON names, which must have the packages. Without
// the variable the test is skipped: what the libraries computed is in testdata.
func python(t *testing.T, packages ...string) string {
	t.Helper()
	name := os.Getenv("SIMDRNN_PYTHON")
	if name == "" {
		t.Skipf("NOT EXERCISED: name a Python that has %v in SIMDRNN_PYTHON. What these computed is in testdata", packages)
	}
	if out, err := exec.Command(name, "-c", "import "+strings.Join(packages, ",")).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Fatalf("%s, which SIMDRNN_PYTHON names, has not all of %v (%v, %s)", name, packages, err, lines[len(lines)-1])
	}
	return name
}

// script runs a script of testdata.
func script(t *testing.T, python string, args ...string) {
	t.Helper()
	c := exec.Command(python, args...)
	c.Dir = "testdata"
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}
