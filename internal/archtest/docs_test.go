package archtest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a user reads of the packages of layers, of nn, of the converters, of data and of gonum is
// complete: go doc shows a text for each exported function, type and method, no type is
// an alias whose methods stand in an internal package, where go doc does not show them,
// and each exported type and each package has an example that runs.
func TestDocumentation(t *testing.T) {
	for _, pkg := range []string{"data", "decode", "nn", "lstm", "gru", "rnn", "seq2seq", "convert", "convert/npy", "convert/safetensors", "finetune", "gonum"} {
		names, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files, %v", pkg, err)
		}
		fset := token.NewFileSet()
		var files, tests []*ast.File
		for _, name := range names {
			f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				tests = append(tests, f)
			} else {
				files = append(files, f)
			}
		}
		p, err := doc.NewFromFiles(fset, files, Module+"/"+pkg)
		if err != nil {
			t.Fatal(err)
		}
		documented := func(name, text string) {
			if text == "" {
				t.Errorf("%s.%s has no documentation", pkg, name)
			}
		}
		var examples []string
		for _, e := range doc.Examples(tests...) {
			if e.Output != "" {
				examples = append(examples, e.Name)
			}
		}
		if !slices.Contains(examples, "") {
			t.Errorf("package %s has no example that runs", pkg)
		}
		functions := p.Funcs
		for _, typ := range p.Types {
			documented(typ.Name, typ.Doc)
			for _, spec := range typ.Decl.Specs {
				if spec := spec.(*ast.TypeSpec); spec.Assign.IsValid() {
					t.Errorf("%s.%s is an alias, of which go doc shows no methods", pkg, spec.Name)
				}
			}
			if !slices.ContainsFunc(examples, func(e string) bool { return e == typ.Name || strings.HasPrefix(e, typ.Name+"_") }) {
				t.Errorf("%s.%s has no example that runs", pkg, typ.Name)
			}
			functions = append(append(functions, typ.Funcs...), typ.Methods...)
		}
		for _, f := range functions {
			documented(strings.TrimPrefix(f.Recv+".", ".")+f.Name, f.Doc)
		}
		if len(p.Types)*len(functions) == 0 {
			t.Errorf("%s: %d types, %d functions", pkg, len(p.Types), len(functions))
		}
	}
}
