package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConnections: there are no more than there may be. One too many is told so, takes the
// place of one that is idle, and gets the place of one that stalls when its time is over.
func TestConnections(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { l.connections, l.stall = 3, time.Second })
	get := "GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n"
	answers := func(c net.Conn) int {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, a.Body)
		require.NoError(t, err)
		return a.StatusCode
	}
	ended := func(c net.Conn) bool {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err := c.Read(make([]byte, 1))
		return err == io.EOF
	}
	// A connection is idle a moment after its answer was read.
	idles := func(n int) {
		require.Eventually(t, func() bool {
			v.connections.mu.Lock()
			defer v.connections.mu.Unlock()
			return len(v.connections.idle) == n
		}, 5*time.Second, time.Millisecond)
	}
	idle := v.raw(t, get)
	require.Equal(t, 200, answers(idle))
	idles(1)
	later := v.raw(t, get)
	require.Equal(t, 200, answers(later))
	idles(2)
	stalls := v.raw(t, "GET /v1/hea")
	// The one that is idle for the longest time makes room, the one that stalls does not.
	third := v.raw(t, get)
	require.Equal(t, 200, answers(third))
	idles(2)
	require.True(t, ended(idle), "the connection that was idle is closed")
	_, err := io.WriteString(later, get)
	require.NoError(t, err)
	require.Equal(t, 200, answers(later), "the other one goes on")
	idles(2)
	_, err = io.WriteString(stalls, "lth HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, 200, answers(stalls))
	idles(3)

	// All that there may be are in use: they send nothing that is a request.
	for _, longest := range []net.Conn{third, later, stalls} {
		v.raw(t, "GET /")
		require.True(t, ended(longest), "the longest idle first")
	}
	for range 5 {
		a := answer(t, v.raw(t, get))
		require.Equal(t, 503, a.status)
		require.Equal(t, "connections_full", a.code())
		require.Equal(t, "1", a.head.Get("Retry-After"))
	}
	// When they have stalled for long enough there is room again.
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.base, "http://"))
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, get)
		require.NoError(t, err)
		return answers(c) == 200
	}, 5*time.Second, 10*time.Millisecond)
}
