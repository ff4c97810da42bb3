package facade

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// Every exported function, method and type of each package has a text of its own,
// and no data of another package has slipped into it.
func TestDocumentation(t *testing.T) {
	files, err := Files("a test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Cells {
		fset := token.NewFileSet()
		var parsed []*ast.File
		for path, text := range files {
			if !strings.HasPrefix(path, c.Package+"/z") {
				continue
			}
			f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			parsed = append(parsed, f)
			if s := string(text); strings.Contains(s, "<no value>") || strings.Contains(s, "{{") {
				t.Errorf("%s: a template was not filled in", path)
			}
			for _, other := range Cells {
				if other.Package != c.Package && strings.Contains(string(text), "\""+other.Package+"\"") {
					t.Errorf("%s names the package %s", path, other.Package)
				}
			}
		}
		p, err := doc.NewFromFiles(fset, parsed, c.Package)
		if err != nil {
			t.Fatal(err)
		}
		functions := p.Funcs
		for _, typ := range p.Types {
			begins(t, c.Package+"."+typ.Name, typ.Name, typ.Doc)
			functions = append(append(functions, typ.Funcs...), typ.Methods...)
		}
		if len(functions) < 50 {
			t.Errorf("%s: only %d functions", c.Package, len(functions))
		}
		for _, f := range functions {
			begins(t, c.Package+"."+f.Recv+"."+f.Name, f.Name, f.Doc)
		}
	}
}

// begins demands a text that begins with the name, as go doc's readers expect it.
func begins(t *testing.T, what, name, text string) {
	t.Helper()
	text = strings.TrimPrefix(strings.TrimPrefix(text, "An "), "A ")
	if !strings.HasPrefix(text, name+" ") {
		t.Errorf("%s: the documentation is %q, want one that begins with %s", what, text, name)
	}
}

// doc makes a comment of each line, and keeps the tab of what is set as code.
func TestDoc(t *testing.T) {
	if got, want := docText("one\n\n\ttwo"), "// one\n//\n//\ttwo"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
