// Command coef fits the polynomials of exp, tanh and log and compares the result
// with the coefficients in package vec: run `go -C asm run ./coef` in the root.
//
// Each polynomial is the best one in the relative error of the function it is
// part of (Remez's exchange algorithm, weighted). Its coefficients have to be
// float32, and rounding all of them at once would cost accuracy: they are
// rounded one by one, the constant term first, and after each the others are
// fitted again.
//
// For tanh this arrives at the coefficients in use. For exp it arrives at four of
// the five; the last, that of r^6, comes out 78 units in the last place higher
// (3ab563a7 for 3ab56359), which changes the error of 2^-28.22 by less than one
// part in two hundred. The coefficients in use are older than this program, have
// been measured over all 2^32 arguments, and stay.
package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// A Fit is a search for the polynomial P of given degree such that base + scale*P
// is close to f in relative error, for x in [lo, hi].
type Fit struct {
	Name   string
	Degree int
	Lo, Hi float64
	// Terms gives, at x: the point at which P is taken, the factor of P and what
	// is left of f without it, both divided by f. The error is factor*P(at) - rest.
	Terms func(x float64) (at, factor, rest float64)
	// Used is what package vec has, highest power first.
	Used []vec.Const
}

// Exp is exp(r) = 1 + r + r*r*P(r). The interval is where the reduction leaves
// r: half of ln 2 to either side.
var Exp = Fit{
	Name: "exp", Degree: 4, Lo: -math.Ln2 / 2, Hi: math.Ln2 / 2,
	Terms: func(r float64) (at, factor, rest float64) {
		e := math.Exp(r)
		return r, r * r / e, (math.Expm1(r) - r) / e
	},
	Used: vec.ExpPoly[:5],
}

// Tanh is tanh(a) = a + a*a*a*P(a*a).
var Tanh = Fit{
	Name: "tanh", Degree: 4, Lo: 0, Hi: 0.625,
	Terms: func(a float64) (at, factor, rest float64) {
		t := math.Tanh(a)
		if a == 0 {
			return 0, 0, 0
		}
		return a * a, a * a * a / t, (t - a) / t
	},
	Used: vec.TanhPoly[:],
}

// Log is log((1+s)/(1-s)) = 2s + s*s*s*P(s*s), which with s = u/(2+u) is
// log(1+u); u is in [0, 1].
var Log = Fit{
	Name: "log", Degree: 3, Lo: 0, Hi: 1.0 / 3,
	Terms: func(s float64) (at, factor, rest float64) {
		l := 2 * math.Atanh(s)
		if s == 0 {
			return 0, 0, 0
		}
		return s * s, s * s * s / l, (l - 2*s) / l
	},
	Used: vec.LogPoly[:],
}

// Mills is e^(t*t/2)*Q(t) = u*P(u), u = 1/(1 + t/4), with Q(t) = erfc(t/sqrt 2)/2, what a
// normal variable has above t; t is in [0, 12].
var Mills = Fit{
	Name: "mills", Degree: 9, Lo: 0, Hi: 12,
	Terms: func(t float64) (at, factor, rest float64) {
		u := 1 / (1 + t/4)
		return u, u / (math.Exp(t*t/2) * math.Erfc(t/math.Sqrt2) / 2), 1
	},
	Used: vec.MillsPoly[:],
}

// used is the coefficients in vec, lowest power first.
func (f Fit) used() []float64 {
	c := make([]float64, len(f.Used))
	for i, u := range f.Used {
		c[len(c)-1-i] = float64(math.Float32frombits(uint32(u)))
	}
	return c
}

func horner(c []float64, x float64) float64 {
	p := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		p = p*x + c[i]
	}
	return p
}

func (f Fit) err(c []float64, x float64) float64 {
	at, factor, rest := f.Terms(x)
	return factor*horner(c, at) - rest
}

// MaxError is the largest relative error of the polynomial in exact arithmetic,
// on a grid so fine that the maximum between its points differs by less than
// one part in a million.
func (f Fit) MaxError(c []float64) float64 {
	const points = 1 << 18
	worst := 0.0
	for i := range points + 1 {
		x := f.Lo + (f.Hi-f.Lo)*float64(i)/points
		worst = max(worst, math.Abs(f.err(c, x)))
	}
	return worst
}

// Minimax is Remez's algorithm over the coefficients that are not fixed: c keeps
// its value where fixed is set, and is overwritten elsewhere. It returns the
// largest error.
func (f Fit) Minimax(c []float64, fixed []bool) float64 {
	var free []int
	for i := range c {
		if !fixed[i] {
			free = append(free, i)
		}
	}
	n := len(free)
	if n == 0 {
		return f.MaxError(c)
	}
	// The first reference: extrema of a Chebyshev polynomial.
	ref := make([]float64, n+1)
	for i := range ref {
		ref[i] = (f.Lo+f.Hi)/2 - (f.Hi-f.Lo)/2*math.Cos(math.Pi*(float64(i)+0.5)/float64(n+1))
	}
	for range 60 {
		// Solve for the free coefficients and the levelled error e:
		// factor*P(at) - rest = +-e at the reference points.
		m := make([][]float64, n+1)
		sign := 1.0
		for i, x := range ref {
			at, factor, rest := f.Terms(x)
			row := make([]float64, n+2)
			for j, p := range free {
				row[j] = factor * math.Pow(at, float64(p))
			}
			row[n] = sign
			row[n+1] = rest
			for p := range c {
				if fixed[p] {
					row[n+1] -= factor * c[p] * math.Pow(at, float64(p))
				}
			}
			m[i] = row
			sign = -sign
		}
		s := solve(m)
		for j, p := range free {
			c[p] = s[j]
		}
		next := f.extrema(c, n+1)
		if next == nil {
			break
		}
		moved := 0.0
		for i := range ref {
			moved = max(moved, math.Abs(next[i]-ref[i]))
		}
		ref = next
		if moved < 1e-9 {
			break
		}
	}
	return f.MaxError(c)
}

// extrema finds n points at which the error alternates in sign and is largest,
// or nil if there are fewer.
func (f Fit) extrema(c []float64, n int) []float64 {
	const points = 1 << 15
	type peak struct{ x, e float64 }
	var peaks []peak
	for i := range points + 1 {
		x := f.Lo + (f.Hi-f.Lo)*float64(i)/points
		e := f.err(c, x)
		if e == 0 {
			continue
		}
		switch last := len(peaks) - 1; {
		case last < 0 || math.Signbit(e) != math.Signbit(peaks[last].e):
			peaks = append(peaks, peak{x, e})
		case math.Abs(e) > math.Abs(peaks[last].e):
			peaks[last] = peak{x, e}
		}
	}
	for len(peaks) > n {
		// Drop the smaller end: what is left still alternates.
		if math.Abs(peaks[0].e) < math.Abs(peaks[len(peaks)-1].e) {
			peaks = peaks[1:]
		} else {
			peaks = peaks[:len(peaks)-1]
		}
	}
	if len(peaks) < n {
		return nil
	}
	x := make([]float64, n)
	for i, p := range peaks {
		x[i] = p.x
	}
	return x
}

// solve is Gaussian elimination with row pivoting; the last column is the right
// hand side.
func solve(m [][]float64) []float64 {
	n := len(m)
	for i := range n {
		p := i
		for r := i + 1; r < n; r++ {
			if math.Abs(m[r][i]) > math.Abs(m[p][i]) {
				p = r
			}
		}
		m[i], m[p] = m[p], m[i]
		for r := i + 1; r < n; r++ {
			q := m[r][i] / m[i][i]
			for k := i; k <= n; k++ {
				m[r][k] -= q * m[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		s := m[i][n]
		for k := i + 1; k < n; k++ {
			s -= m[i][k] * x[k]
		}
		x[i] = s / m[i][i]
	}
	return x
}

// Rounded fits, then rounds the coefficients in the given order, lowest power 0,
// fitting the rest again after each.
func (f Fit) Rounded(order []int) (c []float64, worst float64) {
	c = make([]float64, f.Degree+1)
	fixed := make([]bool, len(c))
	f.Minimax(c, fixed)
	for _, p := range order {
		c[p] = float64(float32(c[p]))
		fixed[p] = true
		worst = f.Minimax(c, fixed)
	}
	return c, worst
}

// lowestFirst is the order of rounding that does best: an error in a low
// coefficient is the one that the others can make good.
func (f Fit) lowestFirst() []int {
	up := make([]int, f.Degree+1)
	for i := range up {
		up[i] = i
	}
	return up
}

func print(what string, c []float64, worst float64) {
	fmt.Printf("  %-28s", what)
	for i := len(c) - 1; i >= 0; i-- {
		fmt.Printf(" %08x", math.Float32bits(float32(c[i])))
	}
	fmt.Printf("  2^%.2f\n", math.Log2(worst))
}

func main() {
	for _, f := range []Fit{Exp, Tanh, Log, Mills} {
		fmt.Printf("%s on [%.4f, %.4f], degree %d, highest power first, largest relative error:\n", f.Name, f.Lo, f.Hi, f.Degree)
		c := make([]float64, f.Degree+1)
		worst := f.Minimax(c, make([]bool, len(c)))
		print("best real coefficients", c, worst)
		order := f.lowestFirst()
		c, worst = f.Rounded(order)
		print("rounded lowest first", c, worst)
		slices.Reverse(order)
		c, worst = f.Rounded(order)
		print("rounded highest first", c, worst)
		print("in use", f.used(), f.MaxError(f.used()))
	}
}
