package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each piece of Go in the README is a part of a function over a text: it compiles.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(readme), "```go\n")[1:]
	if len(parts) == 0 {
		t.Fatal("no Go in the README")
	}
	p := &program{tree: repository(t), goarch: "amd64", fset: token.NewFileSet(), pkgs: map[string]*typed{}}
	for _, part := range parts {
		body, _, _ := strings.Cut(part, "```")
		source := "package p\nimport (\n"
		for _, imported := range []string{"context", "log", "math/rand/v2", Module + "/bptt", Module + "/convert", Module + "/convert/safetensors", Module + "/data", Module + "/decode", Module + "/loss", Module + "/lstm", Module + "/nn", Module + "/optim"} {
			if name := path.Base(strings.TrimSuffix(imported, "/v2")); regexp.MustCompile(`\b` + name + `\.`).MatchString(body) {
				source += strconv.Quote(imported) + "\n"
			}
		}
		source += ")\nfunc f(text []byte) {\n//line README.md:1\n" + body + "}"
		file, err := parser.ParseFile(p.fset, "README.md", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		conf := types.Config{Importer: p, Sizes: types.SizesFor("gc", p.goarch), Error: func(err error) { t.Error(err) }}
		conf.Check("p", p.fset, []*ast.File{file}, nil)
	}
}

// The table of features names every field of every Config but the sizes.
func TestFeaturesNameEveryField(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"rnn", "lstm", "gru"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", pkg, "config.go"), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		fields := 0
		ast.Inspect(file, func(n ast.Node) bool {
			config, ok := n.(*ast.TypeSpec)
			if !ok || config.Name.Name != "Config" {
				return true
			}
			for _, f := range config.Type.(*ast.StructType).Fields.List {
				for _, name := range f.Names {
					fields++
					switch name.Name {
					case "Input", "Hidden", "Workers":
					default:
						if !strings.Contains(string(page), "`"+name.Name+"`") && !strings.Contains(string(page), "`"+name.Name+": ") {
							t.Errorf("docs/features.md does not name %s.Config.%s", pkg, name.Name)
						}
					}
				}
			}
			return false
		})
		if fields < 15 {
			t.Errorf("%d fields in %s.Config", fields, pkg)
		}
	}
}
