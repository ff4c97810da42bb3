package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A progress is a bar on a terminal, and nothing where standard error is none.
type progress struct{ bar *progressbar.ProgressBar }

// progress puts up a bar that counts to total.
func (c *call) progress(title string, total int64) *progress {
	if c.quiet || !terminal(c.stderr) {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(c.stderr), progressbar.OptionSetDescription(title), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))}
}

// add counts n more.
func (p *progress) add(n int64) {
	if p.bar != nil {
		p.bar.Add64(n)
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A stream is a writer or a reader that ends with its context and counts bytes.
type stream struct {
	ctx context.Context
	w   io.Writer
	r   io.Reader
	p   *progress
}

func (s stream) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.w.Write(b)
	s.p.add(int64(n))
	return n, err
}

func (s stream) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(b)
	s.p.add(int64(n))
	return n, err
}
