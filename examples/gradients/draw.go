package main

import (
	"fmt"
	"image/color"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A panel is one picture of curves over their places, on a logarithmic scale.
type panel struct {
	title, x, y string
	curves      []curve
}

// colours tell the curves of a panel apart, for people who see few colours too.
var colours = []color.Color{
	color.RGBA{R: 0, G: 114, B: 178, A: 255}, color.RGBA{R: 213, G: 94, B: 0, A: 255}, color.RGBA{R: 230, G: 159, B: 0, A: 255},
	color.RGBA{R: 0, G: 158, B: 115, A: 255}, color.RGBA{R: 204, G: 121, B: 167, A: 255}, color.RGBA{R: 86, G: 180, B: 233, A: 255},
}

// powers are the marks of a logarithmic scale: powers of ten, at most eight with a label.
type powers struct{}

func (powers) Ticks(low, high float64) []plot.Tick {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	every := (last-first)/8 + 1
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		t := plot.Tick{Value: math.Pow(10, float64(e))}
		if e%every == 0 {
			t.Label = fmt.Sprintf("1e%d", e)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// drawable leaves out what a logarithmic scale has no place for.
func drawable(v []float64) plotter.XYs {
	var out plotter.XYs
	for i, y := range v {
		if y > 0 && !math.IsInf(y, 0) {
			out = append(out, plotter.XY{X: float64(i), Y: y})
		}
	}
	return out
}

// paint writes the panels side by side to a PNG file.
func paint(name string, panels ...panel) error {
	const width, height = 16 * vg.Centimeter, 11 * vg.Centimeter
	canvas := vgimg.New(width*vg.Length(len(panels)), height)
	whole := draw.New(canvas)
	for i, p := range panels {
		drawn := plot.New()
		drawn.Title.Text, drawn.X.Label.Text, drawn.Y.Label.Text = p.title, p.x, p.y
		drawn.Y.Scale, drawn.Y.Tick.Marker = plot.LogScale{}, powers{}
		drawn.Y.Padding, drawn.Title.Padding = vg.Points(4), vg.Points(6)
		drawn.Add(plotter.NewGrid())
		for j, c := range p.curves {
			points := drawable(c.Values)
			if len(points) == 0 {
				continue
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return err
			}
			line.Width, line.Color = vg.Points(1.5), colours[j%len(colours)]
			drawn.Add(line)
			drawn.Legend.Add(c.Name, line)
		}
		drawn.Legend.Left, drawn.Legend.Top = len(panels) == 1, len(panels) > 1
		left := width * vg.Length(i)
		drawn.Draw(draw.Crop(whole, left, left+width-whole.Max.X, 0, 0))
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
