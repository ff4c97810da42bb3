package split_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// The shares of all workers are the whole, in order, and all but the last end at
// a multiple of the unit.
func TestSharesAreTheWhole(t *testing.T) {
	for _, total := range []int{0, 1, 5, 6, 7, 12, 13, 100} {
		for _, unit := range []int{1, 6, 12} {
			for n := 1; n <= 9; n++ {
				end := 0
				for w := range n {
					lo, hi := split.Share(total, unit, w, n)
					if lo != end || hi < lo || hi != total && hi%unit != 0 {
						t.Fatalf("share %d of %d of %d things in units of %d: %d to %d after %d", w, n, total, unit, lo, hi, end)
					}
					end = hi
				}
				if end != total {
					t.Fatalf("%d shares of %d things in units of %d end at %d", n, total, unit, end)
				}
			}
		}
	}
}

func TestWorkers(t *testing.T) {
	for _, c := range []struct {
		isa        kernels.ISA
		work       float64
		most, want int
	}{
		{kernels.Scalar, 0, 8, 1}, {kernels.Scalar, 1<<14 - 1, 8, 1}, {kernels.Scalar, 1 << 14, 8, 2}, {kernels.Scalar, 1 << 14, 1, 1},
		{kernels.Scalar, 3<<15 - 1, 8, 2}, {kernels.Scalar, 3 << 15, 8, 3}, {kernels.AVX2, 1<<20 - 1, 8, 1}, {kernels.AVX2, 1 << 20, 8, 2},
		{kernels.AVX2, 1 << 22, 8, 2}, {kernels.AVX512, 1 << 30, 8, 8}, {kernels.NEON, math.Inf(1), 3, 3}, {kernels.AVX2, 1 << 30, 0, 1},
	} {
		if got := split.Workers(c.isa, c.work, c.most); got != c.want {
			t.Errorf("%v: %v multiply-adds on at most %d workers: %d, want %d", c.isa, c.work, c.most, got, c.want)
		}
	}
}

// Where workers have parked a piece of work must be larger for two of them, and is cut into as many
// parts for more.
func TestAsleepWorkers(t *testing.T) {
	for _, c := range []struct {
		isa        kernels.ISA
		work       float64
		most, want int
	}{
		{kernels.Scalar, 1<<16 - 1, 8, 1}, {kernels.Scalar, 1 << 16, 8, 2}, {kernels.Scalar, 1 << 16, 1, 1},
		{kernels.AVX2, 1<<22 - 1, 8, 1}, {kernels.AVX2, 1 << 22, 8, 2}, {kernels.AVX512, 3 << 21, 8, 3}, {kernels.NEON, math.Inf(1), 3, 3},
	} {
		if got := split.AsleepWorkers(c.isa, c.work, c.most); got != c.want {
			t.Errorf("%v: %v multiply-adds on at most %d workers: %d, want %d", c.isa, c.work, c.most, got, c.want)
		}
		limit := split.LimitOf(c.most)
		if got := limit.Asleep(c.isa, c.work, c.most); got != c.want {
			t.Errorf("%v: a limit of %d, %v multiply-adds: %d, want %d", c.isa, c.most, c.work, got, c.want)
		}
	}
	end := split.ShareAll()
	defer end()
	if limit := split.LimitOf(3); limit.Asleep(kernels.Scalar, 1, 3) != 3 {
		t.Error("a test that shares all work has fewer parts where workers have parked")
	}
}

func TestChunkSteps(t *testing.T) {
	for batch, want := range map[int]int{0: 256, 1: 256, 2: 128, 3: 86, 255: 2, 256: 1, 1000: 1} {
		if got := split.ChunkSteps(batch); got != want {
			t.Errorf("a chunk of a batch of %d has %d steps, want %d", batch, got, want)
		}
	}
}

func TestVisitChunks(t *testing.T) {
	for _, c := range []struct{ rows, width, want int }{
		{0, 0, 4}, {256, 512, 4}, {256, 4096, 4}, {256, 4097, 3}, {256, 50_000, 1}, {4096, 512, 2}, {math.MaxInt32, math.MaxInt32, 1},
	} {
		if got := split.VisitChunks(c.rows, c.width); got != c.want {
			t.Errorf("%d pairs of %d elements: %d chunks at a time, want %d", c.rows, c.width, got, c.want)
		}
	}
}

// A step is shared where each worker has more to do than sharing takes.
func TestStepWorkers(t *testing.T) {
	for _, c := range []struct {
		isa        kernels.ISA
		work, want int
	}{
		{kernels.Scalar, 2*3<<10 - 1, 1},
		{kernels.Scalar, 2 * 3 << 10, 2},
		{kernels.AVX2, 2*3<<13 - 1, 1},
		{kernels.AVX2, 2 * 3 << 13, 2},
		{kernels.NEON, 2 * 3 << 13, 2},
		{kernels.AVX512, 2*3<<15 - 1, 1},
		{kernels.AVX512, 2 * 3 << 15, 2},
		{kernels.AVX512, 9 * 3 << 15, 4},
	} {
		if got := split.StepWorkers(c.isa, float64(c.work), 4); got != c.want {
			t.Errorf("%v, %d multiply-adds: %d workers, want %d", c.isa, c.work, got, c.want)
		}
	}
}

// A loss over many rows of few classes is worth two workers, with assembly.
func TestLossWork(t *testing.T) {
	for _, c := range []struct {
		isa            kernels.ISA
		rows, elements int
		want           int
	}{
		{kernels.AVX512, 2048, 2048 * 65, 2}, {kernels.AVX2, 15, 15 * 256, 1}, {kernels.NEON, 0, 2048 * 65, 2},
		{kernels.Scalar, 15, 15 * 256, 2}, {kernels.Scalar, 2, 200, 1}, {kernels.AVX512, 0, 0, 1},
	} {
		if got := split.Workers(c.isa, float64(split.LossWork(c.isa, c.rows, c.elements)), 2); got != c.want {
			t.Errorf("%v: %d elements in %d rows: %d workers of 2, want %d", c.isa, c.elements, c.rows, got, c.want)
		}
	}
}
