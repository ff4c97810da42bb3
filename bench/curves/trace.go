package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/simdrnn/simdrnn/optim"
)

// Traces: where one run parts from PyTorch's, and why. See trace.py.

// traced is what trace.py writes.
type traced struct {
	Torch   string
	Loss    [][2]float64            // of each update: how far ours, and PyTorch's in float32, are from float64
	Tensors map[string][][2]float64 // so for the gradient of each tensor
	Losses  map[string][]float64
	Apart   map[string][]difference
	First   struct {
		Tensor                          string
		At                              int
		Ours, Float64, Float32, Largest float64
	}
}

// traceCase is the GRU of curveCases with Adam at the given rate.
func traceCase(updates int, cell string, rate float64) (*trial, error) {
	cases, err := curveCases(updates)
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		if c.Cell == cell && c.Kind == "Adam" && cell != "lstm" { // which has two state tensors
			c.Name, c.Options, c.ours = fmt.Sprintf("%s, Adam at %g", cell, rate), map[string]any{"lr": rate}, &optim.Adam{LR: rate}
			return c, nil
		}
	}
	return nil, fmt.Errorf("-trace of a cell %q, want gru or rnn", cell)
}

// trace runs c on both sides and writes the table.
func (c *trial) trace(ctx context.Context, python, driver, folder string, out io.Writer) error {
	r, dir, err := c.train(ctx, true)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	text, err := json.Marshal(r.ours)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "losses.json"), text, 0o666); err != nil {
		return err
	}
	if err := runPython(ctx, python, filepath.Join(filepath.Dir(driver), "trace.py"), dir); err != nil {
		return err
	}
	if text, err = os.ReadFile(filepath.Join(dir, "trace.json")); err != nil {
		return err
	}
	var t traced
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	table := c.traceTable(r.ours, &t)
	fmt.Fprint(out, table)
	return os.WriteFile(filepath.Join(folder, "trace.md"), []byte(table), 0o666)
}

// traceTable is the report of a trace.
func (c *trial) traceTable(ours []float64, t *traced) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d updates, torch %s\n\nErrors at our weights and our state, against float64, the largest of all updates; gradients relative to the largest of the tensor:\n\n| of | ours | PyTorch, float32 |\n|---|---:|---:|\n", c.Name, c.Updates, t.Torch)
	row := func(name string, v [][2]float64) {
		var most [2]float64
		for _, e := range v {
			most = [2]float64{max(most[0], e[0]), max(most[1], e[1])}
		}
		fmt.Fprintf(&b, "| %s | %.2g | %.2g |\n", name, most[0], most[1])
	}
	row("loss", t.Loss)
	names := make([]string, 0, len(t.Tensors))
	for name := range t.Tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		row(name, t.Tensors[name])
	}

	b.WriteString("\nWeights of whole runs, relative to the largest of the tensor:\n\n| runs | first update beyond 1e-5 | where | by | in the end |\n|---|---:|---|---:|---:|\n")
	for _, name := range []string{"ours, float64", "ours, float32", "float32, float64", "float64 moved, float64", "ours, float64 fed with our gradients"} {
		list, first := t.Apart[name], "none | | "
		for u, d := range list {
			if d.By > 1e-5 {
				first = fmt.Sprintf("%d | %s[%d] | %.2g", u, d.Tensor, d.At, d.By)
				break
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %.2g |\n", name, first, list[len(list)-1].By)
	}
	f := t.First
	fmt.Fprintf(&b, "\nThe gradient of the first update at %s[%d]: float64 %.6g, float32 %.6g, ours %.6g; the largest of the tensor %.3g.\n", f.Tensor, f.At, f.Float64, f.Float32, f.Ours, f.Largest)

	b.WriteString("\nThe largest difference of the losses of an update, in nats:\n\n| runs | after 100 updates | after all |\n|---|---:|---:|\n")
	pair := func(name string, x, y []float64) {
		var d []float64
		for i := range x {
			d = append(d, math.Abs(x[i]-y[i]))
		}
		fmt.Fprintf(&b, "| %s | %.2g | %.2g |\n", name, slices.Max(d[:min(100, len(d))]), slices.Max(d))
	}
	pair("ours, float64", ours, t.Losses["float64"])
	pair("ours, float32", ours, t.Losses["float32"])
	pair("float32, float64", t.Losses["float32"], t.Losses["float64"])
	var moved []string
	for name := range t.Losses {
		if strings.Contains(name, "moved") {
			moved = append(moved, name)
		}
	}
	sort.Strings(moved)
	for _, name := range moved {
		of, _, _ := strings.Cut(name, " moved")
		pair(name+", "+of, t.Losses[name], t.Losses[of])
	}
	return b.String()
}
