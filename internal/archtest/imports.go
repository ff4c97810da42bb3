package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// mayImport says, for each package of the root module, what its production code
// may import besides the standard library; a path without a dot in its first
// element is below the module. A package that is not listed is a violation, so
// that a new one comes with a decision.
var mayImport = map[string][]string{
	".":                          {},
	"kernels":                    {"kernels/ref", "kernels/internal/avx2", "kernels/internal/avx512", "kernels/internal/neon", "kernels/internal/tile", "golang.org/x/sys/cpu", "github.com/klauspost/cpuid/v2", "internal/pages"},
	"kernels/ref":                {},
	"kernels/internal/avx2":      {"kernels/internal/tile"},
	"kernels/internal/avx512":    {"kernels/internal/tile"},
	"kernels/internal/neon":      {"kernels/internal/tile"},
	"kernels/internal/tile":      {},
	"internal/team":              {},
	"internal/wire":              {},
	"internal/draw":              {"kernels"},
	"internal/split":             {"kernels"},
	"internal/crew":              {"kernels", "internal/split", "internal/team"},
	"internal/nilcheck":          {},
	"internal/pages":             {},
	"internal/slope":             {},
	"internal/rowstate":          {},
	"internal/seq":               {"kernels", "internal/draw", "internal/split", "internal/team", "internal/pages"},
	"rnn":                        {"internal/nilcheck", "internal/seq", "internal/wire", "kernels"},
	"lstm":                       {"internal/nilcheck", "internal/seq", "internal/wire", "kernels"},
	"gru":                        {"internal/nilcheck", "internal/seq", "internal/wire", "kernels"},
	"cell":                       {"gru", "lstm", "nn", "rnn", "internal/nilcheck"},
	"data":                       {"internal/nilcheck"},
	"decode":                     {"data", "kernels", "internal/draw", "internal/nilcheck"},
	"nn":                         {"data", "kernels", "internal/crew", "internal/draw", "internal/nilcheck", "internal/rowstate", "internal/seq", "internal/split", "internal/team", "internal/pages", "internal/slope"},
	"loss":                       {"data", "kernels", "internal/crew", "internal/draw", "internal/nilcheck", "internal/split", "internal/team", "internal/slope"},
	"optim":                      {"nn", "kernels", "internal/crew", "internal/pages"},
	"dist":                       {"kernels", "internal/nilcheck"},
	"bptt":                       {"data", "dist", "loss", "nn", "optim", "kernels", "internal/crew", "internal/nilcheck", "internal/wire", "internal/pages"},
	"seq2seq":                    {"data", "nn", "kernels", "internal/crew", "internal/draw", "internal/nilcheck", "internal/rowstate", "internal/split"},
	"fingerprint":                {"bptt", "data", "gru", "internal/split", "kernels", "loss", "lstm", "nn", "optim", "rnn"},
	"convert":                    {"lstm", "gru", "rnn", "convert/npy", "convert/safetensors"},
	"convert/chain":              {"bptt", "convert/safetensors", "gru", "kernels", "lstm", "nn", "rnn"},
	"finetune":                   {"convert/safetensors", "data", "kernels", "nn", "internal/crew", "internal/draw", "internal/nilcheck", "internal/split", "internal/team"},
	"convert/npy":                {"convert/internal/cursor", "convert/internal/narrow", "internal/wire"},
	"convert/safetensors":        {"convert/internal/cursor", "convert/internal/narrow", "internal/wire"},
	"convert/internal/cursor":    {},
	"convert/internal/narrow":    {},
	"fuzz":                       {},
	"internal/numtest":           {"internal/split", "kernels", "kernels/ref"},
	"internal/numtest/nettest":   {"kernels", "kernels/ref", "internal/numtest", "internal/numtest/norms", "internal/numtest/oracle", "internal/wire"},
	"internal/numtest/traintest": {"data", "lstm", "nn", "optim"},
	"internal/numtest/norms":     {}, // shares no code with what it judges
	"internal/numtest/oracle":    {}, // nor does this
	"internal/numtest/python":    {},
	"internal/numtest/pages":     {},
	"internal/archtest":          {},
	"internal/testall":           {},
	"internal/faults":            {},
}

// onlyStd narrows the standard library for some packages.
var onlyStd = map[string][]string{
	"kernels/ref": {"math"},
}

// testsMayImport lists what tests may import from other modules.
var testsMayImport = []string{
	"github.com/stretchr/testify/require", "github.com/stretchr/testify/assert",
	"golang.org/x/sys/cpu", "github.com/klauspost/cpuid/v2",
}

// Imports checks the root module's import rules. Tests may import any package of
// the module.
func Imports(t *Tree) ([]Violation, error) {
	var out []Violation
	for _, f := range t.folders() {
		if len(f.Go)+len(f.Tests) == 0 {
			continue
		}
		allowed, known := mayImport[f.Path]
		if !known {
			out = append(out, Violation{f.Path, "a package without an import rule: add it to mayImport in internal/archtest and say in docs/architecture.md what it is for"})
			continue
		}
		imports, err := t.imports(f)
		if err != nil {
			return nil, err
		}
		for _, im := range imports {
			if im.Path == "C" {
				out = append(out, Violation{im.Where, "no cgo in the root module"})
				continue
			}
			in, ours := below(im.Path)
			switch {
			case ours && slices.ContainsFunc(t.Nested, func(n string) bool { return in == n || strings.HasPrefix(in, n+"/") }):
				out = append(out, Violation{im.Where, "the root module imports nothing from the nested module " + in})
			case ours && im.Test:
			case ours && !slices.Contains(allowed, in):
				out = append(out, Violation{im.Where, fmt.Sprintf("%s may not import %s: it may import %s", f.Path, in, list(allowed))})
			case ours:
			case isStd(im.Path):
				if std, narrow := onlyStd[f.Path]; narrow && !im.Test && !slices.Contains(std, im.Path) {
					out = append(out, Violation{im.Where, fmt.Sprintf("%s may import only %s, not %s", f.Path, list(std), im.Path)})
				}
			case im.Test && slices.Contains(testsMayImport, im.Path):
			case !slices.Contains(allowed, im.Path):
				out = append(out, Violation{im.Where, fmt.Sprintf("%s may not import %s: it may import %s", f.Path, im.Path, list(allowed))})
			}
		}
	}
	return out, nil
}

// forAllTests is what tests of every module may import.
var forAllTests = []string{"internal/numtest/python", "internal/numtest/pages"}

// NestedImports checks a nested module called name, as a path below the root:
// the generator takes nothing from the root module, the others only its public
// packages, and their tests what runs scripts of Python beside them and reads the pages.
func NestedImports(name string, t *Tree) ([]Violation, error) {
	var out []Violation
	for _, f := range t.folders() {
		imports, err := t.imports(f)
		if err != nil {
			return nil, err
		}
		for _, im := range imports {
			in, ours := below(im.Path)
			if !ours || in == name || strings.HasPrefix(in, name+"/") {
				continue
			}
			at := path.Join(name, im.Where)
			if name == "asm" {
				out = append(out, Violation{at, "the generator imports nothing of the root module, not " + in})
			} else if slices.Contains(strings.Split(in, "/"), "internal") && !(im.Test && slices.Contains(forAllTests, in)) {
				out = append(out, Violation{at, name + " is a user like any other and may not import " + in})
			}
		}
	}
	return out, nil
}

// below returns the path below the root module, and whether it is there.
func below(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}

func isStd(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func list(s []string) string {
	if len(s) == 0 {
		return "nothing"
	}
	return strings.Join(s, ", ")
}
