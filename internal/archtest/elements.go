package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

// Elements checks that there is no slow path: that layers, forward, backward and step by
// step, stages, losses, optimizers and what stands around them work on elements by vector
// kernels alone, whatever their Config, on every tier of goarch.
//
//   - No Go code there reads, writes, compares or computes elements of float slices,
//     and no float32 arithmetic stands anywhere but in functions that are listed as
//     computing with single numbers.
//   - The cells name no tier and call no kernel of package kernels but by a tier or
//     by something packed for one.
//   - Package kernels enters kernels/ref only where a dispatch has come to its
//     default, and a dispatch has a case for each tier of goarch with a kernel of
//     that tier in it. No other package enters it.
func Elements(t *Tree, goarch string) ([]Violation, error) {
	out, _, err := elements(t, goarch)
	return out, err
}

// elements also returns which exceptions were made use of.
func elements(t *Tree, goarch string) ([]Violation, map[string]bool, error) {
	c := &elementChecker{checker: checker{program: &program{tree: t, goarch: goarch, fset: token.NewFileSet(), pkgs: map[string]*typed{}}}, goarch: goarch, used: map[string]bool{}}
	for _, folder := range onKernels {
		if t.Folders[folder] == nil {
			continue
		}
		pkg, err := c.load(folder)
		if err != nil {
			return nil, nil, err
		}
		if pkg == nil {
			continue
		}
		for _, file := range pkg.files {
			c.file(folder, pkg, file)
		}
	}
	slices.SortStableFunc(c.out, func(a, b Violation) int { return strings.Compare(a.Where, b.Where) })
	return c.out, c.used, nil
}

type elementChecker struct {
	checker
	goarch string
	used   map[string]bool
	cells  bool   // the package is not kernels itself
	around bool   // the package is one of around
	name   string // of the function or variable that is being checked, as in the lists
	inFile string // its file
}

// may reports whether the list has the current function or file, and notes that it was
// used.
func (c *elementChecker) may(list map[string]string) bool {
	for _, name := range []string{c.name, c.inFile} {
		if list[name] != "" {
			c.used[name] = true
			return true
		}
	}
	return false
}

func (c *elementChecker) file(folder string, pkg *typed, file *ast.File) {
	c.cells, c.around = folder != "kernels", slices.Contains(around, folder)
	base := path.Base(c.fset.Position(file.Pos()).Filename)
	c.inFile = folder + "/" + base
	for _, spec := range file.Imports {
		if c.cells && spec.Path.Value == `"unsafe"` {
			c.name = ""
			c.add(spec, "package unsafe reaches elements in ways that this check does not see")
		}
	}
	dispatch := folder == "kernels" && strings.HasPrefix(base, "zdispatch")
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil {
				continue
			}
			c.name = folder + "." + d.Name.Name
			if d.Recv != nil {
				c.name = folder + "." + receiver(d) + "." + d.Name.Name
			}
			if dispatch {
				c.dispatch(pkg, d)
			}
			c.walk(pkg, d.Body, dispatch)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok {
					c.name = folder + "." + v.Names[0].Name
					c.walk(pkg, v, false)
				}
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return types.ExprString(t)
		}
	}
}

// walk checks every node below root, together with the nodes that contain it.
func (c *elementChecker) walk(pkg *typed, root ast.Node, dispatch bool) {
	var above []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		c.elements(pkg, n, above)
		c.arithmetic(pkg, n)
		c.calls(pkg, n, above, dispatch)
		above = append(above, n)
		return true
	})
}

// isElement reports whether elements of that type are those of tensors.
func (c *elementChecker) isElement(t types.Type) bool {
	return isFloat(t) && !(c.around && isBasic(t, types.Float64))
}

// elements reports what touches single elements. A number that a kernel takes or
// returns for a row may lie in a slice, at a place that does not vary.
func (c *elementChecker) elements(pkg *typed, n ast.Node, above []ast.Node) {
	switch n := n.(type) {
	case *ast.IndexExpr:
		if !c.isElement(elementOf(pkg.info.TypeOf(n.X))) || pkg.info.Types[n.Index].Value != nil && passedOn(pkg, n, above) || c.may(outside) {
			return
		}
		c.add(n, "%s is an element, which only kernels touch: use one, or give the list in internal/archtest a reason", types.ExprString(n))
	case *ast.StarExpr:
		if tv := pkg.info.Types[n]; tv.IsValue() && c.isElement(tv.Type) && !c.may(outside) {
			c.add(n, "%s is an element, which only kernels touch", types.ExprString(n))
		}
	case *ast.RangeStmt:
		for _, e := range []ast.Expr{n.Key, n.Value} {
			if e != nil && c.isElement(pkg.info.TypeOf(e)) && !c.may(outside) {
				c.add(n, "a loop over the elements of %s, which only kernels touch", types.ExprString(n.X))
			}
		}
	}
}

// elementOf is the type of the elements of a slice, an array or a pointer to one.
func elementOf(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	switch u := t.Underlying().(type) {
	case *types.Slice:
		return u.Elem()
	case *types.Array:
		return u.Elem()
	case *types.Pointer:
		return elementOf(u.Elem())
	}
	return nil
}

// passedOn reports whether an element is only an argument of a function, a result of
// one, or the place that an address points to.
func passedOn(pkg *typed, e ast.Expr, above []ast.Node) bool {
	switch up := above[len(above)-1].(type) {
	case *ast.CallExpr:
		tv := pkg.info.Types[up.Fun]
		return !tv.IsType() && !tv.IsBuiltin()
	case *ast.UnaryExpr:
		return up.Op == token.AND
	case *ast.AssignStmt:
		if up.Tok != token.ASSIGN || !slices.Contains(up.Lhs, e) {
			return false
		}
		for _, r := range up.Rhs {
			call, ok := r.(*ast.CallExpr)
			if !ok || pkg.info.Types[call.Fun].IsType() || pkg.info.Types[call.Fun].IsBuiltin() {
				return false
			}
		}
		return true
	}
	return false
}

// arithmetic reports float32 computed at run time.
func (c *elementChecker) arithmetic(pkg *typed, n ast.Node) {
	single := func(e ast.Expr) bool {
		tv := pkg.info.Types[e]
		return tv.Value == nil && isFloat(tv.Type) && !isBasic(tv.Type, types.Float64)
	}
	found := false
	switch n := n.(type) {
	case *ast.BinaryExpr:
		found = slices.Contains([]token.Token{token.ADD, token.SUB, token.MUL, token.QUO}, n.Op) && single(n)
	case *ast.UnaryExpr:
		found = n.Op == token.SUB && single(n)
	case *ast.IncDecStmt:
		found = single(n.X)
	case *ast.AssignStmt:
		found = n.Tok != token.ASSIGN && n.Tok != token.DEFINE && single(n.Lhs[0])
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "min" || id.Name == "max") && pkg.info.Types[n.Fun].IsBuiltin() {
			found = single(n)
		}
	}
	if found && !c.may(oneNumber) && !c.may(outside) {
		c.add(n, "float32 arithmetic outside of kernels, in %s: use a kernel, or add a function of single numbers to the list in internal/archtest", c.name)
	}
}

// calls reports calls that do not go to the tier that the layer was given.
func (c *elementChecker) calls(pkg *typed, n ast.Node, above []ast.Node, dispatch bool) {
	if call, ok := n.(*ast.CallExpr); ok {
		tv := pkg.info.Types[call.Fun]
		if tv.IsType() && c.cells && !c.around && named(tv.Type, "kernels", "ISA") {
			c.add(call, "a tier made of a number: take the one that was given")
		}
		if fn := callee(pkg, call); fn != nil && fn.Pkg() != nil {
			if _, ours := below(fn.Pkg().Path()); !ours && fn.FullName() != "slices.Clone" {
				for _, a := range call.Args {
					if c.isElement(elementOf(pkg.info.TypeOf(a))) && !c.may(outside) {
						c.add(call, "%s works on elements in Go: use a kernel", fn.FullName())
					}
				}
			}
		}
		return
	}
	id, ok := n.(*ast.Ident)
	if !ok {
		return
	}
	switch o := pkg.info.Uses[id].(type) {
	case *types.Const:
		if c.cells && !c.around && named(o.Type(), "kernels", "ISA") && !c.may(choosing) {
			c.add(n, "%s by its name: the tier is the caller's to choose, and what was packed for one stays with it", o.Name())
		}
	case *types.Func:
		if o.Pkg() == nil {
			return
		}
		in, _ := below(o.Pkg().Path())
		method := o.Type().(*types.Signature).Recv() != nil
		switch {
		case c.cells && !c.around && in == "kernels" && !method && !slices.Contains(tierless, o.Name()) && !c.may(choosing):
			c.add(n, "kernels.%s runs on the tier that is current, not on the one chosen at the start: call it by a tier", o.Name())
		case in == "kernels/ref" && c.cells:
			c.add(n, "ref.%s is the slow path", o.Name())
		case in == "kernels/ref" && !slices.Contains(refMay, o.Name()) && !(dispatch && inDefault(pkg, above)) && !c.may(outside):
			c.add(n, "ref.%s is the slow path: only the default of a dispatch goes there", o.Name())
		case !c.cells && in == "kernels" && o.Name() == "scalarTile" && !forScalar(above):
			c.add(n, "scalarTile is the slow path: call it where the tier is Scalar")
		}
	}
}

// named reports whether t is a named type of a folder of the module.
func named(t types.Type, folder, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == path.Join(Module, folder)
}

// inDefault reports whether a node is in the default clause of a switch over a
// tier.
func inDefault(pkg *typed, above []ast.Node) bool {
	for i, n := range above {
		if s, ok := n.(*ast.SwitchStmt); ok && s.Tag != nil && named(pkg.info.TypeOf(s.Tag), "kernels", "ISA") && i+2 < len(above) {
			clause, ok := above[i+2].(*ast.CaseClause)
			return ok && clause.List == nil
		}
	}
	return false
}

// forScalar reports whether a node is in the body of an if whose condition is that the
// tier is Scalar.
func forScalar(above []ast.Node) bool {
	for i, n := range above[:len(above)-1] {
		s, ok := n.(*ast.IfStmt)
		if !ok || above[i+1] != s.Body {
			continue
		}
		if b, ok := s.Cond.(*ast.BinaryExpr); ok && b.Op == token.EQL {
			if y, ok := b.Y.(*ast.Ident); ok && y.Name == "Scalar" {
				return true
			}
		}
	}
	return false
}

// addresses reports whether a function is the method of kernels.Mat that gives the
// address of a row or of the first element.
func addresses(f *types.Func) bool {
	recv := f.Signature().Recv()
	return recv != nil && (f.Name() == "at" || f.Name() == "first") && named(recv.Type(), "kernels", "Mat")
}

// dispatch reports a function that lacks a case for a tier, or has another tier's
// kernel in it.
func (c *elementChecker) dispatch(pkg *typed, fn *ast.FuncDecl) {
	served := map[string]bool{}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok || len(clause.List) == 0 || !named(pkg.info.TypeOf(clause.List[0]), "kernels", "ISA") {
			return true
		}
		tier := types.ExprString(clause.List[0])
		home := tierOf[c.goarch][tier]
		if len(clause.List) != 1 || home == "" {
			c.add(clause, "a case for %s in %s: want one for each tier of %s", tier, fn.Name.Name, c.goarch)
			return true
		}
		ast.Inspect(&ast.BlockStmt{List: clause.Body}, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if callee := callee(pkg, call); callee != nil && callee.Pkg() != nil {
				switch in, ours := below(callee.Pkg().Path()); {
				case in == home:
					served[tier] = true
				case ours && !addresses(callee):
					c.add(call, "the case for %s in %s calls %s.%s", tier, fn.Name.Name, in, callee.Name())
				}
			}
			return true
		})
		return true
	})
	for tier := range tierOf[c.goarch] {
		if !served[tier] {
			c.add(fn, "%s has no kernel of tier %s: it would fall back to Go", fn.Name.Name, tier)
		}
	}
}

// exceptions are the names on the lists of what Elements allows.
func exceptions() (names []string) {
	for _, list := range []map[string]string{oneNumber, outside, choosing} {
		for name, why := range list {
			if why == "" {
				panic(fmt.Sprintf("%s: an exception without a reason", name))
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
