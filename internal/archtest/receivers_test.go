package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"testing"
)

// A pointer that a call returns beside an error is nil when that failed. A method of such a
// type that returns an error returns one for the nil pointer (docs/architecture.md, Errors):
// it compares its receiver with nil, or asks its method made or check, which does. A method
// that comes from an embedded part cannot, since the part of a nil pointer has no address.
func TestNilReceivers(t *testing.T) {
	p := &program{tree: repository(t), goarch: "amd64", fset: token.NewFileSet(), pkgs: map[string]*typed{}}
	for _, folder := range []string{"bptt", "cell", "data", "decode", "dist", "finetune", "gru", "lstm", "nn", "rnn", "seq2seq"} {
		pkg, err := p.load(folder)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for named := range madeTypes(pkg) {
			methods := types.NewMethodSet(types.NewPointer(named))
			for m := range methods.Methods() {
				f := m.Obj().(*types.Func)
				switch {
				case !f.Exported() || !returnsError(f):
				case len(m.Index()) > 1:
					t.Errorf("%s: %s of %s is that of an embedded part; write a method that looks whether the receiver is nil", folder, f.Name(), named)
				case !looksForNil(pkg, f):
					t.Errorf("%s: %s of %s does not look whether its receiver is nil", folder, f.Name(), named)
				default:
					checked++
				}
			}
		}
		if checked == 0 {
			t.Errorf("%s: no method was found", folder)
		}
	}
}

// madeTypes are the exported structs of which an exported function or method returns a
// pointer beside an error.
func madeTypes(pkg *typed) map[*types.Named]bool {
	made := map[*types.Named]bool{}
	for id, obj := range pkg.info.Defs {
		f, ok := obj.(*types.Func)
		if !ok || !id.IsExported() || !returnsError(f) {
			continue
		}
		for v := range f.Signature().Results().Variables() {
			pointer, ok := v.Type().(*types.Pointer)
			if !ok {
				continue
			}
			if named, ok := pointer.Elem().(*types.Named); ok && named.Obj().Exported() && named.Obj().Pkg() == pkg.pkg {
				made[named] = true
			}
		}
	}
	return made
}

// returnsError says whether the last result of f is an error.
func returnsError(f *types.Func) bool {
	r := f.Signature().Results()
	return r.Len() > 0 && types.Identical(r.At(r.Len()-1).Type(), types.Universe.Lookup("error").Type())
}

// looksForNil says whether f compares its receiver with nil, or calls made or check of it.
func looksForNil(pkg *typed, f *types.Func) (found bool) {
	recv := f.Signature().Recv()
	is := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && pkg.info.Uses[id] == recv
	}
	for _, file := range pkg.files {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || pkg.info.Defs[fn.Name] != f {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					right, ok := n.Y.(*ast.Ident)
					found = found || n.Op == token.EQL && is(n.X) && ok && right.Name == "nil"
				case *ast.CallExpr:
					s, ok := n.Fun.(*ast.SelectorExpr)
					found = found || ok && is(s.X) && (s.Sel.Name == "made" || s.Sel.Name == "check")
				}
				return true
			})
		}
	}
	return found
}
