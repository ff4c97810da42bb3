package archtest

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// plant makes a module of the given files.
func plant(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	m := fstest.MapFS{"go.mod": {Data: []byte("module " + Module + "\n")}}
	for name, src := range files {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	tree, err := ReadTree(m)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// bites demands exactly the violations whose texts contain the strings of want,
// in order.
func bites(t *testing.T, name string, got []Violation, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d violations, want %d: %v", name, len(got), len(want), got)
		return
	}
	for i := range want {
		if !strings.Contains(got[i].String(), want[i]) {
			t.Errorf("%s: got %q, want it to contain %q", name, got[i], want[i])
		}
	}
}

func TestImportsBites(t *testing.T) {
	imp := func(pkg string, paths ...string) string {
		s := "package " + pkg + "\n"
		for _, p := range paths {
			s += "import _ \"" + p + "\"\n"
		}
		return s
	}
	for _, c := range []struct {
		name, file, src string
		want            []string
	}{
		{"allowed", "lstm/a.go", imp("lstm", "fmt", Module+"/kernels", Module+"/internal/seq", Module+"/internal/wire"), nil},
		{"a cell imports a cell", "lstm/a.go", imp("lstm", Module+"/gru"), []string{"lstm/a.go:2: lstm may not import gru"}},
		{"a cell imports bptt", "gru/a.go", imp("gru", Module+"/bptt"), []string{"gru may not import bptt"}},
		{"bptt imports a cell", "bptt/a.go", imp("bptt", Module+"/kernels", Module+"/lstm"), []string{"bptt/a.go:3: bptt may not import lstm"}},
		{"a cell reaches into kernels", "rnn/a.go", imp("rnn", Module+"/kernels/internal/avx2"), []string{"may not import kernels/internal/avx2"}},
		{"whatever the constraint", "lstm/a_windows.go", "//go:build ignore\n\n" + imp("lstm", Module+"/bptt"), []string{"lstm/a_windows.go:4"}},
		{"ref imports strings", "kernels/ref/a.go", imp("ref", "math", "strings"), []string{"kernels/ref may import only math, not strings"}},
		{"testify in production", "bptt/a.go", imp("bptt", "github.com/stretchr/testify/require"), []string{"bptt may not import github.com/stretchr/testify/require"}},
		{"testify in a test", "bptt/a_test.go", imp("bptt", "github.com/stretchr/testify/require", Module+"/lstm"), nil},
		{"another module in a test", "bptt/a_test.go", imp("bptt", "gonum.org/v1/gonum/blas"), []string{"may not import gonum.org"}},
		{"cpuid outside kernels", "bptt/a.go", imp("bptt", "github.com/klauspost/cpuid/v2"), []string{"bptt may not import github.com/klauspost/cpuid/v2"}},
		{"avo", "kernels/a.go", imp("kernels", "github.com/mmcloughlin/avo/build"), []string{"kernels may not import github.com/mmcloughlin/avo/build"}},
		{"cgo", "kernels/a.go", imp("kernels", "C"), []string{"no cgo"}},
		{"the oracle and the product", "internal/numtest/oracle/a.go", imp("oracle", Module+"/kernels/ref"), []string{"internal/numtest/oracle may not import kernels/ref"}},
		{"a new package", "extra/a.go", imp("extra"), []string{"extra: a package without an import rule"}},
	} {
		v, err := Imports(plant(t, map[string]string{c.file: c.src}))
		bites(t, c.name, v, err, c.want...)
	}
	tree := plant(t, map[string]string{"bench/go.mod": "module x", "bench/b.go": "package b", "kernels/a_test.go": imp("kernels", Module+"/bench/peers")})
	v, err := Imports(tree)
	bites(t, "a nested module in a test", v, err, "nothing from the nested module bench/peers")
}

func TestNestedImportsBites(t *testing.T) {
	src := "package x\nimport _ \"" + Module + "/kernels\"\nimport _ \"" + Module + "/internal/seq\"\nimport _ \"" + Module + "/bench/sub\"\n"
	v, err := NestedImports("bench", plant(t, map[string]string{"a.go": src}))
	bites(t, "bench", v, err, "bench/a.go:3: bench is a user like any other and may not import internal/seq")
	src = "package x\nimport _ \"" + Module + "/internal/numtest/python\"\n"
	v, err = NestedImports("bench", plant(t, map[string]string{"a.go": src, "a_test.go": src}))
	bites(t, "bench, of tests", v, err, "bench/a.go:2: bench is a user like any other and may not import internal/numtest/python")
	v, err = NestedImports("asm", plant(t, map[string]string{"cmd/a.go": "package x\nimport _ \"" + Module + "/kernels\"\nimport _ \"" + Module + "/asm/vec\"\n"}))
	bites(t, "asm", v, err, "asm/cmd/a.go:2: the generator imports nothing")
}

func TestGoModBites(t *testing.T) {
	good := "module " + Module + "\n\ngo 1.26.0\n\nrequire (\n\tgolang.org/x/sys v0.49.0\n\tgithub.com/davecgh/go-spew v1.1.1 // indirect\n)\n\nrequire github.com/stretchr/testify v1.12.1 // tests only\n"
	bites(t, "good", GoMod(good), nil)
	bites(t, "direct use of a companion", GoMod(strings.Replace(good, " // indirect", "", 1)), nil, "go.mod:7: the root module may depend on")
	bites(t, "another module", GoMod(good+"require gonum.org/v1/gonum v0.17.0\n"), nil, "not on gonum.org/v1/gonum")
	bites(t, "another module, indirect", GoMod(good+"require (\n gonum.org/v1/gonum v0.17.0 // indirect\n)\n"), nil, "go.mod:12")
	bites(t, "replace", GoMod(good+"replace golang.org/x/sys => ../sys\n"), nil, "no replace directive")
	bites(t, "name", GoMod(strings.Replace(good, Module, "example.com/x", 1)), nil, "go.mod:1: the module is "+Module)
}

func TestAssemblyBites(t *testing.T) {
	const good = "//go:build amd64 && !purego && !noasm\n\nTEXT ·f(SB), $0\n"
	const arm64 = "//go:build arm64 && !purego && !noasm\n\nTEXT ·f(SB), $0\n"
	for _, c := range []struct {
		name, file, src string
		want            []string
	}{
		{"good", "kernels/internal/avx2/z_amd64.s", good, nil},
		{"no constraint", "kernels/internal/avx2/z_amd64.s", "TEXT ·f(SB), $0\n", []string{"built with -tags purego on amd64", "built with -tags noasm on amd64"}},
		{"noasm forgotten", "kernels/internal/avx2/z_amd64.s", strings.Replace(good, " && !noasm", "", 1), []string{"-tags noasm on amd64: its constraint lacks !noasm"}},
		{"any GOARCH", "kernels/internal/neon/z.s", "//go:build !purego && !noasm\n", []string{"but kernels/internal/neon is for arm64"}},
		{"wrong GOARCH", "kernels/internal/neon/z.s", "//go:build amd64 && !purego && !noasm\n", []string{"built on amd64, but kernels/internal/neon is for arm64"}},
		{"elsewhere", "lstm/z_amd64.s", good, []string{"assembly stands only in"}},
		{"sets a mode", "kernels/internal/avx2/z_amd64.s", good + "\tVLDMXCSR x+0(FP)\n\tSTMXCSR x+0(FP) // not LDMXCSR\n", []string{"z_amd64.s:4: VLDMXCSR changes"}},
		{"clobbers the frame pointer", "kernels/internal/avx512/z_amd64.s", good + "\tXORQ BP, BP\n", []string{"z_amd64.s:4: BP belongs to Go"}},
		{"clobbers g", "kernels/internal/avx2/z_amd64.s", good + "\tMOVQ x+0(FP), R14\n\tMOVL AX, (R15)(R13*4)\n", []string{"z_amd64.s:4: R14", "z_amd64.s:5: R15"}},
		{"moves the stack", "kernels/internal/avx2/z_amd64.s", good + "\tSUBQ $8, SP\n\tMOVB SPL, AL\n", []string{"z_amd64.s:4: SP", "z_amd64.s:5: SPL"}},
		{"clobbers the frame pointer on arm64", "kernels/internal/neon/z_arm64.s", arm64 + "\tMOVD $0, R29\n\tFMOVQ (R0), F29\n", []string{"z_arm64.s:4: R29 belongs to Go"}},
		{"clobbers g on arm64", "kernels/internal/neon/z_arm64.s", arm64 + "\tMOVD x+0(FP), g\n\tADD $16, RSP, RSP\n", []string{"z_arm64.s:4: g", "z_arm64.s:5: RSP"}},
		{"the platform's register in a word", "kernels/internal/neon/z_arm64.s", arm64 + "\tWORD $0x3ce56a5a // ldr q26, [x18, x5]\n\tWORD $0x3ce5689a // ldr q28, [x4, x5]\n", []string{"z_arm64.s:4: x18"}},
		{"sets a mode on arm64", "kernels/internal/neon/z_arm64.s", "//go:build !purego && !noasm\n\tMSR R0, FPCR\n\tMRS FPCR, R0\n", []string{"z_arm64.s:2: MSR R0, FPCR changes"}},
	} {
		v, err := Assembly(plant(t, map[string]string{c.file: c.src}))
		bites(t, c.name, v, err, c.want...)
	}
}

func TestCallsBites(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		// Products next to a sum.
		{"a*b + c", "func f(a, b, c float32) float32 { return a*b + c }", []string{"x/x.go:4: a bare product"}},
		{"c - a*b", "func f(a, b, c float64) float64 { return c - a*b }", []string{"round it, float64(a*b)"}},
		{"x += a*b", "func f(x, a, b float32) float32 { x += a*b; return x }", []string{"a bare product"}},
		{"x[i] -= a*b", "func f(x []float32, a, b float32) { x[0] -= a*b }", []string{"a bare product"}},
		{"parentheses", "func f(a, b, c float32) float32 { return ((a*b)) + c }", []string{"a bare product"}},
		{"minus sign", "func f(a, b, c float32) float32 { return c + -(a*b) }", []string{"a bare product"}},
		{"two products", "func f(a, b float32) float32 { return a*a + b*b }", []string{"a bare product", "a bare product"}},
		{"a longer product", "func f(a, b, c float32) float32 { return a*b*c - c }", []string{"a bare product"}},
		{"named type", "type E float32\nfunc f(a, b, c E) E { return a*b + c }", []string{"round it"}},
		{"type parameter", "func f[E float32 | float64](a, b, c E) E { return a*b + c }", []string{"a bare product"}},
		{"in a closure", "func f(a, b, c float32) { _ = func() float32 { return a*b + c } }", []string{"a bare product"}},
		{"constant factor", "func f(a, c float32) float32 { return 2*a + c }", []string{"a bare product"}},
		{"a conversion of the sum only", "func f(a, b, c float32) float32 { return float32(a*b + c) }", []string{"a bare product"}},
		// Products that reach a sum through something else.
		{"variable", "func f(a, b, c float32) float32 {\n\tt := a*b\n\treturn t + c\n}", []string{"x/x.go:6: t holds a bare product (line 5)"}},
		{"variable, var", "func f(a, b, c float32) float32 { var t = a*b; return c - t }", []string{"t holds"}},
		{"variable, *=", "func f(a, b, c float32) float32 { a *= b; return a + c }", []string{"a holds"}},
		{"variable, +=", "func f(a, b, c float32) float32 { t := a*b; t += c; return t }", []string{"t holds"}},
		{"element", "func f(x []float32, i int, a, b float32) { x[i] = a*b; x[i] += a }", []string{"x[i] holds"}},
		{"field", "type T struct{ v float32 }\nfunc f(t *T, a float32) float32 { t.v = a*a; return t.v - a }", []string{"t.v holds"}},
		{"result", "func g(a, b float32) float32 { return a*b }\nfunc f(a, b, c float32) float32 { return g(a, b) + c }", []string{"g returns a bare product"}},
		{"argument", "func g(a, b float32) float32 { return a + b }\nfunc f(a, b, c float32) float32 { return g(c, a*b) }", []string{"argument of g"}},
		{"method", "type T float32\nfunc (t T) g(a float32) float32 { return a * float32(t) }\nfunc f(t T, c float32) float32 { return c + t.g(c) }", []string{"t.g returns"}},
		// What is fine.
		{"rounded", "func f(a, b, c float32) float32 { t := float32(a*b); t -= float32((a)*b); return float32(a*b) + c - t }", nil},
		{"rounded float64", "func f(a, b, c float64) float64 { return float64(a*b) - c }", nil},
		{"integers", "func f(a, b, c int) int { i := a*b; return a*b + c - i }", nil},
		{"constants", "const k = 2.5\nfunc f(c float32) float32 { return k*3 + c }", nil},
		{"a product of sums", "func f(a, b, c float32) float32 { return (a + b) * (b - c) }", nil},
		{"divided in between", "func f(a, b, c float32) float32 { return a*b/c + c }", nil},
		{"stored only", "func f(x []float32, a, b float32) { x[0] = a*b; x[1] = a + b }", nil},
		{"an array of products", "func f(a, b, c float32) float32 { t := [2]float32{float32(a*b), c}; return t[0] + t[1] }", nil},
		// Calls.
		{"math.Exp", "func f(a float64) float64 { return math.Exp(a) }", []string{"x/x.go:4: math.Exp gives different bits"}},
		{"as a value", "var f = math.Pow", []string{"math.Pow"}},
		{"allowed", "func f(a float64) float64 { return math.Sqrt(math.Abs(a)) + math.FMA(a, a, math.Inf(1)) + math.Pi + math.MaxFloat32 }", nil},
		{"float32(math.FMA)", "func f(a float64) float32 { return float32((math.FMA(a, a, a))) }", []string{"rounds twice"}},
		{"NormFloat64", "func f(r *rand.Rand) float64 { return r.NormFloat64() }", []string{"NormFloat64 of math/rand/v2"}},
		{"the global generator", "func f() uint64 { return rand.Uint64() + uint64(rand.IntN(3)) }", []string{"IntN of math/rand/v2"}},
		{"Float32", "func f(r *rand.Rand) float32 { return r.Float32() }", []string{"Float32 of"}},
		{"Uint64 of a generator", "func f(r *rand.Rand) uint64 { p := rand.NewPCG(1, 2); return r.Uint64() + p.Uint64() + rand.New(p).Uint64() }", nil},
	} {
		v, err := Calls(plant(t, map[string]string{"x/x.go": "package x\nimport \"math\"; import \"math/rand/v2\"\nvar _, _ = math.Sqrt, rand.New\n" + c.body}), "amd64")
		bites(t, c.name, v, err, c.want...)
	}
	v, err := Calls(plant(t, map[string]string{"x/x.go": "package x\nimport _ \"math/rand\"\nimport _ \"math/cmplx\"\n"}), "amd64")
	bites(t, "imports", v, err, "no math/rand where", "no math/cmplx where")

	// Across packages of the module, and only in the files of the build asked for.
	tree := plant(t, map[string]string{
		"kernels/a.go":          "package kernels\nfunc Mul(a, b float32) float32 { return a*b }\n",
		"lstm/a.go":             "package lstm\nimport \"" + Module + "/kernels\"\nfunc f(a float32) float32 { return a - kernels.Mul(a, a) }\n",
		"lstm/a_arm64.go":       "package lstm\nfunc g(a float32) float32 { return a*a + a }\n",
		"lstm/a_test.go":        "package lstm\nfunc h(a float32) float32 { return a*a + a }\n",
		"internal/numtest/a.go": "package numtest\nfunc h(a float32) float32 { return a*a + a }\n",
	})
	v, err = Calls(tree, "amd64")
	bites(t, "across packages", v, err, "lstm/a.go:3: kernels.Mul returns")
	v, err = Calls(tree, "arm64")
	bites(t, "arm64", v, err, "lstm/a.go:3", "lstm/a_arm64.go:2")

	if _, err = Calls(plant(t, map[string]string{"x/x.go": "package x\nvar f = undefined\n"}), "amd64"); err == nil {
		t.Error("code that does not compile must be an error, not clean")
	}
}

// A cell that computes in Go, and a dispatch that falls back to it, are refused.
func TestElementsBites(t *testing.T) {
	files := func(cell, dispatch, kernel string) map[string]string {
		return map[string]string{
			"kernels/a.go": "package kernels\nimport \"" + Module + "/kernels/ref\"\nvar _ = ref.Tree\ntype ISA uint8\nconst (\n\tScalar ISA = iota\n\tAVX2\n\tAVX512\n\tNEON\n)\n" +
				"func Current() ISA { return 0 }\nfunc (t ISA) Mul(dst, a, b []float32) { mul(t, dst, a, b) }\nfunc scalarTile() { ref.Mul(nil, nil, nil) }\n" +
				"func (t ISA) Dot(x []float32) float32 { return 0 }\n" + kernel,
			"kernels/zdispatch_amd64.go":   "package kernels\nimport (\n\t\"" + Module + "/kernels/internal/avx2\"\n\t\"" + Module + "/kernels/internal/avx512\"\n\t\"" + Module + "/kernels/ref\"\n)\n" + dispatch,
			"kernels/ref/r.go":             "package ref\nfunc Mul(dst, a, b []float32) {}\nfunc Tree(l []float32) float32 { return 0 }\n",
			"kernels/internal/avx2/m.go":   "package avx2\nfunc Mul(dst, a, b []float32) {}\n",
			"kernels/internal/avx512/m.go": "package avx512\nfunc Mul(dst, a, b []float32) {}\n",
			"lstm/c.go":                    "package lstm\nimport (\n\t\"math\"; \"slices\"; \"" + Module + "/kernels\"\n)\nvar _, _ = math.Abs, slices.Clone[[]float32]\ntype Step struct{ ISA kernels.ISA }\n" + cell,
		}
	}
	const dispatch = "func mul(t ISA, dst, a, b []float32) {\n\tswitch t {\n\tcase AVX2:\n\t\tavx2.Mul(dst, a, b)\n\tcase AVX512:\n\t\tavx512.Mul(dst, a, b)\n\tdefault:\n\t\tref.Mul(dst, a, b)\n\t}\n}\n"
	const at = "lstm/c.go:7: "
	for _, c := range []struct {
		name, cell string
		want       []string
	}{
		{"a scalar loop in a cell", "func f(s Step, i, g []float32) { for j := range i { i[j] *= g[j] } }", []string{at + "float32 arithmetic", at + "i[j] is an element", at + "g[j] is an element"}},
		{"a loop over values", "func f(s Step, x []float32) (sum float32) { for _, v := range x { sum += v }; return sum }", []string{"a loop over the elements of x", "float32 arithmetic"}},
		{"in a closure", "func f(x []float32) { _ = func() { x[0] = -x[1] } }", []string{"x[0] is an element", "float32 arithmetic", "x[1] is an element"}},
		{"a helper for one element", "func f(a, b float32) float32 { return a * b }", []string{"float32 arithmetic outside of kernels, in lstm.f"}},
		{"a generic helper", "func f[E ~float32](a, b E) E { return a + b }", []string{"float32 arithmetic"}},
		{"in float64", "func f(x []float32) float64 { return math.Sqrt(float64(x[0])) }", []string{"x[0] is an element"}},
		{"a limit", "func f(x []float32, j int) { if x[j] < 0 { x[j] = 0 } }", []string{"x[j] is an element", "x[j] is an element"}},
		{"the builtin limit", "func f(v float32) float32 { return max(v, 0) }", []string{"float32 arithmetic"}},
		{"an array of elements", "func f(x []float32) { p := (*[4]float32)(x); p[1] = p[2] }", []string{"p[1] is an element", "p[2] is an element"}},
		{"through a pointer", "func f(x []float32) { p := &x[0]; *p = 1 }", []string{"*p is an element"}},
		{"an iterator", "func f(x []float32) { for _, v := range slices.All(x) { _ = v } }", []string{"a loop over the elements", "slices.All works on elements"}},
		{"a function of the library", "func f(x []float32) float32 { return slices.Max(x) }", []string{"slices.Max works on elements"}},
		{"a tier by name", "func f(x []float32) { kernels.Scalar.Mul(x, x, x) }", []string{"Scalar by its name"}},
		{"a tier by number", "func f(x []float32) { kernels.ISA(0).Mul(x, x, x) }", []string{"a tier made of a number"}},
		{"the current tier", "func f(x []float32) { kernels.Current().Mul(x, x, x) }", []string{"kernels.Current runs on the tier that is current"}},
		{"in a method", "func (s *Step) f(v float32) float32 { return v / 2 }", []string{"in lstm.Step.f"}},

		{"kernels of the step's tier", "func f(s Step, x []float32) { for r := range x { s.ISA.Mul(x[r:], x, x) } }", nil},
		{"a number of a row", "func f(s Step, x []float32) { x[1] = s.ISA.Dot(x); g(x[1]) }\nfunc g(float32) {}", nil},
		{"copies", "func f(x []float32) { copy(x, x[1:]); clear(x); _ = slices.Clone(x) }", nil},
		{"integers", "func f(x []int, a int) { for i, v := range x { x[i] = a*v + 1 } }", nil},
		{"counting work in float64", "func f(a, b float64) float64 { return a * b }", nil},
	} {
		v, err := Elements(plant(t, files(c.cell, dispatch, "")), "amd64")
		bites(t, c.name, v, err, c.want...)
	}
	for _, c := range []struct {
		name, loss string
		want       []string
	}{
		{"a loop in a loss", "func f(dy, y []float32) { for i := range y { dy[i] = y[i] - 1 } }", []string{"dy[i] is an element", "float32 arithmetic outside of kernels, in loss.f", "y[i] is an element"}},
		{"a search in a loss", "func f(y []float32) float32 { return slices.Max(y) }", []string{"slices.Max works on elements"}},
		{"the reference in a loss", "func f(y []float32) { ref.Mul(y, y, y) }", []string{"ref.Mul is the slow path"}},
		{"sums and the current tier in a loss", "func f(s []float64) (sum float64) { for _, v := range s { sum += v }; kernels.Current().Mul(nil, nil, nil); return sum + s[len(s)-1] }", nil},
	} {
		all := files("", dispatch, "")
		all["loss/l.go"] = "package loss\nimport (\n\t\"slices\"; \"" + Module + "/kernels\"; \"" + Module + "/kernels/ref\"\n)\nvar _, _, _ = slices.Clone[[]float32], kernels.Current, ref.Tree\n" + c.loss
		v, err := Elements(plant(t, all), "amd64")
		bites(t, c.name, slices.DeleteFunc(v, func(v Violation) bool { return strings.HasSuffix(v.What, "ref.Tree is the slow path") }), err, c.want...)
	}
	for _, c := range []struct {
		name, dispatch, kernel string
		want                   []string
	}{
		{"a tier without a case", strings.Replace(dispatch, "\tcase AVX512:\n\t\tavx512.Mul(dst, a, b)\n", "", 1) + "var _ = avx512.Mul\n", "", []string{"mul has no kernel of tier AVX512"}},
		{"a case that is empty", strings.Replace(dispatch, "\t\tavx512.Mul(dst, a, b)\n", "", 1) + "var _ = avx512.Mul\n", "", []string{"mul has no kernel of tier AVX512"}},
		{"a case that falls back", strings.Replace(dispatch, "avx512.Mul", "ref.Mul", 1) + "var _ = avx512.Mul\n", "", []string{"calls kernels/ref.Mul", "only the default of a dispatch", "mul has no kernel of tier AVX512"}},
		{"another tier's kernel", strings.Replace(dispatch, "avx512.Mul", "avx2.Mul", 1) + "var _ = avx512.Mul\n", "", []string{"calls kernels/internal/avx2.Mul", "mul has no kernel of tier AVX512"}},
		{"two tiers in a case", strings.Replace(dispatch, "case AVX2:", "case AVX2, Scalar:", 1), "", []string{"mul has no kernel of tier AVX2", "a case for AVX2 in mul: want one for each tier"}},
		{"before the switch", strings.Replace(dispatch, "\tswitch", "\tif len(dst) < 8 {\n\t\tref.Mul(dst, a, b)\n\t\treturn\n\t}\n\tswitch", 1), "", []string{"kernels/zdispatch_amd64.go:9: ref.Mul is the slow path"}},
		{"a kernel that is none", dispatch, "func (t ISA) Square(dst []float32) { ref.Mul(dst, dst, dst) }", []string{"ref.Mul is the slow path"}},
		{"a kernel in Go", dispatch, "func (t ISA) Neg(dst []float32) { for j, v := range dst { dst[j] = -v } }", []string{"a loop over the elements", "dst[j] is an element", "float32 arithmetic outside of kernels, in kernels.ISA.Neg"}},
		{"a tile for whoever asks", dispatch, "func (t ISA) Gemm() { scalarTile() }", []string{"scalarTile is the slow path"}},
		{"a tile for the scalar tier", dispatch, "func (t ISA) Gemm() { if t == Scalar { scalarTile() } else { mul(t, nil, nil, nil) } }", nil},
		{"lanes joined", dispatch, "func (t ISA) Sum(l []float32) float32 { return ref.Tree(l) }", nil},
	} {
		v, err := Elements(plant(t, files("", c.dispatch, c.kernel)), "amd64")
		bites(t, c.name, v, err, c.want...)
	}
}

func TestGeneratedNamesBites(t *testing.T) {
	const header = "// Code generated by \"go generate ./...\". DO NOT EDIT.\n"
	for _, c := range []struct {
		name, file, src string
		want            []string
	}{
		{"generated", "kernels/zgates.go", header + "\npackage kernels\n", nil},
		{"by hand", "kernels/gates.go", "package kernels\n", nil},
		{"a header further down", "asm/file.go", "package main\n" + header, nil},
		{"by hand with a z", "asm/avox/zmm.go", "package avox\n", []string{"asm/avox/zmm.go: the name begins with z"}},
		{"not Go", "docs/zen.md", "# Zen\n", []string{"docs/zen.md: the name begins with z"}},
		{"in testdata", "asm/neon/testdata/z", "", []string{"asm/neon/testdata/z: the name begins with z"}},
		{"a folder", "bench/zoo/a.go", "package zoo\n", []string{"bench/zoo: the name of a folder"}},
		{"generated without a z", "kernels/gates.go", header, []string{"kernels/gates.go: the file is generated"}},
		{"hidden", ".git/z", "", nil},
	} {
		v, err := GeneratedNames(fstest.MapFS{"asm/go.mod": {}, c.file: {Data: []byte(c.src)}})
		bites(t, c.name, v, err, c.want...)
	}
}
