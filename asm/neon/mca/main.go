// Command mca asks llvm-mca how fast the inner loops of the NEON kernels run on
// the models that LLVM has of some arm64 cores, and writes the answers as a page
// of Markdown. The loops are read from the committed assembly: Go's assembler
// makes the words of it, Go's disassembler the text that llvm-mca takes. From the
// root:
//
//	go -C asm run ./neon/mca -llvm-mca llvm-mca-22 > bench/results/neon-llvm-mca.md
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var cpus = []string{"neoverse-n1", "neoverse-v1", "neoverse-v2", "cortex-a76", "apple-m1"}

// A loop is one inner loop of a kernel.
type loop struct {
	kernel, label string
	body          []string // GNU syntax, without a label
}

func (l loop) name() string { return l.kernel + " " + l.label }

// fmas counts the multiply-adds of four lanes.
func (l loop) fmas() (n int) {
	for _, i := range l.body {
		if strings.HasPrefix(i, "fmla ") || strings.HasPrefix(i, "fmls ") {
			n++
		}
	}
	return n
}

// An answer is what llvm-mca says of a loop on a core.
type answer struct {
	cycles float64 // of one turn
	bound  float64 // the least that any one resource of the core allows
}

func main() {
	mca := flag.String("llvm-mca", "llvm-mca", "the llvm-mca to ask")
	root := flag.String("root", "..", "the root of the module")
	flag.Parse()
	if err := page(*mca, filepath.Join(*root, "kernels/internal/neon")); err != nil {
		fmt.Fprintln(os.Stderr, "mca:", err)
		os.Exit(1)
	}
}

// peak is what the tiles are measured by: independent multiply-adds by lane and
// nothing else.
var peak = func() loop {
	l := loop{kernel: "peak"}
	for acc := range 24 {
		l.body = append(l.body, fmt.Sprintf("fmla v%d.4s, v30.4s, v31.s[0]", acc))
	}
	return l
}()

// tiles are the files of the page's tiles. The activations are one file, and every
// file of gates is read.
var tiles = []string{"tile6x4", "tile5x4", "tile4x4", "tile3x4", "tile2x4", "tile1x4"}

func page(mca, dir string) error {
	all := []loop{peak}
	var tileLoops, gateLoops []loop
	for _, stem := range tiles {
		l, err := loops(dir, stem)
		if err != nil {
			return err
		}
		for _, l := range l {
			if l.label == "quads" || l.label == "columns" {
				tileLoops = append(tileLoops, l)
			}
		}
	}
	gates, err := filepath.Glob(filepath.Join(dir, "zgates*_arm64.s"))
	if err != nil {
		return err
	}
	for _, file := range append([]string{"zactivation_arm64.s"}, gates...) {
		file = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "z"), "_arm64.s")
		l, err := loops(dir, file)
		if err != nil {
			return err
		}
		gateLoops = append(gateLoops, l...)
	}
	all = append(append(all, tileLoops...), gateLoops...)
	answers := map[string]map[string]answer{}
	for _, cpu := range cpus {
		var err error
		if answers[cpu], err = ask(mca, cpu, all); err != nil {
			return err
		}
	}
	version, err := exec.Command(mca, "--version").Output()
	if err != nil {
		return err
	}
	number := regexp.MustCompile(`LLVM version (\S+)`).FindSubmatch(version)
	if number == nil {
		return fmt.Errorf("%s does not say its version", mca)
	}
	write(string(number[1]), tileLoops, gateLoops, answers)
	return nil
}

func write(version string, tiles, gates []loop, answers map[string]map[string]answer) {
	fmt.Printf(`# NEON kernels on paper

No ARM hardware has been timed. These figures are what llvm-mca %s predicts from
LLVM's models of the cores for the inner loops of the committed assembly, with all
data in the first-level cache. They show whether a loop has enough independent
work and few enough other instructions, not how fast a machine is. LLVM has no
model of its own for cortex-a76 and apple-m1: it uses those of Cortex-A57 (one
four-lane multiply-add a cycle, where an A76 does two) and of Apple's Cyclone
(three a cycle, where an M1 does four).

    go -C asm run ./neon/mca -llvm-mca llvm-mca-22 > bench/results/neon-llvm-mca.md

runs `+"`llvm-mca -mtriple=aarch64 -mcpu=CORE -iterations=%d`"+` on each loop.

## Register tiles

Cycles per multiply-add of four lanes, and in brackets what part of the limit that
is. The limit is a loop of 24 independent multiply-adds by lane and nothing else on
the same model. A tile of R rows and V vectors is called TileRxV;
its loop quads takes four steps of k where a row of A is contiguous, columns where
a column is.

`, version, iterations)
	fmt.Print("| loop |")
	for _, cpu := range cpus {
		fmt.Printf(" %s |", cpu)
	}
	fmt.Print("\n|---|", strings.Repeat("---|", len(cpus)), "\n| limit |")
	limit := map[string]float64{}
	for _, cpu := range cpus {
		limit[cpu] = answers[cpu][peak.name()].cycles / float64(peak.fmas())
		fmt.Printf(" %.3f |", limit[cpu])
	}
	fmt.Println()
	for _, l := range tiles {
		fmt.Printf("| %s |", l.name())
		for _, cpu := range cpus {
			per := answers[cpu][l.name()].cycles / float64(l.fmas())
			fmt.Printf(" %.3f (%.0f %%) |", per, 100*limit[cpu]/per)
		}
		fmt.Println()
	}
	fmt.Print(`
Tiles of few rows load a vector of B for each few multiply-adds: the load units
limit them, or decoders that take three operations a cycle, and in use the memory
behind B does.

## Activations and gates

A turn of a loop is four elements or units. The first number is its cycles per
multiply-add of four lanes where it has any, with the limit of the core for it:
what the busiest of its ports, or the dispatch of its operations, needs for
everything in the loop, divisions and loads included, by the same number of
multiply-adds. In brackets are the cycles of a whole turn. These loops are chains
of dependent operations with one or more divisions: where they stay behind the
limit, the core does not see far enough ahead to overlap one turn with the next.
LSTMGates has a loop for each gate and one for the state.

`)
	fmt.Print("| loop | instructions | multiply-adds |")
	for _, cpu := range cpus {
		fmt.Printf(" %s |", cpu)
	}
	fmt.Println("\n|---|---|---|" + strings.Repeat("---|", len(cpus)))
	for _, l := range gates {
		fmt.Printf("| %s | %d | %d |", l.name(), len(l.body), l.fmas())
		for _, cpu := range cpus {
			a := answers[cpu][l.name()]
			if n := float64(l.fmas()); n > 0 {
				fmt.Printf(" %.2f, limit %.2f (%.1f) |", a.cycles/n, a.bound/n, a.cycles)
			} else {
				fmt.Printf(" (%.1f, limit %.1f) |", a.cycles, a.bound)
			}
		}
		fmt.Println()
	}
}

// loops assembles a file and returns its inner loops.
func loops(dir, stem string) ([]loop, error) {
	source := filepath.Join(dir, "z"+stem+"_arm64.s")
	text, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	gnu, err := disassemble(source)
	if err != nil {
		return nil, err
	}
	var found []loop
	kernel, start := "", map[string]int{}
	for n, l := range strings.Split(string(text), "\n") {
		f := strings.Fields(l)
		switch {
		case len(f) == 0 || strings.HasPrefix(l, "//"):
		case f[0] == "TEXT":
			kernel = strings.TrimSuffix(strings.TrimPrefix(f[1], "·"), "(SB),")
			start = map[string]int{}
		case strings.HasSuffix(l, ":"):
			start[strings.TrimSuffix(l, ":")] = n
		case f[0] == "BGE":
			at, back := start[f[1]]
			if !back {
				continue
			}
			var body []string
			for line := at; line < n; line++ {
				body = append(body, gnu[line+1]...)
			}
			found = append(found, loop{kernel, f[1], append(body, "b.ge .")})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no loop", source)
	}
	return found, nil
}

// instruction is a line of "go tool objdump -gnu": the source line, and behind
// the second slashes the instruction in GNU syntax.
var instruction = regexp.MustCompile(`^  \S+:(\d+)\s.*// ([a-z].*)$`)

// disassemble returns the instructions of each source line.
func disassemble(source string) (map[int][]string, error) {
	dir, err := os.MkdirTemp("", "mca")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	object := filepath.Join(dir, "o")
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "tool", "asm", "-p", "neon", "-I", filepath.Join(strings.TrimSpace(string(goroot)), "pkg/include"), "-o", object, source)
	cmd.Env = append(os.Environ(), "GOARCH=arm64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "tool", "objdump", "-gnu", object).Output()
	if err != nil {
		return nil, err
	}
	lines := map[int][]string{}
	for l := range strings.Lines(string(out)) {
		if m := instruction.FindStringSubmatch(strings.TrimRight(l, "\t \n")); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			lines[n] = append(lines[n], m[2])
		}
	}
	return lines, nil
}

const iterations = 400

// summary is what llvm-mca prints first about a region.
var summary = regexp.MustCompile(`(?s)\[\d+\] Code Region - (\S+).*?Iterations: +(\d+).*?Total Cycles: +(\d+).*?Block RThroughput: +([\d.]+)`)

// ask runs llvm-mca over all loops.
func ask(mca, cpu string, all []loop) (map[string]answer, error) {
	var in bytes.Buffer
	for _, l := range all {
		region := strings.ReplaceAll(l.name(), " ", ".")
		fmt.Fprintf(&in, "# LLVM-MCA-BEGIN %s\n%s\n# LLVM-MCA-END\n", region, strings.Join(l.body, "\n"))
	}
	cmd := exec.Command(mca, "-mtriple=aarch64", "-mcpu="+cpu, "-iterations="+strconv.Itoa(iterations))
	cmd.Stdin = &in
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s for %s: %v", mca, cpu, err)
	}
	answers := map[string]answer{}
	for _, m := range summary.FindAllSubmatch(out, -1) {
		cycles, _ := strconv.ParseFloat(string(m[3]), 64)
		bound, _ := strconv.ParseFloat(string(m[4]), 64)
		answers[strings.ReplaceAll(string(m[1]), ".", " ")] = answer{cycles / iterations, bound}
	}
	if len(answers) != len(all) {
		return nil, fmt.Errorf("%s for %s: %d loops answered of %d", mca, cpu, len(answers), len(all))
	}
	return answers, nil
}
