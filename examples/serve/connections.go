package main

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// connections limits how many connections are open. One too many takes the place of the
// connection that has been idle for the longest time, between two requests; where all are
// in use it is told so and closed. So clients who keep connections open, and those who open
// many and send nothing, cannot take the server's memory, and a client who is refused hears
// it at once.
type connections struct {
	most int
	m    *metrics

	refusing chan struct{} // as many as are told at a time that there is no place

	mu   sync.Mutex
	open map[net.Conn]bool
	idle []net.Conn // the longest first
}

func newConnections(most int, m *metrics) *connections {
	return &connections{most: most, m: m, open: map[net.Conn]bool{}, refusing: make(chan struct{}, 64)}
}

// A limited is a Listener whose connections are limited.
type limited struct {
	net.Listener
	*connections
}

// full is what a connection is told for which there is no place.
const full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" +
	`{"error":{"code":"connections_full","given":"one more connection","expected":"no more than -connections","do":"come later, or use one connection for several requests"}}` + "\n"

// Accept returns the next connection that has a place.
func (l limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.take(c) {
			return c, nil
		}
		l.m.refused.WithLabelValues("connections_full").Inc()
		select {
		case l.refusing <- struct{}{}:
			go l.refuse(c)
		default:
			_ = c.Close() // of so many at a time not each is told
		}
	}
}

// refuse tells a connection that it is one too many. It takes the request that is under way,
// since a connection that is closed before it was read may lose the answer.
func (l *connections) refuse(c net.Conn) {
	defer func() { _ = c.Close(); <-l.refusing }()
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	if _, err := io.WriteString(c, full); err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, 64<<10)
	}
}

// take gives a connection a place, that of an idle one if need be.
func (l *connections) take(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		if len(l.idle) == 0 {
			return false
		}
		longest := l.idle[0]
		l.drop(longest)
		_ = longest.Close()
	}
	l.open[c] = true
	l.m.connections.Set(float64(len(l.open)))
	return true
}

// drop forgets a connection. The caller has the lock.
func (l *connections) drop(c net.Conn) {
	delete(l.open, c)
	l.idle = slices.DeleteFunc(l.idle, func(o net.Conn) bool { return o == c })
	l.m.connections.Set(float64(len(l.open)))
}

// state is the ConnState of the server.
func (l *connections) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s {
	case http.StateIdle:
		if l.open[c] {
			l.idle = append(l.idle, c)
		}
	case http.StateActive:
		l.idle = slices.DeleteFunc(l.idle, func(o net.Conn) bool { return o == c })
	case http.StateClosed, http.StateHijacked:
		l.drop(c)
	}
}
