// Forecast trains a network to forecast several series, and compares it with simple methods.
//
//	go -C examples run ./forecast                      on series that it makes
//	go -C examples run ./forecast -csv FILE -season 7  on series of your own, a week of days
//	go -C examples run ./forecast -resume              go on where Ctrl-C stopped
//	go -C examples run ./forecast -resume -epochs 99   go on for longer
//
// A file has a column for each series, and may have names in the first line; columns that
// are no numbers, such as dates, are left out. Without a file each series is a trend, a
// season of one shape, and a disturbance that lasts when it is high and fades fast when it
// is low. After a strong season and after a weak one comes a weak one, and after a middling
// one a strong one: a rule that no linear method can use.
//
// Each series is cut in time into parts for training, validation and testing, as 8:1:1.
// From the last -context steps, one network for all series forecasts the next -horizon
// ones at once: an LSTM that reads by how much a value differs from that of a season
// before and from the mean of the last season, and tells by how much the next ones will
// differ from those of a season before. So a trend does not lead out of what it has seen.
//
// The measure is MASE (Hyndman and Koehler 2006): the mean absolute error, divided by that
// of the seasonal naive forecast one season ahead in the part for training, as a mean over the
// series. Beside it stand
//
//	naive           the last value stays
//	seasonal naive  each value is that of a season before
//	linear          least squares on all the values that the network sees, for each step ahead
//
// The exit status is 1 if the network is not better than all of them in testing.
//
// With -quantiles 0.1,0.5,0.9 the network tells quantiles of what comes, trained by the pinball loss.
// A second table has twice the mean pinball loss over the levels, scaled as MASE is, and the share of
// values that came inside of the lowest and the highest level. The other methods tell their
// forecast with the quantiles that its errors had in the part for training, for each series and
// step ahead. Then the network must be better in this table.
//
// The folder that -out names gets the checkpoints, the settings, the metrics, the picture
// of the training, forecast.png, which shows forecasts of the part for testing, and
// forecast.csv: what follows the end of the series, with -quantiles a column for each level.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/loss"
)

func main() { program.Main("forecast", run) }

// about stands above the list of flags.
const about = `Trains a network to forecast series, and compares it with simple methods.
`

// options are the flags.
type options struct {
	*program.Flags
	csv                      string
	series, length           int
	season, context, horizon int

	hidden, layers, batch, stride int
	loss, quantiles               string
	levels                        []float32 // of quantiles
	rate, clip, dropout           float64
	patience                      int
}

// losses are what -loss knows.
var losses = map[string]loss.Loss{"mae": loss.MAE{}, "mse": loss.MSE{}, "huber": loss.Huber{}}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("forecast", about, stderr, program.Limits{Epochs: 25})
	o := &options{Flags: f}
	f.StringVar(&o.csv, "csv", "", "`file` with a column for each series (default: series that the program makes)")
	f.IntVar(&o.series, "series", 8, "make `n` series")
	f.IntVar(&o.length, "length", 3000, "make series of `n` steps")
	f.IntVar(&o.season, "season", 24, "`steps` of a season")
	f.IntVar(&o.context, "context", 72, "`steps` that the network sees")
	f.IntVar(&o.horizon, "horizon", 24, "`steps` to forecast, at most a season")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of each layer")
	f.IntVar(&o.layers, "layers", 1, "LSTM `layers`")
	f.IntVar(&o.batch, "batch", 32, "`n` windows of a series for each update")
	f.IntVar(&o.stride, "stride", 7, "`steps` from one window for training to the next")
	f.StringVar(&o.loss, "loss", "mae", "`name` of the loss: mae, mse or huber")
	f.StringVar(&o.quantiles, "quantiles", "", "tell quantiles of these `levels`, as 0.1,0.5,0.9; 0.5 is the point forecast")
	f.Float64Var(&o.rate, "rate", 3e-3, "learning `rate` of Adam, which is halved after every 8 epochs")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.Float64Var(&o.dropout, "dropout", 0.1, "`share` of the units before the readout that are left out in training")
	f.IntVar(&o.patience, "patience", 8, "stop after `n` epochs without a better validation; 0: never")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.levels, err = parseLevels(o.quantiles); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing, and flags that contradict each other.
func (o *options) check() error {
	switch {
	case o.levels != nil && o.Given("loss") && !o.Resume:
		return errors.New("-quantiles has a loss of its own, the pinball loss: leave it or -loss out")
	case losses[o.loss] == nil:
		return fmt.Errorf("-loss is %q, want mae, mse or huber", o.loss)
	case o.csv != "" && !o.Resume && (o.Given("series") || o.Given("length")):
		return errors.New("-series and -length are for series that the program makes: leave them or -csv out")
	}
	return errors.Join(
		program.Between("series", o.series, 1, 1000), program.Between("length", o.length, 10, maxValues),
		program.Between("series times -length", o.series*o.length, 1, maxValues),
		program.Between("season", o.season, 1, 1000), program.Between("context", o.context, 1, 1000),
		program.Between("horizon", o.horizon, 1, o.season),
		program.Between("hidden", o.hidden, 1, 1<<10), program.Between("layers", o.layers, 1, 16),
		program.Between("batch", o.batch, 1, 1<<9), program.Between("stride", o.stride, 1, maxValues),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("dropout", o.dropout, 0, 0.99), program.Between("patience", o.patience, 0, 1e6),
	)
}
