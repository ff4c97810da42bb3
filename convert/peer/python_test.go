package peer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python returns the Python that has the named packages: SIMDRNN_PYTHON, which must
// have them, or python3.
func python(t *testing.T, packages ...string) string {
	t.Helper()
	name := os.Getenv("SIMDRNN_PYTHON")
	named := name != ""
	if !named {
		name = "python3"
	}
	// To import them takes seconds; that is for the scripts.
	cmd := exec.Command(name, append([]string{"-c", "import importlib.util, sys\nlacks = [m for m in sys.argv[1:] if importlib.util.find_spec(m) is None]\nsys.exit('there is no ' + ', '.join(lacks) if lacks else 0)"}, packages...)...)
	cmd.Env = environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if named {
			t.Fatalf("%s, which SIMDRNN_PYTHON names, has not all of %v (%v, %s)", name, packages, err, lines[len(lines)-1])
		}
		t.Skipf("NOT EXERCISED: %s has not all of %v (%v, %s); name a Python that has in SIMDRNN_PYTHON. What they wrote is in testdata", name, packages, err, lines[len(lines)-1])
	}
	return name
}

// environment is that of Python: with PyTorch behind Keras unless the caller has chosen
// another one, one thread, and keras_safetensors.py on the path.
func environment() []string {
	env := append(os.Environ(), "OMP_NUM_THREADS=1", "TF_CPP_MIN_LOG_LEVEL=3", "PYTHONDONTWRITEBYTECODE=1")
	if os.Getenv("KERAS_BACKEND") == "" {
		env = append(env, "KERAS_BACKEND=torch")
	}
	folder, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return append(env, "PYTHONPATH="+folder)
}

// script runs a program in Python in a folder and returns what it prints.
func script(t *testing.T, python, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(python, args...)
	cmd.Dir, cmd.Env = dir, environment()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, &said)
	}
	return string(out)
}
