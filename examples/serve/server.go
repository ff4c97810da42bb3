package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A server serves a model: see usage for its routes.
type server struct {
	limits      limits
	model       *model
	batcher     *batcher
	sessions    *table
	connections *connections
	m           *metrics
	log         *log.Logger

	http    *http.Server
	routes  *http.ServeMux
	closing atomic.Bool
	end     context.CancelCauseFunc // of all requests
	closed  chan struct{}           // closed by shutdown
}

// newServer makes a server. Problems that clients are not told of go to the log.
func newServer(m *model, l limits, batch int, wait time.Duration, out io.Writer) (*server, error) {
	s := &server{limits: l, model: m, m: newMetrics(), log: log.New(out, "serve: ", 0), closed: make(chan struct{})}
	var err error
	if s.batcher, err = newBatcher(m, batch, l.sessions, wait, s.m); err != nil {
		return nil, err
	}
	s.sessions = newTable(l.sessions, s.m)
	s.connections = newConnections(l.connections, s.m)
	s.routes = http.NewServeMux()
	s.routes.Handle("GET /metrics", s.m.handler())
	for pattern, f := range map[string]func(*exchange) error{
		"GET /{$}":                     (*exchange).index,
		"GET /v1/health":               (*exchange).health,
		"GET /v1/model":                (*exchange).describe,
		"POST /v1/sessions":            (*exchange).open,
		"DELETE /v1/sessions/{id}":     (*exchange).close,
		"GET /v1/sessions/{id}/state":  (*exchange).state,
		"POST /v1/sessions/{id}/text":  (*exchange).text,
		"POST /v1/sessions/{id}/steps": (*exchange).steps,
		"/":                            (*exchange).nowhere,
	} {
		s.routes.HandleFunc(pattern, s.serve(pattern, f))
	}
	// A page in a browser must not open sessions at a server on the same machine.
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(s.serve("cross-origin", func(x *exchange) error {
		return &refusal{http.StatusForbidden, "cross_origin", "a request from a page of another origin", "one of the same origin, or of no browser", "call the server from a program"}
	}))
	base, end := context.WithCancelCause(context.Background())
	s.end = end
	s.http = &http.Server{
		Handler:     protect.Handler(s.routes),
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    s.log,
		ConnState:   s.connections.state,
		// Those who read or write for longer say so.
		ReadHeaderTimeout: l.stall, ReadTimeout: l.stall, WriteTimeout: l.stall, IdleTimeout: min(l.idle, time.Minute),
		MaxHeaderBytes: 8 << 10,
	}
	return s, nil
}

// run serves until the context ends, and then for at most grace what has begun. It returns
// an error if the server ends by itself, or has to end requests before they are done.
func (s *server) run(ctx context.Context, listener net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(limited{listener, s.connections}) }()
	go s.expire()
	select {
	case err := <-failed:
		s.shutdown(0)
		return err
	case <-ctx.Done():
		return s.shutdown(grace)
	}
}

// shutdown takes no more requests, and ends those that are not done after grace.
func (s *server) shutdown(grace time.Duration) error {
	s.closing.Store(true)
	close(s.closed)
	wait := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return s.http.Shutdown(ctx)
	}
	err := wait(grace)
	if err != nil {
		err = fmt.Errorf("requests were not done %v after the signal, and were ended; -grace gives them longer", grace)
		s.end(errShutdown)
		if wait(time.Second) != nil { // each writes why it ends
			s.http.Close()
		}
	}
	s.end(errShutdown)
	s.batcher.stop()
	return err
}

// expire closes idle sessions.
func (s *server) expire() {
	tick := time.NewTicker(max(s.limits.idle/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.sessions.expire(now.Add(-s.limits.idle))
		case <-s.closed:
			return
		}
	}
}

// serve makes a handler of a route: it refuses requests when the server shuts down and
// bodies that are too large, and answers with the error of f.
func (s *server) serve(pattern string, f func(*exchange) error) http.HandlerFunc {
	_, route, found := strings.Cut(pattern, " ")
	if !found {
		route = "other"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		x := &exchange{server: s, w: w, r: r, rc: http.NewResponseController(w)}
		err := error(errShutdown)
		if !s.closing.Load() || route == "/v1/health" {
			err = f(x)
		}
		if err != nil {
			x.fail(err)
		}
		s.m.requests.WithLabelValues(route, strconv.Itoa(x.status)).Observe(time.Since(began).Seconds())
	}
}
