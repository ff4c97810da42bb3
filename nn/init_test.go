package nn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// TestInitUniform: every parameter is drawn, a shared one once, evenly between the bounds;
// the same seed gives the same.
func TestInitUniform(t *testing.T) {
	net := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 50, Embed: 20, Hidden: 20, Steps: 2, Batch: 2, Tied: true})
	require.NoError(t, nn.InitUniform(net, 0.1, rand.New(rand.NewPCG(3, 4))))
	params, err := nn.Params(net)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(3, 4))
	square, n := 0.0, 0
	for _, p := range params {
		require.Greater(t, slices.Max(p.W), float32(0.05), p.Name)
		require.Less(t, slices.Min(p.W), float32(-0.05), p.Name)
		for _, w := range p.W {
			require.Equal(t, float32(0.1*(2*(float64(r.Uint64()>>11)*0x1p-53)-1)), w, p.Name)
			square += float64(w) * float64(w)
			n++
		}
	}
	require.InEpsilon(t, 0.1/math.Sqrt(3), math.Sqrt(square/float64(n)), 0.05)
	for text, call := range map[string]func() error{
		"the net is nil":                     func() error { return nn.InitUniform(nil, 0.1, r) },
		"InitUniform with a nil *rand.Rand":  func() error { return nn.InitUniform(net, 0.1, nil) },
		"the bound 0, want more than 0":      func() error { return nn.InitUniform(net, 0, r) },
		"the bound -1":                       func() error { return nn.InitUniform(net, -1, r) },
		"the bound NaN":                      func() error { return nn.InitUniform(net, math.NaN(), r) },
		"the bound 1e+300, want more than 0": func() error { return nn.InitUniform(net, 1e300, r) },
	} {
		before := nn.Fingerprint(net)
		require.ErrorContains(t, call(), text)
		require.Equal(t, before, nn.Fingerprint(net))
	}
}
