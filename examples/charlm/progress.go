package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/simdrnn/simdrnn/loss"

	"github.com/schollz/progressbar/v3"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/kernels"
)

// progress shows how a run goes: a bar on a terminal, a line from time to time
// where standard error is a file or a pipe, nothing with -quiet.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar
	lines bool
	quiet bool
	shown time.Time
	steps int64
	limit time.Duration
	loss  float64 // running mean, bits per character
}

func newProgress(o *options, w io.Writer) *progress {
	p := &progress{w: w, steps: o.steps, limit: o.limit, shown: time.Now(), quiet: o.quiet}
	if p.quiet {
		return p
	}
	if f, ok := w.(*os.File); !ok || !terminal(f) {
		p.lines = true
	}
	return p
}

// start says what is going to happen, and puts up the bar.
func (p *progress) start(text string) {
	if p.quiet {
		return
	}
	fmt.Fprintln(p.w, text)
	if p.lines {
		return
	}
	p.bar = progressbar.NewOptions64(1000,
		progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(12), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// step is called after every step, and shows something a few times a second.
func (p *progress) step(j *job, s bptt.Progress) {
	bits := loss.BitsPerSymbol(s.Loss)
	if p.loss == 0 {
		p.loss = bits
	}
	p.loss += (bits - p.loss) / 20
	if p.bar == nil || time.Since(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = time.Now()
	p.bar.Describe(p.describe(j, j.spent+s.Elapsed))
	p.bar.Set64(p.done(j, j.spent+s.Elapsed))
}

// done is how much of the run is over, in thousandths.
func (p *progress) done(j *job, spent time.Duration) int64 {
	done := 0.0
	if p.limit > 0 {
		done = spent.Seconds() / p.limit.Seconds()
	}
	if p.steps > 0 {
		done = max(done, float64(j.last.Step)/float64(p.steps))
	}
	return int64(min(1, done) * 999)
}

func (p *progress) describe(j *job, spent time.Duration) string {
	held := "-"
	if j.heldOut > 0 {
		held = fmt.Sprintf("%.3f", j.heldOut)
	}
	if !j.ran() {
		if p.bar != nil {
			return fmt.Sprintf("held-out %s bits/char %v", held, kernels.Current())
		}
		return fmt.Sprintf("step %d  held-out %s bits/char  %v", j.last.Step, held, kernels.Current())
	}
	speed := j.speed(spent)
	if p.bar != nil { // with the bar it has to fit in 80 columns
		return fmt.Sprintf("loss %.3f held-out %s bits/char %.0fk chars/s %v", p.loss, held, speed/1000, kernels.Current())
	}
	return fmt.Sprintf("step %d  loss %.3f  held-out %s bits/char  %.0f chars/s  %v", j.last.Step, p.loss, held, speed, kernels.Current())
}

// show is called after every look at the held-out text.
func (p *progress) show(j *job) {
	if p.lines {
		fmt.Fprintln(p.w, p.describe(j, j.spent))
	}
	if p.bar != nil {
		p.bar.Describe(p.describe(j, j.spent))
		p.bar.Set64(p.done(j, j.spent))
	}
}

// warn says what went wrong without ending the run, with -quiet too.
func (p *progress) warn(text string) {
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintln(p.w, "charlm:", text)
}

// note says what takes a while at the end.
func (p *progress) note(text string) {
	if p.lines {
		fmt.Fprintln(p.w, text)
	}
	if p.bar != nil {
		p.bar.Describe(text)
	}
}

// end takes the bar away and says which files were written.
func (p *progress) end(files ...string) {
	p.finish()
	if p.quiet {
		return
	}
	for _, name := range files {
		if name != "" {
			fmt.Fprintln(p.w, "in", name)
		}
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
