package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
)

// maxValues is how many values all series may have.
const maxValues = 1_000_000

// A series is one column.
type series struct {
	name   string
	values []float32
}

// read returns the series of the flags.
func (o *options) read() ([]series, error) {
	if o.csv == "" {
		return generate(o.series, o.length, o.season, o.Seed), nil
	}
	text, err := program.ReadText("csv", o.csv)
	if err != nil {
		return nil, err
	}
	all, err := readCSV(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; name a file with a column of numbers for each series with -csv", o.csv, err)
	}
	return all, nil
}

// generate makes series. The numbers are the same on every machine.
func generate(n, length, season int, seed uint64) []series {
	all := make([]series, n)
	for i := range all {
		r := rand.New(rand.NewPCG(seed, 20+uint64(i)))
		normal := func() float64 { // the sum of twelve numbers of 0 to 1 has the variance 1
			sum := -6.0
			for range 12 {
				sum += r.Float64()
			}
			return sum
		}
		level, slope := 50+float64(100*r.Float64()), float64(20*r.Float64())/float64(length)
		size, peak := 5+float64(10*r.Float64()), float64(2*r.Float64())-1
		strength, disturbance := float64(2*r.Float64())-1, 0.0
		values := make([]float32, length)
		for t := range values {
			if t%season == 0 {
				strength = 1 - float64(1.9*math.Abs(strength)) // the tent map
			}
			fade := 0.3 // what is low fades fast, and what is high lasts
			if disturbance > 0 {
				fade = 0.95
			}
			disturbance = float64(fade*disturbance) + float64(0.06*normal())
			angle := float64(2*math.Pi*float64(t%season)) / float64(season)
			day := kernels.Cos(angle-peak) + float64(0.5*kernels.Cos(float64(2*angle)+peak))
			values[t] = float32(level + float64(slope*float64(t)) + float64(size*(float64((1+float64(0.6*strength))*day)+disturbance)))
		}
		all[i] = series{fmt.Sprintf("series%d", i+1), values}
	}
	return all
}

// readCSV reads the columns that are numbers.
func readCSV(f io.Reader) ([]series, error) {
	in := csv.NewReader(f)
	in.TrimLeadingSpace, in.ReuseRecord = true, true
	var all []series
	var columns []int
	var names []string
	values := 0
	for {
		record, err := in.Read()
		switch {
		case errors.Is(err, io.EOF) && len(columns) > 0:
			return all, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("there is no line of numbers")
		case err != nil:
			return nil, err
		}
		line, _ := in.FieldPos(0)
		if columns == nil {
			for i, field := range record {
				if _, err := strconv.ParseFloat(strings.TrimSpace(field), 32); err == nil {
					columns = append(columns, i)
				}
			}
			if columns == nil {
				if names != nil {
					return nil, fmt.Errorf("lines 1 and %d have no number, want names in the first line alone", line)
				}
				names = append(names, record...)
				continue
			}
			for _, c := range columns {
				name := fmt.Sprintf("series%d", c+1)
				if names != nil {
					name = strings.TrimSpace(names[c])
				}
				all = append(all, series{name: name})
			}
		}
		for i, c := range columns {
			v, err := strconv.ParseFloat(strings.TrimSpace(record[c]), 32)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("line %d has %q for %s, want a number; fill in what is missing", line, record[c], all[i].name)
			}
			all[i].values = append(all[i].values, float32(v))
		}
		if values += len(columns); values > maxValues {
			return nil, fmt.Errorf("there are more than %d numbers; use fewer lines or columns", maxValues)
		}
	}
}
