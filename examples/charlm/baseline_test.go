package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBaselines: what is counted by hand.
func TestBaselines(t *testing.T) {
	// a came 3 times, b twice; ab twice, ba twice.
	single, pairs := baselines([]byte("ababa"), []byte("abc"))
	b, c := 3.0/261, 1.0/261
	require.InDelta(t, -(math.Log2(b)+math.Log2(c))/2, single, 1e-12)
	afterA := (2 + 1*b) / (2 + 1) // one character has followed a, twice
	afterB := (0 + 1*c) / (2 + 1)
	require.InDelta(t, -(math.Log2(afterA)+math.Log2(afterB))/2, pairs, 1e-12)

	// Two characters have followed a, once each.
	_, pairs = baselines([]byte("abac"), []byte("ab"))
	require.InDelta(t, -math.Log2((1+2*2.0/260)/(2+2)), pairs, 1e-12)

	// What has followed nothing is told as a single character.
	single, pairs = baselines([]byte("aab"), []byte("ba"))
	require.InDelta(t, -math.Log2(3.0/259), single, 1e-12)
	require.InDelta(t, single, pairs, 1e-12)

	// Probabilities after a character add up to 1.
	sum := 0.0
	for c := range 256 {
		_, bits := baselines([]byte("abracadabra"), []byte{'a', byte(c)})
		sum += math.Exp2(-bits)
	}
	require.InDelta(t, 1, sum, 1e-9)

	// Pairs know more than single characters where order matters.
	single, pairs = baselines([]byte(strings.Repeat("abcd", 500)), []byte(strings.Repeat("abcd", 20)))
	require.InDelta(t, 2, single, 0.2)
	require.Less(t, pairs, 0.1)
}
