// Serve serves a character model over HTTP: sessions that keep the state of each client,
// whose steps are made together.
//
//	go -C examples run ./serve                       train a small model for moments and serve it
//	go -C examples run ./serve -model charlm-out     serve a model that charlm has trained
//	go -C examples run ./serve -model a.safetensors  serve a chain over bytes that package convert/chain has written
//	go -C examples run ./serve -load                 run a server and clients, and draw how fast it is
//
// and from another terminal
//
//	curl -X POST localhost:8080/v1/sessions
//	curl -N localhost:8080/v1/sessions/SESSION/text -d '{"text": "Light ", "count": 200, "temperature": 0.7}'
//	curl localhost:8080/metrics
//
// One goroutine owns the model. It takes the sessions that wait for a step, puts their
// states in the rows of one predictor, makes one step of all, and takes the states out
// again: the weights are read from memory once for all of them. A row has the same bits in
// any batch, so the answer to a client does not depend on who else is there: it is, bit for
// bit, that of a client alone.
//
// The name of a session is 128 random bits, and who does not know it cannot use it. One
// request at a time uses a session; a second one is refused. There is no account and no
// encryption: the server listens on the loopback address, and one for others belongs behind
// a proxy that has both.
//
// Ctrl-C ends the server in order: it takes no new requests, and those that have begun have
// -grace to end.
//
// With -load the program is its own client, on the loopback address: 1, 2, 4, ... clients
// ask for text at the same time, of a server with batches and of one without, and the
// throughput and the times go to load.csv, load.png and the page load.html in the folder
// that -out names. After each measurement an answer to every client is compared with that
// of the model used alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
)

func main() {
	guard := interrupt.Watch("serve", func() {
		fmt.Fprintln(os.Stderr, "\nserve: ending what has begun, and taking no more; another Ctrl-C ends the program at once")
	}, os.Stderr)
	os.Exit(program.Status("serve", guard, run, os.Args[1:], os.Stdout, os.Stderr))
}

// usage is what a wrong flag and -help print above the list of flags.
const usage = `usage: serve [flags]
Serves a character model over HTTP: sessions with a state for each client, whose steps are
made together. GET / of the server lists the routes.
With -load it runs clients against itself, and draws throughput and times.
Relative paths start in the working folder of the program.
Ctrl-C ends it in order; the second one ends the program at once.
`

// routes is what GET / answers.
const routes = `A character model. Symbols are bytes: 0 to 255. Bodies are JSON.

POST   /v1/sessions                     open a session; the body is empty, or a state from below
DELETE /v1/sessions/{session}           close it; a request under way ends
GET    /v1/sessions/{session}/state     its state, to go on with later or at another server of the model
POST   /v1/sessions/{session}/text      read a text, and stream how the model goes on
POST   /v1/sessions/{session}/steps     read lines, and stream the outputs of the model
GET    /v1/model, /v1/health, /metrics

text takes one object of
  "text" or "symbols"    what to read first: a string, or bytes as numbers; none to go on
  "count"                symbols to write
  "temperature"          0, the default, takes the most likely symbol, 1 follows the model
  "top_k", "top_p", "repetition"    how symbols are chosen
  "stop"                 characters that end the text
  "seed"                 for the same text again; a random one by default
  "piece"                symbols of a line of the answer; 16 by default
and answers with lines {"symbols": [...], "text": "..."}. "symbols" is exact; "text" has a
replacement where a line ends within a character of several bytes. The last line is
{"end": "count" or "stop", "drawn": N, "seed": N}.

steps takes lines, each an object of
  "text" or "symbols"    what to read
  "outputs"              last, all or none: after which symbols outputs are wanted; last by default
as they come, and answers each with lines {"outputs": [256 numbers]}, the logits of the next
symbol, and {"read": N}. The last line is {"end": "body", "read": N}.

A stream that did not come to its end has as its last line, and any request that is refused
has as its answer, {"error": {"code": "...", "given": "...", "expected": "...", "do": "..."}}.
A session then stands where it stopped. One request at a time uses a session; others get 409.

curl -X POST localhost:8080/v1/sessions
curl -N localhost:8080/v1/sessions/SESSION/text -d '{"text": "Light ", "count": 200, "temperature": 0.7}'
`

// options are the flags.
type options struct {
	addr, model    string
	hidden, layers int
	updates        int64
	batch, workers int
	wait, grace    time.Duration
	limits         limits
	quiet          bool

	load    bool
	out     string
	clients string
	levels  []int
	time    time.Duration
}

// parse reads the command line.
func parse(args []string, output io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() { fmt.Fprint(output, usage); f.PrintDefaults() }
	f.StringVar(&o.addr, "addr", "localhost:8080", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&o.model, "model", "", "checkpoint `file` of charlm, the folder of a run, or a file of a chain over bytes, as finetune writes it (default: a small model, trained for moments on Newton's Opticks)")
	f.IntVar(&o.hidden, "hidden", 256, "`units` of each LSTM layer of the small model")
	f.IntVar(&o.layers, "layers", 1, "`layers` of the small model")
	f.Int64Var(&o.updates, "train", 300, "`updates` of the small model; 0: random weights, the default with -load, where only the time matters")
	f.IntVar(&o.batch, "batch", 32, "most `sessions` that share a step; 1: each step alone")
	f.IntVar(&o.workers, "workers", 0, "the most `goroutines` that share the work; 0: as many as help. The result is the same")
	f.DurationVar(&o.wait, "wait", 200*time.Microsecond, "longest `time` that a batch waits for sessions that are about to join it")
	f.DurationVar(&o.grace, "grace", 10*time.Second, "`time` that requests have to end after Ctrl-C")
	f.IntVar(&o.limits.sessions, "sessions", 256, "most open `sessions`")
	f.IntVar(&o.limits.connections, "connections", 1024, "most open `connections`; one more takes the place of an idle one, or is refused")
	f.Int64Var(&o.limits.body, "body", 64<<10, "most `bytes` of a body, or of a line of a stream")
	f.IntVar(&o.limits.symbols, "symbols", 4096, "most `symbols` that a request reads and writes")
	f.DurationVar(&o.limits.request, "request-time", time.Minute, "longest `time` of a request")
	f.DurationVar(&o.limits.stall, "stall", 10*time.Second, "longest `time` for a client to send a request, or to take a part of the answer")
	f.DurationVar(&o.limits.idle, "idle", 5*time.Minute, "`time` after which a session that nobody uses is closed")
	f.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	f.BoolVar(&o.load, "load", false, "run clients against the server, and draw how fast it is")
	f.StringVar(&o.out, "out", "serve-out", "`folder` for what -load measures")
	f.StringVar(&o.clients, "clients", "1,2,4,8,16,32,64", "`numbers` of clients of -load, with commas between them")
	f.DurationVar(&o.time, "for", 2*time.Second, "`time` of each measurement of -load")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: every option begins with a dash, as in -addr localhost:8080", f.Arg(0))
	}
	given := map[string]bool{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = true })
	if o.load && !given["train"] {
		o.updates = 0
	}
	return o, o.check(given)
}

// check refuses values that mean nothing, and flags that contradict each other.
func (o *options) check(given map[string]bool) error {
	for _, name := range []string{"hidden", "layers", "train"} {
		if given["model"] && given[name] {
			return fmt.Errorf("-%s is for the small model, and -model names another one: leave one of them out", name)
		}
	}
	for _, name := range []string{"out", "clients", "for"} {
		if given[name] && !o.load {
			return fmt.Errorf("-%s belongs to -load, which is not given: add it, or leave -%[1]s out", name)
		}
	}
	switch {
	case given["model"] && o.model == "":
		return errors.New("-model is empty, want a checkpoint of charlm, its folder or a file of a chain; leave it out for a small model")
	case o.load && given["addr"]:
		return errors.New("-load has servers of its own, on free ports: leave -addr out")
	case o.out == "":
		return errors.New("-out is empty, want the name of a folder")
	}
	const least, most = time.Microsecond, 24 * time.Hour
	l := &o.limits
	if err := errors.Join(
		program.Between("hidden", o.hidden, 1, 1<<13), program.Between("layers", o.layers, 1, 16), program.Between("train", o.updates, 0, 1e6),
		program.Between("batch", o.batch, 1, 1024), program.Between("workers", o.workers, 0, 256),
		program.Between("sessions", l.sessions, 1, 1<<20), program.Between("connections", l.connections, 1, 1<<20), program.Between("body", l.body, 1, 1<<30), program.Between("symbols", l.symbols, 1, 1<<24),
		between("wait", o.wait, 0, time.Second), between("grace", o.grace, 0, most), between("request-time", l.request, least, most),
		between("stall", l.stall, least, most), between("idle", l.idle, least, most), between("for", o.time, 10*time.Millisecond, most),
		program.Fits(4*o.shape().params(), "-hidden %d -layers %d", o.hidden, o.layers),
	); err != nil || !o.load {
		return err
	}
	for _, part := range strings.Split(o.clients, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if most := min(o.limits.sessions, o.limits.connections); err != nil || n < 1 || n > most {
			return fmt.Errorf("-clients has %q, want numbers of 1 to the smaller of -sessions and -connections, which is %d, with commas between them, as in 1,8,64", part, most)
		}
		o.levels = append(o.levels, n)
	}
	return nil
}

// between is program.Between for a time.
func between(name string, d, from, to time.Duration) error {
	if d >= from && d <= to {
		return nil
	}
	return fmt.Errorf("-%s is %v, want %v to %v", name, d, from, to)
}

// shape is that of the small model.
func (o *options) shape() shape { return shape{"lstm", o.hidden, o.layers, 64} }

// run does what the flags say.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if err := kernels.Info().Err; err != nil {
		return err
	}
	if o.quiet {
		stderr = io.Discard
	}
	if o.load {
		return guard.InOrder(func(ctx context.Context) error { return o.measure(ctx, stdout, stderr) })
	}
	// Before anything that takes long.
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("%w; name another address with -addr, port 0 for a free port", err)
	}
	defer listener.Close()
	return guard.InOrder(func(ctx context.Context) error {
		m, err := o.getModel(ctx, stderr)
		if err != nil {
			return err
		}
		s, err := newServer(m, o.limits, o.batch, o.wait, stderr)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "serving %s at http://%v, %v; Ctrl-C ends it\n", m, listener.Addr(), kernels.Current()); err != nil {
			s.batcher.stop()
			return err
		}
		return s.run(ctx, listener, o.grace)
	})
}
