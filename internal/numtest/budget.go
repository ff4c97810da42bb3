package numtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
	costs := make([]int64, len(all))
	for i, at := range all {
		costs[i] = cost(values(axes, at))
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(all))
	cheap := slices.Clone(order)
	slices.SortStableFunc(cheap, func(i, j int) int { return cmp.Compare(costs[i], costs[j]) })

	done := make([]bool, len(all))
	run := func(i int) bool {
		done[i] = true
		fmas -= costs[i]
		spent += costs[i]
		return f(values(axes, all[i]))
	}
	missing := newPairs(axes)
	// Taking only cases that bring many new pairs at once keeps the cover small.
	for want := len(axes) * (len(axes) + 1) / 2; want > 0 && missing.n > 0; want-- {
		for _, i := range cheap {
			if missing.n < want {
				break
			}
			if done[i] || missing.of(all[i]) < want {
				continue
			}
			missing.take(all[i])
			if !run(i) {
				return
			}
		}
	}
	for _, i := range order {
		if done[i] || costs[i] > fmas || spent+costs[i] > budget() {
			continue
		}
		if !run(i) {
			return
		}
	}
}

// pairs are the pairs of values of two axes that have not occurred, and the values of
// each axis by itself. Values are given by where they stand on their axis.
type pairs struct {
	missing [][][]bool // of axes x and y >= x, [x*axes+y][i][j]; for y = x only j = i counts
	n       int
}

func newPairs(axes []Axis) *pairs {
	p := &pairs{missing: make([][][]bool, len(axes)*len(axes))}
	for x := range axes {
		for y := x; y < len(axes); y++ {
			table := make([][]bool, len(axes[x].Values))
			for i := range table {
				table[i] = make([]bool, len(axes[y].Values))
				for j := range table[i] {
					if y > x || j == i {
						table[i][j] = true
						p.n++
					}
				}
			}
			p.missing[x*len(axes)+y] = table
		}
	}
	return p
}

// of counts the missing pairs of a case.
func (p *pairs) of(at []int) (n int) {
	for x, i := range at {
		for y := x; y < len(at); y++ {
			if p.missing[x*len(at)+y][i][at[y]] {
				n++
			}
		}
	}
	return n
}

// take strikes the pairs of a case out.
func (p *pairs) take(at []int) {
	p.n -= p.of(at)
	for x, i := range at {
		for y := x; y < len(at); y++ {
			p.missing[x*len(at)+y][i][at[y]] = false
		}
	}
}

// values are those of a case.
func values(axes []Axis, at []int) []int {
	v := make([]int, len(at))
	for x, i := range at {
		v[x] = axes[x].Values[i]
	}
	return v
}

// combinations lists the combinations of the axes' values, by where they stand on
// their axes. A value listed twice on one axis counts once.
func combinations(axes []Axis) [][]int {
	out := [][]int{nil}
	for x := range axes {
		a := &axes[x]
		var vals []int
		for _, v := range a.Values {
			if v >= 0 && !slices.Contains(vals, v) {
				vals = append(vals, v)
			}
		}
		if len(vals) == 0 {
			panic(fmt.Sprintf("numtest: axis %q has no values", a.Name))
		}
		a.Values = vals
		next := make([][]int, 0, len(out)*len(vals))
		for _, at := range out {
			for i := range vals {
				next = append(next, append(append(make([]int, 0, len(axes)), at...), i))
			}
		}
		out = next
	}
	return out
}
