// Package archtest holds the rules of the tree that a compiler does not know,
// as checks that return what breaks them: who may import whom, what go.mod may
// list, where assembly may stand, how Go code that can touch a stored number states
// its roundings, and that layers leave their elements to kernels. Its tests run them
// over the repository, and over planted faults that each must find.
//
// Mend a failure in the code that it names. The tables here change only
// together with docs/architecture.md or docs/numerics.md.
package archtest

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

// Module is the import path of the root module.
const Module = "github.com/simdrnn/simdrnn"

// A Violation is one place that breaks a rule and how to mend it.
type Violation struct {
	Where string // file:line, or a file
	What  string
}

func (v Violation) String() string { return v.Where + ": " + v.What }

// A Tree is a module's source: its files by folder.
type Tree struct {
	fsys    fs.FS
	Folders map[string]*Folder // by slash-separated path below the root, "." for the root
	Nested  []string           // folders with a go.mod of their own, not in Folders
}

// A Folder lists the file names of one folder.
type Folder struct {
	Path  string
	Go    []string // *.go but not tests, whatever their build constraints
	Tests []string // *_test.go
	Asm   []string // *.s
}

// ReadTree lists the module whose root is fsys. As the go command does, it
// leaves out testdata and folders whose names begin with a dot or underscore;
// nested modules are listed by name only.
func ReadTree(fsys fs.FS) (*Tree, error) {
	t := &Tree{fsys: fsys, Folders: map[string]*Folder{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p == "." {
				return nil
			}
			if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(p, "go.mod")); err == nil {
				t.Nested = append(t.Nested, p)
				return fs.SkipDir
			}
			return nil
		}
		f := t.Folders[path.Dir(p)]
		if f == nil {
			f = &Folder{Path: path.Dir(p)}
		}
		switch {
		case strings.HasSuffix(name, "_test.go"):
			f.Tests = append(f.Tests, name)
		case strings.HasSuffix(name, ".go"):
			f.Go = append(f.Go, name)
		case strings.HasSuffix(name, ".s"):
			f.Asm = append(f.Asm, name)
		default:
			return nil
		}
		t.Folders[f.Path] = f
		return nil
	})
	return t, err
}

// Sub returns the tree of a nested module.
func (t *Tree) Sub(dir string) (*Tree, error) {
	sub, err := fs.Sub(t.fsys, dir)
	if err != nil {
		return nil, err
	}
	return ReadTree(sub)
}

func (t *Tree) folders() []*Folder {
	var out []*Folder
	for _, f := range t.Folders {
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// context is a build context that reads the tree.
func (t *Tree) context(goarch string, tags ...string) build.Context {
	c := build.Default
	c.GOARCH, c.BuildTags, c.CgoEnabled = goarch, tags, false
	c.OpenFile = func(p string) (io.ReadCloser, error) { return t.fsys.Open(p) }
	c.JoinPath = path.Join
	return c
}

// An Import is one import declaration.
type Import struct {
	Where string
	Path  string
	Test  bool
}

// imports lists those of all files of a folder, whatever their constraints.
func (t *Tree) imports(f *Folder) ([]Import, error) {
	var out []Import
	for _, name := range append(append([]string(nil), f.Go...), f.Tests...) {
		file := path.Join(f.Path, name)
		src, err := fs.ReadFile(t.fsys, file)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, src, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, spec := range parsed.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, Import{where(fset, spec), p, strings.HasSuffix(name, "_test.go")})
		}
	}
	return out, nil
}

func where(fset *token.FileSet, n ast.Node) string {
	p := fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}
