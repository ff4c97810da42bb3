// Package chart draws the pictures of the example programs: lines and tables of shades,
// side by side in a PNG file.
package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Curve is one line: Y over X, or over 0, 1, 2, ... where X is nil.
type Curve struct {
	Name string
	X, Y []float64
}

// A Panel is one picture: lines, drawn in the order of Curves.
type Panel struct {
	Title, X, Y string
	Log         bool // a logarithmic scale for Y; what is not above 0 is left out
	Curves      []Curve
}

// A Table is one picture: Values[row][column] as shades, the first row on top, light for
// the smallest.
type Table struct {
	Title, X, Y   string
	Columns, Rows []string // names; nil for none
	Values        [][]float64
}

// A Picture is a Panel or a Table.
type Picture interface {
	plot() (*plot.Plot, strip, error)
}

// colours tell curves apart, for people who see few colours too (Okabe and Ito 2008).
var colours = []color.Color{
	color.RGBA{R: 0, G: 114, B: 178, A: 255}, color.RGBA{R: 213, G: 94, B: 0, A: 255}, color.RGBA{R: 230, G: 159, B: 0, A: 255},
	color.RGBA{R: 0, G: 158, B: 115, A: 255}, color.RGBA{R: 204, G: 121, B: 167, A: 255}, color.RGBA{R: 86, G: 180, B: 233, A: 255},
}

// Write draws the pictures side by side and puts them in the place of the file of that
// name in one step, so that a viewer never sees half a file.
func Write(name string, pictures ...Picture) error {
	const width, height = 16 * vg.Centimeter, 11 * vg.Centimeter
	canvas := vgimg.New(width*vg.Length(len(pictures)), height)
	whole := draw.New(canvas)
	for i, p := range pictures {
		drawn, names, err := p.plot()
		if err != nil {
			return err
		}
		left := width * vg.Length(i)
		const right = 6 // points beyond the curves, for half a mark and half a number
		place := draw.Crop(whole, left, left+width-whole.Max.X-vg.Points(right), 0, 0)
		drawn.Draw(names.draw(place))
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".chart-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove after the rename
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Chmod(0o644)
	}
	if also := f.Close(); err == nil {
		err = also
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func (p Panel) plot() (*plot.Plot, strip, error) {
	var names strip
	drawn := plot.New()
	drawn.Title.Text, drawn.X.Label.Text, drawn.Y.Label.Text = p.Title, p.X, p.Y
	drawn.Title.Padding, drawn.Y.Padding = vg.Points(6), vg.Points(4)
	if p.Log {
		drawn.Y.Scale, drawn.Y.Tick.Marker = plot.LogScale{}, powers{}
	}
	drawn.Add(plotter.NewGrid())
	for i, c := range p.Curves {
		points := p.drawable(c)
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, nil, err
		}
		line.Width, line.Color = vg.Points(1.5), colours[i%len(colours)]
		drawn.Add(line)
		names.add(c.Name, line)
		if len(points) < 30 { // a mark for each point, so that one alone is seen
			marks.Shape, marks.Color = draw.CircleGlyph{}, line.Color
			drawn.Add(marks)
		}
	}
	return drawn, names, nil
}

// A strip is the names of curves below a plot, where they cover none: each is a legend of
// one entry, in lines that are filled from left to right.
type strip []plot.Legend

func (s *strip) add(name string, line *plotter.Line) {
	l := plot.NewLegend()
	l.Top, l.Left = true, true
	l.Add(name, line)
	*s = append(*s, l)
}

// draw draws the names at the bottom of a place, and returns what is left of it.
func (s strip) draw(place draw.Canvas) draw.Canvas {
	const edge, between, line = 12, 14, 18 // points
	var at []vg.Point                      // from the top left corner of the strip
	x, lines := vg.Points(edge), 0
	for _, l := range s {
		r := l.Rectangle(place)
		width := r.Max.X - r.Min.X
		if lines == 0 || x+width > place.Max.X-place.Min.X-vg.Points(edge) {
			x = vg.Points(edge)
			lines++
		}
		at = append(at, vg.Point{X: x, Y: vg.Points(line) * vg.Length(lines-1)})
		x += width + vg.Points(between)
	}
	top := place.Min.Y + vg.Points(line)*vg.Length(lines)
	for i, l := range s {
		c := place
		c.Min.X, c.Max.Y = place.Min.X+at[i].X, top-at[i].Y
		l.Draw(c)
	}
	place.Min.Y = top
	return place
}

// drawable leaves out what the scale has no place for.
func (p Panel) drawable(c Curve) plotter.XYs {
	var out plotter.XYs
	for i, y := range c.Y {
		if math.IsNaN(y) || math.IsInf(y, 0) || p.Log && y <= 0 {
			continue
		}
		x := float64(i)
		if c.X != nil {
			x = c.X[i]
		}
		out = append(out, plotter.XY{X: x, Y: y})
	}
	return out
}

// powers are the marks of a logarithmic scale: powers of ten, at most eight with a label.
type powers struct{}

func (powers) Ticks(low, high float64) []plot.Tick {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	every := (last-first)/8 + 1
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		t := plot.Tick{Value: math.Pow(10, float64(e))}
		if t.Value < low || t.Value > high {
			continue // it would take room above or below the curves
		}
		if e%every == 0 {
			t.Label = fmt.Sprintf("1e%d", e)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

func (t Table) plot() (*plot.Plot, strip, error) {
	drawn := plot.New()
	drawn.Title.Text, drawn.X.Label.Text, drawn.Y.Label.Text = t.Title, t.X, t.Y
	drawn.Title.Padding = vg.Points(6)
	if len(t.Values) == 0 || len(t.Values[0]) == 0 {
		return nil, nil, fmt.Errorf("chart: table %q has no values", t.Title)
	}
	for i, row := range t.Values {
		if len(row) != len(t.Values[0]) {
			return nil, nil, fmt.Errorf("chart: row %d of table %q has %d values, want %d as the first", i, t.Title, len(row), len(t.Values[0]))
		}
	}
	drawn.Add(plotter.NewHeatMap(cells{t.Values}, shades{}))
	drawn.X.Tick.Marker = names(t.Columns, false)
	drawn.Y.Tick.Marker = names(t.Rows, true)
	if t.crowded() {
		drawn.X.Tick.Label.Rotation = math.Pi / 2
		drawn.X.Tick.Label.XAlign, drawn.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	}
	return drawn, nil, nil
}

// crowded says whether the names of columns do not fit side by side.
func (t Table) crowded() bool {
	const fit = 70 // letters in the width of a picture
	longest := 0
	for _, name := range t.Columns {
		longest = max(longest, len(name))
	}
	return (2*longest+1)*len(t.Columns) > 2*fit // and half a letter between two
}

// cells are the values of a table, whose first row is the uppermost.
type cells struct{ values [][]float64 }

func (c cells) Dims() (columns, rows int) { return len(c.values[0]), len(c.values) }
func (c cells) Z(column, row int) float64 { return c.values[len(c.values)-1-row][column] }
func (c cells) X(column int) float64      { return float64(column) }
func (c cells) Y(row int) float64         { return float64(row) }

// names puts a name at each place, the first at the top if they go down.
func names(list []string, down bool) plot.Ticker {
	ticks := make([]plot.Tick, len(list))
	for i, name := range list {
		at := i
		if down {
			at = len(list) - 1 - i
		}
		ticks[i] = plot.Tick{Value: float64(at), Label: name}
	}
	return plot.ConstantTicks(ticks)
}

// shades go from white to dark blue.
type shades struct{}

func (shades) Colors() []color.Color {
	list := make([]color.Color, 64)
	for i := range list {
		f := float64(i) / float64(len(list)-1)
		list[i] = color.RGBA{R: uint8(255 - 247*f), G: uint8(255 - 207*f), B: uint8(255 - 148*f), A: 255}
	}
	return list
}
