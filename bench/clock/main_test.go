package main

import (
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/kernels"
)

// One row for each product, one speed for each moment, and none of them is zero.
func TestShow(t *testing.T) {
	if len(kernels.Available()) == 1 {
		t.Skip("this machine has the scalar tier alone, which has no loop of multiply-adds")
	}
	var b strings.Builder
	show(&b, kernels.Current(), plan{alone: time.Millisecond, rounds: 3, products: milliseconds(0.1, 0.5), after: milliseconds(0, 0.1, 0.2)})
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 6 || lines[2] != "| product | GFLOP/s | 0s | 100µs | 200µs |" {
		t.Fatalf("got\n%s", b.String())
	}
	for i, d := range []string{"100µs", "500µs"} {
		row := lines[4+i]
		if !strings.HasPrefix(row, "| "+d+" |") || strings.Count(row, "|") != 6 || strings.Contains(row, " 0 |") {
			t.Errorf("row of %s: %s", d, row)
		}
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
