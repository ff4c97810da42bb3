package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The Go in the README is a part of a function over a text: it compiles.
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
		source := `package p
import (
	"context"
	"log"
	"math/rand/v2"
	"` + Module + `/bptt"
	"` + Module + `/lstm"
)
func f(text []byte) {
//line README.md:1
` + body + "}"
		file, err := parser.ParseFile(p.fset, "README.md", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		conf := types.Config{Importer: p, Sizes: types.SizesFor("gc", p.goarch), Error: func(err error) { t.Error(err) }}
		conf.Check("p", p.fset, []*ast.File{file}, nil)
	}
}
