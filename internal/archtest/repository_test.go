package archtest

import (
	"os"
	"path/filepath"
	"testing"
)

// repository reads the tree these tests stand in.
func repository(t *testing.T) *Tree {
	t.Helper()
	tree, err := ReadTree(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	if tree.Folders["kernels/ref"] == nil {
		t.Fatal("kernels/ref not found: is this the root of the module?")
	}
	return tree
}

func none(t *testing.T, v []Violation, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range v {
		t.Error(v)
	}
}

func TestImportsOfTheRootModule(t *testing.T) {
	v, err := Imports(repository(t))
	none(t, v, err)
}

func TestImportsOfNestedModules(t *testing.T) {
	tree := repository(t)
	for _, dir := range tree.Nested {
		sub, err := tree.Sub(dir)
		if err != nil {
			t.Fatal(err)
		}
		v, err := NestedImports(dir, sub)
		none(t, v, err)
	}
}

func TestDependencies(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	none(t, GoMod(string(text)), nil)
}

func TestAssembly(t *testing.T) {
	v, err := Assembly(repository(t))
	none(t, v, err)
}

func TestGeneratedNames(t *testing.T) {
	v, err := GeneratedNames(os.DirFS(filepath.Join("..", "..")))
	none(t, v, err)
}

// The files differ by GOARCH and tags, so each selection is checked.
func TestCallsAndRoundings(t *testing.T) {
	tree := repository(t)
	for _, c := range []struct{ arch, tag string }{{"amd64", ""}, {"amd64", "purego"}, {"arm64", ""}, {"wasm", ""}} {
		t.Run(c.arch+c.tag, func(t *testing.T) {
			v, err := Calls(tree, c.arch, c.tag)
			none(t, v, err)
		})
	}
}

// No layer, loss or optimizer has a slow path, on any tier, and every exception is one that is needed.
func TestElements(t *testing.T) {
	tree := repository(t)
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			v, used, err := elements(tree, arch)
			none(t, v, err)
			for _, name := range exceptions() {
				if !used[name] {
					t.Errorf("%s is on a list of exceptions and needs none", name)
				}
			}
		})
	}
}
