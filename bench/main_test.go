package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/kernels"

	"github.com/simdrnn/simdrnn/bench/internal/measure"
	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/process"
	"github.com/simdrnn/simdrnn/bench/internal/report"
	"github.com/simdrnn/simdrnn/bench/internal/self"
	"github.com/simdrnn/simdrnn/bench/peers/driver"
)

// The test binary is the program, with -serve, and the fake peers, if FAKE says so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-serve" {
		os.Exit(command(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	fake := os.Getenv("FAKE")
	if fake == "" {
		os.Exit(m.Run())
	}
	setup := func(s *driver.Settings) (func(), error) {
		switch {
		case fake == "products" && s.String("op") != "gemm":
			return nil, driver.Unsupported("products only")
		case fake == "hangs":
			return func() { time.Sleep(time.Hour) }, nil
		case fake == "dies":
			return func() { os.Exit(7) }, nil
		case fake == "breaks":
			return func() { panic("it broke") }, nil
		case fake == "ours-breaks" && s.String("op") == "gemm":
			return func() { panic("ours broke") }, nil
		}
		return func() { time.Sleep(100 * time.Microsecond) }, nil
	}
	peak := func(string) (string, error) { return "100", nil }
	if err := driver.Serve(os.Stdin, os.Stdout, "fake "+fake, setup, map[string]driver.Command{"peak": peak}); err != nil {
		panic(err)
	}
}

func fake(t *testing.T, name string) candidate {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return candidate{name, "", func(int) process.Command {
		return process.Command{Path: exe, Env: append(os.Environ(), "FAKE="+name)}
	}}
}

func fakeSession(t *testing.T, shapes string, ours string, peers ...string) *session {
	t.Helper()
	all, err := op.Parse(shapes)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{
		shapes: all, threads: []int{1}, isas: []string{"avx2"}, limit: 20 * time.Second,
		own:  func(string, int) process.Command { return fake(t, ours).command(1) },
		plan: measure.Plan{Rounds: 2, Slice: time.Millisecond, Budget: time.Second},
		run:  report.Run{CPU: "fake CPU", Date: "2026-01-02", Peers: map[string]string{}},
	}
	for _, p := range peers {
		s.peers = append(s.peers, fake(t, p))
	}
	return s
}

const twoShapes = "train lstm-train T=2 B=2 I=3 H=3\ngemm gemm M=2 N=3 K=4\n"

func names(records []report.Record) []string {
	var list []string
	for _, r := range records {
		list = append(list, r.Op+" "+r.Peer)
	}
	return list
}

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

// Peers that refuse, break, or die leave a line, and the others their figures.
func TestSession(t *testing.T) {
	s := fakeSession(t, twoShapes, "ours", "all", "products", "breaks", "dies")
	var out bytes.Buffer
	records, err := s.measure(context.Background(), &out)
	if err != nil || s.broken {
		t.Fatalf("%v, broken %v", err, s.broken)
	}
	if got, want := names(records), []string{"lstm-train simdrnn", "lstm-train all", "gemm simdrnn", "gemm all", "gemm products"}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
	for _, r := range records {
		if r.Peak != 100 || r.Turns < 1 || r.Version != "fake "+strings.Replace(r.Peer, "simdrnn", "ours", 1) {
			t.Errorf("%+v", r)
		}
	}
	skipped := strings.Join(s.run.Skipped, "\n")
	contains(t, skipped, "breaks at lstm-train/T=2,B=2,I=3,H=3, 1 thread: run: it broke",
		"dies at gemm/M=2,N=3,K=4, 1 thread: run: the process ended (exit status 7)")
	if strings.Contains(skipped, "products") {
		t.Errorf("an operation that a library does not have is no failure: %s", skipped)
	}
	contains(t, out.String(), "lstm-train/T=2,B=2,I=3,H=3", "not run: breaks at lstm-train", "products")
	if s.run.Peers["products"] != "fake products" || s.run.Peers["simdrnn avx2"] != "fake ours" {
		t.Errorf("versions %v", s.run.Peers)
	}
}

// A peer that hangs costs its time limit at each shape until it is given up.
func TestHangingPeer(t *testing.T) {
	shapes := "a gemm M=1 N=1 K=1\na gemm M=1 N=1 K=2\na gemm M=1 N=1 K=3\na gemm M=1 N=1 K=4\na gemm M=1 N=1 K=5\n"
	s := fakeSession(t, shapes, "ours", "hangs", "all")
	s.limit = 2 * time.Second
	begin := time.Now()
	records, err := s.measure(context.Background(), io.Discard)
	if err != nil || len(records) != 10 {
		t.Errorf("%d records, %v, want 10", len(records), err)
	}
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("a peer that hangs held up the run for %v", took)
	}
	skipped := strings.Join(s.run.Skipped, "\n")
	contains(t, skipped, "hangs at gemm/M=1,N=1,K=3, 1 thread: run: no answer within 2s", "hangs: given up")
	if strings.Contains(skipped, "hangs at gemm/M=1,N=1,K=4") {
		t.Errorf("it was asked more often than %d times:\n%s", patience, skipped)
	}
}

// A shape where ours fails has no records, is told, and makes the run a failure.
func TestOursBreaks(t *testing.T) {
	s := fakeSession(t, twoShapes, "ours-breaks", "all")
	records, err := s.measure(context.Background(), io.Discard)
	if err != nil || !s.broken {
		t.Errorf("%v, broken %v", err, s.broken)
	}
	if got := names(records); !slices.Equal(got, []string{"lstm-train simdrnn", "lstm-train all"}) {
		t.Errorf("records %q", got)
	}
	contains(t, strings.Join(s.run.Skipped, "\n"), "simdrnn at gemm/M=2,N=3,K=4, 1 thread: run: ours broke")
}

// What ours does not have is told once for an operation, and is no failure.
func TestOursLacksAnOperation(t *testing.T) {
	s := fakeSession(t, twoShapes+"train lstm-train T=2 B=2 I=4 H=4\n", "products", "all")
	records, err := s.measure(context.Background(), io.Discard)
	if err != nil || s.broken {
		t.Errorf("%v, broken %v", err, s.broken)
	}
	if got := names(records); !slices.Equal(got, []string{"gemm simdrnn", "gemm all"}) {
		t.Errorf("records %q", got)
	}
	if !slices.Equal(s.run.Skipped, []string{"lstm-train, 1 thread: products only"}) {
		t.Errorf("not run: %q", s.run.Skipped)
	}
}

// An interrupt ends a call that would last, and leaves the shapes that were done.
func TestInterrupt(t *testing.T) {
	s := fakeSession(t, twoShapes, "ours", "hangs")
	s.limit = time.Hour
	s.threads = []int{1, 2}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	begin := time.Now()
	records, err := s.measure(ctx, io.Discard)
	if err != nil || len(records) != 0 || !s.broken || time.Since(begin) > time.Minute {
		t.Errorf("%d records, %v, broken %v, after %v", len(records), err, s.broken, time.Since(begin))
	}
	if len(s.run.Skipped) != 1 || !strings.Contains(s.run.Skipped[0], "interrupted") {
		t.Errorf("not run: %q", s.run.Skipped)
	}
}

func bench(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	status := command(context.Background(), args, &out, &out)
	return status, out.String()
}

// The whole program on the library itself and gonum: what is written can be read,
// reported on again, and compared with itself.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	status, text := bench(t, "-quick", "-threads", "1", "-peers", "gonum", "-only", "gemm|lstm-step", "-o", dir)
	if status != 0 {
		t.Fatalf("status %d\n%s", status, text)
	}
	contains(t, text, "gemm-tn/M=48,N=64,K=40", "lstm-step/B=1,I=16,H=24", "3 comparisons", "gonum")
	file := filepath.Join(dir, "results.jsonl")
	run, records, err := read(file)
	if err != nil || len(records) != 7 || run.Commit == "" || run.Peers["gonum"] == "" {
		t.Errorf("%d records of %+v, %v, want 7", len(records), run, err)
	}
	if want := "-only=gemm|lstm-step -peers=gonum -quick=true -threads=1"; run.Arguments != want {
		t.Errorf("arguments %q, want %q", run.Arguments, want)
	}
	again := t.TempDir()
	status, text = bench(t, "-from", file, "-o", again, "-compare", file)
	if kernels.Current() == kernels.Scalar {
		// Without a peak there is nothing to compare.
		if status != 2 {
			t.Errorf("status %d\n%s", status, text)
		}
		return
	}
	if status != 0 {
		t.Errorf("status %d\n%s", status, text)
	}
	contains(t, text, "0 of 4 slower")
	for _, name := range []string{"README.md", "results.jsonl"} {
		a, err1 := os.ReadFile(filepath.Join(dir, name))
		b, err2 := os.ReadFile(filepath.Join(again, name))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s from the file differs: %v, %v", name, err1, err2)
		}
	}
}

// Something slower, and results of another CPU, are told by the exit status.
func TestCompareFlag(t *testing.T) {
	dir := t.TempDir()
	file := func(name, cpu string, share float64) string {
		run := report.Run{CPU: cpu, Date: name}
		q := report.Quart{Min: share, Q1: share, Median: share, Q3: share}
		records := []report.Record{{Op: "gemm", Shape: "M=1,N=1,K=1", ISA: "avx2", Threads: 1, Peer: report.Own, Share: q, NS: q}}
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := report.WriteJSON(f, run, records); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fast, slow, other := file("fast", "one", 0.9), file("slow", "one", 0.8), file("other", "two", 0.9)
	for _, c := range []struct {
		now, then string
		status    int
		word      string
	}{{slow, fast, 1, "SLOWER"}, {fast, slow, 0, "faster"}, {fast, other, 2, `"two"`}, {fast, filepath.Join(dir, "none"), 2, "none"}} {
		status, text := bench(t, "-from", c.now, "-compare", c.then)
		if status != c.status {
			t.Errorf("%s compared with %s: status %d, want %d", c.now, c.then, status, c.status)
		}
		contains(t, text, c.word)
	}
}

func TestList(t *testing.T) {
	status, text := bench(t, "-list", "-peers", "gonum", "-max", "100", "-only", "gru-train")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "train/gru-train/T=25,B=16,I=512,H=512", "peer gonum: products", "of more than 100 GFLOP", "gru-train/T=1500,B=64,I=1024,H=1024")
	if strings.Contains(text, "quick/") {
		t.Error("the list quick is no part of a run")
	}
}

// A peer that is not there leaves a line that says what is missing and what to do.
func TestMissingPeers(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	status, text := bench(t, "-list", "-peers", "pytorch,onednn", "-python", "python3", "-only", "gemm-tn")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	contains(t, text, "not run: pytorch: no python3 on the PATH; to have it: install Python 3",
		"not run: onednn: no compiler: none of c++, g++, clang++ is on the PATH; to have it: install a C and a C++ compiler")
}

func TestMistakesOfUse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"train"}, `"train"`},
		{[]string{"-threads", "0"}, "-threads"},
		{[]string{"-threads", "100000"}, "CPUs"},
		{[]string{"-isa", "sse"}, "sse"},
		{[]string{"-peers", "cudnn"}, "cudnn"},
		{[]string{"-only", "("}, "-only"},
		{[]string{"-only", "nothing like that"}, "no shape is left"},
		{[]string{"-rounds", "0"}, "-rounds"},
		{[]string{"-cap", "-isa", "scalar"}, "scalar"},
		{[]string{"-cap", "-isa", "scalar,scalar"}, "-cap"},
		{[]string{"-from", "no/such/file"}, "no/such/file"},
		{[]string{"-serve", "caffe"}, "caffe"},
	} {
		status, text := bench(t, append(c.args, "-list")...)
		if status != 2 || !strings.Contains(text, c.want) {
			t.Errorf("%q: status %d, %s, want 2 and %q", c.args, status, text, c.want)
		}
	}
}

func TestSlug(t *testing.T) {
	for cpu, want := range map[string]string{
		"Intel(R) Xeon(R) Platinum 8581C CPU @ 2.10GHz": "intel-xeon-platinum-8581c",
		"AMD EPYC 9R14 Processor":                       "amd-epyc-9r14",
		"AMD EPYC":                                      "amd-epyc",
		"":                                              "unknown-cpu",
	} {
		if got := slug(cpu); got != want {
			t.Errorf("%q: %s, want %s", cpu, got, want)
		}
	}
}

func TestSelfNames(t *testing.T) {
	if !slices.Contains(self.Names, report.Own) {
		t.Errorf("no driver of our own among %v", self.Names)
	}
}
