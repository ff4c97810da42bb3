package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An event is one line of go test -json.
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	Elapsed     float64
	ImportPath  string // of build events
	FailedBuild string
}

// results gathers the events of several runs of go test.
type results struct {
	w                       *screen
	passed, failed, skipped int
	packages                []*pkg
	skips                   []string
	notes                   []string // other builds that were not run, and why
	output                  map[key]*strings.Builder
	failedTests             map[string]bool // packages, with variant, of which a test failed
}

// started is when the program was.
var started = time.Now()

type key struct{ pkg, test string }

// A pkg is one line of the table.
type pkg struct {
	name, variant           string
	passed, failed, skipped int
	seconds                 float64
	noTests, broken, ended  bool
	tiers                   map[string]string // tier to "run" or the reason why not
	variants                []variant
}

// A variant is one of a layer, and the tiers that it ran on.
type variant struct{ name, tiers string }

// variantMark begins the lines that numtest.Main prints of them.
const variantMark = "simdrnn-variant: "

// variant records such a line.
func (r *results) variant(name, build, line string) {
	_, rest, _ := strings.Cut(line, " tiers=")
	tiers, variantName, _ := strings.Cut(rest, " variant=")
	p := r.pkg(name, build)
	p.variants = append(p.variants, variant{variantName, tiers})
}

// listVariants prints, for each package with variants, those that ran on the same
// tiers.
func (r *results) listVariants() {
	for _, p := range r.packages {
		var seen []string
		for _, v := range p.variants {
			if slices.Contains(seen, v.tiers) {
				continue
			}
			seen = append(seen, v.tiers)
			var names []string
			for _, w := range p.variants {
				if w.tiers == v.tiers {
					names = append(names, w.name)
				}
			}
			fmt.Fprintf(r.w, "variants of %s on %s: %s\n", p.title(), strings.ReplaceAll(v.tiers, ",", ", "), strings.Join(names, "; "))
		}
	}
}

func newResults(w *screen) *results {
	return &results{w: w, output: map[key]*strings.Builder{}, failedTests: map[string]bool{}}
}

// tierMark begins the lines that numtest.Main prints.
const tierMark = "simdrnn-tier: "

// tierNames are the columns of the table.
var tierNames = []string{"scalar", "avx2", "avx512", "neon"}

func (r *results) pkg(name, variant string) *pkg {
	for _, p := range r.packages {
		if p.name == name && p.variant == variant {
			return p
		}
	}
	p := &pkg{name: name, variant: variant, tiers: map[string]string{}}
	r.packages = append(r.packages, p)
	return p
}

// read records the events of one run until ctx ends: events after that only come from
// the tests being killed. Lines that are not events, as a go command prints that fails
// early, are printed.
func (r *results) read(ctx context.Context, in io.Reader, variant string) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if ctx.Err() != nil {
			line = ""
		}
		if trimmed := strings.TrimSpace(line); trimmed != "" {
			var e event
			if json.Unmarshal([]byte(trimmed), &e) == nil && e.Action != "" {
				r.take(e, variant)
			} else {
				fmt.Fprintln(r.w, trimmed)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *results) take(e event, variant string) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.w, e.Output)
		return
	case "build-fail":
		return // the packages that needed it fail by name
	}
	name := strings.TrimPrefix(e.Package, rootModule+"/")
	k := key{name + " " + variant, e.Test}
	switch e.Action {
	case "start":
		r.w.startPackage(r.pkg(name, variant).title())
	case "run":
		r.w.startTest(r.pkg(name, variant).title(), e.Test)
	case "output":
		if line := strings.TrimSpace(e.Output); strings.HasPrefix(line, tierMark) {
			r.tier(name, variant, line)
			return
		} else if strings.HasPrefix(line, variantMark) {
			r.variant(name, variant, line)
			return
		}
		b := r.output[k]
		if b == nil {
			b = &strings.Builder{}
			r.output[k] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		p := r.pkg(name, variant)
		if e.Test == "" {
			r.endPackage(p, k, e)
			r.w.endPackage(p.title())
			return
		}
		r.w.endTest()
		switch e.Action {
		case "pass":
			p.passed++
			r.passed++
		case "skip":
			p.skipped++
			r.skipped++
			r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", p.title(), e.Test, reason(r.text(k))))
		case "fail":
			p.failed++
			r.failed++
			r.failedTests[k.pkg] = true
			fmt.Fprintf(r.w, "--- %s %s\n%s", p.title(), e.Test, r.text(k))
		}
		delete(r.output, k)
	}
}

// endPackage records how a package as a whole ended. If it failed, what it printed
// outside its tests is printed.
func (r *results) endPackage(p *pkg, k key, e event) {
	p.seconds, p.ended = e.Elapsed, true
	text := r.text(k)
	delete(r.output, k)
	if e.Action != "fail" {
		p.noTests = p.passed+p.failed+p.skipped == 0
		if !p.noTests {
			r.line("ok", p)
		}
		return
	}
	if !r.failedTests[k.pkg] { // a build, TestMain or the process itself
		p.broken = true
		p.failed++
		r.failed++
		if e.FailedBuild != "" {
			text += "build of " + e.FailedBuild + " failed\n"
		}
	}
	// A test that was cut off by the end of the process has no end of its own.
	for o, b := range r.output {
		if o.pkg == k.pkg {
			text += b.String()
			delete(r.output, o)
		}
	}
	fmt.Fprintf(r.w, "FAIL %s\n%s", p.title(), text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		fmt.Fprintln(r.w)
	}
	r.line("FAIL", p)
}

// line prints that a package has finished: its tests, its time and the tiers that
// they ran on.
func (r *results) line(how string, p *pkg) {
	tests := p.count()
	if p.skipped > 0 {
		tests += fmt.Sprintf(", %d skipped", p.skipped)
	}
	line := fmt.Sprintf("%-4s  %-32s %-18s %7.1fs ", how, p.title(), tests, p.seconds)
	for _, t := range tierNames {
		if p.tiers[t] == "run" {
			line += " " + t
		}
	}
	fmt.Fprintln(r.w, strings.TrimRight(line, " "))
}

// count is how many tests passed and failed, in words.
func (p *pkg) count() string {
	if p.broken {
		return "FAILED"
	}
	count := fmt.Sprint(p.passed, " ok")
	if p.failed > 0 {
		count += fmt.Sprintf(", %d FAILED", p.failed)
	}
	return count
}

func (r *results) text(k key) string {
	if b := r.output[k]; b != nil {
		return b.String()
	}
	return ""
}

// tier records a line that says whether a tier was run.
func (r *results) tier(name, variant, line string) {
	rest := strings.TrimPrefix(line, tierMark)
	_, rest, _ = strings.Cut(rest, " tier=")
	tier, state, _ := strings.Cut(rest, " ")
	r.pkg(name, variant).tiers[tier] = strings.TrimPrefix(state, "not exercised: ")
}

// trouble records a failure for which there was no event.
func (r *results) trouble(dir, variant, text string) {
	r.failed++
	fmt.Fprintf(r.w, "FAIL in %s %s: %s\n", dir, variant, text)
}

// note records that a build was not run.
func (r *results) note(variant, why string) {
	r.notes = append(r.notes, fmt.Sprintf("%s: not exercised: %s", variant, why))
}

// reason is what a skipped test said, without the framing of go test.
func reason(output string) string {
	var said []string
	for l := range strings.Lines(output) {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") {
			said = append(said, l)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (p *pkg) title() string {
	name := p.name
	if name == rootModule {
		name = "."
	}
	if p.variant != "" {
		name += " (" + p.variant + ")"
	}
	return name
}

// finish prints the summary and returns the exit status. interrupted says that not
// all tests were run.
func (r *results) finish(interrupted bool) int {
	fmt.Fprintln(r.w)
	for _, s := range r.skips {
		fmt.Fprintln(r.w, "skipped:", s)
	}
	r.table()
	r.listVariants()
	for _, n := range r.notes {
		fmt.Fprintln(r.w, n)
	}
	status := 0
	if r.failed > 0 {
		status = 1
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(r.w, "no test ran")
		status = 1
	}
	if interrupted {
		fmt.Fprintln(r.w, "interrupted: this is what was found so far; packages that are cut off or missing were not tested to their end")
		status = 130
	}
	fmt.Fprintf(r.w, "all tests took %s\n", time.Since(started).Round(100*time.Millisecond))
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return status
}

// table prints a line per package: its tests, its time, and each tier, "run" or
// the number of the reason below, or "-" where its tests do not depend on tiers.
func (r *results) table() {
	var reasons []string
	rows := [][]string{append([]string{"package", "tests", "time"}, tierNames...)}
	var none []string
	for _, p := range r.packages {
		if p.noTests {
			none = append(none, p.title())
			continue
		}
		row := []string{p.title(), p.count(), fmt.Sprintf("%.1fs", p.seconds)}
		if !p.ended {
			row[2] = "cut off"
		}
		for _, t := range tierNames {
			state, known := p.tiers[t]
			switch {
			case !known:
				state = "-"
			case state != "run":
				why := t + " not exercised: " + state
				i := slices.Index(reasons, why)
				if i < 0 {
					i = len(reasons)
					reasons = append(reasons, why)
				}
				state = fmt.Sprintf("[%d]", i+1)
			}
			row = append(row, state)
		}
		rows = append(rows, row)
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += fmt.Sprintf("%-*s  ", width[i], cell)
		}
		fmt.Fprintln(r.w, strings.TrimRight(line, " "))
	}
	for i, why := range reasons {
		fmt.Fprintf(r.w, "[%d] %s\n", i+1, why)
	}
	if len(none) > 0 {
		fmt.Fprintln(r.w, "no test ran in:", strings.Join(none, ", "))
	}
}
