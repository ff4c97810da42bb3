package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The part of docs/distributed.md that fill writes.
const (
	partBegins = "<!-- bench -fill begins -->\n"
	partEnds   = "<!-- bench -fill ends -->\n"
)

// wire is what cards, cables and a switch add to a message that was measured within a machine.
// It is assumed: no network was there to measure.
const wire = 10e-6

// costOf is what the measurements of a comparison say: a shard and the rest of an update by
// one rank with twice the shards, and a message by a barrier over TCP.
func costOf(all []record) (c cost, source string, err error) {
	here := all[0].Machine
	once, twice := of(all, "simdrnn-1", seconds), of(all, "simdrnn-1-twice", seconds)
	if len(once) == 0 || len(twice) == 0 {
		return c, "", errors.New("no rounds of simdrnn-1 and simdrnn-1-twice; give the rounds.jsonl of a comparison")
	}
	// once is S c + r and twice 2 S c + r.
	t1, t2 := once.at(0.5), twice.at(0.5)
	m := last(all, "simdrnn-1")
	c.parameters, c.early = m.Parameters, significant(m.Early)
	c.shard, c.rest = significant((t2-t1)/float64(here.Size.Shards)), significant(max(0, 2*t1-t2))
	if c.shard <= 0 {
		return c, "", fmt.Errorf("1 rank took %.1f ms for a batch and %.1f ms for twice the batch: the machine was busy; measure again", 1e3*t1, 1e3*t2)
	}
	how := "over TCP"
	messages := of(all, "messages-tcp", func(m measurement) float64 { return m.Message })
	if len(messages) == 0 {
		how = "through shared memory"
		messages = of(all, "messages", func(m measurement) float64 { return m.Message })
	}
	if len(messages) == 0 {
		return c, "", errors.New("no round of messages; give the rounds.jsonl of a comparison")
	}
	c.latency, c.message = significant(messages.at(0.5)+wire), 2e-6
	source = fmt.Sprintf("P, c and r are those of %d layers of %d units, shards of %d rows and %d steps, as bench/run has measured them on one core of %s (%s); e is what the net tells. L is a barrier of two ranks %s within that machine, %.2g us, and %.2g us that are assumed for cards and a switch. o is assumed.",
		here.Size.Layers, here.Size.Hidden, here.Size.Rows/here.Size.Shards, here.Size.Window, here.CPU, here.Date, how, 1e6*messages.at(0.5), 1e6*wire)
	return c, source, nil
}

// significant rounds to what a page has of a number.
func significant(v float64) float64 {
	var r float64
	_, _ = fmt.Sscan(fmt.Sprintf("%.3g", v), &r) // it has just been printed
	return r
}

// block is the part of the page.
func (c cost) block(source string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "P = %d, c = %v s, r = %v s, e = %v, L = %v us and o = %v us, one rank on a machine. %s\n\n",
		c.parameters, c.shard, c.rest, c.early, significant(1e6*c.latency), significant(1e6*c.message), source)
	c.print(&b, 512)
	return b.String()
}

// parse reads the numbers and the source of a block.
func parse(block string) (c cost, source string, err error) {
	line, _, _ := strings.Cut(block, "\n")
	numbers, source, ok := strings.Cut(line, ", one rank on a machine. ")
	if !ok {
		return c, "", errors.New("no line of numbers")
	}
	_, err = fmt.Sscanf(numbers, "P = %d, c = %g s, r = %g s, e = %g, L = %g us and o = %g us", &c.parameters, &c.shard, &c.rest, &c.early, &c.latency, &c.message)
	c.latency, c.message = significant(c.latency*1e-6), significant(c.message*1e-6)
	return c, source, err
}

// fill writes what the rounds of a file say into the page.
func fill(page, rounds string) error {
	f, err := os.Open(rounds)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := readRounds(f)
	if err != nil {
		return fmt.Errorf("%s: %w", rounds, err)
	}
	c, source, err := costOf(all)
	if err != nil {
		return fmt.Errorf("%s: %w", rounds, err)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, _, after, err := around(string(b))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(before+partBegins+c.block(source)+partEnds+after), 0o666)
}

// around takes the page apart: what is before the part, the part, and what is after it.
func around(page string) (before, part, after string, err error) {
	before, rest, begins := strings.Cut(page, partBegins)
	part, after, ends := strings.Cut(rest, partEnds)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("the page has no lines %q and %q", strings.TrimSpace(partBegins), strings.TrimSpace(partEnds))
	}
	return before, part, after, nil
}
