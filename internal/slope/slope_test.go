package slope_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/slope"
)

func TestOf(t *testing.T) {
	w := float32(0.5)
	d, unsure, err := slope.Of(&w, 0.25, 1e-4, func() (float64, error) { return math.Sin(3 * float64(w)), nil })
	require.NoError(t, err)
	require.InDelta(t, 3*math.Cos(1.5), d, 1e-5)
	require.Less(t, unsure, 1e-4)
	require.Equal(t, float32(0.5), w)

	w = 0
	_, unsure, err = slope.Of(&w, 0.25, 1e-4, func() (float64, error) { return math.Sqrt(math.Abs(float64(w) - 1e-3)), nil })
	require.NoError(t, err)
	require.Greater(t, unsure, 1e-4, "a kink has no derivative")

	bad := errors.New("no value")
	_, _, err = slope.Of(&w, 0.25, 1e-4, func() (float64, error) { return 0, bad })
	require.ErrorIs(t, err, bad)
	require.Zero(t, w)
}
