// Package plots draws the results: the ratio to each peer by shape, our speed under the
// roofline, and how speed depends on one size.
package plots

import (
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/simdrnn/simdrnn/bench/internal/op"
	"github.com/simdrnn/simdrnn/bench/internal/report"
)

// group are the records of one tier and number of threads.
type group struct {
	isa     string
	threads int
	records []report.Record
}

func groups(records []report.Record) []group {
	var all []group
	for _, r := range records {
		i := slices.IndexFunc(all, func(g group) bool { return g.isa == r.ISA && g.threads == r.Threads })
		if i < 0 {
			i = len(all)
			all = append(all, group{isa: r.ISA, threads: r.Threads})
		}
		all[i].records = append(all[i].records, r)
	}
	return all
}

// Write draws everything that the records allow to dir and returns the names of the files.
func Write(dir string, run report.Run, records []report.Record) (names []string, err error) {
	save := func(name string, p *plot.Plot, width, height vg.Length) error {
		name += ".svg"
		names = append(names, name)
		return p.Save(width, height, filepath.Join(dir, name))
	}
	for _, g := range groups(records) {
		suffix := fmt.Sprintf("%s-%d", g.isa, g.threads)
		title := g.isa + ", " + report.Threads(g.threads)
		for _, set := range sets(g.records) {
			if size, ok := strings.CutPrefix(set, "scale-"); ok {
				p, err := scaling(g, set, size)
				if err != nil {
					return nil, err
				}
				p.Title.Text = title
				if err := save(set+"-"+suffix, p, 16*vg.Centimeter, 12*vg.Centimeter); err != nil {
					return nil, err
				}
				continue
			}
			p, shapes, err := ratios(g, set)
			if err != nil {
				return nil, err
			}
			if p == nil {
				continue
			}
			p.Title.Text = set + ": " + title
			if err := save("ratio-"+set+"-"+suffix, p, vg.Length(6+shapes)*vg.Centimeter, 18*vg.Centimeter); err != nil {
				return nil, err
			}
		}
		// The speeds of memory are those of one core.
		if g.threads == 1 && len(run.Bandwidth) > 0 {
			p, err := roofline(g, run.Bandwidth)
			if err != nil {
				return nil, err
			}
			if p == nil {
				continue
			}
			p.Title.Text = title
			if err := save("roofline-"+suffix, p, 18*vg.Centimeter, 14*vg.Centimeter); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

func sets(records []report.Record) []string {
	var list []string
	for _, r := range records {
		for _, s := range r.Sets {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

// series are points of each library, in the order of the records.
type series struct {
	names  []string
	points map[string]plotter.XYs
}

func (s *series) add(name string, x, y float64) {
	if s.points == nil {
		s.points = map[string]plotter.XYs{}
	}
	if s.points[name] == nil {
		s.names = append(s.names, name)
	}
	s.points[name] = append(s.points[name], plotter.XY{X: x, Y: y})
}

// draw adds the points to p, joined by lines or not.
func (s *series) draw(p *plot.Plot, joined bool) error {
	for i, name := range s.names {
		xys := s.points[name]
		points, err := plotter.NewScatter(xys)
		if err != nil {
			return err
		}
		points.GlyphStyle = draw.GlyphStyle{Color: plotutil.Color(i), Shape: plotutil.Shape(i), Radius: vg.Points(3)}
		p.Add(points)
		if !joined {
			p.Legend.Add(name, points)
			continue
		}
		line, err := plotter.NewLine(xys)
		if err != nil {
			return err
		}
		line.Color = plotutil.Color(i)
		p.Add(line)
		p.Legend.Add(name, line, points)
	}
	return nil
}

func logarithmic(p *plot.Plot) {
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(ticks), plot.TickerFunc(ticks)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(2)
	p.Add(plotter.NewGrid())
}

// ticks are 1, 2 and 5 times the powers of ten, on a logarithmic axis.
func ticks(from, to float64) []plot.Tick {
	var list []plot.Tick
	for e := math.Floor(math.Log10(from)); e <= math.Log10(to); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= from && v <= to {
				list = append(list, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 4, 64)})
			}
		}
	}
	return list
}

// ratios draws the time of each peer over ours at the shapes of a list. It
// returns nil if there is no peer.
func ratios(g group, set string) (*plot.Plot, int, error) {
	var s series
	var shapes []string
	for _, r := range g.records {
		if !slices.Contains(r.Sets, set) || r.Ratio == nil {
			continue
		}
		i := slices.Index(shapes, r.Name())
		if i < 0 {
			i = len(shapes)
			shapes = append(shapes, r.Name())
		}
		s.add(r.Peer, float64(i), r.Ratio.Median)
	}
	if len(shapes) == 0 {
		return nil, 0, nil
	}
	p := plot.New()
	logarithmic(p)
	p.X.Scale, p.X.Tick.Marker = plot.LinearScale{}, nil
	p.NominalX(shapes...)
	p.X.Tick.Label.Rotation = 0.9
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.Y.Label.Text = "time of the peer over ours; below 1 is a loss"
	level := plotter.NewFunction(func(float64) float64 { return 1 })
	level.Color = color.RGBA{R: 200, A: 255}
	level.Width = vg.Points(1.5)
	if err := s.draw(p, false); err != nil {
		return nil, 0, err
	}
	p.Add(level)
	p.X.Min, p.X.Max = -0.5, float64(len(shapes))+1.5          // and room for the legend
	p.Y.Min, p.Y.Max = min(p.Y.Min, 0.8), 4*max(p.Y.Max, 1.25) // the legend stands at the top
	return p, len(shapes), nil
}

// scaling draws the speed of every library by one size.
func scaling(g group, set, size string) (*plot.Plot, error) {
	var s series
	for _, r := range g.records {
		if !slices.Contains(r.Sets, set) {
			continue
		}
		shape, err := shapeOf(r)
		if err != nil {
			return nil, err
		}
		x := shape.Dim(size)
		if x == 0 {
			return nil, fmt.Errorf("%s, in %s, has no size %s", r.Name(), set, size)
		}
		s.add(r.Peer, float64(x), r.GFLOPS)
	}
	for _, points := range s.points {
		slices.SortFunc(points, func(a, b plotter.XY) int { return int(a.X - b.X) })
	}
	p := plot.New()
	logarithmic(p)
	p.Legend.Top, p.Legend.Left = false, false
	p.X.Label.Text, p.Y.Label.Text = size, "GFLOP/s"
	p.X.Tick.Marker = plot.ConstantTicks(at(s))
	widen(p, s)
	if err := s.draw(p, true); err != nil {
		return nil, err
	}
	p.Y.Min /= 3 // the legend stands there
	return p, nil
}

// at are the places where there are points.
func at(s series) []plot.Tick {
	var list []plot.Tick
	for _, points := range s.points {
		for _, q := range points {
			if !slices.ContainsFunc(list, func(t plot.Tick) bool { return t.Value == q.X }) {
				list = append(list, plot.Tick{Value: q.X, Label: strconv.FormatFloat(q.X, 'g', -1, 64)})
			}
		}
	}
	return list
}

// widen makes room around a plot of points that are all the same: an axis of
// no length cannot be drawn.
func widen(p *plot.Plot, s series) {
	for _, points := range s.points {
		for _, q := range points {
			p.X.Min, p.X.Max = min(p.X.Min, q.X*0.9), max(p.X.Max, q.X*1.1)
			p.Y.Min, p.Y.Max = min(p.Y.Min, q.Y*0.9), max(p.Y.Max, q.Y*1.1)
		}
	}
}

// roofline draws the speed of ours by operations for each byte moved, under what the
// multiply-add units and each level of memory allow. It returns nil if no operation has such a number.
func roofline(g group, levels []report.Level) (*plot.Plot, error) {
	var s series
	var peaks []float64
	least, most := 0.0, 0.0
	for _, r := range g.records {
		if r.Peer != report.Own {
			continue
		}
		shape, err := shapeOf(r)
		if err != nil {
			return nil, err
		}
		if shape.Op.Bytes == nil || r.Peak == 0 {
			continue
		}
		x := shape.Op.FLOPs(shape) / shape.Op.Bytes(shape)
		if least == 0 || x < least {
			least = x
		}
		most = max(most, x)
		s.add(r.Op, x, r.GFLOPS)
		peaks = append(peaks, r.Peak)
	}
	if len(peaks) == 0 {
		return nil, nil
	}
	peak := report.Quartiles(peaks).Median
	p := plot.New()
	logarithmic(p)
	p.Legend.Top, p.Legend.Left = false, false
	p.X.Label.Text, p.Y.Label.Text = "floating-point operations for each byte that has to be moved", "GFLOP/s"
	widen(p, s)
	for i, l := range levels {
		// Up to where the slope meets the peak.
		ridge := peak / l.GBs
		line, err := plotter.NewLine(plotter.XYs{{X: min(least, ridge) / 2, Y: min(least, ridge) / 2 * l.GBs}, {X: ridge, Y: peak}, {X: max(most, ridge) * 2, Y: peak}})
		if err != nil {
			return nil, err
		}
		line.Color = color.Gray{Y: uint8(40 + 45*i)}
		line.Dashes = plotutil.Dashes(i)
		p.Add(line)
		p.Legend.Add(fmt.Sprintf("%s, %.0f GB/s", l.Name, l.GBs), line)
	}
	if err := s.draw(p, false); err != nil {
		return nil, err
	}
	p.Y.Min /= 8 // the legend stands there
	return p, nil
}

// shapeOf returns the shape of a record.
func shapeOf(r report.Record) (op.Shape, error) {
	all, err := op.Parse("of-the-record " + r.Op + " " + strings.ReplaceAll(r.Shape, ",", " "))
	if err != nil {
		return op.Shape{}, err
	}
	return all[0], nil
}
