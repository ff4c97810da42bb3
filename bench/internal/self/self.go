// Package self is the drivers that are part of the comparison program: simdrnn's,
// and that of gonum's BLAS. The program starts itself once more for each, so that
// they are processes like the others.
package self

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
	"github.com/simdrnn/simdrnn/kernels"
)

// Names are the drivers that Serve has.
var Names = []string{"simdrnn", "gonum"}

// Serve is the driver of that name.
func Serve(name string, r io.Reader, w io.Writer) error {
	switch name {
	case "simdrnn":
		if err := kernels.Info().Err; err != nil {
			return err
		}
		version := fmt.Sprintf("%s, %s", kernels.Current(), runtime.Version())
		return driver.Serve(r, w, version, call, map[string]driver.Command{"peak": peak, "bandwidth": bandwidth})
	case "gonum":
		return driver.Serve(r, w, gonumVersion()+", "+runtime.Version(), gonumCall, nil)
	}
	return fmt.Errorf("no driver %q; there are %s", name, strings.Join(Names, ", "))
}

func call(s *driver.Settings) (func(), error) {
	op := s.String("op")
	cell, form, _ := strings.Cut(op, "-")
	switch {
	case cell == "gemm":
		return gemmCall(op, s)
	case cell == "lm":
		return modelCall(op, s)
	}
	return layerCall(cell, form, s)
}

func gonumVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "gonum.org/v1/gonum" {
				return m.Version
			}
		}
	}
	return "unknown version"
}

// peak answers "peak MICROSECONDS" with the GFLOP/s of a loop of multiply-adds
// that stays in registers, on GOMAXPROCS goroutines at once for about that long: what the current
// tier could do at best at this moment. It is 0 on the scalar tier, which has
// no such loop.
func peak(arg string) (string, error) {
	us, err := strconv.Atoi(arg)
	if err != nil || us < 1 {
		return "", fmt.Errorf("peak %q: want a time in microseconds", arg)
	}
	isa := kernels.Current()
	if isa == kernels.Scalar {
		return "0", nil
	}
	want := time.Duration(us) * time.Microsecond
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0.0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var flops int64
			begin := time.Now()
			for iters := 1 << 12; time.Since(begin) < want; {
				flops += isa.PeakLoop(iters)
			}
			speed := float64(flops) / float64(time.Since(begin))
			mu.Lock()
			total += speed
			mu.Unlock()
		})
	}
	wg.Wait()
	return strconv.FormatFloat(total, 'g', 6, 64), nil
}

// bandwidth answers "bandwidth BYTES" with the GB/s at which one core reads that
// many bytes again and again.
func bandwidth(arg string) (string, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1024 || n > 1<<30 {
		return "", fmt.Errorf("bandwidth %q: want a number of bytes from 1024 to 2^30", arg)
	}
	read, bytes := reader(n)
	read()
	best, all := 0.0, 0
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond || all == 0; all += bytes {
		once := time.Now()
		times := max(1, 1<<20/bytes)
		for range times {
			read()
		}
		best = max(best, float64(bytes*times)/float64(time.Since(once)))
	}
	return strconv.FormatFloat(best, 'g', 6, 64), nil
}

// reader returns what reads about n bytes, and how many. It is a product of one row by packed
// weights, which is what a step of one row reads them for and waits for nothing else; on the
// scalar tier, where the arithmetic of a product takes longer than reading, a maximum.
func reader(n int) (read func(), bytes int) {
	isa := kernels.Current()
	if isa == kernels.Scalar {
		x := driver.Numbers(n/4, 1, 1)
		return func() { isa.Max(x) }, 4 * len(x)
	}
	const columns = 512
	k := max(1, n/4/columns)
	p := isa.Pack(false, k, columns, driver.Numbers(k*columns, 1, 1), columns)
	a, c := driver.Numbers(k, 1, 1), make([]float32, columns)
	return func() { p.Gemm(kernels.Set, 1, a, k, c, columns) }, 4 * k * columns
}
