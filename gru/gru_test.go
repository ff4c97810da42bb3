package gru_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Every form has the bits of the contract, on every tier.
func TestNumbers(t *testing.T) {
	for _, k := range variants() {
		t.Run(k.Variant, func(t *testing.T) { nettest.Numbers(t, k) })
	}
}

func TestMethods(t *testing.T) {
	kinds := variants()
	nettest.Methods(t, kinds[0])
	nettest.Methods(t, kinds[3]) // the flags of the configuration in files
}
