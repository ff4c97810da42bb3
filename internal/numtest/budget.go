package numtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"testing"
)

// The slow part of a comparison is the scalar reference, at some 3 ns per fused
// multiply-add. So each test package has a total of them to spend.
const (
	packageFMAs = 2e9   // about 6 s of one core
	shortFMAs   = 2.5e8 // with -short
)

// EnvFMAs is the environment variable that sets the budget of a package, in
// reference multiply-adds. An emulator runs the reference 20 to 40 times slower;
// with a budget of 1 every pair of values still occurs.
const EnvFMAs = "SIMDRNN_TEST_FMAS"

var spent, allowed int64

func budget() int64 {
	if allowed == 0 {
		allowed = packageFMAs
		if testing.Short() {
			allowed = shortFMAs
		}
		if v := os.Getenv(EnvFMAs); v != "" {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 1 {
				panic(fmt.Sprintf("numtest: %s=%q, want a number above 0", EnvFMAs, v))
			}
			allowed = n
		}
	}
	return allowed
}

// share is the part of a test's multiply-adds that the package's budget leaves
// it, if that is below the usual one.
func share(fmas int64) int64 {
	if b := budget(); b < shortFMAs {
		return int64(float64(fmas) * float64(b) / shortFMAs)
	}
	return fmas
}

// An Axis is one size of a case with the edge values it must take.
type Axis struct {
	Name   string
	Values []int
}

// Cases calls f with combinations of the values of the axes. In every run each
// pair of values of two axes occurs in some case, cheapest first where there is
// a choice; the rest of the product follows in a fixed shuffled order until
// fmas reference multiply-adds, or those of the package, are used up. cost says
// what one case spends. Cases stops early when f returns false.
func Cases(fmas int64, cost func(v []int) int64, axes []Axis, f func(v []int) bool) {
	fmas = share(fmas)
	all := combinations(axes)
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(all))
	cheap := append([]int(nil), order...)
	sort.SliceStable(cheap, func(i, j int) bool { return cost(all[cheap[i]]) < cost(all[cheap[j]]) })

	done := make([]bool, len(all))
	run := func(i int) bool {
		done[i] = true
		c := cost(all[i])
		fmas -= c
		spent += c
		return f(all[i])
	}
	type pair struct{ ax, i, ay, j int }
	seen := map[pair]bool{}
	news := func(v []int) (n int) {
		for x := range axes {
			for y := x; y < len(axes); y++ {
				if !seen[pair{x, v[x], y, v[y]}] {
					n++
				}
			}
		}
		return n
	}
	total := 0
	for x := range axes {
		total += len(axes[x].Values)
		for y := x + 1; y < len(axes); y++ {
			total += len(axes[x].Values) * len(axes[y].Values)
		}
	}
	// Taking only cases that bring many new pairs at once keeps the cover small.
	for want := len(axes) * (len(axes) + 1) / 2; want > 0 && len(seen) < total; want-- {
		for _, i := range cheap {
			if done[i] || news(all[i]) < want {
				continue
			}
			v := all[i]
			for x := range axes {
				for y := x; y < len(axes); y++ {
					seen[pair{x, v[x], y, v[y]}] = true
				}
			}
			if !run(i) {
				return
			}
		}
	}
	for _, i := range order {
		if done[i] {
			continue
		}
		if c := cost(all[i]); c > fmas || spent+c > budget() {
			continue
		}
		if !run(i) {
			return
		}
	}
}

// combinations lists the combinations of the axes' values; a value listed twice on
// one axis counts once.
func combinations(axes []Axis) [][]int {
	out := [][]int{nil}
	for x := range axes {
		a := &axes[x]
		uniq := map[int]bool{}
		vals := []int{}
		for _, v := range a.Values {
			if v >= 0 && !uniq[v] {
				uniq[v] = true
				vals = append(vals, v)
			}
		}
		if len(vals) == 0 {
			panic(fmt.Sprintf("numtest: axis %q has no values", a.Name))
		}
		a.Values = vals
		next := make([][]int, 0, len(out)*len(vals))
		for _, p := range out {
			for _, v := range vals {
				next = append(next, append(append(make([]int, 0, len(axes)), p...), v))
			}
		}
		out = next
	}
	return out
}
