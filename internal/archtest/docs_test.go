package archtest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a user reads of the packages of layers and of training, of the converters and of gonum is
// complete: go doc shows a text for each exported function, type and method, no type is
// an alias whose methods stand in an internal package, where go doc does not show them,
// and each exported type and each package has an example that runs.
//
// The errors of internal/wire are an exception. Every package that reads a file returns them, so
// they are one set of types, and the aliases are the names by which a user finds them with
// errors.As. They have no methods but those of errors, and what go doc does not show are their
// fields: the text of an alias has to name each of them.
func TestDocumentation(t *testing.T) {
	wireErrors := errorFields(t, "wire")
	for _, pkg := range []string{"data", "decode", "dist", "loss", "optim", "bptt", "nn", "lstm", "gru", "rnn", "cell", "seq2seq", "convert", "convert/chain", "convert/npy", "convert/safetensors", "finetune", "fingerprint", "gonum", "onnx"} {
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
				spec := spec.(*ast.TypeSpec)
				if !spec.Assign.IsValid() {
					continue
				}
				fields, ok := wireErrors[types.ExprString(spec.Type)]
				if !ok {
					t.Errorf("%s.%s is an alias, of which go doc shows no methods", pkg, spec.Name)
				}
				for _, field := range fields {
					if !regexp.MustCompile(`\b` + field + `\b`).MatchString(typ.Doc) {
						t.Errorf("%s.%s is an alias whose text does not name the field %s", pkg, spec.Name, field)
					}
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

// errorFields returns the exported fields of each type of an internal package whose exported
// methods are Error, and perhaps Unwrap, by its qualified name.
func errorFields(t *testing.T, pkg string) map[string][]string {
	names, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, Module+"/internal/"+pkg)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string][]string{}
	for _, typ := range p.Types {
		is := slices.ContainsFunc(typ.Methods, func(m *doc.Func) bool { return m.Name == "Error" })
		for _, m := range typ.Methods {
			is = is && (m.Name == "Error" || m.Name == "Unwrap")
		}
		structure, ok := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
		if !is || !ok {
			continue
		}
		var exported []string
		for _, f := range structure.Fields.List {
			for _, name := range f.Names {
				exported = append(exported, name.Name)
			}
		}
		fields[pkg+"."+typ.Name] = exported
	}
	if len(fields) == 0 {
		t.Fatalf("internal/%s has no errors", pkg)
	}
	return fields
}
