package self

import (
	"strconv"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"

	"github.com/simdrnn/simdrnn/bench/internal/op"
)

func ask(t *testing.T, name string, commands ...string) []string {
	t.Helper()
	var out strings.Builder
	if err := Serve(name, strings.NewReader(strings.Join(commands, "\n")+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(answers) != len(commands) {
		t.Fatalf("%d answers to %d commands: %q", len(answers), len(commands), answers)
	}
	return answers
}

// Ours has every operation, at one thread and at two but for single products.
func TestEveryOperation(t *testing.T) {
	all, err := op.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []string{"1", "2"} {
		for _, s := range op.Select(all, "quick", nil) {
			got := ask(t, "simdrnn", "setup "+s.Settings()+" threads="+threads, "run 2")
			if strings.HasPrefix(s.Op.Name, "gemm") && threads == "2" {
				if got[0] != "no a kernel runs on one core" {
					t.Errorf("%s: %q", s, got)
				}
				continue
			}
			if got[0] != "ok" || !strings.HasPrefix(got[1], "ns ") {
				t.Errorf("%s: %q", s, got)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"op=lstm-train T=0 B=1 I=1 H=1 threads=1":     "error setting T=0",
		"op=lstm-train T=1 B=1 I=1 threads=1":         "error setting H=",
		"op=gemm M=1 N=1 K=x threads=1":               "error setting K=x",
		"op=lm-adam T=1 threads=1":                    "error setting B=",
		"op=tree-train T=1 B=1 I=1 H=1 threads=1":     "no no layer tree",
		"op=lstm-fly T=1 B=1 I=1 H=1 threads=1":       "no no fly",
		"op=gemm-fly M=1 N=1 K=1 threads=1":           "no no operation gemm-fly",
		"op=lm-fly T=1 B=1 E=1 H=1 L=1 V=2 threads=1": "no no operation lm-fly",
	} {
		if got := ask(t, "simdrnn", "setup "+line); !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %q, want %q", line, got[0], want)
		}
	}
	if err := Serve("caffe", strings.NewReader(""), nil); err == nil || !strings.Contains(err.Error(), "simdrnn, gonum") {
		t.Errorf("a driver that is none: %v", err)
	}
}

func TestPeakAndBandwidth(t *testing.T) {
	got := ask(t, "simdrnn", "hello", "peak 1000", "bandwidth 8192", "peak 0", "bandwidth 3")
	if !strings.HasPrefix(got[0], "ok "+kernels.Current().String()) {
		t.Errorf("hello: %q", got[0])
	}
	for i, command := range []string{"peak", "bandwidth"} {
		v, err := strconv.ParseFloat(strings.TrimPrefix(got[1+i], "ok "), 64)
		// A tier of assembly does more than 0.1 GFLOP/s anywhere; the scalar one has no peak.
		if err != nil || (v > 0.1) != (kernels.Current() != kernels.Scalar || command == "bandwidth") {
			t.Errorf("%s: %q", command, got[1+i])
		}
		if !strings.HasPrefix(got[3+i], "error ") {
			t.Errorf("a bad argument of %s: %q", command, got[3+i])
		}
	}
}

// gonum has the same products as ours, and no layers.
func TestGonum(t *testing.T) {
	for _, name := range []string{"gemm", "gemm-packed", "gemm-tn"} {
		got := ask(t, "gonum", "hello", "setup op="+name+" M=5 N=6 K=7 threads=1", "run 3")
		if !strings.HasPrefix(got[0], "ok ") || got[1] != "ok" || !strings.HasPrefix(got[2], "ns ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := ask(t, "gonum", "setup op=lstm-train"); !strings.HasPrefix(got[0], "no ") {
		t.Errorf("a layer: %q", got)
	}
}
