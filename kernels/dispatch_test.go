package kernels_test

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// The line below is read by .ci/run, which runs each tier alone.
func TestTiersOfThisMachine(t *testing.T) {
	var names []string
	for _, isa := range kernels.Available() {
		names = append(names, isa.String())
	}
	t.Log("simdrnn-available: " + strings.Join(names, " "))
	t.Log(kernels.Info())
	if names[0] != "scalar" || !slices.IsSorted(kernels.Available()) {
		t.Errorf("available: %v, want ascending from scalar", names)
	}
}

func TestNamesOfTiers(t *testing.T) {
	for isa, name := range map[kernels.ISA]string{kernels.Scalar: "scalar", kernels.AVX2: "avx2", kernels.AVX512: "avx512", kernels.NEON: "neon"} {
		if isa.String() != name {
			t.Errorf("%d is called %q, want %q", isa, isa, name)
		}
		if got, err := kernels.ParseISA(name); err != nil || got != isa {
			t.Errorf("ParseISA(%q) = %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "AVX2", "sse", "scalar "} {
		if got, err := kernels.ParseISA(name); err == nil || !strings.Contains(err.Error(), "scalar, avx2, avx512, neon") {
			t.Errorf("ParseISA(%q) = %v, %v; want an error that lists the names", name, got, err)
		}
	}
	if s := kernels.ISA(200).String(); s != "ISA(200)" {
		t.Errorf("an unknown tier is called %q", s)
	}
}

// A second opinion on what this CPU has; cpuid looks for itself.
func TestTiersAgreeWithCpuid(t *testing.T) {
	if runtime.GOARCH != "amd64" || os.Getenv("SIMDRNN_ISA") != "" || strings.Contains(os.Getenv("GODEBUG"), "cpu.") {
		t.Skip("SKIPPED: the tiers are capped from outside, or this is no amd64")
	}
	c := cpuid.CPU
	avx2 := assembly && c.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3)
	avx512 := avx2 && c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) && runtime.GOOS != "darwin"
	if got := slices.Contains(kernels.Available(), kernels.AVX2); got != avx2 {
		t.Errorf("avx2 available: %v, cpuid says %v", got, avx2)
	}
	if got := slices.Contains(kernels.Available(), kernels.AVX512); got != avx512 {
		t.Errorf("avx512 available: %v, cpuid says %v", got, avx512)
	}
}

// missing returns a tier that cannot be used here: there is one on every machine.
func missing() kernels.ISA {
	for _, isa := range []kernels.ISA{kernels.NEON, kernels.AVX512} {
		if !slices.Contains(kernels.Available(), isa) {
			return isa
		}
	}
	panic("a machine with NEON and AVX-512")
}

func TestMissingTierIsRefused(t *testing.T) {
	before := kernels.Current()
	isa := missing()
	if err := kernels.Use(isa); err == nil || !strings.Contains(err.Error(), isa.String()) || !strings.Contains(err.Error(), "scalar") {
		t.Errorf("Use(%v): %v, want an error that names it and what is available", isa, err)
	}
	if err := kernels.Use(200); err == nil {
		t.Error("Use(200) succeeds")
	}
	if kernels.Current() != before {
		t.Error("a refused tier is in use")
	}
	for _, e := range elements {
		s, a := e.inputs(newSource(18), 5, moderate)
		was := clone(s)
		if m := panics(func() { e.call(isa, s, a) }); !strings.Contains(m, isa.String()) {
			t.Errorf("%s on %v: %q, want a panic that names the tier", e.name, isa, m)
		}
		e.compare(t, s, was, "written on a missing tier")
	}
	for name, call := range map[string]func(){
		"Gemm":            func() { isa.Gemm(kernels.Set, false, false, 0, 0, 0, nil, 0, nil, 0, nil, 0, nil) },
		"GemmWork":        func() { isa.GemmWork(false, false, 0, 0, 0) },
		"GemmRows":        func() { isa.GemmRows(kernels.Set, 0, nil, 0, nil, nil) },
		"GemmRowsWork":    func() { isa.GemmRowsWork(0, 0) },
		"NewPacked":       func() { isa.NewPacked(0, 0) },
		"NewPackedGroups": func() { isa.NewPackedGroups(0, 1, 0) },
		"NewStored":       func() { isa.NewStored(false, 0, 1, 0, nil, 0) },
		"StripRoom":       func() { isa.StripRoom(1) },
		"NewRows":         func() { isa.NewRows(0, 0, 0) },
		"SumSquaresLanes": func() { isa.SumSquaresLanes(make([]float64, 32), nil) },
		"DotLanes64":      func() { isa.DotLanes64(make([]float64, 32), nil, nil) },
		"Dot64":           func() { isa.Dot64(nil, nil) },
		"Softmax":         func() { isa.Softmax(nil, nil) },
		"Dot":             func() { isa.Dot(nil, nil) },
		"DotRows":         func() { isa.DotRows(nil, kernels.Mat{}, nil) },
		"Uniform":         func() { isa.Uniform(nil, [4]uint32{}, [2]uint32{}) },
		"Normalize":       func() { isa.Normalize(nil, nil, 0) },
		"NormalizeGrad":   func() { isa.NormalizeGrad(nil, nil, nil, 0) },
	} {
		if m := panics(call); !strings.Contains(m, isa.String()) {
			t.Errorf("%s on %v: %q, want a panic that names the tier", name, isa, m)
		}
	}
}

// seen is what a process started with other settings found.
type seen struct {
	Current   string
	Available []string
	Err       string
	UseErr    string    // of Use(scalar)
	Tanh      []float32 // a kernel that ran
}

// TestChildReports is the other process; by itself it does nothing.
func TestChildReports(t *testing.T) {
	if os.Getenv("SIMDRNN_TEST_CHILD") == "" {
		return
	}
	s := seen{Current: kernels.Current().String(), Tanh: make([]float32, 20)}
	for _, isa := range kernels.Available() {
		s.Available = append(s.Available, isa.String())
	}
	if err := kernels.Info().Err; err != nil {
		s.Err = err.Error()
	}
	for i := range s.Tanh {
		s.Tanh[i] = float32(i) / 8
	}
	kernels.Tanh(s.Tanh, s.Tanh)
	if err := kernels.Use(kernels.Scalar); err != nil {
		s.UseErr = err.Error()
	}
	out, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("SIMDRNN_TEST_CHILD"), out, 0o666); err != nil {
		t.Fatal(err)
	}
}

// child runs the report in a process with the given settings.
func child(t *testing.T, settings ...string) (s seen) {
	t.Helper()
	file := t.TempDir() + "/seen"
	cmd := numtest.Self("-test.run=^TestChildReports$")
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); name != "SIMDRNN_ISA" && name != "GODEBUG" && name != "SIMDRNN_REQUIRE_ISA" {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(append(cmd.Env, "SIMDRNN_TEST_CHILD="+file), settings...)
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "exec format error") {
		t.Skip("SKIPPED: under an emulator that does not start programs: ", err)
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", settings, err, out)
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatalf("%v: %v", settings, err)
	}
	want := make([]float32, 20)
	for i := range want {
		want[i] = float32(i) / 8
	}
	kernels.Scalar.Tanh(want, want)
	numtest.Equal(t, s.Tanh, want, "%v", settings)
	return s
}

func TestEnvironmentChoosesTheTier(t *testing.T) {
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("SKIPPED: this platform starts no processes")
	}
	all := child(t).Available // without any cap
	upTo := func(isa string) []string { return all[:slices.Index(all, isa)+1] }
	for _, isa := range all {
		s := child(t, "SIMDRNN_ISA="+isa)
		if s.Current != isa || !slices.Equal(s.Available, upTo(isa)) || s.Err+s.UseErr != "" {
			t.Errorf("SIMDRNN_ISA=%s: %+v", isa, s)
		}
	}
	for _, bad := range []string{"bogus", "AVX2", missing().String()} {
		if slices.Contains(all, bad) { // missing here only because of a cap
			continue
		}
		s := child(t, "SIMDRNN_ISA="+bad)
		if !strings.Contains(s.Err, bad) || !strings.Contains(s.Err, strings.Join(all, ", ")) || s.UseErr == "" {
			t.Errorf("SIMDRNN_ISA=%s: %+v; want errors that name it and what is available", bad, s)
		}
	}
}

// A tier goes together with all it stands on: the flags of GODEBUG are
// independent of one another.
func TestGodebugTakesTiersAway(t *testing.T) {
	type flag struct {
		flag string
		left []string
	}
	flags := map[string][]flag{"amd64": {
		{"cpu.avx2=off", []string{"scalar"}},
		{"cpu.avx=off", []string{"scalar"}},
		{"cpu.fma=off", []string{"scalar"}},
		{"cpu.all=off", []string{"scalar"}},
		{"cpu.avx512f=off", []string{"scalar", "avx2"}},
		{"cpu.avx512dq=off", []string{"scalar", "avx2"}},
		{"cpu.avx512vl=off", []string{"scalar", "avx2"}},
		{"cpu.avx512bw=off", []string{"scalar", "avx2"}},
	}, "arm64": {
		{"cpu.asimd=off", []string{"scalar"}},
		{"cpu.all=off", []string{"scalar"}},
	}}[runtime.GOARCH]
	if flags == nil {
		t.Skip("SKIPPED: no processor feature decides here")
	}
	all := child(t).Available
	for _, c := range flags {
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !slices.Contains(c.left, s) })
		s := child(t, "GODEBUG="+c.flag)
		if !slices.Equal(s.Available, want) || s.Current != want[len(want)-1] {
			t.Errorf("%s: %+v, want %v", c.flag, s, want)
		}
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	s := child(t, "GODEBUG=cpu.avx2=off", "SIMDRNN_ISA=avx2")
	if !strings.Contains(s.Err, "avx2") || s.Current != "scalar" {
		t.Errorf("avx2 asked for and switched off: %+v", s)
	}
}

func TestInfo(t *testing.T) {
	i := kernels.Info()
	if i.ISA != kernels.Current() || !slices.Equal(i.Available, kernels.Available()) || i.FloatMode != "default" {
		t.Errorf("got %+v", i)
	}
	if !strings.HasPrefix(i.String(), i.ISA.String()+" of ") {
		t.Errorf("got %q", i)
	}
}
