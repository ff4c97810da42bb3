package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// equations are the files of the cells whose headers have numbered equations, with
// the numbers of those over many steps, which package seq computes.
var equations = map[string][]string{
	"lstm/cell.go":        {"9", "10"},
	"lstm/variant.go":     {},
	"gru/reset_after.go":  {"9"},
	"gru/reset_before.go": {"12"},
	"gru/variant.go":      {"9"},
	"rnn/cell.go":         {"5", "6"},
	"rnn/variant.go":      {"5", "6"},
}

// Each numbered equation in the header of a cell has its number at a statement that
// computes it.
func TestEquationsHaveStatements(t *testing.T) {
	number := regexp.MustCompile(`\((\d+)\)`)
	for file, inSeq := range equations {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join("..", "..", file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		var header, statements []string
		for _, group := range f.Comments {
			for _, c := range group.List {
				switch {
				case strings.HasPrefix(c.Text, "//\t("): // a line of a header
					header = append(header, number.FindStringSubmatch(c.Text)[1])
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
		for k, n := range header {
			if n != fmt.Sprint(k) {
				t.Errorf("%s: equation (%s) in the place of (%d)", file, n, k)
			}
			if !slices.Contains(inSeq, n) {
				want = append(want, n)
			}
		}
		slices.Sort(want)
		if len(header) < 5 || !slices.Equal(statements, want) {
			t.Errorf("%s: the statements have the numbers %s, want %s", file, statements, want)
		}
	}
}

// Each statement of a cell that computes something has the number of its equation, and
// so has each in the reference of the gates that sets an element.
func TestStatementsHaveNumbers(t *testing.T) {
	check := func(file string, computes func(*ast.File, ast.Stmt) string) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join("..", "..", file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		found := unnumbered(fset, f, computes)
		for _, v := range found.missing {
			t.Errorf("%s:%s", file, v)
		}
		if found.numbered < 4 {
			t.Errorf("%s: only %d statements that compute something", file, found.numbered)
		}
	}
	for file := range equations {
		check(file, callsKernel)
	}
	check("gru/cell.go", callsKernel)
	for _, kind := range []string{"lstm", "gru", "rnn"} {
		check("kernels/ref/gates_"+kind+".go", setsElement)
	}
}

type statements struct {
	numbered int
	missing  []string // "line: what stands there without a number"
}

// unnumbered looks for the statements of which computes returns what they compute. Such
// a statement needs a comment like "// (1), (2): i" on its last line.
func unnumbered(fset *token.FileSet, f *ast.File, computes func(*ast.File, ast.Stmt) string) (out statements) {
	number := regexp.MustCompile(`^// \(\d+\)`)
	numbers := map[int]bool{}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if number.MatchString(c.Text) {
				numbers[fset.Position(c.Pos()).Line] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		stmt, ok := n.(ast.Stmt)
		if !ok {
			return true
		}
		what := computes(f, stmt)
		switch line := fset.Position(stmt.End()).Line; {
		case what == "":
		case numbers[line]:
			out.numbered++
		default:
			out.missing = append(out.missing, fmt.Sprintf("%d: %s has no number: put that of its equation behind it, like // (1)", line, what))
		}
		return true
	})
	return out
}

// callsKernel tells which kernel, product or other function a statement of a cell
// calls to compute something: every call that stands by itself, unless it is of a
// function of the same file, whose statements have their numbers; and in an assignment
// each call of a method of a Step or of its ISA.
func callsKernel(f *ast.File, stmt ast.Stmt) string {
	fn := enclosing(f, stmt)
	if fn == nil {
		return ""
	}
	// The names that a Step and an ISA have in this function.
	holders := map[string]bool{}
	for _, p := range fn.Type.Params.List {
		if typ := types.ExprString(p.Type); typ == "*seq.Step" || typ == "kernels.ISA" {
			for _, name := range p.Names {
				holders[name.Name] = true
			}
		}
	}
	if len(holders) == 0 {
		return ""
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
			for i, r := range a.Rhs {
				if sel, ok := r.(*ast.SelectorExpr); ok && sel.Sel.Name == "ISA" {
					holders[types.ExprString(a.Lhs[i])] = true
				}
			}
		}
		return true
	})
	switch s := stmt.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return ""
		}
		name := types.ExprString(call.Fun)
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			name = sel.Sel.Name
		}
		for _, d := range f.Decls {
			// An own method is called by the receiver: v.units, not t.units.
			if own, ok := d.(*ast.FuncDecl); ok && own.Name.Name == name && !holders[receiverOf(call)] && !strings.Contains(receiverOf(call), ".") {
				return ""
			}
		}
		return types.ExprString(call.Fun)
	case *ast.AssignStmt:
		for _, r := range s.Rhs {
			if call, ok := r.(*ast.CallExpr); ok {
				if on := receiverOf(call); holders[on] || strings.HasSuffix(on, ".ISA") {
					return types.ExprString(call.Fun)
				}
			}
		}
	}
	return ""
}

// receiverOf is the text before the last dot of what is called.
func receiverOf(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return types.ExprString(sel.X)
	}
	return ""
}

// setsElement tells which element a statement sets.
func setsElement(_ *ast.File, stmt ast.Stmt) string {
	if a, ok := stmt.(*ast.AssignStmt); ok {
		for _, l := range a.Lhs {
			if _, ok := l.(*ast.IndexExpr); ok {
				return types.ExprString(l) + " " + a.Tok.String()
			}
		}
	}
	return ""
}

// enclosing is the declared function in which a node stands.
func enclosing(f *ast.File, n ast.Node) *ast.FuncDecl {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Body.Pos() <= n.Pos() && n.End() <= fn.Body.End() {
			return fn
		}
	}
	return nil
}

func TestStatementsHaveNumbersBites(t *testing.T) {
	const header = "package x\n\n"
	for _, c := range []struct {
		name, src string
		computes  func(*ast.File, ast.Stmt) string
		want      []string // what is found
	}{
		{"numbered", "func (v) F(s *seq.Step) {\n\ts.Recur[0].Gemm(a,\n\t\tb) // (0)\n\tt := s.ISA\n\tt.Mul(a, b) // (1), (2): x\n\tcopy(a, b) // (3)\n}", callsKernel, nil},
		{"a kernel", "func (v) F(s *seq.Step) {\n\tH, t := 1, s.ISA\n\tt.Mul(a, b)\n}", callsKernel, []string{"5: t.Mul"}},
		{"a kernel of the Step's tier", "func (v) F(s *seq.Step) {\n\ts.ISA.Mul(a, b) // the product\n}", callsKernel, []string{"4: s.ISA.Mul"}},
		{"a kernel of a given tier", "func f(t kernels.ISA) {\n\tt.Mul(a, b)\n}", callsKernel, []string{"4: t.Mul"}},
		{"a kernel with a result", "func (v) F(s *seq.Step) {\n\td[0] = s.ISA.Normalize(x)\n\th, n := s.MaskedHidden(3)\n}", callsKernel, []string{"4: s.ISA.Normalize", "5: s.MaskedHidden"}},
		{"a product", "func (v) F(s *seq.Step) {\n\tif x {\n\t\ts.Recur[1].Gemm(a, b)\n\t}\n}", callsKernel, []string{"5: s.Recur[1].Gemm"}},
		{"in a closure", "func (v) F(s *seq.Step) {\n\tp := func() { s.Recur[1].Gemm(a, b) }\n\tp()\n}", callsKernel, []string{"4: s.Recur[1].Gemm", "5: p"}},
		{"an activation", "func (v) F(s *seq.Step) {\n\tv.gate.Apply(s.ISA, i, a)\n}", callsKernel, []string{"4: v.gate.Apply"}},
		{"a builtin", "func (v) F(s *seq.Step) {\n\tcopy(a, b)\n\tclear(a)\n}", callsKernel, []string{"4: copy", "5: clear"}},
		{"functions of the file and of another", "func (v) F(s *seq.Step) {\n\tv.units(s)\n\tv.other(s)\n\tv.in.units(s)\n\ts.units(s)\n}\nfunc (v) units(s *seq.Step) {}", callsKernel, []string{"5: v.other", "6: v.in.units", "7: s.units"}},
		{"an accessor", "func (v) F(s *seq.Step) {\n\trow := s.Tape.Row(r)\n\te := v.extras(s)\n}", callsKernel, nil},
		{"no step", "func (v) Shape() {\n\tvector(a, b)\n}", callsKernel, nil},
		{"a number on the line before", "func (v) F(s *seq.Step) {\n\t// (1)\n\ts.ISA.Mul(a, b)\n}", callsKernel, []string{"5: s.ISA.Mul"}},
		{"an element", "func f() {\n\tfor j := range h {\n\t\td := h[j]\n\t\th[j] = d\n\t\tg[j] = d // (1)\n\t}\n}", setsElement, []string{"6: h[j] ="}},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.go", header+c.src, parser.ParseComments)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := unnumbered(fset, f, c.computes).missing
		if len(got) != len(c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], want+" has no number") {
				t.Errorf("%s: found %q, want %q", c.name, got[i], want)
			}
		}
	}
}
