package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const rootModule = "github.com/simdrnn/simdrnn"

// findRoot returns the folder of the root module, which is dir or above it.
func findRoot(dir string) (string, error) {
	for at := dir; ; {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module "+rootModule+"\n")) {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("no go.mod of %s in %s or above; start the command in the repository", rootModule, dir)
		}
		at = up
	}
}

// findModules returns the folders that hold a go.mod, the root as ".", first.
func findModules(tree fs.FS) ([]string, error) {
	var dirs []string
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case !d.IsDir() && name == "go.mod":
			dirs = append(dirs, path.Dir(p))
		}
		return nil
	})
	slices.Sort(dirs) // "." sorts before all names
	return dirs, err
}

// A selection is a module and the packages of it that are tested.
type selection struct {
	dir      string   // of the module, as a path below the root
	patterns []string // as go test takes them in dir
}

// longest are the packages of the root module whose tests take longest. go test begins with those
// that are named first; what begins last and takes minutes would end on one processor.
var longest = []string{"lstm", "gru", "internal/numtest/oracle", "rnn", "kernels"}

// everything selects all packages of all modules, the longest first.
func everything(tree fs.FS, modules []string) (all []selection) {
	for _, dir := range modules {
		s := selection{dir: dir}
		for _, pkg := range longest {
			if info, err := fs.Stat(tree, pkg); dir == "." && err == nil && info.IsDir() {
				s.patterns = append(s.patterns, "./"+pkg)
			}
		}
		s.patterns = append(s.patterns, "./...")
		all = append(all, s)
	}
	return all
}

// choose selects packages by their paths, which start in the folder from below the
// root, or are import paths. Each may end in /... for everything below, with the
// nested modules that lie there.
func choose(tree fs.FS, modules []string, from string, args []string) ([]selection, error) {
	chosen := make([]selection, len(modules))
	add := func(module int, pattern string) {
		chosen[module].dir = modules[module]
		if !slices.Contains(chosen[module].patterns, pattern) {
			chosen[module].patterns = append(chosen[module].patterns, pattern)
		}
	}
	for _, arg := range args {
		dir, deep := filepath.ToSlash(arg), false
		if dir == "..." {
			dir, deep = ".", true
		} else if cut, ok := strings.CutSuffix(dir, "/..."); ok {
			dir, deep = cut, true
		}
		if below, ok := strings.CutPrefix(dir+"/", rootModule+"/"); ok {
			dir = path.Clean(below)
		} else {
			dir = path.Join(from, dir)
		}
		info, err := fs.Stat(tree, dir)
		if err != nil || !info.IsDir() {
			return nil, fmt.Errorf("%s is no folder of the repository: name packages as in ./lstm, ./kernels/... or ./examples/charlm", arg)
		}
		in := -1 // the deepest module that has the folder
		for i, module := range modules {
			if inside(dir, module) && (in < 0 || inside(module, modules[in])) {
				in = i
			}
		}
		below := dir
		if modules[in] != "." {
			below = path.Join(".", strings.TrimPrefix(dir, modules[in]))
		}
		// Without the dot in front it would be an import path.
		if below != "." {
			below = "./" + below
		}
		if !deep {
			add(in, below)
			continue
		}
		add(in, below+"/...")
		for i, module := range modules {
			if i != in && inside(module, dir) {
				add(i, "./...")
			}
		}
	}
	return slices.DeleteFunc(chosen, func(s selection) bool { return s.patterns == nil }), nil
}

// inside says whether a folder is another one or lies below it.
func inside(dir, above string) bool {
	return above == "." || dir == above || strings.HasPrefix(dir, above+"/")
}

// within says whether a package of the root module, as ./path, is among patterns.
func within(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if dir, deep := strings.CutSuffix(pattern, "/..."); deep {
			return inside(path.Clean(pkg), path.Clean(dir))
		}
		return path.Clean(pkg) == path.Clean(pattern)
	})
}

// findTests returns the packages of the root module, as ./path, whose tests
// contain text.
func findTests(tree fs.FS, text string) ([]string, error) {
	var pkgs []string
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := fs.Stat(tree, path.Join(p, "go.mod"))
			if p != "." && (nested == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if dir := "./" + path.Dir(p); strings.HasSuffix(p, "_test.go") && !slices.Contains(pkgs, dir) && dir != "./internal/testall" {
			src, err := fs.ReadFile(tree, p)
			if err != nil {
				return err
			}
			if bytes.Contains(src, []byte(text)) {
				pkgs = append(pkgs, dir)
			}
		}
		return nil
	})
	return pkgs, err
}
