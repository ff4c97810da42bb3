package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// stream renders events as go test -json does.
func stream(events ...event) string {
	var b strings.Builder
	for _, e := range events {
		line, _ := json.Marshal(e)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// outcome feeds a stream and returns what was printed and the exit status.
func outcome(t *testing.T, in string) (string, int) {
	t.Helper()
	var w pipe
	r := newResults(newScreen(&w))
	if err := r.read(context.Background(), strings.NewReader(in), ""); err != nil {
		t.Fatal(err)
	}
	status := r.finish(false)
	return w.String(), status
}

// A pipe is a console that nobody looks at.
type pipe struct{ strings.Builder }

func (*pipe) Terminal() bool { return false }

const kernelsPkg = rootModule + "/kernels"

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(text, s) {
			t.Errorf("missing %q in:\n%s", s, text)
		}
	}
}

func TestPassingRunShowsTiersAndReasons(t *testing.T) {
	text, status := outcome(t, stream(
		event{Action: "output", Package: kernelsPkg, Test: "TestA", Output: "chatter\n"},
		event{Action: "pass", Package: kernelsPkg, Test: "TestA/avx2"},
		event{Action: "pass", Package: kernelsPkg, Test: "TestA"},
		event{Action: "output", Package: kernelsPkg, Test: "TestB", Output: "    x_test.go:9: needs a printer\n"},
		event{Action: "skip", Package: kernelsPkg, Test: "TestB"},
		event{Action: "output", Package: kernelsPkg, Output: "simdrnn-tier: pkg=kernels tier=avx2 run\n"},
		event{Action: "output", Package: kernelsPkg, Output: "simdrnn-tier: pkg=kernels tier=neon not exercised: this CPU is amd64\n"},
		event{Action: "output", Package: kernelsPkg, Output: "simdrnn-variant: pkg=kernels tiers=scalar,avx2 variant=plain\n"},
		event{Action: "output", Package: kernelsPkg, Output: "simdrnn-variant: pkg=kernels tiers=scalar variant=coupled\n"},
		event{Action: "output", Package: kernelsPkg, Output: "simdrnn-variant: pkg=kernels tiers=scalar,avx2 variant=layer norm\n"},
		event{Action: "pass", Package: kernelsPkg, Elapsed: 1.25},
		event{Action: "pass", Package: rootModule + "/internal/wire", Test: "TestC"},
		event{Action: "pass", Package: rootModule + "/internal/wire"},
		event{Action: "skip", Package: rootModule + "/kernels/internal/avx2"},
	))
	if status != 0 {
		t.Errorf("status %d", status)
	}
	contains(t, text,
		"kernels        2 ok   1.2s  -       run   -       [1]",
		"internal/wire  1 ok   0.0s  -       -     -       -",
		"[1] neon not exercised: this CPU is amd64\n",
		"variants of kernels on scalar, avx2: plain; layer norm\nvariants of kernels on scalar: coupled\n",
		"skipped: kernels TestB: x_test.go:9: needs a printer\n",
		"no test ran in: kernels/internal/avx2\n",
		"\n3 passed, 0 failed, 1 skipped\n")
	if strings.Contains(text, "chatter") {
		t.Error("the output of a passing test is noise")
	}
}

func TestFailureIsShownAtOnceWithItsOutput(t *testing.T) {
	var w pipe
	r := newResults(newScreen(&w))
	r.read(context.Background(), strings.NewReader(stream(
		event{Action: "output", Package: kernelsPkg, Test: "TestA", Output: "    a_test.go:3: got 1 want 2\n"},
		event{Action: "output", Package: kernelsPkg, Test: "TestOther", Output: "not this\n"},
		event{Action: "fail", Package: kernelsPkg, Test: "TestA"},
	)), "GOAMD64=v3")
	if got := w.String(); got != "--- kernels (GOAMD64=v3) TestA\n    a_test.go:3: got 1 want 2\n" {
		t.Errorf("got %q", got)
	}
	r.read(context.Background(), strings.NewReader(stream(event{Action: "pass", Package: kernelsPkg, Test: "TestOther"}, event{Action: "fail", Package: kernelsPkg})), "GOAMD64=v3")
	if r.finish(false) != 1 {
		t.Error("want status 1")
	}
	contains(t, w.String(), "1 ok, 1 FAILED", "\n1 passed, 1 failed, 0 skipped\n")
}

func TestBrokenBuildFails(t *testing.T) {
	text, status := outcome(t, stream(
		event{Action: "build-output", ImportPath: kernelsPkg, Output: "kernels/a.go:3:1: syntax error\n"},
		event{Action: "build-fail", ImportPath: kernelsPkg},
		event{Action: "output", Package: kernelsPkg, Output: "FAIL\tkernels [build failed]\n"},
		event{Action: "fail", Package: kernelsPkg, FailedBuild: kernelsPkg},
		event{Action: "pass", Package: rootModule + "/internal/wire", Test: "TestC"},
		event{Action: "pass", Package: rootModule + "/internal/wire"},
	))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "kernels/a.go:3:1: syntax error", "FAIL kernels\n", "\n1 passed, 1 failed, 0 skipped\n")
}

// A crash ends the process in the middle of a test, which then has no end.
func TestCrashShowsTheUnfinishedTest(t *testing.T) {
	text, status := outcome(t, stream(
		event{Action: "output", Package: kernelsPkg, Test: "TestA", Output: "SIGILL: illegal instruction\n"},
		event{Action: "fail", Package: kernelsPkg},
	))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "SIGILL: illegal instruction", "0 passed, 1 failed")
}

// numtest.Main fails a package all of whose tests passed.
func TestFailureOutsideTests(t *testing.T) {
	text, status := outcome(t, stream(
		event{Action: "pass", Package: kernelsPkg, Test: "TestA"},
		event{Action: "output", Package: kernelsPkg, Output: "FAIL: SIMDRNN_REQUIRE_ISA: avx512 was not exercised\n"},
		event{Action: "fail", Package: kernelsPkg},
	))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "SIMDRNN_REQUIRE_ISA: avx512", "1 passed, 1 failed")
}

func TestNoTestsIsAFailure(t *testing.T) {
	text, status := outcome(t, "go: cannot find main module\n"+stream(event{Action: "skip", Package: kernelsPkg}))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "go: cannot find main module", "no test ran", "0 passed, 0 failed, 0 skipped")
}

func TestFindModulesAndTests(t *testing.T) {
	tree := fstest.MapFS{
		"go.mod": {}, "lstm/a_test.go": {Data: []byte("func TestFingerprint(t *testing.T)")},
		"asm/go.mod": {}, "asm/a_test.go": {Data: []byte("func TestFingerprint(")}, "asm/sub/go.mod": {},
		"bptt/a_test.go": {Data: []byte("func TestOther(")}, "bptt/a.go": {Data: []byte("func TestFingerprint")},
		".git/go.mod": {}, "lstm/testdata/go.mod": {}, "internal/testall/x_test.go": {Data: []byte("func TestFingerprint")},
	}
	dirs, err := findModules(tree)
	if err != nil || !slices.Equal(dirs, []string{".", "asm", "asm/sub"}) {
		t.Errorf("modules %v, %v", dirs, err)
	}
	pkgs, err := findTests(tree, "func TestFingerprint")
	if err != nil || !slices.Equal(pkgs, []string{"./lstm"}) {
		t.Errorf("packages %v, %v", pkgs, err)
	}
}

// The whole of it on a repository of its own: a root module, a nested one with a
// failing test, and a package that does not compile.
func TestRun(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: no go command on the PATH, nothing can be run")
	}
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module "+rootModule+"\n\ngo 1.26\n")
	write("a/a_test.go", "package a\nimport (\"fmt\"; \"testing\")\nfunc TestA(t *testing.T) { fmt.Println(\"simdrnn-tier: pkg=a tier=scalar run\") }\n")
	var w pipe
	try := func(want int, o options) {
		t.Helper()
		w.Reset()
		status, err := run(context.Background(), root, o, &w)
		if status != want || err != nil {
			t.Errorf("status %d, %v, want %d:\n%s", status, err, want, w.String())
		}
		if strings.Contains(w.String(), "\r") {
			t.Error("a status line where nobody looks at it")
		}
	}
	try(0, options{short: true})
	contains(t, w.String(), "\n1 passed, 0 failed, 0 skipped\n", "GOAMD64=v3: not exercised: no package has a TestFingerprint")

	write("nested/go.mod", "module "+rootModule+"/nested\n\ngo 1.26\n")
	write("nested/n_test.go", "package n\nimport \"testing\"\nfunc TestN(t *testing.T) { t.Error(\"on purpose\") }\n")
	write("b/b_test.go", "package b\nvar x int = \"\"\n")
	try(1, options{short: true})
	contains(t, w.String(), "\nFAIL  nested", "\nFAIL  b  ", "\nok    a   ")
	contains(t, w.String(), "on purpose", "--- nested TestN", "cannot use", "FAIL b\n", "\n1 passed, 2 failed, 0 skipped\n")

	// One thing: a package, a nested one, tests by name.
	try(0, options{args: []string{"./a"}})
	contains(t, w.String(), "\n1 passed, 0 failed, 0 skipped\n", "GOAMD64=v3: not exercised: no package has")
	try(1, options{args: []string{"./nested"}})
	contains(t, w.String(), "--- nested TestN", "\n0 passed, 1 failed, 0 skipped\n")
	try(1, options{args: []string{"."}, from: "nested"})
	contains(t, w.String(), "\n0 passed, 1 failed, 0 skipped\n")
	try(0, options{run: "TestA", args: []string{"./a", "./nested"}})
	contains(t, w.String(), "\n1 passed, 0 failed, 0 skipped\n", "no test ran in: nested\n", "GOAMD64=v3: not exercised: -run names the tests")
	try(1, options{run: "TestNone", args: []string{"./a"}})
	contains(t, w.String(), "no test ran\n", "\n0 passed, 0 failed, 0 skipped\n")
	if _, err := run(context.Background(), root, options{args: []string{"./c"}}, &w); err == nil || !strings.Contains(err.Error(), "./c is no folder") {
		t.Errorf("a package that there is not: %v", err)
	}
}
