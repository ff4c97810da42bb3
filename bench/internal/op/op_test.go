package op

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func one(t *testing.T, line string) Shape {
	t.Helper()
	all, err := Parse("list " + line)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %v, %v", line, all, err)
	}
	return all[0]
}

// The counts, by hand.
func TestFLOPs(t *testing.T) {
	for line, want := range map[string]float64{
		// 4 gates of 5 units over 3+5 inputs: 160 factors, 320 operations a row and step.
		"lstm-step B=1 I=3 H=5":            320,
		"lstm-step B=7 I=3 H=5":            7 * 320,
		"lstm-infer T=2 B=7 I=3 H=5":       2 * 7 * 320,
		"lstm-train T=2 B=7 I=3 H=5":       3 * 2 * 7 * 320,
		"gru-train T=2 B=7 I=3 H=5":        3 * 2 * 7 * 240,
		"rnn-train T=2 B=7 I=3 H=5":        3 * 2 * 7 * 80,
		"gemm M=2 N=3 K=5":                 60,
		"gemm-tn M=2 N=3 K=5":              60,
		"gemm-packed M=2 N=3 K=5":          60,
		"lm-adam T=1 B=1 E=3 H=5 L=1 V=11": 3 * (320 + 110),
		// The second layer has 5+5 inputs.
		"lm-sgd T=2 B=3 E=3 H=5 L=2 V=11": 6 * 3 * (320 + 400 + 110),
	} {
		s := one(t, line)
		if got := s.Op.FLOPs(s); got != want {
			t.Errorf("%s: %v operations, want %v", line, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for line, want := range map[string]float64{
		"gemm M=2 N=3 K=5":           4 * (10 + 15 + 6),
		"lstm-step B=7 I=3 H=5":      4 * (7*(3+5) + 20*(3+5)),
		"lstm-infer T=2 B=7 I=3 H=5": 4 * (14*(3+5) + 20*3 + 2*20*5),
		"rnn-train T=2 B=7 I=3 H=5":  4 * (2*14*(3+5) + 2*5*3 + 2*2*5*5 + 2*5*(3+5) + 2*14*2*5),
	} {
		s := one(t, line)
		if got := s.Op.Bytes(s); got != want {
			t.Errorf("%s: %v bytes, want %v", line, got, want)
		}
	}
}

// Every operation is complete, in use, and tried by -quick.
func TestOperations(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range Ops {
		if o.Text == "" || o.Formula == "" || o.FLOPs == nil || len(o.Dims) == 0 {
			t.Errorf("%s lacks something", o.Name)
		}
		quick, real := false, false
		for _, s := range all {
			if s.Op == o {
				quick = quick || s.In("quick")
				real = real || !s.In("quick")
			}
		}
		if !quick || !real {
			t.Errorf("%s: in quick %v, in another list %v", o.Name, quick, real)
		}
	}
}

// The shapes of the issue that set the targets, and DeepBench's, are there.
func TestShapes(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	names := map[string]bool{}
	for _, s := range all {
		if names[s.String()] {
			t.Errorf("%s comes twice", s)
		}
		names[s.String()] = true
		for _, set := range s.Sets {
			count[set]++
		}
	}
	for set, want := range map[string]int{
		"train": 20, "infer": 18, "step": 18, "gemm": 20, "whole": 4, "scale-T": 5, "scale-B": 8, "scale-H": 7,
		"deepbench-train": 52, "deepbench-server": 69, "deepbench-device": 3, "quick": 14,
	} {
		if count[set] != want {
			t.Errorf("list %s has %d shapes, want %d", set, count[set], want)
		}
		delete(count, set)
	}
	if len(count) > 0 {
		t.Errorf("lists that nobody counted: %v", count)
	}
	for _, name := range []string{"lstm-train/T=25,B=16,I=512,H=512", "gru-train/T=100,B=1,I=512,H=512", "lstm-train/T=50,B=64,I=1024,H=1024",
		"lstm-step/B=1,I=32,H=8", "gemm-packed/M=8,N=2048,K=512", "gemm-tn/M=1024,N=256,K=2048", "lm-sgd/T=20,B=20,E=200,H=200,L=2,V=10000"} {
		if !names[name] {
			t.Errorf("no %s", name)
		}
	}
}

func TestSelect(t *testing.T) {
	all, err := Parse("a gemm M=1 N=2 K=3\nquick gemm M=2 N=2 K=2 # tiny\n\nb gemm M=1 N=2 K=3\nb rnn-step B=1 I=2 H=3\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ list, only, want string }{
		{"", "", "gemm/M=1,N=2,K=3 rnn-step/B=1,I=2,H=3"},
		{"quick", "", "gemm/M=2,N=2,K=2"},
		{"", "^b/gemm", "gemm/M=1,N=2,K=3"},
		{"", "H=3$", "rnn-step/B=1,I=2,H=3"},
		{"a", "rnn", ""},
	} {
		var only *regexp.Regexp
		if c.only != "" {
			only = regexp.MustCompile(c.only)
		}
		var got []string
		for _, s := range Select(all, c.list, only) {
			got = append(got, s.String())
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("list %q, only %q: %q, want %q", c.list, c.only, text, c.want)
		}
	}
	if got := Select(all, "", regexp.MustCompile("^b/"))[0].Sets; !slices.Equal(got, []string{"b"}) {
		t.Errorf("chosen from b, the shape is in %v", got)
	}
	if !slices.Equal(all[0].Sets, []string{"a", "b"}) {
		t.Errorf("the shape that is in two lists is in %v", all[0].Sets)
	}
	if got := all[2].Settings(); got != "op=rnn-step B=1 I=2 H=3" {
		t.Errorf("settings %q", got)
	}
}

func TestMistakesInShapes(t *testing.T) {
	for text, want := range map[string]string{
		"a":                  "want a list, an operation",
		"a fly M=1":          `no operation "fly"`,
		"a gemm M=1 N=2":     "has the sizes M N K",
		"a gemm M=1 N=2 K=0": `"K=0"`,
		"a gemm M=1 K=2 N=3": `"K=2"`,
		"\na gemm M=1 N=2 K=3\na gemm M=1 N=2 K=3": "line 3: gemm/M=1,N=2,K=3 is in the list a already",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
