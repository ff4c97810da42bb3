package report

import (
	"fmt"
	"io"
)

// tolerance is the part of a share of peak that may be lost before it is called
// slower.
const tolerance = 0.03

// Compare writes what of ours is slower now than it was then, and what is
// faster, and returns the number of those that are slower. The measure is the share of the
// peak of the own run, since clocks differ from day to day: a shape has changed
// where the medians differ by more than 3 % and the ranges between the quartiles
// do not overlap. It returns an error for runs on different CPUs, and for runs that have no
// shape in common.
func Compare(w io.Writer, then, now Run, before, after []Record) (slower int, err error) {
	if then.CPU != now.CPU {
		return 0, fmt.Errorf("the earlier results are of %q and these of %q: shares of the peak compare on one kind of CPU only", then.CPU, now.CPU)
	}
	type key struct {
		name, isa string
		threads   int
	}
	old := map[key]Record{}
	for _, r := range before {
		if r.Peer == Own && r.Share.Median > 0 {
			old[key{r.Name(), r.ISA, r.Threads}] = r
		}
	}
	compared, faster := 0, 0
	for _, r := range after {
		o, ok := old[key{r.Name(), r.ISA, r.Threads}]
		if r.Peer != Own || !ok || r.Share.Median == 0 {
			continue
		}
		compared++
		verdict := ""
		switch {
		case r.Share.Median < o.Share.Median*(1-tolerance) && r.Share.Q3 < o.Share.Q1:
			verdict = "SLOWER"
			slower++
		case r.Share.Median > o.Share.Median*(1+tolerance) && r.Share.Q1 > o.Share.Q3:
			verdict = "faster"
			faster++
		default:
			continue
		}
		fmt.Fprintf(w, "%s  %s, %s, %s: %.1f %% of the peak, was %.1f %%\n",
			verdict, r.Name(), r.ISA, Threads(r.Threads), 100*r.Share.Median, 100*o.Share.Median)
	}
	if compared == 0 {
		return 0, fmt.Errorf("the earlier results of %s and these have no shape, tier and number of threads in common", then.Date)
	}
	fmt.Fprintf(w, "compared with %s (%s): %d of %d slower, %d faster\n", then.Date, then.Commit, slower, compared, faster)
	return slower, nil
}

// Threads writes a number of threads.
func Threads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprint(n, " threads")
}
