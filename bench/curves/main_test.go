package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/data"
)

// TestCases: the windows of every case fit its model, which has parameters of PyTorch's names.
func TestCases(t *testing.T) {
	t.Chdir("..")
	for _, make := range []func(int) ([]*trial, error){curveCases, adaptiveCases} {
		cases, err := make(2)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			net, err := c.model()
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			net.EachParam(func(name string, _, _ []float32) { names = append(names, name) })
			if got := strings.Join(names[:3], " "); got != "0.weight 1.weight_ih_l0 1.weight_hh_l0" {
				t.Errorf("%s: %s", c.Name, got)
			}
			steps, rows, in, out := net.Dims()
			source := &windows{trial: c}
			for n := 0; ; n++ {
				var b data.Batch
				if err := source.Next(&b); err == io.EOF {
					if n != len(c.Windows) || n == 0 {
						t.Errorf("%s: %d windows, want %d", c.Name, n, len(c.Windows))
					}
					break
				}
				if err := b.Check(steps, rows, in, out, true); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestReport writes numbers, tables and plots of runs whose differences are known.
func TestReport(t *testing.T) {
	r := &compared{trial: &trial{Name: "gru, Adam"}, ours: []float64{2, 1.5}}
	r.theirs.Torch = "1.2.3"
	r.theirs.Losses = map[string][]float64{"float32": {2, 1.25}, "float64": {2, 1.5}, "float32 moved": {2, 1.25}}
	r.theirs.Apart = map[string][]difference{}
	for _, name := range pairs {
		r.theirs.Apart[name] = []difference{{}, {By: 1e-6}, {By: 3e-4, Tensor: "1.bias", At: 7}}
	}
	folder := t.TempDir()
	for _, adaptive := range []bool{false, true} {
		if err := report(folder, adaptive, []*compared{r}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		"curves.md":           {"torch 1.2.3", "| gru, Adam | 0.25 | 0 | 0.25 | 0 | 2.0000, 1.5000 |"},
		"curves.csv":          {`run,update,"loss, ours","loss, PyTorch","ours, PyTorch"`, `"gru, Adam",2,1.5,1.25,0.25,0,0.25,0`},
		"adaptive.md":         {"| gru, Adam | ours, float64 | 2 | 1.bias[7] | 0.0003 |"},
		"adaptive.csv":        {`"gru, Adam",1,2,2,1e-06,1e-06`, `"gru, Adam",2,1.5,1.25,0.0003`},
		"curves-gru-adam.svg": {"<svg"}, "adaptive-gru-adam.svg": {"<svg"},
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s has no %q:\n%.600s", name, w, text)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"-o", t.TempDir(), "more"}, {"-o", t.TempDir(), "-updates", "-1"}} {
		if err := run(context.Background(), args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
