package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"

	"github.com/simdrnn/simdrnn/asm/avox"
	"github.com/simdrnn/simdrnn/asm/neon"
	"github.com/simdrnn/simdrnn/asm/vec"
)

// generated runs the generator once for all tests.
var generated = sync.OnceValues(Generate)

func files(t *testing.T) map[string][]byte {
	t.Helper()
	f, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is committed is what the generator makes, no file more and none less.
func TestCommittedFilesAreFresh(t *testing.T) {
	const run = "run `go generate ./...` in the root of the module"
	want := files(t)
	for path, text := range want {
		got, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Errorf("%s is missing: %s", path, run)
		} else if !bytes.Equal(got, text) {
			t.Errorf("%s is out of date from line %d on: %s", path, firstDifference(got, text), run)
		}
	}
	for _, dir := range generatedDirs() {
		found, err := filepath.Glob(filepath.Join("..", dir, "z*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if name := dir + "/" + filepath.Base(path); want[name] == nil {
				t.Errorf("%s is not generated any more: %s", name, run)
			}
		}
	}
}

func firstDifference(a, b []byte) int {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(la), len(lb)) {
		if !bytes.Equal(la[i], lb[i]) {
			return i + 1
		}
	}
	return min(len(la), len(lb)) + 1
}

// Generating twice gives the same bytes, or the test above means nothing.
func TestGenerateIsDeterministic(t *testing.T) {
	again, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files(t) {
		if !bytes.Equal(text, again[path]) {
			t.Errorf("%s differs between two runs, at line %d", path, firstDifference(text, again[path]))
		}
	}
}

func TestWriteReplacesAndRemoves(t *testing.T) {
	root := t.TempDir()
	if err := Write(root, map[string][]byte{"kernels/zold_amd64.s": []byte("old")}); err != nil {
		t.Fatal(err)
	}
	hand := filepath.Join(root, "kernels/element.go")
	if err := os.WriteFile(hand, []byte("by hand"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(root, map[string][]byte{"kernels/znew_amd64.s": []byte("new")}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(root, "kernels/*.*"))
	var names []string
	for _, p := range left {
		names = append(names, filepath.Base(p))
	}
	if want := []string{"element.go", "znew_amd64.s"}; !slices.Equal(names, want) {
		t.Errorf("left %q, want %q", names, want)
	}
}

// A kernel that a target has no room for is an error of the generator, not a
// listing that the target cannot run: avo itself knows 32 vector registers on
// every target and would use the reserved integer registers. Our own allocator
// says which kernel it is.
func TestTooManyRegistersAreRefused(t *testing.T) {
	sum := func(vectors, integers int) func(vec.Machine) {
		return func(m vec.Machine) {
			v := make([]vec.Vec, vectors)
			for i := range v {
				v[i] = m.Zero()
			}
			r := make([]vec.Reg, integers)
			for i := range r {
				r[i] = m.Int("n")
			}
			for i := range v[1:] {
				m.FMA(v[0], v[i+1], v[i])
			}
			for i := range r[1:] {
				m.AddReg(r[0], r[i+1])
			}
			m.Store(v[0], vec.Mem{Base: r[0]})
			m.Return()
		}
	}
	for _, c := range []struct {
		name              string
		file              File
		vectors, integers int
		fits              bool
	}{
		{"avx2 16 vectors", avox.NewFile(avox.AVX2), 16, 1, true},
		{"avx2 17 vectors", avox.NewFile(avox.AVX2), 17, 1, false},
		{"avx512 32 vectors", avox.NewFile(avox.AVX512), 32, 1, true},
		{"avx512 33 vectors", avox.NewFile(avox.AVX512), 33, 1, false},
		{"12 integers", avox.NewFile(avox.AVX2), 2, 12, true},
		{"13 integers", avox.NewFile(avox.AVX2), 2, 13, false},
		{"neon 32 vectors", neon.NewFile(), 32, 1, true},
		{"neon 33 vectors", neon.NewFile(), 33, 1, false},
		{"neon 23 integers", neon.NewFile(), 2, 23, true},
		{"neon 24 integers", neon.NewFile(), 2, 24, false},
	} {
		if err := emits(c.file, "Greedy", sum(c.vectors, c.integers)); (err == nil) != c.fits {
			t.Errorf("%s: error %v, want success %v", c.name, err, c.fits)
		} else if arm64 := strings.HasPrefix(c.name, "neon"); err != nil && arm64 && !strings.Contains(err.Error(), "Greedy") {
			t.Errorf("%s: error %v, want one that names the kernel", c.name, err)
		}
	}
}

// emits makes a file of one function. The machine of arm64 panics where avo
// returns an error.
func emits(f File, name string, emit func(vec.Machine)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	f.Function(name, "func(n int)", emit)
	_, err = f.Bytes("a test")
	return err
}

// Every kernel of the catalog stands in every target, with its code, its stub and
// its case in the dispatch, and in package kernels as a method and a function.
func TestCatalogIsComplete(t *testing.T) {
	all := files(t)
	dispatches := []string{"kernels/zdispatch_other.go"}
	for _, arch := range arches() {
		dispatches = append(dispatches, "kernels/zdispatch_"+arch+".go")
	}
	for _, target := range Targets {
		dir := "kernels/internal/" + target.Package + "/z"
		stubs := string(all[dir+"stubs_"+target.Arch+".go"])
		dispatch := string(all["kernels/zdispatch_"+target.Arch+".go"])
		for _, k := range target.Kernels() {
			text := string(all[dir+k.File+"_"+target.Arch+".s"])
			calls := []string{""}
			if k.onRows() {
				calls = []string{"1, units, ", "p.rows, p.units, "} // of one row, and of parts
			}
			type need struct{ what, in, text string }
			needs := []need{
				{"code", text, "TEXT ·" + k.Name + "(SB)"},
				{"stub", stubs, "//go:noescape\nfunc " + k.Name + "(" + k.assemblyArgs() + ")\n"},
				{"doc comment", stubs, "// " + k.Name + " "},
			}
			call := target.Package + "." + k.Name + "("
			for _, of := range calls {
				needs = append(needs, need{"dispatch", dispatch, call + of})
			}
			for _, need := range needs {
				if strings.Count(need.in, need.text) != 1 {
					t.Errorf("%s of %s.%s: %q found %d times, want once", need.what, target.Package, k.Name, need.text, strings.Count(need.in, need.text))
				}
			}
			if n := strings.Count(dispatch, call); n != len(calls) {
				t.Errorf("dispatch of %s.%s: %d calls, want %d", target.Package, k.Name, n, len(calls))
			}
		}
	}
	// The slowest element kernels take 3 ns an element, measured (LSTMGates on AVX2);
	// at half of that speed no call may be longer than 100 us. Lanes go round every 64
	// elements.
	if chunk%64 != 0 || 2*3*chunk > 100_000 {
		t.Errorf("chunk %d, want a multiple of 64 up to 16640", chunk)
	}
	for _, k := range Catalog {
		public := string(all["kernels/z"+k.File+".go"])
		want := 1
		if k.ByHand {
			want = 0
		} else if !strings.HasPrefix(k.Doc, "\n"+k.Name+" ") {
			t.Errorf("%s: its doc comment does not begin with its name", k.Name)
		}
		for _, line := range []string{"func (t ISA) " + k.Name + "(" + k.goArgs() + ") {\n\tt.need()\n", "\nfunc " + k.Name + "(" + k.goArgs() + ") {", "// " + k.Name + " is [ISA." + k.Name + "] on the current tier.\n"} {
			if n := strings.Count(public, line); n != want {
				t.Errorf("kernels/z%s.go: %q found %d times, want %d", k.File, line, n, want)
			}
		}
		for _, name := range dispatches {
			text := string(all[name])
			if !strings.Contains(text, "func "+lowerCamel(k.Name)+"(t ISA, "+k.goArgs()+") {") || !strings.Contains(text, "ref."+k.Name+"(") {
				t.Errorf("%s: no %s that ends in ref.%s", name, lowerCamel(k.Name), k.Name)
			}
		}
	}
}

func TestLowerCamel(t *testing.T) {
	for in, want := range map[string]string{"Exp": "exp", "LSTMGates": "lstmGates", "SGD": "sgd", "SGDMomentum": "sgdMomentum", "ExpSumLanes": "expSumLanes"} {
		if got := lowerCamel(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// An instruction that is not here is a decision to be taken: does it round as
// IEEE 754 says, does the tier promise it, does Go's ABI bear it? Estimates of
// reciprocals, horizontal sums, writes to MXCSR and legacy SSE (slow next to
// AVX) are not here on purpose.
var allowed = map[string][]string{
	"amd64": strings.Fields(`
		MOVQ LEAQ ADDQ SUBQ SHLQ ANDQ XORQ NEGQ CMPQ TESTQ JLT JGE JNE JEQ JMP RET PCALIGN PREFETCHT1 KMOVW
		VMOVUPS VMOVUPD VMOVAPS VMASKMOVPS VMASKMOVPD VBROADCASTSS VZEROUPPER VCVTPS2PD
		VADDPS VSUBPS VMULPS VDIVPS VSQRTPS VMAXPS VMINPS VSCALEFPS VCMPPS VPMOVD2M VBLENDVPS VBLENDMPS
		VFMADD231PS VFMADD213PS VFNMADD231PS VFMADD231PD
		VANDPS VANDNPS VORPS VXORPS VPANDD VPORD VPXORD VPADDD VPSUBD VPSLLD VPSRAD
		VPMULUDQ VPSRLQ VSHUFPS VPSHUFD VUNPCKLPS VUNPCKHPS VUNPCKLPD VUNPCKHPD
		VBROADCASTF128 VINSERTF128 VBROADCASTF32X4 VINSERTF32X4`),
	// In lower case what stands in the comment of a WORD.
	"arm64": strings.Fields(`
		MOVD ADD SUB SUBS LSL AND CMP TBZ BLT BGE BNE JMP RET PRFM
FMOVQ FMOVD FMOVS VLD1 VST1 VMOV VMOVI VDUP ldr ldur str
		fadd fsub fmul fdiv fsqrt fmax fmin fabs fneg fcmgt facgt fcmlt bic fcvtl sshr fmla umull umull2
		VFMLA VFMLS VADD VSUB VAND VEOR VORR VBSL VBIT VSHL VUZP1 VUZP2 VZIP1 VZIP2`),
}

var (
	text     = regexp.MustCompile(`^TEXT ·(\w+)\(SB\), (\S+), \$(\d+)-\d+$`)
	reserved = map[string]*regexp.Regexp{
		"amd64": regexp.MustCompile(`\b(R14|R15|BP|SP)\b`),
		// The platform's register, the linker's two, and those of Go's runtime and
		// assembler.
		"arm64": regexp.MustCompile(`\b([Rx](1[6-8]|2[6-9]|3[01])|RSP|sp|ZR|xzr|g)\b`),
	}
	widerThan16 = regexp.MustCompile(`\b([XY](1[6-9]|2\d|3\d)|Z\d+|K\d)\b`)
	label       = regexp.MustCompile(`^[a-z_]+\d*:$`)
	encoded     = regexp.MustCompile(`^\tWORD \$0x([0-9a-f]{8}) // (\S+) (.*)$`)
)

func TestAssemblyKeepsTheRules(t *testing.T) {
	for path, source := range files(t) {
		if !strings.HasSuffix(path, ".s") {
			continue
		}
		arch := "amd64"
		if strings.HasSuffix(path, "_arm64.s") {
			arch = "arm64"
		}
		lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
		if len(lines) > 2000 {
			t.Errorf("%s has %d lines, want at most 2000: split the family", path, len(lines))
		}
		bad := func(i int, format string, args ...any) {
			t.Errorf("%s:%d: %s: %s", path, i+1, fmt.Sprintf(format, args...), lines[i])
		}
		previous, labels := "", map[string]int{}
		for i, line := range lines {
			if label.MatchString(line) {
				labels[strings.TrimSuffix(line, ":")] = i
			}
			switch {
			case line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "#include") ||
				strings.HasPrefix(line, "DATA ") || label.MatchString(line):
			case strings.HasPrefix(line, "GLOBL "):
				if !strings.Contains(line, "<>(SB), RODATA|NOPTR, ") {
					bad(i, "data that is not read-only and private to the file")
				}
			case strings.HasPrefix(line, "TEXT "):
				if m := text.FindStringSubmatch(line); m == nil || m[2] != "NOSPLIT" || m[3] != "0" {
					bad(i, "want NOSPLIT and no frame")
				}
				clear(labels)
			case strings.HasPrefix(line, "\t"):
				f := strings.Fields(line)
				op, _, _ := strings.Cut(f[0], ".")
				if m := encoded.FindStringSubmatch(line); m != nil && arch == "arm64" {
					op = m[2]
				}
				if !slices.Contains(allowed[arch], op) {
					bad(i, "instruction %s is not on the list of allowed ones", op)
				}
				if reserved[arch].MatchString(line) {
					bad(i, "uses a register that belongs to Go")
				}
				if strings.Contains(path, "avx2") && (widerThan16.MatchString(line) || strings.Contains(f[0], ".")) {
					bad(i, "needs AVX-512")
				}
				if arch == "amd64" && op == "RET" && previous != "VZEROUPPER" {
					bad(i, "returns without VZEROUPPER")
				}
				if at, back := labels[f[len(f)-1]]; back && arch == "amd64" && !loopFits(lines, at, i) {
					bad(i, "closes a loop that does not begin on a line of the cache, or whose end can lie on two")
				}
				previous = op
			default:
				bad(i, "not understood")
			}
		}
	}
}

// loopFits says whether a loop from the label at line first to the jump at line last begins
// on a line of the cache, and whether its end, if it counts in a register, stays on one.
func loopFits(lines []string, first, last int) bool {
	before := strings.Fields(strings.Join(lines[max(0, first-2):first], " "))
	begins := len(before) >= 2 && before[len(before)-2] == "PCALIGN" && before[len(before)-1] == "$0x40"
	counts := strings.Contains(lines[last], "JGE")
	return begins && (!counts || strings.Join(strings.Fields(lines[last-2]), " ") == "PCALIGN $0x10")
}

// A word says what its comment says: arm64asm reads each of them. The encoders
// themselves are tested in package neon.
func TestWordsAreTheirComments(t *testing.T) {
	// The two spell some things differently: spaces, and the zero of a comparison.
	spelling := strings.NewReplacer(" ", "", "#0.0", "#0")
	count := 0
	for path, source := range files(t) {
		for i, line := range strings.Split(string(source), "\n") {
			m := encoded.FindStringSubmatch(line)
			if m == nil {
				if strings.HasPrefix(line, "\tWORD") {
					t.Errorf("%s:%d: a word without its meaning: %s", path, i+1, line)
				}
				continue
			}
			count++
			word, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, uint32(word)))
			if err != nil {
				t.Errorf("%s:%d: %v: %s", path, i+1, err, line)
			} else if got, want := spelling.Replace(arm64asm.GNUSyntax(inst)), spelling.Replace(m[2]+m[3]); got != want {
				t.Errorf("%s:%d: means %s: %s", path, i+1, got, line)
			}
		}
	}
	if count < 3000 {
		t.Errorf("%d words seen, want those of all kernels", count)
	}
}

// polynomials are the coefficients of the element functions, and where the
// reference has the same ones, lowest power first.
var polynomials = []struct {
	name         string
	coefficients []vec.Const
	file, table  string
}{
	{"exp", vec.ExpPoly[:], "activation.go", "expCoef"},
	{"tanh", vec.TanhPoly[:], "activation.go", "tanhCoef"},
	{"log", vec.LogPoly[:], "activation_onnx.go", "logCoef"},
	{"turn", vec.TurnPoly[:], "mask.go", "turnCoef"},
}

// Each coefficient stands in one place, from which the kernels of every target
// come: one bit of those of a polynomial changes the same files of all targets, and each
// of these has all of the new ones.
func TestOneCoefficientChangesEveryTier(t *testing.T) {
	before := files(t)
	for _, p := range polynomials {
		old := slices.Clone(p.coefficients)
		for i := range p.coefficients {
			p.coefficients[i] ^= 1
		}
		after, err := Generate()
		changes := slices.Clone(p.coefficients)
		copy(p.coefficients, old)
		if err != nil {
			t.Fatal(err)
		}
		changed := map[string][]string{}
		for path, text := range after {
			if bytes.Equal(text, before[path]) {
				continue
			}
			dir, name := filepath.Split(path)
			stem, _, _ := strings.Cut(name, "_a")
			changed[dir] = append(changed[dir], stem)
			if !strings.HasSuffix(name, ".s") {
				t.Errorf("%s: %s changes, which is no assembly", p.name, path)
				continue
			}
			// Gates have the exponential's coefficients times 2^-65, but with AVX-512.
			has := func(c vec.Const) bool { return strings.Contains(string(text), fmt.Sprintf("0x%08x", uint32(c))) }
			for i, c := range changes {
				if !has(c) && !(p.name == "exp" && has(c-65<<23)) {
					t.Errorf("%s, coefficient %d: %s has others of these, but not the new one", p.name, i, path)
				}
			}
		}
		var first []string
		for _, target := range Targets {
			stems := changed["kernels/internal/"+target.Package+"/"]
			slices.Sort(stems)
			if first == nil {
				first = stems
			}
			if len(stems) == 0 || !slices.Equal(stems, first) {
				t.Errorf("%s: its coefficients change %q of %s, want what they change of %s: %q", p.name, stems, target.Package, Targets[0].Package, first)
			}
		}
		if len(changed) != len(Targets) {
			t.Errorf("%s: files of %d folders change, want those of the %d targets", p.name, len(changed), len(Targets))
		}
	}
}

// The reference has the coefficients of the kernels to the last bit, which no
// sweep over some of the inputs has to notice. This module cannot import it, so
// its text is read.
func TestCoefficientsAreTheReferences(t *testing.T) {
	element := regexp.MustCompile(`f32\((0x[0-9a-f]{8})\)|\b1\b`)
	for _, p := range polynomials {
		text, err := os.ReadFile("../kernels/ref/" + p.file)
		if err != nil {
			t.Fatal(err)
		}
		table := regexp.MustCompile(`\b` + p.table + ` += \[\d+\]float32\{([^}]*)\}`).FindSubmatch(text)
		if table == nil {
			t.Errorf("no %s in %s", p.table, p.file)
			continue
		}
		var got []vec.Const
		for _, m := range element.FindAllSubmatch(table[1], -1) {
			c := uint64(math.Float32bits(1))
			if m[1] != nil {
				if c, err = strconv.ParseUint(string(m[1]), 0, 32); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, vec.Const(c))
		}
		slices.Reverse(got)
		if !slices.Equal(got, p.coefficients) {
			t.Errorf("%s: the reference has %#x, the kernels have %#x, highest power first", p.name, got, p.coefficients)
		}
	}
	text, err := os.ReadFile("../kernels/ref/activation.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]vec.Const{"log2e": vec.Log2E, "ln2hi": vec.MinusLn2Head, "ln2lo": vec.MinusLn2Rest} {
		if !regexp.MustCompile(fmt.Sprintf(`\b%s += math\.Float32frombits\(0x%08x\)`, name, uint32(c))).Match(text) {
			t.Errorf("the reference's %s is not 0x%08x", name, uint32(c))
		}
	}
}

// What avo says that a function requires, the tier that calls it promises.
// MMX+ is avo's name for what PREFETCHT1 came with, and part of every amd64.
func TestRequirementsAreWithinTheTier(t *testing.T) {
	requires := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	all := files(t)
	for _, target := range targetsOf("amd64") {
		count := 0
		for path, source := range all {
			if !strings.HasPrefix(path, "kernels/internal/"+target.Package+"/") || !strings.HasSuffix(path, ".s") {
				continue
			}
			for _, m := range requires.FindAllStringSubmatch(string(source), -1) {
				count++
				for _, feature := range strings.Split(m[1], ", ") {
					if feature != "MMX+" && !slices.Contains(target.Requires, feature) {
						t.Errorf("%s: requires %s, tier %s promises %s", path, feature, target.ISA, target.Requires)
					}
				}
			}
		}
		if want := len(target.Kernels()); count != want {
			t.Errorf("%s: %d functions state what they require, want %d", target.Package, count, want)
		}
	}
}

// The conjunction of features that turns a tier on has all that its kernels
// require. The library decides in text that this module cannot import, so the
// text is read.
func TestDetectionAsksForWhatTheTierRequires(t *testing.T) {
	fields := map[string]string{"AVX": "HasAVX", "AVX2": "HasAVX2", "FMA3": "HasFMA",
		"AVX512F": "HasAVX512F", "AVX512BW": "HasAVX512BW", "AVX512DQ": "HasAVX512DQ", "AVX512VL": "HasAVX512VL"}
	text, err := os.ReadFile("../kernels/detect_amd64.go")
	if err != nil {
		t.Fatal(err)
	}
	tier := regexp.MustCompile(`(?m)^\tfound\[(\w+)\] = (.*(?:\n\t\t.*)*)`)
	factor := regexp.MustCompile(`found\[\w+\]|\bHas\w+`)
	asked := map[string][]string{}
	for _, m := range tier.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[2], "||") {
			t.Errorf("tier %s is not a conjunction: %s", m[1], m[2])
		}
		for _, f := range factor.FindAllString(m[2], -1) {
			if other, ok := strings.CutPrefix(f, "found["); ok {
				asked[m[1]] = append(asked[m[1]], asked[strings.TrimSuffix(other, "]")]...)
			} else {
				asked[m[1]] = append(asked[m[1]], f)
			}
		}
	}
	if !regexp.MustCompile(`(?m)^\tfound\[AVX512\] = .*&&\n\t\truntime\.GOOS != "darwin"$`).Match(text) {
		t.Error("AVX-512 is not off on macOS, whose kernels before 12.2 lose mask registers")
	}
	for _, target := range Targets {
		for _, feature := range target.Requires {
			if !slices.Contains(asked[target.ISA], fields[feature]) {
				t.Errorf("tier %s requires %s, detection asks for %s only", target.ISA, feature, asked[target.ISA])
			}
		}
	}
}
