package nettest

import (
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Pieces of which the steps of variants are made, for single elements.

// A Function is an activation.
type Function interface {
	Apply(t kernels.ISA, y, x []float32)
	Gradient(t kernels.ISA, dx, x, y, dy []float32)
}

// Limit is v limited to [-by, by]; 0 is no limit.
func Limit(v, by float32) float32 {
	if by > 0 {
		return min(max(v, -by), by)
	}
	return v
}

// Apply is f behind a limit.
func Apply(f Function, clip, a float32) float32 {
	y := []float32{Limit(a, clip)}
	f.Apply(kernels.Scalar, y, y)
	return y[0]
}

// Slope is the derivative of f behind a limit at a, where it is y, times d.
func Slope(f Function, clip, a, y, d float32) float32 {
	if Limit(a, clip) != a {
		return 0
	}
	dx := []float32{0}
	f.Gradient(kernels.Scalar, dx, []float32{a}, []float32{y}, []float32{d})
	return dx[0]
}

// NormBack is the gradient of what was normalised to y, that of gain*y being d.
func NormBack(y, gain, d []float32, r float32) []float32 {
	dx := make([]float32, len(y))
	for j := range dx {
		dx[j] = d[j] * gain[j]
	}
	ref.NormalizeGrad(dx, y, dx, r)
	return dx
}

// Products are a*b, element by element, tiny ones as +0.
func Products(a, b []float32) []float32 {
	p := make([]float32, len(a))
	ref.MulFlush(p, a, b)
	return p
}

// Flushed is v with tiny values as +0, in place.
func Flushed(v []float32) []float32 {
	for j := range v {
		v[j] = ref.Flush(v[j])
	}
	return v
}

// Unsettle moves the gains and biases of a layer norm from where they begin, each
// of them elsewhere, so that they matter.
func Unsettle(l Layer) {
	n := 0
	l.EachParam(func(name string, w []float32, _ ...int) {
		if name[:4] == "gain" || name[:6] == "bias_c" {
			for i := range w {
				w[i] += float32((i+n)%7-3) / 16
			}
			n += 3
		}
	})
}

// Normed are the pre-activations of a step with layer normalisation, without those
// products with h that are added later.
type Normed struct {
	X, H       []float32 // the products, normalised
	DevX, DevH float32
}

// Norm normalises the products of a step with x and with h.
func Norm(p Params, x, h []float32) (n Normed) {
	rows := len(p.Hh) / len(h)
	for r := range rows {
		n.X, n.H = append(n.X, Chain(0, p.Ih, r, x)), append(n.H, Chain(0, p.Hh, r, h))
	}
	n.DevX, n.DevH = ref.Normalize(n.X, n.X, 1e-5), ref.Normalize(n.H, n.H, 1e-5)
	return n
}

// Row is the pre-activation of row r.
func (n Normed) Row(p Params, r int) float32 {
	return ref.FMA(p.Extra["gain_hh"][r], n.H[r], ref.FMA(p.Extra["gain_ih"][r], n.X[r], p.Start(r)))
}

// Back sets the gradients of the products and of the gains, from those of the
// pre-activations: da with what comes of x, dh with what comes of h.
func (n Normed) Back(g *Grads, p Params, da, dh []float32) {
	g.Ih, g.Hh = Flushed(NormBack(n.X, p.Extra["gain_ih"], da, n.DevX)), Flushed(NormBack(n.H, p.Extra["gain_hh"], dh, n.DevH))
	g.Vectors["gain_ih"], g.Vectors["gain_hh"] = Products(da, n.X), Products(dh, n.H)
}

// Oracles is the oracle's text of an activation.
func Oracles(f interface {
	ONNX() (name string, parameters []float32)
}) oracle.Activation {
	name, have := f.ONNX()
	have = append(have[:len(have):len(have)], 0, 0)
	return oracle.Activation{Name: name, Alpha: float64(have[0]), Beta: float64(have[1])}
}
