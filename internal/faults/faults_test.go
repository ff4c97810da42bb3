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

// TestEveryFaultHasItsRow: the table of docs/proofs.md has what the lists have, in
// their order, with the file and what noticed the fault.
func TestEveryFaultHasItsRow(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/proofs.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n| fault | file | noticed by |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/proofs.md has no table of faults")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	for i, f := range faults {
		if i == len(rows) {
			t.Fatalf("docs/proofs.md has %d rows for %d faults; the next is %s", len(rows), len(faults), f.Name)
		}
		by, ok := strings.CutPrefix(rows[i], "| "+f.Name+" | "+f.File+" | ")
		if !ok {
			t.Fatalf("row %d of docs/proofs.md is\n%s\nwant the fault %q in %s; plant it with -run and add its row", i+1, rows[i], f.Name, f.File)
		}
		if !strings.Contains(by, ".") && !strings.Contains(by, "crash") {
			t.Errorf("%s: noticed by %s", f.Name, by)
		}
	}
	if len(rows) > len(faults) {
		t.Errorf("docs/proofs.md has %d rows for %d faults: %s", len(rows), len(faults), rows[len(faults)])
	}
}
