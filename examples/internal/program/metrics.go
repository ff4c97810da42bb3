package program

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/simdrnn/simdrnn/examples/internal/chart"
)

// A lateFile is opened for appending by the first Write.
type lateFile struct {
	name string
	file *os.File
}

func (f *lateFile) Write(b []byte) (int, error) {
	if f.file == nil {
		var err error
		if f.file, err = os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
			return 0, err
		}
	}
	return f.file.Write(b)
}

func (f *lateFile) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// A point is a line of metrics.
type point struct {
	Event      string
	Step       int64
	Loss, Norm *float64 // nil: not finite
}

// number is what a line has, NaN where that is not finite.
func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// lines calls f for each line of metrics that is whole.
func lines(name string, f func(line []byte, p point)) error {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	for scan.Scan() {
		var p point
		if json.Unmarshal(scan.Bytes(), &p) == nil { // a run that was killed may have left a part of one
			f(scan.Bytes(), p)
		}
	}
	return scan.Err()
}

// trim removes what a run that was killed has written after its last checkpoint.
func trim(name string, last int64) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept bytes.Buffer
	if err := lines(name, func(line []byte, p point) {
		if p.Step <= last {
			kept.Write(line)
			kept.WriteByte('\n')
		}
	}); err != nil {
		return err
	}
	return replace(name, kept.Bytes())
}

// curvePoints is how many points the line of the training loss has at most: each is the
// mean over a stretch of updates.
const curvePoints = 300

// Curves returns the losses of the training in the folder dir by update, each as its scale
// shows it: those of updates, as means over stretches, and those of validations. For a
// picture of several trainings.
func Curves(dir string, training, validation Scale) (train, valid chart.Curve, err error) {
	var losses chart.Curve
	err = lines(filepath.Join(dir, metricsFile), func(_ []byte, p point) {
		switch p.Event {
		case "step":
			losses.X, losses.Y = append(losses.X, float64(p.Step)), append(losses.Y, number(p.Loss))
		case "validation":
			valid.X, valid.Y = append(valid.X, float64(p.Step)), append(valid.Y, validation.of(number(p.Loss)))
		}
	})
	train = means(losses)
	for i, l := range train.Y {
		train.Y[i] = training.of(l)
	}
	train.Name, valid.Name = "training", "validation"
	return train, valid, err
}

// Norms returns the norms of the gradient by update, as means over stretches as in Curves.
func Norms(dir string) (chart.Curve, error) {
	var norms chart.Curve
	err := lines(filepath.Join(dir, metricsFile), func(_ []byte, p point) {
		if p.Event == "step" {
			norms.X, norms.Y = append(norms.X, float64(p.Step)), append(norms.Y, number(p.Norm))
		}
	})
	return means(norms), err
}

// means is c as means over stretches, each at its last place.
func means(c chart.Curve) (out chart.Curve) {
	stretch := (len(c.X) + curvePoints - 1) / curvePoints
	for i := 0; i < len(c.X); i += stretch {
		sum, n := 0.0, min(stretch, len(c.X)-i)
		for _, v := range c.Y[i : i+n] {
			sum += v
		}
		out.X, out.Y = append(out.X, c.X[i+n-1]), append(out.Y, sum/float64(n))
	}
	return out
}

// draw draws the picture of a training.
func (r *Run) draw(dir string) error {
	validation := r.Scale
	if r.Validation != nil {
		validation = *r.Validation
	}
	train, valid, err := Curves(dir, r.Scale, validation)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, curveFile)
	panel := chart.Panel{Title: r.Title, X: "updates", Y: r.Scale.Name, Log: r.Scale.Log, Curves: []chart.Curve{train}}
	if validation.Name == r.Scale.Name {
		panel.Curves = append(panel.Curves, valid)
		return chart.Write(name, panel)
	}
	return chart.Write(name, panel, chart.Panel{Title: r.Title, X: "updates", Y: validation.Name, Log: validation.Log, Curves: []chart.Curve{valid}})
}
