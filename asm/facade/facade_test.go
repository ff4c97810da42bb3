package facade

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// kind finds the name of a kind of layer.
var kind = regexp.MustCompile(`(?i)\b(lstm|gru|rnn)\b`)

// Every exported function, method and type of each package has a text of its own,
// and no text of another package stands there.
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
			for _, named := range kind.FindAllString(string(text), -1) {
				if named != c.Package && named != strings.ToUpper(c.Package) {
					t.Errorf("%s names %s", path, named)
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

// No template names a kind of layer: what differs comes from Cells, so that a text
// about one kind does not stand in the package of another.
func TestTemplatesNameNoKind(t *testing.T) {
	list, err := templates.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range list {
		text, err := templates.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if found := kind.FindString(line); found != "" {
				t.Errorf("%s:%d names %s: take it from Cells", file.Name(), i+1, found)
			}
		}
	}
	for _, c := range Cells {
		if !kind.MatchString(c.Package) {
			t.Errorf("this test does not look for the package %s", c.Package)
		}
	}
}

// doc makes a comment of each line, and keeps the tab of what is set as code.
func TestDoc(t *testing.T) {
	if got, want := docText("one\n\n\ttwo"), "// one\n//\n//\ttwo"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
