package program

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/kernels"
)

// progress shows how a training goes: a bar on a terminal, a line after each validation
// where standard error is a file or a pipe, nothing with -quiet.
type progress struct {
	session *Session
	run     *Run
	bar     *progressbar.ProgressBar
	shown   time.Time
	last    bptt.Progress
	begun   int64   // counted when the run began
	loss    float64 // running mean
	valid   string  // the last validation; "" before
}

// Bar widths and rates.
const (
	barScale  = 1000 // a bar counts thousandths
	showEvery = 200 * time.Millisecond
)

// start says what is going to happen, and puts up the bar.
func (p *progress) start(from int64) {
	p.begun = -1
	if p.session.flags.Quiet {
		return
	}
	verb := "training"
	if from > 0 {
		verb = fmt.Sprintf("going on at update %d", from)
	}
	title := ""
	if p.run.Title != "" {
		title = p.run.Title + ": "
	}
	p.session.Say("%s%s, %v; Ctrl-C stops and saves", title, verb, kernels.Current())
	if !terminal(p.session.stderr) {
		return
	}
	p.bar = newBar(p.session.stderr)
}

func newBar(w io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(barScale,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(12), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(showEvery/2))
}

// Work shows how far work is that is no training: its title, and on a terminal a bar. done is
// called after each of its n parts, and end after the last one or where the work is given up.
func (s *Session) Work(title string, n int) (done, end func()) {
	s.Say("%s", title)
	if s.flags.Quiet || !terminal(s.stderr) {
		return func() {}, func() {}
	}
	return count(newBar(s.stderr), title, n)
}

// count moves a bar from part to part.
func count(bar *progressbar.ProgressBar, title string, n int) (done, end func()) {
	bar.Describe(title)
	parts := 0
	return func() {
		parts++
		bar.Set64(int64(parts) * (barScale - 1) / int64(n)) // errors of a terminal end no work
	}, func() { bar.Finish() }
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// step is called after every update, and shows something a few times a second.
func (p *progress) step(s bptt.Progress) error {
	if p.begun < 0 {
		p.begun, p.loss = s.Counted-int64(s.Count), s.Loss
	}
	p.last = s
	p.loss += (s.Loss - p.loss) / 20
	if p.bar != nil && time.Since(p.shown) >= showEvery {
		p.shown = time.Now()
		p.bar.Describe(p.describe())
		p.bar.Set64(p.done())
	}
	return nil
}

// validation is called after every validation.
func (p *progress) validation(v bptt.Validation) error {
	scale := p.run.Scale
	if p.run.Validation != nil {
		scale = *p.run.Validation
	}
	p.valid = fmt.Sprintf("%.4g", scale.of(v.Loss))
	if scale.Name != p.run.Scale.Name {
		p.valid += " " + scale.Name
	}
	if v.Best {
		p.valid += " (best)"
	}
	switch {
	case p.session.flags.Quiet:
	case p.bar != nil:
		p.bar.Describe(p.describe())
	default:
		p.session.Say("update %d, %s", v.Step, p.describe())
	}
	return nil
}

// describe says where the run is, in what fits beside the bar in 80 columns.
func (p *progress) describe() string {
	text := ""
	if p.begun >= 0 {
		text = fmt.Sprintf("%s %.4g ", p.run.Scale.Name, p.run.Scale.of(p.loss))
	}
	if p.valid != "" {
		text += "validation " + p.valid + " "
	}
	if p.begun >= 0 {
		counted := p.run.Counted
		if counted == "" {
			counted = "targets"
		}
		text += fmt.Sprintf("%s %s/s", short(float64(p.last.Counted-p.begun)/max(p.last.Elapsed.Seconds(), 1e-9)), counted)
	}
	return text
}

// short is v in three digits, of thousands from 1 on, or of millions.
func short(v float64) string {
	v /= 1000
	unit := "k"
	if v >= 999.5 {
		v, unit = v/1000, "M"
	}
	if v >= 999.5 {
		return fmt.Sprintf("%.0f%s", v, unit)
	}
	return fmt.Sprintf("%.3g%s", v, unit)
}

// done is how much of the run is over, in thousandths.
func (p *progress) done() int64 {
	done, plan := 0.0, &p.run.Plan
	if plan.Steps > 0 {
		done = float64(p.last.Step) / float64(plan.Steps)
	}
	if plan.Epochs > 0 {
		epochs := float64(p.last.Epoch)
		if p.run.EpochSteps > 0 {
			epochs = max(epochs, float64(p.last.Step)/float64(p.run.EpochSteps))
		}
		done = max(done, epochs/float64(plan.Epochs))
	}
	return int64(min(1, done) * (barScale - 1))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
