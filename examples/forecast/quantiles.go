package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/loss"
)

// With -quantiles the network tells several values for each step ahead: below the one of level
// 0.1 lies a tenth of what comes. The forecast in the middle, of level 0.5, is the point forecast.

// parseLevels reads the levels of -quantiles, "" for none.
func parseLevels(list string) (levels []float32, err error) {
	if list == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(list, ",") {
		q, err := strconv.ParseFloat(strings.TrimSpace(word), 32)
		if err != nil || !(q > 0 && q < 1) {
			return nil, fmt.Errorf("-quantiles has %q, want numbers above 0 and below 1, separated by commas", word)
		}
		if n := len(levels); n > 0 && float32(q) <= levels[n-1] {
			return nil, fmt.Errorf("-quantiles has %g after %g, want ascending levels", q, levels[n-1])
		}
		levels = append(levels, float32(q))
	}
	if !slices.Contains(levels, 0.5) {
		return nil, fmt.Errorf("-quantiles %s has no 0.5, which is the point forecast", list)
	}
	if len(levels) > 99 {
		return nil, fmt.Errorf("-quantiles has %d levels, want at most 99", len(levels))
	}
	return levels, nil
}

// values is how many values the network tells for each step ahead.
func (o *options) values() int { return max(1, len(o.levels)) }

// criterion is the loss.
func (o *options) criterion() loss.Loss {
	if o.levels == nil {
		return losses[o.loss]
	}
	var all []float32 // of each output, [level][horizon]
	for _, q := range o.levels {
		for range o.horizon {
			all = append(all, q)
		}
	}
	return loss.Quantile{Levels: all}
}

// ascending sorts the values of each step ahead, [origin][level][horizon]: a network does not know
// that a higher level has a higher value (Chernozhukov, Fernandez-Val and Galichon 2010,
// "Quantile and probability curves without crossing").
func (k *task) ascending(forecasts []float32) []float32 {
	v := make([]float32, k.levels)
	for at := 0; at < len(forecasts); at += k.levels * k.horizon {
		of := forecasts[at:][:k.levels*k.horizon]
		for h := range k.horizon {
			for i := range v {
				v[i] = of[i*k.horizon+h]
			}
			slices.Sort(v)
			for i := range v {
				of[i*k.horizon+h] = v[i]
			}
		}
	}
	return forecasts
}

// level returns one level of forecasts [origin][level][horizon].
func (k *task) level(forecasts []float32, i int) []float32 {
	if k.levels == 1 {
		return forecasts
	}
	var of []float32
	for at := i * k.horizon; at < len(forecasts); at += k.levels * k.horizon {
		of = append(of, forecasts[at:][:k.horizon]...)
	}
	return of
}

// point returns the point forecasts of forecasts [origin][level][horizon].
func (o *options) point(k *task, forecasts []float32) []float32 {
	return k.level(forecasts, max(0, slices.Index(o.levels, 0.5)))
}

// An errors is the errors of point forecasts in the part for training, in ascending order, for each
// series and each step ahead.
type errorsOf [][][]float32

// errorsIn returns the errors of point forecasts [origin][horizon].
func (k *task) errorsIn(origins []origin, point []float32) errorsOf {
	all := make(errorsOf, len(k.all))
	for s := range all {
		all[s] = make([][]float32, k.horizon)
	}
	for i, g := range origins {
		for h := range k.horizon {
			all[g.series][h] = append(all[g.series][h], k.all[g.series].v[g.at+1+h]-point[i*k.horizon+h])
		}
	}
	for _, of := range all {
		for _, v := range of {
			slices.Sort(v)
		}
	}
	return all
}

// around returns point forecasts [origin][horizon] with the quantiles of the errors that they had
// in training, [origin][level][horizon]: how methods that tell one value tell several.
func (o *options) around(k *task, origins []origin, point []float32, errs errorsOf) []float32 {
	var out []float32
	for i, g := range origins {
		for _, q := range o.levels {
			for h := range k.horizon {
				v := errs[g.series][h]
				at := max(0, int(math.Ceil(float64(float64(q)*float64(len(v)))))-1)
				out = append(out, point[i*k.horizon+h]+v[at])
			}
		}
	}
	return out
}

// pinball is the mean over levels and steps of twice the pinball loss, scaled as MASE is, and
// inside is the share of what came between the lowest and the highest level. With the level 0.5
// alone it is MASE.
func (o *options) pinball(k *task, origins []origin, forecasts []float32) (mean, inside float64) {
	sums, n := make([]float64, len(k.all)), make([]float64, len(k.all))
	width := k.levels * k.horizon
	for i, g := range origins {
		of := forecasts[i*width:][:width]
		for h := range k.horizon {
			y := k.all[g.series].v[g.at+1+h]
			for l, q := range o.levels {
				d := float64(of[l*k.horizon+h]) - float64(y)
				if d >= 0 {
					sums[g.series] += float64(2 * (1 - float64(q)) * d)
				} else {
					sums[g.series] -= float64(2 * float64(q) * d)
				}
				n[g.series]++
			}
			if of[h] <= y && y <= of[(k.levels-1)*k.horizon+h] {
				inside += 1 / float64(len(origins)*k.horizon)
			}
		}
	}
	for s, e := range sums {
		mean += e / n[s] / k.all[s].yard / float64(len(k.all))
	}
	return mean, inside
}

// quantileTable is what all methods reach in telling quantiles; solved says that the network is the
// best of them in testing.
func (o *options) quantileTable(k *task, line linear, name string, own, ownTest []float32) (text string, solved bool) {
	train, valid, test := k.origins(0, k.train, 1), k.origins(k.train, k.valid, 1), k.origins(k.valid, k.length, 1)
	text = "pinball         validation   testing    inside\n"
	row := func(name string, onValid, onTest []float32) float64 {
		v, _ := o.pinball(k, valid, onValid)
		t, inside := o.pinball(k, test, onTest)
		text += fmt.Sprintf("%-14s %11.3f %9.3f %8.1f%%\n", name, v, t, 100*inside)
		return t
	}
	least := math.Inf(1)
	for _, m := range []struct {
		name  string
		point func([]origin) []float32
	}{{"naive", k.naive}, {"seasonal naive", k.seasonalNaive}, {"linear", func(g []origin) []float32 { return line.forecasts(k, g) }}} {
		errs := k.errorsIn(train, m.point(train))
		least = min(least, row(m.name, o.around(k, valid, m.point(valid), errs), o.around(k, test, m.point(test), errs)))
	}
	return text, row(name, own, ownTest) < least
}
