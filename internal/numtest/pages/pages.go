// Package pages reads the command lines that the pages of this repository tell people to
// type, for tests that hold them against the programs. Tests of nested modules use it too.
package pages

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A Command is one command line of a page.
type Command struct {
	Page  string   // its path below the root, with slashes
	Text  string   // as it stands there
	Words []string // as a shell splits it, without settings like GOOS=js before it and the launcher mpirun
}

// programs are the first words of what is a command line.
var programs = []string{"go", "simdrnn", "charlm", "charlm-mpi", "python", "python3", "pip", ".ci/run"}

var (
	inline  = regexp.MustCompile("`([^`\n]+)`")
	setting = regexp.MustCompile(`^[A-Z_]+=`)
	word    = regexp.MustCompile(`(?:"[^"]*"|'[^']*'|\$\([^()]*\)|[^\s"'])+`)
	quoted  = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
	// What explains a command stands behind # or two spaces; two spaces before a flag are none.
	remark = regexp.MustCompile(`\s+#.*$|\s{2,}[^\s-].*$|\s{2,}- .*$`)
)

// Commands returns the command lines of all pages below a folder and of the comments of its
// packages: indented lines, and in pages those between backticks that have an argument. The
// histories of changes and decisions have what was true once, and are left out.
func Commands(t testing.TB, root string) (all []Command) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, "-out") || name == "decisions" || name == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		page, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		page = filepath.ToSlash(page)
		switch {
		case strings.HasSuffix(name, ".md") && page != "CHANGELOG.md":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all = append(all, ofPage(page, string(text))...)
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil || file.Doc == nil {
				return err
			}
			all = append(all, ofLines(page, file.Doc.Text(), "\t")...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("%d command lines below %s", len(all), root)
	}
	return all
}

// ofPage are the command lines of a page in Markdown.
func ofPage(page, text string) (list []Command) {
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 { // code in a fence
			continue
		}
		list = append(list, ofLines(page, part, "    ")...)
		for _, m := range inline.FindAllStringSubmatch(part, -1) {
			if c, ok := command(page, m[1]); ok && len(c.Words) > 1 {
				list = append(list, c)
			}
		}
	}
	return list
}

// ofLines are the command lines among those that are indented.
func ofLines(page, text, indent string) (list []Command) {
	for line := range strings.Lines(text) {
		if line, ok := strings.CutPrefix(line, indent); ok {
			if c, ok := command(page, line); ok {
				list = append(list, c)
			}
		}
	}
	return list
}

// command is a line, if that begins with a program.
func command(page, line string) (c Command, ok bool) {
	line = strings.TrimSpace(line)
	if strings.Contains(line, "...`") {
		return c, false
	}
	words := word.FindAllString(remark.ReplaceAllString(line, ""), -1)
	for len(words) > 0 && setting.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "mpirun" {
		at := slices.IndexFunc(words, func(w string) bool { return slices.Contains(programs, w) })
		if at < 0 {
			return c, false
		}
		words = words[at:]
	}
	if len(words) == 0 || !slices.Contains(programs, words[0]) {
		return c, false
	}
	for i, w := range words {
		words[i] = quoted.ReplaceAllString(w, "$1$2")
	}
	return Command{page, line, words}, true
}

// Run returns the arguments of a program of a nested module: of `go -C MODULE run ./PROGRAM
// ARGUMENTS`, or of the name that it has once it is installed.
func (c Command) Run(module, program string) (args []string, ok bool) {
	for _, before := range [][]string{
		{"go", "-C", module, "run", "./" + program}, {"go", "run", "./" + module + "/" + program}, {program},
	} {
		if program == "" { // the module is the program
			before = append(before[:len(before)-1:len(before)-1], ".")
		}
		if len(c.Words) >= len(before) && slices.Equal(c.Words[:len(before)], before) {
			return c.Words[len(before):], true
		}
	}
	return nil, false
}

// KnowsFlags runs a program with the flags of a command line and one that no program has, in
// an empty folder: that one must be what is wrong. A flag before it that needs a value and has
// none would take it for that.
func (c Command) KnowsFlags(t testing.TB, program string, args []string) {
	t.Helper()
	const none = "-no-such-flag"
	run := exec.Command(program, append(args[:len(args):len(args)], none)...)
	run.Dir = t.TempDir()
	said, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "flag provided but not defined: "+none) {
		t.Errorf("%s: %s: the program says %v, and not that %s alone is wrong:\n%s", c.Page, c.Text, err, none, said)
	}
}
