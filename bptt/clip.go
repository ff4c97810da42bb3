package bptt

import (
	"math"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/kernels"
)

// normBlock is the number of elements of a tensor that are summed in one go: that of
// kernels.SumSquares. The sums of the blocks are added in ascending order, whoever
// computed them.
const normBlock = 4096

// gradients are the gradients of the parameters as one vector: its norms, and what
// multiplies and limits it, split among workers.
type gradients struct {
	params []nn.Param
	sums   *nn.Sums      // of parameters that the net reports several times
	freeze optim.Freezer // the optimizer; nil: it moves all parameters
	still  []bool        // the parameters that the next update leaves as they are
	isa    kernels.ISA
	p      float64 // of the norm
	pieces crew.Pieces

	// What the workers do, and with what.
	work  gradientWork
	alpha float32

	first   []int     // the place of each tensor's first block
	blocks  []float64 // a sum, or a maximum, of each block
	totals  []float64 // of each tensor
	largest []float64 // magnitude of each tensor, where the norm needs it
	factors []float32 // of each tensor
}

type gradientWork int

const (
	sumSquares gradientWork = iota
	sumMagnitudes
	maxMagnitude
	sumPowers
	scaleAll
	scaleEach
	limitAll
)

func (g *gradients) init(isa kernels.ISA, params []nn.Param, sums *nn.Sums, o optim.Optimizer, p float64) {
	g.isa, g.params, g.sums, g.p = isa, params, sums, p
	g.freeze, _ = o.(optim.Freezer)
	g.still = make([]bool, len(params))
	lengths := make([]int, len(params))
	blocks := 0
	g.first = make([]int, len(params)+1)
	for i := range params {
		lengths[i] = len(params[i].G)
		blocks += (lengths[i] + normBlock - 1) / normBlock
		g.first[i+1] = blocks
	}
	g.blocks = make([]float64, blocks)
	g.totals, g.largest = make([]float64, len(params)), make([]float64, len(params))
	g.factors = make([]float32, len(params))
	g.pieces.Init(isa, lengths, g.piece)
}

// begin asks the optimizer which parameters the next update leaves as they are. What
// follows is about the others.
func (g *gradients) begin() {
	if g.freeze == nil {
		return
	}
	for i, p := range g.params {
		g.still[i] = g.freeze.Frozen(p.Name)
	}
}

// piece is the work on elements lo to hi of tensor i. lo is a multiple of normBlock.
func (g *gradients) piece(i, lo, hi int) {
	if g.still[i] {
		return
	}
	v := g.params[i].G[lo:hi]
	switch g.work {
	case scaleAll:
		g.isa.Scale(v, v, g.alpha)
		return
	case scaleEach:
		if f := g.factors[i]; f != 1 {
			g.isa.Scale(v, v, f)
		}
		return
	case limitAll:
		g.isa.Clip(v, v, g.alpha)
		return
	}
	for at := g.first[i] + lo/normBlock; len(v) > 0; at++ {
		n := min(len(v), normBlock)
		g.blocks[at] = g.block(i, v[:n])
		v = v[n:]
	}
}

func (g *gradients) block(i int, v []float32) float64 {
	switch g.work {
	case sumSquares:
		return g.isa.SumSquares(v)
	case sumMagnitudes:
		return g.isa.SumAbs(v)
	case maxMagnitude:
		return float64(g.isa.MaxAbs(v))
	}
	return powers(v, g.largest[i], g.p)
}

// powers is the sum of (|x|/largest)^p, in ascending order.
func powers(x []float32, largest, p float64) float64 {
	sum := 0.0
	for _, v := range x {
		if v < 0 {
			v = -v
		}
		if v > 0 {
			sum += kernels.Pow(float64(v)/largest, p)
		}
	}
	return sum
}

func (g *gradients) run(work gradientWork) {
	g.work = work
	g.pieces.Run()
}

// blocksOf is what run has left of tensor i: nothing if it is still.
func (g *gradients) blocksOf(i int) []float64 {
	if g.still[i] {
		return nil
	}
	return g.blocks[g.first[i]:g.first[i+1]]
}

// add sets totals to the sum of each tensor, and returns the name of the first one
// whose sum is not finite.
func (g *gradients) add(work gradientWork) (bad string) {
	g.run(work)
	for i := range g.totals {
		sum := 0.0
		for _, s := range g.blocksOf(i) {
			sum += s
		}
		g.totals[i] = sum
		if bad == "" && (math.IsNaN(sum) || math.IsInf(sum, 0)) {
			bad = g.params[i].Name
		}
	}
	return bad
}

// norm returns the norm of all gradients, of order p, in float64. If an element is not
// finite it returns the name of the first parameter that has one.
func (g *gradients) norm() (norm float64, bad string) {
	switch g.p {
	case 2:
		if bad = g.add(sumSquares); bad != "" {
			return math.NaN(), bad
		}
		return math.Sqrt(g.sum()), ""
	case 1:
		if bad = g.add(sumMagnitudes); bad != "" {
			return math.NaN(), bad
		}
		return g.sum(), ""
	}
	// A maximum passes over NaN, and powers of NaN are no sums to look at: the sum of the
	// magnitudes tells.
	if bad = g.add(sumMagnitudes); bad != "" {
		return math.NaN(), bad
	}
	g.run(maxMagnitude)
	largest := 0.0
	for i := range g.largest {
		m := 0.0
		for _, v := range g.blocksOf(i) {
			m = max(m, v)
		}
		g.largest[i] = m
		largest = max(largest, m)
	}
	if math.IsInf(g.p, 1) || largest == 0 {
		return largest, ""
	}
	g.add(sumPowers)
	sum := 0.0
	for i, s := range g.totals {
		if s > 0 {
			sum += float64(s * kernels.Pow(g.largest[i]/largest, g.p))
		}
	}
	return float64(largest * kernels.Pow(sum, 1/g.p)), ""
}

func (g *gradients) sum() float64 {
	sum := 0.0
	for _, s := range g.totals {
		sum += s
	}
	return sum
}

// tensorNorm returns the norm of one tensor, after norm.
func (g *gradients) tensorNorm(i int) float64 {
	switch {
	case g.p == 2:
		return math.Sqrt(g.totals[i])
	case g.p == 1:
		return g.totals[i]
	case math.IsInf(g.p, 1) || g.largest[i] == 0:
		return g.largest[i]
	}
	return float64(g.largest[i] * kernels.Pow(g.totals[i], 1/g.p))
}

// scale multiplies all gradients by alpha.
func (g *gradients) scale(alpha float32) {
	g.alpha = alpha
	g.run(scaleAll)
}

// clip limits the elements to [-value, value], then the norm of each tensor, then that
// of all of them; 0 is no limit. It returns the norm of all: the one that the last limit
// was held against or, without that, the one before clipping. If an element is not finite
// it returns the name of the first parameter that has one, and does nothing.
func (g *gradients) clip(value, tensor, all float64) (norm float64, bad string) {
	if norm, bad = g.norm(); bad != "" {
		return norm, bad
	}
	now := norm // of what the gradients are now, as are totals and largest
	changed := false
	if limit := float32(value); limit > 0 {
		g.alpha = limit
		g.run(limitAll)
		changed = true
	}
	if tensor > 0 {
		if changed {
			now, _ = g.norm()
			changed = false
		}
		for i := range g.factors {
			g.factors[i] = 1
			if n := g.tensorNorm(i); n > tensor {
				g.factors[i] = float32(tensor / n)
				changed = true
			}
		}
		if changed {
			g.run(scaleEach)
		}
	}
	if all > 0 {
		if changed {
			now, _ = g.norm()
		}
		if norm = now; norm > all {
			g.scale(float32(all / norm))
		}
	}
	return norm, ""
}
