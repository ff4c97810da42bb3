package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each numbered equation in the header of a cell has its number at the statements
// that compute it, but for those over many steps, which package seq computes.
func TestEquationsHaveStatements(t *testing.T) {
	number := regexp.MustCompile(`\((\d+)\)`)
	for file, inSeq := range map[string][]string{
		"lstm/cell.go":        {"9", "10"},
		"lstm/variant.go":     {},
		"gru/reset_after.go":  {"9"},
		"gru/reset_before.go": {"12"},
		"gru/variant.go":      {"9"},
		"rnn/cell.go":         {"5", "6"},
		"rnn/variant.go":      {"5", "6"},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join("..", "..", file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		var equations, statements []string
		for _, group := range f.Comments {
			for _, c := range group.List {
				switch {
				case strings.HasPrefix(c.Text, "//\t("): // a line of a header
					equations = append(equations, number.FindStringSubmatch(c.Text)[1])
				case fset.Position(c.Pos()).Column > 1 && strings.HasPrefix(c.Text, "// ("): // behind a statement
					for _, m := range number.FindAllStringSubmatch(c.Text, -1) {
						statements = append(statements, m[1])
					}
				}
			}
		}
		slices.Sort(statements)
		statements = slices.Compact(statements)
		var want []string
		for k, n := range equations {
			if n != fmt.Sprint(k) {
				t.Errorf("%s: equation (%s) in the place of (%d)", file, n, k)
			}
			if !slices.Contains(inSeq, n) {
				want = append(want, n)
			}
		}
		slices.Sort(want)
		if len(equations) < 5 || !slices.Equal(statements, want) {
			t.Errorf("%s: the statements have the numbers %s, want %s", file, statements, want)
		}
	}
}
