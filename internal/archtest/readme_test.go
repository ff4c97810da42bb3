package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the pieces of Go in the pages for users may import.
var imports = []string{
	"context", "fmt", "io", "log", "math", "math/rand/v2", "slices", "strings", "time",
	Module + "/bptt", Module + "/cell", Module + "/convert", Module + "/convert/chain", Module + "/convert/safetensors", Module + "/data", Module + "/decode", Module + "/dist",
	Module + "/finetune", Module + "/gru", Module + "/kernels", Module + "/loss", Module + "/lstm", Module + "/nn", Module + "/optim", Module + "/seq2seq",
}

// The pieces of Go in each section of the README are parts of a function over a text, those of
// the page of the steps of training parts of one over what the page names, but for types with methods: they
// compile. Those of the pages of tasks run: see TestPagesOfTasksRun. Those of docs/interchange and
// of dist/mpi are tests of their modules. No other page has Go.
func TestPagesCompile(t *testing.T) {
	p := &program{tree: repository(t), goarch: "amd64", fset: token.NewFileSet(), pkgs: map[string]*typed{}}
	functions := map[string]string{
		"README.md":         "func f(text []byte)",
		"docs/selection.md": "func f()",
		"docs/training.md": `func f(ctx context.Context, r *rand.Rand, net *nn.Model, source data.Source, optimizer *optim.Adam,
			text []byte) (err error)`,
	}
	all, err := pagesWithGo(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range all {
		dir := path.Dir(page)
		if functions[page] == "" && dir != "docs/training" && dir != "docs/interchange" && page != "dist/mpi/README.md" {
			t.Errorf("no test compiles the Go of %s", page)
		}
	}
	for page, function := range functions {
		if !slices.Contains(all, page) {
			t.Errorf("no Go in %s", page)
		}
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Fatal(err)
		}
		line, sections := 1, 0
		for section := range strings.SplitSeq(string(text), "\n## ") {
			body, declared := "", ""
			for i, part := range strings.Split(section, "```") {
				code, ok := strings.CutPrefix(part, "go\n")
				switch {
				case !ok || i%2 == 0:
				case strings.Contains(code, "\nfunc ("): // a type with methods, which no function can have
					declared += fmt.Sprintf("//line %s:%d\n%s", page, line+1, code)
				default:
					body += fmt.Sprintf("//line %s:%d\n%s", page, line+1, code)
				}
				line += strings.Count(part, "\n")
			}
			line++
			if body == "" {
				continue
			}
			sections++
			source := "package p\n" + imported(function+body+declared) + function + "{\n{\n" + body + "}\n"
			if strings.HasSuffix(function, "error)") {
				source += "return nil\n"
			}
			file, err := parser.ParseFile(p.fset, "", source+"}\n"+declared, 0)
			if err != nil {
				t.Fatal(err)
			}
			conf := types.Config{Importer: p, Sizes: types.SizesFor("gc", p.goarch), Error: func(err error) { t.Error(err) }}
			conf.Check("p", p.fset, []*ast.File{file}, nil)
		}
		if sections == 0 {
			t.Errorf("no Go in %s", page)
		}
	}
}

// pagesWithGo are the pages below a folder that have a piece of Go.
func pagesWithGo(root string) (pages []string, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || strings.HasSuffix(base, "-out")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "```go\n") {
			return err
		}
		page, err := filepath.Rel(root, name)
		pages = append(pages, filepath.ToSlash(page))
		return err
	})
	return pages, err
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
