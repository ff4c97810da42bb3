package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// trickle sends a text byte by byte, until the server has closed the connection.
func trickle(c net.Conn, text string) {
	for i := 0; ; i++ {
		if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// hostile lets many clients at a time do what clients should not, and returns when all of them
// have gone. Each has sessions of its own, but for those who try that of another.
func hostile(t *testing.T, v *served) {
	address := strings.TrimPrefix(v.base, "http://")
	post := func(path, head, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s", path, head, body)
	}
	all := strings.Repeat(`{"outputs": "all", "text": "`+strings.Repeat("a", 500)+"\"}\n", 8)
	var wg sync.WaitGroup
	client := func(f func(c net.Conn, session string)) {
		s := v.open(t, "")
		wg.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			f(c, s)
		})
	}
	send := func(c net.Conn, text string) { _, _ = io.WriteString(c, text) }
	ends := func(c net.Conn) { // the server has to close what stalls
		_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("a connection that stalls is not closed")
		}
	}
	for range 4 {
		client(func(c net.Conn, _ string) { trickle(c, "GET /v1/health HTTP/1.1\r\nHost: ") }) // a head
		client(func(c net.Conn, s string) {                                                    // a body
			send(c, post(s+"/text", "Content-Length: 4000", ""))
			trickle(c, " ")
		})
		client(func(c net.Conn, s string) { // a body of chunks
			send(c, post(s+"/text", "Transfer-Encoding: chunked", ""))
			trickle(c, "1\r\n \r\n")
		})
		client(func(c net.Conn, s string) { // and never reads
			send(c, post(s+"/steps", fmt.Sprintf("Content-Length: %d", len(all)), all))
			time.Sleep(2 * v.limits.request)
		})
		client(func(c net.Conn, s string) { send(c, post(s+"/text", "Content-Length: 400", `{"text": "a`)) }) // goes
		client(func(c net.Conn, s string) {
			send(c, post(s+"/text", "Content-Length: 40", `{"text": "a", "count": 4000}            `))
			_, _ = c.Read(make([]byte, 1)) // goes in the middle of the answer
		})
		client(func(c net.Conn, s string) {
			send(c, post(s+"/text", "Content-Length: 99999999999", "{}"))
			ends(c)
		})
		client(func(c net.Conn, s string) {
			send(c, post(s+"/text", "Content-Length: 2", "{}{}{}{}DELETE / HTTP/1.1"))
			ends(c)
		})
		client(func(c net.Conn, s string) {
			send(c, post(s+"/steps", "Transfer-Encoding: chunked", "ffffff\r\n"+strings.Repeat("a", 6000)))
			ends(c)
		})
		client(func(c net.Conn, s string) { // the end of the body, and what is none
			send(c, post(s+"/text", "Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\nXYZ"))
			ends(c)
		})
		client(func(c net.Conn, s string) { // lengths that contradict each other
			send(c, post(s+"/text", "Content-Length: 2\r\nContent-Length: 3", "{} "))
			ends(c)
		})
		client(func(c net.Conn, s string) { // the state of one session is not another's
			other := v.open(t, "")
			for range 10 {
				v.do(t, "POST", s+"/text", `{"text": "mine", "count": 3}`)
				v.do(t, "GET", other[:len(other)-1]+"x/state", "")
			}
			// 404, once it has been idle for too long
			if a := v.do(t, "GET", other+"/state", ""); a.status == 200 && !strings.Contains(a.body, `"last":null`) {
				t.Errorf("a session that nobody has used: %s", a.body)
			}
		})
	}
	wg.Wait()
}

// settle waits until there are no more goroutines than there were.
func settle(t *testing.T, before int) {
	t.Helper()
	for range 1000 {
		web.CloseIdleConnections()
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b := make([]byte, 1<<16)
	t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
}

// TestNothingStays: when hostile clients have gone no goroutine, no connection and no session of
// theirs is left, and the memory is that of before.
func TestNothingStays(t *testing.T) {
	v := start(t, func(l *limits) {
		l.sessions, l.stall, l.request, l.idle = 256, 300*time.Millisecond, 600*time.Millisecond, time.Second
	})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	quiet := func() bool {
		web.CloseIdleConnections()
		v.sessions.mu.Lock()
		sessions := len(v.sessions.sessions)
		v.sessions.mu.Unlock()
		v.connections.mu.Lock()
		connections := len(v.connections.open)
		v.connections.mu.Unlock()
		return sessions == 0 && connections == 0 && v.batcher.busy.Load() == 0
	}
	// Workers of the kernels, and what else begins once, have begun after the first ones.
	hostile(t, v)
	require.Eventually(t, quiet, 15*time.Second, 10*time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	goroutines, bytes := runtime.NumGoroutine(), heap()
	hostile(t, v)
	require.Eventually(t, quiet, 15*time.Second, 10*time.Millisecond)
	settle(t, goroutines)
	require.Less(t, heap(), bytes+4<<20)
	require.Equal(t, 200, v.do(t, "GET", "/v1/health", "").status)
}

// TestShutdownUnderLoad: while many clients ask, the server ends. Every answer that a client gets
// is whole and its own, or says that the server ends; a connection that is refused is no answer.
func TestShutdownUnderLoad(t *testing.T) {
	made(t, small)
	web.CloseIdleConnections()
	before := runtime.NumGoroutine()
	v := start(t, func(l *limits) { l.sessions = 1 << 16 }) // none is closed
	ask := func(c int, s string) (string, error) {
		r, err := http.NewRequestWithContext(context.Background(), "POST", v.base+s+"/text",
			strings.NewReader(fmt.Sprintf(`{"text": "client %d", "count": 60, "temperature": 1, "seed": %d, "piece": 7}`, c, c)))
		if err != nil {
			return "", err
		}
		a, err := web.Do(r)
		if err != nil {
			return "", err
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			t.Errorf("client %d: an answer that began was cut: %v", c, err)
		}
		return string(b), nil
	}
	const clients = 12
	want := make([]string, clients)
	for c := range clients {
		var err error
		want[c], err = ask(c, v.open(t, ""))
		require.NoError(t, err)
	}
	var mu sync.Mutex
	var whole, ended int
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				a, err := web.Post(v.base+"/v1/sessions", "", nil)
				if err != nil {
					return // it listens no more
				}
				b, err := io.ReadAll(a.Body)
				a.Body.Close()
				var opened struct{ Session string }
				if err == nil && a.StatusCode == 201 {
					err = json.Unmarshal(b, &opened)
				}
				if err != nil {
					t.Errorf("client %d: %v", c, err)
					return
				}
				got, code := string(b), answered{body: string(b)}.code()
				if a.StatusCode == 201 {
					if got, err = ask(c, "/v1/sessions/"+opened.Session); err != nil {
						return
					}
					code = answered{body: got}.code()
				}
				mu.Lock()
				switch {
				case got == want[c]:
					whole++
				case code == "shutting_down":
					ended++
				default:
					t.Errorf("client %d got %q, want %q", c, got, want[c])
				}
				mu.Unlock()
				if code != "" {
					return
				}
			}
		})
	}
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return whole > 3*clients }, 15*time.Second, time.Millisecond)
	v.stop()
	wg.Wait()
	require.NoError(t, v.end(t), "what had begun came to its end")
	t.Logf("%d whole answers, %d that say why not", whole, ended)
	settle(t, before)
}
