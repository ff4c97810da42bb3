package seq

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/internal/draw"
)

// A Scheme sets the first values of one parameter, drawing what it needs from
// r. Any function is one. It is called for each parameter in EachParam's order.
// So that the values have the same bits on every machine it should take nothing
// of r but Uint64, as the methods of Param do.
type Scheme func(r *rand.Rand, p Param)

// A Param is a parameter, or the rows of it that belong to one gate. W is the
// Layer's own memory, row-major [Rows][Cols]; a vector is one column.
type Param struct {
	Kind       string // the user's package, for messages
	Name       string // as EachParam gives it
	W          []float32
	Rows, Cols int
	Gates      int // gates whose rows stand on top of each other in W
	Hidden     int
}

// Recurrent reports whether p is a W_hh, Bias whether it is a b_ih or b_hh, or
// what layer normalisation adds to an LSTM's c.
func (p Param) Recurrent() bool { return strings.HasPrefix(p.Name, "weight_hh") }
func (p Param) Bias() bool      { return strings.HasPrefix(p.Name, "bias") }

// Gain reports whether p is a gain of layer normalisation, which begins as 1.
func (p Param) Gain() bool { return strings.HasPrefix(p.Name, "gain") }

// Peephole reports whether p is the peepholes of an LSTM.
func (p Param) Peephole() bool { return strings.HasPrefix(p.Name, "weight_peephole") }

// Gate returns the rows of gate k, counted from 0 in the order that the package
// gives them. It panics if there is no such gate.
func (p Param) Gate(k int) Param {
	if k < 0 || k >= p.Gates {
		panic(fmt.Sprintf("%s: Param.Gate(%d) of %s, which has %d gates", p.Kind, k, p.Name, p.Gates))
	}
	rows := p.Rows / p.Gates
	p.W = p.W[k*rows*p.Cols : (k+1)*rows*p.Cols]
	p.Rows, p.Gates = rows, 1
	return p
}

// mustDraw panics unless there is a generator to draw from. method is the one that was
// asked to.
func (p Param) mustDraw(method string, r *rand.Rand) {
	if r == nil {
		panic(fmt.Sprintf("%s: Param.%s of %s with a nil *rand.Rand; give it rand.New(rand.NewPCG(1, 2)), as Init hands it to a Scheme", p.Kind, method, p.Name))
	}
}

// Fill sets every element to v.
func (p Param) Fill(v float32) {
	for i := range p.W {
		p.W[i] = v
	}
}

// Uniform draws every element from the uniform distribution on [-limit, limit],
// each from one Uint64.
func (p Param) Uniform(r *rand.Rand, limit float64) {
	p.mustDraw("Uniform", r)
	for i := range p.W {
		// An exact integer in [-2^52, 2^52), then two roundings.
		v := float64(int64(r.Uint64())>>11) / (1 << 52)
		p.W[i] = float32(float64(v * limit))
	}
}

// Normal draws every element from the normal distribution with mean 0 and the
// given standard deviation.
func (p Param) Normal(r *rand.Rand, deviation float64) {
	p.mustDraw("Normal", r)
	draw.Normal(p.W, r)
	for i, v := range p.W {
		p.W[i] = float32(float64(float64(v) * deviation))
	}
}

// Glorot is Uniform with the limit sqrt(6/(Rows+Cols)) of Glorot and Bengio
// (2010).
func (p Param) Glorot(r *rand.Rand) {
	p.mustDraw("Glorot", r)
	p.Uniform(r, math.Sqrt(6/float64(p.Rows+p.Cols)))
}

// Orthogonal draws a matrix whose columns are orthonormal, or its rows if they
// are fewer, uniformly among all such matrices (Saxe, McClelland and Ganguli
// 2014). It is computed in float64 and takes 2*Rows*Cols*min(Rows, Cols)
// operations.
func (p Param) Orthogonal(r *rand.Rand) {
	p.mustDraw("Orthogonal", r)
	// The rows of an n x m matrix, n <= m, of normal numbers, made orthonormal
	// one after another: as the distribution of the numbers does not change
	// under rotation, neither does that of the result.
	n, m := min(p.Rows, p.Cols), max(p.Rows, p.Cols)
	a := make([]float64, n*m)
	drawn := make([]float32, m)
	for i := range n {
		row := a[i*m : (i+1)*m]
		for {
			draw.Normal(drawn, r)
			for j, v := range drawn {
				row[j] = float64(v)
			}
			if orthonormal(row, a[:i*m]) {
				break
			}
		}
	}
	for i := range p.Rows {
		for j := range p.Cols {
			if p.Rows > p.Cols {
				p.W[i*p.Cols+j] = float32(a[j*m+i])
			} else {
				p.W[i*p.Cols+j] = float32(a[i*m+j])
			}
		}
	}
}

// orthonormal takes out of v what lies along the orthonormal rows of the same
// length in a, and scales the rest to length 1. It returns false if there was
// no rest to speak of.
func orthonormal(v, a []float64) bool {
	m := len(v)
	before := dot(v, v)
	if before == 0 {
		return false
	}
	// A pass leaves errors relative to the length that v had before it. Where
	// little of v remains, they count, and another pass takes them out.
	for range 3 {
		for k := 0; k < len(a); k += m {
			q := a[k : k+m]
			d := dot(q, v)
			for j, e := range q {
				v[j] -= float64(d * e)
			}
		}
		after := dot(v, v)
		if after >= before/4 {
			scale := 1 / math.Sqrt(after)
			for j := range v {
				v[j] = float64(v[j] * scale)
			}
			return true
		}
		if after == 0 {
			return false
		}
		before = after
	}
	return false
}

// dot is the sum of x[i]*y[i] in four running sums, element i in sum i mod 4,
// so that the additions need not wait for each other.
func dot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += float64(x[i] * y[i])
		s1 += float64(x[i+1] * y[i+1])
		s2 += float64(x[i+2] * y[i+2])
		s3 += float64(x[i+3] * y[i+3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i] * y[i])
	}
	return (s0 + s2) + (s1 + s3)
}

// PyTorch draws everything, biases too, from [-1/sqrt(Hidden), 1/sqrt(Hidden)],
// but for layer normalisation, which begins with gains 1 and biases +0.
func PyTorch(r *rand.Rand, p Param) {
	switch {
	case p.Gain():
		p.Fill(1)
	case strings.HasPrefix(p.Name, "bias_c"):
		p.Fill(0)
	default:
		p.Uniform(r, 1/math.Sqrt(float64(p.Hidden)))
	}
}

// Keras draws W_ih and a projection by Glorot and W_hh orthogonal, all as whole
// matrices, and sets biases and peepholes to +0, gains to 1.
func Keras(r *rand.Rand, p Param) {
	switch {
	case p.Gain():
		p.Fill(1)
	case p.Bias(), p.Peephole():
		p.Fill(0)
	case p.Recurrent():
		p.Orthogonal(r)
	default:
		p.Glorot(r)
	}
}

// PerGate does what Keras does, for the matrix of each gate by itself.
func PerGate(r *rand.Rand, p Param) {
	for k := range p.Gates {
		Keras(r, p.Gate(k))
	}
}

// Init sets every parameter by s, which gets r as it is.
func (n *Net) Init(r *rand.Rand, s Scheme) {
	h := n.Shape.Hidden
	n.EachParam(func(name string, w []float32, shape ...int) {
		// A projection has fewer rows than there are units.
		s(r, Param{Kind: n.Kind, Name: name, W: w, Rows: shape[0], Cols: len(w) / shape[0], Gates: max(1, shape[0]/h), Hidden: h})
	})
}
