package onnx

import (
	"fmt"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

var tiersRun = map[kernels.ISA]bool{} // that tests exercised

// eachTier runs a test on every tier that this machine has.
func eachTier(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	before := kernels.Current()
	defer func() {
		if err := kernels.Use(before); err != nil {
			t.Error(err)
		}
	}()
	for _, isa := range kernels.Available() {
		if err := kernels.Use(isa); err != nil {
			t.Fatal(err)
		}
		t.Run("isa="+isa.String(), test)
		tiersRun[isa] = true
	}
}

// TestMain says which tiers were exercised, for the table of internal/testall.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, isa := range []kernels.ISA{kernels.Scalar, kernels.AVX2, kernels.AVX512, kernels.NEON} {
		state := "run"
		if !tiersRun[isa] {
			state = "not exercised: this machine lacks it, or no test of this run asked for it"
		}
		fmt.Printf("simdrnn-tier: pkg=onnx tier=%s %s\n", isa, state)
	}
	os.Exit(code)
}
