// Package python runs scripts of Python for tests that hold this module against other
// libraries. Tests of nested modules use it too.
//
// SIMDRNN_PYTHON names the interpreter; without it python3 is tried. SIMDRNN_PEER_SEED and
// SIMDRNN_PEER_COUNT, two numbers, give the tests that draw models other ones, and more.
package python

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const (
	variable = "SIMDRNN_PYTHON"
	seedOf   = "SIMDRNN_PEER_SEED"
	countOf  = "SIMDRNN_PEER_COUNT"
)

// A Python is an interpreter that has what a test needs.
type Python struct {
	name string
	env  []string
}

// Find returns the interpreter that SIMDRNN_PYTHON names, which must have the packages: the
// test fails if not. Without the variable it is python3, and the test is skipped if that
// lacks one. instead says what stands for the peer in other tests, like "what NumPy wrote is
// in testdata".
func Find(t testing.TB, instead string, packages ...string) *Python {
	t.Helper()
	p := &Python{name: os.Getenv(variable)}
	named := p.name != ""
	if !named {
		p.name = "python3"
	}
	p.Set("OMP_NUM_THREADS", "1")
	p.Set("TF_CPP_MIN_LOG_LEVEL", "3")
	p.Set("PYTHONDONTWRITEBYTECODE", "1")
	// To import them takes seconds; that is for the scripts.
	look := exec.Command(p.name, append([]string{"-c", "import importlib.util, sys\nlacks = [m for m in sys.argv[1:] if importlib.util.find_spec(m) is None]\nsys.exit('there is no ' + ', '.join(lacks) if lacks else 0)"}, packages...)...)
	if out, err := look.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		last := lines[len(lines)-1]
		if named {
			t.Fatalf("%s, which %s names, has not all of %v (%v, %s)", p.name, variable, packages, err, last)
		}
		t.Skipf("NOT EXERCISED: %s has not all of %v (%v, %s); name a Python that has in %s. Instead %s", p.name, packages, err, last, variable, instead)
	}
	return p
}

// Set gives scripts a variable of the environment, unless the caller of the test has set it.
func (p *Python) Set(name, value string) {
	if os.Getenv(name) == "" {
		p.Add(name, value)
	}
}

// Add gives scripts a variable of the environment, whatever the caller of the test has set.
func (p *Python) Add(name, value string) { p.env = append(p.env, name+"="+value) }

// Run runs a script with arguments in a folder and returns what it prints to standard output.
// The test fails if it fails.
func (p *Python) Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	c := exec.Command(p.name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), p.env...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, &said)
	}
	return string(out)
}

// Seed is the number of SIMDRNN_PEER_SEED, or that of the test.
func Seed(t testing.TB, otherwise int) int { return number(t, seedOf, otherwise, 0) }

// Count is the number of SIMDRNN_PEER_COUNT, or that of the test.
func Count(t testing.TB, otherwise int) int { return number(t, countOf, otherwise, 1) }

func number(t testing.TB, name string, otherwise, least int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > 1<<30 {
		t.Fatalf("%s is %q, want a number of %d to 2^30", name, text, least)
	}
	return n
}
