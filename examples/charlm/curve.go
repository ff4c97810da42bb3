package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A curve is the course of a run: the mean training loss of stretches of steps
// and the held-out looks, in bits per character.
type curve struct {
	train, held plotter.XYs
	stretch     int // steps in a point of train
	sum         float64
	n           int
}

// A curve that reaches maxPoints joins neighbours, so that the file and the
// picture stay small however long the run.
const maxPoints = 2000

func (c *curve) add(step int64, bits float64) {
	c.stretch = max(c.stretch, 1)
	c.sum += bits
	if c.n++; c.n < c.stretch {
		return
	}
	c.train = append(c.train, plotter.XY{X: float64(step), Y: c.sum / float64(c.n)})
	c.sum, c.n = 0, 0
	if len(c.train) == maxPoints {
		for i := range maxPoints / 2 {
			a, b := c.train[2*i], c.train[2*i+1]
			c.train[i] = plotter.XY{X: b.X, Y: (a.Y + b.Y) / 2}
		}
		c.train = c.train[:maxPoints/2]
		c.stretch *= 2
	}
}

// look adds a look at the held-out text, or replaces the one after the same step: a
// run that is resumed with all its steps looks once more.
func (c *curve) look(step int64, bits float64) {
	if n := len(c.held); n > 0 && c.held[n-1].X == float64(step) {
		c.held = c.held[:n-1]
	}
	c.held = append(c.held, plotter.XY{X: float64(step), Y: bits})
}

// readCurve reads the table of a run that is resumed, up to its step. The table
// is only for looking at: what is missing or damaged is left out.
func readCurve(name string, upTo int64) curve {
	c := curve{stretch: 1}
	b, err := os.ReadFile(name)
	if err != nil {
		return c
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = 3
	rows, err := r.ReadAll()
	if err != nil {
		return c
	}
	for _, row := range rows {
		step, err1 := strconv.ParseInt(row[0], 10, 64)
		bits, err2 := strconv.ParseFloat(row[2], 64)
		if err1 != nil || err2 != nil || step > upTo {
			continue
		}
		if row[1] == "held-out" {
			c.look(step, bits)
		} else {
			c.train = append(c.train, plotter.XY{X: float64(step), Y: bits})
		}
	}
	if n := len(c.train); n > 1 {
		c.stretch = max(1, int(c.train[n-1].X-c.train[n-2].X))
	}
	return c
}

// write saves the table and the picture.
func (c *curve) write(table, picture string) error {
	var b bytes.Buffer
	b.WriteString("step,text,bits per character\n")
	for _, p := range c.train {
		fmt.Fprintf(&b, "%.0f,training,%.4f\n", p.X, p.Y)
	}
	for _, p := range c.held {
		fmt.Fprintf(&b, "%.0f,held-out,%.4f\n", p.X, p.Y)
	}
	if err := replace(table, func(w io.Writer) error { _, err := b.WriteTo(w); return err }); err != nil {
		return err
	}
	p := plot.New()
	p.Title.Text = "charlm"
	p.X.Label.Text = "steps"
	p.Y.Label.Text = "bits per character"
	p.Add(plotter.NewGrid())
	p.Legend.Top = true
	for i, s := range []struct {
		name   string
		points plotter.XYs
	}{{"training", c.train}, {"held-out", c.held}} {
		points := finite(s.points)
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Width = vg.Points(1.5)
		line.Color = []color.Color{color.RGBA{R: 120, G: 160, B: 220, A: 255}, color.RGBA{R: 200, G: 60, B: 40, A: 255}}[i]
		p.Add(line)
		p.Legend.Add(s.name, line)
		if len(points) < 30 { // a mark for each look, and one look alone is seen
			marks.Shape, marks.Color = draw.CircleGlyph{}, line.Color
			p.Add(marks)
		}
	}
	drawn, err := p.WriterTo(18*vg.Centimeter, 11*vg.Centimeter, "png")
	if err != nil {
		return err
	}
	return replace(picture, func(w io.Writer) error { _, err := drawn.WriteTo(w); return err })
}

// finite leaves out what cannot be drawn.
func finite(s plotter.XYs) plotter.XYs {
	var out plotter.XYs
	for _, p := range s {
		if !math.IsNaN(p.Y) && !math.IsInf(p.Y, 0) {
			out = append(out, p)
		}
	}
	return out
}
