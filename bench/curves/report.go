package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/kernels"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A curve is one line of a plot and one column of the raw numbers.
type curve struct {
	name string
	y    []float64
}

// pairs are which runs of PyTorch are compared where ours have to be judged.
var pairs = []string{"ours, float64", "ours, float32", "float32, float64", "float32 moved, float32", "float64 moved, float64", "ours, float64 fed with our gradients"}

// curves are the differences of a comparison.
func (r *compared) curves(adaptive bool) (all []curve) {
	if adaptive {
		for _, name := range pairs {
			c := curve{name: name}
			for _, d := range r.theirs.Apart[name] {
				c.y = append(c.y, d.By)
			}
			all = append(all, c)
		}
		return all
	}
	l := r.theirs.Losses
	apart := func(name string, a, b []float64) {
		c := curve{name: name}
		for i := range a {
			c.y = append(c.y, math.Abs(a[i]-b[i]))
		}
		all = append(all, c)
	}
	apart("ours, PyTorch", r.ours, l["float32"])
	apart("ours, PyTorch in float64", r.ours, l["float64"])
	apart("PyTorch, PyTorch in float64", l["float32"], l["float64"])
	apart("PyTorch moved by 1 ulp, PyTorch", l["float32 moved"], l["float32"])
	return all
}

// report writes raw numbers, plots and a table to folder.
func report(folder string, adaptive bool, all []*compared) error {
	var table strings.Builder
	fmt.Fprintf(&table, "kernels %v, torch %s\n\n", kernels.Current(), all[0].theirs.Torch)
	stem := "curves"
	if adaptive {
		stem = "adaptive"
	}
	var raw strings.Builder
	for i, r := range all {
		curves := r.curves(adaptive)
		if i == 0 {
			raw.WriteString("run,update,\"loss, ours\",\"loss, PyTorch\"")
			table.WriteString("| run |")
			for _, c := range curves {
				fmt.Fprintf(&table, " %s |", c.name)
				fmt.Fprintf(&raw, ",%q", c.name)
			}
			raw.WriteString("\n")
			table.WriteString(" loss, first and last |\n|---|" + strings.Repeat("---:|", 1+len(curves)) + "\n")
		}
		fmt.Fprintf(&table, "| %s |", r.Name)
		for _, c := range curves {
			fmt.Fprintf(&table, " %.2g |", slices.Max(c.y))
		}
		fmt.Fprintf(&table, " %.4f, %.4f |\n", r.ours[0], r.ours[len(r.ours)-1])
		for u := range r.ours {
			fmt.Fprintf(&raw, "%q,%d,%.9g,%.9g", r.Name, u+1, r.ours[u], r.theirs.Losses["float32"][u])
			for _, c := range curves {
				fmt.Fprintf(&raw, ",%.3g", c.y[u+len(c.y)-len(r.ours)]) // of weights there are those before the first update too
			}
			raw.WriteString("\n")
		}
		name := strings.NewReplacer(", ", "-", " ", "-").Replace(strings.ToLower(r.Name))
		if err := r.draw(filepath.Join(folder, stem+"-"+name+".svg"), adaptive); err != nil {
			return err
		}
	}
	if adaptive {
		table.WriteString(parting(all))
	}
	if err := os.WriteFile(filepath.Join(folder, stem+".csv"), []byte(raw.String()), 0o666); err != nil {
		return err
	}
	fmt.Print(table.String())
	return os.WriteFile(filepath.Join(folder, stem+".md"), []byte(table.String()), 0o666)
}

// parting says after which update, and where, two runs are first further apart than the promise
// for one step.
func parting(all []*compared) string {
	const promise = 1e-5
	var b strings.Builder
	fmt.Fprintf(&b, "\n| run | what | first update beyond %v | where | by |\n|---|---|---:|---|---:|\n", promise)
	for _, r := range all {
		for _, name := range pairs {
			row := "none | | "
			for u, d := range r.theirs.Apart[name] {
				if d.By > promise {
					row = fmt.Sprintf("%d | %s[%d] | %.2g", u, d.Tensor, d.At, d.By)
					break
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Name, name, row)
		}
	}
	b.WriteString("\nThe gradient of the first update, where float32 and float64 are furthest apart after it:\n\n" +
		"| run | where | float64 | float32 | float32 moved | ours | largest of the tensor |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, r := range all {
		f := r.theirs.First
		fmt.Fprintf(&b, "| %s | %s[%d] | %.6g | %.6g | %.6g | %.6g | %.3g |\n", r.Name, f.Tensor, f.At, f.Float64, f.Float32, f.Moved, f.Ours, f.Largest)
	}
	return b.String()
}

var colours = []color.Color{
	color.RGBA{0x1f, 0x77, 0xb4, 255}, color.RGBA{0xff, 0x7f, 0x0e, 255}, color.RGBA{0x2c, 0xa0, 0x2c, 255},
	color.RGBA{0xd6, 0x27, 0x28, 255}, color.RGBA{0x94, 0x67, 0xbd, 255}, color.RGBA{0x8c, 0x56, 0x4b, 255},
}

// draw writes a plot of the differences over the updates.
func (r *compared) draw(name string, adaptive bool) error {
	p := plot.New()
	p.Title.Text = r.Name
	p.X.Label.Text, p.Y.Label.Text = "update", "difference of the losses"
	if adaptive {
		p.Y.Label.Text = "largest difference of a weight, relative to its tensor"
	}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = false, false
	const least = 1e-10 // of a logarithm: equal numbers are drawn here
	for i, c := range r.curves(adaptive) {
		points := make(plotter.XYs, len(c.y))
		for u, v := range c.y {
			points[u] = plotter.XY{X: float64(u), Y: max(v, least)}
		}
		l, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		l.Color, l.Width = colours[i], vg.Points(0.8)
		if i%2 == 1 {
			l.Dashes = []vg.Length{vg.Points(3), vg.Points(2)}
		}
		p.Add(l)
		p.Legend.Add(c.name, l)
	}
	p.Add(plotter.NewGrid())
	p.Legend.YPosition = draw.PosBottom
	return p.Save(18*vg.Centimeter, 11*vg.Centimeter, name)
}
