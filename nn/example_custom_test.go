package nn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// A Scale is a stage of a program's own: y = w*x, each element by a weight that is trained.
type Scale struct{ W []float32 }

// Dims says the widths; steps and rows are those of the chain.
func (s *Scale) Dims() (steps, batch, in, out int) { return 0, 0, len(s.W), len(s.W) }

// Bind makes what one chain needs. Gradient gives the memory for the gradient of W.
func (s *Scale) Bind(b *nn.Binding) (nn.Net, error) {
	return &scale{Stateless: b.Stateless(len(s.W)), w: s.W, g: b.Gradient(s.W)}, nil
}

// scale is a Scale within one chain. Stateless has the methods of a Net that are missing
// here.
type scale struct {
	nn.Stateless
	w, g, x []float32
}

func (s *scale) EachParam(f func(name string, w, g []float32)) { f("weight", s.w, s.g) }
func (s *scale) ZeroGrads()                                    { clear(s.g) }

// Forward sets y [T][batch][width] and keeps x for Backward.
func (s *scale) Forward(y, x []float32) {
	s.x = x
	for i, v := range x {
		y[i] = s.w[i%len(s.w)] * v
	}
	s.ClearPadding(y, len(s.w)) // +0 past the ends of rows
}

// Backward sets dx, unless it is nil, and adds to the gradient. Pairs are the rows that
// exist; those past the ends of sequences may hold anything.
func (s *scale) Backward(dx, dy []float32) {
	for _, p := range s.Pairs() {
		first := int(p) * len(s.w)
		for i := range s.w {
			s.g[i] += float32(dy[first+i] * s.x[first+i])
		}
	}
	if dx != nil {
		for i, d := range dy {
			dx[i] = s.w[i%len(s.w)] * d
		}
		s.ClearPadding(dx, len(s.w))
	}
}

// A stage of one's own stands in chains like any other. All of it is here; a test calls
// CheckGradients.
func ExampleUnsized() {
	own := &Scale{W: []float32{0.5, 1, 2}}
	alone, _ := nn.Unroll(5, 2, own)
	fmt.Println("gradients:", nn.CheckGradients(alone, nn.GradientCheck{Lengths: []int{5, 3}}))

	layer, _ := lstm.New(lstm.Config{Input: 3, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	net, err := nn.Chain(layer.Unroll(5, 2), nn.Residual{own, nn.Tanh})
	fmt.Println(err)
	net.EachParam(func(name string, w, _ []float32) { fmt.Println(name, len(w)) })
	// Output:
	// gradients: <nil>
	// <nil>
	// 0.weight_ih_l0 36
	// 0.weight_hh_l0 36
	// 0.bias_ih_l0 12
	// 0.bias_hh_l0 12
	// 1.0.weight 3
}
