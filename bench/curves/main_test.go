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

// TestTrace: the case of a trace, and the table of one whose numbers are known.
func TestTrace(t *testing.T) {
	t.Chdir("..")
	if _, err := traceCase(2, "lstm", 1e-3); err == nil {
		t.Error("a trace of an LSTM, which has two state tensors, is made")
	}
	c, err := traceCase(2, "gru", 3e-3)
	if err != nil {
		t.Fatal(err)
	}
	r, dir, err := c.train(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	size := 0
	for _, w := range c.Weights {
		size += len(w.Values)
	}
	for name, want := range map[string]int{"weights.f32": 3 * size, "grads.f32": 2 * size, "states.f32": 2 * c.Rows * c.Hidden} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != int64(4*want) {
			t.Errorf("%s has %d bytes, want %d", name, info.Size(), 4*want)
		}
	}
	parted := []difference{{}, {By: 1e-6}, {By: 2e-5, Tensor: "2.bias", At: 7}}
	got := c.traceTable(r.ours, &traced{
		Torch: "1.2.3", Loss: [][2]float64{{1e-8, 2e-7}, {3e-8, 1e-7}}, Tensors: map[string][][2]float64{"2.bias": {{4e-6, 5e-6}}},
		Losses: map[string][]float64{"float32": {r.ours[0], r.ours[1] + 0.25}, "float64": r.ours, "float64 moved 1": {r.ours[0] + 0.5, r.ours[1]}},
		Apart:  map[string][]difference{"ours, float64": parted, "ours, float32": parted[:2], "float32, float64": parted, "float64 moved, float64": parted, "ours, float64 fed with our gradients": parted[:1]},
	})
	for _, want := range []string{
		"gru, Adam at 0.003, 2 updates, torch 1.2.3", "| loss | 3e-08 | 2e-07 |", "| 2.bias | 4e-06 | 5e-06 |", "| ours, float64 | 2 | 2.bias[7] | 2e-05 | 2e-05 |",
		"| ours, float32 | none | |  | 1e-06 |", "| ours, float32 | 0.25 | 0.25 |", "| float64 moved 1, float64 | 0.5 | 0.5 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
