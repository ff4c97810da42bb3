// Command clock shows what products of matrices do to the clock of a processor:
//
//	go -C bench run ./clock
//
// It prints, for each tier of this machine, how fast a register-only loop of multiply-adds
// is by itself, and how fast it is at moments after a product has run for a while. The loop
// takes the same number of cycles each time, so that its speed is the clock. Nothing else
// should run beside it.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
	"github.com/simdrnn/simdrnn/kernels"
)

// A plan says how long everything takes.
type plan struct {
	alone    time.Duration   // the loop by itself
	rounds   int             // of each product
	products []time.Duration // how long the product runs before the loop
	after    []time.Duration // when the loop is looked at
}

func main() {
	p := plan{alone: time.Second, rounds: 25, products: milliseconds(0.4, 4, 40), after: milliseconds(0, 0.25, 0.5, 1, 2, 4, 8, 16, 32)}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, kernels.Available(), p))
}

// run is the program. It returns its exit status.
func run(args []string, stdout, stderr io.Writer, tiers []kernels.ISA, p plan) int {
	if len(args) > 0 {
		fmt.Fprintf(stderr, "clock: %q was given, want no arguments: go -C bench run ./clock\n", args)
		return 2
	}
	shown := false
	for _, t := range tiers {
		if t != kernels.Scalar {
			show(stdout, t, p)
			shown = true
		}
	}
	if !shown {
		fmt.Fprintln(stderr, "clock: only the scalar tier runs here, which has no loop of multiply-adds; it takes a processor with AVX2 or NEON, and SIMDRNN_ISA unset")
		return 1
	}
	return 0
}

func milliseconds(ms ...float64) (d []time.Duration) {
	for _, m := range ms {
		d = append(d, time.Duration(m*float64(time.Millisecond)))
	}
	return d
}

// A product of this size reads all its operands from the second-level cache or nearer.
const m, n, k = 384, 192, 512

func show(w io.Writer, t kernels.ISA, p plan) {
	loop(t, p.alone/4)
	alone := loop(t, p.alone)
	fmt.Fprintf(w, "%v: the loop by itself does %.0f GFLOP/s (quartiles %.0f to %.0f). After a product has run:\n\n", t, quantile(alone, 2), quantile(alone, 1), quantile(alone, 3))
	fmt.Fprint(w, "| product | GFLOP/s |")
	for _, at := range p.after {
		fmt.Fprintf(w, " %v |", at)
	}
	fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("---|", len(p.after)))
	a, b, c := driver.Numbers(m*k, 1, 1), t.Pack(false, k, n, driver.Numbers(k*n, 1, 2), n), make([]float32, m*n)
	for _, d := range p.products {
		var product []float64
		then := make([][]float64, len(p.after))
		for range p.rounds {
			for begin := time.Now(); time.Since(begin) < d; {
				once := time.Now()
				b.Gemm(kernels.Set, m, a, k, c, n)
				product = append(product, 2*m*n*k/float64(time.Since(once)))
			}
			begin := time.Now()
			for i, at := range p.after {
				for time.Since(begin) < at {
					piece(t)
				}
				then[i] = append(then[i], piece(t))
			}
		}
		fmt.Fprintf(w, "| %v | %.0f |", d, quantile(product, 2))
		for _, speeds := range then {
			fmt.Fprintf(w, " %.0f |", quantile(speeds, 2))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// loop runs the loop for about d and returns the speeds of its pieces.
func loop(t kernels.ISA, d time.Duration) (speeds []float64) {
	for begin := time.Now(); time.Since(begin) < d || len(speeds) == 0; {
		speeds = append(speeds, piece(t))
	}
	return speeds
}

// piece runs the loop for some 25 us and returns its speed in GFLOP/s. Most pieces of that
// length are not interrupted.
func piece(t kernels.ISA) float64 {
	begin := time.Now()
	flops := t.PeakLoop(1 << 12)
	return float64(flops) / float64(time.Since(begin))
}

// quantile returns the quarter of a sample of at least one: 1, 2, the median, or 3.
func quantile(sample []float64, quarter int) float64 {
	s := slices.Sorted(slices.Values(sample))
	return s[len(s)*quarter/4]
}
