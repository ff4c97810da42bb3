//go:build race

package gonum

// raceEnabled says whether the race detector watches this test.
const raceEnabled = true
