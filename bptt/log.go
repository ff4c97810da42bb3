package bptt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// Log says what Run writes about itself.
type Log struct {
	// Logger, if set, gets a record of the level Level with the message "step" after every
	// EverySteps updates (0: every update), but for the first one not before Every has passed
	// since the last, and with "epoch", "validation", "checkpoint"
	// and "end" for each of these; an update that is left out is "skip", of the level
	// slog.LevelWarn. Where the ranks of a Plan.Group have several tiers, the first rank
	// begins its first Run with "tiers", of the level slog.LevelWarn. The attributes are named
	// as the keys of Metrics.
	Logger     *slog.Logger
	Level      slog.Level
	EverySteps int64
	Every      time.Duration

	// Metrics, if set, gets the same as JSON: one object a line, each written by one call
	// of Write, after every MetricsEvery updates (0: every update). The key "event" is the
	// message, and the others are
	//
	//	tiers       ranks, tiers: how many there are, and Trainer.Tiers as text
	//	step        step, epoch, loss, count, counted, norm, rate, skipped, seconds, per_second: Progress and Report
	//	skip        step, epoch, loss, param, skipped, in_row: NonFiniteError; skipped counts them all, in_row the last ones
	//	epoch       step, epoch, loss, count: EpochEnd
	//	validation  step, epoch, loss, count, best, best_loss, best_step, since: Validation
	//	checkpoint  step, file
	//	end         step, epoch, skipped, seconds, early_stop, error: Report; error is what Run returns, "" at a limit and by ErrStop
	//
	// NaN and infinities are null. An error of Write ends the training. A run that was
	// killed has written more than its last checkpoint knows of: the run that resumes it
	// writes lines of these updates again, with the same numbers.
	Metrics      io.Writer
	MetricsEvery int64
}

func (l *Log) check() error {
	if l.EverySteps < 0 || l.MetricsEvery < 0 {
		return fmt.Errorf("bptt: Plan.Log every %d steps, and metrics every %d, want 0 or more", l.EverySteps, l.MetricsEvery)
	}
	if l.Every < 0 {
		return fmt.Errorf("bptt: Plan.Log.Every is %v, want 0 or more", l.Every)
	}
	if l.Logger == nil && (l.EverySteps > 0 || l.Every > 0 || l.Level != 0) {
		return errors.New("bptt: Plan.Log without Logger; slog.Default() is one, or leave Level, EverySteps and Every out")
	}
	if l.Metrics == nil && l.MetricsEvery > 0 {
		return errors.New("bptt: Plan.Log.MetricsEvery without Metrics; set what the lines are written to")
	}
	if l.Metrics != nil && nilcheck.IsNil(l.Metrics) {
		return fmt.Errorf("bptt: Plan.Log.Metrics is a nil %T", l.Metrics)
	}
	return nil
}

// logger writes what Log asks for.
type logger struct {
	plan  *Log
	line  []byte
	attrs []slog.Attr

	failed bool      // the last line could not be written
	last   time.Time // when the last record of an update was written
	tiered bool      // the tiers of the ranks have been written
}

func (l *logger) init(t *Trainer) { l.plan = &t.plan.Log }

// dueAt says whether the update of that number is one of those to write.
func dueAt(step, every int64) bool { return every <= 1 || step%every == 0 }

// tiers is written once, by the first rank, if the ranks have several.
func (l *logger) tiers(r *ranks) error {
	if l.tiered || !r.first() || !r.tiers.Differ() {
		return nil
	}
	l.tiered = true
	return l.write("tiers", slog.LevelWarn, true, true, func() {
		l.count("ranks", int64(len(r.tiers)))
		l.text("tiers", r.tiers.String())
	})
}

func (l *logger) step(p Progress, perSecond float64) error {
	record := dueAt(p.Step, l.plan.EverySteps)
	if record && l.plan.Every > 0 {
		if record = time.Since(l.last) >= l.plan.Every; record {
			l.last = time.Now()
		}
	}
	return l.write("step", l.plan.Level, record, dueAt(p.Step, l.plan.MetricsEvery), func() {
		l.place(p.Step, p.Epoch, p.Loss)
		l.count("count", int64(p.Count))
		l.count("counted", p.Counted)
		l.number("norm", p.Norm)
		l.number("rate", p.Rate)
		l.count("skipped", p.Skipped)
		l.number("seconds", p.Elapsed.Seconds())
		l.number("per_second", perSecond)
	})
}

func (l *logger) skip(e *NonFiniteError, c counts) error {
	return l.write("skip", slog.LevelWarn, true, true, func() {
		l.place(e.Step, c.epoch, e.Loss)
		l.text("param", e.Param)
		l.count("skipped", c.skipped)
		l.count("in_row", c.inRow)
	})
}

func (l *logger) epoch(e EpochEnd) error {
	return l.event("epoch", func() {
		l.place(e.Step, e.Epoch, e.Loss)
		l.count("count", e.Count)
	})
}

func (l *logger) validation(v Validation) error {
	return l.event("validation", func() {
		l.place(v.Step, v.Epoch, v.Loss)
		l.count("count", int64(v.Count))
		l.truth("best", v.Best)
		l.number("best_loss", v.BestLoss)
		l.count("best_step", v.BestStep)
		l.count("since", v.Since)
	})
}

func (l *logger) checkpoint(step int64, file string) error {
	return l.event("checkpoint", func() {
		l.count("step", step)
		l.text("file", file)
	})
}

func (l *logger) end(r Report, err error) error {
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	// A writer that has just failed, which is err then, is not asked again.
	return l.write("end", l.plan.Level, true, !l.failed, func() {
		l.count("step", r.Step)
		l.count("epoch", r.Epoch)
		l.count("skipped", r.Skipped)
		l.number("seconds", r.Elapsed.Seconds())
		l.truth("early_stop", r.EarlyStop)
		l.text("error", reason)
	})
}

// event writes a record of the plan's level and a line.
func (l *logger) event(name string, fields func()) error {
	return l.write(name, l.plan.Level, true, true, fields)
}

// write writes a record and a line, where these are wanted, of what fields adds.
func (l *logger) write(event string, level slog.Level, record, line bool, fields func()) error {
	record = record && l.plan.Logger != nil && l.plan.Logger.Enabled(context.Background(), level)
	line = line && l.plan.Metrics != nil
	if !record && !line {
		return nil
	}
	l.attrs = l.attrs[:0]
	l.line = append(l.line[:0], `{"event":"`...)
	l.line = append(append(l.line, event...), '"')
	fields()
	if record {
		l.plan.Logger.LogAttrs(context.Background(), level, event, l.attrs...)
	}
	if !line {
		return nil
	}
	l.line = append(l.line, "}\n"...)
	err := writeLine(l.plan.Metrics, l.line)
	if l.failed = err != nil; l.failed {
		return fmt.Errorf("bptt: Plan.Log.Metrics: %w", err)
	}
	return nil
}

// writeLine writes a line. A panic of the writer is an error.
func writeLine(w io.Writer, line []byte) (err error) {
	defer catch("Plan.Log.Metrics", &err)
	n, err := w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	return err
}

func (l *logger) key(name string) {
	l.line = append(l.line, `,"`...)
	l.line = append(append(l.line, name...), `":`...)
}

// place is what most events begin with.
func (l *logger) place(step, epoch int64, loss float64) {
	l.count("step", step)
	l.count("epoch", epoch)
	l.number("loss", loss)
}

func (l *logger) count(name string, n int64) {
	l.attrs = append(l.attrs, slog.Int64(name, n))
	l.key(name)
	l.line = strconv.AppendInt(l.line, n, 10)
}

func (l *logger) truth(name string, is bool) {
	l.attrs = append(l.attrs, slog.Bool(name, is))
	l.key(name)
	l.line = strconv.AppendBool(l.line, is)
}

func (l *logger) number(name string, v float64) {
	l.attrs = append(l.attrs, slog.Float64(name, v))
	l.key(name)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		l.line = append(l.line, "null"...)
		return
	}
	l.line = strconv.AppendFloat(l.line, v, 'g', -1, 64)
}

func (l *logger) text(name, v string) {
	l.attrs = append(l.attrs, slog.String(name, v))
	l.key(name)
	if v == "" {
		l.line = append(l.line, `""`...)
		return
	}
	quoted, _ := json.Marshal(v) // of a string there is no error
	l.line = append(l.line, quoted...)
}
