package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
)

// A measured is what so many clients reached.
type measured struct {
	Batch, Clients int
	Speed          float64 // symbols a second, of all clients
	Rows           float64 // sessions in a batch, the mean
	Half, Most     float64 // milliseconds of a text, the median and the 99th percentile
}

// What clients of -load ask for.
const (
	loadPrompt = "Light "
	loadCount  = 64
	loadPiece  = 8
)

// measure measures a server with batches and one without, and draws the result.
func (o *options) measure(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if o.out, err = filepath.Abs(o.out); err != nil { // so that who reads it knows where to look
		return err
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	m, err := o.getModel(ctx, stderr)
	if err != nil {
		return err
	}
	batches := []int{o.batch, 1}
	if o.batch == 1 {
		batches = batches[:1]
	}
	show := newBar(stderr, fmt.Sprintf("%s; %v of each number of clients", m, o.time), len(batches)*len(o.levels))
	var all []measured
	for _, batch := range batches {
		for _, clients := range o.levels {
			one, err := o.level(ctx, m, batch, clients)
			if ctx.Err() != nil {
				err = interrupt.Err
			}
			if err != nil {
				show.end()
				return err
			}
			all = append(all, one)
			show.step(fmt.Sprintf("batches of %d, %d clients: %.0f symbols/s", batch, clients, one.Speed))
		}
	}
	show.end()
	return report(o, m, all, stdout)
}

// level runs a server and so many clients for a time, and compares an answer to each with
// that of the model used alone.
func (o *options) level(ctx context.Context, m *model, batch, clients int) (one measured, err error) {
	s, err := newServer(m, o.limits, batch, o.wait, io.Discard)
	if err != nil {
		return one, err
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		s.batcher.stop()
		return one, err
	}
	ended := make(chan error, 1)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() { ended <- s.run(serving, listener, time.Second) }()
	defer func() {
		stop()
		if e := <-ended; err == nil && e != nil {
			err = e
		}
	}()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	base := fmt.Sprintf("http://%v", listener.Addr())

	// The first quarter of the time is not counted: clients begin, memory is made.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var counts atomic.Bool
	var symbols atomic.Int64
	times := make([][]time.Duration, clients)
	first := make([][]byte, clients)
	failed := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c := &client{http: &http.Client{Transport: transport}, base: base}
			failed[i] = c.work(ctx, uint64(i), func(text []byte, took time.Duration) {
				if first[i] == nil {
					first[i] = text
				}
				if counts.Load() {
					symbols.Add(int64(len(text)))
					times[i] = append(times[i], took)
				}
			})
		})
	}
	sleep(ctx, o.time/4)
	counts.Store(true)
	begin := time.Now()
	sleep(ctx, o.time)
	for symbols.Load() == 0 && ctx.Err() == nil && time.Since(begin) < patience {
		sleep(ctx, o.time/4) // a text takes longer than the time
	}
	counts.Store(false)
	took := time.Since(begin)
	cancel()
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return one, err
	}
	if err := checkTexts(m, first); err != nil {
		return one, err
	}
	waited := slices.Concat(times...)
	slices.Sort(waited)
	if len(waited) == 0 {
		return one, fmt.Errorf("%d clients got no text in %v; give them longer with -for", clients, took)
	}
	at := func(share float64) float64 { return waited[int(share*float64(len(waited)-1))].Seconds() * 1000 }
	one = measured{batch, clients, float64(symbols.Load()) / took.Seconds(), s.m.meanRows(), at(0.5), at(0.99)}
	return one, nil
}

// patience is how long a measurement waits for a first text.
const patience = 10 * time.Second

// sleep waits for a time, or until the context ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// checkTexts compares the text of each client, which has its number as the seed, with that
// of the model used alone.
func checkTexts(m *model, texts [][]byte) error {
	for i, text := range texts {
		want, err := alone(m, uint64(i), len(text))
		if err != nil {
			return err
		}
		if !bytes.Equal(text, want) {
			return fmt.Errorf("client %d of %d got a text that is not the model's: %q, want %q", i, len(texts), text, want)
		}
	}
	return nil
}

// alone is the text of a client, by the model without a server.
func alone(m *model, seed uint64, n int) ([]byte, error) {
	p, err := m.net.Predictor(1)
	if err != nil {
		return nil, err
	}
	var prompt []int32
	for i := range len(loadPrompt) {
		prompt = append(prompt, int32(loadPrompt[i]))
	}
	ids := make([]int32, n)
	if _, err := decode.Sample(p, ids, prompt, decode.Sampling{Temperature: 1}, rand.New(rand.NewPCG(seed, 1))); err != nil {
		return nil, err
	}
	text := make([]byte, n)
	for i, id := range ids {
		text[i] = byte(id)
	}
	return text, nil
}

// A client uses one session of a server.
type client struct {
	http          *http.Client
	base, session string
}

// open opens the session.
func (c *client) open(ctx context.Context) error {
	var opened struct{ Session string }
	err := c.post(ctx, c.base+"/v1/sessions", "", func(line []byte) error { return json.Unmarshal(line, &opened) })
	c.session = opened.Session
	return err
}

// work opens a session and asks for text again and again until the context ends, which is no
// error. got is called for each text, with its symbols and the time that it took.
func (c *client) work(ctx context.Context, seed uint64, got func(text []byte, took time.Duration)) error {
	err := c.open(ctx)
	prompt := loadPrompt
	for err == nil {
		body := fmt.Sprintf(`{"text": %q, "count": %d, "piece": %d, "temperature": 1, "seed": %d}`, prompt, loadCount, loadPiece, seed)
		began, ended := time.Now(), false
		var text []byte
		err = c.post(ctx, c.base+"/v1/sessions/"+c.session+"/text", body, func(b []byte) error {
			var line struct {
				Symbols []int32
				End     string
			}
			err := json.Unmarshal(b, &line)
			for _, id := range line.Symbols {
				text = append(text, byte(id))
			}
			ended = line.End != ""
			return err
		})
		if err == nil && !ended {
			err = errors.New("the stream of a text has no end")
		}
		if err == nil {
			got(text, time.Since(began))
		}
		prompt = ""
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// post sends a request, and calls f for each line of the answer.
func (c *client) post(ctx context.Context, url, body string, f func(line []byte) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	in := bufio.NewScanner(answer.Body)
	for in.Scan() {
		if answer.StatusCode/100 != 2 || bytes.HasPrefix(in.Bytes(), []byte(`{"error"`)) {
			return fmt.Errorf("the server answers %s: %s", answer.Status, in.Bytes())
		}
		if err := f(in.Bytes()); err != nil {
			return err
		}
	}
	return in.Err()
}

// A bar shows how far a work is: a bar on a terminal, else the lines that step is given.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func newBar(w io.Writer, title string, steps int) *bar {
	fmt.Fprintln(w, title)
	b := &bar{w: w}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			b.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(12),
				progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
		}
	}
	return b
}

// step is called after each step.
func (b *bar) step(text string) {
	if b.bar == nil {
		fmt.Fprintln(b.w, text)
		return
	}
	b.bar.Describe(text)
	b.bar.Add(1)
}

// end takes the bar away.
func (b *bar) end() {
	if b.bar != nil {
		b.bar.Finish()
	}
}

// update is step for many short steps: a line for every tenth of them.
func (b *bar) update(step, of int64, bits float64) {
	text := fmt.Sprintf("update %d of %d, %.2f bits/character", step, of, bits)
	if b.bar != nil || step*10/of != (step-1)*10/of {
		b.step(text)
	}
}
