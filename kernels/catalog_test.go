package kernels_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

// Kernels with tests of their own instead of a line in elements.
var testedApart = []string{
	"String", "NewPacked", "NewPackedGroups", "Pack", "Gemm", "GemmWork", "NewRows", "GemmRows", "GemmRowsWork", // gemm_test.go
	"NewStored", "StripRoom", // stored_test.go
	"Normalize", "NormalizeGrad", // normalize_test.go
	"SumAbs", "MaxAbs", // norms_test.go
	"Uniform",                                                                              // mask_test.go
	"SumSquaresLanes", "DotLanes64", "Dot", "Dot64", "Sum", "Max", "SumSquares", "Softmax", // reduce_test.go
	"DotRows",  // dotrows_test.go
	"PeakLoop", // bench_test.go
}

// A kernel that nobody added to the tests is found here, and one without a function
// on the current tier.
func TestEveryKernelIsListed(t *testing.T) {
	methods := reflect.TypeFor[kernels.ISA]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		listed := slices.ContainsFunc(elements, func(e element) bool { return e.name == name })
		if listed == slices.Contains(testedApart, name) {
			t.Errorf("ISA.%s: add it to elements, or to testedApart with a test of its own", name)
		}
	}
	var text []byte
	files, err := filepath.Glob("*.go")
	for _, name := range files {
		if source, e := os.ReadFile(name); e != nil {
			err = e
		} else if !strings.HasSuffix(name, "_test.go") {
			text = append(text, source...)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if !slices.Contains([]string{"String", "PeakLoop"}, name) && !bytes.Contains(text, []byte("\nfunc "+name+"(")) {
			t.Errorf("ISA.%s: no function of that name on the current tier", name)
		}
	}
	for _, e := range elements {
		if _, ok := methods.MethodByName(e.name); !ok {
			t.Errorf("%s is no method of ISA", e.name)
		}
	}
}
