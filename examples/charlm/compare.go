package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/plotter"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
)

// drawCompared draws the curves of the models in several folders on one picture, and prints
// what each of them has come to.
func (o *options) drawCompared(stdout io.Writer) error {
	train := chart.Panel{Title: "training", X: "steps", Y: "bits per character"}
	held := chart.Panel{Title: "held-out text", X: "steps", Y: "bits per character"}
	var lines []string
	for _, dir := range strings.Split(o.compare, ",") {
		name := filepath.Join(dir, "model.ckpt")
		c, err := bptt.ReadCheckpointFile(name)
		if err != nil {
			return fmt.Errorf("%w; name folders of trained models with -compare", err)
		}
		s, err := stored(c)
		if err != nil {
			return fmt.Errorf("the checkpoint %s cannot be used: %w", name, err)
		}
		curve := readCurve(filepath.Join(dir, "loss.csv"), c.Step)
		if len(curve.held) == 0 {
			return fmt.Errorf("%s has no curve of the model beside it; go on with -resume -out %s, which measures it", name, dir)
		}
		label := fmt.Sprintf("%s %d x %d, %s", strings.ToUpper(s.Cell), s.Layers, s.Hidden, filepath.Base(dir))
		train.Curves = append(train.Curves, line(label, curve.train))
		held.Curves = append(held.Curves, line(label, curve.held))
		last := curve.held[len(curve.held)-1]
		lines = append(lines, fmt.Sprintf("%s: held-out %.3f bits/char after %.0f steps", label, last.Y, last.X))
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return notWritable(err)
	}
	picture := filepath.Join(o.out, "compare.png")
	if err := chart.Write(picture, held, train); err != nil {
		return notWritable(err)
	}
	_, err := fmt.Fprintf(stdout, "%s\ndrawn in %s\n", strings.Join(lines, "\n"), picture)
	return err
}

// line is a curve of the picture.
func line(name string, points plotter.XYs) chart.Curve {
	c := chart.Curve{Name: name}
	for _, p := range points {
		c.X, c.Y = append(c.X, p.X), append(c.Y, p.Y)
	}
	return c
}
