package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A series is a number of a configuration, in all rounds.
type series []float64

// of are the numbers that f takes of a configuration, in the order of the rounds.
func of(all []record, name string, f func(m measurement) float64) (s series) {
	for _, r := range all {
		if r.Name == name {
			s = append(s, f(*r.Measurement))
		}
	}
	return s
}

func seconds(m measurement) float64 { return m.Seconds }

// at is a quantile.
func (s series) at(q float64) float64 {
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	return quantile(sorted, q)
}

// over is s over t, round by round.
func (s series) over(t series) (ratio series) {
	for i := range min(len(s), len(t)) {
		ratio = append(ratio, s[i]/t[i])
	}
	return ratio
}

// report writes the page of a comparison.
func report(w io.Writer, all []record) error {
	here := all[0].Machine
	var b strings.Builder
	fmt.Fprintf(&b, "# Training on 1 and 2 ranks, %s\n\n", here.Date)
	fmt.Fprintf(&b, "%s, %d CPUs. simdrnn at %s, %s. By `%s`.\n\n", here.CPU, here.CPUs, here.Commit, here.Go, strings.TrimSpace("dist/mpi/bench/run "+here.Flags))
	fmt.Fprintf(&b, "A character model: %d layers of %d units, %d steps, a batch of %d rows in %d shards, Adam, the norm of the gradient clipped. ", here.Size.Layers, here.Size.Hidden, here.Size.Window, here.Size.Rows, here.Size.Shards)
	fmt.Fprintf(&b, "%d rounds, each with all configurations one after another, %d updates after %d in each. Each rank is bound to a core and computes in one thread, those of DDP too. ", here.Rounds, here.Size.Updates, here.Size.Warm)
	b.WriteString("DDP talks over TCP on this machine, ranks of MPI through shared memory unless it says TCP.\n\n")
	if here.Left != "" {
		fmt.Fprintf(&b, "Not exercised: %s.\n\n", here.Left)
	}
	b.WriteString("Milliseconds of an update over the rounds; IQR is the distance of the quartiles. The exchange is the share of an update in which a rank is in calls of MPI for the sum of gradients; for DDP it is not known. Waiting is the share that nothing hides: for DDP the time beyond that of the same updates without the sums. Bytes are what each rank sends in an update; for DDP what goes over the loopback device.\n\n")
	b.WriteString("| | min | median | IQR | symbols/s | exchange | waiting | MB sent | library |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, c := range configurations {
		t := of(all, c.name, seconds)
		if c.beacon || len(t) == 0 {
			continue
		}
		exchange := "-"
		if !c.ddp {
			exchange = percent(of(all, c.name, func(m measurement) float64 { return m.Exchange }))
		}
		last := last(all, c.name)
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.1f | %.0f | %s | %s | %.2f | %s |\n", c.about, 1e3*t.at(0), 1e3*t.at(0.5), 1e3*(t.at(0.75)-t.at(0.25)),
			of(all, c.name, func(m measurement) float64 { return m.PerSecond }).at(0.5), exchange,
			percent(of(all, c.name, func(m measurement) float64 { return m.Waiting })),
			of(all, c.name, func(m measurement) float64 { return float64(m.Bytes) }).at(0.5)/1e6, short(last.Library, last.Tier))
	}
	b.WriteString("\n## Scaling\n\nRatios round by round: median, least and most.\n\n")
	for _, c := range []struct{ text, over, under string }{
		{"strong: 2 ranks are %s times as fast as 1", "simdrnn-1", "simdrnn-2"},
		{"strong, over TCP: 2 ranks are %s times as fast as 1", "simdrnn-1", "simdrnn-2-tcp"},
		{"strong, DDP: 2 ranks are %s times as fast as 1", "ddp-1", "ddp-2"},
		{"weak: an update of 2 ranks with twice the batch takes %s times that of 1", "simdrnn-2-weak", "simdrnn-1"},
		{"weak, DDP: an update of 2 ranks with twice the batch takes %s times that of 1", "ddp-2-weak", "ddp-1"},
		{"1 rank: simdrnn is %s times as fast as DDP", "ddp-1", "simdrnn-1"},
		{"2 ranks: simdrnn is %s times as fast as DDP", "ddp-2", "simdrnn-2"},
		{"2 ranks, both over TCP: simdrnn is %s times as fast as DDP", "ddp-2", "simdrnn-2-tcp"},
		{"what shards cost: 1 rank with them takes %s times the time of the batch as one shard", "simdrnn-1", "simdrnn-1-whole"},
	} {
		if r := of(all, c.over, seconds).over(of(all, c.under, seconds)); len(r) > 0 {
			fmt.Fprintf(&b, "- "+c.text+"\n", fmt.Sprintf("%.2f (%.2f to %.2f)", r.at(0.5), r.at(0), r.at(1)))
		}
	}
	one, two := last(all, "simdrnn-1"), last(all, "simdrnn-2")
	same := "**differ**, which must not be"
	if one.Fingerprint == two.Fingerprint {
		same = "are the same"
	}
	fmt.Fprintf(&b, "\nThe weights of 1 and 2 ranks at the end %s: sha256 %.16s.\n", same, two.Fingerprint)
	b.WriteString("\n## What the model of docs/distributed.md takes of it\n\n")
	if c, source, err := costOf(all); err != nil {
		fmt.Fprintf(&b, "Nothing: %v.\n", err)
	} else {
		b.WriteString(c.block(source))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// last is the last measurement of a configuration.
func last(all []record, name string) (m measurement) {
	for _, r := range all {
		if r.Name == name {
			m = *r.Measurement
		}
	}
	return m
}

func percent(s series) string { return fmt.Sprintf("%.1f %%", 100*s.at(0.5)) }

// short is the name of a library without what follows its version.
func short(library, tier string) string {
	library, _, _ = strings.Cut(library, ",")
	if tier != "" {
		library += ", " + tier
	}
	return library
}
