package archtest

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"sync"
)

// mathMay lists the functions of package math that give the same bits on every
// GOARCH (contract rule 12). Constants are free.
var mathMay = []string{
	"Sqrt", "Abs", "Floor", "Trunc", "Frexp", "Ldexp", "Copysign", "IsNaN", "IsInf", "NaN", "Inf",
	"Float32bits", "Float32frombits", "Float64bits", "Float64frombits", "FMA",
}

// randMay lists what may be used of math/rand/v2: ways to make a generator, to
// keep its state, and to draw 64 bits.
var randMay = []string{
	"New", "NewPCG", "NewChaCha8", "Uint64", "Seed", "MarshalBinary", "UnmarshalBinary", "AppendBinary",
}

// noImport are packages whose results differ between machines or releases, or
// that cannot be seeded.
var noImport = []string{"math/rand", "math/cmplx", "crypto/rand", "hash/maphash"}

// exempt reports whether a package holds no code whose result reaches a weight,
// state, gradient, loss or schedule.
func exempt(folder string) bool {
	return strings.HasPrefix(folder, "internal/numtest") || folder == "internal/archtest" || folder == "internal/testall"
}

// Calls checks contract rule 12 over the production code of the root module as
// it is built for goarch with the given tags: which functions of math and
// math/rand/v2 are used, and that no float product is added or subtracted
// without its own rounding, since a compiler may then fuse the two.
//
// The language lets a compiler look through variables, stores and inlined calls
// for the product, so Calls does too, one step deep: through a variable, element
// or field that the same function assigns a bare product to, through a parameter
// that is a summand of the function called, and through a function that returns
// a bare product.
func Calls(t *Tree, goarch string, tags ...string) ([]Violation, error) {
	p := &program{tree: t, goarch: goarch, tags: tags, fset: token.NewFileSet(), pkgs: map[string]*typed{}}
	for _, f := range t.folders() {
		if exempt(f.Path) {
			continue
		}
		if _, err := p.load(f.Path); err != nil {
			return nil, err
		}
	}
	c := &checker{program: p, returns: map[types.Object]bool{}, summand: map[types.Object]bool{}}
	// What functions return and add is needed before the first call is judged.
	for _, pass := range []func(*typed, *ast.FuncDecl){c.summarize, c.judge} {
		for _, f := range t.folders() {
			pkg := p.pkgs[f.Path]
			if pkg == nil {
				continue
			}
			for _, file := range pkg.files {
				for _, d := range file.Decls {
					if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
						pass(pkg, fn)
					}
				}
			}
		}
	}
	for _, f := range t.folders() {
		if pkg := p.pkgs[f.Path]; pkg != nil {
			c.uses(pkg)
		}
	}
	slices.SortStableFunc(c.out, func(a, b Violation) int { return strings.Compare(a.Where, b.Where) })
	return c.out, nil
}

// A program is the root module's production code, type-checked.
type program struct {
	tree   *Tree
	goarch string
	tags   []string
	fset   *token.FileSet
	pkgs   map[string]*typed
}

type typed struct {
	files []*ast.File
	pkg   *types.Package
	info  *types.Info
}

// load parses and checks the package in a folder and, through Import, those of
// the module that it needs. A folder without files for this GOARCH gives nil.
func (p *program) load(folder string) (*typed, error) {
	if pkg, ok := p.pkgs[folder]; ok {
		return pkg, nil
	}
	p.pkgs[folder] = nil
	f := p.tree.Folders[folder]
	if f == nil {
		return nil, fmt.Errorf("no package in %s", folder)
	}
	ctx := p.tree.context(p.goarch, p.tags...)
	var files []*ast.File
	for _, name := range f.Go {
		ok, err := ctx.MatchFile(folder, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		file := path.Join(folder, name)
		r, err := p.tree.fsys.Open(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(p.fset, file, r, 0)
		r.Close()
		if err != nil {
			return nil, err
		}
		files = append(files, parsed)
	}
	if len(files) == 0 {
		return nil, nil
	}
	pkg := &typed{files: files, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	conf := types.Config{Importer: p, Sizes: types.SizesFor("gc", p.goarch)}
	var err error
	if pkg.pkg, err = conf.Check(path.Join(Module, folder), p.fset, files, pkg.info); err != nil {
		return nil, fmt.Errorf("type-checking %s for %s %v: %w", folder, p.goarch, p.tags, err)
	}
	p.pkgs[folder] = pkg
	return pkg, nil
}

// Import implements types.Importer.
func (p *program) Import(importPath string) (*types.Package, error) {
	folder, ours := below(importPath)
	if !ours {
		return others(importPath)
	}
	pkg, err := p.load(folder)
	if err != nil {
		return nil, err
	}
	if pkg == nil {
		return nil, fmt.Errorf("%s is imported, but has no file for %s %v or is part of a cycle", folder, p.goarch, p.tags)
	}
	return pkg.pkg, nil
}

// others imports packages of other modules from source. Their types are those of
// the machine the test runs on, which is all that the checks need of them.
var others = func() func(string) (*types.Package, error) {
	var mu sync.Mutex
	source := importer.ForCompiler(token.NewFileSet(), "source", nil)
	return func(importPath string) (*types.Package, error) {
		mu.Lock()
		defer mu.Unlock()
		return source.Import(importPath)
	}
}()

type checker struct {
	*program
	returns map[types.Object]bool // functions that return a bare product
	summand map[types.Object]bool // parameters that are an operand of + or -
	out     []Violation
}

func (c *checker) add(n ast.Node, format string, a ...any) {
	c.out = append(c.out, Violation{where(c.fset, n), fmt.Sprintf(format, a...)})
}

// uses judges every mention of an imported function.
func (c *checker) uses(pkg *typed) {
	for _, file := range pkg.files {
		for _, spec := range file.Imports {
			if p := strings.Trim(spec.Path.Value, `"`); slices.Contains(noImport, p) {
				c.add(spec, "no %s where a stored number can be reached: its results differ between machines or releases", p)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				fn, ok := pkg.info.Uses[n].(*types.Func)
				if !ok || fn.Pkg() == nil {
					break
				}
				switch fn.Pkg().Path() {
				case "math":
					if !slices.Contains(mathMay, fn.Name()) {
						c.add(n, "math.%s gives different bits on different machines: write the sequence out, or use the helper in kernels", fn.Name())
					}
				case "math/rand/v2":
					if !slices.Contains(randMay, fn.Name()) {
						c.add(n, "%s of math/rand/v2: take only Uint64 from a generator and derive the rest from its bits", fn.Name())
					}
				}
			case *ast.CallExpr:
				// float32(math.FMA(a, b, c)) rounds twice.
				if len(n.Args) != 1 || !c.isConversion(pkg, n) || !isBasic(pkg.info.TypeOf(n.Fun), types.Float32) {
					break
				}
				if call, ok := strip(n.Args[0]).(*ast.CallExpr); ok {
					if fn := callee(pkg, call); fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "math" && fn.Name() == "FMA" {
						c.add(n, "float32(math.FMA(...)) rounds twice: use kernels.FMA, or ref.FMA inside kernels")
					}
				}
			}
			return true
		})
	}
}

// summarize notes what a function returns and which parameters it adds.
func (c *checker) summarize(pkg *typed, fn *ast.FuncDecl) {
	obj := pkg.info.Defs[fn.Name]
	params := map[types.Object]bool{}
	if sig, ok := obj.Type().(*types.Signature); ok {
		for v := range sig.Params().Variables() {
			params[v] = true
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				if bareProduct(pkg, r) {
					c.returns[obj] = true
				}
			}
		case *ast.FuncLit:
			return false
		}
		for _, e := range summands(pkg, n) {
			if id, ok := strip(e).(*ast.Ident); ok && params[pkg.info.Uses[id]] {
				c.summand[pkg.info.Uses[id]] = true
			}
		}
		return true
	})
}

// judge reports every product that a function adds or subtracts without rounding it
// (a bare product).
func (c *checker) judge(pkg *typed, fn *ast.FuncDecl) {
	// The places that hold a bare product: variables by object, elements and
	// fields by how they are written.
	holds := map[any]ast.Node{}
	put := func(lhs ast.Expr, at ast.Node) {
		if k := place(pkg, lhs); k != nil {
			holds[k] = at
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.MUL_ASSIGN && isFloat(pkg.info.TypeOf(n.Lhs[0])) {
				put(n.Lhs[0], n)
			}
			if (n.Tok == token.ASSIGN || n.Tok == token.DEFINE) && len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					if bareProduct(pkg, n.Rhs[i]) {
						put(n.Lhs[i], n)
					}
				}
			}
		case *ast.ValueSpec:
			for i := range n.Values {
				if len(n.Names) == len(n.Values) && bareProduct(pkg, n.Values[i]) {
					put(n.Names[i], n)
				}
			}
		}
		return true
	})
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		for _, e := range summands(pkg, n) {
			switch {
			case bareProduct(pkg, e):
				c.add(e, "a bare product is added or subtracted and may be fused: round it, %s(a*b), or use an exact FMA helper", pkg.info.TypeOf(e))
			case place(pkg, strip(e)) != nil && holds[place(pkg, strip(e))] != nil:
				c.add(e, "%s holds a bare product (line %d) and is added or subtracted: the two may be fused; round the product, %s(a*b)",
					types.ExprString(strip(e)), c.fset.Position(holds[place(pkg, strip(e))].Pos()).Line, pkg.info.TypeOf(e))
			default:
				if call, ok := strip(e).(*ast.CallExpr); ok && c.returns[object(callee(pkg, call))] {
					c.add(e, "%s returns a bare product, which is added or subtracted here and may be fused when inlined: round what it returns", types.ExprString(call.Fun))
				}
			}
		}
		if call, ok := n.(*ast.CallExpr); ok {
			c.arguments(pkg, call)
		}
		return true
	})
}

// arguments reports bare products that are arguments for parameters which the function
// adds or subtracts.
func (c *checker) arguments(pkg *typed, call *ast.CallExpr) {
	fn := callee(pkg, call)
	if fn == nil {
		return
	}
	params := fn.Origin().Type().(*types.Signature).Params()
	for i, a := range call.Args {
		if i < params.Len() && c.summand[params.At(i)] && bareProduct(pkg, a) {
			c.add(a, "a bare product is an argument of %s, which adds or subtracts it, and may be fused when inlined: round it, %s(a*b)", fn.Name(), pkg.info.TypeOf(a))
		}
	}
}

func object(fn *types.Func) types.Object {
	if fn == nil {
		return nil
	}
	return fn.Origin()
}

// summands returns the float operands of a node that adds or subtracts.
func summands(pkg *typed, n ast.Node) []ast.Expr {
	var ops []ast.Expr
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.ADD || n.Op == token.SUB {
			ops = []ast.Expr{n.X, n.Y}
		}
	case *ast.AssignStmt:
		if n.Tok == token.ADD_ASSIGN || n.Tok == token.SUB_ASSIGN {
			ops = []ast.Expr{n.Lhs[0], n.Rhs[0]}
		}
	}
	if len(ops) == 0 || !isFloat(pkg.info.TypeOf(ops[0])) && !isFloat(pkg.info.TypeOf(ops[1])) {
		return nil
	}
	return ops
}

// bareProduct reports whether e, behind parentheses and signs, is a product of
// floats computed at run time and not rounded by a conversion.
func bareProduct(pkg *typed, e ast.Expr) bool {
	b, ok := strip(e).(*ast.BinaryExpr)
	if !ok || b.Op != token.MUL {
		return false
	}
	tv := pkg.info.Types[b]
	return isFloat(tv.Type) && (tv.Value == nil || tv.Value.Kind() == constant.Unknown)
}

// strip takes parentheses, plus and minus signs off.
func strip(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.UnaryExpr:
			if x.Op != token.SUB && x.Op != token.ADD {
				return e
			}
			e = x.X
		default:
			return e
		}
	}
}

// place returns what identifies an assignable expression inside one function, or
// nil for any other expression.
func place(pkg *typed, e ast.Expr) any {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return place(pkg, e.X)
	case *ast.Ident:
		if o := pkg.info.ObjectOf(e); o != nil && e.Name != "_" {
			return o
		}
	case *ast.IndexExpr, *ast.SelectorExpr, *ast.StarExpr:
		return types.ExprString(e)
	}
	return nil
}

func callee(pkg *typed, call *ast.CallExpr) *types.Func {
	f := call.Fun
	if ix, ok := f.(*ast.IndexExpr); ok { // an instantiated generic function
		f = ix.X
	}
	var id *ast.Ident
	switch f := f.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	fn, _ := pkg.info.Uses[id].(*types.Func)
	return fn
}

func (c *checker) isConversion(pkg *typed, call *ast.CallExpr) bool {
	return pkg.info.Types[call.Fun].IsType()
}

func isBasic(t types.Type, kind types.BasicKind) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == kind
}

// isFloat also holds for a type parameter all of whose types are floats.
func isFloat(t types.Type) bool {
	if t == nil {
		return false
	}
	if tp, ok := types.Unalias(t).(*types.TypeParam); ok {
		iface := tp.Constraint().Underlying().(*types.Interface)
		for e := range iface.EmbeddedTypes() {
			u, ok := e.(*types.Union)
			if !ok {
				return isFloat(e)
			}
			for term := range u.Terms() {
				if isFloat(term.Type()) {
					return true
				}
			}
		}
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsFloat != 0
}
