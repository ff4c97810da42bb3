package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw opens a connection and sends bytes as they are.
func (v *served) raw(t testing.TB, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(v.base, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	return c
}

// answer reads what comes until the server closes the connection, which it has to do soon.
func answer(t testing.TB, c net.Conn) answered {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	b, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return answered{a.StatusCode, string(b), a.Header}
}

// free waits until no request has the session of the path.
func (v *served) free(t testing.TB, path string) {
	t.Helper()
	require.Eventually(t, func() bool { return v.do(t, "GET", path+"/state", "").status == 200 }, 5*time.Second, time.Millisecond)
}

// begun starts a text of many symbols, and returns when its first line is there.
func (v *served) begun(t testing.TB, path string) (lines *bufio.Reader, cancel func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "POST", v.base+path+"/text", strings.NewReader(fmt.Sprintf(`{"text": "a", "count": %d, "piece": 1}`, v.limits.symbols-1)))
	require.NoError(t, err)
	a, err := web.Do(r)
	require.NoError(t, err)
	require.Equal(t, 200, a.StatusCode)
	t.Cleanup(func() { cancel(); a.Body.Close() })
	lines = bufio.NewReader(a.Body)
	_, err = lines.ReadBytes('\n')
	require.NoError(t, err)
	return lines, cancel
}

// last reads all lines, and returns the code of the error in the last one.
func last(t testing.TB, lines *bufio.Reader) string {
	t.Helper()
	b, err := io.ReadAll(lines)
	require.NoError(t, err, "the stream ends in order")
	return answered{body: string(b)}.code()
}

// endless lets a text go on until something ends it.
func endless(l *limits) { l.symbols = 1 << 24 }

// TestTwoRequestsToASession: one of them is refused, whichever comes second.
func TestTwoRequestsToASession(t *testing.T) {
	v := start(t, endless)
	s := v.open(t, "")
	_, cancel := v.begun(t, s)
	for _, r := range [][2]string{{"POST", "/text"}, {"POST", "/steps"}, {"GET", "/state"}} {
		a := v.do(t, r[0], s+r[1], "")
		require.Equal(t, 409, a.status, a.body)
		require.Equal(t, "session_busy", a.code())
	}
	cancel()
	v.free(t, s)

	// Of many at the same time those that are answered are answered one after another.
	s = v.open(t, "")
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 16 {
		wg.Go(func() {
			a := v.do(t, "POST", s+"/text", `{"symbols": [1, 2, 3], "count": 0}`)
			mu.Lock()
			defer mu.Unlock()
			if a.status == 200 {
				taken++
			} else if a.code() != "session_busy" {
				t.Error(a.body)
			}
		})
	}
	wg.Wait()
	require.Positive(t, taken)
	alone := v.open(t, "")
	for range taken {
		v.ok(t, "POST", alone+"/text", `{"symbols": [1, 2, 3], "count": 0}`)
	}
	require.Equal(t, v.ok(t, "GET", alone+"/state", ""), v.ok(t, "GET", s+"/state", ""))
}

// TestClosedSession: it is gone, in the middle of a request too, and comes to nobody else.
func TestClosedSession(t *testing.T) {
	v := start(t, endless)
	s := v.open(t, "")
	lines, _ := v.begun(t, s)
	v.ok(t, "DELETE", s, "")
	require.Equal(t, "session_closed", last(t, lines))
	for _, r := range [][2]string{{"POST", "/text"}, {"POST", "/steps"}, {"GET", "/state"}, {"DELETE", ""}} {
		require.Equal(t, 404, v.do(t, r[0], s+r[1], "").status)
	}

	// A stream that waits for its client ends as well.
	s = v.open(t, "")
	c := v.raw(t, "POST "+s+"/steps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	require.Eventually(t, func() bool { return v.do(t, "GET", s+"/state", "").status == 409 }, 5*time.Second, time.Millisecond)
	v.ok(t, "DELETE", s, "")
	a := answer(t, c)
	require.Equal(t, 410, a.status)
	require.Equal(t, "session_closed", a.code())
	require.NotEqual(t, s, v.open(t, ""))
}

// TestDisconnect: what a client leaves behind when it goes in the middle is a session that
// can be used, and no work that goes on.
func TestDisconnect(t *testing.T) {
	v := start(t, endless)
	s := v.open(t, "")
	_, cancel := v.begun(t, s)
	cancel()
	v.free(t, s)
	for _, text := range []string{
		"POST " + s + "/text HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"text\": \"a\"",
		"POST " + s + "/steps HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"text\": \"a\"}\n{\"tex",
		"POST " + s + "/steps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"text",
		"POST " + s + "/te",
	} {
		c := v.raw(t, text)
		time.Sleep(2 * time.Millisecond)
		c.Close()
		v.free(t, s)
	}
	require.Eventually(t, func() bool { return v.batcher.busy.Load() == 0 }, 5*time.Second, time.Millisecond)
}

// TestLengthsThatLie: a body that is shorter than its length is an error and changes
// nothing; one that is longer is no part of the request.
func TestLengthsThatLie(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { l.stall = 500 * time.Millisecond })
	s := v.open(t, "")
	before := v.ok(t, "GET", s+"/state", "")
	for text, code := range map[string]string{
		// Shorter, and the client waits, or ends its side of the connection.
		"/text HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{\"text\": \"a\"}":                               "stalled",
		"/text HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{\"text\": \"a\"}\x00":                           "body_cut",
		"/text HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n{}":                                     "body_too_large",
		"/text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + strings.Repeat("a", 5000): "body_too_large",
		"/text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n":                                 "body_cut",
		"/steps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n":                                "body_cut",
		"/steps HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{\"text\": \"a\"}\x00":                          "body_cut",
	} {
		text, ends := strings.CutSuffix(text, "\x00")
		c := v.raw(t, "POST "+s+text)
		if ends {
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
		}
		a := answer(t, c)
		require.Equal(t, code, a.code(), "%s: %d %s", text, a.status, a.body)
		require.GreaterOrEqual(t, a.status, 400, text)
		require.Equal(t, before, v.ok(t, "GET", s+"/state", ""), text)
	}
	// Longer: what follows is another request, and no good one.
	c := v.raw(t, "POST "+s+"/text HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}{\"text\": \"a\"}\r\n\r\n")
	require.Equal(t, 400, answer(t, c).status, "no text to a session that has read nothing")
	require.Equal(t, before, v.ok(t, "GET", s+"/state", ""))

	// What is left of the body of a stream that was refused is no request either.
	inner := "DELETE " + s + " HTTP/1.1\r\nHost: a\r\n\r\n"
	c = v.raw(t, fmt.Sprintf("POST %s/steps HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n5\n%s%s", s, 1000+2+len(inner), inner, strings.Repeat(" ", 3)))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	b, _ := io.ReadAll(c) // the server may have closed with a reset, since not all was read
	require.Contains(t, string(b), "bad_request")
	require.Equal(t, 1, strings.Count(string(b), "HTTP/1.1 "), string(b))
	require.Equal(t, before, v.ok(t, "GET", s+"/state", ""))
}

// TestSlowClients: who does not send, or does not read, is let go after a time; others do
// not notice.
func TestSlowClients(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { endless(l); l.stall = 500 * time.Millisecond })
	head := v.raw(t, "POST /v1/sess")
	reads := v.open(t, "")
	lines := strings.Repeat(`{"outputs": "all", "text": "`+strings.Repeat("a", 1000)+"\"}\n", 20)
	v.raw(t, fmt.Sprintf("POST %s/steps HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", reads, len(lines), lines)) // and never read 60 MB
	require.Eventually(t, func() bool { return v.do(t, "GET", reads+"/state", "").status == 409 }, 5*time.Second, time.Millisecond)
	s := v.open(t, "")
	want := v.ok(t, "POST", s+"/text", `{"text": "b", "count": 300, "seed": 1}`)
	require.Equal(t, 300, len(must(written(t, want))))
	require.NoError(t, head.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err := io.ReadAll(head)
	require.NoError(t, err, "the connection is closed")
	v.free(t, reads)

	body := v.raw(t, "POST "+s+"/text HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{")
	for range 5 { // a byte now and then does not help
		time.Sleep(50 * time.Millisecond)
		_, _ = body.Write([]byte(" "))
	}
	require.Equal(t, "stalled", answer(t, body).code())
}

func must(text []byte, _ map[string]any) []byte { return text }

// TestStreamsMayPause: the time for a body is not for a stream, which has that of a request.
func TestStreamsMayPause(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { l.stall, l.request = 300*time.Millisecond, 1500*time.Millisecond })
	from, to := io.Pipe()
	r, err := http.NewRequest("POST", v.base+v.open(t, "")+"/steps", from)
	require.NoError(t, err)
	go fmt.Fprintln(to, `{"text": "a", "outputs": "none"}`)
	a, err := web.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	time.Sleep(500 * time.Millisecond)
	fmt.Fprintln(to, `{"text": "b", "outputs": "none"}`)
	b, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(b), `{"read":1}`), string(b))
	require.Equal(t, "time", answered{body: string(b)}.code())
	to.Close()
}

// TestRequestTime: a text ends when its time is over, and not when that of its body is; and
// its session goes on from there.
func TestRequestTime(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { endless(l); l.stall, l.request = 300*time.Millisecond, 900*time.Millisecond })
	s := v.open(t, "")
	lines, _ := v.begun(t, s)
	require.Equal(t, "time", last(t, lines))
	v.free(t, s)
	v.ok(t, "POST", s+"/text", `{"count": 3}`)
}

// TestSessions: there are no more than there may be.
func TestSessions(t *testing.T) {
	v := start(t, func(l *limits) { l.sessions = 2 })
	one := v.open(t, "")
	v.open(t, "")
	a := v.do(t, "POST", "/v1/sessions", "")
	require.Equal(t, 503, a.status)
	require.Equal(t, "sessions_full", a.code())
	require.Equal(t, "1", a.head.Get("Retry-After"))
	v.ok(t, "DELETE", one, "")
	v.open(t, "")
}

// TestIdleSessions: a session that nobody uses is closed, and one in use is not.
func TestIdleSessions(t *testing.T) {
	t.Parallel() // it waits most of the time
	v := start(t, func(l *limits) { endless(l); l.idle = time.Second })
	idle, used := v.open(t, ""), v.open(t, "")
	lines, cancel := v.begun(t, used)
	go io.Copy(io.Discard, lines)
	open := func() int {
		v.sessions.mu.Lock()
		defer v.sessions.mu.Unlock()
		return len(v.sessions.sessions)
	}
	require.Equal(t, 2, open())
	require.Eventually(t, func() bool { return open() == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 404, v.do(t, "GET", idle+"/state", "").status)
	time.Sleep(500 * time.Millisecond) // many looks at who is idle
	require.Equal(t, 409, v.do(t, "GET", used+"/state", "").status, "one in use is not idle")
	cancel()
}

// TestShutdown: what has begun ends by itself, and nothing new begins.
func TestShutdown(t *testing.T) {
	v := start(t, func(l *limits) { l.symbols = 3000 })
	s, other := v.open(t, ""), v.open(t, "")
	lines, _ := v.begun(t, s)
	from, to := io.Pipe()
	r, err := http.NewRequest("POST", v.base+other+"/steps", from)
	require.NoError(t, err)
	go fmt.Fprintln(to, `{"text": "a"}`)
	stream, err := web.Do(r)
	require.NoError(t, err)
	defer stream.Body.Close()
	v.stop()
	require.Eventually(t, v.closing.Load, 5*time.Second, time.Millisecond)
	w := recorder{head: http.Header{}}
	v.http.Handler.ServeHTTP(&w, must2(http.NewRequest("POST", "/v1/sessions", nil)))
	require.Equal(t, 503, w.status)
	require.Contains(t, w.body.String(), "shutting_down")
	w = recorder{head: http.Header{}}
	v.http.Handler.ServeHTTP(&w, must2(http.NewRequest("GET", "/v1/health", nil)))
	require.Equal(t, 503, w.status)
	b, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(b), "}\n") && strings.Contains(string(b), `"end":"count"`), "the text has its end")
	fmt.Fprintln(to, `{"text": "b"}`)
	to.Close()
	b, err = io.ReadAll(stream.Body)
	require.NoError(t, err)
	require.Contains(t, string(b), `"end":"body"`)
	require.NoError(t, v.end(t))
	_, err = net.Dial("tcp", strings.TrimPrefix(v.base, "http://"))
	require.Error(t, err)
}

func must2(r *http.Request, _ error) *http.Request { return r }

// A recorder is a ResponseWriter without deadlines.
type recorder struct {
	head   http.Header
	status int
	body   strings.Builder
}

func (w *recorder) Header() http.Header         { return w.head }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *recorder) Flush()                      {}

// TestShutdownOfWhatDoesNotEnd: a text and a stream are told that they end, after the time
// that they have.
func TestShutdownOfWhatDoesNotEnd(t *testing.T) {
	t.Parallel() // it waits most of the time
	const grace = 300 * time.Millisecond
	v := startWith(t, made(t, small), endless, grace)
	lines, _ := v.begun(t, v.open(t, ""))
	waits := v.open(t, "")
	c := v.raw(t, "POST "+waits+"/steps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	require.Eventually(t, func() bool { return v.do(t, "GET", waits+"/state", "").status == 409 }, 5*time.Second, time.Millisecond)
	began := time.Now()
	ended := make(chan error)
	go func() { ended <- v.end(t) }()
	require.Equal(t, "shutting_down", last(t, lines))
	require.Equal(t, "shutting_down", answer(t, c).code())
	require.ErrorContains(t, <-ended, "-grace")
	require.GreaterOrEqual(t, time.Since(began), grace)
}

// FuzzRequests: any bytes are answered, with an error that is one of the client's where they
// are no request, and the server goes on.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`{"text": "a", "count": 3, "temperature": 1, "seed": 1}`, `{"symbols": [1, 2]}`, "{\"text\": \"a\"}\n{\"text\": \"b\", \"outputs\": \"all\"}\n",
		`{"symbols": [-1]}`, `{"count": 1e9}`, `{"text": "a", "top_k": 3, "temperature": 1e300}`, `{"text": "a", "repetition": 1e38, "count": 5}`, "\xff", "{", "[]", "null",
		`{"model": "", "last": 3, "state": "AAAA", "logits": ""}`,
	} {
		f.Add(seed)
	}
	l := generous
	l.symbols, l.body = 64, 1<<10
	s, err := newServer(made(f, small), l, 4, 0, io.Discard)
	require.NoError(f, err)
	f.Cleanup(s.batcher.stop)
	send := func(method, path, body string) *recorder {
		w := &recorder{head: http.Header{}}
		r, err := http.NewRequest(method, path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		s.http.Handler.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, body string) {
		send("POST", "/v1/sessions", body)
		w := send("POST", "/v1/sessions", "")
		require.Equal(t, 201, w.status)
		var opened struct{ Session string }
		require.NoError(t, json.Unmarshal([]byte(w.body.String()), &opened))
		path := "/v1/sessions/" + opened.Session
		for _, kind := range []string{"/text", "/steps"} {
			w = send("POST", path+kind, body)
			require.Contains(t, []int{200, 400, 413, 422}, w.status, w.body.String())
			for line := range strings.Lines(w.body.String()) {
				require.True(t, json.Valid([]byte(line)), line)
			}
		}
		require.Equal(t, 200, send("DELETE", path, "").status)
		s.sessions.expire(time.Now().Add(time.Hour))
	})
}
