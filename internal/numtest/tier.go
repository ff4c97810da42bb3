package numtest

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

// tiers lists every tier there is, in ascending order.
var tiers = []kernels.ISA{kernels.Scalar, kernels.AVX2, kernels.AVX512, kernels.NEON}

var ran struct {
	sync.Mutex
	tier     map[kernels.ISA]bool
	variants []variant
}

// A variant is one of a layer, and the tiers that it ran on.
type variant struct {
	name  string
	tiers []string
}

// EnvTiers is the environment variable that names the tiers, separated by commas, to which
// [EachTier] keeps; empty means all that are available. Unlike SIMDRNN_ISA it can leave out
// the scalar one, and changes nothing else.
const EnvTiers = "SIMDRNN_TEST_TIERS"

// leftOut reports whether EnvTiers leaves a tier out. A name that is no tier is an error.
func leftOut(isa kernels.ISA) (bool, error) {
	names := os.Getenv(EnvTiers)
	if names == "" {
		return false, nil
	}
	out := true
	for name := range strings.SplitSeq(names, ",") {
		named, err := kernels.ParseISA(strings.TrimSpace(name))
		if err != nil {
			return false, fmt.Errorf("%s=%q: %w", EnvTiers, names, err)
		}
		out = out && named != isa
	}
	return out, nil
}

// EachTier runs f as a subtest named after the tier, once for each tier that is
// available and that [EnvTiers] names, with that tier as the current one, and puts back
// the tier that was current before. A tier counts as run when its subtest came to an end
// without being skipped. It is an error if EnvTiers names none that is available.
func EachTier(t *testing.T, f func(t *testing.T, isa kernels.ISA)) {
	t.Helper()
	var list []kernels.ISA
	for _, isa := range kernels.Available() {
		out, err := leftOut(isa)
		if err != nil {
			t.Fatal(err)
		}
		if !out {
			list = append(list, isa)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s=%s names no tier of this machine; name some of %v", EnvTiers, os.Getenv(EnvTiers), kernels.Available())
	}
	each(t, list, f)
}

// EveryTier is [EachTier] for what compares tiers: EnvTiers leaves none out.
func EveryTier(t *testing.T, f func(t *testing.T, isa kernels.ISA)) {
	t.Helper()
	each(t, kernels.Available(), f)
}

func each(t *testing.T, list []kernels.ISA, f func(t *testing.T, isa kernels.ISA)) {
	t.Helper()
	before := kernels.Current()
	defer func() {
		if err := kernels.Use(before); err != nil {
			t.Errorf("going back to %v: %v", before, err)
		}
	}()
	for _, isa := range list {
		if err := kernels.Use(isa); err != nil {
			t.Errorf("Use(%v), which Available lists: %v", isa, err)
			continue
		}
		t.Run(isa.String(), func(t *testing.T) {
			defer func() {
				if !t.Skipped() {
					Ran(isa)
				}
			}()
			f(t, isa)
		})
	}
}

// Ran notes that tests exercised a tier. EachTier does it by itself.
func Ran(isa kernels.ISA) {
	ran.Lock()
	defer ran.Unlock()
	if ran.tier == nil {
		ran.tier = map[kernels.ISA]bool{}
	}
	ran.tier[isa] = true
}

// RanVariant notes that tests exercised a variant of a layer on a tier.
func RanVariant(name string, isa kernels.ISA) {
	ran.Lock()
	defer ran.Unlock()
	i := slices.IndexFunc(ran.variants, func(v variant) bool { return v.name == name })
	if i < 0 {
		i = len(ran.variants)
		ran.variants = append(ran.variants, variant{name: name})
	}
	if v := &ran.variants[i]; !slices.Contains(v.tiers, isa.String()) {
		v.tiers = append(v.tiers, isa.String())
	}
}

// Main runs the tests of a package and prints one line per tier, and one for each
// variant of a layer,
//
//	simdrnn-tier: pkg=kernels tier=avx2 run
//	simdrnn-tier: pkg=kernels tier=neon not exercised: this CPU is amd64
//	simdrnn-variant: pkg=lstm tiers=scalar,avx2 variant=layer norm
//
// which internal/testall gathers into its tables. It returns the exit status:
// that of the tests, and failure when SIMDRNN_REQUIRE_ISA (names separated by
// commas) asks for a tier that they did not exercise. A test package calls it
// from TestMain as os.Exit(numtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if filtered() {
		return code
	}
	lines, missing := summary(packageName(), os.Getenv("SIMDRNN_REQUIRE_ISA"), func(isa kernels.ISA) bool {
		ran.Lock()
		defer ran.Unlock()
		return ran.tier[isa]
	}, whyNot)
	for _, v := range ran.variants {
		lines = append(lines, fmt.Sprintf("simdrnn-variant: pkg=%s tiers=%s variant=%s", packageName(), strings.Join(v.tiers, ","), v.name))
	}
	for _, l := range lines {
		fmt.Println(l)
	}
	if missing != "" && code == 0 {
		fmt.Println("FAIL: SIMDRNN_REQUIRE_ISA: " + missing)
		code = 1
	}
	return code
}

// Several returns the tiers of this machine for a test that needs two of them at a time. Where
// there is one the test is skipped, and fails if SIMDRNN_REQUIRE_ISA names another than the
// scalar one, which then is not there.
func Several(t testing.TB, what string) []kernels.ISA {
	t.Helper()
	tiers := kernels.Available()
	if len(tiers) > 1 {
		return tiers
	}
	if need := os.Getenv("SIMDRNN_REQUIRE_ISA"); strings.ReplaceAll(need, kernels.Scalar.String(), "") != "" {
		t.Fatalf("%s: SIMDRNN_REQUIRE_ISA is %q, and this machine has one tier, or SIMDRNN_ISA leaves one", what, need)
	}
	t.Skipf("NOT EXERCISED: %s; this machine has one tier, or SIMDRNN_ISA leaves one", what)
	return nil
}

// filtered reports whether the flags of this run leave all tests out, as those of a
// fuzzing or benchmark run do.
func filtered() bool {
	for _, a := range os.Args[1:] {
		a = strings.TrimLeft(a, "-")
		if a == "test.run=^$" || a == "test.run=NONE" || strings.HasPrefix(a, "test.list=") || strings.HasPrefix(a, "test.fuzzworker") {
			return true
		}
	}
	return false
}

// summary returns the lines of Main, and what is wrong when a tier in require
// was not exercised or is no tier.
func summary(pkg, require string, ran func(kernels.ISA) bool, why func(kernels.ISA) string) (lines []string, missing string) {
	var bad []string
	for _, isa := range tiers {
		state := "run"
		if !ran(isa) {
			state = "not exercised: " + why(isa)
		}
		lines = append(lines, fmt.Sprintf("simdrnn-tier: pkg=%s tier=%s %s", pkg, isa, state))
	}
	for name := range strings.SplitSeq(require, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		isa, err := kernels.ParseISA(name)
		switch {
		case err != nil:
			bad = append(bad, err.Error())
		case !ran(isa):
			bad = append(bad, fmt.Sprintf("%s was not exercised: %s", isa, why(isa)))
		}
	}
	return lines, strings.Join(bad, "; ")
}

// whyNot says why a tier did not run.
func whyNot(isa kernels.ISA) string {
	arch := map[kernels.ISA]string{kernels.AVX2: "amd64", kernels.AVX512: "amd64", kernels.NEON: "arm64"}[isa]
	switch {
	case slices.Contains(kernels.Available(), isa):
		if out, err := leftOut(isa); out || err != nil {
			return EnvTiers + "=" + os.Getenv(EnvTiers) + " leaves it out"
		}
		return "no test of this run asked for it"
	case kernels.Info().Err != nil:
		return kernels.Info().Err.Error()
	case arch != runtime.GOARCH:
		return "this CPU is " + runtime.GOARCH
	case noAssembly:
		return "built with the purego or noasm tag"
	case os.Getenv("SIMDRNN_ISA") != "":
		return "SIMDRNN_ISA=" + os.Getenv("SIMDRNN_ISA") + " caps the tier, or this CPU lacks it"
	case strings.Contains(os.Getenv("GODEBUG"), "cpu."):
		return "GODEBUG=" + os.Getenv("GODEBUG") + " hides it, or this CPU lacks it"
	}
	return "this CPU lacks it"
}

// packageName is the import path of the package under test, without the module.
func packageName() string {
	name := "unknown"
	if b, ok := debug.ReadBuildInfo(); ok {
		name = strings.TrimSuffix(b.Path, ".test")
	}
	return strings.TrimPrefix(name, "github.com/simdrnn/simdrnn/")
}
