package archtest

import (
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
		{"argument", "func g(a, b float32) float32 { return a + b }\nfunc f(a, b, c float32) float32 { return g(c, a*b) }", []string{"handed to g"}},
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
