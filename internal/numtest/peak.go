package numtest

import (
	"slices"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/kernels"
)

// PercentOfPeak runs f, which does flops floating-point operations, for as long
// as the benchmark asks and reports
//
//	ns/op     the median time of f
//	GFLOP/s   from that median
//	%peak     the median of f's speed over the speed of a register-only loop of
//	          fused multiply-adds of the same width, run right after each f
//
// The pairing is what makes the last figure meaningful on a machine whose clock
// moves: both sides of a ratio saw the same clock. On the scalar tier, which has
// no such loop, %peak is left out.
func PercentOfPeak(b *testing.B, isa kernels.ISA, flops float64, f func()) {
	f() // first touch of every page
	iters := 0
	if isa != kernels.Scalar {
		iters = peakIters(isa, 300*time.Microsecond)
	}
	var own, ratio []float64
	for b.Loop() {
		t0 := time.Now()
		f()
		t1 := time.Now()
		own = append(own, float64(t1.Sub(t0)))
		if iters > 0 {
			t1 = time.Now()
			n := isa.PeakLoop(iters)
			peak := float64(n) / float64(time.Since(t1))
			ratio = append(ratio, flops/own[len(own)-1]/peak)
		}
	}
	ns := median(own)
	b.ReportMetric(ns, "ns/op")
	b.ReportMetric(flops/ns, "GFLOP/s")
	if iters > 0 {
		b.ReportMetric(100*median(ratio), "%peak")
	}
}

// peakIters returns how many turns of the peak loop take about d.
func peakIters(isa kernels.ISA, d time.Duration) int {
	iters := 1 << 10
	for {
		t := time.Now()
		isa.PeakLoop(iters)
		if took := time.Since(t); took > d/2 || iters > 1<<30 {
			return max(1, int(float64(iters)*float64(d)/float64(took+1)))
		}
		iters *= 2
	}
}

func median(s []float64) float64 {
	slices.Sort(s)
	return s[len(s)/2]
}
