package peer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/bench/internal/process"
	"github.com/simdrnn/simdrnn/bench/peers/driver"
)

// The test binary is the driver in Go among the fake ones.
func TestMain(m *testing.M) {
	if os.Getenv("FAKE_DRIVER") == "" {
		os.Exit(m.Run())
	}
	err := driver.Serve(os.Stdin, os.Stdout, "fake\n1", func(s *driver.Settings) (func(), error) {
		if s.String("op") == "none" {
			return nil, driver.Unsupported("no none here")
		}
		s.Int("N")
		if s.String("op") == "fails" {
			return func() { panic("two\nlines") }, nil
		}
		return func() {}, nil
	}, nil)
	if err != nil {
		panic(err)
	}
}

func finder(t *testing.T, env ...string) *Finder {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return &Finder{Dir: dir, Cache: t.TempDir(), Python: DefaultPython(), Getenv: func(name string) string {
		for _, kv := range env {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return os.Getenv(name)
	}}
}

// wantPython skips a test that needs a Python, and says so.
func wantPython(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath(DefaultPython())
	if err == nil {
		err = exec.Command(path, "-c", "import sys").Run()
	}
	if err != nil {
		t.Skipf("NOT EXERCISED: no %s that runs: %v", DefaultPython(), err)
	}
	return path
}

func start(t *testing.T, c process.Command) *process.Process {
	t.Helper()
	if c.Env == nil {
		c.Env = Environment(os.Environ(), 1)
	}
	p, err := process.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

const limit = 2 * time.Minute

// Drivers in all languages speak the same protocol.
func TestProtocol(t *testing.T) {
	drivers := map[string]func(*testing.T) process.Command{
		"go": func(t *testing.T) process.Command {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			return process.Command{Path: self, Env: append(os.Environ(), "FAKE_DRIVER=1")}
		},
		"c": func(t *testing.T) process.Command {
			f := finder(t)
			cc, err := f.c()
			if err != nil {
				t.Skip("NOT EXERCISED: ", err)
			}
			path := filepath.Join(t.TempDir(), "fake")
			if _, err := output("", nil, cc, "-Wall", "-Wextra", "-Werror", "-o", path, "testdata/fake.c"); err != nil {
				t.Fatal(err)
			}
			return process.Command{Path: path}
		},
		"c++": func(t *testing.T) process.Command {
			f := finder(t)
			cxx, err := f.cxx()
			if err != nil {
				t.Skip("NOT EXERCISED: ", err)
			}
			path := filepath.Join(t.TempDir(), "fake")
			if _, err := output("", nil, cxx, "-Wall", "-Wextra", "-Werror", "-x", "c++", "-o", path, "testdata/fake.c"); err != nil {
				t.Fatal(err)
			}
			return process.Command{Path: path}
		},
		"python": func(t *testing.T) process.Command {
			return process.Command{Path: wantPython(t), Args: []string{"testdata/fake.py"}}
		},
	}
	for language, command := range drivers {
		t.Run(language, func(t *testing.T) {
			p := start(t, command(t))
			for _, c := range []struct{ command, answer, failure string }{
				{command: "hello", answer: "fake 1"},
				{command: "run 1", failure: "run without a setup"},
				{command: "setup op=some N=3"},
				{command: "free"},
				{command: "run 1", failure: "run without a setup"},
				{command: "setup N=3 op=some extra=x"},
				{command: "run 0", failure: "at least 1"},
				{command: "run many", failure: "at least 1"},
				{command: "setup op=some N=many", failure: "N"},
				{command: "run 1", failure: "run without a setup"},
				{command: "setup op=fails N=1"},
				{command: "run 2", failure: "two lines"},
				{command: "dance", failure: "no command"},
			} {
				got, err := p.Ask(limit, c.command)
				if c.failure == "" && (err != nil || got != c.answer) {
					t.Errorf("%s: %q, %v, want %q", c.command, got, err, c.answer)
				}
				if c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure)) {
					t.Errorf("%s: %q, %v, want the error %q", c.command, got, err, c.failure)
				}
			}
			_, err := p.Ask(limit, "setup op=none")
			if none := (*process.Unsupported)(nil); !errors.As(err, &none) || none.Reason != "no none here" {
				t.Errorf("setup op=none: %v, want Unsupported", err)
			}
			if _, err := p.Ask(limit, "setup op=some N=1"); err != nil {
				t.Fatal(err)
			}
			if d, err := p.Run(limit, 1000); err != nil || d < 1 {
				t.Errorf("run 1000: %v, %v", d, err)
			}
			if p.Dead() != nil {
				t.Error(p.Dead())
			}
		})
	}
}

// The drivers' sources compile and run one call of something, where a compiler or
// an interpreter and the library are there.
func TestDrivers(t *testing.T) {
	f := finder(t)
	// How many of the operations below each has.
	want := map[string]int{"spago": 6, "onednn": 10, "onednn-inside": 3, "pytorch": 9, "onnxruntime": 4, "openblas": 3, "mkl": 3, "libxsmm": 1}
	for _, p := range All {
		if p.Name == "gonum" {
			continue // this test's program has no -serve; package self tests it
		}
		t.Run(p.Name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("NOT EXERCISED: -short: building drivers takes seconds")
			}
			c, err := p.Find(f)
			if missing := (*Missing)(nil); errors.As(err, &missing) {
				if missing.Install == "" {
					t.Errorf("%v: nothing says how to install it", err)
				}
				t.Skip("NOT EXERCISED: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			d := start(t, c)
			version, err := d.Ask(limit, "hello")
			if err != nil || version == "" {
				t.Fatalf("version %q, %v", version, err)
			}
			supported := 0
			for _, line := range []string{
				"op=lstm-train T=3 B=2 I=4 H=8", "op=gru-train T=3 B=2 I=4 H=8", "op=rnn-train T=3 B=2 I=4 H=8",
				"op=lstm-infer T=3 B=2 I=4 H=8", "op=gru-infer T=3 B=2 I=4 H=8", "op=rnn-infer T=3 B=2 I=4 H=8", "op=lstm-step B=1 I=4 H=8",
				"op=gemm M=5 N=6 K=7", "op=gemm-packed M=5 N=70 K=7", "op=gemm-tn M=5 N=6 K=7",
				"op=lm-adam T=3 B=2 E=4 H=8 L=2 V=5", "op=lm-sgd T=3 B=2 E=4 H=8 L=2 V=5",
			} {
				_, err := d.Ask(limit, "setup "+line+" threads=1 variant="+p.Variant)
				if none := (*process.Unsupported)(nil); errors.As(err, &none) {
					continue
				}
				if err == nil {
					_, err = d.Run(limit, 3)
				}
				if err != nil {
					t.Errorf("%s: %v", line, err)
				}
				supported++
			}
			t.Logf("%s %s: %d operations", p.Name, version, supported)
			if supported != want[p.Name] {
				t.Errorf("%d operations, want %d", supported, want[p.Name])
			}
		})
	}
}

// Python sources have no mistakes of syntax, whether their packages are there or not.
func TestPythonSources(t *testing.T) {
	python := wantPython(t)
	files, err := filepath.Glob("../../peers/*/*.py")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	args := append([]string{"-c", "import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]", "../../peers/protocol.py"}, files...)
	if _, err := output("", nil, python, args...); err != nil {
		t.Error(err)
	}
}

// A driver is built once, and again when anything that went into it has changed.
func TestCache(t *testing.T) {
	f := finder(t)
	cc, err := f.c()
	if err != nil {
		t.Skip("NOT EXERCISED: ", err)
	}
	dir := t.TempDir()
	f.Dir = dir
	source := filepath.Join(dir, "peers", "x", "driver.c")
	header := filepath.Join(dir, "include", "fake.h")
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(source, "#include <fake.h>\nint main(void) { return RESULT; }\n")
	put(header, "#define RESULT 3\n")
	place := place{include: filepath.Dir(header), lib: dir}
	build := func() (string, int) {
		t.Helper()
		path, err := f.build(cc, "x/driver.c", "fake.h", []string{"-O1"}, place)
		if err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := exec.Command(path).Run(); !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return path, exit.ExitCode()
	}
	first, code := build()
	if code != 3 || filepath.Dir(first) != f.Cache {
		t.Errorf("%s returned %d", first, code)
	}
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := build(); again != first {
		t.Errorf("built twice: %s and %s", first, again)
	}
	if now, err := os.Stat(first); err != nil || !now.ModTime().Equal(info.ModTime()) {
		t.Errorf("written again: %v", err)
	}
	put(header, "#define RESULT 4\n")
	if other, code := build(); other == first || code != 4 {
		t.Errorf("with another header %s returned %d", other, code)
	}
	put(source, "#include <fake.h>\n#error this library is too old\n")
	if _, err := f.build(cc, "x/driver.c", "fake.h", nil, place); err == nil || !strings.Contains(err.Error(), "too old") || errors.As(err, new(*Missing)) {
		t.Errorf("a library that the driver refuses: %v", err)
	}
	os.Remove(header)
	if _, err := f.build(cc, "x/driver.c", "fake.h", nil, place); !errors.As(err, new(*Missing)) {
		t.Errorf("no header: %v", err)
	}
}

// Whatever is missing, the line says what and how to get it.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		name, path string // a peer, and the PATH
		env, want  []string
	}{
		{"onednn", "", nil, []string{"no compiler", "CXX"}},
		{"openblas", "", nil, []string{"no compiler", "CC"}},
		{"pytorch", "", nil, []string{"no python3 on the PATH", "-python"}},
		{"onnxruntime", "", nil, []string{"no python3 on the PATH", "-python"}},
		{"spago", "", nil, []string{"no go command"}},
		{"onednn", "real", []string{"DNNLROOT=/nowhere"}, []string{"no oneapi/dnnl/dnnl.hpp in", "nowhere", "libdnnl-dev", "DNNLROOT"}},
		{"mkl", "real", []string{"MKLROOT=/nowhere"}, []string{"no mkl.h in", "pip install mkl", "MKLROOT"}},
		{"openblas", "real", []string{"OPENBLASROOT=/nowhere"}, []string{"no cblas.h in", "libopenblas-dev"}},
		{"libxsmm", "real", []string{"LIBXSMMROOT=/nowhere"}, []string{"no libxsmm.h in", "libxsmm-dev"}},
	} {
		t.Run(c.name+c.path, func(t *testing.T) {
			f := finder(t, c.env...)
			f.Python = "python3"
			if c.path == "" {
				t.Setenv("PATH", t.TempDir())
			} else if _, err := f.cxx(); err != nil {
				t.Skip("NOT EXERCISED: ", err)
			}
			chosen, err := Choose(c.name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = chosen[0].Find(f)
			if !errors.As(err, new(*Missing)) {
				t.Fatalf("%v, want Missing", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("no %q in %q", w, err)
				}
			}
		})
	}
	f := finder(t, "CXX=/no/such/compiler")
	if _, err := All[2].Find(f); err == nil || errors.As(err, new(*Missing)) || !strings.Contains(err.Error(), "CXX=/no/such/compiler") {
		t.Errorf("a CXX that is not there: %v", err)
	}
}

func TestMissingPackage(t *testing.T) {
	wantPython(t)
	_, err := finder(t).pythonDriver("pytorch", "sys", "no_such_package_1", "no_such_package_2")
	if !errors.As(err, new(*Missing)) || !strings.Contains(err.Error(), "no package no_such_package_1 no_such_package_2") {
		t.Error(err)
	}
}

func TestChoose(t *testing.T) {
	names := func(list []Peer) string {
		var s []string
		for _, p := range list {
			s = append(s, p.Name)
		}
		return strings.Join(s, ",")
	}
	for list, want := range map[string]string{"none": "", "mkl": "mkl", "spago, onednn": "spago,onednn", "all": names(All)} {
		if got, err := Choose(list); err != nil || names(got) != want {
			t.Errorf("%s: %s, %v", list, names(got), err)
		}
	}
	if _, err := Choose("mkl,blis"); err == nil || !strings.Contains(err.Error(), `"blis"`) || !strings.Contains(err.Error(), "onednn-inside") {
		t.Errorf("a peer that is none: %v", err)
	}
}

// All libraries get the same number of threads, and nothing that was set for
// something else.
func TestEnvironment(t *testing.T) {
	base := []string{"PATH=/bin", "OPENBLAS_CORETYPE=Prescott", "OPENBLAS_L2_SIZE=1", "OPENBLAS_NUM_THREADS=9", "OMP_NUM_THREADS=9", "OMP_PLACES=x",
		"KMP_BLOCKTIME=0", "MKL_NUM_THREADS=9", "ONEDNN_MAX_CPU_ISA=SSE41", "DNNL_VERBOSE=2", "ATEN_CPU_CAPABILITY=default", "SIMDRNN_ISA=scalar", "GOMAXPROCS=9", "LIBXSMM_TARGET=snb"}
	got := Environment(base, 2, "SIMDRNN_ISA=avx2")
	want := []string{"PATH=/bin", "GOMAXPROCS=2", "OMP_NUM_THREADS=2", "MKL_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2", "SIMDRNN_ISA=avx2"}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

func TestCap(t *testing.T) {
	env, err := Cap("avx2")
	if err != nil || !slices.Contains(env, "ONEDNN_MAX_CPU_ISA=AVX2") {
		t.Errorf("%v, %v", env, err)
	}
	if _, err := Cap("neon"); err == nil {
		t.Error("peers can be held to neon")
	}
}
