package traintest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/nn"
)

func Rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// Must is for what cannot fail in a test.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func DrawIDs(rng *rand.Rand, n, below int) []int32 {
	ids := make([]int32, n)
	for k := range ids {
		ids[k] = int32(rng.IntN(below))
	}
	return ids
}

func Fill(v []float32, with float32) {
	for k := range v {
		v[k] = with
	}
}

func Equal(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for k := range want {
		if math.Float32bits(got[k]) != math.Float32bits(want[k]) {
			t.Errorf("%s[%d] = %v (%#x), want %v (%#x)", name, k, got[k], math.Float32bits(got[k]), want[k], math.Float32bits(want[k]))
			return
		}
	}
}
func Gradients(m *nn.Model) (all []float32) {
	m.EachParam(func(_ string, _, g []float32) { all = append(all, g...) })
	return all
}

func ParamNames(net nn.Net) (names []string) {
	net.EachParam(func(name string, _, _ []float32) { names = append(names, name) })
	return names
}

func NumbersLike(n int, seed uint64) []float32 {
	r, v := Rng(seed), make([]float32, n)
	for i := range v {
		v[i] = float32(r.Uint64()%2001)/1000 - 1
	}
	return v
}

func Weights(net nn.Net) []float32 {
	var out []float32
	net.EachParam(func(_ string, w, _ []float32) { out = append(out, w...) })
	return out
}

// OneParam is a parameter of one element and its gradient.
func OneParam(w, g float32) []nn.Param {
	return []nn.Param{{Name: "w", W: []float32{w}, G: []float32{g}}}
}
