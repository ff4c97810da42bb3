package neon

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// update rewrites the golden file from the words that Go's assembler makes and
// the text that GNU objdump (binutils-aarch64-linux-gnu) reads in them.
var update = flag.Bool("update", false, "rewrite testdata/encodings.golden with aarch64-linux-gnu-objdump")

const golden = "testdata/encodings.golden"

// few are register numbers that set and clear every bit of a field in turn.
var few = []int{0, 1, 2, 4, 8, 10, 16, 21, 31}

// all are all register numbers.
var all = func() (r []int) {
	for i := range 32 {
		r = append(r, i)
	}
	return r
}()

// encodings is every instruction with its operands over the given register
// numbers: each operand alone, the others fixed, and all of them together along
// a path on which every pair differs.
func encodings(regs []int) (lines []line) {
	add := func(l line) { lines = append(lines, l) }
	three := func(f func(d, n, m v) line) {
		for _, r := range regs {
			add(f(v(r), 7, 9))
			add(f(5, v(r), 9))
			add(f(5, 7, v(r)))
			add(f(v(r), v(r*7+3)%32, v(r*13+5)%32))
		}
	}
	two := func(f func(d, n v) line) {
		for _, r := range regs {
			add(f(v(r), 7))
			add(f(5, v(r)))
			add(f(v(r), v(r*7+3)%32))
		}
	}
	for _, f := range []func(d, n, m v) line{fadd, fsub, fmul, fdiv, fmax, fmin, fcmgt, facgt, bic, umull, umull2, vuzp1, vuzp2, vzip1, vzip2, vzip1Pairs, vzip2Pairs,
		vfmla, vfmls, vfmla64, vadd, vsub, vand, veor, vorr, vbsl, vbit} {
		three(f)
	}
	for _, f := range []func(d, n v) line{fabs, fneg, fsqrt, fcmlt0, fcvtl, vmov} {
		two(f)
	}
	for _, f := range []func(d, n, m v, lane int) line{fmlaLane, fmlsLane} {
		for lane := range 4 {
			three(func(d, n, m v) line { return f(d, n, m, lane) })
		}
	}
	for lane := range 4 {
		two(func(d, n v) line { return vdup(d, n, lane) })
	}
	for by := 1; by <= 32; by++ {
		add(sshr(5, 7, by))
		add(vshl(5, 7, by-1))
	}
	two(func(d, n v) line { return sshr(d, n, 1) })
	two(func(d, n v) line { return vshl(d, n, 23) })
	for _, r := range regs {
		add(vzero(v(r)))
	}

	general := slices.DeleteFunc(slices.Clone(regs), func(r int) bool { return r > 25 || r == 18 })
	memory := func(f func(t v, base x) line) {
		for _, r := range regs {
			add(f(v(r), 9))
		}
		for _, r := range general {
			add(f(5, x(r)))
		}
	}
	for _, f := range []func(t v, base, index x) line{ldrqIndexed, strqIndexed,
		func(t v, b, i x) line { return loadIndexed(half, t, b, i) }, func(t v, b, i x) line { return storeIndexed(half, t, b, i) },
		func(t v, b, i x) line { return loadIndexed(lane0, t, b, i) }, func(t v, b, i x) line { return storeIndexed(lane0, t, b, i) }} {
		memory(func(t v, base x) line { return f(t, base, 11) })
		for _, r := range general {
			add(f(5, 9, x(r)))
		}
	}
	for _, w := range []width{whole, half, lane0} {
		for _, offset := range []int{0, 1, 2, 3, 4, 8, 64, 1365, 4095} {
			add(load(w, 5, 9, offset*w.bytes))
			add(store(w, 5, 9, offset*w.bytes))
		}
		for _, offset := range []int{-256, -255, -128, -64, -1, 0, 1, 2, 4, 8, 16, 32, 64, 85, 128, 170, 255} {
			add(ldur(w, 5, 9, offset))
		}
		memory(func(t v, base x) line { return load(w, t, base, 0) })
		memory(func(t v, base x) line { return ldur(w, t, base, 48) })
		memory(func(t v, base x) line { return store(w, t, base, 0) })
	}
	memory(loadLane2)
	memory(storeLane2)
	for _, offset := range []int{0, 8, 64, 128, 192, 32760} {
		add(prefetch(9, offset))
	}
	for _, r := range general {
		d := x(r)
		add(prefetch(d, 64))
		add(zero(d))
		add(loadWord(d, 9, 0))
		add(loadWord(9, d, 96))
		add(mov(d, 9))
		add(mov(9, d))
		add(addReg(d, 9, 11))
		add(addReg(9, d, 11))
		add(addReg(9, 11, d))
		add(addImm(d, 9, 64))
		add(addImm(9, d, -64))
		add(subsImm(d, 16))
		add(cmpImm(d, 1))
		add(lowBits(d, 8))
		add(shiftLeft(d, 2))
	}
	for _, n := range []int{1, 2, 1365, 2730, 4095} {
		add(addImm(9, 9, n))
		add(addImm(9, 10, -n))
		add(subsImm(9, n))
		add(cmpImm(9, n))
	}
	for n := 1; n <= 32; n++ {
		add(lowBits(9, n))
		add(shiftLeft(9, 2*n-1))
	}
	add(ret())
	return lines
}

// assemble runs Go's assembler over the lines and returns the words it makes.
func assemble(t *testing.T, lines []line) []uint32 {
	t.Helper()
	var text strings.Builder
	text.WriteString("TEXT ·f(SB), 4, $0\n")
	for _, l := range lines {
		text.WriteString("\t" + l.asm + "\n")
	}
	words, _ := assembleText(t, text.String())
	return words[:len(lines)]
}

// object is what "go tool objdump" prints of one word: the place in the source,
// the address and the word, which is all that is used of it.
var object = regexp.MustCompile(`^  \S+:(\d+)\s+0x([0-9a-f]+)\s+([0-9a-f]{8})\b`)

// assembleText returns the words of an assembly file and the source line of each.
func assembleText(t *testing.T, text string) (words []uint32, from []int) {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "f.s"), filepath.Join(dir, "f.o")
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	tool := func(args ...string) string {
		cmd := exec.Command("go", append([]string{"tool"}, args...)...)
		cmd.Env = append(os.Environ(), "GOARCH=arm64", "GOOS=linux")
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go tool %v: %v\n%s", args, err, text)
		}
		return string(text)
	}
	tool("asm", "-p", "neon", "-I", filepath.Join(goroot(t), "pkg", "include"), "-o", out, source)
	for l := range strings.Lines(tool("objdump", out)) {
		m := object.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		w, err := hex.DecodeString(m[3])
		if err != nil {
			t.Fatal(err)
		}
		var at int
		fmt.Sscan(m[1], &at)
		words = append(words, binary.BigEndian.Uint32(w))
		from = append(from, at)
	}
	return words, from
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// decode is the text that arm64asm reads in a word, spelled as GNU objdump does.
func decode(w uint32) (string, error) {
	i, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, w))
	if err != nil {
		return "", err
	}
	text := arm64asm.GNUSyntax(i)
	text = strings.ReplaceAll(text, ",", ", ")
	text = strings.ReplaceAll(text, ",  ", ", ")
	if strings.HasPrefix(text, "fcm") {
		text = strings.Replace(text, "#0", "#0.0", 1)
	}
	return text, nil
}

// TestGolden holds the words and the text of every encoder against the file that
// GNU objdump wrote.
func TestGolden(t *testing.T) {
	lines := encodings(few)
	words := assemble(t, lines)
	if *update {
		writeGolden(t, words)
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:]
	if len(want) != len(lines) {
		t.Fatalf("%d encodings, want %d as in %s", len(lines), len(want), golden)
	}
	for i, l := range lines {
		if got := fmt.Sprintf("%08x %s", words[i], l.gnu); got != want[i] {
			t.Errorf("%s: %s, want %s", l.asm, got, want[i])
		}
	}
}

// TestDecode reads every word back with arm64asm, over all registers.
func TestDecode(t *testing.T) {
	lines := encodings(all)
	for i, w := range assemble(t, lines) {
		if got, err := decode(w); err != nil || got != lines[i].gnu {
			t.Errorf("%s: %08x reads %q, %v, want %q", lines[i].asm, w, got, err, lines[i].gnu)
		}
	}
}

// TestFlippedBit plants the fault that the comparisons are for: no word with one
// bit changed may read as what its comment says.
func TestFlippedBit(t *testing.T) {
	lines := encodings(few)
	for i, w := range assemble(t, lines) {
		for bit := range 32 {
			if got, err := decode(w ^ 1<<bit); err == nil && got == lines[i].gnu {
				t.Errorf("%s: bit %d of %08x makes no difference", lines[i].gnu, bit, w)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, f := range map[string]func(){
		"register d":   func() { fadd(32, 0, 0) },
		"register n":   func() { fadd(0, 32, 0) },
		"register m":   func() { fadd(0, 0, 32) },
		"long":         func() { umull(0, 32, 0) },
		"two":          func() { fabs(32, 0) },
		"element m":    func() { fmlaLane(0, 0, 32, 0) },
		"lane 4":       func() { fmlaLane(0, 0, 0, 4) },
		"lane -1":      func() { fmlsLane(0, 0, 0, -1) },
		"dup lane":     func() { vdup(0, 0, 4) },
		"sshr 0":       func() { sshr(0, 0, 0) },
		"sshr 33":      func() { sshr(0, 0, 33) },
		"shl 32":       func() { vshl(0, 0, 32) },
		"base 31":      func() { ldrqIndexed(0, 31, 0) },
		"index 31":     func() { strqIndexed(0, 0, 31) },
		"native":       func() { vadd(0, 0, 32) },
		"misaligned":   func() { load(whole, 0, 0, 8) },
		"negative":     func() { store(lane0, 0, 0, -4) },
		"too far":      func() { load(half, 0, 0, 8*4096) },
		"word":         func() { loadWord(0, 1, 4) },
		"near":         func() { ldur(whole, 0, 0, 256) },
		"near before":  func() { ldur(half, 0, 0, -257) },
		"near vector":  func() { ldur(lane0, 32, 0, 0) },
		"near base":    func() { ldur(whole, 0, 28, 0) },
		"immediate":    func() { addImm(0, 0, 4096) },
		"negative imm": func() { subsImm(0, -1) },
		"platform":     func() { mov(18, 0) },
		"g":            func() { mov(0, 28) },
		"cmp":          func() { cmpImm(0, 4096) },
		"shift":        func() { shiftLeft(0, 64) },
		"bits":         func() { lowBits(0, 0) },
		"bit":          func() { branchClear(0, 32, "l") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			f()
		})
	}
}

// writeGolden asks GNU objdump what the words say.
func writeGolden(t *testing.T, words []uint32) {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "words")
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	if err := os.WriteFile(raw, b, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("aarch64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "aarch64", raw).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := "# words of package neon's instructions as GNU objdump (binutils 2.40) reads them; go test -run Golden -update rewrites this\n"
	for _, m := range regexp.MustCompile(`(?m)^ +[0-9a-f]+:\t([0-9a-f]{8}) \t(.*)$`).FindAllStringSubmatch(string(out), -1) {
		gnu, _, _ := strings.Cut(m[2], "//")
		gnu = strings.Join(strings.Fields(strings.ReplaceAll(gnu, "\t", " ")), " ")
		text += m[1] + " " + gnu + "\n"
	}
	if err := os.WriteFile(golden, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
