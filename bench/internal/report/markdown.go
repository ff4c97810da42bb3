package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/bench/internal/op"
)

// Markdown writes the report of a run. plots are the names of image files to show.
func Markdown(w io.Writer, run Run, records []Record, plots []string) error {
	b := new(strings.Builder)
	head(b, run)
	fmt.Fprintf(b, "\n%s\n", Summary(records))
	if list := losses(records); list != "" {
		fmt.Fprintf(b, "\n## Losses\n\n%s", list)
	}
	for _, p := range plots {
		fmt.Fprintf(b, "\n![%s](%s)\n", strings.TrimSuffix(p, ".svg"), p)
	}
	for _, set := range sets(records) {
		fmt.Fprintf(b, "\n## %s\n", set)
		table(b, records, set)
	}
	b.WriteString("\n## The noise\n\nNanoseconds a call: the least, the quartiles and the median over the turns, and the distance between the quartiles over the median.\n\n")
	b.WriteString("| shape | tier | threads | library | turns | min | q1 | median | q3 | spread |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range records {
		fmt.Fprintf(b, "| %s | %s | %d | %s | %d | %s | %s | %s | %s | %.1f %% |\n", r.Name(), r.ISA, r.Threads, r.Peer, r.Turns,
			digits(r.NS.Min), digits(r.NS.Q1), digits(r.NS.Median), digits(r.NS.Q3), 100*r.NS.Spread())
	}
	b.WriteString("\n## What is counted\n\n| operation | what one call does | floating-point operations |\n|---|---|---|\n")
	for _, o := range op.Ops {
		if slices.ContainsFunc(records, func(r Record) bool { return r.Op == o.Name }) {
			fmt.Fprintf(b, "| %s | %s | %s |\n", o.Name, o.Text, o.Formula)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func head(b *strings.Builder, run Run) {
	fmt.Fprintf(b, "# %s, %s\n\n", run.CPU, run.Date)
	fmt.Fprintf(b, "%s, %d CPUs, caches L1 %s, L2 %s, L3 %s. simdrnn at %s, %s. %s.\n",
		run.System, run.CPUs, size(run.L1D), size(run.L2), size(run.L3), run.Commit, run.Go, arguments(run))
	if len(run.Bandwidth) > 0 {
		var words []string
		for _, l := range run.Bandwidth {
			words = append(words, fmt.Sprintf("%s %.0f GB/s", l.Name, l.GBs))
		}
		fmt.Fprintf(b, "One core reads: %s.\n", strings.Join(words, ", "))
	}
	if run.Capped {
		b.WriteString("The peers were held to the instruction set of our tier, where they let one choose.\n")
	}
	b.WriteString("\nA ratio is the peer's time over ours, the median of paired turns: above 1 simdrnn is faster, below 1 (bold) it loses. The share of the peak is that of a register-only loop of multiply-adds of the tier's width, on as many threads, run right after each of our turns. \"At its clock\" is the share of what this loop does in the first 0.3 ms, before the clock has changed: a product of matrices may lower it.\n\n")
	b.WriteString("| library | version |\n|---|---|\n")
	for _, name := range sortedKeys(run.Peers) {
		fmt.Fprintf(b, "| %s | %s |\n", name, run.Peers[name])
	}
	if len(run.Skipped) > 0 {
		b.WriteString("\nNot run:\n\n")
		for _, s := range run.Skipped {
			fmt.Fprintf(b, "- %s\n", s)
		}
	}
}

func arguments(run Run) string {
	if run.Arguments == "" {
		return "No flags"
	}
	return "Flags: `" + run.Arguments + "`"
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func size(bytes int) string {
	switch {
	case bytes <= 0:
		return "unknown"
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprint(bytes>>20, " MiB")
	}
	return fmt.Sprint(bytes>>10, " KiB")
}

// sets returns the lists in the order in which the records have them.
func sets(records []Record) []string {
	var list []string
	for _, r := range records {
		for _, s := range r.Sets {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

// table writes the shapes of a list: ours, and the ratio to each peer.
func table(b *strings.Builder, records []Record, set string) {
	type key struct {
		name, isa string
		threads   int
	}
	ratios := map[key]map[string]Record{}
	var own []Record
	var peers []string
	for _, r := range records {
		if !slices.Contains(r.Sets, set) {
			continue
		}
		if r.Peer == Own {
			own = append(own, r)
			continue
		}
		k := key{r.Name(), r.ISA, r.Threads}
		if ratios[k] == nil {
			ratios[k] = map[string]Record{}
		}
		ratios[k][r.Peer] = r
		if !slices.Contains(peers, r.Peer) {
			peers = append(peers, r.Peer)
		}
	}
	b.WriteString("\n| shape | tier | threads | time | spread | GFLOP/s | of peak | at its clock |")
	for _, p := range peers {
		fmt.Fprintf(b, " %s |", p)
	}
	b.WriteString("\n|---|---|---|---|---|---|---|---|" + strings.Repeat("---|", len(peers)) + "\n")
	for _, r := range own {
		fmt.Fprintf(b, "| %s | %s | %d | %s | %.1f %% | %.1f | %s | %s |", r.Name(), r.ISA, r.Threads, Duration(r.NS.Median), 100*r.NS.Spread(), r.GFLOPS, Percent(r.Share.Median), atClock(r))
		for _, p := range peers {
			other, ok := ratios[key{r.Name(), r.ISA, r.Threads}][p]
			cell := ""
			switch {
			case !ok:
			case other.Loss():
				cell = "**" + Ratio(other) + "**"
			default:
				cell = Ratio(other)
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteString("\n")
	}
}

// Ratio writes how a peer compares, a loss as such.
func Ratio(r Record) string {
	if r.Loss() {
		return ratio(r.Ratio.Median) + " loss"
	}
	return ratio(r.Ratio.Median)
}

// ratio is rounded down, so that 0.996 does not look like a win.
func ratio(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", math.Floor(v*100)/100)
	case v < 100:
		return fmt.Sprintf("%.1f", math.Floor(v*10)/10)
	}
	return fmt.Sprintf("%.0f", math.Floor(v))
}

// Percent writes a share of the peak.
func Percent(share float64) string {
	if share == 0 {
		return "no peak"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// atClock writes the share of the peak at the clock of the turns, nothing where a file is
// older than this measurement.
func atClock(r Record) string {
	if r.Then.Median == 0 && r.Share.Median > 0 {
		return ""
	}
	return Percent(r.Then.Median)
}

func digits(v float64) string { return fmt.Sprintf("%.4g", v) }

// Duration writes a time in nanoseconds.
func Duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.2f us", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
	return fmt.Sprintf("%.2f s", ns/1e9)
}

// Summary counts wins and losses against every peer and names the worst.
func Summary(records []Record) string {
	wins := 0
	var compared []Record
	for _, r := range records {
		if r.Ratio != nil {
			compared = append(compared, r)
			if !r.Loss() {
				wins++
			}
		}
	}
	if len(compared) == 0 {
		return "No peer was there to compare with."
	}
	worst := slices.MinFunc(compared, func(a, b Record) int { return cmp.Compare(a.Ratio.Median, b.Ratio.Median) })
	return fmt.Sprintf("%d comparisons, %d won, %d lost. The worst: %s.", len(compared), wins, len(compared)-wins, oneComparison(worst))
}

func oneComparison(r Record) string {
	return fmt.Sprintf("%s on %s, %s, against %s: %s (quartiles %s to %s)",
		r.Name(), r.ISA, Threads(r.Threads), r.Peer, ratio(r.Ratio.Median), ratio(r.Ratio.Q1), ratio(r.Ratio.Q3))
}

// losses lists every loss, the worst first.
func losses(records []Record) string {
	var list []Record
	for _, r := range records {
		if r.Loss() {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Record) int { return cmp.Compare(a.Ratio.Median, b.Ratio.Median) })
	b := new(strings.Builder)
	for _, r := range list {
		fmt.Fprintf(b, "- %s\n", oneComparison(r))
	}
	return b.String()
}
