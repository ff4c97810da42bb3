package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// The modules that the root's go.mod may require, and those that may come along
// with testify marked as indirect.
var (
	mayRequire  = []string{"golang.org/x/sys", "github.com/klauspost/cpuid/v2", "github.com/stretchr/testify"}
	mayComeWith = []string{"github.com/davecgh/go-spew", "github.com/pmezard/go-difflib", "github.com/stretchr/objx", "gopkg.in/yaml.v3", "go.yaml.in/yaml/v3"}
)

// GoMod checks the text of the root's go.mod: the module's path, its
// dependencies, and no directive that would not reach an importer.
func GoMod(text string) []Violation {
	var out []Violation
	bad := func(line int, format string, a ...any) {
		out = append(out, Violation{fmt.Sprintf("go.mod:%d", line), fmt.Sprintf(format, a...)})
	}
	block := ""
	for i, l := range strings.Split(text, "\n") {
		code, comment, _ := strings.Cut(l, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 0:
			continue
		case block != "" && words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch words[0] {
		case "module":
			if words[1] != Module {
				bad(i+1, "the module is %s", Module)
			}
		case "go":
		case "require":
			indirect := strings.TrimSpace(comment) == "indirect"
			if !slices.Contains(mayRequire, words[1]) && !(indirect && slices.Contains(mayComeWith, words[1])) {
				bad(i+1, "the root module may depend on %s only, not on %s: heavier things live in a nested module", list(mayRequire), words[1])
			}
		default:
			bad(i+1, "no %s directive here: importers would not get it", words[0])
		}
	}
	return out
}
