package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestPlacesAreFound: the text that a fault replaces stands in its file exactly
// once, and what comes out of a Go file is Go. Planting them all takes minutes and is a
// command of its own.
func TestPlacesAreFound(t *testing.T) {
	if len(faults) < 12 {
		t.Errorf("only %d faults", len(faults))
	}
	names := map[string]bool{}
	for _, f := range faults {
		if names[f.Name] {
			t.Errorf("%s: twice in the list", f.Name)
		}
		names[f.Name] = true
		source, err := os.ReadFile(filepath.Join(root, f.File))
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		changed, err := f.apply(string(source))
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		if changed == string(source) {
			t.Errorf("%s: changes nothing", f.Name)
		}
		if strings.HasSuffix(f.File, ".go") {
			if _, err := parser.ParseFile(token.NewFileSet(), f.File, changed, 0); err != nil {
				t.Errorf("%s: does not parse: %v", f.Name, err)
			}
		}
		for _, pkg := range f.Tests {
			for _, r := range runs(root, []string{pkg}) {
				if _, err := os.Stat(filepath.Join(r.dir, strings.TrimSuffix(r.packages[0], "/..."))); err != nil {
					t.Errorf("%s: %v", f.Name, err)
				}
			}
		}
	}
}

// TestApply: a place that is missing or not the only one is an error.
func TestApply(t *testing.T) {
	f := fault{Old: "a+b", New: "a-b"}
	if got, err := f.apply("x = a+b"); err != nil || got != "x = a-b" {
		t.Errorf("apply gives %q, %v", got, err)
	}
	for _, source := range []string{"x = a + b", "x = a+b; y = a+b"} {
		if _, err := f.apply(source); err == nil {
			t.Errorf("no error for %q", source)
		}
	}
}
