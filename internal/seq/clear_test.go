package seq

import (
	"math"
	"testing"
)

// ZeroGrads reaches every element of every gradient, on any number of workers, and -0 and
// NaN too.
func TestZeroGrads(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 7} {
		net, err := NewNet(Net{Kind: "test", Cell: gated{5}, Input: 3, Layers: 2, Reverse: []bool{false, true}, Workers: workers}, true, Zeros)
		if err != nil {
			t.Fatal(err)
		}
		u := net.Unroll(2, 2, true)
		u.EachParam(func(_ string, _, g []float32) {
			for i := range g {
				g[i] = []float32{1, float32(math.NaN()), float32(math.Copysign(0, -1))}[i%3]
			}
		})
		u.ZeroGrads()
		n := 0
		u.EachParam(func(name string, _, g []float32) {
			for i, v := range g {
				n++
				if math.Float32bits(v) != 0 {
					t.Fatalf("%d workers: gradient %d of %s is %v", workers, i, name, v)
				}
			}
		})
		if n == 0 {
			t.Fatal("no gradients")
		}
	}
	net, err := NewNet(Net{Kind: "test", Cell: gated{5}, Input: 3, Layers: 1, Reverse: []bool{false}, Workers: 2}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	net.Unroll(2, 2, false).ZeroGrads() // has none
}
