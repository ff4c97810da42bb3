package archtest

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/pages"
)

// valued are the flags of the go command, in the commands of pages, that a value follows.
var valued = []string{"-o", "-tags", "-exec", "-run", "-bench", "-benchtime", "-count", "-timeout", "-cpu", "-cpuprofile", "-fuzz", "-fuzztime", "-fuzzminimizetime", "-parallel"}

// ownTests are programs whose command lines tests of their modules hold against their flags.
var ownTests = []string{"simdrnn", "charlm", "charlm-mpi"}

// What the commands of pages name is there: modules and packages of `go run`, `test`, `build`,
// `install`, `generate` and `get`, the tests, benchmarks and fuzz targets that expressions are
// to match, build tags. Programs of this module know the flags; those of nested modules have
// such a test of their own. A command that nothing here looks at is an error.
func TestCommandsOfPages(t *testing.T) {
	root := filepath.Join("..", "..")
	p := &commands{root: root, programs: t.TempDir()}
	for _, c := range pages.Commands(t, root) {
		if first := c.Words[0]; first != "go" {
			switch {
			case slices.Contains(ownTests, first):
			case first == "pip" || first == ".ci/run" || strings.HasPrefix(first, "python") && slices.Contains([]string{"-m", "keras_safetensors.py"}, c.Words[1]):
			default:
				t.Errorf("%s: %s: no test holds this against what %s is", c.Page, c.Text, first)
			}
			continue
		}
		p.check(t, c)
	}
	if len(p.built) == 0 || p.matched == 0 {
		t.Errorf("%d programs, %d expressions", len(p.built), p.matched)
	}
}

// commands checks those of the go command.
type commands struct {
	root, programs string
	built          []string
	matched        int
}

// A goCommand is one of the go command: a verb with its flags, packages, and what a program that
// it runs is given.
type goCommand struct {
	pages.Command
	dir, verb string
	flags     map[string]string
	packages  []string
	rest      []string
}

// parse takes a command apart. ok is false where the prose is about a part of a command.
func (p *commands) parse(c pages.Command) (g goCommand, ok bool, err error) {
	g, words := goCommand{Command: c, flags: map[string]string{}}, c.Words[1:]
	if len(words) > 1 && words[0] == "-C" {
		if g.dir = filepath.Join(p.root, words[1]); strings.HasPrefix(words[1], "..") {
			g.dir = filepath.Join(p.root, path.Dir(c.Page), words[1])
		}
		words = words[2:]
		if _, err := os.Stat(filepath.Join(g.dir, "go.mod")); err != nil {
			return g, false, err
		}
	}
	if len(words) == 0 {
		return g, false, nil
	}
	g.verb = words[0]
	for words = words[1:]; len(words) > 0; words = words[1:] {
		switch w := words[0]; {
		case slices.Contains(valued, w):
			if len(words) == 1 {
				return g, false, nil
			}
			g.flags[w], words = words[1], words[1:]
		case strings.HasPrefix(w, "-"):
		default:
			g.packages = append(g.packages, w)
		}
		if g.verb == "run" && len(g.packages) > 0 {
			g.rest = words[1:]
			break
		}
	}
	if g.dir == "" {
		g.dir = p.typedIn(g)
	}
	return g, true, nil
}

// typedIn is where a command is typed that does not say it: in the module of its page or one
// around that, if it has the packages, else in the root.
func (p *commands) typedIn(g goCommand) string {
	for at := path.Dir(g.Page); at != "."; at = path.Dir(at) {
		dir := filepath.Join(p.root, at)
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if !slices.ContainsFunc(g.packages, func(name string) bool { return !p.exists(dir, name) }) {
				return dir
			}
		}
	}
	return p.root
}

// check looks at one command.
func (p *commands) check(t *testing.T, c pages.Command) {
	wrong := func(format string, a ...any) { t.Errorf("%s: %s: "+format, append([]any{c.Page, c.Text}, a...)...) }
	g, ok, err := p.parse(c)
	switch {
	case err != nil:
		wrong("%v", err)
		return
	case !ok || slices.Contains([]string{"mod", "doc", "get"}, g.verb):
		return
	case !slices.Contains([]string{"run", "test", "build", "install", "generate"}, g.verb):
		wrong("go %s is not known here", g.verb)
		return
	}
	for _, name := range g.packages {
		if name != "./NAME" && !p.exists(g.dir, name) {
			wrong("there is no package %s in %s", name, g.dir)
			return
		}
	}
	for flag, prefix := range map[string]string{"-run": "Test", "-bench": "Benchmark", "-fuzz": "Fuzz"} {
		want, given := g.flags[flag]
		if !given || want == "^$" || want == "-" {
			continue
		}
		top, _, _ := strings.Cut(want, "/")
		expression, err := regexp.Compile(top)
		if err != nil {
			wrong("%v", err)
			continue
		}
		p.matched++
		for _, name := range g.packages {
			if !strings.HasSuffix(name, "...") && !slices.ContainsFunc(p.functions(t, filepath.Join(g.dir, name), prefix), expression.MatchString) {
				wrong("%s has no %s that %s matches", name, prefix, want)
			}
		}
	}
	for tag := range strings.SplitSeq(g.flags["-tags"], ",") {
		if tag != "" && !p.tag(t, tag) {
			wrong("no file has the tag %s", tag)
		}
	}
	if g.verb == "run" && g.dir == p.root && len(g.packages) > 0 && strings.HasPrefix(g.packages[0], "./internal/") {
		p.knowsFlags(t, g)
	}
}

// exists says whether there is Go below a folder for a pattern of packages.
func (p *commands) exists(dir, pattern string) bool {
	name, _, _ := strings.Cut(pattern, "@")
	if in, ours := below(name); ours {
		dir, name = p.root, in
	}
	if name, all := strings.CutSuffix(name, "/..."); all {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join(dir, name, "*.go"))
	return err == nil && len(files) > 0
}

// knowsFlags runs a program of this module with the flags of a command. Packages may follow
// these: they are there too.
func (p *commands) knowsFlags(t *testing.T, g goCommand) {
	name := g.packages[0]
	program := filepath.Join(p.programs, path.Base(name)+".exe")
	if !slices.Contains(p.built, name) {
		build := exec.Command("go", "build", "-o", program, name)
		build.Dir, build.Env = p.root, append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		p.built = append(p.built, name)
	}
	args := g.rest
	if at := slices.IndexFunc(args, func(w string) bool { return strings.HasPrefix(w, "./") }); at >= 0 {
		for _, w := range args[at:] {
			if !p.exists(p.root, w) {
				t.Errorf("%s: %s: there is no package %s", g.Page, g.Text, w)
			}
		}
		args = args[:at]
	}
	g.KnowsFlags(t, program, args)
}

// functions are those of the tests of a package whose names have a prefix.
func (p *commands) functions(t *testing.T, dir, prefix string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, prefix) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// tag says whether the constraint of some file has a tag.
func (p *commands) tag(t *testing.T, tag string) (found bool) {
	err := filepath.WalkDir(p.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || found || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "package ") {
				break
			}
			if constraint.IsGoBuild(line) {
				expression, err := constraint.Parse(strings.TrimSpace(line))
				if err != nil {
					return err
				}
				expression.Eval(func(has string) bool { found = found || has == tag; return true })
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
