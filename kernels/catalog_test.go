package kernels_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

// Kernels with tests of their own instead of a line in elements.
var testedApart = []string{
	"String", "NewPacked", "Pack", "Gemm", "GemmWork", "GemmRows", "GemmRowsWork", // gemm_test.go
	"Normalize", "NormalizeGrad", // normalize_test.go
	"Uniform",                                                       // mask_test.go
	"SumSquaresLanes", "Dot", "Sum", "Max", "SumSquares", "Softmax", // element_test.go
	"PeakLoop", // bench_test.go
}

// A kernel that nobody added to the tests is found here.
func TestEveryKernelIsListed(t *testing.T) {
	methods := reflect.TypeFor[kernels.ISA]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		listed := slices.ContainsFunc(elements, func(e element) bool { return e.name == name })
		if listed == slices.Contains(testedApart, name) {
			t.Errorf("ISA.%s: add it to elements, or to testedApart with a test of its own", name)
		}
	}
	for _, e := range elements {
		if _, ok := methods.MethodByName(e.name); !ok {
			t.Errorf("%s is no method of ISA", e.name)
		}
	}
}
