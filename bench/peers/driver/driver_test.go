package driver

import (
	"math"
	"strings"
	"testing"
)

func serve(t *testing.T, commands string) []string {
	t.Helper()
	calls := 0
	setup := func(s *Settings) (func(), error) {
		switch s.String("op") {
		case "count":
			return func() { calls++ }, nil
		case "calls":
			return func() { panic(calls) }, nil
		case "wrong":
			panic("setup panics")
		}
		return nil, Unsupported("no %q", s.String("op"))
	}
	var out strings.Builder
	if err := Serve(strings.NewReader(commands), &out, "v\n1", setup, map[string]Command{"double": func(arg string) (string, error) { return arg + arg, nil }}); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestServe(t *testing.T) {
	got := serve(t, "hello\nsetup op=count\nrun 7\nsetup op=calls\nrun 1\nrun 1\nsetup op=none\nsetup op=wrong\ndouble ab\nquit\nhello\n")
	want := []string{"ok v 1", "ok", "ns ", "ok", "error 7", "error run without a setup that succeeded", `no no "none"`, "error setup panics", "ok abab"}
	if len(got) != len(want) {
		t.Fatalf("%d answers, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] && !(want[i] == "ns " && strings.HasPrefix(got[i], "ns ")) {
			t.Errorf("answer %d: %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSettings(t *testing.T) {
	s, err := ParseSettings("op=x N=3 bad=-1")
	if err != nil || s.String("op") != "x" || s.String("none") != "" || s.Int("N") != 3 || s.Err() != nil {
		t.Errorf("%v, %v", s, err)
	}
	s.Int("bad")
	s.Int("none")
	if s.Err() == nil || !strings.Contains(s.Err().Error(), "bad=-1") {
		t.Errorf("the first mistake: %v", s.Err())
	}
	for _, line := range []string{"op", "=x"} {
		if _, err := ParseSettings(line); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}

// Numbers neither repeat nor leave their interval, and are the same everywhere.
func TestNumbers(t *testing.T) {
	s := Numbers(10000, 0.5, 7)
	seen := map[float32]bool{}
	sum := 0.0
	for _, v := range s {
		if v < -0.5 || v > 0.5 || v == 0 {
			t.Fatalf("%v is not in [-0.5, 0.5], or is 0", v)
		}
		seen[v] = true
		sum += float64(v)
	}
	if len(seen) < 9990 || math.Abs(sum/10000) > 0.02 {
		t.Errorf("%d different numbers of 10000, mean %v", len(seen), sum/10000)
	}
	if again := Numbers(1, 0.5, 7); again[0] != s[0] {
		t.Errorf("%v and %v for the same seed", again[0], s[0])
	}
}
