package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestChoose(t *testing.T) {
	tree := fstest.MapFS{
		"go.mod": {}, "lstm/a.go": {}, "kernels/ref/a.go": {}, "asm/go.mod": {}, "asm/neon/a.go": {}, "asm/sub/go.mod": {},
		"asm/sub/deep/a.go": {}, "asmother/a.go": {},
	}
	modules := []string{".", "asm", "asm/sub"}
	for _, c := range []struct {
		from, args string
		want       []selection
	}{
		{".", "./lstm ./kernels/...", []selection{{".", []string{"./lstm", "./kernels/..."}}}},
		{".", "lstm lstm/ ./lstm", []selection{{".", []string{"./lstm"}}}},
		{".", ".", []selection{{".", []string{"."}}}},
		{".", "./...", []selection{{".", []string{"./..."}}, {"asm", []string{"./..."}}, {"asm/sub", []string{"./..."}}}},
		{".", "...", []selection{{".", []string{"./..."}}, {"asm", []string{"./..."}}, {"asm/sub", []string{"./..."}}}},
		{".", "./asm", []selection{{"asm", []string{"."}}}},
		{".", "./asm/neon ./lstm", []selection{{".", []string{"./lstm"}}, {"asm", []string{"./neon"}}}},
		{".", "./asm/...", []selection{{"asm", []string{"./..."}}, {"asm/sub", []string{"./..."}}}},
		{".", "./asm/sub/deep", []selection{{"asm/sub", []string{"./deep"}}}},
		{".", "./asmother", []selection{{".", []string{"./asmother"}}}},
		{"asm", "./neon .", []selection{{"asm", []string{"./neon", "."}}}},
		{"asm", "../lstm", []selection{{".", []string{"./lstm"}}}},
		{"asm", rootModule + "/lstm " + rootModule + "/asm/neon", []selection{{".", []string{"./lstm"}}, {"asm", []string{"./neon"}}}},
		{"asm", rootModule + "/...", []selection{{".", []string{"./..."}}, {"asm", []string{"./..."}}, {"asm/sub", []string{"./..."}}}},
	} {
		got, err := choose(tree, modules, c.from, strings.Fields(c.args))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s in %s: %v, %v, want %v", c.args, c.from, got, err, c.want)
		}
	}
	for _, bad := range []string{"./nothing", "./lstm/a.go", "../elsewhere", "github.com/other/module", "./nothing/..."} {
		if got, err := choose(tree, modules, ".", []string{bad}); err == nil || !strings.HasPrefix(err.Error(), bad+" is no folder") {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
	for _, c := range []struct {
		pkg      string
		patterns []string
		want     bool
	}{
		{"./lstm", []string{"./..."}, true}, {"./lstm", []string{"./gru", "./lstm"}, true}, {"./lstm", []string{"./ls"}, false},
		{"./kernels/ref", []string{"./kernels/..."}, true}, {"./kernels", []string{"./kernels/..."}, true}, {"./kernels/ref", []string{"./kernels"}, false},
	} {
		if got := within(c.pkg, c.patterns); got != c.want {
			t.Errorf("%s within %v: %v", c.pkg, c.patterns, got)
		}
	}
}

// The packages of the root module that take longest come first, in their order, if they are there.
func TestEverything(t *testing.T) {
	tree := fstest.MapFS{"go.mod": {}, "kernels/a.go": {}, "lstm/a.go": {}, "nn/a.go": {}, "asm/go.mod": {}, "asm/gru/a.go": {}, "gru": {}}
	want := []selection{{".", []string{"./lstm", "./kernels", "./..."}}, {"asm", []string{"./..."}}}
	if got := everything(tree, []string{".", "asm"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFindRoot(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	if root, err := findRoot(here); err != nil || root != filepath.Dir(filepath.Dir(here)) {
		t.Errorf("%s, %v", root, err)
	}
	if _, err := findRoot(t.TempDir()); err == nil || !strings.Contains(err.Error(), "start the command in the repository") {
		t.Errorf("%v", err)
	}
}
