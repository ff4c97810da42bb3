package main

import (
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/kernels"
)

var short = plan{alone: time.Millisecond, rounds: 3, products: milliseconds(0.1, 0.5), after: milliseconds(0, 0.1, 0.2)}

// One row for each product and one speed for each moment; none of them is zero but on the scalar
// tier, which has no loop of multiply-adds.
func TestShow(t *testing.T) {
	tier := kernels.Current()
	var b strings.Builder
	show(&b, tier, short)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 6 || lines[2] != "| product | GFLOP/s | 0s | 100µs | 200µs |" {
		t.Fatalf("got\n%s", b.String())
	}
	for i, d := range []string{"100µs", "500µs"} {
		row := lines[4+i]
		if !strings.HasPrefix(row, "| "+d+" |") || strings.Count(row, "|") != 6 || strings.HasSuffix(row, " 0 | 0 | 0 |") != (tier == kernels.Scalar) {
			t.Errorf("row of %s: %s", d, row)
		}
	}
}

// Arguments are refused, and so is a machine with nothing to show; else each tier has its table.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		args   []string
		tiers  []kernels.ISA
		status int
		says   string
	}{
		{[]string{"-x"}, kernels.Available(), 2, `["-x"] was given, want no arguments`},
		{nil, []kernels.ISA{kernels.Scalar}, 1, "only the scalar tier runs here"},
	} {
		var out, errs strings.Builder
		if got := run(c.args, &out, &errs, c.tiers, short); got != c.status || !strings.Contains(errs.String(), c.says) || out.Len() > 0 {
			t.Errorf("%q on %v: status %d, want %d; said %q, want %q; printed %q", c.args, c.tiers, got, c.status, errs.String(), c.says, out.String())
		}
	}
	tiers := kernels.Available()
	var out, errs strings.Builder
	status := run(nil, &out, &errs, tiers, short)
	if tables := strings.Count(out.String(), "| product |"); tables != len(tiers)-1 || (status == 0) != (tables > 0) {
		t.Errorf("%d tables on the tiers %v, status %d: %s", tables, tiers, status, errs.String())
	}
}

func TestQuantile(t *testing.T) {
	s := []float64{5, 1, 4, 2, 3}
	for quarter, want := range map[int]float64{1: 2, 2: 3, 3: 4} {
		if got := quantile(s, quarter); got != want {
			t.Errorf("quarter %d of %v is %v, want %v", quarter, s, got, want)
		}
	}
	if s[0] != 5 {
		t.Error("the sample was sorted in place")
	}
}
